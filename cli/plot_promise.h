/* What a policy certifies, in words and as a part of a picture. */
#ifndef EBJR_CLI_PLOT_PROMISE_H
#define EBJR_CLI_PLOT_PROMISE_H

#include "cli/plot.h"
#include "plots/axis.h"
#include "plots/region.h"

enum { PROMISE_TEXT = 384 };

/*
 * The cascades that keep the promise, in a trade-off of cost (flops, latency, teacher-rate) and
 * accuracy (%). A budget that does not show there is not shaded. A drop is drawn below the
 * teacher's accuracy, 0..1, on the samples of the picture; what is certified is that the two
 * accuracies on the population are that near.
 */
void promise_tradeoff(struct ebjr_region *out, char text[PROMISE_TEXT],
                      const struct plot_work *work, double teacher_accuracy);

/*
 * The thresholds that the certificate covers. One made at t covers others where its risk R is
 * monotone: if R grows as the threshold gets looser, then with probability >= 1 - delta
 *
 *   R(t) <= limit, and so R(u) <= R(t) <= limit for every u >= t at once,
 *
 * as for harm, which bounds the drop; the teacher rate, hence FLOPs, and the share of slow samples
 * grow the other way, and cover every u <= t. Accuracy, and a drop not bounded by harm, are
 * certified at t alone, and so are budgets of both directions together. Then nothing is shaded,
 * and only `text` says it.
 */
void promise_thresholds(struct ebjr_region *out, char text[PROMISE_TEXT],
                        const struct plot_work *work, const struct ebjr_axis *axis);

/* Of latencies (ns) and shares 0..1: the slowest allowed at the certified percentile, p99 before
 * p95. */
void promise_latency(struct ebjr_region *out, char text[PROMISE_TEXT],
                     const struct plot_work *work);

/* The certified limit of harm, as a share of all samples; NaN: there is none. */
double promise_harm(const struct plot_work *work);

#endif
