"""ebjr sweep --metric beside numpy: columns of other metrics at every threshold."""

import unittest

import numpy as np

from support import ProgramTest, predictions, random_logits, score_of, softmax, top5

SAMPLES, CLASSES = 300, 8
NAMES = ("top5", "balanced-accuracy", "macro-f1", "micro-f1", "nll", "brier")


def f1_by_class(answers, labels):
    right = np.array([(answers[labels == k] == k).sum() for k in range(CLASSES)])
    either = np.array([(labels == k).sum() + (answers == k).sum() for k in range(CLASSES)])
    return right, either


def metric(name, logits, labels):
    """Of the logits that answered, in the words of a textbook."""
    p, answers = softmax(logits.astype(np.float64)), predictions(logits)
    right, either = f1_by_class(answers, labels)
    present = [k for k in range(CLASSES) if (labels == k).any()]
    return {
        "top5": lambda: top5(logits, labels).mean(),
        "balanced-accuracy": lambda: np.mean([(answers[labels == k] == k).mean() for k in present]),
        "macro-f1": lambda: np.mean(2 * right[either > 0] / either[either > 0]),
        "micro-f1": lambda: 2 * right.sum() / either.sum(),
        "nll": lambda: -np.log(p[np.arange(len(labels)), labels]).mean(),
        "brier": lambda: ((p - np.eye(CLASSES)[labels]) ** 2).sum(axis=1).mean(),
    }[name]()


class SweepMetricTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.labels = np.random.default_rng(1).integers(0, CLASSES, SAMPLES)
        self.small = random_logits(2, SAMPLES, CLASSES, self.labels, 4)
        self.large = random_logits(3, SAMPLES, CLASSES, self.labels, 9)
        self.import_logits("small", self.small, self.labels, "--flops", "100")
        self.import_logits("large", self.large, self.labels, "--flops", "900")
        self.pair = ("--db", self.db, "--student", "small", "--teacher", "large")

    def asked(self, *names):
        return [word for name in names for word in ("--metric", name)]

    def test_every_metric_at_every_threshold(self):
        for score in ("energy", "msp"):
            rows = self.csv("sweep", *self.pair, "--score", score, *self.asked(*NAMES))
            scores = score_of(score, self.small)
            self.assertEqual(len(rows), len(np.unique(scores)) + 1)
            for row in rows[::17] + rows[-1:]:
                share = float(row["student_share"])
                order = np.argsort(-scores, kind="stable")[:round(share * SAMPLES)]
                answered = self.large.copy()
                answered[order] = self.small[order]
                for name in NAMES:
                    self.assertAlmostEqual(float(row[name.replace("-", "_")]),
                                           metric(name, answered, self.labels), delta=1e-12)

    def test_what_is_not_asked_for_is_not_there(self):
        plain = self.csv("sweep", *self.pair)
        more = self.csv("sweep", *self.pair, *self.asked("macro-f1"))
        self.assertEqual(set(more[0]) - set(plain[0]), {"macro_f1"})
        self.assertEqual(plain, [{key: row[key] for key in plain[0]} for row in more])

    def test_the_list(self):
        for arguments in (("--metric", "help"), ("--metric=help",)):
            text = self.ebjr("sweep", *arguments).stdout
            for name in (*NAMES, "ap", "ap-small"):
                self.assertRegex(text, rf"(?m)\s{name}(\s|$)")

    def test_refusals(self):
        self.refuse("macro-f1", "did you mean", arguments=(
            "sweep", *self.pair, *self.asked("macro-f2")))
        self.refuse("--metric", code=2, arguments=(
            "sweep", *self.pair, *self.asked("nll"), "--summary"))
        self.refuse("metrics", arguments=(
            "sweep", *self.pair, *self.asked("macro-f1"), "--sort-memory", "1k"))
        self.refuse("at most", code=2, arguments=(
            "sweep", *self.pair, *self.asked(*["nll"] * 17)))

    def test_a_specialised_student(self):
        """It may say "other", which is no class: no likelihood, but F1 all the same."""
        labels = self.path("map.txt")
        labels.write_text("0\n1\n2\nother\n")
        narrow = self.small[:, :4].copy()
        narrow[:, 3] = self.small[:, 3:].max(axis=1)
        self.import_logits("narrow", narrow, self.labels, "--flops", "50", "--student-classes",
                           labels)
        pair = ("--db", self.db, "--student", "narrow", "--teacher", "large")
        row = self.csv("sweep", *pair, *self.asked("micro-f1", "balanced-accuracy"))[0]
        self.assertAlmostEqual(float(row["micro_f1"]), metric("micro-f1", self.large, self.labels),
                               delta=1e-12)
        self.refuse("different outputs", code=2, arguments=(
            "sweep", *pair, *self.asked("nll")))


if __name__ == "__main__":
    unittest.main()
