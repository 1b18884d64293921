#include "db/detection.h"

#include "base/array.h"
#include "base/error.h"
#include "db/class_name.h"
#include "db/detection_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool all_finite(const struct ebjr_detection *detection, const float *logits, size_t classes)
{
    const struct ebjr_box *box = &detection->box;
    bool finite = isfinite(box->x) && isfinite(box->y) && isfinite(box->width) &&
                  isfinite(box->height) && isfinite(detection->score);
    for (size_t k = 0; finite && k < classes; k++)
        finite = isfinite(logits[k]);
    return finite;
}

static const float *logits_of(const struct ebjr_detections *detections, size_t i)
{
    return detections->logits ? detections->logits + i * detections->classes : NULL;
}

static int check_detections(const struct ebjr_stored_run *run,
                            const struct ebjr_detections *detections, int64_t images)
{
    const int64_t first = run->first + run->done;
    const size_t classes = detections->logits ? detections->classes : 0;
    int64_t lowest = first;
    if (images < 0 || images > run->samples - run->done)
        return ebjr_error_set(EBJR_EINVAL,
                              "run %lld: it waits for %lld images from image %lld on, not for %lld",
                              (long long)run->id, (long long)(run->samples - run->done),
                              (long long)first, (long long)images);
    if (detections->count > 0 && (int64_t)classes != run->classes)
        return ebjr_error_set(EBJR_EINVAL,
                              "run %lld: its detections have %lld logits each, and these have %zu",
                              (long long)run->id, (long long)run->classes, classes);
    for (size_t i = 0; i < detections->count; i++) {
        const struct ebjr_detection *detection = &detections->items[i];
        if (detection->image < lowest || detection->image >= first + images)
            return ebjr_error_set(EBJR_EINVAL,
                                  "detection %zu is in image %lu; detections come in the order of "
                                  "images, here of %lld from image %lld on",
                                  i, (unsigned long)detection->image, (long long)images,
                                  (long long)first);
        if (detection->category >= EBJR_CLASS_NAMES)
            return ebjr_error_set(EBJR_EINVAL, "detection %zu is of category %lu; %d is the last",
                                  i, (unsigned long)detection->category, EBJR_CLASS_NAMES - 1);
        if (!all_finite(detection, logits_of(detections, i), classes))
            return ebjr_error_set(EBJR_EINVAL,
                                  "detection %zu, in image %lu: its score, box or a logit is not "
                                  "finite",
                                  i, (unsigned long)detection->image);
        lowest = detection->image;
    }
    return 0;
}

static int append_all(struct ebjr_detection_writer *writer, struct ebjr_stored_run *run,
                      const struct ebjr_detections *detections, int64_t images)
{
    int status = ebjr_chunk_check(&writer->chunk, run);
    for (size_t i = 0; !status && i < detections->count; i++)
        status =
            ebjr_detection_writer_add(writer, run, &detections->items[i], logits_of(detections, i));
    if (!status)
        status = ebjr_chunk_end(&writer->chunk, run, images);
    return status ? status : ebjr_chunk_record(&writer->chunk, run);
}

int ebjr_detection_append(ebjr_store *store, struct ebjr_stored_run *run,
                          const struct ebjr_detections *detections, int64_t images)
{
    struct ebjr_detection_writer writer;
    struct ebjr_stored_run moved = *run;
    int status = check_detections(run, detections, images);
    if (status || images == 0)
        return status;
    status = ebjr_store_begin(store);
    if (status)
        return status;
    status = ebjr_detection_writer_open(&writer, store);
    if (!status)
        status = ebjr_detection_check_run(store, run);
    if (!status)
        status = append_all(&writer, &moved, detections, images);
    ebjr_detection_writer_close(&writer);
    status = ebjr_store_end(store, status);
    if (!status)
        *run = moved;
    return status;
}

void ebjr_stored_detections_free(struct ebjr_stored_detections *detections)
{
    free(detections->items);
    free(detections->logits);
    *detections = (struct ebjr_stored_detections){0};
}

struct room {
    size_t items, logits;
};

static int keep(struct ebjr_stored_detections *out, struct room *room,
                const struct ebjr_detection_cursor *cursor, size_t classes)
{
    const size_t count = out->detections.count;
    int status = ebjr_array_reserve(&out->items, &room->items, count, 1, sizeof *out->items);
    if (!status && classes > 0)
        status = ebjr_array_reserve(&out->logits, &room->logits, count * classes, classes,
                                    sizeof *out->logits);
    if (status)
        return status;
    out->items[count] = cursor->detection;
    if (classes > 0)
        memcpy(out->logits + count * classes, cursor->logits, classes * sizeof *out->logits);
    out->detections.count++;
    return 0;
}

int ebjr_detection_read(struct ebjr_stored_detections *out, ebjr_store *store,
                        const struct ebjr_stored_run *run, bool logits)
{
    struct ebjr_detection_cursor cursor;
    struct room room = {0};
    const size_t classes = logits ? (size_t)run->classes : 0;
    int more = 0;
    *out = (struct ebjr_stored_detections){0};
    int status = ebjr_detection_cursor_open(&cursor, store, run, logits);
    while (!status && (more = ebjr_detection_cursor_next(&cursor)) > 0)
        status = keep(out, &room, &cursor, classes);
    if (!status && more < 0)
        status = more;
    ebjr_detection_cursor_close(&cursor);
    if (status) {
        ebjr_stored_detections_free(out);
        return status;
    }
    out->detections.items = out->items;
    out->detections.logits = out->logits;
    out->detections.classes = classes;
    return 0;
}
