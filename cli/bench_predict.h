/* What the models' own latencies, measured one by one, say of a cascade of them. */
#ifndef EBJR_CLI_BENCH_PREDICT_H
#define EBJR_CLI_BENCH_PREDICT_H

#include "bench/replay.h"
#include "calib/measured.h"
#include "cli/live_cascade.h"

/*
 * Of requests 0..n-1, n <= replay->samples, as they were routed: each takes what the stages that
 * saw it take, by the newest stored measurement of each model alone. All NaN where a model has
 * none. Says where one was measured by another plan than it has now. Errors: EBJR_ESTORE,
 * EBJR_ENOMEM.
 */
int bench_predict(struct ebjr_measured_summary *out, ebjr_store *store, const struct live *live,
                  const struct live_cascade *cascade, const struct ebjr_replay *replay, int64_t n);

#endif
