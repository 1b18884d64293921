#include "base/error.h"
#include "calib/histogram.h"
#include "cli/plot.h"
#include "plots/histogram.h"

#include <stdlib.h>

enum { BINS = 50, SERIES = 3 };

/* What the student is: right, wrong, wrong where the answer to a deferred sample is right. */
static bool belongs(const struct plot_work *work, size_t i, int series)
{
    bool right = work->cascade->student_correct[i];
    return series == 0 ? right : !right && (series == 1 || work->rule.answer[i]);
}

static void count_series(struct ebjr_histogram_series *out, int64_t *counts, uint8_t *use,
                         const double *positions, const struct plot_work *work,
                         const struct ebjr_axis *axis, int series)
{
    static const char *const names[] = {"student right", "student wrong",
                                        "student wrong, teacher right"};
    const struct rule *rule = &work->rule;
    size_t n = work->cascade->n;
    *out = (struct ebjr_histogram_series){.name = names[series], .counts = counts};
    out->kept = isnan(rule->threshold) ? -1 : 0;
    for (size_t i = 0; i < n; i++) {
        use[i] = belongs(work, i, series);
        out->n += use[i];
        out->kept += use[i] && rule->scores[i] >= rule->threshold;
    }
    ebjr_histogram(counts, BINS, axis->low, axis->high, positions, use, n);
}

static void mark(struct ebjr_histogram_plot *plot, char text[256], const struct plot_work *work)
{
    char rule[128];
    plot->region = (struct ebjr_region)EBJR_REGION_ALL;
    plot->threshold = work->rule.threshold;
    if (isnan(plot->threshold))
        return;
    snprintf(text, 256, "%s, the student answers", plot_rule_text(rule, work));
    plot->region.x_low = ebjr_axis_position(&plot->axis, plot->threshold);
    plot->region.text = text;
}

static int draw(const struct plot_work *work, const struct ebjr_axis *axis, double *positions,
                uint8_t *use)
{
    struct ebjr_histogram_series series[SERIES];
    int64_t counts[SERIES][BINS];
    char text[256];
    struct ebjr_histogram_plot plot = {
        .title = work->heading, .axis = *axis, .bins = BINS, .series = series, .count = SERIES};
    for (size_t i = 0; i < work->cascade->n; i++)
        positions[i] = ebjr_axis_position(axis, work->rule.scores[i]);
    for (int s = 0; s < SERIES; s++)
        count_series(&series[s], counts[s], use, positions, work, axis, s);
    mark(&plot, text, work);
    return ebjr_histogram_draw(&plot, work->directory, work->name);
}

int plot_histogram(const struct plot_work *work)
{
    size_t n = work->cascade->n;
    struct ebjr_axis axis;
    double *positions = malloc(n * sizeof *positions);
    uint8_t *use = malloc(n);
    int status = positions && use ? 0 : ebjr_error_memory();
    if (!status)
        status = ebjr_axis_fit(&axis, work->rule.score, work->rule.scores, n,
                               plot_score_bound(work), work->rule.threshold);
    if (!status)
        status = draw(work, &axis, positions, use);
    free(positions);
    free(use);
    return status;
}
