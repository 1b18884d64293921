/*
 * Average precision as COCO defines it, of a cascade: a student's detections on some images, a
 * teacher's on the others.
 *
 * Matching. Detections of one image and category are taken by descending score, at most 100, and
 * each is given the free object of the highest overlap, at least t = 0.5, 0.55, ..., 0.95; an
 * object of a crowd is never taken away, and matches only where no other does. Overlap is
 * intersection over union, over the detection's own area for a crowd. With an area range objects
 * outside of it, and crowds, are ignored: what matches them is neither right nor wrong, nor is an
 * unmatched detection whose own area is outside.
 *
 * Precision. Over all images the detections of a category, by descending score (ties: in the order
 * of images), give precision and recall after each; precision at recall r is the highest one at
 * recall >= r, 0 where recall never comes so far. AP is its mean over r = 0, 0.01, ..., 1, over t
 * and over the categories that have objects. AR is the mean over t and categories of the recall of
 * all.
 *
 * Which detection matches which object depends on one image and one model alone. So both models
 * are matched once, the detections of both are sorted once, and an image that changes hands
 * leaves only the categories that it has detections of to be counted again.
 *
 * Source: Lin et al., Microsoft COCO (ECCV 2014), cocodataset.org/#detection-eval, and the authors'
 * pycocotools, whose figures these are (to rounding).
 */
#ifndef EBJR_CALIB_COCO_H
#define EBJR_CALIB_COCO_H

#include "base/detection.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What COCO prints, in its order. */
enum ebjr_coco_figure {
    EBJR_COCO_AP,
    EBJR_COCO_AP50,
    EBJR_COCO_AP75,
    EBJR_COCO_AP_SMALL,  /* objects below 32 x 32 */
    EBJR_COCO_AP_MEDIUM, /* between */
    EBJR_COCO_AP_LARGE,  /* above 96 x 96 */
    EBJR_COCO_AR1,       /* one detection an image and category */
    EBJR_COCO_AR10,
    EBJR_COCO_AR100,
    EBJR_COCO_AR_SMALL,
    EBJR_COCO_AR_MEDIUM,
    EBJR_COCO_AR_LARGE,
    EBJR_COCO_FIGURES
};

const char *ebjr_coco_name(enum ebjr_coco_figure figure); /* "ap", "ap50", ... */

typedef struct ebjr_coco ebjr_coco;

/*
 * Matches both models; at first the teacher answers every image. Time and memory are those of
 * sorting the detections. Nothing given is needed afterwards. The caller frees with
 * ebjr_coco_free. Errors: EBJR_EINVAL an image or category that is not there, a score, box or area
 * that is not finite or is negative in size (the message says which); EBJR_ENOMEM.
 */
int ebjr_coco_new(ebjr_coco **out, const struct ebjr_truth *truth,
                  const struct ebjr_detections *student, const struct ebjr_detections *teacher);
void ebjr_coco_free(ebjr_coco *coco);

/* Gives an image to the student or back to the teacher. */
void ebjr_coco_move(ebjr_coco *coco, size_t image, bool to_student);

/* NaN where no category has an object of that kind. Counts again what moves have changed since it
 * was asked for last. */
double ebjr_coco_figure(ebjr_coco *coco, enum ebjr_coco_figure figure);

#ifdef __cplusplus
}
#endif
#endif
