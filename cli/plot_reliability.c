#include "base/error.h"
#include "cli/plot.h"
#include "plots/reliability.h"

#include <stdlib.h>
#include <string.h>

enum { BINS = 15 }; /* as Guo et al. 2017 have */
static const double DELTA = 0.05;

/* The largest probability of each row of logits[n, classes]. */
static int find_confidence(double *confidence, const struct cascade *cascade, const float *logits)
{
    const struct ebjr_score *msp;
    int status = ebjr_score_find(&msp, "msp");
    for (size_t i = 0; !status && i < cascade->n; i++)
        confidence[i] = ebjr_score_evaluate(msp, logits + i * cascade->classes, cascade->classes,
                                            &cascade->options);
    return status;
}

/* Where the policy compares the confidence itself with its threshold, the student answers from
 * there on. */
static void shade(struct ebjr_region *out, char text[256], const struct plot_work *work)
{
    char rule[128];
    *out = (struct ebjr_region)EBJR_REGION_ALL;
    if (!work->policy || plot_score_bound(work) != 1 || strcmp(work->rule.score, "msp") != 0)
        return;
    snprintf(text, 256, "%s, the student answers", plot_rule_text(rule, work));
    out->x_low = 100 * work->rule.threshold;
    out->text = text;
}

int plot_reliability(const struct plot_work *work)
{
    const struct cascade *cascade = work->cascade;
    const float *logits[] = {cascade->logits, cascade->teacher_logits};
    const uint8_t *right[] = {cascade->student_correct, cascade->teacher_correct};
    struct ebjr_reliability_bin bins[2][BINS];
    struct ebjr_reliability_series series[] = {{cascade->student.name, bins[0], 0},
                                               {cascade->teacher.name, bins[1], 0}};
    struct ebjr_reliability_plot plot = {.title = work->heading,
                                         .temperature = cascade->options.temperature,
                                         .bins = BINS,
                                         .series = series,
                                         .count = cascade->teacher_logits ? 2 : 1};
    char text[256];
    double *confidence = malloc(cascade->n * sizeof *confidence);
    int status = confidence ? 0 : ebjr_error_memory();
    for (size_t m = 0; !status && m < plot.count; m++) {
        status = find_confidence(confidence, cascade, logits[m]);
        if (!status)
            status = ebjr_reliability(bins[m], &series[m].error, BINS, confidence, right[m],
                                      cascade->n, DELTA);
    }
    free(confidence);
    if (status)
        return status;
    shade(&plot.region, text, work);
    return ebjr_reliability_draw(&plot, work->directory, work->name);
}
