// What the files of the libtorch backend share. The only C++ of the project stands in them; no
// exception and no C++ type leaves them.
#ifndef EBJR_RUNTIME_TORCH_HPP
#define EBJR_RUNTIME_TORCH_HPP

#include "runtime/backend.h"

#include "base/error.h"

#include <torch/script.h>

#include <exception>
#include <functional>
#include <new>
#include <string>

namespace ebjr
{

// What a detector found in a picture, on the host; logits that are not defined: it returns none.
struct Found {
    at::Tensor boxes, labels, scores, logits;
};

struct Model {
    torch::jit::Module module;
    torch::Device device;
    at::ScalarType dtype = torch::kFloat32;
    bool channels_last = false;
    // For a batch of recorded_batch inputs on the host; what it returns is there until the next.
    // Empty: the plan is no CUDA graph.
    std::function<at::Tensor(const at::Tensor &)> replay = {};
    size_t recorded_batch = 0;
    Found found = {}; // last
};

// Gives `model`, which is on a GPU, a replay of its forward pass. Errors: EBJR_EMODEL it cannot be
// recorded; EBJR_EDEVICE built without EBJR_CUDA_GRAPHS.
int capture(Model &model, size_t batch, const struct ebjr_shape *shape);

// The reason in what libtorch threw: its messages carry a stack trace.
std::string reason(const std::exception &error);

// Runs `body`; what it throws becomes an error code and a message.
template <typename Body> int guarded(const char *what, Body body)
{
    try {
        return body();
    } catch (const std::bad_alloc &) {
        return ebjr_error_set(EBJR_ENOMEM, "%s: out of memory", what);
    } catch (const std::exception &error) {
        std::string text = reason(error);
        // TorchScript makes of every exception one of its own
        bool memory = false;
        for (const char *word : {"allocate memory", "out of memory", "bad_alloc"})
            memory |= text.find(word) != text.npos;
        return ebjr_error_set(memory ? EBJR_ENOMEM : EBJR_EMODEL, "%s: %s", what, text.c_str());
    } catch (...) {
        return ebjr_error_set(EBJR_EMODEL, "%s: unknown exception", what);
    }
}

// Errors: EBJR_EDEVICE it is not there.
int check_device(const struct ebjr_device &device);
torch::Device device_of(const struct ebjr_device &device);

// What an exception from an input of this shape is introduced by.
std::string raised_on(const struct ebjr_shape &shape);

// [batch, channels, height, width] over the caller's memory.
at::Tensor borrow(const float *inputs, size_t batch, const struct ebjr_shape &shape);

// The logits in what a model returned, as ebjr_backend's forward gives them.
int take_logits(float *logits, size_t capacity, size_t *classes, const c10::IValue &value,
                size_t batch);

// The members of struct ebjr_backend that have a file of their own.
int parameters(int64_t *out, void *model);
int detect(void *model, struct ebjr_found *out, const struct ebjr_picture *picture);
int trace(void *model, const struct ebjr_shape *shape,
          void (*observe)(void *context, const struct ebjr_operator *op), void *context);
int graph(struct ebjr_graph *out, void *model, const struct ebjr_shape *shape);
int save_cascade(void *const *models, const struct ebjr_export *what,
                 const struct ebjr_shape *shape);

} // namespace ebjr

#endif
