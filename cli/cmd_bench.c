/* ebjr bench: the latency of a live cascade, or of a model alone. */
#include "base/error.h"
#include "base/text.h"
#include "bench/replay.h"
#include "cli/bench_predict.h"
#include "cli/bench_report.h"
#include "cli/commands.h"
#include "cli/progress.h"

#include <math.h>
#include <string.h>

struct request {
    const char *db, *scenario, *max_p99, *max_wait, *seconds, *trace, *format;
    struct live_request live;
    struct live_cascade_request cascade;
    int64_t samples, max_batch, seed; /* samples, max_batch 0: not given */
    double qps;                       /* NaN: not given */
    bool find_max_qps, each, reference;
};

/* Everything a measurement needs. */
struct bench {
    ebjr_store *store; /* NULL: nothing is stored */
    struct live live;
    struct live_cascade cascade;
    struct ebjr_replay replay;
    struct ebjr_measure_options options;
    struct progress progress;
    int64_t told; /* to progress, last */
    struct bench_recorder recorder;
    struct table table;
    double budget_ns; /* of the search; NaN: none */
    bool infeasible;  /* no rate keeps it */
};

enum { DEFAULT_MAX_BATCH = 8, DEFAULT_PROBE = 3000, INPUTS_BYTES = 1 << 28 };
static const double SEARCH_TOLERANCE = 0.03;

static int on_progress(void *context, int64_t done, int64_t total)
{
    struct bench *bench = context;
    if (done < bench->told) /* the next probe */
        progress_begin(&bench->progress, bench->progress.name, 0);
    bench->told = done;
    if (total > 0)
        return progress_step(&bench->progress, done, total);
    return progress_interrupted();
}

static int on_time(void *context, int64_t first, size_t count, int64_t ns)
{
    struct bench *bench = context;
    return bench_record(&bench->recorder, first, count, ns);
}

static int parse_time(int64_t *out, const char *option, const char *text)
{
    static const double longest = 1e16;
    double ns = 0;
    int status = text ? ebjr_time_parse(&ns, text) : 0;
    if (!status && !(ns >= 0 && ns <= longest))
        status = ebjr_error_set(EBJR_EINVAL, "'%s' is no time that can be waited for", text);
    *out = (int64_t)ns;
    return status ? ebjr_error_context(status, "--%s", option) : 0;
}

static int check_server(struct bench *bench, const struct request *request)
{
    bool is_server = bench->options.scenario == EBJR_SERVER;
    int64_t budget = 0;
    bench->budget_ns = NAN;
    if (!is_server && (!isnan(request->qps) || request->find_max_qps || request->max_p99 ||
                       request->max_batch || request->max_wait || request->trace))
        return ebjr_error_set(EBJR_EINVAL, "--qps, --find-max-qps, --max-p99, --max-batch, "
                                           "--max-wait and --trace belong to --scenario server");
    if (is_server && request->find_max_qps == !isnan(request->qps))
        return ebjr_error_set(EBJR_EINVAL,
                              "a server needs either --qps Q or --find-max-qps --max-p99 TIME");
    if (request->find_max_qps != (request->max_p99 != NULL))
        return ebjr_error_set(EBJR_EINVAL, "--find-max-qps and --max-p99 TIME go together");
    if (request->trace && !request->find_max_qps)
        return ebjr_error_set(EBJR_EINVAL, "--trace is of the probes of --find-max-qps");
    if (request->each && bench->options.scenario != EBJR_SINGLE)
        return ebjr_error_set(EBJR_EINVAL, "--each belongs to --scenario single");
    if (request->live.batch && bench->options.scenario != EBJR_OFFLINE)
        return ebjr_error_set(EBJR_EINVAL, "--batch belongs to --scenario offline; those of a "
                                           "server are given by --max-batch");
    if (!request->max_p99)
        return 0;
    int status = parse_time(&budget, "max-p99", request->max_p99);
    bench->budget_ns = (double)budget;
    return status;
}

static int parse(struct bench *bench, const struct request *request)
{
    struct ebjr_measure_options *options = &bench->options;
    enum ebjr_scenario scenario;
    struct output output;
    int status = output_parse(&output, request->format);
    if (!status)
        status = ebjr_scenario_find(&scenario, request->scenario);
    if (status)
        return status;
    bench->table = bench_table(output, !request->reference && !request->each);
    ebjr_measure_defaults(options, scenario);
    status = check_server(bench, request);
    if (!status)
        status = parse_time(&options->max_wait_ns, "max-wait", request->max_wait);
    if (!status)
        status = parse_time(&options->limit_ns, "seconds", request->seconds);
    options->samples = request->samples;
    options->seed = (uint64_t)request->seed;
    options->qps = request->qps;
    options->context = bench;
    options->progress = on_progress;
    return status;
}

static int open_subject(struct bench *bench, const struct request *request)
{
    const struct live_cascade_request *cascade = &request->cascade;
    if (!cascade->policy && !cascade->student && !cascade->teacher)
        return live_cascade_open_alone(&bench->cascade, &bench->live, bench->store, &request->live,
                                       cascade);
    return live_cascade_open(&bench->cascade, &bench->live, bench->store, &request->live, cascade);
}

/* Prepares the models; the data set is read when the size of batches is known. */
static int ready(struct bench *bench, size_t batch)
{
    struct ebjr_measure_options *options = &bench->options;
    int status = live_cascade_ready(&bench->cascade, &bench->live, bench->store, batch);
    if (status)
        return status;
    options->batch = batch ? batch : ebjr_model_plan(bench->cascade.models[0])->batch;
    ebjr_replay_free(&bench->replay);
    status = ebjr_replay_open(&bench->replay, bench->live.dataset, &bench->live.preprocessing,
                              options->batch, INPUTS_BYTES);
    if (!status && bench->replay.samples < ebjr_dataset_describe(bench->live.dataset)->samples)
        say("note: the first %lld samples are held in memory and asked for over and over",
            (long long)bench->replay.samples);
    bench->recorder.samples = bench->replay.samples;
    return status;
}

static void warn(const struct ebjr_measured *measured, const struct ebjr_measure_options *options)
{
    if (!measured->warm)
        say("warning: times were still moving when the warm-up ended, after %lld samples; another "
            "program may be running",
            (long long)measured->dropped);
    if (measured->overloaded)
        say("warning: %g requests a second came, %g can be answered in full batches: the queue "
            "grew, and times only say for how long",
            options->qps, measured->capacity);
}

static int report(struct bench *bench, const struct ebjr_measured *measured, double above_qps)
{
    struct bench_row row = {.measured = measured,
                            .options = &bench->options,
                            .live = &bench->live,
                            .cascade = &bench->cascade,
                            .accuracy = ebjr_replay_accuracy(&bench->replay),
                            .predicted = {NAN, NAN, NAN, NAN},
                            .above_qps = above_qps};
    int64_t n = measured->n < bench->replay.samples ? measured->n : bench->replay.samples;
    bool is_cascade = bench->cascade.policy.stage_count > 1;
    int status = 0;
    if (bench->store && is_cascade && bench->options.scenario == EBJR_SINGLE)
        status = bench_predict(&row.predicted, bench->store, &bench->live, &bench->cascade,
                               &bench->replay, n);
    if (status)
        return status;
    bench_print(&bench->table, &row);
    warn(measured, &bench->options);
    return bench->recorder.stream ? bench_store(&bench->recorder, bench->store, &row) : 0;
}

static void close_recorder(struct bench *bench)
{
    ebjr_latency_stream_close(bench->recorder.stream);
    bench->recorder = (struct bench_recorder){.samples = bench->replay.samples};
}

/* One measurement. What was measured until an interruption is reported, and not stored. */
static int measure(struct bench *bench, const char *name)
{
    struct ebjr_service service =
        ebjr_replay_service(&bench->replay, bench->cascade.cascade, &bench->cascade.policy);
    struct ebjr_measured measured;
    int status = 0;
    if (bench->store)
        status = ebjr_latency_stream_open(&bench->recorder.stream, bench->store);
    if (status)
        return status;
    bench->options.sink = bench->store ? on_time : NULL;
    progress_begin(&bench->progress, name, 0);
    status = ebjr_measure(&measured, &service, &bench->options);
    progress_end(&bench->progress);
    if (status == EBJR_EINTERRUPTED)
        close_recorder(bench);
    if ((!status || status == EBJR_EINTERRUPTED) && measured.n > 0) {
        int reported = report(bench, &measured, NAN);
        status = status ? status : reported;
    }
    ebjr_measured_free(&measured);
    close_recorder(bench);
    return status;
}

static void say_probes(const struct ebjr_rate *rate)
{
    for (size_t i = 0; i < rate->probe_count; i++) {
        const struct ebjr_probe *probe = &rate->probes[i];
        say("  %9.4g requests/s: p50 %8.3f ms, p99 %8.3f ms%s", probe->qps,
            probe->p50.estimate / 1e6, probe->p99.estimate / 1e6,
            probe->within       ? ", within"
            : probe->overloaded ? ", overloaded"
                                : "");
    }
}

/* Keeps a probe, so that latency can be drawn against load. */
static int keep_probe(void *context, double qps, const struct ebjr_measured *measured)
{
    struct bench *bench = context;
    struct ebjr_measure_options options = bench->options;
    struct bench_row row = {.measured = measured,
                            .options = &options,
                            .live = &bench->live,
                            .cascade = &bench->cascade};
    options.qps = qps;
    if (!bench->store || measured->stride > 1)
        return 0;
    int status = ebjr_latency_stream_open(&bench->recorder.stream, bench->store);
    for (size_t i = 0; !status && i < measured->kept; i++)
        status =
            bench_record(&bench->recorder, measured->dropped + (int64_t)i, 1, measured->times[i]);
    if (!status)
        status = bench_store(&bench->recorder, bench->store, &row);
    close_recorder(bench);
    return status;
}

static int search(struct bench *bench, const struct request *request)
{
    struct ebjr_service service =
        ebjr_replay_service(&bench->replay, bench->cascade.cascade, &bench->cascade.policy);
    struct ebjr_rate_request search = {bench->budget_ns, SEARCH_TOLERANCE, bench, keep_probe};
    struct ebjr_rate rate;
    progress_begin(&bench->progress, "probe", 0);
    int status = ebjr_rate_find(&rate, &service, &bench->options, &search);
    progress_end(&bench->progress);
    say_probes(&rate);
    if (request->trace) {
        int traced = bench_trace(request->trace, &rate);
        status = status ? status : traced;
    }
    bench->options.qps = rate.qps;
    if (rate.qps > 0) {
        rate.measured.dropped += rate.dropped;
        rate.measured.warm = rate.warm;
        int reported = report(bench, &rate.measured, rate.above);
        status = status ? status : reported;
    } else if (!status) {
        bench->infeasible = true;
        complain(
            "ebjr bench: no rate keeps the 99th percentile within %g ms: a request that is alone "
            "takes %g ms (median)",
            bench->budget_ns / 1e6, rate.lone / 1e6);
    }
    ebjr_rate_free(&rate);
    return status;
}

/* The models for the first measurement, and how much there is to measure. */
static int prepare(struct bench *bench, const struct request *request)
{
    struct ebjr_measure_options *options = &bench->options;
    size_t batch = 1;
    if (options->scenario == EBJR_OFFLINE)
        batch = bench->live.batch;
    else if (options->scenario == EBJR_SERVER)
        batch = request->max_batch ? (size_t)request->max_batch : DEFAULT_MAX_BATCH;
    int status = ready(bench, batch);
    if (options->samples == 0 && request->find_max_qps)
        options->samples = DEFAULT_PROBE;
    if (options->samples == 0 && options->limit_ns == 0)
        options->samples = bench->replay.samples;
    return status;
}

/* Each model of the cascade by itself, one sample at a time. */
static int measure_each(struct bench *bench)
{
    struct live_cascade whole = bench->cascade;
    enum ebjr_scenario scenario = bench->options.scenario;
    int status = 0;
    bench->options.scenario = EBJR_SINGLE;
    for (size_t i = 0; !status && i < whole.policy.stage_count; i++) {
        status = live_cascade_part(&bench->cascade, &whole, i);
        if (!status)
            status = measure(bench, whole.policy.stages[i].model);
        ebjr_cascade_free(bench->cascade.cascade);
    }
    bench->cascade = whole;
    bench->options.scenario = scenario;
    return status;
}

static int measure_all(struct bench *bench, const struct request *request)
{
    int status = request->each ? measure_each(bench) : 0;
    if (!status)
        status = request->find_max_qps ? search(bench, request) : measure(bench, request->scenario);
    if (status || !request->reference)
        return status;
    bench->options.scenario = EBJR_SINGLE;
    bench->live.mode = EBJR_PLAN_AS_LOADED;
    status = ready(bench, 1);
    return status ? status : measure(bench, "reference");
}

static int bench_all(struct bench *bench, const struct request *request)
{
    int status = parse(bench, request);
    if (!status)
        status = live_open(&bench->live, &request->live);
    if (!status && request->db)
        status = ebjr_store_open(&bench->store, request->db, EBJR_STORE_CREATE);
    progress_catch_signals();
    if (!status)
        status = open_subject(bench, request);
    if (!status)
        status = prepare(bench, request);
    if (status)
        return status;
    table_begin(&bench->table);
    status = measure_all(bench, request);
    int ended = table_end(&bench->table);
    return status ? status : ended;
}

static int run(const struct command *command, int argc, char **argv)
{
    struct request request = {.live = LIVE_REQUEST,
                              .cascade = LIVE_CASCADE_REQUEST,
                              .scenario = "single",
                              .seed = 1,
                              .qps = NAN};
    const struct option_row rows[] = {
        {"db", OPTION_TEXT, &request.db, "FILE",
         "the store: where models are, what plans are the fastest here; it keeps the times", false},
        LIVE_CASCADE_ROWS(request.cascade),
        {"scenario", OPTION_TEXT, &request.scenario, "NAME",
         "single (default): one sample after the other\n"
         "offline: batches as fast as they go\n"
         "server: requests come at random, at a rate",
         false},
        {"samples", OPTION_INTEGER, &request.samples, "N",
         "to measure (default: the data set's; a probe of --find-max-qps: 3000)", false},
        {"seconds", OPTION_TEXT, &request.seconds, "TIME",
         "to measure for at most (30s, 500ms), each probe too", false},
        {"qps", OPTION_NUMBER, &request.qps, "Q", "server: requests a second", false},
        {"max-batch", OPTION_INTEGER, &request.max_batch, "N",
         "server: requests answered together at most (default 8)", false},
        {"max-wait", OPTION_TEXT, &request.max_wait, "TIME",
         "server: how long the oldest waits for a full batch (2ms; default 0)", false},
        {"find-max-qps", OPTION_FLAG, &request.find_max_qps, NULL,
         "server: the largest rate whose 99th percentile is within --max-p99", false},
        {"max-p99", OPTION_TEXT, &request.max_p99, "TIME", "20ms, 500us", false},
        {"trace", OPTION_TEXT, &request.trace, "FILE", "the rates that were tried, as CSV", false},
        {"each", OPTION_FLAG, &request.each, NULL,
         "measure each model of the cascade by itself first, single: what is predicted from",
         false},
        {"reference", OPTION_FLAG, &request.reference, NULL,
         "measure the original's way too: one sample at a time, models as loaded", false},
        {"seed", OPTION_INTEGER, &request.seed, "N", "of the arrivals (default 1)", false},
        LIVE_DATASET_ROWS(request.live, true),
        LIVE_PLAN_ROWS(request.live),
        FORMAT_ROW(&request.format),
    };
    struct bench bench = {0};
    int status = option_parse(command, rows, ROWS(rows), argc, argv);
    if (status)
        return status > 0 ? EXIT_DONE : EXIT_USAGE;
    request.live.dataset_options.may_lack_labels = true;
    status = bench_all(&bench, &request);
    ebjr_replay_free(&bench.replay);
    live_cascade_close(&bench.cascade);
    live_close(&bench.live);
    ebjr_store_close(bench.store);
    if (status)
        return fail(command, status);
    return bench.infeasible ? EXIT_INFEASIBLE : EXIT_DONE;
}

const struct command command_bench = {
    "bench", "measure the latency of a live cascade, or of a model",
    "What is measured is a cascade (--policy, or --student, --teacher, --score, --threshold), or "
    "a\n"
    "model by itself: --model, a file or the name of a stored one. Inputs are preprocessed\n"
    "beforehand. Calls are dropped until their times are flat.\n\n"
    "  single   a time is that of one answer\n"
    "  offline  a time is a sample's share of its batch; what is deferred is gathered over "
    "batches\n"
    "  server   Poisson arrivals; a time is that from the scheduled arrival to the answer, so "
    "that\n"
    "           a stall counts for all whom it kept waiting. Above `capacity` the queue grows.\n\n"
    "CSV and JSON have 95 % intervals (order statistics; batch means for the mean), which allow "
    "for\n"
    "times that depend on each other. With --db every time is stored, also those of the rates that "
    "a\n"
    "search tried, but for hopeless ones: ebjr plot --kind qps draws them. What models take "
    "alone,\n"
    "one sample at a time, serves sweep and pick.\n\n"
    "Examples:\n"
    "  ebjr bench --db cifar10.db --dataset cifar10:cifar-10-batches-bin --policy policy.json\n"
    "  ebjr bench --db cifar10.db --dataset cifar10:cifar-10-batches-bin --policy policy.json \\\n"
    "             --scenario server --find-max-qps --max-p99 20ms --trace probes.csv\n",
    run};
