/*
 * Thresholds for each predicted class, shrunk towards one threshold for all. With offsets o_c the
 * student answers where score >= t + o_c, c its predicted class: one threshold t again, on the
 * score s - o_c. Sweep and certify that score on samples that were not used here.
 *
 * The balance of a score is what answering there gains over deferring, E[student right - teacher
 * right | score]: -harm + help. Classes are taken to follow one curve, each moved along the scores
 * by its own offset: where the balances at t + o_c are equal, no sample can be traded between two
 * classes for a better accuracy at the same share. How it is estimated stands in classwise.c.
 */
#ifndef EBJR_CALIB_CLASSWISE_H
#define EBJR_CALIB_CLASSWISE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * offset[classes], in units of the score, from score[n], the student's predictions and both models'
 * correctness, of the rows with use[i] != 0 (NULL: all), for the operating point at which `share`
 * of them, in [0, 1], is answered by the student: the nearer a score's rank to it, the more it
 * weighs, at half of all ranks away nothing.
 *
 * An offset is shrunk by m_c / (m_c + prior), m_c the number of samples of the class in that window
 * on which the two models would disagree if the class were like all. So `prior` >= 0 is in
 * disagreements: 50 is a good start, 0 does not shrink. A class without samples has offset 0; so
 * has every class where nothing can be learnt: no disagreement, all scores equal, or a balance that
 * does not rise with the score.
 *
 * O(n log n). Errors: EBJR_EINVAL no rows, a score that is not finite or scores too far apart for a
 * double, a prediction that is not a class, a share or prior out of range; EBJR_ENOMEM.
 */
int ebjr_classwise_fit(double *offset, const double *score, const int32_t *prediction,
                       const uint8_t *student_correct, const uint8_t *teacher_correct,
                       const uint8_t *use, size_t n, size_t classes, double share, double prior);

#ifdef __cplusplus
}
#endif
#endif
