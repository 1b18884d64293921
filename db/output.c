#include "db/output.h"

#include "base/error.h"
#include "db/append.h"
#include "db/truth.h"

#include <stdlib.h>
#include <string.h>

/* The rows of one chunk, and the run's record behind them. */
static int append_all(struct ebjr_append *append, struct ebjr_stored_run *run,
                      const struct ebjr_output *rows, size_t count)
{
    int status = ebjr_chunk_check(&append->chunk, run);
    for (size_t i = 0; !status && i < count; i++)
        status = ebjr_append_row(append, run, &rows[i]);
    if (!status)
        status = ebjr_chunk_end(&append->chunk, run, (int64_t)count);
    return status ? status : ebjr_chunk_record(&append->chunk, run);
}

static int check_kind(ebjr_store *store, const struct ebjr_stored_run *run)
{
    bool detects;
    int status = ebjr_stored_run_detects(&detects, store, run);
    if (!status && detects)
        status = ebjr_error_set(EBJR_EINVAL,
                                "%s: run %lld is over images with objects: it has detections, no "
                                "outputs; name a data set with labels",
                                store->path, (long long)run->id);
    return status;
}

int ebjr_output_append(ebjr_store *store, struct ebjr_stored_run *run,
                       const struct ebjr_output *rows, size_t count)
{
    struct ebjr_append append;
    struct ebjr_stored_run moved = *run;
    if (count == 0)
        return 0;
    if (rows[0].index != run->first + run->done || (int64_t)count > run->samples - run->done)
        return ebjr_error_set(EBJR_EINVAL,
                              "run %lld: samples %lld to %lld do not follow sample %lld",
                              (long long)run->id, (long long)rows[0].index,
                              (long long)(rows[0].index + (int64_t)count - 1),
                              (long long)(run->first + run->done) - 1);
    int status = ebjr_store_begin(store);
    if (status)
        return status;
    status = ebjr_append_open(&append, store);
    if (!status)
        status = check_kind(store, run);
    if (!status)
        status = append_all(&append, &moved, rows, count);
    ebjr_append_close(&append);
    status = ebjr_store_end(store, status);
    if (!status)
        *run = moved;
    return status;
}

struct ebjr_output_cursor {
    ebjr_store *store;
    sqlite3_stmt *statement;
    int64_t run_id;
    size_t classes;
    bool logits;
    int64_t next;
};

/* Labels stand in the same order: both tables are walked side by side. */
static const char with_logits[] =
    "SELECT output.idx, label, prediction, correct, top5_correct, energy, softmax_energy, logits "
    "FROM output LEFT JOIN sample ON sample.dataset_id = ?2 AND sample.idx = output.idx "
    "WHERE run_id = ?1 AND output.idx >= ?3 ORDER BY output.idx";
static const char without_logits[] =
    "SELECT output.idx, label, prediction, correct, top5_correct, energy, softmax_energy "
    "FROM output LEFT JOIN sample ON sample.dataset_id = ?2 AND sample.idx = output.idx "
    "WHERE run_id = ?1 AND output.idx >= ?3 ORDER BY output.idx";

int ebjr_output_cursor_open(ebjr_output_cursor **out, ebjr_store *store,
                            const struct ebjr_stored_run *run, bool logits)
{
    int status = check_kind(store, run);
    if (status)
        return status;
    ebjr_output_cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor)
        return ebjr_error_memory();
    cursor->store = store;
    cursor->run_id = run->id;
    cursor->classes = (size_t)run->classes;
    cursor->logits = logits;
    cursor->next = run->first;
    status = ebjr_store_prepare(&cursor->statement, store, logits ? with_logits : without_logits);
    if (status) {
        ebjr_output_cursor_close(cursor);
        return status;
    }
    sqlite3_bind_int64(cursor->statement, 1, run->id);
    sqlite3_bind_int64(cursor->statement, 2, run->dataset_id);
    sqlite3_bind_int64(cursor->statement, 3, INT64_MIN); /* a row before the first is found, too */
    *out = cursor;
    return 0;
}

void ebjr_output_cursor_seek(ebjr_output_cursor *cursor, int64_t index)
{
    sqlite3_reset(cursor->statement);
    sqlite3_bind_int64(cursor->statement, 3, index);
    cursor->next = index;
}

void ebjr_output_cursor_close(ebjr_output_cursor *cursor)
{
    if (!cursor)
        return;
    sqlite3_finalize(cursor->statement);
    free(cursor);
}

static int damaged(const ebjr_output_cursor *cursor, const char *what)
{
    return ebjr_error_set(EBJR_ESTORE,
                          "%s: run %lld, sample %lld: %s; the store was changed from outside: "
                          "ebjr verify says where",
                          cursor->store->path, (long long)cursor->run_id, (long long)cursor->next,
                          what);
}

/* The columns of the queries above. */
enum { INDEX, LABEL, PREDICTION, CORRECT, TOP5, ENERGY, SOFTMAX_ENERGY, LOGITS };

/* Whether a column holds what we write there; *out is it. */
static bool read_int32(int32_t *out, sqlite3_stmt *statement, int column)
{
    int64_t wide;
    bool is_integer = ebjr_column_integer(&wide, statement, column);
    *out = (int32_t)wide;
    return is_integer && *out == wide;
}

static bool read_flag(bool *out, sqlite3_stmt *statement, int column)
{
    int64_t wide;
    bool is_integer = ebjr_column_integer(&wide, statement, column);
    *out = wide != 0;
    return is_integer && *out == wide;
}

int ebjr_output_cursor_next(ebjr_output_cursor *cursor, struct ebjr_output *row)
{
    sqlite3_stmt *statement = cursor->statement;
    int step = sqlite3_step(statement);
    if (step == SQLITE_DONE)
        return 0;
    if (step != SQLITE_ROW)
        return ebjr_store_failure(cursor->store, "read outputs");

    row->index = sqlite3_column_int64(statement, INDEX);
    if (row->index != cursor->next)
        return damaged(cursor, "the row is missing");
    if (!read_int32(&row->label, statement, LABEL))
        return damaged(cursor, "its label is missing, or is none");
    if (!read_int32(&row->prediction, statement, PREDICTION) ||
        !read_flag(&row->correct, statement, CORRECT) ||
        !read_flag(&row->top5_correct, statement, TOP5) ||
        !ebjr_column_real(&row->energy, statement, ENERGY) ||
        !ebjr_column_real(&row->softmax_energy, statement, SOFTMAX_ENERGY))
        return damaged(cursor, "a column holds what ebjr does not write");
    row->logits = NULL;
    if (cursor->logits) {
        row->logits = sqlite3_column_blob(statement, LOGITS);
        if (sqlite3_column_type(statement, LOGITS) != SQLITE_BLOB ||
            cursor->classes > INT32_MAX / sizeof(float) ||
            (size_t)sqlite3_column_bytes(statement, LOGITS) != cursor->classes * sizeof(float))
            return damaged(cursor, "it has the wrong number of logits");
    }
    cursor->next++;
    return 1;
}

static int labels_missing(ebjr_store *store, const struct ebjr_stored_dataset *dataset,
                          int64_t read)
{
    struct ebjr_stored_run *runs;
    size_t count;
    int status = ebjr_stored_run_list(&runs, &count, store);
    if (status)
        return status;
    for (size_t i = 0; !status && i < count; i++)
        if (runs[i].dataset_id == dataset->id)
            status = ebjr_stored_run_check_whole(&runs[i], dataset, store);
    free(runs);
    return status ? status
                  : ebjr_error_set(EBJR_ESTORE,
                                   "%s holds %lld of the %lld labels of data set '%s'; run a model "
                                   "over it to the end first",
                                   store->path, (long long)read, (long long)dataset->samples,
                                   dataset->name);
}

int ebjr_label_read(int32_t *labels, ebjr_store *store, const struct ebjr_stored_dataset *dataset)
{
    sqlite3_stmt *statement = NULL;
    int64_t read = 0;
    int step = SQLITE_DONE;
    if (strcmp(dataset->kind, EBJR_COCO_KIND) == 0)
        return ebjr_error_set(EBJR_EINVAL, "data set '%s' has objects in images, no labels",
                              dataset->name);
    int status = ebjr_store_prepare(
        &statement, store, "SELECT idx, label FROM sample WHERE dataset_id = ? ORDER BY idx");
    if (status)
        return status;
    sqlite3_bind_int64(statement, 1, dataset->id);
    while (read < dataset->samples && (step = sqlite3_step(statement)) == SQLITE_ROW &&
           sqlite3_column_int64(statement, 0) == read)
        labels[read++] = sqlite3_column_int(statement, 1);
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "read labels");
    else if (read != dataset->samples)
        status = labels_missing(store, dataset, read);
    sqlite3_finalize(statement);
    return status;
}
