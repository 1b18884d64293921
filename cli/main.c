#include "cli/commands.h"

#include "base/text.h"
#include "cli/complete.h"
#include "version.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = {
    &command_run,   &command_import, &command_ls,      &command_verify, &command_eval,
    &command_sweep, &command_pick,   &command_plot,    &command_check,  &command_plan,
    &command_infer, &command_bench,  &command_compare, &command_report,
};
enum { COMMANDS = ROWS(commands) };

static void print_help(void)
{
    printf("ebjr " EBJR_VERSION ": threshold calibration and benchmarking of model cascades\n\n"
           "A small student model answers what it is sure of; a router compares a score of its\n"
           "output with a threshold and sends the rest to a large teacher. ebjr runs both once,\n"
           "keeps every logit in SQLite, and answers from there.\n\n"
           "Usage: ebjr COMMAND [OPTION...]\n\nCommands:\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
    printf("\nebjr COMMAND --help explains one; ebjr --version prints the version.\n"
           "Exit codes: 0 done, 1 failed, 2 usage, 3 infeasible, 4 interrupted.\n");
}

static int unknown(const char *name)
{
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i]->name;
    const char *nearest = ebjr_name_nearest(name, names, COMMANDS);
    if (nearest)
        say("ebjr: there is no command '%s'; did you mean '%s'?", name, nearest);
    else
        say("ebjr: there is no command '%s'; ebjr --help lists them", name);
    return EXIT_USAGE;
}

static int answer(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "--help";
    if (strcmp(name, "--version") == 0) {
        printf("ebjr %s\n", EBJR_VERSION);
        return EXIT_DONE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help();
        return argc > 1 ? EXIT_DONE : EXIT_USAGE;
    }
    if (strcmp(name, "complete") == 0)
        return complete_words(commands, COMMANDS, argc - 2, argv + 2);
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i]->name) == 0)
            return commands[i]->run(commands[i], argc - 1, argv + 1);
    return unknown(name);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_DFL);
    int code = answer(argc, argv);
    bool broken = ferror(stdout);
    if ((fclose(stdout) != 0 || broken) && code == EXIT_DONE) {
        say("ebjr: cannot write the result: %s", strerror(errno));
        return EXIT_FAILED;
    }
    return code;
}
