#include "calib/binomial.h"

#include <gsl/gsl_math.h>
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sf_log.h>

#include <math.h>
#include <stdbool.h>

/*
 * The beta distribution of GSL 2.7 ends at some ten thousand trials: gsl_cdf_beta_Pinv gives NaN
 * from there on or does not return. Its gammastar and log(1+x)-x are what is needed to do without.
 *
 * A probability is given twice, as p and as q = 1 - p, and each is right to the last digit.
 */

static const int64_t TRIALS_MAX = INT64_C(1) << 53; /* beyond it a double does not count by ones */

static bool is_counted(int64_t k, int64_t n)
{
    return k >= 0 && k <= n && n <= TRIALS_MAX;
}

static bool is_level(double delta)
{
    return delta > 0 && delta < 1;
}

/* k ln(k/m) + m - k, given m - k, which is where the digits are lost. */
static double deviance(double k, double m, double difference)
{
    double e = difference / k; /* m/k = 1 + e */
    return fabs(e) < 0.5 ? -k * gsl_sf_log_1plusx_mx(e) : k * log(k / m) + difference;
}

/*
 * Loader 2000, "Fast and accurate computation of binomial probabilities". With Stirling's formula
 * x! = G(x) sqrt(2 pi x) (x/e)^x, G = gsl_sf_gammastar -> 1, the large terms of
 *
 *   ln C(n, k) p^k q^(n-k)
 *
 * cancel by hand instead of in the last digits: with j = n - k and np - k = j - nq
 *
 *   = ln G(n) / (G(k) G(j)) + ln(n / (2 pi k j)) / 2 - deviance(k, np) - deviance(j, nq).
 */
static double log_pmf(double k, double n, double p, double q)
{
    double j = n - k;
    if (k == 0)
        return n * (p < q ? log1p(-p) : log(q));
    if (j == 0)
        return n * (q < p ? log1p(-q) : log(p));
    double difference = p < q ? n * p - k : j - n * q;
    double stirling = gsl_sf_gammastar(n) / (gsl_sf_gammastar(k) * gsl_sf_gammastar(j));
    return log(stirling) + log(n / (2 * M_PI * k) / j) / 2 - deviance(k, n * p, difference) -
           deviance(j, n * q, -difference);
}

/* P(X <= k) / P(X = k) = 1 + r(k) (1 + r(k-1) (1 + ...)) with r(i) = P(i-1) / P(i)
 * = i q / ((n - i + 1) p). All terms are positive; they are over some ten standard deviations below
 * k or below the mean, whichever is less. */
static double tail_ratio(int64_t k, int64_t n, double p, double q)
{
    const double negligible = 1e-20;
    double term = 1, sum = 1, odds = q / p;
    for (int64_t i = k; i > 0 && term > negligible * sum; i--) {
        term *= (double)i / (double)(n - i + 1) * odds;
        sum += term;
    }
    return sum;
}

static double lower_tail(int64_t k, int64_t n, double p, double q)
{
    return exp(log_pmf((double)k, (double)n, p, q)) * tail_ratio(k, n, p, q);
}

double ebjr_binomial_cdf(int64_t k, int64_t n, double p)
{
    double q = 1 - p;
    if (!is_counted(0, n) || !(p >= 0 && p <= 1))
        return NAN;
    if (k < 0)
        return 0;
    if (k >= n || p == 0)
        return 1;
    if (q == 0)
        return 0;
    if ((double)k < (double)n * p)
        return lower_tail(k, n, p, q);
    return 1 - lower_tail(n - k - 1, n, q, p);
}

/*
 * Solves ln P(X <= k; p) = ln delta for the log-odds t = ln(p/q), k < n. In t the binomial is an
 * exponential family, P(i) ~ C(n, i) e^(it), so that, with L(t) = ln P(X <= k),
 *
 *   L'  = E[X | X <= k] - E[X] = -(n - k) p P(k) / P(X <= k) < 0,
 *   L'' = Var[X | X <= k] - Var[X] <= 0      (cutting a log-concave distribution narrows it).
 *
 * Of a concave function that falls, the tangent lies above, and where it meets ln delta the
 * function has passed it: from wherever Newton's method starts, its first step ends at or beyond
 * the root and all further ones come down to it. Neither L nor L' underflows. Steps double their
 * digits, so that after one of 1e-11 all are there.
 */
static double upper_log_odds(int64_t k, int64_t n, double delta)
{
    enum { STEPS = 200 };
    const double small = 1e-11, furthest = 708; /* exp(furthest) is not yet infinite */
    double failures = (double)(n - k), t = log((double)(k + 1) / failures), step = 1;
    for (int i = 0; i < STEPS && fabs(step) > small; i++) {
        double p = 1 / (1 + exp(-t)), q = 1 / (1 + exp(t)), ratio = tail_ratio(k, n, p, q);
        double excess = log_pmf((double)k, (double)n, p, q) + log(ratio) - log(delta);
        step = excess * ratio / (failures * p);
        t = fmin(t + step, furthest);
    }
    return t;
}

double ebjr_binomial_upper(int64_t k, int64_t n, double delta)
{
    if (!is_counted(k, n) || !is_level(delta))
        return NAN;
    return k == n ? 1 : 1 / (1 + exp(-upper_log_odds(k, n, delta)));
}

/* The failures n - X ~ Bin(n, q) have an upper bound; p is what it leaves. */
double ebjr_binomial_lower(int64_t k, int64_t n, double delta)
{
    if (!is_counted(k, n) || !is_level(delta))
        return NAN;
    return k == 0 ? 0 : 1 / (1 + exp(upper_log_odds(n - k, n, delta)));
}

int64_t ebjr_binomial_most(int64_t n, double limit, double delta)
{
    if (!is_counted(0, n) || !is_level(delta) || !(limit > 0))
        return -1;
    if (limit >= 1)
        return n;
    int64_t most = -1, too_many = n;
    while (too_many - most > 1) {
        int64_t k = most + (too_many - most) / 2;
        if (ebjr_binomial_cdf(k, n, limit) <= delta)
            most = k;
        else
            too_many = k;
    }
    return most;
}

int64_t ebjr_binomial_fewest(double limit, double delta)
{
    if (!is_level(delta) || !(limit > 0))
        return 0;
    double n = ceil(log(delta) / log1p(-fmin(limit, 1)));
    return n <= (double)TRIALS_MAX ? (int64_t)fmax(n, 1) : 0;
}
