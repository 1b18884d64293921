/*
 * direct.h, inside: a network as steps over one block of memory a sample.
 *
 * A value is planes, one a channel, in rows. Rows are apart by the width and `halo_width` zeros,
 * which pad the end of one row and the start of the next; below the rows of a plane stand
 * `halo_height` rows of zeros, which pad it below and the next plane above. Values of one height
 * and width all stand like this, so that a concatenation is its parts side by side, and a padded
 * convolution needs no copy of its input (kernels.h).
 */
#ifndef EBJR_RUNTIME_DIRECT_STEP_H
#define EBJR_RUNTIME_DIRECT_STEP_H

#include "runtime/graph.h"
#include "runtime/kernels.h"

struct ebjr_layout {
    size_t height, width, halo_height, halo_width;
    size_t row, plane; /* floats from one row, one channel, to the next */
    size_t lead;       /* floats before the first row of the first channel */
};

/*
 * A convolution's input, copied so that its taps are steps in memory: padded, and for a stride of s
 * cut into s x s phases, pixels (y s + a, x s + b) for each a, b < s. A tap at distance q from a
 * window's corner reads phase q mod s, shifted by q / s.
 */
struct ebjr_gather {
    bool needed;
    size_t place; /* in the block */
    size_t row, phase, plane, rows;
    bool *reads; /* [stride height * stride width]: whether any tap reads this phase */
};

struct ebjr_step {
    enum ebjr_layer_kind kind;
    struct ebjr_layout in, out;
    size_t in_channels, channels;
    size_t place;                         /* of the first pixel in the block, in floats */
    size_t *inputs, *widths, input_count; /* their places and channels */
    struct ebjr_window window;
    bool counts_padding;
    float low, high;

    /* Of a convolution or linear layer; of a scale the first two. */
    float *weight, *bias;
    size_t weight_bytes; /* of both */
    size_t groups, taps;
    ptrdiff_t *offset;
    struct ebjr_gather gather;
    bool is_winograd; /* then `weight` has EBJR_WINOGRAD_PARTS of all weights, and */
    size_t parts, parts_plane, sums, sums_plane; /* the places of input and output parts */
    bool adds;                                   /* inputs[1] to the sum */
    bool is_staged; /* rows come out further apart than they are kept: through `stage` */
    size_t stage, stage_plane;
    size_t panel; /* a place to work in, with `scale` */
    float *scale, *shift, scale_low, scale_high;
    size_t features; /* linear: floats of an input; where they are not together, they are put */
    bool is_packed;  /* into `stage` */
};

void ebjr_step_clear(struct ebjr_step *step);

/* For `samples` blocks, `stride` floats apart. */
void ebjr_step_run(const struct ebjr_step *step, const struct ebjr_kernels *kernels, float *block,
                   size_t stride, size_t samples);

/* A convolution by Winograd's filtering: split, sums, join. Without the zeros around the result. */
void ebjr_winograd_run(const struct ebjr_step *step, const struct ebjr_kernels *kernels,
                       float *block, size_t stride, size_t samples);

/* As many tiles of outputs at a time as have weights that stay in a second-level cache while all
 * samples are worked off. */
size_t ebjr_step_tiles_at_once(const struct ebjr_step *step);

/* Pixels [c][h][w] into a value, with zeros around them. */
void ebjr_layout_fill(const struct ebjr_layout *layout, size_t channels, float *value,
                      const float *pixels);

#endif
