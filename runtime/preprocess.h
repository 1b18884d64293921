/* Preprocessing: how a picture is fitted to a size, and how a pixel becomes an input. It is part of
 * what identifies a run. */
#ifndef EBJR_RUNTIME_PREPROCESS_H
#define EBJR_RUNTIME_PREPROCESS_H

#include "runtime/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_CHANNELS = 64 };

/* input = (pixel * multiplier / divisor - mean[c]) / std[c], in float32 and in this order, as
 * torchvision's ToTensor and Normalize compute it with 1/255. */
struct ebjr_preprocessing {
    double multiplier, divisor;
    size_t channels; /* of mean and std */
    double mean[EBJR_CHANNELS], std[EBJR_CHANNELS];
    struct ebjr_fit fit; /* done by the data set, before all that */
};

/*
 * `scale` is "1/255" or a number; NULL means 1/255 for uint8 pixels and 1 for float32. `mean` and
 * `std` are "0.49,0.48,0.45", one number for each channel or one for all; NULL means 0 and 1.
 * The fit is the data set's. Errors: EBJR_EINVAL.
 */
int ebjr_preprocessing_parse(struct ebjr_preprocessing *out, const char *scale, const char *mean,
                             const char *std, const struct ebjr_dataset_info *dataset);

/* As JSON, the same text for the same arithmetic. Errors: EBJR_EINVAL it does not fit. */
int ebjr_preprocessing_describe(char *out, size_t size, const struct ebjr_preprocessing *self);

/* What `describe` wrote, for images of these channels; 0: of as many as it speaks of. Errors:
 * EBJR_EFORMAT. */
int ebjr_preprocessing_recall(struct ebjr_preprocessing *out, const char *text, size_t channels);

/* pixels [count, c, h, w] of the data set's type to inputs, float32 of the same shape. */
void ebjr_preprocessing_apply(float *inputs, const void *pixels, size_t count,
                              const struct ebjr_dataset_info *dataset,
                              const struct ebjr_preprocessing *self);

#ifdef __cplusplus
}
#endif
#endif
