#include "db/class_name.h"

#include "base/error.h"
#include "db/internal.h"

#include <stdlib.h>
#include <string.h>

int ebjr_class_names_set(struct ebjr_class_names *names, int64_t label, const char *text)
{
    if (label < 0 || label >= EBJR_CLASS_NAMES)
        return ebjr_error_set(EBJR_EINVAL, "the label %lld cannot have a name; %d is the last",
                              (long long)label, EBJR_CLASS_NAMES - 1);
    if (!*text || strlen(text) > EBJR_CLASS_NAME_BYTES)
        return ebjr_error_set(EBJR_EINVAL, "the name of class %lld is %s", (long long)label,
                              *text ? "longer than 255 bytes" : "empty");
    size_t needed = (size_t)label + 1;
    if (needed > names->count) {
        char **grown = realloc(names->name, needed * sizeof *grown);
        if (!grown)
            return ebjr_error_memory();
        memset(grown + names->count, 0, (needed - names->count) * sizeof *grown);
        names->name = grown;
        names->count = needed;
    }
    char *copy = strdup(text);
    if (!copy)
        return ebjr_error_memory();
    free(names->name[label]);
    names->name[label] = copy;
    return 0;
}

int ebjr_class_names_copy(struct ebjr_class_names *out, const struct ebjr_class_names *names)
{
    int status = 0;
    *out = (struct ebjr_class_names){0};
    for (size_t i = names->count; !status && i-- > 0;)
        if (names->name[i])
            status = ebjr_class_names_set(out, (int64_t)i, names->name[i]);
    if (status)
        ebjr_class_names_free(out);
    return status;
}

void ebjr_class_names_free(struct ebjr_class_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->name[i]);
    free(names->name);
    *names = (struct ebjr_class_names){0};
}

const char *ebjr_class_name(const struct ebjr_class_names *names, int64_t label)
{
    return label >= 0 && label < (int64_t)names->count ? names->name[label] : NULL;
}

static void little_endian(unsigned char out[4], uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(value >> 8 * i);
}

static int hash_name(ebjr_hash *hash, size_t label, const char *name)
{
    unsigned char head[8];
    little_endian(head, (uint32_t)label);
    little_endian(head + 4, (uint32_t)strlen(name));
    int status = ebjr_hash_update(hash, head, sizeof head);
    return status ? status : ebjr_hash_update(hash, name, strlen(name));
}

int ebjr_class_names_hash(char out[EBJR_HASH_TEXT], const struct ebjr_class_names *names)
{
    ebjr_hash *hash;
    size_t named = 0;
    int status = ebjr_hash_new(&hash);
    if (status)
        return status;
    for (size_t i = 0; !status && i < names->count; i++) {
        if (!names->name[i])
            continue;
        named++;
        status = hash_name(hash, i, names->name[i]);
    }
    if (!status)
        status = ebjr_hash_finish(hash, out);
    if (named == 0)
        *out = 0;
    ebjr_hash_free(hash);
    return status;
}

static int delete_all(ebjr_store *store, int64_t dataset)
{
    sqlite3_stmt *statement = NULL;
    int status =
        ebjr_store_prepare(&statement, store, "DELETE FROM class_name WHERE dataset_id = ?");
    if (status)
        return status;
    sqlite3_bind_int64(statement, 1, dataset);
    if (sqlite3_step(statement) != SQLITE_DONE)
        status = ebjr_store_failure(store, "write class names to it");
    sqlite3_finalize(statement);
    return status;
}

static int insert_all(ebjr_store *store, int64_t dataset, const struct ebjr_class_names *names)
{
    sqlite3_stmt *statement = NULL;
    int status = ebjr_store_prepare(&statement, store, "INSERT INTO class_name VALUES (?, ?, ?)");
    for (size_t i = 0; !status && i < names->count; i++) {
        if (!names->name[i])
            continue;
        sqlite3_bind_int64(statement, 1, dataset);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)i);
        sqlite3_bind_text(statement, 3, names->name[i], -1, SQLITE_STATIC);
        if (sqlite3_step(statement) != SQLITE_DONE)
            status = ebjr_store_failure(store, "write class names to it");
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    return status;
}

int ebjr_class_names_put(ebjr_store *store, struct ebjr_stored_dataset *dataset,
                         const struct ebjr_class_names *names)
{
    struct ebjr_stored_dataset named = *dataset;
    int status = ebjr_class_names_hash(named.names, names);
    if (status || strcmp(named.names, dataset->names) == 0)
        return status;
    status = ebjr_store_begin(store);
    if (status)
        return status;
    status = delete_all(store, dataset->id);
    if (!status)
        status = insert_all(store, dataset->id, names);
    if (!status)
        status = ebjr_table_update(store, &ebjr_dataset_table, &named);
    status = ebjr_store_end(store, status);
    if (!status)
        *dataset = named;
    return status;
}

/* One row of the table, which anyone may have changed. */
static int take(struct ebjr_class_names *out, sqlite3_stmt *statement)
{
    const char *name = (const char *)sqlite3_column_text(statement, 1);
    if (sqlite3_column_type(statement, 0) != SQLITE_INTEGER ||
        sqlite3_column_type(statement, 1) != SQLITE_TEXT || !name ||
        strlen(name) != (size_t)sqlite3_column_bytes(statement, 1))
        return ebjr_error_set(EBJR_ESTORE, "a class name is not what ebjr writes");
    return ebjr_class_names_set(out, sqlite3_column_int64(statement, 0), name);
}

int ebjr_class_names_read(struct ebjr_class_names *out, ebjr_store *store,
                          const struct ebjr_stored_dataset *dataset)
{
    sqlite3_stmt *statement = NULL;
    char sha256[EBJR_HASH_TEXT];
    int step = SQLITE_DONE;
    *out = (struct ebjr_class_names){0};
    int status = ebjr_store_prepare(
        &statement, store,
        "SELECT label, name FROM class_name WHERE dataset_id = ? ORDER BY label");
    if (!status)
        sqlite3_bind_int64(statement, 1, dataset->id);
    while (!status && (step = sqlite3_step(statement)) == SQLITE_ROW)
        status = take(out, statement);
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "read class names of it");
    sqlite3_finalize(statement);
    if (!status)
        status = ebjr_class_names_hash(sha256, out);
    if (!status && strcmp(sha256, dataset->names) != 0)
        status = ebjr_error_set(EBJR_ESTORE, "the class names changed since they were written");
    if (status)
        ebjr_class_names_free(out);
    return status;
}
