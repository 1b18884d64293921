/*
 * The loops of softmax.c for one set of instructions. Included once for each, with LANES doubles in
 * a vector, TARGET the function attribute, and KERNEL(name) naming the functions.
 *
 * Logits are taken in groups of GROUP, whatever LANES is, and logit k of a group is added to sum k
 * of GROUP: so the order of every addition, and with it every bit, is the same for all. Each step
 * is done for the whole group before the next, as independent operations hide each other's latency.
 */

enum { KERNEL(VECTORS) = GROUP / LANES };
typedef double KERNEL(lanes) __attribute__((vector_size(8 * LANES)));
typedef uint64_t KERNEL(bits) __attribute__((vector_size(8 * LANES)));
typedef float KERNEL(floats) __attribute__((vector_size(4 * LANES)));

#define LANES_T KERNEL(lanes)
#define BITS_T KERNEL(bits)
#define EACH _Pragma("GCC unroll 16") for (int g = 0; g < KERNEL(VECTORS); g++)

TARGET ALWAYS_INLINE void KERNEL(load)(LANES_T *x, const float *logits)
{
    EACH
    {
        KERNEL(floats) f;
        memcpy(&f, logits + g * LANES, sizeof f);
        x[g] = __builtin_convertvector(f, LANES_T);
    }
}

TARGET ALWAYS_INLINE double KERNEL(total)(const LANES_T *sum)
{
    double each[GROUP];
    EACH memcpy(each + g * LANES, &sum[g], sizeof sum[g]);
    return add_up(each);
}

/* A polynomial c[0] + c[1] r + ... + c[10] r^10, by Estrin's scheme: short chains of operations. */
TARGET ALWAYS_INLINE void KERNEL(polynomial)(LANES_T *out, const LANES_T *r, const double *c)
{
    LANES_T q[KERNEL(VECTORS)], high[KERNEL(VECTORS)], middle[KERNEL(VECTORS)];
    EACH q[g] = r[g] * r[g];
    EACH high[g] = (c[8] + r[g] * c[9]) + q[g] * c[10];
    EACH middle[g] = (c[4] + r[g] * c[5]) + q[g] * (c[6] + r[g] * c[7]);
    EACH out[g] = (c[0] + r[g] * c[1]) + q[g] * (c[2] + r[g] * c[3]);
    EACH q[g] *= q[g];
    EACH out[g] += q[g] * (middle[g] + q[g] * high[g]);
}

/* 2^y for y <= 0; below LEAST_EXPONENT: 0 */
TARGET ALWAYS_INLINE void KERNEL(exp2)(LANES_T *e, const LANES_T *y)
{
    LANES_T shifted[KERNEL(VECTORS)], r[KERNEL(VECTORS)];
    EACH shifted[g] = y[g] + ROUND;
    EACH r[g] = y[g] - (shifted[g] - ROUND);
    KERNEL(polynomial)(e, r, exp2_coefficients);
    EACH e[g] =
        (LANES_T)(((BITS_T)e[g] + ((BITS_T)shifted[g] << 52)) & (BITS_T)(y[g] >= LEAST_EXPONENT));
}

/* The sums of ebjr_softmax_sums over logits[0..n-1] without logits[skip], and, unless NULL, the e_k
 * themselves, in whole groups: 0 at `skip` and beyond n. */
TARGET ALWAYS_INLINE void KERNEL(sum)(struct sums *out, double *e_out, const struct row *row,
                                      bool moments)
{
    LANES_T rest[KERNEL(VECTORS)] = {0}, weighted[KERNEL(VECTORS)] = {0};
    LANES_T squares[KERNEL(VECTORS)] = {0}, y[KERNEL(VECTORS)], e[KERNEL(VECTORS)];
    float copy[GROUP];
    for (size_t k = 0; k < row->n; k += GROUP) {
        KERNEL(load)(y, group_of(copy, row, k));
        EACH y[g] = (y[g] - row->top) * row->scale;
        KERNEL(exp2)(e, y);
        EACH rest[g] += e[g];
        if (moments) { /* 0 log 0 = 0 */
            EACH weighted[g] += e[g] * (LANES_T)((BITS_T)y[g] & (BITS_T)(y[g] >= LEAST_EXPONENT));
            EACH squares[g] += e[g] * e[g];
        }
        if (e_out)
            EACH memcpy(e_out + k + g * LANES, &e[g], sizeof e[g]);
    }
    out->rest = KERNEL(total)(rest);
    out->weighted = KERNEL(total)(weighted);
    out->squares = KERNEL(total)(squares);
}

TARGET static void KERNEL(sum_exponentials)(struct sums *out, double *e_out, const struct row *row)
{
    KERNEL(sum)(out, e_out, row, false);
}

TARGET static void KERNEL(sum_moments)(struct sums *out, double *e_out, const struct row *row)
{
    KERNEL(sum)(out, e_out, row, true);
}

/* sum exp(e_k / S) over e[0..n-1], n whole groups; half_inverse = 1 / 2S */
TARGET static double KERNEL(sum_exps)(const double *e, size_t n, double half_inverse)
{
    LANES_T sum[KERNEL(VECTORS)] = {0}, r[KERNEL(VECTORS)], root[KERNEL(VECTORS)];
    for (size_t k = 0; k < n; k += GROUP) {
        EACH memcpy(&r[g], e + k + g * LANES, sizeof r[g]);
        EACH r[g] = r[g] * half_inverse - 0.25;
        KERNEL(polynomial)(root, r, root_coefficients);
        EACH sum[g] += root[g] * root[g];
    }
    return KERNEL(total)(sum);
}

TARGET static double KERNEL(sum_powers)(const struct row *row, unsigned power)
{
    LANES_T sum[KERNEL(VECTORS)] = {0}, base[KERNEL(VECTORS)], value[KERNEL(VECTORS)];
    const LANES_T one = {0};
    float copy[GROUP];
    for (size_t k = 0; k < row->n; k += GROUP) {
        KERNEL(load)(base, group_of(copy, row, k));
        EACH base[g] = (base[g] - row->top) * row->scale;
        EACH base[g] = (LANES_T)((BITS_T)base[g] & (UINT64_MAX >> 1)); /* without its sign */
        EACH base[g] =
            (LANES_T)((BITS_T)base[g] & (BITS_T)(base[g] <= 2.0)); /* what is no logit: 0 */
        EACH value[g] = one + 1;
        for (unsigned left = power; left > 0; left >>= 1) {
            if (left & 1)
                EACH value[g] *= base[g];
            EACH base[g] *= base[g];
        }
        EACH sum[g] += value[g];
    }
    return KERNEL(total)(sum);
}

TARGET static struct ebjr_spread KERNEL(spread)(const float *logits, size_t n)
{
    double sum[GROUP] = {0};
    float lowest[GROUP];
    for (int j = 0; j < GROUP; j++)
        lowest[j] = logits[0];
    size_t k = 0;
    for (; n - k >= GROUP; k += GROUP) {
        for (int j = 0; j < GROUP; j++) {
            sum[j] += (double)logits[k + (size_t)j];
            lowest[j] = lesser(logits[k + (size_t)j], lowest[j]);
        }
    }
    for (int j = 0; k < n; k++, j++) {
        sum[j] += (double)logits[k];
        lowest[j] = lesser(logits[k], lowest[j]);
    }
    for (int j = 1; j < GROUP; j++)
        lowest[0] = lesser(lowest[j], lowest[0]);
    return (struct ebjr_spread){add_up(sum) / (double)n, lowest[0]};
}

TARGET static struct ebjr_top KERNEL(top)(const float *logits, size_t n)
{
    float first[GROUP], second[GROUP];
    for (int j = 0; j < GROUP; j++)
        first[j] = second[j] = -INFINITY;
    size_t k = 0;
    for (; n - k >= GROUP; k += GROUP) {
        for (int j = 0; j < GROUP; j++) {
            float z = logits[k + (size_t)j];
            second[j] = greater(second[j], lesser(z, first[j]));
            first[j] = greater(z, first[j]);
        }
    }
    for (int j = 0; k < n; k++, j++) {
        second[j] = greater(second[j], lesser(logits[k], first[j]));
        first[j] = greater(logits[k], first[j]);
    }
    for (int j = 1; j < GROUP; j++) {
        second[0] = greater(greater(second[j], second[0]), lesser(first[j], first[0]));
        first[0] = greater(first[j], first[0]);
    }
    return (struct ebjr_top){first[0], second[0]};
}

static const struct kernel KERNEL(kernel) = {
    KERNEL(top),         KERNEL(spread),   KERNEL(sum_exponentials),
    KERNEL(sum_moments), KERNEL(sum_exps), KERNEL(sum_powers)};

#undef EACH
#undef BITS_T
#undef LANES_T
