/* Merging: the rows of one chunk, of outputs or of detections. Those of samples that the target has
 * are compared, the others appended; all of them go into the hash that is to be the chunk's. */
#ifndef EBJR_DB_MERGE_COPY_H
#define EBJR_DB_MERGE_COPY_H

#include "db/append.h"
#include "db/detection_rows.h"
#include "db/merge_rows.h"

struct ebjr_merge_outputs {
    const struct ebjr_merge_rows *rows;
    const struct ebjr_stored_run *run;
    ebjr_output_cursor *cursor, *known; /* of the source; of the target */
    int64_t cursor_next, known_next;    /* where they stand */
    struct ebjr_append append;
};

struct ebjr_merge_detections {
    const struct ebjr_merge_rows *rows;
    const struct ebjr_stored_run *run;
    struct ebjr_detection_cursor cursor, known;
    struct ebjr_detection_writer writer;
};

/* `run` is the target's, the caller's, which moves with every chunk. The caller closes *out, also
 * after a failure. */
int ebjr_merge_outputs_open(struct ebjr_merge_outputs *out, const struct ebjr_merge_rows *rows,
                            const struct ebjr_stored_run *run);
void ebjr_merge_outputs_close(struct ebjr_merge_outputs *outputs);
int ebjr_merge_detections_open(struct ebjr_merge_detections *out,
                               const struct ebjr_merge_rows *rows,
                               const struct ebjr_stored_run *run);
void ebjr_merge_detections_close(struct ebjr_merge_detections *detections);

/* Samples first .. end-1, which the source has. Errors: those of ebjr_merge_rows. */
int ebjr_merge_outputs_copy(struct ebjr_merge_outputs *outputs, ebjr_hash *hash, int64_t first,
                            int64_t end);
int ebjr_merge_detections_copy(struct ebjr_merge_detections *detections, ebjr_hash *hash,
                               int64_t first, int64_t end);

#endif
