// A forward pass of one batch as a CUDA graph: recorded once, launched as a whole from then on, so
// that the host has nothing to do for each of its kernels. Built where libtorch has CUDA.
#include "runtime/torch.hpp"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <memory>

namespace
{

enum { WARM_UP_PASSES = 3 }; // in which TorchScript settles and libraries choose their kernels

// Kernels read and write where they did when they were recorded: inputs and outputs stay in place.
struct Recording {
    at::Tensor input, output;
    at::cuda::CUDAGraph graph;
};

// A stream must not be left in the state of being recorded, whatever the model throws.
void record(Recording &recording, torch::jit::Module &module)
{
    recording.graph.capture_begin();
    try {
        recording.output = module.forward({recording.input}).toTensor();
    } catch (...) {
        try {
            recording.graph.capture_end();
        } catch (const std::exception &) {
            // what the model threw says more
        }
        throw;
    }
    recording.graph.capture_end();
}

} // namespace

int ebjr::capture(Model &model, size_t batch, const struct ebjr_shape *shape)
{
    return guarded("recording it as a CUDA graph", [&] {
        c10::InferenceMode inference;
        // Nothing is recorded on the default stream, which may still have to move the weights.
        c10::cuda::getCurrentCUDAStream(model.device.index()).synchronize();
        c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool(false, model.device.index());
        c10::cuda::CUDAStreamGuard on_stream(stream);
        auto recording = std::make_shared<Recording>();
        recording->input =
            torch::zeros({static_cast<int64_t>(batch), static_cast<int64_t>(shape->channels),
                          static_cast<int64_t>(shape->height), static_cast<int64_t>(shape->width)},
                         torch::TensorOptions().device(model.device).dtype(model.dtype));
        for (int i = 0; i < WARM_UP_PASSES; i++)
            model.module.forward({recording->input});
        stream.synchronize();
        record(*recording, model.module);
        stream.synchronize();
        model.recorded_batch = batch;
        model.replay = [recording](const at::Tensor &input) {
            c10::cuda::CUDAGuard on_device(recording->input.device());
            recording->input.copy_(input);
            recording->graph.replay();
            return recording->output;
        };
        return 0;
    });
}
