#include "cli/commands.h"

#include "cli/complete.h"
#include "version.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void print_help(void)
{
    printf("ebjr " EBJR_VERSION ": threshold calibration and benchmarking of model cascades\n\n"
           "A small student model answers what it is sure of; a router compares a score of its\n"
           "output with a threshold and sends the rest to a large teacher. ebjr runs both once,\n"
           "keeps every logit in SQLite, and answers from there.\n\n"
           "Usage: ebjr COMMAND [OPTION...]\n\nCommands:\n");
    size_t count;
    const struct command *const *commands = command_list(&count);
    for (size_t i = 0; i < count; i++)
        printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
    printf("\nebjr COMMAND --help explains one; ebjr --version prints the version.\n"
           "EBJR_DB names the store where --db does not; ebjr config --help tells of the config "
           "file.\n"
           "Exit codes: 0 done, 1 failed, 2 usage, 3 infeasible, 4 interrupted.\n");
}

static int unknown(const char *name)
{
    const char *nearest = command_nearest(name);
    if (nearest)
        complain("ebjr: there is no command '%s'; did you mean '%s'?", name, nearest);
    else
        complain("ebjr: there is no command '%s'; ebjr --help lists them", name);
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
        return complete_words(argc - 2, argv + 2);
    const struct command *command = command_find(name);
    return command ? command->run(command, argc - 1, argv + 1) : unknown(name);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_DFL);
    int code = answer(argc, argv);
    bool broken = ferror(stdout);
    if ((fclose(stdout) != 0 || broken) && code == EXIT_DONE) {
        complain("ebjr: cannot write the result: %s", strerror(errno));
        code = EXIT_FAILED;
    }
    talk_end(code);
    return code;
}
