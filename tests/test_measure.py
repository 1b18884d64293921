"""ebjr bench: what it says against numpy on the times it stored, and against what the store says of
the same cascade. Nothing here depends on how fast the machine is."""

import csv
import json
import math
import signal
import time
import unittest

import numpy as np

from support import predictions, score_of
from test_run import NORMALISE, RunTest, Slow, net, torch

PERCENTILES = {"p50_ns": 0.5, "p90_ns": 0.9, "p95_ns": 0.95, "p99_ns": 0.99}
PLAN = ("--plan", "frozen", "--threads", "1")


class Measure(RunTest):
    def setUp(self):
        super().setUp()
        torch.manual_seed(4)
        self.script("small.pt", net(1, width=4))
        self.script("large.pt", net(2))
        self.run_models("small.pt", "large.pt", options=(*NORMALISE, *PLAN))
        scores = np.sort(score_of("margin", self.stored_logits(1).astype(float)))
        middle = self.SAMPLES // 2 + np.argmax(np.diff(scores[self.SAMPLES // 2:][:20]))
        self.threshold = float(scores[middle] + scores[middle + 1]) / 2  # far from any score
        self.cascade = ("--student", "small", "--teacher", "large", "--score", "margin",
                        "--threshold", repr(self.threshold))

    def command_line(self, *arguments):
        return ("bench", *self.dataset, "--db", self.db, *PLAN, *arguments)

    def bench(self, *arguments, **options):
        return self.json(*self.command_line(*arguments), **options)

    def stored(self, measurement=1):
        rows = self.query("SELECT sample, ns FROM latency WHERE measurement_id = ? ORDER BY idx",
                          measurement)
        return map(np.array, zip(*rows))

    def keeps(self):
        return score_of("margin", self.stored_logits(1).astype(float)) >= self.threshold

    def assert_percentiles(self, row, ns):
        ordered = np.sort(ns)
        for field, q in PERCENTILES.items():
            rank = max(math.ceil(round(q * len(ns), 9)), 1)
            self.assertEqual(row[field], ordered[rank - 1], field)
            low, high = (row[field.replace("_ns", f"_{side}_ns")] for side in ("low", "high"))
            self.assertTrue(low <= row[field] and (high is None or row[field] <= high))
        self.assertEqual(row["max_ns"], ordered[-1])

    def test_single(self):
        row = self.bench(*self.cascade)
        sample, ns = self.stored()
        np.testing.assert_array_equal(sample, np.arange(self.SAMPLES))
        self.assert_percentiles(row, ns)
        self.assertAlmostEqual(row["mean_ns"] / ns.mean(), 1, places=9)
        self.assertAlmostEqual(row["teacher_rate"], 1 - self.keeps().mean(), places=9)
        answer = np.where(self.keeps(), predictions(self.stored_logits(1)),
                          predictions(self.stored_logits(2)))
        self.assertAlmostEqual(row["accuracy"], (answer == self.labels).mean(), places=9)
        self.assertEqual((row["scenario"], row["n"], row["batch"]), ("single", self.SAMPLES, 1))
        self.assertEqual((row["plan"], row["device"]), ("frozen, float32, batch 1, 1 thread", "cpu"))
        self.assertGreaterEqual(row["dropped"], 20)
        self.assertLessEqual(row["samples_per_s"], 1e9 / row["mean_ns"] * (1 + 1e-9))
        self.verify()

    def test_offline_gathers(self):
        row = self.bench(*self.cascade, "--scenario", "offline", "--batch", "32", "--samples",
                         "400")
        sample, ns = self.stored()
        np.testing.assert_array_equal(sample, np.arange(400) % self.SAMPLES)
        self.assert_percentiles(row, ns[::32])
        self.assertAlmostEqual(row["teacher_rate"], (~self.keeps())[sample].mean(), places=9)
        self.assertLess(abs(1e9 * 400 / row["samples_per_s"] * row["busy_share"] - ns.sum()), 401)

    def test_server(self):
        row = self.bench(*self.cascade, "--scenario", "server", "--qps", "300", "--samples", "320",
                         "--max-batch", "4", "--max-wait", "1ms")
        sample, ns = self.stored()
        first = 100  # requests that settle the queue
        np.testing.assert_array_equal(sample, (first + np.arange(320)) % self.SAMPLES)
        self.assert_percentiles(row, ns)
        self.assertAlmostEqual(row["teacher_rate"], (~self.keeps())[sample].mean(), places=9)
        self.assertEqual((row["qps"], row["max_wait_ns"], row["batch"]), (300, 1e6, 4))
        self.assertTrue(1 <= row["mean_batch"] <= 4)
        stored, = self.query("SELECT scenario, qps, batch, samples, policy, subject, model_id"
                             " FROM measurement")
        self.assertEqual(stored[:5], ("server", 300, 4, 320, ""))
        self.assertTrue(stored[5].startswith("small > large, margin >= "))
        self.assertIsNone(stored[6])

    def test_models_alone_serve_pick(self):
        pick = ("pick", "--db", self.db, "--student", "small", "--teacher", "large", "--plain",
                "--score", "margin", "--max-p99", "100s")
        self.ebjr(*pick, code=2)
        for model in ("small", "large"):
            row = self.bench("--model", model)
            self.assertEqual((row["subject"], row["teacher_rate"]), (model, 0))
        accuracy = (predictions(self.stored_logits(2)) == self.labels).mean()
        self.assertAlmostEqual(row["accuracy"], accuracy, places=9)
        self.assertEqual(self.query("SELECT model_id, scenario, batch FROM measurement"),
                         [(1, "single", 1), (2, "single", 1)])
        self.ebjr(*pick)
        self.bench("--model", "large.pt", "--samples", "30")
        self.assertEqual(self.query("SELECT count(*) FROM model"), [(2,)])

    def test_predicted_from_the_models_alone(self):
        self.assertIsNone(self.bench(*self.cascade, "--samples", "20")["predicted_mean_ns"])
        rows = self.bench(*self.cascade, "--each")
        self.assertEqual([row["subject"].split(",")[0] for row in rows],
                         ["small", "large", "small > large"])
        first = self.query("SELECT max(id) FROM measurement")[0][0] - 2
        (order, small), (same, large) = self.stored(first), self.stored(first + 1)
        np.testing.assert_array_equal(order, np.arange(self.SAMPLES))
        np.testing.assert_array_equal(same, order)
        expected = np.sort(small + np.where(self.keeps(), 0, large))
        said = rows[2]
        self.assertAlmostEqual(said["predicted_mean_ns"] / expected.mean(), 1, places=12)
        for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            rank = math.ceil(round(q * self.SAMPLES, 9))
            self.assertEqual(said[f"predicted_{name}_ns"], expected[rank - 1])
        self.assertEqual([row["predicted_mean_ns"] for row in rows[:2]], [None, None])
        self.refuse("single", code=2, arguments=self.command_line(
            *self.cascade, "--each", "--scenario", "offline"))

    def test_reference(self):
        ours, theirs = self.bench(*self.cascade, "--scenario", "offline", "--batch", "16",
                                  "--reference")
        self.assertEqual((ours["scenario"], theirs["scenario"]), ("offline", "single"))
        self.assertEqual(theirs["plan"], "as-loaded, float32, batch 1, 1 thread")
        self.assertEqual(ours["teacher_rate"], theirs["teacher_rate"])
        self.assertEqual(ours["accuracy"], theirs["accuracy"])

    def test_largest_rate(self):
        """With a budget that only a growing queue can break."""
        row = self.bench(*self.cascade, "--scenario", "server", "--find-max-qps", "--max-p99",
                         "1000s", "--samples", "400", "--trace", "trace.csv")
        with self.path("trace.csv").open() as trace:
            probes = list(csv.DictReader(trace))
        within = {float(probe["qps"]): probe["within"] == "1" for probe in probes}
        self.assertEqual(row["qps"], max(qps for qps, fits in within.items() if fits))
        self.assertEqual(row["above_qps"], min(qps for qps, fits in within.items() if not fits))
        self.assertTrue(row["qps"] < row["above_qps"] <= 1.03 * row["qps"] * (1 + 1e-9))
        self.assertEqual({probe["n"] for probe in probes}, {"400"})
        self.assertEqual(sorted(within), sorted(
            qps for qps, in self.query("SELECT qps FROM measurement")))
        ns = np.array(self.query(
            "SELECT ns FROM latency JOIN measurement ON measurement_id = id WHERE qps = ?",
            row["qps"]))[:, 0]
        self.assert_percentiles(row, ns)
        self.verify()

    def test_no_rate_will_do(self):
        process = self.ebjr(*self.command_line(
            *self.cascade, "--scenario", "server", "--find-max-qps", "--max-p99", "1us",
            "--samples", "300"), code=3)
        self.assertIn("alone", process.stderr)

    def test_another_file_is_refused(self):
        self.script("other.pt", net(3, width=4))
        self.refuse("small", "SHA-256", arguments=self.command_line(*self.cascade, "--model",
                                                                    "small=other.pt"))
        self.path("small.pt").unlink()
        self.refuse("small", "--model", arguments=self.command_line("--model", "small"))

    def test_what_cannot_be_meant(self):
        server = (*self.cascade, "--scenario", "server")
        for word, arguments in {
                "--qps": server,
                "--max-p99": (*server, "--find-max-qps"),
                "either": (*server, "--find-max-qps", "--max-p99", "1s", "--qps", "5"),
                "belong": (*self.cascade, "--qps", "5"),
                "--batch": (*server, "--qps", "5", "--batch", "4"),
                "scenario": (*self.cascade, "--scenario", "serve"),
                "299": (*server, "--find-max-qps", "--max-p99", "1s", "--samples", "10"),
                "years": (*server, "--qps", "1e-9"),
                "--max-wait": (*server, "--qps", "5", "--max-wait", "-1s"),
                "one --model": ()}.items():
            code = 1 if word == "scenario" else 2
            with self.subTest(word):
                self.refuse(word, arguments=self.command_line(*arguments), code=code)

    def test_interrupted(self):
        """What was measured is said; it is not stored as if it were whole."""
        self.script("slow.pt", Slow())
        self.run_models("slow.pt", options=(*NORMALISE, *PLAN))
        process = self.start("bench", *self.dataset, "--db", self.db, "--threads", "1", "--model",
                             "slow", "--samples", "1e7", "--format", "json")
        while process.poll() is None and self.query("SELECT count(*) FROM trial") == [(0,)]:
            time.sleep(0.05)
        time.sleep(1)  # measuring, or still warming up: both are to stop
        process.send_signal(signal.SIGINT)
        output, talk = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 4, talk)
        if output.strip():
            self.assertGreater(json.loads(output)["n"], 0)
        self.assertEqual(self.query("SELECT count(*) FROM measurement"), [(0,)])
        self.verify()


if __name__ == "__main__":
    unittest.main()
