/* The pick from more samples than memory holds. */
#ifndef EBJR_CLI_PICK_SORTED_H
#define EBJR_CLI_PICK_SORTED_H

#include "cli/pick.h"

/* Whether all of the samples go into memory, given what is asked of them; the cascades are found,
 * and not read. Where what is asked needs them there and they do not fit, that is an error. */
int pick_fits(bool *fits, struct pick_work *work, const struct pick_request *request,
              const struct sort_memory *memory);

/* From the cascade to the sorted samples of each part: split, score chosen, sorted. */
int pick_sorted_prepare(struct pick_work *work, const struct pick_request *request,
                        const struct sort_memory *memory);

/* The threshold's point on the test samples, and all counts of these. */
int pick_sorted_test(struct ebjr_curve *totals, struct ebjr_point *point, double threshold,
                     struct pick_work *work);

#endif
