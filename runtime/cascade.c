#include "runtime/cascade.h"

#include "base/answer.h"
#include "base/error.h"
#include "runtime/class_map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A stage answers the samples that wait for it, and passes on the rest. Of those the inputs are
 * kept, and for a joint answer what the stage before said. */
struct stage {
    const struct ebjr_policy_stage *policy;
    ebjr_model *model;
    size_t classes, batch;
    int32_t *meaning; /* [classes] the class of each output; EBJR_OTHER */
    float *logits;    /* [batch][classes] */
    /* Not of the first stage: samples that wait. */
    size_t waiting;
    float *inputs;               /* [batch][size] */
    struct ebjr_answer **places; /* [batch] */
    float *earlier;              /* [batch][classes]; NULL: no joint answer */
};

struct ebjr_cascade {
    const struct ebjr_policy *policy;
    size_t stage_count, size; /* of one input */
    struct stage stages[EBJR_POLICY_STAGES];
};

static int make_meaning(struct stage *stage)
{
    const char *map = stage->policy->class_map;
    stage->meaning = malloc(stage->classes * sizeof *stage->meaning);
    if (!stage->meaning)
        return ebjr_error_memory();
    if (*map && ebjr_class_map_size(map) != stage->classes)
        return ebjr_error_set(EBJR_EINVAL, "'%s' has %zu outputs, its class map speaks of %zu",
                              stage->policy->model, stage->classes, ebjr_class_map_size(map));
    for (size_t i = 0; i < stage->classes; i++)
        stage->meaning[i] = *map ? ebjr_class_map_class(map, i) : (int32_t)i;
    return 0;
}

static int check_stage(const struct ebjr_cascade *cascade, size_t index)
{
    const struct stage *stage = &cascade->stages[index];
    const struct ebjr_router *router = &stage->policy->router;
    bool last = index + 1 == cascade->stage_count;
    if (index == 0 && stage->classes != cascade->policy->classes)
        return ebjr_error_set(EBJR_EINVAL, "the policy is for %zu classes, '%s' has %zu",
                              cascade->policy->classes, stage->policy->model, stage->classes);
    if (last)
        return 0;
    if (!router->learned && (!router->score || router->score->kind != EBJR_SCORE_LOGITS))
        return ebjr_error_set(EBJR_EINVAL, "the policy's score cannot be told from '%s''s logits",
                              stage->policy->model);
    if (router->classes > 0 && router->classes != stage->classes)
        return ebjr_error_set(EBJR_EINVAL, "the policy has offsets for %zu classes, '%s' has %zu",
                              router->classes, stage->policy->model, stage->classes);
    return 0;
}

static int make_stage(struct ebjr_cascade *cascade, size_t index)
{
    struct stage *stage = &cascade->stages[index];
    bool joint = cascade->policy->answer_weight < 1;
    stage->classes = ebjr_model_describe(stage->model)->classes;
    stage->batch = ebjr_model_plan(stage->model)->batch;
    int status = make_meaning(stage);
    if (!status)
        status = check_stage(cascade, index);
    if (status)
        return status;
    stage->logits = malloc(stage->batch * stage->classes * sizeof *stage->logits);
    if (!stage->logits)
        return ebjr_error_memory();
    if (index == 0)
        return 0;
    if (joint && (cascade->stage_count != 2 || stage->classes != cascade->stages[0].classes))
        return ebjr_error_set(EBJR_EINVAL, "a joint answer is of two models with the same classes");
    stage->inputs = malloc(stage->batch * cascade->size * sizeof *stage->inputs);
    stage->places = malloc(stage->batch * sizeof *stage->places);
    stage->earlier = joint ? malloc(stage->batch * stage->classes * sizeof *stage->earlier) : NULL;
    return stage->inputs && stage->places && (stage->earlier || !joint) ? 0 : ebjr_error_memory();
}

int ebjr_cascade_new(ebjr_cascade **out, const struct ebjr_policy *policy,
                     ebjr_model *const *models)
{
    struct ebjr_cascade *cascade = calloc(1, sizeof *cascade);
    int status = 0;
    if (!cascade)
        return ebjr_error_memory();
    const struct ebjr_shape *shape = ebjr_model_shape(models[0]);
    cascade->policy = policy;
    cascade->stage_count = policy->stage_count;
    cascade->size = shape->channels * shape->height * shape->width;
    for (size_t i = 0; !status && i < policy->stage_count; i++) {
        cascade->stages[i] = (struct stage){.policy = &policy->stages[i], .model = models[i]};
        status = make_stage(cascade, i);
    }
    if (status) {
        ebjr_cascade_free(cascade);
        return status;
    }
    *out = cascade;
    return 0;
}

void ebjr_cascade_free(ebjr_cascade *cascade)
{
    if (!cascade)
        return;
    for (size_t i = 0; i < cascade->stage_count; i++) {
        struct stage *stage = &cascade->stages[i];
        free(stage->meaning);
        free(stage->logits);
        free(stage->inputs);
        free(stage->places);
        free(stage->earlier);
    }
    free(cascade);
}

static int check_finite(const struct stage *stage, const float *logits)
{
    for (size_t k = 0; k < stage->classes; k++)
        if (!isfinite(logits[k]))
            return ebjr_error_set(EBJR_EINVAL, "'%s' answered %s for class %zu",
                                  stage->policy->model, isnan(logits[k]) ? "NaN" : "infinity", k);
    return 0;
}

static int forward(struct stage *stage, const float *inputs, size_t count)
{
    int status = ebjr_model_forward(stage->model, stage->logits, inputs, count);
    for (size_t i = 0; !status && i < count; i++)
        status = check_finite(stage, stage->logits + i * stage->classes);
    return status;
}

static void wait_for(struct stage *next, struct ebjr_answer *answer, const float *input,
                     const float *logits, size_t size)
{
    size_t place = next->waiting++;
    memcpy(next->inputs + place * size, input, size * sizeof *input);
    if (next->earlier)
        memcpy(next->earlier + place * next->classes, logits, next->classes * sizeof *logits);
    next->places[place] = answer;
}

static int drain(struct ebjr_cascade *cascade, size_t index);

/* Sample i of the stage's batch: an answer, or a place among those that wait for the next stage. */
static int route(struct ebjr_cascade *cascade, size_t index, size_t i, struct ebjr_answer *answer,
                 const float *input)
{
    struct stage *stage = &cascade->stages[index];
    const float *logits = stage->logits + i * stage->classes;
    int32_t prediction = stage->meaning[ebjr_logits_argmax(logits, stage->classes)];
    double score = NAN;
    if (index + 1 < cascade->stage_count)
        score = ebjr_router_score(&stage->policy->router, logits, stage->classes);
    if (index == 0)
        answer->score = score;
    answer->stage = (int32_t)index;
    answer->prediction = prediction;
    if (index + 1 == cascade->stage_count) {
        if (stage->earlier)
            answer->prediction =
                ebjr_average_answer(stage->earlier + i * stage->classes, logits, stage->classes,
                                    cascade->policy->answer_weight);
        return 0;
    }
    if (prediction != EBJR_OTHER && score >= stage->policy->threshold)
        return 0;
    struct stage *next = &cascade->stages[index + 1];
    wait_for(next, answer, input, logits, cascade->size);
    return next->waiting == next->batch ? drain(cascade, index + 1) : 0;
}

static int drain(struct ebjr_cascade *cascade, size_t index)
{
    struct stage *stage = &cascade->stages[index];
    size_t count = stage->waiting;
    stage->waiting = 0;
    if (count == 0)
        return 0;
    int status = forward(stage, stage->inputs, count);
    for (size_t i = 0; !status && i < count; i++)
        status = route(cascade, index, i, stage->places[i], stage->inputs + i * cascade->size);
    return status;
}

static int forget(struct ebjr_cascade *cascade, int status)
{
    for (size_t i = 0; i < cascade->stage_count; i++)
        cascade->stages[i].waiting = 0;
    return status;
}

int ebjr_cascade_feed(ebjr_cascade *cascade, struct ebjr_answer *answers, const float *inputs,
                      size_t count)
{
    struct stage *student = &cascade->stages[0];
    int status = 0;
    for (size_t first = 0; !status && first < count; first += student->batch) {
        const float *block = inputs + first * cascade->size;
        size_t left = count - first, taken = left < student->batch ? left : student->batch;
        status = forward(student, block, taken);
        for (size_t i = 0; !status && i < taken; i++)
            status = route(cascade, 0, i, &answers[first + i], block + i * cascade->size);
    }
    return status ? forget(cascade, status) : 0;
}

int ebjr_cascade_flush(ebjr_cascade *cascade)
{
    int status = 0;
    for (size_t i = 1; !status && i < cascade->stage_count; i++)
        status = drain(cascade, i);
    return status ? forget(cascade, status) : 0;
}

int ebjr_cascade_answer(ebjr_cascade *cascade, struct ebjr_answer *answers, const float *inputs,
                        size_t count)
{
    int status = ebjr_cascade_feed(cascade, answers, inputs, count);
    return status ? status : ebjr_cascade_flush(cascade);
}
