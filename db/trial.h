/*
 * Trials: the plans that were tried for a model (how it is executed, batch, threads), what each
 * took, how far its logits were from the model as loaded, and which was chosen. A search is all
 * trials of one key; a new search with the same key takes the place of the old one.
 */
#ifndef EBJR_DB_TRIAL_H
#define EBJR_DB_TRIAL_H

#include "db/stored.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a search was for. */
struct ebjr_trial_key {
    int64_t model_id;
    char shape[48]; /* "CxHxW" of one sample */
    char device[64];
    char host[128];
    char library[64];
    char dtype[16];
    int64_t asked_batch, asked_threads; /* 0: any */
};

struct ebjr_trial {
    int64_t id;
    struct ebjr_trial_key key;
    char mode[32]; /* "as-loaded", "frozen", "optimized", "channels-last", "direct" */
    int64_t batch, threads;
    int64_t ns;            /* a sample, the median; EBJR_UNKNOWN: it failed */
    double max_difference; /* the largest |logit - as loaded|; NaN: not compared */
    int64_t changed;       /* predictions that differ from as loaded; EBJR_UNKNOWN: not compared */
    int64_t samples;       /* compared */
    char note[256];        /* why it was dropped, or "" */
    int64_t chosen;        /* 0 or 1 */
    int64_t tried;         /* trials of this search */
    char program[32];
    char created[32];
};

/* Replaces all trials with this key by trials[count], which get their id, key, `tried` and, where
 * it is "", time, in one transaction. Errors: EBJR_EINVAL more than one is chosen; EBJR_EBUSY,
 * EBJR_EIO. */
int ebjr_trial_put(ebjr_store *store, const struct ebjr_trial_key *key, struct ebjr_trial *trials,
                   size_t count);

/* The trials with this key (NULL: all) in the order of their ids, of a search as they were put; the
 * caller frees *out. None are no error. */
int ebjr_trial_list(struct ebjr_trial **out, size_t *count, ebjr_store *store,
                    const struct ebjr_trial_key *key);

#ifdef __cplusplus
}
#endif
#endif
