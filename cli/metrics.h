/* Metrics beside accuracy, asked for by name: of classifiers those of calib/metric.h, of detectors
 * COCO's figures. */
#ifndef EBJR_CLI_METRICS_H
#define EBJR_CLI_METRICS_H

#include "calib/metric.h"
#include "cli/cascade.h"
#include "cli/sweep_table.h"

#define METRIC_ROW(target) \
    { \
        "metric", OPTION_LIST, target, "NAME", "a column for this metric; again; help lists them", \
            false \
    }

struct metrics {
    const struct ebjr_metric *items[SWEEP_FIGURES];
    struct sweep_figure figures[SWEEP_FIGURES]; /* their columns */
    size_t count;
};

/* "--metric help" asks for the list, and needs no option beside it. */
bool metrics_help_wanted(int argc, char **argv);
void metrics_print_help(void);

/* Of classifiers. Errors: EBJR_ENOTFOUND, EBJR_EINVAL too many. */
int metrics_select(struct metrics *out, const struct option_list *names);

/* Do they need logits of both models? */
bool metrics_need_logits(const struct metrics *metrics);

/* out[count][curve->count] of a cascade in memory. Errors: EBJR_ENOMEM, those of
 * ebjr_metric_sweep. */
int metrics_sweep(double *out, const struct metrics *metrics, const struct cascade *cascade,
                  const struct ebjr_curve *curve, const double *score);

#endif
