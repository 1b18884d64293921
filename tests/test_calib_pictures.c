/* What pictures count: histograms, reliability, risk and coverage. */
#include "calib/binomial.h"
#include "calib/histogram.h"
#include "calib/reliability.h"
#include "calib/risk_coverage.h"
#include "calib/temperature.h"
#include "support.h"

#include <math.h>

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.17g, expected %.17g", value, expected);
}

/* Bins begin with their low edge; what is outside goes to the ends. */
static void bins_hold_their_low_edge(void **state)
{
    (void)state;
    const double values[] = {0, 0.249, 0.25, 0.5, 0.75, 0.999, 1, -3, 1e300, -INFINITY, NAN};
    const uint8_t use[] = {1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1};
    int64_t counts[4];
    ebjr_histogram(counts, 4, 0, 1, values, NULL, COUNT(values));
    const int64_t expected[] = {4, 1, 1, 4};
    assert_memory_equal(counts, expected, sizeof counts);
    ebjr_histogram(counts, 4, 0, 1, values, use, COUNT(values));
    const int64_t chosen[] = {4, 1, 0, 4};
    assert_memory_equal(counts, chosen, sizeof counts);
    ebjr_histogram(counts, 4, 0, 1, values, use, 0);
    const int64_t none[4] = {0};
    assert_memory_equal(counts, none, sizeof counts);
}

/* Bins end with their high edge, and 0 is in the first (Guo et al. 2017). */
static void reliability_bins_hold_their_high_edge(void **state)
{
    (void)state;
    const double confidence[] = {0, 0.5, 0.5, 0.500001, 1, 1};
    const uint8_t right[] = {0, 1, 0, 1, 1, 0};
    struct ebjr_reliability_bin bins[2];
    double error;
    assert_done(ebjr_reliability(bins, &error, 2, confidence, right, COUNT(right), 0.1));
    assert_int_equal(bins[0].n, 3);
    assert_int_equal(bins[0].right, 1);
    assert_int_equal(bins[1].n, 3);
    assert_int_equal(bins[1].right, 2);
    assert_near(bins[0].confidence, 1. / 3, 1e-15);
    assert_near(bins[1].confidence, 2.500001 / 3, 1e-15);
    assert_near(bins[1].accuracy, 2. / 3, 1e-15);
    assert_true(bins[1].lowest == ebjr_binomial_lower(2, 3, 0.05));
    assert_true(bins[1].highest == ebjr_binomial_upper(2, 3, 0.05));
    assert_near(error, (0 + 0.500001) / 6, 1e-15);
}

static void bins_without_samples_say_nothing(void **state)
{
    (void)state;
    struct ebjr_reliability_bin bins[3];
    const double confidence = 0.9;
    const uint8_t right = 1;
    double error;
    assert_done(ebjr_reliability(bins, &error, 3, &confidence, &right, 1, 0.05));
    assert_near(error, 0.1, 1e-15);
    assert_int_equal(bins[0].n, 0);
    assert_true(isnan(bins[0].accuracy) && isnan(bins[0].lowest) && isnan(bins[0].confidence));
    assert_done(ebjr_reliability(bins, &error, 3, &confidence, &right, 0, 0.05));
    assert_true(isnan(error));
}

static void what_is_no_confidence_is_refused(void **state)
{
    (void)state;
    struct ebjr_reliability_bin bin;
    const uint8_t right[] = {1, 1};
    double error;
    const double bad[] = {1.0000001, -0.1, NAN, INFINITY};
    for (size_t i = 0; i < COUNT(bad); i++) {
        const double confidence[] = {0.5, bad[i]};
        assert_refused(ebjr_reliability(&bin, &error, 1, confidence, right, 2, 0.05), EBJR_EINVAL,
                       "sample 1");
    }
    const double fine[] = {0.5, 1};
    assert_status(ebjr_reliability(&bin, &error, 1, fine, right, 2, 0), EBJR_EINVAL);
    assert_status(ebjr_reliability(&bin, &error, 1, fine, right, 2, 1), EBJR_EINVAL);
}

/* The ECE that temperature.h works out from logits. */
static void the_error_is_that_of_the_logits(void **state)
{
    (void)state;
    enum { ROWS = 1000, CLASSES = 4, BINS = 15 };
    static float logits[ROWS * CLASSES];
    static int32_t labels[ROWS];
    static double confidence[ROWS];
    static uint8_t right[ROWS];
    struct ebjr_reliability_bin bins[BINS];
    uint64_t seed = 4;
    double error;
    for (size_t i = 0; i < ROWS; i++) {
        float *z = logits + i * CLASSES;
        size_t best = 0;
        double sum = 0;
        for (size_t k = 0; k < CLASSES; k++) {
            z[k] = (float)random_below(&seed, 4000) / 1000;
            best = z[k] > z[best] ? k : best;
        }
        for (size_t k = 0; k < CLASSES; k++)
            sum += exp((double)z[k] - (double)z[best]);
        labels[i] = (int32_t)random_below(&seed, CLASSES);
        confidence[i] = 1 / sum;
        right[i] = labels[i] == (int32_t)best;
    }
    assert_done(ebjr_reliability(bins, &error, BINS, confidence, right, ROWS, 0.05));
    assert_near(error, ebjr_calibration_error(1, logits, labels, NULL, ROWS, CLASSES, BINS), 1e-12);
}

/* Against the definition: the k surest, equal ones in the mean over their orders. */
static void risk_and_area_are_as_defined(void **state)
{
    (void)state;
    enum { MANY = 60 };
    uint64_t seed = 11;
    for (int round = 0; round < 200; round++) {
        size_t n = 1 + random_below(&seed, MANY);
        double score[MANY], area = 0, before = 0, wrong_before = 0;
        uint8_t right[MANY];
        for (size_t i = 0; i < n; i++) {
            score[i] = (double)random_below(&seed, 20) - 10;
            right[i] = random_below(&seed, 3) > 0;
        }
        struct ebjr_risk_coverage curve;
        assert_done(ebjr_risk_coverage(&curve, score, right, n));
        assert_int_equal(curve.n, n);
        for (size_t g = 0; g < curve.count; g++) {
            double answered = 0, wrong = 0;
            for (size_t i = 0; i < n; i++) {
                answered += score[i] >= curve.threshold[g];
                wrong += score[i] >= curve.threshold[g] && !right[i];
            }
            assert_true(answered == (double)curve.answered[g]);
            assert_true(wrong == (double)curve.wrong[g]);
            assert_true(answered > before);
            for (double k = 1; k <= answered - before; k++)
                area += (wrong_before + k * (wrong - wrong_before) / (answered - before)) /
                        (before + k);
            before = answered;
            wrong_before = wrong;
        }
        assert_true(before == (double)n);
        assert_near(curve.area, area / (double)n, 1e-14);
        ebjr_risk_coverage_free(&curve);
    }
}

static void nothing_has_no_risk(void **state)
{
    (void)state;
    struct ebjr_risk_coverage curve;
    const double score[] = {1, NAN};
    const uint8_t right[] = {1, 0};
    assert_status(ebjr_risk_coverage(&curve, score, right, 0), EBJR_EINVAL);
    assert_refused(ebjr_risk_coverage(&curve, score, right, 2), EBJR_EINVAL, "sample 1");
    assert_null(curve.threshold);
    ebjr_risk_coverage_free(&curve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_hold_their_low_edge),
        cmocka_unit_test(reliability_bins_hold_their_high_edge),
        cmocka_unit_test(bins_without_samples_say_nothing),
        cmocka_unit_test(what_is_no_confidence_is_refused),
        cmocka_unit_test(the_error_is_that_of_the_logits),
        cmocka_unit_test(risk_and_area_are_as_defined),
        cmocka_unit_test(nothing_has_no_risk),
    };
    return cmocka_run_group_tests_name("calib_pictures", tests, NULL, NULL);
}
