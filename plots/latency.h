/* The picture of latency distributions: what share of samples took no longer than that. */
#ifndef EBJR_PLOTS_LATENCY_H
#define EBJR_PLOTS_LATENCY_H

#include "plots/region.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_latency_series {
    const char *name;
    const double *ns; /* [n], >= 0, in any order */
    size_t n;         /* >= 1 */
};

struct ebjr_latency_plot {
    const char *title;
    const struct ebjr_latency_series *series;
    size_t count;              /* >= 1 */
    struct ebjr_region region; /* in ns, and shares 0..1 */
};

/*
 * Writes DIRECTORY/NAME.dat and NAME.gp and draws NAME.svg, NAME.png and NAME.pdf from them, with
 * p50, p95 and p99 (the ceil(q n)-th smallest) marked. The share F is drawn as -log10(1 - F), so
 * that the slow few are seen as well as the many: from 90 to 99 % is as far as from 0 to 90 %. The
 * slowest sample has F = 1 and lies beyond the axis. Long series are thinned (thin.h). Errors:
 * EBJR_EIO, EBJR_ENOMEM; those of ebjr_gnuplot_run, after both files were written.
 */
int ebjr_latency_draw(const struct ebjr_latency_plot *plot, const char *directory,
                      const char *name);

#ifdef __cplusplus
}
#endif
#endif
