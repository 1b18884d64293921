"""ebjr report: the file itself, its tables and the data of its slider. What a browser makes of it is
in test_report_browser.py."""

import html.parser
import json
import os
import re
import time
import unittest

import numpy as np

from support import ProgramTest, random_logits

SAMPLES, CLASSES = 2400, 10  # hundredths of a per cent lie just between two decimals at times
STUDENT_FLOPS, TEACHER_FLOPS = 5501, 98765
HOSTILE = "</script><script>window.hurt = 1</script>\"'`<img src=x onerror=window.hurt=1>&amp;\u202e\u0645"
FEW = 39  # resamples, where intervals are not what is tested
VOID = {"meta", "link", "input", "br", "img"}


def fill(store, samples=SAMPLES, student="small", teacher="large", dataset="test set"):
    """A store of two models with FLOPs and latencies."""
    generator = np.random.default_rng(4)
    labels = generator.integers(0, CLASSES, samples)
    for name, seed, skill, flops, scale in ((student, 5, 6, STUDENT_FLOPS, 2e5),
                                            (teacher, 6, 12, TEACHER_FLOPS, 3e6)):
        latency = store.save(f"latency{seed}.npy",
                             generator.gamma(9, scale / 9, samples).astype(np.int64))
        store.import_logits(name, random_logits(seed, samples, CLASSES, labels, skill), labels,
                            "--flops", str(flops), "--latency-ns", latency,
                            "--dataset-name", dataset)
    store.cascade = ("--db", store.db, "--student", student, "--teacher", teacher)


class Page(html.parser.HTMLParser):
    """Elements as (tag, attributes), tables by caption, texts of scripts by id; every element is
    closed in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.tables, self.scripts = [], [], {}, {}
        self.faults, self.heading, self.cell = [], "", None
        self.feed(text)
        self.close()
        self.faults += self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.rows = []
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append(["", attributes.get("data-value")])
        elif tag == "script":
            self.script = attributes.get("id", "")
            self.scripts[self.script] = ""
        elif tag == "caption":
            self.caption = ""

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)
        if tag == "table":
            self.tables[self.caption] = self.rows

    def handle_data(self, data):
        place = self.open[-1] if self.open else ""
        if place in ("td", "th"):
            self.rows[-1][-1][0] += data
        elif place == "caption":
            self.caption += data
        elif place == "script":
            self.scripts[self.script] += data
        elif place == "h1":
            self.heading += data

    def data(self):
        return json.loads(self.scripts["explorer-data"])


class ReportTest(ProgramTest):
    def setUp(self):
        super().setUp()
        fill(self)

    def report(self, *arguments, resamples=FEW, **options):
        process = self.ebjr("report", *arguments, "--resamples", str(resamples),
                            "--out", "report.html", **options)
        self.talk = process.stderr
        self.text = self.path("report.html").read_text(encoding="utf-8")
        return Page(self.text)

    def assert_said(self, words):
        self.assertTrue(words in self.text, words)

    def pick(self, *arguments):
        self.ebjr("pick", *self.cascade, *arguments, "--out", "policy.json")
        return ("--db", self.db, "--policy", "policy.json")

    def leftovers(self):
        return [name for name in os.listdir(self.directory)
                if name.startswith(("ebjr-report", "report.html."))]


class Tables(ReportTest):
    def assert_same(self, page, caption, *command):
        """The table of that caption has what the command prints, for people and for machines."""
        rows = page.tables[caption]
        lines = self.ebjr(*command).stdout.splitlines()
        self.assertEqual(len(rows), len(lines), caption)
        for row, line in list(zip(rows, lines))[1 if len(rows[0]) > 2 else 0:]:
            self.assertEqual(" ".join(cell for cell, _ in row).split(), line.split(), caption)
        if len(rows[0]) > 2:
            machine = self.csv(*command)
            for row, exact in zip(rows[1:], machine):
                for (name, _), (_, value) in zip(rows[0], row):
                    if value is not None:
                        self.assertEqual(value, exact[name.replace(" ", "_")])

    def test_are_those_of_the_commands(self):
        policy = self.pick("--score", "msp", "--max-drop", "0.03")
        page = self.report(*policy)
        self.assert_same(page, "The cascade at the policy's threshold (ebjr eval)", "eval", *policy)
        self.assert_same(page, "Scores, the best first (ebjr sweep --summary)",
                         "sweep", *self.cascade, "--score", "all", "--summary",
                         "--resamples", str(FEW))
        self.assert_same(page, "Classes (ebjr eval --by class)", "eval", *policy, "--by", "class")
        self.assert_same(page, "What was measured, in ns (ebjr ls --measurements)",
                         "ls", "--db", self.db, "--measurements")
        runs = self.json("ls", "--db", self.db)
        for caption, run in (("The student's run (ebjr ls)", runs[0]),
                             ("The teacher's run (ebjr ls)", runs[1])):
            told = {name[0]: value[0] for name, value in page.tables[caption]}
            self.assertEqual(told["model"], run["model"])
            self.assertEqual(told["model sha256"], run["model_sha256"])
            self.assertEqual(told["dataset sha256"], run["dataset_sha256"])
            self.assertEqual(told["started"], run["started"])
            self.assertEqual(told["flops"], str(run["flops"]))

    def test_of_a_comparison(self):
        path = self.path("published.csv")
        path.write_text(
            "dataset,metric,method,family,variant,point,cost,cost_unit,convention,accuracy,"
            "cost_error,accuracy_error,source,how_read\n"
            "test set,top-1 accuracy,Other,static,,a,40000,flops,mac2,80,,,them,printed\n"
            "test set,top-1 accuracy,<b>Other</b>,anytime,,b,60000,flops,mac2,90,,,them,printed\n")
        policy = self.pick("--score", "msp", "--max-drop", "0.03")
        threshold = json.loads(self.path("policy.json").read_text())["stages"][0]["threshold"]
        page = self.report(*policy, "--baselines", path)
        command = ("compare", *self.cascade, "--score", "msp", "--threshold", repr(threshold),
                   "--baselines", path, "--resamples", str(FEW), "--what")
        self.assert_same(page, "Methods (ebjr compare)", *command, "summary")
        self.assert_same(page, "The cascade at the cost of each published point (--what equal-cost)",
                         *command, "equal-cost")
        self.assert_said("picture-comparison")

    def test_policy_is_told_in_words(self):
        self.pick("--score", "msp", "--max-drop", "0.03", "--max-teacher-rate", "0.9")
        self.report("--db", self.db, "--policy", "policy.json")
        policy = json.loads(self.path("policy.json").read_text())
        for words in (f"is at least {policy['stages'][0]['threshold']!r};",
                      "with a probability of at least 95 % over the draw of the",
                      f"the {policy['samples']['calibration']} calibration samples",
                      "at most 3.00 % (of all samples) below the teacher&#39;s",
                      "at most 90.00 % of samples go to the teacher"):
            self.assert_said(words)
        self.ebjr("pick", *self.cascade, "--score", "msp", "--max-drop", "0.03", "--plain",
                  "--out", "policy.json")
        self.report("--db", self.db, "--policy", "policy.json")
        self.assertFalse("Certified:" in self.text)
        self.assert_said("Not certified:")


class Data(ReportTest):
    """Points that the slider stops at, from the page, against every row of ebjr sweep."""

    @staticmethod
    def unpacked(series):
        names = ("student", "harm", "help", "latency", "p50", "p95", "p99")
        points = {name: np.cumsum(series[name]) for name in names if name in series}
        points["threshold"] = np.array([np.inf if t is None else t for t in series["threshold"]])
        return points

    def assert_thinned(self, data, sweep):
        n, (low, high) = data["n"], data["right"]
        for series in data["series"]:
            rows = [row for row in sweep if row["score"] == series["name"]]
            points = self.unpacked(series)
            threshold = np.array([float(row["threshold"]) for row in rows])
            student = np.rint(np.array([float(row["student_share"]) for row in rows]) * n)
            right = np.rint(np.array([float(row["accuracy"]) for row in rows]) * n)
            self.assertEqual(series["points"], len(rows))
            kept = np.searchsorted(-threshold, -points["threshold"])
            np.testing.assert_array_equal(threshold[kept], points["threshold"])
            np.testing.assert_array_equal(student[kept], points["student"])
            np.testing.assert_array_equal(
                right[kept], series["teacherCorrect"] + points["help"] - points["harm"])
            for name in ("harm", "help"):
                whole = np.array([int(row[name]) for row in rows])
                np.testing.assert_array_equal(whole[kept], points[name])
            if "latency" in points:
                for column, mine in (("latency_ns", points["latency"] / n),
                                     ("p50_ns", points["p50"]), ("p95_ns", points["p95"]),
                                     ("p99_ns", points["p99"])):
                    whole = np.array([float(row[column]) for row in rows])
                    np.testing.assert_array_equal(whole[kept], mine)
            self.assertEqual((kept[0], kept[-1]), (0, len(rows) - 1))
            self.assertIn(right.argmax(), kept)
            # each point has a kept one within a pixel, both ways: the last before it
            near = kept[np.searchsorted(kept, np.arange(len(rows)), side="right") - 1]
            across = (student - student[near]) * data["width"] / n
            up = np.abs(right - right[near]) * data["height"] / (high - low)
            self.assertLessEqual(across.max(), 1 + 1e-9)
            self.assertLessEqual(up.max(), 1 + 1e-9)

    def test_is_the_sweep(self):
        data = self.report(*self.cascade).data()
        self.assert_thinned(data, self.csv("sweep", *self.cascade, "--score", "all"))
        self.assertEqual([series["name"] for series in data["series"]],
                         ["energy", "softmax-energy", "msp", "margin", "logit-margin", "max-logit",
                          "entropy", "gini", "pnorm"])
        self.assertEqual(data["studentFlops"], STUDENT_FLOPS)
        self.assertEqual(data["teacherFlops"], TEACHER_FLOPS)
        ranked = self.json("sweep", *self.cascade, "--score", "all", "--summary",
                           "--resamples", str(FEW))
        best = [row["score"] for row in ranked if row["score"] != "oracle"][0]
        self.assertEqual(data["series"][data["first"]]["name"], best)

    def test_policy_is_a_point(self):
        self.pick("--score", "msp", "--max-drop", "0.03")
        data = self.report("--db", self.db, "--policy", "policy.json").data()
        series = data["series"][data["first"]]
        stage = json.loads(self.path("policy.json").read_text())["stages"][0]
        self.assertEqual(series["name"], "msp")
        self.assertEqual(series["threshold"][series["mark"]], stage["threshold"])
        data = self.report("--db", self.db, "--policy", "policy.json", "--score", "energy").data()
        self.assertEqual(data["series"][data["first"]]["name"], "energy")

    def test_learned_router_is_a_curve_of_its_own(self):
        self.pick("--score", "learned", "--max-drop", "0.03")
        data = self.report("--db", self.db, "--policy", "policy.json").data()
        series = data["series"][data["first"]]
        told = self.json("eval", "--db", self.db, "--policy", "policy.json")
        points = self.unpacked(series)
        self.assertEqual(series["name"], "policy (learned)")
        self.assertIsNone(series["option"])
        self.assertEqual(points["harm"][series["mark"]], told["harm"])
        self.assertEqual(points["help"][series["mark"]], told["help"])

    def test_without_flops_or_latencies(self):
        self.db = self.path("bare.db")
        labels = np.arange(200) % 3
        for seed, name in ((1, "small"), (2, "large")):
            self.import_logits(name, random_logits(seed, 200, 3, labels, 4), labels)
        cascade = ("--db", self.db, "--student", "small", "--teacher", "large")
        data = self.report(*cascade).data()
        self.assertIsNone(data["studentFlops"])
        self.assertNotIn("latency", data["series"][0])
        self.assert_thinned(data, self.csv("sweep", *cascade, "--score", "all"))
        self.assert_said("Latencies of both models are not stored")


class File(ReportTest):
    def assert_sound(self, page):
        self.assertEqual(page.faults, [])
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        self.assertEqual(len(ids), len(set(ids)))
        for tag, attributes in page.elements:
            self.assertNotIn(tag, ("img", "iframe", "object", "embed", "base", "form"))
            for name, value in attributes.items():
                self.assertFalse(name.startswith("on"), (tag, name))
                if name in ("href", "xlink:href") and tag != "link":
                    self.assertTrue(value.startswith("#"), (tag, value))
                    self.assertIn(value[1:], ids)
                self.assertNotEqual(name, "src")
        policy = [attributes["content"] for tag, attributes in page.elements
                  if attributes.get("http-equiv") == "Content-Security-Policy"]
        self.assertTrue(policy[0].startswith("default-src 'none'; "))
        self.assertEqual(sorted(page.scripts), ["", "explorer-data"])

    def test_is_sound_and_small(self):
        policy = self.pick("--max-drop", "0.03")
        self.assert_sound(self.report(*policy))
        self.assertEqual(self.text.count("<figure "), 7)
        first = self.text
        self.report(*policy)
        self.assertEqual(self.text, first)
        self.assertEqual(self.leftovers(), [])

    def test_ten_thousand_samples(self):
        self.db = self.path("ten.db")
        fill(self, 10000)
        policy = self.pick("--max-drop", "0.03")
        begin = time.monotonic()
        self.report(*policy, resamples=1000)
        print(f"a report of 10,000 samples: {time.monotonic() - begin:.2f} s, "
              f"{len(self.text) / 1e6:.2f} MB")
        self.assertLess(len(self.text.encode()), 2e6)

    def test_names_of_anyone(self):
        self.db = self.path("hostile.db")
        fill(self, 300, HOSTILE + "s", "--" + HOSTILE + "t", HOSTILE)
        policy = self.pick("--max-drop", "0.2")
        page = self.report(*policy, "--title", HOSTILE)
        self.assert_sound(page)
        self.assertEqual(page.heading, HOSTILE)
        self.assertEqual(page.data()["student"], HOSTILE + "s")
        self.assertFalse("<script>window" in self.text)
        told = {name[0]: value[0] for name, value in
                page.tables["The cascade at the policy's threshold (ebjr eval)"]}
        self.assertEqual(told["teacher"], "--" + HOSTILE + "t")
        page = self.report("--db", self.db, "--student", HOSTILE + "s",
                           "--teacher=--" + HOSTILE + "t", "--title", "x" * 5000 + "\x01\x7f")
        self.assert_sound(page)

    def test_without_gnuplot(self):
        page = self.report(*self.cascade, env={**os.environ, "PATH": str(self.directory)})
        self.assert_sound(page)
        self.assertIn("gnuplot is not installed", self.talk)
        self.assert_said("gnuplot was not found")
        self.assertEqual(self.text.count("<figure "), 0)
        self.assertIn("Scores, the best first", " ".join(page.tables))

    def test_failure_leaves_what_was_there(self):
        environment = {**os.environ, "PATH": str(self.directory), "TMPDIR": str(self.directory)}
        out, gnuplot = self.path("report.html"), self.path("gnuplot")
        out.write_text("before")
        gnuplot.write_text("#!/bin/sh\necho no paper >&2\nexit 1\n")
        gnuplot.chmod(0o755)
        self.refuse_with(["no paper"], environment)
        self.assertEqual(out.read_text(), "before")
        gnuplot.write_text("#!/bin/sh\nname=$(basename $1 .gp)\n"
                           "echo '<svg width=\"1\"><g onload=\"hurt()\"></g></svg>' >$name.svg\n")
        gnuplot.chmod(0o755)
        environment["PATH"] += ":" + os.environ["PATH"]
        self.refuse_with(["what gnuplot does not write"], environment)
        self.assertEqual(out.read_text(), "before")
        self.assertEqual(self.leftovers(), [])
        self.refuse_with(["cannot write no/such/report"], None, "no/such/report")

    def refuse_with(self, words, environment, out="report.html"):
        process = self.ebjr("report", *self.cascade, "--out", out, code=1, env=environment)
        self.assertEqual(process.stdout, "")
        for word in words:
            self.assertIn(word, process.stderr.splitlines()[-1])

    def test_usage(self):
        policy = self.pick("--score", "msp", "--max-drop", "0.03")
        self.refuse("--student and --teacher, or --policy", code=2,
                    arguments=("report", "--db", self.db))
        self.refuse("no router", "oracle", code=2,
                    arguments=("report", *self.cascade, "--score", "oracle"))
        self.refuse("the policy is of 'small'", "leave out --student", code=2,
                    arguments=("report", *policy, "--student", "large", "--teacher", "large"))
        self.report(*policy, "--student", "small", "--teacher", "large")


if __name__ == "__main__":
    unittest.main()
