// A cascade as one TorchScript module: the models as they were loaded, and between them a router in
// TorchScript that holds what the policy says. Stages are nested: each one's `rest` is the cascade
// of those behind it, so that all of them answer alike: (logits, stage, score).
#include "runtime/torch.hpp"

#include "runtime/export.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ostream>
#include <streambuf>
#include <string>
#include <vector>

namespace
{

using torch::jit::Module;

// The formulas of score.h, by the arithmetic of score.c and score_float.c; `z` is double, or float
// where the policy's scores are. What is not finite does not answer before the last stage.
const char *const stage_source = R"(
def gap(self, z):
    if z.size(1) == 1:
        return torch.full_like(z.select(1, 0), float("inf"))
    top = torch.topk(z, 2, 1)[0]
    return top.select(1, 0) - top.select(1, 1)

def pnorm(self, z):
    half = z / 2
    centred = half - half.mean(1, True)
    size = centred.abs()
    scale = size.amax(1)
    best = centred.amax(1)
    total = (size / scale.unsqueeze(1)).pow(self.p).sum(1)
    value = best / scale / total.pow(1 / self.p)
    flat = z.amax(1) == z.amin(1)
    return torch.where(torch.logical_or(flat, best <= 0), torch.zeros_like(value), value)

def score(self, name: str, z):
    top = z.amax(1)
    if name == "max-logit":
        return top
    if name == "pnorm":
        return self.pnorm(z)
    if name == "logit-margin":
        return self.gap(z) if z.size(1) > 1 else top
    x = (z - top.unsqueeze(1)) / self.temperature
    e = x.exp()
    rest = e.scatter(1, z.argmax(1, True), 0.0).sum(1)
    total = 1 + rest
    log_total = total.log() if self.single else rest.log1p()
    if name == "energy":
        return top + self.temperature * log_total
    if name == "softmax-energy":
        return torch.logsumexp(e / total.unsqueeze(1), 1)
    if name == "msp":
        return 1 / total
    if name == "margin":
        return -torch.expm1(-self.gap(z) / self.temperature) / total
    if name == "entropy":
        terms = torch.where(e > 0, e * x, torch.zeros_like(e))
        return terms.sum(1) / total - log_total
    assert name == "gini", "there is no score " + name
    return (e * e).sum(1) / (total * total)

def learned(self, z, answer):
    value = self.score(self.scores[0], z).double() * 0 + self.intercept
    for i, name in enumerate(self.scores):
        feature = self.score(name, z).double().clamp(-1e6, 1e6)
        value = value + self.weights[i] * feature
    if self.weights.size(0) > len(self.scores):
        value = value + self.weights.index_select(0, len(self.scores) + answer)
    return value

def route(self, logits, answer):
    z = logits if self.single else logits.double()
    if self.weights.size(0) > 0:
        value = self.learned(z, answer)
    else:
        value = self.score(self.scores[0], z).double()
    if self.offsets.size(0) > 0:
        value = value - self.offsets.index_select(0, answer)
    return value

def place(self, logits):
    if self.all_classes:
        return logits
    wide = logits.new_full([logits.size(0), self.width], float("-inf"))
    return wide.index_copy(1, self.classes, logits.index_select(1, self.known))

def join(self, student, teacher):
    if self.teacher_weight >= 1:
        return teacher
    if self.teacher_weight <= 0:
        return student
    of_student = torch.log_softmax(student.double(), 1) + self.log_student_weight
    of_teacher = torch.log_softmax(teacher.double(), 1) + self.log_teacher_weight
    return torch.logaddexp(of_student, of_teacher).float()

def forward(self, x) -> Tuple[Tensor, Tensor, Tensor]:
    raw = self.model.forward(x).float()
    answer = raw.argmax(1)
    score = self.route(raw, answer)
    sure = torch.logical_and(score >= self.threshold, torch.isfinite(raw).all(1))
    sure = torch.logical_and(sure, self.answers.index_select(0, answer))
    logits = self.place(raw)
    stage = torch.zeros_like(answer)
    deferred = torch.nonzero(torch.logical_not(sure)).select(1, 0)
    if deferred.size(0) > 0:
        later, who, ignored = self.rest.forward(x.index_select(0, deferred))
        later = self.join(logits.index_select(0, deferred), later)
        logits = logits.index_copy(0, deferred, later)
        stage = stage.index_copy(0, deferred, who + 1)
    return logits, stage, score
)";

const char *const last_source = R"(
def forward(self, x) -> Tuple[Tensor, Tensor, Tensor]:
    logits = self.model.forward(x).float()
    stage = torch.zeros_like(logits.argmax(1))
    return logits, stage, stage.double() * float("nan")
)";

const char *const cascade_source = R"(
def forward(self, x) -> Tuple[Tensor, Tensor, Tensor]:
    x = x.float()
    if self.raw:
        x = (x * self.multiplier / self.divisor - self.mean) / self.std
    return self.cascade.forward(x)
)";

Module make(const char *name)
{
    Module module(c10::QualifiedName(std::string("__torch__.ebjr.") + name));
    module.register_attribute("training", c10::BoolType::get(), false);
    return module;
}

void add(Module &module, const char *name, double value)
{
    module.register_attribute(name, c10::FloatType::get(), value);
}

void add(Module &module, const char *name, bool value)
{
    module.register_attribute(name, c10::BoolType::get(), value);
}

void add(Module &module, const char *name, int64_t value)
{
    module.register_attribute(name, c10::IntType::get(), value);
}

template <typename Number>
void add(Module &module, const char *name, const std::vector<Number> &values)
{
    module.register_buffer(
        name, torch::tensor(values, torch::dtype(c10::CppTypeToScalarType<Number>::value)));
}

void add_scores(Module &module, const struct ebjr_router &router)
{
    c10::List<std::string> names;
    size_t count;
    const struct ebjr_score *scores = ebjr_score_list(&count);
    for (size_t i = 0; i < count; i++)
        if (router.learned ? scores[i].kind == EBJR_SCORE_LOGITS : &scores[i] == router.score)
            names.push_back(scores[i].name);
    module.register_attribute("scores", c10::ListType::create(c10::StringType::get()), names);
}

void add_router(Module &module, const struct ebjr_router &router, size_t outputs)
{
    size_t features = router.learned ? ebjr_router_feature_count(outputs) : 0;
    add_scores(module, router);
    add(module, "single", router.options.precision == EBJR_FLOAT32);
    add(module, "temperature", router.options.temperature);
    add(module, "p", router.options.p);
    add(module, "intercept", router.intercept);
    add(module, "weights", std::vector<double>(router.weight, router.weight + features));
    add(module, "offsets", std::vector<double>(router.offset, router.offset + router.classes));
}

// Which outputs stand for a class (`answers`), their places (`known`), and which class each is, of
// the `width` that the last stage knows.
void add_meaning(Module &module, const char *map, size_t outputs, size_t width)
{
    std::vector<int64_t> known, classes;
    torch::Tensor answers = torch::zeros({static_cast<int64_t>(outputs)}, torch::kBool);
    for (size_t i = 0; i < outputs; i++) {
        int32_t meaning = ebjr_class_map_class(map, i);
        if (meaning == EBJR_OTHER)
            continue;
        answers[static_cast<int64_t>(i)] = true;
        known.push_back(static_cast<int64_t>(i));
        classes.push_back(meaning);
    }
    module.register_buffer("answers", answers);
    add(module, "all_classes", *map == 0 && outputs == width);
    add(module, "width", static_cast<int64_t>(width));
    add(module, "known", known);
    add(module, "classes", classes);
}

Module from_stage(const struct ebjr_policy &policy, void *const *models, const size_t *outputs,
                  size_t index)
{
    const struct ebjr_policy_stage &stage = policy.stages[index];
    bool last = index + 1 == policy.stage_count;
    Module module = make(last ? "Last" : "Stage");
    module.register_module("model", static_cast<ebjr::Model *>(models[index])->module.deepcopy());
    if (last) {
        module.define(last_source);
        return module;
    }
    add_router(module, stage.router, outputs[index]);
    add_meaning(module, stage.class_map, outputs[index], outputs[policy.stage_count - 1]);
    add(module, "threshold", stage.threshold);
    add(module, "teacher_weight", policy.answer_weight);
    add(module, "log_teacher_weight", std::log(policy.answer_weight));
    add(module, "log_student_weight", std::log1p(-policy.answer_weight));
    module.register_module("rest", from_stage(policy, models, outputs, index + 1));
    module.define(stage_source);
    return module;
}

torch::Tensor one_a_channel(const double *values, size_t count)
{
    return torch::tensor(at::ArrayRef<double>(values, count), torch::kFloat32)
        .reshape({1, static_cast<int64_t>(count), 1, 1});
}

void add_preprocessing(Module &module, const struct ebjr_preprocessing *preprocessing)
{
    static const struct ebjr_preprocessing none = {1, 1, 1, {0}, {1}, {}};
    const struct ebjr_preprocessing *self = preprocessing ? preprocessing : &none;
    add(module, "raw", preprocessing != nullptr);
    module.register_buffer("multiplier", torch::tensor(self->multiplier, torch::kFloat32));
    module.register_buffer("divisor", torch::tensor(self->divisor, torch::kFloat32));
    module.register_buffer("mean", one_a_channel(self->mean, self->channels));
    module.register_buffer("std", one_a_channel(self->std, self->channels));
}

// Into a file. Where the disk refuses, it keeps the reason and takes the rest for nothing:
// libtorch's writer would end the process.
class FileBuffer : public std::streambuf
{
  public:
    explicit FileBuffer(const std::string &path) : file(std::fopen(path.c_str(), "wb"))
    {
        if (!file)
            failure = errno;
    }

    ~FileBuffer() override { close(); }

    // 0, or the errno of the first refusal.
    int close()
    {
        if (file && std::fclose(file) != 0 && !failure)
            failure = errno;
        file = nullptr;
        return failure;
    }

  protected:
    std::streamsize xsputn(const char *bytes, std::streamsize count) override
    {
        size_t size = static_cast<size_t>(count);
        if (!failure && std::fwrite(bytes, 1, size, file) != size)
            failure = errno;
        return count;
    }

    int overflow(int byte) override
    {
        char one = static_cast<char>(byte);
        xsputn(&one, 1);
        return 0;
    }

  private:
    std::FILE *file;
    int failure = 0;
};

// Beside the target first, then renamed. A stream, not a name: the archive does not know what its
// file is called.
int write(const Module &module, const struct ebjr_export *what)
{
    std::string path = what->path, beside = path + ".part";
    FileBuffer buffer(beside);
    std::ostream stream(&buffer);
    module.save(stream, {{"policy.json", what->policy_text}});
    int failure = buffer.close();
    if (!failure && std::rename(beside.c_str(), path.c_str()) != 0)
        failure = errno;
    if (!failure)
        return 0;
    std::remove(beside.c_str());
    return ebjr_error_set(EBJR_EIO, "cannot write %s: %s", what->path, std::strerror(failure));
}

} // namespace

int ebjr::save_cascade(void *const *models, const struct ebjr_export *what,
                       const struct ebjr_shape *shape)
{
    return guarded("joining the models", [&] {
        Module module = make("Cascade");
        add_preprocessing(module, what->preprocessing);
        module.register_module("cascade", from_stage(*what->policy, models, what->outputs, 0));
        module.define(cascade_source);
        for (at::Tensor tensor : module.parameters())
            tensor.set_requires_grad(false);
        c10::InferenceMode inference;
        module.forward({torch::zeros({2, static_cast<int64_t>(shape->channels),
                                      static_cast<int64_t>(shape->height),
                                      static_cast<int64_t>(shape->width)})});
        return write(module, what);
    });
}
