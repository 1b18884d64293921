/* A cascade at one threshold, class by class: slices with simultaneous intervals, and a class mix.
 */
#ifndef EBJR_CLI_SLICES_H
#define EBJR_CLI_SLICES_H

#include "cli/cascade.h"
#include "cli/class_mix.h"
#include "cli/rule.h"
#include "cli/table.h"

/* A row for each slice by class, prediction, or the groups of a file. Errors: those of the file. */
int slices_report(const struct cascade *cascade, const struct rule *rule, const char *by,
                  double delta, struct output output);

/* A row for each group of the mix, one for all samples as they are, and one for the mix. */
int slices_report_mix(const struct cascade *cascade, const struct rule *rule,
                      const struct class_mix *mix, struct output output);

#endif
