/* Options: one table a subcommand, from which it is parsed and its help is written. */
#ifndef EBJR_CLI_OPTION_H
#define EBJR_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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
    OPTION_LIST     /* struct option_list: may be given many times */
};

enum { OPTION_LIST_SIZE = 64 };

struct option_list {
    const char *items[OPTION_LIST_SIZE];
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

/* Fills the targets. 0: go on; 1: help was printed, end with EXIT_DONE; an error: what was wrong
 * was said, end with EXIT_USAGE. */
int option_parse(const struct command *command, const struct option_row *rows, size_t count,
                 int argc, char **argv);

/* Calls `visit` with each option that a command takes, instead of running it. */
void option_visit(const struct command *command,
                  void (*visit)(void *context, const struct option_row *row), void *context);

/* Prints "ebjr COMMAND: message" for the kept error; the exit code that belongs to it. */
int fail(const struct command *command, int status);

/* The first character of a text of anyone's, with a blank for one that is not seen but acts: it
 * controls a terminal, ends a line or turns the direction of writing. What is no UTF-8 is U+FFFD.
 * Returns what comes after it. */
const char *print_plain_character(FILE *file, const char *text);

/* All of such a text: one line, no terminal commands. */
void print_plain(FILE *file, const char *text);

/* A line of talk on stderr. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define ROWS(table) (sizeof(table) / sizeof *(table))

#endif
