"""calib/coco.c beside coco_reference.py: whole cascades of random detectors, image by image."""

import math
import random
import time
import unittest

import numpy as np

from coco_library import FIGURES, Coco
from coco_reference import figures
from coco_scene import Scene

EXACT = 1e-12


def coco_of(scene):
    return Coco(scene.images, scene.categories, scene.objects, scene.student, scene.teacher)


class Equal(unittest.TestCase):
    def assert_figures(self, coco, scene, students):
        np.testing.assert_allclose(coco.figures(), scene.reference(students), rtol=0, atol=EXACT,
                                   err_msg=str(sorted(students)))

    def sweep(self, scene, checks=4):
        """Image after image to the student, in random order, and some back."""
        coco, students = coco_of(scene), set()
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
        coco, students = coco_of(scene), set(range(0, scene.images, 2))
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
        coco = coco_of(scene)
        self.assertTrue(math.isnan(coco.weighted(0, np.zeros(scene.images))))
        coco.close()

    def test_no_objects(self):
        scene = Scene(6)
        scene.objects = []
        self.assertTrue(all(math.isnan(value) for value in coco_of(scene).figures()))

    def test_crowds_alone(self):
        scene = Scene(7)
        for o in scene.objects:
            o["crowd"] = True
        self.assertTrue(all(math.isnan(value) for value in coco_of(scene).figures()))

    def test_what_is_none(self):
        for key, value, words in (("image", 12, "image 12"), ("category", 4, "category 4"),
                                  ("score", math.nan, "score"), ("box", [0, 0, -1, 2], "box"),
                                  ("box", [0, math.inf, 1, 2], "box")):
            scene = Scene(8)
            scene.teacher[3][key] = value
            with self.assertRaisesRegex(ValueError, f"teacher's: detection 3.*{words}"):
                coco_of(scene)
        scene = Scene(8)
        scene.objects[2]["area"] = -1
        with self.assertRaisesRegex(ValueError, "object 2: its area"):
            coco_of(scene)


if __name__ == "__main__":
    unittest.main()
