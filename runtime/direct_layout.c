#include "runtime/direct_plan.h"

#include <stdlib.h>

/* Wider padding than this is copied in: halos cost the arithmetic of the pixels they displace. */
enum { MOST_HALO = 3 };

static size_t round_up(size_t size, size_t to)
{
    return (size + to - 1) / to * to;
}

/* Whether it is a convolution whose output has the height and width of its input. */
static bool keeps_size(const struct ebjr_layer *layer)
{
    const struct ebjr_window *window = &layer->window;
    if (layer->kind != EBJR_LAYER_CONVOLUTION)
        return false;
    for (int side = 0; side < 2; side++)
        if (window->stride[side] != 1 || window->padding[side] > MOST_HALO ||
            2 * window->padding[side] != (window->kernel[side] - 1) * window->dilation[side])
            return false;
    return true;
}

size_t ebjr_plane_spread(size_t plane)
{
    enum { PAGE = 4096 / sizeof(float), VECTOR = 16 };
    if (plane < VECTOR)
        return plane;
    plane = round_up(plane, VECTOR);
    return plane % PAGE == 0 ? plane + VECTOR : plane;
}

void ebjr_layout_make(struct ebjr_layout *out, const struct ebjr_shape *shape,
                      const struct ebjr_graph *graph)
{
    *out = (struct ebjr_layout){.height = shape->height, .width = shape->width};
    bool is_vector = shape->height == 1 && shape->width == 1; /* its features stand together */
    for (size_t i = 1; i < graph->count && !is_vector; i++) {
        const struct ebjr_layer *layer = &graph->layers[i];
        if (!keeps_size(layer) || layer->shape.height != shape->height ||
            layer->shape.width != shape->width)
            continue;
        const size_t *padding = layer->window.padding;
        if (out->halo_height < padding[0])
            out->halo_height = padding[0];
        if (out->halo_width < padding[1])
            out->halo_width = padding[1];
    }
    out->row = out->width + out->halo_width;
    out->plane = ebjr_plane_spread(ebjr_size_multiply(out->height + out->halo_height, out->row) +
                                   out->halo_width);
    out->lead = round_up(out->halo_height * out->row + out->halo_width, 16);
}

bool ebjr_layout_suits(const struct ebjr_layout *layout, const struct ebjr_layer *layer)
{
    return keeps_size(layer) && layer->window.padding[0] <= layout->halo_height &&
           layer->window.padding[1] <= layout->halo_width;
}

/* Rows of a phase are as long as its taps reach, or as the output's rows are apart: then the sums
 * stand where they are kept. */
void ebjr_gather_make(struct ebjr_gather *out, const struct ebjr_layer *layer,
                      const struct ebjr_layout *in, const struct ebjr_layout *result)
{
    const struct ebjr_window *window = &layer->window;
    *out = (struct ebjr_gather){.needed = !ebjr_layout_suits(in, layer), .row = in->row};
    if (!out->needed)
        return;
    size_t reach[2];
    for (int side = 0; side < 2; side++)
        reach[side] = (window->kernel[side] - 1) * window->dilation[side] / window->stride[side];
    out->rows = result->height + reach[0];
    out->row = result->width + reach[1];
    if (out->row < result->row)
        out->row = result->row;
    out->phase = ebjr_plane_spread(ebjr_size_multiply(out->rows, out->row));
    out->plane =
        ebjr_size_multiply(ebjr_size_multiply(window->stride[0], window->stride[1]), out->phase);
}
