#include "calib/binomial.h"
#include "calib/bound.h"
#include "calib/certify.h"
#include "calib/quantile.h"
#include "calib/sweep.h"
#include "support.h"

#include <float.h>
#include <math.h>

static const int64_t HUGE_N = INT64_C(1) << 53;

static double uniform(uint64_t *seed)
{
    return (double)(random_bits(seed) >> 11) * 0x1p-53;
}

static void assert_near(double value, double expected, double relative)
{
    double error = fabs(value - expected);
    if (!(error <= relative * fabs(expected)))
        print_error("%.17g, expected %.17g within %g\n", value, expected, relative);
    assert_true(error <= relative * fabs(expected));
}

/* By the definition, term by term in long double; for n up to some thousands. */
static long double brute_cdf(int64_t k, int64_t n, double p)
{
    long double q = 1 - (long double)p, term = powl(q, (long double)n), sum = 0;
    for (int64_t i = 0; i <= k; i++) {
        sum += term;
        term *= (long double)(n - i) / (long double)(i + 1) * ((long double)p / q);
    }
    return sum;
}

/* Simulations: this many draws, or LONG_FACTOR times as many where EBJR_LONG is set. */
enum { DRAWS = 2000, LONG_FACTOR = 20 };

static size_t draws(void)
{
    return getenv("EBJR_LONG") ? (size_t)DRAWS * LONG_FACTOR : DRAWS;
}

/* Three standard errors of a share p of that many draws. */
static double three_errors(double p)
{
    return 3 * sqrt(p * (1 - p) / (double)draws());
}

static double share_of(size_t count)
{
    return (double)count / (double)draws();
}

static void assert_rare(const char *what, size_t count, double most)
{
    if (share_of(count) > most + three_errors(most))
        print_error("%s: %zu of %zu draws, at most %g expected\n", what, count, draws(), most);
    assert_true(share_of(count) <= most + three_errors(most));
}

/* binomial.h */

/* By Python's mpmath 1.2 with 60 digits: findroot of log(sum) - log(delta), the sum term by term
 * from exp(loggamma(n + 1) - loggamma(k + 1) - loggamma(n - k + 1) + ...) on. scipy 1.10 has the
 * same, beta.isf(delta, k + 1, n - k) and beta.ppf(delta, k, n - k + 1), to 1e-11 or better, but
 * for the upper bounds of 1 and 3 in 10^7, where it is 1.1e-10 and 5e-11 off. */
static void bounds_have_all_their_digits(void **state)
{
    (void)state;
    static const struct {
        int64_t k, n;
        double delta, upper, lower;
    } known[] = {
        {0, 1, 0.05, 0.95, 0.0},
        {1, 1, 0.05, 1.0, 0.050000000000000003},
        {0, 10, 0.05, 0.25886555089305228, 0.0},
        {10, 10, 0.05, 1.0, 0.74113444910694772},
        {1, 2, 0.5, 0.70710678118654752, 0.29289321881345248},
        {3, 10, 0.05, 0.60662421610541342, 0.087264433914150308},
        {7, 10, 0.1, 0.88417472197023707, 0.44826916761640095},
        {1, 100, 0.05, 0.046559811453538945, 0.00051280141626229213},
        {99, 100, 0.01, 0.99989950169175833, 0.93545726795141836},
        {13, 2000, 0.05, 0.010314468121596716, 0.0038489424981443865},
        {1730, 2000, 0.05 / 3, 0.88088197318212668, 0.84787032013974565},
        {0, 10000, 0.05, 0.000299528359776612, 0.0},
        {3, 10000, 0.05, 0.00077518137901009984, 8.1773979102906701e-5},
        {5000, 10000, 1e-06, 0.52380303206150844, 0.47619696793849156},
        {9997, 10000, 0.05, 0.99991822602089709, 0.9992248186209899},
        {10000, 1000000, 0.05, 0.010165213982092064, 0.009836888398114335},
        {250, 50000, 0.9, 0.0046193333418154642, 0.0054081407292002733},
        {0, 10000000, 0.05, 2.995731824833443e-7, 0.0},
        {1, 10000000, 0.05, 4.7438636303713684e-7, 5.1293294256000434e-9},
        {3, 10000000, 0.05, 7.7536546850219015e-7, 8.1769149550213861e-8},
        {100000, 10000000, 0.05, 0.010051909014411874, 0.0099483006704989487},
        {5000000, 10000000, 0.05, 0.50026012416983419, 0.49973987583016581},
        {5000000, 10000000, 1e-12, 0.50111229814864405, 0.49888770185135595},
        {9999997, 10000000, 0.05, 0.99999991823085045, 0.9999992246345315},
        {9999999, 10000000, 0.01, 0.99999999899496642, 0.99999933616498035},
        {10000000, 10000000, 0.05, 1.0, 0.99999970042681752},
    };
    for (size_t i = 0; i < COUNT(known); i++) {
        int64_t k = known[i].k, n = known[i].n;
        assert_near(ebjr_binomial_upper(k, n, known[i].delta), known[i].upper, 1e-13);
        assert_near(ebjr_binomial_lower(k, n, known[i].delta), known[i].lower, 1e-13);
    }
}

/* A bound is where the tail, summed term by term, passes delta: within a few units in its last
 * digit it is above on one side and below on the other. */
static void bounds_solve_their_equations(void **state)
{
    (void)state;
    static const double deltas[] = {1e-9, 0.001, 0.05, 0.3, 0.5, 0.9, 0.999};
    const double near = 1e-12;
    for (int64_t n = 1; n <= 40; n++)
        for (int64_t k = 0; k < n; k++)
            for (size_t d = 0; d < COUNT(deltas); d++) {
                double upper = ebjr_binomial_upper(k, n, deltas[d]);
                double lower = ebjr_binomial_lower(n - k, n, deltas[d]);
                assert_true(brute_cdf(k, n, upper - near) > deltas[d]);
                assert_true(brute_cdf(k, n, fmin(1, upper + near)) < deltas[d]);
                assert_true(fabs(1 - lower - upper) <= near);
            }
}

static void cdf_is_the_sum(void **state)
{
    (void)state;
    static const double ps[] = {1e-300, 1e-9, 0.01, 0.3, 0.5, 0.77, 0.99, 1 - 0x1p-40};
    for (int64_t n = 1; n <= 60; n++)
        for (int64_t k = 0; k < n; k++)
            for (size_t i = 0; i < COUNT(ps); i++)
                assert_near(ebjr_binomial_cdf(k, n, ps[i]), (double)brute_cdf(k, n, ps[i]), 1e-12);
}

/* Sums of 60 digits by Python's mpmath 1.2: terms exp(loggamma(n+1) - loggamma(k+1) - ...) from k
 * down until they are 1e-45 of the sum. */
static void cdf_keeps_its_digits(void **state)
{
    (void)state;
    static const struct {
        int64_t k, n;
        double p, cdf;
    } known[] = {
        {50000, 10000000, 0.0055, 8.07121302220292652e-105},
        {5000000, 10000000, 0.5, 0.500126156622947092},
        {4990000, 10000000, 0.5, 1.27240024557758653e-10},
        {10, 10000000, 1e-06, 0.58303975019299599},
        {9999990, 10000000, 1 - 1e-6, 0.54207034811917734},
        {100, 2000, 0.2, 1.30643919931612511e-83},
        {0, 10000000, 1e-05, 3.71821639057065262e-44},
        {4999999, 10000000, 0.4999, 0.736352080162060888},
    };
    for (size_t i = 0; i < COUNT(known); i++)
        assert_near(ebjr_binomial_cdf(known[i].k, known[i].n, known[i].p), known[i].cdf, 1e-11);
}

static void most_is_the_last_bound_within_the_limit(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 3000; i++) {
        int64_t n = (int64_t)random_below(&seed, 120), most = -1;
        double limit = uniform(&seed), delta = uniform(&seed);
        if (i % 3)
            limit *= 0.1, delta *= 0.1;
        while (most < n - 1 && brute_cdf(most + 1, n, limit) <= delta)
            most++;
        assert_int_equal(ebjr_binomial_most(n, limit, delta), most);
        if (most >= 0)
            assert_true(ebjr_binomial_upper(most, n, delta) <= limit + 1e-14);
        assert_true(ebjr_binomial_upper(most + 1, n, delta) > limit - 1e-14);
    }
    assert_int_equal(ebjr_binomial_most(299, 0.01, 0.05), 0);
    assert_int_equal(ebjr_binomial_most(298, 0.01, 0.05), -1);
    assert_int_equal(ebjr_binomial_most(7, 1, 0.05), 7);
    assert_int_equal(ebjr_binomial_most(7, 0, 0.05), -1);
    assert_int_equal(ebjr_binomial_most(0, 0.5, 0.05), -1);
}

static void fewest_is_found_by_counting(void **state)
{
    (void)state;
    static const double limits[] = {0.001, 0.01, 0.05, 0.1, 0.37, 0.9};
    static const double deltas[] = {0.001, 0.01, 0.05, 0.2};
    for (size_t i = 0; i < COUNT(limits); i++)
        for (size_t d = 0; d < COUNT(deltas); d++) {
            long double all_pass = 1 - (long double)limits[i];
            int64_t n = 1;
            for (long double p = all_pass; p > (long double)deltas[d]; p *= all_pass)
                n++;
            assert_int_equal(ebjr_binomial_fewest(limits[i], deltas[d]), n);
        }
    assert_int_equal(ebjr_binomial_fewest(0.01, 0.05), 299);
    assert_int_equal(ebjr_binomial_fewest(0.05, 0.05), 59);
    assert_int_equal(ebjr_binomial_fewest(1, 0.05), 1);
    assert_int_equal(ebjr_binomial_fewest(0, 0.05), 0);
    assert_int_equal(ebjr_binomial_fewest(1e-300, 0.05), 0);
}

static const double not_levels[] = {0, 1, -0.1, 1.5, HUGE_VAL, -HUGE_VAL, NAN};

static void binomial_takes_any_input(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(not_levels); i++) {
        assert_true(isnan(ebjr_binomial_upper(3, 10, not_levels[i])));
        assert_true(isnan(ebjr_binomial_lower(3, 10, not_levels[i])));
        assert_int_equal(ebjr_binomial_most(10, 0.5, not_levels[i]), -1);
        assert_int_equal(ebjr_binomial_fewest(0.5, not_levels[i]), 0);
    }
    assert_true(isnan(ebjr_binomial_upper(-1, 10, 0.05)));
    assert_true(isnan(ebjr_binomial_upper(11, 10, 0.05)));
    assert_true(isnan(ebjr_binomial_lower(0, HUGE_N + 1, 0.05)));
    assert_true(isnan(ebjr_binomial_lower(INT64_MIN, INT64_MIN, 0.05)));
    assert_true(isnan(ebjr_binomial_cdf(1, 10, -0.1)));
    assert_true(isnan(ebjr_binomial_cdf(1, 10, NAN)));
    assert_true(isnan(ebjr_binomial_cdf(1, -10, 0.5)));
    assert_int_equal(ebjr_binomial_most(10, NAN, 0.05), -1);
    assert_int_equal(ebjr_binomial_most(-10, 0.5, 0.05), -1);
    assert_int_equal(ebjr_binomial_fewest(NAN, 0.05), 0);

    assert_true(ebjr_binomial_cdf(-1, 10, 0.5) == 0);
    assert_true(ebjr_binomial_cdf(10, 10, 0.5) == 1);
    assert_true(ebjr_binomial_cdf(3, 10, 0) == 1 && ebjr_binomial_cdf(3, 10, 1) == 0);
    assert_true(ebjr_binomial_cdf(3, 10, 5e-324) == 1);
    assert_true(ebjr_binomial_cdf(10, HUGE_N, 0.5) == 0);
    assert_true(ebjr_binomial_upper(0, 0, 0.05) == 1 && ebjr_binomial_lower(0, 0, 0.05) == 0);
    /* k = 0: 1 - delta^(1/n) */
    assert_near(ebjr_binomial_upper(0, HUGE_N, 0.05), -log(0.05) * 0x1p-53, 1e-12);
    assert_near(ebjr_binomial_upper(0, 10, 1e-300), 1 - 1e-30, 1e-15);
    assert_near(ebjr_binomial_lower(10, 10, 1e-300), 1e-30, 1e-12);
    assert_near(ebjr_binomial_upper(0, 10, 1 - 0x1p-53), 0x1p-53 / 10, 1e-12);
}

/* bound.h */

static double losses_of[1000];

/* Losses that Python makes too: i * 7919 % 1000 / 999, i % 10 == 3, 0.2 + 0.1 * (i * 37 % 101) /
 * 100.
 */
static void fill(int kind, size_t n)
{
    for (size_t i = 0; i < n; i++)
        losses_of[i] = kind == 0   ? (double)(i * 7919 % 1000) / 999
                       : kind == 1 ? (double)(i % 10 == 3)
                                   : 0.2 + 0.1 * (double)(i * 37 % 101) / 100;
}

/* numpy: min(1, exp(-n h1(min(mean, limit), limit)), e * scipy.stats.binom.cdf(ceil(n * mean), n,
 * limit)); the bounds by scipy.optimize.brentq on it. */
static void hoeffding_bentkus_is_that_of_numpy(void **state)
{
    (void)state;
    static const struct {
        double mean;
        size_t n;
        double limit, p;
    } known[] = {
        {0, 50, 0.1, 0.0051537752073201},           {0.02, 500, 0.04, 0.026298141418118752},
        {0.1234, 1000, 0.15, 0.028793968929310805}, {0.3, 40, 0.5, 0.02254679321321976},
        {0.7, 40, 0.72, 0.9616257831737967},        {0.05, 1000000, 0.0505, 0.03040771463596996},
    };
    static const struct {
        double mean;
        size_t n;
        double delta, upper;
    } bounds[] = {
        {0, 50, 0.05, 0.05815507911697226},         {0.02, 500, 0.05, 0.037643671076263804},
        {0.1234, 1000, 0.1, 0.14409966580137634},   {0.3, 40, 0.01, 0.5225806780959508},
        {0.7, 40, 0.05, 0.8412008150305128},        {0.95, 20, 0.05, 0.9990392282618477},
        {0.05, 1000000, 0.05, 0.05045705392085973},
    };
    for (size_t i = 0; i < COUNT(known); i++)
        assert_near(ebjr_hoeffding_bentkus_p(known[i].mean, known[i].n, known[i].limit), known[i].p,
                    1e-9);
    for (size_t i = 0; i < COUNT(bounds); i++)
        assert_near(ebjr_hoeffding_bentkus_upper(bounds[i].mean, bounds[i].n, bounds[i].delta),
                    bounds[i].upper, 1e-10);
}

/* A mean of k/n is k losses of 1, however k/n is rounded: Bentkus' bound never sees k + 1. */
static void a_mean_of_counts_is_not_rounded_up(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 200; n++)
        for (int64_t k = 0; k < n; k += 1 + n / 20) {
            double mean = (double)k / (double)n, limit = mean + (1 - mean) * 0.3;
            double p = ebjr_hoeffding_bentkus_p(mean, (size_t)n, limit);
            assert_true(p <= M_E * brute_cdf(k, n, limit) * (1 + 1e-12));
        }
}

/* numpy: the wealth of Bates et al. 2021's Waudby-Smith-Ramdas bound, cumprod(1 - nu * (x - m))
 * with nu = minimum(1, sqrt(2 log(1 / delta) / n / sigma2)) and sigma2 of the losses before, and
 * brentq. */
static void betting_is_that_of_numpy(void **state)
{
    (void)state;
    static const struct {
        int kind;
        size_t n;
        double limit, delta, p, upper;
    } known[] = {
        {0, 200, 0.6, 0.05, 3.7446276767540994e-05, 0.5382088963008954},
        {1, 500, 0.15, 0.05, 0.006726358211115038, 0.1388315441827765},
        {2, 100, 0.3, 0.1, 0.00868081805849385, 0.2742818801048924},
        {1, 30, 0.5, 0.01, 0.0001408075663728572, 0.33791559205482663},
        {0, 50, 0.45, 0.05, 0.7624581997448411, 0.5778932812736818},
    };
    for (size_t i = 0; i < COUNT(known); i++) {
        size_t n = known[i].n;
        fill(known[i].kind, n);
        assert_near(ebjr_betting_p(losses_of, n, known[i].limit, known[i].delta), known[i].p,
                    1e-10);
        assert_near(ebjr_betting_upper(losses_of, n, known[i].delta), known[i].upper, 1e-10);
    }
}

/* Populations of losses with their true mean. */
static double bernoulli_loss(uint64_t *seed)
{
    return uniform(seed) < 0.1;
}

static double cubed_loss(uint64_t *seed) /* E[U^3] = 1/4 */
{
    double u = uniform(seed);
    return u * u * u;
}

static double third_loss(uint64_t *seed) /* 0, 1/3 or 1: E = 0.8 * 0 + 0.15 / 3 + 0.05 */
{
    double u = uniform(seed);
    return u < 0.8 ? 0 : u < 0.95 ? 1.0 / 3 : 1;
}

static double narrow_loss(uint64_t *seed) /* uniform on [0.4, 0.6] */
{
    return 0.4 + 0.2 * uniform(seed);
}

static const struct population {
    const char *name;
    double (*loss)(uint64_t *);
    double mean;
} populations[] = {{"Bernoulli", bernoulli_loss, 0.1},
                   {"cubed", cubed_loss, 0.25},
                   {"thirds", third_loss, 0.1},
                   {"narrow", narrow_loss, 0.5}};

static const double levels[] = {0.01, 0.05, 0.1, 0.2, 0.5};

/* Returns the mean of n fresh losses. */
static double draw_losses(const struct population *population, size_t n, uint64_t *seed)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += losses_of[i] = population->loss(seed);
    return sum / (double)n;
}

/* At the edge of the null, limit = E[loss], P(p <= u) <= u for every u. */
static void p_values_are_super_uniform(void **state)
{
    (void)state;
    enum { N = 100 };
    uint64_t seed = 2;
    for (size_t k = 0; k < COUNT(populations); k++) {
        const struct population *population = &populations[k];
        size_t hoeffding_bentkus[COUNT(levels)] = {0}, betting[COUNT(levels)] = {0};
        for (size_t draw = 0; draw < draws(); draw++) {
            double mean = draw_losses(population, N, &seed);
            double p = ebjr_hoeffding_bentkus_p(mean, N, population->mean);
            double q = ebjr_betting_p(losses_of, N, population->mean, 0.05);
            assert_true(p >= 0 && p <= 1 && q >= 0 && q <= 1);
            for (size_t u = 0; u < COUNT(levels); u++) {
                hoeffding_bentkus[u] += p <= levels[u];
                betting[u] += q <= levels[u];
            }
        }
        for (size_t u = 0; u < COUNT(levels); u++) {
            assert_rare(population->name, hoeffding_bentkus[u], levels[u]);
            assert_rare(population->name, betting[u], levels[u]);
        }
        assert_true(betting[COUNT(levels) - 1] > 0); /* not by never rejecting */
    }
}

static void bounds_cover(void **state)
{
    (void)state;
    enum { N = 40 };
    const double delta = 0.1;
    uint64_t seed = 3;
    for (size_t k = 0; k < COUNT(populations); k++) {
        const struct population *population = &populations[k];
        size_t missed[2] = {0};
        double sum[2] = {0};
        for (size_t draw = 0; draw < draws(); draw++) {
            double mean = draw_losses(population, N, &seed);
            double upper[2] = {ebjr_hoeffding_bentkus_upper(mean, N, delta),
                               ebjr_betting_upper(losses_of, N, delta)};
            assert_true(upper[0] > mean);
            for (int b = 0; b < 2; b++) {
                missed[b] += upper[b] < population->mean;
                sum[b] += upper[b];
            }
        }
        print_message("%-9s mean %.2f, n = %d, delta = %.1f: Hoeffding-Bentkus %.3f on average, "
                      "misses %.4f; betting %.3f, misses %.4f\n",
                      population->name, population->mean, N, delta, sum[0] / (double)draws(),
                      share_of(missed[0]), sum[1] / (double)draws(), share_of(missed[1]));
        assert_rare("Hoeffding-Bentkus", missed[0], delta);
        assert_rare("betting", missed[1], delta);
        /* what betting is for: a variance below that of a bit */
        if (population->loss == narrow_loss)
            assert_true(sum[1] - population->mean * (double)draws() <
                        0.5 * (sum[0] - population->mean * (double)draws()));
    }
}

static void a_bound_is_where_its_test_turns(void **state)
{
    (void)state;
    uint64_t seed = 4;
    for (size_t i = 0; i < 200; i++) {
        size_t n = 1 + random_below(&seed, 50);
        double delta = 0.001 + 0.4 * uniform(&seed);
        double mean = draw_losses(&populations[i % COUNT(populations)], n, &seed);
        double upper = ebjr_hoeffding_bentkus_upper(mean, n, delta);
        assert_true(ebjr_hoeffding_bentkus_p(mean, n, upper) <= delta);
        assert_true(ebjr_hoeffding_bentkus_p(mean, n, upper * (1 - 1e-11)) > delta);
        upper = ebjr_betting_upper(losses_of, n, delta);
        assert_true(ebjr_betting_p(losses_of, n, upper, delta) <= delta);
        assert_true(ebjr_betting_p(losses_of, n, upper * (1 - 1e-11), delta) > delta);
    }
}

static void bounds_take_any_input(void **state)
{
    (void)state;
    static const double not_losses[] = {-1e-9, 1 + 1e-9, HUGE_VAL, -HUGE_VAL, NAN};
    for (size_t i = 0; i < COUNT(not_losses); i++) {
        double losses[] = {0.1, not_losses[i], 0.3};
        assert_true(isnan(ebjr_hoeffding_bentkus_p(not_losses[i], 3, 0.5)));
        assert_true(isnan(ebjr_hoeffding_bentkus_upper(not_losses[i], 3, 0.05)));
        assert_true(isnan(ebjr_betting_p(losses, 3, 0.5, 0.05)));
        assert_true(isnan(ebjr_betting_p(losses, 3, 0, 0.05)));
        assert_true(isnan(ebjr_betting_p(losses, 3, 1, 0.05)));
        assert_true(isnan(ebjr_betting_upper(losses, 3, 0.05)));
    }
    const double losses[] = {0, 0, 1, 0};
    for (size_t i = 0; i < COUNT(not_levels); i++) {
        assert_true(isnan(ebjr_hoeffding_bentkus_upper(0.25, 4, not_levels[i])));
        assert_true(isnan(ebjr_betting_p(losses, 4, 0.5, not_levels[i])));
        assert_true(isnan(ebjr_betting_upper(losses, 4, not_levels[i])));
    }
    assert_true(isnan(ebjr_hoeffding_bentkus_p(0.25, 4, NAN)));
    assert_true(isnan(ebjr_betting_p(losses, 4, NAN, 0.05)));
    assert_true(ebjr_hoeffding_bentkus_p(0, 0, 0.5) == 1 && ebjr_betting_p(NULL, 0, 0.5, 0.1) == 1);
    assert_true(ebjr_hoeffding_bentkus_upper(0, 0, 0.1) == 1);
    assert_true(ebjr_betting_upper(NULL, 0, 0.1) == 1);
    assert_true(ebjr_hoeffding_bentkus_p(0, 9, 0) == 1 && ebjr_hoeffding_bentkus_p(1, 9, 1) == 0);
    assert_true(ebjr_betting_p(losses, 4, -1, 0.05) == 1);
    assert_true(ebjr_betting_p(losses, 4, HUGE_VAL, 0.05) == 0);
    assert_true(ebjr_hoeffding_bentkus_upper(1, 9, 0.05) == 1);
    assert_near(ebjr_hoeffding_bentkus_p(0, SIZE_MAX >> 1, 1e-300), 1, 1e-12);
}

/* quantile.h */

static void rank_is_found_by_counting(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (int64_t n = 1; n <= 150; n++)
        for (int i = 0; i <= 200; i++) {
            double q = i <= 100 ? (double)i / 100 : uniform(&seed);
            if (i % 5 == 4)
                q = nextafter((double)(i % n) / (double)n, i % 2 ? 1 : 0);
            int64_t r = 1;
            while ((double)r / (double)n < q)
                r++;
            assert_int_equal(ebjr_quantile_rank(n, q), r);
        }
    assert_int_equal(ebjr_quantile_rank(100, 0.07), 7);
    assert_int_equal(ebjr_quantile_rank(100, 0.99), 99);
    assert_int_equal(ebjr_quantile_rank(HUGE_N, 0.5), HUGE_N / 2);
    assert_int_equal(ebjr_quantile_rank(10, 2), 10);
    assert_int_equal(ebjr_quantile_rank(10, -HUGE_VAL), 1);
    assert_int_equal(ebjr_quantile_rank(0, 0.5), 0);
    assert_int_equal(ebjr_quantile_rank(-5, 0.5), 0);
    assert_int_equal(ebjr_quantile_rank(10, NAN), 0);
}

static void interval_ranks_are_sums(void **state)
{
    (void)state;
    static const int64_t sizes[] = {2, 5, 20, 58, 59, 93, 298, 299, 400};
    static const double qs[] = {0.01, 0.25, 0.5, 0.9, 0.95, 0.99}, deltas[] = {0.01, 0.05, 0.3};
    for (size_t s = 0; s < COUNT(sizes); s++)
        for (size_t i = 0; i < COUNT(qs); i++)
            for (size_t d = 0; d < COUNT(deltas); d++) {
                int64_t n = sizes[s], upper = 0, lower = 0;
                for (int64_t r = 1; r <= n; r++) {
                    long double below = brute_cdf(r - 1, n, qs[i]);
                    if (!upper && below >= 1 - (long double)deltas[d])
                        upper = r;
                    if (below <= deltas[d])
                        lower = r;
                }
                assert_int_equal(ebjr_quantile_upper_rank(n, qs[i], deltas[d]), upper);
                assert_int_equal(ebjr_quantile_lower_rank(n, qs[i], deltas[d]), lower);
            }
    assert_int_equal(ebjr_quantile_upper_rank(299, 0.99, 0.05), 299);
    assert_int_equal(ebjr_quantile_upper_rank(298, 0.99, 0.05), 0);
    assert_int_equal(ebjr_quantile_upper_rank(1, 0.5, 0.6), 1);
    assert_int_equal(ebjr_quantile_lower_rank(1, 0.5, 0.6), 1);
    assert_int_equal(ebjr_quantile_upper_rank(1, 0.5, 0.4), 0);
    assert_int_equal(ebjr_quantile_lower_rank(1, 0.5, 0.4), 0);
}

static void interval_ranks_take_any_input(void **state)
{
    (void)state;
    static const double not_quantiles[] = {0, 1, -1, 2, NAN, HUGE_VAL};
    for (size_t i = 0; i < COUNT(not_quantiles); i++) {
        int64_t lower = ebjr_quantile_lower_rank(50, not_quantiles[i], 0.05);
        assert_int_equal(ebjr_quantile_upper_rank(50, not_quantiles[i], 0.05), 0);
        assert_int_equal(lower, 0);
    }
    for (size_t i = 0; i < COUNT(not_levels); i++) {
        assert_int_equal(ebjr_quantile_upper_rank(50, 0.5, not_levels[i]), 0);
        assert_int_equal(ebjr_quantile_lower_rank(50, 0.5, not_levels[i]), 0);
    }
    assert_int_equal(ebjr_quantile_upper_rank(0, 0.5, 0.05), 0);
    assert_int_equal(ebjr_quantile_lower_rank(-1, 0.5, 0.05), 0);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The values are 0 .. 9 with equal chance: the 0.75-quantile is 7, and ties are everywhere. */
static void interval_ranks_cover_with_ties(void **state)
{
    (void)state;
    enum { N = 50 };
    const double delta = 0.1, quantile = 7;
    int64_t upper = ebjr_quantile_upper_rank(N, 0.75, delta);
    int64_t lower = ebjr_quantile_lower_rank(N, 0.75, delta);
    size_t too_low = 0, too_high = 0;
    uint64_t seed = 6;
    for (size_t draw = 0; draw < draws(); draw++) {
        double values[N];
        for (size_t i = 0; i < N; i++)
            values[i] = (double)random_below(&seed, 10);
        qsort(values, N, sizeof *values, compare_doubles);
        too_low += values[upper - 1] < quantile;
        too_high += values[lower - 1] > quantile;
    }
    assert_rare("upper rank", too_low, delta);
    assert_rare("lower rank", too_high, delta);
    assert_true(too_low > 0);
}

static void select_agrees_with_qsort(void **state)
{
    (void)state;
    enum { MOST = 300 };
    uint64_t seed = 7;
    for (int i = 0; i < 2000; i++) {
        size_t n = 1 + random_below(&seed, MOST), r = 1 + random_below(&seed, n);
        double values[MOST], sorted[MOST];
        int pattern = i % 5;
        for (size_t k = 0; k < n; k++)
            sorted[k] = values[k] = pattern == 0   ? uniform(&seed)
                                    : pattern == 1 ? (double)random_below(&seed, 4)
                                    : pattern == 2 ? (double)k
                                    : pattern == 3 ? -(double)k
                                                   : (k % 2 ? HUGE_VAL : -HUGE_VAL);
        qsort(sorted, n, sizeof *sorted, compare_doubles);
        assert_true(ebjr_select(values, n, r) == sorted[r - 1]);
        qsort(values, n, sizeof *values, compare_doubles);
        assert_memory_equal(values, sorted, n * sizeof *sorted);
    }
    double values[] = {3, NAN, 1};
    assert_true(isnan(ebjr_select(values, 3, 1)));
    assert_true(isnan(ebjr_select(values, 1, 0)));
    assert_true(isnan(ebjr_select(values, 1, 2)));
    assert_true(isnan(ebjr_select(NULL, 0, 1)));
}

/* certify.h */

/* Whether k bad ones of n certify a rate <= limit, by the definition. */
static bool brute_certifies(int64_t k, int64_t n, double limit, double delta)
{
    return k < n && brute_cdf(k, n, limit) <= delta;
}

enum { FEW = 80 };

struct small {
    size_t n;
    double score[FEW];
    uint8_t student[FEW], teacher[FEW], slow_student[FEW], slow_teacher[FEW];
    struct ebjr_curve curve;
    int64_t exceeding[FEW + 1];
};

/* Scores from few values, so that most are tied; the student is better at high ones. */
static void make_small(struct small *small, uint64_t *seed)
{
    *small = (struct small){.n = 1 + random_below(seed, FEW)};
    size_t distinct = 1 + random_below(seed, FEW), badness = 2 + random_below(seed, 30);
    for (size_t i = 0; i < small->n; i++) {
        size_t value = random_below(seed, distinct);
        small->score[i] = (double)value / 8 - 3;
        small->student[i] = random_below(seed, badness) > 0;
        small->teacher[i] = random_below(seed, 12) > 0;
        small->slow_student[i] = random_below(seed, 60) == 0;
        small->slow_teacher[i] = small->slow_student[i] || random_below(seed, 4) == 0;
    }
    assert_done(ebjr_sweep(&small->curve, small->score, small->student, small->teacher, small->n));
    for (size_t k = 0; k < small->curve.count; k++)
        for (size_t i = 0; i < small->n; i++)
            small->exceeding[k] += small->score[i] >= small->curve.points[k].threshold
                                       ? small->slow_student[i]
                                       : small->slow_teacher[i];
}

/* The assumptions of the certificates: every risk is monotone in the threshold, also between and
 * beyond the scores, and so are the counts along the curve. */
static void risks_are_monotone(void **state)
{
    (void)state;
    uint64_t seed = 8;
    for (int i = 0; i < 400; i++) {
        struct small small;
        make_small(&small, &seed);
        double stricter = 16 * uniform(&seed) - 4, looser = stricter - 8 * uniform(&seed);
        if (i % 2) {
            stricter = small.score[random_below(&seed, small.n)];
            looser = fmin(stricter, small.score[random_below(&seed, small.n)]);
        }
        int64_t harm[2] = {0}, asked[2] = {0}, slow[2] = {0};
        for (size_t k = 0; k < small.n; k++)
            for (int side = 0; side < 2; side++) {
                bool answers = small.score[k] >= (side ? looser : stricter);
                harm[side] += answers && !small.student[k] && small.teacher[k];
                asked[side] += !answers;
                slow[side] += answers ? small.slow_student[k] : small.slow_teacher[k];
            }
        assert_true(harm[1] >= harm[0] && asked[1] <= asked[0] && slow[1] <= slow[0]);
        const struct ebjr_point *points = small.curve.points;
        for (size_t k = 1; k < small.curve.count; k++) {
            assert_true(points[k].harm >= points[k - 1].harm);
            assert_true(points[k].student >= points[k - 1].student);
            assert_true(small.exceeding[k] <= small.exceeding[k - 1]);
        }
        ebjr_curve_free(&small.curve);
    }
}

static void certificates_are_those_of_their_definition(void **state)
{
    (void)state;
    uint64_t seed = 9;
    size_t inner[3] = {0};
    for (int i = 0; i < 600; i++) {
        struct small small;
        make_small(&small, &seed);
        const struct ebjr_curve *curve = &small.curve;
        double limit = uniform(&seed) * (i % 2 ? 1 : 0.3), delta = 0.005 + 0.5 * uniform(&seed);
        int64_t n = curve->n;

        size_t harm = 0;
        while (harm + 1 < curve->count &&
               brute_certifies(curve->points[harm + 1].harm, n, limit, delta))
            harm++;
        size_t rate = curve->count;
        while (rate > 0 && brute_certifies(n - curve->points[rate - 1].student, n, limit, delta))
            rate--;
        size_t exceeding = curve->count;
        while (exceeding > 0 && brute_certifies(small.exceeding[exceeding - 1], n, limit, delta))
            exceeding--;

        assert_int_equal(ebjr_certify_harm(curve, limit, delta), harm);
        assert_int_equal(ebjr_certify_teacher_rate(curve, limit, delta), rate);
        assert_int_equal(ebjr_certify_exceeding(small.exceeding, curve->count, n, limit, delta),
                         exceeding);
        inner[0] += harm > 0 && harm + 1 < curve->count;
        inner[1] += rate > 0 && rate < curve->count;
        inner[2] += exceeding > 0 && exceeding < curve->count;
        ebjr_curve_free(&small.curve);
    }
    assert_true(inner[0] > 50 && inner[1] > 50 && inner[2] > 50);
}

static void what_needs_no_samples_is_certified(void **state)
{
    (void)state;
    const double score[] = {1, 2}, none = 1e-9;
    const uint8_t wrong[] = {0, 0}, right[] = {1, 1};
    struct ebjr_curve curve;
    assert_done(ebjr_sweep(&curve, score, wrong, right, 2));
    assert_int_equal(ebjr_certify_harm(&curve, none, 0.05), 0);
    assert_int_equal(ebjr_certify_harm(&curve, 1, 0.05), 2);
    /* others may score lower than 1: nothing is known from two samples */
    assert_int_equal(ebjr_certify_teacher_rate(&curve, 0.5, 0.05), 3);
    assert_int_equal(ebjr_certify_teacher_rate(&curve, 1, 0.05), 0);
    curve.points[2].threshold = -HUGE_VAL;
    assert_int_equal(ebjr_certify_teacher_rate(&curve, none, 0.05), 2);
    /* thresholds fixed beforehand, all of them too loose */
    struct ebjr_curve loose = curve;
    loose.points++;
    loose.count--;
    assert_int_equal(ebjr_certify_harm(&loose, 0.1, 0.05), SIZE_MAX);
    ebjr_curve_free(&curve);

    const int64_t exceeding[] = {2, 1, 0};
    /* 59 samples without a failure, 93 with one and 124 with two certify 0.05 at 0.05 */
    assert_int_equal(ebjr_certify_exceeding(exceeding, 3, 58, 0.05, 0.05), 3);
    assert_int_equal(ebjr_certify_exceeding(exceeding, 3, 59, 0.05, 0.05), 2);
    assert_int_equal(ebjr_certify_exceeding(exceeding, 3, 92, 0.05, 0.05), 2);
    assert_int_equal(ebjr_certify_exceeding(exceeding, 3, 93, 0.05, 0.05), 1);
    assert_int_equal(ebjr_certify_exceeding(exceeding, 3, 123, 0.05, 0.05), 1);
    assert_int_equal(ebjr_certify_exceeding(exceeding, 3, 124, 0.05, 0.05), 0);
    assert_int_equal(ebjr_certify_exceeding(exceeding, 3, 10000, 0.05, 0.05), 0);
    assert_int_equal(ebjr_certify_exceeding(exceeding, 0, 10000, 0.05, 0.05), 0);
}

static void nothing_is_certified_from_nonsense(void **state)
{
    (void)state;
    uint64_t seed = 10;
    struct small small;
    do {
        make_small(&small, &seed);
        if (small.curve.count < 3)
            ebjr_curve_free(&small.curve);
    } while (!small.curve.points);
    const struct ebjr_curve *curve = &small.curve;
    const double threshold = HUGE_VAL;
    bool certified = true;
    double p_value = 0;
    for (size_t i = 0; i < COUNT(not_levels); i++) {
        double bad = not_levels[i];
        assert_int_equal(ebjr_certify_harm(curve, 0.9, bad), 0);
        assert_int_equal(ebjr_certify_teacher_rate(curve, 0.9, bad), curve->count);
        assert_int_equal(ebjr_certify_exceeding(small.exceeding, curve->count, 80, 0.9, bad),
                         curve->count);
        certified = true;
        assert_int_equal(
            ebjr_certify_accuracy(&certified, &p_value, &threshold, 1, 0.01, bad, curve), 0);
        assert_false(certified);
    }
    assert_int_equal(ebjr_certify_harm(curve, NAN, 0.05), 0);
    assert_int_equal(ebjr_certify_teacher_rate(curve, NAN, 0.05), curve->count);
    assert_int_equal(ebjr_certify_accuracy(&certified, NULL, &threshold, 1, NAN, 0.05, curve), 0);
    assert_int_equal(ebjr_certify_accuracy(&certified, NULL, &threshold, 1, 1.1, 0.05, curve), 0);
    assert_int_equal(ebjr_certify_accuracy(NULL, NULL, NULL, 0, 0.5, 0.05, curve), 0);
    ebjr_curve_free(&small.curve);
}

/* p-values by counting right answers and summing their distribution; testing stops. */
static void accuracy_is_tested_in_sequence(void **state)
{
    (void)state;
    enum { TESTS = 6 };
    uint64_t seed = 11;
    size_t stopped_inside = 0;
    for (int i = 0; i < 400; i++) {
        struct small small;
        make_small(&small, &seed);
        double thresholds[TESTS], p_values[TESTS], limit = 0.6 + 0.3 * uniform(&seed);
        bool certified[TESTS], going_on = true;
        for (size_t j = 0; j < TESTS; j++)
            thresholds[j] = 16 * uniform(&seed) - 4;
        thresholds[i % TESTS] = i % 2 ? HUGE_VAL : -HUGE_VAL;
        thresholds[(i + 1) % TESTS] = small.score[random_below(&seed, small.n)];
        size_t count =
            ebjr_certify_accuracy(certified, p_values, thresholds, TESTS, limit, 0.2, &small.curve);
        size_t expected = 0;
        for (size_t j = 0; j < TESTS; j++) {
            int64_t wrong = 0, n = (int64_t)small.n;
            for (size_t k = 0; k < small.n; k++)
                wrong += !(small.score[k] >= thresholds[j] ? small.student[k] : small.teacher[k]);
            double p = (double)brute_cdf(wrong, n, 1 - limit);
            if (going_on)
                assert_near(p_values[j], p, 1e-11);
            else
                assert_true(isnan(p_values[j]));
            going_on = going_on && p <= 0.2;
            assert_int_equal(certified[j], going_on);
            expected += going_on;
        }
        assert_int_equal(count, expected);
        stopped_inside += count > 0 && count < TESTS;
        ebjr_curve_free(&small.curve);
    }

    assert_true(stopped_inside > 20);
}

static void find_is_the_last_that_reaches(void **state)
{
    (void)state;
    uint64_t seed = 12;
    for (int i = 0; i < 200; i++) {
        struct small small;
        make_small(&small, &seed);
        const struct ebjr_curve *curve = &small.curve;
        for (int t = 0; t < 20; t++) {
            const double corners[] = {HUGE_VAL, -HUGE_VAL, small.score[0], -3, 0};
            double threshold = t < 5 ? corners[t] : 16 * uniform(&seed) - 4;
            size_t last = 0;
            for (size_t k = 0; k < curve->count; k++)
                if (curve->points[k].threshold >= threshold)
                    last = k;
            assert_int_equal(ebjr_curve_find(curve, threshold), last);
        }
        assert_int_equal(ebjr_curve_find(curve, NAN), 0);
        ebjr_curve_free(&small.curve);
    }
}

/*
 * Certificates in simulation. The score S is uniform on [0, 1]; with x = 1 - t the student's share,
 *
 *   P(harm | s) = 0.3 (1-s)^2,  P(help | s) = 0.1 (1-s),  P(teacher right) = 0.9, and hence
 *   harm(x) = 0.1 x^3,   accuracy(x) = 0.9 + 0.05 x^2 - 0.1 x^3  (rises up to x = 1/3, then falls),
 *   P(too slow at any rate) = 0.01,  P(too slow only with the teacher | s) = 0.32 s, and hence
 *   exceeding(t) = 0.01 + 0.16 t^2.
 *
 * Thresholds are chosen from a sample; whether they keep the promise is known exactly.
 */
enum { SAMPLES = 2000, STEPS = 60 };

static double true_harm(double t)
{
    double x = t > 1 ? 0 : 1 - t;
    return 0.1 * x * x * x;
}

static double true_accuracy(double t)
{
    double x = t > 1 ? 0 : t < 0 ? 1 : 1 - t;
    return 0.9 + 0.05 * x * x - 0.1 * x * x * x;
}

static double true_teacher_rate(double t)
{
    return fmin(t, 1);
}

static double true_exceeding(double t)
{
    t = fmin(t, 1);
    return 0.01 + 0.16 * t * t;
}

struct sample {
    struct ebjr_curve curve;
    double score[SAMPLES];
    uint8_t student[SAMPLES], teacher[SAMPLES], slow[SAMPLES], slow_after[SAMPLES];
    int64_t exceeding[SAMPLES + 1];
};

static void draw_sample(struct sample *sample, uint64_t *seed)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        double s = sample->score[i] = uniform(seed), u = uniform(seed), v = uniform(seed);
        double harm = 0.3 * (1 - s) * (1 - s), help = 0.1 * (1 - s);
        bool harms = u < harm, helps = u >= harm && u < harm + help;
        bool neither = u >= 0.9 + help; /* what is left is both: P(both) = 0.9 - harm */
        sample->student[i] = !harms && !neither;
        sample->teacher[i] = !helps && !neither;
        sample->slow[i] = v < 0.01;
        sample->slow_after[i] = v < 0.01 + 0.32 * s;
    }
    assert_done(
        ebjr_sweep(&sample->curve, sample->score, sample->student, sample->teacher, SAMPLES));
    assert_int_equal(sample->curve.count, SAMPLES + 1); /* no ties */
}

/* At first all are with the teacher; each point spares one sample, found by its score. */
static void count_exceeding(struct sample *sample)
{
    int64_t spared[SAMPLES + 1] = {0};
    sample->exceeding[0] = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        sample->exceeding[0] += sample->slow_after[i];
        if (sample->slow_after[i] && !sample->slow[i])
            spared[ebjr_curve_find(&sample->curve, sample->score[i])]++;
    }
    for (size_t k = 1; k <= SAMPLES; k++)
        sample->exceeding[k] = sample->exceeding[k - 1] - spared[k];
}

/* How often a promise was broken, by the certificate and by the plain pick of the same budget. */
struct tally {
    size_t certified, plain;
};

static const double max_harm = 0.03, max_rate = 0.5, max_exceeding = 0.05, min_accuracy = 0.88;

/* Edges: harm(t) = 0.03, rate(t) = 0.5, exceeding(t) = 0.05 at t = 0.331, 0.5, 0.5. */
static bool breaks_harm(const struct sample *sample, size_t index)
{
    return true_harm(sample->curve.points[index].threshold) > max_harm;
}

static bool breaks_rate(const struct sample *sample, size_t index)
{
    return index < sample->curve.count &&
           true_teacher_rate(sample->curve.points[index].threshold) > max_rate;
}

static bool breaks_exceeding(const struct sample *sample, size_t index)
{
    return index < sample->curve.count &&
           true_exceeding(sample->curve.points[index].threshold) > max_exceeding;
}

static size_t certify_exceeding(const struct sample *sample, double delta)
{
    return ebjr_certify_exceeding(sample->exceeding, sample->curve.count, SAMPLES, max_exceeding,
                                  delta);
}

/* The furthest point whose own figures on the sample meet the budget. */
static size_t plain_harm(const struct sample *sample)
{
    size_t last = 0;
    for (size_t k = 0; k < sample->curve.count; k++)
        if ((double)sample->curve.points[k].harm / SAMPLES <= max_harm)
            last = k;
    return last;
}

static size_t plain_rate(const struct sample *sample)
{
    size_t first = sample->curve.count - 1;
    while (first > 0 &&
           (double)(SAMPLES - sample->curve.points[first - 1].student) / SAMPLES <= max_rate)
        first--;
    return first;
}

static size_t plain_exceeding(const struct sample *sample)
{
    size_t first = sample->curve.count;
    while (first > 0 && (double)sample->exceeding[first - 1] / SAMPLES <= max_exceeding)
        first--;
    return first;
}

static void report(const char *what, const struct tally *tally, double delta)
{
    print_message("%-34s delta %.3f: broken by the certified pick %.4f, by the plain one %.4f\n",
                  what, delta, share_of(tally->certified), share_of(tally->plain));
    assert_rare(what, tally->certified, delta);
    assert_true(share_of(tally->plain) > 0.35 && tally->plain > 2 * tally->certified);
}

/*
 * How often exactly: the threshold t at the edge is known, and the promise is broken iff at t the
 * sample has a count that passes, with the largest P(Bin(n, limit) <= most) that is <= delta. This
 * is so for the teacher rate and for the exceeding ones, where the pick is the first score above
 * t; for harm, where it is the first one below t and may itself be the harm that is one too many,
 * the chance is less, but at least P(Bin(n, limit) <= most - 1).
 */
static void assert_broken_as_often_as_known(size_t count, double limit, double delta, bool is_harm)
{
    int64_t most = -1;
    while (brute_cdf(most + 1, SAMPLES, limit) <= delta)
        most++;
    double high = (double)brute_cdf(most, SAMPLES, limit);
    double low = is_harm ? (double)brute_cdf(most - 1, SAMPLES, limit) : high;
    assert_true(share_of(count) <= high + three_errors(high));
    assert_true(share_of(count) >= low - three_errors(low));
}

static void monotone_certificates_hold_as_often_as_promised(void **state)
{
    (void)state;
    static const double deltas[] = {0.05, 0.2};
    static struct sample sample;
    struct tally harm[2] = {{0}}, rate[2] = {{0}}, exceeding[2] = {{0}};
    uint64_t seed = 13;
    for (size_t draw = 0; draw < draws(); draw++) {
        draw_sample(&sample, &seed);
        count_exceeding(&sample);
        const struct ebjr_curve *curve = &sample.curve;
        for (size_t d = 0; d < 2; d++) {
            double delta = deltas[d];
            harm[d].certified += breaks_harm(&sample, ebjr_certify_harm(curve, max_harm, delta));
            harm[d].plain += breaks_harm(&sample, plain_harm(&sample));
            rate[d].certified +=
                breaks_rate(&sample, ebjr_certify_teacher_rate(curve, max_rate, delta));
            rate[d].plain += breaks_rate(&sample, plain_rate(&sample));
            exceeding[d].certified += breaks_exceeding(&sample, certify_exceeding(&sample, delta));
            exceeding[d].plain += breaks_exceeding(&sample, plain_exceeding(&sample));
        }
        ebjr_curve_free(&sample.curve);
    }
    for (size_t d = 0; d < 2; d++) {
        report("harm <= 0.03", &harm[d], deltas[d]);
        report("teacher rate <= 0.5", &rate[d], deltas[d]);
        report("P(latency > L) <= 0.05", &exceeding[d], deltas[d]);
        assert_broken_as_often_as_known(harm[d].certified, max_harm, deltas[d], true);
        assert_broken_as_often_as_known(rate[d].certified, max_rate, deltas[d], false);
        assert_broken_as_often_as_known(exceeding[d].certified, max_exceeding, deltas[d], false);
    }
}

/* Few samples, where the last point of a curve must not be taken for one without a teacher. */
static void the_lowest_score_promises_nothing_by_itself(void **state)
{
    (void)state;
    enum { N = 70 };
    const double limit = 0.05, delta = 0.05; /* 59 samples are needed */
    const uint8_t right[N] = {0};
    size_t broken = 0, broken_before = 0;
    uint64_t seed = 14;
    for (size_t draw = 0; draw < draws(); draw++) {
        double score[N];
        struct ebjr_curve curve;
        for (size_t i = 0; i < N; i++)
            score[i] = uniform(&seed);
        assert_done(ebjr_sweep(&curve, score, right, right, N));
        size_t first = ebjr_certify_teacher_rate(&curve, limit, delta);
        assert_true(first < curve.count);
        broken += curve.points[first].threshold > limit;
        ebjr_curve_free(&curve);
        assert_done(ebjr_sweep(&curve, score, right, right, 20));
        assert_int_equal(ebjr_certify_teacher_rate(&curve, limit, delta), curve.count);
        broken_before += curve.points[curve.count - 1].threshold > limit;
        ebjr_curve_free(&curve);
    }
    assert_rare("lowest score", broken, delta);
    /* 0.95^20 = 0.358: what the lowest of 20 scores would break */
    assert_true(fabs(share_of(broken_before) - 0.358486) <= three_errors(0.358486));
}

/* From the threshold of the highest accuracy on to ever looser ones. */
static size_t propose(double *thresholds, const struct ebjr_curve *tuning)
{
    size_t best = 0, count = 0;
    for (size_t k = 0; k < tuning->count; k++)
        if (ebjr_point_accuracy(tuning, &tuning->points[k]) >=
            ebjr_point_accuracy(tuning, &tuning->points[best]))
            best = k;
    for (size_t k = best; k < tuning->count && count < STEPS; k += SAMPLES / STEPS + 1)
        thresholds[count++] = tuning->points[k].threshold;
    return count;
}

/* Whether any threshold that is certified has too low an accuracy. */
static bool breaks_accuracy(const double *thresholds, size_t count, double delta,
                            const struct ebjr_curve *curve, size_t *last)
{
    bool certified[STEPS], broken = false;
    size_t passed =
        ebjr_certify_accuracy(certified, NULL, thresholds, count, min_accuracy, delta, curve);
    *last += passed;
    for (size_t j = 0; j < passed; j++)
        broken = broken || true_accuracy(thresholds[j]) < min_accuracy;
    return broken;
}

static size_t plain_accuracy(const struct ebjr_curve *curve)
{
    size_t loosest = 0;
    for (size_t k = 0; k < curve->count; k++)
        if (ebjr_point_accuracy(curve, &curve->points[k]) >= min_accuracy)
            loosest = k;
    return loosest;
}

/* accuracy(x) = 0.88 at x = 0.80706; the fixed grid has its first bad threshold just behind it. */
static void accuracy_certificates_hold_as_often_as_promised(void **state)
{
    (void)state;
    static const double grid[] = {HUGE_VAL, 0.9, 0.8, 0.6, 0.5, 0.4, 0.3, 0.25, 0.1929, 0.1, 0};
    static const double deltas[] = {0.05, 0.2};
    static struct sample sample, tuning;
    struct tally tuned[2] = {{0}}, fixed[2] = {{0}};
    size_t passed_tuned = 0, passed_fixed = 0;
    uint64_t seed = 15;
    assert_true(true_accuracy(0.1929) < min_accuracy && true_accuracy(0.193) > min_accuracy);
    for (size_t draw = 0; draw < draws(); draw++) {
        double thresholds[STEPS] = {0};
        draw_sample(&tuning, &seed);
        size_t count = propose(thresholds, &tuning.curve);
        ebjr_curve_free(&tuning.curve);
        draw_sample(&sample, &seed);
        size_t plain = plain_accuracy(&sample.curve);
        bool plain_broken = true_accuracy(sample.curve.points[plain].threshold) < min_accuracy;
        for (size_t d = 0; d < 2; d++) {
            tuned[d].certified +=
                breaks_accuracy(thresholds, count, deltas[d], &sample.curve, &passed_tuned);
            fixed[d].certified +=
                breaks_accuracy(grid, COUNT(grid), deltas[d], &sample.curve, &passed_fixed);
            tuned[d].plain += plain_broken;
            fixed[d].plain += plain_broken;
        }
        ebjr_curve_free(&sample.curve);
    }
    for (size_t d = 0; d < 2; d++) {
        report("accuracy >= 0.88, grid from tuning", &tuned[d], deltas[d]);
        report("accuracy >= 0.88, fixed grid", &fixed[d], deltas[d]);
    }
    /* not by certifying nothing: on average more than half of what is true */
    assert_true(passed_fixed > 2 * draws() * 4);
    assert_true(passed_tuned > 2 * draws() * 8);
}

/* Three promises at once, each at delta / 3; at delta each, together they are broken more often. */
static void joint_certificates_hold_as_often_as_promised(void **state)
{
    (void)state;
    const double delta = 0.05;
    static struct sample sample;
    struct tally split = {0}, whole = {0};
    size_t feasible = 0, chosen_breaks = 0;
    uint64_t seed = 16;
    for (size_t draw = 0; draw < draws(); draw++) {
        draw_sample(&sample, &seed);
        count_exceeding(&sample);
        for (int part = 1; part <= 3; part += 2) {
            double each = delta / part;
            size_t harm = ebjr_certify_harm(&sample.curve, max_harm, each);
            size_t rate = ebjr_certify_teacher_rate(&sample.curve, max_rate, each);
            size_t exceeding = certify_exceeding(&sample, each);
            bool broken = breaks_harm(&sample, harm) || breaks_rate(&sample, rate) ||
                          breaks_exceeding(&sample, exceeding);
            (part == 3 ? &split : &whole)->certified += broken;
            if (part == 3 && harm >= rate && harm >= exceeding) {
                feasible++;
                chosen_breaks += breaks_harm(&sample, harm) || breaks_rate(&sample, harm) ||
                                 breaks_exceeding(&sample, harm);
            }
        }
        split.plain += breaks_harm(&sample, plain_harm(&sample)) ||
                       breaks_rate(&sample, plain_rate(&sample)) ||
                       breaks_exceeding(&sample, plain_exceeding(&sample));
        ebjr_curve_free(&sample.curve);
    }
    report("all three, each at delta / 3", &split, delta);
    print_message("all three, each at delta: %.4f; a threshold for all three in %.3f of the draws, "
                  "broken by it %.4f\n",
                  share_of(whole.certified), share_of(feasible), share_of(chosen_breaks));
    assert_true(share_of(whole.certified) > delta + three_errors(delta));
    assert_true(share_of(feasible) > 0.5);
    assert_rare("the threshold chosen", chosen_breaks, delta);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_have_all_their_digits),
        cmocka_unit_test(bounds_solve_their_equations),
        cmocka_unit_test(cdf_is_the_sum),
        cmocka_unit_test(cdf_keeps_its_digits),
        cmocka_unit_test(most_is_the_last_bound_within_the_limit),
        cmocka_unit_test(fewest_is_found_by_counting),
        cmocka_unit_test(binomial_takes_any_input),
        cmocka_unit_test(hoeffding_bentkus_is_that_of_numpy),
        cmocka_unit_test(a_mean_of_counts_is_not_rounded_up),
        cmocka_unit_test(betting_is_that_of_numpy),
        cmocka_unit_test(p_values_are_super_uniform),
        cmocka_unit_test(bounds_cover),
        cmocka_unit_test(a_bound_is_where_its_test_turns),
        cmocka_unit_test(bounds_take_any_input),
        cmocka_unit_test(rank_is_found_by_counting),
        cmocka_unit_test(interval_ranks_are_sums),
        cmocka_unit_test(interval_ranks_take_any_input),
        cmocka_unit_test(interval_ranks_cover_with_ties),
        cmocka_unit_test(select_agrees_with_qsort),
        cmocka_unit_test(risks_are_monotone),
        cmocka_unit_test(certificates_are_those_of_their_definition),
        cmocka_unit_test(what_needs_no_samples_is_certified),
        cmocka_unit_test(nothing_is_certified_from_nonsense),
        cmocka_unit_test(accuracy_is_tested_in_sequence),
        cmocka_unit_test(find_is_the_last_that_reaches),
        cmocka_unit_test(monotone_certificates_hold_as_often_as_promised),
        cmocka_unit_test(the_lowest_score_promises_nothing_by_itself),
        cmocka_unit_test(accuracy_certificates_hold_as_often_as_promised),
        cmocka_unit_test(joint_certificates_hold_as_often_as_promised),
    };
    return cmocka_run_group_tests_name("calib_certify", tests, NULL, NULL);
}
