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

/* NaN stays NaN. */
INLINE float larger_of(float a, float b)
{
    return a >= b || a != a ? a : b;
}

/* out[x] += in[stride * x], or the larger of the two. Vectors where the stride is a
 * constant. */
INLINE void gather_row(float *restrict out, const float *restrict in, size_t stride, size_t length,
                       bool is_max)
{
    if (is_max)
        for (size_t x = 0; x < length; x++)
            out[x] = larger_of(out[x], in[stride * x]);
    else
        for (size_t x = 0; x < length; x++)
            out[x] += in[stride * x];
}

INLINE void fill(float *out, float value, size_t length)
{
    for (size_t x = 0; x < length; x++)
        out[x] = value;
}

/* The columns of the windows of output row y, each one number; how many rows were in them. */
INLINE size_t pool_columns(const struct ebjr_plane_pool *task, size_t y, bool is_max)
{
    size_t found = 0;
    fill(task->columns, is_max ? -INFINITY : 0, task->in_width);
    for (size_t k = 0; k < task->kernel[0]; k++) {
        size_t padded = y * task->stride[0] + k * task->dilation[0];
        if (padded < task->padding[0] || padded - task->padding[0] >= task->in_height)
            continue;
        gather_row(task->columns, task->in + (padded - task->padding[0]) * task->in_row, 1,
                   task->in_width, is_max);
        found++;
    }
    return found;
}

/* Sums of windows of which `rows` rows were inside. */
INLINE void divide(const struct ebjr_plane_pool *task, float *sums, size_t rows)
{
    for (size_t x = 0; x < task->out_width && task->divisor != 0; x++)
        sums[x] /= task->divisor;
    for (size_t x = 0; x < task->out_width && task->divisor == 0; x++) {
        size_t columns = 0;
        for (size_t k = 0; k < task->kernel[1]; k++) {
            size_t padded = x * task->stride[1] + k * task->dilation[1];
            columns += padded >= task->padding[1] && padded - task->padding[1] < task->in_width;
        }
        sums[x] /= (float)(columns * rows);
    }
}

/* Columns first, so that most of the work is on whole rows. */
INLINE void pool_plane(const struct ebjr_plane_pool *task, size_t stride, bool is_max)
{
    for (size_t y = 0; y < task->out_height; y++) {
        size_t rows = pool_columns(task, y, is_max);
        float *out = task->out + y * task->out_row;
        fill(out, is_max ? -INFINITY : 0, task->out_width);
        for (size_t k = 0; k < task->kernel[1]; k++) {
            size_t first, last, shift = k * task->dilation[1];
            ebjr_clip(&first, &last, task->out_width, stride, shift, task->padding[1],
                      task->in_width);
            if (first < last)
                gather_row(out + first, task->columns + first * stride + shift - task->padding[1],
                           stride, last - first, is_max);
        }
        if (!is_max)
            divide(task, out, rows);
    }
}

/* Windows of 2x2 side by side, the commonest of all. */
INLINE void pool_quarters(const struct ebjr_plane_pool *task, bool is_max)
{
    for (size_t y = 0; y < task->out_height; y++) {
        const float *above = task->in + 2 * y * task->in_row, *below = above + task->in_row;
        float *restrict out = task->out + y * task->out_row;
        for (size_t x = 0; x < task->out_width; x++) {
            float a = above[2 * x], b = above[2 * x + 1], c = below[2 * x], d = below[2 * x + 1];
            float left = is_max ? larger_of(a, c) : a + c;
            float right = is_max ? larger_of(b, d) : b + d;
            out[x] = is_max ? larger_of(left, right) : (left + right) * 0.25f;
        }
    }
}

static bool is_quarters(const struct ebjr_plane_pool *task)
{
    for (int side = 0; side < 2; side++)
        if (task->kernel[side] != 2 || task->stride[side] != 2 || task->padding[side] != 0 ||
            task->dilation[side] != 1)
            return false;
    return true;
}

static void plane_pool(const struct ebjr_plane_pool *task)
{
    if (is_quarters(task)) {
        if (task->is_max)
            pool_quarters(task, true);
        else
            pool_quarters(task, false);
        return;
    }
    if (task->stride[1] == 1)
        pool_plane(task, 1, task->is_max);
    else if (task->stride[1] == 2)
        pool_plane(task, 2, task->is_max);
    else
        pool_plane(task, task->stride[1], task->is_max);
}

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
