/* Metrics that are a mean of what each sample costs or earns. */
#ifndef EBJR_CALIB_METRIC_MEAN_H
#define EBJR_CALIB_METRIC_MEAN_H

#include "calib/metric.h"

/* What one sample is worth, answered by one of the models. */
typedef double ebjr_worth(const struct ebjr_labelled *samples, const struct ebjr_answers *answers,
                          size_t sample);

int ebjr_metric_mean_open(void **state, const struct ebjr_labelled *samples, ebjr_worth *worth);
void ebjr_metric_mean_move(void *state, size_t sample);
double ebjr_metric_mean_value(void *state);

#endif
