// Devices, inputs and outputs as libtorch has them, for any model that it executes.
#include "runtime/torch.hpp"

#include <torch/cuda.h>

#include <cstring>
#include <vector>

int ebjr::check_device(const struct ebjr_device &device)
{
    if (!device.cuda)
        return 0;
    int count = torch::cuda::is_available() ? static_cast<int>(torch::cuda::device_count()) : 0;
    if (count == 0)
        return ebjr_error_set(EBJR_EDEVICE, "there is no CUDA device here (or this libtorch was "
                                            "built without CUDA); use --device cpu");
    if (device.index >= count)
        return ebjr_error_set(EBJR_EDEVICE,
                              "there is no cuda:%d; this machine has cuda:0 to cuda:%d",
                              device.index, count - 1);
    return 0;
}

torch::Device ebjr::device_of(const struct ebjr_device &device)
{
    if (!device.cuda)
        return torch::Device(torch::kCPU);
    return torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(device.index));
}

std::string ebjr::raised_on(const struct ebjr_shape &shape)
{
    return "it raised on an input of " + std::to_string(shape.channels) + " x " +
           std::to_string(shape.height) + " x " + std::to_string(shape.width);
}

at::Tensor ebjr::borrow(const float *inputs, size_t batch, const struct ebjr_shape &shape)
{
    std::vector<int64_t> sizes{static_cast<int64_t>(batch), static_cast<int64_t>(shape.channels),
                               static_cast<int64_t>(shape.height),
                               static_cast<int64_t>(shape.width)};
    return torch::from_blob(const_cast<float *>(inputs), sizes, torch::kFloat32);
}

static std::string sizes_text(const at::Tensor &tensor)
{
    std::string text = "[";
    for (int64_t size : tensor.sizes())
        text += (text.size() > 1 ? ", " : "") + std::to_string(size);
    return text + "]";
}

static int check_output(const c10::IValue &value, size_t batch)
{
    if (!value.isTensor())
        return ebjr_error_set(EBJR_EMODEL,
                              "it returns a %s, not one tensor of logits; wrap it so "
                              "that it returns [batch, classes]",
                              value.tagKind().c_str());
    const at::Tensor &tensor = value.toTensor();
    if (tensor.dim() != 2 || tensor.size(0) != static_cast<int64_t>(batch) || tensor.size(1) < 1)
        return ebjr_error_set(EBJR_EMODEL, "it returns %s for a batch of %zu, not [batch, classes]",
                              sizes_text(tensor).c_str(), batch);
    if (!tensor.is_floating_point())
        return ebjr_error_set(EBJR_EMODEL, "it returns %s numbers, not floating-point logits",
                              c10::toString(tensor.scalar_type()));
    return 0;
}

int ebjr::take_logits(float *logits, size_t capacity, size_t *classes, const c10::IValue &value,
                      size_t batch)
{
    int status = check_output(value, batch);
    if (status)
        return status;
    // the copy to the host waits for the device
    at::Tensor output = value.toTensor().to(torch::kCPU, torch::kFloat32).contiguous();
    *classes = static_cast<size_t>(output.size(1));
    if (batch * *classes <= capacity)
        std::memcpy(logits, output.data_ptr<float>(), batch * *classes * sizeof(float));
    return 0;
}
