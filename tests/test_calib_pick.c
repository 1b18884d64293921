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
        assert_done(ebjr_latency_exceeding(exceeding, &curve, x.score, x.student, x.teacher, n,
                                           limit));
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
    static const double bad[][2] = {{-1, 0},     {0, -1},       {NAN, 0},
                                    {0, NAN},    {INFINITY, 0}, {0, INFINITY},
                                    {1.7e308, 1.7e308}};
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
        bool masked = coin(&seed, 0.4);
        for (size_t i = 0; i < space.count; i++)
            for (int b = 0; masked && b < EBJR_BUDGETS; b++)
                space.blocked[i] |= !isnan(limit[b]) && coin(&seed, 0.2) ? 1U << b : 0;
        for (size_t i = 0; i < space.count; i++)
            blocked[i] = (uint8_t)space.blocked[i];

        struct ebjr_curve curve;
        struct ebjr_latency_curve latency;
        struct ebjr_choice choice;
        assert_done(sweep(&curve, &x));
        assert_done(ebjr_latency_sweep(&latency, &curve, x.score, x.student, x.teacher, x.n));
        struct ebjr_costs costs = {flops.student, flops.teacher, timed ? &latency : NULL};
        int status = ebjr_choose(&choice, &curve, &costs, limit, objective, masked ? blocked : NULL);
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
    double flops_rate =
        (limit[EBJR_MAX_FLOPS] - request->student_flops) / request->teacher_flops;
    holds[EBJR_MAX_DROP] = holds[EBJR_MIN_ACCURACY] = true;
    for (size_t i = 0; i < space->count; i++) {
        count_at(&at, x, space->threshold[i]);
        holds[EBJR_MAX_DROP] &= space->threshold[i] == INFINITY ||
                                rejects(at.harm, n, limit[EBJR_MAX_DROP], delta);
        /* 1 - limit, and the sum of 1,500 terms, are rounded: nearly equal is not looked into */
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

/* What tuning samples propose: thresholds of theirs, the first of the highest accuracy, then looser
 * ones without a gap above 1/500 of them (and a tie group). */
static void check_proposals(const struct ebjr_curve *candidates, const struct instance *tuning)
{
    static double thresholds[MOST + 1];
    static struct counts at, before;
    size_t count = thresholds_of(thresholds, tuning);
    int64_t highest = 0, first = 0;
    for (size_t i = 0; i < count; i++) {
        count_at(&at, tuning, thresholds[i]);
        highest = at.right > highest ? at.right : highest;
    }
    for (size_t j = 0; j < candidates->count; j++) {
        double threshold = candidates->points[j].threshold;
        count_at(&at, tuning, threshold);
        first = j == 0 ? at.right : first;
        assert_non_null(bsearch(&threshold, thresholds, count, sizeof threshold, descending));
        if (j > 0) {
            double next = candidates->points[j - 1].threshold;
            assert_true(threshold < next);
            const double *place =
                bsearch(&next, thresholds, count, sizeof next, descending);
            count_at(&before, tuning, next);
            int64_t reached = before.student;
            count_at(&before, tuning, place[1]); /* the next group is never skipped for its size */
            assert_true(at.student == before.student ||
                        at.student - reached <= before.student - reached + (int64_t)MOST / 500 + 1);
        }
    }
    assert_int_equal(first, highest);
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
                request.limit[b] += fraction || b == EBJR_MAX_DROP ? 0.2 * uniform(&seed)
                                                                   : 9 * uniform(&seed);
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

static bool breaks(const struct ebjr_pick_request *request, double threshold)
{
    double t = fmin(fmax(threshold, 0), 1);
    const double *limit = request->limit;
    return C * (1 - t - student_right_above(t)) > limit[EBJR_MAX_DROP] ||
           C * t + student_right_above(t) < limit[EBJR_MIN_ACCURACY] ||
           t > limit[EBJR_MAX_TEACHER_RATE] || (t * D > 0.05 && limit[EBJR_MAX_P95] < 9);
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
