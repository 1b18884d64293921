#include "base/error.h"
#include "runtime/direct_plan.h"

#include <math.h>
#include <stdlib.h>

static bool is_pointwise(const struct ebjr_layer *layer)
{
    const struct ebjr_window *window = &layer->window;
    if (layer->kind != EBJR_LAYER_CONVOLUTION || layer->groups != 1)
        return false;
    for (int side = 0; side < 2; side++)
        if (window->kernel[side] != 1 || window->stride[side] != 1 || window->padding[side] != 0)
            return false;
    return true;
}

static bool is_unclamped(const struct ebjr_layer *layer)
{
    return layer->low == -INFINITY && layer->high == INFINITY;
}

/* Whether the sums of a convolution stand where its output is kept. */
static bool lands(const struct ebjr_graph *graph, const struct ebjr_layer *layer)
{
    struct ebjr_layout in, out;
    struct ebjr_gather gather;
    ebjr_layout_make(&in, &graph->layers[layer->inputs[0]].shape, graph);
    ebjr_layout_make(&out, &layer->shape, graph);
    ebjr_gather_make(&gather, layer, &in, &out);
    return gather.row == out.row;
}

static void fuse_scale(struct ebjr_fusion *fusion, const struct ebjr_graph *graph, size_t i,
                       const size_t *readers)
{
    const struct ebjr_layer *layer = &graph->layers[i];
    if (!is_pointwise(layer))
        return;
    size_t before = layer->inputs[0];
    if (graph->layers[before].kind == EBJR_LAYER_SCALE && readers[before] == 1) {
        fusion->scale[i] = before;
        fusion->absent[before] = true;
    }
}

static void fuse_sum(struct ebjr_fusion *fusion, const struct ebjr_graph *graph, size_t i,
                     const size_t *readers)
{
    const struct ebjr_layer *layer = &graph->layers[i];
    if (layer->kind != EBJR_LAYER_ADD || layer->inputs[0] == layer->inputs[1])
        return;
    size_t later = layer->inputs[layer->inputs[1] > layer->inputs[0]];
    const struct ebjr_layer *convolution = &graph->layers[later];
    if (convolution->kind == EBJR_LAYER_CONVOLUTION && readers[later] == 1 &&
        is_unclamped(convolution) && lands(graph, convolution)) {
        fusion->sum[later] = i;
        fusion->absent[i] = true;
    }
}

int ebjr_fusion_find(struct ebjr_fusion *out, const struct ebjr_graph *graph)
{
    size_t *readers = calloc(graph->count, sizeof *readers);
    *out = (struct ebjr_fusion){
        .scale = calloc(graph->count, sizeof *out->scale),
        .sum = calloc(graph->count, sizeof *out->sum),
        .absent = calloc(graph->count, sizeof *out->absent),
    };
    if (!readers || !out->scale || !out->sum || !out->absent) {
        free(readers);
        ebjr_fusion_clear(out);
        return ebjr_error_memory();
    }
    for (size_t i = 0; i < graph->count; i++) {
        out->scale[i] = out->sum[i] = EBJR_NONE;
        for (size_t j = 0; j < graph->layers[i].input_count; j++)
            readers[graph->layers[i].inputs[j]]++;
    }
    readers[graph->count - 1]++;
    for (size_t i = 1; i < graph->count; i++) {
        fuse_scale(out, graph, i, readers);
        fuse_sum(out, graph, i, readers);
    }
    free(readers);
    return 0;
}

void ebjr_fusion_clear(struct ebjr_fusion *fusion)
{
    free(fusion->scale);
    free(fusion->sum);
    free(fusion->absent);
    *fusion = (struct ebjr_fusion){0};
}
