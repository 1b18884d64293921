/*
 * The loops of softmax.c for one set of instructions. Included once for each, with LANES doubles in
 * a vector, TARGET the function attribute, and KERNEL(name) naming the functions.
 *
 * Logits are taken in groups of GROUP, whatever LANES is, and logit k of a group is added to sum k
 * of GROUP: so the order of every addition, and with it every bit, is the same for all. Each step
 * is done for the whole group before the next, as independent operations hide each other's latency.
 */

#include "base/softmax_lanes.h"

/* The sum of GROUP sums, by halves. */
TARGET ALWAYS_INLINE double KERNEL(total)(const LANES_T *sum)
{
    LANES_T left[KERNEL(VECTORS)];
    double each[LANES];
    EACH left[g] = sum[g];
    for (int half = KERNEL(VECTORS) / 2; half > 0; half /= 2)
        for (int g = 0; g < half; g++)
            left[g] += left[g + half];
    memcpy(each, left, sizeof each);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            each[j] += each[j + half];
    return each[0];
}

/* 2^y for y <= 0, and whether y counts; below LEAST_EXPONENT: 0 */
TARGET ALWAYS_INLINE void KERNEL(exp2)(LANES_T *e, MASK_T *counts, const LANES_T *y)
{
    const double *c = exp2_coefficients;
    LANES_T shifted[KERNEL(VECTORS)], r[KERNEL(VECTORS)], q[KERNEL(VECTORS)];
    LANES_T middle[KERNEL(VECTORS)], high[KERNEL(VECTORS)];
    BITS_T scale[KERNEL(VECTORS)];
    EACH shifted[g] = y[g] + ROUND;
    EACH counts[g] = KERNEL(at_least)(y[g], LEAST_EXPONENT);
    EACH r[g] = shifted[g] - ROUND;
    EACH r[g] = y[g] - r[g];
    EACH scale[g] = KERNEL(root)((BITS_T)shifted[g]);
    EACH scale[g] += (BITS_T)shifted[g] << 48;
    EACH q[g] = r[g] * r[g];
    EACH high[g] = c[5] * r[g];
    EACH middle[g] = c[3] * r[g];
    EACH e[g] = c[1] * r[g];
    EACH high[g] += c[4];
    EACH middle[g] += c[2];
    EACH e[g] += c[0];
    EACH high[g] += c[6] * q[g];
    EACH e[g] += middle[g] * q[g];
    EACH q[g] *= q[g];
    EACH high[g] *= q[g];
    EACH e[g] += high[g];
    EACH e[g] = KERNEL(product)(e[g], (LANES_T)scale[g], counts[g]);
}

/* The sums of ebjr_softmax_sums over logits[0..n-1] without logits[skip], and, unless NULL, the e_k
 * themselves, in whole groups: 0 at `skip` and beyond n. */
TARGET ALWAYS_INLINE void KERNEL(sum)(struct sums *out, double *e_out, const struct row *row,
                                      bool moments)
{
    LANES_T rest[KERNEL(VECTORS)] = {0}, weighted[KERNEL(VECTORS)] = {0};
    LANES_T squares[KERNEL(VECTORS)] = {0}, y[KERNEL(VECTORS)], e[KERNEL(VECTORS)];
    MASK_T counts[KERNEL(VECTORS)];
    float copy[GROUP];
    for (size_t k = 0; k < row->n; k += GROUP) {
        const float *group = group_of(copy, row, k);
        EACH y[g] = KERNEL(load)(group + g * LANES);
        EACH y[g] = (y[g] - row->top) * row->scale;
        KERNEL(exp2)(e, counts, y);
        EACH rest[g] += e[g];
        if (moments) { /* 0 log 0 = 0 */
            EACH weighted[g] += KERNEL(product)(e[g], y[g], counts[g]);
            EACH squares[g] += e[g] * e[g];
        }
        if (e_out)
            EACH memcpy(e_out + k + g * LANES, &e[g], sizeof e[g]);
    }
    *out = (struct sums){.rest = KERNEL(total)(rest)};
    if (moments) {
        out->weighted = KERNEL(total)(weighted);
        out->squares = KERNEL(total)(squares);
    }
}

TARGET static void KERNEL(sum_exponentials)(struct sums *out, double *e_out, const struct row *row)
{
    KERNEL(sum)(out, e_out, row, false);
}

TARGET static void KERNEL(sum_moments)(struct sums *out, double *e_out, const struct row *row)
{
    KERNEL(sum)(out, e_out, row, true);
}

/* f(p) = exp(p) - 1 - p for 0 <= p <= 1/2 */
TARGET ALWAYS_INLINE LANES_T KERNEL(excess)(LANES_T p)
{
    const double *c = exp_coefficients;
    LANES_T r = p - 0.25, q = r * r;
    LANES_T low = (c[0] + r * c[1]) + q * (c[2] + r * c[3]);
    LANES_T middle = (c[4] + r * c[5]) + q * (c[6] + r * c[7]);
    LANES_T high = (c[8] + r * c[9]) + q * c[10];
    return ((low + q * q * (middle + q * q * high)) - 1) - p;
}

/* sum f(e_k / S) over the whole groups that e[0..n-1] is of. Summed is f(p) S^6 / c[4], which is so
 * much less to multiply where p is small. */
TARGET static double KERNEL(sum_excess)(const double *e, size_t n, double partition)
{
    const double *c = excess_coefficients;
    const double s1 = partition, s2 = s1 * s1, s4 = s2 * s2, last = c[4];
    const double c0 = c[0] / last * s4, c1 = c[1] / last * (s2 * s1), c2 = c[2] / last * s2;
    const double c3 = c[3] / last * s1, inverse = 1 / s1, all = s4 * s2 / last;
    LANES_T sum[KERNEL(VECTORS)] = {0}, a[KERNEL(VECTORS)], q[KERNEL(VECTORS)];
    LANES_T low[KERNEL(VECTORS)], high[KERNEL(VECTORS)];
    for (size_t k = 0; k < n; k += GROUP) {
        EACH memcpy(&a[g], e + k + g * LANES, sizeof a[g]);
        if (KERNEL(any_above)(a, SMALL * s1)) {
            EACH sum[g] += KERNEL(excess)(a[g] * inverse) * all;
            continue;
        }
        EACH q[g] = a[g] * a[g];
        EACH high[g] = c2 + a[g] * (c3 + a[g]);
        EACH low[g] = (c0 + a[g] * c1) + q[g] * high[g];
        EACH sum[g] += q[g] * low[g];
    }
    return KERNEL(total)(sum) / all;
}

TARGET static double KERNEL(sum_powers)(const struct row *row, unsigned power)
{
    LANES_T sum[KERNEL(VECTORS)] = {0}, base[KERNEL(VECTORS)], value[KERNEL(VECTORS)];
    const LANES_T one = {0};
    float copy[GROUP];
    for (size_t k = 0; k < row->n; k += GROUP) {
        const float *group = group_of(copy, row, k);
        EACH base[g] = KERNEL(load)(group + g * LANES);
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

TARGET static float KERNEL(largest)(const float *logits, size_t n)
{
    const struct row row = {.logits = logits, .n = n, .skip = n};
    float largest[GROUP], copy[GROUP];
    for (int j = 0; j < GROUP; j++)
        largest[j] = -INFINITY;
    size_t k = 0;
    for (; n - k >= GROUP; k += GROUP)
        for (int j = 0; j < GROUP; j++)
            largest[j] = greater(logits[k + (size_t)j], largest[j]);
    const float *left = k < n ? group_of(copy, &row, k) : largest;
    for (int j = 0; j < GROUP; j++)
        largest[j] = greater(left[j], largest[j]);
    for (int half = GROUP / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            largest[j] = greater(largest[j], largest[j + half]);
    return largest[0];
}

TARGET ALWAYS_INLINE void KERNEL(rank)(float first[GROUP], float second[GROUP], const float *group)
{
    for (int j = 0; j < GROUP; j++) {
        second[j] = greater(second[j], lesser(group[j], first[j]));
        first[j] = greater(group[j], first[j]);
    }
}

TARGET static struct ebjr_top KERNEL(top)(const float *logits, size_t n)
{
    const struct row row = {.logits = logits, .n = n, .skip = n};
    float first[GROUP], second[GROUP], copy[GROUP];
    for (int j = 0; j < GROUP; j++)
        first[j] = second[j] = -INFINITY;
    size_t k = 0;
    for (; n - k >= GROUP; k += GROUP)
        KERNEL(rank)(first, second, logits + k);
    if (k < n)
        KERNEL(rank)(first, second, group_of(copy, &row, k));
    for (int half = GROUP / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++) {
            float loser = lesser(first[j], first[j + half]);
            second[j] = greater(greater(second[j], second[j + half]), loser);
            first[j] = greater(first[j], first[j + half]);
        }
    return (struct ebjr_top){first[0], second[0]};
}

/* The first place of `value`, else n */
TARGET static size_t KERNEL(find)(const float *logits, size_t n, float value)
{
    const struct row row = {.logits = logits, .n = n, .skip = n};
    float copy[GROUP];
    for (size_t k = 0; k < n; k += GROUP) {
        uint32_t places = KERNEL(equal)(group_of(copy, &row, k), value);
        if (places != 0)
            return k + (size_t)__builtin_ctz(places);
    }
    return n;
}

static const struct kernel KERNEL(kernel) = {
    KERNEL(largest),          KERNEL(top),         KERNEL(spread),     KERNEL(find),
    KERNEL(sum_exponentials), KERNEL(sum_moments), KERNEL(sum_excess), KERNEL(sum_powers)};

#undef EACH
#undef BITS_T
#undef LANES_T
#undef MASK_T
