/* What a person tells of models because ebjr cannot count it. */
#ifndef EBJR_CLI_TOLD_H
#define EBJR_CLI_TOLD_H

#include "cli/live.h"
#include "db/stored.h"

/* A whole number of an option; EBJR_UNKNOWN where `value` is NaN. Errors: EBJR_EINVAL. */
int told_integer(int64_t *out, double value, const char *option);

/* Does every NAME=... of --flops name one of the models? Errors: EBJR_EINVAL. */
int told_flops_check(const struct option_list *flops, const struct option_list *models);

/* What --flops NAME=N|FILE says of the model: the FLOPs of *run, with flops_source, and the model's
 * parameters where FILE, TorchScript of the same model, tells them. *run is unchanged where nothing
 * is said. Errors: EBJR_EINVAL, and those of the file as a model. */
int told_flops(struct ebjr_stored_run *run, struct ebjr_stored_model *model,
               const struct option_list *flops, const struct live *live);

#endif
