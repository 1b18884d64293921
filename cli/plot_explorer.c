#include "base/error.h"
#include "calib/latency.h"
#include "cli/plot.h"
#include "cli/plot_promise.h"
#include "plots/explorer.h"

int plot_explorer(const struct plot_work *work)
{
    const struct cascade *cascade = work->cascade;
    const struct rule *rule = &work->rule;
    struct ebjr_curve curve = {0};
    struct ebjr_latency_curve latency = {0};
    struct ebjr_explorer_plot plot = {.title = work->heading,
                                      .curve = &curve,
                                      .student_flops = cascade->student_flops,
                                      .teacher_flops = cascade->teacher_flops,
                                      .threshold = rule->threshold};
    char text[PROMISE_TEXT];
    int status = ebjr_axis_fit(&plot.axis, rule->score, rule->scores, cascade->n,
                               plot_score_bound(work), rule->threshold);
    if (!status)
        status =
            ebjr_sweep(&curve, rule->scores, cascade->student_correct, rule->answer, cascade->n);
    if (!status && cascade->student_latency)
        status = ebjr_latency_sweep(&latency, &curve, rule->scores, cascade->student_latency,
                                    cascade->teacher_latency, cascade->n);
    if (!status) {
        plot.latency = latency.mean;
        promise_thresholds(&plot.region, text, work, &plot.axis);
        plot.note = plot.region.text ? "" : text;
        status = ebjr_explorer_draw(&plot, work->directory, work->name);
    }
    ebjr_latency_curve_free(&latency);
    ebjr_curve_free(&curve);
    return status;
}
