/* Metrics that are a mean of what each sample costs or earns. */
#ifndef EBJR_CALIB_METRIC_MEAN_H
#define EBJR_CALIB_METRIC_MEAN_H

#include "calib/metric.h"

int ebjr_metric_mean_open(void **state, const struct ebjr_metric *self,
                          const struct ebjr_labelled *samples);
void ebjr_metric_mean_move(void *state, size_t sample);
double ebjr_metric_mean_value(void *state);

#endif
