#include "cli/detection_plot.h"

#include "base/error.h"
#include "cli/plot_cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SERIES = 16 };

struct figure {
    struct detection detection;
    struct detection_curve curves[MOST_SERIES];
    struct ebjr_tradeoff_series series[MOST_SERIES];
    size_t count;
    double *scores;
};

static int add_curve(struct figure *figure, const struct ebjr_image_score *score, bool timed)
{
    static const enum ebjr_coco_figure ap = EBJR_COCO_AP;
    struct detection_curve *curve = &figure->curves[figure->count];
    int status = detection_score(figure->scores, &figure->detection, score);
    if (!status)
        status = detection_sweep(curve, &figure->detection, figure->scores, &ap, 1);
    figure->series[figure->count++] = (struct ebjr_tradeoff_series){
        score->name, &curve->curve, timed ? curve->latency.mean : NULL, curve->figures};
    return status;
}

/* The scores that are asked for, the marked one first; then the bounds. */
static int add_curves(struct figure *figure, const struct plot_request *request)
{
    const struct ebjr_image_score *asked, *all;
    size_t asked_count, count;
    bool timed = plot_cost_is(request->cost, "latency");
    int status =
        detection_select_scores(&asked, &asked_count, request->score ? request->score : "all");
    if (!status && !isnan(request->threshold) && asked_count > 1)
        status = ebjr_error_set(EBJR_EINVAL, "--threshold marks a point of one --score");
    for (size_t i = 0; !status && i < asked_count; i++)
        if (asked[i].kind == EBJR_SCORE_LOGITS)
            status = add_curve(figure, &asked[i], timed);
    all = ebjr_image_score_list(&count);
    for (size_t i = 0; !status && i < count; i++)
        if (all[i].kind != EBJR_SCORE_LOGITS)
            status = add_curve(figure, &all[i], timed);
    return status;
}

/* The first point of the curve at or below the threshold. */
static const struct ebjr_point *point_at(const struct ebjr_curve *curve, double threshold)
{
    size_t last = 0;
    for (size_t i = 0; i < curve->count && curve->points[i].threshold >= threshold; i++)
        last = i;
    return &curve->points[last];
}

static int draw(const struct figure *figure, const struct plot_request *request)
{
    const struct cascade *cascade = figure->detection.cascade;
    const struct detection_curve *first = &figure->curves[0];
    struct plot_target target;
    char label[128], heading[1024];
    snprintf(heading, sizeof heading, "%s: %s to %s", cascade->dataset.name, cascade->student.name,
             cascade->teacher.name);
    struct ebjr_tradeoff plot = {.title = request->title ? request->title : heading,
                                 .student = cascade->student.name,
                                 .teacher = cascade->teacher.name,
                                 .student_accuracy = first->figures[first->curve.count - 1],
                                 .teacher_accuracy = first->figures[0],
                                 .quality_label = "AP",
                                 .series = figure->series,
                                 .count = figure->count,
                                 .region = EBJR_REGION_ALL};
    if (!isnan(request->threshold))
        plot.mark = point_at(&first->curve, request->threshold);
    int status = plot_target(&target, request->out);
    if (!status)
        status = plot_cost_price(&plot, label, cascade, request->cost);
    return status ? status : ebjr_tradeoff_draw(&plot, target.directory, target.name);
}

int detection_plot(const struct plot_request *request, struct cascade *cascade)
{
    struct figure figure = {.count = 0};
    if (request->kind && strcmp(request->kind, plot_kind_name(0)) != 0)
        return ebjr_error_set(EBJR_EINVAL, "of detectors there is --kind %s only",
                              plot_kind_name(0));
    int status = detection_load(&figure.detection, cascade);
    if (!status)
        status = plot_cost_check(cascade, request->cost);
    if (!status && !(figure.scores = malloc(cascade->n * sizeof *figure.scores)))
        status = ebjr_error_memory();
    if (!status)
        status = add_curves(&figure, request);
    if (!status)
        status = draw(&figure, request);
    for (size_t i = 0; i < figure.count; i++)
        detection_curve_free(&figure.curves[i]);
    free(figure.scores);
    detection_free(&figure.detection);
    return status;
}
