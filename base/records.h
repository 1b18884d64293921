/* Records of text in CSV, as RFC 4180 has it: fields that may be quoted, a header of names. */
#ifndef EBJR_BASE_RECORDS_H
#define EBJR_BASE_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_RECORD_SIZE = 1 << 20, EBJR_RECORD_FIELDS = 4096 };

typedef struct ebjr_records ebjr_records;

/* Reads the header. The caller owns *out. Errors: EBJR_ENOTFOUND, EBJR_EIO, EBJR_EFORMAT as
 * ebjr_records_next, and where the file is empty or a name comes twice. */
int ebjr_records_open(ebjr_records **out, const char *path);
void ebjr_records_close(ebjr_records *records);

/* The column with this name, or -1. */
int ebjr_records_find(const ebjr_records *records, const char *name);

/*
 * 1: the fields are those of the next record; 0: there are no more. Blank lines are passed over.
 * Errors, with file and line: EBJR_EFORMAT a NUL, a quote out of place or never closed, a record of
 * more than EBJR_RECORD_SIZE bytes, or of more or fewer fields than the header has; EBJR_EIO.
 */
int ebjr_records_next(ebjr_records *records);

/* Of the record read last: a field, valid until the next, and the line on which it begins. */
const char *ebjr_records_field(const ebjr_records *records, size_t column);
int64_t ebjr_records_line(const ebjr_records *records);

#ifdef __cplusplus
}
#endif
#endif
