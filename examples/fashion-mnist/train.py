#!/usr/bin/env python3
"""Train the default pair on Fashion-MNIST, or its specialist, and write TorchScript.

Writes student.pt, teacher.pt and train.log to --out; with --specialist instead
specialist.pt, specialist.classes and specialist.log. The last 5,000 training images
are held out for every choice made on the way; the test images are read once a model,
after its last epoch.
"""

import argparse
import gzip
import io
import math
import os
import platform
import time
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models import Student, Teacher

MEAN, STD = 0.2860, 0.3530
HELD_OUT = 5000
SHIFT = 1
INPUT = (1, 28, 28)
CLASSES = 10
POPULAR = (0, 1, 2, 3)  # the specialist's outputs, in order; one more output is "other"
OTHER = len(POPULAR)


def read_idx(path: Path) -> Tensor:
    """Read a gzipped IDX file of bytes: two zeros, type 8, the rank, big-endian sizes, data."""
    raw = gzip.decompress(path.read_bytes())
    if raw[:3] != b"\0\0\x08":
        raise SystemExit(f"{path}: not an IDX file of bytes")
    rank = raw[3]
    shape = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(rank)]
    return torch.frombuffer(bytearray(raw[4 + 4 * rank:]), dtype=torch.uint8).reshape(shape)


def read_split(directory: Path, split: str) -> tuple[Tensor, Tensor]:
    images = read_idx(directory / f"{split}-images-idx3-ubyte.gz")
    labels = read_idx(directory / f"{split}-labels-idx1-ubyte.gz")
    return images, labels.long()


def specialise(labels: Tensor) -> Tensor:
    """The specialist's output for every label: its place in POPULAR, or OTHER."""
    outputs = torch.full((CLASSES,), OTHER)
    outputs[list(POPULAR)] = torch.arange(OTHER)
    return outputs[labels]


def normalise(images: Tensor) -> Tensor:
    x = (images.float() / 255 - MEAN) / STD
    return x.unsqueeze(1).contiguous(memory_format=torch.channels_last)


def augment(images: Tensor) -> Tensor:
    """Shift every image by up to SHIFT pixels each way over black, and flip half of them."""
    n, height, width = images.shape
    rows = torch.arange(height) + torch.randint(2 * SHIFT + 1, (n, 1))
    columns = torch.arange(width) + torch.randint(2 * SHIFT + 1, (n, 1))
    columns = torch.where(torch.rand(n, 1) < 0.5, columns.flip(1), columns)
    padded = F.pad(images, (SHIFT,) * 4)
    return padded[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


@torch.no_grad()
def infer(model: nn.Module, images: Tensor) -> Tensor:
    model.eval()
    return torch.cat([model(normalise(part)) for part in images.split(500)])


def score(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy and accuracy in per cent."""
    correct = (logits.argmax(1) == labels).sum().item()
    return F.cross_entropy(logits, labels).item(), 100 * correct / len(labels)


def report_specialist(logits: Tensor, labels: Tensor, log) -> None:
    """What the specialist makes of the test images of each side, in per cent of that side."""
    answers = logits.argmax(1)
    popular = labels != OTHER
    called_other = answers == OTHER

    def share(what: Tensor) -> str:
        return f"{100 * what.sum().item() / len(what):.2f}"

    log(f"popular test images {popular.sum()}  accuracy {share((answers == labels)[popular])}"
        f"  called other {share(called_other[popular])}")
    log(f"other test images {(~popular).sum()}  called popular {share(~called_other[~popular])}")
    log(f"all test images {len(labels)}  called other {share(called_other)}")


def count(model: nn.Module) -> tuple[int, int]:
    """Operations of one sample: all counted modules, and convolutions and linears only.

    Convolutions and linears count multiply-adds (a linear's bias once more in the first),
    ReLU its elements, pooling its window at every output.
    """
    operations, macs = 0, 0

    def hook(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal operations, macs
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            fan_in = module.weight[0].numel()
            macs += output.numel() * fan_in
            operations += output.numel() * fan_in
            operations += 0 if module.bias is None else module.bias.numel()
        elif isinstance(module, nn.ReLU):
            operations += output.numel()
        elif isinstance(module, nn.AvgPool2d):
            operations += output.numel() * module.kernel_size ** 2

    hooks = [module.register_forward_hook(hook) for module in model.modules()]
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, *INPUT))
    for handle in hooks:
        handle.remove()
    return operations, macs


def train(model: nn.Module, images: Tensor, labels: Tensor, held: tuple[Tensor, Tensor],
          options: argparse.Namespace, log) -> None:
    """SGD with Nesterov momentum; the rate rises for a fifth of the steps, then falls to 0."""
    decay = [p for p in model.parameters() if p.dim() > 1]
    no_decay = [p for p in model.parameters() if p.dim() == 1]
    optimiser = torch.optim.SGD(
        [{"params": decay, "weight_decay": options.weight_decay}, {"params": no_decay}],
        lr=options.rate, momentum=0.9, nesterov=True)
    steps = math.ceil(len(images) / options.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=options.rate, total_steps=options.epochs * steps,
        pct_start=0.2, cycle_momentum=False)
    for epoch in range(1, options.epochs + 1):
        started = time.monotonic()
        model.train()
        total_loss, correct = 0.0, 0
        for chosen in torch.randperm(len(images)).split(options.batch):
            target = labels[chosen]
            logits = model(normalise(augment(images[chosen])))
            loss = F.cross_entropy(logits, target)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            total_loss += loss.item() * len(chosen)
            correct += (logits.argmax(1) == target).sum().item()
        held_loss, held_accuracy = score(infer(model, held[0]), held[1])
        log(f"epoch {epoch:3d}  train loss {total_loss / len(images):.4f}"
            f"  train accuracy {100 * correct / len(images):6.2f}"
            f"  held-out loss {held_loss:.4f}  held-out accuracy {held_accuracy:6.2f}"
            f"  seconds {time.monotonic() - started:6.1f}")


def save(model: nn.Module, path: Path) -> None:
    """Save as TorchScript, without the debug records: they hold paths of this machine."""
    scripted = io.BytesIO()
    torch.jit.save(torch.jit.script(model.eval()), scripted)
    with zipfile.ZipFile(scripted) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            if not name.endswith(".debug_pkl"):
                target.writestr(zipfile.ZipInfo(name), source.read(name))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Train the default pair on Fashion-MNIST, or its specialist, and write"
        " TorchScript.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"),
        help="directory of the four *-ubyte.gz files")
    add("--out", type=Path, default=Path("."), help="directory to write to")
    add("--specialist", action="store_true",
        help="train the student that knows only the popular classes, instead of the pair")
    add("--threads", type=int, default=os.cpu_count(), help="threads of a tensor operation")
    add("--epochs", type=int, default=20, help="passes over the training images")
    add("--batch", type=int, default=128, help="images a step")
    add("--rate", type=float, default=0.1, help="highest learning rate")
    add("--weight-decay", type=float, default=5e-4, help="on the weights, not on norms or biases")
    add("--seed", type=int, default=2021, help="of the initial weights, order and augmentation")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    images, labels = read_split(options.data, "train")
    test = read_split(options.data, "t10k")
    held = images[-HELD_OUT:], labels[-HELD_OUT:]
    images, labels = images[:-HELD_OUT], labels[:-HELD_OUT]

    runs = (("student", Student, CLASSES), ("teacher", Teacher, CLASSES))
    log_name = "train.log"
    if options.specialist:
        test = test[0], specialise(test[1])
        held = held[0], specialise(held[1])
        labels = specialise(labels)
        runs = (("specialist", Student, OTHER + 1),)
        log_name = "specialist.log"

    with open(options.out / log_name, "w", encoding="utf-8") as file:
        def log(line: str) -> None:
            print(line, flush=True)
            print(line, file=file, flush=True)

        log(f"python {platform.python_version()}  torch {torch.__version__}"
            f"  threads {options.threads}")
        log(f"data Fashion-MNIST  train {len(images)}  held out {HELD_OUT} (the last of the"
            f" training file)  test {len(test[0])} (read once a model, after its last epoch)")
        log(f"input {'x'.join(map(str, INPUT))}  pixel/255, mean {MEAN}, std {STD}")
        log(f"augmentation shift by up to {SHIFT} pixel each way, horizontal flip")
        log(f"SGD Nesterov 0.9  batch {options.batch}  one-cycle rate {options.rate}"
            f"  weight decay {options.weight_decay}  epochs {options.epochs}"
            f"  label smoothing 0  seed {options.seed}")
        if options.specialist:
            log(f"outputs {' '.join(map(str, POPULAR))} other")
        for name, architecture, classes in runs:
            started = time.monotonic()
            torch.manual_seed(options.seed)
            model = architecture(classes).to(memory_format=torch.channels_last)
            operations, macs = count(model)
            log(f"\n{name}  parameters {sum(p.numel() for p in model.parameters())}"
                f"  FLOPs {2 * operations} (2 x all counted modules)"
                f"  {2 * macs} (2 x multiply-adds of convolutions and linears)")
            train(model, images, labels, held, options, log)
            logits = infer(model, test[0])
            loss, accuracy = score(logits, test[1])
            log(f"{name}  test loss {loss:.4f}  test accuracy {accuracy:.2f}"
                f"  seconds {time.monotonic() - started:.0f}")
            if options.specialist:
                report_specialist(logits, test[1], log)
            save(model.to(memory_format=torch.contiguous_format), options.out / f"{name}.pt")
    if options.specialist:
        names = "\n".join([*map(str, POPULAR), "other", ""])
        (options.out / "specialist.classes").write_text(names, encoding="utf-8")


if __name__ == "__main__":
    main()
