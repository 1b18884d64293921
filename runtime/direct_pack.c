/* Weights in the order in which kernels read them. */
#include "base/error.h"
#include "runtime/direct_plan.h"

#include <stdlib.h>
#include <string.h>

static float *copy_floats(const float *from, size_t count, size_t padded)
{
    float *to = calloc(padded, sizeof *to);
    if (to)
        memcpy(to, from, count * sizeof *to);
    return to;
}

/* weight[outputs][inputs][taps] a group, to the order of struct ebjr_plane_sum. */
static void pack_tiles(float *to, const float *weight, size_t outputs, size_t sums)
{
    for (size_t t = 0; t < ebjr_tile_count(outputs); t++) {
        size_t first = ebjr_tile_first(outputs, t), width = ebjr_tile_first(outputs, t + 1) - first;
        for (size_t i = 0; i < sums; i++)
            for (size_t o = 0; o < width; o++)
                *to++ = weight[(first + o) * sums + i];
    }
}

/* weight[outputs][inputs] to the order of struct ebjr_product. */
static void pack_columns(float *to, const float *weight, size_t outputs, size_t inputs)
{
    enum { BLOCK = EBJR_KERNEL_COLUMNS };
    for (size_t o = 0; o < outputs; o++)
        for (size_t i = 0; i < inputs; i++)
            to[(o / BLOCK * inputs + i) * BLOCK + o % BLOCK] = weight[o * inputs + i];
}

/* `groups` packed one behind the other. */
static void pack_groups(float *to, const float *weight, size_t groups, size_t outputs, size_t sums)
{
    for (size_t g = 0; g < groups; g++)
        pack_tiles(to + g * outputs * sums, weight + g * outputs * sums, outputs, sums);
}

static int pack_winograd(struct ebjr_step *step, const struct ebjr_layer *layer)
{
    size_t inputs = step->in_channels / layer->groups, outputs = step->channels / layer->groups;
    size_t count = step->channels * inputs * step->taps;
    step->weight = calloc(EBJR_WINOGRAD_PARTS * count, sizeof *step->weight);
    step->bias = calloc(2 * step->channels, sizeof *step->bias);
    float *parts = calloc(EBJR_WINOGRAD_PARTS * count, sizeof *parts);
    int status = step->weight && step->bias && parts ? 0 : ebjr_error_memory();
    if (!status) {
        ebjr_winograd_weights(parts, layer->weight, step->channels * inputs, step->taps);
        pack_groups(step->weight, parts, EBJR_WINOGRAD_PARTS * layer->groups, outputs,
                    inputs * step->taps);
        memcpy(step->bias + step->channels, layer->bias, step->channels * sizeof *step->bias);
    }
    free(parts);
    return status;
}

static int pack_directly(struct ebjr_step *step, const struct ebjr_layer *layer)
{
    size_t inputs = step->in_channels / layer->groups, outputs = step->channels / layer->groups;
    step->weight = calloc(step->channels * inputs * step->taps, sizeof *step->weight);
    step->bias = copy_floats(layer->bias, step->channels, step->channels);
    if (!step->weight || !step->bias)
        return ebjr_error_memory();
    pack_groups(step->weight, layer->weight, layer->groups, outputs, inputs * step->taps);
    return 0;
}

int ebjr_pack_convolution(struct ebjr_step *step, const struct ebjr_layer *layer)
{
    size_t count = step->channels * (step->in_channels / layer->groups) * step->taps;
    step->weight_bytes =
        (count * (step->is_winograd ? EBJR_WINOGRAD_PARTS : 1) + step->channels) * sizeof(float);
    return step->is_winograd ? pack_winograd(step, layer) : pack_directly(step, layer);
}

int ebjr_pack_linear(struct ebjr_step *step, const struct ebjr_layer *layer)
{
    enum { BLOCK = EBJR_KERNEL_COLUMNS };
    size_t columns = (step->channels + BLOCK - 1) / BLOCK * BLOCK;
    step->weight = calloc(step->features, columns * sizeof *step->weight);
    step->bias = copy_floats(layer->bias, step->channels, columns);
    if (!step->weight || !step->bias)
        return ebjr_error_memory();
    pack_columns(step->weight, layer->weight, step->channels, step->features);
    step->weight_bytes = (step->features + 1) * columns * sizeof(float);
    return 0;
}

int ebjr_pack_scale(float **weight, float **bias, const struct ebjr_layer *layer)
{
    *weight = copy_floats(layer->weight, layer->shape.channels, layer->shape.channels);
    *bias = copy_floats(layer->bias, layer->shape.channels, layer->shape.channels);
    return *weight && *bias ? 0 : ebjr_error_memory();
}
