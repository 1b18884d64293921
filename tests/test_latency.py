"""Latencies as the store has them: what ls, verify, sweep, eval and pick say of them."""

import functools
import hashlib
import io
import json
import operator
import shutil
import sqlite3
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

import numpy as np

from support import ProgramTest, predictions, random_logits, score_of

SAMPLES, CLASSES = 200, 6
GENERATOR = np.random.default_rng(11)
LABELS = GENERATOR.integers(0, CLASSES, SAMPLES)
STUDENT = random_logits(12, SAMPLES, CLASSES, LABELS, 3)
TEACHER = random_logits(13, SAMPLES, CLASSES, LABELS, 8)

MEASUREMENT = ("id", "model_id", "dataset_id", "subject", "policy", "scenario", "device", "plan",
               "batch", "threads", "qps", "teacher_rate", "samples", "dropped", "sha256", "host",
               "library", "program", "created")
TRIAL = ("id", "model_id", "shape", "device", "host", "library", "dtype", "asked_batch",
         "asked_threads", "mode", "batch", "threads", "ns", "max_difference", "changed", "samples",
         "note", "chosen", "tried", "program", "created")
REAL = ("qps", "teacher_rate", "max_difference")


def seal(columns, row):
    """As the store seals a row: a NULL integer is the least int64."""
    text = ""
    for name in columns:
        value = row[name]
        if name in REAL:
            value = "unknown" if value is None else f"{value:.17g}"
        elif value is None:
            value = -2 ** 63
        text += f"{name}={value}\n"
    return hashlib.sha256(text.encode()).hexdigest()


class LatencyTest(ProgramTest):
    """A store with a student (model 1) and a teacher (model 2), and ways to tell it what a bench
    and a search of plans would."""

    def setUp(self):
        super().setUp()
        self.import_logits("small", STUDENT, LABELS, "--flops", "1000000", "--dataset-name",
                           "digits")
        self.import_logits("large", TEACHER, LABELS, "--flops", "9000000")
        self.cascade = ("--db", self.db, "--student", "small", "--teacher", "large")

    def insert(self, table, columns, row):
        row["id"] = self.query(f"SELECT coalesce(max(id), 0) + 1 FROM {table}")[0][0]
        self.query(f"INSERT INTO {table} ({', '.join(columns)}, seal) VALUES "
                   f"({', '.join('?' * len(columns))}, ?)",
                   *(row[name] for name in columns), seal(columns, row))
        self.count(table)
        return row["id"]

    def count(self, table):
        """The tally of what the table holds."""
        seals = [int(text, 16) for text, in self.query(f"SELECT seal FROM {table}")]
        self.query("INSERT OR REPLACE INTO tally VALUES (?, ?, ?)", table, len(seals),
                   f"{functools.reduce(operator.xor, seals):064x}")

    def measure(self, ns, sample=None, **others):
        """Store a measurement of the student unless `others` say otherwise."""
        ns = np.asarray(ns, np.int64)
        sample = np.arange(len(ns)) if sample is None else np.asarray(sample, np.int64)
        pairs = np.column_stack([sample, ns]).astype("<i8").tobytes()
        row = dict(model_id=1, dataset_id=1, subject="", policy="", scenario="single",
                   device="cpu", plan="frozen", batch=1, threads=2, qps=None, teacher_rate=None,
                   samples=len(ns), dropped=5, sha256=hashlib.sha256(pairs).hexdigest(),
                   host="a CPU", library="libtorch", program="0", created="2024-01-01T00:00:00Z")
        row.update(others)
        number = self.insert("measurement", MEASUREMENT, row)
        connection = sqlite3.connect(self.db)
        with connection:
            connection.executemany("INSERT INTO latency VALUES (?, ?, ?, ?)",
                                   ((number, i, which, time) for i, (which, time)
                                    in enumerate(zip(sample.tolist(), ns.tolist()))))
        connection.close()
        return number


def percentile(ns, q):
    """The ceil(q n)-th smallest."""
    return np.sort(ns)[int(np.ceil(q * len(ns))) - 1]


class Ls(LatencyTest):
    def test_measurements(self):
        self.assertEqual(self.json("ls", "--db", self.db, "--measurements"), [])
        ns = GENERATOR.integers(10, 10_000, 150)
        self.measure(ns)
        self.measure(ns[:40], model_id=None, subject="small > large, energy >= 1",
                     scenario="server", qps=80.5, teacher_rate=0.25, threads=None)
        model, cascade = self.json("ls", "--db", self.db, "--measurements")
        for row, times in ((model, ns), (cascade, ns[:40])):
            self.assertAlmostEqual(row["mean_ns"], times.mean(), delta=1e-9 * times.mean())
            for name, q in (("p50_ns", 0.50), ("p95_ns", 0.95), ("p99_ns", 0.99)):
                self.assertEqual(row[name], percentile(times, q))
            self.assertEqual(row["samples"], len(times))
            self.assertEqual(row["dataset"], "digits")
        self.assertEqual((model["subject"], model["scenario"], model["qps"],
                          model["teacher_rate"], model["threads"]),
                         ("small", "single", None, None, 2))
        self.assertEqual((cascade["subject"], cascade["scenario"], cascade["qps"],
                          cascade["teacher_rate"], cascade["threads"]),
                         ("small > large, energy >= 1", "server", 80.5, 0.25, None))
        self.verify()

    def test_plans(self):
        self.assertEqual(self.json("ls", "--db", self.db, "--plans"), [])
        common = dict(model_id=2, shape="3x32x32", device="cpu", host="a CPU", library="libtorch",
                      dtype="float32", asked_batch=0, asked_threads=4, batch=8, threads=4,
                      program="0", created="2024-01-01T00:00:00Z", tried=2)
        self.insert("trial", TRIAL, dict(common, mode="as-loaded", ns=5000, max_difference=None,
                                         changed=None, samples=0, note="", chosen=0))
        self.insert("trial", TRIAL, dict(common, mode="frozen", ns=None, max_difference=0.125,
                                         changed=2, samples=50, note="it changed answers",
                                         chosen=1))
        first, second = self.json("ls", "--db", self.db, "--plans")
        self.assertEqual((first["model"], first["mode"], first["ns"], first["max_difference"],
                          first["chosen"]), ("large", "as-loaded", 5000, None, False))
        self.assertEqual((second["ns"], second["max_difference"], second["changed"],
                          second["note"], second["chosen"], second["asked_threads"]),
                         (None, 0.125, 2, "it changed answers", True, 4))
        self.verify()
        self.query("DELETE FROM trial WHERE id = 1")
        faults = self.json("verify", "--db", self.db, code=1)
        self.assertTrue(any("plans of its search are missing" in row["fault"] for row in faults))

    def test_one_list_at_a_time(self):
        self.refuse("either", arguments=("ls", "--db", self.db, "--plans", "--measurements"),
                    code=2)


def near(test, value, expected):
    test.assertLess(abs(value - expected), 1e-12 * abs(expected) + 1e-300, (value, expected))


class Curves(LatencyTest):
    """What a cascade takes at every threshold, against numpy on the numbers that were stored."""

    def check(self, fast, slow, *notes):
        """`fast` and `slow` are the latencies that each sample should be given."""
        fast, both = np.asarray(fast, float), np.asarray(fast, float) + slow
        score = score_of("logit-margin", STUDENT)
        process = self.ebjr("sweep", *self.cascade, "--score", "logit-margin")
        for word in notes:
            self.assertIn(word, process.stderr)
        self.assertEqual(len(process.stderr.splitlines()), 2 + len(notes), process.stderr)
        self.assertIn("p99_ns", process.stdout)
        rows = self.csv("sweep", *self.cascade, "--score", "logit-margin")
        for row in rows:
            times = np.where(score >= float(row["threshold"]), fast, both)
            near(self, float(row["latency_ns"]), times.mean())
            for name, q in (("p50_ns", 0.50), ("p95_ns", 0.95), ("p99_ns", 0.99)):
                near(self, float(row[name]), percentile(times, q))
        self.assertEqual(len(rows), 1 + len(np.unique(score)))
        threshold = rows[len(rows) // 3]["threshold"]
        report = self.json("eval", *self.cascade, "--score", "logit-margin", "--threshold", threshold)
        times = np.where(score >= float(threshold), fast, both)
        near(self, report["latency_ns"], times.mean())
        near(self, report["p50_ns"], percentile(times, 0.50))
        near(self, report["p95_ns"], percentile(times, 0.95))
        near(self, report["p99_ns"], percentile(times, 0.99))
        near(self, report["student_latency_ns"], fast.mean())
        near(self, report["teacher_latency_ns"], np.mean(slow))

    def test_a_latency_a_sample(self):
        fast, slow = GENERATOR.integers(100, 2_000, (2, SAMPLES))
        self.measure(fast)
        self.measure(slow, model_id=2)
        self.check(fast, slow)

    def test_the_first_latency_of_a_sample(self):
        order = GENERATOR.permutation(SAMPLES)
        fast, slow = GENERATOR.integers(100, 2_000, (2, SAMPLES))
        self.measure(np.concatenate([fast[order], fast[order] + 77]),
                     np.concatenate([order, order]))
        self.measure(slow, model_id=2)
        self.check(fast, slow)

    def test_fewer_latencies_than_samples(self):
        fast, slow = GENERATOR.integers(100, 2_000, 70), GENERATOR.integers(100, 2_000, 33)
        self.measure(fast)
        self.measure(slow, GENERATOR.integers(0, SAMPLES, 33), model_id=2)
        index = np.arange(SAMPLES)
        self.check(fast[index % 70], slow[index % 33], "'small'", "i mod 33")

    def test_more_latencies_but_not_of_every_sample(self):
        fast, slow = GENERATOR.integers(100, 2_000, 500), GENERATOR.integers(100, 2_000, SAMPLES)
        self.measure(fast, np.arange(500) % (SAMPLES - 1))
        self.measure(slow, model_id=2)
        self.check(fast[:SAMPLES], slow, "i mod 500")

    def test_other_scenarios_are_not_taken(self):
        fast, slow = GENERATOR.integers(100, 2_000, (2, SAMPLES))
        self.measure(fast)
        self.measure(slow, model_id=2, scenario="given", threads=2)
        self.measure(fast + 10_000, scenario="server", qps=10.0)
        self.measure(fast // 7, scenario="offline", batch=64)
        self.measure(fast + 20_000, model_id=None, subject="small > large, margin >= 1")
        self.check(fast, slow)

    def test_models_that_were_not_measured_alike(self):
        fast, slow = GENERATOR.integers(100, 2_000, (2, SAMPLES))
        self.measure(fast)
        self.measure(slow, model_id=2, device="cuda")
        self.check(fast, slow, "not measured alike")

    def test_pick_takes_them(self):
        fast, slow = GENERATOR.integers(100, 2_000, 90), GENERATOR.integers(5_000, 9_000, SAMPLES)
        self.measure(fast)
        self.measure(slow, model_id=2)
        fast = fast[np.arange(SAMPLES) % 90]
        process = self.ebjr("pick", *self.cascade, "--score", "logit-margin", "--plain", "--max-latency",
                            "4us", "--format", "json")
        self.assertIn("i mod 90", process.stderr)
        report = json.loads(process.stdout)
        score = score_of("logit-margin", STUDENT)
        right, teacher_right = predictions(STUDENT) == LABELS, predictions(TEACHER) == LABELS
        thresholds = np.append(np.unique(score), np.inf)
        keeps = score >= thresholds[:, None]
        means = np.where(keeps, fast, fast + slow).mean(axis=1)
        accuracies = np.where(keeps, right, teacher_right).mean(axis=1)
        best = accuracies[means <= 4_000].max()
        self.assertAlmostEqual(report["accuracy"], best, delta=1e-12)
        chosen = np.flatnonzero(thresholds == report["threshold"])[0]
        near(self, report["latency_ns"], means[chosen])

    def test_without_latencies(self):
        self.measure(GENERATOR.integers(1, 9, SAMPLES))
        row = self.csv("sweep", *self.cascade, "--score", "logit-margin")[0]
        report = self.json("eval", *self.cascade, "--score", "msp", "--threshold", "0.5")
        for column in ("latency_ns", "p50_ns", "p99_ns", "student_latency_ns"):
            self.assertNotIn(column, row)
            self.assertNotIn(column, report)

    def test_a_latency_of_no_sample(self):
        self.measure(np.arange(SAMPLES), np.arange(SAMPLES) + 1)
        process = self.ebjr("sweep", *self.cascade, code=2)
        self.assertIn("measurement 1", process.stderr)
        self.assertIn(f"sample {SAMPLES} of {SAMPLES}", process.stderr)


def blocks_of(path):
    return [np.loadtxt(io.StringIO(block), ndmin=2)
            for block in path.read_text().split("\n\n\n") if block.strip()]


class Pictures(LatencyTest):
    def setUp(self):
        super().setUp()
        if not shutil.which("gnuplot"):
            self.skipTest("gnuplot is not installed")

    def plot(self, *arguments, **options):
        return self.ebjr("plot", *self.cascade, *arguments, **options)

    def assert_drawn(self, process, name, *words):
        """Its files, the picture says `words`, and is redrawn from its sources alone."""
        self.assertEqual(process.stdout.splitlines(),
                         [f"{name}.{ending}" for ending in ("svg", "png", "pdf", "gp", "dat")])
        svg = self.path(f"{name}.svg").read_bytes()
        text = " ".join(ElementTree.fromstring(svg).itertext())
        for word in words:
            self.assertIn(word, text)
        self.assertEqual(self.path(f"{name}.png").read_bytes()[:8], b"\x89PNG\r\n\x1a\n")
        self.path(f"{name}.svg").unlink()
        subprocess.run(["gnuplot", f"{name}.gp"], cwd=self.directory, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertEqual(self.path(f"{name}.svg").read_bytes(), svg)

    def test_accuracy_against_latency(self):
        fast, slow = GENERATOR.integers(100_000, 2_000_000, (2, SAMPLES))
        self.measure(fast)
        self.measure(slow, model_id=2)
        self.assert_drawn(self.plot("--cost", "latency", "--score", "logit-margin", "--threshold",
                                    "2", "--out", "c"),
                          "c", "mean latency of a sample (ms)", "small", "operating point")
        blocks = blocks_of(self.path("c.dat"))
        score = score_of("logit-margin", STUDENT)
        self.assertEqual(len(blocks[0]), 1 + len(np.unique(score)))
        for cost, accuracy, share, threshold in blocks[0]:
            keeps = score >= threshold
            near(self, cost, np.where(keeps, fast, fast + slow).mean())
            near(self, share, keeps.mean())
        np.testing.assert_allclose([blocks[-3][0, 0], blocks[-2][0, 0]], [fast.mean(), slow.mean()],
                                   rtol=1e-12)
        near(self, blocks[-1][0, 0], np.where(score >= 2, fast, fast + slow).mean())

    def test_accuracy_against_the_teacher_rate(self):
        self.assert_drawn(self.plot("--cost", "teacher-rate", "--score", "logit-margin", "--out",
                                    "c"), "c", "teacher rate (%)")
        for cost, _, share, _ in blocks_of(self.path("c.dat"))[0]:
            self.assertAlmostEqual(cost, 100 * (1 - share), delta=1e-10)

    def test_distributions(self):
        fast, slow = GENERATOR.integers(100_000, 2_000_000, (2, SAMPLES))
        self.measure(fast)
        self.measure(slow, model_id=2)
        self.assert_drawn(self.plot("--kind", "latency", "--score", "logit-margin", "--threshold",
                                    "2", "--out", "c"),
                          "c", "latency (", "small", "large", "cascade, logit-margin >= 2", "p99")
        cascade = np.where(score_of("logit-margin", STUDENT) >= 2, fast, fast + slow)
        blocks = blocks_of(self.path("c.dat"))
        self.assertEqual(len(blocks), 6)
        for times, steps, marks in zip((fast, slow, cascade), blocks[:3], blocks[3:]):
            self.assertEqual(tuple(steps[0]), (times.min(), 0))
            for ns, share in steps[1:]:
                self.assertIn(ns, times)
                self.assertGreaterEqual((times <= ns).mean(), share - 1e-12)
                self.assertLessEqual((times < ns).mean(), share + 1e-12)
            self.assertEqual([tuple(mark) for mark in marks],
                             [(percentile(times, q), q) for q in (0.50, 0.95, 0.99)])
        self.plot("--kind", "latency", "--out", "d")
        self.assertEqual(len(blocks_of(self.path("d.dat"))), 4)

    def test_a_cascade_that_was_measured(self):
        fast, slow = GENERATOR.integers(100_000, 2_000_000, (2, SAMPLES))
        self.measure(fast)
        self.measure(slow, model_id=2)
        times = GENERATOR.integers(100_000, 2_000_000, 60)
        subject = "small > large, logit-margin >= 1"
        self.measure(times + 9, model_id=None, subject=subject)
        self.measure(times, model_id=None, subject=subject)
        self.measure(times + 1, model_id=None, subject=subject, scenario="server", qps=3.0)
        self.measure(times + 2, model_id=None, subject="small > larger, logit-margin >= 1")
        self.measure(times + 3, model_id=None, subject=subject, scenario="offline", batch=8)
        self.assert_drawn(self.plot("--kind", "latency", "--score", "logit-margin", "--threshold",
                                    "1", "--out", "c"), "c", "measured, logit-margin >= 1")
        blocks = blocks_of(self.path("c.dat"))
        self.assertEqual(len(blocks), 8)
        self.assertEqual([tuple(mark) for mark in blocks[7]],
                         [(percentile(times, q), q) for q in (0.50, 0.95, 0.99)])

    def test_many_latencies_are_thinned(self):
        many = 50_000
        times = np.exp(GENERATOR.normal(14, 0.3, many)).astype(np.int64)
        self.measure(np.resize(times, many), np.arange(many) % SAMPLES)
        self.measure(np.resize([7], SAMPLES), model_id=2)
        labels = GENERATOR.integers(0, 2, many)
        for model, ns in (("m", times), ("w", np.full(many, 7))):
            self.import_logits(model, random_logits(ord(model), many, 2, labels, 1), labels,
                               "--latency-ns", self.save("ns.npy", ns), "--dataset-name", "much")
        self.ebjr("plot", "--db", self.db, "--student", "m", "--teacher", "w", "--kind", "latency",
                  "--out", "c")
        steps, flat = blocks_of(self.path("c.dat"))[:2]
        self.assertLess(len(steps), 3000)
        self.assertLess(len(flat), 3000)
        # no corner of the steps moves by 1/1000 of the x axis and 1/2000 of the y axis
        ordered = np.sort(times)
        rank = np.arange(1, many)
        x, y = np.log10(ordered[:-1]), -np.log10(1 - rank / many)
        drawn_x, drawn_y = np.log10(steps[:-1, 0]), -np.log10(1 - steps[:-1, 1])
        across = 1.0001e-3 * np.log10(ordered[-1] / 7)
        up = 0.50001e-3 * np.log10(many)
        self.assertTrue((np.interp(x - across, drawn_x, drawn_y) - up <= y).all())
        self.assertTrue((np.interp(x + across, drawn_x, drawn_y) + up >= y).all())

    def test_load(self):
        expected = {}
        for model, subject, rates in ((2, "large", (40, 10, 20)), (1, "small", (10, 80)),
                                      (None, "small > large, energy >= 1", (10, 60)),
                                      (None, "other > large, energy >= 1", (10, 60))):
            for qps in rates:
                times = GENERATOR.integers(1_000_000, 1_000_000 * qps, 120)
                self.measure(times, scenario="server", qps=float(qps), model_id=model,
                             subject="" if model else subject)
                expected.setdefault(subject, {})[qps] = (percentile(times, 0.5),
                                                         percentile(times, 0.99))
        again = GENERATOR.integers(5_000_000, 6_000_000, 120)
        self.measure(again, scenario="server", qps=20.0, model_id=2)
        expected["large"][20] = percentile(again, 0.5), percentile(again, 0.99)
        self.measure(again, model_id=2)
        self.assert_drawn(self.plot("--kind", "qps", "--max-p99", "20ms"), "qps", "small", "large",
                          "small > large, energy >= 1", "budget", "20 ms", "requests a second")
        blocks = blocks_of(self.path("qps.dat"))
        self.assertEqual(len(blocks), 3)
        for block, subject in zip(blocks, ("small", "large", "small > large, energy >= 1")):
            points = expected[subject]
            self.assertEqual([tuple(row) for row in block],
                             [(qps, *points[qps]) for qps in sorted(points)])
        self.assertNotIn("other", self.path("qps.gp").read_text())
        self.measure(again, scenario="server", qps=20.0, model_id=2, device="cuda")
        self.assert_drawn(self.plot("--kind", "qps"), "qps", "large (cuda, frozen, batch 1)",
                          "large (cpu, frozen, batch 1)")
        self.assertNotIn("budget", self.path("qps.gp").read_text())

    def test_nothing_to_see_is_drawn(self):
        for model in (1, 2):
            self.measure(np.zeros(SAMPLES), model_id=model)
            self.measure([0], scenario="server", qps=0.5, model_id=model)
        for kind in ("latency", "qps"):
            self.plot("--kind", kind, "--out", kind)
            self.assertTrue(self.path(f"{kind}.png").stat().st_size > 1000)
        self.plot("--cost", "latency", "--out", "c")

    def test_names_are_no_commands(self):
        subject = "small > large, '\"; system('touch broken'); `touch broken` @x {/Bold \\"
        self.measure([1], scenario="server", qps=2.0, model_id=None, subject=subject)
        self.plot("--kind", "qps")
        self.assertFalse(self.path("broken").exists())
        text = "".join(ElementTree.parse(self.path("qps.svg")).getroot().itertext())
        self.assertIn("system('touch broken')", text)

    def test_what_cannot_be_drawn(self):
        self.measure(np.ones(SAMPLES))
        for code, arguments, word in ((1, ["--kind", "latency"], "--latency-ns"),
                                      (1, ["--cost", "latency"], "--latency-ns"),
                                      (1, ["--kind", "qps"], "--scenario server"),
                                      (2, ["--kind", "pie"], "latency or qps"),
                                      (2, ["--cost", "money"], "teacher-rate"),
                                      (2, ["--kind", "qps", "--cost", "latency"], "--kind tradeoff"),
                                      (2, ["--max-p99", "2ms"], "--kind qps"),
                                      (2, ["--kind", "qps", "--max-p99", "0"], "--max-p99"),
                                      (2, ["--kind", "qps", "--max-p99", "2h"], "2h"),
                                      (2, ["--kind", "qps", "--threshold", "1"], "--threshold")):
            process = self.plot(*arguments, code=code)
            self.assertEqual(process.stdout, "")
            self.assertIn(word, process.stderr.splitlines()[-1])
        self.assertEqual(list(self.directory.glob("*.gp")), [])


if __name__ == "__main__":
    unittest.main()
