#include "cli/plot.h"

#include "base/error.h"
#include "base/text.h"
#include "cli/cascade_latency.h"
#include "plots/latency.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STUDENT, TEACHER, SERIES = 4 };

struct distributions {
    char name[128], measured_name[600]; /* of the cascade, as computed and as measured */
    double *cascade, *measured;
    struct ebjr_latency_series series[SERIES];
    size_t count;
};

static int add_cascade(struct distributions *out, const struct cascade *cascade,
                       const struct ebjr_score *score, double threshold)
{
    char number[EBJR_NUMBER_TEXT];
    double *scores = malloc(cascade->n * sizeof *scores);
    out->cascade = malloc(cascade->n * sizeof *out->cascade);
    int status =
        scores && out->cascade ? cascade_score(scores, cascade, score) : ebjr_error_memory();
    if (!status) {
        cascade_latencies(out->cascade, cascade, scores, threshold);
        snprintf(out->name, sizeof out->name, "cascade, %s >= %s", score->name,
                 ebjr_number_format(number, threshold));
        out->series[out->count++] =
            (struct ebjr_latency_series){out->name, out->cascade, cascade->n};
    }
    free(scores);
    return status;
}

/* The newest measurement of this cascade by single samples, if there is one. */
static int find_measured(struct ebjr_stored_measurement *out, bool *found, ebjr_store *store,
                         const struct cascade *cascade)
{
    struct ebjr_stored_measurement *stored;
    size_t count;
    *found = false;
    int status = ebjr_stored_measurement_list(&stored, &count, store);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++)
        if (stored[i].dataset_id == cascade->dataset.id && stored[i].batch == 1 &&
            stored[i].samples > 0 && strcmp(stored[i].scenario, "single") == 0 &&
            measurement_is_of(&stored[i], cascade->student.name, cascade->teacher.name)) {
            *out = stored[i];
            *found = true;
        }
    free(stored);
    return 0;
}

/* What was measured of the cascade itself, beside what follows from its models. */
static int add_measured(struct distributions *out, const struct cascade *cascade, const char *db)
{
    struct ebjr_stored_measurement measurement;
    ebjr_store *store = NULL;
    int64_t *ns = NULL;
    bool found = false;
    int status = ebjr_store_open(&store, db, EBJR_STORE_READ);
    if (!status)
        status = find_measured(&measurement, &found, store, cascade);
    if (!status && found)
        status = measurement_read(&ns, NULL, store, &measurement);
    ebjr_store_close(store);
    if (status || !found)
        return status;
    size_t m = (size_t)measurement.samples;
    out->measured = malloc(m * sizeof *out->measured);
    for (size_t j = 0; out->measured && j < m; j++)
        out->measured[j] = (double)ns[j];
    free(ns);
    if (!out->measured)
        return ebjr_error_memory();
    /* the heading says "student > teacher" */
    size_t head = strlen(cascade->student.name) + 3 + strlen(cascade->teacher.name);
    snprintf(out->measured_name, sizeof out->measured_name, "measured%s",
             measurement.subject + head);
    out->series[out->count++] = (struct ebjr_latency_series){out->measured_name, out->measured, m};
    return 0;
}

static int draw(const struct plot_request *request, const struct cascade *cascade,
                const struct distributions *distributions)
{
    char heading[1024];
    struct plot_target target;
    int status = plot_target(&target, request);
    if (status)
        return status;
    struct ebjr_latency_plot plot = {plot_heading(heading, request, cascade->dataset.name,
                                                  cascade->student.name, cascade->teacher.name),
                                     distributions->series, distributions->count};
    return ebjr_latency_draw(&plot, target.directory, target.name);
}

int plot_latency(const struct plot_request *request, const struct cascade *cascade,
                 const struct ebjr_score *score)
{
    struct distributions distributions = {.count = 2};
    int status = 0;
    if (!cascade->student_latency)
        return ebjr_error_set(EBJR_ENOTFOUND,
                              "%s holds no latencies of both models: ebjr bench measures them, "
                              "ebjr import --latency-ns takes them",
                              request->cascade.db);
    distributions.series[STUDENT] =
        (struct ebjr_latency_series){cascade->student.name, cascade->student_latency, cascade->n};
    distributions.series[TEACHER] =
        (struct ebjr_latency_series){cascade->teacher.name, cascade->teacher_latency, cascade->n};
    if (!isnan(request->threshold))
        status = add_cascade(&distributions, cascade, score, request->threshold);
    if (!status)
        status = add_measured(&distributions, cascade, request->cascade.db);
    if (!status)
        status = draw(request, cascade, &distributions);
    free(distributions.cascade);
    free(distributions.measured);
    return status;
}
