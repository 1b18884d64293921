#include "cli/config.h"

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_NAMES = 512 };

/* Names of options: of one command, or of all. */
struct names {
    const char *items[MOST_NAMES];
    size_t count;
};

struct reader {
    struct config *config;
    const struct command *command; /* of the section; NULL: above all */
    int line;
};

const char *config_usual_path(void)
{
    static char path[PATH_MAX];
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    path[0] = 0;
    if (base && *base == '/') /* others are to be ignored, says the XDG specification */
        snprintf(path, sizeof path, "%s/ebjr/config", base);
    else if (home && *home)
        snprintf(path, sizeof path, "%s/.config/ebjr/config", home);
    return path;
}

static bool holds(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

static void keep_name(void *context, const struct option_row *row)
{
    struct names *names = context;
    bool is_setting = row->kind != OPTION_REST && strcmp(row->name, "help") != 0;
    if (is_setting && !holds(names, row->name) && names->count < MOST_NAMES)
        names->items[names->count++] = row->name;
}

static void names_of(struct names *out, const struct command *command)
{
    size_t count;
    const struct command *const *commands = command_list(&count);
    out->count = 0;
    for (size_t i = 0; i < count; i++)
        if (!command || commands[i] == command)
            option_visit(commands[i], keep_name, out);
}

__attribute__((format(printf, 2, 3))) static int wrong(const struct reader *reader,
                                                       const char *format, ...)
{
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return ebjr_error_set(EBJR_EFORMAT, "%s:%d: %s", reader->config->path, reader->line, what);
}

static int unknown_command(const struct reader *reader, const char *name)
{
    const char *nearest = command_nearest(name);
    return wrong(reader, "there is no command '%.64s'; %s%s%s", name,
                 nearest ? "did you mean [" : "ebjr --help lists them", nearest ? nearest : "",
                 nearest ? "]?" : "");
}

static int check_name(const struct reader *reader, const char *name)
{
    struct names known;
    names_of(&known, reader->command);
    if (strcmp(name, "config") == 0)
        return wrong(reader, "'config' says where this file is, and cannot stand in it");
    if (holds(&known, name))
        return 0;
    const char *nearest = ebjr_name_nearest(name, known.items, known.count);
    return wrong(reader, "%s%s has no option '%.64s'; %s%s%s", reader->command ? "ebjr " : "ebjr",
                 reader->command ? reader->command->name : "", name,
                 nearest ? "did you mean '" : "'name = value' takes names as --help has them",
                 nearest ? nearest : "", nearest ? "'?" : "");
}

static char *trim(char *text)
{
    static const char blanks[] = " \t\r\n";
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]))
        text[--length] = 0;
    return text;
}

static int take_value(char **out, const struct reader *reader, const char *text)
{
    json_error_t error;
    *out = NULL;
    if (*text != '"') {
        *out = strdup(text);
        return *out ? 0 : ebjr_error_memory();
    }
    json_t *json = json_loads(text, JSON_DECODE_ANY, &error);
    if (!json)
        return wrong(reader, "a value that begins with a quotation mark is a JSON string: %s",
                     error.text);
    *out = strdup(json_string_value(json));
    json_decref(json);
    return *out ? 0 : ebjr_error_memory();
}

static int add(const struct reader *reader, const char *name, const char *value)
{
    struct config *config = reader->config;
    struct config_setting *settings =
        realloc(config->settings, (config->count + 1) * sizeof *settings);
    if (!settings)
        return ebjr_error_memory();
    config->settings = settings;
    struct config_setting *setting = &settings[config->count];
    *setting = (struct config_setting){.command = reader->command ? reader->command->name : NULL,
                                       .line = reader->line};
    int status = take_value(&setting->value, reader, value);
    if (status)
        return status;
    setting->name = strdup(name);
    if (!setting->name) {
        free(setting->value);
        return ebjr_error_memory();
    }
    config->count++;
    return 0;
}

static int take_section(struct reader *reader, char *line)
{
    char *end = strchr(line, ']');
    if (!end || end[1])
        return wrong(reader, "a section is a command in brackets, [run]");
    *end = 0;
    char *name = trim(line + 1);
    reader->command = command_find(name);
    return reader->command ? 0 : unknown_command(reader, name);
}

static int take_line(struct reader *reader, char *text)
{
    char *line = trim(text), *equals = strchr(line, '=');
    if (!*line || *line == '#')
        return 0;
    if (*line == '[')
        return take_section(reader, line);
    if (!equals)
        return wrong(reader, "'%.64s' is neither name = value, nor [command], nor # comment", line);
    *equals = 0;
    const char *name = trim(line);
    int status = check_name(reader, name);
    return status ? status : add(reader, name, trim(equals + 1));
}

static int read_lines(struct config *config, FILE *file)
{
    struct reader reader = {.config = config};
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    int status = 0;
    while (!status && (length = getline(&line, &size, file)) >= 0) {
        bool marked = ++reader.line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0;
        if (strlen(line) != (size_t)length)
            status = wrong(&reader, "a NUL byte, which is no text");
        else
            status = take_line(&reader, line + (marked ? 3 : 0));
    }
    if (!status && ferror(file))
        status = ebjr_error_set(EBJR_EIO, "cannot read %s: %s", config->path, strerror(errno));
    free(line);
    return status;
}

int config_open(struct config *out, const char *given)
{
    const char *variable = getenv("EBJR_CONFIG");
    const char *path = given ? given : variable && *variable ? variable : config_usual_path();
    bool asked_for = path == given || path == variable;
    *out = (struct config){0};
    if (!asked_for && (!*path || access(path, F_OK) != 0))
        return 0;
    FILE *file = fopen(path, "r");
    if (!file)
        return ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO,
                              "cannot open the config file %s%s: %s", path,
                              path == variable ? " (EBJR_CONFIG)" : "", strerror(errno));
    out->path = strdup(path);
    int status = out->path ? read_lines(out, file) : ebjr_error_memory();
    fclose(file);
    return status;
}

void config_clear(struct config *config)
{
    for (size_t i = 0; i < config->count; i++) {
        free(config->settings[i].name);
        free(config->settings[i].value);
    }
    free(config->settings);
    free(config->path);
    *config = (struct config){0};
}
