/*
 * Tuning: the plans that a model can be executed by, each checked against the model as loaded and
 * timed on real inputs, and the fastest of them.
 *
 * A plan must not change answers. Its logits on the given inputs are compared with those of the
 * model as loaded; in float32 a plan is dropped, with the reason, where a prediction differs or a
 * logit by more than EBJR_PLAN_TOLERANCE of the largest. A plan of another dtype changes outputs by
 * nature: how much is recorded, and it is only tried where that dtype was asked for.
 *
 * Times are fair: the plans take turns, in rounds, and a plan's time is the median over its rounds,
 * so that what else the machine does meets all of them. Plans that are clearly slower at the
 * first try are neither compared nor timed again.
 */
#ifndef EBJR_RUNTIME_TUNE_H
#define EBJR_RUNTIME_TUNE_H

#include "runtime/model.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EBJR_PLAN_TOLERANCE 1e-4

struct ebjr_candidate {
    struct ebjr_plan plan;
    double ns;             /* a sample; NaN: it was not timed */
    double max_difference; /* of a logit from the model as loaded; NaN: it was not compared */
    int64_t changed;       /* predictions that differ, */
    int64_t samples;       /* of so many */
    bool chosen;
    char note[512]; /* why it was dropped; "" */
};

struct ebjr_tune_request {
    size_t batch;   /* 0: any */
    size_t threads; /* 0: any up to the machine's cores */
    enum ebjr_dtype dtype;
    int mode;            /* of enum ebjr_plan_mode; -1: any that the model's device offers */
    const float *inputs; /* preprocessed, [count, c, h, w]; the more, the surer the comparison */
    size_t count;
    void *context;
    /* Called between the steps; non-zero stops the search. NULL: no calls. */
    int (*progress)(void *context, int64_t done, int64_t total);
};

/*
 * Trials in the order they were tried; one of them is chosen, and the model is prepared with it.
 * The caller frees *out with free(). Errors: EBJR_EMODEL no plan works; EBJR_EINTERRUPTED;
 * EBJR_ENOMEM.
 */
int ebjr_tune(struct ebjr_candidate **out, size_t *count, ebjr_model *model,
              const struct ebjr_tune_request *request);

#ifdef __cplusplus
}
#endif
#endif
