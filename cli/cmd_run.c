/* ebjr run: execute models over a data set and store their outputs. */
#include "base/error.h"
#include "cli/commands.h"
#include "cli/live.h"
#include "cli/progress.h"
#include "cli/run_detection.h"
#include "cli/shard.h"
#include "cli/table.h"
#include "cli/timeout.h"
#include "cli/together.h"
#include "cli/told.h"
#include "runtime/class_map.h"
#include "runtime/detect.h"
#include "version.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A wait for inputs is worth a line from this share of the time, of a run that took so long, on. */
static const double NOTABLE_WAIT = 0.1, NOTABLE_SECONDS = 2;

struct request {
    const char *db, *shard, *images, *class_map, *timeout, *format;
    struct live_request live;
    struct option_list models, flops;
};

/* Everything the models of one call share. */
struct job {
    struct live live;
    struct run_detection detection; /* in the place of live.dataset, where models are detectors */
    bool detects;
    const char *unit;                /* what a data set has: samples or images */
    const struct option_list *flops; /* --flops */
    struct ebjr_stored_run told;     /* what they say of the model at hand */
    bool names_given;                /* --class-names */
    ebjr_store *store;
    struct together together;
    struct shard shard;
    int64_t first, samples; /* of the shard: a block of the data set */
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
    int64_t samples = job->samples;
    if (!info->is_counted || *info->flops.uncounted_mac2)
        return samples > samples_of_a_search;
    return (double)info->flops.mac2 * (double)samples > flops_of_a_search;
}

static void describe_run(struct ebjr_stored_run *run, const struct job *job,
                         const struct ebjr_stored_model *model, const struct ebjr_plan *plan)
{
    snprintf(run->class_map, sizeof run->class_map, "%s", job->class_map);
    run->model_id = model->id;
    run->dataset_id = job->live.stored_dataset.id;
    run->first = job->first;
    run->samples = job->samples;
    snprintf(run->dtype, sizeof run->dtype, "%s", ebjr_dtype_name(job->live.dtype));
    snprintf(run->program, sizeof run->program, "%s", EBJR_VERSION);
    ebjr_plan_format(run->plan, plan);
    ebjr_device_format(run->device, sizeof run->device, &job->live.device);
    ebjr_host_cpu(run->host, sizeof run->host);
}

static void describe_outputs(struct ebjr_stored_run *run, const struct ebjr_model_info *info)
{
    run->classes = (int64_t)info->classes;
    live_describe_flops(run, info);
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
static int begun_by(struct ebjr_plan *out, const struct job *job, const struct ebjr_stored_run *run)
{
    char first[sizeof run->plan]; /* of several, where shards were merged */
    snprintf(first, sizeof first, "%.*s", (int)strcspn(run->plan, ";"), run->plan);
    int status = ebjr_plan_parse(out, first);
    if (!status && job->live.mode >= 0 && job->live.mode != (int)out->mode)
        say("note: this run began by the plan '%s', which is kept", run->plan);
    return status;
}

static int go_on(ebjr_model *model, const struct job *job, const struct ebjr_stored_run *run)
{
    struct ebjr_plan plan;
    int status = begun_by(&plan, job, run);
    return status ? status : ebjr_model_prepare(model, &plan);
}

static int begin(ebjr_model *model, struct job *job, const struct ebjr_stored_model *stored)
{
    struct live live = job->live; /* with the plan named, if there is nothing to search for */
    if (live.mode < 0 && !is_worth_a_search(job, ebjr_model_describe(model)))
        live.mode = EBJR_PLAN_AS_LOADED;
    return live_model_prepare(model, &live, job->store, stored, live.batch);
}

static int put_dataset(struct job *job)
{
    return job->detects ? run_detection_put_dataset(&job->detection, &job->live, job->store)
                        : live_put_dataset(&job->live, job->store, job->names_given);
}

/* Everything that stands in the store before the first row. */
static int store_run(struct ebjr_stored_run *run, struct job *job, struct ebjr_stored_model *stored,
                     ebjr_model *model)
{
    int status = check_class_map(job->class_map, ebjr_model_describe(model)->classes);
    if (!status)
        status = put_dataset(job);
    if (!status)
        status = ebjr_stored_model_put(job->store, stored);
    if (!status)
        status = run->id ? go_on(model, job, run) : begin(model, job, stored);
    if (status || run->id)
        return status ? status : ebjr_stored_run_tell_flops(job->store, run, &job->told);
    describe_run(run, job, stored, ebjr_model_plan(model));
    describe_outputs(run, ebjr_model_describe(model));
    ebjr_model_library(run->library, sizeof run->library, model);
    status = ebjr_stored_run_put(job->store, run);
    return status ? status : ebjr_stored_run_tell_flops(job->store, run, &job->told);
}

static int store_detector_run(struct ebjr_stored_run *run, struct job *job,
                              struct ebjr_stored_model *stored, ebjr_detector *detector)
{
    int status =
        run->id ? 0 : ebjr_detect_classes(&run->classes, detector, job->detection.pictures);
    if (status)
        return ebjr_error_context(status, "%s on %s", stored->name, job->live.stored_dataset.name);
    status = put_dataset(job);
    if (!status)
        status = ebjr_stored_model_put(job->store, stored);
    if (status || run->id)
        return status ? status : ebjr_stored_run_tell_flops(job->store, run, &job->told);
    describe_run(run, job, stored, ebjr_detector_plan(detector));
    run->flops = run->flops_mac2 = run->depth = EBJR_UNKNOWN;
    snprintf(run->flops_source, sizeof run->flops_source, "unknown");
    ebjr_backend_version(run->library, sizeof run->library);
    status = ebjr_stored_run_put(job->store, run);
    return status ? status : ebjr_stored_run_tell_flops(job->store, run, &job->told);
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
        integer_value(job->detects ? 0 : ebjr_dataset_describe(job->live.dataset)->skipped),
    };
    table_row(&job->table, values);
    if (times && times->waited > NOTABLE_WAIT * seconds && seconds > NOTABLE_SECONDS)
        say("%s waited %.0f %% of the time for its inputs, which %zu worker%s read", name,
            100 * times->waited / seconds, times->workers, times->workers == 1 ? "" : "s");
    if (run->flops == EBJR_UNKNOWN)
        say("note: FLOPs of '%s' %s; --flops '%s'=N tells them", name,
            job->detects ? "depend on the picture and are not counted"
                         : "cannot be counted from its file",
            name);
    if (*run->uncounted)
        say("note: FLOPs of '%s' are incomplete: they leave out %s", name, run->uncounted);
}

/* What a run executes: one of both. */
struct executed {
    ebjr_model *model;
    ebjr_detector *detector;
};

static int execute(struct job *job, struct ebjr_stored_run *run, const struct executed *executed,
                   struct progress *progress, struct ebjr_run_times *times)
{
    const struct ebjr_plan *plan =
        executed->model ? ebjr_model_plan(executed->model) : ebjr_detector_plan(executed->detector);
    const struct ebjr_run_options options = {.batch = plan->batch,
                                             .workers = job->live.workers,
                                             .context = progress,
                                             .progress = progress_step};
    return executed->model ? ebjr_run_fill(job->store, run, executed->model, job->live.dataset,
                                           &job->live.preprocessing, &options, times)
                           : ebjr_detect_fill(job->store, run, executed->detector,
                                              job->detection.pictures, &options, times);
}

static int fill(struct job *job, struct ebjr_stored_run *run, const struct executed *executed,
                const char *name)
{
    struct progress progress;
    int64_t first = run->done;
    if (first > 0)
        say("%s on %s: %lld of %lld %s are stored; going on from there", name,
            job->live.stored_dataset.name, (long long)first, (long long)run->samples, job->unit);
    progress_begin(&progress, name, first);
    progress.unit = job->unit;
    struct ebjr_run_times times;
    int status = execute(job, run, executed, &progress, &times);
    double seconds = progress_end(&progress);
    if (!job->together.active) /* else rank 0 prints what was merged */
        print_run(job, run, name, first, seconds, &times);
    if (status)
        ebjr_error_context(status, "%s on %s (%lld of %lld %s are stored)", name,
                           job->live.stored_dataset.name, (long long)run->done,
                           (long long)run->samples, job->unit);
    return status;
}

/* What the store has of this run; nothing is no error. */
static int find_stored(struct ebjr_stored_run *run, const struct job *job, ebjr_store *store,
                       const struct ebjr_stored_model *model)
{
    int status =
        ebjr_stored_run_find(run, store, model->sha256, job->live.stored_dataset.sha256,
                             run->preprocessing, ebjr_dtype_name(job->live.dtype), job->class_map);
    return status == EBJR_ENOTFOUND ? 0 : status;
}

static int nothing_to_do(struct job *job, struct ebjr_stored_run *run,
                         struct ebjr_stored_model *stored)
{
    int status = put_dataset(job);
    if (!status)
        status = ebjr_stored_model_put(job->store, stored);
    if (!status)
        status = ebjr_stored_run_tell_flops(job->store, run, &job->told);
    if (status)
        return status;
    say("%s on %s: all %lld %s are stored already; nothing to do", stored->name,
        job->live.stored_dataset.name, (long long)run->samples, job->unit);
    if (!job->together.active)
        print_run(job, run, stored->name, run->done, 0, NULL);
    return 0;
}

/* What the processes before have merged, all of it: none has anything to do. */
static int find_merged(bool *out, struct job *job, const struct ebjr_stored_model *model)
{
    struct ebjr_stored_run run = {0};
    int status = 0;
    snprintf(run.preprocessing, sizeof run.preprocessing, "%s", job->live.preprocessing_text);
    if (job->together.target)
        status = find_stored(&run, job, job->together.target, model);
    bool is_whole = run.id && run.done == run.samples;
    if (!status && is_whole)
        say("%s on %s: all %lld %s are stored already; nothing to do", model->name,
            job->live.stored_dataset.name, (long long)run.samples, job->unit);
    *out = together_agree(&job->together, is_whole);
    return status;
}

static int classify(struct job *job, struct ebjr_stored_run *run, struct ebjr_stored_model *stored)
{
    struct executed executed = {0};
    int status = live_model_open(&executed.model, &job->live, stored);
    if (!status)
        status = store_run(run, job, stored, executed.model);
    if (!status)
        status = fill(job, run, &executed, stored->name);
    ebjr_model_close(executed.model);
    return status;
}

static int detect(struct job *job, struct ebjr_stored_run *run, struct ebjr_stored_model *stored)
{
    struct executed executed = {0};
    struct ebjr_plan plan = run_detection_plan(&job->live);
    int status = run->id ? begun_by(&plan, job, run) : 0;
    if (!status)
        status = live_detector_open(&executed.detector, &job->live, stored, &plan);
    if (!status)
        status = store_detector_run(run, job, stored, executed.detector);
    if (!status)
        status = fill(job, run, &executed, stored->name);
    ebjr_detector_close(executed.detector);
    return status;
}

static int run_model(struct job *job, const char *text)
{
    struct ebjr_stored_model stored;
    struct ebjr_stored_run run = {0};
    bool merged = false;
    snprintf(run.preprocessing, sizeof run.preprocessing, "%s", job->live.preprocessing_text);
    int status = live_identify(&stored, text);
    timeout_feed(text, 0, job->unit);
    if (!status && job->together.active)
        status = find_merged(&merged, job, &stored);
    if (status || merged)
        return status;
    job->told = (struct ebjr_stored_run){.flops = EBJR_UNKNOWN};
    status = told_flops(&job->told, &stored, job->flops, &job->live);
    if (!status)
        status = find_stored(&run, job, job->store, &stored);
    if (!status && run.id && run.done == run.samples)
        return nothing_to_do(job, &run, &stored);
    if (status)
        return status;
    return job->detects ? detect(job, &run, &stored) : classify(job, &run, &stored);
}

/* Where the outputs go, and which block of the data set they are of. */
static int choose_store(char path[PATH_MAX], struct job *job, const struct request *request)
{
    const char *launcher = shard_launcher();
    job->shard = (struct shard){0, 1};
    if (request->shard) {
        int status = shard_parse(&job->shard, request->shard);
        return status ? status : shard_path(path, PATH_MAX, request->db, &job->shard);
    }
    if (strstr(request->db, "{rank}"))
        return ebjr_error_set(EBJR_EINVAL, "--db %s: {rank} is that of --shard, which is not given",
                              request->db);
    if (launcher && !together_is_built_in())
        return ebjr_error_set(EBJR_EINVAL,
                              "this is one of several processes (%s), which would fight for one "
                              "store: add --shard auto, --db 'shard-{rank}.db' and ebjr merge "
                              "afterwards, or build ebjr with -DEBJR_MPI=ON",
                              launcher);
    return together_begin(&job->together, &job->shard, path, request->db);
}

static int check_options(const struct job *job, const struct request *request)
{
    if (job->detects && request->class_map)
        return ebjr_error_set(EBJR_EINVAL, "--student-classes does not go with coco:");
    if (!job->detects && request->images)
        return ebjr_error_set(EBJR_EINVAL, "--images belongs to coco: data sets");
    return told_flops_check(&request->flops, &request->models);
}

static int open_dataset(struct job *job, const struct request *request)
{
    return job->detects
               ? run_detection_open(&job->detection, &job->live, &request->live, request->images)
               : live_open(&job->live, &request->live);
}

static int open_store(struct job *job, const struct request *request)
{
    char path[PATH_MAX];
    const struct ebjr_stored_dataset *dataset = &job->live.stored_dataset;
    int status = choose_store(path, job, request);
    if (!status)
        status = open_dataset(job, request);
    if (status)
        return status;
    shard_block(&job->first, &job->samples, &job->shard, dataset->samples);
    if (job->together.target)
        status =
            ebjr_stored_block_check(job->together.target, dataset->sha256, 0, dataset->samples);
    if (!status)
        status = ebjr_store_open(&job->store, path, EBJR_STORE_CREATE);
    if (status)
        return status;
    status = ebjr_stored_block_check(job->store, dataset->sha256, job->first, job->samples);
    if (status == EBJR_EEXIST && job->together.active)
        status = ebjr_error_set(status,
                                "%s is of a run by another number of processes; start as many "
                                "again, or remove the shards",
                                path);
    return status;
}

static int run_models(struct job *job, const struct request *request)
{
    int status = 0;
    for (size_t i = 0; !status && i < request->models.count; i++) {
        status = run_model(job, request->models.items[i]);
        if (!status && progress_interrupted() && i + 1 < request->models.count)
            status = ebjr_error_set(EBJR_EINTERRUPTED, "interrupted before the next model");
    }
    return status;
}

/* Of all processes, by the first of them. */
static int print_merged(struct job *job, const struct request *request)
{
    ebjr_store *store;
    int status = ebjr_store_open(&store, request->db, EBJR_STORE_READ);
    if (status)
        return status;
    for (size_t i = 0; !status && i < request->models.count; i++) {
        struct ebjr_stored_model model;
        struct ebjr_stored_run run = {0};
        snprintf(run.preprocessing, sizeof run.preprocessing, "%s", job->live.preprocessing_text);
        status = live_identify(&model, request->models.items[i]);
        if (!status)
            status = find_stored(&run, job, store, &model);
        if (!status && run.id)
            print_run(job, &run, model.name, together_before(&job->together, run.id),
                      together_seconds(&job->together), NULL);
    }
    ebjr_store_close(store);
    return status;
}

static int run_alone(struct job *job, const struct request *request)
{
    table_begin(&job->table);
    int status = run_models(job, request);
    int ended = table_end(&job->table);
    return status ? status : ended;
}

static int run_together(struct job *job, const struct request *request)
{
    int status = run_models(job, request);
    ebjr_store_close(job->store);
    job->store = NULL;
    if (!status)
        status = together_merge(&job->together);
    if (status || job->shard.rank != 0)
        return status;
    table_begin(&job->table);
    status = print_merged(job, request);
    int ended = table_end(&job->table);
    return status ? status : ended;
}

static int run_all(struct job *job, const struct request *request)
{
    int status = output_parse(&job->table.output, request->format);
    job->detects = run_detection_is_asked(&request->live);
    job->unit = job->detects ? "images" : "samples";
    job->flops = &request->flops;
    if (!status)
        status = check_options(job, request);
    job->names_given = request->live.dataset_options.class_names != NULL;
    if (!status && request->class_map)
        status = ebjr_class_map_read(job->class_map, request->class_map);
    if (!status)
        status = open_store(job, request);
    if (status)
        return status;

    progress_catch_signals();
    if (request->timeout)
        status = timeout_start("run", request->timeout);
    if (!status)
        status = job->together.active ? run_together(job, request) : run_alone(job, request);
    return status;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.live = LIVE_REQUEST};
    const struct option_row rows[] = {
        {"db", OPTION_TEXT, &request.db, "FILE",
         "the store; made where it does not exist; {rank} and {size} are those of --shard", true},
        {"shard", OPTION_TEXT, &request.shard, "I/N",
         "only the I-th of N blocks of the data set, from 0 (0/4 to 3/4), or auto: as a Slurm\n"
         "array or step, Open MPI, PMI or torchrun says",
         false},
        LIVE_DATASET_ROWS(request.live, true),
        {"images", OPTION_TEXT, &request.images, "DIR",
         "of --dataset coco:INSTANCES.json, whose models are detectors: where its pictures are",
         false},
        {"model", OPTION_LIST, &request.models, "[NAME=]FILE",
         "a TorchScript file, or an AOTInductor package (.pt2); any number of times", true},
        {"flops", OPTION_LIST, &request.flops, "NAME=N|FILE",
         "of a model whose file does not tell them (packages; detectors, of which they depend\n"
         "on the picture), a sample: 1.3e8, 130M; or TorchScript of the same classifier, to\n"
         "count them from; any number of times, later too",
         false},
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
    run_detection_close(&job.detection);
    live_close(&job.live);
    ebjr_store_close(job.store);
    if (status && job.together.active)
        ebjr_error_context(status, "rank %lld of %lld", (long long)job.shard.rank,
                           (long long)job.shard.size);
    int code = status ? fail(command, status) : EXIT_DONE;
    together_end(&job.together, code);
    return code;
}

const struct command command_run = {
    "run", "execute models over a data set and store every output",
    "Outputs are stored once for each model, data set, preprocessing and dtype, by their hashes:\n"
    "asking again for what is stored does nothing. Ctrl-C stops after the batch at hand; the same\n"
    "command goes on where the store stands.\n\n"
    "Example:\n"
    "  ebjr run --db cifar10.db --dataset cifar10:cifar-10-batches-bin \\\n"
    "           --mean 0.4914,0.4822,0.4465 --std 0.2023,0.1994,0.2010 \\\n"
    "           --model small=student.pt --model large=teacher.pt\n\n"
    "Several processes, on one machine or many, take a shard each, into a store each, which ebjr\n"
    "merge joins; an ebjr built with MPI does all of that under mpirun by itself:\n"
    "  ebjr run --shard auto --db 'shard-{rank}.db' ...\n"
    "  ebjr merge --db cifar10.db shard-*.db\n\n"
    "Detectors, over a data set of COCO's JSON, are scripted models by torchvision's convention:\n"
    "  ebjr run --db coco.db --dataset coco:instances_val2017.json --images val2017 \\\n"
    "           --model small=ssdlite.pt --model large=fasterrcnn.pt --flops large=134G \\\n"
    "           --library libtorchvision.so\n"
    "Each picture is one call: a list of one image, [3, height, width], RGB from 0 to 1. It "
    "returns\n"
    "boxes [k, 4] (x1, y1, x2, y2), labels [k] (COCO's category ids), scores [k], and logits\n"
    "[k, classes] if it likes, as a dictionary, a list of one, (losses, list) or a tuple. A plan "
    "is\n"
    "as-loaded (default) or frozen. torchvision::nms is in libtorchvision.so, and in the _C.*.so "
    "of\n"
    "Python's torchvision: --library loads either.\n",
    run};
