/*
 * The axis of a score. A score that is bounded above and crowds at its bound, as the largest
 * probability of a well trained model does, is drawn as -log10(bound - score): 0.9, 0.99 and 0.999
 * are as far from each other. Others are drawn as they are.
 */
#ifndef EBJR_PLOTS_AXIS_H
#define EBJR_PLOTS_AXIS_H

#include "plots/picture.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_axis {
    const char *name;
    double bound;     /* of an axis that is logarithmic; NaN: it is linear */
    double low, high; /* its ends, as positions */
};

/*
 * The axis for score[n], n >= 1, from the 0.1 % to the 99.9 % quantile, so that a few stray scores
 * do not squeeze the rest, and as far as `threshold` (NaN: none). `bound` is the least upper bound
 * of the score (NaN: none); the axis is logarithmic where the median is within 1/20 of the range of
 * it. Scores that are infinite or EBJR_NEVER do not count. Errors: EBJR_ENOMEM.
 */
int ebjr_axis_fit(struct ebjr_axis *out, const char *name, const double *score, size_t n,
                  double bound, double threshold);

/* Where on the axis a score lies; beyond an end at that end. Any score, infinite ones too. */
double ebjr_axis_position(const struct ebjr_axis *axis, double score);

/* Range, marks and label of the x axis. */
void ebjr_axis_write(struct ebjr_picture *picture, const struct ebjr_axis *axis);

#ifdef __cplusplus
}
#endif
#endif
