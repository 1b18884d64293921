#include "cli/live.h"

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "cli/memory.h"
#include "cli/progress.h"
#include "db/trial.h"
#include "version.h"

#include <limits.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_BATCH = 64,
    LARGEST_BATCH = 1 << 20,
    MOST_THREADS = 1024,
    MOST_WORKERS = 256,
    COMPARED = 64
};

/* glibc gives large blocks back to the kernel at every free and takes them again, zeroed page by
 * page, at the next malloc; tensors of one forward pass after another are such blocks. */
static void keep_freed_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
}

static void shape_text(char *out, size_t size, const struct live *live)
{
    const struct ebjr_shape *shape = &ebjr_dataset_describe(live->dataset)->shape;
    snprintf(out, size, "%zux%zux%zu", shape->channels, shape->height, shape->width);
}

static int parse_plan(struct live *out, const struct live_request *request)
{
    enum ebjr_plan_mode mode;
    int64_t batch = 0;
    out->mode = -1;
    int status = ebjr_dtype_find(&out->dtype, request->dtype);
    if (!status && strcmp(request->plan, "auto") != 0) {
        status = ebjr_plan_mode_find(&mode, request->plan);
        out->mode = status ? -1 : (int)mode;
    }
    if (!status && request->batch && strcmp(request->batch, "auto") != 0) {
        status = ebjr_integer_parse(&batch, request->batch, 1, LARGEST_BATCH);
        if (status)
            ebjr_error_context(status, "--batch");
    }
    if (!status && request->threads > MOST_THREADS)
        status = ebjr_error_set(EBJR_EINVAL, "--threads: at most %d", MOST_THREADS);
    out->batch = (size_t)batch;
    out->threads = (size_t)request->threads;
    out->workers = (size_t)request->workers;
    return status;
}

static const struct preset {
    const char *name;
    int64_t resize, crop;
    const char *mean, *std;
} imagenet = {"imagenet", 256, 224, "0.485,0.456,0.406", "0.229,0.224,0.225"};

/* What the preset says and nobody has said otherwise. */
static int apply_preset(struct live_request *request)
{
    if (!request->preset)
        return 0;
    if (strcmp(request->preset, imagenet.name) != 0)
        return ebjr_error_set(EBJR_EINVAL, "--preset is imagenet, not '%s'", request->preset);
    request->resize = request->resize ? request->resize : imagenet.resize;
    request->crop = request->crop ? request->crop : imagenet.crop;
    request->mean = request->mean ? request->mean : imagenet.mean;
    request->std = request->std ? request->std : imagenet.std;
    return 0;
}

static void say_skipped(void *context, const char *message)
{
    (void)context;
    say("skipped: %s", message);
}

static int complete_options(struct live_request *request)
{
    struct ebjr_dataset_options *options = &request->dataset_options;
    int status = apply_preset(request);
    if (!status && (request->resize > EBJR_FIT_SIZE || request->crop > EBJR_FIT_SIZE))
        status = ebjr_error_set(EBJR_EINVAL, "--resize and --crop: at most %d", (int)EBJR_FIT_SIZE);
    if (!status && request->interpolation)
        status = ebjr_interpolation_find(&options->fit.interpolation, request->interpolation);
    if (!status && request->workers > MOST_WORKERS)
        status = ebjr_error_set(EBJR_EINVAL, "--workers: at most %d", MOST_WORKERS);
    options->fit.resize = (size_t)request->resize;
    options->fit.crop = (size_t)request->crop;
    options->workers = (size_t)request->workers;
    options->skipped = say_skipped;
    return status;
}

/* The shape of a sample is part of a data set; of pictures it is part of the preprocessing. */
static void describe_shape(struct ebjr_stored_dataset *stored, const struct live *live)
{
    if (strcmp(stored->kind, "images") != 0)
        shape_text(stored->shape, sizeof stored->shape, live);
}

static int open_dataset(struct live *out, const struct live_request *asked)
{
    struct ebjr_stored_dataset *stored = &out->stored_dataset;
    struct live_request completed = *asked, *request = &completed;
    int status = complete_options(request);
    if (!status)
        status = ebjr_dataset_open(&out->dataset, request->dataset, &request->dataset_options);
    if (status)
        return status;
    const struct ebjr_dataset_info *info = ebjr_dataset_describe(out->dataset);
    snprintf(stored->name, sizeof stored->name, "%s",
             request->dataset_name ? request->dataset_name : info->name);
    snprintf(stored->kind, sizeof stored->kind, "%s", info->kind);
    snprintf(stored->path, sizeof stored->path, "%s", info->path);
    describe_shape(stored, out);
    stored->samples = info->samples;
    status = ebjr_preprocessing_parse(&out->preprocessing, request->scale, request->mean,
                                      request->std, info);
    if (!status)
        status = ebjr_preprocessing_describe(out->preprocessing_text,
                                             sizeof out->preprocessing_text, &out->preprocessing);
    return status ? status : ebjr_dataset_hash(stored->sha256, &stored->bytes, out->dataset);
}

static int load_libraries(const struct option_list *libraries)
{
    int status = 0;
    for (size_t i = 0; !status && i < libraries->count; i++)
        status = ebjr_backend_load_operators(libraries->items[i]);
    return status ? ebjr_error_context(status, "--library") : 0;
}

int live_open(struct live *out, const struct live_request *request)
{
    *out = (struct live){0};
    keep_freed_memory();
    int status = parse_plan(out, request);
    if (!status)
        status = ebjr_device_parse(&out->device, request->device);
    if (!status)
        status = memory_limit(request->memory, !out->device.cuda);
    if (!status)
        status = load_libraries(&request->libraries);
    if (!status && request->dataset)
        status = open_dataset(out, request);
    return status;
}

int live_put_dataset(struct live *live, ebjr_store *store, bool named)
{
    struct ebjr_stored_dataset *stored = &live->stored_dataset;
    const struct ebjr_class_names *names = ebjr_dataset_class_names(live->dataset);
    int status = ebjr_stored_dataset_put(store, stored);
    if (!status && names->count > 0 && (named || !*stored->names))
        status = ebjr_class_names_put(store, stored, names);
    return status;
}

void live_close(struct live *live)
{
    ebjr_dataset_close(live->dataset);
    live->dataset = NULL;
}

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

void live_model_name(char *out, size_t size, const char *text)
{
    const char *path;
    split_model(out, size, &path, text);
}

void live_describe_flops(struct ebjr_stored_run *run, const struct ebjr_model_info *info)
{
    const struct ebjr_flops *flops = &info->flops;
    run->flops = info->is_counted ? flops->op_counter : EBJR_UNKNOWN;
    run->flops_mac2 = info->is_counted ? flops->mac2 : EBJR_UNKNOWN;
    run->depth = info->is_counted ? flops->depth : EBJR_UNKNOWN;
    snprintf(run->flops_source, sizeof run->flops_source, "%s",
             info->is_counted ? "counted" : "unknown");
    snprintf(run->uncounted, sizeof run->uncounted, "%s", flops->uncounted);
    snprintf(run->uncounted_mac2, sizeof run->uncounted_mac2, "%s", flops->uncounted_mac2);
}

int live_identify(struct ebjr_stored_model *out, const char *text)
{
    const char *path;
    char absolute[PATH_MAX];
    *out = (struct ebjr_stored_model){.parameters = EBJR_UNKNOWN};
    split_model(out->name, sizeof out->name, &path, text);
    snprintf(out->path, sizeof out->path, "%s", realpath(path, absolute) ? absolute : path);
    return ebjr_hash_file(out->sha256, &out->bytes, path);
}

/* Debian's libtorch calls the system's BLAS, and the reference one is slow. */
static void warn_of_slow_blas(struct live *live)
{
    if (live->device.cuda || live->blas_checked)
        return;
    live->blas_checked = true;
    double rate = ebjr_backend_slow_blas();
    if (rate > 0)
        say("warning: matrix products run at %.1f GFLOP/s here: libtorch uses a slow BLAS; on "
            "Debian install libopenblas0-pthread",
            rate / 1e9);
}

int live_model_open(ebjr_model **out, struct live *live, struct ebjr_stored_model *stored)
{
    warn_of_slow_blas(live);
    int status = ebjr_model_open(out, stored->path, &live->device,
                                 &ebjr_dataset_describe(live->dataset)->shape);
    if (status)
        return status;
    const struct ebjr_model_info *info = ebjr_model_describe(*out);
    snprintf(stored->kind, sizeof stored->kind, "%s", info->backend);
    if (info->is_counted)
        stored->parameters = info->parameters;
    return 0;
}

int live_detector_open(ebjr_detector **out, struct live *live, struct ebjr_stored_model *stored,
                       const struct ebjr_plan *plan)
{
    warn_of_slow_blas(live);
    int status = ebjr_detector_open(out, stored->path, &live->device, plan);
    if (status)
        return status;
    const struct ebjr_detector_info *info = ebjr_detector_describe(*out);
    snprintf(stored->kind, sizeof stored->kind, "%s", info->backend);
    stored->parameters = info->parameters;
    return 0;
}

static void make_key(struct ebjr_trial_key *key, const struct live *live,
                     const struct ebjr_stored_model *stored, size_t batch)
{
    *key = (struct ebjr_trial_key){.model_id = stored->id,
                                   .asked_batch = (int64_t)batch,
                                   .asked_threads = (int64_t)live->threads};
    shape_text(key->shape, sizeof key->shape, live);
    snprintf(key->dtype, sizeof key->dtype, "%s", ebjr_dtype_name(live->dtype));
    ebjr_device_format(key->device, sizeof key->device, &live->device);
    ebjr_backend_version(key->library, sizeof key->library);
    ebjr_host_cpu(key->host, sizeof key->host);
}

/* Prepares the plan that an earlier search chose. EBJR_ENOTFOUND: there was none. */
static int prepare_known(ebjr_model *model, const struct live *live, ebjr_store *store,
                         const struct ebjr_trial_key *key)
{
    struct ebjr_trial *trials;
    size_t count;
    int status = ebjr_trial_list(&trials, &count, store, key);
    if (status)
        return status;
    status = EBJR_ENOTFOUND;
    for (size_t i = 0; i < count; i++) {
        struct ebjr_plan plan = {.dtype = live->dtype,
                                 .batch = (size_t)trials[i].batch,
                                 .threads = (size_t)trials[i].threads};
        if (trials[i].chosen && ebjr_plan_mode_find(&plan.mode, trials[i].mode) == 0 &&
            ebjr_model_prepare(model, &plan) == 0)
            status = 0;
    }
    free(trials);
    return status;
}

static void to_trial(struct ebjr_trial *out, const struct ebjr_candidate *candidate)
{
    *out = (struct ebjr_trial){.batch = (int64_t)candidate->plan.batch,
                               .threads = (int64_t)candidate->plan.threads,
                               .ns = EBJR_UNKNOWN,
                               .max_difference = candidate->max_difference,
                               .changed = EBJR_UNKNOWN,
                               .samples = candidate->samples,
                               .chosen = candidate->chosen};
    if (!isnan(candidate->ns))
        out->ns = llround(candidate->ns);
    if (!isnan(candidate->max_difference))
        out->changed = candidate->changed;
    snprintf(out->mode, sizeof out->mode, "%s", ebjr_plan_mode_name(candidate->plan.mode));
    snprintf(out->note, sizeof out->note, "%.255s", candidate->note);
    snprintf(out->program, sizeof out->program, "%s", EBJR_VERSION);
}

static int keep(ebjr_store *store, const struct ebjr_trial_key *key,
                const struct ebjr_candidate *candidates, size_t count)
{
    struct ebjr_trial *trials = calloc(count, sizeof *trials);
    if (!trials)
        return ebjr_error_memory();
    for (size_t i = 0; i < count; i++)
        to_trial(&trials[i], &candidates[i]);
    int status = ebjr_trial_put(store, key, trials, count);
    free(trials);
    return status;
}

/* inputs[*count] of the data set's first samples, preprocessed. The caller frees *out. */
static int read_inputs(float **out, size_t *count, const struct live *live)
{
    const struct ebjr_dataset_info *info = ebjr_dataset_describe(live->dataset);
    size_t size = info->shape.channels * info->shape.height * info->shape.width;
    int32_t labels[COMPARED];
    *count = info->samples < COMPARED ? (size_t)info->samples : COMPARED;
    void *pixels = malloc(*count * size * sizeof(float));
    *out = malloc(*count * size * sizeof(float));
    int status = pixels && *out ? ebjr_dataset_read(live->dataset, 0, *count, pixels, labels)
                                : ebjr_error_memory();
    if (!status)
        ebjr_preprocessing_apply(*out, pixels, *count, info, &live->preprocessing);
    free(pixels);
    return status;
}

int live_model_search(struct ebjr_candidate **out, size_t *count, ebjr_model *model,
                      struct live *live, ebjr_store *store, const struct ebjr_stored_model *stored,
                      size_t batch)
{
    struct progress progress;
    struct ebjr_trial_key key;
    float *inputs = NULL;
    struct ebjr_tune_request request = {.batch = batch,
                                        .threads = live->threads,
                                        .dtype = live->dtype,
                                        .mode = live->mode,
                                        .context = &progress,
                                        .progress = progress_step};
    char name[320];
    snprintf(name, sizeof name, "plans of %s", stored->name);
    progress_begin(&progress, name, 0);
    progress.unit = "plans";
    int status = read_inputs(&inputs, &request.count, live);
    request.inputs = inputs;
    if (!status)
        status = ebjr_tune(out, count, model, &request);
    progress_end(&progress);
    free(inputs);
    if (!status && store) {
        make_key(&key, live, stored, batch);
        status = keep(store, &key, *out, *count);
        if (status)
            free(*out);
    }
    return status ? ebjr_error_context(status, "plans of '%s'", stored->name) : 0;
}

static int prepare_named(ebjr_model *model, const struct live *live, size_t batch)
{
    struct ebjr_plan plan = {(enum ebjr_plan_mode)live->mode, live->dtype,
                             batch ? batch : DEFAULT_BATCH, live->threads};
    if (plan.mode == EBJR_PLAN_DIRECT && plan.threads == 0)
        plan.threads = plan.batch > 1 ? ebjr_processors() : 1;
    return ebjr_model_prepare(model, &plan);
}

int live_model_prepare(ebjr_model *model, struct live *live, ebjr_store *store,
                       const struct ebjr_stored_model *stored, size_t batch)
{
    struct ebjr_candidate *candidates;
    struct ebjr_trial_key key;
    size_t count;
    char text[EBJR_PLAN_TEXT];
    if (live->mode >= 0)
        return prepare_named(model, live, batch);
    if (store) {
        make_key(&key, live, stored, batch);
        int status = prepare_known(model, live, store, &key);
        if (status != EBJR_ENOTFOUND)
            return status;
    }
    int status = live_model_search(&candidates, &count, model, live, store, stored, batch);
    if (status)
        return status;
    free(candidates);
    ebjr_plan_format(text, ebjr_model_plan(model));
    say("plan of %s: %s", stored->name, text);
    return 0;
}
