#include "calib/metric_all.h"
#include "calib/metric_counts.h"

static double macro(void *state)
{
    const struct ebjr_class_counts *counts = state;
    double sum = 0;
    size_t classes = 0;
    for (size_t k = 0; k < counts->samples->classes; k++) {
        int64_t either = counts->support[k] + counts->predicted[k];
        if (either == 0)
            continue;
        sum += 2 * (double)counts->right[k] / (double)either;
        classes++;
    }
    return sum / (double)classes;
}

static double micro(void *state)
{
    const struct ebjr_class_counts *counts = state;
    int64_t right = 0, either = 0;
    for (size_t k = 0; k < counts->samples->classes; k++) {
        right += counts->right[k];
        either += counts->support[k] + counts->predicted[k];
    }
    return 2 * (double)right / (double)either;
}

const struct ebjr_metric ebjr_metric_macro_f1 = {
    .name = "macro-f1",
    .summary = "the mean of the classes' F1",
    .open = ebjr_metric_counts_open,
    .move = ebjr_metric_counts_move,
    .value = macro,
    .close = ebjr_metric_counts_close,
};

const struct ebjr_metric ebjr_metric_micro_f1 = {
    .name = "micro-f1",
    .summary = "F1 of all classes' answers together",
    .open = ebjr_metric_counts_open,
    .move = ebjr_metric_counts_move,
    .value = micro,
    .close = ebjr_metric_counts_close,
};
