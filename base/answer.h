/* Answers: the class that a row of logits stands for, or two models' rows together. */
#ifndef EBJR_BASE_ANSWER_H
#define EBJR_BASE_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The place of the largest logit, the first on a tie. */
int32_t ebjr_logits_argmax(const float *logits, size_t classes);

/* What a softmax divides by: sum_k exp(z_k - top), top = max z, kept apart so that neither is lost
 * in the other. */
struct ebjr_partition {
    double top, log_sum;
};

struct ebjr_partition ebjr_partition_of(const float *logits, size_t classes);

/* log softmax(z)_k, for the logit z_k of a row. */
double ebjr_log_probability(float logit, struct ebjr_partition partition);

/* The class of the largest w softmax(z_t) + (1 - w) softmax(z_s), the lowest on a tie. With one
 * model alone (w 1 or 0) its logits decide. Nothing is allocated. */
int32_t ebjr_average_answer(const float *student, const float *teacher, size_t classes, double w);

#ifdef __cplusplus
}
#endif
#endif
