#include "base/error.h"
#include "db/merge_copy.h"

#include <string.h>

int ebjr_merge_detections_open(struct ebjr_merge_detections *out,
                               const struct ebjr_merge_rows *rows,
                               const struct ebjr_stored_run *run)
{
    *out = (struct ebjr_merge_detections){.rows = rows, .run = run};
    int status = ebjr_detection_writer_open(&out->writer, rows->to);
    if (!status)
        status = ebjr_detection_cursor_open(&out->cursor, rows->from, rows->source, true);
    return status ? status : ebjr_detection_cursor_open(&out->known, rows->to, run, true);
}

void ebjr_merge_detections_close(struct ebjr_merge_detections *detections)
{
    ebjr_detection_writer_close(&detections->writer);
    ebjr_detection_cursor_close(&detections->cursor);
    ebjr_detection_cursor_close(&detections->known);
}

static bool is_same(const struct ebjr_detection_cursor *a, const struct ebjr_detection_cursor *b)
{
    const struct ebjr_detection *x = &a->detection, *y = &b->detection;
    return x->image == y->image && x->category == y->category && x->score == y->score &&
           x->box.x == y->box.x && x->box.y == y->box.y && x->box.width == y->box.width &&
           x->box.height == y->box.height &&
           (a->run->classes == 0 ||
            memcmp(a->logits, b->logits, (size_t)a->run->classes * sizeof *a->logits) == 0);
}

static int other_detections(const struct ebjr_merge_detections *detections, bool here, bool there)
{
    const uint32_t in = here ? detections->cursor.detection.image : UINT32_MAX;
    const uint32_t of = there ? detections->known.detection.image : UINT32_MAX;
    return ebjr_error_set(EBJR_EFORMAT,
                          "image %lu: its detections here (run by '%s') are not those in %s (by "
                          "'%s'): one run, two answers; leave out one of the two stores",
                          (unsigned long)(in < of ? in : of), detections->rows->source->plan,
                          detections->rows->to->path, detections->run->plan);
}

/* The row that the cursor holds goes into the hash, and it moves on: *more, whether to another. */
static int pass(struct ebjr_detection_cursor *cursor, int *more, ebjr_hash *hash)
{
    int status = ebjr_detection_hash_update(hash, &cursor->detection, cursor->logits,
                                            (size_t)cursor->run->classes);
    *more = ebjr_detection_cursor_next(cursor);
    return status ? status : *more < 0 ? *more : 0;
}

/* What both stores have of the images before `end` must be the same. */
static int compare(struct ebjr_merge_detections *detections, int *more, ebjr_hash *hash,
                   int64_t end)
{
    struct ebjr_detection_cursor *cursor = &detections->cursor, *known = &detections->known;
    int more_known = ebjr_detection_cursor_next(known);
    int status = more_known < 0 ? more_known : 0;
    while (!status) {
        const bool here = *more > 0 && cursor->detection.image < end;
        const bool there = more_known > 0 && known->detection.image < end;
        if (!here && !there)
            break;
        if (here != there || !is_same(cursor, known))
            return other_detections(detections, here, there);
        status = pass(cursor, more, hash);
        more_known = ebjr_detection_cursor_next(known);
        if (!status && more_known < 0)
            status = more_known;
    }
    return status;
}

int ebjr_merge_detections_copy(struct ebjr_merge_detections *detections, ebjr_hash *hash,
                               int64_t first, int64_t end)
{
    struct ebjr_detection_cursor *cursor = &detections->cursor, *known = &detections->known;
    const struct ebjr_stored_run *run = detections->run;
    ebjr_detection_cursor_seek(cursor, first);
    int more = ebjr_detection_cursor_next(cursor);
    int status = more < 0 ? more : 0;
    if (!status && first < run->done) {
        ebjr_detection_cursor_seek(known, first);
        status = compare(detections, &more, hash, end < run->done ? end : run->done);
        ebjr_detection_cursor_seek(known, first); /* so that it holds no view of the target */
    }
    while (!status && more > 0 && cursor->detection.image < end) {
        status =
            ebjr_detection_writer_add(&detections->writer, run, &cursor->detection, cursor->logits);
        if (!status)
            status = pass(cursor, &more, hash);
    }
    return status;
}
