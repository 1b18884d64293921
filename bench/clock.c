#include "bench/clock.h"

#include "base/monotonic.h"

#include <stddef.h>
#include <time.h>

enum { SECOND = 1000000000, SPIN = 200000 };

static int64_t monotonic_now(void *context)
{
    (void)context;
    return ebjr_monotonic_ns();
}

/* A sleep that a signal cuts short goes on spinning only where little is left. */
static void monotonic_wait_until(void *context, int64_t time)
{
    int64_t left;
    while ((left = time - monotonic_now(context)) > 0) {
        if (left <= SPIN)
            continue;
        int64_t wake = time - SPIN;
        struct timespec until = {(time_t)(wake / SECOND), (long)(wake % SECOND)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
}

struct ebjr_clock ebjr_clock_monotonic(void)
{
    return (struct ebjr_clock){NULL, monotonic_now, monotonic_wait_until};
}

static int64_t simulated_now(void *context)
{
    return *(int64_t *)context;
}

static void simulated_wait_until(void *context, int64_t time)
{
    int64_t *now = context;
    if (*now < time)
        *now = time;
}

struct ebjr_clock ebjr_clock_simulated(int64_t *time)
{
    return (struct ebjr_clock){time, simulated_now, simulated_wait_until};
}
