/*
 * The pick of a cascade of detectors: the threshold on an image's score that is best under budgets,
 * where "accuracy" is one of COCO's figures.
 *
 * Plain: the best point of all images whose own figures meet the budgets.
 *
 * Certified: half of the images (split by seed) propose some thresholds, of the points that meet
 * all budgets there the most accurate one and ever looser ones in equal steps of share; the other
 * half tests them in that order, a drop by the one-sided end of its bootstrap interval, a least
 * figure by that of its own less its bias (coco_bootstrap.h). The first that fails ends the walk
 * (fixed sequence testing), so that one budget spends its part of delta once. A teacher rate, and
 * with it FLOPs, is a mean over images, bounded by Clopper and Pearson, and holds from some
 * threshold on (certify.h). With m budgets each has delta / m.
 *
 * The bootstrap's share of the promise holds as the number of images grows: see
 * coco_bootstrap.h for what has been measured.
 */
#ifndef EBJR_CALIB_COCO_PICK_H
#define EBJR_CALIB_COCO_PICK_H

#include "calib/budget.h"
#include "calib/coco_bootstrap.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_coco_pick_request {
    enum ebjr_coco_figure figure;
    double limit[EBJR_BUDGETS]; /* NaN: none; min-accuracy and max-drop are of the figure. Budgets
                                   on latency are only for plain picks */
    enum ebjr_objective objective;
    double student_flops, teacher_flops;             /* NaN: unknown */
    const double *student_latency, *teacher_latency; /* [images] ns; NULL: unknown */
    bool certify;
    double delta;
    uint64_t split_seed;
    struct ebjr_bootstrap bootstrap; /* its level is not used */
};

struct ebjr_coco_pick {
    bool feasible;
    double threshold;            /* +inf: all to the teacher */
    struct ebjr_figures figures; /* on all images (plain), or on those that tested */
    double bound[EBJR_BUDGETS];  /* of each certified budget the one-sided end at the threshold;
                                    promised is the limit. NaN: not certified */
    double delta_each;           /* delta / number of certified budgets; NaN: there is none */
    size_t images, tested;       /* that the figures are of; thresholds that were proposed */
    unsigned binding;            /* this and what follows as in struct ebjr_choice, of the points */
    double reachable[EBJR_BUDGETS]; /* that were to choose from: all, the proposed ones, or where
                                       none is proposed those of the proposing images */
    unsigned conflict;
};

/*
 * score[truth->images]. Time: a plain pick is a sweep (coco.h), a certified one a sweep of one half
 * and, for each threshold that is tested, the resamples of the other; both models' detections are
 * copied half by half. Errors: EBJR_EINVAL a budget without its figures, one on latency that is to
 * be certified, no images, or fewer than two to split, a score that is not finite, a delta that is
 * not above 0 and below 1/2, too few resamples for it, a figure that is not defined since no object
 * is of its kind; those of ebjr_coco_new.
 */
int ebjr_coco_pick(struct ebjr_coco_pick *out, const struct ebjr_truth *truth,
                   const struct ebjr_detections *student, const struct ebjr_detections *teacher,
                   const double *score, const struct ebjr_coco_pick_request *request);

#ifdef __cplusplus
}
#endif
#endif
