#include "calib/bootstrap.h"

#include "base/error.h"
#include "base/parallel.h"
#include "calib/resample.h"

#include <stdlib.h>
#include <string.h>

enum { DRAWN_AT_ONCE = 1 << 20 }; /* samples in a block of resamples, about */

/* Several statistics of several scores on the same resamples. */
struct comparison {
    const struct ebjr_bootstrap *options;
    ebjr_statistic *const *statistics;
    size_t statistic_count, scores;
    size_t n;
    struct ebjr_ranking *rankings; /* [scores] */
    double *weight;                /* [scores][n] to work in */
    struct ebjr_resampler resampler;
    uint32_t *drawn; /* [block][n] resamples begin .. end - 1 */
    size_t block, begin, end;
    double *estimate;   /* [scores][statistic_count] */
    double *sampled;    /* [scores][statistic_count][resamples] */
    double *difference; /* [resamples] to work in */
};

static int comparison_make(struct comparison *out, const double *const *score,
                           const uint8_t *student_correct, const uint8_t *teacher_correct, size_t n)
{
    size_t scores = out->scores, rows = scores * out->statistic_count;
    int status = ebjr_resample_check(out->options, n);
    if (status)
        return status;
    out->n = n;
    out->block = DRAWN_AT_ONCE / n + 1;
    out->rankings = calloc(scores, sizeof *out->rankings);
    out->weight = ebjr_resample_matrix(scores, n);
    out->drawn = calloc(out->block, n * sizeof *out->drawn);
    out->estimate = ebjr_resample_matrix(rows, 1);
    out->sampled = ebjr_resample_matrix(rows, out->options->resamples);
    out->difference = ebjr_resample_matrix(1, out->options->resamples);
    if (!out->rankings || !out->weight || !out->drawn || !out->estimate || !out->sampled ||
        !out->difference)
        return ebjr_error_memory();
    status = ebjr_resampler_make(&out->resampler, n, out->options->seed);
    for (size_t s = 0; !status && s < scores; s++) {
        status =
            ebjr_ranking_make(&out->rankings[s], score[s], student_correct, teacher_correct, n);
        if (status == EBJR_EINVAL)
            ebjr_error_context(status, "score %zu", s);
    }
    return status;
}

static void comparison_free(struct comparison *comparison)
{
    for (size_t s = 0; comparison->rankings && s < comparison->scores; s++)
        ebjr_ranking_free(&comparison->rankings[s]);
    ebjr_resampler_free(&comparison->resampler);
    free(comparison->rankings);
    free(comparison->weight);
    free(comparison->drawn);
    free(comparison->estimate);
    free(comparison->sampled);
    free(comparison->difference);
}

static double *sampled_of(const struct comparison *comparison, size_t statistic, size_t score)
{
    size_t row = score * comparison->statistic_count + statistic;
    return comparison->sampled + row * comparison->options->resamples;
}

static double *estimate_of(const struct comparison *comparison, size_t statistic, size_t score)
{
    return &comparison->estimate[score * comparison->statistic_count + statistic];
}

static void estimate(struct comparison *comparison)
{
    for (size_t s = 0; s < comparison->scores; s++) {
        struct ebjr_ranked ranked =
            ebjr_resampler_rank(&comparison->resampler, &comparison->rankings[s]);
        for (size_t k = 0; k < comparison->statistic_count; k++)
            *estimate_of(comparison, k, s) = comparison->statistics[k](&ranked);
    }
}

/* The block's resamples of some scores. */
static void sample_scores(void *context, size_t from, size_t to)
{
    const struct comparison *comparison = context;
    size_t n = comparison->n;
    for (size_t s = from; s < to; s++)
        for (size_t b = comparison->begin; b < comparison->end; b++) {
            const uint32_t *drawn = comparison->drawn + (b - comparison->begin) * n;
            struct ebjr_ranked ranked =
                ebjr_resample_rank(comparison->weight + s * n, drawn, n, &comparison->rankings[s]);
            for (size_t k = 0; k < comparison->statistic_count; k++)
                sampled_of(comparison, k, s)[b] = comparison->statistics[k](&ranked);
        }
}

/* Blocks of resamples, each drawn once and then worked on score by score, at once where it can. */
static void sample(struct comparison *comparison)
{
    struct ebjr_resampler *resampler = &comparison->resampler;
    size_t resamples = comparison->options->resamples, n = comparison->n;
    for (; comparison->begin < resamples; comparison->begin = comparison->end) {
        size_t left = resamples - comparison->begin;
        size_t block = left < comparison->block ? left : comparison->block;
        comparison->end = comparison->begin + block;
        for (size_t b = 0; b < block; b++) {
            ebjr_resampler_draw(resampler);
            memcpy(comparison->drawn + b * n, resampler->drawn, n * sizeof *comparison->drawn);
        }
        ebjr_parallel(sample_scores, comparison, comparison->scores, 1);
    }
}

/* Of one statistic, score i minus score `base` on the same resamples. */
static void take_differences(struct ebjr_interval *differences, const struct comparison *comparison,
                             size_t statistic, size_t base)
{
    const double *of_base = sampled_of(comparison, statistic, base);
    double estimate = *estimate_of(comparison, statistic, base);
    for (size_t s = 0; s < comparison->scores; s++) {
        const double *sampled = sampled_of(comparison, statistic, s);
        for (size_t b = 0; b < comparison->options->resamples; b++)
            comparison->difference[b] = sampled[b] - of_base[b];
        differences[s] = ebjr_resample_interval(*estimate_of(comparison, statistic, s) - estimate,
                                                comparison->difference, comparison->options);
    }
}

/* values[statistic_count][scores]. Reorders what was sampled. */
static void take_values(struct ebjr_interval *values, const struct comparison *comparison)
{
    for (size_t k = 0; k < comparison->statistic_count; k++)
        for (size_t s = 0; s < comparison->scores; s++)
            values[k * comparison->scores + s] = ebjr_resample_interval(
                *estimate_of(comparison, k, s), sampled_of(comparison, k, s), comparison->options);
}

static int compare(struct ebjr_interval *values, struct ebjr_interval *differences,
                   struct comparison *comparison, const double *const *score, size_t base,
                   const uint8_t *student_correct, const uint8_t *teacher_correct, size_t n)
{
    int status = comparison_make(comparison, score, student_correct, teacher_correct, n);
    if (!status) {
        estimate(comparison);
        sample(comparison);
        if (differences)
            take_differences(differences, comparison, 0, base);
        take_values(values, comparison);
    }
    comparison_free(comparison);
    return status;
}

int ebjr_bootstrap_compare(struct ebjr_interval *values, struct ebjr_interval *differences,
                           ebjr_statistic *statistic, const double *const *score, size_t scores,
                           size_t base, const uint8_t *student_correct,
                           const uint8_t *teacher_correct, size_t n,
                           const struct ebjr_bootstrap *options)
{
    struct comparison comparison = {
        .options = options, .statistics = &statistic, .statistic_count = 1, .scores = scores};
    int status = ebjr_resample_check(options, n);
    if (!status && base >= scores)
        status =
            ebjr_error_set(EBJR_EINVAL, "score %zu is not among the %zu to compare", base, scores);
    return status ? status
                  : compare(values, differences, &comparison, score, base, student_correct,
                            teacher_correct, n);
}

int ebjr_bootstrap_statistics(struct ebjr_interval *values, ebjr_statistic *const *statistics,
                              size_t count, const double *const *score, size_t scores,
                              const uint8_t *student_correct, const uint8_t *teacher_correct,
                              size_t n, const struct ebjr_bootstrap *options)
{
    struct comparison comparison = {
        .options = options, .statistics = statistics, .statistic_count = count, .scores = scores};
    return compare(values, NULL, &comparison, score, 0, student_correct, teacher_correct, n);
}
