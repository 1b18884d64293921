/*
 * Outputs: one row a (run, sample). Rows are appended in the order of the data set, a chunk a
 * transaction, and read back in that order by a cursor.
 *
 * A chunk's SHA-256 is over its rows, each laid out in little-endian order as
 *   index i64, label i32, prediction i32, correct u8, top5_correct u8, energy f64,
 *   softmax_energy f64, logits f32[classes].
 */
#ifndef EBJR_DB_OUTPUT_H
#define EBJR_DB_OUTPUT_H

#include "db/stored.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_output {
    int64_t index;
    int32_t label;
    int32_t prediction;
    bool correct, top5_correct;
    double energy, softmax_energy;
    const float *logits; /* [classes] */
};

/*
 * Appends samples run->first+run->done .. of the data set, as many as `count`, in one durable
 * transaction, and moves run->done.
 * Labels are stored with the first run over a data set; later runs must bring the same ones.
 * Errors: EBJR_EBUSY another process has moved the run on; EBJR_EFORMAT a label differs;
 * EBJR_EINVAL the run is of a detector (detection.h); EBJR_EIO.
 */
int ebjr_output_append(ebjr_store *store, struct ebjr_stored_run *run,
                       const struct ebjr_output *rows, size_t count);

typedef struct ebjr_output_cursor ebjr_output_cursor;

/* Reads the rows of a run from the first on. Without logits they are not read from the disk, and
 * row.logits is NULL. The caller owns *out. Errors: EBJR_EINVAL the run is of a detector. */
int ebjr_output_cursor_open(ebjr_output_cursor **out, ebjr_store *store,
                            const struct ebjr_stored_run *run, bool logits);
void ebjr_output_cursor_close(ebjr_output_cursor *cursor);

/* The next row is that of sample `index`. */
void ebjr_output_cursor_seek(ebjr_output_cursor *cursor, int64_t index);

/* 1: *row is the next one, its logits valid until the next call; 0: there are no more. Errors:
 * EBJR_ESTORE a row that is missing or has the wrong number of logits. */
int ebjr_output_cursor_next(ebjr_output_cursor *cursor, struct ebjr_output *row);

/* Every stored label of a data set, [samples]. Errors: EBJR_ESTORE some are missing; EBJR_ENOTFOUND
 * the store is a shard; EBJR_EINVAL the data set is of detection (truth.h). */
int ebjr_label_read(int32_t *labels, ebjr_store *store, const struct ebjr_stored_dataset *dataset);

#ifdef __cplusplus
}
#endif
#endif
