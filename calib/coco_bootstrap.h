/*
 * How sure a figure of COCO's is: the bootstrap over images (bootstrap.h), whose n images are drawn
 * again with all that is in them. An image that is drawn w times counts w times in each category,
 * which is what w copies of it would do (copies of a detection lie side by side in the order of
 * scores, and precision has its maximum at the last right one).
 *
 * Average precision is no mean over images: an image changes the ranking that all others stand in.
 * So a count of harm with a binomial bound (Clopper and Pearson) says nothing of it, and its
 * largest change by one image, on which a bounded-difference inequality rests, is too large to
 * be of use. The bound here is the bootstrap's, which holds as n grows (Hall 1992), not at every n.
 */
#ifndef EBJR_CALIB_COCO_BOOTSTRAP_H
#define EBJR_CALIB_COCO_BOOTSTRAP_H

#include "calib/bootstrap.h"
#include "calib/coco.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A figure with image i counted weight[i] times (NULL: once): that of all to the teacher, or of
 * what the cascade is today. NaN where no category has an object of that kind. Nothing is changed,
 * so that several threads may ask at once. */
double ebjr_coco_weighted(const ebjr_coco *coco, enum ebjr_coco_figure figure,
                          const uint32_t *weight, bool teacher);

/* Intervals of the figure of today's cascade, and of its drop: teacher's less cascade's on the same
 * resamples. Errors: EBJR_EINVAL options that cannot be meant; EBJR_ENOMEM. */
int ebjr_coco_uncertainty(struct ebjr_interval *figure_out, struct ebjr_interval *drop,
                          const ebjr_coco *coco, enum ebjr_coco_figure figure,
                          const struct ebjr_bootstrap *options);

/* Pointwise band at `count` >= 2 student shares 0, 1/(count-1), ..., 1, each rounded to whole
 * groups of equal score[images]; `accuracy` is the figure. Leaves all to the teacher. The caller
 * frees with ebjr_band_free. Errors: as above; a score that is not finite. */
int ebjr_coco_band(struct ebjr_band *out, ebjr_coco *coco, enum ebjr_coco_figure figure,
                   const double *score, size_t count, const struct ebjr_bootstrap *options);

#ifdef __cplusplus
}
#endif
#endif
