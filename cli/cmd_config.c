/* ebjr config: which options have values before the command line, and from where. */
#include "cli/config.h"

#include "cli/commands.h"
#include "cli/table.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    {"command", COLUMN_TEXT, 8, false, NULL},
    {"option", COLUMN_TEXT, 16, false, NULL},
    {"value", COLUMN_TEXT, 24, false, NULL},
    {"from", COLUMN_TEXT, 0, false, NULL},
};

static void print_row(struct table *table, const char *command, const char *name, const char *value,
                      const char *source)
{
    struct value values[] = {
        text_value(command ? command : "all"),
        text_value(name),
        text_value(value),
        text_value(source),
    };
    table_row(table, values);
}

static bool is_set(const char *variable)
{
    const char *value = variable ? getenv(variable) : NULL;
    return value && *value;
}

static int print(const struct config *config, struct output output)
{
    struct table table = {output, columns, ROWS(columns), 0, false};
    table_begin(&table);
    if (is_set(option_variable("db")))
        print_row(&table, NULL, "db", getenv(option_variable("db")), option_variable("db"));
    for (size_t i = 0; i < config->count; i++) {
        const struct config_setting *setting = &config->settings[i];
        char source[PATH_MAX + 16];
        snprintf(source, sizeof source, "%s:%d", config->path, setting->line);
        if (!is_set(option_variable(setting->name)))
            print_row(&table, setting->command, setting->name, setting->value, source);
    }
    return table_end(&table);
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *format = NULL;
    const struct option_row rows[] = {FORMAT_ROW(&format)};
    struct output output;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    status = output_parse(&output, format);
    if (status)
        return fail(command, status);
    const struct config *config = option_config();
    if (config->path)
        say("read %s", config->path);
    else
        say("there is no config file; it would be %s", config_usual_path());
    status = print(config, output);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_config = {
    "config", "what the config file and the environment say, and where",
    "One config file is read: that of --config; else that of EBJR_CONFIG; else\n"
    "$XDG_CONFIG_HOME/ebjr/config (~/.config/ebjr/config). The command line beats EBJR_DB, which\n"
    "beats the file; there a command's own section beats what stands above all sections. A list\n"
    "(model) is taken from one of these as a whole. A flag is true or false, on the command line\n"
    "too: --quiet=false.\n\n"
    "  # for every command that has such an option\n"
    "  db = cifar10.db\n"
    "  delta = 0.01\n"
    "  [run]\n"
    "  mean = 0.4914,0.4822,0.4465\n"
    "  model = small=small.pt\n"
    "  model = \"a name \\\"of\\\" yours=large.pt\"\n\n"
    "Names are those of --help. A value is the rest of the line, or a JSON string.\n",
    run};
