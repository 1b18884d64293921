/* The table of a sweep: a row a point of a curve, with what is known there. */
#ifndef EBJR_CLI_SWEEP_TABLE_H
#define EBJR_CLI_SWEEP_TABLE_H

#include "calib/latency.h"
#include "calib/sweep.h"
#include "cli/cascade.h"
#include "cli/table.h"

enum { SWEEP_FIGURES = 16, SWEEP_MOST_POINTS = 1000000 };

/* A figure of the cascade beside accuracy. */
struct sweep_figure {
    const char *name; /* "macro-f1"; its column is macro_f1 */
    bool is_fraction;
};

/* Which points of a curve are shown: the ends, and the first at or above each of `points` evenly
 * spread student shares; 0: all. */
struct sweep_thinning {
    int64_t n, points, next;
};
bool sweep_is_kept(struct sweep_thinning *thinning, const struct ebjr_point *point);

struct sweep_table {
    const struct cascade *cascade;
    int64_t points; /* as above */
    size_t figure_count;

    /* private */
    bool graded; /* answers are right or wrong: there are accuracy, harm and help */
    struct column columns[32];
    char names[SWEEP_FIGURES][32];
    struct table table;
};

/* The cascade says whether there are latencies. */
void sweep_table_begin(struct sweep_table *out, const struct cascade *cascade, int64_t points,
                       const struct sweep_figure *figures, size_t figure_count,
                       struct output output);

/* latency[4]: mean, p50, p95, p99, of which NaN is unknown; figures[figure_count]. */
void sweep_table_point(struct sweep_table *table, const char *score, const struct ebjr_curve *curve,
                       const struct ebjr_point *point, const double *latency,
                       const double *figures);

/* Every point that is to be shown. latency->count may be 0; figures[figure_count][curve->count]. */
void sweep_table_curve(struct sweep_table *table, const char *score, const struct ebjr_curve *curve,
                       const struct ebjr_latency_curve *latency, const double *figures);

int sweep_table_end(struct sweep_table *table);

#endif
