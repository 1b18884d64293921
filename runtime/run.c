#include "runtime/run.h"

#include "base/error.h"
#include "runtime/feed.h"
#include "runtime/recorder.h"

#include <stdlib.h>

/* What of a batch the run still lacks. */
struct wanted {
    size_t skipped, kept, classes;
};

/* A batch, from the feed to the recorder. */
static int step(ebjr_recorder *recorder, ebjr_model *model, float *logits,
                const struct ebjr_feed_batch *batch, const struct wanted *wanted)
{
    int status = ebjr_model_forward(model, logits, batch->inputs, batch->count);
    if (status)
        return ebjr_error_context(status, "samples %lld to %lld", (long long)batch->first,
                                  (long long)batch->first + (long long)batch->count - 1);
    return ebjr_recorder_add(recorder, logits + wanted->skipped * wanted->classes,
                             batch->labels + wanted->skipped, wanted->kept);
}

static int commit(void *recorder)
{
    return ebjr_recorder_commit(recorder);
}

static struct wanted wanted_of(const struct ebjr_feed_batch *batch,
                               const struct ebjr_stored_run *run, int64_t done)
{
    int64_t at = run->first + done, end = run->first + run->samples;
    int64_t batch_end = batch->first + (int64_t)batch->count;
    return (struct wanted){.skipped = (size_t)(at - batch->first),
                           .kept = (size_t)((end < batch_end ? end : batch_end) - at),
                           .classes = (size_t)run->classes};
}

/* Batch after batch, until the feed ends. The recorder moves run->done when it commits. */
static int consume(ebjr_feed *feed, ebjr_recorder *recorder, ebjr_model *model, float *logits,
                   const struct ebjr_stored_run *run, const struct ebjr_run_options *options)
{
    struct ebjr_feed_batch batch;
    int64_t done = run->done;
    int more;
    while ((more = ebjr_feed_next(feed, &batch)) > 0) {
        struct wanted wanted = wanted_of(&batch, run, done);
        int status = step(recorder, model, logits, &batch, &wanted);
        if (status)
            return status;
        done += (int64_t)wanted.kept;
        if (options->progress && options->progress(options->context, done, run->samples) != 0 &&
            done < run->samples)
            return ebjr_error_set(EBJR_EINTERRUPTED, "interrupted");
    }
    return more;
}

/*
 * Batches lie on one grid over the data set, wherever a shard or an interrupted run begins: the
 * logits of a sample may depend in their last bits on its place in a batch, and so are those of an
 * unbroken run by one process. The price is a few samples more at the ends.
 */
static struct ebjr_feed_request on_grid(const struct ebjr_stored_run *run, int64_t samples,
                                        const struct ebjr_run_options *options)
{
    int64_t size = (int64_t)options->batch, at = run->first + run->done;
    int64_t end = (run->first + run->samples + size - 1) / size * size;
    return (struct ebjr_feed_request){.first = at - at % size,
                                      .end = end < samples ? end : samples,
                                      .batch = options->batch,
                                      .workers = options->workers};
}

int ebjr_run_fill(ebjr_store *store, struct ebjr_stored_run *run, ebjr_model *model,
                  ebjr_dataset *dataset, const struct ebjr_preprocessing *preprocessing,
                  const struct ebjr_run_options *options, struct ebjr_run_times *times)
{
    const struct ebjr_feed_request request =
        on_grid(run, ebjr_dataset_describe(dataset)->samples, options);
    ebjr_recorder *recorder = NULL;
    ebjr_feed *feed = NULL;
    float *logits = calloc(options->batch * (size_t)run->classes, sizeof *logits);
    int status = logits ? ebjr_recorder_new(&recorder, store, run) : ebjr_error_memory();
    if (!status)
        status = ebjr_feed_open(&feed, dataset, preprocessing, &request);
    if (!status)
        status = consume(feed, recorder, model, logits, run, options);
    if (recorder)
        status = ebjr_error_after(status, commit, recorder);
    if (times)
        *times = (struct ebjr_run_times){feed ? 1e-9 * (double)ebjr_feed_waited(feed) : 0,
                                         feed ? ebjr_feed_workers(feed) : 0};
    ebjr_feed_close(feed);
    ebjr_recorder_free(recorder);
    free(logits);
    return status;
}
