/*
 * The server scenario, on one thread.
 *
 * Arrivals do not depend on the server: A_0 < A_1 < ... is a Poisson process that could have been
 * drawn beforehand. So which requests wait at a time t is no state that a second thread must
 * maintain: they are those with A_i <= t that have not been answered. The server is first come,
 * first served, so of the waiting ones it needs only the next `batch` (a ring of their arrivals),
 * and the schedule is drawn as it is needed: memory depends neither on the length of the queue nor
 * on the number of requests. Exponential gaps are summed in double, whose steps stay below a
 * nanosecond for 104 days.
 *
 * When the server is free and request i is the oldest unanswered, its batch is complete at the
 * arrival of i + batch - 1 and ends waiting at A_i + max_wait: it begins at the earlier of the two,
 * or now, if that has passed; and it takes what has arrived when it does begin. That the server
 * sleeps until the known arrival of the last request, instead of being woken by it, is the same.
 *
 * Requests go on arriving after the last one that is measured, so that it is batched like any.
 */
#include "base/error.h"
#include "bench/measurement.h"

#include <gsl/gsl_randist.h>

#include <math.h>
#include <stdlib.h>

enum { SLICE_NS = 50000000, LEAST_SETTLE = 100 };

struct schedule {
    gsl_rng *random;
    double mean_gap, next; /* ns from the start */
    int64_t start;
    int64_t *arrival; /* [batch] of request i at i % batch */
    size_t batch;
};

static int schedule_start(struct schedule *out, const struct measurement *self)
{
    const struct ebjr_measure_options *options = self->options;
    *out = (struct schedule){gsl_rng_alloc(gsl_rng_mt19937),
                             1e9 / options->qps,
                             0,
                             self->started,
                             malloc(options->batch * sizeof *out->arrival),
                             options->batch};
    if (!out->random || !out->arrival)
        return ebjr_error_memory();
    gsl_rng_set(out->random, options->seed ^ options->seed >> 32);
    return 0;
}

static void schedule_free(struct schedule *schedule)
{
    if (schedule->random)
        gsl_rng_free(schedule->random);
    free(schedule->arrival);
}

static void schedule_draw(struct schedule *schedule, int64_t request)
{
    schedule->next += gsl_ran_exponential(schedule->random, schedule->mean_gap);
    schedule->arrival[(size_t)request % schedule->batch] =
        schedule->start + (int64_t)schedule->next;
}

static int64_t arrival_of(const struct schedule *schedule, int64_t request)
{
    return schedule->arrival[(size_t)request % schedule->batch];
}

/* Waits in slices, so that a request to stop is heard. */
static int wait_until(struct measurement *self, int64_t time)
{
    const struct ebjr_clock *clock = &self->options->clock;
    int64_t now;
    while ((now = clock->now(clock->context)) < time) {
        int status = measurement_ask(self, now);
        if (status)
            return status;
        clock->wait_until(clock->context, time - now > SLICE_NS ? now + SLICE_NS : time);
    }
    return 0;
}

/* Waits for the batch whose oldest request is `first`; *count: how many are in it. */
static int gather(size_t *count, struct measurement *self, const struct schedule *schedule,
                  int64_t first)
{
    const struct ebjr_clock *clock = &self->options->clock;
    int64_t complete = arrival_of(schedule, first + (int64_t)schedule->batch - 1);
    int64_t deadline = arrival_of(schedule, first) + self->options->max_wait_ns;
    int status = wait_until(self, complete < deadline ? complete : deadline);
    int64_t now = clock->now(clock->context);
    *count = 1;
    while (*count < schedule->batch && arrival_of(schedule, first + (int64_t)*count) <= now)
        ++*count;
    return status;
}

/* The last call's requests first .. first+count-1, of which those from `settle` on count. */
static int record(struct measurement *self, const struct schedule *schedule, int64_t first,
                  size_t count, int64_t settle)
{
    int64_t limit = self->options->samples ? settle + self->options->samples : INT64_MAX;
    int64_t from = first < settle ? settle : first, last = first + (int64_t)count;
    int64_t to = last < limit ? last : limit, spent = self->end - self->begin;
    if (first <= settle && settle < last)
        self->started = self->begin;
    if (last <= settle)
        return 0;
    measurement_count(self, (size_t)(from - first), (size_t)(to - from));
    self->calls++;
    self->busy_ns += spent;
    if (count == schedule->batch) {
        self->full_calls++;
        self->full_ns += spent;
    }
    if (first <= settle)
        self->first_time = self->end - arrival_of(schedule, from);
    self->last_time = self->end - arrival_of(schedule, to - 1);
    int status = 0;
    for (int64_t i = from; !status && i < to; i++)
        status = measurement_add(self, i, 1, self->end - arrival_of(schedule, i));
    return status;
}

static int64_t requests_to_settle(const struct ebjr_measure_options *options)
{
    double expected = 1e-9 * (double)options->limit_ns * options->qps;
    if (options->samples > 0 && (options->limit_ns == 0 || (double)options->samples < expected))
        expected = (double)options->samples;
    if (options->settle >= 0)
        return options->settle;
    return (int64_t)fmin(fmax(LEAST_SETTLE, expected / 10), 1e15);
}

static int serve(struct measurement *self, struct schedule *schedule)
{
    int64_t settle = requests_to_settle(self->options), first = 0, drawn = 0;
    size_t count;
    int status = 0;
    while (!status && !(self->done > 0 && measurement_complete(self))) {
        while (drawn < first + (int64_t)schedule->batch)
            schedule_draw(schedule, drawn++);
        status = gather(&count, self, schedule, first);
        if (!status)
            status = measurement_call(self, self->service->answer, first, count);
        if (status)
            break;
        status = record(self, schedule, first, count, settle);
        first += (int64_t)count;
        if (self->done == 0 &&
            measurement_is_late(self)) /* so slow that settling takes all the time there is */
            settle = first;
        if (!status)
            status = measurement_ask(self, self->end);
    }
    self->dropped += settle < first ? settle : first;
    return status;
}

int measurement_serve(struct measurement *self)
{
    struct schedule schedule;
    int status = schedule_start(&schedule, self);
    if (!status)
        status = serve(self, &schedule);
    schedule_free(&schedule);
    return status;
}
