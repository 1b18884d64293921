#include "base/records.h"

#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One record: its fields one after another, each ended by NUL. */
struct record {
    char text[EBJR_RECORD_SIZE];
    size_t length;
    size_t field[EBJR_RECORD_FIELDS]; /* where each begins */
    size_t count;
};

struct ebjr_records {
    FILE *file;
    char *path;
    int64_t line, first; /* lines begun; the record's first */
    struct record header, record;
};

static int malformed(const ebjr_records *records, const char *what)
{
    return ebjr_error_set(EBJR_EFORMAT, "%s, line %lld: %s", records->path,
                          (long long)records->first, what);
}

static int append(ebjr_records *records, struct record *record, int c)
{
    if (record->length == sizeof record->text)
        return malformed(records, "the record is too long (1 MiB is the most)");
    record->text[record->length++] = (char)c;
    return 0;
}

static int begin_field(ebjr_records *records, struct record *record)
{
    if (record->count == EBJR_RECORD_FIELDS)
        return malformed(records, "more than 4096 fields");
    record->field[record->count++] = record->length;
    return 0;
}

/* A character of the file; CR LF is one LF. A NUL is no text: -2. */
static int next_character(ebjr_records *records)
{
    int c = getc(records->file);
    if (c == '\r') {
        int after = getc(records->file);
        if (after == '\n')
            return after;
        ungetc(after, records->file);
    }
    return c == 0 ? -2 : c;
}

/* Behind the opening quote, to the closing one; a quote within is written twice. */
static int read_quoted(ebjr_records *records, struct record *record)
{
    int status = 0;
    while (!status) {
        int c = next_character(records);
        if (c == -2)
            return malformed(records, "a NUL byte, which is no text");
        if (c == EOF)
            return malformed(records, "a quoted field is never closed");
        records->line += c == '\n';
        if (c == '"') {
            c = getc(records->file);
            if (c != '"') {
                ungetc(c, records->file);
                return 0;
            }
        }
        status = append(records, record, c);
    }
    return status;
}

/* One field and what ended it: ',', '\n' or EOF. */
static int read_field(int *end, ebjr_records *records, struct record *record)
{
    int status = begin_field(records, record);
    int c = next_character(records);
    bool quoted = c == '"';
    if (!status && quoted) {
        status = read_quoted(records, record);
        c = status ? EOF : next_character(records);
        if (!status && c != ',' && c != '\n' && c != EOF)
            return malformed(records, "text behind a closing quote");
    }
    for (; !status && c != ',' && c != '\n' && c != EOF; c = next_character(records)) {
        if (c == -2)
            return malformed(records, "a NUL byte, which is no text");
        if (c == '"')
            return malformed(records, "a quote within a field that does not begin with one");
        status = append(records, record, c);
    }
    *end = c;
    return status ? status : append(records, record, 0);
}

/* 1, 0 at the end of the file, or an error. */
static int read_record(ebjr_records *records, struct record *record)
{
    int end = '\n', status = 0;
    do {
        records->first = ++records->line;
        record->length = record->count = 0;
        do
            status = read_field(&end, records, record);
        while (!status && end == ',');
    } while (!status && end == '\n' && record->count == 1 && !*record->text);
    if (!status && ferror(records->file))
        return ebjr_error_set(EBJR_EIO, "cannot read %s: %s", records->path, strerror(errno));
    return status ? status : !(end == EOF && record->count == 1 && !*record->text);
}

/* Some programs begin a file with a byte order mark. */
static void skip_mark(FILE *file)
{
    char mark[3];
    if (fread(mark, 1, sizeof mark, file) != sizeof mark || memcmp(mark, "\xef\xbb\xbf", 3) != 0)
        rewind(file);
}

static int read_header(ebjr_records *records)
{
    struct record *header = &records->header;
    skip_mark(records->file);
    int more = read_record(records, header);
    if (more <= 0)
        return more ? more : ebjr_error_set(EBJR_EFORMAT, "%s is empty", records->path);
    for (size_t i = 0; i < header->count; i++) {
        const char *name = header->text + header->field[i];
        if (ebjr_records_find(records, name) != (int)i)
            return ebjr_error_set(EBJR_EFORMAT, "%s: two columns are called '%.64s'", records->path,
                                  name);
    }
    return 0;
}

int ebjr_records_open(ebjr_records **out, const char *path)
{
    ebjr_records *records = calloc(1, sizeof *records);
    if (!records || !(records->path = strdup(path))) {
        ebjr_records_close(records);
        return ebjr_error_memory();
    }
    records->file = fopen(path, "r");
    int status = records->file ? read_header(records)
                               : ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO,
                                                "cannot open %s: %s", path, strerror(errno));
    if (status) {
        ebjr_records_close(records);
        return status;
    }
    *out = records;
    return 0;
}

void ebjr_records_close(ebjr_records *records)
{
    if (!records)
        return;
    if (records->file)
        fclose(records->file);
    free(records->path);
    free(records);
}

int ebjr_records_find(const ebjr_records *records, const char *name)
{
    const struct record *header = &records->header;
    for (size_t i = 0; i < header->count; i++)
        if (strcmp(header->text + header->field[i], name) == 0)
            return (int)i;
    return -1;
}

int ebjr_records_next(ebjr_records *records)
{
    int more = read_record(records, &records->record);
    if (more <= 0 || records->record.count == records->header.count)
        return more;
    return ebjr_error_set(EBJR_EFORMAT, "%s, line %lld: %zu fields where the header has %zu",
                          records->path, (long long)records->first, records->record.count,
                          records->header.count);
}

const char *ebjr_records_field(const ebjr_records *records, size_t column)
{
    return records->record.text + records->record.field[column];
}

int64_t ebjr_records_line(const ebjr_records *records)
{
    return records->first;
}
