"""calib/coco.c beside coco_reference.py: whole cascades of random detectors, image by image."""

import math
import random
import time
import unittest

import numpy as np

from coco_library import FIGURES, Coco
from coco_reference import figures

EXACT = 1e-12


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

    def coco(self):
        return Coco(self.images, self.categories, self.objects, self.student, self.teacher)


class Equal(unittest.TestCase):
    def assert_figures(self, coco, scene, students):
        np.testing.assert_allclose(coco.figures(), scene.reference(students), rtol=0, atol=EXACT,
                                   err_msg=str(sorted(students)))

    def sweep(self, scene, checks=4):
        """Image after image to the student, in random order, and some back."""
        coco, students = scene.coco(), set()
        order = list(range(scene.images))
        scene.random.shuffle(order)
        checked = set(scene.random.sample(order, min(checks, len(order)))) | {order[-1]}
        self.assert_figures(coco, scene, students)
        for image in order:
            coco.move(image)
            students.add(image)
            if image in checked:
                self.assert_figures(coco, scene, students)
        for image in order[::2]:
            coco.move(image, False)
            students.discard(image)
        self.assert_figures(coco, scene, students)
        coco.close()

    def test_random_scenes(self):
        for seed in range(12):
            with self.subTest(seed):
                self.sweep(Scene(seed))

    def test_ties(self):
        for seed in range(20):
            with self.subTest(seed):
                self.sweep(Scene(seed, images=8, categories=2, objects=8, grid=True))

    def test_more_than_a_hundred_detections(self):
        for seed in range(2):
            with self.subTest(seed):
                self.sweep(Scene(seed, images=3, categories=1, objects=30, noise=260), checks=1)

    def test_images_and_categories_without_anything(self):
        scene = Scene(5, images=6, categories=9, objects=1, noise=1)
        scene.objects = [o for o in scene.objects if o["category"] != 0]
        self.sweep(scene)
        scene.student = []
        self.sweep(scene)

    def weigh(self, scene):
        """Half of the images to the student, under weights of several kinds; the teacher's too."""
        rng = np.random.default_rng(scene.images)
        coco, students = scene.coco(), set(range(0, scene.images, 2))
        for image in students:
            coco.move(image)
        for weight in (np.ones(scene.images, int), rng.integers(0, 4, scene.images),
                       np.bincount(rng.integers(scene.images, size=scene.images),
                                   minlength=scene.images)):
            for teacher, by in ((False, students), (True, set())):
                np.testing.assert_allclose(
                    [coco.weighted(which, weight, teacher) for which in range(FIGURES)],
                    scene.replicated(by, weight), rtol=0, atol=EXACT, err_msg=f"{weight} {teacher}")
        ones = np.ones(scene.images, int)
        self.assertEqual(*(np.nan_to_num(values, nan=-1).tolist() for values in (
            coco.figures(), [coco.weighted(which, ones) for which in range(FIGURES)])))
        coco.close()

    def test_weights_are_copies(self):
        for seed in range(3):
            with self.subTest(seed):
                self.weigh(Scene(seed, images=9))
                self.weigh(Scene(seed, images=8, categories=2, objects=8, grid=True))
        self.weigh(Scene(6, images=3, categories=1, objects=30, noise=260))
        self.weigh(Scene(7, images=3, categories=1, objects=30, noise=260, grid=True))

    def test_weights_of_nothing(self):
        scene = Scene(9)
        coco = scene.coco()
        self.assertTrue(math.isnan(coco.weighted(0, np.zeros(scene.images))))
        coco.close()

    def test_no_objects(self):
        scene = Scene(6)
        scene.objects = []
        self.assertTrue(all(math.isnan(value) for value in scene.coco().figures()))

    def test_crowds_alone(self):
        scene = Scene(7)
        for o in scene.objects:
            o["crowd"] = True
        self.assertTrue(all(math.isnan(value) for value in scene.coco().figures()))

    def test_what_is_none(self):
        for key, value, words in (("image", 12, "image 12"), ("category", 4, "category 4"),
                                  ("score", math.nan, "score"), ("box", [0, 0, -1, 2], "box"),
                                  ("box", [0, math.inf, 1, 2], "box")):
            scene = Scene(8)
            scene.teacher[3][key] = value
            with self.assertRaisesRegex(ValueError, f"teacher's: detection 3.*{words}"):
                scene.coco()
        scene = Scene(8)
        scene.objects[2]["area"] = -1
        with self.assertRaisesRegex(ValueError, "object 2: its area"):
            scene.coco()


if __name__ == "__main__":
    unittest.main()
