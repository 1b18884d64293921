/* Scores of a cascade's rows, a block at a time, always from the logits: the energies that a store
 * holds may have been rounded by another libm, and a live cascade computes its own. */
#ifndef EBJR_CLI_CASCADE_SCORE_H
#define EBJR_CLI_CASCADE_SCORE_H

#include "cli/cascade_rows.h"

struct scorer {
    const struct cascade *cascade;
    const struct ebjr_score *scores;
    size_t count;
    unsigned wanted; /* of the rows */
    ebjr_score_randoms *randoms;
};

/* The caller ends it, also after an error. Errors: EBJR_EINVAL too many; EBJR_ENOMEM. */
int scorer_begin(struct scorer *out, const struct cascade *cascade, const struct ebjr_score *scores,
                 size_t count);
void scorer_end(struct scorer *scorer);

/* out[j * stride + i]: score j of the block's row i. Blocks come in order, from the first on. */
void scorer_block(double *out, size_t stride, struct scorer *scorer,
                  const struct cascade_rows *rows);

/* cascade_read, and the scores of what is read (out[count][n]) in the same pass. */
int cascade_read_scored(double *out, struct cascade *cascade, const struct ebjr_score *scores,
                        size_t count);

#endif
