/* The subcommands, one a file. */
#ifndef EBJR_CLI_COMMANDS_H
#define EBJR_CLI_COMMANDS_H

#include "cli/option.h"

extern const struct command command_run, command_import, command_ls, command_verify, command_eval,
    command_sweep, command_plot, command_pick, command_check, command_plan, command_infer,
    command_bench, command_export, command_compare, command_report, command_config, command_merge;

/* All of them, in the order of the help. */
const struct command *const *command_list(size_t *count);

/* NULL where there is none of this name. */
const struct command *command_find(const char *name);

/* The name that was meant; NULL where none is near. */
const char *command_nearest(const char *name);

#endif
