/*
 * One number for a curve. All take samples ranked by descending score (bootstrap.h) and treat a tie
 * group as cut at random: its inside is the chord between its ends; but for the hypervolume, which
 * counts thresholds only. Each is O(n); the weights are whole numbers, a sample of weight w being
 * like w samples of one score.
 */
#ifndef EBJR_CALIB_SUMMARY_H
#define EBJR_CALIB_SUMMARY_H

#include "calib/bootstrap.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Area under the deferral curve: the mean of the cascade's accuracy over teacher rates 0 .. 1
 * (trapezoids). Jitkrittum et al. 2023, "When does confidence-based cascade deferral suffice?" */
double ebjr_deferral_area(const struct ebjr_ranked *ranked);

/* Area under the risk-coverage curve of the student alone: the mean over coverages 1/n, 2/n, ..., 1
 * of the error among the most confident (lower is better). Geifman, Uziel & El-Yaniv 2019,
 * "Bias-reduced uncertainty estimation for deep neural classifiers"; Ding et al. 2020. */
double ebjr_risk_coverage_area(const struct ebjr_ranked *ranked);

/* P(score of a right student answer > that of a wrong one) + P(equal)/2. Hanley & McNeil 1982. NaN
 * where all are right or all wrong. */
double ebjr_correctness_auroc(const struct ebjr_ranked *ranked);

/* RouteLLM (Ong et al. 2024). Performance gap recovered at teacher rate c:
 *   PGR(c) = (accuracy(c) - accuracy_student) / (accuracy_teacher - accuracy_student).
 * APGR is its mean over c in [0, 1] (trapezoids on the exact curve). CPT(x) is the smallest teacher
 * rate with PGR >= x (interpolated within a tie group). NaN where the gap is not positive, or x is
 * never reached. */
double ebjr_average_gap_recovered(const struct ebjr_ranked *ranked);
double ebjr_call_rate_for(const struct ebjr_ranked *ranked, double recovered);
double ebjr_call_rate_for_half(const struct ebjr_ranked *ranked);        /* CPT(50%) */
double ebjr_call_rate_for_four_fifths(const struct ebjr_ranked *ranked); /* CPT(80%) */

/* Area that the cascade's (teacher rate, accuracy) points, one a threshold, dominate within [0, 1]
 * x [student accuracy, 1], divided by 1 - student accuracy: the hypervolume (Zitzler & Thiele 1999)
 * under the steps of the best accuracy at each teacher rate or less, reference point (1, student
 * accuracy). As the best of a sample it flatters a curve with many thresholds a little. NaN where
 * the student is always right. */
double ebjr_hypervolume(const struct ebjr_ranked *ranked);

#ifdef __cplusplus
}
#endif
#endif
