#include "base/error.h"
#include "runtime/direct_plan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* 256 GiB, more than a network's values take anywhere; sums and products of a few such do not
 * overflow. */
static const size_t most_floats = (size_t)1 << (sizeof(size_t) > 4 ? 36 : 24);

size_t ebjr_size_multiply(size_t a, size_t b)
{
    size_t product;
    bool overflows = __builtin_mul_overflow(a, b, &product);
    return overflows || product > most_floats ? most_floats : product;
}

int ebjr_memory_add(size_t *region, struct ebjr_plan_memory *memory, size_t count, size_t each,
                    size_t step)
{
    size_t floats = ebjr_size_multiply(count, each), regions = memory->region_count;
    if (floats == most_floats)
        return ebjr_error_memory();
    if ((regions & (regions - 1)) == 0) {
        size_t more = regions ? 2 * regions : 1;
        struct ebjr_region *larger = realloc(memory->regions, more * sizeof *larger);
        if (!larger)
            return ebjr_error_memory();
        memory->regions = larger;
    }
    /* whole cache lines, and what kernels read behind the end */
    floats = (floats + EBJR_KERNEL_OVERRUN + 15) / 16 * 16;
    memory->regions[regions] = (struct ebjr_region){.floats = floats, .first = step, .last = step};
    *region = memory->region_count++;
    return 0;
}

/* A region for a value of its own. */
static int settle(struct ebjr_plan_memory *memory, size_t index, size_t step)
{
    struct ebjr_value *value = &memory->values[index];
    size_t planes = ebjr_size_multiply(value->channels, value->layout.plane);
    int status = ebjr_memory_add(&value->region, memory, 1, value->layout.lead + planes, step);
    value->is_placed = !status;
    return status;
}

static bool stands_at(const struct ebjr_value *value, size_t region, size_t channel)
{
    return value->is_placed && value->region == region && value->channel == channel;
}

/* Whether the parts stand side by side already, as those of a longer concatenation. */
static bool is_joined(const struct ebjr_plan_memory *memory, const struct ebjr_layer *layer)
{
    const struct ebjr_value *first = &memory->values[layer->inputs[0]];
    size_t channel = first->channel;
    for (size_t i = 0; i < layer->input_count; i++) {
        const struct ebjr_value *part = &memory->values[layer->inputs[i]];
        if (!stands_at(part, first->region, channel))
            return false;
        channel += part->channels;
    }
    return true;
}

static int join(struct ebjr_plan_memory *memory, const struct ebjr_layer *layer, size_t index)
{
    struct ebjr_value *whole = &memory->values[index];
    if (!whole->is_placed && is_joined(memory, layer)) {
        const struct ebjr_value *first = &memory->values[layer->inputs[0]];
        whole->region = first->region;
        whole->channel = first->channel;
        whole->is_placed = true;
        return 0;
    }
    int status = whole->is_placed ? 0 : settle(memory, index, index);
    if (status)
        return status;
    size_t channel = whole->channel;
    for (size_t i = 0; i < layer->input_count; i++) {
        struct ebjr_value *part = &memory->values[layer->inputs[i]];
        if (!part->is_placed) {
            part->region = whole->region;
            part->channel = channel;
            part->is_placed = true;
        }
        channel += part->channels;
    }
    return 0;
}

static void touch(struct ebjr_plan_memory *memory, size_t value, size_t step)
{
    struct ebjr_region *region = &memory->regions[memory->values[value].region];
    if (step < region->first)
        region->first = step;
    if (step > region->last)
        region->last = step;
}

/* A layer writes its value, and reads those of its inputs; one that is absent leaves both to the
 * layer it is fused with. */
static void live(struct ebjr_plan_memory *memory, const struct ebjr_graph *graph,
                 const struct ebjr_fusion *fusion)
{
    for (size_t i = 0; i < graph->count; i++) {
        const struct ebjr_layer *layer = &graph->layers[i];
        if (fusion->sum[i] != EBJR_NONE)
            touch(memory, fusion->sum[i], i);
        else if (memory->values[i].is_placed)
            touch(memory, i, i);
        if (fusion->scale[i] != EBJR_NONE) {
            touch(memory, graph->layers[fusion->scale[i]].inputs[0], i);
            continue;
        }
        for (size_t j = 0; j < layer->input_count; j++)
            if (memory->values[layer->inputs[j]].is_placed)
                touch(memory, layer->inputs[j], i);
    }
    touch(memory, graph->count - 1, graph->count);
}

int ebjr_memory_make(struct ebjr_plan_memory *out, const struct ebjr_graph *graph,
                     const struct ebjr_fusion *fusion)
{
    *out = (struct ebjr_plan_memory){.values = calloc(graph->count, sizeof *out->values)};
    int status = out->values ? 0 : ebjr_error_memory();
    for (size_t i = 0; i < graph->count && !status; i++) {
        ebjr_layout_make(&out->values[i].layout, &graph->layers[i].shape, graph);
        out->values[i].channels = graph->layers[i].shape.channels;
    }
    for (size_t i = graph->count; i-- > 0 && !status;)
        if (graph->layers[i].kind == EBJR_LAYER_CONCATENATE)
            status = join(out, &graph->layers[i], i);
    for (size_t i = 0; i < graph->count && !status; i++) {
        bool is_sum = graph->layers[i].kind == EBJR_LAYER_ADD;
        bool has_value = fusion->sum[i] == EBJR_NONE && (is_sum || !fusion->absent[i]);
        if (has_value && !out->values[i].is_placed)
            status = settle(out, i, i);
    }
    if (status)
        ebjr_memory_clear(out);
    else
        live(out, graph, fusion);
    return status;
}

static int larger_first(const void *a, const void *b)
{
    const struct ebjr_region *const *left = a, *const *right = b;
    if ((*left)->floats != (*right)->floats)
        return (*left)->floats < (*right)->floats ? 1 : -1;
    return *left < *right ? -1 : *left > *right;
}

/* Into the lowest gap between those that live at the same time; `placed` is in order of place. */
static int fit(struct ebjr_region *region, struct ebjr_region **placed, size_t count)
{
    size_t place = 0, end;
    for (size_t i = 0; i < count; i++) {
        const struct ebjr_region *other = placed[i];
        bool together = other->first <= region->last && region->first <= other->last;
        if (together && other->place < place + region->floats &&
            place < other->place + other->floats)
            place = other->place + other->floats;
    }
    if (__builtin_add_overflow(place, region->floats, &end) || end > most_floats)
        return ebjr_error_memory();
    region->place = place;
    size_t at = count;
    for (; at > 0 && placed[at - 1]->place > place; at--)
        placed[at] = placed[at - 1];
    placed[at] = region;
    return 0;
}

int ebjr_memory_assign(struct ebjr_plan_memory *memory)
{
    size_t count = memory->region_count;
    struct ebjr_region **order = calloc(count, sizeof *order);
    struct ebjr_region **placed = calloc(count, sizeof *placed);
    int status = order && placed ? 0 : ebjr_error_memory();
    for (size_t i = 0; i < count && !status; i++)
        order[i] = &memory->regions[i];
    if (!status)
        qsort(order, count, sizeof *order, larger_first);
    for (size_t i = 0; i < count && !status; i++) {
        status = fit(order[i], placed, i);
        if (!status && memory->floats < order[i]->place + order[i]->floats)
            memory->floats = order[i]->place + order[i]->floats;
    }
    free(order);
    free(placed);
    return status;
}

size_t ebjr_memory_place(const struct ebjr_plan_memory *memory, size_t index)
{
    const struct ebjr_value *value = &memory->values[index];
    return memory->regions[value->region].place + value->layout.lead +
           value->channel * value->layout.plane;
}

void ebjr_memory_clear(struct ebjr_plan_memory *memory)
{
    free(memory->values);
    free(memory->regions);
    *memory = (struct ebjr_plan_memory){0};
}
