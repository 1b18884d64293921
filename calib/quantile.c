#include "calib/quantile.h"

#include "calib/binomial.h"

#include <gsl/gsl_statistics_double.h>

#include <math.h>

/* ceil(n q), but by the definition: 0.07 * 100 rounds to more than 7. */
int64_t ebjr_quantile_rank(int64_t n, double q)
{
    if (n < 1 || isnan(q))
        return 0;
    double count = (double)n, r = ceil(fmin(fmax(q, 0), 1) * count);
    while (r > 1 && (r - 1) / count >= q)
        r--;
    while (r < 1 || (r < count && r / count < q))
        r++;
    return (int64_t)r;
}

/*
 * Let Q be the q-quantile, the least x with P(X <= x) >= q.
 *
 * X_(r) < Q iff at least r samples are below Q; each is with probability P(X < Q) <= q. So
 * P(X_(r) < Q) <= P(Bin(n, q) >= r) = P(Bin(n, 1 - q) <= n - r): with m = n - r samples above
 * X_(r), the more of them the smaller r, as long as P(Bin(n, 1 - q) <= m) <= delta.
 *
 * X_(r) > Q iff at most r - 1 samples are at or below Q; each is with probability P(X <= Q) >= q.
 * So P(X_(r) > Q) <= P(Bin(n, q) <= r - 1).
 *
 * Neither asks for a continuous distribution. David & Nagaraja 2003, "Order statistics", 7.1.
 */
int64_t ebjr_quantile_upper_rank(int64_t n, double q, double delta)
{
    int64_t above = q > 0 ? ebjr_binomial_most(n, 1 - q, delta) : -1;
    return above < 0 ? 0 : n - above;
}

int64_t ebjr_quantile_lower_rank(int64_t n, double q, double delta)
{
    return q < 1 ? ebjr_binomial_most(n, q, delta) + 1 : 0;
}

double ebjr_select(double *values, size_t n, size_t r)
{
    if (r < 1 || r > n)
        return NAN;
    for (size_t i = 0; i < n; i++)
        if (isnan(values[i]))
            return NAN;
    return gsl_stats_select(values, 1, n, r - 1);
}
