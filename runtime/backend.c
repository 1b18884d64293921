#include "runtime/backend.h"

#include "base/error.h"
#include "runtime/model.h"
#include "runtime/model_file.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The backends of libtorch are a module in the library's ebjr/, or beside it where it was built,
 * loaded when the first model is opened: libtorch takes longer to load than most questions to a
 * store take to answer.
 */
static const char *const module_name = "ebjr-torch.so";

static pthread_once_t loaded = PTHREAD_ONCE_INIT;
static const struct ebjr_backend *torch;
static const struct ebjr_backend *inductor; /* NULL: libtorch is too old for its packages */
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
    torch = module ? dlsym(module, "ebjr_torch_backend") : NULL;
    if (!torch)
        snprintf(load_failure, sizeof load_failure, "cannot load the libtorch backend: %s",
                 dlerror());
    else
        inductor = dlsym(module, "ebjr_inductor_backend");
}

static int find_libtorch(void)
{
    pthread_once(&loaded, load);
    return torch ? 0 : ebjr_error_set(EBJR_EDEVICE, "%s", load_failure);
}

static int choose_backend(const struct ebjr_backend **out, const struct ebjr_model_file *file)
{
    char version[64];
    *out = file->format == EBJR_MODEL_PACKAGE ? inductor : torch;
    torch->version(version, sizeof version);
    if (file->format == EBJR_MODEL_WEIGHTS)
        return ebjr_error_set(EBJR_EMODEL, "not a TorchScript model but a checkpoint of weights, "
                                           "which must first be exported: examples/export.py");
    if (file->format == EBJR_MODEL_PROGRAM)
        return ebjr_error_set(EBJR_EMODEL,
                              "an exported program that nobody has compiled; compile it by "
                              "torch._inductor.aoti_compile_and_package, or make TorchScript of "
                              "the model: examples/export.py");
    if (!*out)
        return ebjr_error_set(EBJR_EMODEL,
                              "an AOTInductor package, which this build's %s cannot load; libtorch "
                              "2.6 or newer is needed (Debian 13 has it)",
                              version);
    return 0;
}

/* Where a backend could not load a file: what the file tells of the reason. */
static int explain(int status, const struct ebjr_model_file *file)
{
    static const char too_new[] = "Attempted to read a PyTorch file with version %d, but the "
                                  "maximum supported version for reading is %d";
    char version[64], said[1024];
    int major = 0, minor = 0, format, readable;
    if (status != EBJR_EMODEL)
        return status;
    if (file->format == EBJR_MODEL_OTHER)
        return ebjr_error_context(status, "not a TorchScript model (a checkpoint of weights must "
                                          "first be exported: examples/export.py)");
    torch->version(version, sizeof version);
    snprintf(said, sizeof said, "%s", ebjr_error_last());
    const char *message = strstr(said, "Attempted to read");
    /* NOLINTNEXTLINE(cert-err34-c): libtorch's own message */
    if (message && sscanf(message, too_new, &format, &readable) == 2)
        return ebjr_error_set(status,
                              "it is in file format %d, and this build's %s reads up to %d: build "
                              "ebjr with a newer libtorch, or export the model by an older PyTorch",
                              format, version, readable);
    /* NOLINTNEXTLINE(cert-err34-c): libtorch's own numbers */
    (void)sscanf(version, "libtorch %d.%d", &major, &minor);
    bool is_newer = file->major > major || (file->major == major && file->minor > minor);
    if (file->major && (is_newer || file->or_newer))
        return ebjr_error_set(status,
                              "%s; PyTorch %d.%d%s wrote it, and this build has %s: build ebjr "
                              "with a libtorch as new, or export the model by an older PyTorch",
                              said, file->major, file->minor, file->or_newer ? " or newer" : "",
                              version);
    return status;
}

int ebjr_backend_open(const struct ebjr_backend **backend, void **out, const char *path,
                      const struct ebjr_device *device)
{
    struct ebjr_model_file file;
    ebjr_model_file_read(&file, path);
    int status = choose_backend(backend, &file);
    return status ? status : explain((*backend)->open(out, path, device), &file);
}

const struct ebjr_backend *ebjr_libtorch(void)
{
    return find_libtorch() == 0 ? torch : NULL;
}

int ebjr_backend_load_operators(const char *path)
{
    char absolute[PATH_MAX];
    int status = find_libtorch();
    /* a name without a slash that is no file here is one of the system's libraries */
    if (status || dlopen(realpath(path, absolute) ? absolute : path, RTLD_NOW | RTLD_LOCAL))
        return status;
    return ebjr_error_set(EBJR_EMODEL, "cannot load operators: %s", dlerror());
}

void ebjr_backend_set_threads(size_t threads)
{
    static size_t current;
    if (threads == 0 || threads == current || find_libtorch() != 0)
        return;
    torch->set_threads((int)threads);
    current = threads;
}

void ebjr_backend_version(char *out, size_t size)
{
    if (find_libtorch() == 0)
        torch->version(out, size);
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
    return find_libtorch() == 0 ? torch->gemm_rate() : 0;
}

double ebjr_backend_slow_blas(void)
{
    static const double good = 20e9;
    char path[PATH_MAX] = "";
    if (find_libtorch() != 0 || !dl_iterate_phdr(find_blas, path) || is_known_fast(path))
        return 0;
    double rate = torch->gemm_rate();
    return rate < good ? rate : 0;
}
