/* Results: one schema of columns, printed as an aligned table, CSV, JSON, Markdown, LaTeX or HTML.
 */
#ifndef EBJR_CLI_TABLE_H
#define EBJR_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* LaTeX needs the package booktabs. HTML is a <table> of the report's, and no one's to ask for. */
enum format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON, FORMAT_MD, FORMAT_LATEX, FORMAT_HTML };

/* Where a table goes, and as what. */
struct output {
    enum format format;
    FILE *file;
    const char *caption; /* in HTML; NULL: none */
    bool details;        /* in HTML: the columns of detail, too */
};

enum column_kind {
    COLUMN_TEXT,
    COLUMN_INTEGER,
    COLUMN_REAL,     /* all its digits for machines, six for people */
    COLUMN_FRACTION, /* 0..1 for machines, per cent for people */
    COLUMN_FLAG      /* an integer, 0 or 1: true or false, yes or no */
};

struct column {
    const char *name;
    enum column_kind kind;
    int width;        /* in the aligned table; 0: of the name */
    bool detail;      /* CSV and JSON only */
    const char *unit; /* said in a single row's report, may be NULL */
};

struct value {
    const char *text;
    int64_t integer;
    double real;
    bool missing; /* null, or an empty field; a NaN is missing too */
};

struct value text_value(const char *text);
struct value integer_value(int64_t integer); /* EBJR_UNKNOWN is missing */
struct value real_value(double real);

struct table {
    struct output output;
    const struct column *columns;
    size_t count, rows;
    bool single; /* one row: a JSON object; a line a column for people and in HTML */
};

/* To stdout; `name` NULL means the aligned table. Errors: EBJR_EINVAL. */
int output_parse(struct output *out, const char *name);

#define FORMAT_ROW(target) \
    { \
        "format", OPTION_TEXT, target, "NAME", \
            "of the result: table (default), csv, json, md, latex", false \
    }

void table_begin(struct table *table);
void table_row(struct table *table, const struct value *values);

/* Errors: EBJR_EIO the file could not be written. */
int table_end(struct table *table);

#endif
