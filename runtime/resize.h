/*
 * A fit: how a picture of any size becomes one of the size a model takes. First its shorter side is
 * resized, antialiased, then its centre is cropped, with black around it where it is smaller.
 *
 * The arithmetic is that of torchvision's Resize and CenterCrop on Pillow's pictures, to the bit:
 * the long side is int(resize * long / short); each output is a weighted mean of the inputs within
 * the filter's support, stretched by the scale, along rows and then along columns; weights are
 * fixed-point with 22 bits, and what lies between the passes is rounded to 8 bits (Pillow's
 * src/libImaging/Resample.c); the crop's offset is half the difference, a half rounded to even.
 */
#ifndef EBJR_RUNTIME_RESIZE_H
#define EBJR_RUNTIME_RESIZE_H

#include "runtime/picture.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ebjr_interpolation { EBJR_BILINEAR, EBJR_BICUBIC };

struct ebjr_fit {
    size_t resize; /* the shorter side; 0: as it is */
    size_t crop;   /* both sides; 0: all of it */
    enum ebjr_interpolation interpolation;
};

enum { EBJR_FIT_SIZE = 1 << 14 }; /* the most of resize and of crop */

bool ebjr_fit_same(const struct ebjr_fit *a, const struct ebjr_fit *b);

const char *ebjr_interpolation_name(enum ebjr_interpolation interpolation);

/* Errors: EBJR_EINVAL. */
int ebjr_interpolation_find(enum ebjr_interpolation *out, const char *name);

/* What becomes of a picture of width x height. */
void ebjr_fit_size(size_t *width, size_t *height, const struct ebjr_fit *fit);

/* planes [3][h][w], h and w as `size` tells. Errors: EBJR_ENOMEM. */
int ebjr_fit_apply(uint8_t *planes, const struct ebjr_picture *picture, const struct ebjr_fit *fit);

#ifdef __cplusplus
}
#endif
#endif
