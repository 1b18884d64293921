/*
 * Reliability: is a model as often right as it is confident? Samples are put into bins of their
 * confidence, the largest probability of softmax(z/T); of each bin, accuracy is set against the
 * mean confidence (DeGroot & Fienberg 1983; Niculescu-Mizil & Caruana 2005; Guo et al., ICML 2017).
 */
#ifndef EBJR_CALIB_RELIABILITY_H
#define EBJR_CALIB_RELIABILITY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_reliability_bin {
    int64_t n, right;
    double confidence;                /* the mean; NaN where n = 0, like what follows */
    double accuracy, lowest, highest; /* with its two-sided Clopper-Pearson interval */
};

/*
 * bin[bins], bins >= 1, of equal width: the m-th from 1 is ((m-1)/bins, m/bins] (Guo et al., the
 * definition before eq. 2). confidence[n] in [0, 1]; right[n]. Each interval holds by itself with
 * probability >= 1 - delta. *error is the expected calibration error of these bins (eq. 3),
 *
 *   ECE = sum_m n_m/n |accuracy_m - confidence_m|;
 *
 * that of n = 0 is NaN. Errors: EBJR_EINVAL a confidence outside of [0, 1], or unless 0 < delta <
 * 1.
 */
int ebjr_reliability(struct ebjr_reliability_bin *bin, double *error, size_t bins,
                     const double *confidence, const uint8_t *right, size_t n, double delta);

#ifdef __cplusplus
}
#endif
#endif
