#include "cli/table.h"

#include "base/error.h"
#include "base/text.h"
#include "cli/option.h"
#include "db/stored.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct value text_value(const char *text)
{
    return (struct value){.text = text, .missing = text == NULL};
}

struct value integer_value(int64_t integer)
{
    return (struct value){.integer = integer, .missing = integer == EBJR_UNKNOWN};
}

struct value real_value(double real)
{
    return (struct value){.real = real, .missing = isnan(real)};
}

int format_parse(enum format *out, const char *name)
{
    static const char *const names[] = {"table", "csv", "json", "md"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!name || strcmp(name, names[i]) == 0) {
            *out = (enum format)i;
            return 0;
        }
    }
    return ebjr_error_set(EBJR_EINVAL, "--format is table, csv, json or md, not '%s'", name);
}

static bool is_shown(const struct table *table, const struct column *column)
{
    return !column->detail || table->format == FORMAT_CSV || table->format == FORMAT_JSON;
}

static bool is_number(const struct column *column)
{
    return column->kind != COLUMN_TEXT;
}

enum { CELL = 64 };

/* What a person reads. */
static const char *readable(char cell[CELL], const struct column *column, const struct value *value)
{
    if (value->missing)
        return "-";
    switch (column->kind) {
    case COLUMN_TEXT: return value->text;
    case COLUMN_INTEGER: snprintf(cell, CELL, "%lld", (long long)value->integer); return cell;
    case COLUMN_FLAG: return value->integer ? "yes" : "no";
    case COLUMN_FRACTION: snprintf(cell, CELL, "%.2f %%", 100 * value->real); return cell;
    case COLUMN_REAL:
        snprintf(cell, CELL, fabs(value->real) >= 1e6 && isfinite(value->real) ? "%.0f" : "%.6g",
                 value->real);
        return cell;
    }
    return "";
}

/* What a program reads: every digit. */
static const char *exact(char cell[CELL], const struct column *column, const struct value *value)
{
    if (column->kind == COLUMN_FLAG)
        return value->integer ? "true" : "false";
    if (column->kind == COLUMN_INTEGER) {
        snprintf(cell, CELL, "%lld", (long long)value->integer);
        return cell;
    }
    return ebjr_number_format(cell, value->real);
}

/* Quoted where RFC 4180 asks for it. A text that a spreadsheet would take for a formula gets an
 * apostrophe before it. */
static void csv_text(const char *text)
{
    bool formula = strchr("=+-@\t\r", *text) != NULL && *text;
    if (!formula && !strpbrk(text, ",\"\r\n")) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    if (formula)
        putchar('\'');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
}

/* A string that is not UTF-8 has its other bytes replaced by '?'. */
static void json_text(const char *text)
{
    json_t *string = json_string(text);
    if (!string) {
        char *copy = strdup(text);
        for (char *at = copy; at && *at; at++)
            if ((unsigned char)*at >= 0x80)
                *at = '?';
        string = copy ? json_string(copy) : NULL;
        free(copy);
    }
    if (!string || json_dumpf(string, stdout, JSON_ENCODE_ANY) != 0)
        fputs("null", stdout);
    json_decref(string);
}

static void md_text(const char *text)
{
    for (; *text; text++) {
        if (strchr("|\\`*_<>[]", *text))
            putchar('\\');
        putchar((unsigned char)*text < ' ' || *text == 127 ? ' ' : *text);
    }
}

static void print_cell(const struct table *table, const struct column *column,
                       const struct value *value)
{
    char cell[CELL];
    switch (table->format) {
    case FORMAT_TABLE: {
        int width = column->width ? column->width : (int)strlen(column->name);
        const char *text = readable(cell, column, value);
        int blanks = width > (int)strlen(text) ? width - (int)strlen(text) : 0;
        printf("%*s", is_number(column) ? blanks : 0, "");
        print_plain(stdout, text);
        printf("%*s  ", is_number(column) ? 0 : blanks, "");
        break;
    }
    case FORMAT_CSV:
        if (!value->missing && is_number(column))
            fputs(exact(cell, column, value), stdout);
        else if (!value->missing)
            csv_text(value->text);
        break;
    case FORMAT_JSON:
        /* JSON has no infinity; as a string it survives */
        if (value->missing)
            fputs("null", stdout);
        else if (!is_number(column))
            json_text(value->text);
        else if ((column->kind == COLUMN_REAL || column->kind == COLUMN_FRACTION) &&
                 !isfinite(value->real))
            printf("\"%s\"", exact(cell, column, value));
        else
            fputs(exact(cell, column, value), stdout);
        break;
    case FORMAT_MD:
        putchar(' ');
        md_text(readable(cell, column, value));
        fputs(" |", stdout);
        break;
    }
}

static void print_header(const struct table *table)
{
    bool first = true;
    for (size_t i = 0; i < table->count; i++) {
        const struct column *column = &table->columns[i];
        if (!is_shown(table, column))
            continue;
        if (table->format == FORMAT_CSV)
            printf("%s%s", first ? "" : ",", column->name);
        else if (table->format == FORMAT_MD)
            printf("%s %s |", first ? "|" : "", column->name);
        else
            printf(is_number(column) ? "%*s  " : "%-*s  ",
                   column->width ? column->width : (int)strlen(column->name), column->name);
        first = false;
    }
    putchar('\n');
    if (table->format != FORMAT_MD)
        return;
    putchar('|');
    for (size_t i = 0; i < table->count; i++)
        if (is_shown(table, &table->columns[i]))
            fputs(is_number(&table->columns[i]) ? "---:|" : "---|", stdout);
    putchar('\n');
}

void table_begin(struct table *table)
{
    table->rows = 0;
    if (table->format == FORMAT_JSON)
        fputs(table->single ? "" : "[", stdout);
    else if (!table->single || table->format != FORMAT_TABLE)
        print_header(table);
}

/* "student share    72.03 %"; what is unknown or empty is left out */
static void print_report(const struct table *table, const struct value *values)
{
    for (size_t i = 0; i < table->count; i++) {
        char name[64], cell[CELL];
        const struct column *column = &table->columns[i];
        bool is_empty = values[i].missing || (column->kind == COLUMN_TEXT && !*values[i].text);
        if (!is_shown(table, column) || is_empty)
            continue;
        snprintf(name, sizeof name, "%s", column->name);
        for (char *at = name; *at; at++)
            if (*at == '_')
                *at = ' ';
        printf("%-22s ", name);
        print_plain(stdout, readable(cell, column, &values[i]));
        printf("%s%s\n", column->unit ? " " : "", column->unit ? column->unit : "");
    }
}

void table_row(struct table *table, const struct value *values)
{
    bool first = true;
    if (table->single && table->format == FORMAT_TABLE) {
        print_report(table, values);
        return;
    }
    if (table->format == FORMAT_JSON)
        fputs(table->single ? "{" : table->rows ? ",\n {" : "\n {", stdout);
    for (size_t i = 0; i < table->count; i++) {
        const struct column *column = &table->columns[i];
        if (!is_shown(table, column))
            continue;
        if (table->format == FORMAT_JSON)
            printf("%s\"%s\": ", first ? "" : ", ", column->name);
        else if (table->format == FORMAT_CSV && !first)
            putchar(',');
        else if (table->format == FORMAT_MD && first)
            putchar('|');
        print_cell(table, column, &values[i]);
        first = false;
    }
    fputs(table->format == FORMAT_JSON ? "}" : "\n", stdout);
    table->rows++;
}

int table_end(struct table *table)
{
    if (table->format == FORMAT_JSON)
        fputs(table->single ? "\n" : "\n]\n", stdout);
    if (fflush(stdout) != 0 || ferror(stdout))
        return ebjr_error_set(EBJR_EIO, "cannot write the result: %s", strerror(errno));
    return 0;
}
