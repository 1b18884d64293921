#include "base/error.h"
#include "cli/plot.h"
#include "plots/risk_coverage.h"

#include <stdlib.h>

enum { MOST_SERIES = 16 };

struct figure {
    const struct plot_work *work;
    struct ebjr_risk_coverage curves[MOST_SERIES];
    struct ebjr_risk_coverage_series series[MOST_SERIES];
    size_t count;
};

static int add_curve(void *context, const char *name, const double *scores, const uint8_t *answer)
{
    struct figure *figure = context;
    const struct cascade *cascade = figure->work->cascade;
    (void)answer; /* the teacher has no part in it */
    if (figure->count == MOST_SERIES)
        return ebjr_error_set(EBJR_EINVAL, "more scores than a picture has room for");
    struct ebjr_risk_coverage *curve = &figure->curves[figure->count];
    int status = ebjr_risk_coverage(curve, scores, cascade->student_correct, cascade->n);
    if (!status)
        figure->series[figure->count++] = (struct ebjr_risk_coverage_series){name, curve};
    return status;
}

/* No score does worse than chance, none better than one that ranks each right answer above each
 * wrong one. */
static int add_bounds(struct figure *figure)
{
    const struct cascade *cascade = figure->work->cascade;
    size_t n = cascade->n;
    double *values = malloc(n * sizeof *values);
    int status = values ? ebjr_score_random(values, n, cascade->options.seed) : ebjr_error_memory();
    if (!status)
        status = add_curve(figure, "random", values, NULL);
    for (size_t i = 0; !status && i < n; i++)
        values[i] = (cascade->student_correct[i] ? (double)n : 0) - (double)i;
    if (!status)
        status = add_curve(figure, "perfect", values, NULL);
    free(values);
    return status;
}

/* Where the student answers at the threshold, and how often it is wrong there. */
static void mark(struct ebjr_risk_coverage_plot *plot, char text[256], const struct plot_work *work)
{
    const struct cascade *cascade = work->cascade;
    size_t answered = 0, wrong = 0;
    char rule[128];
    plot->region = (struct ebjr_region)EBJR_REGION_ALL;
    plot->coverage = plot->risk = NAN;
    for (size_t i = 0; i < cascade->n; i++) {
        bool answers = work->rule.scores[i] >= work->rule.threshold;
        answered += answers;
        wrong += answers && !cascade->student_correct[i];
    }
    if (isnan(work->rule.threshold) || answered == 0)
        return;
    plot->coverage = (double)answered / (double)cascade->n;
    plot->risk = (double)wrong / (double)answered;
    snprintf(text, 256, "%s, the student answers %.2f %% of the samples",
             plot_rule_text(rule, work), 100 * plot->coverage);
    plot->region.x_high = 100 * plot->coverage;
    plot->region.text = text;
}

int plot_risk_coverage(const struct plot_work *work)
{
    struct figure figure = {.work = work};
    char text[256];
    int status = plot_each_score(work, add_curve, &figure);
    if (!status)
        status = add_bounds(&figure);
    if (!status) {
        struct ebjr_risk_coverage_plot plot = {
            .title = work->heading, .series = figure.series, .count = figure.count};
        mark(&plot, text, work);
        status = ebjr_risk_coverage_draw(&plot, work->directory, work->name);
    }
    for (size_t i = 0; i < figure.count; i++)
        ebjr_risk_coverage_free(&figure.curves[i]);
    return status;
}
