#include "bench/rate.h"

#include "base/error.h"

#include <math.h>

/* Little's law: at rate x and mean time T there are x T requests at a time. Below this, hardly any
 * meets another, and a lower rate does not help. */
static const double alone = 0.05;

static int check(const struct ebjr_measure_options *options, double budget_ns, double tolerance)
{
    if (!(budget_ns > 0) || !(tolerance > 0) || isinf(tolerance))
        return ebjr_error_set(EBJR_EINVAL,
                              "a budget of %g ns, to be met within %g: both must be "
                              "above 0",
                              budget_ns, tolerance);
    if (options->samples < EBJR_LEAST_PROBE)
        return ebjr_error_set(EBJR_EINVAL,
                              "%lld samples say nothing of a 99th percentile; %d are the fewest, "
                              "thousands are better",
                              (long long)options->samples, EBJR_LEAST_PROBE);
    return 0;
}

/* Warms the service up, and measures requests that come one after the other. */
static int measure_alone(struct ebjr_rate *out, double *start, const struct ebjr_service *service,
                         const struct ebjr_measure_options *options)
{
    struct ebjr_measured measured;
    struct ebjr_measure_options single = *options;
    single.scenario = EBJR_SINGLE;
    single.sink = NULL;
    single.samples = EBJR_LEAST_PROBE;
    int status = ebjr_measure(&measured, service, &single);
    out->lone = measured.p50.estimate + (options->batch > 1 ? (double)options->max_wait_ns : 0);
    out->dropped = measured.dropped + measured.n;
    out->warm = measured.warm;
    *start = measured.samples_per_s / 2;
    ebjr_measured_free(&measured);
    if (!status && !isfinite(*start))
        status = ebjr_error_set(EBJR_EINVAL, "the service takes no time: no rate is too high");
    return status;
}

/* What a probe's callbacks share. */
struct watch {
    const struct ebjr_measure_options *options; /* of the caller */
    double budget_ns;
    int64_t patience; /* requests that may still take longer */
};

static int pass_progress(void *context, int64_t done, int64_t total)
{
    const struct watch *watch = context;
    const struct ebjr_measure_options *options = watch->options;
    return options->progress ? options->progress(options->context, done, total) : 0;
}

static int watch_budget(void *context, int64_t first, size_t count, int64_t ns)
{
    struct watch *watch = context;
    (void)first;
    if ((double)ns > watch->budget_ns)
        watch->patience -= (int64_t)count;
    return watch->patience < 0 ? EBJR_EINTERRUPTED : 0;
}

/* A measurement at qps; *hopeless: it was broken off. */
static int measure_rate(struct ebjr_measured *out, bool *hopeless, double qps,
                        const struct ebjr_service *service,
                        const struct ebjr_measure_options *options, double budget_ns)
{
    struct watch watch = {options, budget_ns, options->samples / 10};
    struct ebjr_measure_options server = *options;
    server.scenario = EBJR_SERVER;
    server.qps = qps;
    server.warmup.most_ns = 0;
    server.context = &watch;
    server.progress = pass_progress;
    server.sink = watch_budget;
    int status = ebjr_measure(out, service, &server);
    *hopeless = watch.patience < 0;
    if (*hopeless && status == EBJR_EINTERRUPTED)
        status = 0;
    if (!status && !*hopeless && out->n < EBJR_LEAST_PROBE)
        status = ebjr_error_set(EBJR_EINVAL,
                                "at %g requests a second there were only %lld in the time given, "
                                "too few for a 99th percentile; give more time",
                                qps, (long long)out->n);
    return status;
}

/* A probe's place among the others; its measurement is kept where it is the best so far. */
static bool enter(struct ebjr_rate *out, double qps, struct ebjr_measured *measured,
                  double budget_ns)
{
    bool within = !measured->overloaded && measured->p99.estimate <= budget_ns;
    out->probes[out->probe_count++] = (struct ebjr_probe){
        qps, measured->n, measured->p50, measured->p99, measured->overloaded, within};
    if (!within) {
        out->above = qps;
        ebjr_measured_free(measured);
        return false;
    }
    ebjr_measured_free(&out->measured);
    out->measured = *measured;
    out->qps = qps;
    return true;
}

/* *within: of the probe. *meets: whether requests met each other. */
static int probe(struct ebjr_rate *out, bool *within, bool *meets, double qps,
                 const struct ebjr_service *service, const struct ebjr_measure_options *options,
                 const struct ebjr_rate_request *request)
{
    struct ebjr_measured measured;
    bool hopeless;
    if (out->probe_count == EBJR_MOST_PROBES)
        return ebjr_error_set(EBJR_EINVAL, "no end of the rates between %g and %g a second",
                              out->qps, out->above);
    int status = measure_rate(&measured, &hopeless, qps, service, options, request->budget_ns);
    if (!status && !hopeless && request->probed)
        status = request->probed(request->context, qps, &measured);
    if (status) {
        ebjr_measured_free(&measured);
        return status;
    }
    *meets = 1e-9 * measured.mean.estimate * qps >= alone;
    *within = enter(out, qps, &measured, request->budget_ns);
    return 0;
}

int ebjr_rate_find(struct ebjr_rate *out, const struct ebjr_service *service,
                   const struct ebjr_measure_options *options,
                   const struct ebjr_rate_request *request)
{
    double qps;
    bool within = false, meets = true;
    *out = (struct ebjr_rate){.above = INFINITY};
    int status = check(options, request->budget_ns, request->tolerance);
    if (!status)
        status = measure_alone(out, &qps, service, options);
    if (status || out->lone > request->budget_ns)
        return status;
    while (!status && meets &&
           (out->qps == 0 || out->above > out->qps * (1 + request->tolerance))) {
        status = probe(out, &within, &meets, qps, service, options, request);
        meets = meets || within;
        if (out->qps > 0 && isfinite(out->above))
            qps = sqrt(out->qps) * sqrt(out->above);
        else
            qps *= within ? 2 : 0.5;
    }
    return status;
}

void ebjr_rate_free(struct ebjr_rate *rate)
{
    ebjr_measured_free(&rate->measured);
    *rate = (struct ebjr_rate){0};
}
