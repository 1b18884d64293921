/* Chunks: what one transaction of the caller's adds to a run, rows of any kind, with their
 * SHA-256. */
#ifndef EBJR_DB_CHUNK_H
#define EBJR_DB_CHUNK_H

#include "db/internal.h"
#include "db/stored.h"

struct ebjr_chunk {
    ebjr_store *store;
    sqlite3_stmt *insert, *done;
    ebjr_hash *hash; /* of the rows since the last chunk, which those who write them add to */
};

/* The caller closes *out, also after a failure. */
int ebjr_chunk_open(struct ebjr_chunk *out, ebjr_store *store);
void ebjr_chunk_close(struct ebjr_chunk *chunk);

/* Does the store still stand where the caller left it? Errors: EBJR_EBUSY another process has moved
 * the run on. */
int ebjr_chunk_check(const struct ebjr_chunk *chunk, const struct ebjr_stored_run *run);

/* Makes a chunk of the rows of the `count` samples that came since the last one, and moves
 * run->done past them; the run's record is the caller's to write. */
int ebjr_chunk_end(const struct ebjr_chunk *chunk, struct ebjr_stored_run *run, int64_t count);

/* Writes the record of a run that has moved, finished now where it is complete. */
int ebjr_chunk_record(const struct ebjr_chunk *chunk, struct ebjr_stored_run *run);

#endif
