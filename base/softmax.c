#include "base/softmax.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && !defined(EBJR_SOFTMAX_PLAIN)
#define EBJR_SOFTMAX_X86
#include <immintrin.h>
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum { GROUP = 32, CHUNK = 1024 };

/*
 * exp(x) = 2^y, y = x log2 e; as y = (z - top) (log2 e / T), one product serves both. With m/16 the
 * sixteenth nearest to y, m = 16 n + j and 0 <= j < 16, and r = y - m/16, |r| <= 1/32, exactly:
 * 2^y = 2^r 2^(j/16) 2^n. Adding 1.5 2^48 rounds y to m/16 and leaves m in the lowest bits of the
 * sum; shifted by 48 they are n, as an exponent, and j, which `roots` take back.
 *
 * 2^r is the polynomial of degree 6 that agrees with it at the 7 Chebyshev nodes of the interval
 * (solved for in 50 digits), with a relative error below 8e-18; it agrees at r = 0, so that
 * exp(0) = 1.
 *
 * y has three roundings: of z - top, of log2 e / T, and of their product. Its error of |y| 3 2^-53
 * becomes one of |x| 3 2^-53 relative in e, which weighs little where it is large, for
 * |x| exp(x) <= 1/e. The root, the last sum of the polynomial and their product add 3 2^-53, what
 * is rounded before less than 2^-56. No product is fused with a sum (-ffp-contract=off): not all
 * processors can.
 */
static const double LOG2_E = 0x1.71547652b82fep+0, LN_2 = 0x1.62e42fefa39efp-1;
static const double ROUND = 0x1.8p48, LEAST_EXPONENT = -1021;
static const double LARGEST_SCALE = 1e200; /* finite, and still any gap of floats is 2^-1021 */

static const double exp2_coefficients[] = {
    0x1.0000000000000p+0, 0x1.62e42fefa39fdp-1,  0x1.ebfbdff82c594p-3, 0x1.c6b08d6e8a384p-5,
    0x1.3b2ab6fb09b31p-7, 0x1.5d89be4c12513p-10, 0x1.430a49610efc6p-13};

/* 2^(j/16) 2^(-j/16 as a shifted sum has it): the bits of 2^(j/16) less j 2^48 */
#define ROOT(bits, j) (UINT64_C(bits) - (UINT64_C(j) << 48))
static const uint64_t roots[16] = {
    ROOT(0x3ff0000000000000, 0),  ROOT(0x3ff0b5586cf9890f, 1),  ROOT(0x3ff172b83c7d517b, 2),
    ROOT(0x3ff2387a6e756238, 3),  ROOT(0x3ff306fe0a31b715, 4),  ROOT(0x3ff3dea64c123422, 5),
    ROOT(0x3ff4bfdad5362a27, 6),  ROOT(0x3ff5ab07dd485429, 7),  ROOT(0x3ff6a09e667f3bcd, 8),
    ROOT(0x3ff7a11473eb0187, 9),  ROOT(0x3ff8ace5422aa0db, 10), ROOT(0x3ff9c49182a3f090, 11),
    ROOT(0x3ffae89f995ad3ad, 12), ROOT(0x3ffc199bdd85529c, 13), ROOT(0x3ffd5818dcfba487, 14),
    ROOT(0x3ffea4afa2a490da, 15)};

/*
 * sum exp(p_k) = sum 1 + sum p_k + sum f(p_k), f(p) = exp(p) - 1 - p. The largest p is left to
 * exp(). Among the others most are small, as all sum to 1; groups of 32 are worked on by what is in
 * them.
 *
 * Where all p of a group are at most SMALL, f(p) = p^2 g(p) with g the polynomial of degree 4 that
 * agrees with it at the 5 Chebyshev nodes of [0, SMALL], with an error below 9e-14. Each of the
 * sum's terms is at least 1, so that p^2 9e-14 <= 2e-16 of it; and as sum p^2 <= SMALL, no more
 * than 4.3e-15 of C in all.
 *
 * Else, in 1 / SMALL = 21 groups at most, p <= 1/2, for the largest is no less. From exp(p) =
 * exp(1/4 + r), r = p - 1/4, |r| <= 1/4, the polynomial of degree 10 that agrees with it at the 11
 * Chebyshev nodes of the interval, with a relative error below 8e-18; f(0) = 0.
 */
static const double SMALL = 3.0 / 64;

static const double excess_coefficients[] = {0x1.0000000000322p-1, 0x1.55555552126afp-3,
                                             0x1.55555e0668595p-5, 0x1.1108f72678416p-7,
                                             0x1.723e19319c9edp-10};

static const double exp_coefficients[] = {
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
    float (*largest)(const float *, size_t);
    struct ebjr_top (*top)(const float *, size_t);
    struct ebjr_spread (*spread)(const float *, size_t);
    size_t (*find)(const float *, size_t, float);
    void (*sum_exponentials)(struct sums *, double *, const struct row *);
    void (*sum_moments)(struct sums *, double *, const struct row *);
    double (*sum_excess)(const double *, size_t, double);
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
ALWAYS_INLINE const float *group_of(float copy[GROUP], const struct row *row, size_t k)
{
    const float *group = row->logits + k;
    size_t there = row->n - k < GROUP ? row->n - k : GROUP, copied = 0;
    bool skips = row->skip - k < there; /* unsigned: not where skip < k */
    if (there == GROUP && !skips)
        return group;
    for (size_t j = 0; j < GROUP; j++)
        copy[j] = -INFINITY;
#pragma GCC unroll 6 /* copies of constant size are instructions, not a call */
    for (size_t half = GROUP; half > 0; half /= 2) {
        if (there & half) {
            memcpy(copy + copied, group + copied, half * sizeof *copy);
            copied += half;
        }
    }
    if (skips)
        copy[row->skip - k] = -INFINITY;
    return copy;
}

#define LANES 2
#define TARGET
#define KERNEL(name) plain_##name
#include "base/softmax_kernel.h"
#undef LANES
#undef TARGET
#undef KERNEL

#ifdef EBJR_SOFTMAX_X86
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

float ebjr_logits_largest(const float *logits, size_t classes)
{
    return kernel()->largest(logits, classes);
}

struct ebjr_top ebjr_top_two(const float *logits, size_t classes)
{
    return kernel()->top(logits, classes);
}

struct ebjr_spread ebjr_logits_spread(const float *logits, size_t classes)
{
    return kernel()->spread(logits, classes);
}

/* sum exp(p_k). A row's e_k are kept from the first sum where they fit, else computed again, in
 * chunks. What is left out or padded has e = 0, and adds nothing. */
static double sum_exps(const double *e, const struct row *row, double rest)
{
    _Alignas(64) double again[CHUNK];
    double inverse = 1 / (1 + rest);
    double sum = exp(inverse) + (double)(row->n - 1) + rest * inverse;
    for (size_t k = 0; k < row->n; k += CHUNK) {
        size_t n = row->n - k < CHUNK ? row->n - k : CHUNK;
        if (row->n > CHUNK) {
            struct row part = {row->logits + k, n, row->skip - k, row->top, row->scale};
            struct sums unused;
            kernel()->sum_exponentials(&unused, again, &part);
            e = again;
        }
        sum += kernel()->sum_excess(e, n, 1 + rest);
    }
    return sum;
}

void ebjr_softmax_sums(struct ebjr_softmax *out, const float *logits, size_t classes, float first,
                       double temperature, unsigned wanted)
{
    _Alignas(64) double e[CHUNK]; /* vectors within lines of the cache */
    double scale = fmin(LOG2_E / temperature, LARGEST_SCALE);
    struct row row = {logits, classes, kernel()->find(logits, classes, first), first, scale};
    bool keeps = wanted & EBJR_SOFTMAX_EXPS && classes <= CHUNK;
    struct sums sums;
    if (wanted & EBJR_SOFTMAX_MOMENTS)
        kernel()->sum_moments(&sums, keeps ? e : NULL, &row);
    else
        kernel()->sum_exponentials(&sums, keeps ? e : NULL, &row);
    *out = (struct ebjr_softmax){row.top, sums.rest, LN_2 * sums.weighted, sums.squares, 0};
    if (wanted & EBJR_SOFTMAX_EXPS)
        out->exps = sum_exps(e, &row, sums.rest);
}

double ebjr_logits_power_sum(const float *logits, size_t classes, double mean, double scale,
                             unsigned power)
{
    struct row row = {logits, classes, classes, mean, 1 / scale};
    return kernel()->sum_powers(&row, power);
}
