/* The measuring of latency against queueing theory on a simulated clock, known distributions, brute
 * force, and sleeps on the real clock. */
#include "bench/rate.h"
#include "bench/times.h"
#include "calib/quantile.h"
#include "support.h"

#include <math.h>
#include <time.h>

enum { MS = 1000000, SECOND = 1000000000 };

static void assert_near(double value, double expected, double relative)
{
    if (!(fabs(value - expected) <= relative * fabs(expected)))
        fail_msg("%.9g, expected %.9g within %g %%", value, expected, 100 * relative);
}

static double uniform(uint64_t *seed)
{
    return (double)(random_bits(seed) >> 11) * 0x1p-53;
}

static double exponential(uint64_t *seed)
{
    return -log1p(-uniform(seed));
}

/* A service on a clock of its own; every answer takes a drawn time. */
struct simulated {
    int64_t now;
    double (*draw)(struct simulated *); /* ms, of a request */
    double each, fixed;                 /* where draw is NULL: ms a request, ms a call */
    uint64_t seed;
    int64_t asked, fed, flushed, least_busy, stall_at; /* requests; stall_at 0: no stall */
    size_t largest;
    int fails_at; /* call that fails; 0: none */
    int calls;
};

static int answer(void *context, uint8_t *deferred, int64_t first, size_t count)
{
    struct simulated *self = context;
    double ms = self->fixed;
    if (++self->calls == self->fails_at)
        return ebjr_error_set(EBJR_EMODEL, "the model raised");
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(deferred[i], 0);
        deferred[i] = (first + (int64_t)i) % 4 == 0;
        ms += self->draw ? self->draw(self) : self->each;
        if (self->stall_at && first + (int64_t)i == self->stall_at)
            ms += 1000;
    }
    self->asked += (int64_t)count;
    self->largest = count > self->largest ? count : self->largest;
    self->now += (int64_t)(ms * MS + 0.5);
    return 0;
}

static struct ebjr_service service_of(struct simulated *self)
{
    return (struct ebjr_service){self, answer, NULL, NULL};
}

static struct ebjr_measure_options options_for(struct simulated *self, enum ebjr_scenario scenario,
                                               int64_t samples)
{
    struct ebjr_measure_options options;
    ebjr_measure_defaults(&options, scenario);
    options.samples = samples;
    options.warmup.most_ns = 0;
    options.clock = ebjr_clock_simulated(&self->now);
    options.seed = 1;
    return options;
}

static struct ebjr_measured measure(struct simulated *self,
                                    const struct ebjr_measure_options *options)
{
    struct ebjr_measured measured;
    struct ebjr_service service = service_of(self);
    assert_done(ebjr_measure(&measured, &service, options));
    return measured;
}

/* Queues. */

static double draw_exponential(struct simulated *self)
{
    return exponential(&self->seed);
}

static double draw_cascade(struct simulated *self)
{
    return uniform(&self->seed) < 0.72 ? 1 : 6;
}

/* Pollaczek-Khinchine: mean wait = rate E[S^2] / 2 / (1 - rate E[S]). */
static void check_queue(double (*draw)(struct simulated *), double mean, double square, double rho,
                        int64_t samples)
{
    struct simulated self = {.draw = draw, .each = 1, .seed = 7};
    struct ebjr_measure_options options = options_for(&self, EBJR_SERVER, samples);
    options.qps = 1000 * rho / mean;
    struct ebjr_measured measured = measure(&self, &options);
    double wait = rho / mean * square / 2 / (1 - rho);
    assert_near(measured.mean.estimate / MS - mean, wait, 0.03);
    assert_true(measured.mean.low < (wait + mean) * MS && (wait + mean) * MS < measured.mean.high);
    assert_near(measured.samples_per_s, options.qps, 0.01);
    assert_near(measured.capacity, 1000 / mean, 0.02);
    assert_false(measured.overloaded);
    assert_int_equal(measured.n, samples);
    assert_int_equal(measured.dropped, samples / 10);
    ebjr_measured_free(&measured);
}

static void queues_wait_as_theory_says(void **state)
{
    (void)state;
    check_queue(NULL, 1, 1, 0.2, 1000000);
    check_queue(NULL, 1, 1, 0.5, 1000000);
    check_queue(NULL, 1, 1, 0.8, 1000000);
    check_queue(NULL, 1, 1, 0.9, 1000000);
    check_queue(draw_exponential, 1, 2, 0.5, 1000000);
    check_queue(draw_exponential, 1, 2, 0.8, 1500000);
    check_queue(draw_cascade, 0.72 + 0.28 * 6, 0.72 + 0.28 * 36, 0.6, 1000000);
}

/* In M/M/1 the time in the system is exponential with rate (1 - rho) / mean. */
static void percentiles_of_a_queue(void **state)
{
    (void)state;
    struct simulated self = {.draw = draw_exponential, .seed = 3};
    struct ebjr_measure_options options = options_for(&self, EBJR_SERVER, 1000000);
    options.qps = 600;
    options.keep = 1000000;
    struct ebjr_measured measured = measure(&self, &options);
    assert_near(measured.p50.estimate / MS, log(2) / 0.4, 0.02);
    assert_near(measured.p90.estimate / MS, log(10) / 0.4, 0.02);
    assert_near(measured.p99.estimate / MS, log(100) / 0.4, 0.03);
    assert_true(measured.p99.low < log(100) / 0.4 * MS && log(100) / 0.4 * MS < measured.p99.high);
    ebjr_measured_free(&measured);
}

/* A server with batches, from an array of all arrivals, one nanosecond-exact event at a time. */
static double batched_mean(double per_ms, size_t batch, double wait, double each, double fixed,
                           size_t n)
{
    double *arrival = calloc(n + batch, sizeof *arrival), now = 0, sum = 0;
    uint64_t seed = 99;
    assert_non_null(arrival);
    for (size_t i = 0; i < n + batch; i++)
        arrival[i] = (i ? arrival[i - 1] : 0) + exponential(&seed) / per_ms;
    for (size_t i = 0; i < n;) {
        size_t j = i;
        double leave = arrival[i] + wait;
        if (arrival[i + batch - 1] < leave)
            leave = arrival[i + batch - 1];
        now = leave > now ? leave : now;
        while (j < i + batch && arrival[j] <= now)
            j++;
        now += fixed + each * (double)(j - i);
        for (; i < j && i < n; i++)
            sum += now - arrival[i];
    }
    free(arrival);
    return sum / (double)n;
}

static void batches_fill_as_brute_force_does(void **state)
{
    (void)state;
    static const struct {
        double per_ms, wait;
        size_t batch;
    } cases[] = {{0.2, 2, 4}, {1, 0, 8}, {1, 3, 8}, {1.6, 1, 16}, {2, 0, 5}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct simulated self = {.each = 0.25, .fixed = 1};
        struct ebjr_measure_options options = options_for(&self, EBJR_SERVER, 400000);
        options.qps = 1000 * cases[i].per_ms;
        options.batch = cases[i].batch;
        options.max_wait_ns = (int64_t)(cases[i].wait * MS);
        struct ebjr_measured measured = measure(&self, &options);
        assert_near(measured.mean.estimate / MS,
                    batched_mean(cases[i].per_ms, cases[i].batch, cases[i].wait, 0.25, 1, 400000),
                    0.03);
        assert_true(self.largest <= cases[i].batch);
        assert_near(measured.busy_ns + 0.0,
                    (1.0 * (double)measured.calls + 0.25 * (double)measured.n) * MS, 0.001);
        ebjr_measured_free(&measured);
    }
}

/* A request that is alone waits its full wait and is answered: no sooner, no later. */
static void a_lone_request_waits_for_company(void **state)
{
    (void)state;
    struct simulated self = {.fixed = 3};
    struct ebjr_measure_options options = options_for(&self, EBJR_SERVER, 1000);
    options.qps = 1e-3;
    options.batch = 8;
    options.max_wait_ns = 5 * MS;
    struct ebjr_measured measured = measure(&self, &options);
    assert_true(measured.p50.estimate == 8 * MS && measured.max == 8 * MS);
    assert_true(isnan(measured.capacity));
    ebjr_measured_free(&measured);
}

static void overload_is_told(void **state)
{
    (void)state;
    for (int batch = 1; batch <= 4; batch *= 4) {
        struct simulated self = {.each = 0.5, .fixed = 0.5};
        struct ebjr_measure_options options = options_for(&self, EBJR_SERVER, 20000);
        double capacity = 1000 * batch / (0.5 + 0.5 * batch);
        options.batch = (size_t)batch;
        options.qps = 1.1 * capacity;
        struct ebjr_measured measured = measure(&self, &options);
        assert_true(measured.overloaded);
        assert_near(measured.capacity, capacity, 1e-6);
        assert_near(measured.samples_per_s, capacity, 0.01);
        /* the queue grows by a tenth of what is answered: 22,000 requests, by the end */
        assert_near(measured.max, 1e9 * 22000 * (1 / capacity - 1 / options.qps), 0.1);
        ebjr_measured_free(&measured);
        options.qps = 0.9 * capacity;
        measured = measure(&self, &options);
        assert_false(measured.overloaded);
        ebjr_measured_free(&measured);
    }
}

/* One stall of a second at half load: what comes in that second and until the queue is empty again,
 * another second, waits between 1 s and 0: 1,000 requests of 20,000, and a hundredth of all wait
 * more than 0.8 s. Service times have one large value among 20,000. */
static void a_stall_is_not_omitted(void **state)
{
    (void)state;
    struct simulated self = {.each = 1, .stall_at = 10000};
    struct ebjr_measure_options options = options_for(&self, EBJR_SINGLE, 20000);
    struct ebjr_measured measured = measure(&self, &options);
    assert_true(measured.p99.estimate == 1 * MS && measured.max == 1001.0 * MS);
    ebjr_measured_free(&measured);

    options = options_for(&self, EBJR_SERVER, 20000);
    options.qps = 500;
    measured = measure(&self, &options);
    assert_near(measured.p99.estimate, 800.0 * MS, 0.08);
    assert_true(measured.p50.estimate < 2 * MS);
    ebjr_measured_free(&measured);
}

/* Percentiles. */

static double draw_weibull(struct simulated *self)
{
    return 5 * sqrt(exponential(&self->seed));
}

static double draw_uniform(struct simulated *self)
{
    return 10 + uniform(&self->seed);
}

static void percentiles_of_known_distributions(void **state)
{
    (void)state;
    static const double q[] = {0.5, 0.9, 0.95, 0.99};
    double (*draws[])(struct simulated *) = {draw_exponential, draw_weibull, draw_uniform};
    for (size_t d = 0; d < COUNT(draws); d++) {
        struct simulated self = {.draw = draws[d], .seed = 11};
        struct ebjr_measure_options options = options_for(&self, EBJR_SINGLE, 300000);
        options.keep = 300000;
        struct ebjr_measured measured = measure(&self, &options);
        const struct ebjr_interval *found[] = {&measured.p50, &measured.p90, &measured.p95,
                                               &measured.p99};
        for (size_t i = 0; i < COUNT(q); i++) {
            double e = -log(1 - q[i]);
            double expected = d == 0 ? e : d == 1 ? 5 * sqrt(e) : 10 + q[i];
            assert_near(found[i]->estimate, expected * MS, 0.01);
            assert_true(found[i]->low <= found[i]->estimate &&
                        found[i]->estimate <= found[i]->high);
        }
        assert_int_equal(measured.kept, 300000);
        ebjr_measured_free(&measured);
    }
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void percentiles_are_order_statistics(void **state)
{
    (void)state;
    static const double q[] = {0.01, 0.5, 0.9, 0.99};
    uint64_t seed = 5;
    for (int64_t n = 1; n <= 1200; n += n < 70 ? 1 : 377) {
        struct ebjr_times times;
        int64_t sorted[1200];
        assert_done(ebjr_times_start(&times, 1200, 1));
        for (int64_t i = 0; i < n; i++) {
            sorted[i] = (int64_t)random_below(&seed, n % 2 ? 9 : 1000000000);
            ebjr_times_add(&times, sorted[i]);
        }
        assert_memory_equal(times.kept, sorted, (size_t)n * sizeof *sorted);
        qsort(sorted, (size_t)n, sizeof *sorted, ascending);
        for (size_t i = 0; i < COUNT(q); i++) {
            struct ebjr_interval interval;
            int64_t r = ebjr_quantile_rank(n, q[i]);
            int64_t low = ebjr_quantile_lower_rank(n, q[i], 0.025);
            int64_t high = ebjr_quantile_upper_rank(n, q[i], 0.025);
            ebjr_times_quantile(&interval, &times, q[i], 0.95);
            assert_true(interval.estimate == (double)sorted[r - 1]);
            assert_true(low ? interval.low <= (double)sorted[low - 1] : interval.low == 0);
            assert_true(high ? interval.high >= (double)sorted[high - 1] : isinf(interval.high));
        }
        ebjr_times_free(&times);
    }
}

static void thinning_is_even_and_in_order(void **state)
{
    (void)state;
    enum { N = 1000000, ROOM = 1000 };
    struct ebjr_times times;
    int64_t in_first_half = 0;
    assert_done(ebjr_times_start(&times, ROOM, 4));
    for (int64_t i = 0; i < N; i++)
        ebjr_times_add(&times, i);
    assert_int_equal(times.stride, 1024);
    assert_int_equal(times.kept_count, N / 1024);
    assert_int_equal(times.count, N);
    assert_int_equal(times.max, N - 1);
    assert_true(times.sum == 0.5 * N * (N - 1.0));
    for (size_t i = 0; i < times.kept_count; i++) {
        assert_int_equal(times.kept[i] / 1024, i);
        in_first_half += times.kept[i] % 1024 < 512;
    }
    assert_true(llabs(2 * in_first_half - (int64_t)times.kept_count) < 4 * sqrt(N / 1024.0));
    ebjr_times_clear(&times);
    for (int64_t i = 0; i < N; i++) /* a period that a fixed stride would see one phase of */
        ebjr_times_add(&times, i % 64);
    double sum = 0;
    for (size_t i = 0; i < times.kept_count; i++)
        sum += (double)times.kept[i];
    assert_near(sum / (double)times.kept_count, 31.5, 4 * 0.577 / sqrt(N / 1024.0));
    ebjr_times_free(&times);
}

/* How often intervals miss, of independent times and of a slow autoregressive series. */
static void intervals_cover(void **state)
{
    (void)state;
    enum { RUNS = 400, MOST = 20000 };
    static const double q[] = {0.5, 0.9, 0.99};
    uint64_t seed = 77;
    for (int dependent = 0; dependent < 2; dependent++) {
        int missed[4] = {0}, n = dependent ? MOST : 2000;
        for (int run = 0; run < RUNS; run++) {
            struct ebjr_times times;
            struct ebjr_interval interval;
            double value = exponential(&seed);
            assert_done(ebjr_times_start(&times, MOST, 1));
            for (int i = 0; i < n; i++) {
                /* with probability 0.9 the last value again: still exponential */
                if (!dependent || uniform(&seed) < 0.1)
                    value = exponential(&seed);
                ebjr_times_add(&times, (int64_t)(1e6 * value));
            }
            for (size_t i = 0; i < COUNT(q); i++) {
                double expected = -1e6 * log(1 - q[i]);
                ebjr_times_quantile(&interval, &times, q[i], 0.95);
                missed[i] += expected < interval.low || expected > interval.high;
            }
            ebjr_times_mean(&interval, &times, 0.95);
            missed[3] += 1e6 < interval.low || 1e6 > interval.high;
            ebjr_times_free(&times);
        }
        /* 5 % are allowed; 4 standard deviations of 400 runs are 4.4 %, and dependence costs some
         */
        for (size_t i = 0; i < 4; i++)
            if (missed[i] > 0.094 * RUNS)
                fail_msg("interval %zu misses %d of %d", i, missed[i], RUNS);
    }
}

/* Scenarios. */

static int feed(void *context, uint8_t *deferred, int64_t first, size_t count)
{
    struct simulated *self = context;
    self->fed += (int64_t)count;
    return answer(context, deferred, first, count);
}

static int flush(void *context)
{
    struct simulated *self = context;
    self->flushed++;
    self->now += 7 * MS;
    return 0;
}

static void offline_answers_each_once(void **state)
{
    (void)state;
    struct simulated self = {.each = 1, .fixed = 2};
    struct ebjr_measure_options options = options_for(&self, EBJR_OFFLINE, 1002);
    options.batch = 10;
    struct ebjr_measured measured = measure(&self, &options);
    assert_int_equal(measured.n, 1002);
    assert_int_equal(self.asked, 1002);
    assert_int_equal(measured.calls, 101);
    assert_int_equal(measured.kept, 101);
    assert_int_equal(measured.times[0], 12 * MS / 10);
    assert_int_equal(measured.times[100], 4 * MS / 2);
    assert_int_equal(measured.wall_ns, INT64_C(1204) * MS);
    assert_near(measured.samples_per_s, 1002 / 1.204, 1e-12);
    assert_near(measured.teacher_rate, 251.0 / 1002, 1e-12);
    ebjr_measured_free(&measured);

    self = (struct simulated){.each = 1, .fixed = 2};
    struct ebjr_service gathering = {&self, answer, feed, flush};
    options.warmup.most_ns = 1;
    assert_done(ebjr_measure(&measured, &gathering, &options));
    assert_int_equal(self.fed, 1012);
    assert_int_equal(self.flushed, 2);
    assert_int_equal(measured.dropped, 10);
    assert_int_equal(measured.times[100], (4 + 7) * MS / 2);
    assert_int_equal(measured.wall_ns, INT64_C(1211) * MS);
    ebjr_measured_free(&measured);
}

struct ledger {
    int64_t next, count;
    double sum;
    int64_t full_at; /* refuses once it has so many */
};

static int enter(void *context, int64_t first, size_t count, int64_t ns)
{
    struct ledger *ledger = context;
    assert_int_equal(first, ledger->next);
    ledger->next += (int64_t)count;
    ledger->count += (int64_t)count;
    ledger->sum += (double)ns * (double)count;
    return ledger->count >= ledger->full_at ? ebjr_error_set(EBJR_EIO, "the disk is full") : 0;
}

/* Every time goes into the sink, though few are kept. */
static void a_sink_takes_every_time(void **state)
{
    (void)state;
    for (int scenario = 0; scenario < EBJR_SCENARIOS; scenario++) {
        struct simulated self = {.each = 1, .fixed = 1};
        struct ledger ledger = {.full_at = INT64_MAX};
        struct ebjr_measure_options options =
            options_for(&self, (enum ebjr_scenario)scenario, 1003);
        struct ebjr_service service = service_of(&self);
        options.batch = 4;
        options.qps = 300;
        options.keep = 64;
        options.settle = 0;
        options.context = &ledger;
        options.sink = enter;
        struct ebjr_measured measured = measure(&self, &options);
        assert_int_equal(ledger.count, 1003);
        assert_true(measured.kept <= 64 && measured.stride > 1);
        if (scenario == EBJR_OFFLINE)
            assert_near(ledger.sum, (double)measured.busy_ns, 1e-9);
        else
            assert_near(ledger.sum / 1003, measured.mean.estimate, 1e-9);
        ebjr_measured_free(&measured);

        ledger = (struct ledger){.full_at = 500};
        assert_refused(ebjr_measure(&measured, &service, &options), EBJR_EIO, "full");
        assert_true(ledger.count >= 500 && ledger.count < 508);
        ebjr_measured_free(&measured);
    }
}

static void time_limits(void **state)
{
    (void)state;
    for (int scenario = 0; scenario < EBJR_SCENARIOS; scenario++) {
        struct simulated self = {.each = 1};
        struct ebjr_measure_options options = options_for(&self, (enum ebjr_scenario)scenario, 0);
        options.limit_ns = SECOND;
        options.qps = 500;
        struct ebjr_measured measured = measure(&self, &options);
        assert_near((double)measured.n, scenario == EBJR_SERVER ? 500 : 1000, 0.15);
        assert_near((double)measured.wall_ns, SECOND, 0.01);
        ebjr_measured_free(&measured);
    }
    struct simulated slow = {.each = 1000}; /* settling alone would take 100 s */
    struct ebjr_measure_options options = options_for(&slow, EBJR_SERVER, 0);
    options.limit_ns = 10 * INT64_C(1000000000);
    options.qps = 100;
    struct ebjr_measured measured = measure(&slow, &options);
    assert_true(measured.n >= 9 && measured.n <= 11 && measured.overloaded);
    ebjr_measured_free(&measured);
}

struct patience {
    int left;
    int64_t done;
};

static int lose_patience(void *context, int64_t done, int64_t total)
{
    struct patience *patience = context;
    assert_int_equal(total, 1000000);
    patience->done = done;
    return patience->left-- == 0;
}

static void interruptions_keep_what_there_is(void **state)
{
    (void)state;
    static const double rates[] = {500, 0.02};
    for (int scenario = 0; scenario < EBJR_SCENARIOS; scenario++) {
        for (size_t i = 0; i < COUNT(rates); i++) {
            struct simulated self = {.each = 1};
            struct patience patience = {.left = 20};
            struct ebjr_measure_options options =
                options_for(&self, (enum ebjr_scenario)scenario, 1000000);
            struct ebjr_service service = service_of(&self);
            struct ebjr_measured measured;
            options.qps = rates[i];
            options.settle = 0;
            options.context = &patience;
            options.progress = lose_patience;
            assert_refused(ebjr_measure(&measured, &service, &options), EBJR_EINTERRUPTED,
                           "interrupted");
            assert_int_equal(measured.n, patience.done);
            assert_int_equal(measured.kept, measured.n);
            assert_true(measured.n == 0 ? isnan(measured.mean.estimate)
                                        : measured.mean.estimate >= MS);
            assert_true(self.now < 2 * INT64_C(1000000000));
            ebjr_measured_free(&measured);
        }
    }
}

static void failures_of_the_service_are_told(void **state)
{
    (void)state;
    for (int scenario = 0; scenario < EBJR_SCENARIOS; scenario++) {
        struct simulated self = {.each = 1, .fails_at = 50};
        struct ebjr_measure_options options =
            options_for(&self, (enum ebjr_scenario)scenario, 1000);
        struct ebjr_service service = service_of(&self);
        struct ebjr_measured measured;
        options.qps = 500;
        options.settle = 0;
        assert_refused(ebjr_measure(&measured, &service, &options), EBJR_EMODEL,
                       "the model raised");
        assert_int_equal(measured.n, 49);
        ebjr_measured_free(&measured);
    }
}

static void unmeant_options_are_refused(void **state)
{
    (void)state;
    struct simulated self = {.each = 1};
    struct ebjr_service service = service_of(&self);
    const struct ebjr_measure_options good = options_for(&self, EBJR_SERVER, 1000);
    struct ebjr_measure_options options[15];
    struct ebjr_measured measured;
    for (size_t i = 0; i < COUNT(options); i++) {
        options[i] = good;
        options[i].qps = 100;
    }
    options[0].samples = 0;
    options[1].samples = -1;
    options[2].limit_ns = -1;
    options[3].batch = 0;
    options[4].batch = SIZE_MAX;
    options[5].level = 1;
    options[6].level = NAN;
    options[7].qps = NAN;
    options[8].qps = 1e-9;
    options[9].max_wait_ns = INT64_MAX;
    options[10].warmup.calls = 0;
    options[11].scenario = EBJR_SCENARIOS;
    options[12].samples = INT64_MAX;
    options[13].settle = INT64_MAX;
    options[14].samples = 0;
    options[14].limit_ns = SECOND;
    options[14].qps = 1e-300;
    for (size_t i = 0; i < COUNT(options); i++) {
        assert_status(ebjr_measure(&measured, &service, &options[i]), EBJR_EINVAL);
        ebjr_measured_free(&measured);
    }
    service.feed = feed;
    options[0] = good;
    options[0].qps = 100;
    assert_refused(ebjr_measure(&measured, &service, options), EBJR_EINVAL, "flush");
    service = service_of(&self);
    enum ebjr_scenario scenario;
    assert_done(ebjr_scenario_find(&scenario, "offline"));
    assert_int_equal(scenario, EBJR_OFFLINE);
    assert_refused(ebjr_scenario_find(&scenario, "servr"), EBJR_ENOTFOUND, "server");
}

/* Warm-up. */

static const struct ebjr_warmup_rule by_tens = {10, 0, 1000 * MS, 0.05};

/* Calls until it is over, times in ms from `time`. */
static int warm_up(bool *flat, double (*time)(int call, uint64_t *seed))
{
    struct ebjr_warmup warmup;
    uint64_t seed = 6;
    int calls = 0;
    ebjr_warmup_start(&warmup, &by_tens);
    while (!ebjr_warmup_add(&warmup, (int64_t)(MS * time(calls, &seed))))
        calls++;
    *flat = warmup.flat;
    return calls + 1;
}

static double constant(int call, uint64_t *seed)
{
    (void)call, (void)seed;
    return 1;
}

static double slow_at_first(int call, uint64_t *seed)
{
    (void)seed;
    return call < 35 ? 40 - call : 1;
}

static double decaying(int call, uint64_t *seed)
{
    return 0.5 * (1 + 3 * exp(-call / 100.0)) * (1 + 0.001 * uniform(seed));
}

static double noisy(int call, uint64_t *seed)
{
    (void)call;
    return 1 + 0.02 * uniform(seed) + (uniform(seed) < 0.1 ? 20 : 0);
}

/* What a router does: not far from half of the calls take longer. */
static double mixed(int call, uint64_t *seed)
{
    (void)call;
    return (uniform(seed) < 0.45 ? 4 : 1) * (1 + 0.3 * uniform(seed));
}

static double restless(int call, uint64_t *seed)
{
    (void)seed;
    return call / 10 % 2 ? 2 : 1;
}

static double creeping(int call, uint64_t *seed)
{
    (void)seed;
    return 1 + 0.001 * call; /* 3 % in 30 calls: within the tolerance, but never at rest */
}

static void warm_up_ends_when_times_are_flat(void **state)
{
    (void)state;
    bool flat;
    assert_int_equal(warm_up(&flat, constant), 40);
    assert_true(flat);
    assert_int_equal(warm_up(&flat, slow_at_first), 80);
    assert_true(flat);
    int calls = warm_up(&flat, decaying);
    assert_true(flat && calls > 300 && calls < 900);
    assert_true(3 * exp(-calls / 100.0) < 0.15);
    assert_true(warm_up(&flat, noisy) <= 80 && flat);
    assert_true(warm_up(&flat, mixed) <= 120 && flat);
    calls = warm_up(&flat, restless);
    assert_true(!flat && calls >= 660 && calls <= 670);
    calls = warm_up(&flat, creeping);
    assert_true(!flat && calls > 600 && calls < 800);
}

static void what_warmed_up_is_not_counted(void **state)
{
    (void)state;
    struct simulated self = {.each = 1};
    struct ebjr_measure_options options = options_for(&self, EBJR_SINGLE, 100);
    options.warmup = by_tens;
    struct ebjr_measured measured = measure(&self, &options);
    assert_int_equal(measured.dropped, 40);
    assert_int_equal(measured.n, 100);
    assert_int_equal(self.asked, 140);
    assert_true(measured.warm);
    ebjr_measured_free(&measured);

    options = options_for(&self, EBJR_SERVER, 100);
    options.warmup = by_tens;
    options.batch = 4;
    options.qps = 100;
    measured = measure(&self, &options); /* batches of 4, then single ones, then settling */
    assert_int_equal(measured.dropped, 40 * 4 + 40 + 100);
    ebjr_measured_free(&measured);
}

/* The largest rate. */

/* P(wait <= x) in M/D/1 with service time 1 (Erlang 1909): the terms alternate, so x stays small.
 */
static double md1_waits_at_most(double rate, double x)
{
    double sum = 0;
    for (int k = 0; k <= (int)x; k++) {
        double a = rate * (k - x);
        sum += pow(a, k) / tgamma(k + 1.0) * exp(-a);
    }
    return (1 - rate) * sum;
}

static int find_rate(struct ebjr_rate *out, const struct ebjr_service *service,
                     const struct ebjr_measure_options *options, double budget_ns, double tolerance)
{
    struct ebjr_rate_request request = {.budget_ns = budget_ns, .tolerance = tolerance};
    return ebjr_rate_find(out, service, options, &request);
}

static void the_largest_rate_is_theorys(void **state)
{
    (void)state;
    static const double budgets[] = {2.5, 4, 7};
    for (size_t i = 0; i < COUNT(budgets); i++) {
        struct simulated self = {.each = 1};
        struct ebjr_service service = service_of(&self);
        struct ebjr_measure_options options = options_for(&self, EBJR_SERVER, 100000);
        struct ebjr_rate rate, again;
        double low = 0, high = 1;
        for (int step = 0; step < 50; step++) {
            double middle = (low + high) / 2;
            if (md1_waits_at_most(middle, budgets[i] - 1) >= 0.99)
                low = middle;
            else
                high = middle;
        }
        assert_done(find_rate(&rate, &service, &options, budgets[i] * MS, 0.01));
        assert_near(rate.qps, 1000 * low, 0.03);
        assert_true(rate.qps < rate.above && rate.above <= rate.qps * 1.01);
        assert_true(rate.measured.p99.estimate <= budgets[i] * MS);
        for (size_t p = 0; p < rate.probe_count; p++) {
            const struct ebjr_probe *probe = &rate.probes[p];
            assert_int_equal(probe->within, probe->qps <= rate.qps);
            assert_true(!probe->overloaded || probe->qps >= 1000);
            assert_true(probe->within || probe->p99.estimate > budgets[i] * MS);
            assert_true(probe->n == 100000 || (!probe->within && probe->n > 10000));
        }
        assert_done(find_rate(&again, &service, &options, budgets[i] * MS, 0.01));
        assert_true(again.qps == rate.qps && again.probe_count == rate.probe_count);
        ebjr_rate_free(&again);
        ebjr_rate_free(&rate);
    }
}

struct told {
    int probes;
    double last_qps;
};

static int tell(void *context, double qps, const struct ebjr_measured *measured)
{
    struct told *told = context;
    told->last_qps = qps;
    assert_int_equal(measured->kept, 5000);
    return ++told->probes == 4 ? ebjr_error_set(EBJR_EBUSY, "the store is busy") : 0;
}

static void probes_are_told(void **state)
{
    (void)state;
    struct simulated self = {.each = 1};
    struct told told = {0};
    struct ebjr_service service = service_of(&self);
    struct ebjr_measure_options options = options_for(&self, EBJR_SERVER, 5000);
    struct ebjr_rate rate;
    struct ebjr_rate_request request = {4 * MS, 0.001, &told, tell};
    assert_refused(ebjr_rate_find(&rate, &service, &options, &request), EBJR_EBUSY, "busy");
    int whole = 0;
    for (size_t i = 0; i < rate.probe_count; i++)
        whole += rate.probes[i].n == 5000;
    assert_int_equal(whole, 3); /* and the one that was refused */
    assert_true(told.last_qps > 0);
    ebjr_rate_free(&rate);
}

static double fail_often(struct simulated *self)
{
    return uniform(&self->seed) < 0.05 ? 100 : 1;
}

static void rates_that_cannot_be(void **state)
{
    (void)state;
    struct simulated self = {.each = 1};
    struct ebjr_service service = service_of(&self);
    struct ebjr_measure_options options = options_for(&self, EBJR_SERVER, 5000);
    struct ebjr_rate rate;
    assert_done(find_rate(&rate, &service, &options, 0.9 * MS, 0.02));
    assert_true(rate.qps == 0 && rate.lone == MS && rate.probe_count == 0);
    ebjr_rate_free(&rate);
    options.batch = 4;
    options.max_wait_ns = 2 * MS;
    assert_done(find_rate(&rate, &service, &options, 2.9 * MS, 0.02));
    assert_true(rate.qps == 0 && rate.lone == 3 * MS);
    ebjr_rate_free(&rate);

    struct simulated moody = {.draw = fail_often, .seed = 1}; /* the service's own p99 is 100 ms */
    struct ebjr_service moody_service = service_of(&moody);
    options = options_for(&moody, EBJR_SERVER, 5000);
    assert_done(find_rate(&rate, &moody_service, &options, 50 * MS, 0.02));
    assert_true(rate.qps == 0 && rate.probe_count > 0 && rate.probe_count < 10);
    ebjr_rate_free(&rate);

    options = options_for(&self, EBJR_SERVER, 298);
    assert_refused(find_rate(&rate, &service, &options, 5 * MS, 0.02), EBJR_EINVAL, "299");
    ebjr_rate_free(&rate);
    options.samples = 5000;
    options.limit_ns = 200 * MS;
    assert_status(find_rate(&rate, &service, &options, 5 * MS, 0.02), EBJR_EINVAL);
    ebjr_rate_free(&rate);
    assert_status(find_rate(&rate, &service, &options, NAN, 0.02), EBJR_EINVAL);
    assert_status(find_rate(&rate, &service, &options, 5 * MS, 0), EBJR_EINVAL);
    self.each = 0;
    assert_refused(find_rate(&rate, &service, &options, 5 * MS, 0.02), EBJR_EINVAL, "no time");
}

/* The real clock. */

enum { NAPS = 15 };

struct napper {
    int64_t slept[NAPS]; /* ns, as the napper sees it */
    int count;
};

static int64_t monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

static int nap(void *context, uint8_t *deferred, int64_t first, size_t count)
{
    (void)deferred, (void)first, (void)count;
    struct napper *napper = context;
    int64_t begin = monotonic();
    nanosleep(&(struct timespec){0, (20 + napper->count) * (long)MS}, NULL);
    napper->slept[napper->count++ % NAPS] = monotonic() - begin;
    return 0;
}

/* Whether all percentiles are those of the naps within 1 %. */
static bool naps_are_told(void)
{
    static const double q[] = {0.5, 0.9, 0.95, 0.99};
    struct napper napper = {0};
    struct ebjr_service service = {&napper, nap, NULL, NULL};
    struct ebjr_measure_options options;
    struct ebjr_measured measured;
    ebjr_measure_defaults(&options, EBJR_SINGLE);
    options.samples = NAPS;
    options.warmup.most_ns = 0;
    assert_done(ebjr_measure(&measured, &service, &options));
    const struct ebjr_interval *found[] = {&measured.p50, &measured.p90, &measured.p95,
                                           &measured.p99};
    bool told = true;
    for (int i = 0; i < NAPS; i++)
        assert_true(measured.times[i] >= napper.slept[i]);
    qsort(napper.slept, NAPS, sizeof *napper.slept, ascending);
    for (size_t i = 0; i < COUNT(q); i++) {
        double slept = (double)napper.slept[ebjr_quantile_rank(NAPS, q[i]) - 1];
        told = told && fabs(found[i]->estimate - slept) <= 0.01 * slept;
    }
    ebjr_measured_free(&measured);
    return told;
}

/* Between the two clocks of one call a busy machine may run something else, but not each time. */
static void sleeps_are_measured(void **state)
{
    (void)state;
    bool told = false;
    for (int attempt = 0; !told && attempt < 5; attempt++)
        told = naps_are_told();
    assert_true(told);
}

static void the_real_clock_waits(void **state)
{
    (void)state;
    struct ebjr_clock clock = ebjr_clock_monotonic();
    int64_t soon = clock.now(clock.context) + 3 * MS;
    clock.wait_until(clock.context, soon);
    int64_t now = clock.now(clock.context);
    assert_true(now >= soon && monotonic() >= now);
    clock.wait_until(clock.context, INT64_MIN / 2);

    struct napper napper = {0};
    struct ebjr_service service = {&napper, nap, NULL, NULL};
    struct ebjr_measure_options options;
    struct ebjr_measured measured;
    ebjr_measure_defaults(&options, EBJR_SERVER);
    options.samples = 8;
    options.settle = 2;
    options.qps = 100; /* naps are longer than the gaps: every request waits for those before it */
    options.warmup.most_ns = 0;
    assert_done(ebjr_measure(&measured, &service, &options));
    assert_true(measured.overloaded);
    for (int i = 0; i < 8; i++)
        assert_true(measured.times[i] >= napper.slept[i + 2]);
    assert_true(measured.busy_ns <= measured.wall_ns);
    ebjr_measured_free(&measured);
}

static int do_nothing(void *context, uint8_t *deferred, int64_t first, size_t count)
{
    (void)context, (void)deferred, (void)first, (void)count;
    return 0;
}

/* In CPU time, which other programs do not stretch. */
static void measuring_costs_little(void **state)
{
    (void)state;
    enum { N = 500000 };
    struct ebjr_service nothing = {NULL, do_nothing, NULL, NULL};
    for (int scenario = EBJR_SINGLE; scenario <= EBJR_OFFLINE; scenario++) {
        double best = INFINITY;
        for (int attempt = 0; attempt < 3; attempt++) {
            struct ebjr_measure_options options;
            struct ebjr_measured measured;
            ebjr_measure_defaults(&options, (enum ebjr_scenario)scenario);
            options.samples = N;
            options.warmup.most_ns = 0;
            clock_t begin = clock();
            assert_done(ebjr_measure(&measured, &nothing, &options));
            best = fmin(best, (double)(clock() - begin) / CLOCKS_PER_SEC);
            assert_true(measured.kept <= EBJR_KEPT_TIMES && measured.kept >= EBJR_KEPT_TIMES / 2);
            ebjr_measured_free(&measured);
        }
        assert_true(best / N < 1e-6 * SLOWED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queues_wait_as_theory_says),
        cmocka_unit_test(percentiles_of_a_queue),
        cmocka_unit_test(batches_fill_as_brute_force_does),
        cmocka_unit_test(a_lone_request_waits_for_company),
        cmocka_unit_test(overload_is_told),
        cmocka_unit_test(a_stall_is_not_omitted),
        cmocka_unit_test(percentiles_of_known_distributions),
        cmocka_unit_test(percentiles_are_order_statistics),
        cmocka_unit_test(thinning_is_even_and_in_order),
        cmocka_unit_test(intervals_cover),
        cmocka_unit_test(offline_answers_each_once),
        cmocka_unit_test(a_sink_takes_every_time),
        cmocka_unit_test(time_limits),
        cmocka_unit_test(interruptions_keep_what_there_is),
        cmocka_unit_test(failures_of_the_service_are_told),
        cmocka_unit_test(unmeant_options_are_refused),
        cmocka_unit_test(warm_up_ends_when_times_are_flat),
        cmocka_unit_test(what_warmed_up_is_not_counted),
        cmocka_unit_test(the_largest_rate_is_theorys),
        cmocka_unit_test(probes_are_told),
        cmocka_unit_test(rates_that_cannot_be),
        cmocka_unit_test(sleeps_are_measured),
        cmocka_unit_test(the_real_clock_waits),
        cmocka_unit_test(measuring_costs_little),
    };
    return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
