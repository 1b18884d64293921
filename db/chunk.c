#include "db/chunk.h"

#include "base/error.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "rows are hashed and logits stored in little-endian order; swap bytes for a big-endian host"
#endif

int ebjr_chunk_open(struct ebjr_chunk *out, ebjr_store *store)
{
    *out = (struct ebjr_chunk){.store = store};
    int status = ebjr_hash_new(&out->hash);
    if (!status)
        status = ebjr_store_prepare(&out->insert, store, "INSERT INTO chunk VALUES (?, ?, ?, ?)");
    if (!status)
        status = ebjr_store_prepare(&out->done, store, "SELECT done FROM run WHERE id = ?");
    return status;
}

void ebjr_chunk_close(struct ebjr_chunk *chunk)
{
    sqlite3_finalize(chunk->insert);
    sqlite3_finalize(chunk->done);
    ebjr_hash_free(chunk->hash);
}

int ebjr_chunk_check(const struct ebjr_chunk *chunk, const struct ebjr_stored_run *run)
{
    ebjr_store *store = chunk->store;
    int status = 0;
    sqlite3_bind_int64(chunk->done, 1, run->id);
    int step = sqlite3_step(chunk->done);
    int64_t done = step == SQLITE_ROW ? sqlite3_column_int64(chunk->done, 0) : run->done;
    if (done != run->done)
        status = ebjr_error_set(EBJR_EBUSY,
                                "%s: another process is filling this run (it stands at sample "
                                "%lld); let it finish, then ask again",
                                store->path, (long long)(run->first + done));
    else if (step == SQLITE_DONE)
        status =
            ebjr_error_set(EBJR_ESTORE, "%s: run %lld is gone", store->path, (long long)run->id);
    else if (step != SQLITE_ROW)
        status = ebjr_store_failure(store, "read it");
    sqlite3_reset(chunk->done);
    return status;
}

int ebjr_chunk_end(const struct ebjr_chunk *chunk, struct ebjr_stored_run *run, int64_t count)
{
    char sha256[EBJR_HASH_TEXT];
    int status = ebjr_hash_finish(chunk->hash, sha256);
    if (status)
        return status;
    sqlite3_bind_int64(chunk->insert, 1, run->id);
    sqlite3_bind_int64(chunk->insert, 2, run->first + run->done);
    sqlite3_bind_int64(chunk->insert, 3, count);
    sqlite3_bind_text(chunk->insert, 4, sha256, -1, SQLITE_STATIC);
    int step = sqlite3_step(chunk->insert);
    sqlite3_reset(chunk->insert);
    if (step != SQLITE_DONE)
        return ebjr_store_failure(chunk->store, "store outputs");
    run->done += count;
    return 0;
}

int ebjr_chunk_record(const struct ebjr_chunk *chunk, struct ebjr_stored_run *run)
{
    if (run->done == run->samples)
        ebjr_store_time(run->finished);
    return ebjr_table_update(chunk->store, &ebjr_run_table, run);
}
