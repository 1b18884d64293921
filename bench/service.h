/* A service: what is measured. The live cascade is one, and so are a single model, a service that
 * does nothing, and one that only sleeps. */
#ifndef EBJR_BENCH_SERVICE_H
#define EBJR_BENCH_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Requests are numbered 0, 1, 2, ... without end; of a data set of N samples, request i is sample
 * i % N. Warm-up and measuring both count from 0. A callback answers requests first ..
 * first+count-1, in one batch, and sets deferred[j] = 1 (they all are 0 before) where the teacher
 * answers request first + j. Errors: 0 or a negative EBJR_E*, which ends the measurement.
 */
struct ebjr_service {
    void *context;
    int (*answer)(void *context, uint8_t *deferred, int64_t first, size_t count);

    /* The same, but deferred requests may wait for others until `flush`; both NULL: no such way. */
    int (*feed)(void *context, uint8_t *deferred, int64_t first, size_t count);
    int (*flush)(void *context);
};

#ifdef __cplusplus
}
#endif
#endif
