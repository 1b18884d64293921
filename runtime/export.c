#include "runtime/export.h"

#include "base/error.h"
#include "runtime/cascade.h"

/* The live cascade knows which models fit a policy. What it leaves to whoever looks at a prediction
 * has no place among logits. */
static int check(const struct ebjr_policy *policy, ebjr_model *const *models)
{
    const struct ebjr_policy_stage *last = &policy->stages[policy->stage_count - 1];
    ebjr_cascade *cascade;
    int status = ebjr_cascade_new(&cascade, policy, models);
    if (status)
        return status;
    ebjr_cascade_free(cascade);
    if (*last->class_map)
        return ebjr_error_set(EBJR_EINVAL,
                              "the last stage, '%s', may answer \"other\", for which logits of the "
                              "classes have no place",
                              last->model);
    if (policy->answer_weight < 1 && *policy->stages[0].class_map)
        return ebjr_error_set(EBJR_EINVAL, "a specialised student has no part in a joint answer");
    size_t width = ebjr_model_describe(models[policy->stage_count - 1])->classes;
    for (size_t i = 0; i + 1 < policy->stage_count; i++) {
        const struct ebjr_policy_stage *stage = &policy->stages[i];
        for (size_t k = 0; k < ebjr_model_describe(models[i])->classes; k++)
            if (ebjr_class_map_class(stage->class_map, k) >= (int64_t)width)
                return ebjr_error_set(
                    EBJR_EINVAL, "'%s' knows class %d, the last stage, '%s', only %zu classes",
                    stage->model, ebjr_class_map_class(stage->class_map, k), last->model, width);
    }
    return 0;
}

int ebjr_cascade_export(struct ebjr_export *what, ebjr_model *const *models)
{
    int status = check(what->policy, models);
    for (size_t i = 0; i < what->policy->stage_count; i++)
        what->outputs[i] = ebjr_model_describe(models[i])->classes;
    return status ? status : ebjr_model_save_cascade(models, what);
}
