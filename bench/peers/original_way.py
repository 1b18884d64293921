#!/usr/bin/env python3
"""The original's way through a cascade: PyTorch eager, one sample at a time, first the student and
then, where its softmax-energy is below the threshold, the teacher. Prints JSON.

Inputs are preprocessed before; a time is that from an input to the answer's class."""
import argparse
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))
from cifar import read_images, report, softmax_energy, summary
from densenet import DenseNetBC
from export import load_weights


def densenet(text: str) -> torch.nn.Module:
    depth, growth_rate, checkpoint = text.split(",", 2)
    model = DenseNetBC(depth=int(depth), growth_rate=int(growth_rate), classes=10)
    load_weights(model, Path(checkpoint))
    return model.eval()


@torch.no_grad()
def answer(student, teacher, threshold: float, sample: torch.Tensor) -> tuple[int, bool]:
    logits = student(sample)
    deferred = softmax_energy(logits).item() < threshold
    if deferred:
        logits = teacher(sample)
    return logits.argmax(1).item(), deferred


@torch.no_grad()
def fill(student, teacher, inputs: torch.Tensor, batch: int) -> None:
    seconds = []
    for model in (student, teacher):
        model(inputs[:batch])
        begin = time.perf_counter()
        for block in inputs.split(batch):
            model(block)
        seconds.append(time.perf_counter() - begin)
    report(by="PyTorch eager", scenario="fill", n=len(inputs), student_s=seconds[0],
           teacher_s=seconds[1], mean_ns=1e9 * sum(seconds) / len(inputs),
           samples_per_s=len(inputs) / sum(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    model = {"type": densenet, "required": True, "metavar": "DEPTH,GROWTH,CHECKPOINT"}
    parser.add_argument("--student", **model)
    parser.add_argument("--teacher", **model)
    parser.add_argument("--images", type=Path, required=True, help="test_batch.bin of CIFAR-10")
    parser.add_argument("--threshold", type=float, default=2.46)
    parser.add_argument("--samples", type=int, help="the first so many (default: all)")
    parser.add_argument("--warm-up", type=int, default=50, help="samples before (default: 50)")
    parser.add_argument("--threads", type=int, help="default: PyTorch's own")
    parser.add_argument("--fill", type=int, metavar="BATCH",
                        help="send all images through both models, in batches, instead")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)

    inputs, labels = read_images(args.images, args.samples)
    if args.fill:
        fill(args.student, args.teacher, inputs, args.fill)
        return
    for i in range(args.warm_up):  # with both models
        answer(args.student, args.teacher, float("inf"), inputs[i % len(inputs)][None])
    times, right, deferred = [], 0, 0
    begin = time.perf_counter_ns()
    for i, label in enumerate(labels):
        start = time.perf_counter_ns()
        prediction, by_teacher = answer(args.student, args.teacher, args.threshold,
                                        inputs[i][None])
        times.append(time.perf_counter_ns() - start)
        right += prediction == label
        deferred += by_teacher
    wall = time.perf_counter_ns() - begin
    n = len(times)
    report(by="PyTorch eager", scenario="single", n=n, dropped=args.warm_up,
           teacher_rate=deferred / n, accuracy=right / n, **summary(times),
           samples_per_s=1e9 * n / wall)


if __name__ == "__main__":
    main()
