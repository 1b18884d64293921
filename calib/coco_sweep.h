/* COCO's figures at every point of a sweep over the images of a cascade. */
#ifndef EBJR_CALIB_COCO_SWEEP_H
#define EBJR_CALIB_COCO_SWEEP_H

#include "calib/coco.h"
#include "calib/sweep.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The points of a sweep over the images, by their scores alone: nobody is right. Errors: those of
 * ebjr_sweep. */
int ebjr_coco_points(struct ebjr_curve *out, const double *score, size_t images);

/* Gives the images with score >= threshold to the student, the others to the teacher. */
void ebjr_coco_move_to(ebjr_coco *coco, const double *score, double threshold);

/* values[count][curve->count] of figures[count]. The curve is over score[images]. Images go to the
 * student group by group, in the end all back to the teacher. Errors: EBJR_ENOMEM. */
int ebjr_coco_sweep(double *values, ebjr_coco *coco, const enum ebjr_coco_figure *figures,
                    size_t count, const struct ebjr_curve *curve, const double *score);

#ifdef __cplusplus
}
#endif
#endif
