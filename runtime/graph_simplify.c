/* Each pass makes layers superfluous by leading their readers past them; the last takes them out.
 */
#include "base/error.h"
#include "runtime/graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pass {
    struct ebjr_graph *graph;
    size_t *instead; /* the layer whose output stands for this one's */
    size_t *readers; /* of each layer's output, the network's caller counted */
};

static void count_readers(struct pass *pass)
{
    const struct ebjr_graph *graph = pass->graph;
    memset(pass->readers, 0, graph->count * sizeof *pass->readers);
    for (size_t i = 0; i < graph->count; i++)
        for (size_t j = 0; j < graph->layers[i].input_count; j++)
            pass->readers[graph->layers[i].inputs[j]]++;
    pass->readers[graph->count - 1]++;
}

/* Of a layer before the present one, whose own way is known. */
static size_t output_of(const struct pass *pass, size_t layer)
{
    while (pass->instead[layer] != layer)
        layer = pass->instead[layer];
    return layer;
}

/* min(max(min(max(x, l), h), low), high) is one clamp, to [l, h] itself clamped to [low, high]. */
static void clamp_further(struct ebjr_layer *layer, float low, float high)
{
    layer->low = fminf(fmaxf(layer->low, low), high);
    layer->high = fminf(fmaxf(layer->high, low), high);
}

/* s (w x + b) + t = (s w) x + (s b + t), in double, as the product of two floats is exact there. */
static void multiply_into(struct ebjr_layer *layer, const struct ebjr_layer *scale, size_t weights)
{
    for (size_t c = 0; c < layer->shape.channels; c++) {
        double factor = scale->weight[c];
        for (size_t i = 0; i < weights; i++)
            layer->weight[c * weights + i] = (float)(factor * layer->weight[c * weights + i]);
        layer->bias[c] = (float)(factor * layer->bias[c] + scale->bias[c]);
    }
    layer->low = scale->low;
    layer->high = scale->high;
}

static bool clamps(const struct ebjr_layer *layer)
{
    return layer->low != -INFINITY || layer->high != INFINITY;
}

/* Weights of one output channel; 0 for layers that have none. */
static size_t weights_each(const struct ebjr_graph *graph, const struct ebjr_layer *layer)
{
    if (layer->kind == EBJR_LAYER_SCALE)
        return 1;
    if (layer->kind != EBJR_LAYER_CONVOLUTION && layer->kind != EBJR_LAYER_LINEAR)
        return 0;
    const struct ebjr_shape *in = &graph->layers[layer->inputs[0]].shape;
    if (layer->kind == EBJR_LAYER_LINEAR)
        return in->channels * in->height * in->width;
    return in->channels / layer->groups * layer->window.kernel[0] * layer->window.kernel[1];
}

/* Whether `layer` could be given to the layer that it reads, and was. */
static bool merge(struct pass *pass, struct ebjr_layer *layer)
{
    if (layer->kind != EBJR_LAYER_SCALE && layer->kind != EBJR_LAYER_CLAMP)
        return false;
    struct ebjr_layer *before = &pass->graph->layers[layer->inputs[0]];
    if (pass->readers[layer->inputs[0]] != 1)
        return false;
    size_t weights = weights_each(pass->graph, before);
    if (layer->kind == EBJR_LAYER_SCALE && weights > 0 && !clamps(before)) {
        multiply_into(before, layer, weights);
        return true;
    }
    bool has_own =
        weights > 0 || before->kind == EBJR_LAYER_CLAMP || before->kind == EBJR_LAYER_ADD;
    if (layer->kind == EBJR_LAYER_CLAMP && has_own) {
        clamp_further(before, layer->low, layer->high);
        return true;
    }
    return false;
}

static bool is_identity(const struct pass *pass, const struct ebjr_layer *layer)
{
    const struct ebjr_layer *before = &pass->graph->layers[layer->inputs[0]];
    switch (layer->kind) {
    case EBJR_LAYER_CLAMP: return !clamps(layer);
    case EBJR_LAYER_CONCATENATE: return layer->input_count == 1;
    case EBJR_LAYER_FLATTEN: return before->shape.height == 1 && before->shape.width == 1;
    default: return false;
    }
}

/* What was given away is not done twice, wherever the pass stops. */
static void become_identity(struct ebjr_layer *layer)
{
    if (layer->kind != EBJR_LAYER_SCALE && layer->kind != EBJR_LAYER_CLAMP)
        return;
    free(layer->weight);
    free(layer->bias);
    layer->weight = layer->bias = NULL;
    layer->kind = EBJR_LAYER_CLAMP;
    layer->low = -INFINITY;
    layer->high = INFINITY;
}

/* Puts the inputs of concatenations that this one reads in their place. Those were done before and
 * read no concatenation themselves. */
static int widen(struct pass *pass, struct ebjr_layer *layer)
{
    size_t count = 0;
    const struct ebjr_layer *layers = pass->graph->layers;
    for (size_t i = 0; i < layer->input_count; i++) {
        const struct ebjr_layer *in = &layers[layer->inputs[i]];
        count += in->kind == EBJR_LAYER_CONCATENATE ? in->input_count : 1;
    }
    if (count == layer->input_count)
        return 0;
    size_t *inputs = calloc(count, sizeof *inputs), at = 0;
    if (!inputs)
        return ebjr_error_memory();
    for (size_t i = 0; i < layer->input_count; i++) {
        const struct ebjr_layer *in = &layers[layer->inputs[i]];
        bool nested = in->kind == EBJR_LAYER_CONCATENATE;
        size_t members = nested ? in->input_count : 1;
        memcpy(inputs + at, nested ? in->inputs : &layer->inputs[i], members * sizeof *inputs);
        at += members;
    }
    free(layer->inputs);
    layer->inputs = inputs;
    layer->input_count = count;
    return 0;
}

static int lead_past(struct pass *pass)
{
    struct ebjr_graph *graph = pass->graph;
    for (size_t i = 1; i < graph->count; i++) {
        struct ebjr_layer *layer = &graph->layers[i];
        for (size_t j = 0; j < layer->input_count; j++)
            layer->inputs[j] = output_of(pass, layer->inputs[j]);
        int status = layer->kind == EBJR_LAYER_CONCATENATE ? widen(pass, layer) : 0;
        if (status)
            return status;
        if (is_identity(pass, layer) || merge(pass, layer)) {
            become_identity(layer);
            pass->instead[i] = layer->inputs[0];
            pass->readers[layer->inputs[0]] += pass->readers[i] - 1;
        }
    }
    return 0;
}

/* Keeps the input and what the output stands on; `instead` becomes the new index. */
static void take_out(struct pass *pass)
{
    struct ebjr_graph *graph = pass->graph;
    size_t last = output_of(pass, graph->count - 1), kept = 0;
    memset(pass->readers, 0, graph->count * sizeof *pass->readers);
    pass->readers[0] = pass->readers[last] = 1;
    for (size_t i = last + 1; i-- > 0;)
        for (size_t j = 0; pass->readers[i] && j < graph->layers[i].input_count; j++)
            pass->readers[graph->layers[i].inputs[j]] = 1;
    for (size_t i = 0; i < graph->count; i++) {
        struct ebjr_layer *layer = &graph->layers[i];
        if (!pass->readers[i]) {
            ebjr_layer_clear(layer);
            continue;
        }
        for (size_t j = 0; j < layer->input_count; j++)
            layer->inputs[j] = pass->instead[layer->inputs[j]];
        pass->instead[i] = kept;
        graph->layers[kept++] = *layer;
    }
    graph->count = kept;
}

int ebjr_graph_simplify(struct ebjr_graph *graph)
{
    if (graph->count == 0)
        return 0;
    struct pass pass = {
        .graph = graph,
        .instead = calloc(graph->count, sizeof *pass.instead),
        .readers = calloc(graph->count, sizeof *pass.readers),
    };
    int status = pass.instead && pass.readers ? 0 : ebjr_error_memory();
    if (!status) {
        for (size_t i = 0; i < graph->count; i++)
            pass.instead[i] = i;
        count_readers(&pass);
        status = lead_past(&pass);
        if (!status)
            take_out(&pass);
    }
    free(pass.instead);
    free(pass.readers);
    return status;
}
