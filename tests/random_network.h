/* Random networks of every kind of layer, with what makes memory plans hard: values read twice,
 * concatenations of concatenations, sums of distant layers. */
#ifndef EBJR_TESTS_RANDOM_NETWORK_H
#define EBJR_TESTS_RANDOM_NETWORK_H

#include "networks.h"

static inline void set_random_clamp(struct ebjr_layer *layer, uint64_t *seed)
{
    static const float lows[] = {-INFINITY, 0, 0, -0.5f, -INFINITY, 0.1f};
    static const float highs[] = {INFINITY, INFINITY, 6, 0.5f, 0.4f, 0.9f};
    size_t which = random_below(seed, COUNT(lows));
    layer->low = lows[which];
    layer->high = highs[which];
}

static inline size_t below(uint64_t *seed, size_t bound)
{
    return random_below(seed, bound);
}

/* One that fits its input; a pool's padding is at most half the window. */
static inline struct ebjr_window random_window(const struct ebjr_shape *in, bool is_pool,
                                               uint64_t *seed)
{
    size_t sides[2] = {in->height, in->width};
    struct ebjr_window window;
    for (int side = 0; side < 2; side++) {
        size_t kernel, dilation, padding;
        do {
            kernel = 1 + below(seed, below(seed, 8) ? 4 : 8);
            dilation = 1 + (below(seed, 4) == 0 ? below(seed, 3) : 0);
            padding = below(seed, is_pool ? ((kernel - 1) * dilation + 1) / 2 + 1 : 5);
        } while (sides[side] + 2 * padding < (kernel - 1) * dilation + 1);
        window.kernel[side] = kernel;
        window.dilation[side] = dilation;
        window.padding[side] = padding;
        window.stride[side] = 1 + (below(seed, 3) == 0 ? below(seed, 3) : 0);
    }
    if (below(seed, 3) == 0 && !is_pool) /* the usual kind */
        for (int side = 0; side < 2; side++) {
            window.kernel[side] = 2 * below(seed, 3) + 1;
            window.padding[side] = window.kernel[side] / 2;
            window.dilation[side] = window.stride[side] = 1;
        }
    return window;
}

static inline void append_random_convolution(struct ebjr_graph *graph, size_t from, uint64_t *seed)
{
    const struct ebjr_shape *in = &graph->layers[from].shape;
    size_t groups = 1, channels = 1 + below(seed, 15);
    if (below(seed, 3) == 0) {
        groups = below(seed, 2) ? in->channels : 1 + below(seed, 4);
        while (in->channels % groups != 0)
            groups--;
        channels = groups * (1 + below(seed, 3));
    }
    struct ebjr_window window = random_window(in, false, seed);
    struct ebjr_layer layer = new_convolution(graph, from, channels, groups, &window, seed);
    if (below(seed, 2))
        set_random_clamp(&layer, seed);
    append(graph, layer);
}

/* Two layers of the same height and width, and of as many channels where `same`; SIZE_MAX: none. */
static inline size_t find_partner(const struct ebjr_graph *graph, size_t from, bool same,
                                  uint64_t *seed)
{
    const struct ebjr_shape *shape = &graph->layers[from].shape;
    for (size_t tries = 0; tries < 20; tries++) {
        size_t other = below(seed, graph->count);
        const struct ebjr_shape *candidate = &graph->layers[other].shape;
        if (candidate->height == shape->height && candidate->width == shape->width &&
            (!same || candidate->channels == shape->channels) && candidate->channels < 60)
            return other;
    }
    return SIZE_MAX;
}

static inline void append_random_layer(struct ebjr_graph *graph, uint64_t *seed)
{
    size_t from = below(seed, 3) ? graph->count - 1 : below(seed, graph->count);
    const struct ebjr_shape *in = &graph->layers[from].shape;
    struct ebjr_layer layer;
    size_t other;
    switch (below(seed, 10)) {
    case 0:
        layer = new_scale(graph, from, seed);
        set_random_clamp(&layer, seed);
        break;
    case 1:
        layer = new_layer(EBJR_LAYER_CLAMP, from, SIZE_MAX);
        set_random_clamp(&layer, seed);
        break;
    case 2:
        other = find_partner(graph, from, true, seed);
        if (other == SIZE_MAX)
            return;
        layer = new_layer(EBJR_LAYER_ADD, from, other);
        set_random_clamp(&layer, seed);
        break;
    case 3:
    case 4:
        other = find_partner(graph, from, false, seed);
        if (other == SIZE_MAX || in->channels > 60)
            return;
        layer = new_layer(EBJR_LAYER_CONCATENATE, from, other);
        break;
    case 5:
        layer = new_layer(below(seed, 2) ? EBJR_LAYER_MAX_POOL : EBJR_LAYER_AVERAGE_POOL, from,
                          SIZE_MAX);
        layer.window = random_window(in, true, seed);
        layer.window.dilation[0] = layer.window.dilation[1] = 1;
        for (int side = 0; side < 2; side++)
            if (layer.window.padding[side] > layer.window.kernel[side] / 2)
                layer.window.padding[side] = layer.window.kernel[side] / 2;
        layer.counts_padding = below(seed, 2);
        break;
    default: append_random_convolution(graph, from, seed); return;
    }
    assert_true(ebjr_graph_append(graph, &layer) == 0 || layer.inputs == NULL);
}

static inline void append_head(struct ebjr_graph *graph, uint64_t *seed)
{
    size_t last = graph->count - 1;
    const struct ebjr_shape *in = &graph->layers[last].shape;
    size_t classes = 2 + below(seed, 70);
    if (below(seed, 4) == 0) { /* a convolution as wide as its input */
        struct ebjr_window window = {{in->height, in->width}, {1, 1}, {0, 0}, {1, 1}};
        append(graph, new_convolution(graph, last, classes, 1, &window, seed));
        return;
    }
    if (below(seed, 2)) {
        struct ebjr_layer pool = new_layer(EBJR_LAYER_AVERAGE_POOL, last, SIZE_MAX);
        pool.window.kernel[0] = in->height;
        pool.window.kernel[1] = in->width;
        last = append(graph, pool);
    }
    if (below(seed, 2))
        last = append(graph, new_layer(EBJR_LAYER_FLATTEN, last, SIZE_MAX));
    struct ebjr_layer hidden = new_linear(graph, last, 1 + below(seed, 100), seed);
    hidden.low = 0;
    last = append(graph, hidden);
    append(graph, new_linear(graph, last, classes, seed));
}

static inline void make_random(struct ebjr_graph *graph, uint64_t *seed)
{
    static const size_t sides[] = {1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 32};
    size_t height = sides[below(seed, COUNT(sides))];
    size_t width = below(seed, 2) ? height : sides[below(seed, COUNT(sides))];
    start_graph(graph, 1 + below(seed, 4), height, width);
    for (size_t layers = 1 + below(seed, 12); layers > 0; layers--)
        append_random_layer(graph, seed);
    append_head(graph, seed);
}

static inline double largest(const double *values, size_t count)
{
    double most = 1;
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i])) /* the largest of a window that is all padding is not */
            most = fmax(most, fabs(values[i]));
    return most;
}

#endif
