/* What a sweep says of its own uncertainty: bands along a curve, and scores ranked with intervals.
 */
#ifndef EBJR_CLI_UNCERTAINTY_H
#define EBJR_CLI_UNCERTAINTY_H

#include "calib/bootstrap.h"
#include "cli/cascade.h"
#include "cli/table.h"

/* Accuracy with its pointwise band at 101 student shares, for each score. */
int uncertainty_print_bands(const struct cascade *cascade, const struct ebjr_score *scores,
                            size_t count, const struct ebjr_bootstrap *options,
                            struct output output);

/* The table that these bands stand in, for bands of what is no accuracy. */
void uncertainty_band_begin(struct table *out, struct output output);
void uncertainty_band_rows(struct table *table, const struct cascade *cascade, const char *score,
                           const struct ebjr_band *band);

/* One row a score, the best first: areas and rates with intervals, and the difference from the best
 * on the same resamples. *best (or NULL) is the best that a router can compute. */
int uncertainty_print_summary(size_t *best, const struct cascade *cascade,
                              const struct ebjr_score *scores, size_t count,
                              const struct ebjr_bootstrap *options, struct output output);

#endif
