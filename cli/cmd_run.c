/* ebjr run: execute models over a data set and store their outputs. */
#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "runtime/class_map.h"
#include "runtime/run.h"
#include "version.h"

#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    const char *db, *dataset, *dataset_name, *class_map, *device, *batch, *scale, *mean, *std,
        *format;
    struct ebjr_dataset_options dataset_options;
    struct option_list models;
    int64_t threads;
};

/* Everything the models of one call share. */
struct job {
    ebjr_store *store;
    ebjr_dataset *dataset;
    struct ebjr_stored_dataset stored_dataset;
    struct ebjr_device device;
    struct ebjr_preprocessing preprocessing;
    char class_map[EBJR_CLASS_MAP_TEXT];
    size_t batch;
    bool blas_checked;
    struct table table;
};

static const struct column columns[] = {
    {"run", COLUMN_INTEGER, 4, false, NULL},    {"model", COLUMN_TEXT, 20, false, NULL},
    {"dataset", COLUMN_TEXT, 20, false, NULL},  {"samples", COLUMN_INTEGER, 9, false, NULL},
    {"new", COLUMN_INTEGER, 9, false, NULL},    {"seconds", COLUMN_REAL, 8, false, NULL},
    {"flops", COLUMN_INTEGER, 12, false, NULL}, {"flops_mac2", COLUMN_INTEGER, 12, false, NULL},
    {"device", COLUMN_TEXT, 8, false, NULL},
};

#define DTYPE "float32"
enum { DEFAULT_BATCH = 64, LARGEST_BATCH = 1 << 20 };

static int parse_batch(size_t *out, const char *text)
{
    int64_t batch = DEFAULT_BATCH;
    int status = 0;
    if (text && strcmp(text, "auto") != 0)
        status = ebjr_integer_parse(&batch, text, 1, LARGEST_BATCH);
    *out = (size_t)batch;
    return status ? ebjr_error_context(status, "--batch") : 0;
}

/* glibc gives large blocks back to the kernel at every free and takes them again, zeroed page by
 * page, at the next malloc; tensors of one forward pass after another are such blocks. */
static void keep_freed_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
}

/* Debian's libtorch calls the system's BLAS, and the reference one is slow. */
static void warn_of_slow_blas(struct job *job)
{
    if (job->device.cuda || job->blas_checked)
        return;
    job->blas_checked = true;
    double rate = ebjr_backend_slow_blas();
    if (rate > 0)
        say("warning: matrix products run at %.1f GFLOP/s here: libtorch uses a slow BLAS; on "
            "Debian install libopenblas0-pthread",
            rate / 1e9);
}

static int open_dataset(struct job *job, const struct request *request)
{
    struct ebjr_stored_dataset *stored = &job->stored_dataset;
    int status = ebjr_dataset_open(&job->dataset, request->dataset, &request->dataset_options);
    if (status)
        return status;
    const struct ebjr_dataset_info *info = ebjr_dataset_describe(job->dataset);
    snprintf(stored->name, sizeof stored->name, "%s",
             request->dataset_name ? request->dataset_name : info->name);
    snprintf(stored->kind, sizeof stored->kind, "%s", info->kind);
    snprintf(stored->path, sizeof stored->path, "%s", info->path);
    snprintf(stored->shape, sizeof stored->shape, "%zux%zux%zu", info->shape.channels,
             info->shape.height, info->shape.width);
    stored->samples = info->samples;
    status = ebjr_preprocessing_parse(&job->preprocessing, request->scale, request->mean,
                                      request->std, info);
    return status ? status : ebjr_dataset_hash(stored->sha256, &stored->bytes, job->dataset);
}

/* "NAME=FILE", or FILE, whose stem is then the name. A '=' after a slash belongs to the file. */
static void split_model(char *name, size_t size, const char **path, const char *text)
{
    const char *equals = strchr(text, '='), *slash = strchr(text, '/');
    if (equals && equals != text && (!slash || equals < slash)) {
        *path = equals + 1;
        snprintf(name, size, "%.*s", (int)(equals - text), text);
        return;
    }
    slash = strrchr(text, '/');
    const char *last = slash ? slash + 1 : text;
    const char *dot = strrchr(last, '.');
    *path = text;
    snprintf(name, size, "%.*s", dot && dot != last ? (int)(dot - last) : (int)strlen(last), last);
}

static void describe_run(struct ebjr_stored_run *run, const struct job *job,
                         const struct ebjr_model_info *info)
{
    run->classes = (int64_t)info->classes;
    snprintf(run->class_map, sizeof run->class_map, "%s", job->class_map);
    run->samples = job->stored_dataset.samples;
    run->flops = info->flops.op_counter;
    run->flops_mac2 = info->flops.mac2;
    snprintf(run->dtype, sizeof run->dtype, "%s", DTYPE);
    snprintf(run->flops_source, sizeof run->flops_source, "counted");
    snprintf(run->uncounted, sizeof run->uncounted, "%s", info->flops.uncounted);
    snprintf(run->uncounted_mac2, sizeof run->uncounted_mac2, "%s", info->flops.uncounted_mac2);
    snprintf(run->plan, sizeof run->plan, "as loaded, batch %zu", job->batch);
    snprintf(run->program, sizeof run->program, "%s", EBJR_VERSION);
    ebjr_device_format(run->device, sizeof run->device, &job->device);
    ebjr_backend_version(run->library, sizeof run->library);
    ebjr_host_cpu(run->host, sizeof run->host);
}

static int check_class_map(const char *map, size_t outputs)
{
    if (!*map || ebjr_class_map_size(map) == outputs)
        return 0;
    return ebjr_error_set(EBJR_EINVAL, "--student-classes has %zu lines, but the model %zu outputs",
                          ebjr_class_map_size(map), outputs);
}

static int store_run(struct ebjr_stored_run *run, struct job *job, struct ebjr_stored_model *model,
                     const struct ebjr_model_info *info)
{
    snprintf(model->kind, sizeof model->kind, "%s", info->backend);
    model->parameters = info->parameters;
    describe_run(run, job, info);
    int status = check_class_map(job->class_map, info->classes);
    if (!status)
        status = ebjr_stored_dataset_put(job->store, &job->stored_dataset);
    if (!status)
        status = ebjr_stored_model_put(job->store, model);
    if (!status) {
        run->model_id = model->id;
        run->dataset_id = job->stored_dataset.id;
        status = ebjr_stored_run_put(job->store, run);
    }
    return status;
}

static void print_run(struct job *job, const struct ebjr_stored_run *run, const char *name,
                      int64_t first, double seconds)
{
    struct value values[] = {
        integer_value(run->id),
        text_value(name),
        text_value(job->stored_dataset.name),
        integer_value(run->done),
        integer_value(run->done - first),
        real_value(seconds),
        integer_value(run->flops),
        integer_value(run->flops_mac2),
        text_value(run->device),
    };
    table_row(&job->table, values);
    if (*run->uncounted)
        say("note: FLOPs of '%s' are incomplete: they leave out %s", name, run->uncounted);
}

static int fill(struct job *job, struct ebjr_stored_run *run, ebjr_model *model, const char *name)
{
    struct progress progress;
    int64_t first = run->done;
    if (first > 0)
        say("%s on %s: %lld of %lld samples are stored; going on from there", name,
            job->stored_dataset.name, (long long)first, (long long)run->samples);
    progress_begin(&progress, name, first);
    struct ebjr_run_options options = {job->batch, &progress, progress_step};
    int status = ebjr_run_fill(job->store, run, model, job->dataset, &job->preprocessing, &options);
    print_run(job, run, name, first, progress_end(&progress));
    if (status)
        ebjr_error_context(status, "%s on %s (%lld of %lld samples are stored)", name,
                           job->stored_dataset.name, (long long)run->done, (long long)run->samples);
    return status;
}

/* Whether the store has this run to its end, so that the model need not even be opened. */
static bool is_stored(struct ebjr_stored_run *run, struct job *job,
                      const struct ebjr_stored_model *model)
{
    int status = ebjr_stored_run_find(run, job->store, model->sha256, job->stored_dataset.sha256,
                                      run->preprocessing, DTYPE, job->class_map);
    return status == 0 && run->done == run->samples;
}

static int run_model(struct job *job, const char *text)
{
    struct ebjr_stored_model stored = {0};
    struct ebjr_stored_run run = {0};
    ebjr_model *model = NULL;
    const char *path;
    char absolute[PATH_MAX];
    split_model(stored.name, sizeof stored.name, &path, text);
    snprintf(stored.path, sizeof stored.path, "%s", realpath(path, absolute) ? absolute : path);

    int status = ebjr_hash_file(stored.sha256, &stored.bytes, path);
    if (!status)
        status = ebjr_preprocessing_describe(run.preprocessing, sizeof run.preprocessing,
                                             &job->preprocessing);
    if (status)
        return status;
    if (is_stored(&run, job, &stored)) {
        status = ebjr_stored_dataset_put(job->store, &job->stored_dataset);
        if (!status)
            status = ebjr_stored_model_put(job->store, &stored);
        if (status)
            return status;
        say("%s on %s: all %lld samples are stored already; nothing to do", stored.name,
            job->stored_dataset.name, (long long)run.samples);
        print_run(job, &run, stored.name, run.done, 0);
        return 0;
    }
    warn_of_slow_blas(job);
    status =
        ebjr_model_open(&model, path, &job->device, &ebjr_dataset_describe(job->dataset)->shape);
    if (!status)
        status = store_run(&run, job, &stored, ebjr_model_describe(model));
    if (!status)
        status = fill(job, &run, model, stored.name);
    ebjr_model_close(model);
    return status;
}

static int run_all(struct job *job, const struct request *request)
{
    int status = format_parse(&job->table.format, request->format);
    if (!status)
        status = parse_batch(&job->batch, request->batch);
    if (!status)
        status = ebjr_device_parse(&job->device, request->device);
    if (!status && request->class_map)
        status = ebjr_class_map_read(job->class_map, request->class_map);
    if (!status)
        status = open_dataset(job, request);
    if (!status)
        status = ebjr_store_open(&job->store, request->db, EBJR_STORE_CREATE);
    if (status)
        return status;

    keep_freed_memory();
    if (request->threads > 0)
        ebjr_backend_set_threads((int)request->threads);
    progress_catch_signals();
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
    struct request request = {.device = "cpu"};
    const struct option_row rows[] = {
        {"db", OPTION_TEXT, &request.db, "FILE", "the store; made where it does not exist", true},
        {"dataset", OPTION_TEXT, &request.dataset, "KIND:PATH",
         "cifar10:PATH, cifar100:PATH  the binary format, file or directory\n"
         "idx:DIR                      the MNIST family, plain or .gz\n"
         "npy:FILE                     images [n,c,h,w], [n,h,w,c] or [n,h,w]",
         true},
        {"model", OPTION_LIST, &request.models, "[NAME=]FILE",
         "a TorchScript file; any number of times", true},
        {"student-classes", OPTION_TEXT, &request.class_map, "FILE",
         "of specialised models: a line for each output, its class or other", false},
        {"split", OPTION_TEXT, &request.dataset_options.split, "NAME",
         "of a directory: test (default) or train", false},
        {"labels", OPTION_TEXT, &request.dataset_options.labels, "FILE",
         "labels of npy: images, .npy", false},
        {"layout", OPTION_TEXT, &request.dataset_options.layout, "NAME",
         "of npy: images with four dimensions: nchw or nhwc", false},
        {"dataset-name", OPTION_TEXT, &request.dataset_name, "NAME",
         "what to call the data set (default: from its path)", false},
        {"scale", OPTION_TEXT, &request.scale, "S",
         "pixels are multiplied by it (default 1/255 for uint8, 1 for float32)", false},
        {"mean", OPTION_TEXT, &request.mean, "M,M,M", "then subtracted, a channel each (default 0)",
         false},
        {"std", OPTION_TEXT, &request.std, "S,S,S", "then divided by, a channel each (default 1)",
         false},
        {"device", OPTION_TEXT, &request.device, "NAME", "cpu (default), cuda or cuda:N", false},
        {"batch", OPTION_TEXT, &request.batch, "N", "samples a forward pass (default auto: 64)",
         false},
        {"threads", OPTION_INTEGER, &request.threads, "N",
         "of the models (default: libtorch's own)", false},
        FORMAT_ROW(&request.format),
    };
    struct job job = {.table = {FORMAT_TABLE, columns, ROWS(columns), 0, false}};
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    status = run_all(&job, &request);
    ebjr_dataset_close(job.dataset);
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
