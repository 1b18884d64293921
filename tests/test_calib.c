#include "calib/measured.h"
#include "calib/order.h"
#include "calib/sweep.h"
#include "support.h"

#include <float.h>
#include <math.h>

/* order.h */

/* Any double but NaN; the corners come often. */
static double random_score(uint64_t *seed)
{
    static const double corners[] = {
        0.0,      -0.0,     5e-324,    -5e-324, 1e-310, -1e-310, DBL_MIN, -DBL_MIN,       DBL_MAX,
        -DBL_MAX, HUGE_VAL, -HUGE_VAL, 1.0,     -1.0,   4.6195,  2.46,    1 + DBL_EPSILON};
    double score;
    if (random_below(seed, 4) == 0)
        return corners[random_below(seed, COUNT(corners))];
    do
        score = double_of(random_bits(seed));
    while (isnan(score));
    return score;
}

static void key_orders_like_its_score(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 200000; i++) {
        double a = random_score(&seed);
        double b = i % 3 == 0 ? nextafter(a, -HUGE_VAL) : random_score(&seed);
        assert_int_equal(ebjr_key_of(a) < ebjr_key_of(b), a > b);
        assert_int_equal(ebjr_key_of(a) == ebjr_key_of(b), a == b);
    }
}

static void key_gives_its_score_back(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 100000; i++) {
        double score = random_score(&seed);
        uint64_t expected = score == 0 ? bits_of(0.0) : bits_of(score);
        assert_int_equal(bits_of(ebjr_key_score(ebjr_key_of(score))), expected);
    }
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

enum pattern {
    RANDOM,
    TIED,
    SORTED,
    REVERSED,
    CONSTANT,
    ONE_DIGIT,
    TWO_ENDS,
    STAIRS,
    CROWDED,
    SCORES,
    PATTERNS
};

static uint64_t patterned_key(enum pattern pattern, size_t i, size_t n, uint64_t *seed)
{
    switch (pattern) {
    case TIED: return random_below(seed, 5) * UINT64_C(0x123456789abcdef);
    case SORTED: return i * UINT64_C(0x10001);
    case REVERSED: return (n - i) * UINT64_C(0x10001);
    case CONSTANT: return UINT64_C(0xfedcba9876543210);
    case ONE_DIGIT: return random_below(seed, 2048) << 22; /* an odd number of passes */
    case TWO_ENDS: return random_below(seed, 2) ? UINT64_MAX : 0;
    case STAIRS: return UINT64_MAX >> random_below(seed, 64);
    case CROWDED: return i % 50 == 49 ? 0 : bits_of(1.0) + random_below(seed, 1000);
    case SCORES: return ebjr_key_of(random_score(seed));
    default: return random_bits(seed);
    }
}

static void sort_agrees_with_qsort(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 128, 1000, 100000};
    uint64_t seed = 3;
    for (size_t s = 0; s < COUNT(sizes); s++) {
        size_t n = sizes[s], bytes = n * sizeof(uint64_t);
        for (enum pattern pattern = 0; pattern < PATTERNS; pattern++) {
            uint64_t *keys = malloc(bytes), *expected = malloc(bytes), *room = malloc(bytes);
            for (size_t i = 0; i < n; i++)
                expected[i] = keys[i] = patterned_key(pattern, i, n, &seed);
            qsort(expected, n, sizeof *expected, compare_keys);
            ebjr_key_sort(keys, room, n);
            assert_memory_equal(keys, expected, bytes);
            free(keys);
            free(expected);
            free(room);
        }
    }
}

/* sweep.h */

enum { MOST = 300, INSTANCES = 300 };

struct samples {
    size_t n;
    double score[MOST];
    uint8_t student[MOST], teacher[MOST]; /* any byte but 0 is "right" */
};

static double finite_score(uint64_t *seed)
{
    double score;
    do
        score = random_score(seed);
    while (isinf(score));
    return score;
}

/* Scores are drawn from few values, so that most are tied. */
static struct samples random_samples(uint64_t *seed)
{
    struct samples samples = {.n = 1 + random_below(seed, MOST)};
    double values[MOST];
    size_t distinct = 1 + random_below(seed, random_below(seed, 2) ? MOST : 8);
    bool small = random_below(seed, 2);
    for (size_t i = 0; i < distinct; i++)
        values[i] = small ? (double)random_below(seed, 9) / 8 - 0.5 : finite_score(seed);
    for (size_t i = 0; i < samples.n; i++) {
        samples.score[i] = values[random_below(seed, distinct)];
        samples.student[i] = (uint8_t)(random_below(seed, 3) * 85);
        samples.teacher[i] = (uint8_t)random_below(seed, 2);
    }
    return samples;
}

static void assert_swept(struct ebjr_curve *curve, const struct samples *samples)
{
    assert_done(ebjr_sweep(curve, samples->score, samples->student, samples->teacher, samples->n));
}

/* What a threshold does by its definition, one sample at a time. */
struct outcome {
    int64_t student, harm, help, right, teacher_right, student_right;
    long double cost;
};

static struct outcome outcome_at(const struct samples *samples, double threshold,
                                 double student_cost, double teacher_cost)
{
    struct outcome outcome = {0};
    for (size_t i = 0; i < samples->n; i++) {
        bool s = samples->student[i], t = samples->teacher[i];
        bool student_answers = samples->score[i] >= threshold;
        outcome.student += student_answers;
        outcome.harm += student_answers && !s && t;
        outcome.help += student_answers && s && !t;
        outcome.right += student_answers ? s : t;
        outcome.student_right += s;
        outcome.teacher_right += t;
        outcome.cost += (long double)student_cost + (student_answers ? 0.0L : teacher_cost);
    }
    outcome.cost /= (long double)samples->n;
    return outcome;
}

static void assert_same_counts(const struct ebjr_point *point, const struct outcome *outcome)
{
    assert_int_equal(point->student, outcome->student);
    assert_int_equal(point->harm, outcome->harm);
    assert_int_equal(point->help, outcome->help);
}

static void assert_point(const struct ebjr_curve *curve, size_t k, const struct samples *samples,
                         double threshold)
{
    const double student_cost = 130e6, teacher_cost = 4.1e9;
    const struct ebjr_point *point = &curve->points[k];
    struct outcome outcome = outcome_at(samples, threshold, student_cost, teacher_cost);
    double n = (double)samples->n, teacher_rate = (double)(curve->n - outcome.student) / n;
    double cost = ebjr_point_cost(curve, point, student_cost, teacher_cost);

    assert_true(point->threshold == threshold);
    assert_same_counts(point, &outcome);
    assert_int_equal(bits_of(ebjr_point_share(curve, point)), bits_of((double)outcome.student / n));
    assert_int_equal(bits_of(ebjr_point_accuracy(curve, point)),
                     bits_of((double)outcome.right / n));
    assert_int_equal(bits_of(cost), bits_of(student_cost + teacher_rate * teacher_cost));
    assert_true(fabsl(cost - outcome.cost) <= 4 * DBL_EPSILON * outcome.cost);
}

static int compare_descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* +inf, then every distinct score from the largest to the smallest. */
static size_t thresholds_of(double out[MOST + 1], const struct samples *samples)
{
    double sorted[MOST];
    size_t count = 0;
    memcpy(sorted, samples->score, sizeof sorted);
    qsort(sorted, samples->n, sizeof *sorted, compare_descending);
    out[count++] = HUGE_VAL;
    for (size_t i = 0; i < samples->n; i++)
        if (sorted[i] != out[count - 1])
            out[count++] = sorted[i];
    return count;
}

static void assert_curve(const struct samples *samples)
{
    struct ebjr_curve curve;
    double thresholds[MOST + 1];
    size_t count = thresholds_of(thresholds, samples);
    struct outcome all = outcome_at(samples, -HUGE_VAL, 0, 0);
    assert_swept(&curve, samples);
    assert_int_equal(curve.n, samples->n);
    assert_int_equal(curve.student_correct, all.student_right);
    assert_int_equal(curve.teacher_correct, all.teacher_right);
    assert_int_equal(curve.count, count);
    for (size_t k = 0; k < count; k++)
        assert_point(&curve, k, samples, thresholds[k]);
    ebjr_curve_free(&curve);
}

static void sweep_is_the_brute_force(void **state)
{
    (void)state;
    uint64_t seed = 4;
    for (int i = 0; i < INSTANCES; i++) {
        struct samples samples = random_samples(&seed);
        assert_curve(&samples);
    }
}

static void sweep_of_one_group(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (int i = 0; i < 50; i++) {
        struct samples samples = random_samples(&seed);
        double score = finite_score(&seed);
        for (size_t k = 0; k < samples.n; k++)
            samples.score[k] = score;
        assert_curve(&samples);
        samples.n = 1;
        assert_curve(&samples);
    }
}

static void zeros_of_both_signs_are_one_group(void **state)
{
    (void)state;
    const struct samples samples = {.n = 4, .score = {0.0, -0.0, -0.0, 0.0}, .student = {1, 0, 1}};
    struct ebjr_curve curve;
    assert_swept(&curve, &samples);
    assert_int_equal(curve.count, 2);
    assert_int_equal(curve.points[1].student, 4);
    assert_int_equal(curve.points[1].help, 2);
    ebjr_curve_free(&curve);
}

static void sweep_goes_from_teacher_to_student(void **state)
{
    (void)state;
    uint64_t seed = 6;
    for (int i = 0; i < INSTANCES; i++) {
        struct samples samples = random_samples(&seed);
        struct ebjr_curve curve;
        assert_swept(&curve, &samples);
        const struct ebjr_point *first = curve.points, *last = &curve.points[curve.count - 1];
        assert_true(first->threshold == HUGE_VAL);
        assert_true(first->student == 0 && first->harm == 0 && first->help == 0);
        assert_int_equal(last->student, samples.n);
        assert_int_equal(curve.teacher_correct + last->help - last->harm, curve.student_correct);
        for (const struct ebjr_point *p = first + 1; p <= last; p++) {
            assert_true(p->threshold < p[-1].threshold && p->student > p[-1].student);
            assert_true(p->harm >= p[-1].harm && p->help >= p[-1].help);
        }
        ebjr_curve_free(&curve);
    }
}

static void swap_samples(struct samples *samples, size_t i, size_t k)
{
    double score = samples->score[i];
    uint8_t student = samples->student[i], teacher = samples->teacher[i];
    samples->score[i] = samples->score[k];
    samples->student[i] = samples->student[k];
    samples->teacher[i] = samples->teacher[k];
    samples->score[k] = score;
    samples->student[k] = student;
    samples->teacher[k] = teacher;
}

static void shuffle(struct samples *samples, uint64_t *seed)
{
    for (size_t i = samples->n - 1; i > 0; i--)
        swap_samples(samples, i, random_below(seed, i + 1));
}

static void order_of_samples_does_not_matter(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 50; i++) {
        struct samples samples = random_samples(&seed);
        struct ebjr_curve curve, shuffled;
        assert_swept(&curve, &samples);
        shuffle(&samples, &seed);
        assert_swept(&shuffled, &samples);
        assert_int_equal(curve.count, shuffled.count);
        assert_memory_equal(curve.points, shuffled.points, curve.count * sizeof *curve.points);
        ebjr_curve_free(&curve);
        ebjr_curve_free(&shuffled);
    }
}

static void assert_at(const struct samples *samples, double threshold, const struct ebjr_point *on)
{
    struct ebjr_point point;
    struct outcome outcome = outcome_at(samples, threshold, 0, 0);
    ebjr_sweep_at(&point, threshold, samples->score, samples->student, samples->teacher,
                  samples->n);
    assert_int_equal(bits_of(point.threshold), bits_of(threshold));
    assert_same_counts(&point, &outcome);
    assert_same_counts(on, &outcome);
}

/* A threshold does what the nearest point of the curve at or above it does. */
static void sweep_at_lies_on_the_curve(void **state)
{
    (void)state;
    uint64_t seed = 8;
    for (int i = 0; i < 100; i++) {
        struct samples samples = random_samples(&seed);
        struct ebjr_curve curve;
        assert_swept(&curve, &samples);
        for (size_t k = 0; k < curve.count; k++) {
            const struct ebjr_point *point = &curve.points[k];
            double below = k + 1 < curve.count ? point[1].threshold : -HUGE_VAL;
            double middle = below / 2 + point->threshold / 2;
            assert_at(&samples, point->threshold, point);
            assert_at(&samples, nextafter(below, HUGE_VAL), point);
            if (below < middle && middle < point->threshold)
                assert_at(&samples, middle, point);
        }
        assert_at(&samples, -HUGE_VAL, &curve.points[curve.count - 1]);
        ebjr_curve_free(&curve);
    }
}

static void no_score_reaches_a_threshold_that_is_not_a_number(void **state)
{
    (void)state;
    const struct samples samples = {.n = 3, .score = {-1, 0, 1}, .student = {1, 1, 1}};
    struct ebjr_point point;
    ebjr_sweep_at(&point, NAN, samples.score, samples.student, samples.teacher, samples.n);
    assert_true(point.student == 0 && point.harm == 0 && point.help == 0);
}

static void sweep_refuses_what_is_not_finite(void **state)
{
    (void)state;
    const double bad[] = {NAN, -NAN, HUGE_VAL, -HUGE_VAL};
    uint64_t seed = 9;
    for (size_t i = 0; i < 100; i++) {
        struct samples samples = random_samples(&seed);
        struct ebjr_curve curve;
        char sample[32];
        size_t k = random_below(&seed, samples.n);
        samples.score[k] = bad[i % COUNT(bad)];
        snprintf(sample, sizeof sample, "sample %zu:", k);
        assert_refused(
            ebjr_sweep(&curve, samples.score, samples.student, samples.teacher, samples.n),
            EBJR_EINVAL, sample);
        assert_null(curve.points);
        ebjr_curve_free(&curve);
    }
}

static void sweep_refuses_nothing(void **state)
{
    (void)state;
    struct ebjr_curve curve;
    assert_refused(ebjr_sweep(&curve, NULL, NULL, NULL, 0), EBJR_EINVAL, "no samples");
    assert_null(curve.points);
    ebjr_curve_free(&curve);
}

/* measured.h */

static void every_sample_has_its_first_latency(void **state)
{
    (void)state;
    const int64_t sample[] = {2, 0, 2, 1, 0}, ns[] = {5, 0, 7, INT64_C(1) << 52, 9};
    double latency[3];
    bool whole = false;
    assert_done(ebjr_measured_assign(latency, &whole, 3, sample, ns, 5));
    assert_true(whole);
    assert_true(latency[0] == 0 && latency[1] == 0x1p52 && latency[2] == 5);
    assert_done(ebjr_measured_assign(latency, &whole, 3, sample, ns, 3));
    assert_false(whole);
    assert_true(latency[0] == 5 && latency[1] == 0 && latency[2] == 7);
    assert_done(ebjr_measured_assign(latency, &whole, 3, sample + 1, ns + 1, 2));
    assert_true(latency[0] == 0 && latency[1] == 7 && latency[2] == 0);
}

static void impossible_measurements_are_refused(void **state)
{
    (void)state;
    const int64_t good[] = {0, 1}, below[] = {0, -1}, beyond[] = {0, 2};
    double latency[2];
    bool whole;
    assert_status(ebjr_measured_assign(latency, &whole, 2, good, good, 0), EBJR_EINVAL);
    assert_status(ebjr_measured_assign(latency, &whole, 0, good, good, 2), EBJR_EINVAL);
    assert_refused(ebjr_measured_assign(latency, &whole, 2, below, good, 2), EBJR_EINVAL, "-1");
    assert_refused(ebjr_measured_assign(latency, &whole, 2, beyond, good, 2), EBJR_EINVAL, "of 2");
    assert_refused(ebjr_measured_assign(latency, &whole, 2, good, below, 2), EBJR_EINVAL, "-1 ns");
}

/* S and T uniform on 0 .. 9,999: P(S + T > x) = 1 - x^2 / (2 10^8) for x <= 10^4, all but exactly.
 * What the header says of its estimate: unbiased, with a variance of at most p (1 - p) / min(m). */
static void shared_latencies_estimate_a_sum(void **state)
{
    (void)state;
    enum { SAMPLES = 120, FAST = 20, SLOW = 30, ROUNDS = 20000, LIMIT = 6000 };
    const double p = 1 - (double)LIMIT * LIMIT / 2e8;
    int64_t sample[SLOW] = {0}, fast[FAST], slow[SLOW];
    double s[SAMPLES], t[SAMPLES], sum = 0, squares = 0;
    uint64_t seed = 5;
    for (int round = 0; round < ROUNDS; round++) {
        bool whole;
        int over = 0;
        for (int j = 0; j < SLOW; j++) {
            fast[j % FAST] = (int64_t)random_below(&seed, 10000);
            slow[j] = (int64_t)random_below(&seed, 10000);
        }
        assert_done(ebjr_measured_assign(s, &whole, SAMPLES, sample, fast, FAST));
        assert_done(ebjr_measured_assign(t, &whole, SAMPLES, sample, slow, SLOW));
        for (int i = 0; i < SAMPLES; i++)
            over += s[i] + t[i] > LIMIT;
        double estimate = (double)over / SAMPLES;
        sum += estimate;
        squares += (estimate - p) * (estimate - p);
    }
    double variance = squares / ROUNDS, bound = p * (1 - p) / FAST;
    assert_true(fabs(sum / ROUNDS - p) < 5 * sqrt(bound / ROUNDS) + 2e-4);
    assert_true(variance < bound);
    assert_true(variance > bound / 4); /* the bound says something */
}

static void summaries_by_counting(void **state)
{
    (void)state;
    uint64_t seed = 6;
    for (size_t n = 1; n <= 230; n++) {
        double latency[230], sum = 0;
        struct ebjr_measured_summary summary;
        for (size_t i = 0; i < n; i++)
            sum += latency[i] = (double)random_below(&seed, 300);
        assert_done(ebjr_measured_summarise(&summary, latency, n));
        assert_true(summary.mean == sum / (double)n); /* whole numbers: exact in any order */
        const double found[] = {summary.p50, summary.p95, summary.p99};
        const size_t percent[] = {50, 95, 99};
        for (size_t q = 0; q < COUNT(found); q++) {
            size_t below = 0, upto = 0;
            for (size_t i = 0; i < n; i++) {
                below += latency[i] < found[q];
                upto += latency[i] <= found[q];
            }
            assert_true(100 * upto >= percent[q] * n && 100 * below < percent[q] * n);
        }
    }
    struct ebjr_measured_summary none;
    assert_done(ebjr_measured_summarise(&none, NULL, 0));
    assert_true(isnan(none.mean) && isnan(none.p50) && isnan(none.p95) && isnan(none.p99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_orders_like_its_score),
        cmocka_unit_test(key_gives_its_score_back),
        cmocka_unit_test(sort_agrees_with_qsort),
        cmocka_unit_test(sweep_is_the_brute_force),
        cmocka_unit_test(sweep_of_one_group),
        cmocka_unit_test(zeros_of_both_signs_are_one_group),
        cmocka_unit_test(sweep_goes_from_teacher_to_student),
        cmocka_unit_test(order_of_samples_does_not_matter),
        cmocka_unit_test(sweep_at_lies_on_the_curve),
        cmocka_unit_test(no_score_reaches_a_threshold_that_is_not_a_number),
        cmocka_unit_test(sweep_refuses_what_is_not_finite),
        cmocka_unit_test(sweep_refuses_nothing),
        cmocka_unit_test(every_sample_has_its_first_latency),
        cmocka_unit_test(impossible_measurements_are_refused),
        cmocka_unit_test(shared_latencies_estimate_a_sum),
        cmocka_unit_test(summaries_by_counting),
    };
    return cmocka_run_group_tests_name("calib", tests, NULL, NULL);
}
