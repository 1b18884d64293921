/*
 * Merging: the runs and records of several stores in one. Shards of a data set become the store
 * that one process would have filled; stores of different models become one store of them all.
 *
 * A run of the target grows from the data set's first sample on, up to the first sample that
 * neither it nor any of the stores holds; what comes after that stays where it is. Rows go over in
 * whole chunks, each checked against its SHA-256, a commit about every second; samples that are
 * there already must be the same. So a merge that was killed goes on where it stands, one that was
 * done changes nothing, and memory does not grow with the number of samples.
 */
#ifndef EBJR_DB_MERGE_H
#define EBJR_DB_MERGE_H

#include "db/stored.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_merge_options {
    void *context;
    /* A sentence for what differs between the stores and does no harm. */
    void (*note)(void *context, const char *what);
    /* Called now and then, `done` of `total` rows being through; non-zero stops the merge. */
    int (*progress)(void *context, int64_t done, int64_t total);
};

struct ebjr_merged_run {
    struct ebjr_stored_run
        run; /* as the target holds it; its id is EBJR_UNKNOWN: it does not yet */
    char model[256], dataset[256];
    int64_t added;     /* rows */
    int64_t waiting;   /* rows of the stores that come after a gap */
    char missing[256]; /* samples that no store holds, "100-199, 300-399"; "": none */
};

/*
 * Merges stores[count] into the store `db`, which is made where it does not exist; the order in
 * which they are named does not matter. *out, which the caller frees, has all of their runs, those
 * with gaps too: they are no error. Models, data sets, their objects and class names, and
 * measurements come over where the target does not have them; of two searches for a plan, the
 * newer.
 *
 * Errors: EBJR_ENOTFOUND the target is a shard itself, or a store is not there; EBJR_EFORMAT two
 * stores have different logits, labels or detections for a sample; EBJR_EEXIST one name for two
 * models or data sets; EBJR_ESTORE a store is damaged or no store; EBJR_EINTERRUPTED; EBJR_EBUSY;
 * EBJR_EIO. What was merged before an error is kept.
 */
int ebjr_store_merge(struct ebjr_merged_run **out, size_t *out_count, const char *db,
                     const char *const *stores, size_t count,
                     const struct ebjr_merge_options *options);

#ifdef __cplusplus
}
#endif
#endif
