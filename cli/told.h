/* What a person tells of models because ebjr cannot count it. */
#ifndef EBJR_CLI_TOLD_H
#define EBJR_CLI_TOLD_H

#include "cli/option.h"
#include "db/stored.h"

/* Does every NAME=... of --flops name one of the models? Errors: EBJR_EINVAL. */
int told_flops_check(const struct option_list *flops, const struct option_list *models);

/* What --flops NAME=N says of the model; EBJR_UNKNOWN where nothing is said. Errors: EBJR_EINVAL.
 */
int told_flops(int64_t *out, const struct ebjr_stored_model *model,
               const struct option_list *flops);

#endif
