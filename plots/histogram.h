/* The picture of a score: how it is distributed over samples that the student has right and that it
 * has wrong. */
#ifndef EBJR_PLOTS_HISTOGRAM_H
#define EBJR_PLOTS_HISTOGRAM_H

#include "plots/axis.h"
#include "plots/region.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_histogram_series {
    const char *name;      /* "student right" */
    const int64_t *counts; /* [bins] over the axis, from its low end */
    int64_t n;             /* their sum */
    int64_t kept;          /* of these, samples the student answers; -1: there is no threshold */
};

struct ebjr_histogram_plot {
    const char *title;
    struct ebjr_axis axis;
    size_t bins;
    const struct ebjr_histogram_series *series;
    size_t count;
    double threshold;          /* NaN: none */
    struct ebjr_region region; /* in positions of the axis */
};

/* Writes DIRECTORY/NAME.dat and NAME.gp and draws NAME.svg, NAME.png and NAME.pdf from them: of
 * each series the share of its samples in each bin. Errors: EBJR_EIO; those of ebjr_gnuplot_run,
 * after both files were written. */
int ebjr_histogram_draw(const struct ebjr_histogram_plot *plot, const char *directory,
                        const char *name);

#ifdef __cplusplus
}
#endif
#endif
