#include "cli/commands.h"

#include "base/text.h"

#include <string.h>

static const struct command *const commands[] = {
    &command_run,    &command_import, &command_ls,    &command_verify, &command_eval,
    &command_sweep,  &command_pick,   &command_plot,  &command_check,  &command_plan,
    &command_infer,  &command_bench,  &command_merge, &command_export, &command_compare,
    &command_report, &command_config,
};

const struct command *const *command_list(size_t *count)
{
    *count = ROWS(commands);
    return commands;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < ROWS(commands); i++)
        if (strcmp(name, commands[i]->name) == 0)
            return commands[i];
    return NULL;
}

const char *command_nearest(const char *name)
{
    const char *names[ROWS(commands)];
    for (size_t i = 0; i < ROWS(commands); i++)
        names[i] = commands[i]->name;
    return ebjr_name_nearest(name, names, ROWS(commands));
}
