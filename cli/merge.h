/* Merging stores, as `ebjr merge` does it and `ebjr run` of several processes. */
#ifndef EBJR_CLI_MERGE_H
#define EBJR_CLI_MERGE_H

#include "cli/table.h"

/* Merges stores[count] into `db` and, unless `output` is NULL, prints a row a run, those with gaps
 * too. Errors: EBJR_ENOTFOUND samples are missing; those of ebjr_store_merge. */
int merge_stores(const char *db, const char *const *stores, size_t count,
                 const struct output *output);

#endif
