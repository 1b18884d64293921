/* What a cascade does at one threshold: the report of the original script. */
#ifndef EBJR_CLI_EVAL_REPORT_H
#define EBJR_CLI_EVAL_REPORT_H

#include "cli/rule.h"
#include "cli/table.h"

/* One row. Errors: EBJR_EIO, EBJR_ENOMEM. */
int eval_report(const struct cascade *cascade, const struct rule *rule, struct output output);

/* Samples so near the threshold that float32 arithmetic may route them the other way: a few units
 * in the last place, for the sums a score is made of. */
int64_t eval_count_near(const double *scores, size_t n, double threshold);

#endif
