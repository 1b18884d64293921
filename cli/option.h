/* Options: one table a subcommand, from which it is parsed and its help is written. What the
 * command line does not say, a variable or the config file may. */
#ifndef EBJR_CLI_OPTION_H
#define EBJR_CLI_OPTION_H

#include "cli/talk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_INFEASIBLE = 3,
    EXIT_INTERRUPTED = 4
};

enum option_kind {
    OPTION_FLAG,    /* bool */
    OPTION_TEXT,    /* const char * */
    OPTION_NUMBER,  /* double; suffixes k, M, G, T */
    OPTION_INTEGER, /* int64_t, >= 0 */
    OPTION_LIST,    /* struct option_list: may be given many times */
    OPTION_REST     /* struct option_rest: what stands alone; its name is that of one, "STORE" */
};

enum { OPTION_LIST_SIZE = 64 };

struct option_list {
    const char *items[OPTION_LIST_SIZE];
    size_t count;
};

struct option_rest {
    char **items; /* of argv */
    size_t count;
};

struct option_row {
    const char *name;
    enum option_kind kind;
    void *target;
    const char *argument; /* "FILE"; NULL for a flag */
    const char *help;
    bool required;
};

struct command {
    const char *name;
    const char *summary; /* one line, for the list of commands */
    const char *text;    /* what follows the options in the help: notes and examples */
    int (*run)(const struct command *command, int argc, char **argv);
};

/* Fills the targets, which text may outlive, and settles how the program talks. 0: go on; 1: help
 * was printed, end with EXIT_DONE; an error: what was wrong was said, end with EXIT_USAGE. */
int option_parse(const struct command *command, const struct option_row *rows, size_t count,
                 int argc, char **argv);

/* Calls `visit` with each option that a command takes, instead of running it. */
void option_visit(const struct command *command,
                  void (*visit)(void *context, const struct option_row *row), void *context);

/* Prints "ebjr COMMAND: message" for the kept error; the exit code that belongs to it. */
int fail(const struct command *command, int status);

/* The variable that gives an option its value where the command line does not; NULL: there is none.
 */
const char *option_variable(const char *name);

/* The config file that option_parse read. */
struct config;
const struct config *option_config(void);

#define ROWS(table) (sizeof(table) / sizeof *(table))

#endif
