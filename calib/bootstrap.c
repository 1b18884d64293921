#include "calib/bootstrap.h"

#include "base/error.h"
#include "base/parallel.h"

#include <gsl/gsl_rng.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * The samples of one score by descending score, in runs: neighbours that no statistic tells apart
 * are one, with the sum of their weights. They have the same bits, and either share a tie group, or
 * are each a group of their own that changes nothing of the cascade, both models being right or
 * both wrong. Most samples are of the latter kind.
 */
struct ranking {
    uint32_t *order;                        /* [n] */
    size_t *end;                            /* [runs] where a run ends in that order */
    uint8_t *student, *teacher, *group_end; /* [runs], one block from `student` */
    size_t runs;
};

/* Samples by descending score. */
static int order_make(uint32_t *order, const double *score, size_t n)
{
    size_t *ascending = malloc(n * sizeof *ascending);
    if (!ascending)
        return ebjr_error_memory();
    gsl_sort_index(ascending, score, 1, n);
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)ascending[n - 1 - i];
    free(ascending);
    return 0;
}

static void find_runs(struct ranking *out, const double *score, const uint8_t *student_correct,
                      const uint8_t *teacher_correct, size_t n)
{
    bool was_alone = false;
    for (size_t i = 0; i < n; i++) {
        const uint32_t *at = &out->order[i];
        uint8_t student = student_correct[*at] != 0, teacher = teacher_correct[*at] != 0;
        bool is_tied = i > 0 && score[at[0]] == score[at[-1]];
        bool is_end = i + 1 == n || score[at[0]] != score[at[1]];
        bool is_alone = !is_tied && is_end && student == teacher;
        size_t last = out->runs - 1;
        bool is_same = i > 0 && out->student[last] == student && out->teacher[last] == teacher;
        if (!(is_same && (is_tied || (is_alone && was_alone))))
            last = out->runs++;
        out->student[last] = student;
        out->teacher[last] = teacher;
        out->group_end[last] = is_end;
        out->end[last] = i + 1;
        was_alone = is_alone;
    }
}

static int ranking_make(struct ranking *out, const double *score, const uint8_t *student_correct,
                        const uint8_t *teacher_correct, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(score[i]))
            return ebjr_error_set(EBJR_EINVAL, "sample %zu: its score is %g", i, score[i]);
    out->order = malloc(n * sizeof *out->order);
    out->end = malloc(n * sizeof *out->end);
    out->student = malloc(3 * n);
    if (!out->order || !out->end || !out->student)
        return ebjr_error_memory();
    out->teacher = out->student + n;
    out->group_end = out->teacher + n;
    int status = order_make(out->order, score, n);
    if (!status)
        find_runs(out, score, student_correct, teacher_correct, n);
    return status;
}

static void ranking_free(struct ranking *ranking)
{
    free(ranking->order);
    free(ranking->end);
    free(ranking->student);
}

struct resampler {
    size_t n;
    gsl_rng rng;
    uint32_t *drawn; /* [n] how often the resample holds a sample; at first once, as the data do */
    double *weight;  /* [n] the same, of the runs of a ranking */
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

/* A resample in the order of a score; weight[n] is where its weights go. */
static struct ebjr_ranked rank(double *weight, const uint32_t *drawn, size_t n,
                               const struct ranking *ranking)
{
    const uint32_t *order = ranking->order;
    for (size_t run = 0, i = 0; run < ranking->runs; run++) {
        uint64_t sum = 0;
        for (; i < ranking->end[run]; i++)
            sum += drawn[order[i]];
        weight[run] = (double)sum;
    }
    return (struct ebjr_ranked){.n = ranking->runs,
                                .student = ranking->student,
                                .teacher = ranking->teacher,
                                .group_end = ranking->group_end,
                                .weight = weight,
                                .total = (double)n};
}

/* The resampler's own; valid until the next call. */
static struct ebjr_ranked resampler_rank(struct resampler *resampler, const struct ranking *ranking)
{
    return rank(resampler->weight, resampler->drawn, resampler->n, ranking);
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

enum { DRAWN_AT_ONCE = 1 << 20 }; /* samples in a block of resamples, about */

/* Several statistics of several scores on the same resamples. */
struct comparison {
    const struct ebjr_bootstrap *options;
    ebjr_statistic *const *statistics;
    size_t statistic_count, scores;
    size_t n;
    struct ranking *rankings; /* [scores] */
    double *weight;           /* [scores][n] to work in */
    struct resampler resampler;
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
    int status = check(out->options, n);
    if (status)
        return status;
    out->n = n;
    out->block = DRAWN_AT_ONCE / n + 1;
    out->rankings = calloc(scores, sizeof *out->rankings);
    out->weight = matrix(scores, n);
    out->drawn = calloc(out->block, n * sizeof *out->drawn);
    out->estimate = matrix(rows, 1);
    out->sampled = matrix(rows, out->options->resamples);
    out->difference = matrix(1, out->options->resamples);
    if (!out->rankings || !out->weight || !out->drawn || !out->estimate || !out->sampled ||
        !out->difference)
        return ebjr_error_memory();
    status = resampler_make(&out->resampler, n, out->options->seed);
    for (size_t s = 0; !status && s < scores; s++) {
        status = ranking_make(&out->rankings[s], score[s], student_correct, teacher_correct, n);
        if (status == EBJR_EINVAL)
            ebjr_error_context(status, "score %zu", s);
    }
    return status;
}

static void comparison_free(struct comparison *comparison)
{
    for (size_t s = 0; comparison->rankings && s < comparison->scores; s++)
        ranking_free(&comparison->rankings[s]);
    resampler_free(&comparison->resampler);
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
            resampler_rank(&comparison->resampler, &comparison->rankings[s]);
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
                rank(comparison->weight + s * n, drawn, n, &comparison->rankings[s]);
            for (size_t k = 0; k < comparison->statistic_count; k++)
                sampled_of(comparison, k, s)[b] = comparison->statistics[k](&ranked);
        }
}

/* Blocks of resamples, each drawn once and then worked on score by score, at once where it can. */
static void sample(struct comparison *comparison)
{
    struct resampler *resampler = &comparison->resampler;
    size_t resamples = comparison->options->resamples, n = comparison->n;
    for (; comparison->begin < resamples; comparison->begin = comparison->end) {
        size_t left = resamples - comparison->begin;
        size_t block = left < comparison->block ? left : comparison->block;
        comparison->end = comparison->begin + block;
        for (size_t b = 0; b < block; b++) {
            resampler_draw(resampler);
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
        differences[s] = interval_of(*estimate_of(comparison, statistic, s) - estimate,
                                     comparison->difference, comparison->options);
    }
}

/* values[statistic_count][scores]. Reorders what was sampled. */
static void take_values(struct ebjr_interval *values, const struct comparison *comparison)
{
    for (size_t k = 0; k < comparison->statistic_count; k++)
        for (size_t s = 0; s < comparison->scores; s++)
            values[k * comparison->scores + s] = interval_of(
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
    int status = check(options, n);
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
