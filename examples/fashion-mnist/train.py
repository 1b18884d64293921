#!/usr/bin/env python3
"""Train the default pair on Fashion-MNIST and write it as TorchScript.

Writes student.pt, teacher.pt and train.log to --out. The last 5,000 training images
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
def evaluate(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy and accuracy in per cent."""
    model.eval()
    logits = torch.cat([model(normalise(part)) for part in images.split(500)])
    correct = (logits.argmax(1) == labels).sum().item()
    return F.cross_entropy(logits, labels).item(), 100 * correct / len(labels)


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
        held_loss, held_accuracy = evaluate(model, *held)
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
        description="Train the default pair on Fashion-MNIST and write it as TorchScript.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"),
        help="directory of the four *-ubyte.gz files")
    add("--out", type=Path, default=Path("."), help="directory to write to")
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

    with open(options.out / "train.log", "w", encoding="utf-8") as file:
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
        for name, architecture in (("student", Student), ("teacher", Teacher)):
            started = time.monotonic()
            torch.manual_seed(options.seed)
            model = architecture().to(memory_format=torch.channels_last)
            operations, macs = count(model)
            log(f"\n{name}  parameters {sum(p.numel() for p in model.parameters())}"
                f"  FLOPs {2 * operations} (2 x all counted modules)"
                f"  {2 * macs} (2 x multiply-adds of convolutions and linears)")
            train(model, images, labels, held, options, log)
            loss, accuracy = evaluate(model, *test)
            log(f"{name}  test loss {loss:.4f}  test accuracy {accuracy:.2f}"
                f"  seconds {time.monotonic() - started:.0f}")
            save(model.to(memory_format=torch.contiguous_format), options.out / f"{name}.pt")


if __name__ == "__main__":
    main()
