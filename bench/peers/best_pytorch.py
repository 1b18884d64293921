#!/usr/bin/env python3
"""The fastest way through both models that PyTorch has to offer: TorchScript in batches, frozen or
optimised for inference, channels first or last; what is fastest is found by trying. Prints JSON.

By default both models' outputs are filled in for all images. With --threshold, the cascade answers:
the student sees all, the teacher, in batches, what the student's softmax-energy leaves to it.
Loading, preprocessing and the search are not timed. Where other programs use the cores too, say
OMP_WAIT_POLICY=passive: threads that spin for each other lose most of their time there."""
import argparse
import itertools
import os
import time
from pathlib import Path

import numpy as np
import torch

from cifar import read_images, report, softmax_energy

WAYS = ("frozen", "optimized")
FORMATS = {"channels-first": torch.contiguous_format, "channels-last": torch.channels_last}


class Plan:
    """A model executed in one way, in batches of one size."""

    def __init__(self, path: Path, way: str, order: str, batch: int):
        model = torch.jit.load(str(path)).eval().to(memory_format=FORMATS[order])
        model = torch.jit.freeze(model)
        self.model = torch.jit.optimize_for_inference(model) if way == "optimized" else model
        self.format, self.batch, self.name = FORMATS[order], batch, f"{way}, {order}, batch {batch}"

    def run(self, inputs: torch.Tensor) -> torch.Tensor:
        inputs = inputs.contiguous(memory_format=self.format)
        return torch.cat([self.model(block) for block in inputs.split(self.batch)])

    def time(self, inputs: torch.Tensor) -> float:
        begin = time.perf_counter()
        self.run(inputs)
        return time.perf_counter() - begin


def find_best(path: Path, inputs: torch.Tensor, batches: list[int], rounds: int) -> Plan:
    """Plans take turns on the same inputs; the smallest median wins. Some fail: they are left out."""
    times = {}
    for way, order, batch in itertools.product(WAYS, FORMATS, batches):
        try:
            plan = Plan(path, way, order, batch)
            for _ in range(3):  # TorchScript profiles, then optimises
                plan.run(inputs[:batch])
            times[plan] = [plan.time(inputs)]
        except RuntimeError:
            continue
    best = min(map(min, times.values()))
    times = {plan: own for plan, own in times.items() if min(own) < 1.5 * best}
    for _, plan in itertools.product(range(rounds), list(times)):
        times[plan].append(plan.time(inputs))
    return min(times, key=lambda plan: np.median(times[plan]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", type=Path, required=True, help="TorchScript")
    parser.add_argument("--teacher", type=Path, required=True, help="TorchScript")
    parser.add_argument("--images", type=Path, required=True, help="test_batch.bin of CIFAR-10")
    parser.add_argument("--threshold", type=float, help="route by it (default: fill both)")
    parser.add_argument("--samples", type=int, help="the first so many (default: all)")
    parser.add_argument("--batch", type=int, nargs="+", default=[16, 32, 64, 128, 256],
                        help="to try (default: 16 32 64 128 256)")
    parser.add_argument("--rounds", type=int, default=4, help="of the search (default: 4)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)),
                        help="default: all cores")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    inputs, labels = read_images(args.images, args.samples)
    with torch.inference_mode():
        trial = inputs[:max(512, max(args.batch))]
        student, teacher = (find_best(path, trial, args.batch, args.rounds)
                            for path in (args.student, args.teacher))
        begin = time.perf_counter()
        logits = student.run(inputs)
        student_s = time.perf_counter() - begin
        if args.threshold is None:
            deferred = torch.ones(len(labels), dtype=torch.bool)
        else:
            deferred = softmax_energy(logits) < args.threshold
        if deferred.any():
            logits[deferred] = teacher.run(inputs[deferred])
        right = (logits.argmax(1).numpy() == labels).mean()
        wall = time.perf_counter() - begin
    n = len(labels)
    report(by="PyTorch TorchScript", scenario="fill" if args.threshold is None else "offline", n=n,
           teacher_rate=deferred.float().mean().item(), accuracy=float(right),
           mean_ns=1e9 * wall / n, samples_per_s=n / wall, student_s=student_s,
           teacher_s=wall - student_s, student_plan=student.name, teacher_plan=teacher.name)


if __name__ == "__main__":
    main()
