/* ebjr verify: does the store still hold what was written into it? */
#include "base/error.h"
#include "base/hash.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "db/verify.h"
#include "runtime/derive.h"

#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {{"fault", COLUMN_TEXT, 0, false, NULL}};

static void found(void *context, const char *what)
{
    struct table *table = context;
    struct value value = text_value(what);
    if (table->output.format == FORMAT_TABLE && table->rows == 0)
        table_begin(table);
    table_row(table, &value);
}

/* The files that the store names may have changed or gone since: no fault of the store's. */
static int compare_models(ebjr_store *store)
{
    struct ebjr_stored_model *models;
    size_t count;
    int status = ebjr_stored_model_list(&models, &count, store);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++) {
        char sha256[EBJR_HASH_TEXT];
        int64_t bytes;
        if (ebjr_hash_file(sha256, &bytes, models[i].path) != 0)
            say("note: model '%s': %s", models[i].name, ebjr_error_last());
        else if (strcmp(sha256, models[i].sha256) != 0)
            say("note: model '%s': %s is another file now than when it was run", models[i].name,
                models[i].path);
    }
    free(models);
    return 0;
}

static int run(const struct command *command, int argc, char **argv)
{
    const char *db = NULL, *format_name = NULL;
    const struct option_row rows[] = {
        {"db", OPTION_TEXT, &db, "FILE", "the store", true},
        FORMAT_ROW(&format_name),
    };
    ebjr_store *store = NULL;
    struct output output;
    struct ebjr_verify_totals totals = {0};
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    status = output_parse(&output, format_name);
    if (!status)
        status = ebjr_store_open(&store, db, EBJR_STORE_READ);
    if (!status) {
        struct table table = {output, columns, ROWS(columns), 0, false};
        struct ebjr_verify verify = {&table, found, ebjr_output_derive};
        if (output.format != FORMAT_TABLE) /* for people: no heading over nothing */
            table_begin(&table);
        status = ebjr_verify_store(&totals, store, &verify);
        if (!status)
            status = table_end(&table);
    }
    if (!status)
        status = compare_models(store);
    ebjr_store_close(store);
    if (status)
        return fail(command, status);
    say("%s: %lld models, %lld data sets, %lld runs, %lld rows, %lld measurements, %lld plans "
        "tried: "
        "%lld fault%s",
        db, (long long)totals.models, (long long)totals.datasets, (long long)totals.runs,
        (long long)totals.rows, (long long)totals.measurements, (long long)totals.trials,
        (long long)totals.faults, totals.faults == 1 ? "" : "s");
    return totals.faults ? EXIT_FAILED : EXIT_DONE;
}

const struct command command_verify = {
    "verify", "recompute hashes and derived columns, and name what does not fit",
    "Lists every fault: SQLite's own check, records whose seal is broken, chunks of rows whose\n"
    "SHA-256 has changed, predictions and energies that do not follow from the logits, latencies "
    "that\n"
    "are not those that were measured, images and objects that are not those that were stored.\n"
    "Exit code 0: none; 1: some. A model file that changed since it was run is noted, no fault.\n",
    run};
