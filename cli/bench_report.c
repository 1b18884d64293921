#include "cli/bench_report.h"

#include "base/error.h"
#include "version.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct column columns[] = {
    {"subject", COLUMN_TEXT, 40, false, NULL},
    {"dataset", COLUMN_TEXT, 0, true, NULL},
    {"scenario", COLUMN_TEXT, 0, false, NULL},
    {"n", COLUMN_INTEGER, 8, false, "samples"},
    {"teacher_rate", COLUMN_FRACTION, 0, false, NULL},
    {"accuracy", COLUMN_FRACTION, 0, false, "of what was answered"},
    {"mean_ns", COLUMN_REAL, 11, false, "a sample"},
    {"mean_low_ns", COLUMN_REAL, 0, true, NULL},
    {"mean_high_ns", COLUMN_REAL, 0, true, NULL},
    {"p50_ns", COLUMN_REAL, 11, false, NULL},
    {"p50_low_ns", COLUMN_REAL, 0, true, NULL},
    {"p50_high_ns", COLUMN_REAL, 0, true, NULL},
    {"p90_ns", COLUMN_REAL, 11, false, NULL},
    {"p90_low_ns", COLUMN_REAL, 0, true, NULL},
    {"p90_high_ns", COLUMN_REAL, 0, true, NULL},
    {"p95_ns", COLUMN_REAL, 11, false, NULL},
    {"p95_low_ns", COLUMN_REAL, 0, true, NULL},
    {"p95_high_ns", COLUMN_REAL, 0, true, NULL},
    {"p99_ns", COLUMN_REAL, 11, false, NULL},
    {"p99_low_ns", COLUMN_REAL, 0, true, NULL},
    {"p99_high_ns", COLUMN_REAL, 0, true, NULL},
    {"max_ns", COLUMN_REAL, 11, false, NULL},
    {"predicted_mean_ns", COLUMN_REAL, 0, false, "from the models measured alone"},
    {"predicted_p50_ns", COLUMN_REAL, 0, true, NULL},
    {"predicted_p95_ns", COLUMN_REAL, 0, false, NULL},
    {"predicted_p99_ns", COLUMN_REAL, 0, false, NULL},
    {"samples_per_s", COLUMN_REAL, 0, false, NULL},
    {"qps", COLUMN_REAL, 0, false, "requests a second that came"},
    {"above_qps", COLUMN_REAL, 0, false, "the least rate found to break the budget"},
    {"capacity", COLUMN_REAL, 0, false, "requests a second in full batches"},
    {"overloaded", COLUMN_FLAG, 0, false, NULL},
    {"batch", COLUMN_INTEGER, 0, false, NULL},
    {"max_wait_ns", COLUMN_REAL, 0, true, NULL},
    {"mean_batch", COLUMN_REAL, 0, true, NULL},
    {"busy_share", COLUMN_FRACTION, 0, true, "of the time"},
    {"dropped", COLUMN_INTEGER, 0, false, "samples before, to warm up"},
    {"warm", COLUMN_FLAG, 0, true, NULL},
    {"plan", COLUMN_TEXT, 40, false, NULL},
    {"device", COLUMN_TEXT, 6, false, NULL},
    {"host", COLUMN_TEXT, 0, true, NULL},
    {"library", COLUMN_TEXT, 0, true, NULL},
};

struct table bench_table(struct output output, bool single)
{
    return (struct table){output, columns, ROWS(columns), 0, single};
}

enum { PLANS_TEXT = 128 };

/* "direct, float32, batch 1, 2 threads", a cascade's joined by " > " where they differ. */
static void describe_plans(char out[PLANS_TEXT], const struct live_cascade *cascade)
{
    char last[EBJR_PLAN_TEXT] = "", text[EBJR_PLAN_TEXT];
    size_t used = 0;
    *out = 0;
    for (size_t i = 0; i < cascade->policy.stage_count; i++) {
        ebjr_plan_format(text, ebjr_model_plan(cascade->models[i]));
        if (strcmp(text, last) != 0 && used < PLANS_TEXT)
            used += (size_t)snprintf(out + used, PLANS_TEXT - used, "%s%s", i ? " > " : "", text);
        memcpy(last, text, sizeof last);
    }
}

static struct value finite_value(double real)
{
    return real_value(isfinite(real) ? real : NAN);
}

static size_t put_interval(struct value *values, const struct ebjr_interval *interval)
{
    values[0] = finite_value(interval->estimate);
    values[1] = finite_value(interval->low);
    values[2] = finite_value(interval->high);
    return 3;
}

void bench_print(struct table *table, const struct bench_row *row)
{
    const struct ebjr_measured *measured = row->measured;
    const struct ebjr_measure_options *options = row->options;
    bool is_server = options->scenario == EBJR_SERVER;
    char subject[512], plans[PLANS_TEXT], device[64], host[128], library[64];
    struct value values[ROWS(columns)];
    size_t at = 0;
    live_cascade_describe(subject, sizeof subject, row->cascade);
    describe_plans(plans, row->cascade);
    ebjr_device_format(device, sizeof device, &row->live->device);
    ebjr_host_cpu(host, sizeof host);
    ebjr_model_library(library, sizeof library, row->cascade->models[0]);

    values[at++] = text_value(subject);
    values[at++] = text_value(row->live->stored_dataset.name);
    values[at++] = text_value(ebjr_scenario_name(options->scenario));
    values[at++] = integer_value(measured->n);
    values[at++] = real_value(measured->teacher_rate);
    values[at++] = real_value(row->accuracy);
    at += put_interval(values + at, &measured->mean);
    at += put_interval(values + at, &measured->p50);
    at += put_interval(values + at, &measured->p90);
    at += put_interval(values + at, &measured->p95);
    at += put_interval(values + at, &measured->p99);
    values[at++] = real_value(measured->max);
    values[at++] = real_value(row->predicted.mean);
    values[at++] = real_value(row->predicted.p50);
    values[at++] = real_value(row->predicted.p95);
    values[at++] = real_value(row->predicted.p99);
    values[at++] = real_value(measured->samples_per_s);
    values[at++] = real_value(is_server ? options->qps : NAN);
    values[at++] = finite_value(row->above_qps);
    values[at++] = real_value(measured->capacity);
    values[at++] = integer_value(is_server ? measured->overloaded : EBJR_UNKNOWN);
    values[at++] = integer_value(options->scenario == EBJR_SINGLE ? 1 : (int64_t)options->batch);
    values[at++] = real_value(is_server ? (double)options->max_wait_ns : NAN);
    values[at++] = real_value((double)measured->n / (double)measured->calls);
    values[at++] = real_value((double)measured->busy_ns / (double)measured->wall_ns);
    values[at++] = integer_value(measured->dropped);
    values[at++] = integer_value(measured->warm);
    values[at++] = text_value(plans);
    values[at++] = text_value(device);
    values[at++] = text_value(host);
    values[at++] = text_value(library);
    table_row(table, values);
}

int bench_trace(const char *path, const struct ebjr_rate *rate)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return ebjr_error_set(EBJR_EIO, "%s: %s", path, strerror(errno));
    fputs("qps,n,p50_ns,p50_low_ns,p50_high_ns,p99_ns,p99_low_ns,p99_high_ns,overloaded,within\n",
          file);
    for (size_t i = 0; i < rate->probe_count; i++) {
        const struct ebjr_probe *probe = &rate->probes[i];
        fprintf(file, "%.17g,%lld,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%d,%d\n", probe->qps,
                (long long)probe->n, probe->p50.estimate, probe->p50.low, probe->p50.high,
                probe->p99.estimate, probe->p99.low, probe->p99.high, probe->overloaded,
                probe->within);
    }
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed)
        return ebjr_error_set(EBJR_EIO, "%s cannot be written", path);
    return 0;
}

static int hand_over(struct bench_recorder *recorder)
{
    size_t count = recorder->count;
    recorder->count = 0;
    return ebjr_latency_stream_append(recorder->stream, recorder->sample, recorder->ns, count);
}

int bench_record(void *context, int64_t first, size_t count, int64_t ns)
{
    struct bench_recorder *recorder = context;
    int status = 0;
    for (size_t i = 0; !status && i < count; i++) {
        recorder->sample[recorder->count] = (first + (int64_t)i) % recorder->samples;
        recorder->ns[recorder->count++] = ns;
        if (recorder->count == ROWS(recorder->ns))
            status = hand_over(recorder);
    }
    return status;
}

int bench_store(struct bench_recorder *recorder, ebjr_store *store, const struct bench_row *row)
{
    const struct live_cascade *cascade = row->cascade;
    const struct ebjr_measure_options *options = row->options;
    bool alone = cascade->policy.stage_count == 1;
    struct ebjr_stored_dataset dataset = row->live->stored_dataset;
    size_t threads = ebjr_model_plan(cascade->models[0])->threads;
    struct ebjr_stored_measurement measurement = {
        .model_id = alone ? cascade->stored[0].id : EBJR_UNKNOWN,
        .batch = options->scenario == EBJR_SINGLE ? 1 : (int64_t)options->batch,
        .threads = threads > 0 ? (int64_t)threads : EBJR_UNKNOWN,
        .qps = options->scenario == EBJR_SERVER ? options->qps : NAN,
        .teacher_rate = alone ? NAN : row->measured->teacher_rate,
        .dropped = row->measured->dropped};
    char plans[PLANS_TEXT];
    if (!alone)
        live_cascade_describe(measurement.subject, sizeof measurement.subject, cascade);
    snprintf(measurement.scenario, sizeof measurement.scenario, "%s",
             ebjr_scenario_name(options->scenario));
    describe_plans(plans, cascade);
    snprintf(measurement.plan, sizeof measurement.plan, "%s", plans);
    snprintf(measurement.program, sizeof measurement.program, "%s", EBJR_VERSION);
    ebjr_device_format(measurement.device, sizeof measurement.device, &row->live->device);
    ebjr_host_cpu(measurement.host, sizeof measurement.host);
    ebjr_model_library(measurement.library, sizeof measurement.library, cascade->models[0]);
    int status = hand_over(recorder);
    if (!status)
        status = ebjr_stored_dataset_put(store, &dataset);
    measurement.dataset_id = dataset.id;
    return status ? status : ebjr_latency_stream_finish(recorder->stream, &measurement);
}
