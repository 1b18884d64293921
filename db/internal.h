/* What the files of db share and nobody else sees. */
#ifndef EBJR_DB_INTERNAL_H
#define EBJR_DB_INTERNAL_H

#include "base/hash.h"
#include "db/store.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ebjr_store {
    sqlite3 *connection;
    char *path;
    int64_t streams; /* of latencies, opened so far */
};

/* The EBJR_E* code and message of the last failure of the connection, while doing `what`. */
int ebjr_store_failure(ebjr_store *store, const char *what);

int ebjr_store_execute(ebjr_store *store, const char *sql);
int ebjr_store_query_integer(int64_t *out, ebjr_store *store, const char *sql);
int ebjr_store_prepare(sqlite3_stmt **out, ebjr_store *store, const char *sql);

/* Begin takes the write lock at once. End commits where status is 0, else rolls back and keeps the
 * error; it returns the status of the whole. */
int ebjr_store_begin(ebjr_store *store);
int ebjr_store_end(ebjr_store *store, int status);

/*
 * A table of records: how a C struct lies in columns. The first column is the id; a seal over the
 * others is kept beside them.
 */
enum ebjr_column_kind {
    EBJR_COLUMN_INTEGER, /* int64_t; EBJR_UNKNOWN is NULL */
    EBJR_COLUMN_REAL,    /* double; NaN is NULL */
    EBJR_COLUMN_TEXT     /* char[size] */
};

struct ebjr_column {
    const char *name;
    enum ebjr_column_kind kind;
    size_t offset;
    size_t size;
};

struct ebjr_table {
    const char *name;
    size_t record_size;
    const struct ebjr_column *columns;
    size_t column_count;
};

#define EBJR_INTEGER(record, member) \
    { \
#member, EBJR_COLUMN_INTEGER, offsetof(struct record, member), sizeof(int64_t) \
    }
#define EBJR_REAL(record, member) \
    { \
#member, EBJR_COLUMN_REAL, offsetof(struct record, member), sizeof(double) \
    }
#define EBJR_TEXT(record, member) \
    { \
#member, EBJR_COLUMN_TEXT, offsetof(struct record, member), \
            sizeof(((struct record *)NULL)->member) \
    }

/* SHA-256 over the columns of a record, which are NULL where they are unknown. */
int ebjr_table_seal(char seal[EBJR_HASH_TEXT], const struct ebjr_table *table, const void *record);

/* Insert gives the record its id; update writes every column of the row with the record's id. Each
 * moves the tally (db/tally.h), and stands within a transaction. */
int ebjr_table_insert(ebjr_store *store, const struct ebjr_table *table, void *record);
int ebjr_table_update(ebjr_store *store, const struct ebjr_table *table, const void *record);
int ebjr_table_delete(ebjr_store *store, const struct ebjr_table *table, int64_t id);

/* All records in the order of their ids; the caller frees *out. */
int ebjr_table_list(void **out, size_t *count, ebjr_store *store, const struct ebjr_table *table);

/* Whether a column is of type TEXT and holds this text to its last byte. */
bool ebjr_column_is_text(sqlite3_stmt *statement, int column, const char *expected);

/* Whether a column is of type INTEGER or REAL; *out is what SQLite makes of it. */
bool ebjr_column_integer(int64_t *out, sqlite3_stmt *statement, int column);
bool ebjr_column_real(double *out, sqlite3_stmt *statement, int column);

/* Calls `broken` with the id of every row whose seal does not fit its columns. */
int ebjr_table_verify(ebjr_store *store, const struct ebjr_table *table,
                      void (*broken)(void *context, int64_t id), void *context);

/* The first such row; -1: there is none. */
int ebjr_table_first_broken(int64_t *id, ebjr_store *store, const struct ebjr_table *table);

/* How latencies enter the hash of their measurement. */
int ebjr_latency_hash_update(ebjr_hash *hash, const int64_t *sample, const int64_t *ns,
                             size_t count);

/* UTC now, ISO 8601. */
void ebjr_store_time(char out[32]);

/* Whether two runs are of one model, data set, preprocessing, dtype and map. */
struct ebjr_stored_run;
bool ebjr_stored_run_is_same(const struct ebjr_stored_run *a, const struct ebjr_stored_run *b);

/* ebjr_stored_dataset_put within a transaction of the caller's. *fresh: the store did not have it.
 */
struct ebjr_stored_dataset;
int ebjr_stored_dataset_add(bool *fresh, ebjr_store *store, struct ebjr_stored_dataset *record);

/* Whether the rows of a run are detections: those over a data set of kind "coco" are. */
int ebjr_stored_run_detects(bool *out, ebjr_store *store, const struct ebjr_stored_run *run);

extern const struct ebjr_table ebjr_model_table, ebjr_dataset_table, ebjr_run_table,
    ebjr_measurement_table, ebjr_trial_table;

/* All of them. */
enum { EBJR_RECORD_TABLES = 5 };
extern const struct ebjr_table *const ebjr_record_tables[EBJR_RECORD_TABLES];

#endif
