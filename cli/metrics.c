#include "cli/metrics.h"

#include "base/error.h"
#include "calib/coco.h"

#include <stdio.h>
#include <string.h>

bool metrics_help_wanted(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--metric=help") == 0 ||
            (strcmp(argv[i], "help") == 0 && strcmp(argv[i - 1], "--metric") == 0))
            return true;
    return false;
}

void metrics_print_help(void)
{
    size_t count;
    const struct ebjr_metric *const *metrics = ebjr_metric_list(&count);
    printf("of classifiers, beside accuracy:\n");
    for (size_t i = 0; i < count; i++)
        printf("  %-20s%s%s\n", metrics[i]->name, metrics[i]->summary,
               metrics[i]->lower_is_better ? " (lower is better)" : "");
    printf("of detectors, as COCO defines them (default ap):\n ");
    for (int i = 0; i < EBJR_COCO_FIGURES; i++)
        printf(" %s", ebjr_coco_name((enum ebjr_coco_figure)i));
    printf("\n");
}

int metrics_select(struct metrics *out, const struct option_list *names)
{
    int status = 0;
    out->count = 0;
    if (names->count > SWEEP_FIGURES)
        return ebjr_error_set(EBJR_EINVAL, "--metric: at most %d", SWEEP_FIGURES);
    for (size_t i = 0; !status && i < names->count; i++) {
        status = ebjr_metric_find(&out->items[i], names->items[i]);
        if (status)
            break;
        out->figures[i] =
            (struct sweep_figure){out->items[i]->name, !out->items[i]->lower_is_better};
        out->count++;
    }
    return status ? ebjr_error_context(status, "--metric") : 0;
}

bool metrics_need_logits(const struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->count; i++)
        if (metrics->items[i]->needs_logits)
            return true;
    return false;
}

int metrics_sweep(double *out, const struct metrics *metrics, const struct cascade *cascade,
                  const struct ebjr_curve *curve, const double *score)
{
    const struct ebjr_labelled samples = {
        cascade->n,
        (size_t)cascade->teacher_run.classes,
        cascade->labels,
        {cascade->predictions, cascade->student_top5,
         cascade->is_specialised ? NULL : cascade->logits},
        {cascade->teacher_predictions, cascade->teacher_top5, cascade->teacher_logits}};
    int status = 0;
    for (size_t i = 0; !status && i < metrics->count; i++)
        status =
            ebjr_metric_sweep(out + i * curve->count, metrics->items[i], &samples, curve, score);
    return status;
}
