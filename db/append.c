#include "db/append.h"

#include "base/error.h"
#include "db/row_hash.h"

#include <math.h>
#include <string.h>

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

static bool agrees(double a, double b)
{
    const double rounding = 1e-12;
    return fabs(a - b) <= rounding * (1 + fabs(a));
}

bool ebjr_row_agrees(const struct ebjr_output *a, const struct ebjr_output *b)
{
    return a->prediction == b->prediction && a->correct == b->correct &&
           a->top5_correct == b->top5_correct && agrees(a->energy, b->energy) &&
           agrees(a->softmax_energy, b->softmax_energy);
}

int ebjr_append_open(struct ebjr_append *out, ebjr_store *store)
{
    *out = (struct ebjr_append){.output = NULL};
    const struct {
        sqlite3_stmt **statement;
        const char *sql;
    } statements[] = {
        {&out->output, "INSERT INTO output VALUES (?, ?, ?, ?, ?, ?, ?, ?)"},
        {&out->label, "INSERT INTO sample VALUES (?, ?, ?)"},
        {&out->known_label, "SELECT label FROM sample WHERE dataset_id = ? AND idx = ?"},
    };
    int status = ebjr_chunk_open(&out->chunk, store);
    for (size_t i = 0; !status && i < sizeof statements / sizeof *statements; i++)
        status = ebjr_store_prepare(statements[i].statement, store, statements[i].sql);
    return status;
}

void ebjr_append_close(struct ebjr_append *append)
{
    sqlite3_finalize(append->output);
    sqlite3_finalize(append->label);
    sqlite3_finalize(append->known_label);
    ebjr_chunk_close(&append->chunk);
}

static int store_output(const struct ebjr_append *append, int64_t run_id,
                        const struct ebjr_output *row, size_t classes)
{
    sqlite3_stmt *statement = append->output;
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
    return step == SQLITE_DONE ? 0 : ebjr_store_failure(append->chunk.store, "store outputs");
}

static int store_label(const struct ebjr_append *append, int64_t dataset_id,
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
        return ebjr_store_failure(append->chunk.store, "read labels");

    sqlite3_bind_int64(append->label, 1, dataset_id);
    sqlite3_bind_int64(append->label, 2, row->index);
    sqlite3_bind_int(append->label, 3, row->label);
    step = sqlite3_step(append->label);
    sqlite3_reset(append->label);
    return step == SQLITE_DONE ? 0 : ebjr_store_failure(append->chunk.store, "store labels");
}

int ebjr_append_row(const struct ebjr_append *append, const struct ebjr_stored_run *run,
                    const struct ebjr_output *row)
{
    size_t classes = (size_t)run->classes;
    int status = store_label(append, run->dataset_id, row);
    if (!status)
        status = store_output(append, run->id, row, classes);
    return status ? status : ebjr_row_hash_update(append->chunk.hash, row, classes);
}
