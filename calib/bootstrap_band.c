#include "base/error.h"
#include "calib/resample.h"

#include <stdlib.h>

/*
 * With W the weight and D the sum of (student - teacher) over the samples before a place in the
 * order, the cascade that cuts there gets T + D right. A group that is cut at random gives D in
 * proportion to the part of W that the student answers: D goes along the chord of the group.
 * accuracy[k * stride] is that at share[k]; shares ascend from 0 to 1.
 */
static void accuracy_at(double *accuracy, size_t stride, const double *share, size_t count,
                        const struct ebjr_ranked *ranked)
{
    double right = 0, weight = 0, gain = 0, weight_before = 0, gain_before = 0;
    for (size_t i = 0; i < ranked->n; i++)
        right += ranked->weight[i] * ranked->teacher[i];
    accuracy[0] = right / ranked->total;
    size_t k = 1;
    for (size_t i = 0; i < ranked->n; i++) {
        weight += ranked->weight[i];
        gain += ranked->weight[i] * (ranked->student[i] - ranked->teacher[i]);
        if (!ranked->group_end[i])
            continue;
        for (; k < count && share[k] * ranked->total <= weight; k++) {
            double slope = (gain - gain_before) / (weight - weight_before);
            double into = share[k] * ranked->total - weight_before;
            accuracy[k * stride] = (right + (gain_before + slope * into)) / ranked->total;
        }
        weight_before = weight;
        gain_before = gain;
    }
}

int ebjr_band_make(struct ebjr_band *out, size_t count)
{
    if (count < 2)
        return ebjr_error_set(EBJR_EINVAL, "a band at %zu shares: give 2 or more", count);
    *out = (struct ebjr_band){.count = count,
                              .share = ebjr_resample_matrix(count, 1),
                              .accuracy = ebjr_resample_matrix(count, 1),
                              .low = ebjr_resample_matrix(count, 1),
                              .high = ebjr_resample_matrix(count, 1)};
    if (!out->share || !out->accuracy || !out->low || !out->high)
        return ebjr_error_memory();
    for (size_t k = 0; k < count; k++)
        out->share[k] = (double)k / (double)(count - 1);
    return 0;
}

/* values: [count][resamples], to work in. */
static void band_fill(struct ebjr_band *band, double *values, struct ebjr_resampler *resampler,
                      const struct ebjr_ranking *ranking, const struct ebjr_bootstrap *options)
{
    struct ebjr_ranked ranked = ebjr_resampler_rank(resampler, ranking);
    accuracy_at(band->accuracy, 1, band->share, band->count, &ranked);
    for (size_t b = 0; b < options->resamples; b++) {
        ebjr_resampler_draw(resampler);
        ranked = ebjr_resampler_rank(resampler, ranking);
        accuracy_at(values + b, options->resamples, band->share, band->count, &ranked);
    }
    for (size_t k = 0; k < band->count; k++) {
        struct ebjr_interval interval =
            ebjr_resample_interval(band->accuracy[k], values + k * options->resamples, options);
        band->low[k] = interval.low;
        band->high[k] = interval.high;
    }
}

int ebjr_bootstrap_band(struct ebjr_band *out, const double *score, const uint8_t *student_correct,
                        const uint8_t *teacher_correct, size_t n, size_t count,
                        const struct ebjr_bootstrap *options)
{
    struct ebjr_ranking ranking = {0};
    struct ebjr_resampler resampler = {0};
    double *values = NULL;
    *out = (struct ebjr_band){0};
    int status = ebjr_resample_check(options, n);
    if (!status)
        status = ebjr_band_make(out, count);
    if (!status)
        status = ebjr_ranking_make(&ranking, score, student_correct, teacher_correct, n);
    if (!status)
        status = ebjr_resampler_make(&resampler, n, options->seed);
    if (!status && !(values = ebjr_resample_matrix(count, options->resamples)))
        status = ebjr_error_memory();
    if (!status)
        band_fill(out, values, &resampler, &ranking, options);
    else
        ebjr_band_free(out);
    free(values);
    ebjr_resampler_free(&resampler);
    ebjr_ranking_free(&ranking);
    return status;
}

void ebjr_band_free(struct ebjr_band *band)
{
    free(band->share);
    free(band->accuracy);
    free(band->low);
    free(band->high);
    *band = (struct ebjr_band){0};
}
