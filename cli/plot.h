/* What a person asks of ebjr plot, and what draws it. */
#ifndef EBJR_CLI_PLOT_H
#define EBJR_CLI_PLOT_H

#include "cli/cascade.h"

#include <limits.h>

struct plot_request {
    struct cascade_request cascade;
    const char *kind, *cost, *score, *title, *max_p99;
    const char *out;  /* "pictures/curve" */
    double threshold; /* NaN: none is marked */
};

/* Where the picture goes: "pictures/curve" is the directory "pictures" and the name "curve". */
struct plot_target {
    char directory[PATH_MAX];
    const char *name;
};

/* Makes the directory where it is missing. Errors: EBJR_EINVAL, EBJR_EIO. */
int plot_target(struct plot_target *out, const struct plot_request *request);

/* What is asked for, or the data set and the models, in `out`. */
const char *plot_heading(char out[1024], const struct plot_request *request, const char *dataset,
                         const char *student, const char *teacher);

/* Accuracy against cost, a curve a score; a threshold is marked on the first. Errors:
 * EBJR_ENOTFOUND or EBJR_EINVAL costs that are not known; those of gnuplot. */
int plot_tradeoff(const struct plot_request *request, const struct cascade *cascade,
                  const struct ebjr_score *scores, size_t count);

/* The distributions of student, teacher, where a threshold is marked the cascade, and the cascade
 * as it was measured itself, if it was. */
int plot_latency(const struct plot_request *request, const struct cascade *cascade,
                 const struct ebjr_score *score);

/* Percentiles against requests a second, from measurements of the scenario "server". */
int plot_load(const struct plot_request *request);

#endif
