/*
 * The largest rate of requests that a service sustains with its 99th percentile of latency within a
 * budget: the `server` scenario at ever other rates.
 *
 * From half of what single requests achieve, the rate is doubled (or halved) until one probe keeps
 * the budget and one does not, then their interval is halved on a logarithmic scale. Every probe
 * draws the same arrivals, only faster, so that its chance does not differ from that of the others.
 * A probe is broken off once a tenth of all its requests took too long: it will not be within.
 */
#ifndef EBJR_BENCH_RATE_H
#define EBJR_BENCH_RATE_H

#include "bench/measure.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { EBJR_MOST_PROBES = 64, EBJR_LEAST_PROBE = 299 };

struct ebjr_probe {
    double qps;
    int64_t n;                     /* fewer than asked for where it was broken off */
    struct ebjr_interval p50, p99; /* ns */
    bool overloaded;
    bool within; /* p99 is, and the queue does not grow */
};

struct ebjr_rate {
    double qps;                    /* the largest that was found within; 0: none, `lone` says why */
    double above;                  /* the smallest that was not */
    struct ebjr_measured measured; /* at qps; owned */
    double lone; /* ns: what a request takes when no other is there, as a median, with its wait */
    int64_t dropped;                            /* by the warm-up, and to find `lone` */
    bool warm;                                  /* as in ebjr_measured */
    struct ebjr_probe probes[EBJR_MOST_PROBES]; /* in the order they were made */
    size_t probe_count;
};

struct ebjr_rate_request {
    double budget_ns; /* of the 99th percentile */
    double tolerance; /* the search ends when above / qps <= 1 + tolerance */
    void *context;
    /* Told of every probe that was not broken off; NULL: nobody. Errors: negative, which end it. */
    int (*probed)(void *context, double qps, const struct ebjr_measured *measured);
};

/*
 * `options` are those of the probes, but for qps and the scenario; their sink gets nothing. The
 * service is warmed up once. samples must be at least EBJR_LEAST_PROBE, the fewest whose largest
 * time is above the percentile with probability 0.95 (0.99^299 < 0.05); thousands are better. The
 * caller frees *out, also after an error, where it holds the probes until then. Errors: those of
 * ebjr_measure; EBJR_EINVAL a budget or tolerance that is not above 0, too few samples, also for
 * lack of time (limit_ns); a service that no rate overloads.
 */
int ebjr_rate_find(struct ebjr_rate *out, const struct ebjr_service *service,
                   const struct ebjr_measure_options *options,
                   const struct ebjr_rate_request *request);
void ebjr_rate_free(struct ebjr_rate *rate);

#ifdef __cplusplus
}
#endif
#endif
