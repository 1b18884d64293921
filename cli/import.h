/* What imports of every task share: the model and its figures, the run, latencies. */
#ifndef EBJR_CLI_IMPORT_H
#define EBJR_CLI_IMPORT_H

#include "cli/option.h"
#include "cli/table.h"
#include "db/class_name.h"
#include "db/stored.h"

/* What a person says. */
struct import_request {
    const char *db, *task, *name, *logits, *labels, *detections, *truth, *dataset, *dataset_name,
        *class_map, *class_names, *model_sha256, *latency, *format;
    double flops, parameters;
    bool probabilities;
};

struct import {
    ebjr_store *store;
    struct ebjr_stored_model model;
    struct ebjr_stored_dataset dataset;
    struct ebjr_stored_run run;
};

/* The model, of the outputs in the file `path`, and its run over the import's data set, which has
 * outputs of `classes` numbers. Errors: EBJR_EINVAL, those of the file. */
int import_describe_model(struct import *import, const struct import_request *request,
                          const char *path, int64_t classes);

/* The data set in `path`; its name, where none is given, is PREFIX-HASH. */
int import_describe_dataset(struct import *import, const struct import_request *request,
                            const char *path, const char *prefix);

/* Once the data set is stored: its class names, where there are any, the model and the run, with
 * FLOPs that may be told later than the outputs. */
int import_put_run(struct import *import, const struct ebjr_class_names *names);

/* Stores what the run does not have yet, by `fill`, and the latencies that the request names. The
 * samples are called `noun`, and come from `path`. */
int import_fill(struct import *import, const struct import_request *request, const char *path,
                const char *noun, int (*fill)(void *context), void *context);

/* ebjr import, of either task. */
int import_logits(const struct import_request *request, struct output output);
int import_detections(const struct import_request *request, struct output output);

#endif
