#include "db/latency.h"

#include "base/error.h"
#include "db/internal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int ebjr_latency_hash(char out[EBJR_HASH_TEXT], const int64_t *ns, int64_t samples)
{
    ebjr_hash *hash;
    int status = ebjr_hash_new(&hash);
    if (status)
        return status;
    status = ebjr_hash_update(hash, ns, (size_t)samples * sizeof *ns);
    if (!status)
        status = ebjr_hash_finish(hash, out);
    ebjr_hash_free(hash);
    return status;
}

static bool same(const struct ebjr_stored_measurement *a, const struct ebjr_stored_measurement *b)
{
    return a->model_id == b->model_id && a->dataset_id == b->dataset_id && a->batch == b->batch &&
           strcmp(a->device, b->device) == 0 && strcmp(a->plan, b->plan) == 0 &&
           strcmp(a->sha256, b->sha256) == 0;
}

/* *found: *measurement is now what the store has. */
static int look_up(bool *found, ebjr_store *store, struct ebjr_stored_measurement *measurement)
{
    struct ebjr_stored_measurement *stored;
    size_t count;
    int status = ebjr_stored_measurement_list(&stored, &count, store);
    if (status)
        return status;
    *found = false;
    for (size_t i = 0; !*found && i < count; i++) {
        if (same(&stored[i], measurement)) {
            *measurement = stored[i];
            *found = true;
        }
    }
    free(stored);
    return 0;
}

static int insert_all(ebjr_store *store, const struct ebjr_stored_measurement *measurement,
                      const int64_t *ns)
{
    sqlite3_stmt *statement = NULL;
    int status = ebjr_store_prepare(&statement, store, "INSERT INTO latency VALUES (?, ?, ?)");
    for (int64_t i = 0; !status && i < measurement->samples; i++) {
        sqlite3_bind_int64(statement, 1, measurement->id);
        sqlite3_bind_int64(statement, 2, i);
        sqlite3_bind_int64(statement, 3, ns[i]);
        if (sqlite3_step(statement) != SQLITE_DONE)
            status = ebjr_store_failure(store, "store latencies");
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    return status;
}

int ebjr_latency_append(ebjr_store *store, struct ebjr_stored_measurement *measurement,
                        const int64_t *ns)
{
    bool found = false;
    int status = ebjr_latency_hash(measurement->sha256, ns, measurement->samples);
    if (!status)
        status = ebjr_store_begin(store);
    if (status)
        return status;
    ebjr_store_time(measurement->created);
    status = look_up(&found, store, measurement);
    if (!status && !found)
        status = ebjr_table_insert(store, &ebjr_measurement_table, measurement);
    if (!status && !found)
        status = insert_all(store, measurement, ns);
    return ebjr_store_end(store, status);
}

int ebjr_latency_read(int64_t *ns, ebjr_store *store,
                      const struct ebjr_stored_measurement *measurement)
{
    sqlite3_stmt *statement = NULL;
    int64_t read = 0;
    int step = SQLITE_DONE;
    int status = ebjr_store_prepare(
        &statement, store, "SELECT idx, ns FROM latency WHERE measurement_id = ? ORDER BY idx");
    if (status)
        return status;
    sqlite3_bind_int64(statement, 1, measurement->id);
    while (read < measurement->samples && (step = sqlite3_step(statement)) == SQLITE_ROW &&
           sqlite3_column_int64(statement, 0) == read)
        ns[read++] = sqlite3_column_int64(statement, 1);
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "read latencies");
    else if (read != measurement->samples)
        status = ebjr_error_set(EBJR_ESTORE,
                                "%s: latencies of measurement %lld are missing from "
                                "sample %lld on; ebjr verify looks closer",
                                store->path, (long long)measurement->id, (long long)read);
    sqlite3_finalize(statement);
    return status;
}

int ebjr_latency_newest(struct ebjr_stored_measurement *out, ebjr_store *store, int64_t model_id,
                        int64_t dataset_id)
{
    struct ebjr_stored_measurement *stored;
    size_t count;
    int status = ebjr_stored_measurement_list(&stored, &count, store);
    if (status)
        return status;
    status = EBJR_ENOTFOUND;
    for (size_t i = 0; i < count; i++) {
        if (stored[i].model_id == model_id && stored[i].dataset_id == dataset_id &&
            stored[i].batch == 1) {
            *out = stored[i];
            status = 0;
        }
    }
    free(stored);
    return status ? ebjr_error_set(status, "%s holds no latencies of that model",
                                   ebjr_store_path(store))
                  : 0;
}
