#include "cli/table.h"

#include "base/error.h"
#include "cli/cell.h"
#include "cli/option.h"
#include "db/stored.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
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

int output_parse(struct output *out, const char *name)
{
    static const char *const names[] = {"table", "csv", "json", "md", "latex"};
    *out = (struct output){.file = stdout};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!name || strcmp(name, names[i]) == 0) {
            out->format = (enum format)i;
            return 0;
        }
    }
    return ebjr_error_set(EBJR_EINVAL, "--format is table, csv, json, md or latex, not '%s'", name);
}

static bool is_shown(const struct table *table, const struct column *column)
{
    enum format format = table->output.format;
    bool is_html_with_details = format == FORMAT_HTML && table->output.details;
    return !column->detail || format == FORMAT_CSV || format == FORMAT_JSON || is_html_with_details;
}

static int width_of(const struct column *column)
{
    return column->width ? column->width : (int)strlen(column->name);
}

/* "student share" */
static void readable_name(char out[CELL], const struct column *column)
{
    snprintf(out, CELL, "%s", column->name);
    for (char *at = out; *at; at++)
        if (*at == '_')
            *at = ' ';
}

static void print_aligned(FILE *file, const struct column *column, const struct value *value)
{
    char cell[CELL];
    const char *text = cell_readable(cell, column, value);
    int length = (int)strlen(text), blanks = width_of(column) - length;
    blanks = blanks > 0 ? blanks : 0;
    fprintf(file, "%*s", cell_is_number(column) ? blanks : 0, "");
    print_plain(file, text);
    fprintf(file, "%*s  ", cell_is_number(column) ? 0 : blanks, "");
}

/* Numbers stand right; what a script sorts by has all its digits. */
static void print_html(const struct output *output, const struct column *column,
                       const struct value *value)
{
    if (cell_is_number(column)) {
        fputs("<td class=\"number\" data-value=\"", output->file);
        cell_print(&(struct output){.format = FORMAT_CSV, .file = output->file}, column, value);
        fputs("\">", output->file);
    } else {
        fputs("<td>", output->file);
    }
    cell_print(output, column, value);
    fputs("</td>", output->file);
}

/* What stands before the first cell, between two, and after the last. */
struct fence {
    const char *before, *between, *after;
};

static const struct fence header_fences[] = {
    [FORMAT_TABLE] = {"", "", "\n"},
    [FORMAT_CSV] = {"", ",", "\n"},
    [FORMAT_MD] = {"| ", " | ", " |\n"},
    [FORMAT_LATEX] = {"", " & ", " \\\\\n\\midrule\n"},
    [FORMAT_HTML] = {"<thead><tr>", "", "</tr></thead>\n<tbody>\n"}};
static const struct fence row_fences[] = {
    [FORMAT_TABLE] = {"", "", "\n"},         [FORMAT_CSV] = {"", ",", "\n"},
    [FORMAT_JSON] = {"{", ", ", "}"},        [FORMAT_MD] = {"| ", " | ", " |\n"},
    [FORMAT_LATEX] = {"", " & ", " \\\\\n"}, [FORMAT_HTML] = {"<tr>", "", "</tr>\n"}};

static void print_name(const struct table *table, const struct column *column)
{
    const struct output *output = &table->output;
    char name[CELL];
    switch (output->format) {
    case FORMAT_TABLE:
        fprintf(output->file, cell_is_number(column) ? "%*s  " : "%-*s  ", width_of(column),
                column->name);
        break;
    case FORMAT_HTML:
        readable_name(name, column);
        fputs(cell_is_number(column) ? "<th scope=\"col\" class=\"number\">" : "<th scope=\"col\">",
              output->file);
        cell_print_text(output, name);
        fputs("</th>", output->file);
        break;
    case FORMAT_LATEX:
        readable_name(name, column);
        cell_print_text(output, name);
        break;
    default: fputs(column->name, output->file);
    }
}

static void print_header(const struct table *table)
{
    FILE *file = table->output.file;
    const struct fence *fence = &header_fences[table->output.format];
    const char *before = fence->before;
    for (size_t i = 0; i < table->count; i++) {
        if (!is_shown(table, &table->columns[i]))
            continue;
        fputs(before, file);
        print_name(table, &table->columns[i]);
        before = fence->between;
    }
    fputs(fence->after, file);
}

/* How the columns stand: a rule below the names in Markdown, before them in LaTeX. */
static void print_alignment(const struct table *table, const char *before, const char *text,
                            const char *number, const char *after)
{
    fputs(before, table->output.file);
    for (size_t i = 0; i < table->count; i++)
        if (is_shown(table, &table->columns[i]))
            fputs(cell_is_number(&table->columns[i]) ? number : text, table->output.file);
    fputs(after, table->output.file);
}

static bool is_report(const struct table *table)
{
    return table->single &&
           (table->output.format == FORMAT_TABLE || table->output.format == FORMAT_HTML);
}

/* A wide table scrolls in a box of its own, which a keyboard must be able to reach. */
static void begin_html(const struct table *table)
{
    const struct output *output = &table->output;
    const char *caption = output->caption ? output->caption : "table";
    fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", output->file);
    cell_print_text(output, caption);
    fprintf(output->file, "\">\n<table class=\"%s\">\n", table->single ? "report" : "rows");
    if (output->caption) {
        fputs("<caption>", output->file);
        cell_print_text(output, caption);
        fputs("</caption>\n", output->file);
    }
    if (table->single)
        fputs("<tbody>\n", output->file);
}

void table_begin(struct table *table)
{
    FILE *file = table->output.file;
    table->rows = 0;
    if (table->output.format == FORMAT_JSON) {
        fputs(table->single ? "" : "[", file);
        return;
    }
    if (table->output.format == FORMAT_LATEX)
        print_alignment(table, "\\begin{tabular}{", "l", "r", "}\n\\toprule\n");
    if (table->output.format == FORMAT_HTML)
        begin_html(table);
    if (!is_report(table))
        print_header(table);
    if (table->output.format == FORMAT_MD)
        print_alignment(table, "|", "---|", "---:|", "\n");
}

/* "student share    72.03 %"; what is unknown or empty is left out */
static void print_report(const struct table *table, const struct value *values)
{
    const struct output *output = &table->output;
    for (size_t i = 0; i < table->count; i++) {
        char name[CELL], cell[CELL];
        const struct column *column = &table->columns[i];
        bool is_empty = values[i].missing || (column->kind == COLUMN_TEXT && !*values[i].text);
        if (!is_shown(table, column) || is_empty)
            continue;
        readable_name(name, column);
        const char *text = cell_readable(cell, column, &values[i]);
        const char *gap = column->unit ? " " : "", *unit = column->unit ? column->unit : "";
        if (output->format == FORMAT_TABLE) {
            fprintf(output->file, "%-22s ", name);
            print_plain(output->file, text);
            fprintf(output->file, "%s%s\n", gap, unit);
        } else {
            fprintf(output->file, "<tr><th scope=\"row\">%s</th><td>", name);
            cell_print_text(output, text);
            fprintf(output->file, "%s%s</td></tr>\n", gap, unit);
        }
    }
}

static void print_cell(const struct table *table, const struct column *column,
                       const struct value *value)
{
    const struct output *output = &table->output;
    if (output->format == FORMAT_JSON)
        fprintf(output->file, "\"%s\": ", column->name);
    if (output->format == FORMAT_TABLE)
        print_aligned(output->file, column, value);
    else if (output->format == FORMAT_HTML)
        print_html(output, column, value);
    else
        cell_print(output, column, value);
}

void table_row(struct table *table, const struct value *values)
{
    FILE *file = table->output.file;
    const struct fence *fence = &row_fences[table->output.format];
    const char *before = fence->before;
    if (is_report(table)) {
        print_report(table, values);
        return;
    }
    if (table->output.format == FORMAT_JSON && !table->single)
        fputs(table->rows ? ",\n " : "\n ", file);
    for (size_t i = 0; i < table->count; i++) {
        if (!is_shown(table, &table->columns[i]))
            continue;
        fputs(before, file);
        print_cell(table, &table->columns[i], &values[i]);
        before = fence->between;
    }
    fputs(fence->after, file);
    table->rows++;
}

int table_end(struct table *table)
{
    FILE *file = table->output.file;
    if (table->output.format == FORMAT_JSON)
        fputs(table->single ? "\n" : "\n]\n", file);
    else if (table->output.format == FORMAT_LATEX)
        fputs("\\bottomrule\n\\end{tabular}\n", file);
    else if (table->output.format == FORMAT_HTML)
        fputs("</tbody></table></div>\n", file);
    if (fflush(file) != 0 || ferror(file))
        return ebjr_error_set(EBJR_EIO, "cannot write the result: %s", strerror(errno));
    return 0;
}
