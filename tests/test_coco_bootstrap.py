"""calib/coco_bootstrap.h and calib/coco_pick.h: intervals beside numpy on the same resamples, picks
beside a search through all thresholds, and simulations that count how often a promise is broken.

With EBJR_COCO_LONG=1 there are more and larger simulations."""

import ctypes
import math
import os
import sys
import unittest

import numpy as np

from coco_library import BUDGETS, LIBRARY, Bootstrap, address, band, check, uncertainty
from coco_population import population

LONG = os.environ.get("EBJR_COCO_LONG") == "1"
AP, AP50, AR10 = 0, 1, 7


def resamples(seed, n, count):
    """[count][n] how often each is drawn: GSL's Mersenne twister and its uniform integers."""
    twister = np.random.RandomState(seed)
    scale = 0xffffffff // n
    drawn = []
    while len(drawn) < count * n:
        raw = twister.randint(0, 2**32, size=count * n, dtype=np.uint64) // scale
        drawn += raw[raw < n].tolist()
    rows = np.array(drawn[:count * n]).reshape(count, n)
    return np.array([np.bincount(row, minlength=n) for row in rows], np.uint32)


def split(n, seed):
    part = np.zeros(n, np.int8)
    check(LIBRARY.ebjr_split(address(part), None, ctypes.c_size_t(n), (ctypes.c_double * 2)(.5, .5),
                             ctypes.c_size_t(2), ctypes.c_uint64(seed)))
    return part


def give(coco, score, threshold):
    for image, value in enumerate(score):
        coco.move(image, value >= threshold)


class Intervals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sample = population(3, 60, categories=5)
        cls.coco = cls.sample.coco()
        cls.addClassCleanup(cls.coco.close)

    def setUp(self):
        give(self.coco, self.sample.score, np.median(self.sample.score))

    def expect(self, interval, estimate, values, level):
        values, k = np.sort(values), int((len(values) + 1) * (1 - level) / 2 + 1e-9)
        self.assertEqual((interval.estimate, interval.low, interval.high),
                         (estimate, values[k - 1], values[-k]))

    def test_are_those_of_numpy(self):
        for figure, count, level, seed in ((AP, 199, 0.95, 1), (AP50, 99, 0.9, 7), (AR10, 39, 0.9, 3)):
            weights = resamples(seed, self.sample.images, count)
            values = np.array([self.coco.weighted(figure, w) for w in weights])
            teacher = np.array([self.coco.weighted(figure, w, True) for w in weights])
            ones = np.ones(self.sample.images)
            now, at_teacher = self.coco.figure(figure), self.coco.weighted(figure, ones, True)
            of_figure, drop = uncertainty(self.coco, figure, count, level, seed)
            self.expect(of_figure, now, values, level)
            self.expect(drop, at_teacher - now, teacher - values, level)
            self.assertGreater(drop.low, 0)

    def test_processors_change_nothing(self):
        def bits():
            return [(i.estimate, i.low, i.high) for i in uncertainty(self.coco, AP, 199, 0.9)]

        all_of_them = os.sched_getaffinity(0)
        together = bits()
        try:
            os.sched_setaffinity(0, {min(all_of_them)})
            self.assertEqual(bits(), together)
        finally:
            os.sched_setaffinity(0, all_of_them)

    def test_what_is_the_same_varies_not(self):
        give(self.coco, self.sample.score, math.inf)
        drop = uncertainty(self.coco, AP, 99, 0.9)[1]
        self.assertEqual((drop.estimate, drop.low, drop.high), (0, 0, 0))

    def test_undefined_resamples_widen(self):
        """One image of two has all objects: a quarter of the resamples has none."""
        sample = population(4, 2, categories=2)
        sample.objects = sample.objects[sample.objects["image"] == 0]
        coco = sample.coco()
        of_figure = uncertainty(coco, AP, 99, 0.9)[0]
        self.assertEqual((of_figure.low, of_figure.high), (-math.inf, math.inf))
        self.assertFalse(math.isnan(of_figure.estimate))
        coco.close()

    def test_band(self):
        score = np.round(self.sample.score, 1)
        rows = band(self.coco, AP, score, 7, 99, 0.9)
        self.assertEqual(self.coco.figure(AP), self.coco.weighted(AP, np.ones(60), True))
        groups = {(score >= t).mean() for t in score} | {0.0}
        for k, row in enumerate(rows):
            share = row[0]
            self.assertAlmostEqual(abs(share - k / 6), min(abs(g - k / 6) for g in groups))
            give(self.coco, score, np.sort(score)[::-1][round(share * 60) - 1] if share else math.inf)
            of_figure = uncertainty(self.coco, AP, 99, 0.9)[0]
            self.assertEqual(row[1:].tolist(),
                             [of_figure.estimate, of_figure.low, of_figure.high])
        self.assertEqual((rows[0, 0], rows[-1, 0]), (0, 1))

    def test_what_cannot_be_meant(self):
        for count, level, words in ((18, 0.9, "18 resamples are too few"), (99, 1, "level of 1"),
                                    (99, math.nan, "level of nan")):
            with self.assertRaisesRegex(ValueError, words):
                uncertainty(self.coco, AP, count, level)
            with self.assertRaisesRegex(ValueError, words):
                band(self.coco, AP, self.sample.score, 3, count, level)
        with self.assertRaisesRegex(ValueError, "band at 1 shares"):
            band(self.coco, AP, self.sample.score, 1, 99, 0.9)
        score = self.sample.score.copy()
        score[17] = math.nan
        with self.assertRaisesRegex(ValueError, "17"):
            band(self.coco, AP, score, 3, 99, 0.9)
        empty = population(5, 1).draw(np.zeros(0, int)).coco()
        with self.assertRaisesRegex(ValueError, "0 samples"):
            uncertainty(empty, AP, 99, 0.9)
        empty.close()


if __name__ == "__main__":
    unittest.main()
