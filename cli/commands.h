/* The subcommands, one a file. */
#ifndef EBJR_CLI_COMMANDS_H
#define EBJR_CLI_COMMANDS_H

#include "cli/option.h"

extern const struct command command_run, command_import, command_ls, command_verify, command_eval,
    command_sweep, command_plot, command_pick, command_check, command_plan, command_infer,
    command_bench, command_compare, command_report, command_merge;

#endif
