/*
 * The bootstrap on curves. A resample of n samples is a vector of multinomial counts w; a curve of
 * the resample is a weighted prefix sum along the one sorted order, so that nothing is sorted
 * again.
 *
 * Intervals are percentiles of B resamples: the k-th smallest to the k-th largest value, with
 * k = floor((B + 1)(1 - level) / 2) (Efron & Tibshirani 1993, sections 12.5 and 13.3). No value is
 * interpolated, so what does not vary has an interval of width 0.
 */
#ifndef EBJR_CALIB_BOOTSTRAP_H
#define EBJR_CALIB_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_interval {
    double estimate, low, high;
};

struct ebjr_band {
    size_t count;
    double *share;                 /* [count] student share, 0 .. 1 */
    double *accuracy, *low, *high; /* [count] at that share */
};

/* A level needs resamples >= 2 / (1 - level) - 1. Of the seed, seed ^ seed >> 32 counts: 32 bits.
 * The same seed draws the same resamples of the same n, for every score and statistic. */
struct ebjr_bootstrap {
    size_t resamples; /* 1,000, say */
    uint64_t seed;
    double level; /* 0.95, say */
};

/*
 * Pointwise band of the cascade's accuracy at `count` >= 2 student shares 0, 1/(count-1), ..., 1.
 * Accuracy at a share between two groups of ties is interpolated, as if the group were cut at
 * random. O(resamples * (n + count)) time, 8 bytes a resample and share. The caller frees with
 * ebjr_band_free. Errors: EBJR_EINVAL n = 0 or above 2^32 - 1, a score that is not finite, options
 * or a count that cannot be meant; EBJR_ENOMEM.
 */
int ebjr_bootstrap_band(struct ebjr_band *out, const double *score, const uint8_t *student_correct,
                        const uint8_t *teacher_correct, size_t n, size_t count,
                        const struct ebjr_bootstrap *options);
void ebjr_band_free(struct ebjr_band *band);

/* One score's samples in descending order of the score. A sample of weight w is like w samples of
 * its score; of a resample, several that no statistic tells apart may be one. */
struct ebjr_ranked {
    size_t n;                         /* at least 1 */
    const uint8_t *student, *teacher; /* [n] correctness, 0 or 1 */
    const uint8_t *group_end;         /* [n] 1 at the last sample of a tie group, else 0 */
    const double *weight; /* [n] how often the resample holds the sample: 0, 1, 2, ... */
    double total;         /* sum of the weights, at least 1 */
};
typedef double ebjr_statistic(const struct ebjr_ranked *ranked);

/*
 * A statistic of several scores on the same samples, resampled together. It is called by several
 * threads at once. values[scores] get
 * estimate and interval; differences[scores] (or NULL) those of score i minus score `base` on the
 * same resamples (paired).
 *
 * Where the statistic of a resample is undefined (NaN), it could be anything: such resamples count
 * as -infinity for `low` and as +infinity for `high`, so that they only widen an interval, and k or
 * more of them leave it unbounded (-INFINITY .. INFINITY). Errors: as ebjr_bootstrap_band, and
 * EBJR_EINVAL base >= scores.
 */
int ebjr_bootstrap_compare(struct ebjr_interval *values, struct ebjr_interval *differences,
                           ebjr_statistic *statistic, const double *const *score, size_t scores,
                           size_t base, const uint8_t *student_correct,
                           const uint8_t *teacher_correct, size_t n,
                           const struct ebjr_bootstrap *options);

/* The values of several statistics on the same resamples: values[count][scores]. Each is the same
 * as by itself; resamples are drawn but once. */
int ebjr_bootstrap_statistics(struct ebjr_interval *values, ebjr_statistic *const *statistics,
                              size_t count, const double *const *score, size_t scores,
                              const uint8_t *student_correct, const uint8_t *teacher_correct,
                              size_t n, const struct ebjr_bootstrap *options);

#ifdef __cplusplus
}
#endif
#endif
