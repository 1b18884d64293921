/* What follows from a row of logits and a label: the columns that a store keeps beside them. */
#ifndef EBJR_RUNTIME_DERIVE_H
#define EBJR_RUNTIME_DERIVE_H

#include "base/answer.h"
#include "db/output.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How many outputs come before output `target`: larger logits, and equal ones before it. */
size_t ebjr_logits_rank(const float *logits, size_t classes, size_t target);

/* Can row->logits and row->label be of `run`? Errors: EBJR_EFORMAT a logit is NaN or infinite, or
 * the label is none (without a class map: not one of the outputs). */
int ebjr_output_check(const struct ebjr_output *row, const struct ebjr_stored_run *run);

/* Fills prediction, correct, top5_correct, energy and softmax_energy (both at T = 1) of a row of
 * `run` from row->logits and row->label, by the run's class map. "Other" is never correct. Errors:
 * those of the check, which comes first. */
int ebjr_output_derive(struct ebjr_output *row, const struct ebjr_stored_run *run);

#ifdef __cplusplus
}
#endif
#endif
