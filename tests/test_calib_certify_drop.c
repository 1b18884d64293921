/* The certificate of a drop: what it must never promise, by drawing from populations whose drops
 * are known in closed form. */
#include "base/error.h"
#include "calib/certify_drop.h"
#include "calib/pick.h"
#include "support.h"

#include <math.h>

enum { LEVELS = 50, CALIBRATION = 1500, TUNING = 500, DRAWS = 1000, MOST = CALIBRATION };

static const double DELTA = 0.1;

/*
 * Scores are k = 0..LEVELS-1, equally likely. The teacher alone is right with probability ALONE;
 * the joint answer with KEPT where it is and GAINED where it is not; the student, whatever the
 * others, with probability student_right(k).
 */
static const double ALONE = 0.95, KEPT = 0.99, GAINED = 0.35;

static double student_right(int k)
{
    return 0.8 + 0.19 * sqrt((double)k / LEVELS);
}

/* of a student that answers from level `first` on */
static double true_drop(double threshold)
{
    double joint = ALONE * KEPT + (1 - ALONE) * GAINED, drop = 0;
    for (int k = 0; k < LEVELS; k++)
        drop += (ALONE - (k >= threshold ? student_right(k) : joint)) / LEVELS;
    return drop;
}

struct drawn {
    double score[MOST];
    uint8_t student[MOST], joint[MOST], alone[MOST];
};

static double random_unit(uint64_t *seed)
{
    return (double)(random_bits(seed) >> 11) * 0x1p-53;
}

static void draw(struct drawn *out, size_t n, uint64_t *seed)
{
    for (size_t i = 0; i < n; i++) {
        int k = (int)random_below(seed, LEVELS);
        out->score[i] = k;
        out->student[i] = random_unit(seed) < student_right(k);
        out->alone[i] = random_unit(seed) < ALONE;
        out->joint[i] = random_unit(seed) < (out->alone[i] ? KEPT : GAINED);
    }
}

static struct ebjr_samples samples_of(const struct drawn *drawn, size_t n)
{
    return (struct ebjr_samples){.n = n,
                                 .score = drawn->score,
                                 .student_correct = drawn->student,
                                 .teacher_correct = drawn->joint,
                                 .alone = drawn->alone};
}

static double advantage_of(const struct drawn *drawn, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += drawn->alone[i] - drawn->joint[i];
    return sum / (double)n;
}

struct rates {
    double broken, feasible;
};

static struct rates pick_often(double limit, bool certify, enum ebjr_bound bound)
{
    static struct drawn calibration, tuning;
    uint64_t seed = 1;
    int broken = 0, feasible = 0;
    for (int i = 0; i < DRAWS; i++) {
        struct ebjr_pick pick;
        struct ebjr_pick_request request = {.objective = EBJR_MINIMIZE_TEACHER_RATE,
                                            .student_flops = NAN,
                                            .teacher_flops = NAN,
                                            .certify = certify,
                                            .delta = DELTA,
                                            .bound = bound,
                                            .order_seed = (uint64_t)i};
        draw(&calibration, CALIBRATION, &seed);
        draw(&tuning, TUNING, &seed);
        struct ebjr_samples from = samples_of(&calibration, CALIBRATION),
                            proposing = samples_of(&tuning, TUNING);
        for (int b = 0; b < EBJR_BUDGETS; b++)
            request.limit[b] = NAN;
        request.limit[EBJR_MAX_DROP] = limit;
        request.advantage = advantage_of(&calibration, CALIBRATION);
        assert_done(ebjr_pick(&pick, &from, &proposing, &request));
        if (pick.choice.feasible) {
            feasible++;
            broken += true_drop(pick.curve.points[pick.choice.index].threshold) > limit;
        }
        ebjr_pick_free(&pick);
    }
    return (struct rates){(double)broken / DRAWS, (double)feasible / DRAWS};
}

/* Limits from where hardly a threshold meets it to where some do by far. */
static void certified_picks_keep_their_promise(void **state)
{
    (void)state;
    const double error = 3 * sqrt(DELTA * (1 - DELTA) / DRAWS);
    double least = INFINITY;
    for (int k = 0; k < LEVELS; k++)
        least = fmin(least, true_drop(k));
    const double margins[] = {-0.001, 0.002, 0.015, 0.03};
    for (size_t m = 0; m < COUNT(margins); m++) {
        double limit = least + margins[m];
        struct rates betting = pick_often(limit, true, EBJR_BETTING);
        struct rates hoeffding = pick_often(limit, true, EBJR_HOEFFDING_BENTKUS);
        struct rates plain = pick_often(limit, false, EBJR_BETTING);
        print_message("limit %+.4f: broken by %.3f (betting), %.3f (Hoeffding-Bentkus), %.3f "
                      "(plain); feasible %.3f, %.3f, %.3f\n",
                      limit, betting.broken, hoeffding.broken, plain.broken, betting.feasible,
                      hoeffding.feasible, plain.feasible);
        assert_true(betting.broken <= DELTA + error && hoeffding.broken <= DELTA + error);
        assert_true(plain.broken > 3 * DELTA);
        assert_true(betting.feasible >= hoeffding.feasible);
        if (margins[m] == 0.03)
            assert_true(betting.feasible > 0.5);
    }
}

/* One threshold whose drop is the limit to the last digit: to certify it is an error. Samples come
 * in the worst order, kind losses first. */
static void a_drop_at_the_limit_is_rarely_certified(void **state)
{
    (void)state;
    enum { N = 400, MANY = 4000 };
    static struct drawn drawn, sorted;
    const double threshold = 20, limit = true_drop(threshold);
    const double error = 3 * sqrt(DELTA * (1 - DELTA) / MANY);
    uint64_t seed = 2;
    int certified[EBJR_BOUNDS] = {0};
    for (int i = 0; i < MANY; i++) {
        size_t used = 0;
        draw(&drawn, N, &seed);
        for (int loss = -1; loss <= 1; loss++) {
            for (size_t j = 0; j < N; j++) {
                bool keeps = drawn.score[j] >= threshold;
                if (drawn.alone[j] - (keeps ? drawn.student[j] : drawn.joint[j]) != loss)
                    continue;
                sorted.score[used] = drawn.score[j];
                sorted.student[used] = drawn.student[j];
                sorted.joint[used] = drawn.joint[j];
                sorted.alone[used++] = drawn.alone[j];
            }
        }
        struct ebjr_drop_samples samples = {N, sorted.score, sorted.student, sorted.joint,
                                            sorted.alone};
        for (int b = EBJR_BETTING; b < EBJR_BOUNDS; b++) {
            bool is_certified;
            assert_done(ebjr_certify_drop(&is_certified, &threshold, 1, limit, DELTA, &samples,
                                          (enum ebjr_bound)b, (uint64_t)i));
            certified[b] += is_certified;
        }
    }
    print_message("at the limit: certified %.3f (betting), %.3f (Hoeffding-Bentkus), delta %.1f\n",
                  (double)certified[EBJR_BETTING] / MANY,
                  (double)certified[EBJR_HOEFFDING_BENTKUS] / MANY, DELTA);
    assert_true(certified[EBJR_BETTING] <= (DELTA + error) * MANY);
    assert_true(certified[EBJR_HOEFFDING_BENTKUS] <= (DELTA + error) * MANY);
    assert_true(certified[EBJR_BETTING] > 0.01 * MANY); /* a bound that certifies nothing is none */
}

static void testing_stops_at_the_first_that_fails(void **state)
{
    (void)state;
    static struct drawn drawn;
    uint64_t seed = 3;
    const double thresholds[] = {45, 0, 45}; /* drops of about -0.008, 0.02, -0.008 */
    bool certified[3];
    draw(&drawn, CALIBRATION, &seed);
    struct ebjr_drop_samples samples = {CALIBRATION, drawn.score, drawn.student, drawn.joint,
                                        drawn.alone};
    assert_done(
        ebjr_certify_drop(certified, thresholds, 3, 0.015, DELTA, &samples, EBJR_BETTING, 1));
    assert_true(certified[0] && !certified[1] && !certified[2]);
    assert_done(ebjr_certify_drop(certified, thresholds, 3, 1, DELTA, &samples, EBJR_BETTING, 1));
    assert_true(certified[0] && certified[1] && certified[2]);
    static const double bad[] = {0, 1, -1, NAN};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_done(
            ebjr_certify_drop(certified, thresholds, 3, 0.5, bad[i], &samples, EBJR_BETTING, 1));
        assert_false(certified[0] || certified[1] || certified[2]);
    }
    assert_done(ebjr_certify_drop(certified, thresholds, 3, NAN, DELTA, &samples, EBJR_BETTING, 1));
    assert_false(certified[0]);
}

static void bounds_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static struct drawn drawn;
    uint64_t seed = 4;
    const double threshold = 1;
    bool certified;
    enum ebjr_bound bound;
    draw(&drawn, 10, &seed);
    struct ebjr_drop_samples samples = {10, drawn.score, drawn.student, drawn.joint, drawn.alone};
    assert_int_equal(
        ebjr_certify_drop(&certified, &threshold, 1, 0.1, DELTA, &samples, EBJR_CLOPPER_PEARSON, 1),
        EBJR_EINVAL);
    samples.n = 0;
    assert_int_equal(
        ebjr_certify_drop(&certified, &threshold, 1, 0.1, DELTA, &samples, EBJR_BETTING, 1),
        EBJR_EINVAL);
    for (int b = 0; b < EBJR_BOUNDS; b++) {
        assert_done(ebjr_bound_find(&bound, ebjr_bound_name((enum ebjr_bound)b)));
        assert_int_equal(bound, b);
    }
    assert_int_equal(ebjr_bound_find(&bound, "hoeffding"), EBJR_EINVAL);

    struct ebjr_samples from = samples_of(&drawn, 10);
    struct ebjr_pick pick;
    struct ebjr_pick_request request = {
        .objective = EBJR_MINIMIZE_TEACHER_RATE, .certify = true, .delta = DELTA};
    for (int b = 0; b < EBJR_BUDGETS; b++)
        request.limit[b] = NAN;
    request.limit[EBJR_MAX_DROP] = 0.1;
    assert_int_equal(ebjr_pick(&pick, &from, &from, &request), EBJR_EINVAL);
    request.bound = EBJR_BETTING; /* no tuning samples, no grid */
    assert_int_equal(ebjr_pick(&pick, &from, NULL, &request), EBJR_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certified_picks_keep_their_promise),
        cmocka_unit_test(a_drop_at_the_limit_is_rarely_certified),
        cmocka_unit_test(testing_stops_at_the_first_that_fails),
        cmocka_unit_test(bounds_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests_name("calib_certify_drop", tests, make_scratch, remove_scratch);
}
