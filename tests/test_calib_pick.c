#include "calib/budget.h"
#include "calib/latency.h"
#include "calib/pick.h"
#include "runtime/derive.h"
#include "runtime/policy.h"
#include "runtime/router.h"
#include "support.h"

#include <math.h>

enum { MOST = 1500 }; /* samples of an instance */

static double uniform(uint64_t *seed)
{
    return (double)(random_bits(seed) >> 11) * 0x1p-53;
}

static bool coin(uint64_t *seed, double probability)
{
    return uniform(seed) < probability;
}

/* Samples, all in whole numbers: sums and their quotients by a power of two are exact. */
struct instance {
    size_t n;
    double score[MOST], student[MOST], teacher[MOST]; /* latencies */
    uint8_t student_right[MOST], teacher_right[MOST];
};

/* Scores of few levels, half-integers around 0 with both zeros among them; the student is right the
 * more often the higher its score. */
static void make(struct instance *out, uint64_t *seed, size_t n, size_t levels, size_t times)
{
    out->n = n;
    for (size_t i = 0; i < n; i++) {
        size_t level = random_below(seed, levels);
        double confidence = (double)(level + 1) / (double)(levels + 1);
        out->score[i] = ((double)level - (double)(levels / 2)) / 2;
        if (out->score[i] == 0 && coin(seed, 0.5))
            out->score[i] = -0.0;
        out->student_right[i] = coin(seed, 0.4 + 0.58 * confidence);
        out->teacher_right[i] = coin(seed, 0.9);
        out->student[i] = (double)random_below(seed, times);
        out->teacher[i] = (double)random_below(seed, 3 * times);
    }
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static int ascending(const void *a, const void *b)
{
    return descending(b, a);
}

/* +inf, then every distinct score, descending. Returns their number. */
static size_t thresholds_of(double *out, const struct instance *instance)
{
    size_t count = 1;
    double sorted[MOST];
    memcpy(sorted, instance->score, instance->n * sizeof *sorted);
    qsort(sorted, instance->n, sizeof *sorted, descending);
    out[0] = INFINITY;
    for (size_t i = 0; i < instance->n; i++)
        if (sorted[i] < out[count - 1])
            out[count++] = sorted[i];
    return count;
}

/* By the definitions, sample by sample. */
struct counts {
    int64_t student, harm, help, right;
    double mean, p50, p95, p99;
    double latency[MOST];
};

/* The smallest x with at least `percent` of 100 of the samples at or below it. */
static double percentile(const double *sorted, size_t n, size_t percent)
{
    size_t below = 1;
    while (100 * below < percent * n)
        below++;
    return sorted[below - 1];
}

static void count_at(struct counts *out, const struct instance *x, double threshold)
{
    double sum = 0;
    *out = (struct counts){0};
    for (size_t i = 0; i < x->n; i++) {
        bool keeps = x->score[i] >= threshold;
        out->student += keeps;
        out->right += keeps ? x->student_right[i] : x->teacher_right[i];
        out->harm += keeps && !x->student_right[i] && x->teacher_right[i];
        out->help += keeps && x->student_right[i] && !x->teacher_right[i];
        out->latency[i] = keeps ? x->student[i] : x->student[i] + x->teacher[i];
        sum += out->latency[i];
    }
    out->mean = sum / (double)x->n;
    qsort(out->latency, x->n, sizeof *out->latency, ascending);
    out->p50 = percentile(out->latency, x->n, 50);
    out->p95 = percentile(out->latency, x->n, 95);
    out->p99 = percentile(out->latency, x->n, 99);
}

static int64_t count_over(const struct counts *counts, size_t n, double limit)
{
    int64_t over = 0;
    for (size_t i = 0; i < n; i++)
        over += counts->latency[i] > limit;
    return over;
}

static int sweep(struct ebjr_curve *curve, const struct instance *x)
{
    return ebjr_sweep(curve, x->score, x->student_right, x->teacher_right, x->n);
}

/* latency.h */

static void latencies_are_those_of_every_cascade(void **state)
{
    (void)state;
    static struct instance x;
    static struct counts counts;
    uint64_t seed = 1;
    for (int round = 0; round < 400; round++) {
        size_t n = 1 + random_below(&seed, round % 40 == 0 ? 400 : 60);
        make(&x, &seed, n, 1 + random_below(&seed, 12), 1 + random_below(&seed, 8));
        struct ebjr_curve curve;
        struct ebjr_latency_curve latency;
        assert_done(sweep(&curve, &x));
        assert_done(ebjr_latency_sweep(&latency, &curve, x.score, x.student, x.teacher, n));
        double thresholds[MOST], limit = (double)random_below(&seed, 20) / 2;
        int64_t exceeding[MOST + 1];
        assert_done(
            ebjr_latency_exceeding(exceeding, &curve, x.score, x.student, x.teacher, n, limit));
        size_t count = thresholds_of(thresholds, &x);
        assert_int_equal(curve.count, count);
        assert_int_equal(latency.count, count);
        for (size_t i = 0; i < count; i++) {
            count_at(&counts, &x, thresholds[i]);
            assert_true(latency.mean[i] == counts.mean);
            assert_true(latency.p50[i] == counts.p50);
            assert_true(latency.p95[i] == counts.p95);
            assert_true(latency.p99[i] == counts.p99);
            assert_int_equal(exceeding[i], count_over(&counts, n, limit));
        }
        ebjr_latency_curve_free(&latency);
        ebjr_curve_free(&curve);
    }
}

static void latencies_that_are_none_are_refused(void **state)
{
    (void)state;
    static const double bad[][2] = {{-1, 0},       {0, -1},       {NAN, 0},          {0, NAN},
                                    {INFINITY, 0}, {0, INFINITY}, {1.7e308, 1.7e308}};
    const double score[] = {1, 2};
    const uint8_t right[] = {1, 1};
    struct ebjr_curve curve;
    struct ebjr_latency_curve latency;
    assert_done(ebjr_sweep(&curve, score, right, right, 2));
    for (size_t i = 0; i < COUNT(bad); i++) {
        const double student[] = {0, bad[i][0]}, teacher[] = {0, bad[i][1]};
        assert_refused(ebjr_latency_sweep(&latency, &curve, score, student, teacher, 2),
                       EBJR_EINVAL, "sample 1");
        ebjr_latency_curve_free(&latency);
    }
    assert_refused(ebjr_latency_sweep(&latency, &curve, score, score, score, 0), EBJR_EINVAL,
                   "no samples");
    const double zero[] = {-0.0, 0}, huge[] = {1e308, 1e-320};
    assert_done(ebjr_latency_sweep(&latency, &curve, score, zero, huge, 2));
    assert_true(latency.p50[0] == 1e-320 && latency.p99[0] == 1e308 && latency.p99[2] == 0);
    ebjr_latency_curve_free(&latency);
    ebjr_latency_curve_free(&latency);
    ebjr_curve_free(&curve);
}

/* budget.h */

/* Everything that a search may look at, worked out from the samples. */
struct space {
    size_t count;
    double threshold[MOST + 1], value[MOST + 1][EBJR_BUDGETS];
    unsigned blocked[MOST + 1];
};

struct flops {
    double student, teacher;
};

static void fill_space(struct space *out, const struct instance *x, const double *thresholds,
                       size_t count, struct flops flops, bool timed)
{
    static struct counts at;
    double n = (double)x->n, teacher = 0;
    for (size_t i = 0; i < x->n; i++)
        teacher += x->teacher_right[i];
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        count_at(&at, x, thresholds[i]);
        double rate = (n - (double)at.student) / n;
        const double value[] = {[EBJR_MIN_ACCURACY] = (double)at.right / n,
                                [EBJR_MAX_DROP] = (teacher - (double)at.right) / n,
                                [EBJR_MAX_FLOPS] = flops.student + rate * flops.teacher,
                                [EBJR_MAX_TEACHER_RATE] = rate,
                                [EBJR_MAX_LATENCY] = timed ? at.mean : NAN,
                                [EBJR_MAX_P95] = timed ? at.p95 : NAN,
                                [EBJR_MAX_P99] = timed ? at.p99 : NAN};
        out->threshold[i] = thresholds[i];
        out->blocked[i] = 0;
        memcpy(out->value[i], value, sizeof value);
    }
}

static unsigned unmet(const struct space *space, size_t i, const double *limit)
{
    unsigned set = space->blocked[i];
    for (int b = 0; b < EBJR_BUDGETS; b++)
        if (!isnan(limit[b]) && (b == EBJR_MIN_ACCURACY ? space->value[i][b] < limit[b]
                                                        : space->value[i][b] > limit[b]))
            set |= 1U << b;
    return set;
}

static double gain(const struct space *space, size_t i, enum ebjr_objective objective)
{
    const double *value = space->value[i];
    const double gains[] = {[EBJR_MINIMIZE_FLOPS] = -value[EBJR_MAX_FLOPS],
                            [EBJR_MINIMIZE_LATENCY] = -value[EBJR_MAX_LATENCY],
                            [EBJR_MINIMIZE_TEACHER_RATE] = -value[EBJR_MAX_TEACHER_RATE],
                            [EBJR_MAXIMIZE_ACCURACY] = value[EBJR_MIN_ACCURACY]};
    return gains[objective];
}

/* The best gain with the budgets in `dropped` not demanded; *index is the loosest point that has
 * it; -INFINITY: none is left. */
static double best_without(size_t *index, const struct space *space, const double *limit,
                           enum ebjr_objective objective, unsigned dropped)
{
    double best = -INFINITY;
    for (size_t i = 0; i < space->count; i++) {
        double value = gain(space, i, objective);
        if ((unmet(space, i, limit) & ~dropped) || value < best)
            continue;
        best = value;
        *index = i;
    }
    return best;
}

enum { SUBSETS = 1 << EBJR_BUDGETS };

/* Budgets bind that are in a smallest set without which the objective gets further. */
static unsigned binding_of(const struct space *space, const double *limit,
                           enum ebjr_objective objective)
{
    size_t index;
    double chosen = best_without(&index, space, limit, objective, 0);
    for (int size = 1; size <= EBJR_BUDGETS; size++) {
        unsigned all = 0;
        for (unsigned set = 0; set < SUBSETS; set++)
            if (__builtin_popcount(set) == size &&
                best_without(&index, space, limit, objective, set) > chosen)
                all |= set;
        if (all)
            return all;
    }
    return 0;
}

/* Can some point meet all the budgets of `set`? */
static bool possible(const struct space *space, const double *limit, unsigned set)
{
    for (size_t i = 0; i < space->count; i++)
        if (!(unmet(space, i, limit) & set))
            return true;
    return false;
}

/* Whether a conflict of so many budgets is among those asked for. */
static bool has_conflict(const struct space *space, const double *limit, unsigned asked, int size)
{
    for (unsigned set = 0; set < SUBSETS; set++)
        if (!(set & ~asked) && __builtin_popcount(set) == size && !possible(space, limit, set))
            return true;
    return false;
}

static void check_conflict(const struct space *space, const double *limit, unsigned conflict)
{
    unsigned asked = 0;
    for (int b = 0; b < EBJR_BUDGETS; b++)
        asked |= isnan(limit[b]) ? 0 : 1U << b;
    assert_false(conflict & ~asked);
    assert_false(possible(space, limit, conflict));
    for (int size = 1; size <= 2; size++)
        if (has_conflict(space, limit, asked, size)) {
            assert_int_equal(__builtin_popcount(conflict), size);
            return;
        }
    assert_int_equal(conflict, asked);
}

static void check_choice(const struct ebjr_choice *choice, const struct space *space,
                         const double *limit, enum ebjr_objective objective)
{
    size_t index = SIZE_MAX;
    double best = best_without(&index, space, limit, objective, 0);
    assert_int_equal(choice->feasible, best > -INFINITY);
    for (int b = 0; b < EBJR_BUDGETS; b++) {
        double reachable = space->value[0][b];
        for (size_t i = 1; i < space->count; i++)
            if (b == EBJR_MIN_ACCURACY ? space->value[i][b] > reachable
                                       : space->value[i][b] < reachable)
                reachable = space->value[i][b];
        assert_true(isnan(reachable) ? isnan(choice->reachable[b])
                                     : choice->reachable[b] == reachable);
    }
    if (!choice->feasible) {
        check_conflict(space, limit, choice->conflict);
        return;
    }
    assert_int_equal(choice->index, index);
    for (int b = 0; b < EBJR_BUDGETS; b++)
        assert_true(isnan(space->value[index][b])
                        ? isnan(choice->figures.value[b])
                        : choice->figures.value[b] == space->value[index][b]);
    assert_int_equal(choice->binding, binding_of(space, limit, objective));
}

/* Limits are asked for with that probability each; most lie exactly on what some point has. */
static void random_limits(double *limit, uint64_t *seed, const struct space *space,
                          double probability)
{
    for (int b = 0; b < EBJR_BUDGETS; b++) {
        limit[b] = NAN;
        if (!coin(seed, probability))
            continue;
        limit[b] = space->value[random_below(seed, space->count)][b];
        if (isnan(limit[b]))
            limit[b] = 1;
        if (coin(seed, 0.3))
            limit[b] += (uniform(seed) - 0.5) * fabs(limit[b]) / 4;
    }
}

static bool is_known(const struct space *space, const double *limit, enum ebjr_objective objective)
{
    bool known = !isnan(gain(space, 0, objective));
    for (int b = 0; b < EBJR_BUDGETS; b++)
        known &= isnan(limit[b]) || !isnan(space->value[0][b]);
    return known;
}

static void choices_are_those_of_an_exhaustive_search(void **state)
{
    (void)state;
    static struct instance x;
    static struct space space;
    static double thresholds[MOST + 1];
    int feasible = 0, infeasible[3] = {0}, bound[3] = {0}, unknown = 0;
    uint64_t seed = 2;
    for (int round = 0; round < 1000; round++) {
        make(&x, &seed, (size_t)1 << (1 + random_below(&seed, 6)), 1 + random_below(&seed, 24), 9);
        struct flops flops = {(double)random_below(&seed, 9), (double)random_below(&seed, 99)};
        bool timed = coin(&seed, 0.9);
        if (coin(&seed, 0.1))
            *(coin(&seed, 0.5) ? &flops.student : &flops.teacher) = NAN;
        fill_space(&space, &x, thresholds, thresholds_of(thresholds, &x), flops, timed);

        double limit[EBJR_BUDGETS];
        uint8_t blocked[MOST + 1];
        enum ebjr_objective objective = (enum ebjr_objective)random_below(&seed, 4);
        random_limits(limit, &seed, &space, uniform(&seed));
        bool masked = coin(&seed, 0.4), mask_alone = masked && coin(&seed, 0.5);
        for (int b = 0; mask_alone && b < EBJR_BUDGETS; b++)
            limit[b] += b == EBJR_MIN_ACCURACY ? -99 : 9999;
        double density = mask_alone ? 0.5 : 0.2;
        for (size_t i = 0; i < space.count; i++)
            for (int b = 0; masked && b < EBJR_BUDGETS; b++)
                space.blocked[i] |= !isnan(limit[b]) && coin(&seed, density) ? 1U << b : 0;
        for (size_t i = 0; i < space.count; i++)
            blocked[i] = (uint8_t)space.blocked[i];

        struct ebjr_curve curve;
        struct ebjr_latency_curve latency;
        struct ebjr_choice choice;
        assert_done(sweep(&curve, &x));
        assert_done(ebjr_latency_sweep(&latency, &curve, x.score, x.student, x.teacher, x.n));
        struct ebjr_costs costs = {flops.student, flops.teacher, timed ? &latency : NULL};
        int status =
            ebjr_choose(&choice, &curve, &costs, limit, objective, masked ? blocked : NULL);
        if (is_known(&space, limit, objective)) {
            assert_status(status, 0);
            check_choice(&choice, &space, limit, objective);
            int size = __builtin_popcount(choice.feasible ? choice.binding : choice.conflict);
            feasible += choice.feasible;
            if (choice.feasible)
                bound[size < 2 ? size : 2]++;
            else
                infeasible[size < 3 ? size - 1 : 2]++;
        } else {
            unknown++;
            assert_refused(status, EBJR_EINVAL, "not stored");
        }
        ebjr_latency_curve_free(&latency);
        ebjr_curve_free(&curve);
    }
    /* every case was met, and often */
    assert_true(feasible > 200 && unknown > 50 && infeasible[0] > 50 && infeasible[1] > 50);
    assert_true(infeasible[2] > 10 && bound[0] > 20 && bound[1] > 50 && bound[2] > 10);
}

static void budgets_are_named_like_their_options(void **state)
{
    (void)state;
    assert_string_equal(ebjr_budget_name(EBJR_MIN_ACCURACY), "min-accuracy");
    assert_string_equal(ebjr_budget_name(EBJR_MAX_P99), "max-p99");
}

/* pick.h */

/* P(Bin(n, p) <= k), term by term. */
static double tail(int64_t k, int64_t n, double p)
{
    long double q = 1 - (long double)p, term = powl(q, (long double)n), sum = 0;
    if (p <= 0)
        return 1;
    for (int64_t i = 0; i <= k; i++) {
        sum += term;
        term *= (long double)(n - i) / (long double)(i + 1) * ((long double)p / q);
    }
    return (double)sum;
}

/* That k bad ones of n reject, at delta, a rate above `limit`. */
static bool rejects(int64_t k, int64_t n, double limit, double delta)
{
    return limit >= 1 || tail(k, n, limit) <= delta;
}

static struct ebjr_samples samples_of(const struct instance *x, bool timed)
{
    return (struct ebjr_samples){.n = x->n,
                                 .score = x->score,
                                 .student_correct = x->student_right,
                                 .teacher_correct = x->teacher_right,
                                 .student_latency = timed ? x->student : NULL,
                                 .teacher_latency = timed ? x->teacher : NULL};
}

/* Sets the bits of budgets that have no certificate at a point, from the counts at all points. What
 * grows as the student answers more must hold at all stricter points too, what shrinks at all
 * looser ones. */
static void block_by_hand(struct space *space, const struct instance *x,
                          const struct ebjr_pick_request *request, double delta)
{
    static struct counts at;
    int64_t n = (int64_t)x->n;
    bool holds[EBJR_BUDGETS];
    const double *limit = request->limit;
    double flops_rate = (limit[EBJR_MAX_FLOPS] - request->student_flops) / request->teacher_flops;
    holds[EBJR_MAX_DROP] = holds[EBJR_MIN_ACCURACY] = true;
    for (size_t i = 0; i < space->count; i++) {
        count_at(&at, x, space->threshold[i]);
        holds[EBJR_MAX_DROP] &=
            space->threshold[i] == INFINITY || rejects(at.harm, n, limit[EBJR_MAX_DROP], delta);
        holds[EBJR_MIN_ACCURACY] &= rejects(n - at.right, n, 1 - limit[EBJR_MIN_ACCURACY], delta);
        for (int b = 0; b <= EBJR_MAX_DROP; b++)
            space->blocked[i] |= !isnan(limit[b]) && !holds[b] ? 1U << b : 0;
    }
    for (int b = EBJR_MAX_FLOPS; b < EBJR_BUDGETS; b++)
        holds[b] = true;
    for (size_t i = space->count; i-- > 0;) {
        count_at(&at, x, space->threshold[i]);
        int64_t deferred = n - at.student;
        holds[EBJR_MAX_FLOPS] &= rejects(deferred, n, flops_rate, delta);
        holds[EBJR_MAX_TEACHER_RATE] &= rejects(deferred, n, limit[EBJR_MAX_TEACHER_RATE], delta);
        holds[EBJR_MAX_P95] &= rejects(count_over(&at, x->n, limit[EBJR_MAX_P95]), n, 0.05, delta);
        holds[EBJR_MAX_P99] &= rejects(count_over(&at, x->n, limit[EBJR_MAX_P99]), n, 0.01, delta);
        for (int b = EBJR_MAX_FLOPS; b < EBJR_BUDGETS; b++)
            space->blocked[i] |= !isnan(limit[b]) && !holds[b] ? 1U << b : 0;
    }
}

static struct ebjr_pick_request no_budgets(void)
{
    struct ebjr_pick_request request = {.student_flops = NAN, .teacher_flops = NAN, .delta = 0.05};
    for (int b = 0; b < EBJR_BUDGETS; b++)
        request.limit[b] = NAN;
    return request;
}

static unsigned asked_of(const struct ebjr_pick_request *request)
{
    unsigned asked = 0;
    for (int b = 0; b < EBJR_BUDGETS; b++)
        asked |= isnan(request->limit[b]) ? 0 : 1U << b;
    return asked;
}

/* What tuning samples propose: thresholds of theirs, first the one of the highest accuracy, then
 * ever looser ones; one is left out only if it is within 1/500 of them of the last. */
static void check_proposals(const struct ebjr_curve *candidates, const struct instance *tuning)
{
    static double thresholds[MOST + 1];
    static struct counts at;
    size_t count = thresholds_of(thresholds, tuning), next = 0;
    int64_t highest = 0, last = 0;
    for (size_t i = 0; i < count; i++) {
        count_at(&at, tuning, thresholds[i]);
        highest = at.right > highest ? at.right : highest;
    }
    assert_true(candidates->count > 0);
    for (size_t i = 0; i < count; i++) {
        count_at(&at, tuning, thresholds[i]);
        if (next < candidates->count && thresholds[i] == candidates->points[next].threshold) {
            if (next == 0)
                assert_int_equal(at.right, highest);
            last = at.student;
            next++;
        } else if (next > 0) {
            assert_true(at.student - last <= (int64_t)tuning->n / 500);
        }
    }
    assert_int_equal(next, candidates->count);
}

static void picks_are_certified_as_by_hand(void **state)
{
    (void)state;
    static struct instance x, tuning;
    static struct space space;
    static double thresholds[MOST + 1], grid[MOST + 1];
    static const double deltas[] = {0.5, 0.2, 0.05, 0.01};
    int feasible = 0, infeasible = 0, proposed = 0, refused = 0;
    uint64_t seed = 3;
    for (int round = 0; round < 600; round++) {
        bool timed = coin(&seed, 0.8), known = coin(&seed, 0.8);
        make(&x, &seed, (size_t)128 << random_below(&seed, 3), 1 + random_below(&seed, 30), 9);
        make(&tuning, &seed, 1 + random_below(&seed, MOST), 1 + random_below(&seed, 30), 9);
        struct ebjr_samples calibration = samples_of(&x, timed), tuner = samples_of(&tuning, false);
        struct ebjr_pick_request request = no_budgets();
        request.certify = coin(&seed, 0.8);
        request.delta = deltas[random_below(&seed, COUNT(deltas))];
        request.objective = (enum ebjr_objective)random_below(&seed, 4);
        if (known) {
            request.student_flops = (double)random_below(&seed, 9);
            request.teacher_flops = (double)(1 + random_below(&seed, 99));
        }
        struct flops flops = {request.student_flops, request.teacher_flops};
        size_t count = thresholds_of(thresholds, &x);
        fill_space(&space, &x, thresholds, count, flops, timed);
        random_limits(request.limit, &seed, &space, 0.3);
        for (int b = 0; b < EBJR_BUDGETS; b++) { /* some room, so that certificates are had */
            bool fraction = b == EBJR_MIN_ACCURACY || b == EBJR_MAX_TEACHER_RATE;
            if (b == EBJR_MIN_ACCURACY)
                request.limit[b] -= 0.12 * uniform(&seed);
            else
                request.limit[b] +=
                    fraction || b == EBJR_MAX_DROP ? 0.2 * uniform(&seed) : 9 * uniform(&seed);
        }
        bool has_grid = coin(&seed, 0.5);
        if (has_grid) { /* any thresholds, between scores and beyond all of them */
            request.grid = grid;
            request.grid_count = 1 + random_below(&seed, 20);
            for (size_t i = 0; i < request.grid_count; i++)
                grid[i] = 20 * uniform(&seed) - 10;
            qsort(grid, request.grid_count, sizeof *grid, descending);
            if (coin(&seed, 0.3))
                grid[0] = INFINITY;
        }

        unsigned asked = asked_of(&request);
        unsigned certified = request.certify ? asked & ~(1U << EBJR_MAX_LATENCY) : 0;
        double delta = request.delta / __builtin_popcount(certified);
        bool few = (certified >> EBJR_MAX_P99 & 1 && pow(0.99, (double)x.n) > delta) ||
                   (certified >> EBJR_MAX_P95 & 1 && pow(0.95, (double)x.n) > delta);
        bool missing = !is_known(&space, request.limit, request.objective);

        struct ebjr_pick pick;
        int status = ebjr_pick(&pick, &calibration, &tuner, &request);
        if (few || missing) {
            assert_refused(status, EBJR_EINVAL, "");
            refused++;
            continue;
        }
        assert_status(status, 0);
        assert_int_equal(pick.certified, certified);
        assert_int_equal(pick.uncertified, asked & ~certified);
        assert_true(certified ? pick.delta_each == delta : isnan(pick.delta_each));
        if (certified >> EBJR_MIN_ACCURACY & 1) {
            if (has_grid) {
                assert_int_equal(pick.curve.count, request.grid_count);
                for (size_t i = 0; i < pick.curve.count; i++)
                    assert_true(pick.curve.points[i].threshold == grid[i]);
            } else {
                check_proposals(&pick.curve, &tuning);
                proposed++;
            }
            count = pick.curve.count;
            for (size_t i = 0; i < count; i++)
                thresholds[i] = pick.curve.points[i].threshold;
            fill_space(&space, &x, thresholds, count, flops, timed);
        }
        assert_int_equal(pick.curve.count, count);
        if (certified)
            block_by_hand(&space, &x, &request, delta);
        check_choice(&pick.choice, &space, request.limit, request.objective);
        feasible += pick.choice.feasible;
        infeasible += !pick.choice.feasible;
        ebjr_pick_free(&pick);
    }
    assert_true(feasible > 100 && infeasible > 50 && proposed > 20 && refused > 50);
}

static void picks_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static struct instance x, one;
    struct ebjr_pick pick;
    struct ebjr_pick_request request = no_budgets();
    uint64_t seed = 4;
    make(&x, &seed, 500, 10, 9);
    make(&one, &seed, 1, 1, 1);
    struct ebjr_samples samples = samples_of(&x, true), untimed = samples_of(&x, false),
                        none = samples_of(&x, true);
    none.n = 0;
    request.objective = EBJR_MINIMIZE_TEACHER_RATE;
    request.certify = true;
    request.limit[EBJR_MAX_DROP] = 0.5;
    assert_refused(ebjr_pick(&pick, &none, NULL, &request), EBJR_EINVAL, "no samples");
    request.objective = EBJR_MINIMIZE_FLOPS;
    assert_refused(ebjr_pick(&pick, &samples, NULL, &request), EBJR_EINVAL, "FLOPs");
    request.objective = EBJR_MINIMIZE_LATENCY;
    assert_refused(ebjr_pick(&pick, &untimed, NULL, &request), EBJR_EINVAL, "latencies");
    for (int certify = 0; certify < 2; certify++) {
        for (int b = EBJR_MAX_FLOPS; b < EBJR_BUDGETS; b++) {
            request = no_budgets();
            request.certify = certify;
            request.objective = EBJR_MINIMIZE_TEACHER_RATE;
            request.limit[b] = 1;
            if (b != EBJR_MAX_TEACHER_RATE)
                assert_refused(ebjr_pick(&pick, &untimed, NULL, &request), EBJR_EINVAL,
                               ebjr_budget_name(b));
            ebjr_pick_free(&pick); /* whatever the outcome */
        }
    }

    /* of a single sample: nothing can be certified but that the teacher does no harm */
    samples = samples_of(&one, true);
    request = no_budgets();
    request.certify = true;
    request.objective = EBJR_MINIMIZE_TEACHER_RATE;
    request.limit[EBJR_MAX_DROP] = 0.01;
    assert_done(ebjr_pick(&pick, &samples, NULL, &request));
    assert_true(pick.choice.feasible && pick.choice.index == 0);
    assert_true(pick.curve.points[0].threshold == INFINITY);
    ebjr_pick_free(&pick);
}

/* 0.99^298 > 0.05 >= 0.99^299; 0.95^58 > 0.05 >= 0.95^59; with a second budget, 0.99^367 > 0.025 >=
 * 0.99^368. All take no time at all: what is few is their number alone. */
static void percentiles_need_so_many_samples(void **state)
{
    (void)state;
    static const struct {
        enum ebjr_budget budget;
        double drop;
        size_t fewest;
    } cases[] = {{EBJR_MAX_P99, NAN, 299}, {EBJR_MAX_P95, NAN, 59}, {EBJR_MAX_P99, 1, 368}};
    static struct instance x;
    uint64_t seed = 5;
    make(&x, &seed, 500, 10, 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ebjr_pick pick;
        struct ebjr_pick_request request = no_budgets();
        struct ebjr_samples samples = samples_of(&x, true);
        request.certify = true;
        request.objective = EBJR_MINIMIZE_TEACHER_RATE;
        request.limit[cases[i].budget] = 1;
        request.limit[EBJR_MAX_DROP] = cases[i].drop;
        samples.n = cases[i].fewest - 1;
        char words[64];
        snprintf(words, sizeof words, "at least %zu samples", cases[i].fewest);
        assert_refused(ebjr_pick(&pick, &samples, NULL, &request), EBJR_EINVAL, words);
        samples.n = cases[i].fewest;
        assert_done(ebjr_pick(&pick, &samples, NULL, &request));
        assert_true(pick.choice.feasible);
        ebjr_pick_free(&pick);
        request.certify = false;
        samples.n = 2;
        assert_done(ebjr_pick(&pick, &samples, NULL, &request));
        ebjr_pick_free(&pick);
    }
}

static void accuracy_needs_thresholds_from_elsewhere(void **state)
{
    (void)state;
    static struct instance x;
    const double grid[] = {INFINITY, 0, -1};
    struct ebjr_pick pick;
    struct ebjr_pick_request request = no_budgets();
    uint64_t seed = 6;
    make(&x, &seed, 400, 10, 1);
    struct ebjr_samples samples = samples_of(&x, false), none = samples;
    none.n = 0;
    request.certify = true;
    request.objective = EBJR_MINIMIZE_TEACHER_RATE;
    request.limit[EBJR_MIN_ACCURACY] = 0.5;
    assert_refused(ebjr_pick(&pick, &samples, NULL, &request), EBJR_EINVAL, "tuning");
    assert_refused(ebjr_pick(&pick, &samples, &none, &request), EBJR_EINVAL, "tuning");
    request.grid = grid;
    request.grid_count = COUNT(grid);
    assert_done(ebjr_pick(&pick, &samples, NULL, &request));
    assert_true(pick.choice.feasible && pick.curve.points[pick.choice.index].threshold == -1);
    ebjr_pick_free(&pick);
    request.grid = NULL;
    request.certify = false;
    assert_done(ebjr_pick(&pick, &samples, NULL, &request));
    ebjr_pick_free(&pick);
}

/* Refused, or taken as they are; never with the counts or latencies of other thresholds. */
static void a_grid_may_not_come_in_any_order(void **state)
{
    (void)state;
    static struct instance x;
    static struct counts at;
    const double grids[][3] = {{-1, 0, 1}, {0, 1, -1}, {1, -1, 0}, {0, NAN, -1}};
    uint64_t seed = 13;
    make(&x, &seed, 400, 10, 9);
    struct ebjr_samples samples = samples_of(&x, true);
    for (size_t i = 0; i < COUNT(grids); i++) {
        struct ebjr_pick pick;
        struct ebjr_pick_request request = no_budgets();
        request.certify = true;
        request.objective = EBJR_MINIMIZE_TEACHER_RATE;
        request.limit[EBJR_MIN_ACCURACY] = 0.6;
        request.grid = grids[i];
        request.grid_count = COUNT(grids[i]);
        int status = ebjr_pick(&pick, &samples, NULL, &request);
        if (status) {
            assert_status(status, EBJR_EINVAL);
            continue;
        }
        for (size_t j = 0; j < pick.curve.count; j++) {
            count_at(&at, &x, pick.curve.points[j].threshold);
            assert_int_equal(pick.curve.points[j].student, at.student);
            assert_true(pick.latency.mean[j] == at.mean);
            assert_true(pick.latency.p99[j] == at.p99);
        }
        ebjr_pick_free(&pick);
    }
}

/*
 * Draws from a population of which everything is known: u uniform in 0..1 is the score; the student
 * is right with probability a + b u, the teacher with c, independently; it takes the student 1 and
 * the teacher 3, or 9 with probability d. So at threshold t
 *   harm(t) = c int_t^1 1 - a - b u du,   teacher rate = t,   P(latency > 4) = t d,
 *   accuracy(t) = c t + int_t^1 a + b u du.
 */
enum { POPULATION_N = 500 };
static const double A = 0.5, B = 0.48, C = 0.92, D = 0.2;

static double student_right_above(double t)
{
    return A * (1 - t) + B * (1 - t * t) / 2;
}

static void draw(struct instance *out, uint64_t *seed)
{
    out->n = POPULATION_N;
    for (size_t i = 0; i < out->n; i++) {
        out->score[i] = uniform(seed);
        out->student_right[i] = coin(seed, A + B * out->score[i]);
        out->teacher_right[i] = coin(seed, C);
        out->student[i] = 1;
        out->teacher[i] = coin(seed, D) ? 8 : 2;
    }
}

/* A certificate bounds even the harm, of which drop is what help leaves. */
static bool breaks(const struct ebjr_pick_request *request, double threshold)
{
    double t = fmin(fmax(threshold, 0), 1), above = student_right_above(t);
    double harm = C * (1 - t - above), drop = C * (1 - t) - above;
    const double *limit = request->limit;
    return (request->certify ? harm : drop) > limit[EBJR_MAX_DROP] ||
           C * t + above < limit[EBJR_MIN_ACCURACY] || t > limit[EBJR_MAX_TEACHER_RATE] ||
           (t * D > 0.05 && limit[EBJR_MAX_P95] < 9);
}

/* A certified pick breaks one of its budgets in a share <= delta of all draws, within three
 * standard errors of that many draws; a plain one in far more. */
static void certificates_hold(void **state)
{
    (void)state;
    static struct instance x, tuning;
    static const struct {
        double accuracy, drop, rate, p95;
        enum ebjr_objective objective;
    } cases[] = {
        {NAN, 0.05, NAN, NAN, EBJR_MINIMIZE_TEACHER_RATE},
        {NAN, NAN, 0.4, NAN, EBJR_MAXIMIZE_ACCURACY},
        {0.85, NAN, NAN, NAN, EBJR_MINIMIZE_TEACHER_RATE},
        {NAN, NAN, NAN, 4, EBJR_MAXIMIZE_ACCURACY},
        {NAN, 0.1, 0.55, NAN, EBJR_MAXIMIZE_ACCURACY},
    };
    int draws = getenv("EBJR_LONG") ? 20000 : 1000;
    double delta = 0.1, error = 3 * sqrt(delta * (1 - delta) / draws);
    uint64_t seed = 7;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int broken[2] = {0};
        for (int d = 0; d < draws; d++) {
            struct ebjr_pick pick;
            struct ebjr_pick_request request = no_budgets();
            draw(&x, &seed);
            draw(&tuning, &seed);
            struct ebjr_samples samples = samples_of(&x, true), tuner = samples_of(&tuning, true);
            request.limit[EBJR_MIN_ACCURACY] = cases[i].accuracy;
            request.limit[EBJR_MAX_DROP] = cases[i].drop;
            request.limit[EBJR_MAX_TEACHER_RATE] = cases[i].rate;
            request.limit[EBJR_MAX_P95] = cases[i].p95;
            request.objective = cases[i].objective;
            request.delta = delta;
            for (int certify = 0; certify < 2; certify++) {
                request.certify = certify;
                assert_done(ebjr_pick(&pick, &samples, &tuner, &request));
                const struct ebjr_choice *choice = &pick.choice;
                broken[certify] += choice->feasible &&
                                   breaks(&request, pick.curve.points[choice->index].threshold);
                ebjr_pick_free(&pick);
            }
        }
        if (broken[1] > (delta + error) * draws || broken[0] < 2 * delta * draws)
            print_error("case %zu: of %d draws %d certified and %d plain picks break a budget\n", i,
                        draws, broken[1], broken[0]);
        assert_true(broken[1] <= (delta + error) * draws);
        assert_true(broken[0] >= 2 * delta * draws);
    }
}

/* runtime/router.h */

enum { CLASSES = 10 };

static void random_logits(float *logits, uint64_t *seed, size_t classes)
{
    for (size_t k = 0; k < classes; k++)
        logits[k] = (float)(16 * uniform(seed) - 8);
    if (coin(seed, 0.2)) /* a tie of the two largest, of which the first is predicted */
        logits[random_below(seed, classes)] = logits[random_below(seed, classes)] = 9;
}

/* By the formulas of score.h, in long double. */
struct direct {
    size_t predicted;
    double msp, logit_margin, max_logit;
};

static struct direct evaluate_directly(const float *logits, size_t classes, double temperature)
{
    struct direct out = {0};
    float second = -INFINITY;
    long double sum = 0;
    for (size_t k = 1; k < classes; k++)
        out.predicted = logits[k] > logits[out.predicted] ? k : out.predicted;
    float first = logits[out.predicted];
    for (size_t k = 0; k < classes; k++) {
        sum += expl(((long double)logits[k] - first) / temperature);
        if (k != out.predicted)
            second = logits[k] > second ? logits[k] : second;
    }
    out.msp = (double)(1 / sum);
    out.logit_margin = (double)first - (double)second;
    out.max_logit = first;
    return out;
}

/* The place of a score among the features. */
static size_t feature(const char *name)
{
    size_t count, place = 0;
    const struct ebjr_score *scores = ebjr_score_list(&count);
    for (size_t i = 0; i < count && strcmp(scores[i].name, name) != 0; i++)
        place += scores[i].kind == EBJR_SCORE_LOGITS;
    return place;
}

enum { SCORES_OF_LOGITS = 9 };

static void assert_close(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-12 * fmax(1, fabs(expected))))
        print_error("%.17g, expected %.17g\n", value, expected);
    assert_true(fabs(value - expected) <= 1e-12 * fmax(1, fabs(expected)));
}

static void routers_compute_their_formulas(void **state)
{
    (void)state;
    uint64_t seed = 8;
    double offset[CLASSES];
    assert_int_equal(ebjr_router_feature_count(CLASSES), SCORES_OF_LOGITS + CLASSES);
    for (int round = 0; round < 1000; round++) {
        float logits[CLASSES];
        struct ebjr_router plain = {.options = ebjr_score_defaults}, learned;
        plain.options.temperature = 0.5 + 2 * uniform(&seed);
        random_logits(logits, &seed, CLASSES);
        struct direct direct = evaluate_directly(logits, CLASSES, plain.options.temperature);

        assert_done(ebjr_score_find(&plain.score, "msp"));
        assert_close(ebjr_router_score(&plain, logits, CLASSES), direct.msp);
        for (size_t k = 0; k < CLASSES; k++)
            offset[k] = uniform(&seed) - 0.5;
        plain.offset = offset; /* lent */
        plain.classes = CLASSES;
        assert_close(ebjr_router_score(&plain, logits, CLASSES),
                     direct.msp - offset[direct.predicted]);

        learned = (struct ebjr_router){.options = plain.options, .learned = true, .intercept = -2};
        learned.weight[feature("msp")] = 3;
        learned.weight[feature("logit-margin")] = 0.25;
        learned.weight[feature("max-logit")] = -0.5;
        for (size_t k = 0; k < CLASSES; k++)
            learned.weight[SCORES_OF_LOGITS + k] = (double)k;
        double sum = -2 + 3 * direct.msp + 0.25 * direct.logit_margin - 0.5 * direct.max_logit +
                     (double)direct.predicted;
        assert_close(ebjr_router_score(&learned, logits, CLASSES), sum);
        learned.offset = offset;
        learned.classes = CLASSES;
        assert_close(ebjr_router_score(&learned, logits, CLASSES), sum - offset[direct.predicted]);
    }
}

static void features_stay_finite(void **state)
{
    (void)state;
    const float logits[] = {3e38F, -3e38F, 1};
    struct ebjr_router router = {.options = ebjr_score_defaults, .learned = true};
    router.weight[feature("max-logit")] = 1;
    assert_true(ebjr_router_score(&router, logits, COUNT(logits)) == 1e6);
    for (size_t i = 0; i < ebjr_router_feature_count(COUNT(logits)); i++)
        router.weight[i] = 1;
    assert_true(isfinite(ebjr_router_score(&router, logits, COUNT(logits))));
}

/* Beyond 247 classes the indicators do not fit and are left out. */
static void many_classes_have_no_indicators(void **state)
{
    (void)state;
    enum { FITS = EBJR_ROUTER_FEATURES - SCORES_OF_LOGITS };
    static float logits[1000];
    uint64_t seed = 9;
    assert_int_equal(ebjr_router_feature_count(FITS), EBJR_ROUTER_FEATURES);
    assert_int_equal(ebjr_router_feature_count(FITS + 1), SCORES_OF_LOGITS);
    for (size_t classes = FITS; classes <= COUNT(logits); classes += COUNT(logits) - FITS) {
        random_logits(logits, &seed, classes);
        struct direct direct = evaluate_directly(logits, classes, 1);
        struct ebjr_router router = {.options = ebjr_score_defaults, .learned = true};
        for (size_t k = 0; k < FITS; k++)
            router.weight[SCORES_OF_LOGITS + k] = classes == FITS ? (double)k : 1;
        router.weight[feature("logit-margin")] = 2;
        assert_close(ebjr_router_score(&router, logits, classes),
                     2 * direct.logit_margin + (classes == FITS ? (double)direct.predicted : 0));
    }
}

/* runtime/policy.h */

static double awkward(uint64_t *seed)
{
    static const double values[] = {
        0.1,          1.0 / 3, 1e-300, 5e-324, 1.7976931348623157e308, 2, 0, -2.4600000000000004,
        123456789.125};
    return coin(seed, 0.5) ? values[random_below(seed, COUNT(values))]
                           : (uniform(seed) - 0.5) * pow(10, 30 * uniform(seed) - 15);
}

static void random_hash(char out[EBJR_HASH_TEXT], uint64_t *seed)
{
    for (size_t i = 0; i + 1 < EBJR_HASH_TEXT; i++)
        out[i] = "0123456789abcdef"[random_below(seed, 16)];
    out[EBJR_HASH_TEXT - 1] = 0;
}

static void random_router(struct ebjr_router *out, uint64_t *seed, size_t classes)
{
    static const char *const names[] = {"msp", "energy", "pnorm"};
    *out = (struct ebjr_router){.options = ebjr_score_defaults, .learned = coin(seed, 0.5)};
    out->options.temperature = 0.1 + uniform(seed);
    out->options.p = 1 + 5 * uniform(seed);
    out->options.precision = coin(seed, 0.5) ? EBJR_FLOAT32 : EBJR_DOUBLE;
    if (out->learned) {
        out->intercept = awkward(seed);
        for (size_t i = 0; i < ebjr_router_feature_count(classes); i++)
            out->weight[i] = awkward(seed);
    } else {
        assert_done(ebjr_score_find(&out->score, names[random_below(seed, COUNT(names))]));
    }
    if (coin(seed, 0.5)) {
        out->classes = classes;
        out->offset = malloc(classes * sizeof *out->offset);
        assert_non_null(out->offset);
        for (size_t k = 0; k < classes; k++)
            out->offset[k] = awkward(seed);
    }
}

static void random_policy(struct ebjr_policy *out, uint64_t *seed)
{
    *out = (struct ebjr_policy){.stage_count = 2 + random_below(seed, EBJR_POLICY_STAGES - 1),
                                .answer_weight = uniform(seed),
                                .classes = 2 + random_below(seed, 20),
                                .certified = (unsigned)random_below(seed, 128),
                                .delta = coin(seed, 0.2) ? NAN : uniform(seed),
                                .tuning_n = (int64_t)random_below(seed, 10000),
                                .calibration_n = INT64_C(1) << 60,
                                .test_n = 7,
                                .tune_on = uniform(seed),
                                .calibrate_on = 0.1,
                                .test_on = 0,
                                .seed = (int64_t)(random_bits(seed) >> 1)};
    for (size_t i = 0; i < out->stage_count; i++) {
        struct ebjr_policy_stage *stage = &out->stages[i];
        snprintf(stage->model, sizeof stage->model, "a \"model\", Größe %zu", i);
        random_hash(stage->sha256, seed);
        if (i + 1 == out->stage_count)
            break;
        random_router(&stage->router, seed, out->classes);
        stage->threshold = coin(seed, 0.2) ? INFINITY : coin(seed, 0.2) ? -INFINITY : awkward(seed);
    }
    snprintf(out->dataset, sizeof out->dataset, "a\tset");
    random_hash(out->dataset_sha256, seed);
    snprintf(out->preprocessing, sizeof out->preprocessing, "{\"scale\":\"1/255\"}");
    for (int b = 0; b < EBJR_POLICY_BUDGETS; b++) {
        out->limit[b] = coin(seed, 0.5) ? NAN : awkward(seed);
        out->expected[b] = coin(seed, 0.5) ? NAN : awkward(seed);
    }
}

static void assert_same(double a, double b)
{
    assert_true(isnan(a) ? isnan(b) : a == b);
}

static void assert_same_router(const struct ebjr_router *a, const struct ebjr_router *b,
                               size_t classes)
{
    assert_int_equal(a->learned, b->learned);
    assert_ptr_equal(a->score, b->score);
    assert_same(a->options.temperature, b->options.temperature);
    assert_same(a->options.p, b->options.p);
    assert_int_equal(a->options.precision, b->options.precision);
    if (a->learned) {
        assert_same(a->intercept, b->intercept);
        assert_memory_equal(a->weight, b->weight,
                            ebjr_router_feature_count(classes) * sizeof *a->weight);
    }
    assert_int_equal(a->classes, b->classes);
    if (a->classes > 0)
        assert_memory_equal(a->offset, b->offset, classes * sizeof *a->offset);
}

static void assert_same_policy(const struct ebjr_policy *a, const struct ebjr_policy *b)
{
    assert_int_equal(a->stage_count, b->stage_count);
    for (size_t i = 0; i < a->stage_count; i++) {
        assert_string_equal(a->stages[i].model, b->stages[i].model);
        assert_string_equal(a->stages[i].sha256, b->stages[i].sha256);
        if (i + 1 == a->stage_count)
            break;
        assert_same(a->stages[i].threshold, b->stages[i].threshold);
        assert_same_router(&a->stages[i].router, &b->stages[i].router, a->classes);
    }
    assert_same(a->answer_weight, b->answer_weight);
    assert_int_equal(a->classes, b->classes);
    assert_string_equal(a->dataset, b->dataset);
    assert_string_equal(a->dataset_sha256, b->dataset_sha256);
    assert_string_equal(a->preprocessing, b->preprocessing);
    for (int i = 0; i < EBJR_POLICY_BUDGETS; i++) {
        assert_same(a->limit[i], b->limit[i]);
        assert_same(a->expected[i], b->expected[i]);
    }
    assert_int_equal(a->certified, b->certified);
    assert_same(a->delta, b->delta);
    assert_int_equal(a->tuning_n, b->tuning_n);
    assert_int_equal(a->calibration_n, b->calibration_n);
    assert_int_equal(a->test_n, b->test_n);
    assert_same(a->tune_on, b->tune_on);
    assert_same(a->calibrate_on, b->calibrate_on);
    assert_same(a->test_on, b->test_on);
    assert_int_equal(a->seed, b->seed);
}

static void policies_come_back_as_they_were(void **state)
{
    (void)state;
    static struct ebjr_policy policy, loaded;
    const char *path = scratch_path("policy.json"), *again = scratch_path("again.json");
    uint64_t seed = 10;
    for (int round = 0; round < 200; round++) {
        random_policy(&policy, &seed);
        assert_done(ebjr_policy_save(&policy, path));
        assert_done(ebjr_policy_load(&loaded, path));
        assert_same_policy(&policy, &loaded);
        assert_done(ebjr_policy_save(&loaded, again));
        assert_same_file(path, again);
        ebjr_policy_clear(&policy);
        ebjr_policy_clear(&loaded);
        ebjr_policy_clear(&loaded);
    }
}

/* A change is either found, or one of form alone (a blank for a line break, 1E-5 for 1e-5, a digit
 * beyond those that a double keeps): then the same policy is read, to the byte. */
static void seals_find_every_change(void **state)
{
    (void)state;
    static struct ebjr_policy policy, loaded;
    const char *path = scratch_path("sealed.json"), *changed = scratch_path("changed.json"),
               *again = scratch_path("again.json");
    uint64_t seed = 11;
    int found = 0, harmless = 0;
    for (int file = 0; file < 6; file++) {
        size_t size;
        random_policy(&policy, &seed);
        assert_done(ebjr_policy_save(&policy, path));
        ebjr_policy_clear(&policy);
        char *bytes = read_file(path, &size);
        for (int round = 0; round < 100;) {
            size_t place = random_below(&seed, size);
            char before = bytes[place];
            if (strchr(" \n", before))
                continue;
            bytes[place] ^= (char)(1 + random_below(&seed, 255));
            write_file(changed, bytes, size);
            bytes[place] = before;
            round++;
            int status = ebjr_policy_load(&loaded, changed);
            if (status) {
                assert_status(status, EBJR_EFORMAT);
                assert_non_null(strstr(ebjr_error_last(), "changed.json"));
                found++;
                continue;
            }
            harmless++;
            assert_done(ebjr_policy_save(&loaded, again));
            assert_same_file(path, again);
            ebjr_policy_clear(&loaded);
        }
        for (size_t cut = 0; cut + 1 < size; cut += 1 + size / 200) {
            write_file(changed, bytes, cut);
            assert_refused(ebjr_policy_load(&loaded, changed), EBJR_EFORMAT, "changed.json");
        }
        free(bytes);
    }
    assert_true(found >= 590 && found + harmless == 600);
}

static void files_that_are_no_policies_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } files[] = {
        {"", "none.json"},
        {"garbage", "none.json"},
        {"[]", "not a policy"},
        {"{}", "not a policy"},
        {"7", "none.json"},
        {"null", "none.json"},
        {"{\"ebjr_policy\": \"1\"}", "not a policy"},
        {"{\"ebjr_policy\": 0}", "not a policy"},
        {"{\"ebjr_policy\": 2}", "newer"},
        {"{\"ebjr_policy\": 9223372036854775807}", "newer"},
        {"{\"ebjr_policy\": 1}", "seal"},
        {"{\"ebjr_policy\": 1, \"seal\": null}", "seal"},
        {"{\"ebjr_policy\": 1, \"seal\": \"\"}", "seal"},
        {"{\"ebjr_policy\": 1, \"ebjr_policy\": 1}", "duplicate"},
    };
    static struct ebjr_policy policy;
    const char *path = scratch_path("none.json");
    for (size_t i = 0; i < COUNT(files); i++) {
        write_file(path, files[i].text, strlen(files[i].text));
        assert_refused(ebjr_policy_load(&policy, path), EBJR_EFORMAT, files[i].words);
        ebjr_policy_clear(&policy);
    }
    static char deep[100000];
    memset(deep, '[', sizeof deep);
    write_file(path, deep, sizeof deep);
    assert_refused(ebjr_policy_load(&policy, path), EBJR_EFORMAT, "none.json");
    assert_refused(ebjr_policy_load(&policy, scratch_path("missing.json")), EBJR_ENOTFOUND,
                   "missing.json");
    assert_true(ebjr_policy_load(&policy, scratch) < 0);
}

static void a_policy_that_cannot_be_written(void **state)
{
    (void)state;
    static struct ebjr_policy policy;
    uint64_t seed = 12;
    random_policy(&policy, &seed);
    const char *path = scratch_path("no/such/place.json");
    assert_refused(ebjr_policy_save(&policy, path), EBJR_EIO, "place.json");
    assert_refused(ebjr_policy_save(&policy, scratch), EBJR_EIO, "");
    snprintf(policy.dataset, sizeof policy.dataset, "\xff");
    path = scratch_path("bytes.json");
    assert_refused(ebjr_policy_save(&policy, path), EBJR_EFORMAT, "UTF-8");
    assert_int_not_equal(access(path, F_OK), 0);
    ebjr_policy_clear(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latencies_are_those_of_every_cascade),
        cmocka_unit_test(latencies_that_are_none_are_refused),
        cmocka_unit_test(choices_are_those_of_an_exhaustive_search),
        cmocka_unit_test(budgets_are_named_like_their_options),
        cmocka_unit_test(picks_are_certified_as_by_hand),
        cmocka_unit_test(picks_that_cannot_be_are_refused),
        cmocka_unit_test(percentiles_need_so_many_samples),
        cmocka_unit_test(accuracy_needs_thresholds_from_elsewhere),
        cmocka_unit_test(a_grid_may_not_come_in_any_order),
        cmocka_unit_test(certificates_hold),
        cmocka_unit_test(routers_compute_their_formulas),
        cmocka_unit_test(features_stay_finite),
        cmocka_unit_test(many_classes_have_no_indicators),
        cmocka_unit_test(policies_come_back_as_they_were),
        cmocka_unit_test(seals_find_every_change),
        cmocka_unit_test(files_that_are_no_policies_are_refused),
        cmocka_unit_test(a_policy_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
