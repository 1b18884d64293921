/*
 * A tally of the records of a table: how many there are, and the exclusive or of their seals, which
 * is the same in whatever order they came. It moves in the transaction that writes a record, so
 * that a record that was deleted, or put back as it was before, is noticed although every seal
 * fits.
 */
#ifndef EBJR_DB_TALLY_H
#define EBJR_DB_TALLY_H

#include "db/internal.h"

/* Within a transaction: a record with the seal `before` (NULL: none) now has the seal `after`
 * (NULL: it is gone). Errors: EBJR_ESTORE the tally or the seal is not what ebjr writes. */
int ebjr_tally_change(ebjr_store *store, const char *table, const char *before, const char *after);

/* Counts what the table holds, whatever the tally said. */
int ebjr_tally_again(ebjr_store *store, const char *table);

struct ebjr_tally_answer {
    int64_t written, held; /* records */
    bool same;             /* in number and in seals */
};

int ebjr_tally_check(struct ebjr_tally_answer *out, ebjr_store *store, const char *table);

#endif
