/* Inside of bench: a measurement under way, which the scenarios drive. */
#ifndef EBJR_BENCH_MEASUREMENT_H
#define EBJR_BENCH_MEASUREMENT_H

#include "bench/measure.h"
#include "bench/times.h"

typedef int ebjr_answer_call(void *context, uint8_t *deferred, int64_t first, size_t count);

struct measurement {
    const struct ebjr_service *service;
    const struct ebjr_measure_options *options;
    struct ebjr_times times;
    uint8_t *deferred;  /* [batch] */
    int64_t begin, end; /* of the last call */
    int64_t asked;      /* when progress was told last */

    int64_t started, done, taught, dropped, calls, busy_ns;
    int64_t full_calls, full_ns;   /* server: of full batches */
    int64_t first_time, last_time; /* server: of the first and the last request measured */
    bool warm;
};

/* One timed call for requests first .. first+count-1. */
int measurement_call(struct measurement *self, ebjr_answer_call *answer, int64_t first,
                     size_t count);

/* A time: of `count` requests from `first` on, ns each. Errors: those of the sink. */
int measurement_add(struct measurement *self, int64_t first, size_t count, int64_t ns);

/* Counts requests of the last call from the index-th on, without their times. */
void measurement_count(struct measurement *self, size_t index, size_t count);

/* Tells progress, where it is time to. Errors: EBJR_EINTERRUPTED. */
int measurement_ask(struct measurement *self, int64_t now);

/* Whether the time for measuring, from self->started on, is over. */
bool measurement_is_late(const struct measurement *self);

/* Whether it is, or all requests are measured. */
bool measurement_complete(const struct measurement *self);

/* The Poisson server, after the warm-up. */
int measurement_serve(struct measurement *self);

#endif
