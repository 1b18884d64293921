#include "cli/cascade_rows.h"

#include "base/error.h"
#include "db/output.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_LOGITS = 1 << 20, BLOCK_ROWS = 1 << 16 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void lend(struct cascade_rows *rows)
{
    const struct cascade *cascade = rows->cascade;
    rows->is_lent = true;
    rows->labels = cascade->labels;
    rows->predictions = cascade->predictions;
    rows->student_correct = cascade->student_correct;
    rows->student_top5 = cascade->student_top5;
    rows->teacher_predictions = cascade->teacher_predictions;
    rows->teacher_correct = cascade->teacher_correct;
    rows->teacher_top5 = cascade->teacher_top5;
    rows->logits = cascade->logits;
    rows->teacher_logits = cascade->teacher_logits;
}

static int allocate(struct cascade_rows *rows, unsigned wanted)
{
    size_t most = rows->most, logits = most * rows->cascade->classes * sizeof *rows->logits;
    bool teacher = wanted & (ROWS_TEACHER | ROWS_TEACHER_LOGITS);
    rows->labels = malloc(most * sizeof *rows->labels);
    rows->predictions = malloc(most * sizeof *rows->predictions);
    rows->student_correct = malloc(most);
    rows->student_top5 = malloc(most);
    rows->teacher_predictions = teacher ? malloc(most * sizeof *rows->teacher_predictions) : NULL;
    rows->teacher_correct = teacher ? malloc(most) : NULL;
    rows->teacher_top5 = teacher ? malloc(most) : NULL;
    rows->logits = wanted & ROWS_LOGITS ? malloc(logits) : NULL;
    rows->teacher_logits = wanted & ROWS_TEACHER_LOGITS ? malloc(logits) : NULL;
    bool complete =
        rows->labels && rows->predictions && rows->student_correct && rows->student_top5 &&
        (!teacher || (rows->teacher_predictions && rows->teacher_correct && rows->teacher_top5)) &&
        (!(wanted & ROWS_LOGITS) || rows->logits) &&
        (!(wanted & ROWS_TEACHER_LOGITS) || rows->teacher_logits);
    return complete ? 0 : ebjr_error_memory();
}

int cascade_rows_open(struct cascade_rows *out, const struct cascade *cascade, unsigned wanted,
                      size_t most)
{
    size_t suits = smaller(BLOCK_LOGITS / cascade->classes + 1, BLOCK_ROWS);
    *out =
        (struct cascade_rows){.cascade = cascade, .most = smaller(most ? most : suits, cascade->n)};
    if (cascade->labels && (!(wanted & ROWS_LOGITS) || cascade->logits) &&
        (!(wanted & ROWS_TEACHER_LOGITS) || cascade->teacher_logits)) {
        lend(out);
        return 0;
    }
    int status = allocate(out, wanted);
    if (!status)
        status = ebjr_store_open(&out->store, cascade->db, EBJR_STORE_READ);
    if (!status)
        status = ebjr_output_cursor_open(&out->student, out->store, &cascade->student_run,
                                         wanted & ROWS_LOGITS);
    if (!status && out->teacher_correct)
        status = ebjr_output_cursor_open(&out->teacher, out->store, &cascade->teacher_run,
                                         wanted & ROWS_TEACHER_LOGITS);
    return status;
}

void cascade_rows_close(struct cascade_rows *rows)
{
    ebjr_output_cursor_close(rows->student);
    ebjr_output_cursor_close(rows->teacher);
    ebjr_store_close(rows->store);
    if (!rows->is_lent) {
        free(rows->labels);
        free(rows->predictions);
        free(rows->student_correct);
        free(rows->student_top5);
        free(rows->teacher_predictions);
        free(rows->teacher_correct);
        free(rows->teacher_top5);
        free(rows->logits);
        free(rows->teacher_logits);
    }
    *rows = (struct cascade_rows){0};
}

static int next_row(struct ebjr_output *row, ebjr_output_cursor *cursor,
                    const struct cascade_rows *rows, const struct ebjr_stored_run *run)
{
    int more = ebjr_output_cursor_next(cursor, row);
    if (more == 0)
        return ebjr_error_set(
            EBJR_ESTORE, "%s: run %lld holds fewer rows than it says; ebjr verify looks closer",
            rows->cascade->db, (long long)run->id);
    return more < 0 ? more : 0;
}

static int read_student(struct cascade_rows *rows, size_t i)
{
    struct ebjr_output row;
    size_t classes = rows->cascade->classes;
    int status = next_row(&row, rows->student, rows, &rows->cascade->student_run);
    if (status)
        return status;
    rows->labels[i] = row.label;
    rows->predictions[i] = row.prediction;
    rows->student_correct[i] = row.correct;
    rows->student_top5[i] = row.top5_correct;
    if (rows->logits)
        memcpy(rows->logits + i * classes, row.logits, classes * sizeof *rows->logits);
    return 0;
}

static int read_teacher(struct cascade_rows *rows, size_t i)
{
    struct ebjr_output row;
    size_t classes = rows->cascade->classes;
    int status = next_row(&row, rows->teacher, rows, &rows->cascade->teacher_run);
    if (status)
        return status;
    rows->teacher_predictions[i] = row.prediction;
    rows->teacher_correct[i] = row.correct;
    rows->teacher_top5[i] = row.top5_correct;
    if (rows->teacher_logits)
        memcpy(rows->teacher_logits + i * classes, row.logits,
               classes * sizeof *rows->teacher_logits);
    return 0;
}

int cascade_rows_next(struct cascade_rows *rows)
{
    int status = 0;
    rows->first += rows->count;
    rows->count = rows->cascade->n - rows->first;
    if (rows->is_lent || rows->count == 0)
        return rows->count > 0;
    rows->count = smaller(rows->count, rows->most);
    for (size_t i = 0; !status && i < rows->count; i++)
        status = read_student(rows, i);
    for (size_t i = 0; !status && rows->teacher && i < rows->count; i++)
        status = read_teacher(rows, i);
    return status ? status : 1;
}
