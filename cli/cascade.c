#include "cli/cascade.h"

#include "base/error.h"
#include "base/text.h"
#include "cli/cascade_latency.h"
#include "cli/cascade_rows.h"
#include "db/truth.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything the store says of its runs. */
struct catalogue {
    struct ebjr_stored_model *models;
    struct ebjr_stored_dataset *datasets;
    struct ebjr_stored_run *runs;
    size_t model_count, dataset_count, run_count;
};

static int catalogue_read(struct catalogue *catalogue, ebjr_store *store)
{
    memset(catalogue, 0, sizeof *catalogue);
    int status = ebjr_stored_model_list(&catalogue->models, &catalogue->model_count, store);
    if (!status)
        status = ebjr_stored_dataset_list(&catalogue->datasets, &catalogue->dataset_count, store);
    if (!status)
        status = ebjr_stored_run_list(&catalogue->runs, &catalogue->run_count, store);
    return status;
}

static void catalogue_free(struct catalogue *catalogue)
{
    free(catalogue->models);
    free(catalogue->datasets);
    free(catalogue->runs);
}

static const struct ebjr_stored_model *model_of(const struct catalogue *catalogue, int64_t id)
{
    for (size_t i = 0; i < catalogue->model_count; i++)
        if (catalogue->models[i].id == id)
            return &catalogue->models[i];
    return NULL;
}

static const struct ebjr_stored_dataset *dataset_of(const struct catalogue *catalogue, int64_t id)
{
    for (size_t i = 0; i < catalogue->dataset_count; i++)
        if (catalogue->datasets[i].id == id)
            return &catalogue->datasets[i];
    return NULL;
}

/* A model, or one run of it. */
struct reference {
    const char *text;
    int64_t model_id, run_id; /* 0: any */
};

static int resolve(struct reference *out, ebjr_store *store, const char *text)
{
    struct ebjr_stored_model model;
    *out = (struct reference){.text = text};
    int status = ebjr_stored_model_find(&model, store, text);
    if (!status)
        out->model_id = model.id;
    else if (status == EBJR_ENOTFOUND && strncmp(text, "run:", 4) == 0)
        return ebjr_integer_parse(&out->run_id, text + 4, 1, INT64_MAX);
    return status;
}

static bool fits(const struct ebjr_stored_run *run, const struct reference *reference)
{
    return reference->run_id ? run->id == reference->run_id : run->model_id == reference->model_id;
}

static int ambiguous(const struct catalogue *catalogue, const struct ebjr_stored_run *a,
                     const struct ebjr_stored_run *b)
{
    if (a->dataset_id != b->dataset_id)
        return ebjr_error_set(
            EBJR_EINVAL, "both models were run on '%s' and on '%s'; choose with --dataset",
            dataset_of(catalogue, a->dataset_id)->name, dataset_of(catalogue, b->dataset_id)->name);
    return ebjr_error_set(EBJR_EINVAL,
                          "'%s' was run on '%s' more than once (run:%lld with %s, run:%lld with "
                          "%s); name the run instead of the model",
                          model_of(catalogue, a->model_id)->name,
                          dataset_of(catalogue, a->dataset_id)->name, (long long)a->id,
                          a->preprocessing, (long long)b->id, b->preprocessing);
}

/* The one pair of runs over one data set that both references fit. */
static int choose_runs(const struct ebjr_stored_run **student,
                       const struct ebjr_stored_run **teacher, const struct catalogue *catalogue,
                       const struct reference *s, const struct reference *t, int64_t dataset_id)
{
    *student = *teacher = NULL;
    for (size_t i = 0; i < catalogue->run_count; i++) {
        const struct ebjr_stored_run *a = &catalogue->runs[i];
        if (!fits(a, s) || (dataset_id && a->dataset_id != dataset_id))
            continue;
        for (size_t j = 0; j < catalogue->run_count; j++) {
            const struct ebjr_stored_run *b = &catalogue->runs[j];
            if (!fits(b, t) || b->dataset_id != a->dataset_id)
                continue;
            if (*student)
                return *student == a ? ambiguous(catalogue, *teacher, b)
                                     : ambiguous(catalogue, *student, a);
            *student = a;
            *teacher = b;
        }
    }
    if (!*student)
        return ebjr_error_set(EBJR_ENOTFOUND,
                              "'%s' and '%s' were not run on the same data set; ebjr ls shows what "
                              "is stored",
                              s->text, t->text);
    return 0;
}

static int check_complete(const struct catalogue *catalogue, const struct ebjr_stored_run *run,
                          const ebjr_store *store)
{
    int status = ebjr_stored_run_check_whole(run, dataset_of(catalogue, run->dataset_id), store);
    if (status || run->done == run->samples)
        return status;
    return ebjr_error_set(EBJR_ENOTFOUND,
                          "the run of '%s' holds %lld of %lld samples; ebjr run (or import) with "
                          "the same options completes it",
                          model_of(catalogue, run->model_id)->name, (long long)run->done,
                          (long long)run->samples);
}

static bool is_of_detection(const struct ebjr_stored_dataset *dataset)
{
    return dataset && strcmp(dataset->kind, EBJR_COCO_KIND) == 0;
}

static int check_kind(const struct ebjr_stored_dataset *dataset,
                      const struct cascade_request *request)
{
    if (!is_of_detection(dataset) || request->detectors)
        return 0;
    return ebjr_error_set(EBJR_EINVAL,
                          "'%s' holds objects to detect, and this is for classifiers only; ebjr "
                          "eval, sweep, pick, plot and compare take detectors",
                          dataset->name);
}

/* Do both answer the same question? */
static int check_pair(const struct ebjr_stored_run *student, const struct ebjr_stored_run *teacher,
                      const struct cascade_request *request)
{
    if (*teacher->class_map)
        return ebjr_error_set(EBJR_EINVAL,
                              "'%s' knows only some of the classes and cannot be a "
                              "teacher",
                              request->teacher);
    if (*student->class_map)
        return request->teacher_logits
                   ? ebjr_error_set(EBJR_EINVAL, "a specialised student and its teacher have "
                                                 "different outputs, which cannot be put together")
                   : 0;
    if (student->classes != teacher->classes)
        return ebjr_error_set(EBJR_EINVAL,
                              "'%s' has %lld classes and '%s' %lld: they answer "
                              "different questions",
                              request->student, (long long)student->classes, request->teacher,
                              (long long)teacher->classes);
    return 0;
}

static int identify(struct cascade *out, ebjr_store *store, const struct cascade_request *request)
{
    struct catalogue catalogue;
    struct reference student, teacher;
    const struct ebjr_stored_run *s = NULL, *t = NULL;
    struct ebjr_stored_dataset dataset = {0};
    int status = catalogue_read(&catalogue, store);
    if (!status)
        status = resolve(&student, store, request->student);
    if (!status)
        status = resolve(&teacher, store, request->teacher);
    if (!status && request->dataset)
        status = ebjr_stored_dataset_find(&dataset, store, request->dataset);
    if (!status)
        status = choose_runs(&s, &t, &catalogue, &student, &teacher, dataset.id);
    if (!status)
        status = check_complete(&catalogue, s, store);
    if (!status)
        status = check_complete(&catalogue, t, store);
    if (!status)
        status = check_kind(dataset_of(&catalogue, s->dataset_id), request);
    if (!status && !is_of_detection(dataset_of(&catalogue, s->dataset_id)))
        status = check_pair(s, t, request);
    if (!status) {
        out->student_run = *s;
        out->teacher_run = *t;
        out->student = *model_of(&catalogue, s->model_id);
        out->teacher = *model_of(&catalogue, t->model_id);
        out->dataset = *dataset_of(&catalogue, s->dataset_id);
        out->n = (size_t)s->samples;
        out->classes = (size_t)s->classes;
        out->is_specialised = *s->class_map != 0;
        out->is_detection = is_of_detection(&out->dataset);
    }
    catalogue_free(&catalogue);
    return status;
}

static int read_options(struct cascade *out, const struct cascade_request *request)
{
    const char *precision = request->precision ? request->precision : "double";
    out->convention = request->convention ? request->convention : "op-counter";
    out->options = (struct ebjr_score_options){
        .temperature = request->temperature, .p = request->p, .seed = (uint64_t)request->seed};
    if (!(request->temperature > 0) || !isfinite(request->temperature))
        return ebjr_error_set(EBJR_EINVAL, "--temperature must be above 0");
    if (!(request->p > 0) || !isfinite(request->p))
        return ebjr_error_set(EBJR_EINVAL, "--p must be above 0");
    if (strcmp(precision, "float32") == 0)
        out->options.precision = EBJR_FLOAT32;
    else if (strcmp(precision, "double") != 0)
        return ebjr_error_set(EBJR_EINVAL, "--precision is double or float32, not '%s'", precision);
    if (strcmp(out->convention, "op-counter") != 0 && strcmp(out->convention, "mac2") != 0)
        return ebjr_error_set(EBJR_EINVAL, "--flops-convention is op-counter or mac2, not '%s'",
                              out->convention);
    return 0;
}

static double flops_of(const struct cascade *cascade, const struct ebjr_stored_run *run)
{
    bool mac2 = strcmp(cascade->convention, "mac2") == 0;
    int64_t flops = mac2 ? run->flops_mac2 : run->flops;
    return flops == EBJR_UNKNOWN ? NAN : (double)flops;
}

/* Which logits are held: those that are needed in memory, and those that are read often and little.
 */
static unsigned held_logits(const struct cascade *cascade, const struct cascade_request *request)
{
    static const double LITTLE = 256 << 20; /* bytes */
    double size = (double)cascade->n * (double)cascade->classes * sizeof *cascade->logits;
    if (request->teacher_logits)
        return ROWS_LOGITS | ROWS_TEACHER_LOGITS;
    bool held =
        request->logits == LOGITS_HELD || (request->logits == LOGITS_OFTEN && size <= LITTLE);
    return held ? ROWS_LOGITS : 0;
}

int cascade_find(struct cascade *out, const struct cascade_request *request)
{
    ebjr_store *store = NULL;
    memset(out, 0, sizeof *out);
    int status = read_options(out, request);
    if (!status)
        status = ebjr_store_open(&store, request->db, EBJR_STORE_READ);
    if (!status)
        status = identify(out, store, request);
    if (!status) {
        out->student_flops = flops_of(out, &out->student_run);
        out->teacher_flops = flops_of(out, &out->teacher_run);
        out->held = held_logits(out, request);
        out->db = strdup(request->db);
        status = out->db ? 0 : ebjr_error_memory();
    }
    if (!status && !request->untimed)
        status = cascade_find_latencies(out, store);
    if (!status)
        status = ebjr_class_names_read(&out->names, store, &out->dataset);
    ebjr_store_close(store);
    if (status)
        cascade_free(out);
    return status;
}

bool cascade_is_of_detectors(const struct cascade_request *request)
{
    struct cascade_request asked = *request;
    struct cascade cascade = {0};
    asked.detectors = true;
    int status = cascade_find(&cascade, &asked);
    bool detectors = !status && cascade.is_detection;
    cascade_free(&cascade);
    return detectors;
}

/* All rows are one block, whose memory the cascade takes over. */
static int read_rows(struct cascade *out)
{
    struct cascade_rows rows;
    int status = cascade_rows_open(&rows, out, ROWS_TEACHER | out->held, out->n);
    if (!status)
        status = cascade_rows_next(&rows);
    if (status > 0) {
        out->labels = rows.labels;
        out->predictions = rows.predictions;
        out->teacher_predictions = rows.teacher_predictions;
        out->student_correct = rows.student_correct;
        out->student_top5 = rows.student_top5;
        out->teacher_correct = rows.teacher_correct;
        out->teacher_top5 = rows.teacher_top5;
        out->logits = rows.logits;
        out->teacher_logits = rows.teacher_logits;
        rows.is_lent = true;
    }
    cascade_rows_close(&rows);
    return status < 0 ? status : 0;
}

int cascade_read_timing(struct cascade *out)
{
    ebjr_store *store = NULL;
    bool any =
        out->student_timing.measurement.samples > 0 || out->teacher_timing.measurement.samples > 0;
    int status = any ? ebjr_store_open(&store, out->db, EBJR_STORE_READ) : 0;
    if (!status && any)
        status = cascade_read_latencies(out, store);
    ebjr_store_close(store);
    return status;
}

int cascade_read(struct cascade *out)
{
    int status = read_rows(out);
    return status ? status : cascade_read_timing(out);
}

int cascade_load(struct cascade *out, const struct cascade_request *request)
{
    int status = cascade_find(out, request);
    if (!status)
        status = cascade_read(out);
    if (status)
        cascade_free(out);
    return status;
}

void cascade_free(struct cascade *cascade)
{
    free(cascade->db);
    free(cascade->logits);
    free(cascade->teacher_logits);
    free(cascade->labels);
    free(cascade->predictions);
    free(cascade->teacher_predictions);
    free(cascade->student_correct);
    free(cascade->teacher_correct);
    free(cascade->student_top5);
    free(cascade->teacher_top5);
    free(cascade->student_latency);
    free(cascade->teacher_latency);
    ebjr_class_names_free(&cascade->names);
    memset(cascade, 0, sizeof *cascade);
}

void note(const struct note_target *target, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    target->take(target->context, text);
}

static void note_flops(const struct cascade *cascade, const struct ebjr_stored_model *model,
                       const struct ebjr_stored_run *run, const struct note_target *target)
{
    bool mac2 = strcmp(cascade->convention, "mac2") == 0;
    const char *uncounted = mac2 ? run->uncounted_mac2 : run->uncounted;
    if (*uncounted)
        note(target, "FLOPs of '%s' are incomplete (%s): they leave out %s", model->name,
             cascade->convention, uncounted);
    if (strcmp(run->flops_source, "given") == 0)
        note(target, "FLOPs of '%s' were given by hand, whatever the convention", model->name);
    if (strcmp(run->flops_source, "unknown") == 0)
        note(target, "FLOPs of '%s' are unknown; import it with --flops", model->name);
}

void cascade_notes(const struct cascade *cascade, const struct note_target *target)
{
    note_flops(cascade, &cascade->student, &cascade->student_run, target);
    note_flops(cascade, &cascade->teacher, &cascade->teacher_run, target);
    cascade_note_latencies(cascade, target);
}

static void say_note(void *context, const char *text)
{
    (void)context;
    say("note: %s", text);
}

void cascade_warn(const struct cascade *cascade)
{
    cascade_notes(cascade, &(struct note_target){say_note, NULL});
}

void cascade_warn_of_latencies(const struct cascade *cascade)
{
    cascade_note_latencies(cascade, &(struct note_target){say_note, NULL});
}
