/*
 * A measurement of any length, stored as it goes. Until it is finished its latencies lie in a
 * temporary table of the connection: nobody sees them, appending neither waits for the disk nor
 * locks the store (so that it does not disturb what is measured), and a process that ends before
 * it finished leaves nothing behind. To finish moves all of them in one transaction.
 */
#ifndef EBJR_DB_LATENCY_STREAM_H
#define EBJR_DB_LATENCY_STREAM_H

#include "db/latency.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ebjr_latency_stream ebjr_latency_stream;

/* On a store that is open to write; several may be open at once. The caller owns *out and closes
 * it before the store. Errors: EBJR_EIO. */
int ebjr_latency_stream_open(ebjr_latency_stream **out, ebjr_store *store);
void ebjr_latency_stream_close(ebjr_latency_stream *stream);

/* The next latencies, ns[count] >= 0, of the samples sample[count] >= 0 of the data set; a few
 * thousand at a time are quick. Errors: EBJR_EINVAL none was appended; EBJR_EIO. */
int ebjr_latency_stream_append(ebjr_latency_stream *stream, const int64_t *sample,
                               const int64_t *ns, size_t count);

/* Stores them with the record, which gets `samples`, `sha256`, `created` and its id, as
 * ebjr_latency_put says. Nothing can be appended afterwards; after EBJR_EBUSY it may be called
 * again. Errors: EBJR_EINVAL a sample that the data set does not have; EBJR_EBUSY, EBJR_EIO. */
int ebjr_latency_stream_finish(ebjr_latency_stream *stream,
                               struct ebjr_stored_measurement *measurement);

#ifdef __cplusplus
}
#endif
#endif
