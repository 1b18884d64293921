/* Merging: the rows of one run, from one store to another. */
#ifndef EBJR_DB_MERGE_ROWS_H
#define EBJR_DB_MERGE_ROWS_H

#include "db/merge.h"

struct ebjr_merge_rows {
    ebjr_store *to, *from;
    struct ebjr_stored_run *run;          /* of `to`: moves with every commit */
    const struct ebjr_stored_run *source; /* of `from`, whose first sample `run` reaches */
    const char *finished;                 /* when the last of the sources was */
    const struct ebjr_merge_options *options;
    int64_t *done; /* rows that are through, of all runs */
    int64_t total;
};

/*
 * Appends the rows of `source` that `run` does not have, and compares those that it has; chunks
 * that both have are passed over. Errors: EBJR_EFORMAT a sample has other logits, another label or
 * other detections;
 * EBJR_ESTORE a chunk of the source is not what was written; EBJR_EINTERRUPTED.
 */
int ebjr_merge_rows(const struct ebjr_merge_rows *rows);

#endif
