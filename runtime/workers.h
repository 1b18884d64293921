/* A few threads that wait for work without spinning. */
#ifndef EBJR_RUNTIME_WORKERS_H
#define EBJR_RUNTIME_WORKERS_H

#include <stddef.h>

typedef struct ebjr_workers ebjr_workers;

/* `count` workers, at least 1: the caller of ebjr_workers_run is one of them. The caller owns *out.
 * Errors: EBJR_ENOMEM no memory, or no more threads to be had. */
int ebjr_workers_start(ebjr_workers **out, size_t count);
void ebjr_workers_stop(ebjr_workers *workers);

/* Calls work(context, i) for every i < count, each in a thread of its own, and returns when all
 * have. count is at most the number of workers. One call at a time. */
void ebjr_workers_run(ebjr_workers *workers, size_t count,
                      void (*work)(void *context, size_t worker), void *context);

#endif
