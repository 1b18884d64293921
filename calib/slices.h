/* Slices: what a threshold does to each class or group, with intervals that hold together. */
#ifndef EBJR_CALIB_SLICES_H
#define EBJR_CALIB_SLICES_H

#include "calib/bootstrap.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_slice {
    int32_t group;
    int64_t n;
    int64_t student_count;                                   /* answered by the student */
    struct ebjr_interval accuracy, harm, help, teacher_rate; /* fractions of n */
};

/*
 * group[n] >= 0 names the slices; `keep` says which samples the student answers. The caller frees
 * *out: one slice for each group that occurs, in ascending order. Intervals are two-sided
 * Clopper-Pearson at 1 - delta / (4 * slices): all of them hold at once with probability
 * >= 1 - delta (Bonferroni), if `keep` comes of a threshold that was not chosen on these samples.
 * Errors: EBJR_EINVAL n = 0, a group < 0, or unless 0 < delta < 1; EBJR_ENOMEM.
 */
int ebjr_slices(struct ebjr_slice **out, size_t *count, const int32_t *group, const uint8_t *keep,
                const uint8_t *student_correct, const uint8_t *teacher_correct, size_t n,
                double delta);

#ifdef __cplusplus
}
#endif
#endif
