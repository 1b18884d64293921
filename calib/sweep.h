/*
 * calib: numerics of cascades, on arrays. It knows nothing of models, files or stores.
 *
 * The sweep. Samples i = 0..n-1 have a score and two bits: was the student right, was the teacher.
 * At threshold t the student answers {i: score_i >= t}, the teacher the rest, and the cascade is
 * right where the one that answers is:
 *
 *   correct(t) = sum_{i: score_i >= t} s_i + sum_{i: score_i < t} t_i
 *              = T + help(t) - harm(t),     T = sum t_i,
 *   help(t) = #{score_i >= t, s_i = 1, t_i = 0},  harm(t) = #{score_i >= t, s_i = 0, t_i = 1}.
 *
 * Equal scores are one group: a threshold falls only between groups.
 */
#ifndef EBJR_CALIB_SWEEP_H
#define EBJR_CALIB_SWEEP_H

#include <float.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The score of a sample that the student must not answer (a specialised student has called it
 * "other"): the lowest finite one. A point at this threshold is the student alone; no pick takes
 * it. */
#define EBJR_NEVER (-DBL_MAX)

/* What a threshold does, in whole samples. */
struct ebjr_point {
    double threshold;
    int64_t student; /* samples that the student answers */
    int64_t harm, help;
};

struct ebjr_curve {
    int64_t n;
    int64_t student_correct, teacher_correct;
    size_t count;
    /* By descending threshold: points[0] has threshold +inf and leaves all to the teacher, each
     * further one takes the next distinct score, the last leaves all to the student. */
    struct ebjr_point *points;
};

/* O(n) time; 40 bytes a sample of memory, of which 32 a distinct score are kept. The caller frees
 * with ebjr_curve_free. Errors: EBJR_EINVAL n = 0, or a score that is not finite; EBJR_ENOMEM. */
int ebjr_sweep(struct ebjr_curve *out, const double *score, const uint8_t *student_correct,
               const uint8_t *teacher_correct, size_t n);
void ebjr_curve_free(struct ebjr_curve *curve);

/* One threshold, by counting. O(n), nothing is allocated. */
void ebjr_sweep_at(struct ebjr_point *out, double threshold, const double *score,
                   const uint8_t *student_correct, const uint8_t *teacher_correct, size_t n);

/* Fractions of n, and a mean cost C_student + teacher_rate * C_teacher in the unit of its terms. */
double ebjr_point_share(const struct ebjr_curve *curve, const struct ebjr_point *point);
double ebjr_point_accuracy(const struct ebjr_curve *curve, const struct ebjr_point *point);
double ebjr_point_cost(const struct ebjr_curve *curve, const struct ebjr_point *point,
                       double student_cost, double teacher_cost);

#ifdef __cplusplus
}
#endif
#endif
