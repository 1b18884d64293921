"""ebjr compare: the reader of baselines, and every view against numpy on the same files."""

import csv
import html
import io
import json
import math
import random
import re
import unittest
import xml.etree.ElementTree as ElementTree

import numpy as np

from support import SOURCE, ProgramTest, predictions, random_logits, score_of

BASELINES = SOURCE / "bench" / "baselines"
COLUMNS = ("dataset", "metric", "method", "family", "variant", "point", "cost", "cost_unit",
           "convention", "accuracy", "cost_error", "accuracy_error", "source", "how_read")
FAMILIES = ("routed", "budgeted-batch", "anytime", "adaptive", "static")
VIEWS = ("summary", "points", "dominance", "equal-cost", "equal-accuracy", "wins")
SAMPLES, CLASSES = 400, 6
STUDENT_FLOPS, TEACHER_FLOPS = 20_000_000, 130_000_000
HOSTILE = """'"; system('touch broken'); `touch broken` $(touch broken) @x {/Bold \\ <b>&_%#^~|é漢"""


def row(**fields):
    point = dict(zip(COLUMNS, ("One", "top-1 accuracy", "A", "static", "", "", "1e8", "flops",
                               "mac2", "90", "", "", "Someone, 2020", "table")))
    point.update(fields)
    return [point[name] for name in COLUMNS]


# The same in numpy: a contender is its costs and accuracies.

class Contender:
    def __init__(self, cost, accuracy, error=0.0):
        self.offers = np.array([cost, accuracy], float).T
        self.error = np.broadcast_to(np.asarray(error, float), len(self.offers))

    def curve(self, shift=0):
        """The most accurate of each cost, by rising cost."""
        best = {}
        for (cost, accuracy), error in zip(self.offers, self.error):
            best[cost] = max(best.get(cost, -np.inf), accuracy + shift * error)
        cost = np.array(sorted(best))
        return cost, np.array([best[c] for c in cost])


def accuracy_at(curve, cost):
    costs, accuracies = curve
    if cost < costs[0]:
        return None, "below"
    return float(np.interp(cost, costs, accuracies)), "above" if cost > costs[-1] else "within"


def cost_at(curve, accuracy):
    costs, accuracies = curve
    if accuracies[0] >= accuracy:
        return costs[0], "below" if accuracies[0] > accuracy else "within"
    for i in range(1, len(costs)):
        if accuracies[i] >= accuracy:
            return float(np.interp(accuracy, accuracies[i - 1:i + 1], costs[i - 1:i + 1])), "within"
    return None, "above"


def mean_accuracy(curve, low, high):
    costs, accuracies = curve
    inner = costs[(costs > low) & (costs < high)]
    x = np.concatenate([[low], inner, [high]])
    y = np.interp(x, costs, accuracies)
    return float(((y[1:] + y[:-1]) / 2 * np.diff(x)).sum() / (high - low))


def dominated(offer, offers):
    """By which of them."""
    cost, accuracy = offer
    return [i for i, (c, a) in enumerate(offers)
            if c <= cost and a >= accuracy and (c < cost or a > accuracy)]


def hypervolume(offers, cost, accuracy):
    edges = np.unique(np.clip(np.concatenate([[0, cost], offers[:, 0]]), 0, cost))
    area = 0.0
    for low, high in zip(edges, edges[1:]):
        had = offers[offers[:, 0] <= low][:, 1]
        area += (high - low) * max(0.0, (had.max() if len(had) else 0) - accuracy)
    return area / (cost * (1 - accuracy))


def read_baselines(path):
    """Contenders by (family, method, variant), in the order of the tables."""
    groups = {}
    with open(path, newline="", encoding="utf-8") as file:
        for point in csv.DictReader(file):
            factor = 2 if point["cost_unit"] == "macs" else 1
            key = FAMILIES.index(point["family"]), point["method"], point["variant"]
            groups.setdefault(key, []).append((
                float(point["cost"]) * factor, float(point["accuracy"]) / 100,
                point["point"], float(point["accuracy_error"] or 0) / 100))
    out = {}
    for key in sorted(groups, key=lambda key: (key[0], key[1].encode(), key[2].encode())):
        points = sorted(groups[key])
        out[key] = Contender([p[0] for p in points], [p[1] for p in points],
                             [p[3] for p in points])
    return out


def name_of(key):
    return key[1] + (", " + key[2] if key[2] else "")


class Compare(ProgramTest):
    def write(self, *rows, name="baselines.csv", header=COLUMNS):
        with open(self.path(name), "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        return self.path(name)

    def compare(self, *arguments, what="summary", **options):
        rows = self.json("compare", *arguments, "--what", what, **options)
        return rows

    def close(self, found, expected, message=""):
        if expected is None:
            self.assertIsNone(found, message)
        else:
            self.assertTrue(math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12),
                            f"{message}: {found} for {expected}")


class Reader(Compare):
    def refused(self, text, *words):
        path = self.path("bad.csv")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self.refuse("bad.csv", *words, arguments=("compare", "--baselines", path))

    def text(self, *rows, header=COLUMNS):
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
        return file.getvalue()

    def test_files(self):
        self.refuse("nowhere.csv", arguments=("compare", "--baselines", "nowhere.csv"))
        self.refused("", "empty")
        self.refused("\n\n\n", "empty")
        self.refused(self.text(), "no points")
        self.refuse("cannot", arguments=("compare", "--baselines", self.directory))

    def test_records(self):
        good = self.text(row())
        self.refused(good + "a,b\n", "line 3", "2 fields")
        self.refused(good + ",".join(["x"] * 5000) + "\n", "line 3", "4096")
        self.refused(good + '"open,\n\n', "line 3", "never closed")
        self.refused(good.replace("One", '"One"x'), "line 2", "quote")
        self.refused(good.replace("One", 'O"ne'), "line 2", "quote")
        self.refused(good.encode().replace(b"One", b"O\0ne"), "line 2", "NUL")
        self.refused(good.encode().replace(b"One", b'"O\0ne"'), "line 2", "NUL")
        self.refused(good + "x" * 1_200_000, "line 3", "too long")
        self.refused(good + '"' + "x\n" * 600_000 + '"', "line 3", "too long")
        self.refused(self.text(row(method="two\nlines"), row(cost="much")), "line 4", "cost")

    def test_columns(self):
        for i, name in enumerate(COLUMNS):
            header = [*COLUMNS[:i], *COLUMNS[i + 1:]]
            self.refused(self.text(row()[:i] + row()[i + 1:], header=header), "line 1", name,
                         "missing")
        self.refused(self.text([*row(), "1"], header=[*COLUMNS, "cost"]), "'cost'", "two columns")

    def test_fields(self):
        for field, bad, word in (
                ("family", "Static", "budgeted-batch"), ("cost_unit", "GFLOPs", "macs"),
                ("convention", "thop", "op-counter"), ("metric", "top-5", "mAP"),
                ("accuracy", "100.01", "100"), ("accuracy", "0.93", "per cent"),
                ("accuracy", "-3", "below 0"), ("accuracy", "nan", "finite"),
                ("accuracy", "inf", "finite"), ("accuracy", "93 %", "finite"),
                ("accuracy", "1e999", "finite"), ("accuracy", "", "empty"),
                ("cost", "0", "cost"), ("cost", "-1", "below 0"), ("cost", "inf", "finite"),
                ("cost", "1e308G", "finite"), ("cost", "", "empty"), ("cost", "1.2.3", "finite"),
                ("cost_error", "-1", "below 0"), ("accuracy_error", "nan", "finite"),
                ("accuracy_error", "101", "100"), ("dataset", "", "empty"),
                ("method", "", "empty"), ("source", "", "empty"), ("how_read", "", "empty")):
            with self.subTest(field=field, bad=bad):
                self.refused(self.text(row(), row(**{field: bad})), "line 3", field, word)
        self.refused(self.text(row(cost="1e308", cost_unit="macs")), "line 2", "cost")

    def test_units_and_forms(self):
        path = self.write(row(cost="130M"), row(cost="65e6", cost_unit="macs", method="B"))
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b"\r\n\r\n")
        rows = self.compare("--baselines", path, what="points")
        self.assertEqual([r["flops"] for r in rows], [130e6, 130e6])
        self.assertEqual([r["accuracy"] for r in rows], [0.9, 0.9])
        shuffled = list(reversed(COLUMNS))
        path = self.write(list(reversed(row(point='a "b", c\r\nd'))), header=shuffled)
        self.assertEqual(self.compare("--baselines", path, what="points")[0]["point"],
                         'a "b", c\nd')

    def test_mixtures(self):
        one, other = self.write(row()), self.write(row(dataset="Two"), name="other.csv")
        detection = self.write(row(metric="mAP"), name="detection.csv")
        self.refuse("One", "Two", code=2,
                    arguments=("compare", "--baselines", one, "--baselines", other))
        self.refuse("mAP", code=2,
                    arguments=("compare", "--baselines", one, "--baselines", detection))
        self.assertEqual(len(self.compare("--baselines", one, "--baselines", one, what="points")),
                         2)

    def test_a_failure_leaves_no_points(self):
        self.refused(self.text(*[row(variant=str(i)) for i in range(40)], row(cost="x")), "line 42")


class Published(Compare):
    """The files that come with the program."""

    files = ("caltech256", "cifar10", "cifar100", "coco", "imagenet")

    def test_all_are_read(self):
        self.assertEqual(sorted(p.stem for p in BASELINES.glob("*.csv")), sorted(self.files))
        for name in self.files:
            path = BASELINES / f"{name}.csv"
            rows = self.compare("--baselines", path, what="points")
            expected = [(name_of(key), FAMILIES[key[0]], *offer)
                        for key, contender in read_baselines(path).items()
                        for offer in contender.offers]
            self.assertEqual(len(rows), len(expected))
            for found, (contender, family, cost, accuracy) in zip(rows, expected):
                self.assertEqual((found["contender"], found["kind"]), (contender, family))
                self.close(found["flops"], cost)
                self.close(found["accuracy"], accuracy)

    def test_what_is_known(self):
        """EfficientDet's table, in 2 x multiply-adds; EBJR's released row."""
        rows = self.compare("--baselines", BASELINES / "coco.csv", what="points")
        flops = {r["point"]: r["flops"] for r in rows if "AP val" in r["contender"]}
        self.assertEqual(sorted(flops), [f"D{i}" for i in range(8)])
        self.assertEqual(flops["D0"], 5.08e9)
        rows = self.compare("--baselines", BASELINES / "cifar10.csv", what="points")
        released = [r for r in rows if r["contender"] == "EBJR, released code"]
        self.assertEqual([(r["flops"], r["accuracy"]) for r in released], [(136534000, 0.9477)])

    def test_families_are_apart(self):
        """No curve is of two families, and every point says where it comes from."""
        for name in self.files:
            with open(BASELINES / f"{name}.csv", newline="") as file:
                points = list(csv.DictReader(file))
            for point in points:
                anytime = "anytime" in point["variant"] + point["how_read"].split(",")[0]
                self.assertFalse(anytime and point["family"] == "budgeted-batch", point)
                self.assertRegex(point["source"], r"(19|20)\d\d")

    def check_views(self, path, reference):
        contenders = read_baselines(path)
        keys = [key for key in contenders if name_of(key) == reference]
        self.assertEqual(len(keys), 1)
        base = contenders[keys[0]]
        arguments = ("--baselines", path, "--reference", reference)
        self.check_summary(self.compare(*arguments), contenders, base)
        self.check_points(arguments, contenders, base)
        self.check_dominance(self.compare(*arguments, what="dominance"), contenders)
        self.check_wins(self.compare(*arguments, what="wins"), contenders, base)

    def check_summary(self, rows, contenders, base):
        everything = np.concatenate([c.offers for c in contenders.values()])
        curve = base.curve()
        for found, (key, contender) in zip(rows, contenders.items(), strict=True):
            own = contender.curve()
            self.assertEqual(found["contender"], name_of(key))
            self.assertEqual(found["offers"], len(contender.offers))
            self.assertEqual(found["on_front"],
                             sum(not dominated(o, everything) for o in contender.offers))
            self.close(found["hypervolume"],
                       hypervolume(contender.offers, curve[0][-1], curve[1][0]), key)
            low, high = max(own[0][0], curve[0][0]), min(own[0][-1], curve[0][-1])
            shared = low < high and contender is not base
            self.close(found["mean_accuracy"], mean_accuracy(own, low, high) if shared else None)
            self.close(found["reference_mean"],
                       mean_accuracy(curve, low, high) if shared else None)
            for field in ("apgr", "cpt50", "cpt80"):
                self.assertIsNone(found[field])

    def check_points(self, arguments, contenders, base):
        others = [(key, c, i) for key, c in contenders.items() if c is not base
                  for i in range(len(c.offers))]
        at_cost = self.compare(*arguments, what="equal-cost")
        at_accuracy = self.compare(*arguments, what="equal-accuracy")
        for found, same, (key, contender, i) in zip(at_cost, at_accuracy, others, strict=True):
            cost, accuracy = contender.offers[i]
            error = contender.error[i]
            there, where = accuracy_at(base.curve(), cost)
            self.close(found["reference_accuracy"], there, key)
            self.assertEqual(found["reference_range"], where)
            if there is None:
                self.assertIsNone(found["ahead"])
            else:
                low, high = (accuracy_at(base.curve(s), cost)[0] for s in (-1, 1))
                self.close(found["difference"], there - accuracy)
                if abs(there - accuracy) > 1e-12:
                    self.assertEqual(found["ahead"],
                                     "reference" if there > accuracy else "contender")
                margin = min(abs(low - accuracy - error), abs(high - accuracy + error))
                if margin > 1e-12:
                    self.assertEqual(found["beyond_band"],
                                     low > accuracy + error or high < accuracy - error)
            needed, where = cost_at(base.curve(), accuracy)
            self.close(same["reference_flops"], needed, key)
            self.assertEqual(same["reference_range"], where)
            self.close(same["ratio"], needed and needed / cost)
            self.check_cheaper(same, base, cost, accuracy, error)

    def check_cheaper(self, found, base, cost, accuracy, error):
        """Who has the accuracy for less, and whether also at the ends of both bands."""
        def leader(shift, wanted):
            needed, where = cost_at(base.curve(shift), wanted)
            if needed is None:
                return -1
            if abs(needed - cost) < 1e-9 * cost:
                return None  # rounding decides
            return 1 if needed < cost else 0 if where == "below" else -1

        plain = leader(0, accuracy)
        if plain is None:
            return
        self.assertEqual(found["ahead"], ("neither", "reference", "contender")[plain])
        sure = leader(-plain, accuracy + plain * error) if plain else 0
        if sure is not None:
            self.assertEqual(found["beyond_band"], plain != 0 and sure == plain)

    def check_dominance(self, rows, contenders):
        points = [(key, tuple(o)) for key, c in contenders.items() for o in c.offers]
        for found, (key, offer) in zip(rows, points, strict=True):
            names = [name_of(k) for k, c in contenders.items() if dominated(offer, c.offers)]
            self.assertEqual(found["contender"], name_of(key))
            self.assertEqual(found["dominated_by"], "; ".join(names))
            self.assertEqual(found["on_front"], not names)

    def check_wins(self, rows, contenders, base):
        by_name = {}
        for found in rows:
            by_name.setdefault((found["kind"], found["contender"]), []).append(found)
        for key, contender in contenders.items():
            if contender is base:
                continue
            found = by_name.pop((FAMILIES[key[0]], name_of(key)))
            own, curve = contender.curve(), base.curve()
            low, high = max(own[0][0], curve[0][0]), min(own[0][-1], curve[0][-1])
            if low >= high:
                self.assertEqual([f["from_flops"] for f in found], [None])
                continue
            self.close(found[0]["from_flops"], low)
            self.close(found[-1]["to_flops"], high)
            for before, after in zip(found, found[1:]):
                self.assertEqual(before["to_flops"], after["from_flops"])
            for stretch in found:
                self.check_stretch(stretch, contender, base)
        self.assertFalse(by_name)

    def check_stretch(self, found, contender, base):
        low, high = found["from_flops"], found["to_flops"]
        ours, theirs = (mean_accuracy(c.curve(), low, high) for c in (base, contender))
        self.close(found["mean_difference"], ours - theirs)
        if abs(ours - theirs) > 1e-12:
            self.assertEqual(found["ahead"], "reference" if ours > theirs else "contender")
        for cost in np.linspace(low, high, 13)[1:-1]:
            at = lambda c, shift: np.interp(cost, *c.curve(shift))
            surely_ours = at(base, -1) - at(contender, 1)
            surely_theirs = at(contender, -1) - at(base, 1)
            if min(abs(surely_ours), abs(surely_theirs)) > 1e-9:
                self.assertEqual(found["beyond_band"], max(surely_ours, surely_theirs) > 0)

    def test_views(self):
        self.check_views(BASELINES / "cifar10.csv", "EBJR, DenseNet-BC 52-6 to 64-12")
        self.check_views(BASELINES / "cifar100.csv", "RANet, released figure")
        self.check_views(BASELINES / "imagenet.csv", "SkipNet, SkipNet-101")
        self.check_views(BASELINES / "coco.csv", "EfficientDet, AP val of its authors")

    def test_random_views(self):
        """A coarse grid: equal costs, equal accuracies, equal points."""
        generator = random.Random(5)
        for _ in range(12):
            rows = [row(method=generator.choice("ABC"), family=generator.choice(FAMILIES[:2]),
                        cost=str(generator.randint(1, 9)), cost_unit=generator.choice(("flops",
                                                                                     "macs")),
                        accuracy=str(generator.randint(10, 15)),
                        accuracy_error=generator.choice(("", "0.5", "2")),
                        variant=generator.choice(("", "v"))) for _ in range(40)]
            rows.append(row(method="reference", family="static", cost="3", accuracy="12"))
            rows.append(row(method="reference", family="static", cost="12", accuracy="14"))
            self.check_views(self.write(*rows), "reference")

    def test_order_of_rows(self):
        lines = (BASELINES / "cifar100.csv").read_text().splitlines(keepends=True)
        for seed in range(3):
            body = lines[1:] + lines[5:9]
            expected = self.path("first.csv")
            expected.write_text("".join([lines[0], *body]))
            random.Random(seed).shuffle(body)
            shuffled = self.path("second.csv")
            shuffled.write_text("".join([lines[0], *body]))
            for view in VIEWS:
                run = lambda path: self.ebjr("compare", "--baselines", path, "--what", view,
                                             "--format", "csv").stdout
                self.assertEqual(run(expected), run(shuffled))


class Store(Compare):
    """Two models with logits, some of them equal."""

    def setUp(self):
        super().setUp()
        generator = np.random.default_rng(3)
        self.labels = generator.integers(0, CLASSES, SAMPLES)
        self.student = random_logits(4, SAMPLES, CLASSES, self.labels, 4)
        self.teacher = random_logits(5, SAMPLES, CLASSES, self.labels, 9)
        for name, logits, flops in (("small", self.student, STUDENT_FLOPS),
                                    ("large", self.teacher, TEACHER_FLOPS)):
            self.import_logits(name, logits, self.labels, "--flops", str(flops),
                               "--dataset-name", "one")
        self.pair = ("--db", self.db, "--student", "small", "--teacher", "large")
        self.right = [predictions(logits) == self.labels for logits in (self.student,
                                                                        self.teacher)]

    def curve(self, score):
        """Costs and accuracies of every threshold, by rising cost."""
        values = score_of(score, self.student)
        rows = []
        for threshold in np.append(np.unique(values), np.inf):
            keeps = values >= threshold
            accuracy = np.where(keeps, *self.right).mean()
            rows.append((STUDENT_FLOPS + (~keeps).mean() * TEACHER_FLOPS, accuracy))
        return np.array(rows)


class Stored(Store):
    """Cascades of a store."""

    def test_recovered_gap(self):
        """APGR and CPT, from the curve: PGR against the teacher rate, trapezoids."""
        for score in ("logit-margin", "max-logit"):  # nothing is rounded on the way
            found = self.compare(*self.pair, "--score", score)[0]
            curve = self.curve(score)
            rate = (curve[:, 0] - STUDENT_FLOPS) / TEACHER_FLOPS
            student, teacher = (right.mean() for right in self.right)
            recovered = (curve[:, 1] - student) / (teacher - student)
            area = ((recovered[1:] + recovered[:-1]) / 2 * np.diff(rate)).sum()
            self.close(found["apgr"], area)
            for field, wanted in (("cpt50", 0.5), ("cpt80", 0.8)):
                i = int(np.argmax(recovered >= wanted - 1e-12))
                part = (wanted - recovered[i - 1]) / (recovered[i] - recovered[i - 1])
                self.close(found[field], rate[i - 1] + min(part, 1) * (rate[i] - rate[i - 1]))
                self.assertLessEqual(found[f"{field}_low"], found[field])
            self.assertEqual(found["offers"], len(curve))
            front = [not dominated(o, curve) for o in curve]
            self.assertEqual(found["on_front"], sum(front))

    def test_against_points(self):
        path = self.write(row(cost="60e6", accuracy="70"), row(cost="5e6", accuracy="60"),
                          row(cost="400e6", accuracy="99"), row(cost="80e6", accuracy="99.9"),
                          row(cost="149e6", accuracy="20"))
        arguments = (*self.pair, "--score", "msp", "--baselines", path)
        curve = tuple(self.curve("msp").T)
        for found in self.compare(*arguments, what="equal-cost"):
            expected, where = accuracy_at(curve, found["flops"])
            self.close(found["reference_accuracy"], expected)
            self.assertEqual(found["reference_range"], where)
            if expected is not None:
                self.assertLessEqual(found["reference_low"], expected + 0.01)
                self.assertLessEqual(expected, found["reference_high"] + 0.01)
                self.assertEqual(found["beyond_band"],
                                 found["reference_low"] > found["accuracy"]
                                 or found["reference_high"] < found["accuracy"])
        for found in self.compare(*arguments, what="equal-accuracy"):
            expected, where = cost_at(curve, found["accuracy"])
            self.close(found["reference_flops"], expected)
            self.assertEqual(found["reference_range"], where)

    def test_the_band_is_the_sweep_s(self):
        band = [[float(r[f]) for f in ("flops", "low", "high")]
                for r in self.csv("sweep", *self.pair, "--score", "msp", "--bands")]
        cost, low, high = band[37]
        path = self.write(row(cost=repr(cost), accuracy="70"))
        found = self.compare(*self.pair, "--score", "msp", "--baselines", path,
                             what="equal-cost")[0]
        self.close(found["reference_low"], low)
        self.close(found["reference_high"], high)
        for accuracy, beyond in ((100 * high + 0.01, True), (100 * high - 0.01, False),
                                 (100 * low + 0.01, False), (100 * low - 0.01, True)):
            path = self.write(row(cost=repr(cost), accuracy=f"{accuracy:.6f}"))
            found = self.compare(*self.pair, "--score", "msp", "--baselines", path,
                                 what="equal-cost")[0]
            self.assertEqual(found["beyond_band"], beyond)

    def test_points(self):
        threshold = float(np.median(score_of("msp", self.student)))
        rows = self.compare(*self.pair, "--score", "msp", "--threshold", repr(threshold),
                            "--model", "large", "--cascade", "small,large,energy", what="points")
        self.assertEqual([(r["contender"], r["kind"], r["point"]) for r in rows],
                         [("small > large, msp", "cascade", "student alone"),
                          ("small > large, msp", "cascade", "operating point"),
                          ("small > large, msp", "cascade", "teacher alone"),
                          ("small > large, energy", "cascade", "student alone"),
                          ("small > large, energy", "cascade", "teacher alone"),
                          ("large", "model", "")])
        self.close(rows[0]["accuracy"], self.right[0].mean())
        self.close(rows[2]["accuracy"], self.right[1].mean())
        self.assertEqual([rows[0]["flops"], rows[2]["flops"]], [STUDENT_FLOPS, TEACHER_FLOPS])
        keeps = score_of("msp", self.student) >= threshold
        self.close(rows[1]["accuracy"], np.where(keeps, *self.right).mean())
        self.close(rows[1]["flops"], STUDENT_FLOPS + (~keeps).mean() * TEACHER_FLOPS)
        for found in rows:
            self.assertLess(found["low"], found["accuracy"])
            self.assertGreater(found["high"], found["accuracy"])

    def test_best_score(self):
        process = self.ebjr("compare", *self.pair, "--format", "json")
        best = self.csv("sweep", *self.pair, "--score", "all", "--summary", "--resamples", "39")
        first = next(r["score"] for r in best if r["score"] not in ("oracle", "random"))
        self.assertEqual(json.loads(process.stdout)[0]["contender"], f"small > large, {first}")
        self.assertIn(first, process.stderr)

    def test_conventions(self):
        counted = self.write(row(convention="op-counter"))
        talk = lambda *more: self.ebjr("compare", *self.pair, "--score", "msp", *more).stderr
        self.assertNotIn("op-counter counts", talk("--baselines", counted))
        self.assertIn("1 baselines by op-counter",
                      talk("--baselines", counted, "--flops-convention", "mac2"))
        self.assertIn("1 do not say", talk("--baselines", self.write(row(convention="unknown"))))

    def test_usage(self):
        path = self.write(row())
        for words, arguments in (
                (("nothing",), ()),
                (("together",), ("--db", self.db, "--student", "small")),
                (("--db",), ("--student", "small", "--teacher", "large")),
                (("--student",), ("--db", self.db)),
                (("--score",), (*self.pair, "--threshold", "1")),
                (("--score",), (*self.pair, "--threshold", "1", "--score", "auto")),
                (("--threshold",), ("--baselines", path, "--threshold", "1")),
                (("--what", "wins"), ("--baselines", path, "--what", "win")),
                (("STUDENT,TEACHER",), ("--db", self.db, "--cascade", "small")),
                (("STUDENT,TEACHER",), ("--db", self.db, "--cascade", ",large")),
                (("STUDENT,TEACHER",), ("--db", self.db, "--cascade", "small,")),
                (("not compared",), ("--baselines", path, "--reference", "B"))):
            with self.subTest(arguments=arguments):
                self.refuse(*words, arguments=("compare", *arguments), code=2)
        self.refuse("small", "different families", code=2, arguments=(
            "compare", "--baselines", self.write(row(method="small"), row(method="small",
                                                                         family="anytime")),
            "--reference", "small"))
        process = self.ebjr("compare", *self.pair, "--baselines", self.write(row(metric="mAP")),
                            code=2)
        self.assertIn("the store has top-1 accuracy, the baselines mAP", process.stderr)

    def test_unknown_flops(self):
        self.import_logits("bare", self.student + 1, self.labels, "--dataset-name", "one")
        process = self.ebjr("compare", "--db", self.db, "--student", "bare", "--teacher", "large",
                            code=2)
        self.assertIn("FLOPs", process.stderr)


# What was said, from what each format prints.

def from_markdown(text):
    return re.sub(r"\\([|\\`*_<>\[\]])", r"\1", text)


def from_latex(text):
    marks = {"\\textbackslash{}": "\\", "\\textasciitilde{}": "~", "\\textasciicircum{}": "^",
             "\\textless{}": "<", "\\textgreater{}": ">", "\\textbar{}": "|",
             "\\textquotedbl{}": '"', "\\textasciigrave{}": "`"}
    pattern = "|".join(map(re.escape, marks)) + r"|\\([#$%&_{}])"
    return re.sub(pattern, lambda m: m.group(1) or marks[m.group(0)], text)


class Formats(Compare):
    def test_latex_says_what_the_table_says(self):
        for name in ("coco", "imagenet"):
            for view in VIEWS:
                run = lambda form: self.ebjr("compare", "--baselines", BASELINES / f"{name}.csv",
                                             "--what", view, "--format", form).stdout
                latex = run("latex").splitlines()
                self.assertEqual(latex[1::len(latex) - 2], ["\\toprule", "\\end{tabular}"])
                cells = [[from_latex(cell) for cell in re.split(r"(?<!\\) & ", line[:-3])]
                         for line in latex if line.endswith(" \\\\")]
                markdown = [[from_markdown(cell) for cell in re.split(r"(?<!\\) \| ", line[2:-2])]
                            for line in run("md").splitlines() if not line.startswith("|---")]
                self.assertEqual(cells[1:], markdown[1:])
                table = run("table").splitlines()
                for line, row_cells in zip(table[1:], cells[1:], strict=True):
                    self.assertEqual("".join(line.split()), "".join("".join(row_cells).split()))

    def hostile(self, name):
        return self.write(row(method=name, point=name, variant=name, cost="2e8", source=name),
                          row(method=name, point="D1", variant="v", cost="3e8", accuracy="92"),
                          row(method="plain", cost="1e8"), row(method="plain", cost="4e8"))

    def test_hostile_names(self):
        for name in (HOSTILE, "x" * 5000, "two\nlines\tand \x1b[31mred", "=1+1", "-n", "\\",
                     "}\\end{tabular}\\input{/etc/passwd}", "</td><script>alert(1)</script>"):
            with self.subTest(name=name[:20]):
                self.check_hostile(name, self.hostile(name))

    def check_hostile(self, name, path):
        full = f"{name}, {name}"
        plain = "".join(" " if ord(c) < 32 else c for c in full)
        arguments = ("--baselines", path)
        rows = self.compare(*arguments, what="points")
        self.assertIn(full, [r["contender"] for r in rows])
        found = self.csv("compare", *arguments, "--what", "points")
        self.assertIn(full, [r["contender"].lstrip("'") if full.startswith(("=", "-"))
                             else r["contender"] for r in found])
        run = lambda form: self.ebjr("compare", *arguments, "--what", "points", "--format",
                                     form).stdout
        latex = run("latex")
        self.assertIn(plain, from_latex(latex))
        # no command but those of the table and of escapes
        commands = set(re.findall(r"\\([a-zA-Z]+)", latex))
        self.assertLessEqual(commands, {
            "begin", "end", "toprule", "midrule", "bottomrule", "textbackslash",
            "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar",
            "textquotedbl", "textasciigrave"})
        self.assertEqual(latex.count("\\end{tabular}"), 1)
        self.assertIn(plain, from_markdown(run("md")))
        self.assertIn(plain, run("table"))
        for view in VIEWS:
            self.ebjr("compare", *arguments, "--what", view, "--reference", full)
        self.check_picture(arguments, name)

    def check_picture(self, arguments, name):
        self.ebjr("compare", *arguments, "--plot", "pictures/one", "--title", name)
        plain = "".join(" " if ord(c) < 32 else c for c in name)
        tree = ElementTree.parse(self.path("pictures/one.svg"))
        text = "\n".join("".join(node.itertext()) for node in tree.iter()
                         if node.tag.endswith("text"))
        self.assertIn("".join(plain.split())[:150], "".join(text.split()))
        self.assertEqual(self.path("pictures/one.png").read_bytes()[:4], b"\x89PNG")
        self.assertEqual(list(self.directory.rglob("broken")), [])


class Picture(Compare):
    def blocks(self, name):
        """The arrays of the data file."""
        parts = re.split(r"\n\n\n?", self.path(f"{name}.dat").read_text())
        return [np.loadtxt(io.StringIO(part), ndmin=2) for part in parts
                if re.search(r"^[\d.]", part, re.MULTILINE)]

    def test_lines_join_one_curve_only(self):
        path = BASELINES / "cifar10.csv"
        self.ebjr("compare", "--baselines", path, "--plot", "one")
        contenders = read_baselines(path)
        blocks = self.blocks("one")
        self.assertEqual(len(blocks), len(contenders))
        for block, contender in zip(blocks, contenders.values()):
            np.testing.assert_allclose(block, contender.offers * [1, 100], rtol=1e-12)
        script = self.path("one.gp").read_text()
        self.assertEqual(len(re.findall(r"data index \d+ using", script)), len(contenders))

    def test_families_differ(self):
        path = self.write(*[row(method="M", family=family, cost=str(c)) for family in FAMILIES
                            for c in (1e8, 2e8)])
        self.ebjr("compare", "--baselines", path, "--plot", "one")
        script = self.path("one.gp").read_text()
        looks = re.findall(r"linespoints lc rgb '(#\w+)' lw 1.3 (dt \S+) pt (\d+)", script)
        self.assertEqual(len({(dash, marker) for _, dash, marker in looks}), len(FAMILIES))
        self.assertEqual(len({colour for colour, _, _ in looks}), 1)
        text = html.unescape(self.path("one.svg").read_text())
        for family in FAMILIES:
            self.assertIn(f"M ({family})", text)
        self.assertIn("FLOPs a sample (2 x multiply-adds)", text)
        self.assertIn("top-1 accuracy (%)", text)

    def test_detectors(self):
        self.ebjr("compare", "--baselines", BASELINES / "coco.csv", "--plot", "coco")
        text = self.path("coco.svg").read_text()
        for i in range(8):
            self.assertIn(f"D{i}<", text)
        self.assertIn("mAP (%)", text)


class StoredPicture(Store):
    def test_cascade(self):
        path = self.write(row(cost="60e6", accuracy="70"), row(cost="9e9", accuracy="99"))
        process = self.ebjr("compare", *self.pair, "--score", "logit-margin", "--threshold", "0.9",
                            "--baselines", path, "--plot", "one")
        self.assertIn("1 published point", process.stderr)
        text = html.unescape(self.path("one.svg").read_text())
        for word in ("small > large, logit-margin", "95 % band", "operating point", "student alone",
                     "teacher alone", "A (static)"):
            self.assertIn(word, text)
        data = self.path("one.dat").read_text()
        curve = np.loadtxt(io.StringIO(data.split("# cascade 0: cost, accuracy")[1]
                                       .split("\n", 1)[1].split("\n\n")[0]))
        expected = self.curve("logit-margin") * [1, 100]
        np.testing.assert_allclose(curve, expected, rtol=1e-12)



class ByName(ProgramTest):
    def test_results_that_come_with_the_program(self):
        arguments = ("compare", "--what", "points", "--baselines")
        self.assertEqual(self.csv(*arguments, "cifar10"),
                         self.csv(*arguments, BASELINES / "cifar10.csv"))

    def test_a_file_of_that_name_comes_first(self):
        self.path("cifar10").write_text("no table\n")
        self.refuse("cifar10", arguments=("compare", "--baselines", "cifar10"))

    def test_a_name_that_is_none(self):
        self.refuse("cifar11", "there are", "cifar100, coco, imagenet",
                    arguments=("compare", "--baselines", "cifar11"))


if __name__ == "__main__":
    unittest.main()
