#include "base/error.h"
#include "calib/binomial.h"
#include "calib/pick_internal.h"

#include <math.h>
#include <stdlib.h>

static int next_candidate(struct ebjr_point *out, ebjr_sorter *sorter)
{
    int more = ebjr_sorter_next(out, sorter);
    return more > 0 && out->threshold == EBJR_NEVER ? 0 : more; /* that one is the last */
}

/* What certificates leave of the points (certify.h): of each budget a beginning or an end, which
 * monotone counts tell. */
struct certificate {
    bool harm, rate, flops;                  /* is it certified? */
    int64_t most_harm, fewest, fewest_flops; /* of samples that the student answers */
};

static void certificate_make(struct certificate *out, const struct ebjr_pick *pick,
                             const struct ebjr_pick_request *request)
{
    const double *limit = request->limit;
    int64_t n = pick->curve.n;
    double delta = pick->delta_each;
    *out = (struct certificate){.harm = pick->certified >> EBJR_MAX_DROP & 1,
                                .rate = pick->certified >> EBJR_MAX_TEACHER_RATE & 1,
                                .flops = pick->certified >> EBJR_MAX_FLOPS & 1};
    if (out->harm)
        out->most_harm = ebjr_binomial_most(n, limit[EBJR_MAX_DROP], delta);
    if (out->rate)
        out->fewest = n - ebjr_binomial_most(n, limit[EBJR_MAX_TEACHER_RATE], delta);
    if (out->flops)
        out->fewest_flops =
            n - ebjr_binomial_most(
                    n, (limit[EBJR_MAX_FLOPS] - request->student_flops) / request->teacher_flops,
                    delta);
}

static unsigned blocked_at(const struct certificate *certificate, const struct ebjr_point *point)
{
    bool harm =
        certificate->harm && point->threshold != INFINITY && point->harm > certificate->most_harm;
    bool rate = certificate->rate && point->student < certificate->fewest;
    bool flops = certificate->flops && point->student < certificate->fewest_flops;
    return (unsigned)harm << EBJR_MAX_DROP | (unsigned)rate << EBJR_MAX_TEACHER_RATE |
           (unsigned)flops << EBJR_MAX_FLOPS;
}

static void figures_of(struct ebjr_figures *out, struct ebjr_point *point,
                       const struct ebjr_pick *pick, const struct ebjr_pick_request *request)
{
    struct ebjr_curve curve = pick->curve;
    struct ebjr_costs costs = {request->student_flops, request->teacher_flops, NULL};
    curve.points = point;
    ebjr_figures_at(out, &curve, 0, &costs);
}

/* The chosen point, and the candidates before and behind it. */
struct place {
    struct ebjr_point points[3];
    size_t count, index;
    bool is_open; /* the next point is behind the chosen one */
};

static void place_take(struct place *place, const struct ebjr_point *before,
                       const struct ebjr_point *point, bool is_best)
{
    if (is_best) {
        place->count = 0;
        if (before)
            place->points[place->count++] = *before;
        place->index = place->count;
    }
    if (is_best || place->is_open)
        place->points[place->count++] = *point;
    place->is_open = is_best;
}

static int search_once(struct ebjr_search *search, struct place *place,
                       const struct ebjr_pick *pick, ebjr_sorter *sorter,
                       const struct ebjr_pick_request *request)
{
    struct certificate certificate;
    struct ebjr_point point, before;
    size_t index = 0;
    int more = 0, status = ebjr_sorter_begin(sorter);
    certificate_make(&certificate, pick, request);
    for (; !status && (more = next_candidate(&point, sorter)) > 0; index++) {
        struct ebjr_figures figures;
        unsigned blocked = blocked_at(&certificate, &point);
        figures_of(&figures, &point, pick, request);
        if (!place) {
            ebjr_search_second(search, &figures, blocked);
            continue;
        }
        if (index == 0)
            status = ebjr_search_check(search, &figures);
        if (!status)
            place_take(place, index ? &before : NULL, &point,
                       ebjr_search_first(search, index, &figures, blocked));
        before = point;
    }
    return status ? status : more < 0 ? more : 0;
}

static int check_tails(const struct ebjr_pick *pick)
{
    size_t n = (size_t)pick->curve.n;
    int status = 0;
    if (pick->certified >> EBJR_MAX_P95 & 1)
        status = ebjr_pick_check_tail(pick, EBJR_MAX_P95, 0.05, n);
    if (!status && pick->certified >> EBJR_MAX_P99 & 1)
        status = ebjr_pick_check_tail(pick, EBJR_MAX_P99, 0.01, n);
    return status;
}

/* Of all points, in two walks along them. */
static int choose(struct ebjr_pick *out, ebjr_sorter *sorter,
                  const struct ebjr_pick_request *request)
{
    struct ebjr_search search;
    struct place place = {.count = 0};
    double limit[EBJR_BUDGETS];
    ebjr_pick_own_limits(limit, request);
    ebjr_search_begin(&search, limit, request->objective);
    int status = check_tails(out);
    if (!status)
        status = search_once(&search, &place, out, sorter, request);
    if (!status)
        status = search_once(&search, NULL, out, sorter, request);
    if (status)
        return status;
    ebjr_search_end(&search);
    out->choice = search.choice;
    out->choice.index = place.index;
    out->curve.points = malloc(3 * sizeof *out->curve.points);
    if (!out->curve.points)
        return ebjr_error_memory();
    for (size_t i = 0; i < place.count; i++)
        out->curve.points[i] = place.points[i];
    out->curve.count = place.count;
    return 0;
}

static int propose(struct ebjr_proposals *out, ebjr_sorter *tuning)
{
    struct ebjr_curve totals;
    struct ebjr_point point;
    int more = 0, status = ebjr_sorter_begin(tuning);
    if (status)
        return status;
    ebjr_sorter_totals(&totals, tuning);
    ebjr_proposals_begin(out, &totals);
    while ((more = ebjr_sorter_next(&point, tuning)) > 0)
        ebjr_proposals_take(out, &point);
    return more;
}

/* The points of descending thresholds, with the counts they have. */
static int find_points(struct ebjr_point *points, ebjr_sorter *sorter, const double *threshold,
                       size_t count)
{
    struct ebjr_point point, last = {.threshold = INFINITY};
    size_t found = 0;
    int more = 0, status = ebjr_sorter_begin(sorter);
    if (status)
        return status;
    while (found < count && (more = next_candidate(&point, sorter)) >= 0) {
        for (; found < count && (more == 0 || point.threshold < threshold[found]); found++) {
            points[found] = last;
            points[found].threshold = threshold[found];
        }
        last = point;
    }
    return more < 0 ? more : 0;
}

/* Of the thresholds that tuning samples propose: few, so that they go the way of arrays. */
static int choose_tested(struct ebjr_pick *out, ebjr_sorter *calibration, ebjr_sorter *tuning,
                         const struct ebjr_pick_request *request)
{
    struct ebjr_proposals *proposals = malloc(sizeof *proposals);
    struct ebjr_samples samples = {.n = (size_t)out->curve.n};
    int status = proposals ? propose(proposals, tuning) : ebjr_error_memory();
    if (!status) {
        out->curve.points = malloc((proposals->count + 1) * sizeof *out->curve.points);
        status = out->curve.points ? 0 : ebjr_error_memory();
    }
    if (!status) {
        out->curve.count = proposals->count;
        status =
            find_points(out->curve.points, calibration, proposals->threshold, proposals->count);
    }
    free(proposals);
    return status ? status : ebjr_pick_choose(out, &samples, request);
}

static bool has_samples(const ebjr_sorter *sorter)
{
    struct ebjr_curve totals = {0};
    if (sorter)
        ebjr_sorter_totals(&totals, sorter);
    return totals.n > 0;
}

int ebjr_pick_sorted(struct ebjr_pick *out, ebjr_sorter *calibration, ebjr_sorter *tuning,
                     const struct ebjr_pick_request *request)
{
    *out = (struct ebjr_pick){0};
    ebjr_pick_divide_delta(out, request);
    ebjr_sorter_totals(&out->curve, calibration);
    if ((out->certified >> EBJR_MAX_DROP & 1 && request->bound != EBJR_CLOPPER_PEARSON) ||
        request->grid)
        return ebjr_error_set(EBJR_EINVAL, "from sorted samples a drop is certified by "
                                           "clopper-pearson, and thresholds are proposed by tuning "
                                           "samples");
    int status = ebjr_sorter_begin(calibration);
    if (!status && !ebjr_pick_is_tested(out, request))
        status = choose(out, calibration, request);
    else if (!status)
        status = has_samples(tuning) ? choose_tested(out, calibration, tuning, request)
                                     : ebjr_pick_untuned();
    if (status)
        ebjr_pick_free(out);
    return status;
}
