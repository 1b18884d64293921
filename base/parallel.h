/* Work on many rows by all processors that this process may use. */
#ifndef EBJR_BASE_PARALLEL_H
#define EBJR_BASE_PARALLEL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How many processors this process may use, at least 1. */
size_t ebjr_processors(void);

/* Calls work(context, from, to) for parts that together are 0..n-1, each of `least` or more, at
 * once where that can be; returns when all are done. What a row gets must not depend on the parts.
 * `work` cannot fail. */
void ebjr_parallel(void (*work)(void *context, size_t from, size_t to), void *context, size_t n,
                   size_t least);

#ifdef __cplusplus
}
#endif
#endif
