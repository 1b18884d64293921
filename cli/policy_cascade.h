/* The cascade that a policy speaks of, found in a store by its hashes. */
#ifndef EBJR_CLI_POLICY_CASCADE_H
#define EBJR_CLI_POLICY_CASCADE_H

#include "cli/cascade.h"
#include "runtime/policy.h"

/*
 * The outputs of a policy's two models on the data set of the request (or the only one they share);
 * `path` names the policy in errors. The caller clears the cascade. Errors: those of cascade_load;
 * EBJR_EINVAL more than two stages, or outputs made with another preprocessing or class map than
 * the policy's.
 */
int policy_cascade(struct cascade *cascade, const struct ebjr_policy *policy,
                   const struct cascade_request *request, const char *path);

/* The same, of a policy that is read from `path`. The caller clears both. */
int policy_load_cascade(struct ebjr_policy *policy, struct cascade *cascade,
                        const struct cascade_request *request, const char *path);

#endif
