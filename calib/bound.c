#include "calib/bound.h"

#include "base/error.h"
#include "calib/binomial.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char *const names[EBJR_BOUNDS] = {"clopper-pearson", "betting", "hoeffding-bentkus"};

const char *ebjr_bound_name(enum ebjr_bound bound)
{
    return names[bound];
}

int ebjr_bound_find(enum ebjr_bound *out, const char *name)
{
    for (int b = 0; b < EBJR_BOUNDS; b++) {
        if (strcmp(name, names[b]) == 0) {
            *out = (enum ebjr_bound)b;
            return 0;
        }
    }
    return ebjr_error_set(EBJR_EINVAL, "a bound is %s, %s or %s, not '%s'", names[0], names[1],
                          names[2], name);
}

static bool is_fraction(double x)
{
    return x >= 0 && x <= 1;
}

/* a ln(a/b) + (1-a) ln((1-a)/(1-b)) for 0 <= a < b < 1. */
static double relative_entropy(double a, double b)
{
    return (a > 0 ? a * log(a / b) : 0) + (1 - a) * log((1 - a) / (1 - b));
}

/*
 * For the sum S of n independent losses in [0, 1] of mean m, and s < nm:
 *
 *   Hoeffding 1963, theorem 1:  P(S <= s) <= exp(-n relative_entropy(s/n, m)),
 *   Bentkus 2004:               P(S <= s) <= e P(Bin(n, m) <= ceil(s)).
 *
 * Both fall as m grows, so that at m = limit they hold for the whole of H. Where s >= n limit both
 * are at least 1 (the median of Bin(n, m) is at most ceil(nm)).
 */
double ebjr_hoeffding_bentkus_p(double mean, size_t n, double limit)
{
    if (!is_fraction(mean) || isnan(limit) || n > INT64_MAX)
        return NAN;
    if (limit >= 1)
        return 0;
    if (limit <= mean)
        return 1;
    double hoeffding = exp(-(double)n * relative_entropy(mean, limit));
    /* a mean of k/n, rounded, must not become k + 1 */
    double sum = ceil((double)n * mean * (1 - 2 * DBL_EPSILON));
    double bentkus = M_E * ebjr_binomial_cdf((int64_t)sum, (int64_t)n, limit);
    return fmin(1, fmin(hoeffding, bentkus));
}

/*
 * The wealth of one who bets a share b_i of it that loss i stays below the limit,
 *
 *   W_t = (1 - b_1 (loss_1 - limit)) ... (1 - b_t (loss_t - limit)),   0 <= b_i <= 1,
 *
 * is not negative, and where E[loss] >= limit it is not expected to grow, however b_i is chosen
 * from the losses before i. By Ville's inequality P(W ever reaches 1/u) <= u: 1/max W is a p-value.
 * Each factor grows with the limit, hence p falls with it.
 *
 * The wealth grows fastest with about b = sqrt(2 ln(1/delta) / (n variance)); mean and variance are
 * those so far, begun with one made-up loss of 1/2 and variance 1/4.
 */
double ebjr_betting_p(const double *losses, size_t n, double limit, double delta)
{
    if (isnan(limit) || !(delta > 0 && delta < 1))
        return NAN;
    double sum = 0.5, squares = 0.25, log_wealth = 0, greatest = 0;
    for (size_t i = 0; i < n; i++) {
        double seen = (double)i + 1, loss = losses[i];
        if (!is_fraction(loss))
            return NAN;
        double bet = sqrt(2 * -log(delta) / ((double)n * squares / seen));
        log_wealth += log1p(-fmin(bet, 1) * (loss - limit));
        greatest = fmax(greatest, log_wealth);
        sum += loss;
        double mean = sum / (seen + 1);
        squares += (loss - mean) * (loss - mean);
    }
    if (limit >= 1)
        return 0;
    return limit > 0 ? exp(-greatest) : 1;
}

static const double PRECISION = 1e-12;

double ebjr_hoeffding_bentkus_upper(double mean, size_t n, double delta)
{
    if (!is_fraction(mean) || !(delta > 0 && delta < 1))
        return NAN;
    double low = mean, high = 1;
    while (high - low > PRECISION * high) {
        double limit = low + (high - low) / 2;
        if (ebjr_hoeffding_bentkus_p(mean, n, limit) <= delta)
            high = limit;
        else
            low = limit;
    }
    return high;
}

double ebjr_betting_upper(const double *losses, size_t n, double delta)
{
    if (isnan(ebjr_betting_p(losses, n, 1, delta)))
        return NAN;
    double low = 0, high = 1;
    while (high - low > PRECISION * high) {
        double limit = low + (high - low) / 2;
        if (ebjr_betting_p(losses, n, limit, delta) <= delta)
            high = limit;
        else
            low = limit;
    }
    return high;
}
