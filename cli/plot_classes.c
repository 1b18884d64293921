#include "base/error.h"
#include "calib/slices.h"
#include "calib/sweep.h"
#include "cli/plot.h"
#include "cli/plot_promise.h"
#include "plots/classes.h"

#include <stdlib.h>

static const double DELTA = 0.05;

int plot_classes(const struct plot_work *work)
{
    const struct cascade *cascade = work->cascade;
    const struct rule *rule = &work->rule;
    struct ebjr_slice *slices = NULL;
    struct ebjr_point point;
    size_t count;
    char text[128];
    uint8_t *keep = malloc(cascade->n);
    int status = keep ? 0 : ebjr_error_memory();
    for (size_t i = 0; !status && i < cascade->n; i++)
        keep[i] = rule->scores[i] >= rule->threshold;
    if (!status)
        status = ebjr_slices(&slices, &count, cascade->labels, keep, cascade->student_correct,
                             rule->answer, cascade->n, DELTA);
    if (!status) {
        ebjr_sweep_at(&point, rule->threshold, rule->scores, cascade->student_correct, rule->answer,
                      cascade->n);
        struct ebjr_classes_plot plot = {.title = work->heading,
                                         .rule = plot_rule_text(text, work),
                                         .slices = slices,
                                         .count = count,
                                         .delta = DELTA,
                                         .harm = (double)point.harm / (double)cascade->n,
                                         .limit = promise_harm(work),
                                         .names = &cascade->names};
        status = ebjr_classes_draw(&plot, work->target.directory, work->target.name);
    }
    free(slices);
    free(keep);
    return status;
}
