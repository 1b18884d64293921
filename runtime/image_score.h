/*
 * Router scores of images: a number for an image from what its student detects in it; higher keeps
 * the student. Detection d of the k in an image has the confidence s_d, its score within [0, 1],
 * and the energy e_d: of class logits z_d that of router scores (score.h), and where there are
 * none, of the logit of its confidence beside a 0 for background,
 *
 *   e_d = T log sum_k exp(z_dk / T),      or      e_d = log(exp(0) + exp(logit s_d)) = -log(1 -
 * s_d).
 *
 *   name             formula                  what it asks
 *   energy-max       max e_d                  is one object seen clearly?
 *   energy-mean      sum e_d / k              are most?
 *   energy-weighted  sum s_d e_d / sum s_d    are those that will count?
 *   confidence-max   max s_d
 *   confidence-mean  sum s_d / k
 *   few              -sum s_d                 are there few objects? (their expected number,
 * negated) certain          -sum s_d (1 - s_d)       is their number sure? (the variance of how
 * many detections are right, each with probability s_d) random           uniform, seeded the line
 * to beat oracle           AP with this image alone moved to the student, less the teacher's AP:
 * the order that is best at first; it knows the objects
 *
 * An image without detections has 0 in all but the last two. A mean is taken over all detections
 * that are stored; detectors that always give a hundred, most of them noise, are why weighted and
 * counting scores differ from it. Energies of confidences are at most -log(2^-53), 36.7.
 *
 * The first three aggregate EBJR's energy (BMVC 2021, eq. 5), which routes detectors there too; a
 * sum of Bernoulli variances is that of a Poisson binomial.
 */
#ifndef EBJR_RUNTIME_IMAGE_SCORE_H
#define EBJR_RUNTIME_IMAGE_SCORE_H

#include "base/detection.h"
#include "runtime/score.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The detections of one image. */
struct ebjr_image_row {
    const struct ebjr_detection *items; /* [count] */
    const double *energy;               /* [count] */
    size_t count;
};

struct ebjr_image_score {
    const char *name, *formula;
    enum ebjr_score_kind kind; /* EBJR_SCORE_LOGITS: of detections */
    double (*of_row)(const struct ebjr_image_row *row);
};

/* All, in the order of the table above. */
const struct ebjr_image_score *ebjr_image_score_list(size_t *count);

/* Errors: EBJR_EINVAL, with the nearest known name. */
int ebjr_image_score_find(const struct ebjr_image_score **out, const char *name);

/*
 * scores[images], of detections in the order of images; not of an oracle. Errors: EBJR_EINVAL a
 * confidence outside 0..1, with its image; EBJR_ENOMEM.
 */
int ebjr_image_score_evaluate(double *scores, const struct ebjr_image_score *score,
                              const struct ebjr_detections *detections, size_t images,
                              const struct ebjr_score_options *options);

#ifdef __cplusplus
}
#endif
#endif
