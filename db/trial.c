#include "db/trial.h"

#include "base/error.h"
#include "db/internal.h"

#include <stdlib.h>
#include <string.h>

#define TRIAL(kind, member) EBJR_##kind(ebjr_trial, member)
#define KEY_INTEGER(name) \
    { \
#name, EBJR_COLUMN_INTEGER, offsetof(struct ebjr_trial, key.name), sizeof(int64_t) \
    }
#define KEY_TEXT(name) \
    { \
#name, EBJR_COLUMN_TEXT, offsetof(struct ebjr_trial, key.name), \
            sizeof(((struct ebjr_trial_key *)NULL)->name) \
    }
static const struct ebjr_column columns[] = {
    TRIAL(INTEGER, id),
    KEY_INTEGER(model_id),
    KEY_TEXT(shape),
    KEY_TEXT(device),
    KEY_TEXT(host),
    KEY_TEXT(library),
    KEY_TEXT(dtype),
    KEY_INTEGER(asked_batch),
    KEY_INTEGER(asked_threads),
    TRIAL(TEXT, mode),
    TRIAL(INTEGER, batch),
    TRIAL(INTEGER, threads),
    TRIAL(INTEGER, ns),
    TRIAL(REAL, max_difference),
    TRIAL(INTEGER, changed),
    TRIAL(INTEGER, samples),
    TRIAL(TEXT, note),
    TRIAL(INTEGER, chosen),
    TRIAL(INTEGER, tried),
    TRIAL(TEXT, program),
    TRIAL(TEXT, created),
};
const struct ebjr_table ebjr_trial_table = {"trial", sizeof(struct ebjr_trial), columns,
                                            sizeof columns / sizeof *columns};

static bool has_key(const struct ebjr_trial *trial, const struct ebjr_trial_key *key)
{
    const struct ebjr_trial_key *own = &trial->key;
    return own->model_id == key->model_id && own->asked_batch == key->asked_batch &&
           own->asked_threads == key->asked_threads && strcmp(own->shape, key->shape) == 0 &&
           strcmp(own->device, key->device) == 0 && strcmp(own->host, key->host) == 0 &&
           strcmp(own->library, key->library) == 0 && strcmp(own->dtype, key->dtype) == 0;
}

static int delete_search(ebjr_store *store, const struct ebjr_trial_key *key)
{
    struct ebjr_trial *old;
    size_t count;
    int status = ebjr_trial_list(&old, &count, store, key);
    if (status)
        return status;
    for (size_t i = 0; !status && i < count; i++)
        status = ebjr_table_delete(store, &ebjr_trial_table, old[i].id);
    free(old);
    return status;
}

int ebjr_trial_put(ebjr_store *store, const struct ebjr_trial_key *key, struct ebjr_trial *trials,
                   size_t count)
{
    int64_t chosen = 0;
    for (size_t i = 0; i < count; i++)
        chosen += trials[i].chosen != 0;
    if (chosen > 1)
        return ebjr_error_set(EBJR_EINVAL, "%lld plans are chosen; one can be", (long long)chosen);
    int status = ebjr_store_begin(store);
    if (status)
        return status;
    status = delete_search(store, key);
    for (size_t i = 0; !status && i < count; i++) {
        trials[i].key = *key;
        trials[i].tried = (int64_t)count;
        if (!*trials[i].created)
            ebjr_store_time(trials[i].created);
        status = ebjr_table_insert(store, &ebjr_trial_table, &trials[i]);
    }
    return ebjr_store_end(store, status);
}

int ebjr_trial_list(struct ebjr_trial **out, size_t *count, ebjr_store *store,
                    const struct ebjr_trial_key *key)
{
    void *records;
    size_t all, kept = 0;
    int status = ebjr_table_list(&records, &all, store, &ebjr_trial_table);
    if (status)
        return status;
    struct ebjr_trial *trials = records;
    for (size_t i = 0; i < all; i++)
        if (!key || has_key(&trials[i], key))
            trials[kept++] = trials[i];
    *out = trials;
    *count = kept;
    return 0;
}
