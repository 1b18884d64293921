/* The reliability diagram: accuracy against confidence. */
#ifndef EBJR_PLOTS_RELIABILITY_H
#define EBJR_PLOTS_RELIABILITY_H

#include "calib/reliability.h"
#include "plots/region.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_reliability_series {
    const char *name;                       /* of the model */
    const struct ebjr_reliability_bin *bin; /* [bins] */
    double error;                           /* its ECE */
};

struct ebjr_reliability_plot {
    const char *title;
    double temperature; /* said where it is not 1 */
    size_t bins;
    const struct ebjr_reliability_series *series;
    size_t count;
    struct ebjr_region region; /* in per cent of confidence */
};

/*
 * Writes DIRECTORY/NAME.dat and NAME.gp and draws NAME.svg, NAME.png and NAME.pdf from them: a
 * point a bin that has samples, with the interval of its accuracy, and below, as bars, the share of
 * the model's samples in each bin. Errors: EBJR_EIO; those of ebjr_gnuplot_run, after both files
 * were written.
 */
int ebjr_reliability_draw(const struct ebjr_reliability_plot *plot, const char *directory,
                          const char *name);

#ifdef __cplusplus
}
#endif
#endif
