/*
 * Tests and bounds for the mean of losses in [0, 1] that are not only 0 or 1. Each p-value is
 * super-uniform under H: E[loss] > limit, so that p <= delta certifies E[loss] <= limit. For losses
 * that are 0 or 1 the exact bounds of binomial.h are tighter.
 *
 * NaN, which certifies nothing, where an argument cannot be meant (a loss outside of [0, 1]).
 */
#ifndef EBJR_CALIB_BOUND_H
#define EBJR_CALIB_BOUND_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ebjr_bound {
    EBJR_CLOPPER_PEARSON, /* binomial.h: losses of 0 or 1 */
    EBJR_BETTING,
    EBJR_HOEFFDING_BENTKUS,
    EBJR_BOUNDS
};

/* "betting": as it is written in options, reports and policies. */
const char *ebjr_bound_name(enum ebjr_bound bound);

/* Errors: EBJR_EINVAL, no such bound. */
int ebjr_bound_find(enum ebjr_bound *out, const char *name);

/* Hoeffding-Bentkus (Bates et al. 2021, "Distribution-free, risk-controlling prediction sets";
 * Angelopoulos et al. 2021, "Learn then Test"): from the mean of n losses. */
double ebjr_hoeffding_bentkus_p(double mean, size_t n, double limit);

/* Betting (Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting",
 * predictable plug-in): from the losses in their order, which must not depend on their values. The
 * bets are sized for a decision at delta, 0 < delta < 1; the p-value is valid at every level. */
double ebjr_betting_p(const double *losses, size_t n, double limit, double delta);

/* The smallest limit that the p-value certifies at delta, to 12 digits and never below: a one-sided
 * upper bound of the mean that holds with probability >= 1 - delta. 1 where nothing is known. */
double ebjr_hoeffding_bentkus_upper(double mean, size_t n, double delta);
double ebjr_betting_upper(const double *losses, size_t n, double delta);

#ifdef __cplusplus
}
#endif
#endif
