#!/usr/bin/python3
"""A full sweep of mAP over detections of COCO's statistics, beside evaluating from scratch.

    EBJR_LIBRARY=build/libebjr.so bench/bench_coco.py [--images 5000] [--thresholds 20]

Prints how long every threshold takes incrementally (calib/coco.c), how long one does from scratch in
the same C and in the tests' plain Python (at the first --scratch of the thresholds), how long a
resample of the bootstrap does, and the largest difference of AP from the plain Python's at evenly
spread thresholds. There each image is matched once a model, which is what a match depends on.
Times are CPU time.
"""

import argparse
import pathlib
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from coco_library import Coco
from coco_reference import OVERLAPS, by_image, matched_of, of_category, precision_recall, wanted_of

CATEGORIES = 80
OBJECTS_AN_IMAGE = 7.3  # val2017: 36,781 of 5,000 images
DETECTIONS_AN_IMAGE = 100


def make_objects(rng, images):
    """Sizes as in COCO: 41 % small, 34 % medium, 24 % large; a few categories are frequent."""
    frequency = 1 / np.arange(1, CATEGORIES + 1)
    frequency /= frequency.sum()
    objects = []
    for image in range(images):
        for _ in range(rng.poisson(OBJECTS_AN_IMAGE)):
            side = np.exp(rng.normal(3.8, 1.1))
            width, height = side * np.exp(rng.normal(0, 0.3, 2))
            objects.append({"image": image, "category": int(rng.choice(CATEGORIES, p=frequency)),
                            "box": [rng.uniform(0, 600), rng.uniform(0, 450), width, height],
                            "area": width * height * rng.uniform(0.4, 1),
                            "crowd": bool(rng.random() < 0.01)})
    return objects


def detect(rng, images, objects, found, shake):
    """Each object with probability `found`, displaced; then noise of low scores up to a hundred."""
    result, count = [], np.zeros(images, int)
    for o in objects:
        if rng.random() < found:
            x, y, width, height = o["box"]
            move = rng.normal(0, shake, 4)
            result.append({"image": o["image"], "category": o["category"],
                           "box": [x + move[0] * width, y + move[1] * height,
                                   width * np.exp(move[2]), height * np.exp(move[3])],
                           "score": float(rng.beta(4, 2))})
            count[o["image"]] += 1
    for image in range(images):
        # detectors repeat the categories that they see
        seen = [d for d in range(CATEGORIES)] if count[image] == 0 else None
        for _ in range(max(0, DETECTIONS_AN_IMAGE - count[image])):
            category = int(rng.integers(CATEGORIES) if seen or rng.random() < 0.3
                           else rng.choice(10))
            width, height = np.exp(rng.normal(3.8, 1.1, 2))
            result.append({"image": image, "category": category,
                           "box": [rng.uniform(0, 600), rng.uniform(0, 450), width, height],
                           "score": float(rng.beta(1, 8))})
    return result


def average_precision(images, objects, detections):
    values = []
    for category in range(CATEGORIES):
        d, o = by_image(detections, category), by_image(objects, category)
        for least in OVERLAPS:
            result = of_category(images, d, o, least, "all", 100)
            if result is not None:
                values.append(result[0])
    return np.mean(values)


class Reference:
    """AP of cascades by the tests' plain Python, both models being matched beforehand."""

    def __init__(self, images, objects, models):
        self.categories = []
        for category in range(CATEGORIES):
            o = by_image(objects, category)
            parts = []
            for model in models:
                d = by_image(model, category)
                image = np.repeat(np.arange(images), [len(d.get(i, [])) for i in range(images)])
                parts.append((image, [matched_of(images, d, o, least, "all", 100)
                                      for least in OVERLAPS]))
            self.categories.append((wanted_of(o, "all"), parts))

    def average_precision(self, students):
        """students[images]: does the student answer?"""
        values = []
        for wanted, ((by_student, left), (by_teacher, right)) in self.categories:
            if wanted == 0:
                continue
            image = np.concatenate([by_student[students[by_student]],
                                    by_teacher[~students[by_teacher]]])
            order = np.argsort(image, kind="stable")
            for s, t in zip(left, right):
                columns = [np.concatenate([a[students[by_student]], b[~students[by_teacher]]])[order]
                           for a, b in zip(s, t)]
                values.append(precision_recall(*columns, wanted)[0])
        return np.mean(values)


def timed(function, *arguments):
    start = time.process_time()
    result = function(*arguments)
    return result, time.process_time() - start


def sweep(coco, order):
    curve = [coco.figure(0)]
    for image in order:
        coco.move(image)
        curve.append(coco.figure(0))
    return curve


def resample(coco, rng, images):
    """Seconds of a weighted AP: the median of 20, half of the images being the student's."""
    return np.median([timed(coco.weighted, 0, np.bincount(rng.integers(images, size=images),
                                                          minlength=images))[1]
                      for _ in range(20)])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--images", type=int, default=5000)
    options.add_argument("--thresholds", type=int, default=20, help="to compare at")
    options.add_argument("--scratch", type=int, default=2, help="of these from scratch, too")
    options = options.parse_args()
    images = options.images
    rng = np.random.default_rng(1)
    objects = make_objects(rng, images)
    student = detect(rng, images, objects, 0.55, 0.12)
    teacher = detect(rng, images, objects, 0.85, 0.05)
    order = rng.permutation(images)
    print(f"{images} images, {len(objects)} objects, {len(student)} + {len(teacher)} "
          f"detections, {CATEGORIES} categories")

    coco, made = timed(Coco, images, CATEGORIES, objects, student, teacher)
    curve, swept = timed(sweep, coco, order)
    print(f"matching both models {made:.2f} s (with ctypes), sweep of {len(curve)} thresholds "
          f"{swept:.2f} s, {1e3 * swept / len(curve):.3f} ms each", flush=True)
    for image in order[images // 2:]:
        coco.move(image, False)
    print(f"a resample's AP: {1e3 * resample(coco, rng, images):.2f} ms", flush=True)

    checks = np.linspace(0, images, options.thresholds).astype(int)
    scratch, plain, worst = [], [], 0.0
    for at in checks[::max(1, len(checks) // max(1, options.scratch))][:options.scratch]:
        students = set(order[:at].tolist())
        mixed = ([d for d in student if d["image"] in students]
                 + [d for d in teacher if d["image"] not in students])
        again, seconds = timed(Coco, images, CATEGORIES, objects, [], mixed)
        scratch.append(seconds + timed(again.figure, 0)[1])
        again.close()
        value, seconds = timed(average_precision, images, objects, mixed)
        plain.append(seconds)
        worst = max(worst, abs(value - curve[at]))
    if scratch:
        c, python = np.median(scratch), np.median(plain)
        print(f"from scratch: {c:.2f} s a threshold in C (with ctypes), {python:.2f} s in Python: the "
              f"sweep is {c * len(curve) / (made + swept):.0f} and "
              f"{python * len(curve) / (made + swept):.0f} times faster; largest difference "
              f"{worst:.1e}", flush=True)
    reference = Reference(images, objects, (student, teacher))
    for at in checks:
        students = np.zeros(images, bool)
        students[order[:at]] = True
        value = reference.average_precision(students)
        worst = max(worst, abs(value - curve[at]))
        print(f"  {at:6d} images by the student: AP {curve[at]:.6f}, reference {value:.6f}",
              flush=True)
    print(f"largest difference {worst:.1e}")
    sys.exit(1 if worst > 1e-12 else 0)


if __name__ == "__main__":
    main()
