/* Merging: the records of a store that are no runs. */
#ifndef EBJR_DB_MERGE_RECORDS_H
#define EBJR_DB_MERGE_RECORDS_H

#include "db/merge.h"
#include "db/merge_source.h"

/* Models, data sets and their class names, each where the target does not have it; fills the ids of
 * the source. Errors: EBJR_EEXIST a name belongs to another; EBJR_EFORMAT the same data set with
 * other samples or class names. */
int ebjr_merge_names(struct ebjr_merge_source *source, ebjr_store *to,
                     const struct ebjr_merge_options *options);

/* Measurements with their latencies, and searches for plans. Errors: EBJR_ESTORE latencies are not
 * those that were measured. */
int ebjr_merge_measurements(const struct ebjr_merge_source *source, ebjr_store *to);
int ebjr_merge_trials(const struct ebjr_merge_source *source, ebjr_store *to);

/* A sentence to options->note. */
void ebjr_merge_note(const struct ebjr_merge_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
