/* A cascade of detectors as the store has it, in memory: what there is to find, and what both
 * found. In the place of accuracy stand COCO's figures. */
#ifndef EBJR_CLI_DETECTION_H
#define EBJR_CLI_DETECTION_H

#include "calib/bootstrap.h"
#include "calib/coco.h"
#include "calib/latency.h"
#include "cli/cascade.h"
#include "cli/table.h"
#include "db/detection.h"
#include "db/truth.h"
#include "runtime/image_score.h"

#define DETECTION_SCORE "energy-weighted" /* where none is named */

struct detection {
    struct cascade *cascade;
    struct ebjr_stored_truth truth;
    struct ebjr_stored_detections student, teacher; /* logits of the student alone */
    ebjr_coco *coco;                                /* all with the teacher, between calls */
};

/* Reads what cascade_find found, latencies too. The caller frees with detection_free, also after an
 * error. Errors: those of the store; EBJR_ENOMEM. */
int detection_load(struct detection *out, struct cascade *cascade);
void detection_free(struct detection *detection);

/* What is there to find, with categories enough for what was found. */
struct ebjr_truth detection_truth(const struct detection *detection);

/* The score with this name, or all for "all". Points into ebjr_image_score_list. */
int detection_select_scores(const struct ebjr_image_score **first, size_t *count, const char *name);

/* scores[images]. Errors: EBJR_EINVAL confidences that are none; EBJR_ENOMEM. */
int detection_score(double *scores, const struct detection *detection,
                    const struct ebjr_image_score *score);

/* The figure of that name. Errors: EBJR_ENOTFOUND, with the nearest. */
int detection_figure_find(enum ebjr_coco_figure *out, const char *name);

/* A curve over images, whose points count neither harm nor help, and what is known at each. */
struct detection_curve {
    struct ebjr_curve curve;
    struct ebjr_latency_curve latency; /* count 0: unknown */
    double *figures;                   /* [figure_count][curve.count] */
};

/* The caller frees, also after an error. */
int detection_sweep(struct detection_curve *out, const struct detection *detection,
                    const double *scores, const enum ebjr_coco_figure *figures,
                    size_t figure_count);
void detection_curve_free(struct detection_curve *curve);

/* The mean of a figure over teacher rates 0..1, linear between points. */
double detection_area(const struct ebjr_curve *curve, const double *figure);

#endif
