#include "cli/cascade_score.h"

#include "base/error.h"
#include "base/parallel.h"
#include "calib/sweep.h"
#include "runtime/class_map.h"

#include <stdlib.h>
#include <string.h>

int scorer_begin(struct scorer *out, const struct cascade *cascade, const struct ebjr_score *scores,
                 size_t count)
{
    int status = 0;
    *out = (struct scorer){.cascade = cascade, .scores = scores, .count = count};
    if (count > CASCADE_SCORES)
        return ebjr_error_set(EBJR_EINVAL, "more scores at once than there are");
    for (size_t j = 0; !status && j < count; j++) {
        if (scores[j].kind == EBJR_SCORE_LOGITS)
            out->wanted |= ROWS_LOGITS;
        if (scores[j].kind == EBJR_SCORE_ORACLE)
            out->wanted |= ROWS_TEACHER;
        if (scores[j].kind == EBJR_SCORE_RANDOM && !out->randoms)
            status = ebjr_score_randoms_new(&out->randoms, cascade->options.seed);
    }
    return status;
}

void scorer_end(struct scorer *scorer)
{
    ebjr_score_randoms_free(scorer->randoms);
    scorer->randoms = NULL;
}

struct block {
    const struct scorer *scorer;
    const struct cascade_rows *rows;
    double *out;
    size_t stride;
};

static void score_logits(void *context, size_t from, size_t to)
{
    const struct block *block = context;
    const struct scorer *scorer = block->scorer;
    const struct cascade *cascade = scorer->cascade;
    for (size_t i = from; i < to; i++) {
        double row[CASCADE_SCORES] = {0};
        ebjr_score_evaluate_many(row, scorer->scores, scorer->count,
                                 block->rows->logits + i * cascade->classes, cascade->classes,
                                 &cascade->options);
        for (size_t j = 0; j < scorer->count; j++)
            block->out[j * block->stride + i] = row[j];
    }
}

size_t cascade_least_rows(const struct cascade *cascade)
{
    enum { LOGITS = 100000 };
    return LOGITS / cascade->classes + 1;
}

void cascade_never_other(double *scores, const struct cascade_rows *rows)
{
    for (size_t i = 0; rows->cascade->is_specialised && i < rows->count; i++)
        if (rows->predictions[i] == EBJR_OTHER)
            scores[i] = EBJR_NEVER;
}

void scorer_block(double *out, size_t stride, struct scorer *scorer,
                  const struct cascade_rows *rows)
{
    struct block block = {scorer, rows, out, stride};
    if (scorer->wanted & ROWS_LOGITS)
        ebjr_parallel(score_logits, &block, rows->count, cascade_least_rows(scorer->cascade));
    for (size_t j = 0; j < scorer->count; j++) {
        double *score = out + j * stride;
        enum ebjr_score_kind kind = scorer->scores[j].kind;
        if (kind == EBJR_SCORE_RANDOM)
            ebjr_score_randoms_next(score, rows->count, scorer->randoms);
        for (size_t i = 0; kind == EBJR_SCORE_ORACLE && i < rows->count; i++)
            score[i] = (double)rows->student_correct[i] - (double)rows->teacher_correct[i];
        cascade_never_other(score, rows);
    }
}

int cascade_scores(double *out, const struct cascade *cascade, const struct ebjr_score *scores,
                   size_t count)
{
    struct scorer scorer;
    struct cascade_rows rows = {0};
    int more = 0, status = scorer_begin(&scorer, cascade, scores, count);
    if (!status)
        status = cascade_rows_open(&rows, cascade, scorer.wanted, 0);
    while (!status && (more = cascade_rows_next(&rows)) > 0)
        scorer_block(out + rows.first, cascade->n, &scorer, &rows);
    cascade_rows_close(&rows);
    scorer_end(&scorer);
    return status ? status : more;
}

/* Room for what cascade_read keeps of the outputs. */
static int make_room(struct cascade *cascade)
{
    size_t n = cascade->n;
    cascade->labels = malloc(n * sizeof *cascade->labels);
    cascade->predictions = malloc(n * sizeof *cascade->predictions);
    cascade->teacher_predictions = malloc(n * sizeof *cascade->teacher_predictions);
    cascade->student_correct = malloc(n);
    cascade->student_top5 = malloc(n);
    cascade->teacher_correct = malloc(n);
    cascade->teacher_top5 = malloc(n);
    return cascade->labels && cascade->predictions && cascade->teacher_predictions &&
                   cascade->student_correct && cascade->student_top5 && cascade->teacher_correct &&
                   cascade->teacher_top5
               ? 0
               : ebjr_error_memory();
}

static void keep(struct cascade *cascade, const struct cascade_rows *rows)
{
    size_t first = rows->first, count = rows->count;
    memcpy(cascade->labels + first, rows->labels, count * sizeof *rows->labels);
    memcpy(cascade->predictions + first, rows->predictions, count * sizeof *rows->predictions);
    memcpy(cascade->teacher_predictions + first, rows->teacher_predictions,
           count * sizeof *rows->teacher_predictions);
    memcpy(cascade->student_correct + first, rows->student_correct, count);
    memcpy(cascade->student_top5 + first, rows->student_top5, count);
    memcpy(cascade->teacher_correct + first, rows->teacher_correct, count);
    memcpy(cascade->teacher_top5 + first, rows->teacher_top5, count);
}

int cascade_read_scored(double *out, struct cascade *cascade, const struct ebjr_score *scores,
                        size_t count)
{
    struct scorer scorer;
    struct cascade_rows rows = {0};
    int more = 0, status = scorer_begin(&scorer, cascade, scores, count);
    if (!status)
        status = cascade_rows_open(&rows, cascade, scorer.wanted | ROWS_TEACHER, 0);
    if (!status)
        status = make_room(cascade); /* rows that are open do not look into it */
    while (!status && (more = cascade_rows_next(&rows)) > 0) {
        keep(cascade, &rows);
        scorer_block(out + rows.first, cascade->n, &scorer, &rows);
    }
    cascade_rows_close(&rows);
    scorer_end(&scorer);
    if (!status && more == 0)
        status = cascade_read_timing(cascade);
    return status ? status : more;
}

int cascade_score(double *out, const struct cascade *cascade, const struct ebjr_score *score)
{
    return cascade_scores(out, cascade, score, 1);
}

int cascade_select_scores(const struct ebjr_score **first, size_t *count, const char *name)
{
    if (strcmp(name, "all") == 0) {
        *first = ebjr_score_list(count);
        return 0;
    }
    *count = 1;
    return ebjr_score_find(first, name);
}
