"""The numbers behind every picture against numpy, and what pictures of a policy shade."""

import json
import math
import shutil
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

import numpy as np

from support import LOGIT_SCORES, ProgramTest, predictions, score_of, skip_file, softmax

if not shutil.which("gnuplot"):
    skip_file("gnuplot is not installed")

SAMPLES, CLASSES = 2000, 6
STUDENT_FLOPS, TEACHER_FLOPS = 5_000_000, 40_000_000
ENDINGS = ("svg", "png", "pdf", "gp", "dat")


def population(samples, classes, seed):
    """A student that is surer where it is right, a better teacher, latencies of both."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, samples)
    student = generator.normal(size=(samples, classes))
    student[np.arange(samples), labels] += generator.exponential(4, samples)
    teacher = generator.normal(size=(samples, classes))
    teacher[np.arange(samples), labels] += 5 * (generator.random(samples) < 0.95)
    student[::50] = np.round(student[::50])  # a few ties
    latencies = [generator.integers(*ends, samples) for ends in ((1000, 3000), (5000, 50000))]
    return student.astype(np.float32), teacher.astype(np.float32), labels, latencies


STUDENT, TEACHER, LABELS, LATENCIES = population(SAMPLES, CLASSES, 5)
RIGHT, TEACHER_RIGHT = predictions(STUDENT) == LABELS, predictions(TEACHER) == LABELS


def binomial_cdf(k, n, p):
    return math.fsum(math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
                              + i * math.log(p) + (n - i) * math.log1p(-p))
                     for i in range(int(k) + 1))


def bisect(is_low):
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if is_low(middle) else (low, middle)
    return low


def clopper_pearson(k, n, alpha):
    """Two-sided, by bisection of the definition."""
    return (0 if k == 0 else bisect(lambda p: 1 - binomial_cdf(k - 1, n, p) < alpha / 2),
            1 if k == n else bisect(lambda p: binomial_cdf(k, n, p) > alpha / 2))


def blocks_of(path):
    return [np.loadtxt(block.splitlines(), ndmin=2)
            for block in path.read_text().split("\n\n\n") if block.strip()]


class PlotTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.original = ProgramTest()
        cls.addClassCleanup(cls.original.doCleanups)
        cls.original.setUp()
        for name, logits, flops, latency in (("small", STUDENT, STUDENT_FLOPS, LATENCIES[0]),
                                             ("large", TEACHER, TEACHER_FLOPS, LATENCIES[1])):
            cls.original.import_logits(name, logits, LABELS, "--flops", str(flops),
                                       "--latency-ns", cls.original.save("ns.npy", latency))

    def setUp(self):
        super().setUp()
        shutil.copytree(self.original.directory, self.directory, dirs_exist_ok=True)
        self.cascade = ("--db", self.db, "--student", "small", "--teacher", "large")

    def plot(self, *arguments, cascade=None, **options):
        """The blocks of numbers, and the words of the picture."""
        process = self.ebjr("plot", *(cascade or self.cascade), *arguments, "--out", "p", **options)
        self.assertEqual(process.stdout.split(), [f"p.{ending}" for ending in ENDINGS])
        svg = self.path("p.svg").read_bytes()
        subprocess.run(["gnuplot", "p.gp"], cwd=self.directory, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertEqual(self.path("p.svg").read_bytes(), svg)
        words = " ".join(" ".join(ElementTree.fromstring(svg).itertext()).split())
        return blocks_of(self.path("p.dat")), words

    def pick(self, *arguments):
        report = self.json("pick", *self.cascade, *arguments, "--out", "policy.json")
        self.assertEqual(report["status"], "feasible")
        self.by_policy = ("--db", self.db, "--policy", "policy.json")
        return report

    def shade(self):
        """The rectangle of the script, None where there is none: x and y from, x and y to."""
        for line in self.path("p.gp").read_text().splitlines():
            if line.startswith("set object 1 rectangle"):
                words = line.replace(",", "").split()
                place = words.index("from") + 1
                ends = words[place:place + 4] + words[place + 5:place + 9]
                return [(unit, float(value)) for unit, value in zip(ends[::2], ends[1::2])]
        return None


class Histogram(PlotTest):
    def counts(self, positions, low, high, use):
        inside = np.clip(positions[use], low, np.nextafter(high, low))
        return np.histogram(inside, bins=50, range=(low, high))[0]

    def test_linear(self):
        score = score_of("logit-margin", STUDENT)
        blocks, words = self.plot("--kind", "histogram", "--score", "logit-margin", "--threshold",
                                  "2.5")
        low, high = np.sort(score)[[SAMPLES // 1000, SAMPLES - 1 - SAMPLES // 1000]]
        for block, use in zip(blocks, (RIGHT, ~RIGHT, ~RIGHT & TEACHER_RIGHT), strict=True):
            np.testing.assert_allclose(block[:, 0], np.linspace(low, high, 51), atol=1e-12)
            np.testing.assert_array_equal(block[:-1, 1], self.counts(score, low, high, use))
            np.testing.assert_allclose(block[:, 2], 100 * block[:, 1] / use.sum(), atol=1e-12)
            self.assertEqual(block[:, 1].sum(), use.sum())
            self.assertIn(f"{use.sum()}, kept {100 * (score[use] >= 2.5).mean():.1f} %", words)
        self.assertEqual(self.shade()[0], ("first", 2.5))
        self.assertIn("shaded: logit-margin >= 2.5, the student answers", words)

    def test_without_a_threshold(self):
        _, words = self.plot("--kind", "histogram")
        self.assertIn("energy", words)
        self.assertNotIn("kept", words)
        self.assertIsNone(self.shade())

    def test_at_the_bound(self):
        """Scores that crowd below 1: of equal width are bins of -log10(1 - score)."""
        self.import_logits("sure", 4 * STUDENT, LABELS, "--flops", "1")
        blocks, _ = self.plot("--kind", "histogram", "--score", "msp",
                              cascade=("--db", self.db, "--student", "sure", "--teacher", "large"))
        positions = -np.log10(np.maximum(1 - score_of("msp", 4 * STUDENT), 1e-12))
        low, high = np.sort(positions)[[SAMPLES // 1000, SAMPLES - 1 - SAMPLES // 1000]]
        self.assertLess(abs(blocks[0][0, 0] - low), 1e-9)
        self.assertLess(abs(blocks[0][-1, 0] - high), 1e-3)  # 1 - p of few digits
        expected = self.counts(positions, blocks[0][0, 0], blocks[0][-1, 0], RIGHT)
        self.assertLess(np.abs(blocks[0][:-1, 1] - expected).sum(), 5)


class Reliability(PlotTest):
    def check(self, block, logits, right, temperature):
        confidence = softmax(logits.astype(np.float64) / temperature).max(axis=1)
        bins = np.clip(np.ceil(15 * confidence).astype(int), 1, 15)
        self.assertEqual(list(block[:, 0]), sorted(set(bins)))
        error = 0
        for number, n, hits, mean, accuracy, low, high, share in block:
            use = bins == number
            self.assertEqual((n, hits), (use.sum(), right[use].sum()))
            expected = (100 * confidence[use].mean(), 100 * right[use].mean(),
                        *(100 * p for p in clopper_pearson(hits, n, 0.05)), 100 * use.mean())
            np.testing.assert_allclose((mean, accuracy, low, high, share), expected, rtol=1e-9,
                                       atol=1e-9)
            error += use.mean() * abs(right[use].mean() - confidence[use].mean())
        return error

    def test_both_models(self):
        for temperature in ("1", "1.7"):
            blocks, words = self.plot("--kind", "reliability", "--temperature", temperature)
            self.assertEqual("temperature 1.7" in words, temperature == "1.7")
            for block, name, logits, right in zip(blocks, ("small", "large"), (STUDENT, TEACHER),
                                                  (RIGHT, TEACHER_RIGHT), strict=True):
                error = self.check(block, logits, right, float(temperature))
                self.assertIn(f"ECE {100 * error:.2f} %: {name}", words)

    def test_policy(self):
        self.pick("--max-drop", "0.05", "--score", "msp")
        threshold = json.loads(self.path("policy.json").read_text())["stages"][0]["threshold"]
        self.plot("--kind", "reliability", cascade=self.by_policy)
        self.assertAlmostEqual(self.shade()[0][1], 100 * threshold)
        self.pick("--max-drop", "0.05", "--score", "logit-margin")
        self.plot("--kind", "reliability", cascade=self.by_policy)
        self.assertIsNone(self.shade())


class RiskCoverage(PlotTest):
    def test_every_score(self):
        blocks, words = self.plot("--kind", "risk-coverage", "--score", "all")
        self.assertEqual(len(blocks), len(LOGIT_SCORES) + 2)
        for block, name in zip(blocks, LOGIT_SCORES):
            score = score_of(name, STUDENT)
            for coverage, risk, threshold in block[::7]:
                answered = score >= threshold - 1e-13 - 1e-12 * abs(threshold)
                self.assertAlmostEqual(coverage, 100 * answered.mean(), delta=1e-9)
                self.assertAlmostEqual(risk, 100 * (~RIGHT[answered]).mean(), delta=1e-9)
            self.assertEqual(tuple(block[-1, :2]), (100, 100 * (~RIGHT).mean()))
        self.assertIn("perfect", words)

    def test_areas(self):
        """In the key: the mean risk over coverages 1/n .. 1, equal scores cut at random."""
        _, words = self.plot("--kind", "risk-coverage", "--score", "all")
        wrong = np.sort(~RIGHT)
        perfect = (wrong.cumsum() / np.arange(1, SAMPLES + 1)).mean()
        self.assertIn(f"perfect {perfect:.3g}", words)
        for row in self.json("sweep", *self.cascade, "--score", "all", "--summary", "--resamples",
                             "50"):
            if row["score"] in LOGIT_SCORES:
                self.assertIn(f"{row['score']} {row['aurc']:.3g}", words)

    def test_operating_point(self):
        blocks, words = self.plot("--kind", "risk-coverage", "--score", "msp", "--threshold", "0.9")
        answered = score_of("msp", STUDENT) >= 0.9
        expected = 100 * answered.mean(), 100 * (~RIGHT[answered]).mean()
        np.testing.assert_allclose(blocks[-1][0], expected, rtol=1e-12)
        self.assertAlmostEqual(self.shade()[2][1], expected[0])
        self.assertIn(f"the student answers {expected[0]:.2f} %", words)
        self.assertIn("operating point", words)


class Classes(PlotTest):
    def test_harm_and_help(self):
        blocks, words = self.plot("--kind", "classes", "--score", "margin", "--threshold", "0.6")
        kept = score_of("margin", STUDENT) >= 0.6
        harm, help_ = kept & ~RIGHT & TEACHER_RIGHT, kept & RIGHT & ~TEACHER_RIGHT
        rows, = blocks
        self.assertEqual(sorted(rows[:, 1]), list(range(CLASSES)))
        self.assertEqual(list(rows[:, 3]), sorted(rows[:, 3], reverse=True))
        for row in rows:
            use = LABELS == row[1]
            self.assertEqual(row[2], use.sum())
            for place, flags in ((3, harm), (6, help_), (9, ~kept)):
                low, high = clopper_pearson(flags[use].sum(), use.sum(), 0.05 / (4 * CLASSES))
                np.testing.assert_allclose(row[place:place + 3], 100 * np.array(
                    [flags[use].mean(), low, high]), atol=1e-9)
        self.assertIn(f"all {CLASSES} x 4 intervals hold together with 95 % confidence", words)
        self.assertNotIn("most harmed", words)

    def test_many_classes(self):
        student, teacher, labels, _ = population(4000, 200, 8)
        for name, logits in (("s", student), ("t", teacher)):
            self.import_logits(name, logits, labels, "--dataset-name", "many")
        (rows,), words = self.plot("--kind", "classes", "--score", "msp", "--threshold", "0.3",
                                   cascade=("--db", self.db, "--student", "s", "--teacher", "t"))
        self.assertEqual(len(rows), 200)
        self.assertIn("the 30 most harmed of 200 classes", words)
        shown = self.path("p.gp").read_text()
        self.assertIn("every ::0::29", shown)

    def test_certified_harm(self):
        self.pick("--max-drop", "0.05", "--score", "msp")
        _, words = self.plot("--kind", "classes", cascade=self.by_policy)
        self.assertIn("certified: <= 5 %", words)


class Explorer(PlotTest):
    def check(self, blocks, score, place=lambda s: s):
        accuracy, share, flops, latency = blocks
        ordered = np.unique(score)
        low, high = np.sort(score)[[SAMPLES // 1000, SAMPLES - 1 - SAMPLES // 1000]]
        for block in blocks:
            # corners of steps, from the strictest threshold on: before a drop, after it
            np.testing.assert_allclose(block[:, 0], np.clip(block[:, 1], low, high), rtol=1e-12)
        for block, value in (
                (accuracy, lambda kept: 100 * np.where(kept, RIGHT, TEACHER_RIGHT).mean()),
                (share, lambda kept: 100 * kept.mean()),
                (flops, lambda kept: STUDENT_FLOPS + (~kept).mean() * TEACHER_FLOPS),
                (latency, lambda kept: np.where(kept, LATENCIES[0], sum(LATENCIES)).mean())):
            self.assertEqual(block[0, 1], np.inf)
            for _, threshold, drawn in block[1::17]:
                threshold = ordered[np.abs(ordered - threshold).argmin()]
                before, after = value(score > threshold), value(score >= threshold)
                self.assertTrue(min(abs(drawn - before), abs(drawn - after)) <= 1e-9 * abs(after),
                                (threshold, drawn, before, after))

    def test_against_numpy(self):
        blocks, words = self.plot("--kind", "explorer", "--score", "logit-margin", "--threshold",
                                  "2")
        self.check(blocks, score_of("logit-margin", STUDENT))
        self.assertIn("threshold of logit-margin", words)
        self.assertIn("FLOPs (100 %: 45 M)", words)
        self.assertIsNone(self.shade())

    def test_the_whole_is_near_what_is_drawn(self):
        """Accuracy of every threshold is within 1/2000 of the axis of the line, give or take a
        1/1000 of the other."""
        blocks, _ = self.plot("--kind", "explorer", "--score", "logit-margin")
        x, y = blocks[0][::-1, 0], blocks[0][::-1, 2]
        self.assertLess(len(x), 2 * SAMPLES)
        score = score_of("logit-margin", STUDENT)
        across, up = 1.001e-3 * (x[-1] - x[0]), 0.501e-3 * (y.max() - y.min())
        for threshold in np.unique(score)[5:-5:3]:
            accuracy = 100 * np.where(score >= threshold, RIGHT, TEACHER_RIGHT).mean()
            near = (x >= threshold - across) & (x <= threshold + across)
            ends = np.interp([threshold - across, threshold + across], x, y)
            reach = np.concatenate([y[near], ends])
            self.assertTrue(reach.min() - up <= accuracy <= reach.max() + up)


class Promises(PlotTest):
    """What is shaded is what a policy certifies, and the words say so."""

    def threshold(self):
        return json.loads(self.path("policy.json").read_text())["stages"][0]["threshold"]

    def test_drop_covers_all_stricter_thresholds(self):
        self.pick("--max-drop", "0.05", "--score", "logit-margin")
        _, words = self.plot("--kind", "explorer", cascade=self.by_policy)
        self.assertEqual(self.shade()[0], ("first", self.threshold()))
        self.assertEqual(self.shade()[2:], [("graph", 1), ("graph", 1)])
        self.assertIn("all certified: accuracy at most 5 points below the teacher, with 95 % "
                      "confidence", words)
        _, words = self.plot(cascade=self.by_policy)
        low = 100 * (TEACHER_RIGHT.mean() - 0.05)
        self.assertEqual(self.shade()[0], ("graph", 0))
        self.assertAlmostEqual(self.shade()[1][1], low)
        self.assertEqual(self.shade()[2:], [("graph", 1), ("graph", 1)])
        self.assertIn("certified, accuracy at most 5 points below the teacher", words)

    def test_costs_cover_all_looser_thresholds(self):
        self.pick("--max-flops", "25M", "--score", "logit-margin", "--delta", "0.1")
        _, words = self.plot("--kind", "explorer", cascade=self.by_policy)
        self.assertEqual(self.shade()[0], ("graph", 0))
        self.assertEqual(self.shade()[2], ("first", self.threshold()))
        self.assertIn("FLOPs <= 25M, with 90 % confidence", words)
        self.plot(cascade=self.by_policy)
        self.assertEqual(self.shade()[2], ("first", 25))
        self.plot("--cost", "teacher-rate", cascade=self.by_policy)
        self.assertIsNone(self.shade())

    def test_both_directions_leave_the_point(self):
        self.pick("--max-drop", "0.05", "--max-flops", "35M", "--score", "logit-margin")
        _, words = self.plot("--kind", "explorer", cascade=self.by_policy)
        self.assertIsNone(self.shade())
        self.assertIn(f"certified at {self.threshold():.6g} alone", words)
        _, words = self.plot(cascade=self.by_policy)
        self.assertEqual(self.shade()[2], ("first", 35))
        self.assertEqual(self.shade()[1][0], "first")
        self.assertIn("points below the teacher and FLOPs <= 35M", words)

    def test_accuracy_is_certified_at_the_point(self):
        self.pick("--min-accuracy", "0.85", "--score", "logit-margin")
        _, words = self.plot("--kind", "explorer", cascade=self.by_policy)
        self.assertIsNone(self.shade())
        self.assertIn("accuracy >= 85 %", words)
        self.plot(cascade=self.by_policy)
        self.assertEqual(self.shade()[1], ("first", 85))

    def test_percentiles(self):
        self.pick("--max-p95", "45us", "--score", "logit-margin")
        _, words = self.plot("--kind", "latency", cascade=self.by_policy)
        self.assertIn("p95 <= 45 us, with 95 % confidence", words)
        (_, left), (_, bottom), (_, right), (_, top) = self.shade()
        self.assertEqual((left, bottom, right), (0, 0, 45))
        self.assertAlmostEqual(top, -math.log10(0.05))

    def test_nothing_is_promised_without_a_certificate(self):
        self.pick("--max-drop", "0.05", "--score", "logit-margin", "--plain")
        for kind in ("explorer", "tradeoff", "latency", "classes"):
            _, words = self.plot("--kind", kind, cascade=self.by_policy)
            self.assertNotIn("certified", words)
            self.assertIsNone(self.shade())

    def test_other_flops_are_not_shaded(self):
        self.query("UPDATE run SET flops_mac2 = flops / 3")
        self.pick("--max-flops", "25M", "--score", "logit-margin")
        self.plot("--flops-convention", "mac2", cascade=self.by_policy)
        self.assertIsNone(self.shade())

    def test_the_point_of_the_policy(self):
        for options in (["--score", "logit-margin"], ["--score", "learned"],
                        ["--score", "msp", "--per-class"],
                        ["--score", "msp", "--answer", "average:0.5", "--tune-on", "0.2"],
                        ["--score", "energy", "--fit-temperature"]):
            self.pick("--max-drop", "0.05", *options)
            report = self.json("eval", *self.by_policy)
            blocks, words = self.plot("--score", "all", cascade=self.by_policy)
            cost, accuracy, share, threshold = blocks[-1][0]
            self.assertEqual(threshold, self.threshold())
            self.assertAlmostEqual(accuracy, 100 * report["accuracy"], delta=1e-9)
            self.assertAlmostEqual(share, report["student_share"], delta=1e-12)
            self.assertAlmostEqual(cost, report["flops"], delta=1e-3)
            self.assertAlmostEqual(blocks[-2][0, 1], 100 * TEACHER_RIGHT.mean(), delta=1e-9)
            plain = options in (["--score", "logit-margin"], ["--score", "energy",
                                                              "--fit-temperature"])
            self.assertEqual(len(blocks), len(LOGIT_SCORES) + (not plain) + 2 + 2 + 1)
            for kind in ("explorer", "histogram", "classes", "risk-coverage", "latency",
                         "reliability"):
                self.plot("--kind", kind, cascade=self.by_policy)


class Refusals(PlotTest):
    def test_options_that_do_not_apply(self):
        for arguments, words in (
                (["--kind", "pie"], ["tradeoff, explorer, histogram, reliability, risk-coverage,"
                                     " classes, latency or qps", "'pie'"]),
                (["--kind", "classes"], ["--score and --threshold, or --policy"]),
                (["--kind", "reliability", "--score", "msp"], ["--score", "reliability"]),
                (["--kind", "reliability", "--threshold", "1"], ["--threshold"]),
                (["--kind", "histogram", "--score", "all"], ["one score", "'all'"]),
                (["--kind", "explorer", "--score", "oracle"], ["'oracle'"]),
                (["--kind", "explorer", "--cost", "latency"], ["--cost is of --kind tradeoff"]),
                (["--kind", "classes", "--max-p99", "1ms"], ["--max-p99 is of --kind qps"]),
                (["--kind", "qps", "--policy", "x"], ["--policy"]),
                (["--threshold", "1"], ["one --score"]),
                (["--policy", "x"], ["--policy says models"])):
            self.refuse(*words, arguments=("plot", *self.cascade, *arguments), code=2)
        self.refuse("--student and --teacher, or --policy", arguments=("plot", "--db", self.db),
                    code=2)
        self.assertEqual(list(self.directory.glob("*.gp")), [])

    def test_policies_that_do_not_fit(self):
        self.pick("--max-drop", "0.05", "--score", "msp")
        plot = ("plot", *self.by_policy)
        for arguments in (["--threshold", "1"], ["--student", "small"], ["--temperature", "2"],
                          ["--kind", "histogram", "--score", "msp"]):
            self.refuse("--policy", arguments=(*plot, *arguments), code=2)
        self.refuse("nowhere.json", arguments=("plot", "--db", self.db, "--policy",
                                               "nowhere.json"))
        other = ProgramTest()
        self.addCleanup(other.doCleanups)
        other.setUp()
        other.import_logits("small", STUDENT + 1, LABELS)
        other.import_logits("large", TEACHER, LABELS)
        self.refuse("policy.json", "student 'small'",
                    arguments=("plot", "--db", other.db, "--policy", "policy.json"))

    def test_help_names_every_kind(self):
        text = self.ebjr("plot", "--help").stdout
        for word in ("tradeoff", "explorer:", "histogram:", "reliability:", "risk-coverage:",
                     "classes:", "latency:", "qps:", "--policy FILE", "--threshold T", "shaded"):
            self.assertIn(word, text)

    def test_titles_are_no_commands(self):
        title = """'"; system('touch broken'); `touch broken` $(touch broken) @x {/Bold \\"""
        for kind in ("explorer", "histogram", "reliability", "risk-coverage", "classes", "latency"):
            rule = () if kind == "reliability" else ("--score", "msp", "--threshold", "0.5")
            _, words = self.plot("--kind", kind, *rule, "--title", title)
            self.assertIn("system('touch broken')", words)
            self.assertFalse(self.path("broken").exists())


if __name__ == "__main__":
    unittest.main()
