"""Populations of images to draw samples from."""

import numpy as np

from coco_library import DETECTION, OBJECT, Sample


def population(seed, images, categories=20, objects=5.0, noise=15):
    """Images of different difficulty, of which a score tells something; a student that finds less
    of the difficult ones than the teacher does."""
    rng = np.random.default_rng(seed)
    difficulty = rng.random(images)
    per = rng.poisson(objects, images)
    n = per.sum()
    o = np.zeros(n, OBJECT)
    o["image"] = np.repeat(np.arange(images), per)
    frequency = 1 / np.arange(1, categories + 1) ** 0.7
    o["category"] = rng.choice(categories, n, p=frequency / frequency.sum())
    size = np.exp(rng.normal(3.8, 0.9, (n, 2)))
    o["box"] = np.c_[rng.uniform(0, 600, n), rng.uniform(0, 450, n), size]
    o["area"] = size.prod(1) * 0.8
    o["crowd"] = rng.random(n) < 0.01

    def detect(found, shake):
        hit = rng.random(n) < found[o["image"]]
        d = np.zeros(hit.sum(), DETECTION)
        d["image"], d["category"] = o["image"][hit], o["category"][hit]
        box = o["box"][hit]
        move = rng.normal(0, 1, box.shape) * shake[o["image"][hit], None]
        d["box"] = np.c_[box[:, :2] + move[:, :2] * box[:, 2:], box[:, 2:] * np.exp(move[:, 2:])]
        d["score"] = rng.beta(4, 2, len(d))
        count = rng.poisson(noise, images)
        f = np.zeros(count.sum(), DETECTION)
        f["image"] = np.repeat(np.arange(images), count)
        f["category"] = rng.choice(categories, len(f), p=frequency / frequency.sum())
        f["box"] = np.c_[rng.uniform(0, 600, len(f)), rng.uniform(0, 450, len(f)),
                         np.exp(rng.normal(3.8, 0.9, (len(f), 2)))]
        f["score"] = rng.beta(1, 5, len(f))
        return np.concatenate([d, f])

    student = detect(0.9 - 0.6 * difficulty, 0.04 + 0.12 * difficulty)
    teacher = detect(0.92 - 0.2 * difficulty, 0.04 + 0.05 * difficulty)
    score = -difficulty + rng.normal(0, 0.2, images)
    return Sample(images, categories, o, student, teacher, score)
