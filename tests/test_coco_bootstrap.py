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


def ends(values, k):
    """The k-th smallest and the k-th largest."""
    values = np.sort(values)
    return values[k - 1], values[-k]


class Intervals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sample = population(3, 60, categories=5)
        cls.coco = cls.sample.coco()
        cls.addClassCleanup(cls.coco.close)

    def setUp(self):
        give(self.coco, self.sample.score, np.median(self.sample.score))

    def expect(self, interval, estimate, values, level):
        k = int((len(values) + 1) * (1 - level) / 2 + 1e-9)
        self.assertEqual(interval.estimate, estimate)
        np.testing.assert_allclose((interval.low, interval.high), ends(values, k), atol=1e-12)

    def test_are_those_of_numpy(self):
        for figure, count, level, seed in ((AP, 199, 0.95, 1), (AP50, 99, 0.9, 7), (AR10, 39, 0.9, 3)):
            weights = resamples(seed, self.sample.images, count)
            values = np.array([self.coco.weighted(figure, w) for w in weights])
            teacher = np.array([self.coco.weighted(figure, w, True) for w in weights])
            ones = np.ones(self.sample.images)
            now, at_teacher = self.coco.figure(figure), self.coco.weighted(figure, ones, True)
            of_figure, drop = uncertainty(self.coco, figure, count, level, seed)
            self.expect(of_figure, now, values - values.mean() + now, level)
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


def figures_of(sample, which, latencies=None):
    """Every threshold: (threshold, figures of the budgets), by moving images in Python."""
    coco, n = sample.coco(), sample.images
    teacher = coco.figure(which)
    rows = []
    for t in [math.inf] + sorted(set(sample.score), reverse=True):
        keeps = sample.score >= t
        for image in np.flatnonzero(keeps):
            coco.move(int(image))
        rate = 1 - keeps.mean()
        latency = [np.nan] * 3
        if latencies:
            times = np.sort(latencies[0] + np.where(keeps, 0, latencies[1]))
            latency = [times.mean()] + [times[math.ceil(q * n) - 1] for q in (0.95, 0.99)]
        now = coco.figure(which)
        rows.append((t, [now, teacher - now, 1 + rate * 10, rate, *latency]))
    coco.close()
    return rows


def met(figures, budgets):
    return all(figures[0] >= limit if name == "min_accuracy"
               else figures[BUDGETS.index(name)] <= limit for name, limit in budgets.items())


def binomial_cdf(k, n, p):
    return math.fsum(math.comb(n, i) * p**i * (1 - p)**(n - i) for i in range(k + 1))


class Plain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sample = population(11, 80, categories=4)
        cls.sample.score = np.round(cls.sample.score, 2)
        rng = np.random.default_rng(1)
        cls.latencies = rng.uniform(1, 2, 80), rng.uniform(5, 20, 80)

    def test_is_the_best_of_all_thresholds(self):
        sample = self.sample
        for which in (AP, AP50, AR10):
            rows = figures_of(sample, which, self.latencies)
            mid = rows[len(rows) // 2][1]
            for budgets in ({"max_drop": mid[1]}, {"min_accuracy": mid[0]},
                            {"max_teacher_rate": 0.4}, {"max_latency": mid[4] + 1e-9},
                            {"max_p95": mid[5], "max_drop": 0.2}, {"max_p99": mid[6]},
                            {"max_flops": 5, "max_drop": 0.5}, {}):
                for objective, column, sign in (("flops", 2, 1), ("teacher_rate", 3, 1),
                                                ("latency", 4, 1), ("accuracy", 0, -1)):
                    pick = sample.pick(which, objective, False, flops=(1, 10),
                                       latencies=self.latencies, **budgets)
                    fit = [row for row in rows if met(row[1], budgets)]
                    best = min(sign * row[1][column] for row in fit)
                    threshold, figures = [row for row in fit if sign * row[1][column] == best][-1]
                    self.assertTrue(pick.feasible)
                    self.assertEqual(pick.threshold, threshold, (budgets, objective))
                    np.testing.assert_allclose(list(pick.figures), figures, rtol=1e-12, atol=1e-12)
                    self.assertEqual((pick.images, pick.tested), (80, 0))
                    self.assertTrue(np.isnan(list(pick.bound)).all())

    def test_infeasible_says_what_cannot_be_met(self):
        rows = figures_of(self.sample, AP)
        most = max(row[1][0] for row in rows)
        pick = self.sample.pick(AP, certify=False, min_accuracy=most + 0.01, max_teacher_rate=0.5)
        self.assertFalse(pick.feasible)
        self.assertEqual(pick.conflict, 1 << BUDGETS.index("min_accuracy"))
        self.assertAlmostEqual(pick.reachable[0], most, 12)
        self.assertTrue(math.isnan(pick.threshold))
        both = self.sample.pick(AP, certify=False, max_drop=0.0, max_teacher_rate=0.05)
        self.assertFalse(both.feasible)
        self.assertEqual(both.conflict, 1 << 1 | 1 << 3)

    def test_binding(self):
        pick = self.sample.pick(AP, certify=False, max_drop=0.03, max_teacher_rate=0.99)
        self.assertEqual(pick.binding, 1 << BUDGETS.index("max_drop"))


class Certified(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sample = population(12, 400, categories=4)

    def halves(self, seed):
        part = split(self.sample.images, seed)
        return [self.sample.draw(np.flatnonzero(part == p)) for p in (0, 1)]

    def halves_of(self, coco, n, seed):
        part = split(n, seed)
        return [coco.weighted(AP, part == p) for p in (0, 1)]

    def pick(self, **options):
        return self.sample.pick(AP, resamples=199, flops=(1, 10), **options)

    def test_the_ends_are_those_of_numpy(self):
        """Of the other half, at the level of each budget's part of delta."""
        for budgets in ({"max_drop": 0.08}, {"min_accuracy": 0.3},
                        {"max_drop": 0.1, "max_teacher_rate": 0.75},
                        {"min_accuracy": 0.3, "max_flops": 9}):
            pick = self.pick(delta=0.1, split_seed=5, **budgets)
            self.assertTrue(pick.feasible, budgets)
            delta = 0.1 / len(budgets)
            self.assertEqual(pick.delta_each, delta)
            testing = self.halves(5)[1]
            self.assertEqual(pick.images, testing.images)
            coco = testing.coco()
            teacher = coco.figure(AP)
            give(coco, testing.score, pick.threshold)
            now = coco.figure(AP)
            np.testing.assert_allclose(pick.figures[:2], (now, teacher - now), atol=1e-12)
            weights = resamples(1, testing.images, 199)
            values = np.array([coco.weighted(AP, w) for w in weights])
            lost = np.array([coco.weighted(AP, w, True) for w in weights]) - values
            above = np.mean([half for h in range(20)
                             for half in self.halves_of(coco, testing.images, 1 + h)]) - now
            optimism = max(0, above) / (math.sqrt(2) - 1)
            self.assertGreater(optimism, 0)
            k = int(200 * delta + 1e-9)
            coco.close()
            asked = int((testing.score < pick.threshold).sum())
            expected = (ends(values - values.mean() + now, k)[0] - optimism, ends(lost, k)[1])
            for b, name in enumerate(BUDGETS):
                self.assertEqual(math.isnan(pick.bound[b]), name not in budgets)
            if "min_accuracy" in budgets:
                self.assertAlmostEqual(pick.bound[0], expected[0], 12)
                self.assertGreaterEqual(pick.bound[0], budgets["min_accuracy"])
            if "max_drop" in budgets:
                self.assertAlmostEqual(pick.bound[1], expected[1], 12)
                self.assertLessEqual(pick.bound[1], budgets["max_drop"])
            if "max_teacher_rate" in budgets:
                self.assertAlmostEqual(
                    binomial_cdf(asked, testing.images, pick.bound[3]), delta, 9)
                self.assertLessEqual(pick.bound[3], 0.75)
            if "max_flops" in budgets:
                rate = (pick.bound[2] - 1) / 10
                self.assertAlmostEqual(binomial_cdf(asked, testing.images, rate), delta, 9)
                self.assertLessEqual(pick.bound[2], 9)

    def test_thresholds_are_proposed_by_the_first_half(self):
        """What is picked is one of its scores, and what the second half is like does not change
        which ones are tested."""
        first, second = self.halves(3)
        pick = self.pick(max_drop=0.08, split_seed=3)
        self.assertIn(pick.threshold, first.score)
        self.assertNotIn(pick.threshold, second.score)
        self.assertTrue(1 <= pick.tested <= 21)

    def test_a_budget_that_only_the_teacher_meets(self):
        pick = self.pick(max_drop=1e-9)
        self.assertTrue(pick.feasible)
        self.assertEqual((pick.threshold, pick.bound[1]), (math.inf, 0))

    def test_infeasible_says_what_cannot_be_certified(self):
        pick = self.pick(max_drop=-0.5)
        self.assertFalse(pick.feasible)
        self.assertEqual((pick.conflict, pick.tested), (1 << 1, 0))
        # met by the samples, but not for certain
        for seed in range(1, 20):
            second = self.halves(seed)[1].coco().figure(AP)
            pick = self.pick(min_accuracy=second - 1e-4, split_seed=seed, max_teacher_rate=1.0)
            if pick.tested:
                break
        self.assertFalse(pick.feasible)
        self.assertTrue(pick.conflict & 1 << 0)
        self.assertGreater(pick.tested, 0)

    def test_what_cannot_be_meant(self):
        for words, options in (("delta of 0.5", {"delta": 0.5}), ("delta of nan", {"delta": math.nan}),
                               ("too few", {"delta": 0.001}),
                               ("--max-latency: latencies", {"max_latency": 5}),
                               ("--max-p99: latencies", {"max_p99": 5}),
                               ("no latencies", {"objective": "latency"})):
            with self.assertRaisesRegex(ValueError, words):
                self.pick(**{"max_drop": 0.1, **options})
        sample = self.sample
        with self.assertRaisesRegex(ValueError, "--max-flops: the FLOPs"):
            sample.pick(AP, max_flops=5, resamples=99)
        with self.assertRaisesRegex(ValueError, "--max-p95: the latencies"):
            sample.pick(AP, certify=False, max_p95=5)
        with self.assertRaisesRegex(ValueError, "1 images cannot be split"):
            sample.draw(np.array([0])).pick(AP, max_drop=0.1, resamples=99)
        for certify in (False, True):
            none = sample.draw(np.arange(0))
            with self.assertRaises(ValueError):
                none.pick(AP, certify=certify, max_drop=0.1, resamples=99)
            empty = sample.draw(np.arange(9))
            empty.objects = empty.objects[:0]
            with self.assertRaisesRegex(ValueError, "ap is not defined"):
                empty.pick(AP, certify=certify, max_drop=0.1, resamples=99)
            bad = sample.draw(np.arange(9))
            bad.score[3] = math.inf
            with self.assertRaisesRegex(ValueError, "score is inf"):
                bad.pick(AP, certify=certify, max_drop=0.1, resamples=99)
            bad = sample.draw(np.arange(9))
            bad.teacher["category"][7] = 99
            with self.assertRaisesRegex(ValueError, "teacher's: detection 7: .*category 99"):
                bad.pick(AP, certify=certify, max_drop=0.1, resamples=99)


def report(words, **rates):
    print(words + ": " + ", ".join(f"{100 * rate:.1f} % {name.replace('_', ' ')}"
                                   for name, rate in rates.items()), file=sys.stderr, flush=True)


def most_excused(delta, excused, repetitions):
    """Three standard deviations of the count above what is excused."""
    rate = delta + excused
    return rate + 3 * math.sqrt(rate * (1 - rate) / repetitions)


class Promises(unittest.TestCase):
    """Samples are drawn from a population whose every figure is known."""

    @classmethod
    def setUpClass(cls):
        cls.all = population(1, *((20000, 20) if LONG else (4000, 6)))
        cls.order = np.argsort(-cls.all.score)
        coco = cls.all.coco()
        curve = [coco.figure(AP)]
        for image in cls.order:
            coco.move(int(image))
            curve.append(coco.figure(AP))
        coco.close()
        cls.curve = np.array(curve)
        cls.drop = cls.curve[0] - cls.curve

    def at(self, threshold):
        """The index of a threshold's point in the population's curve."""
        return int((self.all.score >= threshold).sum())

    def samples(self, size, count):
        rng = np.random.default_rng(size)
        for _ in range(count):
            yield self.all.draw(rng.integers(self.all.images, size=size))

    def ends_that_fail(self, size, repetitions, excused):
        """How often the population's drop is above the one-sided end of a sample's."""
        threshold = np.quantile(self.all.score, 0.4)
        drop = self.drop[self.at(threshold)]
        deltas, failed = (0.05, 0.1), np.zeros(2)
        for number, sample in enumerate(self.samples(size, repetitions)):
            coco = sample.coco()
            give(coco, sample.score, threshold)
            for i, delta in enumerate(deltas):
                end = uncertainty(coco, AP, 199 if LONG else 99, 1 - 2 * delta, number)[1].high
                failed[i] += end < drop
            coco.close()
        failed /= repetitions
        report(f"{repetitions} samples of {size} images, a drop of {drop:.3f}: its upper end is too "
               "low in", at_delta_005=failed[0], at_delta_01=failed[1])
        for delta, rate in zip(deltas, failed):
            self.assertLessEqual(rate, most_excused(delta, excused, repetitions))

    def test_ends_of_a_drop(self):
        for size, repetitions in ((500, 200), (2000, 100)) if LONG else ((300, 40),):
            self.ends_that_fail(size, repetitions, 0.04 if size < 1000 else 0.02)

    def picks_that_fail(self, size, repetitions, excused, limit=0.05, delta=0.05):
        failed, share = np.zeros(2), np.zeros(2)
        for number, sample in enumerate(self.samples(size, repetitions)):
            for plain in (0, 1):
                pick = sample.pick(AP, certify=not plain, max_drop=limit, delta=delta,
                                   split_seed=number, resamples=199 if LONG else 59)
                self.assertTrue(pick.feasible)
                at = self.at(pick.threshold)
                failed[plain] += self.drop[at] > limit
                share[plain] += at / self.all.images
        failed, share = failed / repetitions, share / repetitions
        best = np.flatnonzero(self.drop <= limit).max() / self.all.images
        report(f"{repetitions} picks from {size} images, drop <= {limit} at delta {delta}: broken by",
               of_the_certified=failed[0], of_the_plain=failed[1])
        report("  student share", certified=share[0], plain=share[1], the_population_allows=best)
        self.assertLessEqual(failed[0], most_excused(delta, excused, repetitions))
        self.assertGreater(failed[1], 0.25)
        self.assertGreater(share[0], 0.02)

    def test_certified_picks_keep_a_drop_and_plain_ones_do_not(self):
        for size, repetitions in ((500, 100),) if LONG else ((300, 20),):
            self.picks_that_fail(size, repetitions, 0.04)


if __name__ == "__main__":
    unittest.main()
