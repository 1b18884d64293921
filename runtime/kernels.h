/*
 * The inner loops of direct.h, once for each instruction set a CPU may have. All work on planes:
 * one channel's pixels in rows, whatever stands between the rows.
 */
#ifndef EBJR_RUNTIME_KERNELS_H
#define EBJR_RUNTIME_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/* Kernels read up to this many floats behind the last one they were asked for. */
enum { EBJR_KERNEL_OVERRUN = 64 };

/* Outputs that are computed together; the weights of each such tile stand together. */
enum { EBJR_KERNEL_TILE = 6 };

/*
 * out[o][p] = clamp(bias[o] + sum over i, t of weight[o][i][t] * in[i][p + offset[t]]
 *                   + addend[o][p])     for p in [0, length)
 *
 * A convolution of any window is this sum: where rows are far enough apart to hold the padding, a
 * tap of the window is one and the same step in memory for every pixel. Pixels fill the vectors, so
 * that any number of channels uses them fully, and a channel more is a plane more.
 *
 * With `scale`, in[i][p] is clamp(scale[i] * in[i][p] + shift[i]) and the only offset is 0.
 */
struct ebjr_plane_sum {
    float *out;
    const float *in, *addend; /* addend may be NULL; it has the strides of `out` */
    size_t in_stride, out_stride;
    size_t inputs, outputs, taps, length;
    const ptrdiff_t *offset;
    const float *weight; /* [tile][inputs][taps][outputs of the tile], see ebjr_tile_first */
    const float *bias;
    float low, high;
    const float *scale, *shift; /* NULL: none */
    float scale_low, scale_high;
    float *panel; /* inputs * EBJR_KERNEL_OVERRUN floats to work in, with `scale` */
};

/* `outputs` are cut into the fewest tiles, as evenly as can be: tile t is [first(t), first(t+1)).
 */
static inline size_t ebjr_tile_count(size_t outputs)
{
    return outputs / EBJR_KERNEL_TILE + (outputs % EBJR_KERNEL_TILE != 0);
}

static inline size_t ebjr_tile_first(size_t outputs, size_t tile)
{
    size_t tiles = ebjr_tile_count(outputs), rest = outputs % tiles;
    return tile * (outputs / tiles) + (tile < rest ? tile : rest);
}

/* Outputs of a matrix product that are computed together. */
enum { EBJR_KERNEL_COLUMNS = 64 };

/* out[s][o] = clamp(bias[o] + sum over i of weight[o][i] in[s][i]) */
struct ebjr_product {
    float *out;
    const float *in;
    size_t in_stride, out_stride; /* between samples */
    size_t samples, inputs, outputs;
    /* [block of EBJR_KERNEL_COLUMNS outputs][inputs][outputs of the block], 0 behind the last */
    const float *weight;
    const float *bias; /* 0 behind the last, as well */
    float low, high;
};

/*
 * Winograd's minimal filtering F(4, 3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2016, section 4.3) down the columns of an image: 4 rows of a convolution with 3 rows
 * of weights take 6 products instead of 12. With the rows d0 .. d5 of the input under them,
 *
 *   rows = A' (G weights . B' d),  . element by element
 *
 *        | 4  0 -5  0  1  0 |        |  1/4    0     0  |
 *        | 0 -4 -4  1  1  0 |        | -1/6  -1/6  -1/6 |        | 1  1  1  1  1  0 |
 *   B' = | 0  4 -4 -1  1  0 |   G =  | -1/6   1/6  -1/6 |   A' = | 0  1 -1  2 -2  0 |
 *        | 0 -2 -1  2  1  0 |        | 1/24  1/12   1/6 |        | 0  1  1  4  4  0 |
 *        | 0  2 -1 -2  1  0 |        | 1/24 -1/12   1/6 |        | 0  1 -1  8 -8  1 |
 *        | 0  4  0 -5  0  1 |        |   0     0     1  |
 *
 * Along the rows, and over the inputs, the products are sums over planes as ever: part j of a plane
 * is row j of B' d for every 4 rows.
 */
enum { EBJR_WINOGRAD_ROWS = 4, EBJR_WINOGRAD_PARTS = 6 };

/* Splits one plane, of rows `row` apart that have `margin` zeros between and before them and one
 * row of zeros above and below, into parts with rows as far apart and the same margin. Writes up to
 * EBJR_KERNEL_OVERRUN floats behind each part, before it writes the margin there. */
struct ebjr_winograd_split {
    const float *in;
    size_t height, row, margin;
    float *parts;
    size_t part_stride;
};

/* Joins parts of rows `row` apart to clamp(rows + bias + addend). */
struct ebjr_winograd_join {
    const float *parts;
    size_t part_stride, height, width, row;
    float *out;
    const float *addend; /* like out, or NULL */
    float bias, low, high;
};

/* One plane's windows, in rows: their largest pixel, or the sum of their pixels by `divisor`; by
 * how many they are, where that is 0. */
struct ebjr_plane_pool {
    float *out;
    const float *in;
    size_t in_height, in_width, in_row, out_height, out_width, out_row;
    size_t kernel[2], stride[2], padding[2], dilation[2];
    bool is_max;
    float divisor;
    float *columns; /* in_width floats to work in */
};

/* The positions x of [0, count) for which x * stride + shift - padding is in [0, size): from *first
 * up to *last. */
static inline void ebjr_clip(size_t *first, size_t *last, size_t count, size_t stride, size_t shift,
                             size_t padding, size_t size)
{
    *first = padding > shift ? (padding - shift + stride - 1) / stride : 0;
    *last = size + padding > shift ? (size + padding - shift - 1) / stride + 1 : 0;
    if (*last > count)
        *last = count;
    if (*first > *last)
        *first = *last;
}

struct ebjr_kernels {
    const char *name; /* of the instruction set */
    /* Tiles [first, last) of the outputs. */
    void (*plane_sum)(const struct ebjr_plane_sum *task, size_t first, size_t last);
    void (*product)(const struct ebjr_product *task);
    void (*winograd_split)(const struct ebjr_winograd_split *task);
    void (*winograd_join)(const struct ebjr_winograd_join *task);
    void (*plane_pool)(const struct ebjr_plane_pool *task);
    /* out = clamp(scale * in + shift) */
    void (*scale)(float *out, const float *in, float scale, float shift, float low, float high,
                  size_t length);
    /* out = clamp(in + other) */
    void (*add)(float *out, const float *in, const float *other, float low, float high,
                size_t length);
};

/* Of those that this CPU can execute the fastest, with rank 0; the next; NULL: no more. */
const struct ebjr_kernels *ebjr_kernels_find(size_t rank);

extern const struct ebjr_kernels ebjr_kernels_avx512, ebjr_kernels_avx2, ebjr_kernels_portable;

#endif
