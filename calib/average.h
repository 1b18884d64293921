/*
 * The joint answer: where the teacher has been run, the student's logits are there too, and both
 * can answer together: p = w softmax(z_t) + (1 - w) softmax(z_s), the class of the largest p.
 *
 * Logits are [n, classes] by rows and finite, classes >= 1, w in [0, 1]: 1 is the teacher's own
 * answer (the class of its largest logit), 0 the student's.
 */
#ifndef EBJR_CALIB_AVERAGE_H
#define EBJR_CALIB_AVERAGE_H

#include "base/answer.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* correct[n] of the averaged answers. */
void ebjr_average_correct(uint8_t *correct, const float *student, const float *teacher,
                          const int32_t *labels, size_t n, size_t classes, double w);

/* The w in {0, 0.05, ..., 1} with the smallest mean negative log-likelihood of p on the rows with
 * use[i] != 0 (NULL: all); the larger w on a tie. Scale both logits by their own temperatures first
 * (ebjr_temperature_fit) if they are not: an overconfident model gets too small a weight. Errors:
 * EBJR_EINVAL no rows, a label that is not a class, a logit that is not finite. */
int ebjr_average_fit(double *w, const float *student, const float *teacher, const int32_t *labels,
                     const uint8_t *use, size_t n, size_t classes);

#ifdef __cplusplus
}
#endif
#endif
