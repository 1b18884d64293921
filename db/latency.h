/* Latencies: nanoseconds a (measurement, sample), stored whole in one transaction. */
#ifndef EBJR_DB_LATENCY_H
#define EBJR_DB_LATENCY_H

#include "db/stored.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Stores measurement->samples latencies ns[samples] >= 0 and the record, which gets its id, hash
 * and time. Where the store has the same latencies for the same model, data set, device, plan and
 * batch, *measurement becomes that record and nothing is stored. Errors: EBJR_EBUSY, EBJR_EIO. */
int ebjr_latency_append(ebjr_store *store, struct ebjr_stored_measurement *measurement,
                        const int64_t *ns);

/* ns[samples] of a measurement. Errors: EBJR_ESTORE rows are missing. */
int ebjr_latency_read(int64_t *ns, ebjr_store *store,
                      const struct ebjr_stored_measurement *measurement);

/* The newest measurement of a model on a data set with batch 1. Errors: EBJR_ENOTFOUND. */
int ebjr_latency_newest(struct ebjr_stored_measurement *out, ebjr_store *store, int64_t model_id,
                        int64_t dataset_id);

/* SHA-256 of ns[samples] as little-endian int64. */
int ebjr_latency_hash(char out[EBJR_HASH_TEXT], const int64_t *ns, int64_t samples);

#ifdef __cplusplus
}
#endif
#endif
