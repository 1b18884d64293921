"""Cascades of more than two models, against all pairs of thresholds."""

import json
import math
import unittest

import numpy as np

from support import ProgramTest, predictions, score_of

CLASSES = 4
NAMES = ("tiny", "middle", "large")
FLOPS = (3_000_000, 20_000_000, 100_000_000)
LAST = len(NAMES) - 1


def population(seed, samples):
    """Labels, and three models of rising quality with whole logits: the scores that are
    differences of logits are exact, and few."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, CLASSES, samples)
    models = []
    for skill in (3, 5, 9):
        logits = generator.normal(scale=1.5, size=(samples, CLASSES))
        logits[np.arange(samples), labels] += skill * generator.random(samples)
        models.append(np.round(logits).astype(np.float32))
    return labels, models


def binomial_cdf(k, n, p):
    return math.fsum(math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
                              + i * math.log(p) + (n - i) * math.log1p(-p))
                     for i in range(int(k) + 1))


class Cascade:
    """Every pair of thresholds of three models, and what it does."""

    def __init__(self, labels, models, score, costs=FLOPS):
        self.n = len(labels)
        self.costs = costs[-len(models):]
        self.right = [predictions(logits) == labels for logits in models]
        self.score = [score_of(score, logits) for logits in models[:-1]]
        self.thresholds = [np.append(np.inf, np.unique(score)[::-1]) for score in self.score]

    def at(self, *thresholds):
        """Shares that each stage answers, accuracy, drop, mean FLOPs."""
        left = np.ones(self.n, bool)
        share, correct, flops = [], 0, self.costs[0]
        for stage, threshold in enumerate(thresholds):
            answers = left & (self.score[stage] >= threshold)
            share.append(answers.mean())
            correct += (answers & self.right[stage]).sum()
            left &= ~answers
            flops += left.mean() * self.costs[stage + 1]
        accuracy = (correct + (left & self.right[-1]).sum()) / self.n
        return {"share": [*share, left.mean()], "accuracy": accuracy,
                "drop": self.right[-1].mean() - accuracy, "flops": flops}

    def all(self):
        return [self.at(a, b) for a in self.thresholds[0] for b in self.thresholds[1]]


class Store(ProgramTest):
    samples = 60

    def setUp(self):
        super().setUp()
        self.labels, self.models = population(3, self.samples)
        for name, logits, flops in zip(NAMES, self.models, FLOPS):
            self.import_logits(name, logits, self.labels, "--flops", str(flops),
                               "--dataset-name", "one")

    def stages(self, *arguments, names=NAMES):
        return ("pick", "--db", self.db, "--stages", ",".join(names), *arguments)

    def pick(self, *arguments, names=NAMES, **options):
        return self.json(*self.stages(*arguments, names=names), **options)

    def refuse(self, *words, arguments, code=2):
        out = self.path("never.json")
        line = super().refuse(*words, arguments=(*arguments, "--out", out), code=code)
        self.assertFalse(out.exists())
        return line

    def check_figures(self, rows, cascade):
        """What is said of the thresholds is what they do."""
        thresholds = [float(row["threshold"]) for row in rows[:-1]]
        found = cascade.at(*thresholds)
        for stage, row in enumerate(rows):
            self.assertEqual((row["status"], row["stage"], row["n"]),
                             ("feasible", stage + 1, cascade.n))
            self.assertAlmostEqual(row["answered"], found["share"][stage], delta=1e-12)
            for field in ("accuracy", "drop", "flops"):
                self.assertAlmostEqual(row[field], found[field],
                                       delta=1e-12 * max(1, abs(found[field])))
        self.assertEqual((rows[-1]["threshold"], rows[-1]["score"]), (None, None))
        return thresholds, found


LIMITS = {
    "--min-accuracy": lambda found, limit: found["accuracy"] >= limit,
    "--max-drop": lambda found, limit: found["drop"] <= limit,
    "--max-flops": lambda found, limit: found["flops"] <= limit,
    "--max-teacher-rate": lambda found, limit: found["share"][-1] <= limit,
}


class Plain(Store):
    def check(self, arguments, cascade, score):
        arguments = arguments.split()
        meets = lambda found: all(LIMITS[name](found, float(limit) + 1e-12 * (
            -1 if name == "--min-accuracy" else 1))
            for name, limit in zip(arguments[::2], arguments[1::2]) if name in LIMITS)
        allowed = [found for found in cascade.all() if meets(found)]
        demands = {"--min-accuracy", "--max-drop"} & set(arguments)
        accurate = "--maximize" in arguments or not demands
        loss = lambda found: ((-found["accuracy"], found["flops"]) if accurate
                              else (found["flops"], -found["accuracy"]))
        rows = self.pick("--plain", "--score", score, *arguments, code=0 if allowed else 3)
        if not allowed:
            return
        self.assertEqual([row["model"] for row in rows], list(NAMES))
        _, found = self.check_figures(rows, cascade)
        self.assertTrue(meets(found), found)
        best = min(map(loss, allowed))
        for value, least in zip(loss(found), best):
            self.assertAlmostEqual(value, least, delta=1e-12 * max(1, abs(least)))
        self.assertFalse(any(row["certified"] for row in rows))

    BUDGETS = ("--max-drop 0", "--max-drop 0.05", "--max-drop 0.15", "--max-drop 1",
               "--min-accuracy 0.7", "--min-accuracy 0.85", "--min-accuracy 0.95",
               "--min-accuracy 1",
               "--max-drop 0.1 --max-flops 40000000", "--max-drop 0.02 --max-flops 9000000",
               "--max-flops 40000000 --maximize accuracy",
               "--max-flops 3000000 --maximize accuracy",
               "--max-flops 2999999 --maximize accuracy",
               "--max-drop 0.2 --max-flops 60000000 --maximize accuracy")

    def each(self, budgets, costs=FLOPS):
        for score in ("logit-margin", "max-logit"):
            cascade = Cascade(self.labels, self.models, score, costs)
            self.assertLess(len(cascade.all()), 200)
            for arguments in budgets:
                with self.subTest(score=score, arguments=arguments):
                    self.check(arguments, cascade, score)

    def test_all_pairs(self):
        self.each(self.BUDGETS)

    def test_teacher_rates(self):
        """The best of all pairs that meet the cap need not lie on the front of cost and accuracy:
        the last model is not all that costs."""
        budgets = [f"--max-teacher-rate {rate} --maximize accuracy"
                   for rate in (0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6)]
        budgets += [f"--max-drop {drop} --max-teacher-rate {rate}"
                    for drop in (0.05, 0.1, 0.15, 0.2) for rate in (0.05, 0.1, 0.15, 0.2, 0.3)]
        budgets += ["--min-accuracy 0.8 --max-teacher-rate 0.2 --max-flops 50000000"]
        self.each(budgets)
        dear = (3_000_000, 90_000_000, 100_000_000)  # the middle one is no bargain
        for name, logits, flops in zip(NAMES, self.models, dear):
            self.import_logits(name, logits, self.labels, "--flops", str(flops))
        self.each(budgets, dear)

    def test_caps_alone_are_used_to_the_full(self):
        """The default objective is that of two models."""
        self.each(("--max-flops 40000000", "--max-teacher-rate 0.4",
                   "--max-flops 30000000 --max-teacher-rate 0.5"))

    def test_other_scores(self):
        """Scores are distinct here but for equal logits; rounding may not tear those apart."""
        for score in ("msp", "entropy", "energy"):
            cascade = Cascade(self.labels, self.models, score)
            rows = self.pick("--plain", "--score", score, "--max-drop", "0.05")
            shares = [row["answered"] for row in rows]
            best = min(found["flops"] for found in cascade.all() if found["drop"] <= 0.05 + 1e-12)
            self.assertAlmostEqual(sum(shares), 1)
            np.testing.assert_allclose(rows[0]["flops"], best, rtol=1e-12)

    def test_infeasible(self):
        out = self.path("never.json")
        process = self.ebjr(*self.stages("--plain", "--score", "logit-margin", "--min-accuracy",
                                         "0.9", "--max-flops", "4M", "--out", out, "--format",
                                         "json"), code=3)
        self.assertIn("infeasible", process.stderr)
        for row in json.loads(process.stdout):
            self.assertEqual(row["status"], "infeasible")
            for field in ("threshold", "answered", "accuracy", "drop", "flops"):
                self.assertIsNone(row[field])
            self.assertFalse(row["certified"])
        self.assertFalse(out.exists())

    def test_default_score(self):
        rows = self.pick("--plain", "--max-drop", "0.05")
        self.assertEqual([row["score"] for row in rows], ["msp", "msp", None])

    def test_unknown_flops(self):
        self.db = self.path("bare.db")
        for name, logits in zip(NAMES, self.models):
            self.import_logits(name, logits, self.labels)
        rows = self.pick("--plain", "--score", "logit-margin", "--max-drop", "0.05")
        self.assertIsNone(rows[0]["flops"])
        self.refuse("FLOPs", arguments=self.stages("--plain", "--max-flops", "40M"))

    def test_formats(self):
        arguments = ("--plain", "--score", "logit-margin", "--max-drop", "0.05")
        rows = self.csv(*self.stages(*arguments))
        self.assertEqual([row["model"] for row in rows], list(NAMES))
        self.assertEqual(list(rows[0]), list(self.pick(*arguments)[0]))


class Two(Store):
    """Two models through --stages are --student and --teacher."""
    samples = 400

    def same(self, *arguments):
        for student in (0, 1):
            names = NAMES[student], NAMES[LAST]
            pair = ("pick", "--db", self.db, "--student", names[0], "--teacher", names[1])
            two = self.json(*pair, *arguments)
            rows = self.pick(*arguments, names=names)
            self.assertEqual(rows[0]["threshold"], two["threshold"])
            self.assertEqual([row["answered"] for row in rows],
                             [two["student_share"], two["teacher_rate"]])
            for field in ("accuracy", "drop", "flops", "n", "score", "status", "certified",
                          "delta"):
                self.assertAlmostEqual(rows[0][field], two[field], msg=field) if isinstance(
                    two[field], float) else self.assertEqual(rows[0][field], two[field], field)

    def test_plain(self):
        for score in ("msp", "logit-margin"):
            for arguments in ("--max-drop 0.05", "--min-accuracy 0.8",
                              "--max-drop 0.2 --max-flops 80M",
                              "--max-flops 70M --maximize accuracy"):
                with self.subTest(score=score, arguments=arguments):
                    self.same("--plain", "--score", score, *arguments.split())

    def test_caps(self):
        for arguments in ("--max-flops 70M", "--max-teacher-rate 0.5"):
            with self.subTest(arguments):
                self.same("--plain", "--score", "msp", *arguments.split())

    def test_certified(self):
        for arguments in ("--max-drop 0.1", "--max-drop 0.2 --delta 0.001", "--max-drop 0.001"):
            with self.subTest(arguments):
                self.same("--score", "logit-margin", *arguments.split())

    def test_policies(self):
        """Thresholds and figures as in the policy of the same pick."""
        ask = ("--plain", "--score", "msp", "--max-drop", "0.05", "--out")
        self.pick(*ask, "stages.json", names=("tiny", "large"))
        self.json("pick", "--db", self.db, "--student", "tiny", "--teacher", "large", *ask,
                  "pair.json")
        one, two = (self.json("eval", "--db", self.db, "--policy", name)
                    for name in ("stages.json", "pair.json"))
        self.assertEqual(one, two)


class Certified(Store):
    samples = 1500

    def independent(self, cascade, stage, limit, delta):
        """The loosest threshold, with all stricter ones, whose harm h among n rules out a rate
        above the limit: P(X <= h) <= delta for X binomial (n, limit), Clopper and Pearson's."""
        most = -1
        while binomial_cdf(most + 1, cascade.n, limit) <= delta:
            most += 1
        found = np.inf
        for threshold in cascade.thresholds[stage]:
            keeps = cascade.score[stage] >= threshold
            harm = (keeps & ~cascade.right[stage] & cascade.right[-1]).sum()
            if harm > most:
                break
            found = threshold if harm <= most else found
        return found

    def test_thresholds(self):
        for score in ("logit-margin", "max-logit"):
            cascade = Cascade(self.labels, self.models, score)
            seen = set()
            for limit, delta in ((0.02, 0.05), (0.05, 0.05), (0.1, 0.05), (0.2, 0.001),
                                 (0.4, 0.2), (0.002, 0.05), (1, 0.5)):
                with self.subTest(score=score, limit=limit, delta=delta):
                    rows = self.pick("--score", score, "--max-drop", str(limit), "--delta",
                                     str(delta))
                    if limit < 1:
                        expected = [self.independent(cascade, stage, limit / 2, delta / 2)
                                    for stage in range(LAST)]
                        self.assertEqual([float(row["threshold"]) for row in rows[:-1]], expected)
                        seen.add(tuple(expected))
                    self.check_figures(rows, cascade)
                    self.assertLessEqual(rows[0]["drop"], limit)
                    self.assertTrue(all(row["certified"] for row in rows))
                    self.assertEqual(rows[0]["delta"], delta)
            self.assertGreater(len(seen), 3)
            self.assertIn((np.inf, np.inf), seen)

    def test_policy(self):
        path = self.path("policy.json")
        rows = self.pick("--score", "logit-margin", "--max-drop", "0.1", "--out", path)
        policy = json.loads(path.read_text())
        hashes = dict(self.query("SELECT name, sha256 FROM model"))
        stages = policy["stages"]
        self.assertEqual([(stage["model"], stage["sha256"]) for stage in stages],
                         [(name, hashes[name]) for name in NAMES])
        self.assertEqual([stage.get("threshold") for stage in stages],
                         [row["threshold"] for row in rows])
        self.assertEqual([stage.get("router", {}).get("score") for stage in stages],
                         ["logit-margin", "logit-margin", None])
        self.assertEqual(policy["promise"]["certified"], ["max-drop"])
        self.assertEqual(policy["promise"]["limits"], {"max-drop": 0.1})
        self.assertEqual(policy["promise"]["delta"], 0.05)
        expected = policy["promise"]["expected"]
        for field, name in (("accuracy", "min-accuracy"), ("drop", "max-drop"),
                            ("flops", "max-flops")):
            self.assertAlmostEqual(expected[name], rows[0][field])
        self.assertEqual(policy["samples"]["calibration"], self.samples)
        self.assertEqual(policy["dataset"]["name"], "one")
        self.assertEqual(policy["classes"], CLASSES)
        for command in (["eval"], ["check", "--dataset", "one"]):
            ProgramTest.refuse(self, "3 stages", "two", code=2, arguments=(
                *command, "--db", self.db, "--policy", path))

    def test_an_infinite_threshold(self):
        """A stage that answers nothing is written as such."""
        path = self.path("policy.json")
        rows = self.pick("--score", "logit-margin", "--max-drop", "0.001", "--out", path)
        self.assertEqual([row["threshold"] for row in rows], ["inf", "inf", None])
        self.assertEqual([row["answered"] for row in rows], [0, 0, 1])
        stages = json.loads(path.read_text())["stages"]
        self.assertEqual([stage.get("threshold") for stage in stages], ["inf", "inf", None])


class Slips(Store):
    def test_budgets(self):
        for budget in ("--max-latency", "--max-p95", "--max-p99"):
            for plain in ([], ["--plain"]):
                self.refuse(budget, "two stages", arguments=self.stages(budget, "20ms", *plain))
        for arguments in ("--max-drop 0.1 --max-flops 40M", "--min-accuracy 0.8",
                          "--max-teacher-rate 0.4", "--max-drop 0.1 --min-accuracy 0.8",
                          "--max-flops 40M", "--max-drop 0.1 --max-teacher-rate 0.3"):
            self.refuse("--max-drop alone", "--plain", arguments=self.stages(*arguments.split()))
        self.refuse("no budget", arguments=self.stages())
        self.refuse("--max-drop", arguments=self.stages("--max-drop", "2"))
        for delta in ("0", "1", "nan"):
            self.refuse("--delta", arguments=self.stages("--max-drop", "0.1", "--delta", delta))

    def test_fitted(self):
        for arguments in ("--fit-temperature", "--per-class", "--answer average",
                          "--answer average:0.5"):
            self.refuse("--stages", arguments=self.stages("--max-drop", "0.1",
                                                          *arguments.split()))
        self.refuse("learned", code=2,
                    arguments=self.stages("--max-drop", "0.1", "--score", "learned"))
        for score in ("random", "oracle"):
            self.refuse(score, arguments=self.stages("--max-drop", "0.1", "--score", score))

    def test_names(self):
        ask = ("--max-drop", "0.1")
        self.refuse("two or more", arguments=self.stages(*ask, names=["tiny"]))
        self.refuse("at most 8", arguments=self.stages(*ask, names=["tiny"] * 9))
        self.refuse("'midle'", "'middle'", code=1,
                    arguments=self.stages(*ask, names=("tiny", "midle", "large")))
        for names in (("tiny", "", "large"), ("tiny", "large", ""), ("", "large"), ("",)):
            line = self.start(*self.stages(*ask, names=names)).communicate(timeout=60)[1]
            self.assertEqual(len(line.splitlines()), 1, line)
        for option in ("--student", "--teacher"):
            self.refuse("--stages", arguments=self.stages(*ask, option, "tiny"))

    def test_what_stages_do_not_know(self):
        """Nothing that is asked for is passed over in silence."""
        for arguments in ("--class-weights 0-1=0.7", "--tune-on 0.2", "--calibrate-on 0.5",
                          "--test-on 0.3", "--test-on one", "--calibrate-on two",
                          "--minimize latency", "--minimize teacher-rate", "--minimize time",
                          "--maximize flops", "--minimize flops --maximize accuracy"):
            with self.subTest(arguments):
                self.refuse(arguments.split()[0], arguments=self.stages(
                    "--max-drop", "0.1", "--plain", *arguments.split()))

    def test_data_sets(self):
        other = np.roll(self.labels, 1)
        self.import_logits("elsewhere", self.models[1] + np.float32(1), other)
        for names in (("tiny", "elsewhere", "large"), ("tiny", "middle", "elsewhere"),
                      ("elsewhere", "middle", "large")):
            self.refuse("'elsewhere'", "same data set", code=1, arguments=self.stages(
                "--max-drop", "0.1", names=names))

    def test_two_data_sets(self):
        """Of models that were run on two, --dataset chooses; of pairs that share one each, which
        is not the same, nothing can."""
        other = np.roll(self.labels, 1)
        for name, logits in zip(NAMES[1:], self.models[1:]):
            self.import_logits(name, logits, other, "--dataset-name", "two")
        rows = self.pick("--max-drop", "0.1", "--dataset", "one")
        self.assertEqual(len(rows), 3)
        self.refuse("'one'", "'two'", "--dataset", arguments=self.stages("--max-drop", "0.1"))
        self.refuse("same data set", code=1,
                    arguments=self.stages("--max-drop", "0.1", "--dataset", "two"))


class Specialised(Store):
    """A first stage that knows only three of the classes, and other."""
    samples = 400
    MAP = np.array([2, 0, -1, 1])

    def setUp(self):
        super().setUp()
        self.path("map.txt").write_text("2\n0\nother\n1\n")
        generator = np.random.default_rng(5)
        outputs = np.array([1, 3, 0, 2])[self.labels]
        logits = generator.normal(size=(self.samples, CLASSES)).round(1)
        logits[np.arange(self.samples), outputs] += 3
        self.logits = logits.astype(np.float32)
        self.import_logits("special", self.logits, self.labels, "--flops", "1M",
                           "--student-classes", self.path("map.txt"))
        self.names = ("special", "middle", "large")

    def test_others_go_on(self):
        other = self.MAP[self.logits.argmax(axis=1)] == -1
        self.assertTrue(0.1 < other.mean() < 0.5)
        for arguments in (["--plain", "--max-drop", "1"], ["--max-drop", "1"],
                          ["--plain", "--max-teacher-rate", "1", "--maximize", "accuracy"]):
            with self.subTest(arguments):
                rows = self.pick("--score", "msp", *arguments, names=self.names)
                self.assertLessEqual(rows[0]["answered"], 1 - other.mean() + 1e-12)
                self.assertGreater(float(rows[0]["threshold"]), 0)

    def test_map(self):
        path = self.path("policy.json")
        for names in (self.names, ("middle", "special", "large")):
            self.pick("--max-drop", "0.2", "--out", path, names=names)
            maps = {stage["model"]: stage.get("class_map")
                    for stage in json.loads(path.read_text())["stages"]}
            self.assertEqual(maps, {"special": "2,0,-,1", "middle": None, "large": None})

    def test_not_last(self):
        self.refuse("'special'", "teacher",
                    arguments=self.stages("--max-drop", "0.1", names=("tiny", "middle", "special")))


if __name__ == "__main__":
    unittest.main()
