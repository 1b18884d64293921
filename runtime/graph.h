/*
 * A network as a list of layers: what a backend hands over so that another one can execute it with
 * a memory plan and kernels of its own. Layers stand in order of execution; each reads outputs of
 * earlier ones. Shapes are of one sample; a vector of n features is n x 1 x 1.
 */
#ifndef EBJR_RUNTIME_GRAPH_H
#define EBJR_RUNTIME_GRAPH_H

#include "runtime/dataset.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ebjr_layer_kind {
    EBJR_LAYER_INPUT,       /* layer 0, and only it */
    EBJR_LAYER_CONVOLUTION, /* y = w * x + b, then the clamp */
    EBJR_LAYER_LINEAR, /* y = w x + b over all features of x in c, h, w order; then the clamp */
    EBJR_LAYER_SCALE,  /* y = w[c] x + b[c], then the clamp */
    EBJR_LAYER_CLAMP,  /* y = min(max(x, low), high) */
    EBJR_LAYER_ADD,    /* y = x0 + x1, then the clamp */
    EBJR_LAYER_CONCATENATE, /* along the channels */
    EBJR_LAYER_MAX_POOL,
    EBJR_LAYER_AVERAGE_POOL, /* padding counts as zeros where counts_padding */
    EBJR_LAYER_FLATTEN       /* c x h x w to (c h w) x 1 x 1 */
};

struct ebjr_window {
    size_t kernel[2], stride[2], padding[2], dilation[2]; /* height, width */
};

struct ebjr_layer {
    enum ebjr_layer_kind kind;
    size_t *inputs, input_count; /* indices of earlier layers; owned */
    struct ebjr_shape shape;     /* of the output */
    struct ebjr_window window;   /* convolution and pools */
    size_t groups;               /* convolution; divides both channel counts */
    bool counts_padding;         /* average pool */
    /*
     * convolution  weight[channels][input channels / groups][kernel][kernel], bias[channels]
     * linear       weight[channels][input features], bias[channels]
     * scale        weight[channels], bias[channels]
     * Owned; both always present for these three, NULL for the others.
     */
    float *weight, *bias;
    float low, high; /* of the clamp; -INFINITY, INFINITY: none. A ReLU is 0, INFINITY. */
};

struct ebjr_graph {
    struct ebjr_layer *layers; /* the last one's output is the network's: classes x 1 x 1 */
    size_t count;
};

/* "convolution"; "unknown" for what is none */
const char *ebjr_layer_name(enum ebjr_layer_kind kind);

/*
 * Appends a layer, which then belongs to the graph, and sets its shape from those of its inputs; an
 * input's shape, and a convolution's and linear layer's channels, are the caller's to set. Where it
 * fails, the layer is freed; *layer is empty in either case. A pool's padding is at most half its
 * window. Errors: EBJR_EINVAL shapes that do not fit together, no weights; EBJR_ENOMEM.
 */
int ebjr_graph_append(struct ebjr_graph *graph, struct ebjr_layer *layer);

/* Whether each layer is one that could have been appended, has the shape it would have been given,
 * and the last one's output is a vector. Errors: EBJR_EINVAL. */
int ebjr_graph_check(const struct ebjr_graph *graph);

/*
 * Fewer layers, the same function up to rounding: a scale behind a convolution or linear layer that
 * nothing else reads is multiplied into its weights; a clamp behind a layer that has one of its own
 * to give moves into it; a concatenation of concatenations is one; layers that nothing reads go.
 * Errors: EBJR_ENOMEM.
 */
int ebjr_graph_simplify(struct ebjr_graph *graph);

void ebjr_layer_clear(struct ebjr_layer *layer);
void ebjr_graph_clear(struct ebjr_graph *graph);

#ifdef __cplusplus
}
#endif
#endif
