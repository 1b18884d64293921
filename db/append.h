/* Appending: rows on their way into a run, within a transaction of the caller's. Runs, imports and
 * merges write through it, and so write the same. */
#ifndef EBJR_DB_APPEND_H
#define EBJR_DB_APPEND_H

#include "db/chunk.h"
#include "db/output.h"

struct ebjr_append {
    struct ebjr_chunk chunk;
    sqlite3_stmt *output, *label, *known_label;
};

/* The caller closes *out, also after a failure. */
int ebjr_append_open(struct ebjr_append *out, ebjr_store *store);
void ebjr_append_close(struct ebjr_append *append);

/* One row and its label. Errors: EBJR_EFORMAT the store has another label for the sample. */
int ebjr_append_row(const struct ebjr_append *append, const struct ebjr_stored_run *run,
                    const struct ebjr_output *row);

#endif
