/* Convolutions of 3 rows by Winograd's filtering (kernels.h): when, with which weights, and how. */
#include "base/error.h"
#include "runtime/direct_plan.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = EBJR_WINOGRAD_ROWS, PARTS = EBJR_WINOGRAD_PARTS };

static size_t part_rows(const struct ebjr_step *step)
{
    return (step->out.height + ROWS - 1) / ROWS;
}

/* Floats from the first to the last that a sum over planes computes. */
static size_t run_length(const struct ebjr_step *step, size_t rows)
{
    return (rows - 1) * step->out.row + step->out.width;
}

/*
 * Work in products of vectors, of which a run's last may be part full: 3 k an input and output for
 * 3 x k weights, against k for each of 6 parts that are a fourth as long. To split or join a part
 * of a plane costs what 10 products do, measured: it is memory that takes the time.
 */
bool ebjr_winograd_pays(const struct ebjr_step *step, const struct ebjr_layer *layer)
{
    enum { LANES = 16, TRANSFORM = 10 };
    const struct ebjr_window *window = &layer->window;
    if (window->kernel[0] != 3 || window->dilation[0] != 1 || step->gather.needed)
        return false;
    size_t group_inputs = step->in_channels / layer->groups;
    size_t group_outputs = step->channels / layer->groups;
    double inputs = (double)group_inputs, outputs = (double)group_outputs;
    double taps = (double)window->kernel[1];
    double whole = ceil((double)run_length(step, step->out.height) / LANES);
    double part = ceil((double)run_length(step, part_rows(step)) / LANES);
    double direct = 3 * taps * inputs * outputs * whole;
    double winograd =
        PARTS * taps * inputs * outputs * part + TRANSFORM * PARTS * (inputs + outputs) * part;
    return winograd < 0.9 * direct;
}

/* weight[outputs][inputs][3][taps] to [part][outputs][inputs][taps] */
void ebjr_winograd_weights(float *parts, const float *weight, size_t pairs, size_t taps)
{
    static const double matrix[PARTS][3] = {
        {1.0 / 4, 0, 0},
        {-1.0 / 6, -1.0 / 6, -1.0 / 6},
        {-1.0 / 6, 1.0 / 6, -1.0 / 6},
        {1.0 / 24, 1.0 / 12, 1.0 / 6},
        {1.0 / 24, -1.0 / 12, 1.0 / 6},
        {0, 0, 1},
    };
    for (size_t j = 0; j < PARTS; j++)
        for (size_t p = 0; p < pairs; p++)
            for (size_t t = 0; t < taps; t++) {
                const float *column = weight + p * 3 * taps + t;
                *parts++ = (float)(matrix[j][0] * column[0] + matrix[j][1] * column[taps] +
                                   matrix[j][2] * column[2 * taps]);
            }
}

/* Each part's planes stand behind a margin, which pads the first row as the end of one plane does
 * the next. */
int ebjr_winograd_work(struct ebjr_step *step, struct ebjr_plan_memory *memory, size_t index,
                       size_t *parts, size_t *sums)
{
    enum {
        LEAST = 32
    }; /* so that the vector that runs out of one part does not reach the margin
          of the first plane of the next, which is written before */
    size_t rows = part_rows(step), row = step->out.row;
    size_t floats = rows * row + step->in.halo_width;
    step->parts_plane = ebjr_plane_spread(floats < LEAST ? LEAST : floats);
    step->sums_plane = ebjr_plane_spread(rows * row);
    int status =
        ebjr_memory_add(parts, memory, PARTS * (step->in_channels + 1), step->parts_plane, index);
    if (!status)
        status = ebjr_memory_add(sums, memory, PARTS * step->channels, step->sums_plane, index);
    return status;
}

static void split(const struct ebjr_step *step, const struct ebjr_kernels *kernels, float *block)
{
    for (size_t c = 0; c < step->in_channels; c++) {
        struct ebjr_winograd_split task = {
            .in = block + step->inputs[0] + c * step->in.plane,
            .height = step->in.height,
            .row = step->in.row,
            .margin = step->in.halo_width,
            .parts = block + step->parts + (c + 1) * step->parts_plane,
            .part_stride = (step->in_channels + 1) * step->parts_plane,
        };
        kernels->winograd_split(&task);
    }
}

static void join(const struct ebjr_step *step, const struct ebjr_kernels *kernels, float *block)
{
    for (size_t c = 0; c < step->channels; c++) {
        size_t plane = c * step->out.plane;
        struct ebjr_winograd_join task = {
            .parts = block + step->sums + c * step->sums_plane,
            .part_stride = step->channels * step->sums_plane,
            .height = step->out.height,
            .width = step->out.width,
            .row = step->out.row,
            .out = block + step->place + plane,
            .addend = step->adds ? block + step->inputs[1] + plane : NULL,
            .bias = step->bias[step->channels + c],
            .low = step->low,
            .high = step->high,
        };
        kernels->winograd_join(&task);
    }
}

static struct ebjr_plane_sum part_sum(const struct ebjr_step *step, float *block, size_t group,
                                      size_t part)
{
    size_t outputs = step->channels / step->groups, inputs = step->in_channels / step->groups;
    const float *in = block + step->parts + part * (step->in_channels + 1) * step->parts_plane;
    return (struct ebjr_plane_sum){
        .out = block + step->sums + (part * step->channels + group * outputs) * step->sums_plane,
        .in = in + (group * inputs + 1) * step->parts_plane,
        .in_stride = step->parts_plane,
        .out_stride = step->sums_plane,
        .inputs = inputs,
        .outputs = outputs,
        .taps = step->taps,
        .length = run_length(step, part_rows(step)),
        .offset = step->offset,
        .weight = step->weight + (part * step->groups + group) * outputs * inputs * step->taps,
        .bias = step->bias, /* zeros: the true ones are added to whole rows */
        .low = -INFINITY,
        .high = INFINITY,
    };
}

void ebjr_winograd_run(const struct ebjr_step *step, const struct ebjr_kernels *kernels,
                       float *block, size_t stride, size_t samples)
{
    size_t tiles = ebjr_tile_count(step->channels / step->groups);
    size_t some = ebjr_step_tiles_at_once(step);
    for (size_t s = 0; s < samples; s++)
        split(step, kernels, block + s * stride);
    for (size_t j = 0; j < PARTS; j++)
        for (size_t g = 0; g < step->groups; g++)
            for (size_t first = 0; first < tiles; first += some)
                for (size_t s = 0; s < samples; s++) {
                    struct ebjr_plane_sum sum = part_sum(step, block + s * stride, g, j);
                    kernels->plane_sum(&sum, first, tiles - first < some ? tiles : first + some);
                }
    for (size_t s = 0; s < samples; s++)
        join(step, kernels, block + s * stride);
}
