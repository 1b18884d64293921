// Counting: which operators a TorchScript model executes, on which shapes.
#include "runtime/torch.hpp"

#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/interpreter.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace
{

using ebjr::Model;

// Tracing. The inlined graph of forward() is copied, and behind every operator on tensors a call of
// ebjr::observe is inserted with its arguments and result; the interpreter then runs the copy once.
// Control flow is followed as it is executed, and shapes are the real ones.

struct Observation {
    std::string name, module;
    bool transposed = false;
};

struct Trace {
    std::vector<Observation> nodes;
    void (*observe)(void *context, const struct ebjr_operator *op);
    void *context;
};

thread_local Trace *current_trace;

struct ebjr_tensor_shape shape_of(const c10::IValue &value)
{
    struct ebjr_tensor_shape shape = {};
    if (!value.isTensor() || !value.toTensor().defined())
        return shape;
    auto sizes = value.toTensor().sizes();
    shape.present = true;
    shape.rank = std::min<size_t>(sizes.size(), EBJR_OPERATOR_RANK);
    for (size_t i = 0; i < shape.rank; i++)
        shape.size[i] = sizes[i];
    return shape;
}

int64_t window_of(const c10::IValue &value, size_t dimensions)
{
    if (!value.isIntList())
        return 0;
    auto sides = value.toIntVector();
    int64_t product = 1;
    for (int64_t side : sides)
        product *= side;
    for (size_t i = 1; sides.size() == 1 && i < dimensions; i++)
        product *= sides[0]; // one side for all
    return product;
}

void observe(torch::jit::Stack &stack)
{
    c10::IValue output = torch::jit::pop(stack), window = torch::jit::pop(stack);
    c10::IValue third = torch::jit::pop(stack), second = torch::jit::pop(stack);
    c10::IValue first = torch::jit::pop(stack), index = torch::jit::pop(stack);
    if (!current_trace)
        return;
    const Observation &node = current_trace->nodes.at(static_cast<size_t>(index.toInt()));
    struct ebjr_operator op = {};
    op.name = node.name.c_str();
    op.module = node.module.c_str();
    op.inputs[0] = shape_of(first);
    op.inputs[1] = shape_of(second);
    op.inputs[2] = shape_of(third);
    op.output = shape_of(output);
    op.transposed = node.transposed;
    op.window = window_of(window, op.output.rank > 2 ? op.output.rank - 2 : 1);
    current_trace->observe(current_trace->context, &op);
}

void register_observer()
{
    static std::once_flag once;
    std::call_once(once, [] {
        torch::jit::registerOperator(torch::jit::Operator(
            "ebjr::observe(int node, Tensor? first, Tensor? second, Tensor? third, int[]? window, "
            "Tensor output) -> ()",
            observe, c10::AliasAnalysisKind::CONSERVATIVE));
    });
}

// "__torch__.torch.nn.modules.pooling.___torch_mangle_3.AvgPool2d" is torch...pooling.AvgPool2d
std::string class_name(const c10::ClassType &type)
{
    std::string text;
    for (const std::string &atom : type.name()->atoms())
        if (atom.rfind("__torch__", 0) != 0 && atom.rfind("___torch_mangle", 0) != 0)
            text += (text.empty() ? "" : ".") + atom;
    return text;
}

// The innermost module whose method the inliner found the node in; the top one where it was not
// inlined at all. A model that was frozen has no modules left, and so no name.
std::string module_of(torch::jit::Node *node, const torch::jit::Module &top)
{
    bool frozen = top.children().size() == 0 && top.parameters().size() == 0;
    std::string name = frozen ? "" : class_name(*top.type());
    if (node->callstack())
        for (const auto &entry : (*node->callstack())->vec()) {
            const auto &instance = std::get<2>(entry);
            if (instance && instance->class_type())
                name = class_name(*instance->class_type());
        }
    return name;
}

bool is_tensor(const torch::jit::Value *value)
{
    return value->type()->isSubtypeOf(*c10::TensorType::get());
}

bool may_be_tensor(const torch::jit::Value *value)
{
    return value->type()->isSubtypeOf(*c10::OptionalType::create(c10::TensorType::get())) &&
           !value->type()->isSubtypeOf(*c10::NoneType::get());
}

class Instrument
{
  public:
    Instrument(torch::jit::Graph &graph, Trace &trace, const torch::jit::Module &top)
        : graph_(graph), trace_(trace), top_(top)
    {
    }

    void visit(torch::jit::Block *block)
    {
        std::vector<torch::jit::Node *> nodes(block->nodes().begin(), block->nodes().end());
        for (torch::jit::Node *node : nodes) {
            for (torch::jit::Block *inner : node->blocks())
                visit(inner);
            if (!node->kind().is_prim())
                watch(node);
        }
    }

  private:
    void watch(torch::jit::Node *node)
    {
        torch::jit::Value *output = nullptr;
        for (torch::jit::Value *value : node->outputs())
            if (!output && is_tensor(value))
                output = value;
        if (!output)
            return;
        torch::jit::WithInsertPoint guard(node->next());
        std::vector<torch::jit::Value *> tensors;
        for (torch::jit::Value *value : node->inputs()) {
            bool absent = value->type()->isSubtypeOf(*c10::NoneType::get());
            if (tensors.size() < EBJR_OPERATOR_TENSORS && (may_be_tensor(value) || absent))
                tensors.push_back(value);
        }
        while (tensors.size() < EBJR_OPERATOR_TENSORS)
            tensors.push_back(none());

        Observation seen{node->kind().toQualString(), module_of(node, top_), false};
        seen.transposed = is_transposed(node);
        bool pools = seen.name.find("_pool") != std::string::npos &&
                     seen.name.find("adaptive") == std::string::npos && node->inputs().size() > 1;
        torch::jit::Value *index = graph_.insertConstant(static_cast<int64_t>(trace_.nodes.size()));
        torch::jit::Value *window = pools ? node->input(1) : none();
        trace_.nodes.push_back(seen);
        torch::jit::Node *call =
            graph_.create(c10::Symbol::fromQualString("ebjr::observe"),
                          {index, tensors[0], tensors[1], tensors[2], window, output}, 0);
        graph_.insertNode(call);
    }

    torch::jit::Value *none() { return graph_.insertConstant(c10::IValue()); }

    static bool is_transposed(torch::jit::Node *node)
    {
        std::string name = node->kind().toUnqualString();
        if (name.rfind("conv_transpose", 0) == 0)
            return true;
        if (name != "_convolution" && name != "convolution")
            return false;
        auto flag = torch::jit::toIValue(node->input(6));
        return flag && flag->isBool() && flag->toBool();
    }

    torch::jit::Graph &graph_;
    Trace &trace_;
    const torch::jit::Module &top_;
};

std::shared_ptr<torch::jit::Graph> inlined(const torch::jit::Module &module)
{
    auto graph = module.get_method("forward").graph()->copy();
    torch::jit::Inline(*graph);
    return graph;
}

int64_t constant_elements(torch::jit::Block *block)
{
    int64_t count = 0;
    for (torch::jit::Node *node : block->nodes()) {
        for (torch::jit::Block *inner : node->blocks())
            count += constant_elements(inner);
        if (node->kind() == c10::prim::Constant && is_tensor(node->output()))
            if (auto value = torch::jit::toIValue(node->output()))
                count += value->isTensor() ? value->toTensor().numel() : 0;
    }
    return count;
}

} // namespace

// A frozen model keeps its weights as constants of the graph.
int ebjr::parameters(int64_t *out, void *handle)
{
    return guarded("counting its parameters", [&] {
        auto *model = static_cast<Model *>(handle);
        *out = 0;
        for (const at::Tensor &tensor : model->module.parameters())
            *out += tensor.numel();
        if (*out == 0)
            *out = constant_elements(inlined(model->module)->block());
        return 0;
    });
}

int ebjr::trace(void *handle, const struct ebjr_shape *shape,
                void (*callback)(void *context, const struct ebjr_operator *op), void *context)
{
    return guarded("counting its FLOPs", [&] {
        register_observer();
        auto *model = static_cast<Model *>(handle);
        auto graph = inlined(model->module);
        Trace trace{{}, callback, context};
        Instrument(*graph, trace, model->module).visit(graph->block());

        c10::InferenceMode inference;
        at::Tensor input =
            torch::zeros({1, static_cast<int64_t>(shape->channels),
                          static_cast<int64_t>(shape->height), static_cast<int64_t>(shape->width)},
                         torch::TensorOptions().device(model->device));
        torch::jit::Stack stack{model->module._ivalue(), input};
        current_trace = &trace;
        try {
            torch::jit::Code code(graph, "ebjr_trace");
            torch::jit::InterpreterState(code).run(stack);
        } catch (...) {
            current_trace = nullptr;
            throw;
        }
        current_trace = nullptr;
        return 0;
    });
}
