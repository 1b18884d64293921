/* Tables of numbers in CSV: commas, an optional header line, one row a line, read as a stream. */
#ifndef EBJR_RUNTIME_CSV_H
#define EBJR_RUNTIME_CSV_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ebjr_csv ebjr_csv;

/* Reads the first line, a header where one of its fields is no number, and counts the rows. The
 * caller owns *out. Errors: EBJR_ENOTFOUND, EBJR_EIO, EBJR_EFORMAT the file is empty. */
int ebjr_csv_open(ebjr_csv **out, const char *path);
void ebjr_csv_close(ebjr_csv *csv);

size_t ebjr_csv_columns(const ebjr_csv *csv);
int64_t ebjr_csv_rows(const ebjr_csv *csv);

/* The place of a column by its name in the header; -1 where there is none. */
int ebjr_csv_find(const ebjr_csv *csv, const char *name);

/* 1: values[columns] is the next row; 0: there are no more. Errors: EBJR_EFORMAT with the line. */
int ebjr_csv_next(ebjr_csv *csv, double *values);

#ifdef __cplusplus
}
#endif
#endif
