/* The risk-coverage picture: how often the student is wrong among the samples it is surest of. */
#ifndef EBJR_PLOTS_RISK_COVERAGE_H
#define EBJR_PLOTS_RISK_COVERAGE_H

#include "calib/risk_coverage.h"
#include "plots/region.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_risk_coverage_series {
    const char *name; /* "random" and "perfect" are drawn as the bounds they are */
    const struct ebjr_risk_coverage *curve;
};

struct ebjr_risk_coverage_plot {
    const char *title;
    const struct ebjr_risk_coverage_series *series;
    size_t count;              /* >= 1 */
    double coverage, risk;     /* of an operating point, 0..1; NaN: none */
    struct ebjr_region region; /* in per cent of coverage */
};

/*
 * Writes DIRECTORY/NAME.dat and NAME.gp and draws NAME.svg, NAME.png and NAME.pdf from them. The
 * risk of the first few samples is drawn as far as it is within the axis, which ends a little above
 * the highest risk at a coverage of 1/20 and more. Long curves are thinned (thin.h). Errors:
 * EBJR_EIO, EBJR_ENOMEM; those of ebjr_gnuplot_run, after both files were written.
 */
int ebjr_risk_coverage_draw(const struct ebjr_risk_coverage_plot *plot, const char *directory,
                            const char *name);

#ifdef __cplusplus
}
#endif
#endif
