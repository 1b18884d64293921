/*
 * Routers: temperature, logistic regression, averaged answers, classwise thresholds.
 *
 * Known values come from scipy 1.10.1 and scikit-learn 1.2.1 on data both sides make with the
 * minimal standard generator (x = 16807 x mod 2^31 - 1, from x = 1; u = x / (2^31 - 1)):
 *
 *   z = np.empty((200, 5), np.float32)
 *   for i in range(200):
 *       z[i] = [8 * next(u) - 4 for _ in range(5)]
 *       a, b = next(u), next(u)
 *       y[i] = z[i].argmax() if a < 0.6 else int(5 * b)
 *   nll = lambda t: np.mean(logsumexp(z / t, axis=1) - z[np.arange(200), y] / t)
 *   minimize_scalar(nll, bracket=(0.5, 2, 8), method='brent', tol=1e-14)
 *   p = softmax(z / 2, axis=1); conf = p.max(1); m = np.ceil(15 * conf)
 *   sum(abs((p.argmax(1) == y)[m == k].mean() - conf[m == k].mean()) * (m == k).mean() for k ...)
 *
 *   for i in range(300):
 *       a, b, c, d, e = (next(u) for _ in range(5))
 *       f[i] = [10 * a - 3, b * b, 5 * a + c, d < 0.3]
 *       t[i] = e < 1 / (1 + np.exp(2 + 2 * f[i, 1] - 0.8 * f[i, 0]))
 *   s = StandardScaler().fit(f)
 *   m = LogisticRegression(penalty='l2', C=1 / lambda, solver='newton-cholesky', tol=1e-12)
 *   m.fit(s.transform(f), t); w = m.coef_[0] / s.scale_; b = m.intercept_[0] - w @ s.mean_
 */
#include "base/error.h"
#include "calib/average.h"
#include "calib/classwise.h"
#include "calib/logistic.h"
#include "calib/temperature.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool long_run(void)
{
    return getenv("EBJR_LONG") != NULL;
}

static double next(int64_t *x)
{
    *x = 16807 * *x % 2147483647;
    return (double)*x / 2147483647;
}

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

static void assert_relative(double a, double b, double tolerance)
{
    assert_near(a, b, tolerance * fabs(b));
}

static void assert_invalid(int status)
{
    assert_int_equal(status, EBJR_EINVAL);
    assert_true(strlen(ebjr_error_last()) > 0);
}

/* A GSL call that fails must not reach the default handler, which aborts. */
static int handler_calls;

static void count_call(const char *reason, const char *file, int line, int code)
{
    (void)reason, (void)file, (void)line, (void)code;
    handler_calls++;
}

/* ---- temperature ---- */

enum { ROWS = 200, CLASSES = 5 };

static void noted_logits(float *z, int32_t *y)
{
    int64_t x = 1;
    for (int i = 0; i < ROWS; i++) {
        int best = 0;
        for (int k = 0; k < CLASSES; k++) {
            z[i * CLASSES + k] = (float)(8 * next(&x) - 4);
            best = z[i * CLASSES + k] > z[i * CLASSES + best] ? k : best;
        }
        double a = next(&x), b = next(&x);
        y[i] = a < 0.6 ? best : (int32_t)(5 * b);
    }
}

static void temperature_is_scipys(void **state)
{
    (void)state;
    float z[ROWS * CLASSES];
    int32_t y[ROWS];
    double t;
    noted_logits(z, y);
    assert_int_equal(ebjr_temperature_fit(&t, z, y, NULL, ROWS, CLASSES), 0);
    assert_relative(t, 2.439692733492797, 1e-6);
    /* brentq on the derivative, where scipy is good for more digits */
    assert_relative(t, 2.439692736485798, 1e-11);
    assert_relative(ebjr_temperature_nll(1, z, y, NULL, ROWS, CLASSES), 1.634830035253301, 1e-12);
    assert_relative(ebjr_temperature_nll(t, z, y, NULL, ROWS, CLASSES), 1.336026299309816, 1e-12);
    assert_relative(ebjr_calibration_error(2, z, y, NULL, ROWS, CLASSES, 15), 0.2623451668343618,
                    1e-12);
}

/* Labels drawn from softmax(z), z stored times a factor: T estimates the factor. With b = 1/T, the
 * information on b at b = 1 (logits not yet scaled) is sum Var_p[z], so T/factor has standard error
 * 1/sqrt(sum Var_p[z]) to first order. 20 draws, each within 5 of it: fails by chance once in
 * 1 / (20 * 6e-7) = 90,000 seeds. */
static void temperature_recovers_a_planted_one(void **state)
{
    (void)state;
    enum { N = 2000, C = 10, DRAWS = 20 };
    const double factors[] = {0.125, 0.7, 1, 3.1, 20};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    float *z = malloc(N * C * sizeof *z);
    int32_t *y = malloc(N * sizeof *y);
    for (int draw = 0; draw < DRAWS; draw++) {
        double factor = factors[draw % 5], information = 0, t;
        for (int i = 0; i < N; i++) {
            double base[C], sum = 0, mean = 0, square = 0;
            for (int k = 0; k < C; k++) {
                base[k] = gsl_ran_gaussian(rng, 2);
                sum += exp(base[k]);
                z[i * C + k] = (float)(factor * base[k]);
            }
            double u = gsl_rng_uniform(rng) * sum;
            y[i] = C - 1;
            for (int k = 0; k < C; k++) {
                mean += exp(base[k]) / sum * base[k];
                square += exp(base[k]) / sum * base[k] * base[k];
                if (u >= 0 && u < exp(base[k]))
                    y[i] = k;
                u -= exp(base[k]);
            }
            information += square - mean * mean;
        }
        assert_int_equal(ebjr_temperature_fit(&t, z, y, NULL, N, C), 0);
        assert_near(t / factor, 1, 5 / sqrt(information));
    }
    free(z);
    free(y);
    gsl_rng_free(rng);
}

/* Scaled by a power of two, which is exact in float32, T is scaled by the same. */
static void temperature_is_equivariant(void **state)
{
    (void)state;
    float z[ROWS * CLASSES], scaled[ROWS * CLASSES];
    int32_t y[ROWS];
    double t, of_scaled;
    noted_logits(z, y);
    assert_int_equal(ebjr_temperature_fit(&t, z, y, NULL, ROWS, CLASSES), 0);
    for (int power = -7; power <= 5; power++) {
        for (int i = 0; i < ROWS * CLASSES; i++)
            scaled[i] = ldexpf(z[i], power);
        assert_int_equal(ebjr_temperature_fit(&of_scaled, scaled, y, NULL, ROWS, CLASSES), 0);
        assert_relative(of_scaled, ldexp(t, power), 1e-11);
    }
}

static void temperature_takes_only_the_rows_in_use(void **state)
{
    (void)state;
    float z[ROWS * CLASSES], kept[ROWS * CLASSES];
    int32_t y[ROWS], kept_y[ROWS];
    uint8_t use[ROWS];
    size_t count = 0;
    double a, b;
    noted_logits(z, y);
    for (int i = 0; i < ROWS; i++) {
        use[i] = i % 3 != 1;
        if (use[i]) {
            memcpy(kept + count * CLASSES, z + i * CLASSES, CLASSES * sizeof *z);
            kept_y[count++] = y[i];
        } else {
            z[i * CLASSES] = NAN;
            y[i] = -7;
        }
    }
    assert_int_equal(ebjr_temperature_fit(&a, z, y, use, ROWS, CLASSES), 0);
    assert_int_equal(ebjr_temperature_fit(&b, kept, kept_y, NULL, count, CLASSES), 0);
    assert_true(a == b);
    assert_true(ebjr_temperature_nll(3, z, y, use, ROWS, CLASSES) ==
                ebjr_temperature_nll(3, kept, kept_y, NULL, count, CLASSES));
    assert_true(ebjr_calibration_error(3, z, y, use, ROWS, CLASSES, 10) ==
                ebjr_calibration_error(3, kept, kept_y, NULL, count, CLASSES, 10));
}

/* Two logits at a distance d: NLL log(1 + exp(-d/T)) where the larger is right, d/T more where not.
 */
static void temperature_stands_huge_logits(void **state)
{
    (void)state;
    const float z[] = {3e38f, -3e38f, -3e38f, 3e38f};
    const int32_t right[] = {0, 1}, wrong[] = {1, 0}, half[] = {0, 0};
    double t, distance = (double)z[0] - (double)z[1];
    assert_near(ebjr_temperature_nll(1, z, right, NULL, 2, 2), 0, 0);
    assert_relative(ebjr_temperature_nll(1, z, wrong, NULL, 2, 2), distance, 1e-15);
    assert_relative(ebjr_temperature_nll(0.01, z, wrong, NULL, 2, 2), distance * 100, 1e-15);
    assert_relative(ebjr_temperature_nll(1e40, z, wrong, NULL, 2, 2),
                    log1p(exp(-distance / 1e40)) + distance / 1e40, 1e-14);
    assert_int_equal(ebjr_temperature_fit(&t, z, half, NULL, 2, 2), 0);
    assert_near(t, 100, 0);
    assert_int_equal(ebjr_temperature_fit(&t, z, wrong, NULL, 2, 2), 0);
    assert_near(t, 100, 0);
    assert_int_equal(ebjr_temperature_fit(&t, z, right, NULL, 2, 2), 0);
    assert_true(t >= 0.01 && t <= 100);
    assert_near(ebjr_calibration_error(1, z, half, NULL, 2, 2, 10), 0.5, 0);
}

/* Logits d and 0, the larger right in r of n rows: 1/(1 + exp(-d/T)) = r/n, T = d / log(r/(n-r)).
 */
static void temperature_in_closed_form(void **state)
{
    (void)state;
    enum { N = 40 };
    float z[2 * N];
    int32_t y[N];
    double t;
    for (int right = 21; right < N; right++) {
        for (int i = 0; i < N; i++) {
            z[2 * i] = 2.5f;
            z[2 * i + 1] = 0;
            y[i] = i >= right;
        }
        assert_int_equal(ebjr_temperature_fit(&t, z, y, NULL, N, 2), 0);
        assert_relative(t, 2.5 / log(right / (double)(N - right)), 1e-11);
        assert_near(ebjr_calibration_error(t, z, y, NULL, N, 2, 10), 0, 1e-11);
        double p = 1 / (1 + exp(-2.5));
        assert_near(ebjr_calibration_error(1, z, y, NULL, N, 2, 10), fabs(right / (double)N - p),
                    1e-14);
    }
}

static void temperature_ends(void **state)
{
    (void)state;
    const float z[] = {1, 0, 0, 2}, flat[] = {5, 5, 5, 5};
    const int32_t right[] = {0, 1}, wrong[] = {1, 0};
    double t;
    assert_int_equal(ebjr_temperature_fit(&t, z, right, NULL, 2, 2), 0);
    assert_near(t, 0.01, 0);
    assert_int_equal(ebjr_temperature_fit(&t, z, wrong, NULL, 2, 2), 0);
    assert_near(t, 100, 0);
    assert_int_equal(ebjr_temperature_fit(&t, flat, wrong, NULL, 2, 2), 0);
    assert_near(t, 1, 0);
    assert_int_equal(ebjr_temperature_fit(&t, z, (const int32_t[]){0, 0, 0, 0}, NULL, 4, 1), 0);
    assert_near(t, 1, 0);
    assert_int_equal(ebjr_temperature_fit(&t, z, right, NULL, 1, 2), 0);
    assert_near(t, 0.01, 0);
}

/* p = 1/2, wrong, and p = 1/4, right: with two bins both are in (0, 1/2], |1 - 3/4| / 2. */
static void calibration_bins_are_closed_above(void **state)
{
    (void)state;
    const float z[] = {0, 0, -1000, -1000, 0, 0, 0, 0};
    const int32_t y[] = {3, 0};
    assert_near(ebjr_calibration_error(1, z, y, NULL, 2, 4, 2), 0.125, 1e-15);
    assert_near(ebjr_calibration_error(1, z, y, NULL, 2, 4, 4), 0.625, 1e-15);
    assert_near(ebjr_calibration_error(1, z, y, NULL, 2, 4, 1), 0.125, 1e-15);
}

static void temperature_refuses(void **state)
{
    (void)state;
    const float z[] = {1, 0}, nan[] = {1, NAN}, infinite[] = {INFINITY, 0};
    const int32_t y[] = {0}, outside[] = {2}, negative[] = {-1};
    const uint8_t none[] = {0};
    double t;
    assert_invalid(ebjr_temperature_fit(&t, z, y, NULL, 0, 2));
    assert_invalid(ebjr_temperature_fit(&t, z, y, none, 1, 2));
    assert_invalid(ebjr_temperature_fit(&t, z, y, NULL, 1, 0));
    assert_invalid(ebjr_temperature_fit(&t, z, outside, NULL, 1, 2));
    assert_invalid(ebjr_temperature_fit(&t, z, negative, NULL, 1, 2));
    assert_invalid(ebjr_temperature_fit(&t, nan, y, NULL, 1, 2));
    assert_invalid(ebjr_temperature_fit(&t, infinite, y, NULL, 1, 2));
    assert_true(isnan(ebjr_temperature_nll(1, z, y, NULL, 0, 2)));
    assert_true(isnan(ebjr_temperature_nll(0, z, y, NULL, 1, 2)));
    assert_true(isnan(ebjr_temperature_nll(NAN, z, y, NULL, 1, 2)));
    assert_true(isnan(ebjr_temperature_nll(1, z, outside, NULL, 1, 2)));
    assert_true(isnan(ebjr_temperature_nll(1, z, y, NULL, 1, 0)));
    assert_true(isnan(ebjr_temperature_nll(1, nan, y, NULL, 1, 2)));
    assert_true(isnan(ebjr_temperature_nll(1, infinite, y, NULL, 1, 2)));
    assert_true(isnan(ebjr_calibration_error(1, z, y, NULL, 1, 2, 0)));
    assert_true(isnan(ebjr_calibration_error(1, z, y, none, 1, 2, 5)));
    assert_true(isnan(ebjr_calibration_error(1, z, outside, NULL, 1, 2, 5)));
    assert_true(isnan(ebjr_calibration_error(1, nan, y, NULL, 1, 2, 5)));
    assert_true(isnan(ebjr_calibration_error(1, z, y, NULL, 1, 0, 5)));
}

/* ---- logistic ---- */

enum { NOTED = 300, NOTED_FEATURES = 4 };

static void noted_features(double *f, uint8_t *t)
{
    int64_t x = 1;
    for (int i = 0; i < NOTED; i++) {
        double a = next(&x), b = next(&x), c = next(&x), d = next(&x), e = next(&x);
        double row[NOTED_FEATURES] = {10 * a - 3, b * b, 5 * a + c, d < 0.3};
        memcpy(f + i * NOTED_FEATURES, row, sizeof row);
        t[i] = e < 1 / (1 + exp(2 + 2 * row[1] - 0.8 * row[0]));
    }
}

static void logistic_is_sklearns(void **state)
{
    (void)state;
    const struct {
        double lambda, intercept, weight[NOTED_FEATURES];
    } known[] = {
        {0.1,
         -3.3000524557795137,
         {0.65955405222335, -1.340540031575362, 0.4604535675829276, 0.2569326721553081}},
        {20,
         -2.806467696236669,
         {0.2959039589162552, -0.5112479936563359, 0.5500187555352144, 0.13938992929523147}},
    };
    double f[NOTED * NOTED_FEATURES];
    uint8_t t[NOTED];
    struct ebjr_logistic fit;
    noted_features(f, t);
    for (int k = 0; k < 2; k++) {
        assert_int_equal(
            ebjr_logistic_fit(&fit, f, t, NULL, NOTED, NOTED_FEATURES, known[k].lambda), 0);
        assert_int_equal(fit.features, NOTED_FEATURES);
        assert_relative(fit.intercept, known[k].intercept, 1e-6);
        for (int j = 0; j < NOTED_FEATURES; j++)
            assert_relative(fit.weight[j], known[k].weight[j], 1e-6);
        double score = known[k].intercept;
        for (int j = 0; j < NOTED_FEATURES; j++)
            score += known[k].weight[j] * f[7 * NOTED_FEATURES + j];
        assert_relative(ebjr_logistic_score(&fit, f + 7 * NOTED_FEATURES), score, 1e-6);
    }
}

/* The largest component of the loss's gradient, a row, in standardised features: 0 at the minimum,
 * which a strictly convex function has once. Written from logistic.h in long double. */
static double steepness(const struct ebjr_logistic *fit, const double *f, const uint8_t *t,
                        size_t n, size_t count, double lambda)
{
    long double mean[EBJR_FEATURES], deviation[EBJR_FEATURES], gradient[EBJR_FEATURES + 1] = {0};
    for (size_t j = 0; j < count; j++) {
        long double sum = 0, squares = 0;
        for (size_t i = 0; i < n; i++)
            sum += f[i * count + j];
        mean[j] = sum / n;
        for (size_t i = 0; i < n; i++)
            squares += (f[i * count + j] - mean[j]) * (f[i * count + j] - mean[j]);
        deviation[j] = sqrtl(squares / n);
        gradient[j] = lambda * fit->weight[j] * deviation[j];
    }
    for (size_t i = 0; i < n; i++) {
        long double score = fit->intercept;
        for (size_t j = 0; j < count; j++)
            score += (long double)fit->weight[j] * f[i * count + j];
        long double residual = 1 / (1 + expl(-score)) - (t[i] != 0);
        for (size_t j = 0; j < count; j++)
            if (deviation[j] > 0)
                gradient[j] += residual * (f[i * count + j] - mean[j]) / deviation[j];
        gradient[count] += residual;
    }
    long double largest = 0;
    for (size_t j = 0; j <= count; j++)
        largest = fmaxl(largest, fabsl(gradient[j]));
    return (double)(largest / n);
}

static void logistic_is_at_the_minimum(void **state)
{
    (void)state;
    size_t n = long_run() ? 50000 : 400, count = 256;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    double *f = malloc(n * count * sizeof *f);
    uint8_t *t = malloc(n);
    struct ebjr_logistic fit;
    for (size_t i = 0; i < n; i++) {
        double score = 0;
        for (size_t j = 0; j < count; j++) {
            f[i * count + j] = gsl_ran_gaussian(rng, 1 + (double)j) + 100 * (double)j;
            score += 0.1 * (f[i * count + j] - 100 * (double)j) / (1 + (double)j);
        }
        t[i] = gsl_rng_uniform(rng) < 1 / (1 + exp(-score));
    }
    assert_int_equal(ebjr_logistic_fit(&fit, f, t, NULL, n, count, 1), 0);
    assert_near(steepness(&fit, f, t, n, count, 1), 0, 1e-11);
    /* more features than rows: separable */
    assert_int_equal(ebjr_logistic_fit(&fit, f, t, NULL, 100, count, 0.01), 0);
    assert_near(steepness(&fit, f, t, 100, count, 0.01), 0, 1e-9);
    free(f);
    free(t);
    gsl_rng_free(rng);
}

/* One feature in {0, 1}, no penalty to speak of: b and b + w are the log odds of the two groups. */
static void logistic_in_closed_form(void **state)
{
    (void)state;
    enum { N = 100 };
    double f[N];
    uint8_t t[N];
    struct ebjr_logistic fit;
    for (int i = 0; i < N; i++) {
        f[i] = i < 40;
        t[i] = i < 40 ? i < 30 : i < 55; /* 30 of 40, 15 of 60 */
    }
    assert_int_equal(ebjr_logistic_fit(&fit, f, t, NULL, N, 1, 1e-9), 0);
    assert_relative(fit.intercept, log(15. / 45), 1e-9);
    assert_relative(fit.intercept + fit.weight[0], log(30. / 10), 1e-9);
    assert_int_equal(ebjr_logistic_fit(&fit, f, t, NULL, N, 0, 1), 0);
    assert_relative(fit.intercept, log(45. / 55), 1e-9);
    /* all weight on the intercept as lambda grows */
    assert_int_equal(ebjr_logistic_fit(&fit, f, t, NULL, N, 1, 1e300), 0);
    assert_near(fit.weight[0], 0, 1e-290);
    assert_relative(fit.intercept, log(45. / 55), 1e-9);
    assert_int_equal(ebjr_logistic_fit(&fit, f, t, NULL, N, 1, 1.7e308), 0);
    assert_relative(fit.intercept, log(45. / 55), 1e-9);
}

/* f = -1 or 1, all told apart: with b = 0 by symmetry, n/(1 + exp(w)) = lambda w. */
static void logistic_stands_separable_targets(void **state)
{
    (void)state;
    enum { N = 20 };
    double f[N];
    uint8_t t[N];
    struct ebjr_logistic fit;
    for (int i = 0; i < N; i++) {
        f[i] = i % 2 ? 1 : -1;
        t[i] = i % 2;
    }
    for (double lambda = 100; lambda > 1e-9; lambda /= 10) {
        assert_int_equal(ebjr_logistic_fit(&fit, f, t, NULL, N, 1, lambda), 0);
        assert_relative(N / (1 + exp(fit.weight[0])), lambda * fit.weight[0], 1e-5);
        assert_near(fit.intercept, 0, 1e-9);
    }
    assert_int_equal(ebjr_logistic_fit(&fit, f, t, NULL, N, 1, 1e-300), 0);
    assert_true(isfinite(fit.weight[0]) && fit.weight[0] > 10 && fit.weight[0] < 1000);
    /* one sample apart from many, and two samples in all */
    for (int i = 0; i < N; i++)
        t[i] = f[i] = i == 0;
    assert_int_equal(ebjr_logistic_fit(&fit, f, t, NULL, N, 1, 1e-6), 0);
    assert_near(steepness(&fit, f, t, N, 1, 1e-6), 0, 1e-9);
    assert_int_equal(ebjr_logistic_fit(&fit, f, t, NULL, 2, 1, 1e-6), 0);
    assert_near(steepness(&fit, f, t, 2, 1, 1e-6), 0, 1e-9);
}

/* A feature twice under lambda is the feature once under lambda/2, its weight in two halves:
 * lambda/2 (2 (w/2)^2) = lambda/4 w^2. */
static void logistic_stands_copies_and_constants(void **state)
{
    (void)state;
    enum { WIDE = 7 };
    double f[NOTED * NOTED_FEATURES], wide[NOTED * WIDE], one[NOTED];
    uint8_t t[NOTED];
    struct ebjr_logistic once, twice, alone;
    noted_features(f, t);
    for (int i = 0; i < NOTED; i++) {
        one[i] = f[i * NOTED_FEATURES];
        double row[WIDE] = {one[i],      i % 2 ? 0.1 : nextafter(0.1, 1), one[i], 0, 1e200, -1e-300,
                            one[i] > 1e9};
        memcpy(wide + i * WIDE, row, sizeof row);
    }
    const double lambdas[] = {1e-10, 1e-3, 1, 1e3};
    for (int k = 0; k < 4; k++) {
        double lambda = lambdas[k];
        assert_int_equal(ebjr_logistic_fit(&twice, wide, t, NULL, NOTED, WIDE, lambda), 0);
        assert_int_equal(ebjr_logistic_fit(&once, one, t, NULL, NOTED, 1, lambda / 2), 0);
        assert_relative(twice.intercept, once.intercept, 1e-9);
        assert_relative(twice.weight[0] + twice.weight[2], once.weight[0], 1e-9);
        if (lambda > 1e-9)
            assert_relative(twice.weight[0], once.weight[0] / 2, 1e-6);
        for (int j = 0; j < WIDE; j++)
            if (j != 0 && j != 2)
                assert_true(twice.weight[j] == 0);
    }
    /* constants only */
    assert_int_equal(
        ebjr_logistic_fit(&alone, (const double[]){3, 3, 3}, (uint8_t[]){1, 0, 1}, NULL, 3, 1, 1),
        0);
    assert_true(alone.weight[0] == 0);
    assert_relative(alone.intercept, log(2), 1e-9);
}

static void logistic_does_not_see_units(void **state)
{
    (void)state;
    double f[NOTED * NOTED_FEATURES], other[NOTED * NOTED_FEATURES];
    const double scale[NOTED_FEATURES] = {1e100, -3, 1e-100, 7}, shift[] = {0, 1e4, 0, -50};
    uint8_t t[NOTED];
    struct ebjr_logistic a, b;
    noted_features(f, t);
    for (int i = 0; i < NOTED * NOTED_FEATURES; i++)
        other[i] = f[i] * scale[i % NOTED_FEATURES] + shift[i % NOTED_FEATURES];
    assert_int_equal(ebjr_logistic_fit(&a, f, t, NULL, NOTED, NOTED_FEATURES, 2), 0);
    assert_int_equal(ebjr_logistic_fit(&b, other, t, NULL, NOTED, NOTED_FEATURES, 2), 0);
    for (int i = 0; i < NOTED; i++)
        assert_near(ebjr_logistic_score(&a, f + i * NOTED_FEATURES),
                    ebjr_logistic_score(&b, other + i * NOTED_FEATURES), 1e-8);
}

static void logistic_takes_only_the_rows_in_use(void **state)
{
    (void)state;
    double f[NOTED * NOTED_FEATURES], kept[NOTED * NOTED_FEATURES];
    uint8_t t[NOTED], kept_t[NOTED], use[NOTED];
    size_t count = 0;
    struct ebjr_logistic a, b;
    noted_features(f, t);
    for (int i = 0; i < NOTED; i++) {
        use[i] = i % 4 != 2;
        if (use[i]) {
            memcpy(kept + count * NOTED_FEATURES, f + i * NOTED_FEATURES,
                   NOTED_FEATURES * sizeof *f);
            kept_t[count++] = t[i];
        } else {
            f[i * NOTED_FEATURES] = NAN;
        }
    }
    assert_int_equal(ebjr_logistic_fit(&a, f, t, use, NOTED, NOTED_FEATURES, 1), 0);
    assert_int_equal(ebjr_logistic_fit(&b, kept, kept_t, NULL, count, NOTED_FEATURES, 1), 0);
    assert_memory_equal(&a, &b, sizeof a);
}

static void logistic_refuses(void **state)
{
    (void)state;
    static double many[2 * (EBJR_FEATURES + 1)];
    const double f[] = {0, 1, 2}, nan[] = {0, NAN, 2}, infinite[] = {0, INFINITY, 2},
                 large[] = {-1e308, 1e308, 0};
    const uint8_t t[] = {0, 1, 1}, same[] = {1, 1, 1}, none[] = {0, 0, 0}, first[] = {0, 1, 1};
    struct ebjr_logistic fit;
    assert_invalid(ebjr_logistic_fit(&fit, f, t, NULL, 0, 1, 1));
    assert_invalid(ebjr_logistic_fit(&fit, f, t, none, 3, 1, 1));
    assert_invalid(ebjr_logistic_fit(&fit, f, same, NULL, 3, 1, 1));
    assert_invalid(ebjr_logistic_fit(&fit, f, none, NULL, 3, 1, 1));
    assert_invalid(ebjr_logistic_fit(&fit, f, t, first, 3, 1, 1));
    assert_invalid(ebjr_logistic_fit(&fit, f, t, NULL, 3, 1, 0));
    assert_invalid(ebjr_logistic_fit(&fit, f, t, NULL, 3, 1, -1));
    assert_invalid(ebjr_logistic_fit(&fit, f, t, NULL, 3, 1, NAN));
    assert_invalid(ebjr_logistic_fit(&fit, f, t, NULL, 3, 1, INFINITY));
    assert_invalid(ebjr_logistic_fit(&fit, nan, t, NULL, 3, 1, 1));
    assert_invalid(ebjr_logistic_fit(&fit, infinite, t, NULL, 3, 1, 1));
    assert_invalid(ebjr_logistic_fit(&fit, large, t, NULL, 3, 1, 1));
    assert_invalid(ebjr_logistic_fit(&fit, many, t, NULL, 2, EBJR_FEATURES + 1, 1));
    assert_int_equal(ebjr_logistic_fit(&fit, many, t, NULL, 2, EBJR_FEATURES, 1), 0);
}

/* ---- average ---- */

/* softmax in long double, without a shift: for logits of ordinary size */
static long double naive(const float *z, size_t classes, size_t k)
{
    long double sum = 0;
    for (size_t j = 0; j < classes; j++)
        sum += expl(z[j]);
    return expl(z[k]) / sum;
}

static void draw_pair(gsl_rng *rng, float *s, float *t, int32_t *y, size_t n, size_t classes)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = (int32_t)gsl_rng_uniform_int(rng, classes);
        for (size_t k = 0; k < classes; k++) {
            s[i * classes + k] = (float)gsl_ran_gaussian(rng, 2) + ((size_t)y[i] == k);
            t[i * classes + k] = (float)gsl_ran_gaussian(rng, 2) + 2 * ((size_t)y[i] == k);
        }
    }
}

static void average_is_brute_force(void **state)
{
    (void)state;
    enum { N = 300, C = 6 };
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    float s[N * C], t[N * C];
    int32_t y[N];
    uint8_t correct[N], use[N];
    for (int draw = 0; draw < 5; draw++) {
        long double best = INFINITY;
        double best_w = 0, w;
        draw_pair(rng, s, t, y, N, C);
        for (int i = 0; i < N; i++)
            use[i] = gsl_rng_uniform(rng) < 0.5;
        for (int step = 0; step <= 20; step++) {
            long double nll = 0, mix = step / 20.L;
            ebjr_average_correct(correct, s, t, y, N, C, (double)mix);
            for (int i = 0; i < N; i++) {
                long double p[C], top = -1;
                int answer = 0;
                for (int k = 0; k < C; k++) {
                    p[k] = mix * naive(t + i * C, C, k) + (1 - mix) * naive(s + i * C, C, k);
                    answer = p[k] > top ? k : answer;
                    top = fmaxl(top, p[k]);
                }
                assert_int_equal(ebjr_average_answer(s + i * C, t + i * C, C, (double)mix), answer);
                assert_int_equal(correct[i], answer == y[i]);
                if (use[i])
                    nll -= logl(p[y[i]]);
            }
            if (nll < best) {
                best = nll;
                best_w = step / 20.;
            }
        }
        assert_int_equal(ebjr_average_fit(&w, s, t, y, use, N, C), 0);
        assert_near(w, best_w, 0);
        assert_true(w > 0 && w < 1);
    }
    gsl_rng_free(rng);
}

/* The ends are the models' own answers, the lowest class on a tie; logits that differ by less than
 * their exponentials can show still differ. */
static void average_ends(void **state)
{
    (void)state;
    const float s[] = {0, 3, 3}, t[] = {1e-30f, 2e-30f, 0};
    const float huge_s[] = {3e38f, -3e38f, 3e38f}, huge_t[] = {-3e38f, 3e38f, 3e38f};
    assert_int_equal(ebjr_average_answer(s, t, 3, 0), 1);
    assert_int_equal(ebjr_average_answer(s, t, 3, 1), 1);
    assert_int_equal(ebjr_average_answer(t, s, 3, 0), 1);
    assert_int_equal(ebjr_average_answer(s, t, 1, 0.5), 0);
    assert_int_equal(ebjr_average_answer(huge_s, huge_t, 3, 0), 0);
    assert_int_equal(ebjr_average_answer(huge_s, huge_t, 3, 1), 1);
    assert_int_equal(ebjr_average_answer(huge_s, huge_t, 3, 0.5), 2);
    assert_int_equal(ebjr_average_answer(huge_s, huge_s, 3, 0.3), 0);
    /* p = w: just over one half it is the teacher's class, at one half the lower of the two */
    const float zero[] = {1e9f, 0}, one[] = {0, 1e9f};
    assert_int_equal(ebjr_average_answer(zero, one, 2, 0.5001), 1);
    assert_int_equal(ebjr_average_answer(zero, one, 2, 0.5), 0);
    assert_int_equal(ebjr_average_answer(one, zero, 2, 0.5), 0);
}

/* Both sure, the teacher right in r of n rows and the student in the others: the likelihood
 * w^r (1-w)^(n-r) is largest at w = r/n. */
static void average_fit_in_closed_form(void **state)
{
    (void)state;
    enum { N = 20 };
    float s[2 * N], t[2 * N];
    int32_t y[N];
    double w;
    for (int right = 0; right <= N; right++) {
        for (int i = 0; i < N; i++) {
            s[2 * i] = 400, s[2 * i + 1] = 0;
            t[2 * i] = 0, t[2 * i + 1] = 400;
            y[i] = i < right;
        }
        assert_int_equal(ebjr_average_fit(&w, s, t, y, NULL, N, 2), 0);
        assert_near(w, right / 20., 0);
    }
    /* the same logits: every w is as good */
    assert_int_equal(ebjr_average_fit(&w, s, s, y, NULL, N, 2), 0);
    assert_near(w, 1, 0);
    /* logits without end: both wrong by as much, then the student by less */
    const float far[] = {-3e38f, 3e38f}, nearer[] = {-1e38f, 1e38f};
    assert_int_equal(ebjr_average_fit(&w, far, far, (const int32_t[]){0}, NULL, 1, 2), 0);
    assert_near(w, 1, 0);
    assert_int_equal(ebjr_average_fit(&w, nearer, far, (const int32_t[]){0}, NULL, 1, 2), 0);
    assert_near(w, 0, 0.95);
}

static void average_refuses(void **state)
{
    (void)state;
    const float z[] = {0, 1}, nan[] = {NAN, 1}, infinite[] = {0, -INFINITY};
    const uint8_t none[] = {0};
    double w;
    assert_invalid(ebjr_average_fit(&w, z, z, (const int32_t[]){0}, NULL, 0, 2));
    assert_invalid(ebjr_average_fit(&w, z, z, (const int32_t[]){0}, none, 1, 2));
    assert_invalid(ebjr_average_fit(&w, z, z, (const int32_t[]){2}, NULL, 1, 2));
    assert_invalid(ebjr_average_fit(&w, z, z, (const int32_t[]){-1}, NULL, 1, 2));
    assert_invalid(ebjr_average_fit(&w, z, z, (const int32_t[]){0}, NULL, 1, 0));
    assert_invalid(ebjr_average_fit(&w, nan, z, (const int32_t[]){1}, NULL, 1, 2));
    assert_invalid(ebjr_average_fit(&w, z, infinite, (const int32_t[]){0}, NULL, 1, 2));
}

/* ---- classwise ---- */

struct cascade {
    size_t n;
    double *score;
    int32_t *prediction;
    uint8_t *student, *teacher;
};

static struct cascade cascade_new(size_t n)
{
    return (struct cascade){n, calloc(n, sizeof(double)), calloc(n, sizeof(int32_t)), calloc(n, 1),
                            calloc(n, 1)};
}

static void cascade_free(struct cascade *self)
{
    free(self->score);
    free(self->prediction);
    free(self->student);
    free(self->teacher);
}

/* x ~ N(0, 1); the student is wrong with probability 0.5 / (1 + exp(2 x)), the teacher with 0.05,
 * independently; the score is x + shift[class]. The balance rises in x, so x is the score to have.
 */
static double student_error(double x)
{
    return 0.5 / (1 + exp(2 * x));
}

static void cascade_draw(struct cascade *self, gsl_rng *rng, const double *shift, size_t classes)
{
    for (size_t i = 0; i < self->n; i++) {
        double x = gsl_ran_gaussian(rng, 1);
        self->prediction[i] = (int32_t)gsl_rng_uniform_int(rng, classes);
        self->score[i] = x + shift[self->prediction[i]];
        self->student[i] = gsl_rng_uniform(rng) >= student_error(x);
        self->teacher[i] = gsl_rng_uniform(rng) >= 0.05;
    }
}

static int cascade_fit(double *offset, const struct cascade *self, size_t classes, double share,
                       double prior)
{
    return ebjr_classwise_fit(offset, self->score, self->prediction, self->student, self->teacher,
                              NULL, self->n, classes, share, prior);
}

/* To first order the offset of a class of n_c samples has the variance
 * sum w^2 Var(d) / (sum w b')^2 in its window; with w the window's weights at share 0.7 and the
 * balance above, by quadrature over x in normal quantiles. */
static double offset_error(size_t n_class, double share)
{
    enum { POINTS = 2000 };
    double variance = 0, slope = 0, x = -4;
    for (int k = 0; k <= POINTS; k++, x += 8. / POINTS) {
        double density = exp(-x * x / 2) / sqrt(2 * M_PI) * 8 / POINTS;
        double rank = 0.5 * erfc(-x / sqrt(2)), e = student_error(x);
        double w = fmax(0, 1 - fabs(rank - (1 - share)) / 0.5);
        variance += density * w * w * (e * (1 - e) + 0.05 * 0.95);
        slope += density * w * e * (1 - 2 * e) * 2;
    }
    return sqrt(variance / (double)n_class) / slope;
}

static void classwise_recovers_planted_shifts(void **state)
{
    (void)state;
    enum { C = 4 };
    const double none[C] = {0}, shifts[C] = {-0.6, -0.1, 0.2, 0.5};
    size_t n = long_run() ? 1000000 : 100000;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    struct cascade cascade = cascade_new(n);
    for (int planted = 0; planted < 2; planted++) {
        const double *shift = planted ? shifts : none;
        for (int draw = 0; draw < (long_run() ? 10 : 2); draw++) {
            double offset[C];
            cascade_draw(&cascade, rng, shift, C);
            assert_int_equal(cascade_fit(offset, &cascade, C, 0.7, 50), 0);
            /* A constant common to all is the threshold's. 5 standard errors, and for a shift a
             * twentieth: it is shrunk (here by m_c/(m_c + 50) = 0.97), and the curve is flat beyond
             * the scores it was fitted on. */
            double mean = 0;
            for (int c = 0; c < C; c++)
                mean += offset[c] / C;
            for (int c = 0; c < C; c++)
                assert_near(offset[c] - mean, shift[c],
                            5 * offset_error(n / C, 0.7) + 0.05 * fabs(shift[c]));
        }
    }
    cascade_free(&cascade);
    gsl_rng_free(rng);
}

static int descending(const void *a, const void *b)
{
    double left = ((const double *)a)[0], right = ((const double *)b)[0];
    return (left < right) - (left > right);
}

/* help - harm of the `share` with the largest score - offset, by sorting pairs */
static double gain(const struct cascade *self, const double *offset, double share)
{
    double(*pair)[2] = malloc(self->n * sizeof *pair), sum = 0;
    for (size_t i = 0; i < self->n; i++) {
        pair[i][0] = self->score[i] - offset[self->prediction[i]];
        pair[i][1] = self->student[i] - self->teacher[i];
    }
    qsort(pair, self->n, sizeof *pair, descending);
    for (size_t i = 0; i < (size_t)(share * (double)self->n); i++)
        sum += pair[i][1];
    free(pair);
    return sum / (double)self->n;
}

/* On held-out samples, at equal share. With shifts planted the gain is 0.0116 with a standard
 * deviation of 0.0016 over 200 draws: it is positive in each, and the mean of five is above 0.0075
 * (5.7 standard errors below). Without any, 0.0001 is lost; 0.002 allows for five draws' noise. */
static void classwise_helps_on_held_out_samples(void **state)
{
    (void)state;
    enum { C = 4, N = 20000 };
    const double none[C] = {0}, shifts[C] = {-0.9, -0.3, 0.3, 0.9};
    int draws = long_run() ? 200 : 5;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    struct cascade tuning = cascade_new(N), held_out = cascade_new(N);
    double improved = 0, lost = 0;
    for (int draw = 0; draw < draws; draw++) {
        double offset[C];
        cascade_draw(&tuning, rng, shifts, C);
        cascade_draw(&held_out, rng, shifts, C);
        assert_int_equal(cascade_fit(offset, &tuning, C, 0.7, 50), 0);
        double better = gain(&held_out, offset, 0.7) - gain(&held_out, none, 0.7);
        assert_true(better > 0);
        improved += better / draws;
        cascade_draw(&tuning, rng, none, C);
        cascade_draw(&held_out, rng, none, C);
        assert_int_equal(cascade_fit(offset, &tuning, C, 0.7, 50), 0);
        lost += (gain(&held_out, none, 0.7) - gain(&held_out, offset, 0.7)) / draws;
    }
    assert_true(improved > 0.0075);
    assert_true(lost < 0.002);
    cascade_free(&tuning);
    cascade_free(&held_out);
    gsl_rng_free(rng);
}

/* No offset is larger than twice the range of the scores (an offset and the mean that is taken off)
 * times m_c/(m_c + prior), and m_c is not above the number of the class's samples. */
static void classwise_shrinks_where_there_is_little(void **state)
{
    (void)state;
    enum { C = 10, N = 40 };
    const double shift[C] = {-2, 2, -1, 1};
    const double priors[] = {50, 1e4, 1e12};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    struct cascade cascade = cascade_new(N);
    for (int draw = 0; draw < 300; draw++) {
        double offset[C], low = INFINITY, high = -INFINITY, prior = priors[draw % 3];
        int count[C] = {0};
        cascade_draw(&cascade, rng, shift, C - 1);
        for (int i = 0; i < N; i++) {
            low = fmin(low, cascade.score[i]);
            high = fmax(high, cascade.score[i]);
            count[cascade.prediction[i]]++;
        }
        assert_int_equal(cascade_fit(offset, &cascade, C, 0.5, prior), 0);
        for (int c = 0; c < C; c++)
            assert_true(fabs(offset[c]) <= 2 * (high - low) * count[c] / (count[c] + prior));
        assert_true(offset[C - 1] == 0);
    }
    cascade_free(&cascade);
    gsl_rng_free(rng);
}

/*
 * The estimator once more from its description, for few samples and in other ways: isotonic
 * regression by the max-min formula (Robertson, Wright & Dykstra 1988, theorem 1.4.4),
 * b_i = max_{a <= i} min_{e >= i} mean(a..e); ranks by counting; no scale taken out.
 */
enum { FEW = 60, FEW_CLASSES = 3 };

struct reference {
    size_t pieces;
    long double x[FEW], level[FEW];
};

static int ascending(const void *a, const void *b)
{
    return descending(b, a);
}

static void reference_curve(struct reference *out, const struct cascade *c, const double *offset)
{
    double pair[FEW][2];
    long double level[FEW];
    for (int i = 0; i < FEW; i++) {
        pair[i][0] = c->score[i] - offset[c->prediction[i]];
        pair[i][1] = c->student[i] - c->teacher[i];
    }
    qsort(pair, FEW, sizeof *pair, ascending);
    for (int i = 0; i < FEW; i++) {
        level[i] = -INFINITY;
        for (int a = 0; a <= i; a++) {
            long double lowest = INFINITY;
            if (a > 0 && pair[a - 1][0] == pair[a][0])
                continue;
            for (int e = i; e < FEW; e++) {
                long double sum = 0;
                if (e + 1 < FEW && pair[e + 1][0] == pair[e][0])
                    continue;
                for (int k = a; k <= e; k++)
                    sum += pair[k][1];
                lowest = fminl(lowest, sum / (e - a + 1));
            }
            level[i] = fmaxl(level[i], lowest);
        }
    }
    out->pieces = 0;
    for (int i = 0, k; i < FEW; i = k) {
        long double sum = 0;
        for (k = i; k < FEW && level[k] - level[i] < 1e-9L; k++)
            sum += pair[k][0];
        out->x[out->pieces] = sum / (k - i);
        out->level[out->pieces++] = level[i];
    }
}

static long double reference_level(const struct reference *curve, long double x)
{
    size_t k = 0;
    if (x <= curve->x[0])
        return curve->level[0];
    while (k + 1 < curve->pieces && x > curve->x[k + 1])
        k++;
    if (k + 1 == curve->pieces)
        return curve->level[k];
    return curve->level[k] + (curve->level[k + 1] - curve->level[k]) * (x - curve->x[k]) /
                                 (curve->x[k + 1] - curve->x[k]);
}

static void reference_offsets(double *offset, const struct cascade *c, double share, double prior)
{
    double weight[FEW], total = 0, disagreed = 0, low = INFINITY, high = -INFINITY, threshold = 0;
    long rank =
        lround((1 - share) * FEW); /* so many are below the threshold, one at least is not */
    rank = rank < FEW ? rank : FEW - 1;
    for (int i = 0; i < FEW; i++) {
        int below = 0, equal = 0;
        for (int k = 0; k < FEW; k++) {
            below += c->score[k] < c->score[i];
            equal += c->score[k] == c->score[i];
        }
        weight[i] = fmax(0, 1 - fabs((below + equal / 2.) / FEW - (1 - share)) / 0.5);
        total += weight[i];
        disagreed += weight[i] * (c->student[i] != c->teacher[i]);
        low = fmin(low, c->score[i]);
        high = fmax(high, c->score[i]);
        if (below <= rank && below + equal > rank)
            threshold = c->score[i];
    }
    memset(offset, 0, FEW_CLASSES * sizeof *offset);
    for (int round = 0; round < 3; round++) {
        struct reference curve;
        double of_class[FEW_CLASSES] = {0}, mean = 0;
        reference_curve(&curve, c, offset);
        if (curve.pieces == 1)
            return;
        for (int k = 0; k < FEW_CLASSES; k++) {
            long double a = low - threshold, b = high - threshold;
            for (int step = 0; step < 90; step++) {
                long double middle = (a + b) / 2, sum = 0;
                for (int i = 0; i < FEW; i++)
                    if (c->prediction[i] == k)
                        sum += weight[i] * (c->student[i] - c->teacher[i] -
                                            reference_level(&curve, c->score[i] - middle));
                *(sum > 0 ? &b : &a) = middle;
            }
            offset[k] = (double)a;
            for (int i = 0; i < FEW; i++)
                of_class[k] += c->prediction[i] == k ? weight[i] : 0;
            mean += of_class[k] * offset[k] / total;
        }
        for (int k = 0; k < FEW_CLASSES; k++) {
            double m = of_class[k] * disagreed / total;
            offset[k] = m > 0 ? (offset[k] - mean) * m / (m + prior) : 0;
        }
    }
}

static void classwise_is_brute_force(void **state)
{
    (void)state;
    const double shift[FEW_CLASSES] = {-0.5, 0, 0.5};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    struct cascade cascade = cascade_new(FEW);
    double largest = 0;
    for (int draw = 0; draw < 60; draw++) {
        double offset[FEW_CLASSES], expected[FEW_CLASSES], share = 0.1 * (draw % 11);
        cascade_draw(&cascade, rng, shift, FEW_CLASSES);
        for (int i = 0; draw % 2 && i < FEW; i++)
            cascade.score[i] = round(4 * cascade.score[i]) / 4; /* with ties */
        assert_int_equal(cascade_fit(offset, &cascade, FEW_CLASSES, share, 5), 0);
        reference_offsets(expected, &cascade, share, 5);
        for (int c = 0; c < FEW_CLASSES; c++) {
            assert_near(offset[c], expected[c], 1e-9);
            largest = fmax(largest, fabs(expected[c]));
        }
    }
    assert_true(largest > 0.1);
    cascade_free(&cascade);
    gsl_rng_free(rng);
}

/* In other units of the score the offsets are in those units; the order of the rows and rows not in
 * use are nothing to them. */
static void classwise_units_and_order(void **state)
{
    (void)state;
    enum { C = 4, N = 2000 };
    const double shift[C] = {-0.6, -0.1, 0.2, 0.5};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    struct cascade a = cascade_new(N), b = cascade_new(2 * N);
    uint8_t use[2 * N] = {0};
    double offset[C], other[C];
    cascade_draw(&a, rng, shift, C);
    for (int i = 0; i < 2 * N; i++) {
        int from = (N - 1) - i / 2;
        use[i] = i % 2;
        b.score[i] = i % 2 ? 1024 * a.score[from] : NAN;
        b.prediction[i] = i % 2 ? a.prediction[from] : 99;
        b.student[i] = 3 * a.student[from];
        b.teacher[i] = a.teacher[from];
    }
    assert_int_equal(cascade_fit(offset, &a, C, 0.7, 50), 0);
    assert_int_equal(ebjr_classwise_fit(other, b.score, b.prediction, b.student, b.teacher, use,
                                        2 * N, C, 0.7, 50),
                     0);
    for (int c = 0; c < C; c++)
        assert_near(other[c], 1024 * offset[c], 1e-9);
    for (int i = 0; i < N; i++)
        a.score[i] = 1e307 * a.score[i];
    assert_int_equal(cascade_fit(other, &a, C, 0.7, 50), 0);
    for (int c = 0; c < C; c++)
        assert_near(other[c] / 1e307, offset[c], 1e-9);
    cascade_free(&a);
    cascade_free(&b);
    gsl_rng_free(rng);
}

static void classwise_stays_at_zero_where_nothing_is_learnt(void **state)
{
    (void)state;
    const double score[] = {0.1, 0.2, 0.3, 0.4}, equal[] = {7, 7, 7, 7};
    const int32_t prediction[] = {0, 1, 0, 1};
    const uint8_t some[] = {1, 0, 1, 0}, all[] = {1, 1, 1, 1}, none[4] = {0};
    const struct {
        const double *score;
        const uint8_t *student, *teacher;
    } cases[] = {{score, some, some}, {equal, some, all}, {score, all, none}, {score, none, all}};
    for (int k = 0; k < 4; k++)
        for (double share = 0; share <= 1; share += 0.25)
            for (size_t n = 1; n <= 4; n++) {
                double offset[] = {5, 5};
                assert_int_equal(ebjr_classwise_fit(offset, cases[k].score, prediction,
                                                    cases[k].student, cases[k].teacher, NULL, n, 2,
                                                    share, 0),
                                 0);
                assert_true(offset[0] == 0 && offset[1] == 0);
            }
    /* a balance that falls: 1, 1, -1, -1 */
    const int32_t halves[] = {0, 0, 1, 1};
    const uint8_t low[] = {1, 1, 0, 0}, high[] = {0, 0, 1, 1};
    double offset[] = {5, 5};
    assert_int_equal(ebjr_classwise_fit(offset, score, halves, low, high, NULL, 4, 2, 0.5, 0), 0);
    assert_true(offset[0] == 0 && offset[1] == 0);
}

static void classwise_refuses(void **state)
{
    (void)state;
    const double score[] = {0.1, 0.2}, nan[] = {NAN, 0}, infinite[] = {0, INFINITY},
                 apart[] = {-1.7e308, 1.7e308};
    const int32_t prediction[] = {0, 1};
    const uint8_t yes[] = {1, 1}, no[] = {0, 0};
    double offset[2];
#define FIT(score, prediction, use, n, classes, share, prior) \
    ebjr_classwise_fit(offset, score, prediction, yes, no, use, n, classes, share, prior)
    assert_invalid(FIT(score, prediction, NULL, 0, 2, 0.5, 50));
    assert_invalid(FIT(score, prediction, no, 2, 2, 0.5, 50));
    assert_invalid(FIT(nan, prediction, NULL, 2, 2, 0.5, 50));
    assert_invalid(FIT(infinite, prediction, NULL, 2, 2, 0.5, 50));
    assert_invalid(FIT(apart, prediction, NULL, 2, 2, 0.5, 50));
    assert_invalid(FIT(score, prediction, NULL, 2, 1, 0.5, 50));
    assert_invalid(FIT(score, prediction, NULL, 2, 0, 0.5, 50));
    assert_invalid(FIT(score, ((int32_t[]){0, -1}), NULL, 2, 2, 0.5, 50));
    assert_invalid(FIT(score, prediction, NULL, 2, 2, -0.1, 50));
    assert_invalid(FIT(score, prediction, NULL, 2, 2, 1.1, 50));
    assert_invalid(FIT(score, prediction, NULL, 2, 2, NAN, 50));
    assert_invalid(FIT(score, prediction, NULL, 2, 2, 0.5, -1));
    assert_invalid(FIT(score, prediction, NULL, 2, 2, 0.5, INFINITY));
    assert_invalid(FIT(score, prediction, NULL, 2, 2, 0.5, NAN));
#undef FIT
}

static int install_handler(void **state)
{
    (void)state;
    gsl_set_error_handler(count_call);
    return 0;
}

/* The last test: the handler of the group is in place again, and was never called. */
static void gsl_handler_is_left_alone(void **state)
{
    (void)state;
    assert_true(gsl_set_error_handler(NULL) == count_call);
    assert_int_equal(handler_calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(temperature_is_scipys),
        cmocka_unit_test(temperature_recovers_a_planted_one),
        cmocka_unit_test(temperature_is_equivariant),
        cmocka_unit_test(temperature_takes_only_the_rows_in_use),
        cmocka_unit_test(temperature_stands_huge_logits),
        cmocka_unit_test(temperature_in_closed_form),
        cmocka_unit_test(temperature_ends),
        cmocka_unit_test(calibration_bins_are_closed_above),
        cmocka_unit_test(temperature_refuses),
        cmocka_unit_test(logistic_is_sklearns),
        cmocka_unit_test(logistic_is_at_the_minimum),
        cmocka_unit_test(logistic_in_closed_form),
        cmocka_unit_test(logistic_stands_separable_targets),
        cmocka_unit_test(logistic_stands_copies_and_constants),
        cmocka_unit_test(logistic_does_not_see_units),
        cmocka_unit_test(logistic_takes_only_the_rows_in_use),
        cmocka_unit_test(logistic_refuses),
        cmocka_unit_test(average_is_brute_force),
        cmocka_unit_test(average_ends),
        cmocka_unit_test(average_fit_in_closed_form),
        cmocka_unit_test(average_refuses),
        cmocka_unit_test(classwise_recovers_planted_shifts),
        cmocka_unit_test(classwise_helps_on_held_out_samples),
        cmocka_unit_test(classwise_shrinks_where_there_is_little),
        cmocka_unit_test(classwise_is_brute_force),
        cmocka_unit_test(classwise_units_and_order),
        cmocka_unit_test(classwise_stays_at_zero_where_nothing_is_learnt),
        cmocka_unit_test(classwise_refuses),
        cmocka_unit_test(gsl_handler_is_left_alone),
    };
    return cmocka_run_group_tests(tests, install_handler, NULL);
}
