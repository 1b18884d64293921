/* ebjr ls: what is stored. */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/ls_latency.h"
#include "cli/table.h"
#include "db/output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct column columns[] = {
    {"run", COLUMN_INTEGER, 4, false, NULL},
    {"model", COLUMN_TEXT, 20, false, NULL},
    {"model_sha256", COLUMN_TEXT, 12, false, NULL},
    {"model_path", COLUMN_TEXT, 0, true, NULL},
    {"model_bytes", COLUMN_INTEGER, 0, true, NULL},
    {"kind", COLUMN_TEXT, 0, true, NULL},
    {"dataset", COLUMN_TEXT, 20, false, NULL},
    {"dataset_sha256", COLUMN_TEXT, 14, false, NULL},
    {"dataset_path", COLUMN_TEXT, 0, true, NULL},
    {"dataset_bytes", COLUMN_INTEGER, 0, true, NULL},
    {"shape", COLUMN_TEXT, 0, true, NULL},
    {"samples", COLUMN_INTEGER, 9, false, NULL},
    {"done", COLUMN_INTEGER, 9, false, NULL},
    {"classes", COLUMN_INTEGER, 0, false, NULL},
    {"accuracy", COLUMN_FRACTION, 0, false, NULL},
    {"parameters", COLUMN_INTEGER, 0, false, NULL},
    {"flops", COLUMN_INTEGER, 12, false, NULL},
    {"flops_mac2", COLUMN_INTEGER, 0, true, NULL},
    {"flops_source", COLUMN_TEXT, 0, true, NULL},
    {"uncounted", COLUMN_TEXT, 0, true, NULL},
    {"preprocessing", COLUMN_TEXT, 0, true, NULL},
    {"dtype", COLUMN_TEXT, 0, true, NULL},
    {"device", COLUMN_TEXT, 0, true, NULL},
    {"plan", COLUMN_TEXT, 0, true, NULL},
    {"library", COLUMN_TEXT, 0, true, NULL},
    {"host", COLUMN_TEXT, 0, true, NULL},
    {"program", COLUMN_TEXT, 0, true, NULL},
    {"started", COLUMN_TEXT, 0, true, NULL},
    {"finished", COLUMN_TEXT, 0, true, NULL},
};

static int accuracy_of(double *out, ebjr_store *store, const struct ebjr_stored_run *run)
{
    ebjr_output_cursor *cursor;
    struct ebjr_output row;
    int64_t correct = 0, n = 0;
    int more;
    int status = ebjr_output_cursor_open(&cursor, store, run, false);
    if (status)
        return status;
    while ((more = ebjr_output_cursor_next(cursor, &row)) > 0) {
        correct += row.correct;
        n++;
    }
    ebjr_output_cursor_close(cursor);
    *out = n ? (double)correct / (double)n : NAN;
    return more;
}

static int print_run(struct table *table, ebjr_store *store, const struct ebjr_stored_run *run,
                     const struct ebjr_stored_model *model,
                     const struct ebjr_stored_dataset *dataset)
{
    double accuracy;
    char model_hash[EBJR_HASH_TEXT], dataset_hash[EBJR_HASH_TEXT];
    bool brief = table->output.format == FORMAT_TABLE || table->output.format == FORMAT_MD;
    snprintf(model_hash, sizeof model_hash, "%.*s", brief ? 12 : 64, model->sha256);
    snprintf(dataset_hash, sizeof dataset_hash, "%.*s", brief ? 12 : 64, dataset->sha256);
    int status = accuracy_of(&accuracy, store, run);
    if (status)
        return status;
    struct value values[] = {
        integer_value(run->id),         text_value(model->name),
        text_value(model_hash),         text_value(model->path),
        integer_value(model->bytes),    text_value(model->kind),
        text_value(dataset->name),      text_value(dataset_hash),
        text_value(dataset->path),      integer_value(dataset->bytes),
        text_value(dataset->shape),     integer_value(run->samples),
        integer_value(run->done),       integer_value(run->classes),
        real_value(accuracy),           integer_value(model->parameters),
        integer_value(run->flops),      integer_value(run->flops_mac2),
        text_value(run->flops_source),  text_value(run->uncounted),
        text_value(run->preprocessing), text_value(run->dtype),
        text_value(run->device),        text_value(run->plan),
        text_value(run->library),       text_value(run->host),
        text_value(run->program),       text_value(run->started),
        text_value(run->finished),
    };
    table_row(table, values);
    return 0;
}

static int list(ebjr_store *store, struct output output)
{
    struct ebjr_stored_model *models = NULL;
    struct ebjr_stored_dataset *datasets = NULL;
    struct ebjr_stored_run *runs = NULL;
    size_t model_count, dataset_count, run_count;
    int status = ebjr_stored_model_list(&models, &model_count, store);
    if (!status)
        status = ebjr_stored_dataset_list(&datasets, &dataset_count, store);
    if (!status)
        status = ebjr_stored_run_list(&runs, &run_count, store);
    if (!status) {
        struct table table = {output, columns, ROWS(columns), 0, false};
        table_begin(&table);
        for (size_t i = 0; !status && i < run_count; i++)
            for (size_t m = 0; m < model_count; m++)
                for (size_t d = 0; d < dataset_count; d++)
                    if (!status && models[m].id == runs[i].model_id &&
                        datasets[d].id == runs[i].dataset_id)
                        status = print_run(&table, store, &runs[i], &models[m], &datasets[d]);
        if (!status)
            status = table_end(&table);
    }
    free(models);
    free(datasets);
    free(runs);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *db = NULL, *format_name = NULL;
    bool measurements = false, plans = false;
    const struct option_row rows[] = {
        {"db", OPTION_TEXT, &db, "FILE", "the store", true},
        {"measurements", OPTION_FLAG, &measurements, NULL,
         "what was measured of latencies, instead of runs", false},
        {"plans", OPTION_FLAG, &plans, NULL,
         "the ways of executing a model that were tried, with what they took, and the chosen one",
         false},
        FORMAT_ROW(&format_name),
    };
    ebjr_store *store = NULL;
    struct output output;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    status = output_parse(&output, format_name);
    if (!status && measurements && plans)
        status = ebjr_error_set(EBJR_EINVAL, "either --measurements or --plans");
    if (!status)
        status = ebjr_store_open(&store, db, EBJR_STORE_READ);
    if (!status)
        status = measurements ? ls_print_measurements(store, output)
                 : plans      ? ls_print_plans(store, output)
                              : list(store, output);
    ebjr_store_close(store);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_ls = {
    "ls", "what a store holds, with hashes",
    "CSV and JSON show every column: paths, sizes, preprocessing, versions, times.\n"
    "Latencies are in nanoseconds; p50, p95 and p99 are the ceil(q n)-th smallest.\n\n"
    "A store is an SQLite database; its views are for you:\n"
    "  sqlite3 FILE 'select * from runs'\n"
    "  sqlite3 FILE 'select label, count(*), avg(correct) from outputs where run = 1 group by 1'\n"
    "  sqlite3 FILE 'select subject, scenario, avg(ns) from latencies group by measurement'\n",
    run};
