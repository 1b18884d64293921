/*
 * What a backend gives to model.c: one file a backend, built as a module of its own. The functions
 * keep the error convention of base/error.h; no exception crosses them.
 */
#ifndef EBJR_RUNTIME_BACKEND_H
#define EBJR_RUNTIME_BACKEND_H

#include "runtime/dataset.h"
#include "runtime/device.h"
#include "runtime/export.h"
#include "runtime/flops.h"
#include "runtime/graph.h"
#include "runtime/picture.h"
#include "runtime/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a detector found in a picture. */
struct ebjr_found {
    size_t count;
    size_t classes;        /* logits of each; 0: it returns none */
    const double *boxes;   /* [count, 4]: x1, y1, x2, y2 */
    const int64_t *labels; /* [count] */
    const double *scores;  /* [count] */
    const float *logits;   /* [count, classes] */
};

struct ebjr_backend {
    const char *name; /* the `kind` of a stored model */

    /* Errors: EBJR_EMODEL not a model of this backend; EBJR_EDEVICE. */
    int (*open)(void **out, const char *path, const struct ebjr_device *device);
    void (*close)(void *model);

    /* Is this one of its ways to execute models on such a device? */
    bool (*offers)(enum ebjr_plan_mode mode, const struct ebjr_device *device);

    /* The same model executed by another plan for inputs of `shape`: a handle of its own, for
     * forward and close; `model` may be closed before it. It takes any batch, though it may have
     * been made for the plan's. Errors: EBJR_EMODEL it cannot be executed so; EBJR_EINVAL not a
     * plan of this backend; EBJR_EDEVICE not on this device. */
    int (*prepare)(void **out, void *model, const struct ebjr_plan *plan,
                   const struct ebjr_shape *shape);

    /*
     * inputs [batch, c, h, w] to logits [batch, classes], both float32 on the host. *classes is
     * set; nothing is written to `logits` where batch * classes > capacity. Errors: EBJR_EMODEL the
     * model raised, or returned something else than [batch, classes] floats.
     */
    int (*forward)(void *model, float *logits, size_t capacity, size_t *classes,
                   const float *inputs, size_t batch, const struct ebjr_shape *shape);

    /* What runtime/detector.h promises, but for the values, which are the model's; there until the
     * next call. NULL: its models are no detectors. Errors: EBJR_EMODEL it raised, or returned
     * something else. */
    int (*detect)(void *model, struct ebjr_found *out, const struct ebjr_picture *picture);

    /* NULL: it cannot see them. */
    int (*parameters)(int64_t *out, void *model);

    /* Runs one input of zeros and shows `observe` every operator on tensors. NULL: it cannot see
     * them. */
    int (*trace)(void *model, const struct ebjr_shape *shape,
                 void (*observe)(void *context, const struct ebjr_operator *op), void *context);

    /* The model as layers, for inputs of `shape`. Errors: EBJR_EMODEL an operator that is none of
     * them, named. */
    int (*graph)(struct ebjr_graph *out, void *model, const struct ebjr_shape *shape);

    /* The rest is of libtorch, and stands in its first backend only. */

    /* "libtorch 1.13.1" */
    void (*version)(char *out, size_t size);

    /* The file that ebjr_cascade_export promises; one batch of zeros went through it before it was
     * written. Errors: EBJR_EMODEL, EBJR_EIO. */
    int (*save_cascade)(void *const *models, const struct ebjr_export *what,
                        const struct ebjr_shape *shape);

    void (*set_threads)(int threads);

    /* Of a single-precision matrix product on this machine, in FLOP/s. */
    double (*gemm_rate)(void);
};

extern const struct ebjr_backend ebjr_torch_backend;
extern const struct ebjr_backend ebjr_inductor_backend; /* where libtorch has what it takes */

/* The first backend. NULL: the program was built without; ebjr_error_last() says so. */
const struct ebjr_backend *ebjr_libtorch(void);

/* Opens a file by the backend that its records name; there is a libtorch. Errors: those of `open`,
 * with what the file tells of the reason. */
int ebjr_backend_open(const struct ebjr_backend **backend, void **out, const char *path,
                      const struct ebjr_device *device);

/* libtorch has one number of threads for the process, and models may want different ones; 0 leaves
 * it as it is. */
void ebjr_backend_set_threads(size_t threads);

#ifdef __cplusplus
}
#endif
#endif
