#include "base/error.h"
#include "base/hash.h"
#include "cli/import.h"
#include "cli/progress.h"
#include "db/output.h"
#include "runtime/class_file.h"
#include "runtime/class_map.h"
#include "runtime/derive.h"
#include "runtime/integer_file.h"
#include "runtime/logits_file.h"
#include "runtime/recorder.h"

#include <stdio.h>
#include <stdlib.h>

struct logits_import {
    struct import base;
    ebjr_logits_file *file;
    int32_t *labels; /* [samples] */
    struct ebjr_class_file classes;
};

static const struct column columns[] = {
    {"run", COLUMN_INTEGER, 4, false, NULL},    {"model", COLUMN_TEXT, 20, false, NULL},
    {"dataset", COLUMN_TEXT, 20, false, NULL},  {"samples", COLUMN_INTEGER, 9, false, NULL},
    {"new", COLUMN_INTEGER, 9, false, NULL},    {"classes", COLUMN_INTEGER, 0, false, NULL},
    {"flops", COLUMN_INTEGER, 12, false, NULL},
};

enum { BLOCK = 1024 };

static int open_logits(ebjr_logits_file **out, const struct import_request *request)
{
    int status = ebjr_logits_file_open(out, request->logits);
    if (!status && request->probabilities)
        ebjr_logits_file_of_probabilities(*out);
    return status;
}

/* The labels of the logits file's own column, in one pass over it. */
static int labels_of_csv(struct logits_import *import, const struct import_request *request)
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

static int find_labels(struct logits_import *import, const struct import_request *request)
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
        status =
            ebjr_stored_dataset_find(&import->base.dataset, import->base.store, request->dataset);
        count = import->base.dataset.samples;
        if (!status && !(import->labels = malloc((size_t)count * sizeof *import->labels)))
            status = ebjr_error_memory();
        if (!status)
            status = ebjr_label_read(import->labels, import->base.store, &import->base.dataset);
    }
    if (!status && count != info->samples)
        status =
            ebjr_error_set(EBJR_EFORMAT, "%s holds %lld samples, but there are %lld labels in %s",
                           request->logits, (long long)info->samples, (long long)count,
                           request->labels ? request->labels : import->base.dataset.name);
    return status;
}

/* Labels alone tell one imported data set from another: their hash is its fingerprint. */
static int describe_dataset(struct logits_import *import, const struct import_request *request)
{
    struct ebjr_stored_dataset *dataset = &import->base.dataset;
    if (request->dataset)
        return 0; /* it is stored already */
    dataset->samples = ebjr_logits_file_describe(import->file)->samples;
    dataset->bytes = dataset->samples * (int64_t)sizeof *import->labels;
    snprintf(dataset->kind, sizeof dataset->kind, "import");
    int status = ebjr_hash_bytes(dataset->sha256, import->labels, (size_t)dataset->bytes);
    if (status)
        return status;
    return import_describe_dataset(&import->base, request,
                                   request->labels ? request->labels : request->logits, "labels");
}

static int describe_outputs(struct logits_import *import, const struct import_request *request)
{
    struct ebjr_stored_run *run = &import->base.run;
    int status = import_describe_model(&import->base, request, request->logits,
                                       (int64_t)ebjr_logits_file_describe(import->file)->classes);
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
static int check_rows(const struct logits_import *import, const struct import_request *request)
{
    const struct ebjr_logits_info *info = ebjr_logits_file_describe(import->file);
    ebjr_logits_file *again = NULL;
    float *logits = malloc(info->classes * sizeof *logits);
    int status = logits ? open_logits(&again, request) : ebjr_error_memory();
    for (int64_t i = 0; !status && i < info->samples; i++) {
        struct ebjr_output row = {.index = i, .label = import->labels[i], .logits = logits};
        status = ebjr_logits_file_read(again, 1, logits, NULL);
        if (!status)
            status = ebjr_output_check(&row, &import->base.run);
    }
    ebjr_logits_file_close(again);
    free(logits);
    return status ? ebjr_error_context(status, "%s", request->logits) : 0;
}

/* Rows that an interrupted import has stored are read past. */
static int copy_rows(struct logits_import *import, ebjr_recorder *recorder, float *block)
{
    struct progress progress;
    struct ebjr_stored_run *run = &import->base.run;
    int64_t first = run->done;
    int status = 0;
    progress_begin(&progress, import->base.model.name, 0);
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

static int fill(void *context)
{
    struct logits_import *import = context;
    struct ebjr_stored_run *run = &import->base.run;
    ebjr_recorder *recorder = NULL;
    float *block = malloc(BLOCK * (size_t)run->classes * sizeof *block);
    int status =
        block ? ebjr_recorder_new(&recorder, import->base.store, run) : ebjr_error_memory();
    if (!status)
        status = copy_rows(import, recorder, block);
    ebjr_recorder_free(recorder);
    free(block);
    return status;
}

static int open_and_check(struct logits_import *import, const struct import_request *request)
{
    int status = open_logits(&import->file, request);
    if (!status)
        status = ebjr_store_open(&import->base.store, request->db, EBJR_STORE_CREATE);
    if (!status)
        status = find_labels(import, request);
    if (!status)
        status = describe_dataset(import, request);
    if (!status)
        status = describe_outputs(import, request);
    return status ? status : check_rows(import, request);
}

static int store(struct logits_import *import, const struct import_request *request,
                 struct output output)
{
    const struct ebjr_stored_run *run = &import->base.run;
    int status = ebjr_stored_dataset_put(import->base.store, &import->base.dataset);
    if (!status)
        status = import_put_run(&import->base, &import->classes.names);
    if (status)
        return status;

    int64_t first = run->done;
    if (ebjr_logits_file_describe(import->file)->probabilities)
        say("note: %s holds probabilities: their logarithms are stored, so that every energy is 0 "
            "and max-logit is log max p; the other scores are those of the logits",
            request->logits);
    status = import_fill(&import->base, request, request->logits, "samples", fill, import);
    if (status)
        return status;
    struct value values[] = {
        integer_value(run->id),
        text_value(import->base.model.name),
        text_value(import->base.dataset.name),
        integer_value(run->done),
        integer_value(run->done - first),
        integer_value(run->classes),
        integer_value(run->flops),
    };
    struct table table = {output, columns, ROWS(columns), 0, false};
    table_begin(&table);
    table_row(&table, values);
    return table_end(&table);
}

int import_logits(const struct import_request *request, struct output output)
{
    struct logits_import import = {0};
    int status = open_and_check(&import, request);
    if (!status)
        status = store(&import, request, output);
    ebjr_logits_file_close(import.file);
    ebjr_class_file_free(&import.classes);
    ebjr_store_close(import.base.store);
    free(import.labels);
    return status;
}
