// TorchScript models by libtorch: opened, executed by any plan of its own, timed.
#include "runtime/torch.hpp"

#include <ATen/Parallel.h>
#include <torch/csrc/jit/passes/tensorexpr_fuser.h>
#include <torch/version.h>

#include <chrono>
#include <cstdio>
#include <memory>

// libtorch's messages carry a stack trace; the sentence behind the last "Error: " is the reason.
std::string ebjr::reason(const std::exception &error)
{
    auto *torch_error = dynamic_cast<const c10::Error *>(&error);
    std::string text = torch_error ? torch_error->what_without_backtrace() : error.what();
    size_t mark = text.rfind("Error: ");
    if (mark != std::string::npos) {
        size_t start = text.rfind('\n', mark);
        text.erase(0, start == std::string::npos ? 0 : start + 1);
    }
    text.erase(0, text.find_first_not_of('\n'));
    text.erase(text.find_last_not_of(".\n", text.find('\n')) + 1);
    return text;
}

#ifdef EBJR_CUDA_GRAPHS
static const bool has_cuda_graphs = true;
#else
static const bool has_cuda_graphs = false;

int ebjr::capture(Model &, size_t, const struct ebjr_shape *)
{
    return ebjr_error_set(EBJR_EDEVICE, "this ebjr was built without CUDA graphs");
}
#endif

// Where OpenBLAS multiplies for libtorch, it has threads of its own, which spin between products.
extern "C" void openblas_set_num_threads(int threads) __attribute__((weak));

namespace
{

using ebjr::guarded;
using ebjr::Model;

void version(char *out, size_t size)
{
    std::snprintf(out, size, "libtorch %s", TORCH_VERSION);
}

// The operator that a model calls and libtorch does not have; "": that is not why it cannot be
// loaded.
std::string missing_operator(const std::string &message)
{
    static const std::string mark = "Unknown builtin op: ";
    size_t start = message.find(mark);
    if (start == message.npos)
        return "";
    start += mark.size();
    return message.substr(start, message.find_first_of(".\n", start) - start);
}

int open(void **out, const char *path, const struct ebjr_device *device)
{
    int status = ebjr::check_device(*device);
    if (status)
        return status;
    // Where libtorch is built with LLVM it compiles fused operators for each shape of input, on one
    // thread only: for a DenseNet of 50 layers that takes more than ten minutes.
    torch::jit::setTensorExprFuserEnabled(false);
    return guarded("loading it", [&] {
        torch::Device target = ebjr::device_of(*device);
        try {
            auto model = std::make_unique<Model>(Model{torch::jit::load(path, target), target});
            model->module.eval();
            *out = model.release();
            return 0;
        } catch (const std::exception &error) {
            std::string name = missing_operator(error.what());
            if (name.empty())
                throw;
            return ebjr_error_set(EBJR_EMODEL,
                                  "it calls %s, an operator that libtorch does not have; "
                                  "--library FILE loads the library that has it",
                                  name.c_str());
        }
    });
}

void close(void *model)
{
    delete static_cast<Model *>(model);
}

at::ScalarType scalar_type(enum ebjr_dtype dtype)
{
    switch (dtype) {
    case EBJR_DTYPE_BFLOAT16: return torch::kBFloat16;
    case EBJR_DTYPE_FLOAT16: return torch::kHalf;
    default: return torch::kFloat32;
    }
}

void to_channels_last(const torch::jit::Module &module)
{
    torch::NoGradGuard no_grad;
    for (at::Tensor tensor : module.parameters())
        if (tensor.dim() == 4)
            tensor.set_data(tensor.contiguous(at::MemoryFormat::ChannelsLast));
}

// `module` may have been frozen when it was saved: then it has nothing left to freeze.
torch::jit::Module frozen(const torch::jit::Module &module)
{
    return module.hasattr("training") ? torch::jit::freeze(module) : module;
}

bool offers(enum ebjr_plan_mode mode, const struct ebjr_device *device)
{
    switch (mode) {
    case EBJR_PLAN_CUDA_GRAPH: return device->cuda && has_cuda_graphs;
    case EBJR_PLAN_DIRECT: return !device->cuda;
    default: return true;
    }
}

int prepare(void **out, void *handle, const struct ebjr_plan *plan, const struct ebjr_shape *shape)
{
    return guarded("preparing the plan", [&] {
        auto *loaded = static_cast<Model *>(handle);
        auto model = std::make_unique<Model>(
            Model{loaded->module.deepcopy(), loaded->device, scalar_type(plan->dtype)});
        int status = 0;
        if (model->dtype != torch::kFloat32)
            model->module.to(model->dtype);
        switch (plan->mode) {
        case EBJR_PLAN_AS_LOADED: break;
        case EBJR_PLAN_FROZEN: model->module = frozen(model->module); break;
        case EBJR_PLAN_OPTIMIZED:
            model->module = torch::jit::optimize_for_inference(model->module);
            break;
        case EBJR_PLAN_CHANNELS_LAST:
            model->channels_last = true;
            to_channels_last(model->module);
            model->module = frozen(model->module);
            break;
        case EBJR_PLAN_CUDA_GRAPH:
            if (model->device.is_cpu())
                return ebjr_error_set(EBJR_EDEVICE, "CUDA graphs are for a GPU (--device cuda)");
            model->module = frozen(model->module);
            status = capture(*model, plan->batch, shape);
            break;
        default: return ebjr_error_set(EBJR_EINVAL, "libtorch has no such plan");
        }
        if (!status)
            *out = model.release();
        return status;
    });
}

int forward(void *handle, float *logits, size_t capacity, size_t *classes, const float *inputs,
            size_t batch, const struct ebjr_shape *shape)
{
    return guarded(ebjr::raised_on(*shape).c_str(), [&] {
        auto *model = static_cast<Model *>(handle);
        c10::InferenceMode inference;
        at::Tensor input = ebjr::borrow(inputs, batch, *shape);
        bool replays = model->replay && batch == model->recorded_batch;
        if (!replays && (!model->device.is_cpu() || model->dtype != torch::kFloat32))
            input = input.to(model->device, model->dtype);
        if (model->channels_last)
            input = input.contiguous(at::MemoryFormat::ChannelsLast);
        c10::IValue value = replays ? model->replay(input) : model->module.forward({input});
        return ebjr::take_logits(logits, capacity, classes, value, batch);
    });
}

void set_threads(int threads)
{
    at::set_num_threads(threads);
    if (openblas_set_num_threads)
        openblas_set_num_threads(threads);
}

double gemm_rate()
{
    enum { SIDE = 256, TRIES = 12 }; // short, so that one of them meets no other process
    double best = 0;
    c10::InferenceMode inference;
    at::Tensor a = torch::ones({SIDE, SIDE}), b = torch::ones({SIDE, SIDE});
    for (int i = 0; i < TRIES; i++) {
        auto start = std::chrono::steady_clock::now();
        at::Tensor c = at::mm(a, b);
        std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        best = std::max(best, 2.0 * SIDE * SIDE * SIDE / took.count());
    }
    return best;
}

} // namespace

extern "C" const struct ebjr_backend ebjr_torch_backend = {
    "torchscript", open,        close,        offers,
    prepare,       forward,     ebjr::detect, ebjr::parameters,
    ebjr::trace,   ebjr::graph, version,      ebjr::save_cascade,
    set_threads,   gemm_rate,
};
