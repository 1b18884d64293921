/*
 * Temperature scaling (Guo et al., ICML 2017, section 4.2): one T > 0 so that softmax(z/T) fits the
 * labels. It changes no prediction; it changes scores that depend on T (msp, energy, entropy, ...)
 * and what a probability means.
 *
 * logits are [n, classes] by rows, labels 0..classes-1; the rows with use[i] != 0 count (NULL:
 * all).
 */
#ifndef EBJR_CALIB_TEMPERATURE_H
#define EBJR_CALIB_TEMPERATURE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Mean negative log-likelihood (nats) of the labels under softmax(logits / temperature). NaN where
 * there is nothing to say: no rows, a label that is not a class, a logit NaN or +infinite, T <= 0.
 */
double ebjr_temperature_nll(double temperature, const float *logits, const int32_t *labels,
                            const uint8_t *use, size_t n, size_t classes);

/* The T in [0.01, 100] that minimises it, to about 12 digits; 1 where every T fits alike. An end of
 * the interval is an answer: 0.01 where all predictions are right by far, 100 where the logits say
 * nothing of the labels. Errors: EBJR_EINVAL no rows, a label that is not a class, a logit that is
 * not finite; EBJR_ENOMEM. */
int ebjr_temperature_fit(double *temperature, const float *logits, const int32_t *labels,
                         const uint8_t *use, size_t n, size_t classes);

/* Expected calibration error with `bins` bins of equal width of the largest probability, the m-th
 * being ((m-1)/bins, m/bins] (Guo et al., eq. 3). NaN as above, for bins = 0, and out of memory. */
double ebjr_calibration_error(double temperature, const float *logits, const int32_t *labels,
                              const uint8_t *use, size_t n, size_t classes, size_t bins);

#ifdef __cplusplus
}
#endif
#endif
