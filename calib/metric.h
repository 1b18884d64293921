/*
 * Metrics of a cascade over a whole set of samples, for a sweep: at first the teacher answers every
 * sample, then one after the other moves to the student. Accuracy and its drop, which budgets and
 * certificates are about, have faster ways of their own (sweep.h); detectors have coco.h.
 *
 * With y the label of a sample and c the class that the cascade answers, for each class k
 *   support(k) = #{y = k},  predicted(k) = #{c = k},  right(k) = #{y = c = k}.
 */
#ifndef EBJR_CALIB_METRIC_H
#define EBJR_CALIB_METRIC_H

#include "calib/sweep.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a model answered. */
struct ebjr_answers {
    const int32_t *prediction; /* [n]; -1: none of the classes */
    const uint8_t *top5;       /* [n] whether fewer than five outputs come before the label's */
    const float *logits;       /* [n, classes]; NULL: not at hand */
};

struct ebjr_labelled {
    size_t n, classes;
    const int32_t *label; /* [n] 0 .. classes-1 */
    struct ebjr_answers student, teacher;
};

/* What one sample is worth, answered by one of the models. */
typedef double ebjr_worth(const struct ebjr_labelled *samples, const struct ebjr_answers *answers,
                          size_t sample);

struct ebjr_metric {
    const char *name, *summary; /* a line for a person */
    bool lower_is_better;
    bool needs_logits; /* of both models */
    ebjr_worth *worth; /* of which it is the mean; NULL: it is none */

    /* *state lives until close, and may look at *samples until then. Errors: EBJR_ENOMEM. */
    int (*open)(void **state, const struct ebjr_metric *self, const struct ebjr_labelled *samples);
    void (*move)(void *state, size_t sample); /* to the student; once a sample */
    double (*value)(void *state);
    void (*close)(void *state);
};

/*
 * The metrics there are.
 *
 * top5: the mean of top5.
 * balanced-accuracy: the mean of right / support over the classes with support.
 * macro-f1: the mean of 2 right / (support + predicted) over the classes with either.
 * micro-f1: 2 sum right / sum (support + predicted); below accuracy only where a specialised
 * student answers none of the classes. nll: the mean of -log p(y), nats.   brier: the mean of sum_k
 * (p(k) - [k = y])^2; p = softmax(z).
 */
const struct ebjr_metric *const *ebjr_metric_list(size_t *count);

/* Errors: EBJR_ENOTFOUND, with the nearest name. */
int ebjr_metric_find(const struct ebjr_metric **out, const char *name);

/*
 * values[curve->count], of the cascade at each point of a sweep over score[samples->n]. Errors:
 * EBJR_EINVAL a label that is no class, or no logits where they are needed; EBJR_ENOMEM.
 */
int ebjr_metric_sweep(double *values, const struct ebjr_metric *metric,
                      const struct ebjr_labelled *samples, const struct ebjr_curve *curve,
                      const double *score);

#ifdef __cplusplus
}
#endif
#endif
