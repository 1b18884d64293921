"""Cascades of detectors from end to end: imported, swept, judged, picked, drawn and reported, beside
COCO's metrics and the scores of images written out in Python."""

import json
import unittest
import xml.dom.minidom

import numpy as np

from coco_reference import figures
from coco_scene import Scene
from support import SOURCE, ProgramTest, logsumexp

EXACT = 1e-9
FIGURES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", "ar1", "ar10", "ar100",
           "ar_small", "ar_medium", "ar_large")
SCORES = ("energy-max", "energy-mean", "energy-weighted", "confidence-max", "confidence-mean",
          "few", "certain")
IMAGE, CATEGORY = 1000, 3  # what is added to an index to be COCO's id


def score_of(name, detections, logits=None):
    """Of one image's detections."""
    if not detections:
        return 0.0
    s = np.array([d["score"] for d in detections])
    e = -np.log(1 - s) if logits is None else logsumexp(np.array(logits, np.float64))
    return {"energy-max": e.max(), "energy-mean": e.mean(),
            "energy-weighted": (s * e).sum() / s.sum(), "confidence-max": s.max(),
            "confidence-mean": s.mean(), "few": -s.sum(), "certain": -(s * (1 - s)).sum()}[name]


class DetectionTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.scene = Scene(3, images=40, categories=5)
        self.store(self.scene)
        self.pair = ("--db", self.db, "--student", "small", "--teacher", "large")

    def write(self, name, content):
        self.path(name).write_text(json.dumps(content))
        return self.path(name)

    def truth(self, scene):
        return {"images": [{"id": IMAGE + i, "width": 640, "height": 480,
                            "file_name": f"{i}.jpg"} for i in range(scene.images)],
                "categories": [{"id": CATEGORY + c, "name": f"kind {c}"}
                               for c in range(scene.categories)],
                "annotations": [{"id": k, "image_id": IMAGE + o["image"],
                                 "category_id": CATEGORY + o["category"], "bbox": o["box"],
                                 "area": o["area"], "iscrowd": int(o["crowd"])}
                                for k, o in enumerate(scene.objects)]}

    def results(self, detections, logits=None):
        rows = [{"image_id": IMAGE + d["image"], "category_id": CATEGORY + d["category"],
                 "bbox": d["box"], "score": d["score"]} for d in detections]
        for row, z in zip(rows, logits or []):
            row["logits"] = list(map(float, z))
        return rows

    def import_detections(self, name, detections, truth, *arguments, logits=None):
        self.ebjr("import", "--task", "detection", "--db", self.db, "--name", name, "--truth", truth,
                  "--detections", self.write(f"{name}.json", self.results(detections, logits)),
                  *arguments)

    def store(self, scene):
        truth = self.write("instances.json", self.truth(scene))
        self.import_detections("small", scene.student, truth, "--flops", "100")
        self.import_detections("large", scene.teacher, truth, "--flops", "900")

    def scores(self, name, scene=None):
        scene = scene or self.scene
        by_image = [[d for d in scene.student if d["image"] == i] for i in range(scene.images)]
        return np.array([score_of(name, detections) for detections in by_image])

    def kept(self, scores, threshold):
        return set(np.flatnonzero(scores >= threshold))


class Sweep(DetectionTest):
    def test_figures_at_every_threshold(self):
        for name in SCORES:
            scores = self.scores(name)
            rows = self.csv("sweep", *self.pair, "--score", name, "--metric", "ap", "--metric",
                            "ap50", "--metric", "ar-small")
            self.assertEqual(len(rows), len(np.unique(scores.round(12))) + 1)
            for row in rows[::9] + rows[-1:]:
                threshold = float(row["threshold"])
                kept = self.kept(scores, threshold - 1e-12)
                expected = self.scene.reference(kept)
                self.assertAlmostEqual(float(row["student_share"]), len(kept) / 40, delta=1e-12)
                self.assertAlmostEqual(float(row["flops"]), 100 + (40 - len(kept)) / 40 * 900,
                                       delta=1e-9)
                for column, at in (("ap", 0), ("ap50", 1), ("ar_small", 9)):
                    self.assertAlmostEqual(float(row[column]), expected[at], delta=EXACT)

    def test_logits_are_what_energies_are_of(self):
        rng = np.random.default_rng(5)
        logits = [rng.normal(size=6).astype(np.float32) for _ in self.scene.student]
        self.import_detections("with-logits", self.scene.student, self.path("instances.json"),
                               "--flops", "100", logits=logits)
        rows = self.csv("sweep", "--db", self.db, "--student", "with-logits", "--teacher", "large",
                        "--score", "energy-mean")
        expected = []
        for i in range(40):
            here = [k for k, d in enumerate(self.scene.student) if d["image"] == i]
            expected.append(score_of("energy-mean", [self.scene.student[k] for k in here],
                                     [logits[k] for k in here] if here else None))
        np.testing.assert_allclose([float(row["threshold"]) for row in rows[1:]],
                                   sorted(set(expected), reverse=True), rtol=0, atol=1e-9)

    def test_the_oracle_takes_first_what_gains_most(self):
        teacher = self.scene.reference(set())[0]
        gains = [self.scene.reference({i})[0] - teacher for i in range(40)]
        rows = self.csv("sweep", *self.pair, "--score", "oracle")
        self.assertAlmostEqual(float(rows[1]["threshold"]), max(gains), delta=EXACT)
        self.assertAlmostEqual(float(rows[-1]["threshold"]), min(gains), delta=EXACT)

    def test_summary_ranks_by_area(self):
        rows = self.csv("sweep", *self.pair, "--score", "all", "--summary")
        self.assertEqual({row["score"] for row in rows}, {*SCORES, "random", "oracle"})
        areas = [float(row["deferral_area"]) for row in rows]
        self.assertEqual(areas, sorted(areas, reverse=True))
        self.assertEqual(rows[0]["score"], "oracle")
        for row in rows:
            points = self.csv("sweep", *self.pair, "--score", row["score"])
            share = np.array([float(p["student_share"]) for p in points])
            ap = np.array([float(p["ap"]) for p in points])
            area = (np.diff(share) * (ap[1:] + ap[:-1]) / 2).sum()
            self.assertAlmostEqual(float(row["deferral_area"]), area, delta=EXACT)
            self.assertAlmostEqual(float(row["best"]), ap.max(), delta=EXACT)

    def test_bands_hold_the_curve(self):
        rows = self.csv("sweep", *self.pair, "--bands", "--resamples", "99")
        self.assertEqual(len(rows), 21)
        for row, kept in ((rows[0], set()), (rows[-1], set(range(40)))):
            self.assertAlmostEqual(float(row["accuracy"]), self.scene.reference(kept)[0],
                                   delta=EXACT)
        for row in rows:
            self.assertLess(float(row["low"]), float(row["accuracy"]) + EXACT)
            self.assertGreater(float(row["high"]), float(row["accuracy"]) - EXACT)
            self.assertLess(float(row["low"]), float(row["high"]))

    def test_what_is_of_classifiers(self):
        self.refuse("no figure of detectors 'macro-f1'", arguments=("sweep", *self.pair, "--metric", "macro-f1"))
        self.refuse("no score of images 'msp'", code=2, arguments=(
            "sweep", *self.pair, "--score", "msp"))
        self.refuse("classifiers", code=2, arguments=(
            "eval", *self.pair, "--score", "few", "--threshold", "0", "--by", "class"))


class Eval(DetectionTest):
    def test_all_figures(self):
        for name, threshold in (("few", -3.0), ("confidence-mean", 0.4), ("energy-max", 1.5)):
            kept = self.kept(self.scores(name), threshold)
            row = self.json("eval", *self.pair, "--score", name, "--threshold", repr(threshold))
            for figure, expected in zip(FIGURES, self.scene.reference(kept)):
                self.assertAlmostEqual(row[figure], expected, delta=EXACT)
            student, teacher = (self.scene.reference(set(range(40)))[0],
                                self.scene.reference(set())[0])
            self.assertAlmostEqual(row["student_ap"], student, delta=EXACT)
            self.assertAlmostEqual(row["teacher_ap"], teacher, delta=EXACT)
            self.assertAlmostEqual(row["drop"], teacher - row["ap"], delta=EXACT)
            self.assertLessEqual(row["ap_low"], row["ap"])
            self.assertLessEqual(row["ap"], row["ap_high"])
            self.assertLess(row["drop_low"], row["drop_high"])

    def test_latencies(self):
        rng = np.random.default_rng(8)
        times = {name: rng.integers(10 ** 6, 10 ** 7, 40) for name in ("small", "large")}
        for name, detections in (("small", self.scene.student), ("large", self.scene.teacher)):
            self.import_detections(name, detections, self.path("instances.json"), "--latency-ns",
                                   self.save(f"{name}.npy", times[name]))
        scores = self.scores("few")
        threshold = float(np.median(scores))
        row = self.json("eval", *self.pair, "--score", "few", "--threshold", repr(threshold))
        cascade = times["small"] + np.where(scores >= threshold, 0, times["large"])
        self.assertAlmostEqual(row["latency_ns"], cascade.mean(), delta=1e-3)


class Pick(DetectionTest):
    def test_plain_is_the_best_point(self):
        teacher = self.scene.reference(set())[0]
        rows = [row for row in self.csv("sweep", *self.pair, "--score", "certain")
                if teacher - float(row["ap"]) <= 0.05]
        row = self.json("pick", *self.pair, "--plain", "--max-drop", "0.05", "--score", "certain")
        self.assertEqual(row["status"], "feasible")
        self.assertFalse(row["certified"])
        self.assertAlmostEqual(row["flops"], min(float(r["flops"]) for r in rows), delta=1e-9)
        self.assertLessEqual(row["drop"], 0.05)

    def test_a_cap_on_cost_is_used(self):
        row = self.json("pick", *self.pair, "--plain", "--max-flops", "600", "--score", "certain")
        rows = [r for r in self.csv("sweep", *self.pair, "--score", "certain")
                if float(r["flops"]) <= 600]
        self.assertAlmostEqual(row["value"], max(float(r["ap"]) for r in rows), delta=EXACT)

    def test_certified(self):
        row = self.json("pick", *self.pair, "--max-drop", "0.6", "--score", "certain")
        self.assertTrue(row["certified"])
        self.assertEqual(row["certified_budgets"], "max-drop")
        self.assertLessEqual(row["certified_drop"], 0.6)
        self.assertLessEqual(row["drop"], row["certified_drop"])

    def test_infeasible(self):
        process = self.ebjr("pick", *self.pair, "--min-accuracy", "0.999", "--plain", code=3)
        self.assertIn("min-accuracy", process.stderr)

    def test_refusals(self):
        for option, value in (("--answer", "average"), ("--tune-on", "0.2"), ("--out", "p.json")):
            self.refuse(option, "detectors", code=2, arguments=(
                "pick", *self.pair, "--max-drop", "0.1", option, value))
        self.refuse("no router", code=2, arguments=(
            "pick", *self.pair, "--max-drop", "0.1", "--score", "oracle"))


class Pictures(DetectionTest):
    def test_the_tradeoff(self):
        self.ebjr("plot", *self.pair, "--out", "picture", "--score", "few", "--threshold", "-3")
        xml.dom.minidom.parse(str(self.path("picture.svg")))
        data = self.path("picture.dat").read_text()
        self.assertIn("AP", self.path("picture.gp").read_text())
        first = [list(map(float, line.split())) for line in data.split("\n\n\n")[0].splitlines()
                 if line and not line.startswith("#")]
        for cost, ap, share, threshold in first[:3]:
            kept = self.kept(self.scores("few"), threshold - 1e-12)
            self.assertAlmostEqual(ap, 100 * self.scene.reference(kept)[0], delta=1e-6)
        self.refuse("--kind tradeoff", code=2, arguments=(
            "plot", *self.pair, "--kind", "histogram"))

    def test_beside_published_detectors(self):
        rows = self.csv("compare", *self.pair, "--baselines", SOURCE / "bench/baselines/coco.csv",
                        "--what", "points", "--resamples", "49")
        here = {row["point"]: row for row in rows if "small > large" in row["contender"]}
        self.assertAlmostEqual(float(here["teacher alone"]["accuracy"]),
                               self.scene.reference(set())[0], delta=EXACT)
        self.assertTrue(any(row["point"] == "D7" for row in rows))

    def test_report(self):
        self.ebjr("report", *self.pair, "--out", "report.html", "--resamples", "49", "--baselines",
                  SOURCE / "bench/baselines/coco.csv")
        page = self.path("report.html").read_text()
        for words in ("Both detectors", "Scores ranked", "energy-weighted", "<svg",
                      "Beside published results", "What was run"):
            self.assertIn(words, page)


if __name__ == "__main__":
    unittest.main()
