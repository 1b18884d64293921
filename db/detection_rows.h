/* Rows of detections: how they are written, read, and enter the hash of their chunk. Runs, merges
 * and verify go through here. */
#ifndef EBJR_DB_DETECTION_ROWS_H
#define EBJR_DB_DETECTION_ROWS_H

#include "base/detection.h"
#include "db/chunk.h"

int ebjr_detection_hash_update(ebjr_hash *hash, const struct ebjr_detection *detection,
                               const float *logits, size_t classes);

/* Writing, within a transaction of the caller's. */
struct ebjr_detection_writer {
    struct ebjr_chunk chunk;
    sqlite3_stmt *insert;
    int64_t image, place; /* of the next row */
};

/* The caller closes *out, also after a failure. */
int ebjr_detection_writer_open(struct ebjr_detection_writer *out, ebjr_store *store);
void ebjr_detection_writer_close(struct ebjr_detection_writer *writer);

/* The next row, in the order of images; [run->classes] logits. */
int ebjr_detection_writer_add(struct ebjr_detection_writer *writer,
                              const struct ebjr_stored_run *run,
                              const struct ebjr_detection *detection, const float *logits);

struct ebjr_detection_cursor {
    ebjr_store *store;
    const struct ebjr_stored_run *run; /* the caller's */
    sqlite3_stmt *statement;
    bool with_logits;
    int64_t place; /* in its image, of the row below */
    struct ebjr_detection detection;
    const float
        *logits; /* [run->classes] until the next call; NULL: none, or none were asked for */
};

/* Reads from the first row on. The caller closes *out, also after a failure. Errors: EBJR_EINVAL
 * the run is not of a detector. */
int ebjr_detection_cursor_open(struct ebjr_detection_cursor *out, ebjr_store *store,
                               const struct ebjr_stored_run *run, bool logits);
void ebjr_detection_cursor_close(struct ebjr_detection_cursor *cursor);

/* The next row is the first of this image, or of one after it. */
void ebjr_detection_cursor_seek(struct ebjr_detection_cursor *cursor, int64_t image);

/* 1: the cursor holds the next row; 0: there are no more. Errors: EBJR_ESTORE a row that is missing
 * before this one, or is none of ours. */
int ebjr_detection_cursor_next(struct ebjr_detection_cursor *cursor);

/* Errors: EBJR_EINVAL the run is not of a detector. */
int ebjr_detection_check_run(ebjr_store *store, const struct ebjr_stored_run *run);

#endif
