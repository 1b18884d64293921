/* Exact statements about a proportion from k successes in n trials. */
#ifndef EBJR_CALIB_BINOMIAL_H
#define EBJR_CALIB_BINOMIAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Good to about 12 digits for any n up to 2^53, in O(sqrt n) time. NaN (-1 from ebjr_binomial_most,
 * 0 from ebjr_binomial_fewest) where an argument cannot be meant: so a bound that is not there
 * passes no test of being small enough. */

/* P(X <= k) for X ~ Bin(n, p); no relative accuracy is lost in the lower tail. */
double ebjr_binomial_cdf(int64_t k, int64_t n, double p);

/* Clopper & Pearson 1934: one-sided bounds that hold with probability >= 1 - delta, 0 < delta < 1.
 * upper is the p with P(X <= k; p) = delta (1 where k = n), lower the p with P(X >= k; p) = delta
 * (0 where k = 0).
 */
double ebjr_binomial_upper(int64_t k, int64_t n, double delta);
double ebjr_binomial_lower(int64_t k, int64_t n, double delta);

/* The largest k for which ebjr_binomial_upper(k, n, delta) <= limit, found as the largest with
 * P(X <= k; limit) <= delta, which is the same and takes no bound; -1 where not even 0 will do.
 */
int64_t ebjr_binomial_most(int64_t n, double limit, double delta);

/* The fewest trials with which zero failures certify a failure rate <= limit: smallest n >= 1 with
 * (1 - limit)^n <= delta. A p99 at delta = 0.05 needs 299. 0 where no number does (limit <= 0). */
int64_t ebjr_binomial_fewest(double limit, double delta);

#ifdef __cplusplus
}
#endif
#endif
