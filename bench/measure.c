#include "bench/measure.h"

#include "base/error.h"
#include "bench/measurement.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[EBJR_SCENARIOS] = {"single", "offline", "server"};

enum { ASK_NS = 50000000 };

const char *ebjr_scenario_name(enum ebjr_scenario scenario)
{
    return names[scenario];
}

int ebjr_scenario_find(enum ebjr_scenario *out, const char *name)
{
    for (int i = 0; i < EBJR_SCENARIOS; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum ebjr_scenario)i;
            return 0;
        }
    }
    return ebjr_error_set(EBJR_ENOTFOUND, "no scenario '%s': single, offline or server", name);
}

void ebjr_measure_defaults(struct ebjr_measure_options *out, enum ebjr_scenario scenario)
{
    *out = (struct ebjr_measure_options){.scenario = scenario,
                                         .batch = 1,
                                         .keep = EBJR_KEPT_TIMES,
                                         .level = 0.95,
                                         .warmup = ebjr_warmup_defaults,
                                         .settle = -1,
                                         .clock = ebjr_clock_monotonic()};
}

/* Times stay far below 2^63 ns, and so do sums of a few. */
static const double longest_s = 1e9;
static const int64_t longest_ns = 100000000000000000, most_samples = 1000000000000000;

static int check_server(const struct ebjr_measure_options *options)
{
    /* all whose arrival is drawn; of so many the sum of gaps is near to its mean */
    double requests =
        (double)options->samples + fmax((double)options->settle, 100) + (double)options->batch;
    if (!(options->qps > 0) || isinf(options->qps))
        return ebjr_error_set(EBJR_EINVAL, "a server needs a rate above 0 requests a second");
    if (requests / options->qps > longest_s)
        return ebjr_error_set(EBJR_EINVAL, "%g requests at %g a second would take %g years",
                              requests, options->qps, requests / options->qps / 31557600);
    if (options->settle > most_samples)
        return ebjr_error_set(EBJR_EINVAL, "a queue cannot settle for %lld requests",
                              (long long)options->settle);
    if (options->max_wait_ns < 0 || options->max_wait_ns > longest_ns)
        return ebjr_error_set(EBJR_EINVAL, "a batch cannot be waited for %lld ns",
                              (long long)options->max_wait_ns);
    return 0;
}

static int check(const struct ebjr_service *service, const struct ebjr_measure_options *options)
{
    if (!service->answer || !service->feed != !service->flush)
        return ebjr_error_set(EBJR_EINVAL, "a service must answer, and flush what it is fed");
    if ((unsigned)options->scenario >= EBJR_SCENARIOS)
        return ebjr_error_set(EBJR_EINVAL, "no scenario %d", (int)options->scenario);
    if (options->samples < 0 || options->samples > most_samples || options->limit_ns < 0 ||
        options->limit_ns > longest_ns || (options->samples == 0 && options->limit_ns == 0))
        return ebjr_error_set(
            EBJR_EINVAL,
            "a measurement needs a number of samples or a time, above 0 and not for ever");
    if (options->batch < 1 || options->batch > EBJR_LARGEST_BATCH)
        return ebjr_error_set(EBJR_EINVAL, "a batch of %zu: 1 to %d are possible", options->batch,
                              EBJR_LARGEST_BATCH);
    if (!(options->level > 0 && options->level < 1))
        return ebjr_error_set(EBJR_EINVAL, "a level of %g: above 0 and below 1 is meant",
                              options->level);
    if (options->warmup.calls < 1 || options->warmup.window_ns < 0 ||
        options->warmup.window_ns > longest_ns || options->warmup.most_ns < 0 ||
        options->warmup.most_ns > longest_ns || !(options->warmup.tolerance >= 0))
        return ebjr_error_set(EBJR_EINVAL, "a warm-up rule that cannot be meant");
    return options->scenario == EBJR_SERVER ? check_server(options) : 0;
}

int measurement_call(struct measurement *self, ebjr_answer_call *answer, int64_t first,
                     size_t count)
{
    const struct ebjr_clock *clock = &self->options->clock;
    memset(self->deferred, 0, count);
    self->begin = clock->now(clock->context);
    int status = answer(self->service->context, self->deferred, first, count);
    self->end = clock->now(clock->context);
    return status;
}

int measurement_add(struct measurement *self, int64_t first, size_t count, int64_t ns)
{
    const struct ebjr_measure_options *options = self->options;
    ebjr_times_add(&self->times, ns);
    return options->sink ? options->sink(options->context, first, count, ns) : 0;
}

void measurement_count(struct measurement *self, size_t index, size_t count)
{
    for (size_t i = index; i < index + count; i++)
        self->taught += self->deferred[i];
    self->done += (int64_t)count;
}

int measurement_ask(struct measurement *self, int64_t now)
{
    const struct ebjr_measure_options *options = self->options;
    if (!options->progress || now - self->asked < ASK_NS)
        return 0;
    self->asked = now;
    if (options->progress(options->context, self->done, options->samples) != 0)
        return ebjr_error_set(EBJR_EINTERRUPTED, "interrupted");
    return 0;
}

bool measurement_is_late(const struct measurement *self)
{
    int64_t limit = self->options->limit_ns;
    return limit > 0 && self->end - self->started >= limit;
}

bool measurement_complete(const struct measurement *self)
{
    int64_t samples = self->options->samples;
    return (samples > 0 && self->done >= samples) || measurement_is_late(self);
}

static int warm_up(struct measurement *self, ebjr_answer_call *answer, size_t batch)
{
    struct ebjr_warmup warmup;
    int64_t first = 0;
    bool over = self->options->warmup.most_ns == 0;
    int status = 0;
    ebjr_warmup_start(&warmup, &self->options->warmup);
    warmup.flat = over;
    while (!over) {
        status = measurement_call(self, answer, first, batch);
        if (!status)
            status = measurement_ask(self, self->end);
        if (status)
            return status;
        first += (int64_t)batch;
        over = ebjr_warmup_add(&warmup, self->end - self->begin);
    }
    self->dropped += first;
    self->warm = self->warm && warmup.flat;
    return 0;
}

/* A sample's share of a batch. */
static int add_share(struct measurement *self, size_t count, int64_t spent)
{
    if (count == 0)
        return 0;
    return measurement_add(self, self->done - (int64_t)count, count, spent / (int64_t)count);
}

/* The share of the last batch is held back, for the flush belongs to it. */
static int run_batches(struct measurement *self, ebjr_answer_call *answer, size_t batch)
{
    const struct ebjr_measure_options *options = self->options;
    int64_t spent = 0;
    size_t count = 0;
    int status = 0;
    while (!status && !measurement_complete(self)) {
        int64_t left = options->samples - self->done;
        status = add_share(self, count, spent);
        count = options->samples > 0 && left < (int64_t)batch ? (size_t)left : batch;
        if (!status)
            status = measurement_call(self, answer, self->done, count);
        if (status)
            return status;
        measurement_count(self, 0, count);
        spent = self->end - self->begin;
        self->busy_ns += spent;
        self->calls++;
        status = measurement_ask(self, self->end);
    }
    if (answer == self->service->feed) {
        int64_t begin = self->end;
        int flushed = self->service->flush(self->service->context);
        self->end = options->clock.now(options->clock.context);
        self->busy_ns += self->end - begin;
        spent += self->end - begin;
        status = status ? status : flushed;
    }
    int added = add_share(self, count, spent);
    return status ? status : added;
}

static int run(struct measurement *self)
{
    const struct ebjr_measure_options *options = self->options;
    const struct ebjr_service *service = self->service;
    bool gathers = options->scenario == EBJR_OFFLINE && service->feed;
    ebjr_answer_call *answer = gathers ? service->feed : service->answer;
    size_t batch = options->scenario == EBJR_SINGLE ? 1 : options->batch;
    self->asked = options->clock.now(options->clock.context);
    self->warm = true;
    int status = warm_up(self, answer, batch);
    if (!status && options->scenario == EBJR_SERVER && batch > 1)
        status = warm_up(self, answer, 1);
    if (!status && gathers)
        status = service->flush(service->context);
    if (status)
        return status;
    self->started = self->end = options->clock.now(options->clock.context);
    return options->scenario == EBJR_SERVER ? measurement_serve(self)
                                            : run_batches(self, answer, batch);
}

/* Whether more requests waited at the end than at the beginning, by more than arrivals vary: of n
 * at random, sqrt(n). A wait of w ns is one of w qps / 10^9 requests. */
static bool fell_behind(const struct measurement *self)
{
    double grown = 1e-9 * self->options->qps * (double)(self->last_time - self->first_time);
    return grown > sqrt((double)self->done);
}

static void summarise(struct ebjr_measured *out, struct measurement *self)
{
    const struct ebjr_measure_options *options = self->options;
    double level = options->level, n = (double)self->done;
    out->n = self->done;
    out->dropped = self->dropped;
    out->warm = self->warm;
    out->teacher_rate = (double)self->taught / n;
    ebjr_times_mean(&out->mean, &self->times, level);
    ebjr_times_quantile(&out->p50, &self->times, 0.50, level);
    ebjr_times_quantile(&out->p90, &self->times, 0.90, level);
    ebjr_times_quantile(&out->p95, &self->times, 0.95, level);
    ebjr_times_quantile(&out->p99, &self->times, 0.99, level);
    out->max = self->times.count > 0 ? (double)self->times.max : NAN;
    out->wall_ns = self->done > 0 ? self->end - self->started : 0;
    out->busy_ns = self->busy_ns;
    out->calls = self->calls;
    out->samples_per_s = out->wall_ns > 0 ? 1e9 * n / (double)out->wall_ns : NAN;
    out->capacity = self->full_ns > 0 ? 1e9 * (double)self->full_calls * (double)options->batch /
                                            (double)self->full_ns
                                      : NAN;
    out->overloaded = options->qps >= out->capacity && fell_behind(self);
    out->times = self->times.kept;
    out->kept = self->times.kept_count;
    out->stride = self->times.stride;
    self->times.kept = NULL;
}

static size_t room_for_times(const struct ebjr_measure_options *options)
{
    uint64_t samples = (uint64_t)options->samples;
    if (samples == 0 || options->keep < samples)
        return options->keep < 2 ? 2 : options->keep;
    return (size_t)samples + 1; /* an even number is kept */
}

int ebjr_measure(struct ebjr_measured *out, const struct ebjr_service *service,
                 const struct ebjr_measure_options *options)
{
    struct measurement self = {.service = service, .options = options};
    *out = (struct ebjr_measured){0};
    int status = check(service, options);
    if (!status)
        status = ebjr_times_start(&self.times, room_for_times(options), options->seed);
    if (status)
        return status;
    self.deferred = malloc(options->batch);
    status = self.deferred ? run(&self) : ebjr_error_memory();
    summarise(out, &self);
    free(self.deferred);
    ebjr_times_free(&self.times);
    return status;
}

void ebjr_measured_free(struct ebjr_measured *measured)
{
    free(measured->times);
    *measured = (struct ebjr_measured){0};
}
