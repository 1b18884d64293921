/* How a row of outputs enters the hash of its chunk. */
#ifndef EBJR_DB_ROW_HASH_H
#define EBJR_DB_ROW_HASH_H

#include "base/hash.h"
#include "db/output.h"

int ebjr_row_hash_update(ebjr_hash *hash, const struct ebjr_output *row, size_t classes);

#endif
