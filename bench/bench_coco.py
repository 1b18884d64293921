#!/usr/bin/python3
"""A full sweep of mAP over detections of COCO's statistics, beside evaluating from scratch.

    EBJR_LIBRARY=build/libebjr.so bench/bench_coco.py [--images 5000] [--thresholds 20]

Prints how long every threshold takes incrementally (calib/coco.c), how long one does from scratch in
the same C and in the tests' plain Python, and the largest difference of AP at evenly spread
thresholds.
"""

import argparse
import pathlib
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from coco_library import Coco
from coco_reference import OVERLAPS, by_image, of_category

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


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--images", type=int, default=5000)
    options.add_argument("--thresholds", type=int, default=20, help="to compare at")
    options = options.parse_args()
    rng = np.random.default_rng(1)
    objects = make_objects(rng, options.images)
    student = detect(rng, options.images, objects, 0.55, 0.12)
    teacher = detect(rng, options.images, objects, 0.85, 0.05)
    order = rng.permutation(options.images)
    print(f"{options.images} images, {len(objects)} objects, {len(student)} + {len(teacher)} "
          f"detections, {CATEGORIES} categories")

    start = time.process_time()
    coco = Coco(options.images, CATEGORIES, objects, student, teacher)
    made = time.process_time() - start
    start = time.process_time()
    curve = [coco.figure(0)]
    for image in order:
        coco.move(image)
        curve.append(coco.figure(0))
    swept = time.process_time() - start
    print(f"matching both models {made:.2f} s (with ctypes), sweep of {len(curve)} thresholds "
          f"{swept:.2f} s, {1e3 * swept / len(curve):.3f} ms each")

    checks = np.linspace(0, options.images, options.thresholds).astype(int)
    scratch, plain, worst = [], [], 0.0
    for at in checks:
        students = set(order[:at].tolist())
        mixed = ([d for d in student if d["image"] in students]
                 + [d for d in teacher if d["image"] not in students])
        start = time.process_time()
        again = Coco(options.images, CATEGORIES, objects, [], mixed)
        again.figure(0)
        scratch.append(time.process_time() - start)
        again.close()
        start = time.process_time()
        value = average_precision(options.images, objects, mixed)
        plain.append(time.process_time() - start)
        worst = max(worst, abs(value - curve[at]))
        print(f"  {at:6d} images by the student: AP {curve[at]:.6f}, from scratch {value:.6f}",
              flush=True)
    print(f"from scratch: {np.median(scratch):.2f} s a threshold in C (with ctypes), "
          f"{np.median(plain):.2f} s in Python: the sweep is "
          f"{np.median(scratch) * len(curve) / (made + swept):.0f} and "
          f"{np.median(plain) * len(curve) / (made + swept):.0f} times faster")
    print(f"largest difference {worst:.1e}")
    sys.exit(1 if worst > 1e-9 else 0)


main()
