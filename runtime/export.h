/*
 * Export: a policy and its models as one TorchScript file, which routes by itself wherever
 * TorchScript is served. Its forward takes pixels [n, c, h, w] (or what the models take) and
 * returns
 *
 *   logits  [n, classes] float32, of who answered; -inf for a class that one does not know. Of a
 *           joint answer, log(w softmax(z_t) + (1 - w) softmax(z_s))
 *   stage   [n] int64, who answered, 0 the student
 *   score   [n] float64, of the student's router
 *
 * The answer is the argmax of the logits. The policy's text is in the file, as the extra file
 * policy.json.
 */
#ifndef EBJR_RUNTIME_EXPORT_H
#define EBJR_RUNTIME_EXPORT_H

#include "runtime/model.h"
#include "runtime/policy.h"
#include "runtime/preprocess.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_export {
    const char *path;
    const struct ebjr_policy *policy;
    const char *policy_text;
    const struct ebjr_preprocessing *preprocessing; /* built in; NULL: inputs are preprocessed */
    size_t outputs[EBJR_POLICY_STAGES]; /* of each model; ebjr_cascade_export fills it */
};

/*
 * Writes `what` of models[policy->stage_count], opened on the CPU for one shape. Written beside the
 * target first and renamed; the same bytes for the same models and policy. Errors: EBJR_EINVAL
 * models that do not fit the policy, or a policy that cannot be exported: a last stage or a joint
 * answer with a class map; EBJR_EMODEL; EBJR_EIO.
 */
int ebjr_cascade_export(struct ebjr_export *what, ebjr_model *const *models);

#ifdef __cplusplus
}
#endif
#endif
