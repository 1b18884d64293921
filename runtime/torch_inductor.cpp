// AOTInductor packages (.pt2) by libtorch 2.6 and newer: models that were compiled to machine code,
// for one device, one dtype and one shape of input. Nothing is left of their layers, so that they
// are executed as loaded only, and their FLOPs cannot be counted.
#include "runtime/torch.hpp"

#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/version.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace
{

using ebjr::guarded;

// The code trusts its input to be what it was compiled for: another one is read beyond its end, or
// gives wrong numbers. What that is, the package says in an entry of its metadata.
const char *const input_key = "ebjr_input";

struct Package {
    torch::inductor::AOTIModelPackageLoader loader;
    torch::Device device;
    struct ebjr_shape shape; // of one input

    Package(const char *path, torch::Device target) : loader(path), device(target), shape{} {}
};

int check_target(Package &package)
{
    auto metadata = package.loader.get_metadata();
    std::string wanted = metadata["AOTI_DEVICE_KEY"];
    bool is_cpu = wanted.rfind("cpu", 0) == 0;
    if (is_cpu == package.device.is_cpu() && package.device.index() <= 0)
        return 0;
    return ebjr_error_set(EBJR_EDEVICE, "it was compiled for %s; use --device %s", wanted.c_str(),
                          is_cpu ? "cpu" : "cuda");
}

// "Nx3x32x32": batches of any size; with a number for N, only of that one.
int read_shape(Package &package)
{
    auto metadata = package.loader.get_metadata();
    const std::string text = metadata[input_key];
    struct ebjr_shape &shape = package.shape;
    size_t batch;
    int end = 0;
    if (text.empty())
        return ebjr_error_set(
            EBJR_EMODEL,
            "it does not say which inputs it was compiled for, and would take others unchecked; "
            "make it by examples/export.py --method compile, or with the metadata %s, of the form "
            "Nx3x32x32",
            input_key);
    if (std::sscanf(text.c_str(), "%zux%*ux", &batch) == 1)
        return ebjr_error_set(EBJR_EMODEL,
                              "it was compiled for batches of %zu only; compile it for any: "
                              "examples/export.py --method compile",
                              batch);
    if (std::sscanf(text.c_str(), "Nx%5zux%5zux%5zu%n", &shape.channels, &shape.height,
                    &shape.width, &end) != 3 ||
        static_cast<size_t>(end) != text.size())
        return ebjr_error_set(EBJR_EMODEL, "its metadata %s is '%s', not of the form Nx3x32x32",
                              input_key, text.c_str());
    return 0;
}

int open(void **out, const char *path, const struct ebjr_device *device)
{
    int status = ebjr::check_device(*device);
    if (status)
        return status;
    return guarded("loading an AOTInductor package (it must be compiled by the PyTorch of this "
                   "libtorch, " TORCH_VERSION ")",
                   [&] {
                       auto package = std::make_unique<Package>(path, ebjr::device_of(*device));
                       int wrong = check_target(*package);
                       if (!wrong)
                           wrong = read_shape(*package);
                       if (!wrong)
                           *out = package.release();
                       return wrong;
                   });
}

void close(void *package)
{
    delete static_cast<Package *>(package);
}

bool offers(enum ebjr_plan_mode mode, const struct ebjr_device *)
{
    return mode == EBJR_PLAN_AS_LOADED;
}

int prepare(void **, void *, const struct ebjr_plan *plan, const struct ebjr_shape *)
{
    if (plan->mode == EBJR_PLAN_AS_LOADED)
        return ebjr_error_set(EBJR_EINVAL,
                              "an AOTInductor package has the dtype that it was compiled in; for "
                              "%s, compile the model in that",
                              ebjr_dtype_name(plan->dtype));
    return ebjr_error_set(EBJR_EINVAL,
                          "an AOTInductor package is compiled already; its only plan is as-loaded");
}

int forward(void *handle, float *logits, size_t capacity, size_t *classes, const float *inputs,
            size_t batch, const struct ebjr_shape *shape)
{
    auto *package = static_cast<Package *>(handle);
    const struct ebjr_shape &compiled = package->shape;
    if (compiled.channels != shape->channels || compiled.height != shape->height ||
        compiled.width != shape->width)
        return ebjr_error_set(EBJR_EMODEL,
                              "it was compiled for inputs of %zu x %zu x %zu, and these are of "
                              "%zu x %zu x %zu",
                              compiled.channels, compiled.height, compiled.width, shape->channels,
                              shape->height, shape->width);
    return guarded(ebjr::raised_on(*shape).c_str(), [&] {
        c10::InferenceMode inference;
        at::Tensor input = ebjr::borrow(inputs, batch, *shape);
        if (!package->device.is_cpu())
            input = input.to(package->device);
        std::vector<at::Tensor> outputs = package->loader.run({input});
        if (outputs.size() != 1)
            return ebjr_error_set(EBJR_EMODEL,
                                  "it returns %zu tensors, not one of logits; wrap it so that it "
                                  "returns [batch, classes]",
                                  outputs.size());
        return ebjr::take_logits(logits, capacity, classes, outputs[0], batch);
    });
}

int graph(struct ebjr_graph *out, void *, const struct ebjr_shape *)
{
    *out = {};
    return ebjr_error_set(EBJR_EINVAL, "an AOTInductor package has no layers left to execute "
                                       "directly; its only plan is as-loaded");
}

} // namespace

extern "C" const struct ebjr_backend ebjr_inductor_backend = {
    "aotinductor", open,    close, offers,  prepare, forward, nullptr,
    nullptr,       nullptr, graph, nullptr, nullptr, nullptr, nullptr,
};
