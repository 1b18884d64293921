/*
 * Direct execution: a network's layers as a list of steps, with weights packed the way they are
 * read and every intermediate result at a fixed place in one block of memory. A call allocates
 * nothing and looks nothing up. For networks of few channels and layers of microseconds, where a
 * framework's cost an operator counts; CPU only, float32.
 *
 * A sample's logits are the same bits in whatever batch and with however many threads it is
 * computed. They differ in rounding from one instruction set to another.
 */
#ifndef EBJR_RUNTIME_DIRECT_H
#define EBJR_RUNTIME_DIRECT_H

#include "runtime/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ebjr_direct ebjr_direct;

/*
 * Compiles `graph`, which is not changed and may be freed afterwards, for batches of about `batch`
 * samples, spread over `threads` threads (the caller's is one), which wait between calls without
 * spinning. Simplify the graph before (graph.h): it is executed as it is. The caller owns *out.
 * Errors: EBJR_EINVAL no batch or threads, or what ebjr_graph_check refuses; EBJR_ENOMEM.
 */
int ebjr_direct_compile(ebjr_direct **out, const struct ebjr_graph *graph, size_t batch,
                        size_t threads);
void ebjr_direct_free(ebjr_direct *direct);

/* inputs[count][c][h][w] to logits[count][classes], for any count. One call at a time. Returns 0.
 */
int ebjr_direct_forward(ebjr_direct *direct, float *logits, const float *inputs, size_t count);

/* Bytes of weights and of intermediate results, over all threads. */
size_t ebjr_direct_memory(const ebjr_direct *direct);

/* What computes here, for provenance: "direct, AVX-512". */
void ebjr_direct_version(char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
