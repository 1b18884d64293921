/* Data of a report's explorer: the points of every curve that a slider stops at, as JSON. */
#ifndef EBJR_PLOTS_SLIDER_H
#define EBJR_PLOTS_SLIDER_H

#include "calib/latency.h"
#include "calib/sweep.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The chart's plotting area in its units, CSS pixels where there is room. */
enum { EBJR_SLIDER_WIDTH = 640, EBJR_SLIDER_HEIGHT = 320 };

struct ebjr_slider_series {
    const char *name;
    const char *option; /* what --score calls it; NULL: a router that is not to be had by name */
    const struct ebjr_curve *curve;
    const struct ebjr_latency_curve *latency; /* of latencies in whole ns; count 0: unknown */
    size_t mark;                              /* a point that must be there; SIZE_MAX: none */
};

struct ebjr_slider {
    const char *student, *teacher; /* names */
    const char *command; /* "ebjr eval --db ...", to which score and threshold are added */
    double student_flops, teacher_flops; /* NaN: unknown */
    const struct ebjr_slider_series *series;
    size_t count, first; /* first: the series that is shown at first */
};

/*
 * One JSON object, fit to stand in a <script>. Along a curve a point is left out where it is within
 * one pixel, both ways, of the last one kept; the first, the last, the marked and the most accurate
 * one are always kept. Counts, and latencies as sums over the samples and percentiles in ns, are
 * integers, each but the first of an array less the one before it. Errors: EBJR_ENOMEM.
 */
int ebjr_slider_write(FILE *file, const struct ebjr_slider *explorer);

#ifdef __cplusplus
}
#endif
#endif
