#include "base/error.h"
#include "db/detection_rows.h"
#include "db/row_hash.h"
#include "db/verify_report.h"

#include <string.h>

/* The rows of a run, whose kind its data set says. */
struct rows {
    const struct ebjr_stored_run *run;
    bool detections;
    ebjr_output_cursor *outputs;
    struct ebjr_detection_cursor detection;
    int more; /* whether the cursor of detections holds one that no chunk has had: 1, 0, or an error
               */
    ebjr_hash *hash; /* of the chunk */
};

static int open_rows(struct rows *out, ebjr_store *store, const struct ebjr_stored_run *run)
{
    *out = (struct rows){.run = run};
    int status = ebjr_hash_new(&out->hash);
    if (!status)
        status = ebjr_stored_run_detects(&out->detections, store, run);
    if (status || !out->detections)
        return status ? status : ebjr_output_cursor_open(&out->outputs, store, run, true);
    status = ebjr_detection_cursor_open(&out->detection, store, run, true);
    if (!status)
        out->more = ebjr_detection_cursor_next(&out->detection);
    return status;
}

static void close_rows(struct rows *rows)
{
    ebjr_output_cursor_close(rows->outputs);
    ebjr_detection_cursor_close(&rows->detection);
    ebjr_hash_free(rows->hash);
}

static void check_derived(struct ebjr_verify_report *report, const struct ebjr_stored_run *run,
                          const struct ebjr_output *row)
{
    struct ebjr_output again = *row;
    if (report->verify->derive(&again, run) != 0)
        ebjr_verify_fault(report, "run %lld, sample %lld: %s", (long long)run->id,
                          (long long)row->index, ebjr_error_last());
    else if (!ebjr_row_agrees(&again, row))
        ebjr_verify_fault(report,
                          "run %lld, sample %lld: a derived column does not follow from the logits",
                          (long long)run->id, (long long)row->index);
}

static int hash_outputs(struct ebjr_verify_report *report, struct rows *rows, int64_t first,
                        int64_t count)
{
    struct ebjr_output row;
    int status = 0;
    for (int64_t i = 0; !status && i < count; i++) {
        int more = ebjr_output_cursor_next(rows->outputs, &row);
        if (more < 0)
            return more;
        if (more == 0)
            return ebjr_error_set(EBJR_ESTORE, "rows from sample %lld on are missing",
                                  (long long)(first + i));
        status = ebjr_row_hash_update(rows->hash, &row, (size_t)rows->run->classes);
        check_derived(report, rows->run, &row);
        report->totals->rows++;
    }
    return status;
}

static int hash_detections(struct ebjr_verify_report *report, struct rows *rows, int64_t end)
{
    struct ebjr_detection_cursor *cursor = &rows->detection;
    while (rows->more > 0 && cursor->detection.image < end) {
        int status = ebjr_detection_hash_update(rows->hash, &cursor->detection, cursor->logits,
                                                (size_t)rows->run->classes);
        if (status)
            return status;
        report->totals->rows++;
        rows->more = ebjr_detection_cursor_next(cursor);
    }
    return rows->more < 0 ? rows->more : 0;
}

static int check_chunk(struct ebjr_verify_report *report, struct rows *rows, int64_t first,
                       int64_t count, const char *sha256)
{
    char computed[EBJR_HASH_TEXT];
    int status = rows->detections ? hash_detections(report, rows, first + count)
                                  : hash_outputs(report, rows, first, count);
    if (!status)
        status = ebjr_hash_finish(rows->hash, computed);
    if (!status && strcmp(computed, sha256) != 0)
        ebjr_verify_fault(report, "run %lld, samples %lld to %lld: changed since they were written",
                          (long long)rows->run->id, (long long)first,
                          (long long)(first + count - 1));
    return status;
}

/* Whether there are rows after those of the last chunk. */
static bool has_more(struct rows *rows)
{
    struct ebjr_output extra;
    return (rows->detections ? rows->more : ebjr_output_cursor_next(rows->outputs, &extra)) != 0;
}

static int check_chunks(ebjr_store *store, struct ebjr_verify_report *report, struct rows *rows)
{
    const struct ebjr_stored_run *run = rows->run;
    sqlite3_stmt *chunks = NULL;
    int64_t next = run->first;
    int status = ebjr_store_prepare(
        &chunks, store, "SELECT first, count, sha256 FROM chunk WHERE run_id = ? ORDER BY first");
    if (!status)
        sqlite3_bind_int64(chunks, 1, run->id);
    while (!status && sqlite3_step(chunks) == SQLITE_ROW) {
        int64_t first, count;
        bool clean = ebjr_column_integer(&first, chunks, 0) &&
                     ebjr_column_integer(&count, chunks, 1) &&
                     sqlite3_column_type(chunks, 2) == SQLITE_TEXT;
        const char *sha256 = (const char *)sqlite3_column_text(chunks, 2);
        clean = clean && sha256 && sqlite3_column_bytes(chunks, 2) == EBJR_HASH_TEXT - 1;
        if (!clean || first != next || count < 0 || count > INT64_MAX - first) {
            ebjr_verify_fault(report, "run %lld: no chunk covers sample %lld", (long long)run->id,
                              (long long)next);
            break;
        }
        status = check_chunk(report, rows, first, count, sha256);
        next = first + count;
    }
    sqlite3_finalize(chunks);
    if (!status && next - run->first != run->done)
        ebjr_verify_fault(report, "run %lld: its chunks hold %lld samples, not %lld",
                          (long long)run->id, (long long)(next - run->first), (long long)run->done);
    else if (!status && has_more(rows))
        ebjr_verify_fault(report, "run %lld: it has rows after sample %lld that no chunk covers",
                          (long long)run->id, (long long)next - 1);
    return status;
}

int ebjr_verify_run(ebjr_store *store, struct ebjr_verify_report *report,
                    const struct ebjr_stored_run *run)
{
    struct rows rows;
    int status = open_rows(&rows, store, run);
    if (!status)
        status = check_chunks(store, report, &rows);
    close_rows(&rows);
    if (status != EBJR_ESTORE)
        return status;
    /* the rest of this run cannot be read: a finding, not an end */
    ebjr_verify_fault(report, "run %lld: %s", (long long)run->id, ebjr_error_last());
    return 0;
}
