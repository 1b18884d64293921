#include "runtime/direct_step.h"

#include <stdlib.h>
#include <string.h>

void ebjr_step_clear(struct ebjr_step *step)
{
    free(step->inputs);
    free(step->widths);
    free(step->weight);
    free(step->bias);
    free(step->offset);
    free(step->gather.reads);
    free(step->scale);
    free(step->shift);
    *step = (struct ebjr_step){0};
}

static void zero(float *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        from[i] = 0;
}

static void zero_halo(const struct ebjr_layout *layout, size_t channels, float *value)
{
    if (layout->halo_height == 0 && layout->halo_width == 0)
        return;
    size_t rows = layout->height * layout->row;
    size_t above = layout->halo_height * layout->row + layout->halo_width;
    memset(value - above, 0, above * sizeof *value);
    for (size_t c = 0; c < channels; c++, value += layout->plane) {
        for (size_t x = layout->width; x < layout->row; x++)
            for (size_t y = 0; y < layout->height; y++)
                value[y * layout->row + x] = 0;
        memset(value + rows, 0, (layout->plane - rows) * sizeof *value);
    }
}

void ebjr_layout_fill(const struct ebjr_layout *layout, size_t channels, float *value,
                      const float *pixels)
{
    size_t width = layout->width;
    for (size_t c = 0; c < channels; c++)
        for (size_t y = 0; y < layout->height; y++, pixels += width)
            memcpy(value + c * layout->plane + y * layout->row, pixels, width * sizeof *pixels);
    zero_halo(layout, channels, value);
}

/* A value's pixels, [c][h][w]. */
static void pack(float *pixels, const struct ebjr_layout *layout, size_t channels,
                 const float *value)
{
    size_t width = layout->width;
    for (size_t c = 0; c < channels; c++)
        for (size_t y = 0; y < layout->height; y++, pixels += width)
            memcpy(pixels, value + c * layout->plane + y * layout->row, width * sizeof *pixels);
}

/* One row of one phase, from the row of the input that it is cut from; NULL: it is padding. */
static void gather_row(const struct ebjr_step *step, float *to, const float *row, size_t phase)
{
    size_t first = 0, last = 0, count = step->gather.row;
    size_t stride = step->window.stride[1], padding = step->window.padding[1];
    if (row)
        ebjr_clip(&first, &last, count, stride, phase, padding, step->in.width);
    zero(to, first);
    if (stride == 1 && last > first)
        memcpy(to + first, row + first + phase - padding, (last - first) * sizeof *to);
    else
        for (size_t x = first; x < last; x++)
            to[x] = row[x * stride + phase - padding];
    zero(to + last, count - last);
}

static void gather(const struct ebjr_step *step, float *to, const float *value)
{
    const struct ebjr_gather *gather = &step->gather;
    const struct ebjr_window *window = &step->window;
    size_t phases = window->stride[0] * window->stride[1];
    for (size_t c = 0; c < step->in_channels; c++, value += step->in.plane, to += gather->plane)
        for (size_t p = 0; p < phases; p++)
            for (size_t y = 0; gather->reads[p] && y < gather->rows; y++) {
                size_t padded = y * window->stride[0] + p / window->stride[1];
                bool inside =
                    padded >= window->padding[0] && padded - window->padding[0] < step->in.height;
                const float *row =
                    inside ? value + (padded - window->padding[0]) * step->in.row : NULL;
                gather_row(step, to + p * gather->phase + y * gather->row, row,
                           p % window->stride[1]);
            }
}

/* From rows as far apart as the sum leaves them to rows as they are kept. */
static void unstage(const struct ebjr_step *step, float *value, const float *stage)
{
    for (size_t c = 0; c < step->channels; c++)
        for (size_t y = 0; y < step->out.height; y++)
            memcpy(value + c * step->out.plane + y * step->out.row,
                   stage + c * step->stage_plane + y * step->gather.row,
                   step->out.width * sizeof *value);
}

static struct ebjr_plane_sum group_sum(const struct ebjr_step *step, float *block, size_t group)
{
    size_t outputs = step->channels / step->groups, inputs = step->in_channels / step->groups;
    const struct ebjr_gather *gather = &step->gather;
    size_t in_plane = gather->needed ? gather->plane : step->in.plane;
    size_t row = gather->needed ? gather->row : step->in.row;
    size_t out_plane = step->is_staged ? step->stage_plane : step->out.plane;
    return (struct ebjr_plane_sum){
        .out = block + (step->is_staged ? step->stage : step->place) + group * outputs * out_plane,
        .in =
            block + (gather->needed ? gather->place : step->inputs[0]) + group * inputs * in_plane,
        .addend = step->adds ? block + step->inputs[1] + group * outputs * out_plane : NULL,
        .in_stride = in_plane,
        .out_stride = out_plane,
        .inputs = inputs,
        .outputs = outputs,
        .taps = step->taps,
        .length = (step->out.height - 1) * row + step->out.width,
        .offset = step->offset,
        .weight = step->weight + group * outputs * inputs * step->taps,
        .bias = step->bias + group * outputs,
        .low = step->low,
        .high = step->high,
        .scale = step->scale,
        .shift = step->shift,
        .scale_low = step->scale_low,
        .scale_high = step->scale_high,
        .panel = step->scale ? block + step->panel : NULL,
    };
}

size_t ebjr_step_tiles_at_once(const struct ebjr_step *step)
{
    static const size_t cached = (size_t)256 << 10;
    size_t tile = step->in_channels / step->groups * step->taps * EBJR_KERNEL_TILE * sizeof(float);
    return tile < cached ? cached / tile : 1;
}

static void sum_planes(const struct ebjr_step *step, const struct ebjr_kernels *kernels,
                       float *block, size_t stride, size_t samples)
{
    size_t tiles = ebjr_tile_count(step->channels / step->groups);
    size_t some = ebjr_step_tiles_at_once(step);
    for (size_t s = 0; s < samples && step->gather.needed; s++)
        gather(step, block + s * stride + step->gather.place, block + s * stride + step->inputs[0]);
    for (size_t g = 0; g < step->groups; g++)
        for (size_t first = 0; first < tiles; first += some)
            for (size_t s = 0; s < samples; s++) {
                struct ebjr_plane_sum sum = group_sum(step, block + s * stride, g);
                kernels->plane_sum(&sum, first, tiles - first < some ? tiles : first + some);
            }
    for (size_t s = 0; s < samples && step->is_staged; s++)
        unstage(step, block + s * stride + step->place, block + s * stride + step->stage);
}

static void convolve(const struct ebjr_step *step, const struct ebjr_kernels *kernels, float *block,
                     size_t stride, size_t samples)
{
    if (step->is_winograd)
        ebjr_winograd_run(step, kernels, block, stride, samples);
    else
        sum_planes(step, kernels, block, stride, samples);
    for (size_t s = 0; s < samples; s++)
        zero_halo(&step->out, step->channels, block + s * stride + step->place);
}

static void multiply(const struct ebjr_step *step, const struct ebjr_kernels *kernels, float *block,
                     size_t stride, size_t samples)
{
    for (size_t s = 0; s < samples && step->is_packed; s++)
        pack(block + s * stride + step->stage, &step->in, step->in_channels,
             block + s * stride + step->inputs[0]);
    struct ebjr_product product = {
        .out = block + step->place,
        .in = block + (step->is_packed ? step->stage : step->inputs[0]),
        .in_stride = stride,
        .out_stride = stride,
        .samples = samples,
        .inputs = step->features,
        .outputs = step->channels,
        .weight = step->weight,
        .bias = step->bias,
        .low = step->low,
        .high = step->high,
    };
    kernels->product(&product);
}

static void pool(const struct ebjr_step *step, const struct ebjr_kernels *kernels, float *block)
{
    const struct ebjr_window *window = &step->window;
    struct ebjr_plane_pool plane = {
        .in_height = step->in.height,
        .in_width = step->in.width,
        .in_row = step->in.row,
        .out_height = step->out.height,
        .out_width = step->out.width,
        .out_row = step->out.row,
        .is_max = step->kind == EBJR_LAYER_MAX_POOL,
        .columns = block + step->stage,
    };
    for (int side = 0; side < 2; side++) {
        plane.kernel[side] = window->kernel[side];
        plane.stride[side] = window->stride[side];
        plane.padding[side] = window->padding[side];
        plane.dilation[side] = window->dilation[side];
    }
    if (step->counts_padding || (window->padding[0] == 0 && window->padding[1] == 0))
        plane.divisor = (float)(window->kernel[0] * window->kernel[1]);
    for (size_t c = 0; c < step->channels; c++) {
        plane.in = block + step->inputs[0] + c * step->in.plane;
        plane.out = block + step->place + c * step->out.plane;
        kernels->plane_pool(&plane);
    }
    zero_halo(&step->out, step->channels, block + step->place);
}

static void concatenate(const struct ebjr_step *step, float *block)
{
    float *to = block + step->place;
    for (size_t i = 0; i < step->input_count; i++) {
        size_t length = step->widths[i] * step->out.plane;
        const float *from = block + step->inputs[i];
        if (from != to)
            memcpy(to, from, length * sizeof *to);
        to += length;
    }
    zero_halo(&step->out, step->channels, block + step->place);
}

static void apply(const struct ebjr_step *step, const struct ebjr_kernels *kernels, float *block)
{
    const float *in = block + step->inputs[0];
    float *out = block + step->place;
    size_t length = step->in.height * step->in.row, plane = step->in.plane;
    for (size_t c = 0; c < step->channels; c++, in += plane, out += plane)
        if (step->kind == EBJR_LAYER_ADD)
            kernels->add(out, in, block + step->inputs[1] + c * plane, step->low, step->high,
                         length);
        else
            kernels->scale(out, in, step->weight ? step->weight[c] : 1,
                           step->bias ? step->bias[c] : 0, step->low, step->high, length);
    zero_halo(&step->out, step->channels, block + step->place);
}

void ebjr_step_run(const struct ebjr_step *step, const struct ebjr_kernels *kernels, float *block,
                   size_t stride, size_t samples)
{
    if (step->kind == EBJR_LAYER_CONVOLUTION) {
        convolve(step, kernels, block, stride, samples);
        return;
    }
    if (step->kind == EBJR_LAYER_LINEAR) {
        multiply(step, kernels, block, stride, samples);
        return;
    }
    for (size_t s = 0; s < samples; s++, block += stride)
        switch (step->kind) {
        case EBJR_LAYER_SCALE:
        case EBJR_LAYER_CLAMP:
        case EBJR_LAYER_ADD: apply(step, kernels, block); break;
        case EBJR_LAYER_MAX_POOL:
        case EBJR_LAYER_AVERAGE_POOL: pool(step, kernels, block); break;
        case EBJR_LAYER_CONCATENATE: concatenate(step, block); break;
        case EBJR_LAYER_FLATTEN:
            pack(block + step->place, &step->in, step->in_channels, block + step->inputs[0]);
            break;
        default: break;
        }
}
