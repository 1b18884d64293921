"""The operating point, its policy, and what is said of uncertainty, against numpy."""

import csv
import hashlib
import io
import json
import math
import re
import shutil
import unittest

import numpy as np

from support import LOGIT_SCORES, ProgramTest, predictions, score_of, softmax

SAMPLES, CLASSES = 1000, 6
STUDENT_FLOPS, TEACHER_FLOPS = 5_000_000, 40_000_000
OVERCONFIDENCE = 2.5


def population(seed, samples=SAMPLES, hardness=0.0):
    """Labels drawn from the softmax of the student's logits, which are then made overconfident by
    a factor; a teacher that knows nine labels of ten, whatever the student says."""
    generator = np.random.default_rng(seed)
    calibrated = generator.normal(size=(samples, CLASSES)) * generator.uniform(
        0.3, 6, (samples, 1)) * (1 - hardness)
    labels = (np.cumsum(softmax(calibrated), axis=1) < generator.random((samples, 1))).sum(axis=1)
    labels = np.minimum(labels, CLASSES - 1)
    teacher = generator.normal(size=(samples, CLASSES))
    known = generator.random(samples) < 0.9
    believed = np.where(known, labels, generator.integers(0, CLASSES, samples))
    teacher[np.arange(samples), believed] += 6
    latencies = (generator.integers(1_000, 3_000, samples),
                 generator.integers(5_000, 50_000, samples))
    return ((OVERCONFIDENCE * calibrated).astype(np.float32), teacher.astype(np.float32), labels,
            latencies)


STUDENT, TEACHER, LABELS, LATENCIES = population(1)


def binomial_cdf(k, n, p):
    return math.fsum(math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
                              + i * math.log(p) + (n - i) * math.log1p(-p))
                     for i in range(int(k) + 1))


def most_allowed(n, limit, delta):
    """The largest count among n that certifies a rate <= limit; -1: none."""
    k = -1
    while k + 1 < n and binomial_cdf(k + 1, n, limit) <= delta:
        k += 1
    return k


def hoeffding_bentkus(losses, limit):
    """The p-value of E[loss] > limit (Bates et al. 2021), for losses of whole halves."""
    n, mean = len(losses), losses.mean()
    if mean >= limit:
        return 1
    part = lambda a, b: a * math.log(a / b) if a > 0 else 0
    hoeffding = math.exp(-n * (part(mean, limit) + part(1 - mean, 1 - limit)))
    log_choose = lambda k: math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    cdf = math.fsum(math.exp(log_choose(k) + k * math.log(limit) + (n - k) * math.log1p(-limit))
                    for k in range(math.ceil(losses.sum()) + 1))
    return min(1, hoeffding, math.e * cdf)


class Curve:
    """All thresholds of a score without ties, by descending threshold: +inf, then every score."""

    def __init__(self, score, student, teacher, latencies=LATENCIES):
        order = np.argsort(-score, kind="stable")
        self.n = n = len(score)
        self.threshold = np.concatenate(([np.inf], score[order]))
        self.share = np.arange(n + 1) / n
        self.rate = (n - np.arange(n + 1)) / n
        s, t = student[order].astype(int), teacher[order].astype(int)
        count = lambda values: np.concatenate(([0], np.cumsum(values)))
        self.harm, self.help = count((1 - s) * t), count(s * (1 - t))
        self.accuracy = (t.sum() + self.help - self.harm) / n
        self.drop = (self.harm - self.help) / n
        self.flops = STUDENT_FLOPS + self.rate * TEACHER_FLOPS
        fast, slow = latencies[0][order], latencies[0][order] + latencies[1][order]
        times = np.where(np.arange(n)[None, :] < np.arange(n + 1)[:, None], fast, slow)
        self.latency = times.mean(axis=1)
        self.over = lambda limit: (times > limit).sum(axis=1)
        times = np.sort(times, axis=1)
        self.p95, self.p99 = (times[:, math.ceil(n * q / 100) - 1] for q in (95, 99))

    def deferral_area(self):
        return np.sum((self.accuracy[1:] + self.accuracy[:-1]) / 2) / self.n


class Store(ProgramTest):
    """A copy of a store of the population."""

    @classmethod
    def setUpClass(cls):
        cls.original = ProgramTest()
        cls.addClassCleanup(cls.original.doCleanups)
        cls.original.setUp()
        fill(cls.original, STUDENT, TEACHER, LABELS, LATENCIES)

    def setUp(self):
        super().setUp()
        shutil.copy(self.original.db, self.db)
        self.cascade = self.cascade_in(self.db)

    @staticmethod
    def cascade_in(db):
        return "--db", db, "--student", "small", "--teacher", "large"

    def pick(self, *arguments, **options):
        return self.json("pick", *self.cascade, *arguments, **options)

    def policy(self, *arguments, name="policy.json"):
        """A policy as it stands in its file, and what was printed."""
        path = self.path(name)
        report = self.pick(*arguments, "--out", path)
        return json.loads(path.read_text()), report


def fill(store, student, teacher, labels, latencies):
    for name, logits, flops, times in (("small", student, STUDENT_FLOPS, latencies[0]),
                                       ("large", teacher, TEACHER_FLOPS, latencies[1])):
        store.import_logits(name, logits, labels, "--flops", str(flops), "--dataset-name", "one",
                            "--latency-ns", store.save("times.npy", times))


def right(logits):
    return predictions(logits) == LABELS


FIGURES = (("student_share", "share"), ("teacher_rate", "rate"), ("accuracy", "accuracy"),
           ("drop", "drop"), ("flops", "flops"), ("latency_ns", "latency"), ("p95_ns", "p95"),
           ("p99_ns", "p99"))


class Figures(Store):
    """Nothing is tuned and no part is held back: all samples choose."""

    def check(self, report, curve, allowed, loss, n=SAMPLES):
        """The loosest of the allowed points with the smallest loss, and all that is said of it."""
        self.assertTrue(allowed.any())
        best = np.where(allowed, loss, np.inf).min()
        at = np.flatnonzero(allowed & (loss == best))[-1]
        self.assertEqual(report["status"], "feasible")
        self.assertEqual(report["n"], n)
        self.assertAlmostEqual(report["threshold"], curve.threshold[at], delta=1e-12)
        for field, name in FIGURES:
            self.assertAlmostEqual(report[field], getattr(curve, name)[at],
                                   delta=1e-12 * max(1, abs(report[field])), msg=field)
        for field, place, values in (("stricter_threshold", at - 1, curve.threshold),
                                     ("looser_threshold", at + 1, curve.threshold),
                                     ("stricter_accuracy", at - 1, curve.accuracy),
                                     ("looser_accuracy", at + 1, curve.accuracy)):
            if 0 < place < len(values):
                self.assertAlmostEqual(report[field], values[place], delta=1e-12, msg=field)
            elif place > SAMPLES or place < 0:
                self.assertIsNone(report[field])
        return at

    def test_plain(self):
        for score in ("msp", "logit-margin", "energy"):
            curve = Curve(score_of(score, STUDENT), right(STUDENT), right(TEACHER))
            for arguments, allowed, loss in (
                    ("--max-drop 0.01", curve.drop <= 0.01, curve.flops),
                    ("--min-accuracy 0.85", curve.accuracy >= 0.85, curve.flops),
                    ("--max-teacher-rate 0.3", curve.rate <= 0.3, -curve.accuracy),
                    ("--max-flops 20M", curve.flops <= 20e6, -curve.accuracy),
                    ("--max-latency 15us", curve.latency <= 15_000, -curve.accuracy),
                    ("--max-p95 40000ns", curve.p95 <= 40_000, -curve.accuracy),
                    ("--max-p99 0.04ms", curve.p99 <= 40_000, -curve.accuracy),
                    ("--max-p99 51us --max-drop 0.05",
                     (curve.p99 <= 51_000) & (curve.drop <= 0.05), curve.flops),
                    ("--max-drop 0.02 --minimize latency", curve.drop <= 0.02, curve.latency),
                    ("--max-drop 0.02 --minimize teacher-rate", curve.drop <= 0.02, curve.rate),
                    ("--max-drop 0.5 --max-flops 30M --maximize accuracy",
                     (curve.drop <= 0.5) & (curve.flops <= 3e7), -curve.accuracy)):
                with self.subTest(score=score, arguments=arguments):
                    report = self.pick("--score", score, "--plain", *arguments.split())
                    self.assertEqual(report["score"], score)
                    self.check(report, curve, allowed, loss)
                    self.assertFalse(report["certified"])
                    self.assertEqual(report["certified_budgets"], "")
                    self.assertEqual(report["uncertified_budgets"].split(),
                                     [b for b in ("min-accuracy", "max-drop", "max-flops",
                                                  "max-teacher-rate", "max-latency", "max-p95",
                                                  "max-p99") if f"--{b} " in arguments])
                    self.assertIsNone(report["delta"])
                    self.assertEqual((report["tuning_n"], report["test_n"]), (0, 0))
                    self.assertIsNone(report["test_accuracy"])

    def test_certified(self):
        """The bounds are binomial tails summed here, for all stricter or looser points."""
        curve = Curve(score_of("logit-margin", STUDENT), right(STUDENT), right(TEACHER))
        stricter = lambda holds: np.logical_and.accumulate(holds)
        looser = lambda holds: np.logical_and.accumulate(holds[::-1])[::-1]

        def harm(limit, delta):
            return stricter(curve.harm <= most_allowed(SAMPLES, limit, delta)) | (
                curve.threshold == np.inf)

        def rate(limit, delta):
            deferred = SAMPLES - np.arange(SAMPLES + 1)
            return looser(deferred <= most_allowed(SAMPLES, limit, delta))

        def tail(nanoseconds, limit, delta):
            return looser(curve.over(nanoseconds) <= most_allowed(SAMPLES, limit, delta))

        for arguments, delta, allowed, loss, binding in (
                ("--max-drop 0.02", 0.05, harm(0.02, 0.05), curve.flops, "max-drop"),
                ("--max-drop 0.02 --delta 0.001", 0.001, harm(0.02, 0.001), curve.flops,
                 "max-drop"),
                ("--max-teacher-rate 0.4", 0.05, rate(0.4, 0.05), -curve.accuracy, None),
                ("--max-flops 20M", 0.05, rate(15 / 40, 0.05), -curve.accuracy, None),
                ("--max-p95 40us", 0.05, tail(40_000, 0.05, 0.05), -curve.accuracy, None),
                ("--max-p99 40us", 0.05, tail(40_000, 0.01, 0.05), -curve.accuracy, None),
                ("--max-drop 0.15 --max-teacher-rate 0.7 --max-p95 49us", 0.05,
                 harm(0.15, 0.05 / 3) & rate(0.7, 0.05 / 3) & tail(49_000, 0.05, 0.05 / 3),
                 curve.flops, "max-drop")):
            with self.subTest(arguments):
                report = self.pick("--score", "logit-margin", *arguments.split())
                self.check(report, curve, allowed, loss)
                budgets = re.findall(r"--(max-\S+)", arguments)
                self.assertTrue(report["certified"])
                self.assertEqual(set(report["certified_budgets"].split()), set(budgets))
                self.assertEqual(report["uncertified_budgets"], "")
                self.assertEqual(report["delta"], delta)
                self.assertAlmostEqual(report["delta_each"], delta / len(budgets), delta=1e-15)
                if binding:
                    self.assertEqual(report["binding"], binding)

    def test_a_mean_latency_stays_plain(self):
        curve = Curve(score_of("logit-margin", STUDENT), right(STUDENT), right(TEACHER))
        arguments = "--max-latency 16us --max-teacher-rate 0.9 --score logit-margin".split()
        process = self.ebjr("pick", *self.cascade, *arguments, "--format", "json")
        report = json.loads(process.stdout)
        self.assertIn("no certificate", process.stderr)
        self.assertFalse(report["certified"])
        self.assertEqual(report["certified_budgets"], "max-teacher-rate")
        self.assertEqual(report["uncertified_budgets"], "max-latency")
        self.assertEqual(report["delta_each"], 0.05)
        self.check(report, curve, (curve.latency <= 16_000)
                   & (SAMPLES * curve.rate <= most_allowed(SAMPLES, 0.9, 0.05) + 0.5),
                   -curve.accuracy)

    def test_answers_of_both(self):
        """--answer average:W: the deferred get the class of the mixed probabilities."""
        for weight in (0, 0.25, 0.6):
            mixed = (weight * softmax(TEACHER.astype(float))
                     + (1 - weight) * softmax(STUDENT.astype(float)))
            curve = Curve(score_of("logit-margin", STUDENT), right(STUDENT), right(mixed))
            curve.drop = right(TEACHER).mean() - curve.accuracy  # below the teacher alone
            report = self.pick("--plain", "--score", "logit-margin", "--max-teacher-rate", "0.35",
                               "--answer", f"average:{weight}", "--tune-on", "0.000001",
                               "--calibrate-on", "0.999999")
            self.assertEqual(report["answer_weight"], weight)
            self.assertEqual(report["n"], SAMPLES)
            self.check(report, curve, curve.rate <= 0.35, -curve.accuracy)

    def test_without_flops_and_latencies(self):
        db = self.db = self.path("bare.db")
        self.import_logits("small", STUDENT, LABELS)
        self.import_logits("large", TEACHER, LABELS)
        self.cascade = self.cascade_in(db)
        report = self.pick("--score", "msp", "--max-drop", "0.02")
        self.assertEqual(report["objective"], "minimize teacher-rate")
        self.assertIsNone(report["flops"])
        self.assertIsNone(report["latency_ns"])
        for budget, word in (("--max-flops", "FLOPs"), ("--max-latency", "latencies"),
                             ("--max-p95", "latencies"), ("--max-p99", "latencies")):
            for plain in ([], ["--plain"]):
                process = self.ebjr("pick", *self.cascade, "--score", "msp", budget, "9", *plain,
                                    code=2)
                self.assertIn(word, process.stderr)
                self.assertEqual(process.stdout, "")


class Endings(Store):
    def test_slips(self):
        for arguments, words in (
                ([], ["no budget"]),
                (["--max-drop", "1.5"], ["--max-drop", "fraction"]),
                (["--max-drop", "-0.1"], ["--max-drop", "fraction"]),
                (["--min-accuracy", "95"], ["0.95, not 95"]),
                (["--max-drop", "nan"], ["--max-drop"]),
                (["--max-drop", "much"], ["--max-drop", "much"]),
                (["--max-p99", "20 miles"], ["--max-p99"]),
                (["--max-p99", "ms"], ["--max-p99"]),
                (["--max-drop", "0.1", "--delta", "0"], ["--delta"]),
                (["--max-drop", "0.1", "--delta", "1"], ["--delta"]),
                (["--max-drop", "0.1", "--delta", "nan"], ["--delta"]),
                (["--max-drop", "0.1", "--minimize", "time"], ["--minimize", "time"]),
                (["--max-drop", "0.1", "--maximize", "flops"], ["--maximize"]),
                (["--max-drop", "0.1", "--minimize", "flops", "--maximize", "accuracy"],
                 ["either"]),
                (["--max-drop", "0.1", "--tune-on", "0"], ["--tune-on"]),
                (["--max-drop", "0.1", "--calibrate-on", "1.5"], ["fractions"]),
                (["--max-drop", "0.1", "--calibrate-on", "0.7", "--test-on", "0.5"],
                 ["more than 1"]),
                (["--max-drop", "0.1", "--answer", "both"], ["--answer", "both"]),
                (["--max-drop", "0.1", "--bound", "luck"], ["luck", "betting"]),
                (["--max-drop", "0.1", "--plain", "--bound", "betting"], ["--bound"]),
                (["--max-teacher-rate", "0.5", "--bound", "betting"], ["--bound"]),
                (["--max-drop", "0.1", "--bound", "betting", "--tune-on", "0"], ["--tune-on"]),
                (["--max-drop", "0.1", "--answer", "average:0.5", "--bound", "clopper-pearson",
                  "--tune-on", "0.2"], ["joint", "clopper-pearson"]),
                (["--max-drop", "0.1", "--answer", "average:2"], ["--answer"]),
                (["--max-drop", "0.1", "--score", "oracle"], ["oracle"]),
                (["--max-drop", "0.1", "--score", "random"], ["random"]),
                (["--max-drop", "0.1", "--format", "xml"], ["xml"])):
            with self.subTest(arguments):
                process = self.ebjr("pick", *self.cascade, *arguments, code=2)
                for word in words:
                    self.assertIn(word, process.stderr)
                self.assertEqual(process.stdout, "")
        self.refuse("'enrgy'", "did you mean 'energy'",
                    arguments=("pick", *self.cascade, "--max-drop", "0.1", "--score", "enrgy"),
                    code=2)

    def infeasible(self, *arguments):
        out = self.path("never.json")
        process = self.ebjr("pick", *self.cascade, "--score", "logit-margin", "--format", "json",
                            "--out", out, *arguments, code=3)
        report = json.loads(process.stdout)
        self.assertEqual(report["status"], "infeasible")
        for field, _ in FIGURES:
            self.assertIsNone(report[field], field)
        self.assertIsNone(report["threshold"])
        self.assertFalse(report["certified"])
        self.assertFalse(out.exists())
        return report["binding"], process.stderr

    def test_infeasible(self):
        curve = Curve(score_of("logit-margin", STUDENT), right(STUDENT), right(TEACHER))
        best = curve.accuracy.max()
        for arguments, conflict, reachable in (
                ("--min-accuracy 0.999", "min-accuracy", [best]),
                ("--max-flops 1M", "max-flops", [STUDENT_FLOPS]),
                ("--max-p99 1us --max-drop 0.5", "max-p99", [curve.p99.min(), curve.drop.min()]),
                ("--max-drop 0 --max-teacher-rate 0.05", "max-drop max-teacher-rate",
                 [curve.drop.min(), 0]),
                ("--max-drop 0.001 --max-flops 6M --max-p99 1s", "max-drop max-flops",
                 [curve.drop.min(), STUDENT_FLOPS, curve.p99.min()])):
            with self.subTest(arguments):
                binding, talk = self.infeasible("--plain", *arguments.split())
                self.assertEqual(binding, conflict)
                self.assertIn(f"no threshold meets {conflict}\n", talk)
                for value in reachable:
                    self.assertIn(f"the best any threshold has on these samples is {value:.6g}",
                                  talk)

    def test_infeasible_with_a_certificate_alone(self):
        """0.1 % of a thousand: even no harm at all certifies 0.3 % only; to keep to the teacher
        is what remains, unless that is not allowed either."""
        report = self.pick("--score", "logit-margin", "--max-drop", "0.001")
        self.assertEqual((report["threshold"], report["student_share"]), ("inf", 0))
        binding, talk = self.infeasible("--max-drop", "0.001", "--max-teacher-rate", "0.99")
        self.assertEqual(binding, "max-drop max-teacher-rate")
        self.assertIn("with a certificate", talk)

    def test_formats(self):
        arguments = ("--score", "msp", "--plain", "--max-drop", "0.01")
        report = self.pick(*arguments)
        row, = self.csv("pick", *self.cascade, *arguments)
        self.assertEqual(list(row), list(report))
        self.assertEqual(float(row["threshold"]), report["threshold"])
        self.assertIn("| threshold ",
                      self.ebjr("pick", *self.cascade, *arguments, "--format", "md").stdout)


class PartedStore(Store):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.parts = {}

    def find_parts(self, *fractions):
        """Which samples go to calibration and to test, learnt from the program: with a latency of
        2^j ns for one sample each, the bits of a mean times n say who is in it."""
        if fractions in self.parts:
            return self.parts[fractions]
        bits, found = 40, {"": np.zeros(SAMPLES, bool), "test_": np.zeros(SAMPLES, bool)}
        labels, logits = self.save("y.npy", LABELS), self.save("z.npy", STUDENT)
        other = self.save("w.npy", TEACHER)
        for first in range(0, SAMPLES, bits):
            db = self.path(f"probe{first}.db")
            times = np.zeros(SAMPLES, np.int64)
            block = np.arange(first, min(first + bits, SAMPLES))
            times[block] = 2 ** (block - first)
            for name, file, latencies in (("small", logits, times), ("large", other, 0 * times)):
                self.ebjr("import", "--db", db, "--name", name, "--logits", file, "--labels",
                          labels, "--latency-ns", self.save("t.npy", latencies))
            report = self.json("pick", *self.cascade_in(db), "--plain", "--score", "msp",
                               "--max-teacher-rate", "1", *fractions)
            for part in found:
                mean = report[f"{part}latency_ns"]
                total = 0 if mean is None else round(mean * report[f"{part}n"])
                found[part][block] = [total >> j & 1 for j in range(len(block))]
            db.unlink()
        self.parts[fractions] = found[""], found["test_"]
        return self.parts[fractions]

    FRACTIONS = ("--tune-on", "0.3", "--calibrate-on", "0.4", "--test-on", "0.3")


class Splits(PartedStore):
    def test_parts(self):
        calibration, test = self.find_parts(*self.FRACTIONS)
        tuning = ~calibration & ~test
        self.assertFalse((calibration & test).any())
        for label in range(CLASSES):
            of_label = (LABELS == label).sum()
            for part, fraction in ((tuning, 0.3), (calibration, 0.4), (test, 0.3)):
                self.assertLess(abs((part & (LABELS == label)).sum() - fraction * of_label), 1)
        self.assertEqual((tuning.sum(), calibration.sum(), test.sum()), (300, 400, 300))
        report = self.pick("--plain", "--max-drop", "0.01", *self.FRACTIONS)
        self.assertEqual((report["tuning_n"], report["n"], report["test_n"]), (300, 400, 300))

    def test_other_seeds_split_otherwise(self):
        thresholds = {self.pick("--score", "msp", "--max-drop", "0.02", "--calibrate-on", "0.5",
                                "--split-seed", str(seed))["threshold"] for seed in range(8)}
        self.assertGreater(len(thresholds), 4)

    def test_figures_of_the_parts(self):
        calibration, test = self.find_parts(*self.FRACTIONS)
        report = self.pick("--plain", "--score", "logit-margin", "--max-drop", "0.02",
                           *self.FRACTIONS)
        score = score_of("logit-margin", STUDENT)
        curves = {}
        for prefix, part in (("", calibration), ("test_", test)):
            curves[prefix] = Curve(score[part], right(STUDENT)[part], right(TEACHER)[part],
                                   [times[part] for times in LATENCIES])
        curve = curves[""]
        chosen = np.flatnonzero(curve.drop <= 0.02)[-1]
        self.assertEqual(report["threshold"], curve.threshold[chosen])
        at = (score[test] >= report["threshold"]).sum()
        for field, name in FIGURES[1:]:
            for prefix, place in (("", chosen), ("test_", at)):
                value = getattr(curves[prefix], name)[place]
                self.assertAlmostEqual(report[prefix + field], value, delta=1e-12 * max(1, value),
                                       msg=prefix + field)

    def changed(self, name, part):
        """A store where a third of the samples of a part have the logits of other ones, for both
        models: their scores and what is right of them change, labels and the split stay."""
        place = np.arange(SAMPLES)
        some = np.flatnonzero(part)[::3]
        place[some] = np.roll(some, 7)
        other = Store()
        other.setUp = lambda: None
        other.directory, other.numbers = self.path(name), iter(range(9))
        other.directory.mkdir()
        other.db = other.path("store.db")
        fill(other, STUDENT[place], TEACHER[place], LABELS, LATENCIES)
        return self.cascade_in(other.db)

    def decide(self, cascade, *arguments):
        """What a pick decides, and what it says of the test samples."""
        out = self.path("decided.json")
        out.unlink(missing_ok=True)
        report = self.json("pick", *cascade, *arguments, *self.FRACTIONS, "--out", out)
        policy = json.loads(out.read_text())
        decided = [{key: value for key, value in report.items() if not key.startswith("test_")},
                   policy["stages"][0]["router"], policy["stages"][0]["threshold"],
                   policy["promise"]]
        return decided, [value for key, value in report.items() if key.startswith("test_")]

    def test_nothing_peeks(self):
        """What test samples hold moves no threshold; what calibration samples hold moves the
        threshold, but nothing that tuning samples fit."""
        calibration, test = self.find_parts(*self.FRACTIONS)
        changed_test = self.changed("test", test)
        changed_calibration = self.changed("calibration", calibration)
        changed_tuning = self.changed("tuning", ~calibration & ~test)
        for arguments in ("--max-drop 0.03", "--max-drop 0.03 --plain", "--min-accuracy 0.6",
                          "--max-drop 0.05 --score learned", "--max-drop 0.05 --per-class",
                          "--max-drop 0.05 --fit-temperature --score energy",
                          "--max-drop 0.05 --plain --answer average"):
            with self.subTest(arguments):
                arguments = arguments.split()
                decided, tested = self.decide(self.cascade, *arguments)
                again, tested_again = self.decide(changed_test, *arguments)
                self.assertEqual(decided, again)
                self.assertNotEqual(tested, tested_again)
                moved, _ = self.decide(changed_calibration, *arguments)
                self.assertNotEqual(decided[2], moved[2])
                self.assertEqual(decided[1], moved[1])
                self.assertEqual(decided[0]["answer_weight"], moved[0]["answer_weight"])
                tuned, _ = self.decide(changed_tuning, *arguments)
                if len(arguments) > 3:
                    self.assertNotEqual((decided[1], decided[0]["answer_weight"]),
                                        (tuned[1], tuned[0]["answer_weight"]))

    def test_defaults(self):
        """A fifth for tuning where something is tuned; the rest of --calibrate-on for test."""
        for arguments, sizes in (("--score msp", (0, 1000, 0)),
                                 ("", (200, 800, 0)),
                                 ("--score msp --min-accuracy 0.5", (200, 800, 0)),
                                 ("--score msp --min-accuracy 0.5 --plain", (0, 1000, 0)),
                                 ("--score msp --calibrate-on 0.5", (0, 500, 500)),
                                 ("--calibrate-on 0.5", (200, 500, 300)),
                                 ("--test-on 0.3", (200, 500, 300)),
                                 ("--score learned --tune-on 0.5 --test-on 0.25", (500, 250, 250)),
                                 ("--score msp --tune-on 0.1 --calibrate-on 0.2", (100, 200, 0))):
            with self.subTest(arguments):
                report = self.pick("--max-drop", "0.5", *arguments.split())
                self.assertEqual((report["tuning_n"], report["n"], report["test_n"]), sizes)


class Fits(PartedStore):
    """What is fitted, worked out again from the policy and the tuning samples."""

    def subset(self):
        calibration, test = self.find_parts(*self.FRACTIONS)
        return ~calibration & ~test, calibration, test

    def check_choice(self, policy, report, score):
        """The threshold and its figures, of a score that numpy has worked out."""
        _, calibration, _ = self.subset()
        curve = Curve(score[calibration], right(STUDENT)[calibration], right(TEACHER)[calibration],
                      [times[calibration] for times in LATENCIES])
        chosen = np.flatnonzero(curve.drop <= 0.03)[-1]
        self.assertAlmostEqual(report["threshold"], curve.threshold[chosen], delta=1e-9)
        self.assertEqual(policy["stages"][0]["threshold"], report["threshold"])
        for field, name in FIGURES:
            self.assertAlmostEqual(report[field], getattr(curve, name)[chosen],
                                   delta=1e-12 * max(1, report[field]))

    def fit(self, *arguments):
        out = self.path("policy.json")
        process = self.ebjr("pick", *self.cascade, "--plain", "--max-drop", "0.03", "--out", out,
                            *self.FRACTIONS, *arguments, "--format", "json")
        return json.loads(out.read_text()), json.loads(process.stdout), process.stderr

    def check_comparison(self, talk, score):
        """Both areas of the sentence about held-out samples. The plain score is that of the
        greatest area on the tuning samples."""
        tuning, calibration, _ = self.subset()
        area = lambda values, part: Curve(values[part], right(STUDENT)[part],
                                          right(TEACHER)[part], LATENCIES).deferral_area()
        plain = {name: score_of(name, STUDENT) for name in LOGIT_SCORES}
        best = max(plain, key=lambda name: area(plain[name], tuning))
        found = re.search(r"deferral curve is ([\d.]+), that of (\S+) ([\d.]+): difference "
                          r"([-+][\d.]+) \[([-+][\d.]+), ([-+][\d.]+)\] at 95 %; (.*)", talk)
        self.assertIsNotNone(found, talk)
        self.assertAlmostEqual(area(plain[found[2]], tuning), area(plain[best], tuning),
                               delta=1e-12)
        self.assertAlmostEqual(float(found[1]), area(score, calibration), delta=6e-5)
        self.assertAlmostEqual(float(found[3]), area(plain[found[2]], calibration), delta=6e-5)
        low, high = float(found[5]), float(found[6])
        self.assertLessEqual(low, float(found[4]))
        self.assertGreaterEqual(high, float(found[4]))
        self.assertIn("it beats" if low > 0 else "it is worse" if high < 0 else "does not beat",
                      found[7])

    def test_auto(self):
        """The plain score of the greatest area on the tuning samples."""
        tuning, _, _ = self.subset()
        policy, report, _ = self.fit()
        area = lambda name: Curve(score_of(name, STUDENT)[tuning], right(STUDENT)[tuning],
                                  right(TEACHER)[tuning]).deferral_area()
        self.assertAlmostEqual(area(report["score"]), max(map(area, LOGIT_SCORES)), delta=1e-12)
        self.check_choice(policy, report, score_of(report["score"], STUDENT))

    def test_temperature(self):
        """The least mean negative log-likelihood of the tuning samples; planted was 2.5."""
        tuning, _, _ = self.subset()
        policy, report, talk = self.fit("--fit-temperature", "--score", "msp")
        temperature = report["temperature"]
        self.assertEqual(policy["stages"][0]["router"]["temperature"], temperature)
        logits = STUDENT[tuning].astype(float)

        def loss(t):
            p = softmax(logits / t)
            return -np.log(p[np.arange(len(p)), LABELS[tuning]]).mean()

        for other in np.exp(np.linspace(-3, 3, 601)) * temperature:
            self.assertGreaterEqual(loss(other), loss(temperature) - 1e-12)
        self.assertAlmostEqual(temperature, OVERCONFIDENCE, delta=0.6)
        self.check_choice(policy, report, score_of("msp", STUDENT, temperature=temperature))
        self.check_comparison(talk, score_of("msp", STUDENT, temperature=temperature))

    def test_learned(self):
        policy, report, talk = self.fit("--score", "learned")
        router = policy["stages"][0]["router"]
        self.assertEqual((report["score"], router["score"]), ("learned", "learned"))
        features = np.column_stack([score_of(name, STUDENT) for name in LOGIT_SCORES]
                                   + [np.eye(CLASSES)[predictions(STUDENT)]])
        score = router["intercept"] + features @ np.array(router["weights"])
        self.check_choice(policy, report, score)
        self.check_comparison(talk, score)
        self.check_gradient(features, score)

    def check_gradient(self, features, score):
        """On the tuning samples the likelihood of the student being right cannot be bettered by
        much: logistic regression fits the mean exactly, for the intercept is not shrunk."""
        tuning, _, _ = self.subset()
        chance = 1 / (1 + np.exp(-score[tuning]))
        self.assertAlmostEqual(chance.mean(), right(STUDENT)[tuning].mean(), delta=1e-6)
        better = (right(STUDENT)[tuning] - chance) @ features[tuning]
        self.assertLess(np.abs(better / features[tuning].std(axis=0).clip(1e-9)).max(),
                        0.1 * tuning.sum())

    def certify(self, *arguments, code=0):
        out = self.path("policy.json")
        out.unlink(missing_ok=True)
        process = self.ebjr("pick", *self.cascade, "--score", "msp", "--out", out, *self.FRACTIONS,
                            *arguments, "--format", "json", code=code)
        return json.loads(process.stdout), json.loads(out.read_text()) if code == 0 else None

    def test_certified_drops(self):
        """By Hoeffding and Bentkus, worked out again on the grid that the tuning samples propose;
        by betting, which is free to stop elsewhere, the figures of the threshold it finds."""
        tuning, calibration, _ = self.subset()
        mixed = right(0.5 * softmax(TEACHER.astype(float)) + 0.5 * softmax(STUDENT.astype(float)))
        score, limit, delta = score_of("msp", STUDENT), 0.2, 0.05
        proposals = Curve(score[tuning], right(STUDENT)[tuning], mixed[tuning])
        best = np.flatnonzero(proposals.accuracy == proposals.accuracy.max())[-1]
        loss = lambda t: (1 + right(TEACHER) * 1.0
                          - np.where(score >= t - 1e-12, right(STUDENT), mixed))[calibration] / 2
        chosen = None
        for threshold in proposals.threshold[best:]:
            if hoeffding_bentkus(loss(threshold), (1 + limit) / 2) > delta:
                break
            chosen = threshold
        self.assertIsNotNone(chosen)
        joint = ("--answer", "average:0.5", "--max-drop", str(limit))
        report, policy = self.certify(*joint, "--bound", "hoeffding-bentkus")
        self.assertEqual((report["bound"], policy["promise"]["bound"]), 2 * ("hoeffding-bentkus",))
        self.assertAlmostEqual(report["threshold"], chosen, delta=1e-9)
        self.assertAlmostEqual(report["drop"], 2 * loss(chosen).mean() - 1, delta=1e-12)
        self.assertEqual((report["certified"], report["certified_budgets"]), (True, "max-drop"))

        report, policy = self.certify(*joint)
        self.assertEqual((report["bound"], policy["promise"]["bound"]), ("betting", "betting"))
        self.assertAlmostEqual(report["drop"], 2 * loss(report["threshold"]).mean() - 1,
                               delta=1e-12)
        self.assertLess(report["drop"], limit)
        self.assertGreaterEqual(report["student_share"] + 1e-9,
                                (score >= chosen - 1e-12)[calibration].mean())

        report, policy = self.certify("--max-drop", "0.1")
        self.assertEqual((report["bound"], policy["promise"]["bound"]), 2 * ("clopper-pearson",))
        report, _ = self.certify("--max-drop", "0.0001", *joint[:2], code=3)
        self.assertIsNone(report["bound"])
        report, policy = self.certify("--max-teacher-rate", "0.9")
        self.assertEqual(report["bound"], "clopper-pearson")
        self.assertNotIn("bound", policy["promise"])

    def test_offsets(self):
        policy, report, talk = self.fit("--per-class", "--score", "logit-margin")
        offsets = np.array(policy["stages"][0]["router"]["offsets"])
        self.assertEqual(offsets.shape, (CLASSES,))
        score = score_of("logit-margin", STUDENT) - offsets[predictions(STUDENT)]
        self.check_choice(policy, report, score)
        self.check_comparison(talk, score)

    def test_average(self):
        """The weight of the least negative log-likelihood in steps of 0.05."""
        tuning, calibration, _ = self.subset()
        policy, report, _ = self.fit("--answer", "average", "--score", "msp")
        p, q = softmax(TEACHER.astype(float)), softmax(STUDENT.astype(float))
        label = np.arange(SAMPLES), LABELS
        loss = lambda w: -np.log((w * p + (1 - w) * q)[label][tuning]).mean()
        weights = np.arange(21) / 20
        self.assertAlmostEqual(report["answer_weight"], weights[np.argmin([*map(loss, weights)])])
        self.assertEqual(policy["answer_weight"], report["answer_weight"])
        mixed = right(report["answer_weight"] * p + (1 - report["answer_weight"]) * q)
        keeps = score_of("msp", STUDENT) >= report["threshold"] - 1e-12
        self.assertAlmostEqual(report["accuracy"],
                               np.where(keeps, right(STUDENT), mixed)[calibration].mean())
        self.assertAlmostEqual(report["drop"],
                               right(TEACHER)[calibration].mean() - report["accuracy"])


def seal(policy):
    """SHA-256 of the compact text with sorted keys of all but the seal."""
    def text(value):
        if isinstance(value, dict):
            return "{" + ",".join(f"{json.dumps(key)}:{text(value[key])}"
                                  for key in sorted(value)) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(text, value)) + "]"
        if isinstance(value, float):
            digits = f"{value:.17g}"
            mantissa, _, exponent = digits.partition("e")
            if exponent:  # written without a plus and leading zeros
                return f"{mantissa}{'' if '.' in mantissa else '.0'}e{int(exponent)}"
            return digits if "." in digits else digits + ".0"
        return json.dumps(value, ensure_ascii=False)
    content = {key: value for key, value in policy.items() if key != "seal"}
    return hashlib.sha256(text(content).encode()).hexdigest()


class Policies(Store):
    ARGUMENTS = ("--max-drop", "0.03", "--calibrate-on", "0.5", "--score", "learned", "--per-class")

    def test_the_same_bytes(self):
        copy = self.path("copy.db")
        shutil.copy(self.db, copy)
        files = []
        for i, db in enumerate((self.db, self.db, copy)):
            files.append(self.path(f"{i}.json"))
            self.ebjr("pick", *self.cascade_in(db), *self.ARGUMENTS, "--out", files[-1])
        self.assertEqual(files[0].read_bytes(), files[1].read_bytes())
        self.assertEqual(files[0].read_bytes(), files[2].read_bytes())

    def test_what_it_says(self):
        policy, report = self.policy(*self.ARGUMENTS)
        self.assertEqual([stage["model"] for stage in policy["stages"]], ["small", "large"])
        for stage, file in zip(policy["stages"], ("logits0.npy", "logits1.npy")):
            self.assertEqual(stage["sha256"], hashlib.sha256(
                self.original.path(file).read_bytes()).hexdigest())
        self.assertEqual(policy["dataset"]["name"], "one")
        self.assertEqual(policy["stages"][0]["threshold"], report["threshold"])
        promise = policy["promise"]
        self.assertEqual(promise["limits"], {"max-drop": 0.03})
        self.assertEqual((promise["certified"], promise["delta"]), (["max-drop"], 0.05))
        self.assertEqual(promise["expected"]["max-drop"], report["drop"])
        self.assertEqual(promise["expected"]["max-p99"], report["p99_ns"])
        self.assertEqual({key: policy["samples"][key] for key in
                          ("tuning", "calibration", "test", "tune_on", "calibrate_on", "seed")},
                         {"tuning": 200, "calibration": 500, "test": 300, "tune_on": 0.2,
                          "calibrate_on": 0.5, "seed": 1})
        self.assertEqual(policy["seal"], seal(policy))

    def test_eval(self):
        """With no part held back, eval counts what pick counted."""
        for arguments in ("--score msp", "--score logit-margin --plain",
                          "--score energy --temperature 2.5", "--score msp --precision float32"):
            with self.subTest(arguments):
                _, picked = self.policy("--max-drop", "0.02", *arguments.split())
                report = self.json("eval", "--db", self.db, "--policy", "policy.json")
                for field in ("threshold", "teacher_rate", "accuracy", "flops", "score"):
                    self.assertEqual(report[field], picked[field], field)
                self.assertAlmostEqual(report["student_share"], picked["student_share"])
                self.assertEqual(report["n"], SAMPLES)
                self.assertAlmostEqual((report["harm"] - report["help"]) / SAMPLES, picked["drop"])

    def test_eval_of_fits(self):
        for arguments in (self.ARGUMENTS, ("--max-drop", "0.05", "--plain", "--answer", "average")):
            policy, _ = self.policy(*arguments)
            router, weight = policy["stages"][0]["router"], policy["answer_weight"]
            if router["score"] == "learned":
                features = np.column_stack([score_of(name, STUDENT) for name in LOGIT_SCORES]
                                           + [np.eye(CLASSES)[predictions(STUDENT)]])
                score = (router["intercept"] + features @ np.array(router["weights"])
                         - np.array(router["offsets"])[predictions(STUDENT)])
            else:
                score = score_of(router["score"], STUDENT)
            keeps = score >= policy["stages"][0]["threshold"] - 1e-10
            mixed = (weight * softmax(TEACHER.astype(float))
                     + (1 - weight) * softmax(STUDENT.astype(float)))
            report = self.json("eval", "--db", self.db, "--policy", "policy.json")
            self.assertAlmostEqual(report["student_share"], keeps.mean())
            self.assertAlmostEqual(report["accuracy"],
                                   np.where(keeps, right(STUDENT), right(mixed)).mean())

    def test_a_changed_policy(self):
        self.policy(*self.ARGUMENTS)
        text = self.path("policy.json").read_text()
        for old, new in (('"max-drop": 0.0', '"max-drop": 0.9'), ('"small"', '"smaII"'),
                         ('"seed": 1', '"seed": 2'), ('"ebjr_policy": 1', '"ebjr_policy": 2'),
                         ('"certified"', '"Certified"'), ("}\n", "\n"), ("{", "")):
            self.assertIn(old, text)
            self.path("changed.json").write_text(text.replace(old, new, 1))
            for command in (["eval"], ["check", "--dataset", "one"]):
                process = self.ebjr(*command, "--db", self.db, "--policy", "changed.json", code=1)
                self.assertIn("changed.json", process.stderr)
                self.assertEqual(process.stdout, "")

    def test_hostile_policies_with_a_true_seal(self):
        policy, _ = self.policy(*self.ARGUMENTS)
        router = lambda p: p["stages"][0]["router"]
        changes = {
            "no stages": lambda p: p.update(stages=[]),
            "one stage": lambda p: p["stages"].pop(),
            "many stages": lambda p: p.update(stages=p["stages"][:1] * 9),
            "three stages": lambda p: p["stages"].insert(0, p["stages"][0]),
            "stages of another kind": lambda p: p.update(stages={"a": 1}),
            "no router": lambda p: p["stages"][0].pop("router"),
            "no threshold": lambda p: p["stages"][0].pop("threshold"),
            "a text threshold": lambda p: p["stages"][0].update(threshold="high"),
            "few weights": lambda p: router(p)["weights"].pop(),
            "no weights": lambda p: router(p).pop("weights"),
            "few offsets": lambda p: router(p)["offsets"].pop(),
            "weights that are none": lambda p: router(p).update(weights=["a"] * 15),
            "an infinite weight": lambda p: router(p)["weights"].__setitem__(0, "inf"),
            "an infinite offset": lambda p: router(p)["offsets"].__setitem__(0, "-inf"),
            "no intercept": lambda p: router(p).pop("intercept"),
            "temperature 0": lambda p: router(p).update(temperature=0),
            "a negative p": lambda p: router(p).update(p=-4.0),
            "an infinite temperature": lambda p: router(p).update(temperature="inf"),
            "an unknown score": lambda p: router(p).update(score="enrgy"),
            "the oracle": lambda p: router(p).update(score="oracle"),
            "no classes": lambda p: p.update(classes=0),
            "other classes": lambda p: p.update(classes=7),
            "many classes": lambda p: p.update(classes=2 ** 40),
            "a heavy answer": lambda p: p.update(answer_weight=1.5),
            "another model": lambda p: p["stages"][1].update(sha256="0" * 64),
            "another preprocessing": lambda p: p.update(preprocessing="x"),
        }
        for what, change in changes.items():
            with self.subTest(what):
                changed = json.loads(json.dumps(policy))
                change(changed)
                changed["seal"] = seal(changed)
                self.path("changed.json").write_text(json.dumps(changed))
                process = self.start("eval", "--db", self.db, "--policy", "changed.json")
                output, talk = process.communicate(timeout=60)
                self.assertIn(process.returncode, (1, 2), talk)
                self.assertNotIn(b"seal", talk)
                self.assertEqual(output, b"")

    def test_slips(self):
        self.policy(*self.ARGUMENTS)
        self.refuse("says models", code=2,
                    arguments=("eval", *self.cascade, "--policy", "policy.json"))
        self.refuse("No such file", "none.json",
                    arguments=("eval", "--db", self.db, "--policy", "none.json"))
        self.ebjr("pick", *self.cascade, "--max-drop", "0.1", "--out", "no/such/place.json", code=1)


class Check(Store):
    """Does a policy still hold? New outputs are stored as `run` would store them: of the same
    models, on another data set."""

    def add(self, name, student, teacher, labels):
        """Imports two further models, then makes their runs those of the first two."""
        for model, logits, run in (("small", student, 1), ("large", teacher, 2)):
            self.import_logits(f"{model}-{name}", logits, labels, "--dataset-name", name)
            self.query("UPDATE run SET model_id = ? WHERE model_id ="
                       " (SELECT id FROM model WHERE name = ?)", run, f"{model}-{name}")

    def check(self, name, *arguments):
        return self.json("check", "--db", self.db, "--policy", "policy.json", "--dataset", name,
                         *arguments)

    def test_keep(self):
        self.policy("--score", "msp", "--max-drop", "0.05", "--calibrate-on", "0.5")
        report = self.check("one")
        self.assertEqual((report["verdict"], report["n"], report["calibration_n"]),
                         ("keep", SAMPLES, 500))
        self.assertEqual((report["promise"], report["limit"]), ("max-drop", 0.05))
        student, teacher, labels, _ = population(2)
        self.add("fresh", student, teacher, labels)
        report = self.check("fresh")
        self.assertEqual(report["verdict"], "keep")
        keeps = score_of("msp", student) >= self.threshold()
        harm = keeps & (predictions(student) != labels) & (predictions(teacher) == labels)
        self.assertAlmostEqual(report["risk"], harm.mean())
        self.assertAlmostEqual(report["teacher_rate"], 1 - keeps.mean())

    def threshold(self):
        return json.loads(self.path("policy.json").read_text())["stages"][0]["threshold"]

    def test_recalibrate(self):
        """Logits half as large: other scores, the same answers."""
        self.policy("--score", "msp", "--max-drop", "0.05")
        student, teacher, labels, _ = population(3)
        self.add("shifted", student / 2, teacher, labels)
        report = self.check("shifted")
        self.assertEqual((report["verdict"], report["drifted"], report["refuted"]),
                         ("recalibrate", True, False))
        self.assertLess(report["drift_p_value"], 1e-6)
        old, new = score_of("msp", STUDENT), score_of("msp", student / 2)
        points = np.concatenate((old, new))
        gap = np.abs((old[:, None] <= points).mean(axis=0) - (new[:, None] <= points).mean(axis=0))
        self.assertAlmostEqual(report["drift_statistic"], gap.max(), delta=1e-12)
        report = self.check("shifted", "--alpha", "1e-300")
        self.assertEqual((report["verdict"], report["drifted"]), ("keep", False))

    def test_fall_back(self):
        """The same logits and scores, but a fifth of the student's right labels turn into what
        the teacher then knows."""
        self.policy("--score", "msp", "--max-drop", "0.02")
        generator = np.random.default_rng(4)
        turned = generator.random(SAMPLES) < 0.2
        labels = np.where(turned, (predictions(STUDENT) + 1) % CLASSES, LABELS)
        teacher = np.where(turned[:, None], 6 * np.eye(CLASSES)[labels], TEACHER)
        self.add("broken", STUDENT, teacher.astype(np.float32), labels)
        report = self.check("broken")
        self.assertEqual((report["verdict"], report["drifted"], report["refuted"]),
                         ("fall back", False, True))
        self.assertEqual(report["drift_statistic"], 0)
        self.assertGreater(report["risk"], 0.02)
        self.assertTrue(1 < report["refuted_after"] < SAMPLES)
        unlabelled = self.check("broken", "--unlabelled")
        self.assertEqual((unlabelled["verdict"], unlabelled["risk"], unlabelled["promise"]),
                         ("keep", None, None))

    def test_a_plain_drop(self):
        """It promised the drop, harm less help, which is at the limit on its own samples; not the
        harm, which is above it."""
        self.policy("--score", "msp", "--max-drop", "0.02", "--plain")
        keeps = score_of("msp", STUDENT) >= self.threshold() - 1e-12
        self.assertGreater((keeps & ~right(STUDENT) & right(TEACHER)).mean(), 0.04)
        self.assertEqual(self.check("one")["verdict"], "keep")

    def test_a_joint_drop(self):
        """Below the teacher alone, whoever answers the deferred, and whatever certified it."""
        mixed = right(0.5 * softmax(TEACHER.astype(float)) + 0.5 * softmax(STUDENT.astype(float)))
        for how in (["--plain"], ["--bound", "betting"], ["--bound", "hoeffding-bentkus"]):
            self.policy("--score", "msp", "--max-drop", "0.2", "--answer", "average:0.5", *how)
            report = self.check("one")
            keeps = score_of("msp", STUDENT) >= self.threshold() - 1e-12
            self.assertEqual((report["promise"], report["verdict"]), ("max-drop", "keep"))
            self.assertAlmostEqual(report["limit"], 0.2)
            self.assertAlmostEqual(report["risk"], right(TEACHER).mean()
                                   - np.where(keeps, right(STUDENT), mixed).mean())

    def test_an_accuracy(self):
        self.policy("--score", "msp", "--min-accuracy", "0.8")
        report = self.check("one")
        self.assertEqual((report["promise"], report["verdict"]), ("min-accuracy", "keep"))
        self.assertAlmostEqual(report["limit"], 0.2)
        keeps = score_of("msp", STUDENT) >= self.threshold() - 1e-12
        self.assertAlmostEqual(report["risk"],
                               1 - np.where(keeps, right(STUDENT), right(TEACHER)).mean())

    def test_no_promise_of_risk(self):
        self.policy("--score", "msp", "--max-teacher-rate", "0.5")
        report = self.check("one")
        self.assertEqual((report["verdict"], report["promise"], report["risk"], report["refuted"]),
                         ("keep", None, None, None))

    def test_slips(self):
        self.policy("--score", "msp", "--max-drop", "0.05")
        self.ebjr("check", "--db", self.db, "--policy", "policy.json", "--dataset", "none", code=1)
        for alpha in ("nan", "2", "-1"):
            self.ebjr("check", "--db", self.db, "--policy", "policy.json", "--dataset", "one",
                      "--alpha", alpha, code=2)


class Uncertainty(Store):
    def summary(self, *arguments):
        rows = self.json("sweep", *self.cascade, "--summary", "--resamples", "200", *arguments)
        return {row["score"]: row for row in rows}

    @staticmethod
    def ranked(score):
        """In descending order of the score: what the student and the teacher have right."""
        order = np.argsort(-score, kind="stable")
        return right(STUDENT)[order].astype(int), right(TEACHER)[order].astype(int)

    def test_summary(self):
        """By the definitions, for scores without ties."""
        rows = self.summary("--score", "all")
        self.assertEqual(set(rows), {*LOGIT_SCORES, "random", "oracle"})
        best = max(rows[name]["deferral_area"] for name in LOGIT_SCORES)
        for name in LOGIT_SCORES:
            with self.subTest(name):
                row, score = rows[name], score_of(name, STUDENT)
                self.assertEqual(len(np.unique(score)), SAMPLES)
                s, t = self.ranked(score)
                n, curve = SAMPLES, Curve(score, right(STUDENT), right(TEACHER))
                rates, accuracies = curve.rate[::-1], curve.accuracy[::-1]
                self.near(row["deferral_area"], curve.deferral_area())
                self.near(row["from_best"], curve.deferral_area() - best)
                gap = t.mean() - s.mean()
                recovered = (accuracies - s.mean()) / gap
                self.near(row["apgr"], np.sum((recovered[1:] + recovered[:-1]) / 2) / n)
                for field, share in (("cpt50", 0.5), ("cpt80", 0.8)):
                    reached = np.flatnonzero(recovered >= share - 1e-12)[0]
                    before = recovered[reached - 1]
                    part = (share - before) / (recovered[reached] - before)
                    self.near(row[field], rates[reached - 1] + part / n)
                self.near(row["aurc"], np.mean(np.cumsum(1 - s) / np.arange(1, n + 1)))
                above = score[right(STUDENT)][:, None] - score[~right(STUDENT)]
                self.near(row["auroc"], (above > 0).mean() + (above == 0).mean() / 2)
                highest = np.maximum.accumulate(accuracies)[:-1]
                self.near(row["hypervolume"], np.mean(highest - s.mean()) / (1 - s.mean()))
                for field in ("deferral_area", "from_best", "apgr", "cpt50", "cpt80", "aurc",
                              "auroc", "hypervolume"):
                    self.assertLessEqual(row[f"{field}_low"], row[f"{field}_high"])
                for field in ("deferral_area", "apgr", "aurc", "auroc"):
                    self.assertLess(row[f"{field}_low"], row[field])
                    self.assertGreater(row[f"{field}_high"], row[field])
                self.assertEqual(row["differs"], row["from_best_high"] < 0
                                 or row["from_best_low"] > 0)
        areas = [row["deferral_area"] for row in rows.values()]
        self.assertEqual(areas, sorted(areas, reverse=True))
        self.assertTrue(rows["random"]["differs"])

    def near(self, value, expected):
        self.assertAlmostEqual(value, expected, delta=1e-9)

    def test_the_spread_of_an_area(self):
        """The interval is about as wide as the standard error of an own bootstrap says, over 2,000
        resamples: a standard error within some 5 %, ends of 1,000 within some 10 %."""
        row = self.summary("--score", "msp", "--resamples", "1000")["msp"]
        s, t = self.ranked(score_of("msp", STUDENT))
        generator = np.random.default_rng(5)
        weights = generator.multinomial(SAMPLES, np.full(SAMPLES, 1 / SAMPLES), 2000)
        kept = np.cumsum(weights, axis=1)
        gain = np.cumsum(weights * (s - t), axis=1) + (weights * t).sum(axis=1, keepdims=True)
        start = (weights * t).sum(axis=1, keepdims=True)
        levels = np.concatenate((start, gain), axis=1)
        areas = (weights * (levels[:, 1:] + levels[:, :-1]) / 2).sum(axis=1) / SAMPLES ** 2
        self.assertEqual(kept[0, -1], SAMPLES)
        width = row["deferral_area_high"] - row["deferral_area_low"]
        self.assertAlmostEqual(width / (2 * 1.96 * areas.std()), 1, delta=0.15)

    def test_bands(self):
        text = self.ebjr("sweep", *self.cascade, "--bands", "--score", "msp", "--format",
                         "csv").stdout
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        columns = {key: np.array([float(row[key]) for row in rows]) for key in rows[0]
                   if key != "score"}
        curve = Curve(score_of("msp", STUDENT), right(STUDENT), right(TEACHER))
        shares = np.arange(101) / 100
        np.testing.assert_allclose(columns["student_share"], shares, atol=1e-12)
        np.testing.assert_allclose(columns["accuracy"], np.interp(shares, curve.share,
                                                                  curve.accuracy), atol=1e-12)
        np.testing.assert_allclose(columns["flops"], STUDENT_FLOPS + (1 - shares) * TEACHER_FLOPS)
        self.assertTrue((columns["low"] < columns["accuracy"]).all())
        self.assertTrue((columns["accuracy"] < columns["high"]).all())
        # at share 0 and 1 the accuracy is a mean of coins
        for end, correct in ((0, right(TEACHER)), (-1, right(STUDENT))):
            error = math.sqrt(correct.mean() * (1 - correct.mean()) / SAMPLES)
            width = columns["high"][end] - columns["low"][end]
            self.assertAlmostEqual(width / (2 * 1.96 * error), 1, delta=0.15)

    def test_seeds(self):
        for kind in ("--bands", "--summary"):
            sweep = ("sweep", *self.cascade, kind, "--resamples", "100", "--format", "csv")
            once = self.ebjr(*sweep).stdout
            self.assertEqual(self.ebjr(*sweep).stdout, once)
            self.assertNotEqual(self.ebjr(*sweep, "--bootstrap-seed", "2").stdout, once)

    def test_slips(self):
        for arguments in (["--bands", "--summary"], ["--bands", "--resamples", "0"],
                          ["--summary", "--resamples", "-5"], ["--summary", "--resamples", "10"],
                          ["--bands", "--resamples", "1000000000000000000"]):
            with self.subTest(arguments):
                process = self.start("sweep", *self.cascade, *arguments)
                output, talk = process.communicate(timeout=60)
                self.assertIn(process.returncode, (1, 2), talk)
                self.assertEqual(output, b"")


if __name__ == "__main__":
    unittest.main()
