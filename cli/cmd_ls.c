/* ebjr ls: what is stored. */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/ls_latency.h"
#include "cli/ls_run.h"
#include "cli/table.h"
#include "db/truth.h"

#include <stdlib.h>
#include <string.h>

static bool any_detects(const struct ebjr_stored_dataset *datasets, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any |= strcmp(datasets[i].kind, EBJR_COCO_KIND) == 0;
    return any;
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
        struct table table = ls_run_table(output, any_detects(datasets, dataset_count));
        table_begin(&table);
        for (size_t i = 0; !status && i < run_count; i++)
            for (size_t m = 0; m < model_count; m++)
                for (size_t d = 0; d < dataset_count; d++)
                    if (!status && models[m].id == runs[i].model_id &&
                        datasets[d].id == runs[i].dataset_id)
                        status = ls_run_row(&table, store, &runs[i], &models[m], &datasets[d]);
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
        status = measurements ? ls_print_measurements(store, NULL, output)
                 : plans      ? ls_print_plans(store, output)
                              : list(store, output);
    ebjr_store_close(store);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_ls = {
    "ls", "what a store holds, with hashes",
    "CSV and JSON show every column: paths, sizes, preprocessing, versions, times.\n"
    "Of a run of a detector, samples are images, and classes the logits of each detection.\n"
    "Latencies are in nanoseconds; p50, p95 and p99 are the ceil(q n)-th smallest.\n\n"
    "A store is an SQLite database; its views are for you:\n"
    "  sqlite3 FILE 'select * from runs'\n"
    "  sqlite3 FILE 'select label, count(*), avg(correct) from outputs where run = 1 group by 1'\n"
    "  sqlite3 FILE 'select subject, scenario, avg(ns) from latencies group by measurement'\n",
    run};
