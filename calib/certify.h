/*
 * Certificates: statements about a threshold that hold with probability >= 1 - delta over the draw
 * of the calibration samples, though the threshold was chosen by looking at them.
 *
 * Monotone risks (Bates et al. 2021, RCPS). Let R(t) be the risk of threshold t and R^+(t) an upper
 * bound that holds for each t by itself with probability >= 1 - delta. If R grows as t gets looser,
 * the loosest t for which R^+ <= limit there and at every stricter threshold has R(t) <= limit with
 * probability >= 1 - delta: no correction for having looked at many. The same holds turned round.
 *   harm          grows as the student answers more        (--max-drop: drop <= harm)
 *   teacher rate  shrinks as the student answers more      (--max-teacher-rate, --max-flops)
 *   P(latency > L) shrinks as the student answers more     (--max-p95, --max-p99: <= 0.05, 0.01)
 *
 * Other risks (Angelopoulos et al. 2021, Learn then Test). Accuracy is not monotone. Thresholds are
 * tested in an order fixed without the calibration samples; testing stops at the first that is not
 * rejected at delta, and all before it are certified together (fixed-sequence testing).
 */
#ifndef EBJR_CALIB_CERTIFY_H
#define EBJR_CALIB_CERTIFY_H

#include "calib/sweep.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Curves are those of ebjr_sweep, or hold the counts that the same samples have at thresholds fixed
 * beforehand, from strict to loose. All is O(count). A limit or a delta that cannot be meant
 * certifies nothing.
 */

/* Of curve->points: the index of the loosest point whose harm is certified <= limit (points 0 to
 * this one all are), or SIZE_MAX, which is one before point 0, where there is none. Threshold +inf
 * leaves all to the teacher, does no harm, and always is certified: a sweep has it at 0. */
size_t ebjr_certify_harm(const struct ebjr_curve *curve, double limit, double delta);

/* The index of the strictest point whose teacher rate is certified <= limit (it and all further
 * points are), or curve->count where there is none. The last point of a sweep need not be: its
 * threshold is the lowest score of these samples, and others may score lower. Threshold -inf, where
 * a curve has it, never asks the teacher and always is certified. */
size_t ebjr_certify_teacher_rate(const struct ebjr_curve *curve, double limit, double delta);

/* exceeding[count]: at each point, how many of the n samples take longer than the budget; it does
 * not grow along the curve. The index of the strictest point with P(exceed) certified <= limit, or
 * `count` where there is none. limit = 0.01 for a p99. */
size_t ebjr_certify_exceeding(const int64_t *exceeding, size_t count, int64_t n, double limit,
                              double delta);

/*
 * Fixed-sequence tests of H_j: accuracy(thresholds[j]) < limit, in the order of the array, on
 * samples that had no part in it. certified[j] says which were rejected; the p-values (exact
 * binomial) are returned where p_values is not NULL (NaN where testing had stopped before). Returns
 * how many are certified. thresholds may be +inf (all to the teacher) and -inf.
 */
size_t ebjr_certify_accuracy(bool *certified, double *p_values, const double *thresholds,
                             size_t count, double limit, double delta,
                             const struct ebjr_curve *curve);

/* The point of a descending curve that a threshold falls on: the last with points[i].threshold >=
 * threshold; 0 where there is none, or for a NaN, which no score reaches. O(log count). */
size_t ebjr_curve_find(const struct ebjr_curve *curve, double threshold);

#ifdef __cplusplus
}
#endif
#endif
