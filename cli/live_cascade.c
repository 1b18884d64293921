#include "cli/live_cascade.h"

#include "base/error.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int live_find_file(struct ebjr_stored_model *stored, const struct option_list *files)
{
    struct ebjr_stored_model given;
    for (size_t i = 0; i < files->count; i++) {
        int status = live_identify(&given, files->items[i]);
        if (status)
            return ebjr_error_context(status, "--model %s", files->items[i]);
        if (strcmp(given.sha256, stored->sha256) == 0) {
            snprintf(stored->path, sizeof stored->path, "%s", given.path);
            return 0;
        }
        if (strcmp(given.name, stored->name) == 0)
            return ebjr_error_set(EBJR_EMODEL,
                                  "%s is not the model '%s': its SHA-256 is %.12s..., that of the "
                                  "model %.12s...",
                                  given.path, stored->name, given.sha256, stored->sha256);
    }
    int status = *stored->path ? live_identify(&given, stored->path) : EBJR_ENOTFOUND;
    if (status)
        return ebjr_error_set(EBJR_ENOTFOUND,
                              "the model '%s' is not at hand%s%s; say where by "
                              "--model '%s'=FILE",
                              stored->name, *stored->path ? " at " : "", stored->path,
                              stored->name);
    if (strcmp(given.sha256, stored->sha256) != 0)
        return ebjr_error_set(EBJR_EMODEL,
                              "%s was changed since the model '%s' was stored; say where that one "
                              "is by --model '%s'=FILE",
                              stored->path, stored->name, stored->name);
    return 0;
}

/* Of the model's stored runs: how its outputs are meant, how its inputs were made. */
static int recall_run(struct ebjr_policy *policy, ebjr_store *store,
                      const struct ebjr_stored_model *student)
{
    struct ebjr_stored_run *runs;
    size_t count;
    int status = ebjr_stored_run_list(&runs, &count, store);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++)
        if (runs[i].model_id == student->id) {
            snprintf(policy->stages[0].class_map, sizeof policy->stages[0].class_map, "%s",
                     runs[i].class_map);
            snprintf(policy->preprocessing, sizeof policy->preprocessing, "%s",
                     runs[i].preprocessing);
        }
    free(runs);
    return 0;
}

static int name_stage(struct ebjr_policy_stage *stage, struct ebjr_stored_model *stored,
                      ebjr_store *store, const char *name)
{
    int status = ebjr_stored_model_find(stored, store, name);
    if (status)
        return status;
    snprintf(stage->model, sizeof stage->model, "%s", stored->name);
    snprintf(stage->sha256, sizeof stage->sha256, "%s", stored->sha256);
    return 0;
}

/* A policy of what was said on the command line. */
static int make_policy(struct live_cascade *out, ebjr_store *store,
                       const struct live_cascade_request *request)
{
    struct ebjr_policy *policy = &out->policy;
    struct ebjr_router *router = &policy->stages[0].router;
    if (!request->student || !request->teacher || !request->score || isnan(request->threshold))
        return ebjr_error_set(EBJR_EINVAL, "say --policy FILE, or --student, --teacher, --score "
                                           "and --threshold");
    if (!store)
        return ebjr_error_set(EBJR_EINVAL,
                              "--student and --teacher are models of a store: --db or EBJR_DB");
    if (!(request->options.temperature > 0) || !(request->options.p > 0))
        return ebjr_error_set(EBJR_EINVAL, "--temperature and --p lie above 0");
    policy->stage_count = 2;
    policy->answer_weight = 1;
    policy->stages[0].threshold = request->threshold;
    router->options = request->options;
    int status = ebjr_score_find(&router->score, request->score);
    if (!status && router->score->kind != EBJR_SCORE_LOGITS)
        status = ebjr_error_set(EBJR_EINVAL,
                                "'%s' cannot route: it is no function of the "
                                "student's logits",
                                request->score);
    if (!status)
        status = name_stage(&policy->stages[0], &out->stored[0], store, request->student);
    if (!status)
        status = name_stage(&policy->stages[1], &out->stored[1], store, request->teacher);
    return status ? status : recall_run(policy, store, &out->stored[0]);
}

static int load_policy(struct live_cascade *out, ebjr_store *store,
                       const struct live_cascade_request *request)
{
    int status = ebjr_policy_load(&out->policy, request->policy);
    for (size_t i = 0; !status && i < out->policy.stage_count; i++) {
        const struct ebjr_policy_stage *stage = &out->policy.stages[i];
        struct ebjr_stored_model *stored = &out->stored[i];
        if (store && ebjr_stored_model_find(stored, store, stage->sha256) == 0)
            continue;
        *stored = (struct ebjr_stored_model){0};
        snprintf(stored->name, sizeof stored->name, "%s", stage->model);
        snprintf(stored->sha256, sizeof stored->sha256, "%s", stage->sha256);
    }
    return status;
}

/* The preprocessing that the policy was made with, unless the same was asked for anyway. */
static int agree_on_preprocessing(struct live *live, const struct live_request *request,
                                  const struct ebjr_policy *policy)
{
    bool asked = request->scale || request->mean || request->std || request->preset ||
                 request->resize || request->crop || request->interpolation;
    if (!*policy->preprocessing || strcmp(live->preprocessing_text, policy->preprocessing) == 0)
        return 0;
    if (asked)
        return ebjr_error_set(EBJR_EINVAL,
                              "the preprocessing asked for is %s, that of the outputs the cascade "
                              "was made from %s; leave it out to use theirs",
                              live->preprocessing_text, policy->preprocessing);
    snprintf(live->preprocessing_text, sizeof live->preprocessing_text, "%s",
             policy->preprocessing);
    int status = ebjr_preprocessing_recall(&live->preprocessing, policy->preprocessing,
                                           ebjr_dataset_describe(live->dataset)->shape.channels);
    return status ? status : ebjr_dataset_fit(live->dataset, &live->preprocessing.fit);
}

int live_cascade_open(struct live_cascade *out, struct live *live, ebjr_store *store,
                      const struct live_request *live_request,
                      const struct live_cascade_request *request)
{
    *out = (struct live_cascade){0};
    int status =
        request->policy ? load_policy(out, store, request) : make_policy(out, store, request);
    if (!status)
        status = agree_on_preprocessing(live, live_request, &out->policy);
    for (size_t i = 0; !status && i < out->policy.stage_count; i++) {
        status = live_find_file(&out->stored[i], &request->models);
        if (!status)
            status = live_model_open(&out->models[i], live, &out->stored[i]);
    }
    if (!status && !request->policy)
        out->policy.classes = ebjr_model_describe(out->models[0])->classes;
    return status;
}

static int find_alone(struct ebjr_stored_model *out, ebjr_store *store, const char *text)
{
    static const struct option_list nowhere_else;
    if (store && ebjr_stored_model_find(out, store, text) == 0)
        return live_find_file(out, &nowhere_else);
    return live_identify(out, text);
}

static void complete_alone(struct live_cascade *out)
{
    struct ebjr_policy *policy = &out->policy;
    struct ebjr_policy_stage *stage = &policy->stages[0];
    snprintf(stage->model, sizeof stage->model, "%s", out->stored[0].name);
    snprintf(stage->sha256, sizeof stage->sha256, "%s", out->stored[0].sha256);
    policy->stage_count = 1;
    policy->answer_weight = 1;
    policy->classes = ebjr_model_describe(out->models[0])->classes;
}

int live_cascade_open_alone(struct live_cascade *out, struct live *live, ebjr_store *store,
                            const struct live_request *live_request,
                            const struct live_cascade_request *request)
{
    struct ebjr_policy *policy = &out->policy;
    *out = (struct live_cascade){0};
    if (request->models.count != 1)
        return ebjr_error_set(EBJR_EINVAL, "say --policy FILE, or --student, --teacher, --score "
                                           "and --threshold, or one --model");
    int status = find_alone(&out->stored[0], store, request->models.items[0]);
    if (!status)
        status = live_model_open(&out->models[0], live, &out->stored[0]);
    policy->stage_count = status ? 0 : 1;
    if (!status && store)
        status = ebjr_stored_model_put(store, &out->stored[0]);
    if (!status && store)
        status = recall_run(policy, store, &out->stored[0]);
    if (!status)
        status = agree_on_preprocessing(live, live_request, policy);
    if (status)
        return status;
    complete_alone(out);
    return 0;
}

int live_cascade_part(struct live_cascade *out, const struct live_cascade *whole, size_t stage)
{
    *out =
        (struct live_cascade){.stored = {whole->stored[stage]}, .models = {whole->models[stage]}};
    complete_alone(out);
    return ebjr_cascade_new(&out->cascade, &out->policy, out->models);
}

int live_cascade_ready(struct live_cascade *out, struct live *live, ebjr_store *store, size_t batch)
{
    int status = 0;
    ebjr_cascade_free(out->cascade);
    out->cascade = NULL;
    for (size_t i = 0; !status && i < out->policy.stage_count; i++)
        status = live_model_prepare(out->models[i], live, out->stored[i].id ? store : NULL,
                                    &out->stored[i], batch);
    return status ? status : ebjr_cascade_new(&out->cascade, &out->policy, out->models);
}

void live_cascade_describe(char *out, size_t size, const struct live_cascade *self)
{
    const struct ebjr_policy *policy = &self->policy;
    size_t used = 0;
    for (size_t i = 0; i < policy->stage_count; i++)
        used += (size_t)snprintf(out + (used < size ? used : size), used < size ? size - used : 0,
                                 "%s%s", i ? " > " : "", policy->stages[i].model);
    for (size_t i = 0; i + 1 < policy->stage_count; i++) {
        char threshold[EBJR_NUMBER_TEXT];
        const struct ebjr_router *router = &policy->stages[i].router;
        used += (size_t)snprintf(out + (used < size ? used : size), used < size ? size - used : 0,
                                 ", %s >= %s", router->learned ? "learned" : router->score->name,
                                 ebjr_number_format(threshold, policy->stages[i].threshold));
    }
}

void live_cascade_close(struct live_cascade *self)
{
    ebjr_cascade_free(self->cascade);
    for (size_t i = 0; i < self->policy.stage_count; i++)
        ebjr_model_close(self->models[i]);
    ebjr_policy_clear(&self->policy);
}
