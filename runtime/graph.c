#include "runtime/graph.h"

#include "base/error.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void ebjr_layer_clear(struct ebjr_layer *layer)
{
    free(layer->inputs);
    free(layer->weight);
    free(layer->bias);
    *layer = (struct ebjr_layer){0};
}

void ebjr_graph_clear(struct ebjr_graph *graph)
{
    for (size_t i = 0; i < graph->count; i++)
        ebjr_layer_clear(&graph->layers[i]);
    free(graph->layers);
    *graph = (struct ebjr_graph){0};
}

const char *ebjr_layer_name(enum ebjr_layer_kind kind)
{
    static const char *const names[] = {
        [EBJR_LAYER_INPUT] = "input",
        [EBJR_LAYER_CONVOLUTION] = "convolution",
        [EBJR_LAYER_LINEAR] = "linear",
        [EBJR_LAYER_SCALE] = "scale",
        [EBJR_LAYER_CLAMP] = "clamp",
        [EBJR_LAYER_ADD] = "add",
        [EBJR_LAYER_CONCATENATE] = "concatenate",
        [EBJR_LAYER_MAX_POOL] = "max pool",
        [EBJR_LAYER_AVERAGE_POOL] = "average pool",
        [EBJR_LAYER_FLATTEN] = "flatten",
    };
    size_t count = sizeof names / sizeof *names;
    return (size_t)kind < count ? names[kind] : "unknown";
}

static bool same_shape(const struct ebjr_shape *a, const struct ebjr_shape *b)
{
    return a->channels == b->channels && a->height == b->height && a->width == b->width;
}

static bool multiply(size_t *out, size_t a, size_t b)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* No network that runs anywhere has a value of this many floats; below it, sums of a few sizes in
 * bytes do not overflow. */
static const size_t most_floats = SIZE_MAX / 1024;

static bool is_storable(const struct ebjr_shape *shape)
{
    size_t size;
    return shape->channels > 0 && shape->height > 0 && shape->width > 0 &&
           multiply(&size, shape->channels, shape->height) && multiply(&size, size, shape->width) &&
           size <= most_floats;
}

/* Positions of a window along one side: (size + 2 padding - ((kernel - 1) dilation + 1)) / stride
 * + 1, rounded down. False where there is none. */
static bool positions(size_t *out, size_t size, const struct ebjr_window *window, int side,
                      bool is_pool)
{
    size_t reach, padded;
    size_t kernel = window->kernel[side], padding = window->padding[side];
    if (kernel == 0 || window->stride[side] == 0 || window->dilation[side] == 0 ||
        !multiply(&reach, kernel - 1, window->dilation[side]) || reach >= most_floats ||
        padding > most_floats || (is_pool && padding > (reach + 1) / 2))
        return false;
    padded = size + 2 * padding;
    if (padded <= reach)
        return false;
    *out = (padded - reach - 1) / window->stride[side] + 1;
    return true;
}

static bool slide(struct ebjr_shape *out, const struct ebjr_shape *in,
                  const struct ebjr_window *window, bool is_pool)
{
    return positions(&out->height, in->height, window, 0, is_pool) &&
           positions(&out->width, in->width, window, 1, is_pool);
}

static int refuse(const struct ebjr_layer *layer, size_t index, const char *why)
{
    return ebjr_error_set(EBJR_EINVAL, "layer %zu (%s): %s", index, ebjr_layer_name(layer->kind),
                          why);
}

static int check_convolution(struct ebjr_shape *out, const struct ebjr_layer *layer, size_t index,
                             const struct ebjr_shape *in)
{
    size_t weights, groups = layer->groups;
    if (groups == 0 || in->channels % groups != 0 || out->channels % groups != 0)
        return refuse(layer, index, "its groups do not divide the channels");
    if (!slide(out, in, &layer->window, false))
        return refuse(layer, index, "its window does not fit its input");
    if (!multiply(&weights, out->channels, in->channels / groups) ||
        !multiply(&weights, weights, layer->window.kernel[0]) ||
        !multiply(&weights, weights, layer->window.kernel[1]) || weights > most_floats)
        return refuse(layer, index, "its weights are more than memory can hold");
    return 0;
}

static int check_linear(struct ebjr_shape *out, const struct ebjr_layer *layer, size_t index,
                        const struct ebjr_shape *in)
{
    size_t weights;
    out->height = out->width = 1;
    if (!multiply(&weights, out->channels, in->channels * in->height * in->width) ||
        weights > most_floats)
        return refuse(layer, index, "its weights are more than memory can hold");
    return 0;
}

static int check_concatenate(struct ebjr_shape *out, const struct ebjr_graph *graph,
                             const struct ebjr_layer *layer, size_t index)
{
    size_t channels = 0;
    for (size_t i = 0; i < layer->input_count; i++) {
        const struct ebjr_shape *in = &graph->layers[layer->inputs[i]].shape;
        if (in->height != out->height || in->width != out->width)
            return refuse(layer, index, "its inputs differ in height or width");
        if (__builtin_add_overflow(channels, in->channels, &channels))
            return refuse(layer, index, "its channels are more than memory can hold");
    }
    out->channels = channels;
    return 0;
}

static bool has_weights(enum ebjr_layer_kind kind)
{
    return kind == EBJR_LAYER_CONVOLUTION || kind == EBJR_LAYER_LINEAR || kind == EBJR_LAYER_SCALE;
}

static bool has_clamp(enum ebjr_layer_kind kind)
{
    return has_weights(kind) || kind == EBJR_LAYER_CLAMP || kind == EBJR_LAYER_ADD;
}

static int check_inputs(const struct ebjr_layer *layer, size_t index)
{
    size_t count = layer->input_count;
    if ((layer->kind == EBJR_LAYER_INPUT) != (index == 0))
        return refuse(layer, index, "layer 0, and only it, is the input");
    for (size_t i = 0; i < count; i++)
        if (layer->inputs[i] >= index)
            return refuse(layer, index, "it reads a layer that is not before it");
    bool right = layer->kind == EBJR_LAYER_INPUT         ? count == 0
                 : layer->kind == EBJR_LAYER_ADD         ? count == 2
                 : layer->kind == EBJR_LAYER_CONCATENATE ? count > 0
                                                         : count == 1;
    if (!right)
        return refuse(layer, index, "wrong number of inputs");
    if (has_weights(layer->kind) && (!layer->weight || !layer->bias))
        return refuse(layer, index, "its weights or bias are missing");
    if (has_clamp(layer->kind) && !(layer->low <= layer->high))
        return refuse(layer, index, "its clamp has no value between low and high");
    return 0;
}

/* The shape of layer `index` from those of its inputs; a convolution's and a linear layer's
 * channels are its own, an input's shape as well. */
static int infer(struct ebjr_shape *out, const struct ebjr_graph *graph,
                 const struct ebjr_layer *layer, size_t index)
{
    int status = check_inputs(layer, index);
    if (status)
        return status;
    const struct ebjr_shape *in =
        layer->kind == EBJR_LAYER_INPUT ? &layer->shape : &graph->layers[layer->inputs[0]].shape;
    *out = *in;
    switch (layer->kind) {
    case EBJR_LAYER_INPUT:
    case EBJR_LAYER_SCALE:
    case EBJR_LAYER_CLAMP: break;
    case EBJR_LAYER_CONVOLUTION:
        out->channels = layer->shape.channels;
        status = check_convolution(out, layer, index, in);
        break;
    case EBJR_LAYER_LINEAR:
        out->channels = layer->shape.channels;
        status = check_linear(out, layer, index, in);
        break;
    case EBJR_LAYER_ADD:
        if (!same_shape(in, &graph->layers[layer->inputs[1]].shape))
            status = refuse(layer, index, "its inputs differ in shape");
        break;
    case EBJR_LAYER_CONCATENATE: status = check_concatenate(out, graph, layer, index); break;
    case EBJR_LAYER_MAX_POOL:
    case EBJR_LAYER_AVERAGE_POOL:
        if (!slide(out, in, &layer->window, true))
            status = refuse(layer, index, "its window does not fit its input");
        break;
    case EBJR_LAYER_FLATTEN:
        *out = (struct ebjr_shape){in->channels * in->height * in->width, 1, 1};
        break;
    default: status = refuse(layer, index, "there is no such kind of layer");
    }
    if (!status && !is_storable(out))
        status = refuse(layer, index, "its output is empty, or more than memory can hold");
    return status;
}

/* Doubles the array where the count is a power of two. */
static int grow(struct ebjr_graph *graph)
{
    size_t count = graph->count;
    if (count & (count - 1))
        return 0;
    size_t bytes;
    struct ebjr_layer *layers = NULL;
    if (multiply(&bytes, count ? 2 * count : 1, sizeof *layers))
        layers = realloc(graph->layers, bytes);
    if (!layers)
        return ebjr_error_memory();
    graph->layers = layers;
    return 0;
}

int ebjr_graph_append(struct ebjr_graph *graph, struct ebjr_layer *layer)
{
    struct ebjr_shape shape;
    int status = infer(&shape, graph, layer, graph->count);
    if (!status)
        status = grow(graph);
    if (status) {
        ebjr_layer_clear(layer);
        return status;
    }
    layer->shape = shape;
    graph->layers[graph->count++] = *layer;
    *layer = (struct ebjr_layer){0};
    return 0;
}

int ebjr_graph_check(const struct ebjr_graph *graph)
{
    if (graph->count < 2)
        return ebjr_error_set(EBJR_EINVAL, "a graph of %zu layers computes nothing", graph->count);
    for (size_t i = 0; i < graph->count; i++) {
        struct ebjr_shape shape;
        int status = infer(&shape, graph, &graph->layers[i], i);
        if (status)
            return status;
        if (!same_shape(&shape, &graph->layers[i].shape))
            return refuse(&graph->layers[i], i, "its shape is not what its inputs make it");
    }
    const struct ebjr_layer *last = &graph->layers[graph->count - 1];
    if (last->shape.height != 1 || last->shape.width != 1)
        return refuse(last, graph->count - 1, "the last layer's output is no vector of classes");
    return 0;
}
