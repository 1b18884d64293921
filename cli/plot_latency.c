#include "base/error.h"
#include "base/text.h"
#include "cli/cascade_latency.h"
#include "cli/plot.h"
#include "cli/plot_promise.h"
#include "plots/latency.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STUDENT, TEACHER, SERIES = 4 };

struct distributions {
    char name[160], measured_name[600]; /* of the cascade, as computed and as measured */
    double *cascade, *measured;
    struct ebjr_latency_series series[SERIES];
    size_t count;
};

/* Of the cascade as its models' latencies predict it. */
static int add_cascade(struct distributions *out, const struct plot_work *work)
{
    const struct cascade *cascade = work->cascade;
    const struct rule *rule = &work->rule;
    char text[128];
    out->cascade = malloc(cascade->n * sizeof *out->cascade);
    if (!out->cascade)
        return ebjr_error_memory();
    cascade_latencies(out->cascade, cascade, rule->scores, rule->threshold);
    snprintf(out->name, sizeof out->name, "cascade, %s", plot_rule_text(text, work));
    out->series[out->count++] = (struct ebjr_latency_series){out->name, out->cascade, cascade->n};
    return 0;
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

int plot_latency(const struct plot_work *work)
{
    const struct cascade *cascade = work->cascade;
    struct distributions distributions = {.count = 2};
    char text[PROMISE_TEXT];
    if (!cascade->student_latency)
        return ebjr_error_set(EBJR_ENOTFOUND,
                              "%s holds no latencies of both models: ebjr bench measures them, "
                              "ebjr import --latency-ns takes them",
                              work->request->cascade.db);
    distributions.series[STUDENT] =
        (struct ebjr_latency_series){cascade->student.name, cascade->student_latency, cascade->n};
    distributions.series[TEACHER] =
        (struct ebjr_latency_series){cascade->teacher.name, cascade->teacher_latency, cascade->n};
    int status = isnan(work->rule.threshold) ? 0 : add_cascade(&distributions, work);
    if (!status)
        status = add_measured(&distributions, cascade, work->request->cascade.db);
    if (!status) {
        struct ebjr_latency_plot plot = {
            .title = work->heading, .series = distributions.series, .count = distributions.count};
        promise_latency(&plot.region, text, work);
        status = ebjr_latency_draw(&plot, work->directory, work->name);
    }
    free(distributions.cascade);
    free(distributions.measured);
    return status;
}
