#include "runtime/model.h"

#include "base/error.h"
#include "runtime/backend.h"
#include "runtime/direct.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The model made ready for a plan: by the backend, for any number of threads, or as layers. */
struct executable {
    struct ebjr_plan plan;
    void *handle;
    ebjr_direct *direct;
};

enum { EXECUTABLES = 64 };

struct ebjr_model {
    const struct ebjr_backend *backend;
    struct ebjr_model_info info;
    struct ebjr_shape shape;
    struct ebjr_device device;
    void *loaded; /* by the backend, as the file has it */
    struct ebjr_graph graph;
    struct ebjr_plan plan;
    struct executable executables[EXECUTABLES];
    size_t executable_count;
    struct executable *current; /* NULL: as loaded */
};

const struct ebjr_device *ebjr_model_device(const ebjr_model *model)
{
    return &model->device;
}

const struct ebjr_shape *ebjr_model_shape(const ebjr_model *model)
{
    return &model->shape;
}

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
    const struct ebjr_backend *backend = model->backend;
    int status =
        backend->forward(model->loaded, NULL, 0, &model->info.classes, zeros, 1, &model->shape);
    free(zeros);
    model->info.is_counted = backend->trace != NULL;
    if (!status && backend->parameters)
        status = backend->parameters(&model->info.parameters, model->loaded);
    if (!status && backend->trace)
        status = backend->trace(model->loaded, &model->shape, count, &model->info.flops);
    return status;
}

int ebjr_model_open(ebjr_model **out, const char *path, const struct ebjr_device *device,
                    const struct ebjr_shape *shape)
{
    if (!ebjr_libtorch())
        return EBJR_EDEVICE;
    if (access(path, R_OK) != 0)
        return ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO,
                              "cannot read the model %s: %s", path, strerror(errno));
    ebjr_model *model = calloc(1, sizeof *model);
    if (!model)
        return ebjr_error_memory();
    model->shape = *shape;
    model->device = *device;
    model->plan = (struct ebjr_plan){.batch = 1};
    int status = ebjr_backend_open(&model->backend, &model->loaded, path, device);
    if (!status) {
        model->info.backend = model->backend->name;
        status = probe(model);
    }
    if (status) {
        ebjr_error_context(status, "%s", path);
        ebjr_model_close(model);
        return status;
    }
    *out = model;
    return 0;
}

static void release(const struct ebjr_model *model, struct executable *executable)
{
    ebjr_direct_free(executable->direct);
    if (executable->handle)
        model->backend->close(executable->handle);
}

void ebjr_model_close(ebjr_model *model)
{
    if (!model)
        return;
    for (size_t i = 0; i < model->executable_count; i++)
        release(model, &model->executables[i]);
    ebjr_graph_clear(&model->graph);
    if (model->loaded)
        model->backend->close(model->loaded);
    free(model);
}

const struct ebjr_model_info *ebjr_model_describe(const ebjr_model *model)
{
    return &model->info;
}

static int read_graph(ebjr_model *model)
{
    int status = model->backend->graph(&model->graph, model->loaded, &model->shape);
    if (!status)
        status = ebjr_graph_simplify(&model->graph);
    if (status)
        ebjr_graph_clear(&model->graph);
    return status;
}

bool ebjr_model_offers(const ebjr_model *model, enum ebjr_plan_mode mode)
{
    return model->backend->offers(mode, &model->device);
}

static int compile(struct executable *out, ebjr_model *model, const struct ebjr_plan *plan)
{
    int status = 0;
    if (model->device.cuda)
        return ebjr_error_set(EBJR_EDEVICE, "direct execution is for the CPU");
    if (plan->dtype != EBJR_DTYPE_FLOAT32)
        return ebjr_error_set(EBJR_EINVAL, "direct execution is in float32");
    if (model->graph.count == 0)
        status = read_graph(model);
    return status ? status
                  : ebjr_direct_compile(&out->direct, &model->graph, plan->batch,
                                        plan->threads ? plan->threads : 1);
}

static bool serves(const struct executable *executable, const struct ebjr_plan *plan)
{
    const struct ebjr_plan *made = &executable->plan;
    if (made->mode != plan->mode || made->dtype != plan->dtype)
        return false;
    switch (plan->mode) {
    case EBJR_PLAN_DIRECT: return made->batch == plan->batch && made->threads == plan->threads;
    case EBJR_PLAN_CUDA_GRAPH: return made->batch == plan->batch;
    default: return true;
    }
}

static int find_executable(struct executable **out, ebjr_model *model, const struct ebjr_plan *plan)
{
    *out = NULL;
    if (plan->mode == EBJR_PLAN_AS_LOADED && plan->dtype == EBJR_DTYPE_FLOAT32)
        return 0;
    for (size_t i = 0; i < model->executable_count; i++)
        if (serves(&model->executables[i], plan)) {
            *out = &model->executables[i];
            return 0;
        }
    if (model->executable_count == EXECUTABLES)
        return ebjr_error_set(EBJR_EINVAL, "the model was prepared for too many plans");
    struct executable *made = &model->executables[model->executable_count];
    *made = (struct executable){.plan = *plan};
    int status = plan->mode == EBJR_PLAN_DIRECT
                     ? compile(made, model, plan)
                     : model->backend->prepare(&made->handle, model->loaded, plan, &model->shape);
    if (status)
        return status;
    model->executable_count++;
    *out = made;
    return 0;
}

int ebjr_model_prepare(ebjr_model *model, const struct ebjr_plan *plan)
{
    struct executable *executable;
    int status = find_executable(&executable, model, plan);
    if (status)
        return status;
    model->current = executable;
    model->plan = *plan;
    return 0;
}

void ebjr_model_trim(ebjr_model *model)
{
    struct executable kept = {0};
    for (size_t i = 0; i < model->executable_count; i++)
        if (&model->executables[i] == model->current)
            kept = model->executables[i];
        else
            release(model, &model->executables[i]);
    ebjr_graph_clear(&model->graph);
    model->executable_count = 0;
    if (!model->current)
        return;
    model->executables[0] = kept;
    model->executable_count = 1;
    model->current = &model->executables[0];
}

const struct ebjr_plan *ebjr_model_plan(const ebjr_model *model)
{
    return &model->plan;
}

int ebjr_model_forward(ebjr_model *model, float *logits, const float *inputs, size_t batch)
{
    size_t classes;
    const struct executable *current = model->current;
    if (current && current->direct)
        return ebjr_direct_forward(current->direct, logits, inputs, batch);
    ebjr_backend_set_threads(model->plan.threads);
    int status = model->backend->forward(current ? current->handle : model->loaded, logits,
                                         batch * model->info.classes, &classes, inputs, batch,
                                         &model->shape);
    if (!status && classes != model->info.classes)
        status = ebjr_error_set(EBJR_EMODEL,
                                "it returned %zu classes for one sample and %zu for a batch of %zu",
                                model->info.classes, classes, batch);
    return status;
}

int ebjr_model_save_cascade(ebjr_model *const *models, const struct ebjr_export *what)
{
    void *handles[EBJR_POLICY_STAGES];
    const struct ebjr_backend *torch = ebjr_libtorch();
    for (size_t i = 0; i < what->policy->stage_count; i++) {
        if (models[i]->backend != torch)
            return ebjr_error_set(EBJR_EMODEL,
                                  "stage %zu is an AOTInductor package, of which there is no "
                                  "TorchScript; pick with TorchScript models to export a cascade",
                                  i);
        handles[i] = models[i]->loaded;
    }
    return torch->save_cascade(handles, what, &models[0]->shape);
}

void ebjr_model_library(char *out, size_t size, const ebjr_model *model)
{
    if (model->current && model->current->direct)
        ebjr_direct_version(out, size);
    else
        ebjr_backend_version(out, size);
}
