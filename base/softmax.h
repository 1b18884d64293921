/*
 * Sums over one row of logits z[0..C-1], in double, several logits at a time: what scores,
 * temperatures and averages are made of. With top = max z,
 *
 *   x_k = (z_k - top)/T <= 0,   e_k = exp(x_k) <= 1,   S = sum e_k,   p_k = e_k / S = softmax(z/T),
 *
 * nothing overflows however large the logits. S is kept as 1 + rest, so that log S = log1p(rest) is
 * exact for the surest of rows too. The results have the same bits whichever instructions the
 * processor has, and whichever compiler made the program.
 *
 * Logits must be finite, 1 <= C, and 0 < T < inf.
 */
#ifndef EBJR_BASE_SOFTMAX_H
#define EBJR_BASE_SOFTMAX_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

float ebjr_logits_largest(const float *logits, size_t classes);

struct ebjr_top {
    float first, second; /* the two largest, equal on a tie; second is -inf where C = 1 */
};

struct ebjr_top ebjr_top_two(const float *logits, size_t classes);

struct ebjr_softmax {
    double top, rest; /* S - 1 = the sum of all e_k but one that is 1 */
    double weighted;  /* sum e_k x_k; with EBJR_SOFTMAX_MOMENTS */
    double squares;   /* sum e_k^2 - 1; with EBJR_SOFTMAX_MOMENTS */
    double exps;      /* sum exp(p_k); with EBJR_SOFTMAX_EXPS */
};

enum { EBJR_SOFTMAX_MOMENTS = 1, EBJR_SOFTMAX_EXPS = 2 };

/* `first` is ebjr_logits_largest's; `wanted` says which sums are needed beside `rest`. Each e_k has
 * a relative error below (|x_k| + 2) 2^-51; those below 2^-1021 count as 0. */
void ebjr_softmax_sums(struct ebjr_softmax *out, const float *logits, size_t classes, float first,
                       double temperature, unsigned wanted);

struct ebjr_spread {
    double mean, lowest;
};

struct ebjr_spread ebjr_logits_spread(const float *logits, size_t classes);

/* sum |(z_k - mean)/scale|^power; scale > 0, power >= 1. */
double ebjr_logits_power_sum(const float *logits, size_t classes, double mean, double scale,
                             unsigned power);

#ifdef __cplusplus
}
#endif
#endif
