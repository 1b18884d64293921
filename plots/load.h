/* The picture of latency under load: percentiles against requests a second. */
#ifndef EBJR_PLOTS_LOAD_H
#define EBJR_PLOTS_LOAD_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_load_point {
    double qps;      /* > 0 */
    double p50, p99; /* ns, >= 0 */
};

struct ebjr_load_series {
    const char *name;
    const struct ebjr_load_point *points; /* by ascending qps */
    size_t count;                         /* >= 1 */
};

struct ebjr_load_plot {
    const char *title;
    const struct ebjr_load_series *series;
    size_t count;    /* >= 1 */
    double most_p99; /* ns, > 0: a line to stay below; NaN: none */
};

/* Writes DIRECTORY/NAME.dat and NAME.gp and draws NAME.svg, NAME.png and NAME.pdf from them: p99
 * as a solid line, p50 as a dashed one, on a logarithmic axis. Errors: EBJR_EIO; those of
 * ebjr_gnuplot_run, after both files were written. */
int ebjr_load_draw(const struct ebjr_load_plot *plot, const char *directory, const char *name);

#ifdef __cplusplus
}
#endif
#endif
