#include "db/migrate.h"

#include "base/error.h"
#include "db/tally.h"
#include "schema_sql.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 32, MOST_TABLES = 32, NAME_SIZE = 64 };

struct names {
    char items[MOST_TABLES][NAME_SIZE];
    size_t count;
};

/* The first column of each row. Names are the schema's, and are quoted all the same. */
static int list_names(struct names *out, ebjr_store *store, sqlite3 *connection, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    out->count = 0;
    if (sqlite3_prepare_v2(connection, sql, -1, &statement, NULL) != SQLITE_OK)
        return ebjr_store_failure(store, "read its schema");
    while (sqlite3_step(statement) == SQLITE_ROW && out->count < MOST_TABLES)
        sqlite3_snprintf(NAME_SIZE, out->items[out->count++], "%s",
                         sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return 0;
}

static int execute(ebjr_store *store, char *sql)
{
    int status = sql ? ebjr_store_execute(store, sql) : ebjr_error_memory();
    sqlite3_free(sql);
    return status;
}

/* The definition of a table as it was written; the caller frees it with sqlite3_free. NULL: none.
 */
static char *definition(sqlite3 *connection, const char *table)
{
    sqlite3_stmt *statement = NULL;
    char *text = NULL;
    sqlite3_prepare_v2(connection,
                       "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", -1,
                       &statement, NULL);
    sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW)
        text = sqlite3_mprintf("%s", sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return text;
}

/* Tables of other people's making are left alone. */
static bool has_changed(ebjr_store *store, sqlite3 *fresh, const char *table)
{
    char *before = definition(store->connection, table), *after = definition(fresh, table);
    bool changed = before && after && strcmp(before, after) != 0;
    sqlite3_free(before);
    sqlite3_free(after);
    return changed;
}

/* A seal that does not fit before must not be mended by a new one. */
static int check_seals(ebjr_store *store, const struct ebjr_table *table)
{
    struct ebjr_column columns[MOST_COLUMNS];
    struct ebjr_table old = *table;
    struct names found;
    int64_t broken = -1;
    char sql[128];
    sqlite3_snprintf(sizeof sql, sql, "SELECT name FROM pragma_table_info(%Q)", table->name);
    int status = list_names(&found, store, store->connection, sql);
    old.columns = columns;
    old.column_count = 0;
    for (size_t i = 0; i < table->column_count; i++)
        for (size_t j = 0; j < found.count; j++)
            if (strcmp(table->columns[i].name, found.items[j]) == 0)
                columns[old.column_count++] = table->columns[i];
    if (!status && old.column_count > 0)
        status = ebjr_table_first_broken(&broken, store, &old);
    if (!status && broken >= 0)
        status =
            ebjr_error_set(EBJR_ESTORE,
                           "%s is of an earlier ebjr and cannot be brought up to date: %s %lld "
                           "was changed from outside; restore it from a copy",
                           store->path, table->name, (long long)broken);
    return status;
}

static int seal_again(ebjr_store *store, const struct ebjr_table *table)
{
    char *records = NULL;
    size_t count = 0;
    int status = ebjr_table_list((void **)&records, &count, store, table);
    for (size_t i = 0; !status && i < count; i++)
        status = ebjr_table_update(store, table, records + i * table->record_size);
    if (!status)
        free(records);
    return status;
}

/* Views stand on tables that are about to move. */
static int drop_views(ebjr_store *store)
{
    struct names views;
    int status = list_names(&views, store, store->connection,
                            "SELECT name FROM sqlite_schema WHERE type = 'view'");
    for (size_t i = 0; !status && i < views.count; i++)
        status = execute(store, sqlite3_mprintf("DROP VIEW \"%w\"", views.items[i]));
    return status;
}

/* From the old table into the new one, what both have. */
static int copy_rows(ebjr_store *store, const char *table)
{
    sqlite3_stmt *statement = NULL;
    char *columns = NULL, *sql = NULL;
    int status = ebjr_store_prepare(
        &statement, store,
        "SELECT group_concat('\"' || name || '\"') FROM (SELECT name FROM pragma_table_info(?1) "
        "WHERE name IN (SELECT name FROM pragma_table_info('old_' || ?1)))");
    if (status)
        return status;
    sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW)
        columns = sqlite3_mprintf("%s", sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    if (columns)
        sql = sqlite3_mprintf("INSERT INTO \"%w\" (%s) SELECT %s FROM \"old_%w\"; "
                              "DROP TABLE \"old_%w\"",
                              table, columns, columns, table, table);
    sqlite3_free(columns);
    return execute(store, sql);
}

/* The statements of the schema that make what is not there. */
static int create_missing(ebjr_store *store, sqlite3 *fresh)
{
    sqlite3_stmt *statement = NULL;
    int status = 0;
    if (sqlite3_prepare_v2(fresh, "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL", -1,
                           &statement, NULL) != SQLITE_OK)
        return ebjr_error_memory();
    while (!status && sqlite3_step(statement) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        char count[160];
        int64_t there;
        sqlite3_snprintf(sizeof count, count, "SELECT count(*) FROM sqlite_schema WHERE name = %Q",
                         name);
        status = ebjr_store_query_integer(&there, store, count);
        if (!status && there == 0)
            status = ebjr_store_execute(store, (const char *)sqlite3_column_text(statement, 1));
    }
    sqlite3_finalize(statement);
    return status;
}

static int rebuild(ebjr_store *store, sqlite3 *fresh, const struct names *changed)
{
    int status = drop_views(store);
    for (size_t i = 0; !status && i < changed->count; i++)
        status = execute(store, sqlite3_mprintf("ALTER TABLE \"%w\" RENAME TO \"old_%w\"",
                                                changed->items[i], changed->items[i]));
    if (!status)
        status = create_missing(store, fresh);
    for (size_t i = 0; !status && i < changed->count; i++)
        status = copy_rows(store, changed->items[i]);
    return status;
}

static bool holds(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

int ebjr_store_migrate(ebjr_store *store)
{
    struct names tables = {.count = 0}, changed = {.count = 0};
    sqlite3 *fresh = NULL;
    int status = list_names(&tables, store, store->connection,
                            "SELECT name FROM sqlite_schema WHERE type = 'table'");
    const bool tallied = holds(&tables, "tally");
    if (!status && (sqlite3_open(":memory:", &fresh) != SQLITE_OK ||
                    sqlite3_exec(fresh, ebjr_schema_sql, NULL, NULL, NULL) != SQLITE_OK))
        status = ebjr_error_memory();
    for (size_t i = 0; !status && i < tables.count; i++)
        if (has_changed(store, fresh, tables.items[i]))
            memcpy(changed.items[changed.count++], tables.items[i], NAME_SIZE);
    for (size_t i = 0; !status && i < EBJR_RECORD_TABLES; i++)
        if (holds(&changed, ebjr_record_tables[i]->name))
            status = check_seals(store, ebjr_record_tables[i]);
    if (!status)
        status = rebuild(store, fresh, &changed);
    for (size_t i = 0; !status && i < EBJR_RECORD_TABLES; i++)
        if (holds(&changed, ebjr_record_tables[i]->name))
            status = seal_again(store, ebjr_record_tables[i]);
    for (size_t i = 0; !status && !tallied && i < EBJR_RECORD_TABLES; i++)
        status = ebjr_tally_again(store, ebjr_record_tables[i]->name);
    sqlite3_close(fresh);
    return status;
}
