/* What follows from a row of logits and a label: the columns that a store keeps beside them. */
#ifndef EBJR_RUNTIME_DERIVE_H
#define EBJR_RUNTIME_DERIVE_H

#include "db/output.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The class of the largest logit, the lowest class on a tie. */
int32_t ebjr_logits_argmax(const float *logits, size_t classes);

/* How many classes come before `label`: larger logits, and equal ones of lower classes. */
size_t ebjr_logits_rank(const float *logits, size_t classes, int32_t label);

/* Fills prediction, correct, top5_correct, energy and softmax_energy (both at T = 1) from
 * row->logits and row->label. Errors: EBJR_EFORMAT a logit is NaN or infinite, or the label is not
 * one of the classes. */
int ebjr_output_derive(struct ebjr_output *row, size_t classes);

#ifdef __cplusplus
}
#endif
#endif
