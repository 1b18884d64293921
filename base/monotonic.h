/* The time that never goes back. */
#ifndef EBJR_BASE_MONOTONIC_H
#define EBJR_BASE_MONOTONIC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Nanoseconds since an origin of its own (CLOCK_MONOTONIC). */
int64_t ebjr_monotonic_ns(void);

#ifdef __cplusplus
}
#endif
#endif
