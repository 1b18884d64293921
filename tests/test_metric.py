"""calib/metric.h beside numpy: every threshold of random cascades, the definitions written out."""

import ctypes
import os
import unittest

import numpy as np

LIBRARY = ctypes.CDLL(os.environ["EBJR_LIBRARY"])
LIBRARY.ebjr_error_last.restype = ctypes.c_char_p
NAMES = ("top5", "balanced-accuracy", "macro-f1", "micro-f1", "nll", "brier")


class Answers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("prediction", "top5", "logits")]


class Labelled(ctypes.Structure):
    _fields_ = [("n", ctypes.c_size_t), ("classes", ctypes.c_size_t), ("label", ctypes.c_void_p),
                ("student", Answers), ("teacher", Answers)]


class Curve(ctypes.Structure):
    _fields_ = [("n", ctypes.c_int64), ("student_correct", ctypes.c_int64),
                ("teacher_correct", ctypes.c_int64), ("count", ctypes.c_size_t),
                ("points", ctypes.c_void_p)]


POINT = np.dtype([("threshold", "f8"), ("student", "i8"), ("harm", "i8"), ("help", "i8")])


def softmax(logits):
    z = logits.astype(np.float64)
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def top5(logits, labels):
    own = logits[np.arange(len(labels)), labels][:, None]
    before = (logits > own).sum(1) + sum(
        ((logits[:, k] == own[:, 0]) & (k < labels)).astype(int) for k in range(logits.shape[1]))
    return (before < 5).astype(np.uint8)


class Cascade:
    def __init__(self, seed, n=400, classes=7, other=False):
        rng = np.random.default_rng(seed)
        self.n, self.classes = n, classes
        # one class is no label, and rarely answered
        self.labels = rng.integers(0, max(classes - 1, 1), n).astype(np.int32)
        self.logits, self.predictions = [], []
        for strength in (1.0, 2.5):
            logits = rng.normal(size=(n, classes)).astype(np.float32)
            logits[np.arange(n), self.labels] += strength
            logits[:, -1] -= 2
            self.logits.append(logits)
            self.predictions.append(logits.argmax(1).astype(np.int32))
        if other:
            self.predictions[0][rng.random(n) < 0.3] = -1
        self.top5 = [top5(logits, self.labels) for logits in self.logits]
        self.score = np.round(rng.normal(size=n), 1)  # with ties

    def answers(self, which, logits=True):
        return Answers(self.predictions[which].ctypes.data, self.top5[which].ctypes.data,
                       self.logits[which].ctypes.data if logits else None)

    def sweep(self, name, logits=True):
        metric, curve, correct = ctypes.c_void_p(), Curve(), [
            (p == self.labels).astype(np.uint8) for p in self.predictions]
        self.ask(LIBRARY.ebjr_metric_find(ctypes.byref(metric), name.encode()))
        score = ctypes.c_void_p(self.score.ctypes.data)
        self.ask(LIBRARY.ebjr_sweep(ctypes.byref(curve), score,
                                    ctypes.c_void_p(correct[0].ctypes.data),
                                    ctypes.c_void_p(correct[1].ctypes.data),
                                    ctypes.c_size_t(self.n)))
        values = np.full(curve.count, np.nan)
        samples = Labelled(self.n, self.classes, self.labels.ctypes.data,
                           self.answers(0, logits), self.answers(1, logits))
        self.ask(LIBRARY.ebjr_metric_sweep(ctypes.c_void_p(values.ctypes.data), metric,
                                           ctypes.byref(samples), ctypes.byref(curve), score))
        points = np.ctypeslib.as_array(
            ctypes.cast(curve.points, ctypes.POINTER(ctypes.c_byte)),
            (curve.count * POINT.itemsize,)).view(POINT)
        thresholds = points["threshold"].copy()
        LIBRARY.ebjr_curve_free(ctypes.byref(curve))
        return thresholds, values

    @staticmethod
    def ask(status):
        if status:
            raise ValueError(LIBRARY.ebjr_error_last().decode())

    def expected(self, name, threshold):
        student = self.score >= threshold
        answer = np.where(student, *self.predictions)
        own = np.arange(self.n), self.labels
        p = np.where(student[:, None], softmax(self.logits[0]), softmax(self.logits[1]))
        support = np.bincount(self.labels, minlength=self.classes)
        predicted = np.bincount(answer[answer >= 0], minlength=self.classes)
        right = np.bincount(self.labels[answer == self.labels], minlength=self.classes)
        either = support + predicted
        one_hot = np.zeros_like(p)
        one_hot[own] = 1
        return {
            "top5": np.where(student, *self.top5).mean(),
            "balanced-accuracy": (right[support > 0] / support[support > 0]).mean(),
            "macro-f1": (2 * right[either > 0] / either[either > 0]).mean(),
            "micro-f1": 2 * right.sum() / either.sum(),
            "nll": -np.log(p[own]).mean(),
            "brier": ((p - one_hot) ** 2).sum(1).mean(),
        }[name]


class Metrics(unittest.TestCase):
    def check(self, cascade):
        for name in NAMES:
            thresholds, values = cascade.sweep(name)
            self.assertEqual(thresholds[0], np.inf)
            self.assertEqual(len(thresholds), len(np.unique(cascade.score)) + 1)
            np.testing.assert_allclose(
                values, [cascade.expected(name, t) for t in thresholds], rtol=0, atol=1e-12,
                err_msg=name)

    def test_random_cascades(self):
        for seed in range(4):
            self.check(Cascade(seed))

    def test_two_classes(self):
        self.check(Cascade(9, classes=2))

    def test_one_sample(self):
        self.check(Cascade(10, n=1))

    def test_a_specialised_student(self):
        self.check(Cascade(11, other=True))

    def test_micro_f1_is_accuracy_where_every_answer_is_a_class(self):
        cascade = Cascade(12)
        thresholds, values = cascade.sweep("micro-f1")
        for t, value in zip(thresholds, values):
            answer = np.where(cascade.score >= t, *cascade.predictions)
            self.assertAlmostEqual(value, (answer == cascade.labels).mean(), 14)

    def test_what_cannot_be_had(self):
        cascade = Cascade(13)
        with self.assertRaisesRegex(ValueError, "nll needs the logits"):
            cascade.sweep("nll", logits=False)
        cascade.sweep("top5", logits=False)
        with self.assertRaisesRegex(ValueError, "did you mean 'macro-f1'"):
            cascade.sweep("macro-f2")
        cascade.labels[7] = cascade.classes
        with self.assertRaisesRegex(ValueError, "sample 7: its label is 7"):
            cascade.sweep("top5")


if __name__ == "__main__":
    unittest.main()
