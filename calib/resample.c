#include "calib/resample.h"

#include "base/error.h"

#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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

static void find_runs(struct ebjr_ranking *out, const double *score, const uint8_t *student_correct,
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

int ebjr_ranking_make(struct ebjr_ranking *out, const double *score, const uint8_t *student_correct,
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

void ebjr_ranking_free(struct ebjr_ranking *ranking)
{
    free(ranking->order);
    free(ranking->end);
    free(ranking->student);
}

int ebjr_resampler_make(struct ebjr_resampler *out, size_t n, uint64_t seed)
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

void ebjr_resampler_free(struct ebjr_resampler *resampler)
{
    free(resampler->rng.state);
    free(resampler->drawn);
    free(resampler->weight);
}

void ebjr_resampler_draw(struct ebjr_resampler *resampler)
{
    memset(resampler->drawn, 0, resampler->n * sizeof *resampler->drawn);
    for (size_t i = 0; i < resampler->n; i++)
        resampler->drawn[gsl_rng_uniform_int(&resampler->rng, resampler->n)]++;
}

struct ebjr_ranked ebjr_resample_rank(double *weight, const uint32_t *drawn, size_t n,
                                      const struct ebjr_ranking *ranking)
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

struct ebjr_ranked ebjr_resampler_rank(struct ebjr_resampler *resampler,
                                       const struct ebjr_ranking *ranking)
{
    return ebjr_resample_rank(resampler->weight, resampler->drawn, resampler->n, ranking);
}

/* How many resamples lie outside an interval on either side of it, plus one: the k of the header.
 * (1 - 0.9) / 2 is a little below 0.05. */
static size_t rank_of_end(const struct ebjr_bootstrap *options)
{
    return (size_t)(((double)options->resamples + 1) * (1 - options->level) / 2 + 1e-9);
}

int ebjr_resample_check(const struct ebjr_bootstrap *options, size_t n)
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

struct ebjr_interval ebjr_resample_interval(double estimate, double *values,
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

double *ebjr_resample_matrix(size_t rows, size_t columns)
{
    return columns > SIZE_MAX / sizeof(double) ? NULL : calloc(rows, columns * sizeof(double));
}
