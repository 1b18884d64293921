/* Percentiles of a sample, and distribution-free intervals for those of its population. */
#ifndef EBJR_CALIB_QUANTILE_H
#define EBJR_CALIB_QUANTILE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ranks are 1-based; 0: none, also where an argument cannot be meant (n < 1, a NaN). */

/* The rank of the q-quantile: the smallest r >= 1 with r/n >= q; n where q > 1. */
int64_t ebjr_quantile_rank(int64_t n, double q);

/* The rank r of the smallest order statistic with P(X_(r) >= q-quantile) >= 1 - delta, which is
 * P(Bin(n, q) <= r - 1) >= 1 - delta; 0 where n is too small for any (n+1 would be needed). */
int64_t ebjr_quantile_upper_rank(int64_t n, double q, double delta);

/* The rank r of the largest order statistic with P(X_(r) <= q-quantile) >= 1 - delta, which is
 * P(Bin(n, q) <= r - 1) <= delta; 0: none. */
int64_t ebjr_quantile_lower_rank(int64_t n, double q, double delta);

/* The r-th smallest of values[n], 1 <= r <= n, by selection; values are reordered. O(n) on average.
 * NaN where there is no such rank or a value is a NaN. */
double ebjr_select(double *values, size_t n, size_t r);

#ifdef __cplusplus
}
#endif
#endif
