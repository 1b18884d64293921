/* Resamples of the bootstrap, and samples in the order of a score: what bands and comparisons
 * share. */
#ifndef EBJR_CALIB_RESAMPLE_H
#define EBJR_CALIB_RESAMPLE_H

#include "calib/bootstrap.h"

#include <gsl/gsl_rng.h>

/*
 * The samples of one score by descending score, in runs: neighbours that no statistic tells apart
 * are one, with the sum of their weights. They have the same bits, and either share a tie group, or
 * are each a group of their own that changes nothing of the cascade, both models being right or
 * both wrong. Most samples are of the latter kind.
 */
struct ebjr_ranking {
    uint32_t *order;                        /* [n] */
    size_t *end;                            /* [runs] where a run ends in that order */
    uint8_t *student, *teacher, *group_end; /* [runs], one block from `student` */
    size_t runs;
};

/* Free it after a failure too. Errors: EBJR_EINVAL a score that is not finite; EBJR_ENOMEM. */
int ebjr_ranking_make(struct ebjr_ranking *out, const double *score, const uint8_t *student_correct,
                      const uint8_t *teacher_correct, size_t n);
void ebjr_ranking_free(struct ebjr_ranking *ranking);

struct ebjr_resampler {
    size_t n;
    gsl_rng rng;
    uint32_t *drawn; /* [n] how often the resample holds a sample; at first once, as the data do */
    double *weight;  /* [n] the same, of the runs of a ranking */
};

/* Free it after a failure too. Errors: EBJR_ENOMEM. */
int ebjr_resampler_make(struct ebjr_resampler *out, size_t n, uint64_t seed);
void ebjr_resampler_free(struct ebjr_resampler *resampler);
void ebjr_resampler_draw(struct ebjr_resampler *resampler);

/* A resample in the order of a score; weight[n] is where its weights go. */
struct ebjr_ranked ebjr_resample_rank(double *weight, const uint32_t *drawn, size_t n,
                                      const struct ebjr_ranking *ranking);

/* The resampler's own; valid until the next call. */
struct ebjr_ranked ebjr_resampler_rank(struct ebjr_resampler *resampler,
                                       const struct ebjr_ranking *ranking);

/* Errors: EBJR_EINVAL options or a number of samples that cannot be meant. */
int ebjr_resample_check(const struct ebjr_bootstrap *options, size_t n);

/* Of values[resamples], which it reorders. */
struct ebjr_interval ebjr_resample_interval(double estimate, double *values,
                                            const struct ebjr_bootstrap *options);

/* A band at 0, 1/(count-1), ..., 1, otherwise empty. Free it after a failure too. Errors:
 * EBJR_EINVAL count < 2; EBJR_ENOMEM. */
int ebjr_band_make(struct ebjr_band *out, size_t count);

/* Zeros; NULL: no memory. */
double *ebjr_resample_matrix(size_t rows, size_t columns);

#endif
