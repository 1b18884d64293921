"""Random images with objects, and two detectors that find some of them."""

import math
import random

import numpy as np

from coco_reference import figures


def clip(value, low, high):
    return min(max(value, low), high)


class Scene:
    """Objects, and detectors that find some of them. With `grid`, boxes and scores are of few values,
    so that overlaps and scores tie and overlaps fall on the thresholds."""

    def __init__(self, seed, images=12, categories=4, objects=6, noise=6, grid=False):
        self.random = random.Random(seed)
        self.images, self.categories, self.grid = images, categories, grid
        self.objects = [self.object(image) for image in range(images)
                        for _ in range(self.random.randint(0, objects))]
        self.student = self.detect(0.6, 0.15, noise)
        self.teacher = self.detect(0.9, 0.06, noise)

    def box(self):
        if self.grid:
            return [10.0 * self.random.randint(0, 3) for _ in range(2)] + [
                10.0 * self.random.randint(1, 4) for _ in range(2)]
        side = math.exp(self.random.uniform(math.log(8), math.log(300)))
        return [self.random.uniform(0, 400), self.random.uniform(0, 300),
                side * self.random.uniform(0.5, 2), side]

    def object(self, image):
        box = self.box()
        return {"image": image, "category": self.random.randrange(self.categories), "box": box,
                "area": box[2] * box[3] * self.random.choice([1, 0.7, 0.4]),
                "crowd": self.random.random() < 0.1}

    def score(self, mean):
        value = clip(self.random.gauss(mean, 0.2), 0.01, 0.99)
        return round(value, 1) if self.grid else value

    def detect(self, found, shake, noise):
        result = []
        for o in self.objects:
            for _ in range(self.random.choice([1, 1, 1, 2, 5]) if o["crowd"] else 1):
                if self.random.random() > found:
                    continue
                box = list(o["box"])
                if not self.grid:
                    size = box[2:]
                    box = [b + self.random.gauss(0, shake) * size[i % 2] for i, b in enumerate(box)]
                    box[2], box[3] = max(box[2], 0.5), max(box[3], 0.5)
                elif self.random.random() < 0.5:
                    box[2] += 10
                category = (o["category"] if self.random.random() < 0.9
                            else self.random.randrange(self.categories))
                result.append({"image": o["image"], "category": category, "box": box,
                               "score": self.score(0.7)})
        for image in range(self.images):
            for _ in range(self.random.randint(0, noise)):
                result.append({"image": image, "category": self.random.randrange(self.categories),
                               "box": self.box(), "score": self.score(0.3)})
        self.random.shuffle(result)
        return result

    def cascade(self, students):
        return ([d for d in self.student if d["image"] in students]
                + [d for d in self.teacher if d["image"] not in students])

    def reference(self, students):
        return figures(self.images, self.categories, self.objects, self.cascade(students))

    def replicated(self, students, weight):
        """The reference of `weight[i]` copies of image i, side by side."""
        first = np.cumsum(weight) - weight

        def copies(items):
            return [{**item, "image": int(first[item["image"]]) + copy}
                    for item in items for copy in range(weight[item["image"]])]

        return figures(int(weight.sum()), self.categories, copies(self.objects),
                       copies(self.cascade(students)))
