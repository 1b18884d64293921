/*
 * The config file: options under the names they have on the command line, one a line.
 *
 *   # a comment
 *   db = cifar10.db
 *   [run]
 *   plan = direct
 *   model = "a \"name\"=small.pt"
 *
 * Above the first [command] stands what holds for every command that has such an option. A value is
 * the rest of the line, or a JSON string where it begins with a quotation mark. A list's name may
 * come many times.
 */
#ifndef EBJR_CLI_CONFIG_H
#define EBJR_CLI_CONFIG_H

#include <stddef.h>

struct config_setting {
    const char *command; /* NULL: every one */
    char *name, *value;
    int line;
};

struct config {
    char *path; /* NULL: there is no file */
    struct config_setting *settings;
    size_t count;
};

/*
 * Finds the one file that is read, and reads it: `given` (of --config); else what EBJR_CONFIG
 * names; else $XDG_CONFIG_HOME/ebjr/config, XDG_CONFIG_HOME being ~/.config where it is not set, if
 * that file exists. The caller clears *out. Errors: EBJR_ENOTFOUND, EBJR_EIO; EBJR_EFORMAT with
 * file and line, and the nearest known name where one is not known.
 */
int config_open(struct config *out, const char *given);
void config_clear(struct config *config);

/* Where the file is when neither --config nor EBJR_CONFIG say: static text; "" without a home. */
const char *config_usual_path(void);

#endif
