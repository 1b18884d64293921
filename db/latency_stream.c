#include "db/latency_stream.h"

#include "base/error.h"
#include "db/internal.h"

#include <stdlib.h>
#include <string.h>

struct ebjr_latency_stream {
    ebjr_store *store;
    sqlite3_stmt *insert;
    ebjr_hash *hash;
    int64_t number; /* among the streams of the store */
    int64_t count, largest_sample;
    char sha256[EBJR_HASH_TEXT]; /* "" until it is finished */
};

int ebjr_latency_stream_open(ebjr_latency_stream **out, ebjr_store *store)
{
    ebjr_latency_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return ebjr_error_memory();
    stream->store = store;
    stream->number = ++store->streams;
    stream->largest_sample = -1;
    int status = ebjr_store_execute(store, "CREATE TEMP TABLE IF NOT EXISTS pending_latency ("
                                           "stream INTEGER, idx INTEGER, sample INTEGER, "
                                           "ns INTEGER, PRIMARY KEY (stream, idx)) WITHOUT ROWID");
    if (!status)
        status = ebjr_store_prepare(&stream->insert, store,
                                    "INSERT INTO temp.pending_latency VALUES (?, ?, ?, ?)");
    if (!status)
        status = ebjr_hash_new(&stream->hash);
    if (status) {
        ebjr_latency_stream_close(stream);
        return status;
    }
    *out = stream;
    return 0;
}

/* A statement on the rows of the stream, whose number is ?1; it may use the id as ?2. */
static int execute_on(const ebjr_latency_stream *stream, const char *sql, int64_t id)
{
    sqlite3_stmt *statement = NULL;
    int status = ebjr_store_prepare(&statement, stream->store, sql);
    if (status)
        return status;
    sqlite3_bind_int64(statement, 1, stream->number);
    sqlite3_bind_int64(statement, 2, id);
    if (sqlite3_step(statement) != SQLITE_DONE)
        status = ebjr_store_failure(stream->store, "store latencies");
    sqlite3_finalize(statement);
    return status;
}

void ebjr_latency_stream_close(ebjr_latency_stream *stream)
{
    if (!stream)
        return;
    if (stream->insert)
        execute_on(stream, "DELETE FROM temp.pending_latency WHERE stream = ?1", 0);
    sqlite3_finalize(stream->insert);
    ebjr_hash_free(stream->hash);
    free(stream);
}

static int check(const ebjr_latency_stream *stream, const int64_t *sample, const int64_t *ns,
                 size_t count)
{
    if (*stream->sha256)
        return ebjr_error_set(EBJR_EINVAL, "the measurement is finished: nothing can be appended");
    for (size_t i = 0; i < count; i++)
        if (sample[i] < 0 || ns[i] < 0)
            return ebjr_error_set(
                EBJR_EINVAL, "latency %lld: sample %lld took %lld ns; neither is negative",
                (long long)(stream->count + (int64_t)i), (long long)sample[i], (long long)ns[i]);
    return 0;
}

static int insert_rows(const ebjr_latency_stream *stream, const int64_t *sample, const int64_t *ns,
                       size_t count)
{
    int status = 0;
    for (size_t i = 0; !status && i < count; i++) {
        sqlite3_bind_int64(stream->insert, 1, stream->number);
        sqlite3_bind_int64(stream->insert, 2, stream->count + (int64_t)i);
        sqlite3_bind_int64(stream->insert, 3, sample[i]);
        sqlite3_bind_int64(stream->insert, 4, ns[i]);
        if (sqlite3_step(stream->insert) != SQLITE_DONE)
            status = ebjr_store_failure(stream->store, "store latencies");
        sqlite3_reset(stream->insert);
    }
    return status;
}

int ebjr_latency_stream_append(ebjr_latency_stream *stream, const int64_t *sample,
                               const int64_t *ns, size_t count)
{
    int status = check(stream, sample, ns, count);
    if (!status)
        status = ebjr_store_execute(stream->store, "BEGIN"); /* locks what is written to: temp */
    if (status)
        return status;
    status = ebjr_store_end(stream->store, insert_rows(stream, sample, ns, count));
    if (!status)
        status = ebjr_latency_hash_update(stream->hash, sample, ns, count);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++)
        if (sample[i] > stream->largest_sample)
            stream->largest_sample = sample[i];
    stream->count += (int64_t)count;
    return 0;
}

static int check_samples(const ebjr_latency_stream *stream, int64_t dataset_id)
{
    struct ebjr_stored_dataset *datasets;
    size_t count;
    int status = ebjr_stored_dataset_list(&datasets, &count, stream->store);
    if (status)
        return status;
    for (size_t i = 0; !status && i < count; i++)
        if (datasets[i].id == dataset_id && stream->largest_sample >= datasets[i].samples)
            status = ebjr_error_set(EBJR_EINVAL,
                                    "a latency of sample %lld, but data set '%s' has %lld samples",
                                    (long long)stream->largest_sample, datasets[i].name,
                                    (long long)datasets[i].samples);
    free(datasets);
    return status;
}

/* Whether two measurements of one thing hold the same. */
static bool is_same(const struct ebjr_stored_measurement *a, struct ebjr_stored_measurement b)
{
    char seal_a[EBJR_HASH_TEXT], seal_b[EBJR_HASH_TEXT];
    b.id = a->id;
    memcpy(b.created, a->created, sizeof b.created);
    return ebjr_table_seal(seal_a, &ebjr_measurement_table, a) == 0 &&
           ebjr_table_seal(seal_b, &ebjr_measurement_table, &b) == 0 && strcmp(seal_a, seal_b) == 0;
}

static bool is_of_one_thing(const struct ebjr_stored_measurement *a,
                            const struct ebjr_stored_measurement *b)
{
    return a->model_id == b->model_id && a->dataset_id == b->dataset_id && a->batch == b->batch &&
           strcmp(a->subject, b->subject) == 0;
}

/* *found: the newest measurement of this thing is this one, and *measurement is now its record. */
static int look_up(bool *found, ebjr_store *store, struct ebjr_stored_measurement *measurement)
{
    struct ebjr_stored_measurement *stored;
    size_t count;
    int status = ebjr_stored_measurement_list(&stored, &count, store);
    if (status)
        return status;
    const struct ebjr_stored_measurement *newest = NULL;
    for (size_t i = 0; i < count; i++)
        if (is_of_one_thing(&stored[i], measurement))
            newest = &stored[i];
    *found = newest && is_same(newest, *measurement);
    if (*found)
        *measurement = *newest;
    free(stored);
    return 0;
}

int ebjr_latency_stream_finish(ebjr_latency_stream *stream,
                               struct ebjr_stored_measurement *measurement)
{
    bool found = false;
    int status = *stream->sha256 ? 0 : ebjr_hash_finish(stream->hash, stream->sha256);
    if (!status)
        status = ebjr_store_begin(stream->store);
    if (status)
        return status;
    memcpy(measurement->sha256, stream->sha256, sizeof measurement->sha256);
    measurement->samples = stream->count;
    ebjr_store_time(measurement->created);
    status = check_samples(stream, measurement->dataset_id);
    if (!status)
        status = look_up(&found, stream->store, measurement);
    if (!status && !found)
        status = ebjr_table_insert(stream->store, &ebjr_measurement_table, measurement);
    if (!status && !found)
        status = execute_on(stream,
                            "INSERT INTO latency SELECT ?2, idx, sample, ns "
                            "FROM temp.pending_latency WHERE stream = ?1 ORDER BY idx",
                            measurement->id);
    return ebjr_store_end(stream->store, status);
}
