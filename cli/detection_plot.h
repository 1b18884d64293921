/* The trade-off picture of a cascade of detectors. */
#ifndef EBJR_CLI_DETECTION_PLOT_H
#define EBJR_CLI_DETECTION_PLOT_H

#include "cli/detection.h"
#include "cli/plot.h"

/* AP against cost, a curve a score. Errors: EBJR_EINVAL another kind of picture, or none of the
 * scores of images; those of plot_draw. */
int detection_plot(const struct plot_request *request, struct cascade *cascade);

#endif
