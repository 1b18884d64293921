/*
 * A model: a file, opened on a device by the backend that knows it, ready to answer. Its records
 * tell which backend that is: TorchScript, or an AOTInductor package, which was compiled for one
 * device and dtype and is executed as loaded only.
 */
#ifndef EBJR_RUNTIME_MODEL_H
#define EBJR_RUNTIME_MODEL_H

#include "runtime/dataset.h"
#include "runtime/device.h"
#include "runtime/flops.h"
#include "runtime/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ebjr_model_info {
    const char *backend; /* "torchscript", "aotinductor" */
    size_t classes;
    bool is_counted; /* else there are neither parameters nor FLOPs: it is machine code */
    int64_t parameters;
    struct ebjr_flops flops; /* of one sample of the shape it was opened for */
};

typedef struct ebjr_model ebjr_model;

/*
 * Opens a model for inputs of `shape`, sends one sample of zeros through it and counts its cost.
 * The caller owns *out. Errors: EBJR_ENOTFOUND no such file; EBJR_EDEVICE no such device, or a
 * program built without a backend; EBJR_EMODEL not a model, one of a newer PyTorch, one that
 * refuses this shape, or one that does not return [batch, classes] floats.
 */
int ebjr_model_open(ebjr_model **out, const char *path, const struct ebjr_device *device,
                    const struct ebjr_shape *shape);
void ebjr_model_close(ebjr_model *model);

const struct ebjr_model_info *ebjr_model_describe(const ebjr_model *model);

const struct ebjr_device *ebjr_model_device(const ebjr_model *model);

/* Of one input. */
const struct ebjr_shape *ebjr_model_shape(const ebjr_model *model);

/* Is this a way of executing it on its device, with what the program was built with? */
bool ebjr_model_offers(const ebjr_model *model, enum ebjr_plan_mode mode);

/*
 * Executes the model by `plan` from now on; a model just opened is executed as loaded. Where it
 * fails, the plan before stays. Errors: EBJR_EMODEL, EBJR_EINVAL it cannot be executed so;
 * EBJR_EDEVICE not on this device, or a program built without what it takes.
 */
int ebjr_model_prepare(ebjr_model *model, const struct ebjr_plan *plan);

/* A model keeps what it was prepared for, so that plans can take turns. Trim frees all but the
 * present one. */
void ebjr_model_trim(ebjr_model *model);

const struct ebjr_plan *ebjr_model_plan(const ebjr_model *model);

/* inputs [batch, c, h, w] to logits [batch, classes], float32. Any batch, though the plan was made
 * for one: `direct` works off larger ones in turns, `cuda-graph` does others as `frozen`. Returns
 * when the logits are there: also on a GPU, the time a call takes is the model's. Errors:
 * EBJR_EMODEL. */
int ebjr_model_forward(ebjr_model *model, float *logits, const float *inputs, size_t batch);

/* Only for ebjr_cascade_export, which says what is promised. */
struct ebjr_export;
int ebjr_model_save_cascade(ebjr_model *const *models, const struct ebjr_export *what);

/* Loads a shared library whose operators models call, before they are opened: a file, or the name
 * of one of the system's. Errors: EBJR_EMODEL it cannot be loaded; EBJR_EDEVICE a program built
 * without a backend. */
int ebjr_backend_load_operators(const char *path);

/* The backend's library and version, for provenance: "libtorch 1.13.1". */
void ebjr_backend_version(char *out, size_t size);

/* What computes a model by its plan: the same, or "direct, AVX-512". */
void ebjr_model_library(char *out, size_t size, const ebjr_model *model);

/* FLOP/s that a single-precision matrix product reaches on the present threads; 0 without backend.
 */
double ebjr_backend_gemm_rate(void);

/* FLOP/s of a single-precision matrix product where the backend multiplies slowly: no BLAS known to
 * be fast is loaded, and less than 20e9 is reached, which a good one does on any CPU of the last
 * ten years. Else 0. Takes some milliseconds. */
double ebjr_backend_slow_blas(void);

#ifdef __cplusplus
}
#endif
#endif
