#include "runtime/policy.h"

#include "base/error.h"
#include "version.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POLICY_VERSION = 1, DIGITS = 17 };

static const char *const budgets[EBJR_POLICY_BUDGETS] = {
    "min-accuracy", "max-drop", "max-flops", "max-teacher-rate",
    "max-latency",  "max-p95",  "max-p99"};

/* JSON knows neither infinity nor NaN: those are texts. */
static json_t *number(double value)
{
    if (isfinite(value))
        return json_real(value);
    return json_string(isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

static double number_of(const json_t *json)
{
    if (json_is_number(json))
        return json_number_value(json);
    const char *text = json_string_value(json);
    if (text && strcmp(text, "inf") == 0)
        return INFINITY;
    if (text && strcmp(text, "-inf") == 0)
        return -INFINITY;
    return NAN;
}

static json_t *numbers(const double *values, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, number(values[i]));
    return array;
}

static json_t *router_to_json(const struct ebjr_router *router, size_t classes)
{
    json_t *json = json_pack(
        "{s:s, s:o, s:o, s:s}", "score", router->learned ? "learned" : router->score->name,
        "temperature", number(router->options.temperature), "p", number(router->options.p),
        "precision", router->options.precision == EBJR_FLOAT32 ? "float32" : "double");
    if (router->learned) {
        json_object_set_new(json, "intercept", number(router->intercept));
        json_object_set_new(json, "weights",
                            numbers(router->weight, ebjr_router_feature_count(classes)));
    }
    if (router->classes > 0)
        json_object_set_new(json, "offsets", numbers(router->offset, router->classes));
    return json;
}

/* NULL where a name is not UTF-8. */
static json_t *stages_to_json(const struct ebjr_policy *policy)
{
    json_t *stages = json_array();
    for (size_t i = 0; i < policy->stage_count; i++) {
        const struct ebjr_policy_stage *stage = &policy->stages[i];
        json_t *json = json_pack("{s:s, s:s}", "model", stage->model, "sha256", stage->sha256);
        if (!json) {
            json_decref(stages);
            return NULL;
        }
        if (*stage->class_map)
            json_object_set_new(json, "class_map", json_string(stage->class_map));
        if (i + 1 < policy->stage_count) {
            json_object_set_new(json, "router", router_to_json(&stage->router, policy->classes));
            json_object_set_new(json, "threshold", number(stage->threshold));
        }
        json_array_append_new(stages, json);
    }
    return stages;
}

static json_t *promise_to_json(const struct ebjr_policy *policy)
{
    json_t *limits = json_object(), *expected = json_object(), *certified = json_array();
    for (int b = 0; b < EBJR_POLICY_BUDGETS; b++) {
        if (!isnan(policy->limit[b]))
            json_object_set_new(limits, budgets[b], number(policy->limit[b]));
        if (!isnan(policy->expected[b]))
            json_object_set_new(expected, budgets[b], number(policy->expected[b]));
        if (policy->certified >> b & 1)
            json_array_append_new(certified, json_string(budgets[b]));
    }
    json_t *promise = json_pack("{s:o, s:o, s:o, s:o}", "limits", limits, "expected", expected,
                                "certified", certified, "delta", number(policy->delta));
    if (*policy->drop_bound)
        json_object_set_new(promise, "bound", json_string(policy->drop_bound));
    return promise;
}

static json_t *to_json(const struct ebjr_policy *policy)
{
    return json_pack(
        "{s:i, s:s, s:o, s:o, s:I, s:{s:s, s:s}, s:s, s:o, s:{s:I, s:I, s:I, s:o, s:o, s:o, s:I, "
        "s:s}}",
        "ebjr_policy", POLICY_VERSION, "program", EBJR_VERSION, "stages", stages_to_json(policy),
        "answer_weight", number(policy->answer_weight), "classes", (json_int_t)policy->classes,
        "dataset", "name", policy->dataset, "sha256", policy->dataset_sha256, "preprocessing",
        policy->preprocessing, "promise", promise_to_json(policy), "samples", "tuning",
        (json_int_t)policy->tuning_n, "calibration", (json_int_t)policy->calibration_n, "test",
        (json_int_t)policy->test_n, "tune_on", number(policy->tune_on), "calibrate_on",
        number(policy->calibrate_on), "test_on", number(policy->test_on), "seed",
        (json_int_t)policy->seed, "class_weights", policy->class_weights);
}

/* SHA-256 of the compact text of everything but the seal, keys sorted. */
static int seal_of(char out[EBJR_HASH_TEXT], json_t *json)
{
    json_t *copy = json_copy(json);
    json_object_del(copy, "seal");
    char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(DIGITS));
    json_decref(copy);
    if (!text)
        return ebjr_error_memory();
    int status = ebjr_hash_bytes(out, text, strlen(text));
    free(text);
    return status;
}

static int write_file(const json_t *json, const char *path)
{
    char beside[PATH_MAX];
    if (snprintf(beside, sizeof beside, "%s.part", path) >= (int)sizeof beside)
        return ebjr_error_set(EBJR_EINVAL, "the path %.64s... is too long", path);
    FILE *file = fopen(beside, "w");
    if (!file)
        return ebjr_error_set(EBJR_EIO, "cannot write %s: %s", beside, strerror(errno));
    bool written = json_dumpf(json, file, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS)) == 0 &&
                   fputc('\n', file) != EOF && fflush(file) == 0;
    if (fclose(file) != 0 || !written || rename(beside, path) != 0) {
        int reason = errno;
        unlink(beside);
        return ebjr_error_set(EBJR_EIO, "cannot write %s: %s", path, strerror(reason));
    }
    return 0;
}

int ebjr_policy_save(const struct ebjr_policy *policy, const char *path)
{
    char seal[EBJR_HASH_TEXT];
    json_t *json = to_json(policy);
    if (!json)
        return ebjr_error_set(EBJR_EFORMAT, "%s: a name in the policy is not UTF-8", path);
    int status = seal_of(seal, json);
    if (!status) {
        json_object_set_new(json, "seal", json_string(seal));
        status = write_file(json, path);
    }
    json_decref(json);
    return status;
}

static void copy_text(char *out, size_t size, const json_t *json)
{
    const char *text = json_string_value(json);
    snprintf(out, size, "%s", text ? text : "");
}

static int read_list(double *out, size_t count, const json_t *list)
{
    if (json_array_size(list) != count)
        return ebjr_error_set(EBJR_EFORMAT, "a list has %zu numbers where %zu are expected",
                              json_array_size(list), count);
    for (size_t i = 0; i < count; i++) {
        out[i] = number_of(json_array_get(list, i));
        if (!isfinite(out[i]))
            return ebjr_error_set(EBJR_EFORMAT, "a list holds what is no finite number");
    }
    return 0;
}

static int router_from_json(struct ebjr_router *out, const json_t *json, size_t classes)
{
    const char *name = json_string_value(json_object_get(json, "score"));
    const char *precision = json_string_value(json_object_get(json, "precision"));
    const json_t *offsets = json_object_get(json, "offsets");
    int status = 0;
    if (!name || !precision)
        return ebjr_error_set(EBJR_EFORMAT, "a stage has no router");
    out->options = ebjr_score_defaults;
    out->options.temperature = number_of(json_object_get(json, "temperature"));
    out->options.p = number_of(json_object_get(json, "p"));
    out->options.precision = strcmp(precision, "float32") == 0 ? EBJR_FLOAT32 : EBJR_DOUBLE;
    out->learned = strcmp(name, "learned") == 0;
    if (!(out->options.temperature > 0) || !(out->options.p > 0) ||
        !isfinite(out->options.temperature) || !isfinite(out->options.p))
        return ebjr_error_set(EBJR_EFORMAT, "a router's temperature and p must be above 0, finite");
    if (out->learned) {
        out->intercept = number_of(json_object_get(json, "intercept"));
        if (!isfinite(out->intercept))
            return ebjr_error_set(EBJR_EFORMAT, "a learned router has no finite intercept");
        status = read_list(out->weight, ebjr_router_feature_count(classes),
                           json_object_get(json, "weights"));
    } else {
        status = ebjr_score_find(&out->score, name) ? EBJR_EFORMAT : 0;
        if (!status && out->score->kind != EBJR_SCORE_LOGITS)
            status = ebjr_error_set(EBJR_EFORMAT, "no router can compute the score %s", name);
    }
    if (!status && offsets) {
        out->offset = malloc(classes * sizeof *out->offset);
        if (!out->offset)
            return ebjr_error_memory();
        out->classes = classes;
        status = read_list(out->offset, classes, offsets);
    }
    return status;
}

static int stages_from_json(struct ebjr_policy *out, const json_t *stages)
{
    int status = 0;
    out->stage_count = json_array_size(stages);
    if (out->stage_count < 2 || out->stage_count > EBJR_POLICY_STAGES)
        return ebjr_error_set(EBJR_EFORMAT, "a cascade has 2 to %d stages", EBJR_POLICY_STAGES);
    for (size_t i = 0; !status && i < out->stage_count; i++) {
        struct ebjr_policy_stage *stage = &out->stages[i];
        const json_t *json = json_array_get(stages, i);
        copy_text(stage->model, sizeof stage->model, json_object_get(json, "model"));
        copy_text(stage->sha256, sizeof stage->sha256, json_object_get(json, "sha256"));
        copy_text(stage->class_map, sizeof stage->class_map, json_object_get(json, "class_map"));
        if (i + 1 == out->stage_count)
            break;
        stage->threshold = number_of(json_object_get(json, "threshold"));
        status = router_from_json(&stage->router, json_object_get(json, "router"), out->classes);
        if (!status && isnan(stage->threshold))
            status = ebjr_error_set(EBJR_EFORMAT, "a stage has no threshold");
    }
    return status;
}

static void promise_from_json(struct ebjr_policy *out, const json_t *promise)
{
    const json_t *certified = json_object_get(promise, "certified");
    out->delta = number_of(json_object_get(promise, "delta"));
    copy_text(out->drop_bound, sizeof out->drop_bound, json_object_get(promise, "bound"));
    for (int b = 0; b < EBJR_POLICY_BUDGETS; b++) {
        out->limit[b] = number_of(json_object_get(json_object_get(promise, "limits"), budgets[b]));
        out->expected[b] =
            number_of(json_object_get(json_object_get(promise, "expected"), budgets[b]));
        for (size_t i = 0; i < json_array_size(certified); i++) {
            const char *name = json_string_value(json_array_get(certified, i));
            if (name && strcmp(name, budgets[b]) == 0)
                out->certified |= 1U << b;
        }
    }
}

static int from_json(struct ebjr_policy *out, json_t *json)
{
    char seal[EBJR_HASH_TEXT];
    const char *stored = json_string_value(json_object_get(json, "seal"));
    const json_t *dataset = json_object_get(json, "dataset"),
                 *samples = json_object_get(json, "samples");
    json_int_t version = json_integer_value(json_object_get(json, "ebjr_policy"));
    json_int_t classes = json_integer_value(json_object_get(json, "classes"));
    if (version < 1)
        return ebjr_error_set(EBJR_EFORMAT, "it is not a policy of ebjr");
    if (version > POLICY_VERSION)
        return ebjr_error_set(EBJR_EFORMAT, "it was written by a newer ebjr; update this one");
    int status = seal_of(seal, json);
    if (!status && (!stored || strcmp(stored, seal) != 0))
        status =
            ebjr_error_set(EBJR_EFORMAT, "it was changed after ebjr wrote it (its seal does not "
                                         "fit); pick again");
    if (!status && (classes < 1 || classes > 1 << 24))
        status = ebjr_error_set(EBJR_EFORMAT, "it has no classes");
    if (status)
        return status;
    out->classes = (size_t)classes;
    out->answer_weight = number_of(json_object_get(json, "answer_weight"));
    if (!(out->answer_weight >= 0 && out->answer_weight <= 1))
        return ebjr_error_set(EBJR_EFORMAT, "the weight of the teacher's answer is not in 0..1");
    copy_text(out->dataset, sizeof out->dataset, json_object_get(dataset, "name"));
    copy_text(out->dataset_sha256, sizeof out->dataset_sha256, json_object_get(dataset, "sha256"));
    copy_text(out->preprocessing, sizeof out->preprocessing,
              json_object_get(json, "preprocessing"));
    out->tuning_n = json_integer_value(json_object_get(samples, "tuning"));
    out->calibration_n = json_integer_value(json_object_get(samples, "calibration"));
    out->test_n = json_integer_value(json_object_get(samples, "test"));
    out->tune_on = number_of(json_object_get(samples, "tune_on"));
    out->calibrate_on = number_of(json_object_get(samples, "calibrate_on"));
    out->test_on = number_of(json_object_get(samples, "test_on"));
    out->seed = json_integer_value(json_object_get(samples, "seed"));
    copy_text(out->class_weights, sizeof out->class_weights,
              json_object_get(samples, "class_weights"));
    promise_from_json(out, json_object_get(json, "promise"));
    return stages_from_json(out, json_object_get(json, "stages"));
}

int ebjr_policy_load(struct ebjr_policy *out, const char *path)
{
    json_error_t error;
    memset(out, 0, sizeof *out);
    if (access(path, R_OK) != 0)
        return ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO, "cannot read %s: %s",
                              path, strerror(errno));
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        return ebjr_error_set(EBJR_EFORMAT, "%s, line %d: %s", path, error.line, error.text);
    int status = from_json(out, json);
    json_decref(json);
    if (status) {
        ebjr_policy_clear(out);
        return ebjr_error_context(status, "%s", path);
    }
    return 0;
}

void ebjr_policy_clear(struct ebjr_policy *policy)
{
    for (size_t i = 0; i < policy->stage_count && i < EBJR_POLICY_STAGES; i++)
        ebjr_router_clear(&policy->stages[i].router);
}
