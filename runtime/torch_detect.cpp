// Detectors: TorchScript that finds objects in a picture, by the convention of torchvision's.
#include "runtime/torch.hpp"

#include "runtime/picture.h"

#include <stdexcept>
#include <vector>

namespace
{

using ebjr::Found;
using ebjr::Model;

// An output that is not of a detector; what() says why.
struct Unfit : std::runtime_error {
    using std::runtime_error::runtime_error;
};

const char *const expected = "; a detector returns boxes [k, 4], labels [k] and scores [k], as a "
                             "dictionary, a list of one, (losses, list), or a tuple";

// The pixels as torchvision's to_tensor gives them.
at::Tensor tensor_of(const struct ebjr_picture &picture, torch::Device device)
{
    std::vector<int64_t> sizes{static_cast<int64_t>(picture.height),
                               static_cast<int64_t>(picture.width), 3};
    at::Tensor pixels = torch::from_blob(picture.rgb, sizes, torch::kUInt8);
    return pixels.to(device).permute({2, 0, 1}).contiguous().to(torch::kFloat32).div(255);
}

// A model that takes a batch would otherwise complain of a type, in words of the interpreter.
void check_input(const torch::jit::Module &module)
{
    const auto &arguments = module.get_method("forward").function().getSchema().arguments();
    auto list = c10::ListType::ofTensors();
    if (arguments.size() < 2 || !list->isSubtypeOf(*arguments[1].type()))
        throw Unfit("its forward() takes " +
                    (arguments.size() < 2 ? "nothing" : arguments[1].type()->annotation_str()) +
                    "; a detector takes List[Tensor], images [3, height, width]");
}

std::string shape_text(const at::Tensor &tensor)
{
    return c10::str(tensor.sizes());
}

class Reader
{
  public:
    explicit Reader(Found &out) : out_(out) {}

    void read(const c10::IValue &value)
    {
        c10::IValue found = unwrapped(value);
        if (found.isGenericDict())
            read_dictionary(found.toGenericDict());
        else
            read_tuple(found.toTupleRef().elements());
        check_lengths();
    }

  private:
    // What is found in the image, out of the list, and the list out of (losses, list).
    static c10::IValue unwrapped(const c10::IValue &value)
    {
        c10::IValue found = value;
        if (found.isTuple() && found.toTupleRef().elements().size() == 2)
            found = found.toTupleRef().elements()[1];
        if (found.isList()) {
            auto list = found.toListRef();
            if (list.size() != 1)
                throw Unfit("it returns a list of " + std::to_string(list.size()) +
                            " for one image" + expected);
            found = c10::IValue(list[0]);
        }
        if (!found.isGenericDict() && !found.isTuple())
            throw Unfit("it returns " + value.type()->annotation_str() + expected);
        return found;
    }

    void read_dictionary(const c10::Dict<c10::IValue, c10::IValue> &dictionary)
    {
        for (const auto &entry : dictionary)
            if (entry.key().isString())
                take(entry.key().toStringRef(), entry.value());
        for (auto [name, tensor] :
             {std::pair("boxes", &out_.boxes), {"labels", &out_.labels}, {"scores", &out_.scores}})
            if (!tensor->defined())
                throw Unfit(std::string("its dictionary has no ") + name + expected);
    }

    void read_tuple(const std::vector<c10::IValue> &elements)
    {
        static const char *const names[] = {"boxes", "labels", "scores", "logits"};
        if (elements.size() != 3 && elements.size() != 4)
            throw Unfit("it returns a tuple of " + std::to_string(elements.size()) + expected);
        for (size_t i = 0; i < elements.size(); i++)
            take(names[i], elements[i]);
    }

    // Keys of other names, such as masks, are passed over.
    void take(const std::string &name, const c10::IValue &value)
    {
        if (name == "boxes")
            out_.boxes = number(name, value, 2, true).to(torch::kDouble);
        else if (name == "labels")
            out_.labels = number(name, value, 1, false).to(torch::kLong);
        else if (name == "scores")
            out_.scores = number(name, value, 1, true).to(torch::kDouble);
        else if (name == "logits")
            out_.logits = number(name, value, 2, true).to(torch::kFloat32);
    }

    // On the host: the copy waits for the device.
    static at::Tensor number(const std::string &name, const c10::IValue &value, int64_t rank,
                             bool floating)
    {
        if (!value.isTensor())
            throw Unfit("its " + name + " are " + value.type()->annotation_str() + ", no tensor");
        const at::Tensor &tensor = value.toTensor();
        if (tensor.dim() != rank)
            throw Unfit("its " + name + " have the shape " + shape_text(tensor) + expected);
        bool fits = floating ? tensor.is_floating_point()
                             : c10::isIntegralType(tensor.scalar_type(), false);
        if (!fits)
            throw Unfit("its " + name + " are " + c10::toString(tensor.scalar_type()) +
                        " numbers, not " + (floating ? "floating-point" : "integers"));
        return tensor.to(torch::kCPU).contiguous();
    }

    void check_lengths() const
    {
        int64_t count = out_.boxes.size(0);
        if (out_.boxes.size(1) != 4)
            throw Unfit("its boxes have the shape " + shape_text(out_.boxes) + expected);
        for (auto [name, tensor] : {std::pair("labels", &out_.labels),
                                    {"scores", &out_.scores},
                                    {"logits", &out_.logits}})
            if (tensor->defined() && tensor->size(0) != count)
                throw Unfit("it returns " + std::to_string(count) + " boxes, but " +
                            std::to_string(tensor->size(0)) + " " + name);
        if (out_.logits.defined() && out_.logits.size(1) == 0)
            throw Unfit("its logits have the shape " + shape_text(out_.logits) +
                        ": none of any class");
    }

    Found &out_;
};

struct ebjr_found borrowed(const Found &found)
{
    struct ebjr_found out = {};
    out.count = static_cast<size_t>(found.boxes.size(0));
    out.boxes = found.boxes.data_ptr<double>();
    out.labels = found.labels.data_ptr<int64_t>();
    out.scores = found.scores.data_ptr<double>();
    if (found.logits.defined()) {
        out.classes = static_cast<size_t>(found.logits.size(1));
        out.logits = found.logits.data_ptr<float>();
    }
    return out;
}

} // namespace

int ebjr::detect(void *handle, struct ebjr_found *out, const struct ebjr_picture *picture)
{
    return guarded("it raised", [&] {
        auto *model = static_cast<Model *>(handle);
        c10::InferenceMode inference;
        model->found = {};
        try {
            check_input(model->module);
            c10::List<at::Tensor> images({tensor_of(*picture, model->device)});
            Reader(model->found).read(model->module.forward({images}));
        } catch (const Unfit &unfit) {
            return ebjr_error_set(EBJR_EMODEL, "%s", unfit.what());
        }
        *out = borrowed(model->found);
        return 0;
    });
}
