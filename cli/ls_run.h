/* What a store says of a run: what was executed, on what, how and when. */
#ifndef EBJR_CLI_LS_RUN_H
#define EBJR_CLI_LS_RUN_H

#include "cli/table.h"
#include "db/stored.h"

/* A table of runs, for people with `detections` only where there are any, and a row of it. Errors:
 * EBJR_ESTORE. */
struct table ls_run_table(struct output output, bool detections);
int ls_run_row(struct table *table, ebjr_store *store, const struct ebjr_stored_run *run,
               const struct ebjr_stored_model *model, const struct ebjr_stored_dataset *dataset);

#endif
