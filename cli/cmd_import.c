/* ebjr import: logits that another program computed, stored exactly like a run's. */
#include "base/error.h"
#include "base/hash.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/told.h"
#include "db/latency.h"
#include "runtime/class_file.h"
#include "runtime/class_map.h"
#include "runtime/derive.h"
#include "runtime/logits_file.h"
#include "runtime/npy.h"
#include "runtime/recorder.h"
#include "version.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    const char *db, *name, *logits, *labels, *dataset, *dataset_name, *class_map, *class_names,
        *model_sha256, *latency, *format;
    double flops, parameters;
    bool probabilities;
};

struct import {
    ebjr_store *store;
    ebjr_logits_file *file;
    int32_t *labels; /* [samples] */
    struct ebjr_class_file classes;
    struct ebjr_stored_model model;
    struct ebjr_stored_dataset dataset;
    struct ebjr_stored_run run;
};

static const struct column columns[] = {
    {"run", COLUMN_INTEGER, 4, false, NULL},    {"model", COLUMN_TEXT, 20, false, NULL},
    {"dataset", COLUMN_TEXT, 20, false, NULL},  {"samples", COLUMN_INTEGER, 9, false, NULL},
    {"new", COLUMN_INTEGER, 9, false, NULL},    {"classes", COLUMN_INTEGER, 0, false, NULL},
    {"flops", COLUMN_INTEGER, 12, false, NULL},
};

enum { BLOCK = 1024 };

static int open_logits(ebjr_logits_file **out, const struct request *request)
{
    int status = ebjr_logits_file_open(out, request->logits);
    if (!status && request->probabilities)
        ebjr_logits_file_of_probabilities(*out);
    return status;
}

/* The labels of the logits file's own column, in one pass over it. */
static int labels_of_csv(struct import *import, const struct request *request)
{
    const struct ebjr_logits_info *info = ebjr_logits_file_describe(import->file);
    ebjr_logits_file *again;
    float *row = malloc(info->classes * sizeof *row);
    import->labels = malloc((size_t)info->samples * sizeof *import->labels);
    int status = row && import->labels ? open_logits(&again, request) : ebjr_error_memory();
    if (!status) {
        for (int64_t i = 0; !status && i < info->samples; i++)
            status = ebjr_logits_file_read(again, 1, row, &import->labels[i]);
        ebjr_logits_file_close(again);
    }
    free(row);
    return status ? ebjr_error_context(status, "%s", request->logits) : 0;
}

static int find_labels(struct import *import, const struct request *request)
{
    const struct ebjr_logits_info *info = ebjr_logits_file_describe(import->file);
    int64_t count = info->samples;
    int sources = (request->labels != NULL) + (request->dataset != NULL) + info->has_labels;
    int status;
    if (sources != 1)
        return ebjr_error_set(
            EBJR_EINVAL,
            "%s: the labels must come from one place: --labels FILE, --dataset NAME of "
            "a stored data set, or a CSV column named label",
            request->logits);
    if (info->has_labels)
        return labels_of_csv(import, request);
    if (request->labels) {
        status = ebjr_labels_read(&import->labels, &count, request->labels);
    } else {
        status = ebjr_stored_dataset_find(&import->dataset, import->store, request->dataset);
        count = import->dataset.samples;
        if (!status && !(import->labels = malloc((size_t)count * sizeof *import->labels)))
            status = ebjr_error_memory();
        if (!status)
            status = ebjr_label_read(import->labels, import->store, &import->dataset);
    }
    if (!status && count != info->samples)
        status =
            ebjr_error_set(EBJR_EFORMAT, "%s holds %lld samples, but there are %lld labels in %s",
                           request->logits, (long long)info->samples, (long long)count,
                           request->labels ? request->labels : import->dataset.name);
    return status;
}

/* Labels alone tell one imported data set from another: their hash is its fingerprint. */
static int describe_dataset(struct import *import, const struct request *request)
{
    struct ebjr_stored_dataset *dataset = &import->dataset;
    size_t size = (size_t)ebjr_logits_file_describe(import->file)->samples * sizeof(int32_t);
    if (request->dataset)
        return 0; /* it is stored already */
    dataset->samples = ebjr_logits_file_describe(import->file)->samples;
    dataset->bytes = (int64_t)size;
    snprintf(dataset->kind, sizeof dataset->kind, "import");
    const char *path = request->labels ? request->labels : request->logits;
    char absolute[PATH_MAX];
    snprintf(dataset->path, sizeof dataset->path, "%s", realpath(path, absolute) ? absolute : path);
    int status = ebjr_hash_bytes(dataset->sha256, import->labels, size);
    if (status)
        return status;
    int length =
        request->dataset_name
            ? snprintf(dataset->name, sizeof dataset->name, "%s", request->dataset_name)
            : snprintf(dataset->name, sizeof dataset->name, "labels-%.8s", dataset->sha256);
    if (!status && length >= (int)sizeof dataset->name)
        status = ebjr_error_set(EBJR_EINVAL, "--dataset-name: at most %zu bytes",
                                sizeof dataset->name - 1);
    return status;
}

/* Of the model itself: without it, logits of one model on two data sets are two models. */
static int take_hash(char out[EBJR_HASH_TEXT], const char *text)
{
    if (strlen(text) != EBJR_HASH_TEXT - 1 || strspn(text, "0123456789abcdef") != strlen(text))
        return ebjr_error_set(EBJR_EINVAL, "--model-sha256: 64 hexadecimal digits, as sha256sum "
                                           "prints them");
    memcpy(out, text, EBJR_HASH_TEXT);
    return 0;
}

static int describe_model(struct import *import, const struct request *request)
{
    struct ebjr_stored_model *model = &import->model;
    struct ebjr_stored_run *run = &import->run;
    char absolute[PATH_MAX];
    if (snprintf(model->name, sizeof model->name, "%s", request->name) >= (int)sizeof model->name)
        return ebjr_error_set(EBJR_EINVAL, "--name: at most %zu bytes", sizeof model->name - 1);
    snprintf(model->kind, sizeof model->kind, "import");
    snprintf(model->path, sizeof model->path, "%s",
             realpath(request->logits, absolute) ? absolute : request->logits);
    int status = ebjr_npy_hash(model->sha256, &model->bytes, request->logits);
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
    run->classes = (int64_t)ebjr_logits_file_describe(import->file)->classes;
    run->samples = ebjr_logits_file_describe(import->file)->samples;
    if (!status && request->class_names)
        status = ebjr_class_file_read(&import->classes, request->class_names);
    if (!status && request->class_map)
        status = ebjr_class_map_read(run->class_map, request->class_map);
    size_t outputs = ebjr_class_map_size(run->class_map);
    if (!status && outputs > 0 && outputs != (size_t)run->classes)
        status = ebjr_error_set(EBJR_EINVAL, "%s has %zu lines, but there are %lld logits a sample",
                                request->class_map, outputs, (long long)run->classes);
    return status;
}

/* Every row, before anything is stored: what an import cannot finish, it does not begin. */
static int check_rows(const struct import *import, const struct request *request)
{
    const struct ebjr_logits_info *info = ebjr_logits_file_describe(import->file);
    ebjr_logits_file *again = NULL;
    float *logits = malloc(info->classes * sizeof *logits);
    int status = logits ? open_logits(&again, request) : ebjr_error_memory();
    for (int64_t i = 0; !status && i < info->samples; i++) {
        struct ebjr_output row = {.index = i, .label = import->labels[i], .logits = logits};
        status = ebjr_logits_file_read(again, 1, logits, NULL);
        if (!status)
            status = ebjr_output_check(&row, &import->run);
    }
    ebjr_logits_file_close(again);
    free(logits);
    return status ? ebjr_error_context(status, "%s", request->logits) : 0;
}

/* FLOPs may be told later than the logits. */
static int put(struct import *import)
{
    const struct ebjr_stored_run told = import->run;
    int status = ebjr_stored_dataset_put(import->store, &import->dataset);
    if (!status && import->classes.names.count > 0)
        status = ebjr_class_names_put(import->store, &import->dataset, &import->classes.names);
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

/* Rows that an interrupted import has stored are read past. */
static int copy_rows(struct import *import, ebjr_recorder *recorder, float *block)
{
    struct progress progress;
    struct ebjr_stored_run *run = &import->run;
    int64_t first = run->done;
    int status = 0;
    progress_begin(&progress, import->model.name, 0);
    for (int64_t at = 0; !status && at < run->samples;) {
        size_t count = run->samples - at < BLOCK ? (size_t)(run->samples - at) : BLOCK;
        if (at < first && first - at < (int64_t)count)
            count = (size_t)(first - at);
        status = ebjr_logits_file_read(import->file, count, block, NULL);
        if (!status && at >= first)
            status = ebjr_recorder_add(recorder, block, import->labels + at, count);
        at += (int64_t)count;
        if (!status && progress_step(&progress, at, run->samples) != 0 && at < run->samples)
            status = ebjr_error_set(EBJR_EINTERRUPTED, "interrupted");
    }
    if (!status || status == EBJR_EINTERRUPTED) {
        int committed = ebjr_recorder_commit(recorder);
        status = committed ? committed : status;
    }
    progress_end(&progress);
    return status;
}

static int fill(struct import *import)
{
    ebjr_recorder *recorder = NULL;
    float *block = malloc(BLOCK * (size_t)import->run.classes * sizeof *block);
    int status =
        block ? ebjr_recorder_new(&recorder, import->store, &import->run) : ebjr_error_memory();
    if (!status)
        status = copy_rows(import, recorder, block);
    ebjr_recorder_free(recorder);
    free(block);
    return status;
}

static int import_logits(struct import *import, const struct request *request, struct output output)
{
    int status = open_logits(&import->file, request);
    if (!status)
        status = ebjr_store_open(&import->store, request->db, EBJR_STORE_CREATE);
    if (!status)
        status = find_labels(import, request);
    if (!status)
        status = describe_dataset(import, request);
    if (!status)
        status = describe_model(import, request);
    if (!status)
        status = check_rows(import, request);
    if (!status)
        status = put(import);
    if (status)
        return status;

    int64_t first = import->run.done;
    if (ebjr_logits_file_describe(import->file)->probabilities)
        say("note: %s holds probabilities: their logarithms are stored, so that every energy is 0 "
            "and max-logit is log max p; the other scores are those of the logits",
            request->logits);
    if (first == import->run.samples)
        say("%s: all %lld samples are stored already; nothing to do", import->model.name,
            (long long)first);
    status = fill(import);
    if (status)
        return ebjr_error_context(status, "%s (%lld of %lld samples are stored)", request->logits,
                                  (long long)import->run.done, (long long)import->run.samples);
    if (request->latency && (status = store_latencies(import, request->latency)) != 0)
        return status;
    struct value values[] = {
        integer_value(import->run.id),           text_value(import->model.name),
        text_value(import->dataset.name),        integer_value(import->run.done),
        integer_value(import->run.done - first), integer_value(import->run.classes),
        integer_value(import->run.flops),
    };
    struct table table = {output, columns, ROWS(columns), 0, false};
    table_begin(&table);
    table_row(&table, values);
    return table_end(&table);
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.flops = NAN, .parameters = NAN};
    const struct option_row rows[] = {
        {"db", OPTION_TEXT, &request.db, "FILE", "the store; made where it does not exist", true},
        {"name", OPTION_TEXT, &request.name, "NAME", "what to call the model", true},
        {"logits", OPTION_TEXT, &request.logits, "FILE",
         ".npy [n, classes] of float32 or float64, or CSV: a row a sample, a column a\n"
         "class; a column named label holds the labels",
         true},
        {"probabilities", OPTION_FLAG, &request.probabilities, NULL,
         "the file holds probabilities of all classes, not logits", false},
        {"labels", OPTION_TEXT, &request.labels, "FILE", ".npy of integers, or one integer a line",
         false},
        {"dataset", OPTION_TEXT, &request.dataset, "NAME",
         "a stored data set whose labels these logits answer, in its order", false},
        {"dataset-name", OPTION_TEXT, &request.dataset_name, "NAME",
         "what to call a data set that is new (default: from its hash)", false},
        {"flops", OPTION_NUMBER, &request.flops, "N", "of the model, a sample (1.3e8, 130M)",
         false},
        {"parameters", OPTION_NUMBER, &request.parameters, "N", "of the model", false},
        {"student-classes", OPTION_TEXT, &request.class_map, "FILE",
         "of a specialised model: a line for each output, its class or other", false},
        {"class-names", OPTION_TEXT, &request.class_names, "FILE",
         "what classes are called: a name a line, or JSON (see ebjr run)", false},
        {"model-sha256", OPTION_TEXT, &request.model_sha256, "HEX",
         "of the model that made the logits, so that its imports on several data sets are\n"
         "of one model (default: of the logits, which are then a model of their own)",
         false},
        {"latency-ns", OPTION_TEXT, &request.latency, "FILE",
         "nanoseconds that the model takes for each sample, alone: .npy of integers, or\none a "
         "line",
         false},
        FORMAT_ROW(&request.format),
    };
    struct import import = {0};
    struct output output;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    progress_catch_signals();
    status = output_parse(&output, request.format);
    if (!status)
        status = import_logits(&import, &request, output);
    ebjr_logits_file_close(import.file);
    ebjr_class_file_free(&import.classes);
    ebjr_store_close(import.store);
    free(import.labels);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_import = {
    "import", "store logits that another program computed",
    "They are stored exactly like a run's, and any stored model can be student or teacher of any\n"
    "other on the same data set. Imports with the same labels are on the same data set.\n\n"
    "CSV may have columns named logit_0, logit_1, ... or prob_0, ..., or a column logits (or "
    "prob)\n"
    "of lists, \"[0.1, -2.5]\"; columns that are neither these nor label are then passed over. So\n"
    "timm's inference.py writes with --topk 0 (better with --output-type logit, and with\n"
    "--results-separate-col, which keeps all digits), and so do pandas and Hugging Face's "
    "datasets.\n"
    "Of probabilities the logarithms are stored: logits up to a constant a sample, on which all\n"
    "scores but energy and max-logit are the same. Files of the best classes only (top-k) are "
    "refused.\n\n"
    "Example:\n"
    "  ebjr import --db s.db --name small --logits small.npy --labels labels.npy --flops 55M\n"
    "  ebjr import --db s.db --name large --logits large.npy --labels labels.npy --flops 292M\n",
    run};
