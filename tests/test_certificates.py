"""What `ebjr pick` certifies, held against the published cascade on CIFAR-10's test set.

The 10,000 test images are taken for the whole population. A pick sees a half of them, drawn at
random within each class, and its promise is judged on all: whether the harm, say, of the chosen
threshold is above the budget among the 10,000. Judging on the other half alone would not do: that
is a sample too, and breaks the budget by its own noise (its rate is printed beside).

Certificates are made for samples drawn with replacement, or from a population without end. To draw
a half without replacement is kinder. The number of bad ones among the drawn is a sum of
hypergeometric counts, one a class, each of which is distributed like a sum of independent, unequal
coins (Vatutin & Mikhailov 1982); a sum of unequal coins is <= k with no greater probability than a
binomial of the same mean, where k <= mean - 1 (Hoeffding 1956). All classes give the same share, so
that the mean is that of the binomial, and the promise, broken with probability <= delta, holds
here as well. Near to the normal law a half has half of the binomial's variance: with delta = 0.05
the certificate breaks in about P(Z < -1.645 sqrt 2) = 1 % of the draws, and in fewer since counts
are whole; below, that is worked out exactly, and the count of broken certificates must agree.

The store is that of EBJR_CIFAR10_STORE, or made from the checkpoints (some minutes).
"""

import json
import math
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np

from support import DATA, SOURCE, ProgramTest, predictions, score_of, skip_file

IMAGES = DATA / "cifar-10-batches-bin"
CHECKPOINTS = DATA / "ebjr-checkpoints"
STORE = os.environ.get("EBJR_CIFAR10_STORE")
SPLITS, FEWER_SPLITS = 1000, 300
DELTA = 0.05

if not STORE:
    if not (IMAGES / "test_batch.bin").exists() or not CHECKPOINTS.exists():
        skip_file(f"no CIFAR-10 or no checkpoints in {DATA}, and no EBJR_CIFAR10_STORE")
    try:
        import torch  # noqa: F401, which the exporter needs
    except ImportError:
        skip_file("Python has no torch")


def log_choose(n, k):
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def binomial_cdf(k, n, p):
    return math.fsum(math.exp(log_choose(n, i) + i * math.log(p) + (n - i) * math.log1p(-p))
                     for i in range(k + 1))


def hypergeometric(bad, size, drawn):
    """P(k bad ones among the drawn), k = 0 .. bad."""
    return [math.exp(log_choose(bad, k) + log_choose(size - bad, drawn - k)
                     - log_choose(size, drawn)) if 0 <= drawn - k <= size - bad else 0
            for k in range(bad + 1)]


class Certificates(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.original = cls("test_drop")
        cls.addClassCleanup(cls.original.doCleanups)
        ProgramTest.setUp(cls.original)
        cls.original.fill()
        student, teacher = cls.original.stored_logits(1), cls.original.stored_logits(2)
        labels = np.array(cls.original.query("SELECT label FROM sample ORDER BY idx"))[:, 0]
        cls.labels, cls.score = labels, score_of("msp", student)
        cls.student = predictions(student) == labels
        cls.teacher = predictions(teacher) == labels

    def setUp(self):
        super().setUp()
        self.db = self.original.db

    def fill(self):
        if STORE:
            shutil.copy(STORE, self.db)
            return
        models = []
        for name, depth, growth in (("student", 52, 6), ("teacher", 64, 12)):
            checkpoint = CHECKPOINTS / f"cifar10-densenet-bc-{depth}-{growth}.pth.tar"
            models += ["--model", self.path(f"{name}.pt")]
            subprocess.run(
                [sys.executable, "-B", SOURCE / "examples" / "export.py", "--arch", "densenet-bc",
                 "--depth", str(depth), "--growth-rate", str(growth), "--classes", "10",
                 "--checkpoint", checkpoint, "--out", models[-1]],
                check=True, stdout=subprocess.DEVNULL)
        process = self.start("run", "--db", self.db, "--dataset", f"cifar10:{IMAGES}", "--mean",
                             "0.4914,0.4822,0.4465", "--std", "0.2023,0.1994,0.2010", *models)
        _, talk = process.communicate()
        self.assertEqual(process.returncode, 0, talk)

    def pick(self, seed, *arguments):
        """None where it is infeasible."""
        process = self.start("pick", "--db", self.db, "--student", "student", "--teacher",
                             "teacher", "--score", "msp", "--calibrate-on", "0.5", "--delta",
                             str(DELTA), "--split-seed", str(seed), "--format", "json", *arguments)
        output, talk = process.communicate(timeout=60)
        self.assertIn(process.returncode, (0, 3), talk)
        return json.loads(output) if process.returncode == 0 else None

    def kept(self, threshold):
        """Whether the student answers; the threshold is a score, to the last digit but one."""
        return self.score >= threshold - 1e-12

    def harm(self, threshold):
        return (self.kept(threshold) & ~self.student & self.teacher).mean()

    def drop(self, threshold):
        right = np.where(self.kept(threshold), self.student, self.teacher)
        return self.teacher.mean() - right.mean()

    def break_rate(self, splits, budget, is_broken, *arguments):
        """Of certified and of plain picks: the share that breaks the budget on the population."""
        rates = []
        for kind in ([], ["--plain"]):
            picks = [self.pick(seed, *budget, *kind, *arguments) for seed in range(splits)]
            found = [pick for pick in picks if pick]
            self.assertGreater(len(found), 0.9 * splits, "hardly any pick is feasible")
            for pick in found:
                self.assertEqual(pick["certified"], not kind)
                self.assertEqual(pick["n"], 5000)
            rates.append(sum(map(is_broken, found)) / splits)
        print(f"{' '.join(budget)}: of {splits} half splits {100 * rates[0]:.1f} % of the certified"
              f" and {100 * rates[1]:.1f} % of the plain picks break it on the population",
              file=sys.stderr)
        self.assertLessEqual(rates[0], DELTA + 3 * math.sqrt(DELTA * (1 - DELTA) / splits))
        self.assertGreater(rates[1], 4 * DELTA)
        return rates

    def chance_of_harm(self, limit):
        """Exactly how likely a certified pick's harm on the population is above the limit: it is
        where the strictest such threshold is still certified, which at most `most` harmed among
        the 5,000 drawn allow. The threshold must be the score of one that was drawn, the next
        below, which is harmed itself now and then: hence a lower and an upper value."""
        harmed = ~self.student & self.teacher
        order = np.argsort(-self.score, kind="stable")
        strictest = order[np.searchsorted(np.cumsum(harmed[order]),
                                          math.floor(limit * len(order)) + 1)]
        law = np.ones(1)
        for label in range(10):
            here = self.labels == label
            bad = int((here & harmed & (self.score >= self.score[strictest])).sum())
            law = np.convolve(law, hypergeometric(bad, int(here.sum()), int(here.sum()) // 2))
        most = max(k for k in range(100) if binomial_cdf(k, 5000, limit) <= DELTA)
        return law[:most].sum(), law[:most + 1].sum()

    def test_drop(self):
        limit = 0.005
        other_half = []

        def is_broken(pick):
            other_half.append(pick["test_drop"] > limit)
            bad = self.harm if pick["certified"] else self.drop
            return bad(pick["threshold"]) > limit

        certified, _ = self.break_rate(SPLITS, ["--max-drop", str(limit)], is_broken)
        low, high = self.chance_of_harm(limit)
        half = len(other_half) // 2
        print(f"  {100 * low:.2f} to {100 * high:.2f} % are to be expected of the certified; the"
              f" drop of the other half is above it in {100 * np.mean(other_half[:half]):.1f}"
              f" and {100 * np.mean(other_half[half:]):.1f} %", file=sys.stderr)
        self.assertLessEqual(high, DELTA)
        error = 3.5 * math.sqrt(high * (1 - high) / SPLITS)
        self.assertGreaterEqual(certified, low - error)
        self.assertLessEqual(certified, high + error)

    def test_teacher_rate(self):
        self.break_rate(FEWER_SPLITS, ["--max-teacher-rate", "0.2"],
                        lambda pick: (~self.kept(pick["threshold"])).mean() > 0.2)

    def test_accuracy(self):
        """A fifth chooses the thresholds to be tested, so that the population is what is left of
        the 10,000: calibration and test samples, whose accuracies are reported."""
        def is_broken(pick):
            right = pick["accuracy"] * pick["n"] + pick["test_accuracy"] * pick["test_n"]
            return round(right) < 0.935 * (pick["n"] + pick["test_n"])

        self.break_rate(FEWER_SPLITS, ["--min-accuracy", "0.935"], is_broken)

    def test_joint_drop(self):
        """Of the average of both models, judged as accuracy is: a fifth fits the weight and chooses
        the thresholds."""
        limit = 0.0075

        def is_broken(pick):
            self.assertEqual(pick["bound"], "betting" if pick["certified"] else None)
            n, test_n = pick["n"], pick["test_n"]
            return round(pick["drop"] * n + pick["test_drop"] * test_n) > limit * (n + test_n)

        self.break_rate(FEWER_SPLITS, ["--max-drop", str(limit)], is_broken, "--answer", "average")


if __name__ == "__main__":
    unittest.main()
