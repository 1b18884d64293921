/* The cascade that a policy speaks of, found in a store by its hashes. */
#ifndef EBJR_CLI_POLICY_CASCADE_H
#define EBJR_CLI_POLICY_CASCADE_H

#include "cli/cascade.h"
#include "runtime/policy.h"

/*
 * Loads the policy, and its two models' outputs on the data set of the request (or the only one
 * they share). The caller clears both. Errors: those of both; EBJR_EINVAL more than two stages, or
 * outputs made with another preprocessing than the policy's.
 */
int policy_load_cascade(struct ebjr_policy *policy, struct cascade *cascade,
                        const struct cascade_request *request, const char *path);

#endif
