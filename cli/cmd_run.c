/* ebjr run: execute models over a data set and store their outputs. */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/live.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/timeout.h"
#include "runtime/class_map.h"
#include "runtime/run.h"
#include "version.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A wait for inputs is worth a line from this share of the time, of a run that took so long, on. */
static const double NOTABLE_WAIT = 0.1, NOTABLE_SECONDS = 2;

struct request {
    const char *db, *class_map, *timeout, *format;
    struct live_request live;
    struct option_list models;
};

/* Everything the models of one call share. */
struct job {
    struct live live;
    bool names_given; /* --class-names */
    ebjr_store *store;
    char class_map[EBJR_CLASS_MAP_TEXT];
    struct table table;
};

static const struct column columns[] = {
    {"run", COLUMN_INTEGER, 4, false, NULL},     {"model", COLUMN_TEXT, 20, false, NULL},
    {"dataset", COLUMN_TEXT, 20, false, NULL},   {"samples", COLUMN_INTEGER, 9, false, NULL},
    {"new", COLUMN_INTEGER, 9, false, NULL},     {"seconds", COLUMN_REAL, 8, false, NULL},
    {"flops", COLUMN_INTEGER, 12, false, NULL},  {"flops_mac2", COLUMN_INTEGER, 12, false, NULL},
    {"device", COLUMN_TEXT, 8, false, NULL},     {"workers", COLUMN_INTEGER, 0, true, NULL},
    {"waited", COLUMN_FRACTION, 0, false, NULL}, {"skipped", COLUMN_INTEGER, 0, true, NULL},
};

/* A search for the best plan takes some seconds. It is left out where the model as loaded would be
 * through in about that time, at the rate that small models reach at the least. */
static bool is_worth_a_search(const struct job *job, const struct ebjr_model_info *info)
{
    static const double flops_of_a_search = 2 * 20e9;
    static const int64_t samples_of_a_search = 2000; /* of a model whose FLOPs are not known */
    int64_t samples = job->live.stored_dataset.samples;
    if (*info->flops.uncounted_mac2)
        return samples > samples_of_a_search;
    return (double)info->flops.mac2 * (double)samples > flops_of_a_search;
}

static void describe_run(struct ebjr_stored_run *run, const struct job *job,
                         const struct ebjr_model_info *info)
{
    run->classes = (int64_t)info->classes;
    snprintf(run->class_map, sizeof run->class_map, "%s", job->class_map);
    run->samples = job->live.stored_dataset.samples;
    run->flops = info->flops.op_counter;
    run->flops_mac2 = info->flops.mac2;
    run->depth = info->flops.depth;
    snprintf(run->dtype, sizeof run->dtype, "%s", ebjr_dtype_name(job->live.dtype));
    snprintf(run->flops_source, sizeof run->flops_source, "counted");
    snprintf(run->uncounted, sizeof run->uncounted, "%s", info->flops.uncounted);
    snprintf(run->uncounted_mac2, sizeof run->uncounted_mac2, "%s", info->flops.uncounted_mac2);
    snprintf(run->program, sizeof run->program, "%s", EBJR_VERSION);
    ebjr_device_format(run->device, sizeof run->device, &job->live.device);
    ebjr_host_cpu(run->host, sizeof run->host);
}

static int check_class_map(const char *map, size_t outputs)
{
    if (!*map || ebjr_class_map_size(map) == outputs)
        return 0;
    return ebjr_error_set(EBJR_EINVAL, "--student-classes has %zu lines, but the model %zu outputs",
                          ebjr_class_map_size(map), outputs);
}

/* A run that was interrupted, if before its first row, goes on by the plan that it began with: its
 * record says so, and its rows are those of an unbroken run. */
static int go_on(ebjr_model *model, const struct job *job, const struct ebjr_stored_run *run)
{
    struct ebjr_plan plan;
    int status = ebjr_plan_parse(&plan, run->plan);
    if (!status)
        status = ebjr_model_prepare(model, &plan);
    if (!status && job->live.mode >= 0 && job->live.mode != (int)plan.mode)
        say("note: this run began by the plan '%s', which is kept", run->plan);
    return status;
}

static int begin(ebjr_model *model, struct job *job, const struct ebjr_stored_model *stored)
{
    struct live live = job->live; /* with the plan named, if there is nothing to search for */
    if (live.mode < 0 && !is_worth_a_search(job, ebjr_model_describe(model)))
        live.mode = EBJR_PLAN_AS_LOADED;
    return live_model_prepare(model, &live, job->store, stored, live.batch);
}

/* Everything that stands in the store before the first row. */
static int store_run(struct ebjr_stored_run *run, struct job *job, struct ebjr_stored_model *stored,
                     ebjr_model *model)
{
    int status = check_class_map(job->class_map, ebjr_model_describe(model)->classes);
    if (!status)
        status = live_put_dataset(&job->live, job->store, job->names_given);
    if (!status)
        status = ebjr_stored_model_put(job->store, stored);
    if (!status)
        status = run->id ? go_on(model, job, run) : begin(model, job, stored);
    if (status || run->id)
        return status;
    describe_run(run, job, ebjr_model_describe(model));
    ebjr_plan_format(run->plan, ebjr_model_plan(model));
    ebjr_model_library(run->library, sizeof run->library, model);
    run->model_id = stored->id;
    run->dataset_id = job->live.stored_dataset.id;
    return ebjr_stored_run_put(job->store, run);
}

static void print_run(struct job *job, const struct ebjr_stored_run *run, const char *name,
                      int64_t first, double seconds, const struct ebjr_run_times *times)
{
    struct value values[] = {
        integer_value(run->id),
        text_value(name),
        text_value(job->live.stored_dataset.name),
        integer_value(run->done),
        integer_value(run->done - first),
        real_value(seconds),
        integer_value(run->flops),
        integer_value(run->flops_mac2),
        text_value(run->device),
        integer_value(times ? (int64_t)times->workers : EBJR_UNKNOWN),
        real_value(times ? times->waited / seconds : NAN),
        integer_value(ebjr_dataset_describe(job->live.dataset)->skipped),
    };
    table_row(&job->table, values);
    if (times && times->waited > NOTABLE_WAIT * seconds && seconds > NOTABLE_SECONDS)
        say("%s waited %.0f %% of the time for its inputs, which %zu worker%s read", name,
            100 * times->waited / seconds, times->workers, times->workers == 1 ? "" : "s");
    if (*run->uncounted)
        say("note: FLOPs of '%s' are incomplete: they leave out %s", name, run->uncounted);
}

static int fill(struct job *job, struct ebjr_stored_run *run, ebjr_model *model, const char *name)
{
    struct progress progress;
    int64_t first = run->done;
    if (first > 0)
        say("%s on %s: %lld of %lld samples are stored; going on from there", name,
            job->live.stored_dataset.name, (long long)first, (long long)run->samples);
    progress_begin(&progress, name, first);
    const struct ebjr_run_options options = {.batch = ebjr_model_plan(model)->batch,
                                             .workers = job->live.workers,
                                             .context = &progress,
                                             .progress = progress_step};
    struct ebjr_run_times times;
    int status = ebjr_run_fill(job->store, run, model, job->live.dataset, &job->live.preprocessing,
                               &options, &times);
    print_run(job, run, name, first, progress_end(&progress), &times);
    if (status)
        ebjr_error_context(status, "%s on %s (%lld of %lld samples are stored)", name,
                           job->live.stored_dataset.name, (long long)run->done,
                           (long long)run->samples);
    return status;
}

/* What the store has of this run; nothing is no error. */
static int find_stored(struct ebjr_stored_run *run, struct job *job,
                       const struct ebjr_stored_model *model)
{
    int status =
        ebjr_stored_run_find(run, job->store, model->sha256, job->live.stored_dataset.sha256,
                             run->preprocessing, ebjr_dtype_name(job->live.dtype), job->class_map);
    return status == EBJR_ENOTFOUND ? 0 : status;
}

static int nothing_to_do(struct job *job, struct ebjr_stored_run *run,
                         struct ebjr_stored_model *stored)
{
    int status = live_put_dataset(&job->live, job->store, job->names_given);
    if (!status)
        status = ebjr_stored_model_put(job->store, stored);
    if (status)
        return status;
    say("%s on %s: all %lld samples are stored already; nothing to do", stored->name,
        job->live.stored_dataset.name, (long long)run->samples);
    print_run(job, run, stored->name, run->done, 0, NULL);
    return 0;
}

static int run_model(struct job *job, const char *text)
{
    struct ebjr_stored_model stored;
    struct ebjr_stored_run run = {0};
    ebjr_model *model = NULL;
    snprintf(run.preprocessing, sizeof run.preprocessing, "%s", job->live.preprocessing_text);
    int status = live_identify(&stored, text);
    timeout_feed(text, 0, "samples");
    if (!status)
        status = find_stored(&run, job, &stored);
    if (!status && run.id && run.done == run.samples)
        return nothing_to_do(job, &run, &stored);
    if (!status)
        status = live_model_open(&model, &job->live, &stored);
    if (!status)
        status = store_run(&run, job, &stored, model);
    if (!status)
        status = fill(job, &run, model, stored.name);
    ebjr_model_close(model);
    return status;
}

static int run_all(struct job *job, const struct request *request)
{
    int status = output_parse(&job->table.output, request->format);
    job->names_given = request->live.dataset_options.class_names != NULL;
    if (!status && request->class_map)
        status = ebjr_class_map_read(job->class_map, request->class_map);
    if (!status)
        status = live_open(&job->live, &request->live);
    if (!status)
        status = ebjr_store_open(&job->store, request->db, EBJR_STORE_CREATE);
    if (status)
        return status;

    progress_catch_signals();
    if (request->timeout)
        status = timeout_start("run", request->timeout);
    table_begin(&job->table);
    for (size_t i = 0; !status && i < request->models.count; i++) {
        status = run_model(job, request->models.items[i]);
        if (!status && progress_interrupted() && i + 1 < request->models.count)
            status = ebjr_error_set(EBJR_EINTERRUPTED, "interrupted before the next model");
    }
    int ended = table_end(&job->table);
    return status ? status : ended;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.live = LIVE_REQUEST};
    const struct option_row rows[] = {
        {"db", OPTION_TEXT, &request.db, "FILE", "the store; made where it does not exist", true},
        LIVE_DATASET_ROWS(request.live, true),
        {"model", OPTION_LIST, &request.models, "[NAME=]FILE",
         "a TorchScript file; any number of times", true},
        {"student-classes", OPTION_TEXT, &request.class_map, "FILE",
         "of specialised models: a line for each output, its class or other", false},
        LIVE_PLAN_ROWS(request.live),
        {"timeout", OPTION_TEXT, &request.timeout, "TIME",
         "ends where no batch comes through for so long (30s): a model that never returns", false},
        FORMAT_ROW(&request.format),
    };
    struct job job = {
        .table = {{.format = FORMAT_TABLE, .file = stdout}, columns, ROWS(columns), 0, false}};
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    status = run_all(&job, &request);
    live_close(&job.live);
    ebjr_store_close(job.store);
    return status ? fail(command, status) : EXIT_DONE;
}

const struct command command_run = {
    "run", "execute models over a data set and store every output",
    "Outputs are stored once for each model, data set, preprocessing and dtype, by their hashes:\n"
    "asking again for what is stored does nothing. Ctrl-C stops after the batch at hand; the same\n"
    "command goes on where the store stands.\n\n"
    "Example:\n"
    "  ebjr run --db cifar10.db --dataset cifar10:cifar-10-batches-bin \\\n"
    "           --mean 0.4914,0.4822,0.4465 --std 0.2023,0.1994,0.2010 \\\n"
    "           --model small=student.pt --model large=teacher.pt\n",
    run};
