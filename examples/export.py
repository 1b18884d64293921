#!/usr/bin/env python3
"""Export a PyTorch model to the file that `ebjr run --model` reads."""

import argparse
import ast
import importlib
import io
import os
import pickle
import pickletools
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from densenet import DenseNetBC

DESCRIPTION = """\
Export a PyTorch model to TorchScript, or compile it to an AOTInductor package, and check
the file against the model before it takes its place.

The weights come from a checkpoint (a state dict, or a dictionary that holds one under
'state_dict') which is read without running any code that it may carry."""

EXAMPLES = """\
examples:
  a student of the original experiments
    export.py --arch densenet-bc --depth 52 --growth-rate 6 --classes 10 \\
        --checkpoint cifar10-densenet-bc-52-6.pth.tar --out student.pt

  a torchvision model, weights downloaded by torchvision
    export.py --arch torchvision.models:resnet18 --arg weights=IMAGENET1K_V1 --out teacher.pt

  your own: the function or class `small` of nets.py in the current directory
    export.py --arch nets:small --arg classes=10 --input 1x28x28 \\
        --checkpoint small.pth --out student.pt

  machine code for this CPU, by PyTorch 2.6 or newer and a C++ compiler
    export.py --arch nets:small --arg classes=10 --input 1x28x28 \\
        --checkpoint small.pth --method compile --out student.pt2

exit status: 0 exported, 1 failed (nothing is written), 2 wrong usage"""

METHODS = {"script": "torch.jit.script", "trace": "torch.jit.trace", "compile": "AOTInductor"}
TRACE_BATCH = 2
CHECK_BATCHES = (1, 5)
TOLERANCE = 1e-4


class ExportError(Exception):
    """What went wrong, where, and what to do about it."""


def build_model(arch: str, arguments: dict) -> nn.Module:
    """Call the factory `arch` names: densenet-bc, or module:factory."""
    if arch == "densenet-bc":
        factory = DenseNetBC
    else:
        module_name, _, factory_name = arch.partition(":")
        try:
            factory = getattr(importlib.import_module(module_name), factory_name)
        except AttributeError:
            raise ExportError(f"--arch {arch}: {module_name} has no {factory_name}")
        except Exception as error:
            raise ExportError(f"--arch {arch}: cannot import {module_name}: {error}; a module of "
                              "your own must lie in the current directory or on PYTHONPATH")
    try:
        model = factory(**arguments)
    except Exception as error:
        raise ExportError(f"--arch {arch}: the factory failed with arguments {arguments}: {error}")
    if not isinstance(model, nn.Module):
        raise ExportError(f"--arch {arch}: gave a {type(model).__name__}, not a torch.nn.Module")
    return model.cpu().eval()


def without_floats(path: Path) -> io.BytesIO:
    """A copy of a checkpoint with every bare float replaced by None.

    The safe loader of torch 1.13 refuses floats, which checkpoints keep beside the weights
    (accuracies, the optimiser's settings). The weights themselves are not in the pickle.
    """
    copy = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w") as target:
        for name in source.namelist():
            record = source.read(name)
            if name.endswith("/data.pkl"):
                opcodes = list(pickletools.genops(record))
                ends = [position for _, _, position in opcodes[1:]] + [len(record)]
                record = b"".join(
                    pickle.NONE if opcode.name == "BINFLOAT" else record[position:end]
                    for (opcode, _, position), end in zip(opcodes, ends))
            target.writestr(name, record)
    copy.seek(0)
    return copy


def load_safely(path: Path) -> object:
    """torch.load of tensors and plain containers only, with no way round that."""
    try:
        if tarfile.is_tarfile(path):
            # torch before 2.6 does not keep `weights_only` for these (CVE-2025-32434).
            raise ExportError(f"{path}: a tar archive, the format before torch 0.2, which cannot "
                              "be read safely; save the weights again with a newer torch")
        is_zip = zipfile.is_zipfile(path)
        if is_zip and any(name.endswith("/constants.pkl")
                          for name in zipfile.ZipFile(path).namelist()):
            raise ExportError(f"{path}: is TorchScript already; give it to ebjr as it is")
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:
            if not is_zip:
                raise
            return torch.load(without_floats(path), map_location="cpu", weights_only=True)
    except ExportError:
        raise
    except OSError as error:
        raise ExportError(f"{path}: {error.strerror or error}")
    except Exception as error:
        reason = str(error).rpartition("WeightsUnpickler error: ")[2].strip().split("\n")[0]
        raise ExportError(
            f"{path}: not a checkpoint that can be read safely ({type(error).__name__}: {reason}); "
            "try a newer torch, or save only the weights: torch.save(model.state_dict(), FILE)")


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The named tensors of a checkpoint, without the prefix that nn.DataParallel adds."""
    checkpoint = load_safely(path)
    state = checkpoint.get("state_dict", checkpoint) if isinstance(checkpoint, dict) else None
    if not isinstance(state, dict) or not state:
        raise ExportError(f"{path}: holds no state dict, neither bare nor under 'state_dict'")
    foreign = [str(key) for key, value in state.items()
               if not (isinstance(key, str) and isinstance(value, Tensor))]
    if foreign:
        raise ExportError(f"{path}: not a state dict, these entries are not named tensors: "
                          + ", ".join(foreign[:8]) + (", ..." if len(foreign) > 8 else ""))
    return {key.removeprefix("module."): value for key, value in state.items()}


def load_weights(model: nn.Module, path: Path) -> None:
    """Load a checkpoint into the model; every key and shape must agree.

    Only the step counters of batch norm may be missing: they do not matter for inference,
    and checkpoints from before torch 0.4.1 lack them.
    """
    given, wanted = read_state_dict(path), model.state_dict()
    problems = [f"  missing     {key} {tuple(wanted[key].shape)}" for key in wanted
                if key not in given and not key.endswith("num_batches_tracked")]
    problems += [f"  unexpected  {key} {tuple(given[key].shape)}" for key in given
                 if key not in wanted]
    problems += [f"  wrong shape {key} {tuple(given[key].shape)}, the model has "
                 f"{tuple(wanted[key].shape)}" for key in wanted
                 if key in given and given[key].shape != wanted[key].shape]
    if problems:
        shown = problems[:20] + [f"  ... and {len(problems) - 20} more"] * (len(problems) > 20)
        raise ExportError("\n".join([f"{path}: does not fit the model", *shown,
                                     "check --arch and its options (depth, width, classes)"]))
    model.load_state_dict(given, strict=False)


@torch.no_grad()
def check(model: nn.Module, exported: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> float:
    """Greatest difference between the model's logits and the exported module's."""
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for batch in CHECK_BATCHES:
        x = torch.randn(batch, *shape, generator=generator)
        expected, got = model(x), exported(x)
        for logits in (expected, got):
            if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != batch:
                form = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
                raise ExportError(f"a batch of {batch} gives {form}, not one tensor of "
                                  "(batch, classes)")
        if expected.shape != got.shape:
            raise ExportError(f"a batch of {batch} gives {tuple(got.shape)}, the model gives "
                              f"{tuple(expected.shape)}")
        difference = (expected - got).abs().max().item()
        if not difference <= TOLERANCE * max(1.0, expected.abs().max().item()):
            raise ExportError(f"a batch of {batch} differs from the model by {difference:.3g}")
        worst = max(worst, difference)
    return worst


@torch.no_grad()
def compile_package(model: nn.Module, shape: tuple[int, ...], path: Path) -> None:
    """An AOTInductor package for batches of any size, executed by as many threads as asked for.

    Its code does not check its inputs; ebjr does, by what the metadata say.
    """
    try:
        from torch._inductor import aoti_compile_and_package
    except ImportError:
        raise ExportError(f"PyTorch {torch.__version__} compiles no packages; 2.6 or newer does")
    batch = {0: torch.export.Dim("batch", min=1)}
    program = torch.export.export(model, (torch.randn(TRACE_BATCH, *shape),),
                                  dynamic_shapes=(batch,))
    aoti_compile_and_package(program, package_path=str(path), inductor_configs={
        "aot_inductor.metadata": {"ebjr_input": "x".join(map(str, ("N", *shape)))},
        "cpp.dynamic_threads": True})


def write(model: nn.Module, method: str, shape: tuple[int, ...], path: Path) -> None:
    if method == "compile":
        compile_package(model, shape, path)
        return
    if method == "script":
        module = torch.jit.script(model)
    else:
        with torch.no_grad():
            module = torch.jit.trace(model, torch.randn(TRACE_BATCH, *shape), check_trace=False)
    module.save(str(path), _extra_files={"pytorch": torch.__version__})


def read(method: str, path: Path) -> Callable[[Tensor], Tensor]:
    if method == "compile":
        return torch._inductor.aoti_load_package(str(path))
    return torch.jit.load(str(path))


def export(model: nn.Module, out: Path, shape: tuple[int, ...], methods: list[str]) -> None:
    """Write `model` to `out` by the first method whose saved file agrees with the model."""
    try:
        with torch.no_grad():
            model(torch.zeros(TRACE_BATCH, *shape))
    except Exception as error:
        raise ExportError(f"the model does not take an input of {'x'.join(map(str, shape))}: "
                          f"{summary(error)}; give the shape of one sample with --input")
    failures = []
    for method in methods:
        with tempfile.TemporaryDirectory(prefix=".export-", dir=out.parent) as directory:
            candidate = Path(directory) / out.name
            try:
                write(model, method, shape, candidate)
                difference = check(model, read(method, candidate), shape)
            except Exception as error:
                failures.append(f"{METHODS[method]}: {summary(error)}")
                continue
            os.replace(candidate, out)
        for failure in failures:
            print(failure, file=sys.stderr)
        batches = " and ".join(map(str, CHECK_BATCHES))
        print(f"{out}: by {METHODS[method]}, {out.stat().st_size} bytes, greatest difference "
              f"{difference:.3g} on random batches of {batches}")
        return
    raise ExportError("\n".join(["the model cannot be exported, nothing is written", *(
        f"  {failure}" for failure in failures)]))


def summary(error: Exception) -> str:
    """The line of a message that tells: the first, or the last where TorchScript ran."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return lines[-1] if "TorchScript interpreter" in lines[0] else lines[0].rstrip(":")


def parse_shape(text: str) -> tuple[int, ...]:
    shape = tuple(int(size) for size in text.split("x"))
    if min(shape) < 1:
        raise ValueError
    return shape


def parse_argument(text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise argparse.ArgumentTypeError(f"'{text}' is not key=value")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def parse_options(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="export.py", description=DESCRIPTION, epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    parse_shape.__name__ = "shape"
    add("--arch", required=True, metavar="NAME",
        help="densenet-bc, or module:factory for any function or class that gives a model")
    add("--depth", type=int, metavar="N", help="of densenet-bc: 6 n + 4 layers")
    add("--growth-rate", type=int, metavar="N", help="of densenet-bc: channels a layer adds")
    add("--classes", type=int, metavar="N", help="of densenet-bc (10)")
    add("--arg", action="append", default=[], type=parse_argument, metavar="KEY=VALUE",
        help="passed to module:factory, as a Python literal or else a string; repeatable")
    add("--checkpoint", type=Path, metavar="FILE",
        help="the weights; without it, those the factory gives")
    add("--input", type=parse_shape, metavar="CxHxW",
        help="shape of one sample (3x32x32 for densenet-bc, else 3x224x224)")
    add("--method", choices=("auto", *METHODS), default="auto",
        help="auto: script, and trace where scripting fails; compile: an AOTInductor package")
    add("--out", type=Path, required=True, metavar="FILE",
        help="the TorchScript file, or the package (.pt2), to write")
    options = parser.parse_args(words)
    if options.method == "compile" and options.out.suffix != ".pt2":
        parser.error(f"--out {options.out}: the name of a package ends in .pt2")
    own = {"depth": options.depth, "growth_rate": options.growth_rate, "classes": options.classes}
    if options.arch == "densenet-bc":
        if options.depth is None or options.growth_rate is None:
            parser.error("--arch densenet-bc needs --depth and --growth-rate")
        if options.arg:
            parser.error("--arg is for --arch module:factory")
        options.arguments = own | {"classes": 10 if options.classes is None else options.classes}
    else:
        if not all(options.arch.partition(":")):
            parser.error(f"--arch {options.arch}: neither densenet-bc nor module:factory")
        if any(value is not None for value in own.values()):
            parser.error("--depth, --growth-rate and --classes are of densenet-bc; use --arg")
        options.arguments = dict(options.arg)
    options.input = options.input or ((3, 32, 32) if options.arch == "densenet-bc"
                                      else (3, 224, 224))
    return options


def main() -> int:
    options = parse_options()
    sys.path.insert(0, os.getcwd())
    try:
        if not options.out.parent.is_dir():
            raise ExportError(f"{options.out}: the directory {options.out.parent} does not exist")
        model = build_model(options.arch, options.arguments)
        if options.checkpoint:
            load_weights(model, options.checkpoint)
        else:
            print("no --checkpoint: the weights are those that the factory gives "
                  "(random, unless it loads some)", file=sys.stderr)
        methods = ["script", "trace"] if options.method == "auto" else [options.method]
        export(model, options.out, options.input, methods)
    except (ExportError, OSError) as error:
        print(f"export.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
