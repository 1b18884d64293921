/* What ebjr bench prints, traces and stores. */
#ifndef EBJR_CLI_BENCH_REPORT_H
#define EBJR_CLI_BENCH_REPORT_H

#include "bench/rate.h"
#include "calib/measured.h"
#include "cli/live_cascade.h"
#include "cli/table.h"
#include "db/latency_stream.h"

/* A measurement and how it was made. */
struct bench_row {
    const struct ebjr_measured *measured;
    const struct ebjr_measure_options *options;
    const struct live *live;
    const struct live_cascade *cascade;
    double accuracy;
    struct ebjr_measured_summary predicted; /* of a cascade, from its models alone; NaN: unknown */
    double above_qps; /* of a search: the least rate that broke the budget; NaN: none */
};

/* `single`: one row is all there will be. */
struct table bench_table(struct output output, bool single);
void bench_print(struct table *table, const struct bench_row *row);

/* The probes of a search as CSV. Errors: EBJR_EIO. */
int bench_trace(const char *path, const struct ebjr_rate *rate);

/* Every measured time on its way to the store. */
struct bench_recorder {
    ebjr_latency_stream *stream; /* NULL: nothing is stored */
    int64_t samples;             /* of the data set */
    size_t count;
    int64_t sample[64], ns[64];
};

/* The sink of a measurement whose context is a recorder. */
int bench_record(void *recorder, int64_t first, size_t count, int64_t ns);

/* Stores what was recorded, with the row's provenance. */
int bench_store(struct bench_recorder *recorder, ebjr_store *store, const struct bench_row *row);

#endif
