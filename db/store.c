#include "base/error.h"
#include "db/internal.h"
#include "db/migrate.h"
#include "schema_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    APPLICATION_ID = 0x65626a72, /* "ebjr" */
    SCHEMA_VERSION = 4,
    BUSY_MILLISECONDS = 10000
};

int ebjr_store_failure(ebjr_store *store, const char *what)
{
    const char *detail = sqlite3_errmsg(store->connection);
    switch (sqlite3_errcode(store->connection)) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ebjr_error_set(EBJR_EBUSY,
                              "%s: another process holds the store (waited %d s); nothing was "
                              "changed, try again when it has finished",
                              store->path, BUSY_MILLISECONDS / 1000);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return ebjr_error_set(EBJR_EIO, "%s: cannot %s: the store is read-only", store->path, what);
    case SQLITE_FULL:
        return ebjr_error_set(EBJR_EIO,
                              "%s: cannot %s: the disk is full; what was stored is kept, free some "
                              "space and run again",
                              store->path, what);
    case SQLITE_NOTADB: return ebjr_error_set(EBJR_ESTORE, "%s is not an ebjr store", store->path);
    case SQLITE_CORRUPT:
        return ebjr_error_set(EBJR_ESTORE, "%s: the store is damaged (%s); restore it from a copy",
                              store->path, detail);
    case SQLITE_NOMEM: return ebjr_error_memory();
    default: return ebjr_error_set(EBJR_EIO, "%s: cannot %s: %s", store->path, what, detail);
    }
}

int ebjr_store_execute(ebjr_store *store, const char *sql)
{
    if (sqlite3_exec(store->connection, sql, NULL, NULL, NULL) != SQLITE_OK)
        return ebjr_store_failure(store, "change it");
    return 0;
}

int ebjr_store_prepare(sqlite3_stmt **out, ebjr_store *store, const char *sql)
{
    if (sqlite3_prepare_v2(store->connection, sql, -1, out, NULL) != SQLITE_OK)
        return ebjr_store_failure(store, "read it");
    return 0;
}

int ebjr_store_begin(ebjr_store *store)
{
    return ebjr_store_execute(store, "BEGIN IMMEDIATE");
}

int ebjr_store_end(ebjr_store *store, int status)
{
    if (!status)
        status = ebjr_store_execute(store, "COMMIT");
    if (status && !sqlite3_get_autocommit(store->connection))
        sqlite3_exec(store->connection, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

int ebjr_store_query_integer(int64_t *out, ebjr_store *store, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int status = ebjr_store_prepare(&statement, store, sql);
    if (!status && sqlite3_step(statement) != SQLITE_ROW)
        status = ebjr_store_failure(store, "read it");
    if (!status)
        *out = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return status;
}

/* What a file holds. */
enum identity { FRESH, EARLIER, CURRENT };

static int check_identity(enum identity *out, ebjr_store *store)
{
    int64_t application, version, objects;
    int status = ebjr_store_query_integer(&application, store, "PRAGMA application_id");
    if (!status)
        status = ebjr_store_query_integer(&version, store, "PRAGMA user_version");
    if (!status)
        status = ebjr_store_query_integer(&objects, store, "SELECT count(*) FROM sqlite_schema");
    if (status)
        return status;
    *out = application == 0 && version == 0 && objects == 0 ? FRESH
           : version < SCHEMA_VERSION                       ? EARLIER
                                                            : CURRENT;
    if (*out == FRESH)
        return 0;
    if (application != APPLICATION_ID || version < 1)
        return ebjr_error_set(EBJR_ESTORE,
                              "%s is an SQLite database, but not an ebjr store; name another file",
                              store->path);
    if (version > SCHEMA_VERSION)
        return ebjr_error_set(EBJR_ESTORE,
                              "%s was written by a newer ebjr (schema %lld; this one knows %d); "
                              "update ebjr",
                              store->path, (long long)version, SCHEMA_VERSION);
    return 0;
}

/* The schema and the mark that names it land in one transaction: a kill leaves what was there
 * before, or all. */
static int bring_up_to_date(ebjr_store *store)
{
    char marks[96];
    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, SCHEMA_VERSION);
    enum identity identity = CURRENT;
    int status = ebjr_store_execute(store, "PRAGMA foreign_keys = OFF;"
                                           "PRAGMA legacy_alter_table = ON");
    if (!status)
        status = ebjr_store_begin(store);
    if (status)
        return status;
    status = check_identity(&identity, store); /* another process may have come first */
    if (!status && identity == FRESH)
        status = ebjr_store_execute(store, ebjr_schema_sql);
    if (!status && identity == EARLIER)
        status = ebjr_store_migrate(store);
    if (!status && identity != CURRENT)
        status = ebjr_store_execute(store, marks);
    status = ebjr_store_end(store, status);
    return status ? status
                  : ebjr_store_execute(store, "PRAGMA legacy_alter_table = OFF;"
                                              "PRAGMA foreign_keys = ON");
}

/* A reader in WAL mode writes beside the file. Where it cannot, a store that nobody has open (there
 * is no -wal file) is read as immutable, which needs no more than the file. */
static bool is_immutable(const char *path)
{
    char beside[PATH_MAX + 8];
    snprintf(beside, sizeof beside, "%s-wal", path);
    return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0 && access(beside, F_OK) != 0;
}

/* "file:PATH?immutable=1" with what URIs reserve written as %XX. */
static void immutable_uri(char *out, size_t size, const char *path)
{
    size_t used = (size_t)snprintf(out, size, "file:");
    for (; *path && used + 20 < size; path++)
        used += (size_t)snprintf(out + used, size - used, strchr("%?#", *path) ? "%%%02x" : "%c",
                                 (unsigned char)*path);
    snprintf(out + used, size - used, "?immutable=1");
}

static int connect(ebjr_store *store, enum ebjr_store_mode mode)
{
    int flags = SQLITE_OPEN_READWRITE | (mode == EBJR_STORE_CREATE ? SQLITE_OPEN_CREATE : 0);
    char uri[3 * PATH_MAX];
    const char *name = store->path;
    struct stat file;
    if (stat(store->path, &file) != 0) {
        if (errno != ENOENT || mode == EBJR_STORE_READ)
            return ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO,
                                  "cannot open the store %s: %s", store->path, strerror(errno));
    } else if (S_ISDIR(file.st_mode)) {
        return ebjr_error_set(EBJR_EINVAL, "cannot open the store %s: it is a directory",
                              store->path);
    } else if (mode == EBJR_STORE_READ && is_immutable(store->path)) {
        immutable_uri(uri, sizeof uri, store->path);
        name = uri;
        flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
    }
    if (sqlite3_open_v2(name, &store->connection, flags, NULL) != SQLITE_OK)
        return store->connection ? ebjr_store_failure(store, "open it") : ebjr_error_memory();
    sqlite3_extended_result_codes(store->connection, 0);
    sqlite3_busy_timeout(store->connection, BUSY_MILLISECONDS);
    return 0;
}

static int prepare_to_write(ebjr_store *store)
{
    if (sqlite3_db_readonly(store->connection, "main") == 1)
        return ebjr_error_set(EBJR_EIO, "the store %s is read-only", store->path);
    /* 16 KiB pages hold a row of 1,000 logits whole */
    return ebjr_store_execute(store, "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL;"
                                     "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
}

static int open_to_read(ebjr_store *store)
{
    enum identity identity = CURRENT;
    int status = check_identity(&identity, store);
    if (!status && identity == FRESH)
        status =
            ebjr_error_set(EBJR_ESTORE, "%s is empty: it holds no ebjr store yet", store->path);
    if (!status && identity == EARLIER && sqlite3_db_readonly(store->connection, "main") == 1)
        status = ebjr_error_set(EBJR_ESTORE,
                                "%s is of an earlier ebjr, and cannot be brought up to date where "
                                "it cannot be written; read a copy of it",
                                store->path);
    if (!status && identity == EARLIER)
        status = prepare_to_write(store);
    if (!status && identity == EARLIER)
        status = bring_up_to_date(store);
    return status ? status : ebjr_store_execute(store, "PRAGMA query_only = ON");
}

static int open_to_write(ebjr_store *store)
{
    enum identity identity = CURRENT;
    int status = check_identity(&identity, store);
    if (!status)
        status = prepare_to_write(store);
    return status || identity == CURRENT ? status : bring_up_to_date(store);
}

int ebjr_store_open(ebjr_store **out, const char *path, enum ebjr_store_mode mode)
{
    ebjr_store *store = calloc(1, sizeof *store);
    if (!store || !(store->path = strdup(path))) {
        ebjr_store_close(store);
        return ebjr_error_memory();
    }
    int status = connect(store, mode);
    if (!status)
        status = mode == EBJR_STORE_READ ? open_to_read(store) : open_to_write(store);
    if (status) {
        ebjr_store_close(store);
        return status;
    }
    *out = store;
    return 0;
}

void ebjr_store_close(ebjr_store *store)
{
    if (!store)
        return;
    sqlite3_close_v2(store->connection);
    free(store->path);
    free(store);
}

const char *ebjr_store_path(const ebjr_store *store)
{
    return store->path;
}
