#include "cli/cascade.h"

#include "base/error.h"
#include "base/parallel.h"
#include "base/text.h"
#include "calib/sweep.h"
#include "cli/cascade_latency.h"
#include "db/output.h"
#include "runtime/class_map.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SCORES = 32 };

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
                                                 "different outputs, which cannot be averaged")
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

/* Where one run's columns go, each [n]; NULL: not wanted. */
struct columns {
    uint8_t *correct, *top5;
    int32_t *labels, *predictions;
    float *logits;
};

static int read_run(ebjr_store *store, const struct ebjr_stored_run *run, size_t n,
                    const struct columns *out)
{
    ebjr_output_cursor *cursor;
    struct ebjr_output row;
    size_t read = 0, classes = (size_t)run->classes;
    int more = 0;
    int status = ebjr_output_cursor_open(&cursor, store, run, out->logits != NULL);
    if (status)
        return status;
    for (; read < n && (more = ebjr_output_cursor_next(cursor, &row)) > 0; read++) {
        out->correct[read] = row.correct;
        out->top5[read] = row.top5_correct;
        if (out->labels)
            out->labels[read] = row.label;
        if (out->predictions)
            out->predictions[read] = row.prediction;
        if (out->logits)
            memcpy(out->logits + read * classes, row.logits, classes * sizeof *out->logits);
    }
    ebjr_output_cursor_close(cursor);
    if (more < 0)
        return more;
    if (read < n)
        return ebjr_error_set(
            EBJR_ESTORE, "%s: run %lld holds fewer rows than it says; ebjr verify looks closer",
            ebjr_store_path(store), (long long)run->id);
    return 0;
}

static int read_outputs(struct cascade *out, ebjr_store *store, bool teacher_logits)
{
    size_t n = out->n;
    out->logits = malloc(n * out->classes * sizeof *out->logits);
    out->labels = malloc(n * sizeof *out->labels);
    out->predictions = malloc(n * sizeof *out->predictions);
    out->student_correct = malloc(n);
    out->teacher_correct = malloc(n);
    out->student_top5 = malloc(n);
    out->teacher_top5 = malloc(n);
    if (teacher_logits)
        out->teacher_logits = malloc(n * out->classes * sizeof *out->teacher_logits);
    if (!out->logits || !out->labels || !out->predictions || !out->student_correct ||
        !out->teacher_correct || !out->student_top5 || !out->teacher_top5 ||
        (teacher_logits && !out->teacher_logits))
        return ebjr_error_memory();
    struct columns student = {out->student_correct, out->student_top5, out->labels,
                              out->predictions, out->logits};
    struct columns teacher = {out->teacher_correct, out->teacher_top5, NULL, NULL,
                              out->teacher_logits};
    int status = read_run(store, &out->student_run, n, &student);
    return status ? status : read_run(store, &out->teacher_run, n, &teacher);
}

int cascade_load(struct cascade *out, const struct cascade_request *request)
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
        status = read_outputs(out, store, request->teacher_logits);
    }
    if (!status)
        status = cascade_read_latencies(out, store);
    if (!status)
        status = ebjr_class_names_read(&out->names, store, &out->dataset);
    ebjr_store_close(store);
    if (status)
        cascade_free(out);
    return status;
}

void cascade_free(struct cascade *cascade)
{
    free(cascade->logits);
    free(cascade->teacher_logits);
    free(cascade->labels);
    free(cascade->predictions);
    free(cascade->student_correct);
    free(cascade->teacher_correct);
    free(cascade->student_top5);
    free(cascade->teacher_top5);
    free(cascade->student_latency);
    free(cascade->teacher_latency);
    ebjr_class_names_free(&cascade->names);
    memset(cascade, 0, sizeof *cascade);
}

void cascade_never_other(double *scores, const struct cascade *cascade)
{
    for (size_t i = 0; cascade->is_specialised && i < cascade->n; i++)
        if (cascade->predictions[i] == EBJR_OTHER)
            scores[i] = EBJR_NEVER;
}

/* Scores to compute, out[count][n]. */
struct scoring {
    const struct cascade *cascade;
    const struct ebjr_score *scores;
    size_t count;
    double *out;
};

static void score_logits(void *context, size_t from, size_t to)
{
    const struct scoring *scoring = context;
    const struct cascade *cascade = scoring->cascade;
    for (size_t i = from; i < to; i++) {
        double row[MOST_SCORES] = {0};
        ebjr_score_evaluate_many(row, scoring->scores, scoring->count,
                                 cascade->logits + i * cascade->classes, cascade->classes,
                                 &cascade->options);
        for (size_t j = 0; j < scoring->count; j++)
            scoring->out[j * cascade->n + i] = row[j];
    }
}

size_t cascade_least_rows(const struct cascade *cascade)
{
    enum { LOGITS = 100000 };
    return LOGITS / cascade->classes + 1;
}

int cascade_scores(double *out, const struct cascade *cascade, const struct ebjr_score *scores,
                   size_t count)
{
    struct scoring scoring = {cascade, scores, count, out};
    bool any = false;
    int status = 0;
    if (count > MOST_SCORES)
        return ebjr_error_set(EBJR_EINVAL, "more scores at once than there are");
    for (size_t j = 0; j < count; j++)
        any |= scores[j].kind == EBJR_SCORE_LOGITS;
    if (any)
        ebjr_parallel(score_logits, &scoring, cascade->n, cascade_least_rows(cascade));
    for (size_t j = 0; !status && j < count; j++) {
        double *score = out + j * cascade->n;
        if (scores[j].kind == EBJR_SCORE_RANDOM)
            status = ebjr_score_random(score, cascade->n, cascade->options.seed);
        for (size_t i = 0; scores[j].kind == EBJR_SCORE_ORACLE && i < cascade->n; i++)
            score[i] = (double)cascade->student_correct[i] - (double)cascade->teacher_correct[i];
        if (!status)
            cascade_never_other(score, cascade);
    }
    return status;
}

int cascade_score(double *out, const struct cascade *cascade, const struct ebjr_score *score)
{
    return cascade_scores(out, cascade, score, 1);
}

int cascade_select_scores(const struct ebjr_score **first, size_t *count, const char *name)
{
    if (strcmp(name, "all") == 0) {
        *first = ebjr_score_list(count);
        return 0;
    }
    *count = 1;
    return ebjr_score_find(first, name);
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
