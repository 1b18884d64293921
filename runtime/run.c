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

/* Samples first .. first+count-1, from the file to the recorder. */
static int step(ebjr_recorder *recorder, ebjr_model *model, ebjr_dataset *dataset,
                const struct ebjr_preprocessing *preprocessing, struct buffers *buffers,
                int64_t first, size_t count)
{
    int status = ebjr_dataset_read(dataset, first, count, buffers->pixels, buffers->labels);
    if (status)
        return status;
    ebjr_preprocessing_apply(buffers->inputs, buffers->pixels, count,
                             ebjr_dataset_describe(dataset), preprocessing);
    status = ebjr_model_forward(model, buffers->logits, buffers->inputs, count);
    if (status)
        return ebjr_error_context(status, "samples %lld to %lld", (long long)first,
                                  (long long)first + (long long)count - 1);
    return ebjr_recorder_add(recorder, buffers->logits, buffers->labels, count);
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
        int64_t left = run->samples - done;
        size_t count = left < (int64_t)options->batch ? (size_t)left : options->batch;
        status = step(recorder, model, dataset, preprocessing, &buffers, done, count);
        if (status)
            break;
        done += (int64_t)count;
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
