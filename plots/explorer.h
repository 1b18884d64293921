/* The picture of all thresholds of one score: accuracy, and who answers at what cost. */
#ifndef EBJR_PLOTS_EXPLORER_H
#define EBJR_PLOTS_EXPLORER_H

#include "calib/sweep.h"
#include "plots/axis.h"
#include "plots/region.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_explorer_plot {
    const char *title;
    struct ebjr_axis axis;
    const struct ebjr_curve *curve;
    double student_flops, teacher_flops; /* NaN: unknown */
    const double *latency;               /* [curve->count] mean, ns; NULL: unknown */
    double threshold;                    /* of an operating point; NaN: none */
    struct ebjr_region region;           /* in positions of the axis */
    const char *note;                    /* in the caption; "": none */
};

/*
 * Writes DIRECTORY/NAME.dat and NAME.gp and draws NAME.svg, NAME.png and NAME.pdf from them:
 * accuracy on the left axis; on the right one the student share, and FLOPs and mean latency as a
 * share of what asking both models always takes. Each is a step function of the threshold; long
 * ones are thinned (thin.h). Errors: EBJR_EIO, EBJR_ENOMEM; those of ebjr_gnuplot_run, after both
 * files were written.
 */
int ebjr_explorer_draw(const struct ebjr_explorer_plot *plot, const char *directory,
                       const char *name);

#ifdef __cplusplus
}
#endif
#endif
