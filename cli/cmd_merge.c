/* ebjr merge: several stores in one. */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/merge.h"
#include "cli/progress.h"
#include "db/merge.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct column columns[] = {
    {"run", COLUMN_INTEGER, 4, false, NULL},     {"model", COLUMN_TEXT, 20, false, NULL},
    {"dataset", COLUMN_TEXT, 20, false, NULL},   {"samples", COLUMN_INTEGER, 9, false, NULL},
    {"done", COLUMN_INTEGER, 9, false, NULL},    {"new", COLUMN_INTEGER, 9, false, NULL},
    {"waiting", COLUMN_INTEGER, 9, false, NULL}, {"missing", COLUMN_TEXT, 0, false, NULL},
};

static void take_note(void *context, const char *what)
{
    (void)context;
    say("note: %s", what);
}

static int print_runs(const struct ebjr_merged_run *runs, size_t count, struct output output)
{
    struct table table = {output, columns, ROWS(columns), 0, false};
    table_begin(&table);
    for (size_t i = 0; i < count; i++) {
        struct value values[] = {
            integer_value(runs[i].run.id),   text_value(runs[i].model),
            text_value(runs[i].dataset),     integer_value(runs[i].run.samples),
            integer_value(runs[i].run.done), integer_value(runs[i].added),
            integer_value(runs[i].waiting),  text_value(runs[i].missing),
        };
        table_row(&table, values);
    }
    return table_end(&table);
}

/* The first run with a gap; others are in the table. */
static int check_complete(const char *db, const struct ebjr_merged_run *runs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (*runs[i].missing)
            return ebjr_error_set(EBJR_ENOTFOUND,
                                  "%s: samples %s of '%s' are missing for '%s'; add the stores "
                                  "that hold them, or fill them, and merge again",
                                  db, runs[i].missing, runs[i].dataset, runs[i].model);
    return 0;
}

int merge_stores(const char *db, const char *const *stores, size_t count,
                 const struct output *output)
{
    struct progress progress;
    struct ebjr_merged_run *runs = NULL;
    size_t run_count = 0;
    struct ebjr_merge_options options = {&progress, take_note, progress_step};
    progress_begin(&progress, db, 0);
    int status = ebjr_store_merge(&runs, &run_count, db, stores, count, &options);
    progress_end(&progress);
    if (!status && output)
        status = print_runs(runs, run_count, *output);
    if (!status)
        status = check_complete(db, runs, run_count);
    free(runs);
    return status;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return strcmp(a, b) == 0 ||
           (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

/* `ebjr merge --db all.db *.db` names the target too, the second time. */
static int leave_out_target(const char **stores, size_t *count, const char *db,
                            const struct option_rest *rest)
{
    *count = 0;
    for (size_t i = 0; i < rest->count; i++) {
        if (is_same_file(rest->items[i], db))
            say("note: %s is the store to merge into, and left out", rest->items[i]);
        else
            stores[(*count)++] = rest->items[i];
    }
    return *count ? 0
                  : ebjr_error_set(EBJR_EINVAL,
                                   "%s cannot be merged into itself; name other stores", db);
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *db = NULL, *format = NULL;
    struct option_rest rest = {0};
    const struct option_row rows[] = {
        {"db", OPTION_TEXT, &db, "FILE", "the store to merge into; made where it does not exist",
         true},
        FORMAT_ROW(&format),
        {"STORE", OPTION_REST, &rest, NULL, "what is merged, in any order; it is only read", true},
    };
    struct output output;
    size_t count;
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    const char **stores = calloc(rest.count, sizeof *stores);
    progress_catch_signals();
    status = stores ? output_parse(&output, format) : ebjr_error_memory();
    if (!status)
        status = leave_out_target(stores, &count, db, &rest);
    if (!status)
        status = merge_stores(db, stores, count, &output);
    free(stores);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_merge = {
    "merge", "join the stores of shards, or of different models, in one",
    "Shards of one data set (ebjr run --shard) become the store that one process would have "
    "filled;\n"
    "stores of different models become one store of them all. A run is joined from its first "
    "sample\n"
    "on, up to the first that is in no store; `missing` names the samples, and the exit code is "
    "1.\n"
    "Every chunk of rows is checked against its SHA-256. Two answers of one model for one sample\n"
    "are an error. Merging again goes on after an interruption, and else changes nothing.\n\n"
    "Example:\n"
    "  ebjr merge --db all.db shard-*.db\n",
    run};
