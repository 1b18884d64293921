/* Cascades of k stages against the sweep of two, against every vector of thresholds there is, and
 * against counting sample by sample. */
#include "base/error.h"
#include "calib/stages.h"
#include "calib/sweep.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gsl/gsl_rng.h>

/* cmocka 1.1 compares as float. */
#define assert_close(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

enum { MOST = 40, LEVELS = 6, SOME = LEVELS + 1, VECTORS = SOME * SOME * SOME * SOME };

/* A random cascade with scores of `levels` values, which in half of the cascades say something
 * about who is right. */
struct instance {
    struct ebjr_stages stages;
    double *score[EBJR_STAGES];
    uint8_t *correct[EBJR_STAGES];
};

static void instance_make(struct instance *made, gsl_rng *rng, size_t k, size_t n, size_t levels)
{
    *made = (struct instance){.stages = {.k = k, .n = n}};
    double slope = gsl_rng_uniform_int(rng, 2) ? 0.5 : 0;
    for (size_t j = 0; j < k; j++) {
        made->stages.score[j] = made->score[j] = malloc(n * sizeof(double));
        made->stages.correct[j] = made->correct[j] = malloc(n);
        made->stages.cost[j] = (double)(1 + gsl_rng_uniform_int(rng, 8)) * (double)(1 << j);
        for (size_t i = 0; i < n; i++) {
            unsigned long level = gsl_rng_uniform_int(rng, levels);
            double chance = 0.3 + slope * (double)level / (double)levels + 0.05 * (double)j;
            made->score[j][i] = (double)level - 2;
            made->correct[j][i] = gsl_rng_uniform(rng) < chance;
        }
    }
}

static void instance_free(struct instance *made)
{
    for (size_t j = 0; j < EBJR_STAGES; j++) {
        free(made->score[j]);
        free(made->correct[j]);
    }
}

/* Counts sample by sample, with costs added up sample by sample. */
static struct ebjr_stages_point count(const struct ebjr_stages *stages, const double *threshold)
{
    struct ebjr_stages_point point = {0};
    double total = 0;
    for (size_t i = 0; i < stages->n; i++) {
        for (size_t j = 0; j < stages->k; j++) {
            total += stages->cost[j];
            if (j == stages->k - 1 || stages->score[j][i] >= threshold[j]) {
                point.answered[j]++;
                point.correct += stages->correct[j][i];
                break;
            }
        }
    }
    memcpy(point.threshold, threshold, (stages->k - 1) * sizeof *threshold);
    point.cost = total / (double)stages->n;
    return point;
}

/* Every vector of thresholds from {+inf, LEVELS - 3, ..., -2}; k <= 5. Returns how many. */
static size_t enumerate(struct ebjr_stages_point *all, const struct ebjr_stages *stages)
{
    size_t found = 0, vectors = 1;
    for (size_t j = 0; j + 1 < stages->k; j++)
        vectors *= LEVELS + 1;
    for (size_t v = 0; v < vectors; v++) {
        double threshold[EBJR_STAGES] = {0};
        for (size_t j = 0, rest = v; j + 1 < stages->k; j++, rest /= LEVELS + 1)
            threshold[j] =
                rest % (LEVELS + 1) ? LEVELS - 2 - (double)(rest % (LEVELS + 1)) : INFINITY;
        all[found++] = count(stages, threshold);
    }
    return found;
}

static void assert_counted(const struct ebjr_stages *stages, const struct ebjr_stages_point *point)
{
    struct ebjr_stages_point same = count(stages, point->threshold);
    assert_int_equal(point->correct, same.correct);
    assert_memory_equal(point->answered, same.answered, sizeof same.answered);
    assert_close(point->cost, same.cost, 1e-9 * same.cost);
}

static void assert_same(const struct ebjr_stages_point *a, const struct ebjr_stages_point *b)
{
    assert_int_equal(a->correct, b->correct);
    assert_memory_equal(a->answered, b->answered, sizeof a->answered);
    assert_memory_equal(a->threshold, b->threshold, sizeof a->threshold);
    assert_true(a->cost == b->cost);
}

static void test_at_counts(void **state)
{
    (void)state;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    for (int round = 0; round < 100; round++) {
        struct instance made;
        size_t k = 1 + gsl_rng_uniform_int(rng, EBJR_STAGES);
        double threshold[EBJR_STAGES];
        instance_make(&made, rng, k, 1 + gsl_rng_uniform_int(rng, MOST), LEVELS);
        for (size_t j = 0; j < EBJR_STAGES; j++)
            threshold[j] = gsl_rng_uniform_int(rng, 4) ? floor(gsl_rng_uniform(rng) * 12) / 2 - 2
                                                       : INFINITY; /* half of them are scores */
        struct ebjr_stages_point point;
        ebjr_stages_at(&point, &made.stages, threshold);
        assert_memory_equal(point.threshold, threshold, (k - 1) * sizeof *threshold);
        assert_counted(&made.stages, &point);
        instance_free(&made);
    }
    gsl_rng_free(rng);
}

static double curve_cost(const struct ebjr_curve *curve, size_t i, const struct ebjr_stages *stages)
{
    return ebjr_point_cost(curve, &curve->points[i], stages->cost[0], stages->cost[1]);
}

static int64_t curve_correct(const struct ebjr_curve *curve, size_t i)
{
    return curve->teacher_correct + curve->points[i].help - curve->points[i].harm;
}

static struct ebjr_stages_point curve_point(const struct ebjr_curve *curve, size_t i,
                                            const struct ebjr_stages *stages)
{
    return (struct ebjr_stages_point){
        .threshold = {curve->points[i].threshold},
        .answered = {curve->points[i].student, curve->n - curve->points[i].student},
        .correct = curve_correct(curve, i),
        .cost = curve_cost(curve, i, stages)};
}

/* Two stages: the same numbers, bit for bit, as the best point of the sweep. */
static void test_two_optimum(void **state)
{
    (void)state;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    for (int round = 0; round < 300; round++) {
        struct instance made;
        struct ebjr_curve curve;
        instance_make(&made, rng, 2, 1 + gsl_rng_uniform_int(rng, 200),
                      1 + gsl_rng_uniform_int(rng, round % 2 ? LEVELS : 1000));
        double lambda = round % 5 ? gsl_rng_uniform(rng) * 0.2 : 0;
        assert_int_equal(
            ebjr_sweep(&curve, made.score[0], made.correct[0], made.correct[1], made.stages.n), 0);
        size_t best = 0;
        double greatest = -INFINITY;
        for (size_t i = curve.count; i-- > 0;) { /* from the cheapest on */
            double value = (double)curve_correct(&curve, i) -
                           lambda * curve_cost(&curve, i, &made.stages) * (double)curve.n;
            if (value > greatest) {
                greatest = value;
                best = i;
            }
        }
        struct ebjr_stages_point point, expected = curve_point(&curve, best, &made.stages);
        assert_int_equal(ebjr_stages_optimise(&point, &made.stages, lambda), 0);
        assert_same(&point, &expected);
        ebjr_curve_free(&curve);
        instance_free(&made);
    }
    gsl_rng_free(rng);
}

/* Two stages: the front is all points of the sweep that none of the others dominates. */
static void test_two_front(void **state)
{
    (void)state;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    for (int round = 0; round < 100; round++) {
        struct instance made;
        struct ebjr_curve curve;
        struct ebjr_stages_point *front;
        size_t points, found = 0;
        instance_make(&made, rng, 2, 1 + gsl_rng_uniform_int(rng, 300),
                      1 + gsl_rng_uniform_int(rng, round % 2 ? LEVELS : 1000));
        assert_int_equal(
            ebjr_sweep(&curve, made.score[0], made.correct[0], made.correct[1], made.stages.n), 0);
        assert_int_equal(ebjr_stages_front(&front, &points, &made.stages), 0);
        for (size_t i = curve.count; i-- > 0;) {
            int dominated = 0;
            for (size_t other = i + 1; other < curve.count; other++) /* cheaper */
                dominated |= curve_correct(&curve, other) >= curve_correct(&curve, i);
            if (dominated)
                continue;
            struct ebjr_stages_point expected = curve_point(&curve, i, &made.stages);
            assert_true(found < points);
            assert_same(&front[found++], &expected);
        }
        assert_int_equal(found, points);
        free(front);
        ebjr_curve_free(&curve);
        instance_free(&made);
    }
    gsl_rng_free(rng);
}

static double value_of(const struct ebjr_stages_point *point, const struct ebjr_stages *stages,
                       double lambda)
{
    return (double)point->correct - lambda * (double)stages->n * point->cost;
}

static size_t best_of(const struct ebjr_stages_point *all, size_t vectors,
                      const struct ebjr_stages *stages, double lambda)
{
    size_t best = 0;
    for (size_t v = 1; v < vectors; v++)
        if (value_of(&all[v], stages, lambda) > value_of(&all[best], stages, lambda))
            best = v;
    return best;
}

/* Returns how many of `rounds` random cascades have their global optimum found. In all of them no
 * change of two thresholds may better what was found. */
static int optima_found(size_t k, int rounds)
{
    static struct ebjr_stages_point all[VECTORS];
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    int found = 0;
    for (int round = 0; round < rounds; round++) {
        struct instance made;
        struct ebjr_stages_point point;
        instance_make(&made, rng, k, 1 + gsl_rng_uniform_int(rng, MOST), LEVELS);
        double lambda = round % 5 ? gsl_rng_uniform(rng) * 0.2 : 0;
        size_t vectors = enumerate(all, &made.stages);
        size_t best = best_of(all, vectors, &made.stages, lambda);
        assert_int_equal(ebjr_stages_optimise(&point, &made.stages, lambda), 0);
        assert_counted(&made.stages, &point);
        double lacking =
            value_of(&all[best], &made.stages, lambda) - value_of(&point, &made.stages, lambda);
        assert_true(lacking > -1e-9);
        found += lacking < 1e-9;
        for (size_t v = 0; v < vectors; v++) {
            size_t changed = 0;
            for (size_t j = 0; j + 1 < k; j++)
                changed += all[v].threshold[j] != point.threshold[j];
            assert_true(changed > 2 || value_of(&all[v], &made.stages, lambda) <
                                           value_of(&point, &made.stages, lambda) + 1e-9);
        }
        instance_free(&made);
    }
    gsl_rng_free(rng);
    return found;
}

static void test_three_optimum(void **state)
{
    (void)state;
    assert_int_equal(optima_found(3, 400), 400);
}

/* Three stages of distinct scores: all pairs of the scores there are. */
static void test_three_optimum_distinct(void **state)
{
    (void)state;
    enum { N = 120 };
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    for (int round = 0; round < 10; round++) {
        struct instance made;
        struct ebjr_stages_point point;
        double greatest = -INFINITY, lambda = gsl_rng_uniform(rng) * 0.05;
        instance_make(&made, rng, 3, N, 1000000);
        for (size_t a = 0; a <= N; a++) {
            for (size_t b = 0; b <= N; b++) {
                double threshold[] = {a < N ? made.score[0][a] : INFINITY,
                                      b < N ? made.score[1][b] : INFINITY};
                struct ebjr_stages_point one = count(&made.stages, threshold);
                greatest = fmax(greatest, value_of(&one, &made.stages, lambda));
            }
        }
        assert_int_equal(ebjr_stages_optimise(&point, &made.stages, lambda), 0);
        assert_counted(&made.stages, &point);
        assert_close(value_of(&point, &made.stages, lambda), greatest, 1e-9);
        instance_free(&made);
    }
    gsl_rng_free(rng);
}

/* Four stages and five: what no change of two thresholds betters is mostly the global optimum. */
static void test_more_optimum(void **state)
{
    (void)state;
    int rounds = getenv("EBJR_LONG") ? 2000 : 200;
    for (size_t k = 4; k <= 5; k++) {
        int found = optima_found(k, rounds);
        print_message("k = %zu: the global optimum in %d of %d cascades\n", k, found, rounds);
        assert_true(found >= rounds * 97 / 100);
    }
}

/* Of equals the cheapest: lambda and costs are dyadic, so that sums and ties are exact. */
static void test_ties_go_to_the_cheapest(void **state)
{
    (void)state;
    static struct ebjr_stages_point all[VECTORS];
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    for (int round = 0; round < 200; round++) {
        struct instance made;
        struct ebjr_stages_point point;
        instance_make(&made, rng, 3, 32, LEVELS); /* n = 2^5: the mean is exact too */
        double lambda = (double)gsl_rng_uniform_int(rng, 4) / 16;
        size_t vectors = enumerate(all, &made.stages);
        size_t best = best_of(all, vectors, &made.stages, lambda);
        for (size_t v = 0; v < vectors; v++)
            if (value_of(&all[v], &made.stages, lambda) ==
                    value_of(&all[best], &made.stages, lambda) &&
                all[v].cost < all[best].cost)
                best = v;
        assert_int_equal(ebjr_stages_optimise(&point, &made.stages, lambda), 0);
        assert_true(point.cost == all[best].cost);
        assert_int_equal(point.correct, all[best].correct);
        instance_free(&made);
    }
    gsl_rng_free(rng);
}

/* (cost, correct) of the front are those of all vectors that no other dominates. */
static void check_front(size_t k, int rounds)
{
    static struct ebjr_stages_point all[VECTORS];
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    for (int round = 0; round < rounds; round++) {
        struct instance made;
        struct ebjr_stages_point *front;
        size_t points;
        instance_make(&made, rng, k, 1 + gsl_rng_uniform_int(rng, MOST), LEVELS);
        if (round % 4 == 0)
            made.stages.cost[1] = 0; /* a stage for nothing: many points cost the same */
        size_t vectors = enumerate(all, &made.stages);
        assert_int_equal(ebjr_stages_front(&front, &points, &made.stages), 0);
        for (size_t p = 0; p < points; p++) {
            assert_counted(&made.stages, &front[p]);
            if (p > 0)
                assert_true(front[p].cost > front[p - 1].cost &&
                            front[p].correct > front[p - 1].correct);
            for (size_t v = 0; v < vectors; v++)
                assert_false(all[v].correct >= front[p].correct &&
                             all[v].cost < front[p].cost * (1 - 1e-12));
        }
        for (size_t v = 0; v < vectors; v++) {
            int covered = 0;
            for (size_t p = 0; p < points; p++)
                covered |= front[p].correct >= all[v].correct &&
                           front[p].cost <= all[v].cost * (1 + 1e-12);
            assert_true(covered);
        }
        free(front);
        instance_free(&made);
    }
    gsl_rng_free(rng);
}

static void test_three_front(void **state)
{
    (void)state;
    check_front(3, 200);
}

static void test_four_front(void **state)
{
    (void)state;
    check_front(4, 50);
}

/* Beyond the exact: n = 3,000 of distinct scores and four stages. No point is dominated, each is
 * what counting says, and the front's best for any lambda lacks at most one right answer of the
 * optimum. */
static void test_front_on_a_grid(void **state)
{
    (void)state;
    enum { N = 3000 };
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    struct instance made;
    struct ebjr_stages_point *front, best;
    size_t points;
    instance_make(&made, rng, 4, N, 1000000);
    assert_int_equal(ebjr_stages_front(&front, &points, &made.stages), 0);
    assert_true(points > 100);
    for (size_t p = 0; p < points; p++) {
        assert_counted(&made.stages, &front[p]);
        if (p > 0)
            assert_true(front[p].cost > front[p - 1].cost &&
                        front[p].correct > front[p - 1].correct);
    }
    for (double lambda = 0.0011; lambda < 0.1; lambda *= 2.3) {
        double value = -INFINITY;
        assert_int_equal(ebjr_stages_optimise(&best, &made.stages, lambda), 0);
        for (size_t p = 0; p < points; p++)
            value = fmax(value, value_of(&front[p], &made.stages, lambda));
        assert_true(value >= value_of(&best, &made.stages, lambda) - 1);
    }
    free(front);
    instance_free(&made);
    gsl_rng_free(rng);
}

static void test_one_stage(void **state)
{
    (void)state;
    const uint8_t correct[] = {1, 0, 1};
    struct ebjr_stages stages = {.k = 1, .n = 3, .correct = {correct}, .cost = {7}};
    struct ebjr_stages_point point, *front;
    size_t points;
    assert_int_equal(ebjr_stages_optimise(&point, &stages, 1), 0);
    assert_int_equal(point.correct, 2);
    assert_int_equal(point.answered[0], 3);
    assert_true(point.cost == 7);
    assert_int_equal(ebjr_stages_front(&front, &points, &stages), 0);
    assert_int_equal(points, 1);
    assert_same(&front[0], &point);
    free(front);
}

/* All right, all wrong, one sample, equal scores, costs and lambdas at the ends of double. */
static void test_extremes(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 2, 50};
    const double costs[] = {0, 5e-324, 1, 1e304}, lambdas[] = {0, 5e-324, 1, 1e308};
    uint8_t all[2][50];
    double score[50];
    memset(all[0], 0, sizeof all[0]);
    memset(all[1], 1, sizeof all[1]);
    for (int pattern = 0; pattern < 8 * 3; pattern++) {
        for (int i = 0; i < 50; i++)
            score[i] = pattern % 3 == 0 ? 0.0 : pattern % 3 == 1 ? -0.0 : (i % 2 ? 1e308 : -1e308);
        for (size_t c = 0; c < 4 * 4 * 3; c++) {
            struct ebjr_stages stages = {
                .k = 3,
                .n = sizes[c / 16],
                .score = {score, score},
                .correct = {all[pattern / 3 & 1], all[pattern / 6 & 1], all[pattern / 12 & 1]},
                .cost = {1, costs[c % 4], costs[c % 4]}};
            struct ebjr_stages_point point, *front;
            size_t points;
            int64_t most = pattern >= 3 ? (int64_t)stages.n : 0;
            assert_int_equal(ebjr_stages_optimise(&point, &stages, lambdas[c / 4 % 4]), 0);
            assert_counted(&stages, &point);
            assert_int_equal(ebjr_stages_front(&front, &points, &stages), 0);
            assert_int_equal(front[points - 1].correct, most);
            free(front);
        }
    }
}

static void test_refuses(void **state)
{
    (void)state;
    double score[] = {1, 2};
    const uint8_t correct[] = {1, 0};
    const struct ebjr_stages good = {
        .k = 2, .n = 2, .score = {score}, .correct = {correct, correct}, .cost = {1, 2}};
    struct ebjr_stages stages[] = {good, good, good, good, good, good, good};
    stages[0].n = 0;
    stages[1].k = 0;
    stages[2].k = EBJR_STAGES + 1;
    stages[3].cost[1] = -1;
    stages[4].cost[0] = NAN;
    stages[5].cost[1] = INFINITY;
    stages[6].cost[1] = 1e308;
    struct ebjr_stages_point point, *front;
    size_t points;
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        assert_int_equal(ebjr_stages_optimise(&point, &stages[i], 0), EBJR_EINVAL);
        assert_int_equal(ebjr_stages_front(&front, &points, &stages[i]), EBJR_EINVAL);
        assert_null(front);
    }
    const double bad[] = {-1, NAN, INFINITY};
    for (int i = 0; i < 3; i++)
        assert_int_equal(ebjr_stages_optimise(&point, &good, bad[i]), EBJR_EINVAL);
    for (int i = 1; i < 3; i++) {
        score[1] = bad[i];
        assert_int_equal(ebjr_stages_optimise(&point, &good, 0), EBJR_EINVAL);
        assert_non_null(strstr(ebjr_error_last(), "stage 0, sample 1"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_counts),
        cmocka_unit_test(test_two_optimum),
        cmocka_unit_test(test_two_front),
        cmocka_unit_test(test_three_optimum),
        cmocka_unit_test(test_three_optimum_distinct),
        cmocka_unit_test(test_more_optimum),
        cmocka_unit_test(test_ties_go_to_the_cheapest),
        cmocka_unit_test(test_three_front),
        cmocka_unit_test(test_four_front),
        cmocka_unit_test(test_front_on_a_grid),
        cmocka_unit_test(test_one_stage),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests_name("calib_stages", tests, NULL, NULL);
}
