#include "calib/coco_bootstrap.h"

#include "base/error.h"
#include "base/parallel.h"
#include "calib/coco_resample.h"
#include "calib/coco_state.h"
#include "calib/coco_sweep.h"
#include "calib/resample.h"
#include "calib/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWN_AT_ONCE = 1 << 20 }; /* images in a block of resamples, about */
enum { HALVINGS = 20 };

struct block {
    const ebjr_coco *coco;
    enum ebjr_coco_figure figure;
    bool teacher;
    const uint32_t *drawn; /* [resamples of the block][images] */
    double *values;
};

static void count_block(void *context, size_t from, size_t to)
{
    const struct block *block = context;
    for (size_t b = from; b < to; b++)
        block->values[b] = ebjr_coco_weighted(
            block->coco, block->figure, block->drawn + b * block->coco->images, block->teacher);
}

/* Resamples are drawn one after the other, and counted at once. */
int ebjr_coco_resample(double *values, const ebjr_coco *coco, enum ebjr_coco_figure figure,
                       bool teacher, const struct ebjr_bootstrap *options)
{
    const size_t n = coco->images;
    struct ebjr_resampler resampler = {0};
    int status = ebjr_resample_check(options, n);
    if (status)
        return status;
    const size_t most = DRAWN_AT_ONCE / n + 1;
    uint32_t *drawn = calloc(most, n * sizeof *drawn);
    status = drawn ? ebjr_resampler_make(&resampler, n, options->seed) : ebjr_error_memory();
    for (size_t begin = 0; !status && begin < options->resamples; begin += most) {
        size_t left = options->resamples - begin, size = left < most ? left : most;
        struct block block = {coco, figure, teacher, drawn, values + begin};
        for (size_t b = 0; b < size; b++) {
            ebjr_resampler_draw(&resampler);
            memcpy(drawn + b * n, resampler.drawn, n * sizeof *drawn);
        }
        ebjr_parallel(count_block, &block, size, 1);
    }
    ebjr_resampler_free(&resampler);
    free(drawn);
    return status;
}

/* A figure of n images is on average above that of the population by some b(n), for the highest of
 * many noisy precisions counts. With b(n) = c / sqrt(n), which simulations show, halves of the
 * images are above all of them by (sqrt 2 - 1) b(n). */
int ebjr_coco_optimism(double *out, const ebjr_coco *coco, enum ebjr_coco_figure figure,
                       uint64_t seed)
{
    static const double halves[] = {0.5, 0.5};
    const size_t n = coco->images;
    double values[2 * HALVINGS], sum = 0;
    int8_t *part = malloc(n + 1);
    uint32_t *weight = calloc(n + 1, 2 * HALVINGS * sizeof *weight);
    int status = part && weight ? 0 : ebjr_error_memory();
    for (size_t h = 0; !status && h < HALVINGS; h++) {
        status = ebjr_split(part, NULL, n, halves, 2, seed + h);
        for (size_t i = 0; !status && i < n; i++)
            weight[(2 * h + (size_t)part[i]) * n + i] = 1;
    }
    if (!status) {
        struct block block = {coco, figure, false, weight, values};
        ebjr_parallel(count_block, &block, 2 * HALVINGS, 1);
        for (size_t h = 0; h < 2 * HALVINGS; h++)
            sum += values[h];
        double above = sum / (2 * HALVINGS) - ebjr_coco_weighted(coco, figure, NULL, false);
        *out = above < 0 ? 0 : above / (sqrt(2) - 1);
    }
    free(part);
    free(weight);
    return status;
}

/* The mean of those that are defined becomes the estimate. */
struct ebjr_interval ebjr_coco_interval(double estimate, double *values,
                                        const struct ebjr_bootstrap *options)
{
    double sum = 0;
    size_t count = 0;
    for (size_t b = 0; b < options->resamples; b++)
        if (!isnan(values[b])) {
            sum += values[b];
            count++;
        }
    for (size_t b = 0; b < options->resamples; b++)
        values[b] += estimate - sum / (double)count;
    return ebjr_resample_interval(estimate, values, options);
}

int ebjr_coco_uncertainty(struct ebjr_interval *figure_out, struct ebjr_interval *drop,
                          const ebjr_coco *coco, enum ebjr_coco_figure figure,
                          const struct ebjr_bootstrap *options)
{
    int status = ebjr_resample_check(options, coco->images);
    if (status)
        return status;
    double *cascade = ebjr_resample_matrix(2, options->resamples);
    if (!cascade)
        return ebjr_error_memory();
    double *lost = cascade + options->resamples;
    status = ebjr_coco_resample(cascade, coco, figure, false, options);
    if (!status)
        status = ebjr_coco_resample(lost, coco, figure, true, options);
    if (!status) {
        double now = ebjr_coco_weighted(coco, figure, NULL, false);
        double teacher = ebjr_coco_weighted(coco, figure, NULL, true);
        for (size_t b = 0; b < options->resamples; b++)
            lost[b] -= cascade[b];
        *drop = ebjr_resample_interval(teacher - now, lost, options);
        *figure_out = ebjr_coco_interval(now, cascade, options);
    }
    free(cascade);
    return status;
}

/* The point whose share of images is next to k / (count - 1). */
static const struct ebjr_point *point_at(const struct ebjr_curve *curve, size_t k, size_t count)
{
    const double images = (double)k / (double)(count - 1) * (double)curve->n;
    size_t i = 0;
    while (i + 1 < curve->count && fabs((double)curve->points[i + 1].student - images) <=
                                       fabs((double)curve->points[i].student - images))
        i++;
    return &curve->points[i];
}

static int fill_band(struct ebjr_band *band, ebjr_coco *coco, enum ebjr_coco_figure figure,
                     const double *score, const struct ebjr_curve *curve,
                     const struct ebjr_bootstrap *options)
{
    double *values = ebjr_resample_matrix(1, options->resamples);
    int status = values ? 0 : ebjr_error_memory();
    for (size_t k = 0; !status && k < band->count; k++) {
        const struct ebjr_point *point = point_at(curve, k, band->count);
        ebjr_coco_move_to(coco, score, point->threshold);
        status = ebjr_coco_resample(values, coco, figure, false, options);
        if (status)
            break;
        struct ebjr_interval interval =
            ebjr_coco_interval(ebjr_coco_weighted(coco, figure, NULL, false), values, options);
        band->share[k] = ebjr_point_share(curve, point);
        band->accuracy[k] = interval.estimate;
        band->low[k] = interval.low;
        band->high[k] = interval.high;
    }
    free(values);
    return status;
}

int ebjr_coco_band(struct ebjr_band *out, ebjr_coco *coco, enum ebjr_coco_figure figure,
                   const double *score, size_t count, const struct ebjr_bootstrap *options)
{
    struct ebjr_curve curve = {0};
    *out = (struct ebjr_band){0};
    int status = ebjr_resample_check(options, coco->images);
    if (!status)
        status = ebjr_band_make(out, count);
    if (!status)
        status = ebjr_coco_points(&curve, score, coco->images);
    if (!status)
        status = fill_band(out, coco, figure, score, &curve, options);
    if (status)
        ebjr_band_free(out);
    ebjr_coco_move_to(coco, score, INFINITY);
    ebjr_curve_free(&curve);
    return status;
}
