/* The run: a model over a data set, from where the store stands to the end. */
#ifndef EBJR_RUNTIME_RUN_H
#define EBJR_RUNTIME_RUN_H

#include "db/stored.h"
#include "runtime/model.h"
#include "runtime/preprocess.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_run_options {
    size_t batch;
    size_t workers; /* threads that read ahead; 0: one a processor */
    void *context;
    /* Called after each batch, `done` of `total` samples being through; non-zero stops the run. */
    int (*progress)(void *context, int64_t done, int64_t total);
};

struct ebjr_run_times {
    double waited;  /* seconds that the model waited for its inputs */
    size_t workers; /* threads that read them */
};

/*
 * Executes the samples that the run still lacks, run->first+run->done .. run->first+run->samples-1,
 * and appends their outputs. Batches begin at multiples of their size from the data set's first
 * sample on, so that a shard or a run that was interrupted has the very logits of an unbroken one.
 * Memory does not grow with the data set; a commit is made about every second. Errors: those of the
 * data set, the model and the store; EBJR_EINTERRUPTED. *times is filled in any case, unless it is
 * NULL. On every error, what was computed before it is committed.
 */
int ebjr_run_fill(ebjr_store *store, struct ebjr_stored_run *run, ebjr_model *model,
                  ebjr_dataset *dataset, const struct ebjr_preprocessing *preprocessing,
                  const struct ebjr_run_options *options, struct ebjr_run_times *times);

#ifdef __cplusplus
}
#endif
#endif
