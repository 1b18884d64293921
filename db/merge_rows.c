#include "db/merge_rows.h"

#include "base/error.h"
#include "base/monotonic.h"
#include "db/merge_copy.h"

#include <string.h>

static const int64_t commit_ns = 1000000000;

struct chunk {
    int64_t first, count;
    char sha256[EBJR_HASH_TEXT];
};

struct transfer {
    const struct ebjr_merge_rows *rows;
    struct ebjr_stored_run run;         /* of the target, as the transaction will leave it */
    sqlite3_stmt *chunks, *known_chunk; /* of the source; of the target */
    bool detects;                       /* its rows are detections */
    struct ebjr_merge_outputs outputs;  /* else these */
    struct ebjr_merge_detections detections;
    const struct ebjr_chunk *chunk; /* of what is appended to either */
    ebjr_hash *hash;                /* of the source's chunk */
    bool writing;                   /* a transaction is open */
    int64_t began;                  /* when */
};

static int open_rows(struct transfer *out)
{
    int status = ebjr_stored_run_detects(&out->detects, out->rows->to, &out->run);
    if (status)
        return status;
    out->chunk = out->detects ? &out->detections.writer.chunk : &out->outputs.append.chunk;
    return out->detects ? ebjr_merge_detections_open(&out->detections, out->rows, &out->run)
                        : ebjr_merge_outputs_open(&out->outputs, out->rows, &out->run);
}

static int open_transfer(struct transfer *out, const struct ebjr_merge_rows *rows)
{
    const struct ebjr_stored_run *source = rows->source;
    *out = (struct transfer){.rows = rows, .run = *rows->run};
    int status = ebjr_store_execute(rows->from, "BEGIN"); /* one view of it */
    if (!status)
        status = open_rows(out);
    if (!status)
        status = ebjr_store_prepare(
            &out->chunks, rows->from,
            "SELECT first, count, sha256 FROM chunk WHERE run_id = ? AND first < ? ORDER BY first");
    if (!status)
        status = ebjr_store_prepare(
            &out->known_chunk, rows->to,
            "SELECT 1 FROM chunk WHERE run_id = ? AND first = ? AND count = ? AND sha256 = ?");
    if (!status)
        status = ebjr_hash_new(&out->hash);
    if (!status) {
        sqlite3_bind_int64(out->chunks, 1, source->id);
        sqlite3_bind_int64(out->chunks, 2, source->first + source->done);
    }
    return status;
}

static void close_transfer(struct transfer *transfer)
{
    ebjr_merge_outputs_close(&transfer->outputs);
    ebjr_merge_detections_close(&transfer->detections);
    sqlite3_finalize(transfer->chunks);
    sqlite3_finalize(transfer->known_chunk);
    ebjr_hash_free(transfer->hash);
    if (!sqlite3_get_autocommit(transfer->rows->from->connection))
        sqlite3_exec(transfer->rows->from->connection, "END", NULL, NULL, NULL);
}

static int changed(const struct transfer *transfer, const char *what, int64_t first, int64_t last)
{
    return ebjr_error_set(EBJR_ESTORE,
                          "%s: run %lld, samples %lld to %lld: %s; they are not merged (ebjr "
                          "verify says what else was changed)",
                          transfer->rows->from->path, (long long)transfer->rows->source->id,
                          (long long)first, (long long)last, what);
}

/* The next chunk of the source, which must begin at `next`: 1, or 0 after the last one. */
static int next_chunk(struct chunk *out, const struct transfer *transfer, int64_t next)
{
    const struct ebjr_stored_run *source = transfer->rows->source;
    sqlite3_stmt *chunks = transfer->chunks;
    int64_t end = source->first + source->done;
    int step = sqlite3_step(chunks);
    if (step == SQLITE_DONE)
        return next == end ? 0 : changed(transfer, "no chunk covers them", next, end - 1);
    if (step != SQLITE_ROW)
        return ebjr_store_failure(transfer->rows->from, "read it");
    const char *sha256 = (const char *)sqlite3_column_text(chunks, 2);
    out->first = sqlite3_column_int64(chunks, 0);
    out->count = sqlite3_column_int64(chunks, 1);
    if (out->first != next || out->count < 1 || out->count > end - next || !sha256 ||
        sqlite3_column_bytes(chunks, 2) != EBJR_HASH_TEXT - 1)
        return changed(transfer, "no chunk covers them", next, end - 1);
    memcpy(out->sha256, sha256, sizeof out->sha256);
    return 1;
}

/* Whether the target has the very chunk: 1, 0, or an error. */
static int is_known(const struct transfer *transfer, const struct chunk *chunk)
{
    sqlite3_stmt *statement = transfer->known_chunk;
    sqlite3_bind_int64(statement, 1, transfer->run.id);
    sqlite3_bind_int64(statement, 2, chunk->first);
    sqlite3_bind_int64(statement, 3, chunk->count);
    sqlite3_bind_text(statement, 4, chunk->sha256, -1, SQLITE_STATIC);
    int step = sqlite3_step(statement);
    sqlite3_reset(statement);
    return step == SQLITE_ROW || step == SQLITE_DONE
               ? step == SQLITE_ROW
               : ebjr_store_failure(transfer->rows->to, "read it");
}

static int copy_chunk(struct transfer *transfer, const struct chunk *chunk)
{
    char sha256[EBJR_HASH_TEXT];
    const struct ebjr_stored_run *run = &transfer->run;
    const int64_t end = chunk->first + chunk->count;
    const int64_t added = end - (chunk->first > run->done ? chunk->first : run->done);
    int status =
        transfer->detects
            ? ebjr_merge_detections_copy(&transfer->detections, transfer->hash, chunk->first, end)
            : ebjr_merge_outputs_copy(&transfer->outputs, transfer->hash, chunk->first, end);
    if (!status)
        status = ebjr_hash_finish(transfer->hash, sha256);
    if (!status && strcmp(sha256, chunk->sha256) != 0)
        status = changed(transfer, "changed since they were written", chunk->first, end - 1);
    if (!status && added > 0)
        status = ebjr_chunk_end(transfer->chunk, &transfer->run, added);
    return status;
}

static int begin(struct transfer *transfer)
{
    int status = ebjr_store_begin(transfer->rows->to);
    if (status)
        return status;
    transfer->writing = true;
    transfer->began = ebjr_monotonic_ns();
    return ebjr_chunk_check(transfer->chunk, &transfer->run);
}

static int end(struct transfer *transfer, int status)
{
    struct ebjr_stored_run *run = &transfer->run;
    bool moved = run->done != transfer->rows->run->done;
    if (!transfer->writing)
        return status;
    transfer->writing = false;
    if (moved && run->done == run->samples)
        memcpy(run->finished, transfer->rows->finished, sizeof run->finished);
    if (!status && moved)
        status = ebjr_table_update(transfer->rows->to, &ebjr_run_table, run);
    status = ebjr_store_end(transfer->rows->to, status);
    if (!status)
        *transfer->rows->run = *run;
    return status;
}

static int take_chunk(struct transfer *transfer, const struct chunk *chunk)
{
    int status = transfer->writing ? 0 : begin(transfer);
    int known = 0;
    if (!status && chunk->first + chunk->count <= transfer->run.done)
        known = is_known(transfer, chunk);
    if (known < 0)
        return known;
    if (!status && !known)
        status = copy_chunk(transfer, chunk);
    *transfer->rows->done += chunk->count;
    return status;
}

static int report(const struct ebjr_merge_rows *rows)
{
    const struct ebjr_merge_options *options = rows->options;
    return options->progress && options->progress(options->context, *rows->done, rows->total) != 0
               ? ebjr_error_set(EBJR_EINTERRUPTED, "interrupted")
               : 0;
}

int ebjr_merge_rows(const struct ebjr_merge_rows *rows)
{
    struct transfer transfer;
    struct chunk chunk = {0};
    int64_t next = rows->source->first;
    int more = 1, stopped = 0;
    int status = open_transfer(&transfer, rows);
    while (!status && !stopped && (more = next_chunk(&chunk, &transfer, next)) > 0) {
        status = take_chunk(&transfer, &chunk);
        next = chunk.first + chunk.count;
        if (!status)
            stopped = report(rows);
        if (!status && ebjr_monotonic_ns() - transfer.began >= commit_ns)
            status = end(&transfer, 0);
    }
    if (!status && more < 0)
        status = more;
    status = end(&transfer, status);
    close_transfer(&transfer);
    return status ? status : stopped;
}
