/*
 * Predictions as programs around PyTorch write them: CSV whose columns say what they hold, read as
 * a stream. A row a sample, with either
 *
 *   logit_0, logit_1, ...   a column a class, in any order; also logits_K, prob_K, probs_K,
 *                           probability_K, probabilities_K
 *   logits                  one column of lists, "[0.1, -2.5]" or as numpy prints them, also over
 *                           several lines; also logit, prob, probs, probability, probabilities
 *
 * and, where there is one, a column label (or labels) of class numbers. Others, such as filename
 * and id, are passed over. These are what timm's inference.py writes with --topk 0, with or without
 * --results-separate-col, and pandas and Hugging Face's datasets by to_csv.
 */
#ifndef EBJR_RUNTIME_PREDICTIONS_H
#define EBJR_RUNTIME_PREDICTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ebjr_predictions ebjr_predictions;

struct ebjr_predictions_info {
    int64_t samples;
    size_t classes;
    bool has_labels, probabilities;
};

/*
 * Reads the file once to know its rows. The caller owns *out, which is NULL where no column has
 * such a name: a table of another kind. Errors: EBJR_ENOTFOUND, EBJR_EIO; EBJR_EFORMAT with the
 * line, or where only the best classes stand in the file.
 */
int ebjr_predictions_open(ebjr_predictions **out, const char *path);
void ebjr_predictions_close(ebjr_predictions *self);

const struct ebjr_predictions_info *ebjr_predictions_describe(const ebjr_predictions *self);

/* 1: values[classes] and *label (NaN where there are none) are the next row's; 0: there are no
 * more. Errors: EBJR_EFORMAT with the line; EBJR_EIO. */
int ebjr_predictions_next(ebjr_predictions *self, double *values, double *label);

#ifdef __cplusplus
}
#endif
#endif
