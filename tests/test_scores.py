"""Every score and its sweep, on a random store, against numpy in float64 (argsort and cumsum)."""

import unittest

import numpy as np

from support import LOGIT_SCORES, ProgramTest, predictions, random_logits, score_of

try:
    import torch
except ImportError:
    torch = None

SAMPLES = 2000
STUDENT_FLOPS, TEACHER_FLOPS = 54_754_784, 292_380_404
EXACT = ("logit-margin", "max-logit", "random", "oracle")  # nothing is rounded on the way
RELATIVE, ABSOLUTE = 1e-12, 1e-14


class Sweep:
    """The rows of one score, as arrays."""

    def __init__(self, rows):
        column = lambda name: np.array([float(row[name]) for row in rows])
        self.threshold, self.share, self.rate = map(
            column, ("threshold", "student_share", "teacher_rate"))
        self.accuracy, self.flops = column("accuracy"), column("flops")
        self.harm, self.help = column("harm"), column("help")
        self.student = np.rint(self.share * SAMPLES).astype(int)

    def scores(self):
        """Those of the samples, from the highest to the lowest: a step of the share is a tie."""
        return np.repeat(self.threshold[1:], np.diff(self.student))


def running(flags, order):
    """How many of the first k samples are flagged, k = 0..n."""
    return np.concatenate([[0], np.cumsum(flags[order])])


class StoreOf(ProgramTest):
    """A random student and teacher of `classes` classes."""

    classes = 10

    @classmethod
    def setUpClass(cls):
        cls.original = cls("test_double")
        cls.addClassCleanup(cls.original.doCleanups)
        ProgramTest.setUp(cls.original)
        generator = np.random.default_rng(cls.classes)
        labels = generator.integers(0, cls.classes, SAMPLES)
        cls.logits = random_logits(12, SAMPLES, cls.classes, labels, 6)
        cls.logits[500:600] = cls.logits[1500:1600]
        teacher = random_logits(13, SAMPLES, cls.classes, labels, 12)
        cls.right, cls.teacher_right = (predictions(z) == labels for z in (cls.logits, teacher))
        cls.original.import_logits("s", cls.logits, labels, "--flops", str(STUDENT_FLOPS))
        cls.original.import_logits("t", teacher, labels, "--flops", str(TEACHER_FLOPS))

    def setUp(self):
        super().setUp()
        self.db = self.original.db

    def sweeps(self, *options):
        rows = self.csv("sweep", "--db", self.db, "--student", "s", "--teacher", "t",
                        "--score", "all", *options)
        names = list(dict.fromkeys(row["score"] for row in rows))
        self.assertEqual(names, [*LOGIT_SCORES, "random", "oracle"])
        return {name: Sweep([row for row in rows if row["score"] == name]) for name in names}

    def references(self, temperature=1.0, p=4.0, seed=1):
        scores = {name: score_of(name, self.logits, temperature, p) for name in LOGIT_SCORES}
        scores["random"] = np.random.RandomState(seed).randint(
            0, 1 << 32, SAMPLES, np.uint32) / 2.0 ** 32
        scores["oracle"] = self.right.astype(float) - self.teacher_right
        return scores

    def assert_sweep(self, name, sweep, score):
        order = np.argsort(-score, kind="stable")
        ordered = score[order]
        np.testing.assert_allclose(sweep.scores(), ordered, RELATIVE, ABSOLUTE)
        self.assertEqual((sweep.threshold[0], sweep.student[0], sweep.student[-1]),
                         (np.inf, 0, SAMPLES))
        self.assertTrue((np.diff(sweep.threshold) < 0).all())
        self.assertTrue((np.diff(sweep.student) > 0).all())
        if name in EXACT:
            np.testing.assert_array_equal(sweep.threshold[1:], np.unique(score)[::-1])

        # Where rounding may order neighbours either way, only the ends of their group can be told.
        gaps = np.concatenate([[np.inf], ordered[:-1] - ordered[1:], [np.inf]])
        clear = gaps > 4 * (RELATIVE * np.abs(np.append(ordered, 0)) + ABSOLUTE)
        told = clear[sweep.student]
        self.assertGreater(told.mean(), 0.9)
        at = sweep.student[told]
        harm = running(~self.right & self.teacher_right, order)[at]
        help = running(self.right & ~self.teacher_right, order)[at]
        correct = (running(self.right, order)[at] + self.teacher_right.sum()
                   - running(self.teacher_right, order)[at])
        np.testing.assert_array_equal(sweep.harm[told], harm)
        np.testing.assert_array_equal(sweep.help[told], help)
        np.testing.assert_allclose(sweep.accuracy[told], correct / SAMPLES, RELATIVE)
        np.testing.assert_allclose(sweep.share[told], at / SAMPLES, RELATIVE)
        np.testing.assert_allclose(sweep.rate, (SAMPLES - sweep.student) / SAMPLES, RELATIVE)
        np.testing.assert_allclose(
            sweep.flops, STUDENT_FLOPS + (SAMPLES - sweep.student) / SAMPLES * TEACHER_FLOPS,
            RELATIVE)

    def assert_sweeps(self, *options, **reference):
        sweeps = self.sweeps(*options)
        for name, score in self.references(**reference).items():
            with self.subTest(name):
                self.assert_sweep(name, sweeps[name], score)

    def test_double(self):
        self.assert_sweeps()

    def test_warm(self):
        self.assert_sweeps("--temperature", "2.5", "--p", "3", "--seed", "7", temperature=2.5, p=3,
                           seed=7)

    def test_cool(self):
        self.assert_sweeps("--temperature", "0.6", "--p", "1.5", "--seed", "4294967295",
                           temperature=0.6, p=1.5, seed=4294967295)

    @unittest.skipUnless(torch, "Python has no torch")
    def test_float32_is_that_of_torch(self):
        """Within two units in the last place: sums may run in another order."""
        sweep = self.sweeps("--precision", "float32")["softmax-energy"]
        logits = torch.from_numpy(self.logits)
        score = torch.logsumexp(torch.softmax(logits, 1), 1).numpy()
        self.assertEqual(score.dtype, np.float32)
        ordered, expected = sweep.scores(), np.sort(score)[::-1]
        np.testing.assert_array_equal(ordered.astype(np.float32), ordered)
        np.testing.assert_array_less(np.abs(ordered - expected), 2.5 * np.spacing(expected))
        double = np.sort(score_of("softmax-energy", self.logits))[::-1]
        self.assertGreater(np.abs(ordered - double).max(), 0)


class StoreOf100(StoreOf):
    classes = 100


if __name__ == "__main__":
    unittest.main()
