/* direct.h, inside: from a graph to steps (direct_step.h), and where each value stands. */
#ifndef EBJR_RUNTIME_DIRECT_PLAN_H
#define EBJR_RUNTIME_DIRECT_PLAN_H

#include "runtime/direct_step.h"

/* Several values in one piece of memory, alive from step `first` to `last`. */
struct ebjr_region {
    size_t floats, first, last, place;
};

/* What is known of a layer's output before it has a place. */
struct ebjr_value {
    struct ebjr_layout layout;
    size_t channels;
    size_t region, channel; /* the region that it stands in, after so many channels */
    bool is_placed;
};

struct ebjr_plan_memory {
    struct ebjr_value *values; /* a layer's output each */
    struct ebjr_region *regions;
    size_t region_count, floats; /* of all regions together, as they overlap in time */
};

struct ebjr_direct_plan {
    struct ebjr_step *steps;
    size_t step_count;
    struct ebjr_layout input;
    size_t input_channels, input_place;
    size_t output_place, classes, output_plane;
    size_t floats;       /* of one sample's block */
    size_t weight_bytes; /* of all steps */
};

/* The graph is one that ebjr_graph_check accepts. Errors: EBJR_ENOMEM. */
int ebjr_direct_plan_make(struct ebjr_direct_plan *out, const struct ebjr_graph *graph);
void ebjr_direct_plan_clear(struct ebjr_direct_plan *plan);

/*
 * Which layers another one does along with its own work. A scale in front of a 1x1 convolution is
 * applied as that reads; a sum is begun with by the later of the two convolutions it adds.
 */
struct ebjr_fusion {
    size_t *scale; /* of a convolution: the layer that scales its input, or EBJR_NONE */
    size_t *sum;   /* of a convolution: the sum that it ends in, or EBJR_NONE */
    bool *absent;  /* layers without a step and a value of their own */
};

#define EBJR_NONE ((size_t)-1)

int ebjr_fusion_find(struct ebjr_fusion *out, const struct ebjr_graph *graph);
void ebjr_fusion_clear(struct ebjr_fusion *fusion);

/* a * b, or a size that ebjr_memory_add refuses. */
size_t ebjr_size_multiply(size_t a, size_t b);

/* Floats from plane to plane that hold `plane`: whole vectors, and no multiple of 4096 bytes, which
 * would put them all into the same few lines of a cache. */
size_t ebjr_plane_spread(size_t plane);

/* A value of this shape in this graph; whether `layer`, a convolution, reads one as it stands. */
void ebjr_layout_make(struct ebjr_layout *out, const struct ebjr_shape *shape,
                      const struct ebjr_graph *graph);
bool ebjr_layout_suits(const struct ebjr_layout *layout, const struct ebjr_layer *layer);

/* How the input of `layer` is copied where it is needed, and how far apart the sum's rows are. */
void ebjr_gather_make(struct ebjr_gather *out, const struct ebjr_layer *layer,
                      const struct ebjr_layout *in, const struct ebjr_layout *result);

/* A step's weights from those of its layer. Errors: EBJR_ENOMEM. */
int ebjr_pack_convolution(struct ebjr_step *step, const struct ebjr_layer *layer);
int ebjr_pack_linear(struct ebjr_step *step, const struct ebjr_layer *layer);
int ebjr_pack_scale(float **weight, float **bias, const struct ebjr_layer *layer);

/* Whether this convolution is less work by Winograd's filtering; its weights, of so many pairs of
 * an output and an input; and regions for its parts and their sums. */
bool ebjr_winograd_pays(const struct ebjr_step *step, const struct ebjr_layer *layer);
void ebjr_winograd_weights(float *parts, const float *weight, size_t pairs, size_t taps);
int ebjr_winograd_work(struct ebjr_step *step, struct ebjr_plan_memory *memory, size_t index,
                       size_t *parts, size_t *sums);

/* Regions for the values, and concatenations in the regions of their parts. Places come with
 * ebjr_memory_assign, when what steps work in has regions as well. */
int ebjr_memory_make(struct ebjr_plan_memory *out, const struct ebjr_graph *graph,
                     const struct ebjr_fusion *fusion);
/* A region for `count` times `each` floats during step `step`. Errors: EBJR_ENOMEM, where no memory
 * is so large as well. */
int ebjr_memory_add(size_t *region, struct ebjr_plan_memory *memory, size_t count, size_t each,
                    size_t step);
int ebjr_memory_assign(struct ebjr_plan_memory *memory);
size_t ebjr_memory_place(const struct ebjr_plan_memory *memory, size_t value);
void ebjr_memory_clear(struct ebjr_plan_memory *memory);

struct ebjr_direct;

/* ebjr_direct_compile with kernels that this CPU can execute. */
int ebjr_direct_compile_for(struct ebjr_direct **out, const struct ebjr_graph *graph, size_t batch,
                            size_t threads, const struct ebjr_kernels *kernels);

#endif
