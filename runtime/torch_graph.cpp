// A TorchScript model as a list of layers (graph.h). The model is frozen, which makes its weights
// constants and resolves what does not depend on the input; branches that only raise an exception
// (a batch norm asks whether its input has four dimensions) go. What is left is walked once.
// Control flow that is still there, or an operator that is no layer, ends the walk with its name.
#include "runtime/torch.hpp"

#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/passes/remove_exceptions.h>

#include <cmath>
#include <limits>
#include <unordered_map>
#include <vector>

namespace
{

using ebjr::guarded;
using ebjr::Model;
using torch::jit::Node;
using torch::jit::Value;

constexpr float infinity = std::numeric_limits<float>::infinity();

// The model cannot be written as layers.
struct Unsupported : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A layer under construction; the graph takes it, or it is freed.
struct Layer {
    struct ebjr_layer layer = {};

    explicit Layer(enum ebjr_layer_kind kind)
    {
        layer.kind = kind;
        layer.groups = 1;
        layer.low = -infinity;
        layer.high = infinity;
        for (int i = 0; i < 2; i++)
            layer.window.kernel[i] = layer.window.stride[i] = layer.window.dilation[i] = 1;
    }
    ~Layer() { ebjr_layer_clear(&layer); }
    Layer(const Layer &) = delete;
    Layer &operator=(const Layer &) = delete;
};

float *copy(const at::Tensor &tensor)
{
    at::Tensor source = tensor.to(torch::kCPU, torch::kFloat32).contiguous();
    size_t bytes = static_cast<size_t>(source.numel()) * sizeof(float);
    auto *out = static_cast<float *>(std::malloc(bytes ? bytes : 1));
    if (!out)
        throw std::bad_alloc();
    std::memcpy(out, source.data_ptr<float>(), bytes);
    return out;
}

class Walk
{
  public:
    Walk(struct ebjr_graph *out, const struct ebjr_shape &shape) : out_(out), shape_(shape) {}

    void run(torch::jit::Graph &graph)
    {
        Layer input(EBJR_LAYER_INPUT);
        input.layer.shape = shape_;
        append(graph.inputs().at(1), input, {});
        for (Node *node : graph.nodes())
            visit(node);
        if (graph.outputs().size() != 1 || index_of(graph.outputs()[0]) + 1 != out_->count)
            throw Unsupported("its result is not that of its last layer");
    }

  private:
    using Handler = void (Walk::*)(Node *);

    void visit(Node *node)
    {
        static const std::unordered_map<std::string, Handler> handlers = {
            {"aten::conv2d", &Walk::convolution},
            {"aten::_convolution", &Walk::convolution},
            {"aten::linear", &Walk::linear},
            {"aten::addmm", &Walk::addmm},
            {"aten::batch_norm", &Walk::batch_norm},
            {"aten::relu", &Walk::relu},
            {"aten::relu6", &Walk::relu6},
            {"aten::hardtanh", &Walk::clamp},
            {"aten::clamp", &Walk::clamp},
            {"aten::clamp_min", &Walk::clamp_min},
            {"aten::add", &Walk::add},
            {"aten::cat", &Walk::concatenate},
            {"aten::max_pool2d", &Walk::max_pool},
            {"aten::avg_pool2d", &Walk::average_pool},
            {"aten::adaptive_avg_pool2d", &Walk::adaptive_pool},
            {"aten::mean", &Walk::mean},
            {"aten::flatten", &Walk::flatten},
            {"aten::view", &Walk::reshape},
            {"aten::reshape", &Walk::reshape},
            {"aten::dropout", &Walk::same},
            {"aten::feature_dropout", &Walk::same},
            {"aten::contiguous", &Walk::same},
            {"aten::detach", &Walk::same},
        };
        std::string name = node->kind().toQualString();
        if (name == "prim::If" || name == "prim::Loop")
            throw Unsupported("it has control flow that depends on its input");
        if (!name.empty() && name.back() == '_' && name != "aten::_")
            name.pop_back(); // in place: the layers' memory plan decides on that
        auto found = handlers.find(name);
        if (found != handlers.end()) {
            (this->*found->second)(node);
            return;
        }
        for (Value *value : node->outputs())
            if (value->type()->isSubtypeOf(*c10::TensorType::get()) &&
                node->kind() != c10::prim::Constant)
                throw Unsupported("it has the operator " + name);
    }

    size_t index_of(Value *value) const
    {
        auto found = layers_.find(value);
        if (found == layers_.end())
            throw Unsupported("a layer reads something that is not a layer's output");
        return found->second;
    }

    const struct ebjr_shape &shape_of(Value *value) const
    {
        return out_->layers[index_of(value)].shape;
    }

    void append(Value *output, Layer &layer, const std::vector<Value *> &inputs)
    {
        struct ebjr_layer &made = layer.layer;
        made.inputs = static_cast<size_t *>(std::calloc(inputs.size() + 1, sizeof *made.inputs));
        if (!made.inputs)
            throw std::bad_alloc();
        made.input_count = inputs.size();
        for (size_t i = 0; i < inputs.size(); i++)
            made.inputs[i] = index_of(inputs[i]);
        int status = ebjr_graph_append(out_, &made); // it is the graph's now, or freed
        made = {};
        if (status)
            throw Unsupported(ebjr_error_last());
        layers_[output] = out_->count - 1;
    }

    // Constants, also as elements of lists.

    static c10::IValue constant(Value *value)
    {
        if (auto known = torch::jit::toIValue(value))
            return *known;
        if (value->node()->kind() == c10::prim::ListConstruct) {
            c10::List<int64_t> list;
            for (Value *element : value->node()->inputs())
                list.push_back(constant(element).toInt());
            return list;
        }
        throw Unsupported(std::string("an argument of ") +
                          value->uses().at(0).user->kind().toQualString() +
                          " depends on its input");
    }

    static std::vector<int64_t> integers(Node *node, size_t input)
    {
        c10::IValue value = constant(node->input(input));
        return value.isInt() ? std::vector<int64_t>{value.toInt()} : value.toIntVector();
    }

    static at::Tensor tensor(Node *node, size_t input)
    {
        c10::IValue value = constant(node->input(input));
        return value.isTensor() ? value.toTensor() : at::Tensor();
    }

    static void sides(size_t out[2], const std::vector<int64_t> &given, int64_t least)
    {
        if (given.empty() || given.size() > 2)
            throw Unsupported("a window of it is not of two dimensions");
        for (size_t i = 0; i < 2; i++) {
            int64_t side = given[given.size() == 1 ? 0 : i];
            if (side < least)
                throw Unsupported("a window of it has a negative size");
            out[i] = static_cast<size_t>(side);
        }
    }

    // Layers.

    void weigh(Layer &layer, const at::Tensor &weight, const at::Tensor &bias)
    {
        if (!weight.defined())
            throw Unsupported("a layer of it has no weights");
        layer.layer.weight = copy(weight);
        layer.layer.bias = copy(bias.defined() ? bias : torch::zeros({weight.size(0)}));
        layer.layer.shape.channels = static_cast<size_t>(weight.size(0));
    }

    void convolution(Node *node)
    {
        bool general = node->kind() == c10::Symbol::fromQualString("aten::_convolution");
        if (general && constant(node->input(6)).toBool())
            throw Unsupported("it has a transposed convolution");
        at::Tensor weight = tensor(node, 1);
        if (!weight.defined() || weight.dim() != 4)
            throw Unsupported("it has a convolution that is not of two dimensions");
        Layer layer(EBJR_LAYER_CONVOLUTION);
        weigh(layer, weight, tensor(node, 2));
        struct ebjr_window &window = layer.layer.window;
        sides(window.kernel, {weight.size(2), weight.size(3)}, 1);
        sides(window.stride, integers(node, 3), 1);
        sides(window.padding, integers(node, 4), 0);
        sides(window.dilation, integers(node, 5), 1);
        layer.layer.groups = static_cast<size_t>(constant(node->input(general ? 8 : 6)).toInt());
        append(node->output(), layer, {node->input(0)});
    }

    void linear(Node *node)
    {
        Layer layer(EBJR_LAYER_LINEAR);
        weigh(layer, tensor(node, 1), tensor(node, 2));
        append(node->output(), layer, {node->input(0)});
    }

    // bias + x w, as older exporters write a linear layer
    void addmm(Node *node)
    {
        if (constant(node->input(3)).toScalar().toDouble() != 1 ||
            constant(node->input(4)).toScalar().toDouble() != 1)
            throw Unsupported("it has an addmm with factors");
        Layer layer(EBJR_LAYER_LINEAR);
        weigh(layer, tensor(node, 2).t(), tensor(node, 0));
        append(node->output(), layer, {node->input(1)});
    }

    // y = (x - mean) / sqrt(var + eps) * weight + bias
    void batch_norm(Node *node)
    {
        if (constant(node->input(5)).toBool())
            throw Unsupported("it has a batch norm in training mode");
        at::Tensor weight = tensor(node, 1), bias = tensor(node, 2);
        at::Tensor mean = tensor(node, 3).to(torch::kFloat64);
        at::Tensor scale =
            (tensor(node, 4).to(torch::kFloat64) + constant(node->input(7)).toDouble()).rsqrt();
        if (weight.defined())
            scale = scale * weight.to(torch::kFloat64);
        at::Tensor shift = -mean * scale;
        if (bias.defined())
            shift = shift + bias.to(torch::kFloat64);
        Layer layer(EBJR_LAYER_SCALE);
        weigh(layer, scale, shift);
        append(node->output(), layer, {node->input(0)});
    }

    void clamp_to(Node *node, float low, float high)
    {
        Layer layer(EBJR_LAYER_CLAMP);
        layer.layer.low = low;
        layer.layer.high = high;
        append(node->output(), layer, {node->input(0)});
    }

    float bound(Node *node, size_t input, float absent)
    {
        c10::IValue value = constant(node->input(input));
        return value.isNone() ? absent : static_cast<float>(value.toScalar().toDouble());
    }

    void relu(Node *node) { clamp_to(node, 0, infinity); }
    void relu6(Node *node) { clamp_to(node, 0, 6); }
    void clamp_min(Node *node) { clamp_to(node, bound(node, 1, -infinity), infinity); }

    void clamp(Node *node) { clamp_to(node, bound(node, 1, -infinity), bound(node, 2, infinity)); }

    void add(Node *node)
    {
        if (constant(node->input(2)).toScalar().toDouble() != 1)
            throw Unsupported("it has an addition with a factor");
        Layer layer(EBJR_LAYER_ADD);
        append(node->output(), layer, {node->input(0), node->input(1)});
    }

    void concatenate(Node *node)
    {
        Node *list = node->input(0)->node();
        int64_t dimension = constant(node->input(1)).toInt();
        if (list->kind() != c10::prim::ListConstruct || (dimension != 1 && dimension != -3))
            throw Unsupported("it concatenates something else than channels");
        Layer layer(EBJR_LAYER_CONCATENATE);
        append(node->output(), layer,
               std::vector<Value *>(list->inputs().begin(), list->inputs().end()));
    }

    // Whether the last window of each row and column ends outside, which ceil_mode is about.
    void refuse_ceil(const Layer &layer, Value *input, Node *node, size_t flag)
    {
        const struct ebjr_window &window = layer.layer.window;
        const struct ebjr_shape &shape = shape_of(input);
        const size_t size[2] = {shape.height, shape.width};
        for (int i = 0; i < 2; i++)
            if (constant(node->input(flag)).toBool() &&
                (size[i] + 2 * window.padding[i] - window.kernel[i]) % window.stride[i] != 0)
                throw Unsupported("it has a pool with ceil_mode");
    }

    void pool_window(Layer &layer, Node *node)
    {
        struct ebjr_window &window = layer.layer.window;
        sides(window.kernel, integers(node, 1), 1);
        std::vector<int64_t> stride = integers(node, 2);
        sides(window.stride, stride.empty() ? integers(node, 1) : stride, 1);
        sides(window.padding, integers(node, 3), 0);
    }

    void max_pool(Node *node)
    {
        Layer layer(EBJR_LAYER_MAX_POOL);
        pool_window(layer, node);
        sides(layer.layer.window.dilation, integers(node, 4), 1);
        if (layer.layer.window.dilation[0] != 1 || layer.layer.window.dilation[1] != 1)
            throw Unsupported("it has a dilated pool");
        refuse_ceil(layer, node->input(0), node, 5);
        append(node->output(), layer, {node->input(0)});
    }

    void average_pool(Node *node)
    {
        if (!constant(node->input(6)).isNone())
            throw Unsupported("it has an average pool with a divisor of its own");
        Layer layer(EBJR_LAYER_AVERAGE_POOL);
        pool_window(layer, node);
        refuse_ceil(layer, node->input(0), node, 4);
        layer.layer.counts_padding = constant(node->input(5)).toBool();
        append(node->output(), layer, {node->input(0)});
    }

    void adaptive_pool(Node *node)
    {
        const struct ebjr_shape &shape = shape_of(node->input(0));
        const size_t size[2] = {shape.height, shape.width};
        size_t wanted[2];
        sides(wanted, integers(node, 1), 1);
        Layer layer(EBJR_LAYER_AVERAGE_POOL);
        for (int i = 0; i < 2; i++) {
            if (size[i] % wanted[i] != 0)
                throw Unsupported("it has an adaptive pool of unequal windows");
            layer.layer.window.kernel[i] = layer.layer.window.stride[i] = size[i] / wanted[i];
        }
        append(node->output(), layer, {node->input(0)});
    }

    // Over height and width: an average pool whose window is all.
    void mean(Node *node)
    {
        std::vector<int64_t> dimensions = integers(node, 1);
        bool over_image = dimensions.size() == 2;
        for (int64_t dimension : dimensions)
            over_image = over_image &&
                         (dimension == 2 || dimension == 3 || dimension == -1 || dimension == -2);
        if (!over_image || (dimensions[0] + 4) % 4 == (dimensions[1] + 4) % 4)
            throw Unsupported("it has a mean over something else than an image");
        const struct ebjr_shape &shape = shape_of(node->input(0));
        Layer layer(EBJR_LAYER_AVERAGE_POOL);
        for (int i = 0; i < 2; i++)
            layer.layer.window.kernel[i] = i ? shape.width : shape.height;
        append(node->output(), layer, {node->input(0)});
    }

    void flatten(Node *node)
    {
        if (constant(node->input(1)).toInt() != 1 || constant(node->input(2)).toInt() != -1)
            throw Unsupported("it flattens something else than a sample");
        Layer layer(EBJR_LAYER_FLATTEN);
        append(node->output(), layer, {node->input(0)});
    }

    // To [batch, features]. A batch that the graph computes from its input cannot be told from
    // another number here; the plan's answers are compared with the model's before it is used.
    void reshape(Node *node)
    {
        Value *list = node->input(1);
        std::vector<int64_t> sizes;
        if (list->node()->kind() == c10::prim::ListConstruct)
            for (Value *element : list->node()->inputs()) {
                auto known = torch::jit::toIValue(element);
                sizes.push_back(known && known->isInt() ? known->toInt() : -1);
            }
        else
            sizes = integers(node, 1);
        const struct ebjr_shape &shape = shape_of(node->input(0));
        int64_t features = static_cast<int64_t>(shape.channels * shape.height * shape.width);
        if (sizes.size() != 2 || sizes[0] > 1 || (sizes[1] != -1 && sizes[1] != features))
            throw Unsupported("it reshapes to something else than [batch, features]");
        Layer layer(EBJR_LAYER_FLATTEN);
        append(node->output(), layer, {node->input(0)});
    }

    void same(Node *node)
    {
        bool drops =
            std::string(node->kind().toUnqualString()).find("dropout") != std::string::npos;
        if (drops && constant(node->input(2)).toBool())
            throw Unsupported("it has a dropout in training mode");
        layers_[node->output()] = index_of(node->input(0));
    }

    struct ebjr_graph *out_;
    struct ebjr_shape shape_;
    std::unordered_map<Value *, size_t> layers_;
};

} // namespace

int ebjr::graph(struct ebjr_graph *out, void *handle, const struct ebjr_shape *shape)
{
    *out = {};
    int status = guarded("writing it as layers", [&] {
        auto *model = static_cast<Model *>(handle);
        torch::jit::Module module = model->module.hasattr("training")
                                        ? torch::jit::freeze(model->module.deepcopy())
                                        : model->module;
        auto graph = module.get_method("forward").graph()->copy();
        torch::jit::Inline(*graph);
        EliminateExceptions(graph);
        torch::jit::EliminateDeadCode(graph);
        Walk(out, *shape).run(*graph);
        return 0;
    });
    if (status)
        ebjr_graph_clear(out);
    return status;
}
