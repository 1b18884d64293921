/* The trade-off picture: accuracy against the mean cost of a sample, one curve a score. */
#ifndef EBJR_PLOTS_TRADEOFF_H
#define EBJR_PLOTS_TRADEOFF_H

#include "calib/sweep.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_tradeoff_series {
    const char *name; /* "softmax-energy"; "random" and "oracle" are drawn as the bounds they are */
    const struct ebjr_curve *curve;
    const double *cost; /* [curve->count]; NULL: C_student + teacher_rate * C_teacher */
};

struct ebjr_tradeoff {
    const char *title;
    const char *student, *teacher; /* names beside their points */
    double student_cost, teacher_cost;
    const char *cost_label; /* "FLOPs a sample (op-counter)" */
    bool is_time;           /* costs are nanoseconds, drawn in the unit that suits them */
    const struct ebjr_tradeoff_series *series;
    size_t count;
    const struct ebjr_point *mark; /* an operating point of series[0]; NULL: none */
};

/*
 * Writes DIRECTORY/NAME.dat and NAME.gp and draws NAME.svg and NAME.png from them. A curve of very
 * many points is thinned: of each 1/1000 of the cost axis its first, lowest, highest and last point
 * are kept, which moves nothing by a pixel. Errors: EBJR_EIO; those of ebjr_gnuplot_run, after both
 * files were written.
 */
int ebjr_tradeoff_draw(const struct ebjr_tradeoff *plot, const char *directory, const char *name);

#ifdef __cplusplus
}
#endif
#endif
