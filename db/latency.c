#include "db/latency.h"

#include "base/error.h"
#include "db/internal.h"
#include "db/latency_stream.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1024 };

int ebjr_latency_hash_update(ebjr_hash *hash, const int64_t *sample, const int64_t *ns,
                             size_t count)
{
    int64_t pairs[2 * BLOCK];
    int status = 0;
    for (size_t at = 0; !status && at < count; at += BLOCK) {
        size_t block = count - at < BLOCK ? count - at : BLOCK;
        for (size_t i = 0; i < block; i++) {
            pairs[2 * i] = sample[at + i];
            pairs[2 * i + 1] = ns[at + i];
        }
        status = ebjr_hash_update(hash, pairs, 2 * block * sizeof *pairs);
    }
    return status;
}

/* A block at a time, for samples that have no array of their own. */
static int append_all(ebjr_latency_stream *stream, const int64_t *sample, const int64_t *ns,
                      int64_t count)
{
    int64_t numbers[BLOCK];
    int status = 0;
    if (sample)
        return ebjr_latency_stream_append(stream, sample, ns, (size_t)count);
    for (int64_t at = 0; !status && at < count; at += BLOCK) {
        int64_t block = count - at < BLOCK ? count - at : BLOCK;
        for (int64_t i = 0; i < block; i++)
            numbers[i] = at + i;
        status = ebjr_latency_stream_append(stream, numbers, ns + at, (size_t)block);
    }
    return status;
}

int ebjr_latency_put(ebjr_store *store, struct ebjr_stored_measurement *measurement,
                     const int64_t *sample, const int64_t *ns)
{
    ebjr_latency_stream *stream = NULL;
    int status = ebjr_latency_stream_open(&stream, store);
    if (!status)
        status = append_all(stream, sample, ns, measurement->samples);
    if (!status)
        status = ebjr_latency_stream_finish(stream, measurement);
    ebjr_latency_stream_close(stream);
    return status;
}

static bool is_row(sqlite3_stmt *statement, int64_t idx)
{
    return sqlite3_column_int64(statement, 0) == idx &&
           sqlite3_column_type(statement, 1) == SQLITE_INTEGER &&
           sqlite3_column_type(statement, 2) == SQLITE_INTEGER;
}

int ebjr_latency_read(int64_t *ns, int64_t *sample, ebjr_store *store,
                      const struct ebjr_stored_measurement *measurement)
{
    sqlite3_stmt *statement = NULL;
    int64_t read = 0;
    int step = SQLITE_DONE;
    int status = ebjr_store_prepare(
        &statement, store,
        "SELECT idx, sample, ns FROM latency WHERE measurement_id = ? ORDER BY idx");
    if (status)
        return status;
    sqlite3_bind_int64(statement, 1, measurement->id);
    while (read < measurement->samples && (step = sqlite3_step(statement)) == SQLITE_ROW &&
           is_row(statement, read)) {
        if (sample)
            sample[read] = sqlite3_column_int64(statement, 1);
        ns[read++] = sqlite3_column_int64(statement, 2);
    }
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "read latencies");
    else if (read != measurement->samples)
        status = ebjr_error_set(EBJR_ESTORE,
                                "%s: latencies of measurement %lld are missing or damaged from "
                                "number %lld on; ebjr verify looks closer",
                                store->path, (long long)measurement->id, (long long)read);
    sqlite3_finalize(statement);
    return status;
}

static bool is_of_one_sample(const struct ebjr_stored_measurement *measurement)
{
    return measurement->batch == 1 && (strcmp(measurement->scenario, "single") == 0 ||
                                       strcmp(measurement->scenario, "given") == 0);
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
            is_of_one_sample(&stored[i])) {
            *out = stored[i];
            status = 0;
        }
    }
    free(stored);
    return status ? ebjr_error_set(status, "%s holds no latencies of that model",
                                   ebjr_store_path(store))
                  : 0;
}
