/* A store under test: SQLite itself as the witness of what it holds, and values that are changed
 * for verify to find. */
#ifndef EBJR_TESTS_STORE_SUPPORT_H
#define EBJR_TESTS_STORE_SUPPORT_H

#include "db/internal.h"
#include "db/verify.h"
#include "runtime/derive.h"
#include "support.h"

/* SQLite itself, as the witness of what the store holds */

static inline sqlite3 *connect_to(const char *path)
{
    sqlite3 *connection;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    assert_int_equal(sqlite3_open_v2(path, &connection, flags, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(connection, "PRAGMA synchronous = OFF", NULL, NULL, NULL), 0);
    return connection;
}

static inline void execute(const char *path, const char *sql)
{
    sqlite3 *connection = connect_to(path);
    if (sqlite3_exec(connection, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(connection));
    sqlite3_close(connection);
}

static inline sqlite3_stmt *first_row(sqlite3 *connection, const char *sql)
{
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    return statement;
}

static inline void assert_answer(const char *path, const char *sql, const char *expected)
{
    sqlite3 *connection = connect_to(path);
    sqlite3_stmt *statement = first_row(connection, sql);
    const char *answer = (const char *)sqlite3_column_text(statement, 0);
    if (!answer || strcmp(answer, expected) != 0)
        fail_msg("%s: %s, expected %s", sql, answer ? answer : "NULL", expected);
    sqlite3_finalize(statement);
    sqlite3_close(connection);
}

struct table {
    const char *name, *key;
    const char *extra; /* what makes a further row of a copied one */
};

static inline const char *copy_of(const char *original, const char *name)
{
    copy_file(scratch_path(name), scratch_path(original));
    return scratch_path(name);
}

/* verify.h */

static inline void count_finding(void *count, const char *what)
{
    assert_true(strlen(what) > 0);
    ++*(int64_t *)count;
}

static inline int verify(struct ebjr_verify_totals *totals, const char *path)
{
    int64_t findings = 0;
    const struct ebjr_verify check = {&findings, count_finding, ebjr_output_derive};
    ebjr_store *store = NULL;
    *totals = (struct ebjr_verify_totals){0};
    int status = ebjr_store_open(&store, path, EBJR_STORE_READ);
    if (!status) {
        status = ebjr_verify_store(totals, store, &check);
        assert_int_equal(totals->faults, findings);
    }
    ebjr_store_close(store);
    return status;
}

static inline bool is_found_damaged(const char *path)
{
    struct ebjr_verify_totals totals;
    int status = verify(&totals, path);
    return status == EBJR_ESTORE || (status == 0 && totals.faults > 0);
}

/* Whether verify finds what the statement does to a whole store. */
static inline bool is_found(const char *sql)
{
    execute(copy_of("whole", "changed"), sql);
    bool found = is_found_damaged(scratch_path("changed"));
    if (!found)
        print_error("not found: %s\n", sql);
    return found;
}

/* Binds the value of a column with one bit flipped; where there is no bit, something. */
static inline void bind_flipped(sqlite3_stmt *update, sqlite3_stmt *row, int column, uint64_t *seed)
{
    uint64_t bit = UINT64_C(1) << random_below(seed, 64);
    char bytes[1024] = "x";
    int type = sqlite3_column_type(row, column), size = sqlite3_column_bytes(row, column);
    if (type == SQLITE_INTEGER) {
        uint64_t value = (uint64_t)sqlite3_column_int64(row, column);
        sqlite3_bind_int64(update, 1, (sqlite3_int64)(value ^ bit));
        return;
    }
    if (type == SQLITE_FLOAT) {
        sqlite3_bind_double(update, 1,
                            double_of(bits_of(sqlite3_column_double(row, column)) ^ bit));
        return;
    }
    assert_true((size_t)size < sizeof bytes);
    if (size > 0) {
        memcpy(bytes, sqlite3_column_blob(row, column), (size_t)size);
        bytes[random_below(seed, (size_t)size)] ^= (char)(1 << random_below(seed, 8));
    }
    if (type == SQLITE_BLOB)
        sqlite3_bind_blob(update, 1, bytes, size, SQLITE_TRANSIENT);
    else
        sqlite3_bind_text(update, 1, bytes, size > 0 ? size : 1, SQLITE_TRANSIENT);
}

static inline int64_t integer_of(sqlite3 *connection, const char *sql)
{
    sqlite3_stmt *statement = first_row(connection, sql);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static inline int columns_of(sqlite3 *connection, const struct table *table)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pragma_table_info('%s')", table->name);
    return (int)integer_of(connection, sql);
}

/* Flips a bit of a column in a random row; false where a constraint of the schema forbids it, or
 * the value is equal (-0 is 0). */
static inline bool flip_bit(char what[128], sqlite3 *connection, const struct table *table,
                            int column, uint64_t *seed)
{
    char sql[512];
    sqlite3_stmt *update;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table->name);
    size_t at = random_below(seed, (size_t)integer_of(connection, sql));
    snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY %s LIMIT 1 OFFSET %zu", table->name,
             table->key, at);
    sqlite3_stmt *row = first_row(connection, sql);
    const char *name = sqlite3_column_name(row, column);
    snprintf(what, 128, "a bit of %s.%s, row %zu", table->name, name, at);
    snprintf(
        sql, sizeof sql,
        "UPDATE %s SET %s = ?1 WHERE (%s) = (SELECT %s FROM %s ORDER BY %s LIMIT 1 OFFSET %zu) "
        "AND %s IS NOT ?1",
        table->name, name, table->key, table->key, table->name, table->key, at, name);
    assert_int_equal(sqlite3_prepare_v2(connection, sql, -1, &update, NULL), SQLITE_OK);
    bind_flipped(update, row, column, seed);
    sqlite3_finalize(row);
    int step = sqlite3_step(update);
    sqlite3_finalize(update);
    assert_true(step == SQLITE_DONE || step == SQLITE_CONSTRAINT);
    return step == SQLITE_DONE && sqlite3_changes(connection) == 1;
}

#endif
