#include "cli/option.h"

#include "base/error.h"
#include "base/text.h"
#include "cli/config.h"
#include "cli/memory.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_OPTIONS = 64 };

/* A command's options and those of all, and which of them have a value by now. */
struct option_table {
    const struct command *command;
    struct option_row rows[MOST_OPTIONS];
    size_t count;
    bool seen[MOST_OPTIONS];
    struct option_rest rest; /* what stands alone, which getopt has moved to the end */
};

/* Of every command. */
static struct common_options {
    const char *config, *progress;
    bool quiet, no_color;
} common;

static const struct option_row common_rows[] = {
    {"config", OPTION_TEXT, &common.config, "FILE",
     "options in a file, by the names they have here (ebjr config --help)", false},
    {"quiet", OPTION_FLAG, &common.quiet, NULL, "no notes and no progress: results and errors only",
     false},
    {"progress", OPTION_TEXT, &common.progress, "WHAT",
     "bar (default), none, or json: all talk is then one JSON object a line on stderr", false},
    {"no-color", OPTION_FLAG, &common.no_color, NULL,
     "for scripts that say so: ebjr uses no colour", false},
};

static const struct {
    const char *option, *variable;
} variables[] = {{"db", "EBJR_DB"}};

static struct config config; /* kept: options point into it */

const char *option_variable(const char *name)
{
    for (size_t i = 0; i < ROWS(variables); i++)
        if (strcmp(variables[i].option, name) == 0)
            return variables[i].variable;
    return NULL;
}

const struct config *option_config(void)
{
    return &config;
}

int fail(const struct command *command, int status)
{
    if (status == EBJR_ENOMEM && memory_limited_to() > 0)
        complain("ebjr %s: %s; more than the %.3g GB that it may take (--memory)", command->name,
                 ebjr_error_last(), 1e-9 * memory_limited_to());
    else
        complain("ebjr %s: %s", command->name, ebjr_error_last());
    switch (status) {
    case EBJR_EINVAL: return EXIT_USAGE;
    case EBJR_EINTERRUPTED: return EXIT_INTERRUPTED;
    default: return EXIT_FAILED;
    }
}

static void print_row(const struct option_row *row)
{
    char left[64];
    snprintf(left, sizeof left, "%s%s%s%s", row->kind == OPTION_REST ? "" : "--", row->name,
             row->argument ? " " : "", row->argument ? row->argument : "");
    printf("  %-26s", left);
    if (strlen(left) > 25)
        printf("\n%28s", "");
    for (const char *at = row->help; *at; at++) {
        putchar(*at);
        if (*at == '\n')
            printf("%28s", "");
    }
    putchar('\n');
}

static void print_help(const struct option_table *table)
{
    const struct command *command = table->command;
    size_t own = table->count - ROWS(common_rows);
    printf("ebjr %s: %s\n\nUsage: ebjr %s", command->name, command->summary, command->name);
    for (size_t i = 0; i < own; i++)
        if (table->rows[i].required && table->rows[i].kind != OPTION_REST)
            printf(" --%s %s", table->rows[i].name, table->rows[i].argument);
    printf(" [OPTION...]");
    for (size_t i = 0; i < own; i++)
        if (table->rows[i].kind == OPTION_REST)
            printf(" %s...", table->rows[i].name);
    printf("\n\nOptions:\n");
    for (size_t i = 0; i < own; i++)
        print_row(&table->rows[i]);
    printf("\nOf every command:\n");
    for (size_t i = own; i < table->count; i++)
        print_row(&table->rows[i]);
    printf("  %-26s%s\n", "--help", "this text");
    if (command->text)
        printf("\n%s", command->text);
}

/* What stands alone has none. */
static const char *option_name(const struct option_row *row)
{
    return row->kind == OPTION_REST ? "" : row->name;
}

static int unknown(const struct option_table *table, const char *given)
{
    const char *names[MOST_OPTIONS], *command = table->command->name;
    char name[64];
    for (size_t i = 0; i < table->count; i++)
        names[i] = option_name(&table->rows[i]);
    while (*given == '-')
        given++;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(given, "="), given);
    const char *nearest = ebjr_name_nearest(name, names, table->count);
    if (nearest)
        complain("ebjr %s: there is no option --%s; did you mean --%s?", command, name, nearest);
    else
        complain("ebjr %s: there is no option --%s; ebjr %s --help lists them", command, name,
                 command);
    return EBJR_EINVAL;
}

static int take_flag(bool *out, const char *text)
{
    static const char *const words[][2] = {
        {"false", "true"}, {"no", "yes"}, {"off", "on"}, {"0", "1"}};
    for (size_t i = 0; i < ROWS(words); i++)
        for (int is = 0; is < 2; is++)
            if (strcmp(text, words[i][is]) == 0) {
                *out = is;
                return 0;
            }
    return ebjr_error_set(EBJR_EINVAL, "'%.64s' is neither true nor false", text);
}

static int take(const struct option_row *row, const char *argument)
{
    struct option_list *list;
    switch (row->kind) {
    case OPTION_FLAG: return take_flag(row->target, argument ? argument : "true");
    case OPTION_TEXT: *(const char **)row->target = argument; return 0;
    case OPTION_NUMBER: return ebjr_number_parse(row->target, argument);
    case OPTION_INTEGER: return ebjr_integer_parse(row->target, argument, 0, INT64_MAX);
    case OPTION_LIST:
        list = row->target;
        if (list->count == OPTION_LIST_SIZE)
            return ebjr_error_set(EBJR_EINVAL, "given more than %d times", OPTION_LIST_SIZE);
        list->items[list->count++] = argument;
        return 0;
    case OPTION_REST: break; /* take_rest */
    }
    return 0;
}

static int take_command_line(struct option_table *table, int argc, char **argv)
{
    struct option options[MOST_OPTIONS + 2] = {{0}};
    const char *command = table->command->name;
    int index, help = (int)table->count;
    for (size_t i = 0; i < table->count; i++)
        options[i] = (struct option){
            option_name(&table->rows[i]),
            table->rows[i].argument ? required_argument : optional_argument, NULL, (int)i};
    options[help] = (struct option){"help", no_argument, NULL, help};

    opterr = 0;
    optind = 0; /* glibc: whatever an earlier call left is forgotten */
    while ((index = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (index == 'h' || index == help) {
            print_help(table);
            return 1;
        }
        if (index == ':') {
            complain("ebjr %s: %s needs a value", command, argv[optind - 1]);
            return EBJR_EINVAL;
        }
        if (index == '?')
            return unknown(table, argv[optind - 1]);
        table->seen[index] = true;
        if (take(&table->rows[index], optarg) != 0) {
            complain("ebjr %s: --%s: %s", command, table->rows[index].name, ebjr_error_last());
            return EBJR_EINVAL;
        }
    }
    table->rest = (struct option_rest){argv + optind, (size_t)(argc - optind)};
    return 0;
}

static int take_variables(struct option_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const char *name = option_variable(table->rows[i].name);
        const char *value = name ? getenv(name) : NULL;
        if (table->seen[i] || !value || !*value)
            continue;
        table->seen[i] = true;
        take(&table->rows[i], value); /* a text always can be */
    }
    return 0;
}

/* The settings of one section, which are alike in rank: a list may come many times, else once. */
static int take_section(struct option_table *table, const char *section)
{
    int line[MOST_OPTIONS] = {0};
    for (size_t s = 0; s < config.count; s++) {
        const struct config_setting *setting = &config.settings[s];
        bool here = section ? setting->command && strcmp(setting->command, section) == 0
                            : !setting->command;
        for (size_t i = 0; here && i < table->count; i++) {
            const struct option_row *row = &table->rows[i];
            if (table->seen[i] || row->kind == OPTION_REST || strcmp(row->name, setting->name) != 0)
                continue;
            int status = line[i] && row->kind != OPTION_LIST
                             ? ebjr_error_set(EBJR_EINVAL, "it stands in line %d too", line[i])
                             : take(row, setting->value);
            if (status)
                return ebjr_error_context(status, "%s:%d: %s", config.path, setting->line,
                                          row->name);
            line[i] = setting->line;
        }
    }
    for (size_t i = 0; i < table->count; i++)
        table->seen[i] |= line[i] != 0;
    return 0;
}

static int take_config(struct option_table *table)
{
    config_clear(&config);
    int status = config_open(&config, common.config);
    if (!status)
        status = take_section(table, table->command->name);
    if (!status)
        status = take_section(table, NULL);
    if (status)
        complain("ebjr %s: %s", table->command->name, ebjr_error_last());
    return status;
}

static int settle_talk(const struct command *command)
{
    static const char *const names[] = {"bar", "none", "json"}; /* of enum talk_progress */
    const char *wanted = common.progress ? common.progress : common.quiet ? "none" : "bar";
    for (int i = 0; i < (int)ROWS(names); i++)
        if (strcmp(wanted, names[i]) == 0) {
            talk_begin(command->name, common.quiet, (enum talk_progress)i);
            return 0;
        }
    complain("ebjr %s: --progress is bar, none or json, not '%s'", command->name, wanted);
    return EBJR_EINVAL;
}

static int check_required(const struct option_table *table)
{
    const char *command = table->command->name;
    for (size_t i = 0; i < table->count; i++) {
        const struct option_row *row = &table->rows[i];
        const char *variable = option_variable(row->name);
        if (!row->required || table->seen[i] || row->kind == OPTION_REST)
            continue;
        complain("ebjr %s: --%s %s is missing%s%s%s; ebjr %s --help explains", command, row->name,
                 row->argument, variable ? ", and " : "", variable ? variable : "",
                 variable ? " is not set" : "", command);
        return EBJR_EINVAL;
    }
    return 0;
}

static int take_rest(const struct option_table *table)
{
    const char *command = table->command->name;
    for (size_t i = 0; i < table->count; i++) {
        const struct option_row *row = &table->rows[i];
        if (row->kind != OPTION_REST)
            continue;
        *(struct option_rest *)row->target = table->rest;
        if (table->rest.count > 0 || !row->required)
            return 0;
        complain("ebjr %s: no %s is named; ebjr %s --help explains", command, row->name, command);
        return EBJR_EINVAL;
    }
    if (table->rest.count == 0)
        return 0;
    complain("ebjr %s: '%s' was not expected; every value belongs to an option", command,
             table->rest.items[0]);
    return EBJR_EINVAL;
}

/* Tables are made where the targets are, in the commands themselves; so they come by here only. */
static struct {
    void (*visit)(void *context, const struct option_row *row);
    void *context;
} visitor;

static void visit(const struct option_table *table)
{
    static const struct option_row help = {"help", OPTION_FLAG, NULL, NULL, "this text", false};
    for (size_t i = 0; i < table->count; i++)
        visitor.visit(visitor.context, &table->rows[i]);
    visitor.visit(visitor.context, &help);
}

void option_visit(const struct command *command,
                  void (*visit)(void *context, const struct option_row *row), void *context)
{
    visitor.visit = visit;
    visitor.context = context;
    command->run(command, 0, NULL);
    visitor.visit = NULL;
}

int option_parse(const struct command *command, const struct option_row *rows, size_t count,
                 int argc, char **argv)
{
    struct option_table table = {.command = command, .count = count + ROWS(common_rows)};
    assert(table.count <= MOST_OPTIONS);
    memcpy(table.rows, rows, count * sizeof *rows);
    memcpy(table.rows + count, common_rows, sizeof common_rows);
    if (visitor.visit) {
        visit(&table);
        return 1;
    }
    common = (struct common_options){0};
    int status = take_command_line(&table, argc, argv);
    if (!status)
        status = take_variables(&table);
    if (!status)
        status = take_config(&table);
    if (!status)
        status = settle_talk(command);
    if (!status)
        status = check_required(&table);
    return status ? status : take_rest(&table);
}
