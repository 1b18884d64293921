/*
 * The live cascade: models opened once, answering batches. The student sees the whole batch; the
 * samples that its router defers are gathered, go through the next stage in batches of their own,
 * and their answers return to the places they came from.
 */
#ifndef EBJR_RUNTIME_CASCADE_H
#define EBJR_RUNTIME_CASCADE_H

#include "runtime/model.h"
#include "runtime/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_answer {
    int32_t prediction; /* a class of the data set; -1: "other" */
    int32_t stage;      /* who answered, 0 the student */
    double score;       /* of the student's router */
};

typedef struct ebjr_cascade ebjr_cascade;

/*
 * models[policy->stage_count] are borrowed, opened for the same shape and prepared with plans of
 * their own; the policy is borrowed too. All memory is taken here. The caller owns *out. Errors:
 * EBJR_EINVAL models whose classes do not fit the policy; EBJR_ENOMEM.
 */
int ebjr_cascade_new(ebjr_cascade **out, const struct ebjr_policy *policy,
                     ebjr_model *const *models);
void ebjr_cascade_free(ebjr_cascade *cascade);

/*
 * answers[count] for inputs[count][c][h][w], already preprocessed; any count. Nothing is allocated
 * here. Errors: EBJR_EMODEL; EBJR_EINVAL a model answered NaN or infinity.
 */
int ebjr_cascade_answer(ebjr_cascade *cascade, struct ebjr_answer *answers, const float *inputs,
                        size_t count);

/*
 * The same in two parts, which fills later stages' batches across calls. What `feed` defers waits
 * until a batch of the next stage is full, or for `flush`; its place in `answers` must stay valid
 * until then. Errors: as answer; what waited is then forgotten.
 */
int ebjr_cascade_feed(ebjr_cascade *cascade, struct ebjr_answer *answers, const float *inputs,
                      size_t count);
int ebjr_cascade_flush(ebjr_cascade *cascade);

#ifdef __cplusplus
}
#endif
#endif
