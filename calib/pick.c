#include "calib/pick.h"

#include "base/error.h"
#include "calib/binomial.h"
#include "calib/certify.h"
#include "calib/certify_drop.h"
#include "calib/pick_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_asked(const struct ebjr_pick_request *request, enum ebjr_budget budget)
{
    return !isnan(request->limit[budget]);
}

void ebjr_pick_divide_delta(struct ebjr_pick *pick, const struct ebjr_pick_request *request)
{
    for (int b = 0; b < EBJR_BUDGETS; b++) {
        if (!is_asked(request, b))
            continue;
        if (request->certify && b != EBJR_MAX_LATENCY)
            pick->certified |= 1U << b;
        else
            pick->uncertified |= 1U << b;
    }
    int count = __builtin_popcount(pick->certified);
    pick->delta_each = count ? request->delta / count : NAN;
}

void ebjr_proposals_begin(struct ebjr_proposals *out, const struct ebjr_curve *totals)
{
    out->totals = *totals;
    out->step = totals->n / EBJR_PROPOSALS + 1;
    out->next = 0;
    out->best = -INFINITY;
    out->count = 0;
}

void ebjr_proposals_take(struct ebjr_proposals *proposals, const struct ebjr_point *point)
{
    double accuracy = ebjr_point_accuracy(&proposals->totals, point);
    if (accuracy >= proposals->best) {
        proposals->best = accuracy;
        proposals->count = 0;
        proposals->next = 0;
    }
    if (point->student < proposals->next || point->threshold == EBJR_NEVER)
        return;
    proposals->threshold[proposals->count++] = point->threshold;
    proposals->next = point->student + proposals->step;
}

int ebjr_pick_restrict(struct ebjr_curve *curve, const double *threshold, size_t count)
{
    struct ebjr_point *points = malloc((count ? count : 1) * sizeof *points);
    if (!points)
        return ebjr_error_memory();
    for (size_t j = 0; j < count; j++) {
        points[j] = curve->points[ebjr_curve_find(curve, threshold[j])];
        points[j].threshold = threshold[j];
    }
    free(curve->points);
    curve->points = points;
    curve->count = count;
    return 0;
}

int ebjr_pick_untuned(void)
{
    return ebjr_error_set(EBJR_EINVAL, "what is to be certified needs samples that choose the "
                                       "thresholds to test: a tuning split");
}

/* Thresholds whose accuracy or drop can be certified: others than the calibration samples choose
 * them. */
static int propose_candidates(struct ebjr_curve *curve, const struct ebjr_samples *tuning,
                              const struct ebjr_pick_request *request)
{
    struct ebjr_curve tuned = {0};
    if (request->grid) {
        for (size_t j = 0; j + 1 < request->grid_count; j++)
            if (!(request->grid[j] > request->grid[j + 1]))
                return ebjr_error_set(EBJR_EINVAL, "a grid of thresholds is strictly descending");
        return ebjr_pick_restrict(curve, request->grid, request->grid_count);
    }
    if (!tuning || tuning->n == 0)
        return ebjr_pick_untuned();
    struct ebjr_proposals *proposals = malloc(sizeof *proposals);
    int status = proposals ? ebjr_sweep(&tuned, tuning->score, tuning->student_correct,
                                        tuning->teacher_correct, tuning->n)
                           : ebjr_error_memory();
    if (!status) {
        ebjr_proposals_begin(proposals, &tuned);
        for (size_t i = 0; i < tuned.count; i++)
            ebjr_proposals_take(proposals, &tuned.points[i]);
        status = ebjr_pick_restrict(curve, proposals->threshold, proposals->count);
    }
    ebjr_curve_free(&tuned);
    free(proposals);
    return status;
}

/* Bit b of blocked[i]: budget b is not certified at candidate i. Each budget is certified from some
 * point on, or up to some point. */
static void block(uint8_t *blocked, enum ebjr_budget budget, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        blocked[i] |= (uint8_t)(1U << budget);
}

static void block_rate(uint8_t *blocked, const struct ebjr_pick *pick, enum ebjr_budget budget,
                       double limit)
{
    block(blocked, budget, 0, ebjr_certify_teacher_rate(&pick->curve, limit, pick->delta_each));
}

static int block_accuracy(uint8_t *blocked, const struct ebjr_pick *pick, double limit)
{
    size_t count = pick->curve.count;
    bool *certified = calloc(count + 1, sizeof *certified);
    double *threshold = malloc((count + 1) * sizeof *threshold);
    int status = certified && threshold ? 0 : ebjr_error_memory();
    for (size_t i = 0; !status && i < count; i++)
        threshold[i] = pick->curve.points[i].threshold;
    if (!status)
        ebjr_certify_accuracy(certified, NULL, threshold, count, limit, pick->delta_each,
                              &pick->curve);
    for (size_t i = 0; !status && i < count; i++)
        if (!certified[i])
            block(blocked, EBJR_MIN_ACCURACY, i, i + 1);
    free(certified);
    free(threshold);
    return status;
}

static int block_drop(uint8_t *blocked, const struct ebjr_pick *pick,
                      const struct ebjr_samples *samples, const struct ebjr_pick_request *request)
{
    size_t count = pick->curve.count;
    struct ebjr_drop_samples losses = {samples->n, samples->score, samples->student_correct,
                                       samples->teacher_correct,
                                       samples->alone ? samples->alone : samples->teacher_correct};
    bool *certified = calloc(count + 1, sizeof *certified);
    double *threshold = calloc(count + 1, sizeof *threshold);
    int status = certified && threshold ? 0 : ebjr_error_memory();
    for (size_t i = 0; !status && i < count; i++)
        threshold[i] = pick->curve.points[i].threshold;
    if (!status)
        status = ebjr_certify_drop(certified, threshold, count, request->limit[EBJR_MAX_DROP],
                                   pick->delta_each, &losses, request->bound, request->order_seed);
    for (size_t i = 0; !status && i < count; i++)
        if (!certified[i])
            block(blocked, EBJR_MAX_DROP, i, i + 1);
    free(certified);
    free(threshold);
    return status;
}

int ebjr_pick_check_tail(const struct ebjr_pick *pick, enum ebjr_budget budget, double tail,
                         size_t n)
{
    int64_t fewest = ebjr_binomial_fewest(tail, pick->delta_each);
    if ((int64_t)n >= fewest)
        return 0;
    return ebjr_error_set(EBJR_EINVAL,
                          "--%s: a certificate at delta %.3g needs at least %lld samples, there "
                          "are %zu",
                          ebjr_budget_name(budget), pick->delta_each, (long long)fewest, n);
}

static int block_percentile(uint8_t *blocked, const struct ebjr_pick *pick,
                            const struct ebjr_samples *samples, enum ebjr_budget budget,
                            double limit, double tail)
{
    int status = ebjr_pick_check_tail(pick, budget, tail, samples->n);
    if (status || !samples->student_latency)
        return status; /* the search says that the figure is unknown */
    int64_t *exceeding = malloc((pick->curve.count + 1) * sizeof *exceeding);
    if (!exceeding)
        return ebjr_error_memory();
    status =
        ebjr_latency_exceeding(exceeding, &pick->curve, samples->score, samples->student_latency,
                               samples->teacher_latency, samples->n, limit);
    if (!status)
        block(blocked, budget, 0,
              ebjr_certify_exceeding(exceeding, pick->curve.count, (int64_t)samples->n, tail,
                                     pick->delta_each));
    free(exceeding);
    return status;
}

static int block_uncertified(uint8_t *blocked, const struct ebjr_pick *pick,
                             const struct ebjr_samples *samples,
                             const struct ebjr_pick_request *request)
{
    const double *limit = request->limit;
    int status = 0;
    if (is_asked(request, EBJR_MAX_DROP) && request->bound != EBJR_CLOPPER_PEARSON)
        status = block_drop(blocked, pick, samples, request);
    else if (is_asked(request, EBJR_MAX_DROP))
        block(blocked, EBJR_MAX_DROP,
              ebjr_certify_harm(&pick->curve, limit[EBJR_MAX_DROP], pick->delta_each) + 1,
              pick->curve.count);
    if (is_asked(request, EBJR_MAX_TEACHER_RATE))
        block_rate(blocked, pick, EBJR_MAX_TEACHER_RATE, limit[EBJR_MAX_TEACHER_RATE]);
    if (is_asked(request, EBJR_MAX_FLOPS))
        block_rate(blocked, pick, EBJR_MAX_FLOPS,
                   (limit[EBJR_MAX_FLOPS] - request->student_flops) / request->teacher_flops);
    if (!status && is_asked(request, EBJR_MIN_ACCURACY))
        status = block_accuracy(blocked, pick, limit[EBJR_MIN_ACCURACY]);
    if (!status && is_asked(request, EBJR_MAX_P95))
        status = block_percentile(blocked, pick, samples, EBJR_MAX_P95, limit[EBJR_MAX_P95], 0.05);
    if (!status && is_asked(request, EBJR_MAX_P99))
        status = block_percentile(blocked, pick, samples, EBJR_MAX_P99, limit[EBJR_MAX_P99], 0.01);
    return status;
}

/* Is something certified that needs thresholds in an order fixed beforehand? */
bool ebjr_pick_is_tested(const struct ebjr_pick *pick, const struct ebjr_pick_request *request)
{
    bool drop = pick->certified >> EBJR_MAX_DROP & 1,
         accuracy = pick->certified & 1U << EBJR_MIN_ACCURACY;
    return accuracy || (drop && request->bound != EBJR_CLOPPER_PEARSON);
}

/* The curve's drops are below the answer to deferred samples, the limit is below the teacher. */
void ebjr_pick_own_limits(double *limit, const struct ebjr_pick_request *request)
{
    memcpy(limit, request->limit, sizeof request->limit);
    limit[EBJR_MAX_DROP] -= request->advantage;
}

static int check_bound(const struct ebjr_samples *calibration,
                       const struct ebjr_pick_request *request)
{
    if (request->certify && is_asked(request, EBJR_MAX_DROP) && calibration->alone &&
        request->bound == EBJR_CLOPPER_PEARSON)
        return ebjr_error_set(EBJR_EINVAL, "the drop of a joint answer is not bounded by harm, "
                                           "which is what clopper-pearson bounds; use betting or "
                                           "hoeffding-bentkus");
    return 0;
}

int ebjr_pick_choose(struct ebjr_pick *out, const struct ebjr_samples *calibration,
                     const struct ebjr_pick_request *request)
{
    uint8_t *blocked = NULL;
    double limit[EBJR_BUDGETS];
    struct ebjr_costs costs = {request->student_flops, request->teacher_flops,
                               out->latency.count ? &out->latency : NULL};
    int status = 0;
    if (out->certified) {
        blocked = calloc(out->curve.count + 1, 1);
        status =
            blocked ? block_uncertified(blocked, out, calibration, request) : ebjr_error_memory();
    }
    ebjr_pick_own_limits(limit, request);
    if (!status)
        status = ebjr_choose(&out->choice, &out->curve, &costs, limit, request->objective, blocked);
    free(blocked);
    return status;
}

int ebjr_pick(struct ebjr_pick *out, const struct ebjr_samples *calibration,
              const struct ebjr_samples *tuning, const struct ebjr_pick_request *request)
{
    *out = (struct ebjr_pick){0};
    ebjr_pick_divide_delta(out, request);
    int status = check_bound(calibration, request);
    if (!status)
        status = ebjr_sweep(&out->curve, calibration->score, calibration->student_correct,
                            calibration->teacher_correct, calibration->n);
    if (!status && out->curve.points[out->curve.count - 1].threshold == EBJR_NEVER)
        out->curve.count--;
    if (!status && ebjr_pick_is_tested(out, request))
        status = propose_candidates(&out->curve, tuning, request);
    if (!status && calibration->student_latency)
        status = ebjr_latency_sweep(&out->latency, &out->curve, calibration->score,
                                    calibration->student_latency, calibration->teacher_latency,
                                    calibration->n);
    if (!status)
        status = ebjr_pick_choose(out, calibration, request);
    if (status)
        ebjr_pick_free(out);
    return status;
}

void ebjr_pick_free(struct ebjr_pick *pick)
{
    ebjr_curve_free(&pick->curve);
    ebjr_latency_curve_free(&pick->latency);
}
