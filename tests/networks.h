/* Graphs for tests: random layers and whole random networks, and what they compute, in double and
 * as the formulas of runtime/graph.h have it. */
#ifndef EBJR_TESTS_NETWORKS_H
#define EBJR_TESTS_NETWORKS_H

#include "support.h"

#include "runtime/graph.h"

#include <math.h>

static inline float random_float(uint64_t *seed)
{
    return (float)((double)random_bits(seed) / 9223372036854775808.0 - 1);
}

static inline float *random_floats(uint64_t *seed, size_t count, float scale, float shift)
{
    float *out = calloc(count, sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < count; i++)
        out[i] = shift + scale * random_float(seed);
    return out;
}

static inline size_t size_of(const struct ebjr_shape *shape)
{
    return shape->channels * shape->height * shape->width;
}

static inline struct ebjr_layer new_layer(enum ebjr_layer_kind kind, size_t first, size_t second)
{
    size_t count = kind == EBJR_LAYER_INPUT ? 0 : second == SIZE_MAX ? 1 : 2;
    struct ebjr_layer layer = {
        .kind = kind,
        .inputs = calloc(2, sizeof *layer.inputs),
        .input_count = count,
        .window = {{1, 1}, {1, 1}, {0, 0}, {1, 1}},
        .groups = 1,
        .low = -INFINITY,
        .high = INFINITY,
    };
    assert_non_null(layer.inputs);
    layer.inputs[0] = first;
    layer.inputs[1] = second;
    return layer;
}

static inline void start_graph(struct ebjr_graph *graph, size_t channels, size_t height,
                               size_t width)
{
    struct ebjr_layer layer = new_layer(EBJR_LAYER_INPUT, 0, 0);
    layer.shape = (struct ebjr_shape){channels, height, width};
    assert_done(ebjr_graph_append(graph, &layer));
}

static inline size_t append(struct ebjr_graph *graph, struct ebjr_layer layer)
{
    assert_done(ebjr_graph_append(graph, &layer));
    return graph->count - 1;
}

/* Weights that keep values of about the same size. */
static inline struct ebjr_layer new_convolution(const struct ebjr_graph *graph, size_t from,
                                                size_t channels, size_t groups,
                                                const struct ebjr_window *window, uint64_t *seed)
{
    struct ebjr_layer layer = new_layer(EBJR_LAYER_CONVOLUTION, from, SIZE_MAX);
    size_t inputs = graph->layers[from].shape.channels / groups;
    size_t sums = inputs * window->kernel[0] * window->kernel[1];
    layer.window = *window;
    layer.groups = groups;
    layer.shape.channels = channels;
    layer.weight = random_floats(seed, channels * sums, 1.7f / sqrtf((float)sums), 0);
    layer.bias = random_floats(seed, channels, 0.3f, 0);
    return layer;
}

static inline struct ebjr_layer new_linear(const struct ebjr_graph *graph, size_t from,
                                           size_t outputs, uint64_t *seed)
{
    struct ebjr_layer layer = new_layer(EBJR_LAYER_LINEAR, from, SIZE_MAX);
    size_t inputs = size_of(&graph->layers[from].shape);
    layer.shape.channels = outputs;
    layer.weight = random_floats(seed, outputs * inputs, 1.7f / sqrtf((float)inputs), 0);
    layer.bias = random_floats(seed, outputs, 0.3f, 0);
    return layer;
}

static inline struct ebjr_layer new_scale(const struct ebjr_graph *graph, size_t from,
                                          uint64_t *seed)
{
    struct ebjr_layer layer = new_layer(EBJR_LAYER_SCALE, from, SIZE_MAX);
    size_t channels = graph->layers[from].shape.channels;
    layer.weight = random_floats(seed, channels, 0.7f, 0.8f);
    layer.bias = random_floats(seed, channels, 0.4f, 0);
    return layer;
}

static inline double clamp_of(const struct ebjr_layer *layer, double x)
{
    return fmin(fmax(x, layer->low), layer->high);
}

/* The input pixel under tap (ky, kx) of the window at (y, x); false: it is padding. */
static inline bool tap(size_t *row, size_t *column, const struct ebjr_layer *layer,
                       const struct ebjr_shape *in, size_t y, size_t x, size_t ky, size_t kx)
{
    const struct ebjr_window *w = &layer->window;
    long at = (long)(y * w->stride[0] + ky * w->dilation[0]) - (long)w->padding[0];
    long left = (long)(x * w->stride[1] + kx * w->dilation[1]) - (long)w->padding[1];
    *row = (size_t)at;
    *column = (size_t)left;
    return at >= 0 && left >= 0 && at < (long)in->height && left < (long)in->width;
}

static inline double convolve_at(const struct ebjr_layer *layer, const struct ebjr_shape *in,
                                 const double *x, size_t c, size_t y, size_t column)
{
    size_t kh = layer->window.kernel[0], kw = layer->window.kernel[1], row, left;
    size_t inputs = in->channels / layer->groups;
    size_t group = c / (layer->shape.channels / layer->groups);
    double sum = layer->bias[c];
    for (size_t i = 0; i < inputs; i++)
        for (size_t ky = 0; ky < kh; ky++)
            for (size_t kx = 0; kx < kw; kx++)
                if (tap(&row, &left, layer, in, y, column, ky, kx))
                    sum += (double)layer->weight[((c * inputs + i) * kh + ky) * kw + kx] *
                           x[((group * inputs + i) * in->height + row) * in->width + left];
    return clamp_of(layer, sum);
}

static inline double pool_at(const struct ebjr_layer *layer, const struct ebjr_shape *in,
                             const double *x, size_t c, size_t y, size_t column)
{
    double sum = 0, most = -INFINITY;
    size_t found = 0, row, left;
    for (size_t ky = 0; ky < layer->window.kernel[0]; ky++)
        for (size_t kx = 0; kx < layer->window.kernel[1]; kx++)
            if (tap(&row, &left, layer, in, y, column, ky, kx)) {
                double value = x[(c * in->height + row) * in->width + left];
                sum += value;
                most = fmax(most, value);
                found++;
            }
    if (layer->kind == EBJR_LAYER_MAX_POOL)
        return most;
    size_t all = layer->window.kernel[0] * layer->window.kernel[1];
    return sum / (double)(layer->counts_padding ? all : found);
}

static inline double linear_at(const struct ebjr_layer *layer, const struct ebjr_shape *in,
                               const double *x, size_t o)
{
    double sum = layer->bias[o];
    for (size_t i = 0; i < size_of(in); i++)
        sum += (double)layer->weight[o * size_of(in) + i] * x[i];
    return clamp_of(layer, sum);
}

static inline void join_into(double *out, const struct ebjr_graph *graph,
                             const struct ebjr_layer *layer, double *const *values)
{
    for (size_t i = 0; i < layer->input_count; i++) {
        size_t size = size_of(&graph->layers[layer->inputs[i]].shape);
        memcpy(out, values[layer->inputs[i]], size * sizeof *out);
        out += size;
    }
}

static inline double *compute_layer(const struct ebjr_graph *graph, size_t index,
                                    double *const *values)
{
    const struct ebjr_layer *layer = &graph->layers[index];
    const struct ebjr_shape *in = &graph->layers[layer->inputs[0]].shape, *shape = &layer->shape;
    const double *x = values[layer->inputs[0]];
    double *out = calloc(size_of(shape), sizeof *out);
    assert_non_null(out);
    if (layer->kind == EBJR_LAYER_CONCATENATE) {
        join_into(out, graph, layer, values);
        return out;
    }
    for (size_t i = 0; i < size_of(shape); i++) {
        size_t c = i / (shape->height * shape->width);
        size_t row = i / shape->width % shape->height, column = i % shape->width;
        switch (layer->kind) {
        case EBJR_LAYER_CONVOLUTION: out[i] = convolve_at(layer, in, x, c, row, column); break;
        case EBJR_LAYER_LINEAR: out[i] = linear_at(layer, in, x, i); break;
        case EBJR_LAYER_SCALE:
            out[i] = clamp_of(layer, (double)layer->weight[c] * x[i] + layer->bias[c]);
            break;
        case EBJR_LAYER_CLAMP: out[i] = clamp_of(layer, x[i]); break;
        case EBJR_LAYER_ADD: out[i] = clamp_of(layer, x[i] + values[layer->inputs[1]][i]); break;
        case EBJR_LAYER_MAX_POOL:
        case EBJR_LAYER_AVERAGE_POOL: out[i] = pool_at(layer, in, x, c, row, column); break;
        case EBJR_LAYER_FLATTEN: out[i] = x[i]; break;
        default: fail();
        }
    }
    return out;
}

/* One sample's logits; the caller frees them. */
static inline double *compute_graph(const struct ebjr_graph *graph, const float *input)
{
    double **values = calloc(graph->count, sizeof *values);
    assert_non_null(values);
    size_t pixels = size_of(&graph->layers[0].shape);
    values[0] = calloc(pixels, sizeof **values);
    assert_non_null(values[0]);
    for (size_t i = 0; i < pixels; i++)
        values[0][i] = input[i];
    for (size_t i = 1; i < graph->count; i++)
        values[i] = compute_layer(graph, i, values);
    for (size_t i = 0; i + 1 < graph->count; i++)
        free(values[i]);
    double *out = values[graph->count - 1];
    free(values);
    return out;
}

#endif
