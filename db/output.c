#include "db/output.h"

#include "base/error.h"
#include "db/internal.h"
#include "db/row_hash.h"

#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "logits are stored as little-endian float32; swap bytes here for a big-endian host"
#endif

int ebjr_row_hash_update(ebjr_hash *hash, const struct ebjr_output *row, size_t classes)
{
    unsigned char head[34];
    memcpy(head, &row->index, 8);
    memcpy(head + 8, &row->label, 4);
    memcpy(head + 12, &row->prediction, 4);
    head[16] = row->correct;
    head[17] = row->top5_correct;
    memcpy(head + 18, &row->energy, 8);
    memcpy(head + 26, &row->softmax_energy, 8);
    int status = ebjr_hash_update(hash, head, sizeof head);
    return status ? status : ebjr_hash_update(hash, row->logits, classes * sizeof(float));
}

struct append {
    sqlite3_stmt *output, *label, *known_label;
};

static int insert_output(ebjr_store *store, sqlite3_stmt *statement, int64_t run_id,
                         const struct ebjr_output *row, size_t classes)
{
    sqlite3_bind_int64(statement, 1, run_id);
    sqlite3_bind_int64(statement, 2, row->index);
    sqlite3_bind_int(statement, 3, row->prediction);
    sqlite3_bind_int(statement, 4, row->correct);
    sqlite3_bind_int(statement, 5, row->top5_correct);
    sqlite3_bind_double(statement, 6, row->energy);
    sqlite3_bind_double(statement, 7, row->softmax_energy);
    sqlite3_bind_blob64(statement, 8, row->logits, classes * sizeof(float), SQLITE_STATIC);
    int step = sqlite3_step(statement);
    sqlite3_reset(statement);
    return step == SQLITE_DONE ? 0 : ebjr_store_failure(store, "store outputs");
}

static int store_label(ebjr_store *store, struct append *append, int64_t dataset_id,
                       const struct ebjr_output *row)
{
    sqlite3_bind_int64(append->known_label, 1, dataset_id);
    sqlite3_bind_int64(append->known_label, 2, row->index);
    int step = sqlite3_step(append->known_label);
    int32_t known = step == SQLITE_ROW ? sqlite3_column_int(append->known_label, 0) : row->label;
    sqlite3_reset(append->known_label);
    if (known != row->label)
        return ebjr_error_set(EBJR_EFORMAT,
                              "sample %lld: its label is %d, but the store has %d for it; these "
                              "labels belong to another data set",
                              (long long)row->index, row->label, known);
    if (step == SQLITE_ROW)
        return 0;
    if (step != SQLITE_DONE)
        return ebjr_store_failure(store, "read labels");

    sqlite3_bind_int64(append->label, 1, dataset_id);
    sqlite3_bind_int64(append->label, 2, row->index);
    sqlite3_bind_int(append->label, 3, row->label);
    step = sqlite3_step(append->label);
    sqlite3_reset(append->label);
    return step == SQLITE_DONE ? 0 : ebjr_store_failure(store, "store labels");
}

static int insert_chunk(ebjr_store *store, int64_t run_id, int64_t first, size_t count,
                        const char *sha256)
{
    sqlite3_stmt *statement = NULL;
    int status = ebjr_store_prepare(&statement, store, "INSERT INTO chunk VALUES (?, ?, ?, ?)");
    if (status)
        return status;
    sqlite3_bind_int64(statement, 1, run_id);
    sqlite3_bind_int64(statement, 2, first);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)count);
    sqlite3_bind_text(statement, 4, sha256, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) != SQLITE_DONE)
        status = ebjr_store_failure(store, "store outputs");
    sqlite3_finalize(statement);
    return status;
}

/* Inside the transaction: does the store still stand where the caller left it? */
static int check_position(ebjr_store *store, const struct ebjr_stored_run *run)
{
    sqlite3_stmt *statement = NULL;
    int status = ebjr_store_prepare(&statement, store, "SELECT done FROM run WHERE id = ?");
    if (status)
        return status;
    sqlite3_bind_int64(statement, 1, run->id);
    int step = sqlite3_step(statement);
    if (step == SQLITE_ROW && sqlite3_column_int64(statement, 0) != run->done)
        status = ebjr_error_set(EBJR_EBUSY,
                                "%s: another process is filling this run (it stands at sample "
                                "%lld); let it finish, then ask again",
                                store->path, (long long)sqlite3_column_int64(statement, 0));
    else if (step == SQLITE_DONE)
        status =
            ebjr_error_set(EBJR_ESTORE, "%s: run %lld is gone", store->path, (long long)run->id);
    else if (step != SQLITE_ROW)
        status = ebjr_store_failure(store, "read it");
    sqlite3_finalize(statement);
    return status;
}

static int append_rows(ebjr_store *store, struct append *append, struct ebjr_stored_run *run,
                       const struct ebjr_output *rows, size_t count)
{
    char sha256[EBJR_HASH_TEXT];
    size_t classes = (size_t)run->classes;
    ebjr_hash *hash;
    int status = ebjr_hash_new(&hash);
    if (status)
        return status;
    for (size_t i = 0; !status && i < count; i++) {
        status = store_label(store, append, run->dataset_id, &rows[i]);
        if (!status)
            status = insert_output(store, append->output, run->id, &rows[i], classes);
        if (!status)
            status = ebjr_row_hash_update(hash, &rows[i], classes);
    }
    if (!status)
        status = ebjr_hash_finish(hash, sha256);
    ebjr_hash_free(hash);
    if (!status)
        status = insert_chunk(store, run->id, run->done, count, sha256);
    return status;
}

int ebjr_output_append(ebjr_store *store, struct ebjr_stored_run *run,
                       const struct ebjr_output *rows, size_t count)
{
    struct append append = {0};
    struct ebjr_stored_run moved = *run;
    if (count == 0)
        return 0;
    if (rows[0].index != run->done || (int64_t)count > run->samples - run->done)
        return ebjr_error_set(
            EBJR_EINVAL, "run %lld: samples %lld to %lld do not follow sample %lld",
            (long long)run->id, (long long)rows[0].index,
            (long long)(rows[0].index + (int64_t)count - 1), (long long)run->done - 1);
    int status = ebjr_store_begin(store);
    if (status)
        return status;
    status = check_position(store, run);
    if (!status)
        status = ebjr_store_prepare(&append.output, store,
                                    "INSERT INTO output VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    if (!status)
        status = ebjr_store_prepare(&append.label, store, "INSERT INTO sample VALUES (?, ?, ?)");
    if (!status)
        status = ebjr_store_prepare(&append.known_label, store,
                                    "SELECT label FROM sample WHERE dataset_id = ? AND idx = ?");
    if (!status)
        status = append_rows(store, &append, run, rows, count);
    if (!status) {
        moved.done += (int64_t)count;
        if (moved.done == moved.samples)
            ebjr_store_time(moved.finished);
        status = ebjr_table_update(store, &ebjr_run_table, &moved);
    }
    sqlite3_finalize(append.output);
    sqlite3_finalize(append.label);
    sqlite3_finalize(append.known_label);
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
    "WHERE run_id = ?1 ORDER BY output.idx";
static const char without_logits[] =
    "SELECT output.idx, label, prediction, correct, top5_correct, energy, softmax_energy "
    "FROM output LEFT JOIN sample ON sample.dataset_id = ?2 AND sample.idx = output.idx "
    "WHERE run_id = ?1 ORDER BY output.idx";

int ebjr_output_cursor_open(ebjr_output_cursor **out, ebjr_store *store,
                            const struct ebjr_stored_run *run, bool logits)
{
    ebjr_output_cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor)
        return ebjr_error_memory();
    cursor->store = store;
    cursor->run_id = run->id;
    cursor->classes = (size_t)run->classes;
    cursor->logits = logits;
    int status =
        ebjr_store_prepare(&cursor->statement, store, logits ? with_logits : without_logits);
    if (status) {
        ebjr_output_cursor_close(cursor);
        return status;
    }
    sqlite3_bind_int64(cursor->statement, 1, run->id);
    sqlite3_bind_int64(cursor->statement, 2, run->dataset_id);
    *out = cursor;
    return 0;
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
    int64_t wide = sqlite3_column_int64(statement, column);
    *out = (int32_t)wide;
    return sqlite3_column_type(statement, column) == SQLITE_INTEGER && *out == wide;
}

static bool read_flag(bool *out, sqlite3_stmt *statement, int column)
{
    int64_t wide = sqlite3_column_int64(statement, column);
    *out = wide != 0;
    return sqlite3_column_type(statement, column) == SQLITE_INTEGER && *out == wide;
}

static bool read_real(double *out, sqlite3_stmt *statement, int column)
{
    *out = sqlite3_column_double(statement, column);
    return sqlite3_column_type(statement, column) == SQLITE_FLOAT;
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
        !read_real(&row->energy, statement, ENERGY) ||
        !read_real(&row->softmax_energy, statement, SOFTMAX_ENERGY))
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

int ebjr_label_read(int32_t *labels, ebjr_store *store, const struct ebjr_stored_dataset *dataset)
{
    sqlite3_stmt *statement = NULL;
    int64_t read = 0;
    int step = SQLITE_DONE;
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
        status = ebjr_error_set(EBJR_ESTORE,
                                "%s holds %lld of the %lld labels of data set '%s'; run a model "
                                "over it to the end first",
                                store->path, (long long)read, (long long)dataset->samples,
                                dataset->name);
    sqlite3_finalize(statement);
    return status;
}
