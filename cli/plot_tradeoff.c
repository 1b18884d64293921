#include "base/error.h"
#include "calib/latency.h"
#include "calib/measured.h"
#include "cli/plot.h"
#include "plots/tradeoff.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SERIES = 16 };

struct figure {
    struct ebjr_curve curves[MOST_SERIES];
    struct ebjr_latency_curve latencies[MOST_SERIES]; /* count 0: costs are not latencies */
    struct ebjr_tradeoff_series series[MOST_SERIES];
    size_t count;
};

static bool is_latency(const struct plot_request *request)
{
    return strcmp(request->cost, "latency") == 0;
}

static int add_curve(struct figure *figure, const struct plot_request *request,
                     const struct cascade *cascade, const struct ebjr_score *score, double *values)
{
    struct ebjr_curve *curve = &figure->curves[figure->count];
    struct ebjr_latency_curve *latency = &figure->latencies[figure->count];
    int status = cascade_score(values, cascade, score);
    if (!status)
        status = ebjr_sweep(curve, values, cascade->student_correct, cascade->teacher_correct,
                            cascade->n);
    figure->count += !status;
    if (!status && is_latency(request))
        status = ebjr_latency_sweep(latency, curve, values, cascade->student_latency,
                                    cascade->teacher_latency, cascade->n);
    if (!status)
        figure->series[figure->count - 1] =
            (struct ebjr_tradeoff_series){score->name, curve, latency->mean};
    return status;
}

static void figure_free(struct figure *figure)
{
    for (size_t i = 0; i < figure->count; i++) {
        ebjr_curve_free(&figure->curves[i]);
        ebjr_latency_curve_free(&figure->latencies[i]);
    }
}

/* The chosen scores, then the bounds that every picture shows. */
static int fill(struct figure *figure, const struct plot_request *request,
                const struct cascade *cascade, const struct ebjr_score *scores, size_t count,
                double *values)
{
    static const char *const bounds[] = {"random", "oracle"};
    int status = 0;
    for (size_t i = 0; !status && i < count; i++)
        if (scores[i].kind == EBJR_SCORE_LOGITS)
            status = add_curve(figure, request, cascade, &scores[i], values);
    for (size_t i = 0; !status && i < ROWS(bounds); i++) {
        const struct ebjr_score *score;
        status = ebjr_score_find(&score, bounds[i]);
        if (!status)
            status = add_curve(figure, request, cascade, score, values);
    }
    return status;
}

/* The ends of the axis, and what stands below it. */
static int price(struct ebjr_tradeoff *plot, char label[128], const struct plot_request *request,
                 const struct cascade *cascade)
{
    struct ebjr_measured_summary student, teacher;
    int status = 0;
    plot->cost_label = label;
    if (is_latency(request)) {
        snprintf(label, 128, "mean latency of a sample");
        status = ebjr_measured_summarise(&student, cascade->student_latency, cascade->n);
        if (!status)
            status = ebjr_measured_summarise(&teacher, cascade->teacher_latency, cascade->n);
        plot->student_cost = student.mean;
        plot->teacher_cost = teacher.mean;
        plot->is_time = true;
    } else if (strcmp(request->cost, "teacher-rate") == 0) {
        snprintf(label, 128, "teacher rate (%%)");
        plot->student_cost = 0;
        plot->teacher_cost = 100;
    } else {
        snprintf(label, 128, "FLOPs a sample (%s)",
                 strcmp(cascade->convention, "mac2") == 0 ? "2 x multiply-adds" : "op-counter");
        plot->student_cost = cascade->student_flops;
        plot->teacher_cost = cascade->teacher_flops;
    }
    return status;
}

static int draw(const struct plot_request *request, const struct cascade *cascade,
                const struct figure *figure, const struct ebjr_point *mark)
{
    char heading[1024], label[128];
    struct plot_target target;
    struct ebjr_tradeoff plot = {.title =
                                     plot_heading(heading, request, cascade->dataset.name,
                                                  cascade->student.name, cascade->teacher.name),
                                 .student = cascade->student.name,
                                 .teacher = cascade->teacher.name,
                                 .series = figure->series,
                                 .count = figure->count,
                                 .mark = mark};
    int status = plot_target(&target, request);
    if (!status)
        status = price(&plot, label, request, cascade);
    if (status)
        return status;
    return ebjr_tradeoff_draw(&plot, target.directory, target.name);
}

/* Whether the costs that are asked for are known. */
static int check_cost(const struct plot_request *request, const struct cascade *cascade)
{
    if (is_latency(request) && !cascade->student_latency)
        return ebjr_error_set(EBJR_ENOTFOUND,
                              "%s holds no latencies of both models: ebjr bench measures them, "
                              "ebjr import --latency-ns takes them",
                              request->cascade.db);
    if (strcmp(request->cost, "flops") == 0 &&
        (isnan(cascade->student_flops) || isnan(cascade->teacher_flops)))
        return ebjr_error_set(EBJR_EINVAL, "the FLOPs of a model are unknown, and so is the axis; "
                                           "import it with --flops N");
    return 0;
}

int plot_tradeoff(const struct plot_request *request, const struct cascade *cascade,
                  const struct ebjr_score *scores, size_t count)
{
    struct figure figure = {0};
    struct ebjr_point mark;
    double *values = NULL;
    bool marked = !isnan(request->threshold);
    int status = check_cost(request, cascade);
    if (!status && !(values = malloc(cascade->n * sizeof *values)))
        status = ebjr_error_memory();
    if (!status)
        status = fill(&figure, request, cascade, scores, count, values);
    if (!status && marked) {
        status = cascade_score(values, cascade, scores);
        ebjr_sweep_at(&mark, request->threshold, values, cascade->student_correct,
                      cascade->teacher_correct, cascade->n);
    }
    if (!status)
        status = draw(request, cascade, &figure, marked ? &mark : NULL);
    figure_free(&figure);
    free(values);
    return status;
}
