#include "base/error.h"
#include "calib/latency.h"
#include "cli/plot.h"
#include "cli/plot_cost.h"
#include "cli/plot_promise.h"
#include "plots/tradeoff.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_SERIES = 16 };

struct figure {
    const struct plot_work *work;
    struct ebjr_curve curves[MOST_SERIES];
    struct ebjr_latency_curve latencies[MOST_SERIES]; /* count 0: costs are not latencies */
    struct ebjr_tradeoff_series series[MOST_SERIES];
    size_t count;
};

static int add_curve(void *context, const char *name, const double *scores, const uint8_t *answer)
{
    struct figure *figure = context;
    const struct cascade *cascade = figure->work->cascade;
    if (figure->count == MOST_SERIES)
        return ebjr_error_set(EBJR_EINVAL, "more scores than a picture has room for");
    struct ebjr_curve *curve = &figure->curves[figure->count];
    struct ebjr_latency_curve *latency = &figure->latencies[figure->count];
    int status = ebjr_sweep(curve, scores, cascade->student_correct, answer, cascade->n);
    figure->count += !status;
    if (!status && plot_cost_is(figure->work->request->cost, "latency"))
        status = ebjr_latency_sweep(latency, curve, scores, cascade->student_latency,
                                    cascade->teacher_latency, cascade->n);
    if (!status)
        figure->series[figure->count - 1] =
            (struct ebjr_tradeoff_series){name, curve, latency->mean, NULL};
    return status;
}

static void figure_free(struct figure *figure)
{
    for (size_t i = 0; i < figure->count; i++) {
        ebjr_curve_free(&figure->curves[i]);
        ebjr_latency_curve_free(&figure->latencies[i]);
    }
}

/* What every picture shows. */
static int add_bounds(struct figure *figure)
{
    static const char *const bounds[] = {"random", "oracle"};
    const struct cascade *cascade = figure->work->cascade;
    double *values = malloc(cascade->n * sizeof *values);
    int status = values ? 0 : ebjr_error_memory();
    for (size_t i = 0; !status && i < ROWS(bounds); i++) {
        const struct ebjr_score *score;
        status = ebjr_score_find(&score, bounds[i]);
        if (!status)
            status = cascade_score(values, cascade, score);
        if (!status)
            status = add_curve(figure, score->name, values, cascade->teacher_correct);
    }
    free(values);
    return status;
}

/* `figure` ends with a bound, which is of the teacher's own answers. */
static int draw(const struct plot_work *work, const struct figure *figure)
{
    const struct cascade *cascade = work->cascade;
    const struct ebjr_curve *bound = &figure->curves[figure->count - 1];
    char label[128], text[PROMISE_TEXT];
    struct ebjr_point mark;
    struct ebjr_tradeoff plot = {
        .title = work->heading,
        .student = cascade->student.name,
        .teacher = cascade->teacher.name,
        .student_accuracy = (double)bound->student_correct / (double)bound->n,
        .teacher_accuracy = (double)bound->teacher_correct / (double)bound->n,
        .series = figure->series,
        .count = figure->count};
    if (!isnan(work->rule.threshold)) {
        ebjr_sweep_at(&mark, work->rule.threshold, work->rule.scores, cascade->student_correct,
                      work->rule.answer, cascade->n);
        plot.mark = &mark;
    }
    promise_tradeoff(&plot.region, text, work, plot.teacher_accuracy);
    int status = plot_cost_price(&plot, label, cascade, work->request->cost);
    return status ? status : ebjr_tradeoff_draw(&plot, work->target.directory, work->target.name);
}

int plot_tradeoff(const struct plot_work *work)
{
    struct figure figure = {.work = work};
    int status = plot_cost_check(work->cascade, work->request->cost);
    if (!status)
        status = plot_each_score(work, add_curve, &figure);
    if (!status)
        status = add_bounds(&figure);
    if (!status)
        status = draw(work, &figure);
    figure_free(&figure);
    return status;
}
