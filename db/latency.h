/*
 * Latencies: nanoseconds a (measurement, sample), in the order of measuring. A sample of the data
 * set may be measured never, once or many times.
 *
 * Their SHA-256 is over the pairs (sample i64, ns i64) in that order, little-endian.
 */
#ifndef EBJR_DB_LATENCY_H
#define EBJR_DB_LATENCY_H

#include "db/stored.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Stores measurement->samples latencies ns[samples] >= 0 of the samples sample[samples] (NULL:
 * 0, 1, 2, ...) and the record, which gets its id, hash and time, in one transaction. Where the
 * newest measurement of the same model or cascade, data set and batch is the same in all columns
 * but `created`, *measurement becomes that record and nothing is stored. For latencies that do not
 * fit in memory, or come one after the other: db/latency_stream.h. Errors: EBJR_EINVAL a latency or
 * a sample that cannot be; EBJR_EBUSY, EBJR_EIO.
 */
int ebjr_latency_put(ebjr_store *store, struct ebjr_stored_measurement *measurement,
                     const int64_t *sample, const int64_t *ns);

/* ns[samples] of a measurement and, unless NULL, sample[samples]. Errors: EBJR_ESTORE rows are
 * missing or hold what ebjr does not write. */
int ebjr_latency_read(int64_t *ns, int64_t *sample, ebjr_store *store,
                      const struct ebjr_stored_measurement *measurement);

/* The newest measurement of what a model takes for one sample of a data set by itself: batch 1, in
 * the scenario "single" or "given". (In a batch a sample takes its share, and a server's latencies
 * hold the queue: neither is what a model adds to a cascade.) Errors: EBJR_ENOTFOUND. */
int ebjr_latency_newest(struct ebjr_stored_measurement *out, ebjr_store *store, int64_t model_id,
                        int64_t dataset_id);

#ifdef __cplusplus
}
#endif
#endif
