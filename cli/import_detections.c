#include "base/error.h"
#include "base/hash.h"
#include "cli/import.h"
#include "cli/progress.h"
#include "db/detection.h"
#include "db/truth.h"
#include "runtime/coco_file.h"

#include <stdio.h>

struct detections_import {
    struct import base;
    struct ebjr_stored_truth truth;
    struct ebjr_class_names names;
    struct ebjr_stored_detections read;
    size_t next; /* of them to be stored */
};

static const struct column columns[] = {
    {"run", COLUMN_INTEGER, 4, false, NULL},    {"model", COLUMN_TEXT, 20, false, NULL},
    {"dataset", COLUMN_TEXT, 20, false, NULL},  {"images", COLUMN_INTEGER, 9, false, NULL},
    {"new", COLUMN_INTEGER, 9, false, NULL},    {"detections", COLUMN_INTEGER, 0, false, NULL},
    {"logits", COLUMN_INTEGER, 0, false, NULL}, {"flops", COLUMN_INTEGER, 12, false, NULL},
};

enum { BLOCK = 1 << 14 }; /* detections that are worth a transaction */

static int open_store(struct detections_import *import, const struct import_request *request)
{
    return ebjr_store_open(&import->base.store, request->db, EBJR_STORE_CREATE);
}

static int describe_truth(struct detections_import *import, const struct import_request *request)
{
    struct ebjr_stored_dataset *dataset = &import->base.dataset;
    char sha256[EBJR_HASH_TEXT];
    snprintf(dataset->kind, sizeof dataset->kind, EBJR_COCO_KIND);
    int status = ebjr_hash_file(sha256, &dataset->bytes, request->truth);
    if (!status)
        status = ebjr_truth_hash(dataset->sha256, &import->truth);
    dataset->samples = (int64_t)import->truth.truth.images;
    return status ? status
                  : import_describe_dataset(&import->base, request, request->truth, EBJR_COCO_KIND);
}

static int read_detections(struct detections_import *import, const struct import_request *request)
{
    return ebjr_coco_detections_read(&import->read, request->detections, &import->truth);
}

/* Both files, before anything is stored. */
static int read_files(struct detections_import *import, const struct import_request *request)
{
    int status = ebjr_coco_truth_read(&import->truth, &import->names, request->truth);
    if (!status)
        status = describe_truth(import, request);
    if (!status)
        status = read_detections(import, request);
    return status ? status : open_store(import, request);
}

static int read_stored_truth(struct detections_import *import, const struct import_request *request)
{
    int status = open_store(import, request);
    if (!status)
        status =
            ebjr_stored_dataset_find(&import->base.dataset, import->base.store, request->dataset);
    if (!status)
        status = ebjr_truth_read(&import->truth, import->base.store, &import->base.dataset);
    return status ? status : read_detections(import, request);
}

/* The next images that are worth a transaction, and what was found in them. */
static int64_t next_block(struct ebjr_detections *out, struct detections_import *import)
{
    const struct ebjr_detections *all = &import->read.detections;
    int64_t image = import->base.run.done;
    while (import->next < all->count && all->items[import->next].image < image)
        import->next++;
    size_t first = import->next, end = first;
    for (; image < import->base.run.samples && end - first < BLOCK; image++)
        while (end < all->count && all->items[end].image == image)
            end++;
    *out =
        (struct ebjr_detections){.items = all->items + first,
                                 .count = end - first,
                                 .logits = all->logits ? all->logits + first * all->classes : NULL,
                                 .classes = all->classes};
    return image - import->base.run.done;
}

static int fill(void *context)
{
    struct detections_import *import = context;
    struct ebjr_stored_run *run = &import->base.run;
    struct progress progress;
    int status = 0;
    progress_begin(&progress, import->base.model.name, run->done);
    progress.unit = "images";
    while (!status && run->done < run->samples) {
        struct ebjr_detections block;
        int64_t images = next_block(&block, import);
        status = ebjr_detection_append(import->base.store, run, &block, images);
        if (!status && progress_step(&progress, run->done, run->samples) != 0 &&
            run->done < run->samples)
            status = ebjr_error_set(EBJR_EINTERRUPTED, "interrupted");
    }
    progress_end(&progress);
    return status;
}

static int store(struct detections_import *import, const struct import_request *request,
                 struct output output)
{
    struct import *base = &import->base;
    int status = import_describe_model(base, request, request->detections,
                                       (int64_t)import->read.detections.classes);
    if (!status && request->truth)
        status = ebjr_truth_put(base->store, &base->dataset, &import->truth);
    if (!status)
        status = import_put_run(base, &import->names);
    if (status)
        return status;

    int64_t first = base->run.done;
    status = import_fill(base, request, request->detections, "images", fill, import);
    if (status)
        return status;
    struct value values[] = {
        integer_value(base->run.id),
        text_value(base->model.name),
        text_value(base->dataset.name),
        integer_value(base->run.done),
        integer_value(base->run.done - first),
        integer_value((int64_t)import->read.detections.count),
        integer_value(base->run.classes),
        integer_value(base->run.flops),
    };
    struct table table = {output, columns, ROWS(columns), 0, false};
    table_begin(&table);
    table_row(&table, values);
    return table_end(&table);
}

int import_detections(const struct import_request *request, struct output output)
{
    struct detections_import import = {0};
    int status =
        request->truth ? read_files(&import, request) : read_stored_truth(&import, request);
    if (!status)
        status = store(&import, request, output);
    ebjr_stored_detections_free(&import.read);
    ebjr_stored_truth_free(&import.truth);
    ebjr_class_names_free(&import.names);
    ebjr_store_close(import.base.store);
    return status;
}
