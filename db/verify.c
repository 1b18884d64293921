#include "db/verify.h"

#include "base/error.h"
#include "db/class_name.h"
#include "db/internal.h"
#include "db/latency.h"
#include "db/row_hash.h"
#include "db/tally.h"
#include "schema_sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct report {
    const struct ebjr_verify *verify;
    struct ebjr_verify_totals *totals;
    const char *noun;
};

__attribute__((format(printf, 2, 3))) static void fault(struct report *report, const char *format,
                                                        ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    report->totals->faults++;
    report->verify->found(report->verify->context, text);
}

static int check_pages(ebjr_store *store, struct report *report)
{
    sqlite3_stmt *statement = NULL;
    int step = SQLITE_DONE;
    int status = ebjr_store_prepare(&statement, store, "PRAGMA integrity_check(20)");
    while (!status && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *line = (const char *)sqlite3_column_text(statement, 0);
        if (line && strcmp(line, "ok") != 0)
            fault(report, "SQLite: %s", line);
    }
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "check it");
    sqlite3_finalize(statement);
    return status;
}

static void broken_seal(void *context, int64_t id)
{
    struct report *report = context;
    fault(report, "%s %lld: its seal does not fit its columns", report->noun, (long long)id);
}

static int check_seals(ebjr_store *store, struct report *report, const struct ebjr_table *table)
{
    report->noun = table->name;
    return ebjr_table_verify(store, table, broken_seal, report);
}

static int check_records(ebjr_store *store, struct report *report, const struct ebjr_table *table)
{
    struct ebjr_tally_answer tally;
    int status = check_seals(store, report, table);
    if (!status)
        status = ebjr_tally_check(&tally, store, table->name);
    if (!status && !tally.same && tally.held == tally.written)
        fault(report, "table %s: its records are not those that were written last", table->name);
    else if (!status && !tally.same)
        fault(report, "table %s: it has %lld records, not the %lld that were written", table->name,
              (long long)tally.held, (long long)tally.written);
    return status;
}

static void check_derived(struct report *report, const struct ebjr_stored_run *run,
                          const struct ebjr_output *row)
{
    struct ebjr_output again = *row;
    if (report->verify->derive(&again, run) != 0)
        fault(report, "run %lld, sample %lld: %s", (long long)run->id, (long long)row->index,
              ebjr_error_last());
    else if (!ebjr_row_agrees(&again, row))
        fault(report, "run %lld, sample %lld: a derived column does not follow from the logits",
              (long long)run->id, (long long)row->index);
}

/* One chunk's rows, read from the cursor. *ended: the run has no more. */
static int check_chunk(struct report *report, const struct ebjr_stored_run *run, ebjr_hash *hash,
                       ebjr_output_cursor *cursor, int64_t first, int64_t count, const char *sha256)
{
    char computed[EBJR_HASH_TEXT];
    struct ebjr_output row;
    int status = 0;
    for (int64_t i = 0; !status && i < count; i++) {
        int more = ebjr_output_cursor_next(cursor, &row);
        if (more < 0)
            return more;
        if (more == 0)
            return ebjr_error_set(EBJR_ESTORE, "rows from sample %lld on are missing",
                                  (long long)(first + i));
        status = ebjr_row_hash_update(hash, &row, (size_t)run->classes);
        check_derived(report, run, &row);
        report->totals->rows++;
    }
    if (!status)
        status = ebjr_hash_finish(hash, computed);
    if (!status && strcmp(computed, sha256) != 0)
        fault(report, "run %lld, samples %lld to %lld: changed since they were written",
              (long long)run->id, (long long)first, (long long)(first + count - 1));
    return status;
}

static int check_run(ebjr_store *store, struct report *report, const struct ebjr_stored_run *run)
{
    sqlite3_stmt *chunks = NULL;
    ebjr_output_cursor *cursor = NULL;
    ebjr_hash *hash = NULL;
    struct ebjr_output extra;
    int64_t next = run->first;
    int status = ebjr_store_prepare(
        &chunks, store, "SELECT first, count, sha256 FROM chunk WHERE run_id = ? ORDER BY first");
    if (!status)
        status = ebjr_output_cursor_open(&cursor, store, run, true);
    if (!status)
        status = ebjr_hash_new(&hash);
    if (!status)
        sqlite3_bind_int64(chunks, 1, run->id);
    while (!status && sqlite3_step(chunks) == SQLITE_ROW) {
        int64_t first = sqlite3_column_int64(chunks, 0), count = sqlite3_column_int64(chunks, 1);
        bool clean = sqlite3_column_type(chunks, 0) == SQLITE_INTEGER &&
                     sqlite3_column_type(chunks, 1) == SQLITE_INTEGER &&
                     sqlite3_column_type(chunks, 2) == SQLITE_TEXT;
        const char *sha256 = (const char *)sqlite3_column_text(chunks, 2);
        clean &= sha256 && sqlite3_column_bytes(chunks, 2) == EBJR_HASH_TEXT - 1;
        if (!clean || first != next || count < 0 || count > INT64_MAX - first) {
            fault(report, "run %lld: no chunk covers sample %lld", (long long)run->id,
                  (long long)next);
            break;
        }
        status = check_chunk(report, run, hash, cursor, first, count, sha256);
        next = first + count;
    }
    if (status == EBJR_ESTORE) { /* the rest of this run cannot be read: a finding, not an end */
        fault(report, "run %lld: %s", (long long)run->id, ebjr_error_last());
        status = 0;
    } else if (!status && next - run->first != run->done) {
        fault(report, "run %lld: its chunks hold %lld samples, not %lld", (long long)run->id,
              (long long)(next - run->first), (long long)run->done);
    } else if (!status && ebjr_output_cursor_next(cursor, &extra) != 0) {
        fault(report, "run %lld: it has rows after sample %lld that no chunk covers",
              (long long)run->id, (long long)next - 1);
    }
    ebjr_hash_free(hash);
    ebjr_output_cursor_close(cursor);
    sqlite3_finalize(chunks);
    return status;
}

static int hash_latencies(char sha256[EBJR_HASH_TEXT], ebjr_store *store,
                          const struct ebjr_stored_measurement *measurement)
{
    size_t samples = (size_t)measurement->samples;
    ebjr_hash *hash = NULL;
    int64_t *ns = calloc(samples + 1, sizeof *ns), *sample = calloc(samples + 1, sizeof *sample);
    int status = ns && sample ? 0 : ebjr_error_memory();
    if (!status)
        status = ebjr_latency_read(ns, sample, store, measurement);
    if (!status)
        status = ebjr_hash_new(&hash);
    if (!status)
        status = ebjr_latency_hash_update(hash, sample, ns, samples);
    if (!status)
        status = ebjr_hash_finish(hash, sha256);
    ebjr_hash_free(hash);
    free(sample);
    free(ns);
    return status;
}

static int check_measurement(ebjr_store *store, struct report *report,
                             const struct ebjr_stored_measurement *measurement)
{
    char sha256[EBJR_HASH_TEXT], count[96];
    int64_t stored;
    snprintf(count, sizeof count, "SELECT count(*) FROM latency WHERE measurement_id = %lld",
             (long long)measurement->id);
    int status = ebjr_store_query_integer(&stored, store, count);
    if (status)
        return status;
    if (stored != measurement->samples) {
        fault(report, "measurement %lld: it has %lld latencies, not %lld",
              (long long)measurement->id, (long long)stored, (long long)measurement->samples);
        return 0;
    }
    status = hash_latencies(sha256, store, measurement);
    if (status == EBJR_ESTORE) {
        fault(report, "%s", ebjr_error_last());
        status = 0;
    } else if (!status && strcmp(sha256, measurement->sha256) != 0) {
        fault(report, "measurement %lld: its latencies changed since they were written",
              (long long)measurement->id);
    }
    return status;
}

static int check_measurements(ebjr_store *store, struct report *report)
{
    struct ebjr_stored_measurement *measurements;
    size_t count;
    int status = check_records(store, report, &ebjr_measurement_table);
    if (!status)
        status = ebjr_stored_measurement_list(&measurements, &count, store);
    if (status)
        return status;
    report->totals->measurements = (int64_t)count;
    for (size_t i = 0; !status && i < count; i++)
        status = check_measurement(store, report, &measurements[i]);
    free(measurements);
    return status;
}

/* Each search has as many trials as each of them says. */
static int check_trials(ebjr_store *store, struct report *report)
{
    sqlite3_stmt *statement = NULL;
    int step = SQLITE_DONE;
    int status = check_records(store, report, &ebjr_trial_table);
    if (!status)
        status =
            ebjr_store_query_integer(&report->totals->trials, store, "SELECT count(*) FROM trial");
    if (!status)
        status = ebjr_store_prepare(
            &statement, store,
            "SELECT min(id) FROM trial GROUP BY model_id, shape, device, host, library, dtype, "
            "asked_batch, asked_threads HAVING count(*) <> min(tried) OR count(*) <> max(tried)");
    while (!status && (step = sqlite3_step(statement)) == SQLITE_ROW)
        fault(report, "trial %lld: plans of its search are missing",
              (long long)sqlite3_column_int64(statement, 0));
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "check it");
    sqlite3_finalize(statement);
    return status;
}

/* Labels come with runs, and are as many as the longest of them has rows: runs over one data set
 * begin at the same sample. */
static int check_labels(ebjr_store *store, struct report *report)
{
    sqlite3_stmt *statement = NULL;
    int step = SQLITE_DONE;
    int status = ebjr_store_prepare(
        &statement, store,
        "SELECT id FROM dataset WHERE (SELECT count(*) FROM sample WHERE dataset_id = dataset.id) "
        "<> (SELECT coalesce(max(done), 0) FROM run WHERE dataset_id = dataset.id) "
        "OR (SELECT min(first) < max(first) FROM run WHERE dataset_id = dataset.id)");
    while (!status && (step = sqlite3_step(statement)) == SQLITE_ROW)
        fault(report, "data set %lld: its labels are not those of its runs",
              (long long)sqlite3_column_int64(statement, 0));
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "check it");
    sqlite3_finalize(statement);
    return status;
}

/* Names of classes are those that the data set's record has the SHA-256 of. */
static int check_class_names(ebjr_store *store, struct report *report,
                             const struct ebjr_stored_dataset *dataset)
{
    struct ebjr_class_names names;
    int status = ebjr_class_names_read(&names, store, dataset);
    if (status == EBJR_ESTORE || status == EBJR_EINVAL) {
        fault(report, "data set %lld: %s", (long long)dataset->id, ebjr_error_last());
        return 0;
    }
    ebjr_class_names_free(&names);
    return status;
}

/* Tallies of what is no table of records. */
static int check_tallies(ebjr_store *store, struct report *report)
{
    int64_t strangers;
    int status = ebjr_store_query_integer(&strangers, store,
                                          "SELECT count(*) FROM tally WHERE name NOT IN ('model', "
                                          "'dataset', 'run', 'measurement', 'trial')");
    if (!status && strangers > 0)
        fault(report, "table tally has a row that belongs to nothing");
    return status;
}

/* Tables, indexes and views must be those of the schema. */
static int check_schema(ebjr_store *store, struct report *report)
{
    static const char list[] = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name";
    sqlite3 *fresh = NULL;
    sqlite3_stmt *expected = NULL, *found = NULL;
    int status = ebjr_store_prepare(&found, store, list);
    if (!status && (sqlite3_open(":memory:", &fresh) != SQLITE_OK ||
                    sqlite3_exec(fresh, ebjr_schema_sql, NULL, NULL, NULL) != SQLITE_OK ||
                    sqlite3_prepare_v2(fresh, list, -1, &expected, NULL) != SQLITE_OK))
        status = ebjr_error_memory();
    bool same = true;
    int step = SQLITE_ROW;
    while (!status && same && step == SQLITE_ROW) {
        step = sqlite3_step(expected);
        same = sqlite3_step(found) == step;
        for (int i = 0; same && step == SQLITE_ROW && i < 4; i++) {
            const char *a = (const char *)sqlite3_column_text(expected, i);
            const char *b = (const char *)sqlite3_column_text(found, i);
            same = strcmp(a ? a : "", b ? b : "") == 0;
        }
    }
    if (!same)
        fault(report, "its tables and views are not those of ebjr's schema");
    sqlite3_finalize(expected);
    sqlite3_finalize(found);
    sqlite3_close(fresh);
    return status;
}

/* Rows of a run, data set or measurement that is not there. */
static int check_references(ebjr_store *store, struct report *report)
{
    sqlite3_stmt *statement = NULL;
    int step = SQLITE_DONE;
    int status = ebjr_store_prepare(&statement, store, "PRAGMA foreign_key_check");
    while (!status && (step = sqlite3_step(statement)) == SQLITE_ROW)
        fault(report, "table %s has a row that belongs to nothing",
              (const char *)sqlite3_column_text(statement, 0));
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "check it");
    sqlite3_finalize(statement);
    return status;
}

int ebjr_verify_store(struct ebjr_verify_totals *totals, ebjr_store *store,
                      const struct ebjr_verify *verify)
{
    struct report report = {.verify = verify, .totals = totals};
    struct ebjr_stored_model *models = NULL;
    struct ebjr_stored_dataset *datasets = NULL;
    struct ebjr_stored_run *runs = NULL;
    size_t model_count = 0, dataset_count = 0, run_count = 0;

    memset(totals, 0, sizeof *totals);
    int status =
        ebjr_store_execute(store, "BEGIN"); /* one view, whatever a writer adds meanwhile */
    if (!status)
        status = check_pages(store, &report);
    if (!status)
        status = check_records(store, &report, &ebjr_model_table);
    if (!status)
        status = check_records(store, &report, &ebjr_dataset_table);
    if (!status)
        status = check_records(store, &report, &ebjr_run_table);
    if (!status)
        status = ebjr_stored_model_list(&models, &model_count, store);
    if (!status)
        status = ebjr_stored_dataset_list(&datasets, &dataset_count, store);
    if (!status)
        status = ebjr_stored_run_list(&runs, &run_count, store);
    for (size_t i = 0; !status && i < dataset_count; i++)
        status = check_class_names(store, &report, &datasets[i]);
    for (size_t i = 0; !status && i < run_count; i++)
        status = check_run(store, &report, &runs[i]);
    if (!status)
        status = check_measurements(store, &report);
    if (!status)
        status = check_trials(store, &report);
    if (!status)
        status = check_references(store, &report);
    if (!status)
        status = check_tallies(store, &report);
    if (!status)
        status = check_labels(store, &report);
    if (!status)
        status = check_schema(store, &report);
    ebjr_store_execute(store, "END");
    totals->models = (int64_t)model_count;
    totals->datasets = (int64_t)dataset_count;
    totals->runs = (int64_t)run_count;
    free(models);
    free(datasets);
    free(runs);
    return status;
}
