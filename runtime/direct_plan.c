#include "runtime/direct_plan.h"

#include "base/error.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What is at hand while steps are made. */
struct making {
    const struct ebjr_graph *graph;
    struct ebjr_fusion fusion;
    struct ebjr_plan_memory memory;
    struct ebjr_direct_plan *plan;
};

/* Regions of step i that are places only when all regions are known. */
enum { GATHER, STAGE, PANEL, PARTS, SUMS, WORK_REGIONS };
typedef size_t work_regions[WORK_REGIONS];

static void set_offsets(struct ebjr_step *step)
{
    const struct ebjr_window *window = &step->window;
    const struct ebjr_gather *gather = &step->gather;
    for (size_t t = 0; t < step->taps; t++) {
        size_t y = t / window->kernel[1] * window->dilation[0];
        size_t x = t % window->kernel[1] * window->dilation[1];
        if (!gather->needed) {
            ptrdiff_t rows = step->is_winograd ? 0 : (ptrdiff_t)y - (ptrdiff_t)window->padding[0];
            step->offset[t] =
                rows * (ptrdiff_t)gather->row + (ptrdiff_t)x - (ptrdiff_t)window->padding[1];
            continue;
        }
        size_t phase = y % window->stride[0] * window->stride[1] + x % window->stride[1];
        step->offset[t] = (ptrdiff_t)(phase * gather->phase + y / window->stride[0] * gather->row +
                                      x / window->stride[1]);
        gather->reads[phase] = true;
    }
}

/* What a convolution works in. */
static int make_work(struct making *making, struct ebjr_step *step, size_t index, work_regions work)
{
    const struct ebjr_layer *layer = &making->graph->layers[index];
    struct ebjr_plan_memory *memory = &making->memory;
    int status = 0;
    ebjr_gather_make(&step->gather, layer, &step->in, &step->out);
    step->is_winograd = making->fusion.scale[index] == EBJR_NONE && ebjr_winograd_pays(step, layer);
    if (step->is_winograd)
        return ebjr_winograd_work(step, memory, index, &work[PARTS], &work[SUMS]);
    if (step->gather.needed)
        status =
            ebjr_memory_add(&work[GATHER], memory, step->in_channels, step->gather.plane, index);
    step->is_staged = step->gather.row != step->out.row;
    if (!status && step->is_staged) {
        step->stage_plane = (ebjr_size_multiply(step->out.height, step->gather.row) + 15) / 16 * 16;
        status = ebjr_memory_add(&work[STAGE], memory, step->channels, step->stage_plane, index);
    }
    return status;
}

static int make_convolution(struct making *making, struct ebjr_step *step, size_t index,
                            work_regions work)
{
    const struct ebjr_layer *layer = &making->graph->layers[index];
    const size_t *kernel = layer->window.kernel, *stride = layer->window.stride;
    int status = make_work(making, step, index, work);
    if (status)
        return status;
    step->groups = layer->groups;
    step->taps = (step->is_winograd ? 1 : kernel[0]) * kernel[1];
    step->offset = calloc(step->taps, sizeof *step->offset);
    if (step->gather.needed)
        step->gather.reads = calloc(stride[0] * stride[1], sizeof *step->gather.reads);
    if (!step->offset || (step->gather.needed && !step->gather.reads))
        return ebjr_error_memory();
    set_offsets(step);
    return ebjr_pack_convolution(step, layer);
}

static int make_scale(struct making *making, struct ebjr_step *step, const struct ebjr_layer *scale,
                      size_t index, work_regions work)
{
    int status = ebjr_pack_scale(&step->scale, &step->shift, scale);
    if (status)
        return status;
    step->scale_low = scale->low;
    step->scale_high = scale->high;
    return ebjr_memory_add(&work[PANEL], &making->memory, step->in_channels, EBJR_KERNEL_OVERRUN,
                           index);
}

static int make_linear(struct making *making, struct ebjr_step *step, size_t index,
                       work_regions work)
{
    const struct ebjr_layer *layer = &making->graph->layers[index];
    step->kind = EBJR_LAYER_LINEAR;
    step->features = step->in_channels * step->in.height * step->in.width;
    step->is_packed = step->in.plane != 1;
    int status = ebjr_pack_linear(step, layer);
    if (!status && step->is_packed)
        status = ebjr_memory_add(&work[STAGE], &making->memory, step->features, 1, index);
    return status;
}

/* A window that is the whole input, once. The outputs are then features, one behind the other. */
static bool is_product(const struct making *making, const struct ebjr_step *step, size_t index)
{
    const struct ebjr_layer *layer = &making->graph->layers[index];
    const struct ebjr_window *window = &layer->window;
    return layer->kind == EBJR_LAYER_LINEAR ||
           (layer->groups == 1 && step->out.plane == 1 && window->kernel[0] == step->in.height &&
            window->kernel[1] == step->in.width && window->padding[0] == 0 &&
            window->padding[1] == 0 && making->fusion.scale[index] == EBJR_NONE &&
            making->fusion.sum[index] == EBJR_NONE);
}

static int make_weights(struct making *making, struct ebjr_step *step, size_t index,
                        work_regions work)
{
    const struct ebjr_layer *layer = &making->graph->layers[index];
    switch (layer->kind) {
    case EBJR_LAYER_LINEAR:
    case EBJR_LAYER_CONVOLUTION:
        if (is_product(making, step, index))
            return make_linear(making, step, index, work);
        int status = make_convolution(making, step, index, work);
        size_t scale = making->fusion.scale[index];
        if (!status && scale != EBJR_NONE)
            status = make_scale(making, step, &making->graph->layers[scale], index, work);
        return status;
    case EBJR_LAYER_SCALE: return ebjr_pack_scale(&step->weight, &step->bias, layer);
    case EBJR_LAYER_MAX_POOL:
    case EBJR_LAYER_AVERAGE_POOL:
        return ebjr_memory_add(&work[STAGE], &making->memory, step->in.width, 1, index);
    default: return 0;
    }
}

/* The values that step `index` reads; at most one more than the layer's own inputs. */
static size_t inputs_of(const struct making *making, size_t index, size_t *inputs)
{
    const struct ebjr_layer *layer = &making->graph->layers[index];
    size_t scale = making->fusion.scale[index], sum = making->fusion.sum[index];
    size_t count = layer->input_count;
    memcpy(inputs, layer->inputs, count * sizeof *inputs);
    if (scale != EBJR_NONE)
        inputs[0] = making->graph->layers[scale].inputs[0];
    if (sum != EBJR_NONE) {
        const size_t *both = making->graph->layers[sum].inputs;
        inputs[count++] = both[both[0] == index];
    }
    return count;
}

static int make_step(struct making *making, struct ebjr_step *step, size_t index, work_regions work)
{
    const struct ebjr_layer *layer = &making->graph->layers[index];
    const struct ebjr_value *values = making->memory.values;
    size_t sum = making->fusion.sum[index];
    const struct ebjr_layer *last = sum == EBJR_NONE ? layer : &making->graph->layers[sum];
    step->kind = layer->kind;
    step->window = layer->window;
    step->counts_padding = layer->counts_padding;
    step->low = last->low;
    step->high = last->high;
    step->adds = sum != EBJR_NONE;
    step->inputs = calloc(layer->input_count + 1, sizeof *step->inputs);
    step->widths = calloc(layer->input_count + 1, sizeof *step->widths);
    if (!step->inputs || !step->widths)
        return ebjr_error_memory();
    step->input_count = inputs_of(making, index, step->inputs);
    for (size_t i = 0; i < step->input_count; i++)
        step->widths[i] = values[step->inputs[i]].channels;
    step->in = values[step->inputs[0]].layout;
    step->in_channels = values[step->inputs[0]].channels;
    step->out = values[index].layout;
    step->channels = values[index].channels;
    return make_weights(making, step, index, work);
}

static size_t place_of(const struct making *making, size_t region)
{
    return region == EBJR_NONE ? 0 : making->memory.regions[region].place;
}

/* From values and regions to places. */
static void set_places(const struct making *making, struct ebjr_step *step, size_t index,
                       const work_regions work)
{
    size_t sum = making->fusion.sum[index];
    step->place = ebjr_memory_place(&making->memory, sum == EBJR_NONE ? index : sum);
    for (size_t i = 0; i < step->input_count; i++)
        step->inputs[i] = ebjr_memory_place(&making->memory, step->inputs[i]);
    step->gather.place = place_of(making, work[GATHER]);
    step->stage = place_of(making, work[STAGE]);
    step->panel = place_of(making, work[PANEL]);
    step->parts = place_of(making, work[PARTS]);
    step->sums = place_of(making, work[SUMS]);
}

/* A concatenation whose parts stand in it already. */
static bool does_nothing(const struct ebjr_step *step)
{
    size_t place = step->place;
    if (step->kind != EBJR_LAYER_CONCATENATE)
        return false;
    for (size_t i = 0; i < step->input_count; i++) {
        if (step->inputs[i] != place)
            return false;
        place += step->widths[i] * step->out.plane;
    }
    return true;
}

static int make_steps(struct making *making, work_regions *work)
{
    struct ebjr_direct_plan *plan = making->plan;
    size_t count = making->graph->count;
    int status = 0;
    for (size_t i = 1; i < count && !status; i++) {
        for (size_t w = 0; w < WORK_REGIONS; w++)
            work[i][w] = EBJR_NONE;
        if (!making->fusion.absent[i])
            status = make_step(making, &plan->steps[i], i, work[i]);
    }
    if (!status)
        status = ebjr_memory_assign(&making->memory);
    plan->step_count = count;
    if (status)
        return status;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct ebjr_step *step = &plan->steps[i];
        plan->weight_bytes += step->weight_bytes;
        if (i > 0 && !making->fusion.absent[i])
            set_places(making, step, i, work[i]);
        if (i == 0 || making->fusion.absent[i] || does_nothing(step))
            ebjr_step_clear(step);
        else
            plan->steps[kept++] = *step;
    }
    plan->step_count = kept;
    return 0;
}

static void set_ends(const struct making *making)
{
    struct ebjr_direct_plan *plan = making->plan;
    size_t last = making->graph->count - 1;
    const struct ebjr_value *in = &making->memory.values[0], *out = &making->memory.values[last];
    plan->input = in->layout;
    plan->input_channels = in->channels;
    plan->input_place = ebjr_memory_place(&making->memory, 0);
    plan->output_place = ebjr_memory_place(&making->memory, last);
    plan->classes = out->channels;
    plan->output_plane = out->layout.plane;
    plan->floats = making->memory.floats;
}

int ebjr_direct_plan_make(struct ebjr_direct_plan *out, const struct ebjr_graph *graph)
{
    *out = (struct ebjr_direct_plan){.steps = calloc(graph->count, sizeof *out->steps)};
    struct making making = {.graph = graph, .plan = out};
    work_regions *work = calloc(graph->count, sizeof *work);
    int status = work && out->steps ? 0 : ebjr_error_memory();
    if (!status)
        status = ebjr_fusion_find(&making.fusion, graph);
    if (!status)
        status = ebjr_memory_make(&making.memory, graph, &making.fusion);
    if (!status)
        status = make_steps(&making, work);
    if (!status)
        set_ends(&making);
    free(work);
    ebjr_memory_clear(&making.memory);
    ebjr_fusion_clear(&making.fusion);
    if (status)
        ebjr_direct_plan_clear(out);
    return status;
}

void ebjr_direct_plan_clear(struct ebjr_direct_plan *plan)
{
    for (size_t i = 0; plan->steps && i < plan->step_count; i++)
        ebjr_step_clear(&plan->steps[i]);
    free(plan->steps);
    *plan = (struct ebjr_direct_plan){0};
}
