#include "runtime/feed.h"

#include "base/error.h"
#include "base/monotonic.h"
#include "base/parallel.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE = 2048, MOST_WORKERS = 256 };

/* A place for a batch; batch b has place b % places. */
struct place {
    char *inputs;
    int32_t *labels;
    size_t left; /* samples that are not there yet */
    int status;  /* of the first sample that failed */
    int64_t failed;
    char message[MESSAGE];
};

/* A data set as a source. */
struct samples {
    ebjr_dataset *dataset;
    const struct ebjr_preprocessing *preprocessing;
};

struct ebjr_feed {
    struct ebjr_feed_source source;
    struct samples samples; /* the context of the source, where it is a data set */
    struct ebjr_feed_request request;
    size_t grain; /* samples that a worker takes at once */
    struct place *places;
    size_t place_count;
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    int64_t begun;    /* sample that no worker has taken */
    int64_t given;    /* batches that were given to the caller, the last one still in use */
    int64_t released; /* batches whose places are free again */
    bool stopping;
    int64_t waited;
    pthread_t threads[MOST_WORKERS];
    size_t thread_count;
};

/* What a worker fills: samples first .. first+count-1, from `offset` on in their place. */
struct task {
    int64_t first;
    size_t count, offset;
    struct place *place;
};

static size_t batch_size(const ebjr_feed *feed, int64_t batch)
{
    int64_t first = feed->request.first + batch * (int64_t)feed->request.batch;
    int64_t left = feed->request.end - first;
    return left < (int64_t)feed->request.batch ? (size_t)left : feed->request.batch;
}

/* The next task, under the lock; waits for a free place. False: there is nothing left to do. */
static bool take(struct task *out, ebjr_feed *feed)
{
    const int64_t size = (int64_t)feed->request.batch;
    while (!feed->stopping && feed->begun < feed->request.end &&
           (feed->begun - feed->request.first) / size >=
               feed->released + (int64_t)feed->place_count)
        pthread_cond_wait(&feed->emptied, &feed->lock);
    if (feed->stopping || feed->begun >= feed->request.end)
        return false;
    int64_t batch = (feed->begun - feed->request.first) / size;
    out->first = feed->begun;
    out->offset = (size_t)((feed->begun - feed->request.first) % size);
    out->count = batch_size(feed, batch) - out->offset;
    if (out->count > feed->grain)
        out->count = feed->grain;
    out->place = &feed->places[batch % (int64_t)feed->place_count];
    if (out->offset == 0) {
        out->place->left = batch_size(feed, batch);
        out->place->status = 0;
    }
    feed->begun += (int64_t)out->count;
    return true;
}

static int read_samples(void *context, void *inputs, int32_t *labels, void *pixels, int64_t first,
                        size_t count)
{
    const struct samples *samples = context;
    int status = ebjr_dataset_read(samples->dataset, first, count, pixels, labels);
    if (!status)
        ebjr_preprocessing_apply(inputs, pixels, count, ebjr_dataset_describe(samples->dataset),
                                 samples->preprocessing);
    return status;
}

static int fill(const struct task *task, const ebjr_feed *feed, void *scratch)
{
    const struct ebjr_feed_source *source = &feed->source;
    return source->read(source->context, task->place->inputs + task->offset * source->size,
                        task->place->labels + task->offset, scratch, task->first, task->count);
}

/* Of several failures in a batch the one of the first sample is told, whoever is first to fail. */
static void finish(ebjr_feed *feed, const struct task *task, int status)
{
    struct place *place = task->place;
    if (status && (!place->status || task->first < place->failed)) {
        place->status = status;
        place->failed = task->first;
        snprintf(place->message, sizeof place->message, "%s", ebjr_error_last());
    }
    place->left -= task->count;
    if (place->left == 0)
        pthread_cond_signal(&feed->filled);
}

static void *work(void *argument)
{
    ebjr_feed *feed = argument;
    struct task task;
    void *scratch = malloc(feed->grain * feed->source.scratch + 1);
    pthread_mutex_lock(&feed->lock);
    while (take(&task, feed)) {
        pthread_mutex_unlock(&feed->lock);
        int status = scratch ? fill(&task, feed, scratch) : ebjr_error_memory();
        pthread_mutex_lock(&feed->lock);
        finish(feed, &task, status);
    }
    pthread_mutex_unlock(&feed->lock);
    free(scratch);
    return NULL;
}

static int allocate(ebjr_feed *feed)
{
    const size_t batch = feed->request.batch;
    const int64_t samples = feed->request.end - feed->request.first;
    size_t batches = samples > 0 ? (size_t)((samples - 1) / (int64_t)batch) + 1 : 1;
    size_t fit = EBJR_FEED_BYTES / (feed->source.size + feed->source.elsewhere) / batch;
    feed->place_count = fit < 2 ? 2 : fit < EBJR_FEED_BATCHES ? fit : EBJR_FEED_BATCHES;
    if (feed->place_count > batches)
        feed->place_count = batches;
    feed->places = calloc(feed->place_count, sizeof *feed->places);
    if (!feed->places)
        return ebjr_error_memory();
    for (size_t i = 0; i < feed->place_count; i++) {
        feed->places[i].inputs = calloc(batch, feed->source.size);
        feed->places[i].labels = calloc(batch, sizeof(int32_t));
        if (!feed->places[i].inputs || !feed->places[i].labels)
            return ebjr_error_memory();
    }
    return 0;
}

static int start(ebjr_feed *feed)
{
    size_t wanted = feed->request.workers ? feed->request.workers : ebjr_processors();
    if (!feed->source.is_parallel)
        wanted = 1;
    if (wanted > MOST_WORKERS)
        wanted = MOST_WORKERS;
    feed->grain = feed->source.is_parallel ? 1 : feed->request.batch;
    while (feed->thread_count < wanted) {
        int error = pthread_create(&feed->threads[feed->thread_count], NULL, work, feed);
        if (error && feed->thread_count == 0)
            return ebjr_error_set(EBJR_ENOMEM, "cannot start a thread: %s", strerror(error));
        if (error)
            break;
        feed->thread_count++;
    }
    return 0;
}

/* `samples` are the source's context where it has none of its own. */
static int open_feed(ebjr_feed **out, const struct ebjr_feed_source *source,
                     const struct samples *samples, const struct ebjr_feed_request *request)
{
    if (request->batch == 0)
        return ebjr_error_set(EBJR_EINVAL, "a feed needs batches of at least one sample");
    ebjr_feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return ebjr_error_memory();
    feed->source = *source;
    if (samples) {
        feed->samples = *samples;
        feed->source.context = &feed->samples;
    }
    feed->request = *request;
    feed->begun = request->first;
    pthread_mutex_init(&feed->lock, NULL);
    pthread_cond_init(&feed->filled, NULL);
    pthread_cond_init(&feed->emptied, NULL);
    int status = allocate(feed);
    if (!status)
        status = start(feed);
    if (status) {
        ebjr_feed_close(feed);
        return status;
    }
    *out = feed;
    return 0;
}

int ebjr_feed_open_source(ebjr_feed **out, const struct ebjr_feed_source *source,
                          const struct ebjr_feed_request *request)
{
    return open_feed(out, source, NULL, request);
}

int ebjr_feed_open(ebjr_feed **out, ebjr_dataset *dataset,
                   const struct ebjr_preprocessing *preprocessing,
                   const struct ebjr_feed_request *request)
{
    const struct ebjr_shape *shape = &ebjr_dataset_describe(dataset)->shape;
    const size_t bytes = shape->channels * shape->height * shape->width * sizeof(float);
    const struct samples samples = {dataset, preprocessing};
    const struct ebjr_feed_source source = {.size = bytes,
                                            .scratch = bytes,
                                            .is_parallel = ebjr_dataset_is_parallel(dataset),
                                            .read = read_samples};
    return open_feed(out, &source, &samples, request);
}

static void release(const ebjr_feed *feed, struct place *place)
{
    for (size_t i = 0; feed->source.release && place->inputs && i < feed->request.batch; i++)
        feed->source.release(place->inputs + i * feed->source.size);
    free(place->inputs);
    free(place->labels);
}

void ebjr_feed_close(ebjr_feed *feed)
{
    if (!feed)
        return;
    pthread_mutex_lock(&feed->lock);
    feed->stopping = true;
    pthread_cond_broadcast(&feed->emptied);
    pthread_mutex_unlock(&feed->lock);
    for (size_t i = 0; i < feed->thread_count; i++)
        pthread_join(feed->threads[i], NULL);
    pthread_cond_destroy(&feed->emptied);
    pthread_cond_destroy(&feed->filled);
    pthread_mutex_destroy(&feed->lock);
    for (size_t i = 0; feed->places && i < feed->place_count; i++)
        release(feed, &feed->places[i]);
    free(feed->places);
    free(feed);
}

int ebjr_feed_next(ebjr_feed *feed, struct ebjr_feed_batch *out)
{
    const int64_t size = (int64_t)feed->request.batch, batch = feed->given;
    const int64_t first = feed->request.first + batch * size;
    struct place *place = &feed->places[batch % (int64_t)feed->place_count];
    pthread_mutex_lock(&feed->lock);
    feed->released = feed->given;
    pthread_cond_broadcast(&feed->emptied);
    if (first >= feed->request.end) {
        pthread_mutex_unlock(&feed->lock);
        return 0;
    }
    int64_t started = ebjr_monotonic_ns();
    while (feed->begun < first + (int64_t)batch_size(feed, batch) || place->left > 0)
        pthread_cond_wait(&feed->filled, &feed->lock);
    feed->waited += ebjr_monotonic_ns() - started;
    pthread_mutex_unlock(&feed->lock);
    if (place->status)
        return ebjr_error_set(place->status, "%s", place->message);
    feed->given++;
    *out = (struct ebjr_feed_batch){first, batch_size(feed, batch), place->inputs, place->labels};
    return 1;
}

int64_t ebjr_feed_waited(const ebjr_feed *feed)
{
    return feed->waited;
}

size_t ebjr_feed_workers(const ebjr_feed *feed)
{
    return feed->thread_count;
}
