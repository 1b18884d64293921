/* A part of kernels_body.h: windows of the largest and of averages. */

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
