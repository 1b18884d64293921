#include "calib/coco_pick.h"

#include "base/error.h"
#include "calib/binomial.h"
#include "calib/certify.h"
#include "calib/coco_part.h"
#include "calib/coco_resample.h"
#include "calib/coco_state.h"
#include "calib/coco_sweep.h"
#include "calib/pick_internal.h"
#include "calib/resample.h"
#include "calib/split.h"

#include <math.h>
#include <stdlib.h>

enum { PROPOSALS = 20, PROPOSING = 0, TESTING = 1 };

/* Images with points to choose from, and what each of those has of the budgets. */
struct walk {
    const struct ebjr_coco_images *images;
    ebjr_coco *coco;
    struct ebjr_curve curve;
    struct ebjr_figures *figures; /* [curve.count] */
};

static void walk_free(struct walk *walk)
{
    ebjr_coco_free(walk->coco);
    ebjr_curve_free(&walk->curve);
    free(walk->figures);
}

static int check_defined(const struct walk *walk, enum ebjr_coco_figure figure)
{
    if (!isnan(ebjr_coco_weighted(walk->coco, figure, NULL, true)))
        return 0;
    return ebjr_error_set(EBJR_EINVAL,
                          "%s is not defined: none of %zu images has an object of its kind",
                          ebjr_coco_name(figure), walk->images->truth.images);
}

/* All points of the images but the one that no pick takes (EBJR_NEVER). */
static int walk_open(struct walk *out, const struct ebjr_coco_images *images,
                     enum ebjr_coco_figure figure)
{
    *out = (struct walk){.images = images};
    int status = ebjr_coco_points(&out->curve, images->score, images->truth.images);
    if (!status && out->curve.points[out->curve.count - 1].threshold == EBJR_NEVER)
        out->curve.count--;
    if (!status)
        status = ebjr_coco_new(&out->coco, &images->truth, &images->student, &images->teacher);
    return status ? status : check_defined(out, figure);
}

static int walk_measure(struct walk *walk, const struct ebjr_coco_pick_request *request, bool timed)
{
    const struct ebjr_coco_images *images = walk->images;
    struct ebjr_latency_curve latency = {0};
    int status = 0;
    if (timed)
        status = ebjr_latency_sweep(&latency, &walk->curve, images->score, request->student_latency,
                                    request->teacher_latency, images->truth.images);
    double *values = malloc((walk->curve.count + 1) * sizeof *values);
    walk->figures = malloc((walk->curve.count + 1) * sizeof *walk->figures);
    if (!status && !(values && walk->figures))
        status = ebjr_error_memory();
    const struct ebjr_costs costs = {request->student_flops, request->teacher_flops,
                                     timed ? &latency : NULL};
    const double teacher = ebjr_coco_figure(walk->coco, request->figure);
    if (!status)
        status =
            ebjr_coco_sweep(values, walk->coco, &request->figure, 1, &walk->curve, images->score);
    for (size_t i = 0; !status && i < walk->curve.count; i++) {
        ebjr_figures_at(&walk->figures[i], &walk->curve, i, &costs);
        walk->figures[i].value[EBJR_MIN_ACCURACY] = values[i];
        walk->figures[i].value[EBJR_MAX_DROP] = teacher - values[i];
    }
    free(values);
    ebjr_latency_curve_free(&latency);
    return status;
}

/* blocked: as in budget.h. */
static int choose(struct ebjr_coco_pick *out, size_t *index, const struct walk *walk,
                  const struct ebjr_coco_pick_request *request, const uint8_t *blocked)
{
    struct ebjr_search search;
    ebjr_search_begin(&search, request->limit, request->objective);
    int status = ebjr_search_check(&search, &walk->figures[0]);
    if (status)
        return status;
    for (size_t i = 0; i < walk->curve.count; i++)
        ebjr_search_first(&search, i, &walk->figures[i], blocked ? blocked[i] : 0);
    for (size_t i = 0; i < walk->curve.count; i++)
        ebjr_search_second(&search, &walk->figures[i], blocked ? blocked[i] : 0);
    ebjr_search_end(&search);
    const struct ebjr_choice *choice = &search.choice;
    *index = choice->index;
    out->feasible = choice->feasible;
    out->threshold = choice->feasible ? walk->curve.points[choice->index].threshold : NAN;
    if (choice->feasible)
        out->figures = choice->figures;
    out->images = walk->images->truth.images;
    out->binding = choice->binding;
    out->conflict = choice->conflict;
    for (int b = 0; b < EBJR_BUDGETS; b++)
        out->reachable[b] = choice->reachable[b];
    return 0;
}

static int pick_plain(struct ebjr_coco_pick *out, const struct ebjr_coco_images *images,
                      const struct ebjr_coco_pick_request *request)
{
    struct walk walk;
    size_t index;
    int status = walk_open(&walk, images, request->figure);
    if (!status)
        status = walk_measure(&walk, request, request->student_latency && request->teacher_latency);
    if (!status)
        status = choose(out, &index, &walk, request, NULL);
    walk_free(&walk);
    return status;
}

static bool is_asked(const struct ebjr_coco_pick_request *request, enum ebjr_budget budget)
{
    return !isnan(request->limit[budget]);
}

struct proposals {
    double threshold[PROPOSALS + 1];
    size_t count;
};

/* From the most accurate point that meets the budgets on (of equals the last), in equal steps of
 * share, those that meet them. A drop alone is first tested where it is 0 for certain: it may be
 * that nothing else passes. */
static void propose(struct proposals *out, const struct walk *walk,
                    const struct ebjr_coco_pick_request *request)
{
    const struct ebjr_curve *curve = &walk->curve;
    const struct ebjr_figures *figures = walk->figures;
    size_t first = curve->count, last = 0;
    for (size_t i = 0; i < curve->count; i++) {
        if (ebjr_budgets_missed(&figures[i], request->limit))
            continue;
        if (first == curve->count ||
            figures[i].value[EBJR_MIN_ACCURACY] >= figures[first].value[EBJR_MIN_ACCURACY])
            first = i;
        last = i;
    }
    out->count = 0;
    if (first == curve->count)
        return;
    if (first > 0 && request->limit[EBJR_MAX_DROP] >= 0 && !is_asked(request, EBJR_MIN_ACCURACY))
        out->threshold[out->count++] = INFINITY;
    const int64_t range = curve->points[last].student - curve->points[first].student;
    int64_t next = 0;
    for (size_t i = first; i <= last; i++) {
        if (curve->points[i].student < next || ebjr_budgets_missed(&figures[i], request->limit))
            continue;
        out->threshold[out->count++] = curve->points[i].threshold;
        next = curve->points[i].student + range / PROPOSALS + 1;
    }
}

/* Half of the images say which thresholds are tested. None: `out` says why. */
static int pick_proposals(struct proposals *proposals, struct ebjr_coco_pick *out,
                          const struct ebjr_coco_images *images,
                          const struct ebjr_coco_pick_request *request)
{
    struct walk walk;
    size_t index;
    int status = walk_open(&walk, images, request->figure);
    if (!status)
        status = walk_measure(&walk, request, false);
    if (!status)
        status = choose(out, &index, &walk, request, NULL);
    if (!status)
        propose(proposals, &walk, request);
    walk_free(&walk);
    return status;
}

/* What is tested of one budget, and with which part of delta. */
struct test {
    enum ebjr_budget budget;
    double limit;
    const struct ebjr_bootstrap *options; /* its level is that of an end at delta_each */
    double *bound;                        /* [curve.count] */
};

/* The lower end of today's figure, less what it is likely to be above the population's. */
static int least_figure(double *bound, const struct walk *walk, enum ebjr_coco_figure figure,
                        const struct ebjr_bootstrap *options, double *values)
{
    double optimism = 0;
    int status = ebjr_coco_optimism(&optimism, walk->coco, figure, options->seed);
    *bound =
        ebjr_coco_interval(ebjr_coco_weighted(walk->coco, figure, NULL, false), values, options)
            .low -
        optimism;
    return status;
}

/* The one-sided end of today's cascade. */
static int bound_at(double *bound, const struct walk *walk, enum ebjr_coco_figure figure,
                    const struct test *test, const double *teacher, double *values)
{
    int status = ebjr_coco_resample(values, walk->coco, figure, false, test->options);
    if (status)
        return status;
    if (test->budget == EBJR_MIN_ACCURACY)
        return least_figure(bound, walk, figure, test->options, values);
    for (size_t b = 0; b < test->options->resamples; b++)
        values[b] = teacher[b] - values[b];
    *bound = ebjr_resample_interval(NAN, values, test->options).high;
    return 0;
}

/* Fixed sequence testing of one budget. */
static int test_all(uint8_t *blocked, const struct walk *walk, enum ebjr_coco_figure figure,
                    const struct test *test)
{
    double *teacher = ebjr_resample_matrix(2, test->options->resamples);
    int status = teacher ? 0 : ebjr_error_memory();
    if (!status && test->budget == EBJR_MAX_DROP)
        status = ebjr_coco_resample(teacher, walk->coco, figure, true, test->options);
    bool going_on = true;
    for (size_t i = 0; !status && i < walk->curve.count; i++) {
        if (going_on) {
            ebjr_coco_move_to(walk->coco, walk->images->score, walk->curve.points[i].threshold);
            status = bound_at(&test->bound[i], walk, figure, test, teacher,
                              teacher + test->options->resamples);
            going_on = test->budget == EBJR_MAX_DROP ? test->bound[i] <= test->limit
                                                     : test->bound[i] >= test->limit;
        }
        blocked[i] |= going_on ? 0 : (uint8_t)(1U << test->budget);
    }
    free(teacher);
    return status;
}

static void test_rate(uint8_t *blocked, const struct walk *walk, enum ebjr_budget budget,
                      double limit, double delta)
{
    size_t first = ebjr_certify_teacher_rate(&walk->curve, limit, delta);
    for (size_t i = 0; i < first; i++)
        blocked[i] |= (uint8_t)(1U << budget);
}

static double rate_of_flops(const struct ebjr_coco_pick_request *request)
{
    return (request->limit[EBJR_MAX_FLOPS] - request->student_flops) / request->teacher_flops;
}

/* bound[2][curve.count]: of a least figure, of a drop. */
static int test_budgets(uint8_t *blocked, double *bound, const struct walk *walk,
                        const struct ebjr_coco_pick_request *request, double delta)
{
    struct ebjr_bootstrap options = request->bootstrap;
    options.level = 1 - 2 * delta;
    int status = 0;
    for (int b = EBJR_MIN_ACCURACY; !status && b <= EBJR_MAX_DROP; b++) {
        const struct test test = {(enum ebjr_budget)b, request->limit[b], &options,
                                  bound + (size_t)b * walk->curve.count};
        if (is_asked(request, test.budget))
            status = test_all(blocked, walk, request->figure, &test);
    }
    if (is_asked(request, EBJR_MAX_TEACHER_RATE))
        test_rate(blocked, walk, EBJR_MAX_TEACHER_RATE, request->limit[EBJR_MAX_TEACHER_RATE],
                  delta);
    if (is_asked(request, EBJR_MAX_FLOPS))
        test_rate(blocked, walk, EBJR_MAX_FLOPS, rate_of_flops(request), delta);
    return status;
}

static void take_bounds(struct ebjr_coco_pick *out, size_t index, const double *bound,
                        const struct walk *walk, const struct ebjr_coco_pick_request *request)
{
    const int64_t n = walk->curve.n, asked = n - walk->curve.points[index].student;
    const double rate = ebjr_binomial_upper(asked, n, out->delta_each);
    const double flops = request->student_flops + rate * request->teacher_flops;
    const double bounds[] = {bound[index], bound[walk->curve.count + index], flops, rate};
    for (int b = EBJR_MIN_ACCURACY; b <= EBJR_MAX_TEACHER_RATE; b++)
        if (is_asked(request, (enum ebjr_budget)b))
            out->bound[b] = bounds[b];
}

static int pick_tested(struct ebjr_coco_pick *out, const struct proposals *proposals,
                       const struct ebjr_coco_images *images,
                       const struct ebjr_coco_pick_request *request)
{
    struct walk walk;
    size_t index;
    uint8_t *blocked = calloc(PROPOSALS + 1, 1);
    double *bound = ebjr_resample_matrix(2, PROPOSALS + 1);
    int status = walk_open(&walk, images, request->figure);
    if (!status && (!blocked || !bound))
        status = ebjr_error_memory();
    if (!status)
        status = ebjr_pick_restrict(&walk.curve, proposals->threshold, proposals->count);
    if (!status)
        status = walk_measure(&walk, request, false);
    if (!status)
        status = test_budgets(blocked, bound, &walk, request, out->delta_each);
    if (!status)
        status = choose(out, &index, &walk, request, blocked);
    out->tested = proposals->count;
    if (!status && out->feasible)
        take_bounds(out, index, bound, &walk, request);
    walk_free(&walk);
    free(blocked);
    free(bound);
    return status;
}

static int pick_certified(struct ebjr_coco_pick *out, const struct ebjr_coco_images *images,
                          const struct ebjr_coco_pick_request *request)
{
    static const double halves[] = {0.5, 0.5};
    struct ebjr_coco_images part[2] = {{.score = NULL}, {.score = NULL}};
    struct proposals proposals = {.count = 0};
    int8_t *parts = malloc(images->truth.images);
    int status = parts
                     ? ebjr_split(parts, NULL, images->truth.images, halves, 2, request->split_seed)
                     : ebjr_error_memory();
    for (int8_t p = 0; !status && p < 2; p++)
        status = ebjr_coco_part(&part[p], images, parts, p);
    if (!status)
        status = pick_proposals(&proposals, out, &part[PROPOSING], request);
    if (!status && proposals.count > 0)
        status = pick_tested(out, &proposals, &part[TESTING], request);
    free(parts);
    ebjr_coco_part_free(&part[PROPOSING]);
    ebjr_coco_part_free(&part[TESTING]);
    return status;
}

static int certified_count(const struct ebjr_coco_pick_request *request)
{
    int count = 0;
    for (int b = 0; request->certify && b < EBJR_BUDGETS; b++)
        count += is_asked(request, (enum ebjr_budget)b);
    return count;
}

static int check_certified(const struct ebjr_coco_pick_request *request, size_t images)
{
    for (int b = EBJR_MAX_LATENCY; b <= EBJR_MAX_P99; b++)
        if (is_asked(request, (enum ebjr_budget)b))
            return ebjr_error_set(EBJR_EINVAL,
                                  "--%s: latencies of detectors are not certified; ask for a plain "
                                  "pick",
                                  ebjr_budget_name((enum ebjr_budget)b));
    if (request->objective == EBJR_MINIMIZE_LATENCY)
        return ebjr_error_set(EBJR_EINVAL, "a certified pick of detectors knows no latencies: "
                                           "minimize flops or teacher-rate");
    if (!(request->delta > 0 && request->delta < 0.5))
        return ebjr_error_set(EBJR_EINVAL, "a delta of %g is not above 0 and below 0.5",
                              request->delta);
    if (images < 2)
        return ebjr_error_set(EBJR_EINVAL,
                              "%zu images cannot be split: give 2 or more, or ask for "
                              "a plain pick",
                              images);
    return 0;
}

int ebjr_coco_pick(struct ebjr_coco_pick *out, const struct ebjr_truth *truth,
                   const struct ebjr_detections *student, const struct ebjr_detections *teacher,
                   const double *score, const struct ebjr_coco_pick_request *request)
{
    const struct ebjr_coco_images images = {*truth, *student, *teacher, score};
    const int certified = certified_count(request);
    *out = (struct ebjr_coco_pick){.threshold = NAN,
                                   .delta_each = certified ? request->delta / certified : NAN};
    for (int b = 0; b < EBJR_BUDGETS; b++)
        out->bound[b] = out->figures.value[b] = out->reachable[b] = NAN;
    int status = ebjr_coco_check(truth, student, teacher);
    if (!status && certified)
        status = check_certified(request, truth->images);
    if (status)
        return status;
    return certified ? pick_certified(out, &images, request) : pick_plain(out, &images, request);
}
