/*
 * The kernels for one instruction set. The file that includes this says LANES, floats in a vector;
 * VECTORS, vectors of pixels in a tile, so that the tile's sums fit the registers; KERNELS, the
 * table; NAME, the instruction set; LARGER and SMALLER, of two vectors, the second where either is
 * NaN, where that is one instruction. Vectors are GNU C's, which gcc and clang put into any CPU's
 * instructions.
 */
#include "runtime/kernels.h"

#include <math.h>
#include <string.h>

typedef float vector __attribute__((vector_size(4 * LANES)));
typedef float loose_vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

enum { TILE = EBJR_KERNEL_TILE, PIXELS = VECTORS * LANES };

_Static_assert(PIXELS <= (int)EBJR_KERNEL_OVERRUN, "kernels read further than the callers know");

INLINE vector load(const float *from)
{
    return *(const loose_vector *)from;
}

INLINE void store(float *to, vector value)
{
    *(loose_vector *)to = value;
}

/* The first `count` floats, or all. */
INLINE void store_some(float *to, vector value, size_t count)
{
    float whole[LANES];
    if (count >= LANES) {
        store(to, value);
        return;
    }
    store(whole, value);
    size_t done = 0;
    UNROLL for (size_t some = LANES / 2; some > 0; some /= 2)
    {
        if (count & some) {
            memcpy(to + done, whole + done, some * sizeof *to);
            done += some;
        }
    }
}

#ifndef LARGER
typedef int mask __attribute__((vector_size(4 * LANES)));

INLINE vector choose(mask condition, vector yes, vector no)
{
    return (vector)((condition & (mask)yes) | (~condition & (mask)no));
}

#define LARGER(a, b) choose((a) > (b), (a), (b))
#define SMALLER(a, b) choose((a) < (b), (a), (b))
#endif

/* NaN stays NaN, as the second of two. */
INLINE vector clamp(vector x, float low, float high)
{
    vector lows = low - (vector){0}, highs = high - (vector){0};
    return SMALLER(highs, LARGER(lows, x));
}

INLINE float clamp_one(float x, float low, float high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

/* One tile of outputs by one run of pixels. */
struct tile {
    const struct ebjr_plane_sum *task;
    const float *weight, *bias;
    const float *in;
    size_t in_stride;
    const ptrdiff_t *offset;
    float *out;
    size_t out_stride;
    const float *addend;
};

/* `outputs` x `vectors` sums in registers; both are constants where this is called. */
INLINE void sum_tile(const struct tile *tile, size_t outputs, size_t vectors)
{
    const struct ebjr_plane_sum *task = tile->task;
    const float *weight = tile->weight, *in = tile->in;
    size_t inputs = task->inputs, taps = task->taps, in_stride = tile->in_stride;
    const ptrdiff_t *offset = tile->offset;
    vector sums[TILE][VECTORS];
    UNROLL for (size_t o = 0; o < outputs; o++) UNROLL for (size_t v = 0; v < vectors; v++)
        sums[o][v] = tile->bias[o] - (vector){0};
    for (size_t i = 0; i < inputs; i++, in += in_stride)
        for (size_t t = 0; t < taps; t++, weight += outputs) {
            vector pixels[VECTORS];
            UNROLL for (size_t v = 0; v < vectors; v++) pixels[v] =
                load(in + offset[t] + v * LANES);
            UNROLL for (size_t o = 0; o < outputs; o++) UNROLL for (size_t v = 0; v < vectors; v++)
                sums[o][v] += pixels[v] * weight[o];
        }
    if (tile->addend)
        UNROLL for (size_t o = 0; o < outputs; o++) UNROLL for (size_t v = 0; v < vectors; v++)
            sums[o][v] += load(tile->addend + o * task->out_stride + v * LANES);
    UNROLL for (size_t o = 0; o < outputs; o++) UNROLL for (size_t v = 0; v < vectors; v++) store(
        tile->out + o * tile->out_stride + v * LANES, clamp(sums[o][v], task->low, task->high));
}

#define SUM_TILE(outputs, vectors) \
    static void sum_tile_##outputs##_##vectors(const struct tile *tile) \
    { \
        sum_tile(tile, outputs, vectors); \
    }
#define SUM_TILES(vectors) \
    SUM_TILE(1, vectors) \
    SUM_TILE(2, vectors) \
    SUM_TILE(3, vectors) SUM_TILE(4, vectors) SUM_TILE(5, vectors) SUM_TILE(6, vectors)
#define SUM_TILE_NAMES(vectors) \
    { \
        sum_tile_1_##vectors, sum_tile_2_##vectors, sum_tile_3_##vectors, sum_tile_4_##vectors, \
            sum_tile_5_##vectors, sum_tile_6_##vectors \
    }

SUM_TILES(1)
SUM_TILES(2)
#if VECTORS == 4
SUM_TILES(3)
SUM_TILES(4)
#endif

static void (*const sum_tiles[VECTORS][TILE])(const struct tile *) = {
    SUM_TILE_NAMES(1),
    SUM_TILE_NAMES(2),
#if VECTORS == 4
    SUM_TILE_NAMES(3),
    SUM_TILE_NAMES(4),
#endif
};

/* The pixels [at, at + PIXELS) of all inputs, scaled, one behind the other. */
static void fill_panel(const struct ebjr_plane_sum *task, size_t at, size_t vectors)
{
    for (size_t i = 0; i < task->inputs; i++) {
        const float *from = task->in + i * task->in_stride + at;
        for (size_t v = 0; v < vectors; v++)
            store(task->panel + i * PIXELS + v * LANES,
                  clamp(load(from + v * LANES) * task->scale[i] + task->shift[i], task->scale_low,
                        task->scale_high));
    }
}

/* A run that ends inside a vector goes through memory of its own: what stands behind it in `out`
 * is not ours. */
static void sum_run(struct tile *tile, size_t outputs, size_t pixels)
{
    size_t vectors = (pixels + LANES - 1) / LANES;
    float whole[TILE * PIXELS], *out = tile->out;
    if (vectors * LANES == pixels) {
        tile->out_stride = tile->task->out_stride;
        sum_tiles[vectors - 1][outputs - 1](tile);
        return;
    }
    tile->out = whole;
    tile->out_stride = PIXELS;
    sum_tiles[vectors - 1][outputs - 1](tile);
    for (size_t o = 0; o < outputs; o++)
        memcpy(out + o * tile->task->out_stride, whole + o * PIXELS, pixels * sizeof *whole);
}

static void plane_sum(const struct ebjr_plane_sum *task, size_t first, size_t last)
{
    static const ptrdiff_t no_offset = 0;
    struct tile tile = {.task = task, .in_stride = task->in_stride, .offset = task->offset};
    if (task->scale) {
        tile.in_stride = PIXELS;
        tile.offset = &no_offset;
    }
    for (size_t at = 0; at < task->length; at += PIXELS) {
        size_t pixels = task->length - at < PIXELS ? task->length - at : PIXELS;
        tile.in = task->scale ? task->panel : task->in + at;
        if (task->scale)
            fill_panel(task, at, (pixels + LANES - 1) / LANES);
        for (size_t t = first; t < last; t++) {
            size_t o = ebjr_tile_first(task->outputs, t);
            tile.weight = task->weight + o * task->inputs * task->taps;
            tile.bias = task->bias + o;
            tile.out = task->out + o * task->out_stride + at;
            tile.addend = task->addend ? task->addend + o * task->out_stride + at : NULL;
            sum_run(&tile, ebjr_tile_first(task->outputs, t + 1) - o, pixels);
        }
    }
}

#include "runtime/kernels_winograd_body.h"

enum { BLOCK = EBJR_KERNEL_COLUMNS, COLUMNS = VECTORS * LANES, ROWS = 6 };

/* `rows` samples by COLUMNS outputs. */
INLINE void product_tile(const struct ebjr_product *task, size_t rows, const float *in,
                         const float *weight, const float *bias, float *out, size_t columns)
{
    vector sums[ROWS][VECTORS];
    UNROLL for (size_t r = 0; r < rows; r++) UNROLL for (size_t v = 0; v < VECTORS; v++)
        sums[r][v] = load(bias + v * LANES);
    for (size_t i = 0; i < task->inputs; i++, weight += BLOCK) {
        vector weights[VECTORS];
        UNROLL for (size_t v = 0; v < VECTORS; v++) weights[v] = load(weight + v * LANES);
        UNROLL for (size_t r = 0; r < rows; r++) UNROLL for (size_t v = 0; v < VECTORS; v++)
            sums[r][v] += weights[v] * in[r * task->in_stride + i];
    }
    for (size_t r = 0; r < rows; r++) {
        float whole[COLUMNS];
        UNROLL for (size_t v = 0; v < VECTORS; v++)
            store(whole + v * LANES, clamp(sums[r][v], task->low, task->high));
        memcpy(out + r * task->out_stride, whole, columns * sizeof *whole);
    }
}

static void product(const struct ebjr_product *task)
{
    for (size_t o = 0; o < task->outputs; o += COLUMNS) {
        size_t columns = task->outputs - o < COLUMNS ? task->outputs - o : COLUMNS;
        const float *weight = task->weight + o / BLOCK * BLOCK * task->inputs + o % BLOCK;
        const float *in = task->in;
        float *out = task->out + o;
        size_t left = task->samples;
        for (; left >= ROWS;
             left -= ROWS, in += ROWS * task->in_stride, out += ROWS * task->out_stride)
            product_tile(task, ROWS, in, weight, task->bias + o, out, columns);
        for (; left > 0; left--, in += task->in_stride, out += task->out_stride)
            product_tile(task, 1, in, weight, task->bias + o, out, columns);
    }
}

static void scale(float *restrict out, const float *in, float factor, float shift, float low,
                  float high, size_t length)
{
    size_t x = 0;
    for (; x + LANES <= length; x += LANES)
        store(out + x, clamp(load(in + x) * factor + shift, low, high));
    for (; x < length; x++)
        out[x] = clamp_one(in[x] * factor + shift, low, high);
}

static void add(float *out, const float *in, const float *other, float low, float high,
                size_t length)
{
    size_t x = 0;
    for (; x + LANES <= length; x += LANES)
        store(out + x, clamp(load(in + x) + load(other + x), low, high));
    for (; x < length; x++)
        out[x] = clamp_one(in[x] + other[x], low, high);
}

#include "runtime/kernels_pool_body.h"

const struct ebjr_kernels KERNELS = {
    .name = NAME,
    .plane_sum = plane_sum,
    .product = product,
    .winograd_split = winograd_split,
    .winograd_join = winograd_join,
    .plane_pool = plane_pool,
    .scale = scale,
    .add = add,
};
