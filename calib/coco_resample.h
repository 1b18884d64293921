/* What bands, intervals and picks of COCO's figures share. */
#ifndef EBJR_CALIB_COCO_RESAMPLE_H
#define EBJR_CALIB_COCO_RESAMPLE_H

#include "calib/coco_bootstrap.h"

/* values[resamples] of a figure, of today's cascade or of all to the teacher; the same options draw
 * the same resamples. Errors: EBJR_EINVAL, EBJR_ENOMEM. */
int ebjr_coco_resample(double *values, const ebjr_coco *coco, enum ebjr_coco_figure figure,
                       bool teacher, const struct ebjr_bootstrap *options);

/* The interval of a figure itself (coco_bootstrap.h); changes values[resamples]. */
struct ebjr_interval ebjr_coco_interval(double estimate, double *values,
                                        const struct ebjr_bootstrap *options);

/* By how much the figure of today's cascade is likely to be above that of the population; at least
 * 0, NaN where it is undefined on some half of the images. Errors: EBJR_EINVAL, EBJR_ENOMEM. */
int ebjr_coco_optimism(double *out, const ebjr_coco *coco, enum ebjr_coco_figure figure,
                       uint64_t seed);

#endif
