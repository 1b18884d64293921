/* Drift against scipy, against all orders of few scores, and by simulation; the monitor of a
 * promise by simulated streams; slices by counting and by simulated data sets. */
#include "base/error.h"
#include "calib/monitor.h"
#include "calib/slices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

/* cmocka 1.1 compares as float. */
#define assert_close(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

static int is_long(void)
{
    return getenv("EBJR_LONG") != NULL;
}

/* The most violations in `draws` that a rate <= `rate` shows but for 3 standard errors. */
static double allowed(double rate, int draws)
{
    return draws * rate + 3 * sqrt(draws * rate * (1 - rate));
}

/* ((arange(n) * 7919 + start) % modulus) / modulus + shift, of which levels > 1 keep the floor of
 * `levels` times. */
static double *sequence(size_t n, int64_t start, int64_t modulus, double shift, double levels)
{
    double *out = malloc(n * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        out[i] = (double)(((int64_t)i * 7919 + start) % modulus) / (double)modulus + shift;
        if (levels > 1)
            out[i] = floor(out[i] * levels);
    }
    return out;
}

struct reference {
    size_t n, m;
    int64_t modulus;
    double shift, levels, statistic, p_value;
};

static void check_reference(const struct reference *reference, double tolerance)
{
    struct ebjr_drift drift, swapped;
    double *a = sequence(reference->n, 0, reference->modulus, 0, reference->levels);
    double *b =
        sequence(reference->m, 3571, reference->modulus, reference->shift, reference->levels);
    assert_int_equal(ebjr_drift_test(&drift, a, reference->n, b, reference->m), 0);
    assert_int_equal(ebjr_drift_test(&swapped, b, reference->m, a, reference->n), 0);
    assert_close(drift.statistic, reference->statistic, 1e-12);
    assert_close(drift.p_value / reference->p_value, 1, tolerance);
    assert_memory_equal(&drift, &swapped, sizeof drift);
    free(a);
    free(b);
}

/* scipy 1.10.1: ks_2samp(a, b, method='exact') with a = sequence(n, 0, ...), b = sequence(m, 3571,
 * ...). Also with ties scipy gives the distribution without. */
static void test_drift_exact(void **state)
{
    (void)state;
    const struct reference references[] = {
        {7, 5, 1009, 0.2, 1, 0.42857142857142855, 0.545454545454545},
        {50, 80, 1009, 0.1, 1, 0.12, 0.720103248000655},
        {300, 200, 10007, 0.05, 1, 0.058333333333333334, 0.793580740607622},
        {1000, 1000, 10007, 0.05, 1, 0.052, 0.133852735517868},
        {2000, 3000, 100003, 0.02, 1, 0.021666666666666667, 0.620644565990072},
        {1000, 1, 10007, 0.3, 1, 0.657, 0.687312687312687},
        {40, 60, 1009, 0.1, 10, 0.125, 0.818313401708878},
        {500, 700, 10007, 0.05, 20, 0.052, 0.395448759541591},
        {7, 5, 1009, 0.6, 1, 0.7142857142857143, 0.0656565656565656},
        {50, 80, 1009, 0.22, 1, 0.24, 0.0483854195142925},
        {300, 200, 10007, 0.12, 1, 0.12833333333333333, 0.036049537264977},
        {1000, 1000, 10007, 0.07, 1, 0.07, 0.014870029418859},
        {2000, 3000, 100003, 0.2, 1, 0.20183333333333334, 3.24584696814196e-43},
        {1000, 1, 10007, 0.5, 1, 0.857, 0.287712287712288},
        {40, 60, 1009, 0.3, 10, 0.325, 0.0103315860781026},
        {500, 700, 10007, 0.08, 20, 0.082, 0.0373481046967036},
    };
    for (size_t i = 0; i < sizeof references / sizeof *references; i++)
        check_reference(&references[i], 1e-9);
}

/* scipy 1.10.1: scipy.special.kolmogorov(sqrt(n m / (n + m)) * ks_2samp(a, b).statistic).
 * ks_2samp(method='asymp') itself takes kstwo.sf, for one sample of n m / (n + m), and gives
 * 0.16029, 0.0032010, 0.051451: within 0.6 percent. */
static void test_drift_limit(void **state)
{
    (void)state;
    const struct reference references[] = {
        {100000, 100000, 1000003, 0.005, 1, 0.00502, 0.160828971717146},
        {100000, 100000, 1000003, 0.008, 1, 0.00802, 0.00321832956197308},
        {300000, 60000, 1000003, 0.006, 1, 0.0060466666666667, 0.0516591559038157},
    };
    for (size_t i = 0; i < sizeof references / sizeof *references; i++)
        check_reference(&references[i], 1e-9);
}

/* Both series of the limit. Against itself moved by so many places, an arithmetic progression of N
 * has the statistic places / N, and z = places / sqrt(2 N) = places / 500. scipy 1.10.1:
 * scipy.special.kolmogorov([0.3, 0.5, 0.9, 0.99, 1, 1.5, 3]). */
static void test_drift_limit_series(void **state)
{
    (void)state;
    enum { N = 125000 };
    const int places[] = {150, 250, 450, 495, 500, 750, 1500};
    const double p[] = {0.99999069419866549,   0.96394524366487511, 0.39273070794065429,
                        0.28087383922554893,   0.26999967167735456, 0.022217962616525127,
                        3.0459959489425258e-08};
    double *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b);
    struct ebjr_drift drift;
    for (size_t c = 0; c < sizeof p / sizeof *p; c++) {
        for (int i = 0; i < N; i++) {
            a[i] = i;
            b[i] = i + places[c] - 0.5;
        }
        assert_int_equal(ebjr_drift_test(&drift, a, N, b, N), 0);
        assert_close(drift.statistic, (double)places[c] / N, 1e-12);
        assert_close(drift.p_value / p[c], 1, 1e-12);
    }
    free(a);
    free(b);
}

/* Of all orders of n + m scores (a bit set where a[] has one), the fraction with at least the
 * statistic is the p-value. */
static double statistic_of(unsigned order, int n, int m)
{
    double greatest = 0;
    for (int place = 0, i = 0; place < n + m; place++) {
        i += order >> place & 1;
        greatest = fmax(greatest, fabs((double)i / n - (double)(place + 1 - i) / m));
    }
    return greatest;
}

static void test_drift_all_orders(void **state)
{
    (void)state;
    const int sizes[][2] = {{1, 1}, {1, 7}, {4, 4}, {5, 6}, {3, 9}, {8, 4}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int n = sizes[s][0], m = sizes[s][1];
        for (unsigned order = 0; order < 1U << (n + m); order += 1 + order % 5) {
            double a[16], b[16], statistic = statistic_of(order, n, m);
            int as = 0, bs = 0, all = 0, extreme = 0;
            if (__builtin_popcount(order) != n)
                continue;
            for (int place = 0; place < n + m; place++)
                *(order >> place & 1 ? &a[as++] : &b[bs++]) = place - 3;
            for (unsigned other = 0; other < 1U << (n + m); other++) {
                if (__builtin_popcount(other) != n)
                    continue;
                all++;
                extreme += statistic_of(other, n, m) >= statistic - 1e-9;
            }
            struct ebjr_drift drift;
            assert_int_equal(ebjr_drift_test(&drift, a, (size_t)n, b, (size_t)m), 0);
            assert_close(drift.statistic, statistic, 1e-12);
            assert_close(drift.p_value, (double)extreme / all, 1e-12);
        }
    }
}

/* The rate of p <= alpha without a drift is at most alpha, with ties and without; without, it is
 * also not far below. With a drift it is found. */
static void test_drift_false_alarms(void **state)
{
    (void)state;
    enum { N = 150, M = 100 };
    const double levels[] = {0, 5, 40};
    int rounds = is_long() ? 20000 : 2000;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    for (int l = 0; l < 3; l++) {
        int alarms = 0, found = 0;
        for (int round = 0; round < rounds; round++) {
            double a[N], b[M];
            struct ebjr_drift drift;
            for (int i = 0; i < N + M; i++) {
                double score = gsl_rng_uniform(rng);
                score = levels[l] > 0 ? floor(score * levels[l]) : score;
                *(i < N ? &a[i] : &b[i - N]) = score;
            }
            assert_int_equal(ebjr_drift_test(&drift, a, N, b, M), 0);
            alarms += drift.p_value <= 0.05;
            for (int i = 0; i < M; i++)
                b[i] += levels[l] > 0 ? ceil(levels[l] * 0.3) : 0.3;
            assert_int_equal(ebjr_drift_test(&drift, a, N, b, M), 0);
            found += drift.p_value <= 0.05;
        }
        print_message("drift, %g levels: false alarms %.4f at 0.05, a shift by 0.3 found %.4f\n",
                      levels[l], (double)alarms / rounds, (double)found / rounds);
        assert_true(alarms <= allowed(0.05, rounds));
        if (levels[l] == 0)
            assert_true(alarms >= 0.03 * rounds);
        assert_true(found >= 0.95 * rounds);
    }
    gsl_rng_free(rng);
}

static void test_drift_extremes(void **state)
{
    (void)state;
    struct ebjr_drift drift;
    const double ties[] = {0.0, -0.0, 0, 0}, ends[] = {-1e308, 1e308};
    enum { N = 10000 };
    double *low = sequence(N, 0, 10007, 0, 1), *high = sequence(N, 0, 10007, 1, 1);
    assert_int_equal(ebjr_drift_test(&drift, ties, 4, ties, 2), 0);
    assert_true(drift.statistic == 0 && drift.p_value == 1);
    assert_int_equal(ebjr_drift_test(&drift, ties, 1, ends, 1), 0);
    assert_true(drift.statistic == 1 && drift.p_value == 1);
    assert_int_equal(ebjr_drift_test(&drift, ends, 2, ties, 4), 0);
    assert_true(drift.statistic == 0.5);
    assert_int_equal(ebjr_drift_test(&drift, low, N, high, N), 0);
    assert_true(drift.statistic == 1 && drift.p_value < 1e-300);
    free(low);
    free(high);
    const double bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        double scores[] = {1, bad[i]};
        assert_int_equal(ebjr_drift_test(&drift, scores, 2, ties, 4), EBJR_EINVAL);
        assert_non_null(strstr(ebjr_error_last(), "calibration score 1"));
        assert_int_equal(ebjr_drift_test(&drift, ties, 4, scores, 2), EBJR_EINVAL);
    }
    assert_int_equal(ebjr_drift_test(&drift, ties, 0, ties, 4), EBJR_EINVAL);
    assert_int_equal(ebjr_drift_test(&drift, ties, 4, ties, 0), EBJR_EINVAL);
}

/* Losses whose mean is m: 0 or 1, between, or rarely 1 after a long time of nothing. */
static double loss_of(gsl_rng *rng, int kind, double m, int step)
{
    if (kind == 0)
        return gsl_rng_uniform(rng) < m;
    if (kind == 1)
        return gsl_ran_beta(rng, 2 * m, 2 * (1 - m));
    return step % 100 < 50 ? m : gsl_rng_uniform(rng) < m;
}

/* At the edge of the promise, the rate of ever an alarm within 5,000 steps. */
static void test_monitor_keeps_delta(void **state)
{
    (void)state;
    const double limits[] = {0.05, 0.01, 0.3, 0.9};
    int streams = 2000, pairs = is_long() ? 4 : 1;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    for (int l = 0; l < pairs; l++) {
        for (int kind = 0; kind < (is_long() ? 3 : 1); kind++) {
            int alarms = 0;
            for (int stream = 0; stream < streams; stream++) {
                struct ebjr_monitor monitor;
                int alarm = 0;
                assert_int_equal(ebjr_monitor_start(&monitor, limits[l], 0.05), 0);
                for (int step = 0; step < 5000 && !alarm; step++)
                    alarm = ebjr_monitor_add(&monitor, loss_of(rng, kind, limits[l], step));
                assert_in_range(alarm, 0, 1);
                alarms += alarm;
            }
            print_message("monitor, limit %g, losses of kind %d: ever an alarm %.4f at 0.05\n",
                          limits[l], kind, (double)alarms / streams);
            assert_true(alarms <= allowed(0.05, streams));
            assert_true(alarms > 0);
        }
    }
    gsl_rng_free(rng);
}

static int ascending(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* A doubled risk. The best bettor, who knows the risk p, needs about log(1/delta) / KL(p || limit)
 * steps; the median is within a quarter of that. */
static void test_monitor_detects(void **state)
{
    (void)state;
    enum { STREAMS = 501 };
    const double limits[] = {0.01, 0.02, 0.05, 0.1};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    for (int l = 0; l < 4; l++) {
        double m = limits[l], p = 2 * m;
        double best = log(20) / (p * log(p / m) + (1 - p) * log((1 - p) / (1 - m)));
        int steps[STREAMS];
        for (int stream = 0; stream < STREAMS; stream++) {
            struct ebjr_monitor monitor;
            ebjr_monitor_start(&monitor, m, 0.05);
            for (steps[stream] = 1; !ebjr_monitor_add(&monitor, gsl_rng_uniform(rng) < p);)
                assert_true(++steps[stream] < 20 * best);
            for (int step = 0; step < 200; step++) /* for ever after */
                assert_int_equal(ebjr_monitor_add(&monitor, 0), 1);
        }
        qsort(steps, STREAMS, sizeof *steps, ascending);
        print_message(
            "monitor, %g -> %g: an alarm after %d steps (median), 90%% by %d; best %.0f\n", m, p,
            steps[STREAMS / 2], steps[STREAMS * 9 / 10], best);
        assert_true(steps[STREAMS / 2] < 1.25 * best);
    }
    gsl_rng_free(rng);
}

/* Without a loss, wealth is a product of (1 - g) / (1 - m) < 1 while g > m: by hand for two. The
 * first loss multiplies it by g / m, g = 2m / (1 + m) at the start. */
static void test_monitor_by_hand(void **state)
{
    (void)state;
    struct ebjr_monitor monitor;
    assert_int_equal(ebjr_monitor_start(&monitor, 0.5, 0.01), 0); /* g = 2/3, worth 4 losses */
    assert_int_equal(ebjr_monitor_add(&monitor, 1), 0);           /* 4/3; then g = (8/3 + 1) / 5 */
    assert_close(monitor.log_wealth, log(4.0 / 3), 1e-12);
    assert_int_equal(ebjr_monitor_add(&monitor, 0), 0);
    assert_close(monitor.log_wealth, log(4.0 / 3 * (4.0 / 15) / 0.5), 1e-12);
    assert_close(monitor.greatest, log(4.0 / 3), 1e-12);
    for (int step = 0; step < 100; step++)
        assert_int_equal(ebjr_monitor_add(&monitor, 0.5), 0);
    assert_int_equal(monitor.n, 102);
    assert_close(monitor.sum, 51, 1e-12);
}

/* A promise that is kept with room to spare costs the bettor little and never alarms. */
static void test_monitor_stays_silent(void **state)
{
    (void)state;
    struct ebjr_monitor monitor;
    assert_int_equal(ebjr_monitor_start(&monitor, 0.05, 0.05), 0);
    for (int step = 0; step < 20000; step++)
        assert_int_equal(ebjr_monitor_add(&monitor, step % 100 == 99), 0);
    assert_true(monitor.log_wealth < 0 && monitor.log_wealth > -1);
}

/* Confirmed where the risk is half the limit, with 100 / limit losses; at the limit seldom. */
static void test_confirmed(void **state)
{
    (void)state;
    enum { N = 2000 };
    int rounds = is_long() ? 5000 : 500;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    for (int kind = 0; kind < 2; kind++) {
        const double risks[] = {0.05, 0.025};
        int confirmed[2] = {0};
        for (int round = 0; round < 2 * rounds; round++) {
            double losses[N];
            for (int i = 0; i < N; i++)
                losses[i] = loss_of(rng, kind, risks[round % 2], i);
            int status = ebjr_monitor_confirmed(losses, N, 0.05, 0.05);
            assert_in_range(status, 0, 1);
            confirmed[round % 2] += status;
        }
        print_message("confirmed, losses of kind %d: %.4f at the limit, %.4f at half of it\n", kind,
                      (double)confirmed[0] / rounds, (double)confirmed[1] / rounds);
        assert_true(confirmed[0] <= allowed(0.05, rounds));
        assert_true(confirmed[1] >= 0.95 * rounds);
    }
    gsl_rng_free(rng);
    /* Without losses no test at delta can do with fewer than log(delta) / log(1 - limit). */
    const double nothing[500] = {0};
    assert_int_equal(ebjr_monitor_confirmed(nothing, 298, 0.01, 0.05), 0);
    assert_int_equal(ebjr_monitor_confirmed(nothing, 400, 0.01, 0.05), 1);
}

static void test_monitor_refuses(void **state)
{
    (void)state;
    struct ebjr_monitor monitor, before;
    const double bad[] = {0, 1, -0.1, 1.5, NAN, INFINITY}, wrong[] = {-1e-9, 1.001, NAN, INFINITY};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(ebjr_monitor_start(&monitor, bad[i], 0.05), EBJR_EINVAL);
        assert_int_equal(ebjr_monitor_start(&monitor, 0.05, bad[i]), EBJR_EINVAL);
        assert_int_equal(ebjr_monitor_confirmed(bad, 2, bad[i], 0.05), EBJR_EINVAL);
    }
    assert_int_equal(ebjr_monitor_start(&monitor, 0.1, 0.05), 0);
    ebjr_monitor_add(&monitor, 1);
    before = monitor;
    for (int i = 0; i < 4; i++)
        assert_int_equal(ebjr_monitor_add(&monitor, wrong[i]), EBJR_EINVAL);
    assert_memory_equal(&monitor, &before, sizeof monitor);
    assert_int_equal(ebjr_monitor_confirmed(wrong, 4, 0.1, 0.05), EBJR_EINVAL);
    assert_int_equal(ebjr_monitor_confirmed(wrong, 0, 0.1, 0.05), 0);
    const double limits[] = {5e-324, 1e-300, 1e-17, 1 - 1e-16};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ebjr_monitor_start(&monitor, limits[i], 5e-324), 0);
        for (int step = 0; step < 1000; step++)
            assert_in_range(ebjr_monitor_add(&monitor, step % 2), 0, 1);
        assert_false(isnan(monitor.log_wealth));
    }
}

static void assert_proportion(struct ebjr_interval got, double k, double n, double alpha)
{
    assert_close(got.estimate, k / n, 1e-15);
    /* Clopper & Pearson by definition: each end makes what was seen, or more extreme, as likely as
     * alpha / 2. */
    double above = 0, below = 0;
    for (int j = 0; j <= (int)n; j++) {
        above += j >= k ? gsl_ran_binomial_pdf((unsigned)j, got.low, (unsigned)n) : 0;
        below += j <= k ? gsl_ran_binomial_pdf((unsigned)j, got.high, (unsigned)n) : 0;
    }
    assert_close(k > 0 ? above / (alpha / 2) : 1, 1, 1e-6);
    assert_close(k < n ? below / (alpha / 2) : 1, 1, 1e-6);
    assert_true(k > 0 || got.low == 0);
    assert_true(k < n || got.high == 1);
}

static void test_slices_count(void **state)
{
    (void)state;
    enum { N = 300, NAMES = 7 };
    const int32_t names[NAMES] = {0, 3, 4, 1000, 65536, INT32_MAX - 1, INT32_MAX};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    for (int round = 0; round < 20; round++) {
        int32_t group[N];
        uint8_t keep[N], student[N], teacher[N];
        struct ebjr_slice *slices;
        size_t count, next = 0, n = 1 + gsl_rng_uniform_int(rng, N), present = 0;
        for (size_t i = 0; i < n; i++) {
            group[i] = names[gsl_rng_uniform_int(rng, round % 2 ? NAMES : 2) * (1 + round % 2) % 7];
            keep[i] = (uint8_t)(gsl_rng_uniform_int(rng, 2) * 7);
            student[i] = gsl_rng_uniform_int(rng, 3) > 0;
            teacher[i] = (uint8_t)(gsl_rng_uniform_int(rng, 5) * 50);
        }
        assert_int_equal(ebjr_slices(&slices, &count, group, keep, student, teacher, n, 0.1), 0);
        for (int name = 0; name < NAMES; name++) {
            size_t i = 0;
            while (i < n && group[i] != names[name])
                i++;
            present += i < n;
        }
        assert_int_equal(count, present);
        for (int name = 0; name < NAMES; name++) {
            double all = 0, kept = 0, right = 0, harm = 0, help = 0,
                   alpha = 0.1 / 4 / (double)count;
            for (size_t i = 0; i < n; i++) {
                if (group[i] != names[name])
                    continue;
                all++;
                kept += keep[i] != 0;
                right += keep[i] ? student[i] : teacher[i] != 0;
                harm += keep[i] && !student[i] && teacher[i];
                help += keep[i] && student[i] && !teacher[i];
            }
            if (all == 0)
                continue;
            const struct ebjr_slice *slice = &slices[next++];
            assert_int_equal(slice->group, names[name]);
            assert_int_equal(slice->n, (int64_t)all);
            assert_int_equal(slice->student_count, (int64_t)kept);
            assert_proportion(slice->accuracy, right, all, alpha);
            assert_proportion(slice->harm, harm, all, alpha);
            assert_proportion(slice->help, help, all, alpha);
            assert_proportion(slice->teacher_rate, all - kept, all, alpha);
        }
        free(slices);
    }
    gsl_rng_free(rng);
}

static int holds(struct ebjr_interval interval, double truth)
{
    return interval.low <= truth && truth <= interval.high;
}

/* All intervals of all slices at once, at delta = 0.2 so that misses are seen. Groups of 20 to 320
 * samples; in group g the student is right with chance 0.9 - g / 10, the teacher 0.95, and keeps
 * 0.8, all independent. */
static void test_slices_hold_together(void **state)
{
    (void)state;
    enum { GROUPS = 5, N = 620 };
    int rounds = is_long() ? 5000 : 1000, missed = 0;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_taus2);
    for (int round = 0; round < rounds; round++) {
        int32_t group[N];
        uint8_t keep[N], student[N], teacher[N];
        struct ebjr_slice *slices;
        size_t count;
        for (int i = 0, g = 0; i < N; i++) {
            g += i >= 20 * ((2 << g) - 1);
            group[i] = g;
            keep[i] = gsl_rng_uniform(rng) < 0.8;
            student[i] = gsl_rng_uniform(rng) < 0.9 - g / 10.0;
            teacher[i] = gsl_rng_uniform(rng) < 0.95;
        }
        assert_int_equal(ebjr_slices(&slices, &count, group, keep, student, teacher, N, 0.2), 0);
        assert_int_equal(count, GROUPS);
        int all = 1;
        for (int g = 0; g < GROUPS; g++) {
            double s = 0.9 - g / 10.0, t = 0.95;
            assert_int_equal(slices[g].n, 20 << g);
            all &= holds(slices[g].accuracy, 0.8 * s + 0.2 * t) &&
                   holds(slices[g].harm, 0.8 * (1 - s) * t) &&
                   holds(slices[g].help, 0.8 * s * (1 - t)) && holds(slices[g].teacher_rate, 0.2);
        }
        missed += !all;
        free(slices);
    }
    print_message("slices: some interval of 20 misses in %.4f of the data sets, at 0.2\n",
                  (double)missed / rounds);
    assert_true(missed <= allowed(0.2, rounds));
    assert_true(missed >=
                0.02 * rounds); /* not idle: Bonferroni and Clopper-Pearson cost so much */
    gsl_rng_free(rng);
}

static void test_slices_refuse(void **state)
{
    (void)state;
    const int32_t group[] = {0, -1};
    const uint8_t ones[] = {1, 1};
    struct ebjr_slice *slices;
    size_t count;
    assert_int_equal(ebjr_slices(&slices, &count, group, ones, ones, ones, 0, 0.1), EBJR_EINVAL);
    assert_int_equal(ebjr_slices(&slices, &count, group, ones, ones, ones, 2, 0.1), EBJR_EINVAL);
    assert_non_null(strstr(ebjr_error_last(), "sample 1"));
    assert_null(slices);
    const double bad[] = {0, 1, -1, NAN, INFINITY};
    for (int i = 0; i < 5; i++)
        assert_int_equal(ebjr_slices(&slices, &count, group, ones, ones, ones, 1, bad[i]),
                         EBJR_EINVAL);
    assert_int_equal(ebjr_slices(&slices, &count, group, ones, ones, ones, 1, 0.1), 0);
    assert_int_equal(count, 1);
    assert_true(slices[0].accuracy.estimate == 1 && slices[0].accuracy.high == 1);
    assert_true(slices[0].harm.estimate == 0 && slices[0].harm.low == 0);
    free(slices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drift_exact),
        cmocka_unit_test(test_drift_limit),
        cmocka_unit_test(test_drift_limit_series),
        cmocka_unit_test(test_drift_all_orders),
        cmocka_unit_test(test_drift_false_alarms),
        cmocka_unit_test(test_drift_extremes),
        cmocka_unit_test(test_monitor_keeps_delta),
        cmocka_unit_test(test_monitor_detects),
        cmocka_unit_test(test_monitor_stays_silent),
        cmocka_unit_test(test_monitor_by_hand),
        cmocka_unit_test(test_confirmed),
        cmocka_unit_test(test_monitor_refuses),
        cmocka_unit_test(test_slices_count),
        cmocka_unit_test(test_slices_hold_together),
        cmocka_unit_test(test_slices_refuse),
    };
    return cmocka_run_group_tests_name("calib_monitor", tests, NULL, NULL);
}
