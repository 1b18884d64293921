/* Clocks: what time it is, and waiting for a time. Two functions, so that queues can be run on a
 * simulated clock, exactly and in no time. */
#ifndef EBJR_BENCH_CLOCK_H
#define EBJR_BENCH_CLOCK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Times are nanoseconds since an origin of the clock's own; they never decrease. */
struct ebjr_clock {
    void *context;
    int64_t (*now)(void *context);
    void (*wait_until)(void *context, int64_t time); /* a time that has passed: returns at once */
};

/* CLOCK_MONOTONIC. It sleeps up to shortly before the time and spins for the rest, as sleepers are
 * woken late by some 50 us on an idle machine, and such lateness would count as latency. */
struct ebjr_clock ebjr_clock_monotonic(void);

/* A clock that stands still but for waits, and for what advances *time, which is borrowed. */
struct ebjr_clock ebjr_clock_simulated(int64_t *time);

#ifdef __cplusplus
}
#endif
#endif
