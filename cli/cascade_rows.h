/* The rows of a cascade's two runs side by side, a block at a time: from memory where the cascade
 * holds what is wanted, else as they come from the store. */
#ifndef EBJR_CLI_CASCADE_ROWS_H
#define EBJR_CLI_CASCADE_ROWS_H

#include "cli/cascade.h"

enum {
    ROWS_TEACHER = 1, /* what the teacher answers, and has right */
    ROWS_LOGITS = 2,  /* the student's */
    ROWS_TEACHER_LOGITS = 4
};

struct cascade_rows {
    size_t first, count; /* samples first .. first + count - 1; what follows has [count] */
    int32_t *labels, *predictions;
    uint8_t *student_correct, *student_top5;
    int32_t *teacher_predictions; /* NULL: not wanted, as all of the teacher's */
    uint8_t *teacher_correct, *teacher_top5;
    float *logits, *teacher_logits; /* [count, classes]; NULL: not wanted */

    /* private */
    const struct cascade *cascade;
    size_t most; /* rows in a block */
    bool is_lent;
    struct ebjr_store *store;
    struct ebjr_output_cursor *student, *teacher;
};

/* most: rows in a block, 0: as suits. The caller closes, also after an error. Errors: EBJR_ENOMEM,
 * those of the store. */
int cascade_rows_open(struct cascade_rows *out, const struct cascade *cascade, unsigned wanted,
                      size_t most);
void cascade_rows_close(struct cascade_rows *rows);

/* 1: the next block is there; 0: there are no more. Errors: EBJR_ESTORE. */
int cascade_rows_next(struct cascade_rows *rows);

#endif
