/* A part of kernels_body.h: the two transforms of Winograd's filtering, as kernels.h has them. */

enum { ROWS_TOGETHER = EBJR_WINOGRAD_ROWS, PARTS = EBJR_WINOGRAD_PARTS };

/* B' d */
INLINE void split_vectors(vector parts[PARTS], const vector d[PARTS])
{
    vector even = d[4] - 4 * d[2], odd = d[3] - 4 * d[1];
    vector outer = d[4] - d[2], inner = 2 * (d[3] - d[1]);
    parts[0] = 4 * d[0] - 5 * d[2] + d[4];
    parts[1] = even + odd;
    parts[2] = even - odd;
    parts[3] = outer + inner;
    parts[4] = outer - inner;
    parts[5] = 4 * d[1] - 5 * d[3] + d[5];
}

/* A' m */
INLINE void join_vectors(vector rows[ROWS_TOGETHER], const vector m[PARTS])
{
    vector sum = m[1] + m[2], difference = m[1] - m[2];
    vector far_sum = m[3] + m[4], far_difference = m[3] - m[4];
    rows[0] = m[0] + sum + far_sum;
    rows[1] = difference + 2 * far_difference;
    rows[2] = sum + 4 * far_sum;
    rows[3] = difference + 8 * far_difference + m[5];
}

/* A vector that ends behind its row runs into what is written after it: the margin, the next row,
 * the next plane. */
static void winograd_split(const struct ebjr_winograd_split *task)
{
    size_t width = task->row - task->margin;
    for (size_t first = 0; first < task->height; first += ROWS_TOGETHER) {
        const float *rows[PARTS]; /* from the one above the first to the one below the last */
        for (size_t j = 0; j < PARTS; j++) {
            size_t below = first + j < task->height + 1 ? first + j : task->height + 1;
            rows[j] = task->in + below * task->row - task->row;
        }
        float *to = task->parts + first / ROWS_TOGETHER * task->row;
        for (size_t x = 0; x < width; x += LANES) {
            vector in[PARTS], parts[PARTS];
            UNROLL for (size_t j = 0; j < PARTS; j++) in[j] = load(rows[j] + x);
            split_vectors(parts, in);
            UNROLL for (size_t j = 0; j < PARTS; j++)
                store(to + j * task->part_stride + x, parts[j]);
        }
        for (size_t j = 0; j < PARTS; j++)
            for (size_t x = 0; x < task->margin; x++) {
                float *row = to + j * task->part_stride;
                row[width + x] = 0;
                if (first == 0)
                    row[(ptrdiff_t)x - (ptrdiff_t)task->margin] = 0;
            }
    }
}

static void winograd_join(const struct ebjr_winograd_join *task)
{
    for (size_t y = 0; y < task->height; y += ROWS_TOGETHER) {
        const float *from = task->parts + y / ROWS_TOGETHER * task->row;
        for (size_t x = 0; x < task->width; x += LANES) {
            vector parts[PARTS], rows[ROWS_TOGETHER];
            UNROLL for (size_t j = 0; j < PARTS; j++) parts[j] =
                load(from + j * task->part_stride + x);
            join_vectors(rows, parts);
            UNROLL for (size_t r = 0; r < ROWS_TOGETHER; r++)
            {
                size_t at = (y + r) * task->row + x;
                if (y + r >= task->height)
                    break;
                vector value = rows[r] + task->bias;
                if (task->addend)
                    value += load(task->addend + at);
                store_some(task->out + at, clamp(value, task->low, task->high), task->width - x);
            }
        }
    }
}
