#include "cli/option.h"

#include "base/error.h"
#include "base/text.h"
#include "cli/memory.h"
#include "plots/utf8.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MOST_OPTIONS = 48 };

void say(const char *format, ...)
{
    char line[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    print_plain(stderr, line);
    fputc('\n', stderr);
}

/* U+0000-001F, 007F-009F, 2028-202E and 2066-2069 */
static bool is_unseen(const unsigned char *at)
{
    if (at[0] == 0xe2)
        return (at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) ||
               (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);
    return at[0] < ' ' || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0);
}

const char *print_plain_character(FILE *file, const char *text)
{
    int length = ebjr_utf8_length(text);
    if (length == 0) {
        fputs("\xef\xbf\xbd", file);
        return text + 1;
    }
    if (is_unseen((const unsigned char *)text))
        fputc(' ', file);
    else
        fwrite(text, 1, (size_t)length, file);
    return text + length;
}

void print_plain(FILE *file, const char *text)
{
    while (*text)
        text = print_plain_character(file, text);
}

int fail(const struct command *command, int status)
{
    if (status == EBJR_ENOMEM && memory_limited_to() > 0)
        say("ebjr %s: %s; more than the %.3g GB that it may take (--memory)", command->name,
            ebjr_error_last(), 1e-9 * memory_limited_to());
    else
        say("ebjr %s: %s", command->name, ebjr_error_last());
    switch (status) {
    case EBJR_EINVAL: return EXIT_USAGE;
    case EBJR_EINTERRUPTED: return EXIT_INTERRUPTED;
    default: return EXIT_FAILED;
    }
}

static void print_help(const struct command *command, const struct option_row *rows, size_t count)
{
    printf("ebjr %s: %s\n\nUsage: ebjr %s", command->name, command->summary, command->name);
    for (size_t i = 0; i < count; i++)
        if (rows[i].required)
            printf(" --%s %s", rows[i].name, rows[i].argument);
    printf(" [OPTION...]\n\nOptions:\n");
    for (size_t i = 0; i < count; i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
                 rows[i].argument ? rows[i].argument : "");
        printf("  %-26s", left);
        if (strlen(left) > 25)
            printf("\n%28s", "");
        for (const char *at = rows[i].help; *at; at++) {
            putchar(*at);
            if (*at == '\n')
                printf("%28s", "");
        }
        putchar('\n');
    }
    printf("  %-26s%s\n", "--help", "this text");
    if (command->text)
        printf("\n%s", command->text);
}

static int unknown(const struct command *command, const struct option_row *rows, size_t count,
                   const char *given)
{
    const char *names[MOST_OPTIONS];
    char name[64];
    for (size_t i = 0; i < count; i++)
        names[i] = rows[i].name;
    while (*given == '-')
        given++;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(given, "="), given);
    const char *nearest = ebjr_name_nearest(name, names, count);
    if (nearest)
        say("ebjr %s: there is no option --%s; did you mean --%s?", command->name, name, nearest);
    else
        say("ebjr %s: there is no option --%s; ebjr %s --help lists them", command->name, name,
            command->name);
    return EBJR_EINVAL;
}

static int take(const struct option_row *row, const char *argument)
{
    struct option_list *list;
    switch (row->kind) {
    case OPTION_FLAG: *(bool *)row->target = true; return 0;
    case OPTION_TEXT: *(const char **)row->target = argument; return 0;
    case OPTION_NUMBER: return ebjr_number_parse(row->target, argument);
    case OPTION_INTEGER: return ebjr_integer_parse(row->target, argument, 0, INT64_MAX);
    case OPTION_LIST:
        list = row->target;
        if (list->count == OPTION_LIST_SIZE)
            return ebjr_error_set(EBJR_EINVAL, "given more than %d times", OPTION_LIST_SIZE);
        list->items[list->count++] = argument;
        return 0;
    }
    return 0;
}

static int check_required(const struct command *command, const struct option_row *rows,
                          size_t count, const bool *seen)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].required && !seen[i]) {
            say("ebjr %s: --%s %s is missing; ebjr %s --help explains", command->name, rows[i].name,
                rows[i].argument, command->name);
            return EBJR_EINVAL;
        }
    }
    return 0;
}

/* Tables are made where the targets are, in the commands themselves; so they come by here only. */
static struct {
    void (*visit)(void *context, const struct option_row *row);
    void *context;
} visitor;

static void visit(const struct option_row *rows, size_t count)
{
    static const struct option_row help = {"help", OPTION_FLAG, NULL, NULL, "this text", false};
    for (size_t i = 0; i < count; i++)
        visitor.visit(visitor.context, &rows[i]);
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
    if (visitor.visit) {
        visit(rows, count);
        return 1;
    }
    struct option options[MOST_OPTIONS + 2] = {{0}};
    bool seen[MOST_OPTIONS] = {false};
    int index;
    for (size_t i = 0; i < count; i++)
        options[i] = (struct option){rows[i].name, rows[i].argument != NULL, NULL, (int)i};
    options[count] = (struct option){"help", no_argument, NULL, (int)count};

    opterr = 0;
    optind = 0; /* glibc: whatever an earlier call left is forgotten */
    while ((index = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (index == 'h' || index == (int)count) {
            print_help(command, rows, count);
            return 1;
        }
        if (index == ':') {
            say("ebjr %s: %s needs a value", command->name, argv[optind - 1]);
            return EBJR_EINVAL;
        }
        if (index == '?')
            return unknown(command, rows, count, argv[optind - 1]);
        seen[index] = true;
        if (take(&rows[index], optarg) != 0) {
            say("ebjr %s: --%s: %s", command->name, rows[index].name, ebjr_error_last());
            return EBJR_EINVAL;
        }
    }
    if (optind < argc) {
        say("ebjr %s: '%s' was not expected; every value belongs to an option", command->name,
            argv[optind]);
        return EBJR_EINVAL;
    }
    return check_required(command, rows, count, seen);
}
