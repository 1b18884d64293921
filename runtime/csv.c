#include "runtime/csv.h"

#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ebjr_csv {
    FILE *file;
    char *path;
    char *line; /* getline's */
    size_t line_size;
    int64_t line_number, rows;
    size_t columns;
    char *header; /* fields ended by NUL; NULL: the file has none */
};

/* The end of a line is none of its text, nor is the byte order mark with which some programs begin
 * a file. */
static void trim(ebjr_csv *csv, size_t length)
{
    static const char mark[] = "\xef\xbb\xbf";
    while (length > 0 && strchr("\r\n", csv->line[length - 1]))
        csv->line[--length] = 0;
    if (csv->line_number == 1 && strncmp(csv->line, mark, sizeof mark - 1) == 0)
        memmove(csv->line, csv->line + sizeof mark - 1, length - (sizeof mark - 1) + 1);
}

/* The next line that is not blank, without its end: 1, 0 at the end, or an error. */
static int next_line(ebjr_csv *csv)
{
    while (true) {
        errno = 0;
        ssize_t length = getline(&csv->line, &csv->line_size, csv->file);
        if (length < 0)
            return ferror(csv->file) || errno == ENOMEM
                       ? ebjr_error_set(EBJR_EIO, "cannot read %s: %s", csv->path, strerror(errno))
                       : 0;
        csv->line_number++;
        if (strlen(csv->line) != (size_t)length)
            return ebjr_error_set(EBJR_EFORMAT, "%s, line %lld: a NUL byte, which is no text",
                                  csv->path, (long long)csv->line_number);
        trim(csv, (size_t)length);
        if (csv->line[strspn(csv->line, " \t")])
            return 1;
    }
}

/* One number, which must fill its field; the rest of the line, or NULL. */
static char *parse_field(double *value, char *text)
{
    char *end;
    *value = strtod(text, &end);
    if (end == text)
        return NULL;
    end += strspn(end, " \t");
    return *end == ',' || !*end ? end : NULL;
}

static bool is_header(const ebjr_csv *csv)
{
    double value;
    for (char *at = csv->line; (at = parse_field(&value, at)) != NULL; at++)
        if (!*at)
            return false;
    return true;
}

static size_t count_fields(const char *line)
{
    size_t count = 1;
    for (; *line; line++)
        count += *line == ',';
    return count;
}

static int count_rows(ebjr_csv *csv)
{
    int more;
    while ((more = next_line(csv)) > 0)
        csv->rows++;
    if (more == 0) {
        rewind(csv->file);
        csv->line_number = 0;
        if (csv->header)
            next_line(csv);
    }
    return more;
}

static int read_header(ebjr_csv *csv)
{
    int more = next_line(csv);
    if (more < 0)
        return more;
    if (more == 0)
        return ebjr_error_set(EBJR_EFORMAT, "%s is empty", csv->path);
    csv->columns = count_fields(csv->line);
    if (!is_header(csv)) {
        csv->rows = 1;
        return count_rows(csv);
    }
    csv->header = strdup(csv->line);
    if (!csv->header)
        return ebjr_error_memory();
    for (char *at = csv->header; *at; at++)
        if (*at == ',')
            *at = 0;
    return count_rows(csv);
}

int ebjr_csv_open(ebjr_csv **out, const char *path)
{
    ebjr_csv *csv = calloc(1, sizeof *csv);
    if (!csv || !(csv->path = strdup(path))) {
        ebjr_csv_close(csv);
        return ebjr_error_memory();
    }
    csv->file = fopen(path, "r");
    int status = csv->file ? read_header(csv)
                           : ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO,
                                            "cannot open %s: %s", path, strerror(errno));
    if (status) {
        ebjr_csv_close(csv);
        return status;
    }
    *out = csv;
    return 0;
}

void ebjr_csv_close(ebjr_csv *csv)
{
    if (!csv)
        return;
    if (csv->file)
        fclose(csv->file);
    free(csv->path);
    free(csv->line);
    free(csv->header);
    free(csv);
}

size_t ebjr_csv_columns(const ebjr_csv *csv)
{
    return csv->columns;
}

int64_t ebjr_csv_rows(const ebjr_csv *csv)
{
    return csv->rows;
}

int ebjr_csv_find(const ebjr_csv *csv, const char *name)
{
    const char *at = csv->header;
    for (size_t i = 0; at && i < csv->columns; i++, at += strlen(at) + 1)
        if (strcmp(at, name) == 0)
            return (int)i;
    return -1;
}

int ebjr_csv_next(ebjr_csv *csv, double *values)
{
    int more = next_line(csv);
    if (more <= 0)
        return more;
    char *at = csv->line;
    for (size_t i = 0; i < csv->columns; i++) {
        char *end = parse_field(&values[i], at);
        if (!end)
            return ebjr_error_set(EBJR_EFORMAT,
                                  "%s, line %lld, column %zu: '%.32s' is not a number", csv->path,
                                  (long long)csv->line_number, i + 1, at);
        bool last = i + 1 == csv->columns;
        if (last != !*end)
            return ebjr_error_set(EBJR_EFORMAT, "%s, line %lld: %zu fields where %zu are expected",
                                  csv->path, (long long)csv->line_number, count_fields(csv->line),
                                  csv->columns);
        at = end + 1;
    }
    return 1;
}
