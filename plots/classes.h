/* The picture of classes: what a threshold does to each, the most harmed first. */
#ifndef EBJR_PLOTS_CLASSES_H
#define EBJR_PLOTS_CLASSES_H

#include "calib/slices.h"
#include "db/class_name.h"
#include "plots/picture.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_CLASSES_SHOWN = 30 };

struct ebjr_classes_plot {
    const char *title;
    const char *rule;                     /* "msp >= 0.98" */
    const struct ebjr_slice *slices;      /* a class each (slices.h) */
    size_t count;                         /* >= 1 */
    double delta;                         /* of their intervals */
    double harm;                          /* of all samples */
    double limit;                         /* certified of it; NaN: none */
    const struct ebjr_class_names *names; /* NULL: classes go by their numbers */
};

/*
 * Writes DIRECTORY/NAME.dat and NAME.gp and draws NAME.svg, NAME.png and NAME.pdf from them: of the
 * EBJR_CLASSES_SHOWN classes of the highest harm, of equal ones those whose interval begins higher,
 * then those of the lower number, harm and help with their intervals and the teacher rate. The
 * data holds all classes in that order. Errors: EBJR_EIO, EBJR_ENOMEM; those of ebjr_gnuplot_run,
 * after both files were written.
 */
int ebjr_classes_draw(const struct ebjr_classes_plot *plot, const char *directory,
                      const char *name);

#ifdef __cplusplus
}
#endif
#endif
