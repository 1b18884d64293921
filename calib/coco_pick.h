/*
 * The pick of a cascade of detectors: the threshold on an image's score that is best under budgets,
 * where "accuracy" is one of COCO's figures.
 *
 * Plain: the best point of all images whose own figures meet the budgets.
 *
 * Certified: half of the images (split by seed) propose, from the most to the least accurate point,
 * a few ever looser thresholds that meet the budgets there; the other half tests them in
 * that order, a drop or a least figure by the one-sided end of its bootstrap interval at 1 - delta
 * (coco_bootstrap.h), a teacher rate and with it FLOPs by Clopper and Pearson, for they are means
 * over images. The first that fails ends the walk (fixed sequence testing), so that delta is spent
 * once a budget. The bootstrap's share of the promise holds as the number of images grows.
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
                                   on latency are only for plain picks of the mean */
    enum ebjr_objective objective;
    double student_flops, teacher_flops; /* NaN: unknown */
    bool certify;
    double delta;
    uint64_t split_seed;
    struct ebjr_bootstrap bootstrap; /* its level is not used */
};

struct ebjr_coco_pick {
    bool feasible;
    double threshold;            /* +inf: all to the teacher */
    struct ebjr_figures figures; /* on all images (plain), or on those that tested */
    double bound[EBJR_BUDGETS];  /* what is promised of each certified budget; NaN: not certified */
    size_t images, tested;       /* that the figures are of; thresholds that were tested */
    double reachable[EBJR_BUDGETS];
    unsigned conflict; /* where infeasible, as in struct ebjr_choice */
};

/* score[truth->images]. Errors: EBJR_EINVAL a budget without its figures, no images, a score that
 * is not finite; those of ebjr_coco_new. */
int ebjr_coco_pick(struct ebjr_coco_pick *out, const struct ebjr_truth *truth,
                   const struct ebjr_detections *student, const struct ebjr_detections *teacher,
                   const double *score, const struct ebjr_coco_pick_request *request);

#ifdef __cplusplus
}
#endif
#endif
