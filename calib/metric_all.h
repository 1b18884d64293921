/* The metrics, a file each. */
#ifndef EBJR_CALIB_METRIC_ALL_H
#define EBJR_CALIB_METRIC_ALL_H

#include "calib/metric.h"

extern const struct ebjr_metric ebjr_metric_top5, ebjr_metric_balanced_accuracy,
    ebjr_metric_macro_f1, ebjr_metric_micro_f1, ebjr_metric_nll, ebjr_metric_brier;

#endif
