/* Rows of outputs: how they enter the hash of their chunk, and when two say the same. */
#ifndef EBJR_DB_ROW_HASH_H
#define EBJR_DB_ROW_HASH_H

#include "base/hash.h"
#include "db/output.h"

int ebjr_row_hash_update(ebjr_hash *hash, const struct ebjr_output *row, size_t classes);

/* Whether the columns that follow from logits and label are alike. Another libm rounds a logarithm
 * otherwise, so that energies may differ by 1e-12; their bits are in the chunk's SHA-256. */
bool ebjr_row_agrees(const struct ebjr_output *a, const struct ebjr_output *b);

#endif
