#include "calib/bootstrap.h"

#include "base/error.h"

#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The samples of one score by descending score. */
struct ranking {
    size_t *order;
    uint8_t *student, *teacher, *group_end; /* [n] in that order, one block from `student` */
};

static int ranking_make(struct ranking *out, const double *score, const uint8_t *student_correct,
                        const uint8_t *teacher_correct, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(score[i]))
            return ebjr_error_set(EBJR_EINVAL, "sample %zu: its score is %g", i, score[i]);
    out->order = malloc(n * sizeof *out->order);
    out->student = malloc(3 * n);
    if (!out->order || !out->student)
        return ebjr_error_memory();
    out->teacher = out->student + n;
    out->group_end = out->teacher + n;

    gsl_sort_index(out->order, score, 1, n);
    for (size_t low = 0, high = n - 1; low < high; low++, high--) {
        size_t swap = out->order[low];
        out->order[low] = out->order[high];
        out->order[high] = swap;
    }
    for (size_t i = 0; i < n; i++) {
        out->student[i] = student_correct[out->order[i]] != 0;
        out->teacher[i] = teacher_correct[out->order[i]] != 0;
        out->group_end[i] = i + 1 == n || score[out->order[i]] != score[out->order[i + 1]];
    }
    return 0;
}

static void ranking_free(struct ranking *ranking)
{
    free(ranking->order);
    free(ranking->student);
}

struct resampler {
    size_t n;
    gsl_rng rng;
    uint32_t *drawn; /* [n] how often the resample holds a sample; at first once, as the data do */
    double *weight;  /* [n] the same by descending score */
};

static int resampler_make(struct resampler *out, size_t n, uint64_t seed)
{
    out->n = n;
    out->rng = (gsl_rng){gsl_rng_mt19937, malloc(gsl_rng_mt19937->size)};
    out->drawn = malloc(n * sizeof *out->drawn);
    out->weight = malloc(n * sizeof *out->weight);
    if (!out->rng.state || !out->drawn || !out->weight)
        return ebjr_error_memory();
    gsl_rng_set(&out->rng, seed ^ seed >> 32);
    for (size_t i = 0; i < n; i++)
        out->drawn[i] = 1;
    return 0;
}

static void resampler_free(struct resampler *resampler)
{
    free(resampler->rng.state);
    free(resampler->drawn);
    free(resampler->weight);
}

static void resampler_draw(struct resampler *resampler)
{
    memset(resampler->drawn, 0, resampler->n * sizeof *resampler->drawn);
    for (size_t i = 0; i < resampler->n; i++)
        resampler->drawn[gsl_rng_uniform_int(&resampler->rng, resampler->n)]++;
}

/* The resample in the order of a score; valid until the next call. */
static struct ebjr_ranked resampler_rank(struct resampler *resampler, const struct ranking *ranking)
{
    for (size_t i = 0; i < resampler->n; i++)
        resampler->weight[i] = resampler->drawn[ranking->order[i]];
    return (struct ebjr_ranked){.n = resampler->n,
                                .student = ranking->student,
                                .teacher = ranking->teacher,
                                .group_end = ranking->group_end,
                                .weight = resampler->weight,
                                .total = (double)resampler->n};
}

/* How many resamples lie outside an interval on either side of it, plus one: the k of the header.
 * (1 - 0.9) / 2 is a little below 0.05. */
static size_t rank_of_end(const struct ebjr_bootstrap *options)
{
    return (size_t)(((double)options->resamples + 1) * (1 - options->level) / 2 + 1e-9);
}

static int check(const struct ebjr_bootstrap *options, size_t n)
{
    if (n == 0 || n > UINT32_MAX)
        return ebjr_error_set(EBJR_EINVAL, "%zu samples cannot be resampled: give 1 to 2^32 - 1",
                              n);
    if (!(options->level > 0 && options->level < 1))
        return ebjr_error_set(EBJR_EINVAL, "a level of %g is not between 0 and 1", options->level);
    if (rank_of_end(options) == 0)
        return ebjr_error_set(
            EBJR_EINVAL, "%zu resamples are too few for a level of %g: give %.0f or more",
            options->resamples, options->level, ceil(2 / (1 - options->level) - 1 - 1e-6));
    return 0;
}

/* Reorders the values. */
static struct ebjr_interval interval_of(double estimate, double *values,
                                        const struct ebjr_bootstrap *options)
{
    size_t k = rank_of_end(options), defined = 0;
    for (size_t b = 0; b < options->resamples; b++)
        if (!isnan(values[b]))
            values[defined++] = values[b];
    size_t undefined = options->resamples - defined;
    if (undefined >= k)
        return (struct ebjr_interval){estimate, -INFINITY, INFINITY};
    gsl_sort(values, 1, defined);
    k -= undefined;
    return (struct ebjr_interval){estimate, values[k - 1], values[defined - k]};
}

static double *matrix(size_t rows, size_t columns)
{
    return columns > SIZE_MAX / sizeof(double) ? NULL : calloc(rows, columns * sizeof(double));
}

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

static int band_alloc(struct ebjr_band *out, size_t count)
{
    *out = (struct ebjr_band){.count = count,
                              .share = matrix(count, 1),
                              .accuracy = matrix(count, 1),
                              .low = matrix(count, 1),
                              .high = matrix(count, 1)};
    if (!out->share || !out->accuracy || !out->low || !out->high)
        return ebjr_error_memory();
    for (size_t k = 0; k < count; k++)
        out->share[k] = (double)k / (double)(count - 1);
    return 0;
}

/* values: [count][resamples], to work in. */
static void band_fill(struct ebjr_band *band, double *values, struct resampler *resampler,
                      const struct ranking *ranking, const struct ebjr_bootstrap *options)
{
    struct ebjr_ranked ranked = resampler_rank(resampler, ranking);
    accuracy_at(band->accuracy, 1, band->share, band->count, &ranked);
    for (size_t b = 0; b < options->resamples; b++) {
        resampler_draw(resampler);
        ranked = resampler_rank(resampler, ranking);
        accuracy_at(values + b, options->resamples, band->share, band->count, &ranked);
    }
    for (size_t k = 0; k < band->count; k++) {
        struct ebjr_interval interval =
            interval_of(band->accuracy[k], values + k * options->resamples, options);
        band->low[k] = interval.low;
        band->high[k] = interval.high;
    }
}

int ebjr_bootstrap_band(struct ebjr_band *out, const double *score, const uint8_t *student_correct,
                        const uint8_t *teacher_correct, size_t n, size_t count,
                        const struct ebjr_bootstrap *options)
{
    struct ranking ranking = {0};
    struct resampler resampler = {0};
    double *values = NULL;
    *out = (struct ebjr_band){0};
    int status = check(options, n);
    if (!status && count < 2)
        status = ebjr_error_set(EBJR_EINVAL, "a band at %zu shares: give 2 or more", count);
    if (!status)
        status = ranking_make(&ranking, score, student_correct, teacher_correct, n);
    if (!status)
        status = resampler_make(&resampler, n, options->seed);
    if (!status)
        status = band_alloc(out, count);
    if (!status && !(values = matrix(count, options->resamples)))
        status = ebjr_error_memory();
    if (!status)
        band_fill(out, values, &resampler, &ranking, options);
    else
        ebjr_band_free(out);
    free(values);
    resampler_free(&resampler);
    ranking_free(&ranking);
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

/* sampled: [scores + 1][resamples] to work in, the last row for differences. */
static void compare(struct ebjr_interval *values, struct ebjr_interval *differences,
                    ebjr_statistic *statistic, double *sampled, const struct ranking *rankings,
                    size_t scores, size_t base, struct resampler *resampler,
                    const struct ebjr_bootstrap *options)
{
    size_t resamples = options->resamples;
    for (size_t s = 0; s < scores; s++) {
        struct ebjr_ranked ranked = resampler_rank(resampler, &rankings[s]);
        values[s].estimate = statistic(&ranked);
    }
    for (size_t b = 0; b < resamples; b++) {
        resampler_draw(resampler);
        for (size_t s = 0; s < scores; s++) {
            struct ebjr_ranked ranked = resampler_rank(resampler, &rankings[s]);
            sampled[s * resamples + b] = statistic(&ranked);
        }
    }
    double *difference = sampled + scores * resamples;
    for (size_t s = 0; differences && s < scores; s++) {
        for (size_t b = 0; b < resamples; b++)
            difference[b] = sampled[s * resamples + b] - sampled[base * resamples + b];
        differences[s] =
            interval_of(values[s].estimate - values[base].estimate, difference, options);
    }
    for (size_t s = 0; s < scores; s++)
        values[s] = interval_of(values[s].estimate, sampled + s * resamples, options);
}

int ebjr_bootstrap_compare(struct ebjr_interval *values, struct ebjr_interval *differences,
                           ebjr_statistic *statistic, const double *const *score, size_t scores,
                           size_t base, const uint8_t *student_correct,
                           const uint8_t *teacher_correct, size_t n,
                           const struct ebjr_bootstrap *options)
{
    int status = check(options, n);
    if (status)
        return status;
    if (base >= scores)
        return ebjr_error_set(EBJR_EINVAL, "score %zu is not among the %zu to compare", base,
                              scores);
    struct resampler resampler = {0};
    struct ranking *rankings = calloc(scores, sizeof *rankings);
    double *sampled = matrix(scores + 1, options->resamples);
    if (!rankings || !sampled)
        status = ebjr_error_memory();
    if (!status)
        status = resampler_make(&resampler, n, options->seed);
    for (size_t s = 0; !status && s < scores; s++) {
        status = ranking_make(&rankings[s], score[s], student_correct, teacher_correct, n);
        if (status == EBJR_EINVAL)
            ebjr_error_context(status, "score %zu", s);
    }
    if (!status)
        compare(values, differences, statistic, sampled, rankings, scores, base, &resampler,
                options);
    for (size_t s = 0; rankings && s < scores; s++)
        ranking_free(&rankings[s]);
    free(rankings);
    free(sampled);
    resampler_free(&resampler);
    return status;
}
