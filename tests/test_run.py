"""Executing models: what they answer, what they cost, and how they fail, against PyTorch itself."""

import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

import numpy as np

from support import EBJR, ProgramTest, skip_file

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError:
    skip_file("Python has no torch")
try:
    import torchvision
except ImportError:
    torchvision = None

torch.set_num_threads(2)
CLASSES, SHAPE = 10, (3, 8, 8)
PIXELS = int(np.prod(SHAPE))
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
NORMALISE = ("--mean", ",".join(map(str, MEAN)), "--std", ",".join(map(str, STD)))


class Net(nn.Module):
    """Convolutions, batch norm, both kinds of pooling, dropout, and a linear layer."""

    def __init__(self, channels=3, width=12, classes=CLASSES):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.group = nn.Conv2d(width, width, 3, stride=2, padding=1, groups=4)
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(4 * width, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)
        return self.fc(self.drop(self.pool(self.group(x)).flatten(1)))


def net(seed=1, **options):
    """A Net whose logits are well apart, with statistics in its batch norm."""
    torch.manual_seed(seed)
    model = Net(**options)
    with torch.no_grad():
        model.fc.weight *= 20
        model.norm.running_mean.normal_()
        model.norm.running_var.uniform_(0.5, 2)
    return model


class Forward(nn.Module):
    """Only a function; traced, since one cannot script it."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class RunTest(ProgramTest):
    SAMPLES = 150

    def setUp(self):
        super().setUp()
        generator = np.random.default_rng(6)
        self.images = generator.integers(0, 256, (self.SAMPLES, *SHAPE), dtype=np.uint8)
        self.labels = generator.integers(0, CLASSES, self.SAMPLES)
        self.save("x.npy", self.images)
        self.save("y.npy", self.labels)
        self.dataset = ("--dataset", "npy:x.npy", "--labels", "y.npy", "--layout", "nchw")

    def script(self, name, model):
        torch.jit.script(model.eval()).save(str(self.path(name)))
        return name

    def trace(self, name, model, shape=SHAPE):
        with torch.no_grad():
            traced = torch.jit.trace(model.eval(), torch.zeros(2, *shape), check_trace=False)
        traced.save(str(self.path(name)))
        return name

    def command(self, *models, db=None):
        named = [word for model in models for word in ("--model", model)]
        return ("run", "--db", db or self.db, *self.dataset, *named)

    def run_models(self, *models, options=(), **kept):
        return self.ebjr(*self.command(*models), *options, **kept)

    def runs(self):
        return {row["model"]: row for row in self.json("ls", "--db", self.db)}


def normalised(images, mean=MEAN, std=STD):
    """As ToTensor and Normalize of torchvision."""
    x = torch.from_numpy(images).to(torch.float32).div(255)
    column = lambda values: torch.tensor(values, dtype=torch.float32)[:, None, None]
    return x.sub(column(mean)).div(column(std))


@torch.no_grad()
def answers(path, inputs):
    return torch.jit.load(str(path)).eval()(inputs).numpy()


class Outputs(RunTest):
    def assert_answers(self, expected, run=1):
        logits = self.stored_logits(run)
        np.testing.assert_allclose(logits, expected, rtol=1e-5,
                                   atol=1e-5 * np.abs(expected).max())
        clear = np.diff(np.sort(expected, axis=1)[:, -2:])[:, 0] > 1e-3
        self.assertGreater(clear.mean(), 0.9)
        stored = self.query("SELECT prediction, label, output.correct FROM output JOIN outputs"
                            " USING (idx, prediction) WHERE run_id = ?1 AND run = ?1"
                            " ORDER BY idx", run)
        prediction, label, correct = map(np.array, zip(*stored))
        np.testing.assert_array_equal(prediction[clear], expected.argmax(axis=1)[clear])
        np.testing.assert_array_equal(prediction, logits.argmax(axis=1))
        np.testing.assert_array_equal(label, self.labels)
        np.testing.assert_array_equal(correct, prediction == label)

    def test_scripted_and_traced(self):
        self.script("scripted.pt", net(1))
        self.trace("traced.pt", net(2))
        torch.jit.script(net(3)).save(str(self.path("training.pt")))
        models = ("scripted", "traced", "training")
        self.run_models(*(f"{model}.pt" for model in models), options=NORMALISE)
        for run, model in enumerate(models, 1):
            self.assert_answers(answers(self.path(f"{model}.pt"), normalised(self.images)), run)
        self.verify()

    def test_every_batch_size(self):
        self.script("m.pt", net())
        expected = answers(self.path("m.pt"), normalised(self.images))
        for batch, threads in (("1", "1"), ("7", "2"), ("1000", "2"), ("auto", "1")):
            self.db = self.path(f"{batch}.db")
            self.run_models("m.pt", options=(*NORMALISE, "--batch", batch, "--threads", threads))
            self.assert_answers(expected)

    def test_float_images_and_channels_last(self):
        self.script("m.pt", net())
        floats = np.random.default_rng(7).normal(size=(self.SAMPLES, *SHAPE)).astype(np.float32)
        self.save("x.npy", floats)
        self.run_models("m.pt")
        self.assert_answers(answers(self.path("m.pt"), torch.from_numpy(floats)))
        self.save("x.npy", np.ascontiguousarray(self.images.transpose(0, 2, 3, 1)))
        self.db = self.path("last.db")
        self.ebjr("run", "--db", self.db, "--dataset", "npy:x.npy", "--labels", "y.npy",
                  "--layout", "nhwc", *NORMALISE, "--model", "m.pt")
        self.assert_answers(answers(self.path("m.pt"), normalised(self.images)))

    def test_grey_idx(self):
        images = self.images[:, 0]
        self.script("m.pt", net(channels=1))
        big_endian = lambda *numbers: np.array(numbers, ">u4").tobytes()
        directory = self.path("idx")
        directory.mkdir()
        (directory / "t10k-images-idx3-ubyte").write_bytes(
            big_endian(0x803, *images.shape) + images.tobytes())
        (directory / "t10k-labels-idx1-ubyte").write_bytes(
            big_endian(0x801, len(images)) + self.labels.astype(np.uint8).tobytes())
        self.ebjr("run", "--db", self.db, "--dataset", "idx:idx", "--mean", "0.286", "--std",
                  "0.353", "--model", "m.pt")
        self.assert_answers(answers(self.path("m.pt"),
                                    normalised(images[:, None], [0.286], [0.353])))


class Chooses(nn.Module):
    """Zeros take the cheap way; each of three rounds costs a convolution."""

    def __init__(self):
        super().__init__()
        self.cheap, self.dear = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 7, padding=3)
        self.fc = nn.Linear(PIXELS, CLASSES)

    def forward(self, x):
        for _ in range(3):
            if bool(x.abs().sum() > 1e6):
                x = self.dear(x)
            else:
                x = self.cheap(x)
        return self.fc(x.flatten(1))


class Twice(nn.Module):
    """One layer, executed twice."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 3, 3, padding=1), nn.Linear(PIXELS, CLASSES)

    def forward(self, x):
        return self.fc(self.conv(self.conv(x)).flatten(1))


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 5, bias=False)

    def forward(self, x):
        x = F.relu(F.avg_pool2d(F.max_pool2d(x, 2), 2))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Product(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(PIXELS, CLASSES))

    def forward(self, x):
        return x.flatten(1) @ self.weight


class Unknown(nn.Module):
    """Operators that a convention ought to count and cannot."""

    def forward(self, x):
        x = torch.cumsum(F.gelu(x), 1)
        return torch.einsum("bchw->bc", torch.cumsum(x, 2))


def then_flat(*layers):
    return nn.Sequential(*layers, nn.Flatten())


class Cost(RunTest):
    SAMPLES = 2
    # model, multiply-adds, what op-counter sees besides, parameters
    CASES = {
        "conv": (then_flat(nn.Conv2d(3, 12, 3, padding=1)), 12 * 64 * 27, 0, 12 * 27 + 12),
        "stride": (then_flat(nn.Conv2d(3, 6, 3, stride=2, bias=False)), 6 * 9 * 27, 0, 6 * 27),
        "grouped": (then_flat(nn.Conv2d(3, 6, 3, padding=1, groups=3)), 6 * 64 * 9, 0, 6 * 9 + 6),
        "dilated": (then_flat(nn.Conv2d(3, 5, 3, dilation=2)), 5 * 16 * 27, 0, 5 * 27 + 5),
        "same": (then_flat(nn.Conv2d(3, 5, 3, padding="same")), 5 * 64 * 27, 0, 5 * 27 + 5),
        "transposed": (then_flat(nn.ConvTranspose2d(3, 4, 3, stride=2)), 192 * 4 * 9, 0,
                       3 * 4 * 9 + 4),
        "linear": (nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 7)), PIXELS * 7, 7,
                   PIXELS * 7 + 7),
        "no-bias": (nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 7, bias=False)), PIXELS * 7, 0,
                    PIXELS * 7),
        "product": (Product(), PIXELS * CLASSES, 0, PIXELS * CLASSES),
        "relu": (then_flat(nn.ReLU()), 0, PIXELS, 0),
        "relu-in-place": (then_flat(nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True)), 64 * 9, PIXELS,
                          12),
        "average": (then_flat(nn.AvgPool2d(2)), 0, 48 * 4, 0),
        "oblong": (then_flat(nn.AvgPool2d((2, 4))), 0, 24 * 8, 0),
        "largest": (then_flat(nn.MaxPool2d(3, 2, 1)), 0, 48 * 9, 0),
        "adaptive": (then_flat(nn.AdaptiveAvgPool2d(1)), 0, PIXELS, 0),
        "functional": (Functional(), 15, 12, 15),
        "free": (then_flat(nn.BatchNorm2d(3), nn.Dropout(), nn.Softmax(1)), 0, 0, 6),
        "twice": (Twice(), 2 * 64 * 81 + PIXELS * CLASSES, CLASSES,
                  84 + PIXELS * CLASSES + CLASSES),
    }

    def setUp(self):
        super().setUp()
        self.save("y.npy", np.zeros(self.SAMPLES, np.int64))

    def assert_cost(self, run, macs, extra, parameters):
        self.assertEqual((run["flops"], run["flops_mac2"], run["parameters"], run["uncounted"]),
                         (2 * (macs + extra), 2 * macs, parameters, ""), run["model"])

    def depth(self, model):
        """How often a convolution or a linear layer is executed."""
        calls = []
        hooks = [layer.register_forward_hook(lambda *_: calls.append(1))
                 for layer in model.modules()
                 if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear))]
        with torch.no_grad():
            model.eval()(torch.zeros(1, 3, 8, 8))
        for hook in hooks:
            hook.remove()
        return len(calls)

    def test_depth(self):
        names = ("conv", "grouped", "transposed", "linear", "no-bias", "product", "relu", "free",
                 "twice")
        models = [self.CASES[name][0] for name in names]
        self.run_models(*(self.trace(f"{name}.pt", model) for name, model in zip(names, models)))
        found = dict(self.query("SELECT model, depth FROM runs"))
        self.assertEqual(found, {name: self.depth(model) for name, model in zip(names, models)})
        self.assertEqual(found["twice"], 3)

    def test_layers(self):
        for way in (self.script, self.trace):
            with self.subTest(way.__name__):
                self.db = self.path(f"{way.__name__}.db")
                self.run_models(*(way(f"{name}.pt", model)
                                  for name, (model, *_) in self.CASES.items()))
                runs = self.runs()
                for name, (_, *cost) in self.CASES.items():
                    with self.subTest(name):
                        self.assert_cost(runs[name], *cost)

    def test_control_flow_is_followed(self):
        model = Chooses()
        self.run_models(self.script("m.pt", model))
        self.assert_cost(self.runs()["m"], 3 * 64 * 9 + PIXELS * CLASSES, CLASSES,
                         sum(p.numel() for p in model.parameters()))

    def test_what_cannot_be_counted_is_named(self):
        for way in (self.script, self.trace):
            self.db = self.path(f"{way.__name__}.db")
            process = self.run_models(way("m.pt", Unknown()))
            self.assertRegex(process.stderr, "incomplete.*aten::cumsum")
            row, = self.query("SELECT uncounted, uncounted_mac2 FROM run")
            self.assertEqual(set(row[0].split(", ")) - {"aten::einsum", "aten::sum"},
                             {"aten::gelu", "aten::cumsum"})
            self.assertEqual(set(row[1].split(", ")) - {"aten::einsum", "aten::sum"},
                             {"aten::cumsum"})

    def test_frozen_pooling_is_named(self):
        frozen = torch.jit.freeze(torch.jit.script(self.CASES["average"][0].eval()))
        frozen.save(str(self.path("frozen.pt")))
        process = self.run_models("frozen.pt")
        self.assertIn("aten::avg_pool2d", process.stderr)
        self.assertEqual(self.runs()["frozen"]["flops"], 0)

    def test_frozen_convolutions_are_counted(self):
        model = self.CASES["conv"][0].eval()
        torch.jit.freeze(torch.jit.script(model)).save(str(self.path("frozen.pt")))
        self.run_models("frozen.pt")
        self.assert_cost(self.runs()["frozen"], *self.CASES["conv"][1:])

    @unittest.skipUnless(torchvision, "Python has no torchvision")
    def test_resnet18(self):
        """1,814,073,344 multiply-adds: https://pytorch.org/vision/main/models.html gives 1.81 G."""
        model = torchvision.models.resnet18().eval()
        self.save("x.npy", np.zeros((1, 3, 224, 224), np.uint8))
        self.save("y.npy", np.zeros(1, np.int64))
        self.run_models(self.script("scripted.pt", model),
                        self.trace("traced.pt", model, (3, 224, 224)))
        macs, extra = count_by_hooks(model, (3, 224, 224))
        self.assertEqual(macs, 1_814_073_344)
        for run in self.runs().values():
            self.assert_cost(run, macs, extra, 11_689_512)


def count_by_hooks(model, shape):
    """Multiply-adds, and what op-counter sees besides, by hooks on the modules."""
    totals = [0, 0]

    def on_forward(module, inputs, output):
        if isinstance(module, nn.Conv2d):
            taps = module.in_channels // module.groups * np.prod(module.kernel_size)
            totals[0] += int(output.numel() * taps)
        elif isinstance(module, nn.Linear):
            totals[0] += output.numel() * module.in_features
            totals[1] += output.numel()
        elif isinstance(module, nn.ReLU):
            totals[1] += output.numel()
        elif isinstance(module, nn.MaxPool2d):
            totals[1] += output.numel() * module.kernel_size ** 2
        elif isinstance(module, nn.AdaptiveAvgPool2d):
            totals[1] += inputs[0].numel()

    hooks = [module.register_forward_hook(on_forward) for module in model.modules()]
    with torch.no_grad():
        model(torch.zeros(1, *shape))
    for hook in hooks:
        hook.remove()
    return tuple(totals)


class RaisesOnWhite(nn.Module):
    def forward(self, x):
        if bool((x == 1).all(1).all(1).all(1).any()):
            raise ValueError("white images are too bright for me")
        return x.flatten(1)[:, :10]


class NanOnWhite(nn.Module):
    def forward(self, x):
        logits = x.flatten(1)[:, :10].clone()
        white = (x == 1).all(1).all(1).all(1)
        logits[:, 3] = torch.where(white, torch.full_like(logits[:, 3], float("nan")), logits[:, 3])
        return logits


class HoardsOnWhite(nn.Module):
    """Keeps `blocks` of 64 MB each, one after the other."""

    def __init__(self, blocks: int):
        super().__init__()
        self.blocks = blocks

    def forward(self, x):
        kept = [x]
        if bool((x == 1).all(1).all(1).all(1).any()):
            for _ in range(self.blocks):
                kept.append(torch.ones(16 << 20))
        return x.flatten(1)[:, :10] + (kept[-1].flatten()[0] - kept[-1].flatten()[0])


class Raises(nn.Module):
    def forward(self, x):
        if x.shape[0] > 0:
            raise RuntimeError("out of\nthe question")
        return x.flatten(1)


class NeverReturns(nn.Module):
    def forward(self, x):
        while bool((x == 1).all(1).all(1).all(1).any()):
            x = x * 1
        return x.flatten(1)[:, :10]


class Misbehaves(RunTest):
    def setUp(self):
        super().setUp()
        self.images[100] = 255
        self.save("x.npy", self.images)
        self.run_models(self.script("good.pt", net()))
        self.before = self.contents()

    def assert_refused(self, model, *words):
        """Named in one line; the store is as it was."""
        stem = model.rpartition(".")[0]
        process = self.ebjr(*self.command(model), code=1)
        lines = process.stderr.splitlines()
        self.assertEqual(len(lines), 1, process.stderr)
        self.assertLess(len(lines[0]), 400)
        for word in ("ebjr run: ", stem, *words):
            self.assertIn(word, lines[0])
        self.assertEqual(self.contents(), self.before)

    def test_outputs_that_are_no_logits(self):
        flat = lambda x: x.flatten(1)[:, :10]
        for name, function, word in (
                ("tuple", lambda x: (flat(x), x), "Tuple"),
                ("dict", lambda x: {"logits": flat(x)}, "Dict"),
                ("cube", lambda x: x.flatten(2), "[1, 3, 64]"),
                ("vector", lambda x: x.flatten(1).sum(1), "[1]"),
                ("integers", lambda x: flat(x).long(), "Long"),
                ("nothing", lambda x: x.flatten(1)[:, :0], "[1, 0]"),
                ("first", lambda x: torch.cat([flat(x), flat(x)]), "[2, 10]")):
            with self.subTest(name):
                path = self.path(f"{name}.pt")
                torch.jit.trace(Forward(function), torch.zeros(1, *SHAPE), strict=False,
                                check_trace=False).save(str(path))
                self.assert_refused(path.name, word)
        self.verify()

    def test_models_of_another_shape(self):
        self.assert_refused(self.script("five.pt", net(channels=5)), "3 x 8 x 8", "channels")
        self.assert_refused(self.script("large.pt", nn.Sequential(nn.Flatten(),
                                                                  nn.Linear(12, 10))), "3 x 8 x 8")
        self.assert_refused(self.script("raises.pt", Raises()), "out of")

    def test_files_that_are_no_torchscript(self):
        model = net()
        torch.save(model.state_dict(), self.path("state.pt"))
        torch.save(model, self.path("module.pt"))
        torch.save(model.state_dict(), self.path("old.pt"), _use_new_zipfile_serialization=False)
        self.path("pickle.pt").write_bytes(pickle.dumps({"a": 1}))
        self.path("empty.pt").touch()
        self.path("text.pt").write_text("weights\n" * 100)
        whole = self.path("good.pt").read_bytes()
        self.path("cut.pt").write_bytes(whole[:len(whole) // 2])
        for name in ("state", "module", "old", "pickle", "empty", "text", "cut"):
            with self.subTest(name):
                self.assert_refused(f"{name}.pt", "TorchScript")
        self.path("directory.pt").mkdir()
        self.assert_refused("directory.pt")
        self.assert_refused("missing.pt", "No such file")

    def test_a_sample_that_raises(self):
        process = self.ebjr(*self.command(self.script("fussy.pt", RaisesOnWhite())),
                            "--plan", "as-loaded", code=1)
        for word in ("fussy", "samples 64 to 127", "white images"):
            self.assertIn(word, process.stderr.splitlines()[-1])
        self.assertEqual(self.query("SELECT done FROM run WHERE id = 2"), [(64,)])
        self.verify()

    def test_a_sample_on_which_it_never_returns(self):
        """Sample 100 is in the seventh batch of 16."""
        self.script("stuck.pt", NeverReturns())
        command = (*self.command("stuck.pt"), "--plan", "as-loaded", "--batch", "16")
        self.refuse("stuck", "no answer for 8 s after 96 samples", "is kept", arguments=(
            *command, "--timeout", "8s"))
        self.verify()
        for table, rows in self.before.items():
            self.assertTrue(set(rows) <= set(self.contents()[table]), table)
        for time_ in ("0", "-1s", "soon"):
            self.refuse("--timeout", code=2, arguments=(*command, "--timeout", time_))
        self.run_models("good.pt", "good.pt", options=("--timeout", "100s"))

    def test_a_sample_that_takes_too_much_memory(self):
        """Sample 100 is in the seventh batch of 16."""
        self.script("hoards.pt", HoardsOnWhite(1 << 30))
        command = (*self.command("hoards.pt"), "--plan", "as-loaded", "--batch", "16")
        process = self.ebjr(*command, "--memory", "500M", code=1)
        for word in ("hoards", "samples 96 to 111", "alloc", "0.5 GB", "--memory"):
            self.assertIn(word, process.stderr.splitlines()[-1])
        self.assertEqual(self.query("SELECT done FROM run WHERE id = 2"), [(96,)])
        self.verify()
        # what it may take it gets
        self.script("large.pt", HoardsOnWhite(4))
        self.ebjr(*self.command("large.pt"), "--plan", "as-loaded", "--memory", "500M")
        for size in ("0", "-1G", "much", "inf"):
            self.refuse("--memory", code=2, arguments=(*command, "--memory", size))

    def test_a_logit_that_is_none(self):
        process = self.ebjr(*self.command(self.script("nan.pt", NanOnWhite())), code=1)
        for word in ("nan", "sample 100", "class 3"):
            self.assertIn(word, process.stderr.splitlines()[-1])
        self.assertEqual(self.query("SELECT done FROM run WHERE id = 2"), [(100,)])
        self.verify()

    def test_labels_beyond_the_classes(self):
        self.script("few.pt", net(classes=6))
        process = self.ebjr(*self.command("few.pt"), code=1)
        first = int((self.labels >= 6).argmax())
        for word in ("few", f"sample {first}", "6 classes"):
            self.assertIn(word, process.stderr.splitlines()[-1])
        self.verify()

    def test_the_first_model_is_kept_when_the_second_fails(self):
        self.ebjr(*self.command(self.script("fine.pt", net(2)), "missing.pt"), code=1)
        self.assertEqual(self.query("SELECT name, done FROM run JOIN model USING (id) ORDER BY id"),
                         [("good", self.SAMPLES), ("fine", self.SAMPLES)])

    def test_data_that_cannot_be_read(self):
        self.save("y.npy", self.labels[:-1])
        self.refuse("150 images", "149 labels", arguments=self.command("good.pt"))
        self.path("x.npy").unlink()
        self.refuse("x.npy", arguments=self.command("good.pt"))
        self.assertEqual(self.contents(), self.before)

    @unittest.skipIf(torch.cuda.is_available(), "there is a GPU")
    def test_a_device_that_is_not_there(self):
        self.script("other.pt", net(3))
        self.refuse("CUDA", "--device cpu",
                    arguments=(*self.command("other.pt"), "--device", "cuda"))
        self.refuse("'gpu'", "cuda:N", code=2,
                    arguments=(*self.command("other.pt"), "--device", "gpu"))
        self.assertEqual(self.contents(), self.before)

    def test_slips(self):
        for option, value in (("--batch", "0"), ("--batch", "many"), ("--mean", "1,2"),
                              ("--std", "0"), ("--scale", "0"), ("--layout", "hwc"),
                              ("--split", "train")):
            self.refuse(option, code=2, arguments=(*self.command("good.pt"), option, value))


class Identity(RunTest):
    def test_stored_once(self):
        self.run_models(self.script("m.pt", net()), options=NORMALISE)
        before = self.contents()
        again = self.run_models("m.pt", options=NORMALISE)
        self.assertIn("nothing to do", again.stderr)
        self.assertEqual(self.contents(), before)

    def test_the_same_file_under_another_name(self):
        """The store knows it by its first name, and says so."""
        self.script("m.pt", net())
        shutil.copy(self.path("m.pt"), self.path("copy.pt"))
        self.run_models("m.pt")
        row, = self.json(*self.command("copy.pt"))
        self.assertEqual(row["model"], "m")
        self.assertEqual(self.query("SELECT count(*) FROM model"), [(1,)])

    def test_the_same_data_under_another_name(self):
        self.run_models(self.script("m.pt", net()))
        row, = self.json(*self.command("m.pt"), "--dataset-name", "other")
        self.assertEqual(row["dataset"], "x")

    def test_a_changed_model_is_another(self):
        self.run_models(self.script("m.pt", net(1)))
        before = self.contents()
        self.script("m.pt", net(2))
        self.refuse("another model named 'm'", "NAME=FILE", arguments=self.command("m.pt"))
        self.assertEqual(self.contents(), before)
        self.run_models("n=m.pt")
        self.assertEqual(self.query("SELECT name FROM model ORDER BY id"), [("m",), ("n",)])
        first, second = self.stored_logits(1), self.stored_logits(2)
        self.assertGreater(np.abs(first - second).max(), 0.1)

    def test_changed_data_are_another_data_set(self):
        self.run_models(self.script("m.pt", net()))
        self.images[0, 0, 0, 0] ^= 1
        self.save("x.npy", self.images)
        self.refuse("another data set named 'x'", "--dataset-name",
                    arguments=self.command("m.pt"))
        self.run_models("m.pt", options=("--dataset-name", "changed"))
        self.assertEqual(self.query("SELECT name FROM dataset ORDER BY id"), [("x",), ("changed",)])

    def test_changed_preprocessing_is_another_run(self):
        self.run_models(self.script("m.pt", net(1)), self.script("n.pt", net(2)))
        self.run_models("m.pt", options=NORMALISE)
        self.assertEqual(self.query("SELECT model_id FROM run ORDER BY id"), [(1,), (2,), (1,)])
        expected = answers(self.path("m.pt"), normalised(self.images))
        np.testing.assert_allclose(self.stored_logits(3), expected, rtol=1e-4, atol=1e-4)
        end = ("--teacher", "n", "--score", "msp", "--threshold", "0.5")
        line = self.refuse("run:1", "run:3", "0.4914", code=2, arguments=(
            "eval", "--db", self.db, "--student", "m", *end))
        self.assertIn("'m'", line)
        for run in (1, 3):
            report = self.json("eval", "--db", self.db, "--student", f"run:{run}", *end)
            self.assertEqual(report["student_accuracy"],
                             (self.stored_logits(run).argmax(axis=1) == self.labels).mean())

    def test_labels_of_the_run_serve_an_import(self):
        self.run_models(self.script("m.pt", net()))
        logits = np.random.default_rng(8).normal(size=(self.SAMPLES, CLASSES))
        self.ebjr("import", "--db", self.db, "--name", "elsewhere", "--dataset", "x",
                  "--logits", self.save("z.npy", logits))
        report = self.json("eval", "--db", self.db, "--student", "m", "--teacher", "elsewhere",
                           "--score", "msp", "--threshold", "2")
        self.assertEqual(report["accuracy"], (logits.argmax(axis=1) == self.labels).mean())


class Slow(nn.Module):
    """About a millisecond a sample."""

    def __init__(self):
        super().__init__()
        self.first, self.fc = nn.Conv2d(3, 64, 3, padding=1), nn.Linear(64, CLASSES)
        self.convs = nn.Sequential(*(nn.Conv2d(64, 64, 3, padding=1) for _ in range(20)))

    def forward(self, x):
        return self.fc(self.convs(self.first(x)).mean([2, 3]))


class Interrupted(RunTest):
    """However a run ends, the same command completes it to the same rows."""

    SAMPLES = 1500
    SECONDS = 4  # that a whole run takes at least: commits come about every second

    @classmethod
    def setUpClass(cls):
        cls.original = cls("test_kill")
        cls.addClassCleanup(cls.original.doCleanups)
        cls.options = ("--plan", "as-loaded", "--threads", "1", *NORMALISE)
        torch.manual_seed(9)
        duration = 0
        while duration < cls.SECONDS:
            cls.SAMPLES *= 2
            cls.original.doCleanups()
            RunTest.setUp(cls.original)
            cls.original.trace("slow.pt", Slow())
            start = time.monotonic()
            cls.original.run_models("slow.pt", options=cls.options)
            duration = time.monotonic() - start
        cls.expected = cls.original.contents()

    def setUp(self):
        super().setUp()
        self.directory = self.original.directory

    def rows(self):
        if not self.db.exists() or not self.has_schema():
            return 0
        found = self.query("SELECT done FROM run")
        return found[0][0] if found else 0

    def stop(self, number, delay, more=0):
        """A signal after `delay` seconds, then `more` rows; the exit code and how many there are."""
        process = self.start(*self.command("slow.pt"), *self.options)
        time.sleep(delay)
        target = self.rows() + more
        while self.rows() < target and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        process.communicate()
        return process.returncode, self.rows()

    def has_schema(self):
        return self.query("SELECT count(*) FROM sqlite_schema WHERE name = 'run'") == [(1,)]

    def complete(self):
        self.ebjr(*self.command("slow.pt"), *self.options)
        self.assertEqual(self.contents(), self.expected)
        self.verify()

    def test_kill(self):
        generator = random.Random(10)
        stopped = []
        for i in range(10):
            delay, more = generator.uniform(0, self.SECONDS / 8), 1 if i % 5 == 0 else 0
            code, done = self.stop(signal.SIGKILL, delay, more)
            stopped.append(done)
            if self.db.exists() and self.has_schema():
                self.verify()
        self.assertEqual(stopped, sorted(stopped))
        self.assertTrue(any(0 < done < self.SAMPLES for done in stopped), stopped)
        self.complete()

    def test_ctrl_c(self):
        code, done = self.stop(signal.SIGINT, 0, 1)
        self.assertEqual(code, 4)
        self.assertTrue(0 < done < self.SAMPLES, done)
        process = self.ebjr(*self.command("slow.pt"), *self.options)
        self.assertIn(f"{done} of {self.SAMPLES} samples are stored", process.stderr)
        self.assertEqual(self.contents(), self.expected)


class Memory(RunTest):
    CLASSES = 500

    def peak(self, samples):
        """Of the program, in KiB, as its small parent sees it."""
        generator = np.random.default_rng(samples)
        self.save("x.npy", generator.integers(0, 256, (samples, 3, 32, 32), dtype=np.uint8))
        self.save("y.npy", generator.integers(0, self.CLASSES, samples))
        self.db = self.path(f"{samples}.db")
        parent = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True,"
                  " stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);"
                  " print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        words = [EBJR, *map(os.fspath, self.command("m.pt")), "--plan", "as-loaded"]
        process = subprocess.run([sys.executable, "-c", parent, *words], cwd=self.directory,
                                 stdout=subprocess.PIPE, check=True)
        return int(process.stdout)

    def test_memory_does_not_grow_with_the_data(self):
        torch.manual_seed(11)
        self.script("m.pt", nn.Sequential(nn.Flatten(), nn.Linear(3072, self.CLASSES)))
        self.assertLess(self.peak(20000), 1.1 * self.peak(2000))


if __name__ == "__main__":
    unittest.main()
