/*
 * bench: latency. A service (service.h) is measured on a clock (clock.h) in one of three scenarios;
 * the way of measuring is the same for the live cascade and for a simulated queue.
 *
 *   single   one request after the other; a time is that of one answer
 *   offline  batches as fast as they go, later stages gathered across batches where the service
 * can; a time is a sample's share of its batch (the last one's with the flush) server   Poisson
 * arrivals at `qps`; one server takes up to `batch` waiting requests, and waits for them at most
 * `max_wait_ns` from the arrival of the oldest; a time is that from a request's *scheduled* arrival
 * to its answer, so that a stall counts for every request that would have come during it (no
 * coordinated omission)
 */
#ifndef EBJR_BENCH_MEASURE_H
#define EBJR_BENCH_MEASURE_H

#include "bench/clock.h"
#include "bench/service.h"
#include "bench/warmup.h"
#include "calib/bootstrap.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ebjr_scenario { EBJR_SINGLE, EBJR_OFFLINE, EBJR_SERVER, EBJR_SCENARIOS };

/* "single", "offline", "server". */
const char *ebjr_scenario_name(enum ebjr_scenario scenario);

/* Errors: EBJR_ENOTFOUND. */
int ebjr_scenario_find(enum ebjr_scenario *out, const char *name);

enum { EBJR_KEPT_TIMES = 1 << 16, EBJR_LARGEST_BATCH = 1 << 20 };

struct ebjr_measure_options {
    enum ebjr_scenario scenario;
    int64_t samples; /* requests to measure; 0: no limit */
    int64_t
        limit_ns; /* time to measure for, after which no call begins; 0: no limit; one is needed */
    size_t batch; /* of offline and server: 1 .. EBJR_LARGEST_BATCH */
    size_t keep;  /* times kept, evenly thinned (times.h); `samples` or more keeps every one */
    double level; /* of intervals */
    uint64_t seed;
    struct ebjr_warmup_rule warmup;

    /* server */
    double qps;
    int64_t max_wait_ns;
    int64_t settle; /* first requests not counted, for the queue starts empty; < 0: a tenth of what
                       is to be measured, at least 100 */

    struct ebjr_clock clock;
    void *context; /* of the callbacks */
    /* Called now and then (some 20 times a second) between calls of the service, total 0 where it
     * is not known; non-zero stops. NULL: nobody asks. */
    int (*progress)(void *context, int64_t done, int64_t total);
    /* Takes every measured time, kept or not, between calls of the service: requests first ..
     * first+count-1 took ns each. Errors: negative, which ends the measurement. NULL: nobody. */
    int (*sink)(void *context, int64_t first, size_t count, int64_t ns);
};

/* 0.95, 65,536 kept times, the warm-up's defaults, the monotonic clock, batch 1, settle -1; no
 * limits yet. */
void ebjr_measure_defaults(struct ebjr_measure_options *out, enum ebjr_scenario scenario);

struct ebjr_measured {
    int64_t n;           /* requests measured */
    int64_t dropped;     /* requests answered before, in warming up and settling */
    bool warm;           /* the warm-up ended because times were flat (or none was asked for) */
    double teacher_rate; /* of the n */

    /* Nanoseconds; of n times, offline of `calls` times. NaN where n is 0. */
    struct ebjr_interval mean, p50, p90, p95, p99;
    double max;

    int64_t wall_ns;      /* from the first measured call to the last answer */
    int64_t busy_ns;      /* of it, within the service */
    int64_t calls;        /* of the service */
    double samples_per_s; /* n / wall; NaN where that is 0 */

    /* server: what full batches achieve, requests a second; NaN where none was full. At more than
     * that the queue grows for as long as requests come, and times say nothing but how long that
     * was. */
    double capacity;
    bool overloaded; /* qps >= capacity, and the queue did grow */

    int64_t *times; /* [kept] ns, in order, each of `stride` successive ones; owned */
    size_t kept;
    int64_t stride;
};

/*
 * Measures. The caller frees *out, also after an error, where it holds what was measured until
 * then. Errors: EBJR_EINVAL options that cannot be meant; EBJR_EINTERRUPTED progress said so;
 * EBJR_ENOMEM; those of the service.
 */
int ebjr_measure(struct ebjr_measured *out, const struct ebjr_service *service,
                 const struct ebjr_measure_options *options);
void ebjr_measured_free(struct ebjr_measured *measured);

#ifdef __cplusplus
}
#endif
#endif
