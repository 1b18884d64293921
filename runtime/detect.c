#include "runtime/detect.h"

#include "base/array.h"
#include "base/error.h"
#include "base/monotonic.h"
#include "db/detection.h"

#include <stdlib.h>
#include <string.h>

static const int64_t COMMIT_NS = 1000000000;
enum { CHUNK_DETECTIONS = 1 << 14 };

/* What was found and is not committed yet. */
struct chunk {
    ebjr_store *store;
    struct ebjr_stored_run *run;
    struct ebjr_detection *items;
    float *logits;
    size_t count, item_room, logit_room;
    int64_t images;
    int64_t committed; /* when, ns */
};

static int commit(void *context)
{
    struct chunk *chunk = context;
    const struct ebjr_detections found = {.items = chunk->items,
                                          .count = chunk->count,
                                          .logits = chunk->run->classes ? chunk->logits : NULL,
                                          .classes = (size_t)chunk->run->classes};
    chunk->committed = ebjr_monotonic_ns();
    if (chunk->images == 0)
        return 0;
    int status = ebjr_detection_append(chunk->store, chunk->run, &found, chunk->images);
    if (status)
        return status;
    chunk->count = 0;
    chunk->images = 0;
    return 0;
}

static int keep(struct chunk *chunk, const struct ebjr_detections *found)
{
    const size_t classes = (size_t)chunk->run->classes;
    if (found->count > 0 && found->classes != classes)
        return ebjr_error_set(EBJR_EMODEL,
                              "it returns %zu logits with each detection, and %zu before: they "
                              "must be as many for every image, also where nothing is found",
                              found->classes, classes);
    int status = ebjr_array_reserve(&chunk->items, &chunk->item_room, chunk->count, found->count,
                                    sizeof *chunk->items);
    if (!status && classes > 0)
        status = ebjr_array_reserve(&chunk->logits, &chunk->logit_room, chunk->count * classes,
                                    found->count * classes, sizeof *chunk->logits);
    if (status)
        return status;
    if (found->count > 0)
        memcpy(chunk->items + chunk->count, found->items, found->count * sizeof *found->items);
    if (found->count > 0 && classes > 0)
        memcpy(chunk->logits + chunk->count * classes, found->logits,
               found->count * classes * sizeof *found->logits);
    chunk->count += found->count;
    chunk->images++;
    return 0;
}

static int step(struct chunk *chunk, ebjr_detector *detector, const ebjr_coco_pictures *pictures,
                const struct ebjr_feed_batch *batch)
{
    struct ebjr_detections found;
    int status = ebjr_detector_find(&found, detector, batch->inputs, (uint32_t)batch->first);
    if (!status)
        status = keep(chunk, &found);
    if (status)
        return ebjr_coco_picture_blame(status, pictures, batch->first);
    bool due =
        chunk->count >= CHUNK_DETECTIONS || ebjr_monotonic_ns() - chunk->committed >= COMMIT_NS;
    return due ? commit(chunk) : 0;
}

static int consume(ebjr_feed *feed, struct chunk *chunk, ebjr_detector *detector,
                   const ebjr_coco_pictures *pictures, const struct ebjr_run_options *options)
{
    const struct ebjr_stored_run *run = chunk->run;
    struct ebjr_feed_batch batch;
    int more;
    while ((more = ebjr_feed_next(feed, &batch)) > 0) {
        int64_t done = batch.first + 1 - run->first;
        int status = step(chunk, detector, pictures, &batch);
        if (status)
            return status;
        if (options->progress && options->progress(options->context, done, run->samples) != 0 &&
            done < run->samples)
            return ebjr_error_set(EBJR_EINTERRUPTED, "interrupted");
    }
    return more;
}

int ebjr_detect_classes(int64_t *out, ebjr_detector *detector, const ebjr_coco_pictures *pictures)
{
    struct ebjr_picture picture;
    struct ebjr_detections found;
    int status = ebjr_coco_picture_read(&picture, pictures, 0);
    if (status)
        return status;
    status = ebjr_detector_find(&found, detector, &picture, 0);
    ebjr_picture_free(&picture);
    if (status)
        return ebjr_coco_picture_blame(status, pictures, 0);
    *out = (int64_t)found.classes;
    return 0;
}

int ebjr_detect_fill(ebjr_store *store, struct ebjr_stored_run *run, ebjr_detector *detector,
                     ebjr_coco_pictures *pictures, const struct ebjr_run_options *options,
                     struct ebjr_run_times *times)
{
    const struct ebjr_feed_source source = ebjr_coco_pictures_source(pictures);
    const struct ebjr_feed_request request = {.first = run->first + run->done,
                                              .end = run->first + run->samples,
                                              .batch = 1,
                                              .workers = options->workers};
    struct chunk chunk = {.store = store, .run = run, .committed = ebjr_monotonic_ns()};
    ebjr_feed *feed = NULL;
    int status = ebjr_feed_open_source(&feed, &source, &request);
    if (!status)
        status = consume(feed, &chunk, detector, pictures, options);
    status = ebjr_error_after(status, commit, &chunk);
    if (times)
        *times = (struct ebjr_run_times){feed ? 1e-9 * (double)ebjr_feed_waited(feed) : 0,
                                         feed ? ebjr_feed_workers(feed) : 0};
    ebjr_feed_close(feed);
    free(chunk.items);
    free(chunk.logits);
    return status;
}
