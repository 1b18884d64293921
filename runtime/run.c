#include "runtime/run.h"

#include "base/error.h"
#include "runtime/recorder.h"

#include <stdio.h>
#include <stdlib.h>

struct buffers {
    void *pixels;
    float *inputs, *logits;
    int32_t *labels;
};

static int allocate(struct buffers *buffers, size_t batch, size_t classes,
                    const struct ebjr_dataset_info *info)
{
    size_t size = info->shape.channels * info->shape.height * info->shape.width;
    buffers->pixels = calloc(batch * size, info->is_float ? sizeof(float) : 1);
    buffers->inputs = calloc(batch * size, sizeof(float));
    buffers->logits = calloc(batch * classes, sizeof(float));
    buffers->labels = calloc(batch, sizeof(int32_t));
    return buffers->pixels && buffers->inputs && buffers->logits && buffers->labels
               ? 0
               : ebjr_error_memory();
}

static void release(struct buffers *buffers)
{
    free(buffers->pixels);
    free(buffers->inputs);
    free(buffers->logits);
    free(buffers->labels);
}

/* A batch, and what of it the run still lacks. */
struct batch {
    int64_t first;
    size_t count;
    size_t skipped, kept;
};

/*
 * Batches lie on one grid over the data set, wherever a shard or an interrupted run begins: the
 * logits of a sample may depend in their last bits on its place in a batch, and so are those of an
 * unbroken run by one process. The price is a few samples more at the ends.
 */
static struct batch next_batch(const struct ebjr_stored_run *run, int64_t done, size_t size,
                               int64_t samples)
{
    int64_t at = run->first + done, end = run->first + run->samples;
    struct batch batch = {.first = at - at % (int64_t)size, .count = size};
    if (samples - batch.first < (int64_t)size)
        batch.count = (size_t)(samples - batch.first);
    batch.skipped = (size_t)(at - batch.first);
    batch.kept = batch.count - batch.skipped;
    if (end - at < (int64_t)batch.kept)
        batch.kept = (size_t)(end - at);
    return batch;
}

/* From the file to the recorder. */
static int step(ebjr_recorder *recorder, ebjr_model *model, ebjr_dataset *dataset,
                const struct ebjr_preprocessing *preprocessing, struct buffers *buffers,
                const struct batch *batch, size_t classes)
{
    int status =
        ebjr_dataset_read(dataset, batch->first, batch->count, buffers->pixels, buffers->labels);
    if (status)
        return status;
    ebjr_preprocessing_apply(buffers->inputs, buffers->pixels, batch->count,
                             ebjr_dataset_describe(dataset), preprocessing);
    status = ebjr_model_forward(model, buffers->logits, buffers->inputs, batch->count);
    if (status)
        return ebjr_error_context(status, "samples %lld to %lld", (long long)batch->first,
                                  (long long)batch->first + (long long)batch->count - 1);
    return ebjr_recorder_add(recorder, buffers->logits + batch->skipped * classes,
                             buffers->labels + batch->skipped, batch->kept);
}

/* Commits what came through, also after a failure, whose message is what the caller is told. */
static int finish(ebjr_recorder *recorder, int status)
{
    char message[2048];
    if (!status)
        return ebjr_recorder_commit(recorder);
    snprintf(message, sizeof message, "%s", ebjr_error_last());
    ebjr_recorder_commit(recorder);
    return ebjr_error_set(status, "%s", message);
}

int ebjr_run_fill(ebjr_store *store, struct ebjr_stored_run *run, ebjr_model *model,
                  ebjr_dataset *dataset, const struct ebjr_preprocessing *preprocessing,
                  const struct ebjr_run_options *options)
{
    struct buffers buffers = {0};
    ebjr_recorder *recorder = NULL;
    int64_t done = run->done;
    int status = ebjr_recorder_new(&recorder, store, run);
    if (!status)
        status = allocate(&buffers, options->batch, (size_t)run->classes,
                          ebjr_dataset_describe(dataset));
    while (!status && done < run->samples) {
        struct batch batch =
            next_batch(run, done, options->batch, ebjr_dataset_describe(dataset)->samples);
        status =
            step(recorder, model, dataset, preprocessing, &buffers, &batch, (size_t)run->classes);
        if (status)
            break;
        done += (int64_t)batch.kept;
        if (options->progress && options->progress(options->context, done, run->samples) != 0 &&
            done < run->samples)
            status = ebjr_error_set(EBJR_EINTERRUPTED, "interrupted");
    }
    if (recorder)
        status = finish(recorder, status);
    ebjr_recorder_free(recorder);
    release(&buffers);
    return status;
}
