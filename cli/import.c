#include "cli/import.h"
#include "cli/told.h"

#include "base/error.h"
#include "db/latency.h"
#include "runtime/integer_file.h"
#include "runtime/npy.h"
#include "version.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the model itself: without it, logits of one model on two data sets are two models. */
static int take_hash(char out[EBJR_HASH_TEXT], const char *text)
{
    if (strlen(text) != EBJR_HASH_TEXT - 1 || strspn(text, "0123456789abcdef") != strlen(text))
        return ebjr_error_set(EBJR_EINVAL, "--model-sha256: 64 hexadecimal digits, as sha256sum "
                                           "prints them");
    memcpy(out, text, EBJR_HASH_TEXT);
    return 0;
}

/* Where a file is, for the record. */
static void absolute_path(char *out, size_t size, const char *path)
{
    char absolute[PATH_MAX];
    snprintf(out, size, "%s", realpath(path, absolute) ? absolute : path);
}

int import_describe_model(struct import *import, const struct import_request *request,
                          const char *path, int64_t classes)
{
    struct ebjr_stored_model *model = &import->model;
    struct ebjr_stored_run *run = &import->run;
    if (snprintf(model->name, sizeof model->name, "%s", request->name) >= (int)sizeof model->name)
        return ebjr_error_set(EBJR_EINVAL, "--name: at most %zu bytes", sizeof model->name - 1);
    snprintf(model->kind, sizeof model->kind, "import");
    absolute_path(model->path, sizeof model->path, path);
    int status = ebjr_npy_hash(model->sha256, &model->bytes, path);
    if (!status && request->model_sha256)
        status = take_hash(model->sha256, request->model_sha256);
    if (!status)
        status = told_integer(&model->parameters, request->parameters, "parameters");
    if (!status)
        status = told_integer(&run->flops, request->flops, "flops");
    run->flops_mac2 = run->flops;
    run->depth = EBJR_UNKNOWN;
    snprintf(run->flops_source, sizeof run->flops_source, "%s",
             run->flops == EBJR_UNKNOWN ? "unknown" : "given");
    snprintf(run->dtype, sizeof run->dtype, "float32");
    snprintf(run->plan, sizeof run->plan, "imported");
    snprintf(run->program, sizeof run->program, "%s", EBJR_VERSION);
    run->classes = classes;
    run->samples = import->dataset.samples;
    return status;
}

int import_describe_dataset(struct import *import, const struct import_request *request,
                            const char *path, const char *prefix)
{
    struct ebjr_stored_dataset *dataset = &import->dataset;
    absolute_path(dataset->path, sizeof dataset->path, path);
    int length =
        request->dataset_name
            ? snprintf(dataset->name, sizeof dataset->name, "%s", request->dataset_name)
            : snprintf(dataset->name, sizeof dataset->name, "%s-%.8s", prefix, dataset->sha256);
    if (length >= (int)sizeof dataset->name)
        return ebjr_error_set(EBJR_EINVAL, "--dataset-name: at most %zu bytes",
                              sizeof dataset->name - 1);
    return 0;
}

int import_put_run(struct import *import, const struct ebjr_class_names *names)
{
    const struct ebjr_stored_run told = import->run;
    int status =
        names->count > 0 ? ebjr_class_names_put(import->store, &import->dataset, names) : 0;
    if (!status)
        status = ebjr_stored_model_put(import->store, &import->model);
    import->run.model_id = import->model.id;
    import->run.dataset_id = import->dataset.id;
    if (!status)
        status = ebjr_stored_run_put(import->store, &import->run);
    return status ? status : ebjr_stored_run_tell_flops(import->store, &import->run, &told);
}

static int store_latencies(struct import *import, const char *path)
{
    struct ebjr_stored_measurement measurement = {.model_id = import->model.id,
                                                  .dataset_id = import->dataset.id,
                                                  .scenario = "given",
                                                  .device = "given",
                                                  .plan = "imported",
                                                  .batch = 1,
                                                  .threads = EBJR_UNKNOWN,
                                                  .qps = NAN,
                                                  .teacher_rate = NAN,
                                                  .program = EBJR_VERSION};
    int64_t *ns;
    int status = ebjr_integers_read(&ns, &measurement.samples, path);
    if (status)
        return status;
    if (measurement.samples != import->run.samples)
        status = ebjr_error_set(EBJR_EFORMAT, "%s holds %lld latencies for %lld samples", path,
                                (long long)measurement.samples, (long long)import->run.samples);
    else
        status = ebjr_latency_put(import->store, &measurement, NULL, ns);
    free(ns);
    return status;
}

int import_fill(struct import *import, const struct import_request *request, const char *path,
                const char *noun, int (*fill)(void *context), void *context)
{
    struct ebjr_stored_run *run = &import->run;
    if (run->done == run->samples)
        say("%s: all %lld %s are stored already; nothing to do", import->model.name,
            (long long)run->done, noun);
    int status = fill(context);
    if (status)
        return ebjr_error_context(status, "%s (%lld of %lld %s are stored)", path,
                                  (long long)run->done, (long long)run->samples, noun);
    return request->latency ? store_latencies(import, request->latency) : 0;
}
