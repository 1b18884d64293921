#include "db/tally.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum { DIGITS = EBJR_HASH_TEXT - 1 };

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* sum ^= seal, both in hexadecimal. False where either is something else. */
static bool add(char sum[EBJR_HASH_TEXT], const char *seal)
{
    for (int i = 0; i < DIGITS; i++) {
        int a = digit(sum[i]), b = digit(seal[i]);
        if (a < 0 || b < 0)
            return false;
        sum[i] = "0123456789abcdef"[a ^ b];
    }
    return seal[DIGITS] == 0;
}

struct tally {
    int64_t records;
    char sum[EBJR_HASH_TEXT];
    bool clean;
};

static struct tally none(void)
{
    struct tally tally = {.records = 0, .clean = true};
    memset(tally.sum, '0', DIGITS);
    return tally;
}

/* What the store says it holds. */
static int read_tally(struct tally *out, ebjr_store *store, const char *table)
{
    sqlite3_stmt *statement = NULL;
    int status =
        ebjr_store_prepare(&statement, store, "SELECT records, sum FROM tally WHERE name = ?");
    if (status)
        return status;
    *out = none();
    sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
    int step = sqlite3_step(statement);
    if (step == SQLITE_ROW) {
        const char *sum = (const char *)sqlite3_column_text(statement, 1);
        out->clean = sqlite3_column_type(statement, 0) == SQLITE_INTEGER && sum &&
                     sqlite3_column_bytes(statement, 1) == DIGITS;
        out->records = sqlite3_column_int64(statement, 0);
        if (out->clean)
            memcpy(out->sum, sum, sizeof out->sum);
    } else if (step != SQLITE_DONE) {
        status = ebjr_store_failure(store, "read it");
    }
    sqlite3_finalize(statement);
    return status;
}

/* What it does hold. */
static int count(struct tally *out, ebjr_store *store, const char *table)
{
    sqlite3_stmt *statement = NULL;
    char sql[64];
    int step = SQLITE_DONE;
    *out = none();
    sqlite3_snprintf(sizeof sql, sql, "SELECT seal FROM %s", table);
    int status = ebjr_store_prepare(&statement, store, sql);
    while (!status && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *seal = (const char *)sqlite3_column_text(statement, 0);
        out->records++;
        out->clean &= seal && sqlite3_column_bytes(statement, 0) == DIGITS && add(out->sum, seal);
    }
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "read it");
    sqlite3_finalize(statement);
    return status;
}

static int write_tally(ebjr_store *store, const char *table, const struct tally *tally)
{
    sqlite3_stmt *statement = NULL;
    int status =
        ebjr_store_prepare(&statement, store, "INSERT OR REPLACE INTO tally VALUES (?, ?, ?)");
    if (status)
        return status;
    sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, tally->records);
    sqlite3_bind_text(statement, 3, tally->sum, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) != SQLITE_DONE)
        status = ebjr_store_failure(store, "write to it");
    sqlite3_finalize(statement);
    return status;
}

int ebjr_tally_change(ebjr_store *store, const char *table, const char *before, const char *after)
{
    struct tally tally;
    int status = read_tally(&tally, store, table);
    if (status)
        return status;
    if (!tally.clean || (before && !add(tally.sum, before)) || (after && !add(tally.sum, after)))
        return ebjr_error_set(EBJR_ESTORE,
                              "%s: the tally of its %ss was changed from outside; ebjr verify says "
                              "what else was",
                              ebjr_store_path(store), table);
    tally.records += (after != NULL) - (before != NULL);
    return write_tally(store, table, &tally);
}

int ebjr_tally_again(ebjr_store *store, const char *table)
{
    struct tally tally;
    int status = count(&tally, store, table);
    return status ? status : write_tally(store, table, &tally);
}

int ebjr_tally_check(struct ebjr_tally_answer *out, ebjr_store *store, const char *table)
{
    struct tally written, held;
    int status = read_tally(&written, store, table);
    if (!status)
        status = count(&held, store, table);
    if (status)
        return status;
    out->written = written.records;
    out->held = held.records;
    out->same = written.clean && held.clean && written.records == held.records &&
                strcmp(written.sum, held.sum) == 0;
    return 0;
}
