#include "calib/metric_all.h"
#include "calib/metric_counts.h"

static double value(void *state)
{
    const struct ebjr_class_counts *counts = state;
    double sum = 0;
    size_t classes = 0;
    for (size_t k = 0; k < counts->samples->classes; k++) {
        if (counts->support[k] == 0)
            continue;
        sum += (double)counts->right[k] / (double)counts->support[k];
        classes++;
    }
    return sum / (double)classes;
}

const struct ebjr_metric ebjr_metric_balanced_accuracy = {
    .name = "balanced-accuracy",
    .summary = "the mean of the classes' accuracies",
    .open = ebjr_metric_counts_open,
    .move = ebjr_metric_counts_move,
    .value = value,
    .close = ebjr_metric_counts_close,
};
