/*
 * Latency of a cascade, from the latencies of its models on the same samples: sample i takes S_i
 * where the student answers and S_i + T_i where the teacher does. Along the sweep each sample moves
 * once, from S_i + T_i to S_i; means and percentiles at every threshold follow from that.
 */
#ifndef EBJR_CALIB_LATENCY_H
#define EBJR_CALIB_LATENCY_H

#include "calib/sweep.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_latency_curve {
    size_t count;                   /* as the curve's points */
    double *mean, *p50, *p95, *p99; /* [count] in the unit of the input; percentiles are the
                                       ceil(q n)-th smallest of the n latencies */
};

/* student[n], teacher[n] >= 0, finite, n > 0. The curve must come from the same score[n]. O(n log
 * n): a binary indexed tree over the ranks of all 2n possible latencies. The caller frees with
 * ebjr_latency_curve_free. Errors: EBJR_EINVAL, EBJR_ENOMEM. */
int ebjr_latency_sweep(struct ebjr_latency_curve *out, const struct ebjr_curve *curve,
                       const double *score, const double *student, const double *teacher, size_t n);
void ebjr_latency_curve_free(struct ebjr_latency_curve *curve);

/* exceeding[count]: how many samples take longer than `limit` at each point of the curve. */
int ebjr_latency_exceeding(int64_t *exceeding, const struct ebjr_curve *curve, const double *score,
                           const double *student, const double *teacher, size_t n, double limit);

#ifdef __cplusplus
}
#endif
#endif
