#include "cli/policy_cascade.h"

#include "base/error.h"

#include <string.h>

int policy_cascade(struct cascade *cascade, const struct ebjr_policy *policy,
                   const struct cascade_request *request, const char *path)
{
    struct cascade_request found = *request;
    if (policy->stage_count != 2)
        return ebjr_error_set(EBJR_EINVAL, "%s has %zu stages; this command knows cascades of two",
                              path, policy->stage_count);
    found.student = policy->stages[0].sha256;
    found.teacher = policy->stages[1].sha256;
    found.teacher_logits |= policy->answer_weight < 1;
    int status = cascade_load(cascade, &found);
    if (status)
        return ebjr_error_context(status, "%s: student '%s', teacher '%s'", path,
                                  policy->stages[0].model, policy->stages[1].model);
    if (cascade->classes != policy->classes)
        return ebjr_error_set(EBJR_EINVAL, "%s is for %zu classes, these outputs have %zu", path,
                              policy->classes, cascade->classes);
    if (strcmp(cascade->student_run.class_map, policy->stages[0].class_map) != 0)
        return ebjr_error_set(EBJR_EINVAL, "%s: outputs of '%s' stand for other classes here", path,
                              policy->stages[0].model);
    if (strcmp(cascade->student_run.preprocessing, policy->preprocessing) != 0)
        return ebjr_error_set(EBJR_EINVAL,
                              "%s was made with the preprocessing %s, these outputs "
                              "with %s",
                              path, policy->preprocessing, cascade->student_run.preprocessing);
    return 0;
}

int policy_load_cascade(struct ebjr_policy *policy, struct cascade *cascade,
                        const struct cascade_request *request, const char *path)
{
    int status = ebjr_policy_load(policy, path);
    return status ? status : policy_cascade(cascade, policy, request, path);
}
