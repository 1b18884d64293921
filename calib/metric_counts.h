/* Metrics of how often each class is the label, is answered, and is answered rightly. */
#ifndef EBJR_CALIB_METRIC_COUNTS_H
#define EBJR_CALIB_METRIC_COUNTS_H

#include "calib/metric.h"

struct ebjr_class_counts {
    const struct ebjr_labelled *samples;
    int64_t *support, *predicted, *right; /* [classes] */
};

int ebjr_metric_counts_open(void **state, const struct ebjr_metric *self,
                            const struct ebjr_labelled *samples);
void ebjr_metric_counts_move(void *state, size_t sample);
void ebjr_metric_counts_close(void *state);

#endif
