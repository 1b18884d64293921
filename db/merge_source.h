/* A store that is merged into another: what it says it holds. */
#ifndef EBJR_DB_MERGE_SOURCE_H
#define EBJR_DB_MERGE_SOURCE_H

#include "db/stored.h"

struct ebjr_merge_source {
    const char *path; /* the caller's */
    struct ebjr_stored_model *models;
    struct ebjr_stored_dataset *datasets;
    struct ebjr_stored_run *runs;
    size_t model_count, dataset_count, run_count;
    int64_t *model_ids, *dataset_ids; /* of the target, in the order of the records */
    int64_t first;                    /* sample that it has rows of; INT64_MAX: none */
    char digest[EBJR_HASH_TEXT];      /* of all these records */
};

/* Reads the records of a store after a look at their seals and tallies. The caller frees *out, also
 * after a failure. Errors: those of ebjr_store_open; EBJR_ESTORE a record was changed. */
int ebjr_merge_source_read(struct ebjr_merge_source *out, const char *path);
void ebjr_merge_source_free(struct ebjr_merge_source *source);

/* For qsort: by the first sample, then by age, then by content. */
int ebjr_merge_source_compare(const void *a, const void *b);

/* The target's id of a model or data set that the source knows by this one; EBJR_UNKNOWN stays. */
int64_t ebjr_merge_model_id(const struct ebjr_merge_source *source, int64_t id);
int64_t ebjr_merge_dataset_id(const struct ebjr_merge_source *source, int64_t id);

#endif
