/* Fitting what a pick needs beside a threshold, on tuning samples alone. */
#ifndef EBJR_CLI_FIT_H
#define EBJR_CLI_FIT_H

#include "cli/cascade.h"
#include "runtime/router.h"

struct fit_request {
    const char *score;  /* a name; "auto": the best on the tuning samples; "learned" */
    bool temperature;   /* fit T by the student's likelihood */
    bool per_class;     /* fit offsets of the predicted classes */
    const char *answer; /* "teacher", "average" (w is fitted), "average:W" */
};

/*
 * Fits router and answer on the samples with use[i] != 0. Where something was fitted, it is
 * compared with the best plain score on the samples with held_out[i] != 0, and what was found is
 * said. The caller clears the router. Errors: EBJR_EINVAL, EBJR_ENOMEM.
 */
int fit_router(struct ebjr_router *router, double *answer_weight, const struct cascade *cascade,
               const struct fit_request *request, const uint8_t *use, const uint8_t *held_out);

/* Can a router compute it? Is it an answer? Errors: EBJR_EINVAL. */
int fit_check_score(const struct ebjr_score *score);
int fit_check_answer(const char *answer);

/* scores[n] of a router. Errors: EBJR_ENOMEM, those of the store. */
int fit_scores(double *scores, const struct cascade *cascade, const struct ebjr_router *router);

/* correct[n] of the answer to a deferred sample: the teacher's, or the joint one's. */
void fit_joint_correct(uint8_t *correct, const struct cascade *cascade, double answer_weight);

#endif
