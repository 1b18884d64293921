/* Appending: rows on their way into a run, within a transaction of the caller's. Runs, imports and
 * merges write through it, and so write the same. */
#ifndef EBJR_DB_APPEND_H
#define EBJR_DB_APPEND_H

#include "db/internal.h"
#include "db/output.h"

struct ebjr_append {
    ebjr_store *store;
    sqlite3_stmt *output, *label, *known_label, *chunk, *done;
    ebjr_hash *hash; /* of the rows since the last chunk */
};

/* The caller closes *out, also after a failure. */
int ebjr_append_open(struct ebjr_append *out, ebjr_store *store);
void ebjr_append_close(struct ebjr_append *append);

/* Does the store still stand where the caller left it? Errors: EBJR_EBUSY another process has moved
 * the run on. */
int ebjr_append_check(const struct ebjr_append *append, const struct ebjr_stored_run *run);

/* One row and its label. Errors: EBJR_EFORMAT the store has another label for the sample. */
int ebjr_append_row(const struct ebjr_append *append, const struct ebjr_stored_run *run,
                    const struct ebjr_output *row);

/* Makes a chunk of the `count` rows that came since the last one, and moves run->done past them;
 * the run's record is the caller's to write. */
int ebjr_append_chunk(const struct ebjr_append *append, struct ebjr_stored_run *run, int64_t count);

#endif
