#include "db/merge_rows.h"

#include "base/error.h"
#include "base/monotonic.h"
#include "db/append.h"
#include "db/row_hash.h"

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
    ebjr_output_cursor *cursor, *known; /* likewise */
    int64_t cursor_next, known_next;    /* where they stand */
    struct ebjr_append append;
    ebjr_hash *hash; /* of the source's chunk */
    bool writing;    /* a transaction is open */
    int64_t began;   /* when */
};

static int open_transfer(struct transfer *out, const struct ebjr_merge_rows *rows)
{
    const struct ebjr_stored_run *source = rows->source;
    *out = (struct transfer){.rows = rows, .run = *rows->run, .cursor_next = source->first};
    int status = ebjr_append_open(&out->append, rows->to);
    if (!status)
        status = ebjr_store_execute(rows->from, "BEGIN"); /* one view of it */
    if (!status)
        status = ebjr_store_prepare(
            &out->chunks, rows->from,
            "SELECT first, count, sha256 FROM chunk WHERE run_id = ? AND first < ? ORDER BY first");
    if (!status)
        status = ebjr_store_prepare(
            &out->known_chunk, rows->to,
            "SELECT 1 FROM chunk WHERE run_id = ? AND first = ? AND count = ? AND sha256 = ?");
    if (!status)
        status = ebjr_output_cursor_open(&out->cursor, rows->from, source, true);
    if (!status)
        status = ebjr_output_cursor_open(&out->known, rows->to, rows->run, true);
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
    ebjr_append_close(&transfer->append);
    ebjr_output_cursor_close(transfer->cursor);
    ebjr_output_cursor_close(transfer->known);
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

static int read_row(struct ebjr_output *out, ebjr_output_cursor *cursor, int64_t *stands,
                    int64_t index, const ebjr_store *store)
{
    if (*stands != index)
        ebjr_output_cursor_seek(cursor, index);
    *stands = index + 1;
    int more = ebjr_output_cursor_next(cursor, out);
    if (more == 0)
        return ebjr_error_set(EBJR_ESTORE, "%s: sample %lld is missing; ebjr verify looks closer",
                              store->path, (long long)index);
    return more < 0 ? more : 0;
}

static bool is_same_float(float a, float b)
{
    uint32_t bits_a, bits_b;
    memcpy(&bits_a, &a, sizeof a);
    memcpy(&bits_b, &b, sizeof b);
    return bits_a == bits_b;
}

static int other_logits(const struct transfer *transfer, const struct ebjr_output *row,
                        const struct ebjr_output *known)
{
    int64_t i = 0;
    while (i + 1 < transfer->run.classes && is_same_float(row->logits[i], known->logits[i]))
        i++;
    return ebjr_error_set(EBJR_EFORMAT,
                          "sample %lld: logit %lld is %.9g here (run by '%s'), but %.9g in %s (by "
                          "'%s'): one run, two answers; leave out one of the two stores",
                          (long long)row->index, (long long)i, (double)row->logits[i],
                          transfer->rows->source->plan, (double)known->logits[i],
                          transfer->rows->to->path, transfer->run.plan);
}

/* What both stores have of a sample must be the same. */
static int compare_row(struct transfer *transfer, const struct ebjr_output *row)
{
    struct ebjr_output known;
    int status =
        read_row(&known, transfer->known, &transfer->known_next, row->index, transfer->rows->to);
    if (status)
        return status;
    if (row->label != known.label)
        return ebjr_error_set(EBJR_EFORMAT,
                              "sample %lld: its label is %d here, but %d in %s; these labels "
                              "belong to another data set",
                              (long long)row->index, row->label, known.label,
                              transfer->rows->to->path);
    if (memcmp(row->logits, known.logits, (size_t)transfer->run.classes * sizeof *row->logits) != 0)
        return other_logits(transfer, row, &known);
    if (!ebjr_row_agrees(row, &known))
        return ebjr_error_set(EBJR_EFORMAT,
                              "sample %lld: its derived columns are others than in %s; ebjr verify "
                              "says which store is wrong",
                              (long long)row->index, transfer->rows->to->path);
    return 0;
}

/* The rows of a chunk, those at the front that are known compared, the rest appended. */
static int copy_chunk(struct transfer *transfer, const struct chunk *chunk)
{
    char sha256[EBJR_HASH_TEXT];
    struct ebjr_output row;
    int64_t added = 0;
    int status = 0;
    for (int64_t index = chunk->first; !status && index < chunk->first + chunk->count; index++) {
        status =
            read_row(&row, transfer->cursor, &transfer->cursor_next, index, transfer->rows->from);
        if (!status)
            status = ebjr_row_hash_update(transfer->hash, &row, (size_t)transfer->run.classes);
        if (status)
            break;
        if (index < transfer->run.done) {
            status = compare_row(transfer, &row);
        } else {
            status = ebjr_append_row(&transfer->append, &transfer->run, &row);
            added++;
        }
    }
    if (!status)
        status = ebjr_hash_finish(transfer->hash, sha256);
    if (!status && strcmp(sha256, chunk->sha256) != 0)
        status = changed(transfer, "changed since they were written", chunk->first,
                         chunk->first + chunk->count - 1);
    if (!status && added > 0)
        status = ebjr_chunk_end(&transfer->append.chunk, &transfer->run, added);
    return status;
}

static int begin(struct transfer *transfer)
{
    int status = ebjr_store_begin(transfer->rows->to);
    if (status)
        return status;
    transfer->writing = true;
    transfer->began = ebjr_monotonic_ns();
    return ebjr_chunk_check(&transfer->append.chunk, &transfer->run);
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
