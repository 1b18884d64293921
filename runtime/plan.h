/*
 * A plan: how a model is executed. Plans give the same predictions at different speeds; which is
 * the fastest depends on the model, the machine, the batch and the threads, so it is measured.
 *
 *   as-loaded      TorchScript as it was saved
 *   frozen         weights become constants, batch norms are folded, dead branches go
 *   optimized      frozen, then libtorch's optimize_for_inference
 *   channels-last  frozen, in NHWC memory format
 *   direct         its layers by kernels of our own over one block of memory (direct.h); on the CPU
 *   cuda-graph     frozen, and recorded for one batch, which the GPU then does at one call; other
 *                  batches as frozen. Where ebjr was built with a libtorch that has CUDA
 */
#ifndef EBJR_RUNTIME_PLAN_H
#define EBJR_RUNTIME_PLAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ebjr_plan_mode {
    EBJR_PLAN_AS_LOADED,
    EBJR_PLAN_FROZEN,
    EBJR_PLAN_OPTIMIZED,
    EBJR_PLAN_CHANNELS_LAST,
    EBJR_PLAN_DIRECT,
    EBJR_PLAN_CUDA_GRAPH,
    EBJR_PLAN_MODES
};

enum ebjr_dtype { EBJR_DTYPE_FLOAT32, EBJR_DTYPE_BFLOAT16, EBJR_DTYPE_FLOAT16 };

struct ebjr_plan {
    enum ebjr_plan_mode mode;
    enum ebjr_dtype dtype;
    size_t batch;   /* samples a forward pass */
    size_t threads; /* 0: libtorch's own choice */
};

enum { EBJR_PLAN_TEXT = 64 };

/* "channels-last, float32, batch 64, 2 threads" */
void ebjr_plan_format(char out[EBJR_PLAN_TEXT], const struct ebjr_plan *plan);

/* What ebjr_plan_format wrote. Errors: EBJR_EFORMAT. */
int ebjr_plan_parse(struct ebjr_plan *out, const char *text);

const char *ebjr_plan_mode_name(enum ebjr_plan_mode mode);
const char *ebjr_dtype_name(enum ebjr_dtype dtype);

/* Errors: EBJR_EINVAL, with the nearest known name. */
int ebjr_plan_mode_find(enum ebjr_plan_mode *out, const char *name);
int ebjr_dtype_find(enum ebjr_dtype *out, const char *name);

#ifdef __cplusplus
}
#endif
#endif
