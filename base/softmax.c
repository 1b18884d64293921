#include "base/softmax.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum { GROUP = 32, CHUNK = 1024 };

/*
 * exp(x) = 2^y, y = x log2 e; as y = (z - top) (log2 e / T), one product serves both. With n the
 * whole number nearest to y and r = y - n, |r| <= 1/2, exactly: 2^y = 2^r 2^n. Adding 1.5 2^52
 * rounds y to n and leaves n in the lowest bits of the sum; shifted by 52 they are an exponent.
 * For 0 <= p <= 1, exp(p) = exp(1/4 + r)^2 with r = p/2 - 1/4, |r| <= 1/4.
 *
 * 2^r and exp(1/4 + r) are the polynomials of degree 10 that agree with them at the 11 Chebyshev
 * nodes of their intervals (solved for in 50 digits), with relative errors below 3.2e-16 and
 * 8e-18; that of 2^r agrees at r = 0, so that exp(0) = 1.
 *
 * y has three roundings: of z - top, of log2 e / T, and of their product. Its error of |y| 3 2^-53
 * becomes one of |x| 3 2^-53 relative in e, which weighs little where it is large, for
 * |x| exp(x) <= 1/e. No product is fused with a sum (-ffp-contract=off): not all processors can.
 */
static const double LOG2_E = 0x1.71547652b82fep+0, LN_2 = 0x1.62e42fefa39efp-1;
static const double ROUND = 0x1.8p52, LEAST_EXPONENT = -1021;
static const double LARGEST_SCALE = 1e200; /* finite, and still any gap of floats is 2^-1021 */

static const double exp2_coefficients[] = {
    0x1.0000000000000p+0,  0x1.62e42fefa3a19p-1,  0x1.ebfbdff82c598p-3,  0x1.c6b08d703ce49p-5,
    0x1.3b2ab6fba1ddap-7,  0x1.5d87fe9d7a584p-10, 0x1.430913096fd9fp-13, 0x1.ffcb54062e698p-17,
    0x1.62bfd47773353p-20, 0x1.b675bca4eeebbp-24, 0x1.e6063f7217bc6p-28};

static const double root_coefficients[] = {
    0x1.48b5e3c3e8186p+0,  0x1.48b5e3c3e8188p+0,  0x1.48b5e3c3e8187p-1,  0x1.b647da5a89dd8p-3,
    0x1.b647da5a8a7c0p-5,  0x1.5e9fe1e73bc82p-7,  0x1.d37fd7db82d06p-10, 0x1.0b246392459e3p-12,
    0x1.0b246b7f032d5p-15, 0x1.dba99fdb77090p-19, 0x1.7c6e570bf3515p-22};

/* logits[0..n-1] without logits[skip], as (z - top) scale */
struct row {
    const float *logits;
    size_t n, skip;
    double top, scale;
};

struct sums {
    double rest, weighted, squares;
};

struct kernel {
    struct ebjr_top (*top)(const float *, size_t);
    struct ebjr_spread (*spread)(const float *, size_t);
    void (*sum_exponentials)(struct sums *, double *, const struct row *);
    void (*sum_moments)(struct sums *, double *, const struct row *);
    double (*sum_exps)(const double *, size_t, double);
    double (*sum_powers)(const struct row *, unsigned);
};

static inline float greater(float a, float b)
{
    return a > b ? a : b;
}

static inline float lesser(float a, float b)
{
    return a < b ? a : b;
}

static double add_up(double sum[GROUP])
{
    for (int half = GROUP / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            sum[j] += sum[j + half];
    return sum[0];
}

/* The group at k, in `copy` where something is missing, with -inf in its place. */
static inline const float *group_of(float copy[GROUP], const struct row *row, size_t k)
{
    if (row->n - k >= GROUP && (row->skip < k || row->skip - k >= GROUP))
        return row->logits + k;
    for (size_t j = 0; j < GROUP; j++)
        copy[j] = k + j < row->n && k + j != row->skip ? row->logits[k + j] : -INFINITY;
    return copy;
}

#define LANES 2
#define TARGET
#define KERNEL(name) plain_##name
#include "base/softmax_kernel.h"
#undef LANES
#undef TARGET
#undef KERNEL

#if defined(__x86_64__) && !defined(EBJR_SOFTMAX_PLAIN)
#define LANES 4
#define TARGET __attribute__((target("avx2")))
#define KERNEL(name) avx2_##name
#include "base/softmax_kernel.h"
#undef LANES
#undef TARGET
#undef KERNEL

#define LANES 8
#define TARGET __attribute__((target("avx512f")))
#define KERNEL(name) avx512_##name
#include "base/softmax_kernel.h"

static const struct kernel *kernel(void)
{
    return __builtin_cpu_supports("avx512f") ? &avx512_kernel
           : __builtin_cpu_supports("avx2")  ? &avx2_kernel
                                             : &plain_kernel;
}
#else
static const struct kernel *kernel(void)
{
    return &plain_kernel;
}
#endif

struct ebjr_top ebjr_top_two(const float *logits, size_t classes)
{
    return kernel()->top(logits, classes);
}

struct ebjr_spread ebjr_logits_spread(const float *logits, size_t classes)
{
    return kernel()->spread(logits, classes);
}

/* The first place of `value`, else n. By groups, as these compare at once. */
static size_t find(const float *logits, size_t n, float value)
{
    size_t k = 0;
    for (; n - k >= GROUP; k += GROUP) {
        int equal = 0;
        for (size_t j = 0; j < GROUP; j++)
            equal |= logits[k + j] == value;
        if (equal)
            break;
    }
    while (k < n && logits[k] != value)
        k++;
    return k;
}

/* A row's e_k are kept from the first sum where they fit, else computed again, in chunks. What is
 * left out or padded has e = 0, and exp(0) = 1. */
static double sum_exps(const double *e, const struct row *row, double partition)
{
    double again[CHUNK], sum = exp(1 / partition);
    for (size_t k = 0; k < row->n; k += CHUNK) {
        size_t n = row->n - k < CHUNK ? row->n - k : CHUNK, slots = (n + GROUP - 1) / GROUP * GROUP;
        bool skips = row->skip >= k && row->skip - k < n;
        if (row->n > CHUNK) {
            struct row part = {row->logits + k, n, skips ? row->skip - k : n, row->top, row->scale};
            struct sums unused;
            kernel()->sum_exponentials(&unused, again, &part);
            e = again;
        }
        sum += kernel()->sum_exps(e, slots, 0.5 / partition) - (double)(slots - n + skips);
    }
    return sum;
}

void ebjr_softmax_sums(struct ebjr_softmax *out, const float *logits, size_t classes, float first,
                       double temperature, unsigned wanted)
{
    double e[CHUNK], scale = fmin(LOG2_E / temperature, LARGEST_SCALE);
    struct row row = {logits, classes, find(logits, classes, first), (double)first, scale};
    bool keeps = wanted & EBJR_SOFTMAX_EXPS && classes <= CHUNK;
    struct sums sums;
    if (wanted & EBJR_SOFTMAX_MOMENTS)
        kernel()->sum_moments(&sums, keeps ? e : NULL, &row);
    else
        kernel()->sum_exponentials(&sums, keeps ? e : NULL, &row);
    *out = (struct ebjr_softmax){row.top, sums.rest, LN_2 * sums.weighted, sums.squares, 0};
    if (wanted & EBJR_SOFTMAX_EXPS)
        out->exps = sum_exps(e, &row, 1 + sums.rest);
}

double ebjr_logits_power_sum(const float *logits, size_t classes, double mean, double scale,
                             unsigned power)
{
    struct row row = {logits, classes, classes, mean, 1 / scale};
    return kernel()->sum_powers(&row, power);
}
