#include "cli/cascade_latency.h"

#include "base/error.h"
#include "db/latency.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int measurement_read(int64_t **ns, int64_t **sample, ebjr_store *store,
                     const struct ebjr_stored_measurement *measurement)
{
    size_t m = (size_t)measurement->samples;
    *ns = calloc(m + 1, sizeof **ns);
    if (sample)
        *sample = calloc(m + 1, sizeof **sample);
    int status = *ns && (!sample || *sample) ? 0 : ebjr_error_memory();
    if (!status)
        status = ebjr_latency_read(*ns, sample ? *sample : NULL, store, measurement);
    if (status) {
        free(*ns);
        *ns = NULL;
        if (sample) {
            free(*sample);
            *sample = NULL;
        }
    }
    return status;
}

bool measurement_is_of(const struct ebjr_stored_measurement *measurement, const char *student,
                       const char *teacher)
{
    char head[2 * sizeof((struct ebjr_stored_model *)NULL)->name + 4];
    const char *subject = measurement->subject;
    int length = snprintf(head, sizeof head, "%s > %s", student, teacher);
    return measurement->model_id == EBJR_UNKNOWN && strncmp(subject, head, (size_t)length) == 0 &&
           (!subject[length] || strchr(", ", subject[length]));
}

int measurement_summarise(struct ebjr_measured_summary *out, ebjr_store *store,
                          const struct ebjr_stored_measurement *measurement)
{
    size_t m = (size_t)measurement->samples;
    int64_t *ns;
    int status = measurement_read(&ns, NULL, store, measurement);
    if (status)
        return status;
    double *latency = malloc((m + 1) * sizeof *latency);
    if (latency) {
        for (size_t j = 0; j < m; j++)
            latency[j] = (double)ns[j];
        status = ebjr_measured_summarise(out, latency, m);
    } else {
        status = ebjr_error_memory();
    }
    free(latency);
    free(ns);
    return status;
}

static int find_model(bool *found, struct cascade_timing *timing, ebjr_store *store,
                      const struct ebjr_stored_run *run)
{
    struct ebjr_stored_measurement *measurement = &timing->measurement;
    int status = ebjr_latency_newest(measurement, store, run->model_id, run->dataset_id);
    *found = !status && measurement->samples >= 1;
    if (!*found)
        measurement->samples = 0;
    return status == EBJR_ENOTFOUND ? 0 : status;
}

int cascade_find_latencies(struct cascade *out, ebjr_store *store)
{
    bool student = false, teacher = false;
    int status = find_model(&student, &out->student_timing, store, &out->student_run);
    if (!status)
        status = find_model(&teacher, &out->teacher_timing, store, &out->teacher_run);
    out->is_timed = student && teacher;
    return status;
}

static int read_model(double **out, struct cascade_timing *timing, ebjr_store *store,
                      const struct ebjr_stored_run *run)
{
    const struct ebjr_stored_measurement *measurement = &timing->measurement;
    size_t n = (size_t)run->samples;
    int64_t *ns, *sample;
    int status = measurement_read(&ns, &sample, store, measurement);
    if (status)
        return status;
    *out = malloc(n * sizeof **out);
    status = *out ? ebjr_measured_assign(*out, &timing->is_whole, n, sample, ns,
                                         (size_t)measurement->samples)
                  : ebjr_error_memory();
    free(ns);
    free(sample);
    return status ? ebjr_error_context(status, "%s: measurement %lld", ebjr_store_path(store),
                                       (long long)measurement->id)
                  : 0;
}

/* What one model alone has is read too: it may be wrong. */
int cascade_read_latencies(struct cascade *out, ebjr_store *store)
{
    int status = 0;
    if (out->student_timing.measurement.samples > 0)
        status = read_model(&out->student_latency, &out->student_timing, store, &out->student_run);
    if (!status && out->teacher_timing.measurement.samples > 0)
        status = read_model(&out->teacher_latency, &out->teacher_timing, store, &out->teacher_run);
    if (!out->is_timed) {
        free(out->student_latency);
        free(out->teacher_latency);
        out->student_latency = out->teacher_latency = NULL;
    }
    return status;
}

static void note_rounds(const struct cascade *cascade, const struct ebjr_stored_model *model,
                        const struct cascade_timing *timing, const struct note_target *target)
{
    if (!timing->is_whole)
        note(target,
             "not every sample was measured with '%s': sample i of %zu has latency i mod %lld",
             model->name, cascade->n, (long long)timing->measurement.samples);
}

void cascade_note_latencies(const struct cascade *cascade, const struct note_target *target)
{
    const struct ebjr_stored_measurement *student = &cascade->student_timing.measurement;
    const struct ebjr_stored_measurement *teacher = &cascade->teacher_timing.measurement;
    if (!cascade->student_latency)
        return;
    note_rounds(cascade, &cascade->student, &cascade->student_timing, target);
    note_rounds(cascade, &cascade->teacher, &cascade->teacher_timing, target);
    if (strcmp(student->device, teacher->device) != 0 ||
        strcmp(student->host, teacher->host) != 0 || student->threads != teacher->threads)
        note(target,
             "latencies of '%s' and '%s' were not measured alike (ebjr ls --measurements): "
             "their sums are of no one machine",
             cascade->student.name, cascade->teacher.name);
}

void cascade_latencies(double *latency, const struct cascade *cascade, const double *scores,
                       double threshold)
{
    for (size_t i = 0; i < cascade->n; i++)
        latency[i] = cascade->student_latency[i] +
                     (scores[i] >= threshold ? 0 : cascade->teacher_latency[i]);
}
