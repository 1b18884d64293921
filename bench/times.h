/*
 * A series of times in a room of fixed size, and what it says: percentiles and means with their
 * intervals.
 *
 * While the times fit they are all kept. When the room is full, of each two neighbours one is drawn
 * to stay, and from then on one of each two new ones is kept, then of each four, and so on: kept
 * times always stand in their order, and each was drawn uniformly from `stride` successive ones, so
 * that no period of the series (batches, a data set that starts over) can fall in step with what is
 * kept. Memory: 8 bytes a kept time, whatever the length of the series.
 */
#ifndef EBJR_BENCH_TIMES_H
#define EBJR_BENCH_TIMES_H

#include "calib/bootstrap.h"

#include <gsl/gsl_rng.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_times {
    int64_t *kept; /* [kept_count] ns, in order */
    size_t kept_count, capacity;
    int64_t stride; /* 1: all are kept; else a power of two */

    int64_t count, max; /* of the whole series, exactly; max 0 where there is none */
    double sum;

    int64_t place, chosen, candidate; /* in the group of `stride` times at hand */
    gsl_rng *random;
};

/* capacity >= 2. The caller frees. Errors: EBJR_EINVAL, EBJR_ENOMEM. */
int ebjr_times_start(struct ebjr_times *out, size_t capacity, uint64_t seed);
void ebjr_times_add(struct ebjr_times *times, int64_t ns);
void ebjr_times_clear(struct ebjr_times *times); /* starts over, empty */
void ebjr_times_free(struct ebjr_times *times);

/*
 * The q-quantile of the kept times, 0 < q < 1, with a two-sided interval for that of the times'
 * distribution, at `level`. low is 0 and high INFINITY where too few times are kept for a limit;
 * all NaN where there is none. Holds for successive times that depend on each other (a queue's), as
 * long as times that lie count / 32 apart hardly do, and those beyond the quantile came in some ten
 * separate spells at least: two spells of 0.5 % each say little of a 99th percentile.
 * O(kept_count), no memory.
 */
void ebjr_times_quantile(struct ebjr_interval *out, const struct ebjr_times *times, double q,
                         double level);

/* The mean of the whole series, with an interval by batch means of the kept times; -INFINITY and
 * INFINITY with fewer than two; NaN where there is none. */
void ebjr_times_mean(struct ebjr_interval *out, const struct ebjr_times *times, double level);

#ifdef __cplusplus
}
#endif
#endif
