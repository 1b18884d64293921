#include "base/answer.h"
#include "calib/metric_all.h"
#include "calib/metric_mean.h"

#include <stdlib.h>

static double worth(const struct ebjr_labelled *samples, const struct ebjr_answers *answers,
                    size_t sample)
{
    const float *row = answers->logits + sample * samples->classes;
    return -ebjr_log_probability(row[samples->label[sample]],
                                 ebjr_partition_of(row, samples->classes));
}

const struct ebjr_metric ebjr_metric_nll = {
    .name = "nll",
    .summary = "negative log-likelihood of the label, nats",
    .lower_is_better = true,
    .needs_logits = true,
    .worth = worth,
    .open = ebjr_metric_mean_open,
    .move = ebjr_metric_mean_move,
    .value = ebjr_metric_mean_value,
    .close = free,
};
