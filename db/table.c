#include "base/error.h"
#include "base/hash.h"
#include "db/internal.h"
#include "db/stored.h"
#include "db/tally.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_SIZE = 2048 };

/* Appends to a statement that is known to fit: the tables are ours. */
__attribute__((format(printf, 2, 3))) static void append(char sql[SQL_SIZE], const char *format,
                                                         ...)
{
    size_t length = strlen(sql);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sql + length, SQL_SIZE - length, format, arguments);
    va_end(arguments);
}

static const void *member(const struct ebjr_column *column, const void *record)
{
    return (const char *)record + column->offset;
}

static int64_t integer_of(const struct ebjr_column *column, const void *record)
{
    int64_t value;
    memcpy(&value, member(column, record), sizeof value);
    return value;
}

/* SQLite keeps no -0: it comes back as 0, which is what the sum is. */
static double real_of(const struct ebjr_column *column, const void *record)
{
    double value;
    memcpy(&value, member(column, record), sizeof value);
    return value + 0.0;
}

/* The value as a text; `number` holds it where the record does not. */
static const char *text_of(char number[32], const struct ebjr_column *column, const void *record)
{
    switch (column->kind) {
    case EBJR_COLUMN_TEXT: return member(column, record);
    case EBJR_COLUMN_INTEGER:
        snprintf(number, 32, "%lld", (long long)integer_of(column, record));
        break;
    case EBJR_COLUMN_REAL:
        if (isnan(real_of(column, record)))
            return "unknown";
        snprintf(number, 32, "%.17g", real_of(column, record));
        break;
    }
    return number;
}

/* SHA-256 over "name=value\n" for every column; a NULL is written as the word it cannot be. */
int ebjr_table_seal(char seal[EBJR_HASH_TEXT], const struct ebjr_table *table, const void *record)
{
    ebjr_hash *hash;
    int status = ebjr_hash_new(&hash);
    if (status)
        return status;
    for (size_t i = 0; !status && i < table->column_count; i++) {
        const struct ebjr_column *column = &table->columns[i];
        char number[32];
        const char *value = text_of(number, column, record);
        status = ebjr_hash_update(hash, column->name, strlen(column->name));
        if (!status)
            status = ebjr_hash_update(hash, "=", 1);
        if (!status)
            status = ebjr_hash_update(hash, value, strlen(value));
        if (!status)
            status = ebjr_hash_update(hash, "\n", 1);
    }
    if (!status)
        status = ebjr_hash_finish(hash, seal);
    ebjr_hash_free(hash);
    return status;
}

/* Parameter i+1 is column i; the one after the last column is the seal. */
static int write_record(ebjr_store *store, const struct ebjr_table *table, const void *record,
                        const char *seal, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int status = ebjr_store_prepare(&statement, store, sql);
    if (status)
        return status;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct ebjr_column *column = &table->columns[i];
        int parameter = (int)i + 1;
        if (column->kind == EBJR_COLUMN_TEXT)
            sqlite3_bind_text(statement, parameter, member(column, record), -1, SQLITE_STATIC);
        else if (column->kind == EBJR_COLUMN_REAL) /* SQLite makes NaN NULL */
            sqlite3_bind_double(statement, parameter, real_of(column, record));
        else if (integer_of(column, record) != EBJR_UNKNOWN)
            sqlite3_bind_int64(statement, parameter, integer_of(column, record));
    }
    sqlite3_bind_text(statement, (int)table->column_count + 1, seal, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) != SQLITE_DONE)
        status = ebjr_store_failure(store, "write to it");
    sqlite3_finalize(statement);
    return status;
}

static void append_names(char sql[SQL_SIZE], const struct ebjr_table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        append(sql, "%s, ", table->columns[i].name);
    append(sql, "seal");
}

/* The seal of a row as it is stored. */
static int stored_seal(char seal[EBJR_HASH_TEXT], ebjr_store *store, const struct ebjr_table *table,
                       int64_t id)
{
    sqlite3_stmt *statement = NULL;
    char sql[SQL_SIZE] = "";
    append(sql, "SELECT seal FROM %s WHERE id = ?", table->name);
    int status = ebjr_store_prepare(&statement, store, sql);
    if (status)
        return status;
    sqlite3_bind_int64(statement, 1, id);
    int step = sqlite3_step(statement);
    const char *text = step == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (text)
        snprintf(seal, EBJR_HASH_TEXT, "%s", text);
    else if (step == SQLITE_ROW || step == SQLITE_DONE)
        status = ebjr_error_set(EBJR_ESTORE, "%s: %s %lld is gone", store->path, table->name,
                                (long long)id);
    else
        status = ebjr_store_failure(store, "read it");
    sqlite3_finalize(statement);
    return status;
}

int ebjr_table_insert(ebjr_store *store, const struct ebjr_table *table, void *record)
{
    int64_t id;
    char sql[SQL_SIZE] = "";
    append(sql, "SELECT coalesce(max(id), 0) + 1 FROM %s", table->name);
    int status = ebjr_store_query_integer(&id, store, sql);
    if (status)
        return status;
    memcpy((char *)record + table->columns[0].offset, &id, sizeof id);

    sql[0] = 0;
    append(sql, "INSERT INTO %s (", table->name);
    append_names(sql, table);
    append(sql, ") VALUES (?");
    for (size_t i = 0; i < table->column_count; i++)
        append(sql, ", ?");
    append(sql, ")");
    char seal[EBJR_HASH_TEXT];
    status = ebjr_table_seal(seal, table, record);
    if (!status)
        status = write_record(store, table, record, seal, sql);
    return status ? status : ebjr_tally_change(store, table->name, NULL, seal);
}

/* Sets all columns but the id: to set that, too, SQLite would visit every row that refers to it. */
int ebjr_table_update(ebjr_store *store, const struct ebjr_table *table, const void *record)
{
    char sql[SQL_SIZE] = "", before[EBJR_HASH_TEXT], after[EBJR_HASH_TEXT];
    append(sql, "UPDATE %s SET ", table->name);
    for (size_t i = 1; i < table->column_count; i++)
        append(sql, "%s = ?%zu, ", table->columns[i].name, i + 1);
    append(sql, "seal = ?%zu WHERE id = ?1", table->column_count + 1);
    int status = stored_seal(before, store, table, integer_of(&table->columns[0], record));
    if (!status)
        status = ebjr_table_seal(after, table, record);
    if (!status)
        status = write_record(store, table, record, after, sql);
    return status ? status : ebjr_tally_change(store, table->name, before, after);
}

int ebjr_table_delete(ebjr_store *store, const struct ebjr_table *table, int64_t id)
{
    char sql[SQL_SIZE] = "", seal[EBJR_HASH_TEXT];
    int status = stored_seal(seal, store, table, id);
    append(sql, "DELETE FROM %s WHERE id = %lld", table->name, (long long)id);
    if (!status)
        status = ebjr_store_execute(store, sql);
    return status ? status : ebjr_tally_change(store, table->name, seal, NULL);
}

/* False where a column holds what write_record does not write: another type, an integer that stands
 * for NULL, a text that is too long or has a NUL within. What can be read is read all the same. */
static bool read_record(const struct ebjr_table *table, void *record, sqlite3_stmt *statement)
{
    bool clean = true;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct ebjr_column *column = &table->columns[i];
        char *target = (char *)record + column->offset;
        int type = sqlite3_column_type(statement, (int)i);
        if (column->kind == EBJR_COLUMN_INTEGER) {
            int64_t value =
                type == SQLITE_NULL ? EBJR_UNKNOWN : sqlite3_column_int64(statement, (int)i);
            memcpy(target, &value, sizeof value);
            clean &= type == SQLITE_NULL || (type == SQLITE_INTEGER && value != EBJR_UNKNOWN);
        } else if (column->kind == EBJR_COLUMN_REAL) {
            double value = type == SQLITE_NULL ? NAN : sqlite3_column_double(statement, (int)i);
            memcpy(target, &value, sizeof value);
            clean &= type == SQLITE_NULL || type == SQLITE_FLOAT;
        } else {
            const char *text = (const char *)sqlite3_column_text(statement, (int)i);
            size_t length = (size_t)sqlite3_column_bytes(statement, (int)i);
            snprintf(target, column->size, "%s", text ? text : "");
            clean &= type == SQLITE_TEXT && strlen(target) == length;
        }
    }
    return clean;
}

bool ebjr_column_is_text(sqlite3_stmt *statement, int column, const char *expected)
{
    if (sqlite3_column_type(statement, column) != SQLITE_TEXT) /* before a conversion hides it */
        return false;
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text && strcmp(text, expected) == 0 &&
           (size_t)sqlite3_column_bytes(statement, column) == strlen(expected);
}

bool ebjr_column_integer(int64_t *out, sqlite3_stmt *statement, int column)
{
    bool is_integer = sqlite3_column_type(statement, column) == SQLITE_INTEGER;
    *out = sqlite3_column_int64(statement, column);
    return is_integer;
}

bool ebjr_column_real(double *out, sqlite3_stmt *statement, int column)
{
    bool is_real = sqlite3_column_type(statement, column) == SQLITE_FLOAT;
    *out = sqlite3_column_double(statement, column);
    return is_real;
}

static int select_all(sqlite3_stmt **out, ebjr_store *store, const struct ebjr_table *table)
{
    char sql[SQL_SIZE] = "SELECT ";
    append_names(sql, table);
    append(sql, " FROM %s ORDER BY id", table->name);
    return ebjr_store_prepare(out, store, sql);
}

int ebjr_table_list(void **out, size_t *count, ebjr_store *store, const struct ebjr_table *table)
{
    sqlite3_stmt *statement = NULL;
    char *records = NULL;
    size_t used = 0, capacity = 0;
    int step = SQLITE_DONE;
    int status = select_all(&statement, store, table);
    while (!status && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        if (used == capacity) {
            capacity = capacity ? 2 * capacity : 8;
            char *larger = realloc(records, capacity * table->record_size);
            if (!larger) {
                status = ebjr_error_memory();
                break;
            }
            records = larger;
        }
        read_record(table, records + used++ * table->record_size, statement);
    }
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "read it");
    sqlite3_finalize(statement);
    if (status) {
        free(records);
        return status;
    }
    *out = records;
    *count = used;
    return 0;
}

int ebjr_table_verify(ebjr_store *store, const struct ebjr_table *table,
                      void (*broken)(void *context, int64_t id), void *context)
{
    sqlite3_stmt *statement = NULL;
    void *record = malloc(table->record_size);
    int step = SQLITE_DONE;
    int status = record ? select_all(&statement, store, table) : ebjr_error_memory();
    while (!status && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        char seal[EBJR_HASH_TEXT];
        bool clean = read_record(table, record, statement);
        status = ebjr_table_seal(seal, table, record);
        clean &= ebjr_column_is_text(statement, (int)table->column_count, seal);
        if (!status && !clean)
            broken(context, integer_of(&table->columns[0], record));
    }
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "read it");
    sqlite3_finalize(statement);
    free(record);
    return status;
}

static void note_first(void *context, int64_t id)
{
    int64_t *first = context;
    if (*first < 0)
        *first = id;
}

int ebjr_table_first_broken(int64_t *id, ebjr_store *store, const struct ebjr_table *table)
{
    *id = -1;
    return ebjr_table_verify(store, table, note_first, id);
}
