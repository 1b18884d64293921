/* Watching a policy in use: have the scores drifted, does the promised risk still hold? */
#ifndef EBJR_CALIB_MONITOR_H
#define EBJR_CALIB_MONITOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_drift {
    double statistic; /* Kolmogorov & Smirnov's: sup |F - G| */
    double p_value;   /* two-sided: P(at least this statistic) if a and b come from one law */
};

/*
 * Calibration scores a[n] against new ones b[m]; neither array is changed. O(n + m), and a
 * walk over 2 n m statistic points of a lattice where these are at most 2^25 (10,000 against
 * 10,000: statistics up to 0.167). Then the p-value is exact if no scores are tied, and
 * conservative if some are. Beyond, it is that of the limit distribution, which errs upward (by up
 * to 0.002; downward by less than 1e-5). Errors: EBJR_EINVAL n or m = 0, or a score that is not
 * finite; EBJR_ENOMEM.
 */
int ebjr_drift_test(struct ebjr_drift *out, const double *a, size_t n, const double *b, size_t m);

/*
 * An anytime-valid monitor of a promise E[loss] <= limit, losses in [0, 1] seen one by one. While
 * the promise holds for each loss given those before it, the wealth of a bettor against it is a
 * non-negative supermartingale (Ville's inequality): P(it ever reaches 1/delta) <= delta.
 * Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting".
 *
 * The bets follow the mean of all losses since the start. A risk that was long below the limit and
 * then exceeds it is noticed late: to watch for changes, start a monitor a period, and divide delta
 * between them.
 */
struct ebjr_monitor {
    double limit, delta;
    double log_wealth, greatest; /* natural logarithms */
    double sum;                  /* of n losses */
    int64_t n;
};

/* Errors: EBJR_EINVAL unless 0 < limit < 1 and 0 < delta < 1. */
int ebjr_monitor_start(struct ebjr_monitor *out, double limit, double delta);

/* Returns 1 once the promise is refuted at delta (and for ever after), else 0. Errors: EBJR_EINVAL
 * for a loss outside [0, 1], of which the monitor takes no notice. */
int ebjr_monitor_add(struct ebjr_monitor *monitor, double loss);

/* The promise proved: 1 once (after any number of the losses, in their order) E[loss] < limit is
 * certified, which happens with probability <= delta where E[loss] >= limit; else 0. Errors:
 * EBJR_EINVAL as above. */
int ebjr_monitor_confirmed(const double *losses, size_t n, double limit, double delta);

#ifdef __cplusplus
}
#endif
#endif
