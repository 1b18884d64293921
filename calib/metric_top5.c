#include "calib/metric_all.h"
#include "calib/metric_mean.h"

#include <stdlib.h>

static double worth(const struct ebjr_labelled *samples, const struct ebjr_answers *answers,
                    size_t sample)
{
    (void)samples;
    return answers->top5[sample] != 0;
}

const struct ebjr_metric ebjr_metric_top5 = {
    .name = "top5",
    .summary = "top-5 accuracy",
    .worth = worth,
    .open = ebjr_metric_mean_open,
    .move = ebjr_metric_mean_move,
    .value = ebjr_metric_mean_value,
    .close = free,
};
