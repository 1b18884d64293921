/* Merging: one run of the target, of which several stores have parts. */
#ifndef EBJR_DB_MERGE_RUN_H
#define EBJR_DB_MERGE_RUN_H

#include "db/merge.h"
#include "db/merge_source.h"

/* What is merged into, and how far it is. */
struct ebjr_merge_target {
    ebjr_store *store;
    const struct ebjr_merge_options *options;
    int64_t done, total; /* rows of all runs */
};

/* What one store has of a run. */
struct ebjr_merge_part {
    const struct ebjr_merge_source *source;
    const struct ebjr_stored_run *run;
};

struct ebjr_merge_run {
    struct ebjr_merged_run merged;
    struct ebjr_merge_part *parts; /* by their first samples; the caller's to free */
    size_t count, capacity;
};

/* The run that a part is of, over the whole data set, with the target's ids of model and data set
 * and none of its own yet. Errors: EBJR_ESTORE the part is over samples that there are not. */
int ebjr_merge_run_begin(struct ebjr_merge_run *out, const struct ebjr_merge_part *part);

/* Joins the parts up to the first gap, and says what is missing. Errors: those of
 * ebjr_store_merge. */
int ebjr_merge_run_fill(struct ebjr_merge_run *run, struct ebjr_merge_target *target);

#endif
