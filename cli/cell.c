#include "cli/cell.h"

#include "base/text.h"
#include "cli/option.h"
#include "plots/html.h"
#include "plots/utf8.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool cell_is_number(const struct column *column)
{
    return column->kind != COLUMN_TEXT;
}

const char *cell_readable(char cell[CELL], const struct column *column, const struct value *value)
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

/* Quoted where RFC 4180 asks for it, what is no UTF-8 replaced by '?'. A text that a spreadsheet
 * would take for a formula gets an apostrophe before it. */
static void csv_text(FILE *file, const char *text)
{
    bool formula = strchr("=+-@\t\r", *text) != NULL && *text;
    bool quoted = formula || strpbrk(text, ",\"\r\n");
    fputs(formula ? "\"'" : quoted ? "\"" : "", file);
    while (*text) {
        int length = ebjr_utf8_length(text);
        if (*text == '"')
            fputc('"', file);
        if (length > 0)
            fwrite(text, 1, (size_t)length, file);
        else
            fputc('?', file);
        text += length ? length : 1;
    }
    if (quoted)
        fputc('"', file);
}

/* A string that is not UTF-8 has its other bytes replaced by '?'. */
static void json_text(FILE *file, const char *text)
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
    if (!string || json_dumpf(string, file, JSON_ENCODE_ANY) != 0)
        fputs("null", file);
    json_decref(string);
}

static void md_text(FILE *file, const char *text)
{
    while (*text) {
        if (strchr("|\\`*_<>[]", *text))
            fputc('\\', file);
        text = print_plain_character(file, text);
    }
}

static void latex_text(FILE *file, const char *text)
{
    static const struct {
        char c;
        const char *latex;
    } marks[] = {{'\\', "\\textbackslash{}"},  {'~', "\\textasciitilde{}"},
                 {'^', "\\textasciicircum{}"}, {'<', "\\textless{}"},
                 {'>', "\\textgreater{}"},     {'|', "\\textbar{}"},
                 {'"', "\\textquotedbl{}"},    {'`', "\\textasciigrave{}"}};
    while (*text) {
        size_t i = 0;
        while (i < sizeof marks / sizeof *marks && marks[i].c != *text)
            i++;
        if (i < sizeof marks / sizeof *marks) {
            fputs(marks[i].latex, file);
            text++;
            continue;
        }
        if (strchr("#$%&_{}", *text))
            fputc('\\', file);
        text = print_plain_character(file, text);
    }
}

void cell_print_text(const struct output *output, const char *text)
{
    switch (output->format) {
    case FORMAT_TABLE: fputs(text, output->file); break;
    case FORMAT_CSV: csv_text(output->file, text); break;
    case FORMAT_JSON: json_text(output->file, text); break;
    case FORMAT_MD: md_text(output->file, text); break;
    case FORMAT_LATEX: latex_text(output->file, text); break;
    case FORMAT_HTML: ebjr_html_text(output->file, text); break;
    }
}

/* JSON has no infinity; as a string it survives. */
static void json_cell(FILE *file, const struct column *column, const struct value *value)
{
    char cell[CELL];
    bool is_real = column->kind == COLUMN_REAL || column->kind == COLUMN_FRACTION;
    if (value->missing)
        fputs("null", file);
    else if (!cell_is_number(column))
        json_text(file, value->text);
    else
        fprintf(file, is_real && !isfinite(value->real) ? "\"%s\"" : "%s",
                exact(cell, column, value));
}

void cell_print(const struct output *output, const struct column *column, const struct value *value)
{
    char cell[CELL];
    if (output->format == FORMAT_JSON)
        json_cell(output->file, column, value);
    else if (output->format != FORMAT_CSV)
        cell_print_text(output, cell_readable(cell, column, value));
    else if (!value->missing && cell_is_number(column))
        fputs(exact(cell, column, value), output->file);
    else if (!value->missing)
        csv_text(output->file, value->text);
}
