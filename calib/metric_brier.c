#include "base/softmax.h"
#include "calib/metric_all.h"
#include "calib/metric_mean.h"

#include <math.h>
#include <stdlib.h>

/* sum_k (p_k - [k = y])^2 = sum p_k^2 - 2 p_y + 1, with p_k = e_k / S. */
static double worth(const struct ebjr_labelled *samples, const struct ebjr_answers *answers,
                    size_t sample)
{
    const float *row = answers->logits + sample * samples->classes;
    struct ebjr_softmax sums;
    ebjr_softmax_sums(&sums, row, samples->classes, ebjr_logits_largest(row, samples->classes), 1,
                      EBJR_SOFTMAX_MOMENTS);
    double whole = 1 + sums.rest;
    double label = exp((double)row[samples->label[sample]] - sums.top) / whole;
    return (1 + sums.squares) / (whole * whole) - 2 * label + 1;
}

const struct ebjr_metric ebjr_metric_brier = {
    .name = "brier",
    .summary = "Brier score, 0 to 2",
    .lower_is_better = true,
    .needs_logits = true,
    .worth = worth,
    .open = ebjr_metric_mean_open,
    .move = ebjr_metric_mean_move,
    .value = ebjr_metric_mean_value,
    .close = free,
};
