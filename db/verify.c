#include "db/verify.h"

#include "base/error.h"
#include "db/class_name.h"
#include "db/internal.h"
#include "db/latency.h"
#include "db/tally.h"
#include "db/truth.h"
#include "db/verify_report.h"
#include "schema_sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ebjr_verify_fault(struct ebjr_verify_report *report, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    report->totals->faults++;
    report->verify->found(report->verify->context, text);
}

static int check_pages(ebjr_store *store, struct ebjr_verify_report *report)
{
    sqlite3_stmt *statement = NULL;
    int step = SQLITE_DONE;
    int status = ebjr_store_prepare(&statement, store, "PRAGMA integrity_check(20)");
    while (!status && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *line = (const char *)sqlite3_column_text(statement, 0);
        if (line && strcmp(line, "ok") != 0)
            ebjr_verify_fault(report, "SQLite: %s", line);
    }
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "check it");
    sqlite3_finalize(statement);
    return status;
}

static void broken_seal(void *context, int64_t id)
{
    struct ebjr_verify_report *report = context;
    ebjr_verify_fault(report, "%s %lld: its seal does not fit its columns", report->noun,
                      (long long)id);
}

static int check_seals(ebjr_store *store, struct ebjr_verify_report *report,
                       const struct ebjr_table *table)
{
    report->noun = table->name;
    return ebjr_table_verify(store, table, broken_seal, report);
}

static int check_records(ebjr_store *store, struct ebjr_verify_report *report,
                         const struct ebjr_table *table)
{
    struct ebjr_tally_answer tally;
    int status = check_seals(store, report, table);
    if (!status)
        status = ebjr_tally_check(&tally, store, table->name);
    if (!status && !tally.same && tally.held == tally.written)
        ebjr_verify_fault(report, "table %s: its records are not those that were written last",
                          table->name);
    else if (!status && !tally.same)
        ebjr_verify_fault(report, "table %s: it has %lld records, not the %lld that were written",
                          table->name, (long long)tally.held, (long long)tally.written);
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

static int check_measurement(ebjr_store *store, struct ebjr_verify_report *report,
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
        ebjr_verify_fault(report, "measurement %lld: it has %lld latencies, not %lld",
                          (long long)measurement->id, (long long)stored,
                          (long long)measurement->samples);
        return 0;
    }
    status = hash_latencies(sha256, store, measurement);
    if (status == EBJR_ESTORE) {
        ebjr_verify_fault(report, "%s", ebjr_error_last());
        status = 0;
    } else if (!status && strcmp(sha256, measurement->sha256) != 0) {
        ebjr_verify_fault(report, "measurement %lld: its latencies changed since they were written",
                          (long long)measurement->id);
    }
    return status;
}

static int check_measurements(ebjr_store *store, struct ebjr_verify_report *report)
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
static int check_trials(ebjr_store *store, struct ebjr_verify_report *report)
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
        ebjr_verify_fault(report, "trial %lld: plans of its search are missing",
                          (long long)sqlite3_column_int64(statement, 0));
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "check it");
    sqlite3_finalize(statement);
    return status;
}

/* Labels come with runs, and are as many as the longest of them has rows, or none where there are
 * objects; runs over one data set begin at the same sample. */
static int check_labels(ebjr_store *store, struct ebjr_verify_report *report)
{
    sqlite3_stmt *statement = NULL;
    int step = SQLITE_DONE;
    int status = ebjr_store_prepare(
        &statement, store,
        "SELECT id FROM dataset WHERE (SELECT count(*) FROM sample WHERE dataset_id = dataset.id) "
        "<> (SELECT coalesce(max(done), 0) FROM run WHERE dataset_id = dataset.id "
        "AND kind <> '" EBJR_COCO_KIND "') "
        "OR (SELECT min(first) < max(first) FROM run WHERE dataset_id = dataset.id)");
    while (!status && (step = sqlite3_step(statement)) == SQLITE_ROW)
        ebjr_verify_fault(report, "data set %lld: its labels are not those of its runs",
                          (long long)sqlite3_column_int64(statement, 0));
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "check it");
    sqlite3_finalize(statement);
    return status;
}

/* Rows of one kind where the data set is of the other. */
static int check_kinds(ebjr_store *store, struct ebjr_verify_report *report)
{
    sqlite3_stmt *statement = NULL;
    int step = SQLITE_DONE;
    int status = ebjr_store_prepare(
        &statement, store,
        "SELECT 'run', run.id, CASE WHEN coco THEN 'outputs' ELSE 'detections' END FROM run "
        "JOIN (SELECT id, kind = '" EBJR_COCO_KIND "' AS coco FROM dataset) AS d "
        "ON d.id = run.dataset_id WHERE CASE WHEN coco "
        "THEN EXISTS (SELECT 1 FROM output WHERE run_id = run.id) "
        "ELSE EXISTS (SELECT 1 FROM detection WHERE run_id = run.id) END "
        "UNION ALL SELECT 'data set', id, 'images or objects' FROM dataset "
        "WHERE kind <> '" EBJR_COCO_KIND "' "
        "AND (EXISTS (SELECT 1 FROM image WHERE dataset_id = dataset.id) "
        "OR EXISTS (SELECT 1 FROM object WHERE dataset_id = dataset.id))");
    while (!status && (step = sqlite3_step(statement)) == SQLITE_ROW)
        ebjr_verify_fault(report, "%s %lld: it has %s, which are not of its kind",
                          (const char *)sqlite3_column_text(statement, 0),
                          (long long)sqlite3_column_int64(statement, 1),
                          (const char *)sqlite3_column_text(statement, 2));
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "check it");
    sqlite3_finalize(statement);
    return status;
}

/* Images and objects are those that the data set's record has the SHA-256 of, and as many. */
static int check_truth(ebjr_store *store, struct ebjr_verify_report *report,
                       const struct ebjr_stored_dataset *dataset)
{
    struct ebjr_stored_truth truth;
    if (strcmp(dataset->kind, EBJR_COCO_KIND) != 0)
        return 0;
    int status = ebjr_truth_read(&truth, store, dataset);
    if (status == EBJR_ESTORE) {
        ebjr_verify_fault(report, "%s", ebjr_error_last());
        return 0;
    }
    if (!status && (int64_t)truth.truth.images != dataset->samples)
        ebjr_verify_fault(report, "data set %lld: it has %zu images, not %lld",
                          (long long)dataset->id, truth.truth.images, (long long)dataset->samples);
    ebjr_stored_truth_free(&truth);
    return status;
}

/* Names of classes are those that the data set's record has the SHA-256 of. */
static int check_class_names(ebjr_store *store, struct ebjr_verify_report *report,
                             const struct ebjr_stored_dataset *dataset)
{
    struct ebjr_class_names names;
    int status = ebjr_class_names_read(&names, store, dataset);
    if (status == EBJR_ESTORE || status == EBJR_EINVAL) {
        ebjr_verify_fault(report, "data set %lld: %s", (long long)dataset->id, ebjr_error_last());
        return 0;
    }
    ebjr_class_names_free(&names);
    return status;
}

/* Tallies of what is no table of records. */
static int check_tallies(ebjr_store *store, struct ebjr_verify_report *report)
{
    int64_t strangers;
    int status = ebjr_store_query_integer(&strangers, store,
                                          "SELECT count(*) FROM tally WHERE name NOT IN ('model', "
                                          "'dataset', 'run', 'measurement', 'trial')");
    if (!status && strangers > 0)
        ebjr_verify_fault(report, "table tally has a row that belongs to nothing");
    return status;
}

/* Tables, indexes and views must be those of the schema. */
static int check_schema(ebjr_store *store, struct ebjr_verify_report *report)
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
        ebjr_verify_fault(report, "its tables and views are not those of ebjr's schema");
    sqlite3_finalize(expected);
    sqlite3_finalize(found);
    sqlite3_close(fresh);
    return status;
}

/* Rows of a run, data set or measurement that is not there. */
static int check_references(ebjr_store *store, struct ebjr_verify_report *report)
{
    sqlite3_stmt *statement = NULL;
    int step = SQLITE_DONE;
    int status = ebjr_store_prepare(&statement, store, "PRAGMA foreign_key_check");
    while (!status && (step = sqlite3_step(statement)) == SQLITE_ROW)
        ebjr_verify_fault(report, "table %s has a row that belongs to nothing",
                          (const char *)sqlite3_column_text(statement, 0));
    if (!status && step != SQLITE_DONE)
        status = ebjr_store_failure(store, "check it");
    sqlite3_finalize(statement);
    return status;
}

int ebjr_verify_store(struct ebjr_verify_totals *totals, ebjr_store *store,
                      const struct ebjr_verify *verify)
{
    struct ebjr_verify_report report = {.verify = verify, .totals = totals};
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
    for (size_t i = 0; !status && i < dataset_count; i++) {
        status = check_class_names(store, &report, &datasets[i]);
        if (!status)
            status = check_truth(store, &report, &datasets[i]);
    }
    for (size_t i = 0; !status && i < run_count; i++)
        status = ebjr_verify_run(store, &report, &runs[i]);
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
        status = check_kinds(store, &report);
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
