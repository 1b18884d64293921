/*
 * A certificate of the drop itself, for any answer to the deferred samples: the teacher's, or a
 * joint one, which may be right where the teacher alone is wrong. At threshold t sample i loses
 *
 *   loss_i(t) = [the teacher alone is right] - [the cascade is right], -1, 0 or 1,
 *
 * drop(t) = E[loss(t)], and (1 + loss)/2 in [0, 1] has the mean (1 + drop)/2: a bound for means of
 * losses in [0, 1] (bound.h) tests H_t: drop(t) > limit as E[(1 + loss)/2] > (1 + limit)/2.
 *
 * The drop is not monotone in t, so that thresholds are tested in an order fixed without these
 * samples, up to the first that is not rejected (Learn then Test, as accuracy in certify.h). The
 * betting bound goes by the order of the samples; in that of a data set neighbours may be alike. It
 * is shuffled, once for all thresholds, by a seed that knows nothing of losses.
 */
#ifndef EBJR_CALIB_CERTIFY_DROP_H
#define EBJR_CALIB_CERTIFY_DROP_H

#include "calib/bound.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_drop_samples {
    size_t n;
    const double *score;
    const uint8_t *student, *deferred, *alone; /* right? the student, the answer to a deferred
                                                  sample, the teacher alone */
};

/*
 * certified[j]: drop(thresholds[j]) <= limit. With probability >= 1 - delta all those certified
 * are. bound is EBJR_BETTING or EBJR_HOEFFDING_BENTKUS. O(n) a threshold that is tested. A limit or
 * a delta that cannot be meant certifies nothing. Errors: EBJR_EINVAL no samples, or a bound for
 * losses of 0 and 1; EBJR_ENOMEM.
 */
int ebjr_certify_drop(bool *certified, const double *thresholds, size_t count, double limit,
                      double delta, const struct ebjr_drop_samples *samples, enum ebjr_bound bound,
                      uint64_t seed);

#ifdef __cplusplus
}
#endif
#endif
