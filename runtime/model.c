#include "runtime/model.h"

#include "base/error.h"
#include "runtime/backend.h"
#include "runtime/direct.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Backends are modules in the library's ebjr/, or beside it where it was built, loaded when the
 * first model is opened: libtorch takes longer to load than most questions to a store take to
 * answer.
 */
static const char *const module_name = "ebjr-torch.so";
static const char *const module_symbol = "ebjr_torch_backend";

static pthread_once_t loaded = PTHREAD_ONCE_INIT;
static const struct ebjr_backend *backend;
static char load_failure[512];

/* Whether "DIRECTORY OF THIS LIBRARY/[ebjr/]ebjr-torch.so" is there. */
static bool find_module(char *out, size_t size, const char *folder)
{
    Dl_info info;
    const char *slash = NULL;
    if (dladdr(&module_name, &info) && info.dli_fname)
        slash = strrchr(info.dli_fname, '/');
    int length = slash ? (int)(slash - info.dli_fname) + 1 : 0;
    snprintf(out, size, "%.*s%s%s", length, length ? info.dli_fname : "", folder, module_name);
    return access(out, F_OK) == 0;
}

static void load(void)
{
    char path[PATH_MAX];
    if (!find_module(path, sizeof path, "ebjr/") && !find_module(path, sizeof path, "")) {
        snprintf(
            load_failure, sizeof load_failure,
            "this ebjr has no libtorch backend (%s; Debian: the package ebjr-torch) and cannot "
            "run models; it can import logits",
            module_name);
        return;
    }
    /* OpenMP's threads wait for each other by spinning, for milliseconds where nobody says how
     * long: on a machine whose cores are shared that is most of the time. Read when libgomp is
     * loaded. */
    if (!getenv("OMP_WAIT_POLICY"))
        setenv("GOMP_SPINCOUNT", "10000", 0);
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    backend = module ? dlsym(module, module_symbol) : NULL;
    if (!backend)
        snprintf(load_failure, sizeof load_failure, "cannot load the libtorch backend: %s",
                 dlerror());
}

const struct ebjr_backend *ebjr_libtorch(void)
{
    pthread_once(&loaded, load);
    if (!backend)
        ebjr_error_set(EBJR_EDEVICE, "%s", load_failure);
    return backend;
}

int ebjr_backend_load_operators(const char *path)
{
    char absolute[PATH_MAX];
    if (!ebjr_libtorch())
        return EBJR_EDEVICE;
    /* a name without a slash that is no file here is one of the system's libraries */
    if (dlopen(realpath(path, absolute) ? absolute : path, RTLD_NOW | RTLD_LOCAL))
        return 0;
    return ebjr_error_set(EBJR_EMODEL, "cannot load operators: %s", dlerror());
}

/* The model made ready for a plan: by the backend, for any number of threads, or as layers. */
struct executable {
    struct ebjr_plan plan;
    void *handle;
    ebjr_direct *direct;
};

enum { EXECUTABLES = 64 };

struct ebjr_model {
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
    int status =
        backend->forward(model->loaded, NULL, 0, &model->info.classes, zeros, 1, &model->shape);
    free(zeros);
    if (!status)
        status = backend->parameters(&model->info.parameters, model->loaded);
    if (!status)
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
    model->info.backend = backend->name;
    model->shape = *shape;
    model->device = *device;
    model->plan = (struct ebjr_plan){.batch = 1};
    int status = backend->open(&model->loaded, path, device);
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

static void release(struct executable *executable)
{
    ebjr_direct_free(executable->direct);
    if (executable->handle)
        backend->close(executable->handle);
}

void ebjr_model_close(ebjr_model *model)
{
    if (!model)
        return;
    for (size_t i = 0; i < model->executable_count; i++)
        release(&model->executables[i]);
    ebjr_graph_clear(&model->graph);
    if (model->loaded)
        backend->close(model->loaded);
    free(model);
}

const struct ebjr_model_info *ebjr_model_describe(const ebjr_model *model)
{
    return &model->info;
}

static int read_graph(ebjr_model *model)
{
    int status = backend->graph(&model->graph, model->loaded, &model->shape);
    if (!status)
        status = ebjr_graph_simplify(&model->graph);
    if (status)
        ebjr_graph_clear(&model->graph);
    return status;
}

bool ebjr_model_offers(const ebjr_model *model, enum ebjr_plan_mode mode)
{
    return mode == EBJR_PLAN_DIRECT ? !model->device.cuda : backend->offers(mode, &model->device);
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
                     : backend->prepare(&made->handle, model->loaded, plan, &model->shape);
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
            release(&model->executables[i]);
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

void ebjr_backend_set_threads(size_t threads)
{
    static size_t current;
    if (threads == 0 || threads == current || !ebjr_libtorch())
        return;
    backend->set_threads((int)threads);
    current = threads;
}

int ebjr_model_forward(ebjr_model *model, float *logits, const float *inputs, size_t batch)
{
    size_t classes;
    const struct executable *current = model->current;
    if (current && current->direct)
        return ebjr_direct_forward(current->direct, logits, inputs, batch);
    ebjr_backend_set_threads(model->plan.threads);
    int status =
        backend->forward(current ? current->handle : model->loaded, logits,
                         batch * model->info.classes, &classes, inputs, batch, &model->shape);
    if (!status && classes != model->info.classes)
        status = ebjr_error_set(EBJR_EMODEL,
                                "it returned %zu classes for one sample and %zu for a batch of %zu",
                                model->info.classes, classes, batch);
    return status;
}

int ebjr_model_save_cascade(ebjr_model *const *models, const struct ebjr_export *what)
{
    void *handles[EBJR_POLICY_STAGES];
    for (size_t i = 0; i < what->policy->stage_count; i++)
        handles[i] = models[i]->loaded;
    return backend->save_cascade(handles, what, &models[0]->shape);
}

void ebjr_model_library(char *out, size_t size, const ebjr_model *model)
{
    if (model->current && model->current->direct)
        ebjr_direct_version(out, size);
    else
        ebjr_backend_version(out, size);
}

void ebjr_backend_version(char *out, size_t size)
{
    if (ebjr_libtorch())
        backend->version(out, size);
    else
        snprintf(out, size, "none");
}

/* Where libtorch calls the system's libblas.so, as Debian's does, that is a link to whichever BLAS
 * the system chose; else it brings its own. */
static int find_blas(struct dl_phdr_info *info, size_t size, void *context)
{
    char path[PATH_MAX], *out = context;
    const char *slash = strrchr(info->dlpi_name, '/');
    (void)size;
    if (!slash || strncmp(slash + 1, "libblas.so", 10) != 0 || !realpath(info->dlpi_name, path))
        return 0;
    snprintf(out, PATH_MAX, "%s", path);
    return 1;
}

static bool is_known_fast(const char *path)
{
    static const char *const fast[] = {"openblas", "mkl", "blis"};
    for (size_t i = 0; i < sizeof fast / sizeof *fast; i++)
        if (strstr(path, fast[i]))
            return true;
    return false;
}

double ebjr_backend_gemm_rate(void)
{
    return ebjr_libtorch() ? backend->gemm_rate() : 0;
}

double ebjr_backend_slow_blas(void)
{
    static const double good = 20e9;
    char path[PATH_MAX] = "";
    if (!ebjr_libtorch() || !dl_iterate_phdr(find_blas, path) || is_known_fast(path))
        return 0;
    double rate = backend->gemm_rate();
    return rate < good ? rate : 0;
}
