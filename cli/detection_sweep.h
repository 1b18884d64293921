/* What ebjr sweep prints of a cascade of detectors. */
#ifndef EBJR_CLI_DETECTION_SWEEP_H
#define EBJR_CLI_DETECTION_SWEEP_H

#include "cli/detection.h"

enum detection_view {
    DETECTION_POINTS, /* every threshold */
    DETECTION_BANDS,  /* the first metric at some student shares, with intervals */
    DETECTION_SUMMARY /* a row a score, the best first */
};

struct detection_sweep {
    const char *score;                 /* or "all" */
    const struct option_list *metrics; /* empty: ap */
    enum detection_view view;
    int64_t points; /* shares to show; 0: all */
    struct ebjr_bootstrap bootstrap;
    struct output output;
};

int detection_sweep_print(struct cascade *cascade, const struct detection_sweep *sweep);

#endif
