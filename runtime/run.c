#include "runtime/run.h"

#include "base/error.h"
#include "runtime/feed.h"
#include "runtime/recorder.h"

#include <stdio.h>
#include <stdlib.h>

/* A batch, from the feed to the recorder. */
static int step(ebjr_recorder *recorder, ebjr_model *model, float *logits,
                const struct ebjr_feed_batch *batch)
{
    int status = ebjr_model_forward(model, logits, batch->inputs, batch->count);
    if (status)
        return ebjr_error_context(status, "samples %lld to %lld", (long long)batch->first,
                                  (long long)batch->first + (long long)batch->count - 1);
    return ebjr_recorder_add(recorder, logits, batch->labels, batch->count);
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

/* Batch after batch, until the feed ends. */
static int consume(ebjr_feed *feed, ebjr_recorder *recorder, ebjr_model *model, float *logits,
                   const struct ebjr_stored_run *run, const struct ebjr_run_options *options)
{
    struct ebjr_feed_batch batch;
    int more;
    while ((more = ebjr_feed_next(feed, &batch)) > 0) {
        int status = step(recorder, model, logits, &batch);
        if (status)
            return status;
        int64_t done = batch.first - run->first + (int64_t)batch.count;
        if (options->progress && options->progress(options->context, done, run->samples) != 0 &&
            done < run->samples)
            return ebjr_error_set(EBJR_EINTERRUPTED, "interrupted");
    }
    return more;
}

int ebjr_run_fill(ebjr_store *store, struct ebjr_stored_run *run, ebjr_model *model,
                  ebjr_dataset *dataset, const struct ebjr_preprocessing *preprocessing,
                  const struct ebjr_run_options *options, struct ebjr_run_times *times)
{
    const struct ebjr_feed_request request = {.first = run->first + run->done,
                                              .end = run->first + run->samples,
                                              .batch = options->batch,
                                              .workers = options->workers};
    ebjr_recorder *recorder = NULL;
    ebjr_feed *feed = NULL;
    float *logits = calloc(options->batch * (size_t)run->classes, sizeof *logits);
    int status = logits ? ebjr_recorder_new(&recorder, store, run) : ebjr_error_memory();
    if (!status)
        status = ebjr_feed_open(&feed, dataset, preprocessing, &request);
    if (!status)
        status = consume(feed, recorder, model, logits, run, options);
    if (recorder)
        status = finish(recorder, status);
    if (times)
        *times = (struct ebjr_run_times){feed ? 1e-9 * (double)ebjr_feed_waited(feed) : 0,
                                         feed ? ebjr_feed_workers(feed) : 0};
    ebjr_feed_close(feed);
    ebjr_recorder_free(recorder);
    free(logits);
    return status;
}
