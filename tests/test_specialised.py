"""Students that know only some of the classes, class mixes, slices, and several data sets of one
model, against numpy."""

import hashlib
import json
import math
import unittest

import numpy as np

from support import LOGIT_SCORES, ProgramTest, predictions, score_of, softmax, top5

SAMPLES, CLASSES = 600, 9
STUDENT_FLOPS, TEACHER_FLOPS = 2_000_000, 30_000_000
OTHER = -1
MAP = np.array([4, OTHER, 1, 7, OTHER, 0, 2])  # the class of each of the student's outputs
MAP_TEXT = "4,-,1,7,-,0,2"
OTHER_MAP = np.array([4, OTHER, 1, 7, OTHER, 2, 0])
NEVER = -np.finfo(float).max


def population(seed, samples=SAMPLES):
    """Labels of which the last classes are rare; logits of a specialised student, of a student
    that knows every class, and of a teacher."""
    generator = np.random.default_rng(seed)
    share = np.array([6, 5, 4, 3, 3, 2, 2, 1, 1]) / 27
    labels = generator.choice(CLASSES, samples, p=share)
    special = generator.normal(size=(samples, len(MAP)))
    for i, label in enumerate(labels):
        outputs = np.flatnonzero(MAP == label) if label in MAP else np.flatnonzero(MAP == OTHER)
        special[i, generator.choice(outputs)] += 3 * generator.random()
    models = [special]
    for skill in (3, 6):
        logits = generator.normal(size=(samples, CLASSES))
        logits[np.arange(samples), labels] += skill * generator.random(samples)
        models.append(logits)
    return labels, *(logits.astype(np.float32) for logits in models)


LABELS, SPECIAL, FULL, TEACHER = population(1)


def special_predictions(logits, outputs=MAP):
    return outputs[logits.argmax(axis=1)]


def special_top5(logits, labels, outputs=MAP):
    """The label's output is among the five first of a stable sort."""
    order = np.argsort(-logits, axis=1, kind="stable")[:, :5]
    return (outputs[order] == labels[:, None]).any(axis=1)


def binomial_cdf(k, n, p):
    """P(X <= k)."""
    return math.fsum(math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
                              + i * math.log(p) + (n - i) * math.log1p(-p))
                     for i in range(int(k) + 1))


def clopper_pearson(k, n, alpha):
    """The p where k or fewer, and k or more, have the probability alpha / 2."""
    def solve(is_below):
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if is_below(middle) else (low, middle)
        return low
    upper = 1.0 if k == n else solve(lambda p: binomial_cdf(k, n, p) > alpha / 2)
    lower = 0.0 if k == 0 else solve(lambda p: 1 - binomial_cdf(k - 1, n, p) < alpha / 2)
    return lower, upper


def map_lines(outputs):
    return "".join("other\n" if output == OTHER else f"{output}\n" for output in outputs)


class Store(ProgramTest):
    def write(self, name, text):
        self.path(name).write_text(text)
        return self.path(name)

    def setUp(self):
        super().setUp()
        self.map = self.write("map.txt", map_lines(MAP))
        self.import_logits("special", SPECIAL, LABELS, "--dataset-name", "one", "--flops",
                           str(STUDENT_FLOPS), "--student-classes", self.map)
        self.import_logits("full", FULL, LABELS, "--flops", str(STUDENT_FLOPS))
        self.import_logits("large", TEACHER, LABELS, "--flops", str(TEACHER_FLOPS))

    def cascade(self, student="special", teacher="large"):
        return "--db", self.db, "--student", student, "--teacher", teacher

    def pick(self, *arguments, student="special", **options):
        return self.json("pick", *self.cascade(student), *arguments, **options)

    def eval(self, *arguments, student="special", score="msp", **options):
        return self.json("eval", *self.cascade(student), "--score", score, *arguments, **options)

    def refuse(self, *words, arguments, code=1):
        """Notes on the FLOPs may come before the line that says all of `words`."""
        process = self.ebjr(*arguments, code=code)
        *notes, line = process.stderr.splitlines()
        self.assertTrue(all(note.startswith("note: FLOPs") for note in notes), process.stderr)
        self.assertTrue(line.startswith("ebjr"), line)
        self.assertEqual(process.stdout, "")
        for word in words:
            self.assertIn(word, line)

    def near(self, report, expected):
        for field, value in expected.items():
            self.assertAlmostEqual(report[field], value, delta=1e-12 * max(1, abs(value)),
                                   msg=field)


PREDICTIONS = special_predictions(SPECIAL)
STUDENT_RIGHT = PREDICTIONS == LABELS
FULL_RIGHT = predictions(FULL) == LABELS
TEACHER_RIGHT = predictions(TEACHER) == LABELS
CALLED_OTHER = PREDICTIONS == OTHER


class Stored(Store):
    def test_what_is_derived(self):
        rows = self.query("SELECT prediction, correct, top5_correct FROM output WHERE run_id = 1"
                          " ORDER BY idx")
        prediction, correct, among_five = np.array(rows).T
        np.testing.assert_array_equal(prediction, PREDICTIONS)
        np.testing.assert_array_equal(correct, STUDENT_RIGHT)
        np.testing.assert_array_equal(among_five, special_top5(SPECIAL, LABELS))
        self.assertTrue(50 < CALLED_OTHER.sum() < SAMPLES / 2)
        self.assertTrue(STUDENT_RIGHT.sum() < among_five.sum() < np.isin(LABELS, MAP).sum())
        np.testing.assert_array_equal(self.stored_logits(), SPECIAL)
        self.assertEqual(self.query("SELECT classes, class_map FROM run ORDER BY id"),
                         [(len(MAP), MAP_TEXT), (CLASSES, ""), (CLASSES, "")])
        self.verify()

    def test_verify_sees_the_map(self):
        self.query("UPDATE run SET class_map = '4,-,1,7,-,2,0' WHERE id = 1")
        self.ebjr("verify", "--db", self.db, code=1)

    def test_another_map_is_another_run(self):
        file = self.write("other.txt", map_lines(OTHER_MAP))
        again = ("special", SPECIAL, LABELS, "--flops", str(STUDENT_FLOPS), "--student-classes")
        process = self.import_logits(*again, self.map)
        self.assertIn("nothing to do", process.stderr)
        self.assertEqual(len(self.query("SELECT id FROM run")), 3)
        self.import_logits(*again, file)
        self.assertEqual(self.query("SELECT class_map FROM run WHERE id = 4"),
                         [("4,-,1,7,-,2,0",)])
        self.assertEqual(self.query("SELECT count(*) FROM model WHERE name = 'special'"), [(1,)])
        self.refuse("run:1", "run:4", code=2, arguments=(
            "eval", *self.cascade(), "--score", "msp", "--threshold", "0.5"))
        for run, outputs in (("run:1", MAP), ("run:4", OTHER_MAP)):
            report = self.eval("--threshold", "0.5", student=run)
            self.near(report, {"student_accuracy":
                               (special_predictions(SPECIAL, outputs) == LABELS).mean()})
        self.verify()

    def refuse_map(self, text, *words):
        before = self.contents()
        logits = self.save("fresh.npy", SPECIAL + np.float32(1))
        file = self.write("bad.txt", text)
        process = self.start("import", "--db", self.db, "--name", "fresh", "--logits", logits,
                             "--labels", self.path("labels.npy"), "--student-classes", file)
        output, talk = process.communicate(timeout=60)
        talk = talk.decode()
        self.assertIn(process.returncode, (1, 2), talk)
        self.assertEqual((output, len(talk.splitlines())), (b"", 1), talk)
        for word in ("bad.txt", *words):
            self.assertIn(word, talk)
        self.assertEqual(self.contents(), before)

    def test_bad_maps(self):
        self.refuse_map(map_lines(MAP[:-1]), "6 lines", "7 logits")
        self.refuse_map(map_lines([*MAP, 3]), "8 lines", "7 logits")
        self.refuse_map("4\nother\n1\n4\nother\n0\n2\n", "line 4", "twice")
        self.refuse_map("4\nother\none\n7\nother\n0\n2\n", "line 3", "one")
        self.refuse_map("4\nother\n-1\n7\nother\n0\n2\n", "line 3")
        self.refuse_map("4\nother\n1.5\n7\nother\n0\n2\n", "line 3")
        self.refuse_map("other\n" * 7, "names no class")
        self.refuse_map("", "names no class")
        self.refuse_map("other\n" * 3000 + "1\n", "too many")

    def test_a_missing_map(self):
        before = self.contents()
        self.refuse("none.txt", arguments=(
            "import", "--db", self.db, "--name", "fresh", "--logits",
            self.save("fresh.npy", SPECIAL + 1), "--labels", self.path("labels.npy"),
            "--student-classes", "none.txt"))
        self.assertEqual(self.contents(), before)

    def test_not_a_teacher(self):
        cascade = self.cascade("full", "special")
        for command in (["sweep"], ["eval", "--score", "msp", "--threshold", "0.5"],
                        ["pick", "--max-drop", "0.1"]):
            self.refuse("'special'", "teacher", code=2, arguments=(
                command[0], *cascade, *command[1:]))
        self.refuse("specialised", code=2, arguments=(
            "pick", *self.cascade(), "--plain", "--max-teacher-rate", "0.9", "--answer",
            "average"))
        for option in ("--fit-temperature", "--per-class"):
            self.refuse("specialised", code=2, arguments=(
                "pick", *self.cascade(), "--plain", "--max-teacher-rate", "0.9", option))


class Others(Store):
    """What the student calls other is the teacher's."""

    def test_sweep(self):
        for name in LOGIT_SCORES:
            with self.subTest(name):
                rows = self.csv("sweep", *self.cascade(), "--score", name)
                score = np.where(CALLED_OTHER, -np.inf, score_of(name, SPECIAL))
                order = np.argsort(-score, kind="stable")
                known = SAMPLES - CALLED_OTHER.sum()
                self.assertEqual(len(np.unique(score)), known + 1)
                s, t = STUDENT_RIGHT[order].astype(int), TEACHER_RIGHT[order].astype(int)
                count = lambda values: np.concatenate(([0], np.cumsum(values)))
                kept = np.append(np.arange(known + 1), SAMPLES)
                harm, help = count((1 - s) * t)[kept], count(s * (1 - t))[kept]
                threshold = np.concatenate(([np.inf], score[order][:known], [NEVER]))
                column = lambda field: np.array([float(row[field]) for row in rows])
                self.assertEqual(len(rows), known + 2)
                np.testing.assert_allclose(column("threshold"), threshold, rtol=1e-12)
                np.testing.assert_allclose(column("student_share"), kept / SAMPLES, atol=1e-12)
                np.testing.assert_array_equal(column("harm"), harm)
                np.testing.assert_array_equal(column("help"), help)
                np.testing.assert_allclose(column("accuracy"),
                                           (t.sum() + help - harm) / SAMPLES, atol=1e-12)
                np.testing.assert_allclose(
                    column("flops"), STUDENT_FLOPS + (1 - kept / SAMPLES) * TEACHER_FLOPS)

    def test_random_scores(self):
        rows = self.csv("sweep", *self.cascade(), "--score", "random")
        self.assertEqual(len(rows), (~CALLED_OTHER).sum() + 2)
        self.assertEqual(float(rows[-1]["threshold"]), NEVER)
        self.assertAlmostEqual(float(rows[-2]["student_share"]), (~CALLED_OTHER).mean())
        for threshold in (rows[-2]["threshold"], "-1e300"):
            slices = self.eval("--threshold", threshold, "--by", "prediction", score="random")
            rate = {row["group"]: row["teacher_rate"] for row in slices}
            self.assertEqual(rate, {group: float(group == OTHER) for group in
                                    np.unique(PREDICTIONS)})

    def test_eval(self):
        for name in ("msp", "energy", "entropy"):
            score = score_of(name, SPECIAL)
            threshold = float(np.median(score))
            keeps = (score >= threshold) & ~CALLED_OTHER
            five = np.where(keeps, special_top5(SPECIAL, LABELS), top5(TEACHER, LABELS))
            report = self.eval("--threshold", repr(threshold), score=name)
            self.near(report, {
                "student_share": keeps.mean(), "teacher_rate": 1 - keeps.mean(),
                "accuracy": np.where(keeps, STUDENT_RIGHT, TEACHER_RIGHT).mean(),
                "top5_accuracy": five.mean(), "student_accuracy": STUDENT_RIGHT.mean(),
                "teacher_accuracy": TEACHER_RIGHT.mean(),
                "student_top5_accuracy": special_top5(SPECIAL, LABELS).mean(),
                "harm": (keeps & ~STUDENT_RIGHT & TEACHER_RIGHT).sum(),
                "help": (keeps & STUDENT_RIGHT & ~TEACHER_RIGHT).sum(),
                "flops": STUDENT_FLOPS + (1 - keeps.mean()) * TEACHER_FLOPS})

    def test_no_pick_takes_them(self):
        for name in LOGIT_SCORES:
            report = self.pick("--score", name, "--plain", "--max-drop", "1")
            self.near(report, {"student_share": (~CALLED_OTHER).mean(),
                               "threshold": score_of(name, SPECIAL)[~CALLED_OTHER].min()})
            self.assertIsNone(report["looser_threshold"])
        least = CALLED_OTHER.mean()
        limit = ("--score", "msp", "--plain", "--max-teacher-rate")
        self.pick(*limit, repr(float(least + 1e-9)))
        self.pick(*limit, repr(float(least - 1e-9)), code=3)

    def test_policies(self):
        for arguments in (["--score", "learned"], ["--score", "auto"], ["--score", "energy"]):
            with self.subTest(arguments):
                self.pick(*arguments, "--plain", "--max-drop", "1", "--out", "policy.json")
                policy = json.loads(self.path("policy.json").read_text())
                self.assertEqual(policy["stages"][0]["class_map"], MAP_TEXT)
                self.assertNotIn("class_map", policy["stages"][1])
                rows = self.json("eval", "--db", self.db, "--policy", "policy.json", "--by",
                                 "prediction")
                rate = {row["group"]: row["teacher_rate"] for row in rows}
                self.assertEqual(rate[OTHER], 1)
                # samples below the lowest calibration score go to the teacher as well
                self.assertTrue(all(rate[group] < 0.2 for group in rate if group != OTHER), rate)

    def test_a_policy_is_for_its_map(self):
        self.pick("--score", "msp", "--plain", "--max-drop", "0.1", "--out", "policy.json")
        other = self.db = self.path("other.db")
        file = self.write("other.txt", map_lines(OTHER_MAP))
        self.import_logits("special", SPECIAL, LABELS, "--student-classes", file)
        # the policy names models by their hash, so that these are its models
        self.import_logits("large", TEACHER, LABELS)
        self.refuse("policy.json", code=2,
                    arguments=("eval", "--db", other, "--policy", "policy.json"))


class Mix(Store):
    GROUPS = {"0-2=0.2,7=0.3": ({"0-2": np.isin(LABELS, (0, 1, 2)), "7": LABELS == 7,
                                 "rest": ~np.isin(LABELS, (0, 1, 2, 7))}, (0.2, 0.3, 0.5)),
              "0-3=0.7": ({"0-3": LABELS <= 3, "rest": LABELS > 3}, (0.7, 0.3)),
              "0-4=0.25,5-8=0.75": ({"0-4": LABELS <= 4, "5-8": LABELS > 4}, (0.25, 0.75)),
              "8=0": ({"8": LABELS == 8, "rest": LABELS != 8}, (0, 1))}

    def test_eval(self):
        score = score_of("msp", SPECIAL)
        keeps = (score >= 0.4) & ~CALLED_OTHER
        correct = np.where(keeps, STUDENT_RIGHT, TEACHER_RIGHT)
        columns = {"student_accuracy": STUDENT_RIGHT, "teacher_accuracy": TEACHER_RIGHT,
                   "accuracy": correct, "teacher_rate": ~keeps,
                   "flops": STUDENT_FLOPS + ~keeps * float(TEACHER_FLOPS)}
        for mix, (groups, shares) in self.GROUPS.items():
            with self.subTest(mix):
                rows = self.eval("--threshold", "0.4", "--class-weights", mix)
                rows = {row["classes"]: row for row in rows}
                names = list(groups)
                self.assertEqual([name for name in rows if name in names], names)
                self.assertTrue({"as stored", "the mix"} <= set(rows) <=
                                {*names, "rest", "as stored", "the mix"})
                weight = np.zeros(SAMPLES)
                for name, share in zip(names, shares):
                    members = groups[name]
                    weight[members] = share / members.sum()
                    self.assertEqual(rows[name]["n"], members.sum())
                    self.near(rows[name], {"traffic": share, **{
                        field: values[members].mean() for field, values in columns.items()}})
                self.assertEqual(rows["as stored"]["n"], SAMPLES)
                self.assertIsNone(rows["as stored"]["traffic"])
                self.near(rows["as stored"], {field: values.mean()
                                              for field, values in columns.items()})
                self.near(rows["the mix"], {"traffic": 1, **{
                    field: np.average(values, weights=weight)
                    for field, values in columns.items()}})

    def test_slips(self):
        for mix in ("", "0-3", "=0.5", "0-3=", "0-3=1.2", "0-3=-0.1", "0=nan", "0=inf", "a=0.1",
                    "3-0=0.5", "0-3=0.5,2=0.1", "0=0.6,1=0.6", "0=0.5,", ",0=0.5", "-1=0.5",
                    "0-=0.5", "0-3=70%", "0-3=0.5 4=0.5", "20=0.5", "0-3=0.7,20-30=0.1",
                    "0-8=0.5", ",".join(f"{k}=0.01" for k in range(40)), "0" * 100 + "=0.5"):
            with self.subTest(mix):
                self.refuse("--class-weights", code=2, arguments=(
                    "eval", *self.cascade(), "--score", "msp", "--threshold", "0.4",
                    "--class-weights", mix))
                self.refuse("--class-weights", code=2, arguments=(
                    "pick", *self.cascade(), "--plain", "--max-drop", "0.1", "--score", "msp",
                    "--class-weights", mix))

    def members(self, *requests):
        """For each request, which samples are in calibration and in test, learnt from the program:
        the newest latencies count, of 2^j ns for one sample each; the bits of a mean times n say
        who is in."""
        found = [(np.zeros(SAMPLES, bool), np.zeros(SAMPLES, bool)) for _ in requests]
        nothing = self.save("none.npy", np.zeros(SAMPLES, np.int64))
        self.import_logits("large", TEACHER, LABELS, "--latency-ns", nothing)
        for first in range(0, SAMPLES, 40):
            block = np.arange(first, first + 40)
            latencies = np.zeros(SAMPLES, np.int64)
            latencies[block] = 1 << np.arange(40)
            self.import_logits("full", FULL, LABELS, "--latency-ns",
                               self.save("times.npy", latencies))
            for arguments, parts in zip(requests, found):
                report = self.pick("--plain", "--score", "msp", "--max-teacher-rate", "1",
                                   *arguments, student="full")
                for prefix, members in zip(("", "test_"), parts):
                    mean = report[f"{prefix}latency_ns"]
                    total = 0 if mean is None else round(mean * report[f"{prefix}n"])
                    members[block] = [total >> j & 1 for j in range(40)]
                    if block[-1] == SAMPLES - 1:
                        self.assertEqual(members.sum(), report[f"{prefix}n"])
        return found

    def check_mix(self, members, mix, tolerance, total=None):
        """Groups have their shares of the members, or of a total, to within the tolerance."""
        total = members.sum() if total is None else total
        for group, share in zip(self.GROUPS[mix][0].values(), self.GROUPS[mix][1]):
            self.assertLess(abs((members & group).sum() - share * total), tolerance)

    def test_thinning(self):
        found = self.members(*(("--class-weights", mix) for mix in self.GROUPS))
        for (mix, (groups, shares)), (kept, _) in zip(self.GROUPS.items(), found):
            with self.subTest(mix):
                total = min(group.sum() / share for group, share in zip(groups.values(), shares)
                            if share)
                self.check_mix(kept, mix, 1, total)
                for group, share in zip(groups.values(), shares):
                    for label in np.unique(LABELS[group]):  # in their proportions
                        of_class = LABELS == label
                        expected = total * share * of_class.sum() / group.sum()
                        self.assertLess(abs((kept & of_class).sum() - expected), 2)

    def test_parts_follow_the_mix(self):
        """Every part has the mix, to the rounding of each class."""
        mixes = ("0-3=0.7", "0-2=0.2,7=0.3", "0-4=0.25,5-8=0.75")
        split = "--tune-on", "0.2", "--calibrate-on", "0.5", "--test-on", "0.3"
        found = self.members(*(("--class-weights", mix, *parts) for mix in mixes
                               for parts in ((), split)))
        for mix, (whole, _), parts in zip(mixes, found[::2], found[1::2]):
            for part, fraction in zip(parts, (0.5, 0.3)):
                with self.subTest(mix=mix, fraction=fraction):
                    self.assertFalse((part & ~whole).any())
                    self.assertLess(abs(part.sum() - fraction * whole.sum()), 2)
                    self.check_mix(part, mix, CLASSES)

    def test_parts_of_two_classes(self):
        """To thin and to split are drawn independently: where one and the same shuffle does both,
        all that is kept of a thinned class falls to the first part."""
        self.db = self.path("two.db")
        labels = (np.arange(SAMPLES) % 3 > 0).astype(int)
        rare = self.save("rare.npy", labels)
        self.import_logits("full", FULL[:, :2], labels, "--latency-ns", rare)
        self.import_logits("large", TEACHER[:, :2], labels, "--latency-ns",
                           self.save("none.npy", np.zeros(SAMPLES, np.int64)))
        for seed in range(1, 6):
            report = self.pick("--plain", "--score", "msp", "--max-teacher-rate", "1",
                               "--class-weights", "0=0.8", "--tune-on", "0.4", "--calibrate-on",
                               "0.3", "--test-on", "0.3", "--split-seed", str(seed),
                               student="full")
            # 200 of class 0 and 50 of class 1
            for part, n in (("", 75), ("test_", 75)):
                self.assertLess(abs(report[f"{part}n"] - n), 2)
                self.assertLess(abs(report[f"{part}latency_ns"] * report[f"{part}n"] - 15), 2)

    def test_seeds(self):
        mix = ("--class-weights", "0-3=0.3", "--split-seed")
        (once, _), (again, _), (other, _) = self.members((*mix, "1"), (*mix, "1"), (*mix, "2"))
        np.testing.assert_array_equal(once, again)
        self.assertEqual(once.sum(), other.sum())
        self.assertTrue((once != other).any())

    def test_figures_are_those_of_the_thinned(self):
        (kept, _), = self.members(("--class-weights", "0-3=0.3"))
        score, s, t = score_of("logit-margin", FULL)[kept], FULL_RIGHT[kept], TEACHER_RIGHT[kept]
        order = np.argsort(-score)
        drop = np.cumsum(t[order].astype(int) - s[order]) / kept.sum()
        at = np.flatnonzero(drop <= 0.01)[-1]
        report = self.pick("--plain", "--score", "logit-margin", "--max-drop", "0.01",
                           "--class-weights", "0-3=0.3", "--out", "policy.json", student="full")
        self.near(report, {"threshold": score[order][at], "drop": drop[at],
                           "teacher_rate": 1 - (at + 1) / kept.sum()})
        policy = json.loads(self.path("policy.json").read_text())
        self.assertEqual(policy["samples"]["class_weights"], "0-3=0.3")


class Slices(Store):
    KEEPS = (score_of("msp", SPECIAL) >= 0.4) & ~CALLED_OTHER
    DELTA = 0.1

    def rows(self, by):
        return self.eval("--threshold", "0.4", "--by", by, "--delta", str(self.DELTA))

    def check(self, rows, group):
        groups = np.unique(group)
        self.assertEqual([row["group"] for row in rows], list(groups))
        correct = np.where(self.KEEPS, STUDENT_RIGHT, TEACHER_RIGHT)
        events = {"teacher_rate": ~self.KEEPS, "accuracy": correct,
                  "harm": self.KEEPS & ~STUDENT_RIGHT & TEACHER_RIGHT,
                  "help": self.KEEPS & STUDENT_RIGHT & ~TEACHER_RIGHT}
        for row in rows:
            members = group == row["group"]
            n = int(members.sum())
            self.assertEqual(row["n"], n)
            for name, event in events.items():
                k = int(event[members].sum())
                low, high = clopper_pearson(k, n, self.DELTA / (4 * len(groups)))
                self.assertAlmostEqual(row[name], k / n, delta=1e-12)
                self.assertAlmostEqual(row[f"{name}_low"], low, delta=1e-9)
                self.assertAlmostEqual(row[f"{name}_high"], high, delta=1e-9)
                self.assertLessEqual(row[f"{name}_low"], row[name])
                self.assertLessEqual(row[name], row[f"{name}_high"])

    def test_class(self):
        self.check(self.rows("class"), LABELS)

    def test_prediction(self):
        self.check(self.rows("prediction"), PREDICTIONS)

    def test_file(self):
        groups = np.random.default_rng(2).choice([0, 3, 1000, 2 ** 31 - 1], SAMPLES,
                                                 p=[0.5, 0.3, 0.195, 0.005])
        self.check(self.rows(self.save("groups.npy", groups)), groups)
        self.check(self.rows(self.write("groups.txt", "".join(f"{g}\n" for g in groups))), groups)

    def test_slips(self):
        groups = np.zeros(SAMPLES, int)
        command = ("eval", *self.cascade(), "--score", "msp", "--threshold", "0.4", "--by")
        text = lambda name, values: self.write(name, "".join(f"{v}\n" for v in values))
        negative = np.where(np.arange(SAMPLES) == 7, -2, groups)
        for file, code, word in (
                (self.save("short.npy", groups[1:]), 1, "599"),
                (self.save("long.npy", np.append(groups, 0)), 1, "601"),
                (text("short.txt", groups[1:]), 1, "599"),
                (text("word.txt", [*groups[1:], "x"]), 1, "word.txt"),
                (self.save("real.npy", groups + 0.5), 1, "real.npy"),
                ("classes", 1, "classes")):
            with self.subTest(str(file)):
                self.refuse(word, code=code, arguments=(*command, file))
        for file in (self.save("negative.npy", negative), text("negative.txt", negative)):
            process = self.start(*command, file)
            output, talk = process.communicate(timeout=60)
            self.assertIn(process.returncode, (1, 2), talk)
            self.assertIn("-2", talk.decode())
            self.assertEqual(output, b"")
        for delta in ("0", "1", "nan", "-1"):
            self.refuse("delta", code=2, arguments=(*command, "class", "--delta", delta))


class DataSets(ProgramTest):
    """The same models on two data sets."""
    CASCADE = "--student", "small", "--teacher", "large"

    @staticmethod
    def model_hash(name):
        return hashlib.sha256(name.encode()).hexdigest()

    def setUp(self):
        super().setUp()
        self.first, self.second = population(1), population(2, 400)
        self.add("first", self.first)
        self.add("second", self.second)
        self.cascade = "--db", self.db, *self.CASCADE

    def add(self, dataset, data, classes=CLASSES):
        labels, _, student, teacher = data
        for name, logits, flops in (("small", student, STUDENT_FLOPS),
                                    ("large", teacher, TEACHER_FLOPS)):
            self.import_logits(name, logits[:, :classes], labels, "--dataset-name", dataset,
                               "--flops", str(flops), "--model-sha256", self.model_hash(name))

    def pick(self, *arguments, **options):
        return self.json("pick", *self.cascade, *arguments, **options)

    def test_one_model(self):
        self.assertEqual(self.query("SELECT name, sha256 FROM model ORDER BY id"),
                         [(name, self.model_hash(name)) for name in ("small", "large")])
        self.assertEqual(len(self.query("SELECT id FROM run")), 4)
        self.refuse("'first'", "'second'", "--dataset", code=2,
                    arguments=("pick", *self.cascade, "--max-drop", "0.1"))
        self.verify()

    def test_hashes(self):
        for text in ("abc", "A" * 64, "g" * 64, "0" * 63, "0" * 65, ""):
            self.refuse("--model-sha256", code=2, arguments=(
                "import", "--db", self.db, "--name", "fresh", "--logits",
                self.save("fresh.npy", FULL), "--labels", self.save("labels.npy", LABELS),
                "--model-sha256", text))
        self.refuse("'small'", arguments=(
            "import", "--db", self.db, "--name", "small", "--logits", self.path("fresh.npy"),
            "--labels", self.path("labels.npy"), "--model-sha256", "0" * 64))

    def test_calibrate_here_test_there(self):
        labels, _, student, teacher = self.second
        s, t = predictions(student) == labels, predictions(teacher) == labels
        for arguments in (["--plain", "--score", "msp", "--max-drop", "0.02"],
                          ["--score", "logit-margin", "--max-drop", "0.05"],
                          ["--plain", "--score", "energy", "--max-teacher-rate", "0.4"],
                          ["--plain", "--score", "learned", "--max-drop", "0.02"],
                          ["--score", "msp", "--min-accuracy", "0.7"]):
            with self.subTest(arguments):
                alone = self.pick("--dataset", "first", *arguments)
                self.assertEqual(alone["test_n"], 0)
                report = self.pick("--calibrate-on", "first", "--test-on", "second", *arguments,
                                   "--out", "policy.json")
                tested = {field for field in report if field.startswith("test_")}
                for field in set(report) - tested:
                    self.assertEqual(report[field], alone[field], field)
                self.assertEqual(report["test_n"], len(labels))
                if report["score"] == "learned":
                    keeps = self.learned(student) >= report["threshold"]
                else:
                    keeps = score_of(report["score"], student) >= report["threshold"]
                accuracy = np.where(keeps, s, t).mean()
                for field, value in (("test_accuracy", accuracy),
                                     ("test_drop", t.mean() - accuracy),
                                     ("test_teacher_rate", 1 - keeps.mean()),
                                     ("test_flops",
                                      STUDENT_FLOPS + (1 - keeps.mean()) * TEACHER_FLOPS)):
                    self.assertAlmostEqual(report[field], value, delta=1e-12 * max(1, value),
                                           msg=field)
                rows = self.json("eval", "--db", self.db, "--policy", "policy.json", "--dataset",
                                 "second")
                self.assertAlmostEqual(rows["accuracy"], accuracy, delta=1e-12)
                policy = json.loads(self.path("policy.json").read_text())
                self.assertEqual(policy["dataset"]["name"], "first")
                self.assertEqual(policy["samples"]["test"], len(labels))

    def learned(self, logits):
        """b + w . (every score, each kept within +-1e6, then who is predicted), of the policy."""
        router = json.loads(self.path("policy.json").read_text())["stages"][0]["router"]
        scores = [np.clip(score_of(name, logits), -1e6, 1e6) for name in LOGIT_SCORES]
        features = np.column_stack(scores + [np.eye(CLASSES)[predictions(logits)]])
        return features @ np.array(router["weights"]) + router["intercept"]

    def test_a_joint_answer(self):
        labels, _, student, teacher = self.second
        report = self.pick("--calibrate-on", "first", "--test-on", "second", "--plain", "--score",
                           "msp", "--max-teacher-rate", "0.4", "--answer", "average:0.5")
        keeps = score_of("msp", student) >= report["threshold"]
        mixed = softmax(student.astype(float)) + softmax(teacher.astype(float))
        accuracy = np.where(keeps, predictions(student), predictions(mixed)) == labels
        self.assertAlmostEqual(report["test_accuracy"], accuracy.mean(), delta=1e-12)
        self.assertAlmostEqual(report["test_drop"], (predictions(teacher) == labels).mean()
                               - accuracy.mean(), delta=1e-12)

    def test_a_fraction_and_a_name(self):
        report = self.pick("--dataset", "first", "--calibrate-on", "0.5", "--test-on", "second",
                           "--plain", "--score", "msp", "--max-drop", "0.02")
        self.assertEqual((report["n"], report["test_n"]), (SAMPLES / 2, 400))

    def test_slips(self):
        ask = ("pick", *self.cascade, "--plain", "--score", "msp", "--max-drop", "0.1")
        for code, words, arguments in (
                (2, ["second"], ["--calibrate-on", "second", "--test-on", "second"]),
                (2, ["--dataset"], ["--calibrate-on", "second", "--dataset", "first"]),
                (2, ["--tune-on", "first"], ["--tune-on", "first"]),
                (1, ["third"], ["--calibrate-on", "first", "--test-on", "third"]),
                (1, ["'frist'", "'first'"], ["--calibrate-on", "frist"])):
            with self.subTest(arguments):
                self.refuse(*words, code=code, arguments=(*ask, *arguments))

    def test_other_outputs_on_the_second(self):
        """What is fitted is fitted for so many classes; other outputs are another question."""
        labels, *models = population(3, 300)
        labels = labels % 5
        self.add("narrow", (labels, *models), classes=5)
        for arguments in (["--score", "learned"], ["--score", "msp", "--per-class"],
                          ["--score", "msp"]):
            with self.subTest(arguments):
                process = self.start("pick", *self.cascade, "--plain", "--max-drop", "0.1",
                                     *arguments, "--calibrate-on", "narrow", "--test-on", "first")
                output, talk = process.communicate(timeout=60)
                self.assertIn(process.returncode, (1, 2), talk)
                self.assertTrue(talk.splitlines()[-1].startswith(b"ebjr pick:"), talk)
                self.assertEqual(output, b"")

    def test_flops_told_later(self):
        db = self.db = self.path("later.db")
        labels, _, student, teacher = self.first
        for _ in range(2):
            self.import_logits("small", student, labels)
            self.import_logits("large", teacher, labels, "--flops", "5M")
        command = ("eval", "--db", db, *self.CASCADE, "--score", "msp", "--threshold", "0.5")
        self.assertIsNone(self.json(*command)["flops"])
        before = self.contents()["output"]
        rate = (score_of("msp", student) < 0.5).mean()
        for told, known in ((["--flops", "2M"], 2e6), ([], 2e6), (["--flops", "3M"], 3e6)):
            self.import_logits("small", student, labels, *told)
            report = self.json(*command)
            self.assertEqual((report["student_flops"], report["teacher_flops"]), (known, 5e6))
            self.assertAlmostEqual(report["flops"], known + rate * 5e6, delta=1e-3)
            self.verify()
        self.assertEqual(self.query("SELECT flops, flops_source FROM run ORDER BY id"),
                         [(3_000_000, "given"), (5_000_000, "given")])
        self.assertEqual(self.contents()["output"], before)


if __name__ == "__main__":
    unittest.main()
