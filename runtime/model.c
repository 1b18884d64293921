#include "runtime/model.h"

#include "base/error.h"
#include "runtime/backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef EBJR_TORCH
static const struct ebjr_backend *const backend = &ebjr_torch_backend;
#else
static const struct ebjr_backend *const backend = NULL;
#endif

struct ebjr_model {
    struct ebjr_model_info info;
    struct ebjr_shape shape;
    void *handle;
};

static void count(void *context, const struct ebjr_operator *op)
{
    ebjr_flops_add(context, op);
}

static int probe(ebjr_model *model)
{
    size_t size = model->shape.channels * model->shape.height * model->shape.width;
    float *zeros = calloc(size, sizeof *zeros);
    if (!zeros)
        return ebjr_error_memory();
    int status =
        backend->forward(model->handle, NULL, 0, &model->info.classes, zeros, 1, &model->shape);
    free(zeros);
    if (!status)
        status = backend->trace(model->handle, &model->info.parameters, &model->shape, count,
                                &model->info.flops);
    return status;
}

int ebjr_model_open(ebjr_model **out, const char *path, const struct ebjr_device *device,
                    const struct ebjr_shape *shape)
{
    if (!backend)
        return ebjr_error_set(EBJR_EDEVICE, "this ebjr was built without libtorch and cannot run "
                                            "models; it can import logits");
    if (access(path, R_OK) != 0)
        return ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO,
                              "cannot read the model %s: %s", path, strerror(errno));
    ebjr_model *model = calloc(1, sizeof *model);
    if (!model)
        return ebjr_error_memory();
    model->info.backend = backend->name;
    model->shape = *shape;
    int status = backend->open(&model->handle, path, device);
    if (!status)
        status = probe(model);
    if (status) {
        ebjr_error_context(status, "%s", path);
        ebjr_model_close(model);
        return status;
    }
    *out = model;
    return 0;
}

void ebjr_model_close(ebjr_model *model)
{
    if (!model)
        return;
    if (model->handle)
        backend->close(model->handle);
    free(model);
}

const struct ebjr_model_info *ebjr_model_describe(const ebjr_model *model)
{
    return &model->info;
}

int ebjr_model_forward(ebjr_model *model, float *logits, const float *inputs, size_t batch)
{
    size_t classes;
    int status = backend->forward(model->handle, logits, batch * model->info.classes, &classes,
                                  inputs, batch, &model->shape);
    if (!status && classes != model->info.classes)
        status = ebjr_error_set(EBJR_EMODEL,
                                "it returned %zu classes for one sample and %zu for a batch of %zu",
                                model->info.classes, classes, batch);
    return status;
}

void ebjr_backend_version(char *out, size_t size)
{
    if (backend)
        backend->version(out, size);
    else
        snprintf(out, size, "none");
}

void ebjr_backend_set_threads(int threads)
{
    if (backend)
        backend->set_threads(threads);
}

double ebjr_backend_gemm_rate(void)
{
    return backend ? backend->gemm_rate() : 0;
}
