/*
 * How sure a figure of COCO's is: the bootstrap over images (bootstrap.h), whose n images are drawn
 * again with all that is in them. An image that is drawn w times counts w times in each category,
 * as w copies of it side by side would.
 *
 * Average precision is no mean over images: an image changes the ranking that all others stand in.
 * So a count of harm with a binomial bound (Clopper and Pearson) says nothing of it, and its
 * largest change by one image, on which a bounded-difference inequality rests, is too large to
 * be of use. The bounds here are the bootstrap's, which hold as n grows (Hall 1992), not at all n.
 *
 * A drop has the percentile interval of bootstrap.h.
 *
 * A figure itself is biased: of n images it lies above that of all there are, for precision at a
 * recall is the highest of many noisy ones, and a resample, which repeats images, lies above the
 * sample again. Percentiles would count that twice. So the interval of a figure has the resamples
 * around the estimate instead of around their own mean: it tells how the figure differs from sample
 * to sample of n images. To bound the population's (coco_pick.h), what halves of the images lie
 * above all of them is also taken off, times 1 / (sqrt 2 - 1), for a bias in 1 / sqrt n.
 *
 * Measured: how often the one-sided end of a sample of n images (20 categories where none are told)
 * is on the wrong side of the figure of a population of 20,000 (99 to 199 resamples; a drop of 0.10
 * of AP), and beside it that of the plain percentile.
 *
 *   n (samples)               drop: 0.05, 0.1   AP less its bias: 0.05, 0.1   AP's percentile: 0.05
 *     500 (450; of AP 150)    6.9 %, 13.3 %     5.3 %, 7.3 %                  54 %
 *     500, 80 categories (100)  7 %, 15 %         6 %, 9 %                    97 %
 *   2,000 (200)                 6 %, 10 %         3 %, 6 %                    44 %
 *
 * So at some hundred images a promise at 0.05 is one at 0.07, about. Where no resample shows any
 * loss, none is bounded: that none of a few images loses anything is no proof of a drop of 0.
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
 * resamples. Resamples are counted by all processors; their number changes nothing. Errors:
 * EBJR_EINVAL options that cannot be meant; EBJR_ENOMEM. */
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
