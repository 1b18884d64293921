#include "calib/metric_all.h"

#include "base/error.h"
#include "base/text.h"

#include <gsl/gsl_sort.h>
#include <stdlib.h>

static const struct ebjr_metric *const metrics[] = {
    &ebjr_metric_top5,     &ebjr_metric_balanced_accuracy,
    &ebjr_metric_macro_f1, &ebjr_metric_micro_f1,
    &ebjr_metric_nll,      &ebjr_metric_brier};
enum { METRICS = sizeof metrics / sizeof *metrics };

const struct ebjr_metric *const *ebjr_metric_list(size_t *count)
{
    *count = METRICS;
    return metrics;
}

int ebjr_metric_find(const struct ebjr_metric **out, const char *name)
{
    const char *names[METRICS];
    size_t at;
    for (size_t i = 0; i < METRICS; i++)
        names[i] = metrics[i]->name;
    int status = ebjr_name_find(&at, EBJR_ENOTFOUND, "metric", name, names, METRICS);
    if (!status)
        *out = metrics[at];
    return status;
}

static int check(const struct ebjr_metric *metric, const struct ebjr_labelled *samples)
{
    if (metric->needs_logits && (!samples->student.logits || !samples->teacher.logits))
        return ebjr_error_set(EBJR_EINVAL, "%s needs the logits of both models over all classes",
                              metric->name);
    for (size_t i = 0; i < samples->n; i++)
        if (samples->label[i] < 0 || (size_t)samples->label[i] >= samples->classes)
            return ebjr_error_set(EBJR_EINVAL,
                                  "sample %zu: its label is %d, but there are %zu "
                                  "classes",
                                  i, (int)samples->label[i], samples->classes);
    return 0;
}

int ebjr_metric_sweep(double *values, const struct ebjr_metric *metric,
                      const struct ebjr_labelled *samples, const struct ebjr_curve *curve,
                      const double *score)
{
    void *state = NULL;
    size_t n = samples->n, *ascending = NULL;
    int status = check(metric, samples);
    if (!status && !(ascending = malloc(n * sizeof *ascending)))
        status = ebjr_error_memory();
    if (!status)
        status = metric->open(&state, metric, samples);
    if (!status) {
        gsl_sort_index(ascending, score, 1, n);
        size_t left = n;
        for (size_t k = 0; k < curve->count; k++) {
            while (left > 0 && score[ascending[left - 1]] >= curve->points[k].threshold)
                metric->move(state, ascending[--left]);
            values[k] = metric->value(state);
        }
        metric->close(state);
    }
    free(ascending);
    return status;
}
