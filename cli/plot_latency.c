#include "cli/plot.h"

#include "base/error.h"
#include "base/text.h"
#include "cli/cascade_latency.h"
#include "plots/latency.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STUDENT, TEACHER, CASCADE, SERIES };

struct distributions {
    char name[128]; /* of the cascade */
    double *cascade;
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
    status = ebjr_latency_draw(&plot, target.directory, target.name);
    if (!status)
        plot_print_files(request);
    return status;
}

int plot_latency(const struct plot_request *request, const struct ebjr_score *score)
{
    struct cascade cascade = {0};
    struct distributions distributions = {.count = 2};
    int status = cascade_load(&cascade, &request->cascade);
    if (!status && !cascade.student_latency)
        status = ebjr_error_set(EBJR_ENOTFOUND,
                                "%s holds no latencies of both models: ebjr bench measures them, "
                                "ebjr import --latency-ns takes them",
                                request->cascade.db);
    if (!status) {
        cascade_warn_of_latencies(&cascade);
        distributions.series[STUDENT] =
            (struct ebjr_latency_series){cascade.student.name, cascade.student_latency, cascade.n};
        distributions.series[TEACHER] =
            (struct ebjr_latency_series){cascade.teacher.name, cascade.teacher_latency, cascade.n};
    }
    if (!status && !isnan(request->threshold))
        status = add_cascade(&distributions, &cascade, score, request->threshold);
    if (!status)
        status = draw(request, &cascade, &distributions);
    free(distributions.cascade);
    cascade_free(&cascade);
    return status;
}
