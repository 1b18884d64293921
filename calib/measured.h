/*
 * Measured latencies of one model, in the order of measuring: latency ns[j] >= 0 was measured on
 * sample[j] of the data set, j = 0..m-1. A sample may have been measured never, once or many times.
 */
#ifndef EBJR_CALIB_MEASURED_H
#define EBJR_CALIB_MEASURED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A latency for each of the n samples of the data set, latency[n].
 *
 * Where each was measured (*whole true), sample i has the first latency measured on it: what is
 * peculiar to a sample stays with it, and S_i and T_i of two models are a pair.
 *
 * Where one was not (*whole false), sample i has ns[i mod m]. A model without branches on its data,
 * such as a convolutional network, does the same work for every sample, so let the latencies S of
 * the student and T of the teacher be independent of the samples, hence of the scores, and of each
 * other, for they were measured at different times. Then any assignment that looks at neither is
 * right: over a set A of K samples that the teacher answers,
 *
 *   E[ 1/K sum_{i in A} 1(S_i + T_i > x) ] = P(S + T > x) = p.
 *
 * Its variance: 1(S + T > x) - p = a(S) + b(T) + c(S, T) with uncorrelated terms of mean 0
 * (Hoeffding, 1948) and variances that add up to p (1 - p). Positions go through all latencies
 * evenly, so where K covers them a is averaged over the m_S latencies of the student, b over the
 * m_T of the teacher and c over the pairs that meet, lcm(m_S, m_T) >= max(m_S, m_T) of them:
 *
 *   Var = Var a / m_S + Var b / m_T + Var c / lcm(m_S, m_T) <= p (1 - p) / min(m_S, m_T),
 *
 * no worse than that many pairs drawn at random. The mean of latency[] is that of ns[] but for the
 * last, broken round. What neither rule mends: a machine that was slow for a while.
 *
 * Errors: EBJR_EINVAL m = 0, n = 0, a sample outside 0..n-1 or a negative latency.
 */
int ebjr_measured_assign(double *latency, bool *whole, size_t n, const int64_t *sample,
                         const int64_t *ns, size_t m);

/* In the unit of the input; percentiles are the ceil(q n)-th smallest. */
struct ebjr_measured_summary {
    double mean, p50, p95, p99;
};

/* Of latency[n], finite; all NaN where n = 0. O(n log n). Errors: EBJR_ENOMEM. */
int ebjr_measured_summarise(struct ebjr_measured_summary *out, const double *latency, size_t n);

#ifdef __cplusplus
}
#endif
#endif
