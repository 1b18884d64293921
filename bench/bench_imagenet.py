#!/usr/bin/python3
"""Fifty thousand pictures in a thousand class folders, through two networks of torchvision, to a report.

    bench/bench_imagenet.py --ebjr build/ebjr [--samples 50000] [--classes 1000]

Pictures are windows of a made-up texture, tinted by class, of ImageNet's usual size, saved as JPEG
(58 kB each, in --directory, removed at the end). The networks have random weights but for the last
layer, which is fitted to --fitted of the pictures. Lines as of bench_huge.py. Needs torchvision, Pillow.
"""

import argparse
import os
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from bench_huge import HEADER, measure

WIDTH, HEIGHT = 500, 375
NETWORKS = {"small": "shufflenet_v2_x0_5", "large": "shufflenet_v2_x1_0"}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def texture(generator, side=2048):
    """Noise of many sizes."""
    total = np.zeros((side, side), np.float32)
    for size in (8, 32, 128, 512, side):
        noise = Image.fromarray(generator.standard_normal((size, size)).astype(np.float32))
        total += np.asarray(noise.resize((side, side), Image.BICUBIC)) * size ** -0.3
    return total / total.std()


def save_classes(directory, classes, count, ground):
    for c in classes:
        generator = np.random.default_rng(c)
        folder = directory / f"{c:04d}"
        folder.mkdir(parents=True)
        tint = np.random.default_rng([c, 1]).uniform(60, 190, 3)
        grain = np.random.default_rng([c, 2]).uniform(10, 50, 3)
        for i in range(count):
            y, x = generator.integers(0, len(ground) - WIDTH, 2)
            window = ground[y:y + HEIGHT, x:x + WIDTH, None]
            colour = tint + generator.normal(0, 8, 3)
            pixels = np.clip(colour + grain * window, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{i:03d}.jpg", quality=90)


def save_pictures(directory, samples, classes):
    ground = texture(np.random.default_rng(0))
    workers = os.cpu_count()
    with ProcessPoolExecutor(workers) as pool:
        parts = [pool.submit(save_classes, directory, range(w, classes, workers), samples // classes, ground)
                 for w in range(workers)]
        for part in parts:
            part.result()


def save_networks(directory, pictures, fitted):
    """TorchScript of the networks, the last layer by ridge regression onto the classes."""
    import torch
    import torchvision
    from torchvision import transforms
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    folder = torchvision.datasets.ImageFolder(pictures, transforms.Compose([
        transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
        transforms.Normalize(MEAN, STD)]))
    chosen = torch.randperm(len(folder))[:fitted].tolist()
    batches = torch.utils.data.DataLoader(torch.utils.data.Subset(folder, chosen), 50)
    for name, network in NETWORKS.items():
        model = getattr(torchvision.models, network)(num_classes=len(folder.classes))
        head, model.fc = model.fc, torch.nn.Identity()
        for (images, _), _ in zip(batches, range(20)):
            model(images)  # in training: batch norm learns what is usual
        model.eval()
        features, labels = map(torch.cat, zip(*((model(x), y) for x, y in batches)))
        wanted = torch.nn.functional.one_hot(labels, len(folder.classes)).double()
        features = features.double()
        mean = features.mean(0)
        square = (features - mean).T @ (features - mean)
        square += 1e-2 * square.diagonal().mean() * torch.eye(len(mean))
        weight = 20 * torch.linalg.solve(square, (features - mean).T @ wanted).T
        head.weight.copy_(weight)
        head.bias.copy_(-weight @ mean)
        model.fc = head
        torch.jit.script(model).save(str(directory / f"{name}.pt"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ebjr", default="ebjr")
    parser.add_argument("--directory", type=Path, help="where all is made (default TMPDIR)")
    parser.add_argument("--samples", type=int, default=50000)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--fitted", type=int, default=4000)
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="ebjr-imagenet-", dir=options.directory))
    try:
        pictures = directory / "pictures"
        save_pictures(pictures, options.samples, options.classes)
        size = sum(file.stat().st_size for file in pictures.rglob("*.jpg"))
        print(f"# {size / options.samples / 1000:.0f} kB a picture", flush=True)
        save_networks(directory, pictures, options.fitted)
        store = directory / "store.db"
        row = (str(options.samples), str(options.classes))
        print(HEADER, flush=True)
        for name in NETWORKS:
            measure((*row, f"run {name}", ""), options.ebjr, "run", "--db", store, "--dataset",
                    f"images:{pictures}", "--preset", "imagenet", "--model", directory / f"{name}.pt",
                    out=directory / "said")
            print((directory / "said").read_text(), flush=True)
        print(f"# {store.stat().st_size / 1e6:.0f} MB of store", flush=True)
        cascade = ("--db", store, "--student", "small", "--teacher", "large")
        tasks = {
            "sweep, 100 points": ("sweep", "--points", "100"),
            "sweep, all scores": ("sweep", "--score", "all"),
            "pick, best score": ("pick", "--max-drop", "0.01"),
            "report": ("report", "--out", directory / "report.html"),
        }
        for what, (command, *rest) in tasks.items():
            measure((*row, f'"{what}"', ""), options.ebjr, command, *cascade, *rest)
        print(f"# {(directory / 'report.html').stat().st_size / 1000:.0f} kB of report", flush=True)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
