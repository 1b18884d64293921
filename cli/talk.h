/* Talk, which goes to stderr: lines for people or, with --progress json, JSON Lines for programs.
 */
#ifndef EBJR_CLI_TALK_H
#define EBJR_CLI_TALK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum talk_progress { TALK_BAR, TALK_NONE, TALK_JSON };

/* How `command`, which lives on, talks from now on. */
void talk_begin(const char *command, bool quiet, enum talk_progress progress);

enum talk_progress talk_progress(void);

/* The last line of JSON Lines: {"event":"end","status":"done","code":0,...}; else nothing. */
void talk_end(int exit_code);

/* A note: what happens, or is good to know. Not with --quiet. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An error: what was asked for is not to be had. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line of JSON: {"event":event,"command":...} and the members of `more`, which is taken. Whole
 * also where several threads talk. */
void talk_json(const char *event, json_t *more);

/* A string of a text of anyone's; what is no UTF-8 is U+FFFD. */
json_t *talk_json_text(const char *text);

/* The first character of a text of anyone's, with a blank for one that is not seen but acts: it
 * controls a terminal, ends a line or turns the direction of writing. What is no UTF-8 is U+FFFD.
 * Returns what comes after it. */
const char *print_plain_character(FILE *file, const char *text);

/* All of such a text: one line, no terminal commands. */
void print_plain(FILE *file, const char *text);

#endif
