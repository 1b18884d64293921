/*
 * Direct execution: a network's layers as oneDNN primitives that are made once for one batch size,
 * with weights packed the way they are read and every intermediate result at a fixed place in one
 * block of memory. A call allocates nothing and looks nothing up. CPU only, float32 or bfloat16.
 */
#ifndef EBJR_RUNTIME_DIRECT_H
#define EBJR_RUNTIME_DIRECT_H

#include "runtime/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ebjr_direct ebjr_direct;

/*
 * Compiles `graph`, which is not changed and may be freed afterwards, for batches of 1 to `batch`
 * samples, split over `threads` threads that wait between calls without spinning. The
 * caller owns *out. Errors: EBJR_EINVAL a layer that oneDNN has no primitive for; EBJR_EMODEL
 * oneDNN refuses it; EBJR_ENOMEM.
 */
int ebjr_direct_compile(ebjr_direct **out, const struct ebjr_graph *graph, size_t batch,
                        size_t threads);
void ebjr_direct_free(ebjr_direct *direct);

/* inputs[count][c][h][w] to logits[count][classes]. count > batch is worked off in turns. One call
 * at a time. Errors: EBJR_EMODEL. */
int ebjr_direct_forward(ebjr_direct *direct, float *logits, const float *inputs, size_t count);

/* Bytes of weights and of intermediate results, over all threads. */
size_t ebjr_direct_memory(const ebjr_direct *direct);

/* "oneDNN 2.6.3" */
void ebjr_direct_version(char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
