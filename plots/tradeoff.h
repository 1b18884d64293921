/* The trade-off picture: accuracy against the mean cost of a sample, one curve a score. */
#ifndef EBJR_PLOTS_TRADEOFF_H
#define EBJR_PLOTS_TRADEOFF_H

#include "calib/sweep.h"
#include "plots/region.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_tradeoff_series {
    const char *name; /* "softmax-energy"; "random" and "oracle" are drawn as the bounds they are */
    const struct ebjr_curve *curve;
    const double *cost;    /* [curve->count]; NULL: C_student + teacher_rate * C_teacher */
    const double *quality; /* [curve->count], 0..1; NULL: the curve's accuracy */
};

struct ebjr_tradeoff {
    const char *title;
    const char *student, *teacher; /* names of the models, each with its point */
    double student_cost, teacher_cost;
    double student_accuracy, teacher_accuracy; /* of each alone, 0..1 */
    const char *cost_label;                    /* "FLOPs a sample (op-counter)" */
    const char *quality_label;                 /* what accuracy is; NULL: "accuracy" */
    bool is_time; /* costs are nanoseconds, drawn in the unit that suits them */
    const struct ebjr_tradeoff_series *series;
    size_t count;                  /* >= 1 */
    const struct ebjr_point *mark; /* an operating point of series[0]; NULL: none */
    struct ebjr_region region;     /* in cost, and per cent of accuracy */
};

/*
 * Writes DIRECTORY/NAME.dat and NAME.gp and draws NAME.svg, NAME.png and NAME.pdf from them. Long
 * curves are thinned (thin.h). Errors: EBJR_EIO, EBJR_ENOMEM; those of ebjr_gnuplot_run, after both
 * files were written.
 */
int ebjr_tradeoff_draw(const struct ebjr_tradeoff *plot, const char *directory, const char *name);

#ifdef __cplusplus
}
#endif
#endif
