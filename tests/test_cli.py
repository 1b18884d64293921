"""The command line on stored logits: what goes in comes out, and what cannot is refused."""

import csv
import io
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest
import xml.etree.ElementTree as ElementTree

import numpy as np

from support import (EBJR, ProgramTest, logsumexp, predictions, random_logits, score_of, softmax,
                     top5)

COMMANDS = ("run", "import", "ls", "verify", "eval", "sweep", "plot")
GENERATOR = np.random.default_rng(1)
SAMPLES, CLASSES = 300, 10
LABELS = GENERATOR.integers(0, CLASSES, SAMPLES)
STUDENT = random_logits(2, SAMPLES, CLASSES, LABELS, 3)
TEACHER = random_logits(3, SAMPLES, CLASSES, LABELS, 8)
STUDENT_FLOPS, TEACHER_FLOPS = 55_000_000, 292_000_001


class CascadeTest(ProgramTest):
    """A copy of a store with a student and a teacher."""

    @classmethod
    def setUpClass(cls):
        cls.original = ProgramTest()
        cls.addClassCleanup(cls.original.doCleanups)
        cls.original.setUp()
        cls.fill(cls.original)

    @staticmethod
    def fill(store):
        store.import_logits("small", STUDENT, LABELS, "--flops", str(STUDENT_FLOPS))
        store.import_logits("large", TEACHER, LABELS, "--flops", str(TEACHER_FLOPS))

    def setUp(self):
        super().setUp()
        shutil.copytree(self.original.directory, self.directory, dirs_exist_ok=True)
        self.cascade = ("--db", self.db, "--student", "small", "--teacher", "large")


class Import(ProgramTest):
    def assert_stored(self, logits, labels, run=1):
        rows = self.query("SELECT idx, label, prediction, output.correct, top5_correct, energy,"
                          " softmax_energy FROM outputs JOIN output USING (idx, prediction,"
                          " top5_correct, energy, softmax_energy)"
                          " WHERE run = ?1 AND run_id = ?1 ORDER BY idx", run)
        index, label, prediction, correct, among5, energy, softmax_energy = map(
            np.array, zip(*rows))
        logits = logits.astype(np.float32)
        np.testing.assert_array_equal(self.stored_logits(run), logits)
        np.testing.assert_array_equal(index, np.arange(len(labels)))
        np.testing.assert_array_equal(label, labels)
        np.testing.assert_array_equal(prediction, predictions(logits))
        np.testing.assert_array_equal(correct, predictions(logits) == labels)
        np.testing.assert_array_equal(among5, top5(logits, labels))
        wide = logits.astype(np.float64)
        np.testing.assert_allclose(energy, logsumexp(wide), rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(softmax_energy, logsumexp(softmax(wide)), rtol=1e-13)

    def write_csv(self, header=True, labels=None, logits=STUDENT):
        names = [f"class {k}" for k in range(CLASSES)]
        rows = [[repr(float(z)) for z in row] for row in logits]
        if labels is not None:
            names.insert(3, "label")
            for row, label in zip(rows, labels):
                row.insert(3, str(label))
        with open(self.path("logits.csv"), "w") as file:
            for row in ([names] if header else []) + rows:
                print(",".join(row), file=file)
        return self.path("logits.csv")

    def test_npy_of_both_precisions(self):
        wide = STUDENT * np.float64(1.1)
        self.import_logits("narrow", STUDENT, LABELS)
        self.import_logits("wide", wide, LABELS)
        self.assert_stored(STUDENT, LABELS, 1)
        self.assert_stored(wide, LABELS, 2)
        self.verify()

    def test_csv_in_every_form(self):
        labels = self.path("labels.txt")
        np.savetxt(labels, LABELS, fmt="%d")
        for header in (False, True):
            self.db = self.path(f"header-{header}.db")
            self.ebjr("import", "--db", self.db, "--name", "m", "--labels", labels,
                      "--logits", self.write_csv(header))
            self.assert_stored(STUDENT, LABELS)
        self.db = self.path("column.db")
        self.ebjr("import", "--db", self.db, "--name", "m",
                  "--logits", self.write_csv(labels=LABELS))
        self.assert_stored(STUDENT, LABELS)
        self.verify()

    def test_ties_go_to_the_lowest_class(self):
        logits = GENERATOR.integers(-2, 3, (SAMPLES, 12)).astype(np.float32)
        labels = GENERATOR.integers(0, 12, SAMPLES)
        self.import_logits("ties", logits, labels)
        self.assert_stored(logits, labels)

    def test_same_labels_are_the_same_data_set(self):
        self.import_logits("a", STUDENT, LABELS.astype(np.uint8), "--dataset-name", "mine")
        self.import_logits("b", TEACHER, LABELS.astype(np.int64))
        self.ebjr("import", "--db", self.db, "--name", "c", "--dataset", "mine",
                  "--logits", self.save("c.npy", STUDENT + 1))
        other = LABELS.copy()
        other[5] = (other[5] + 1) % CLASSES
        self.import_logits("d", STUDENT + 2, other)
        self.assertEqual(self.query("SELECT name, samples FROM dataset WHERE id = 1"),
                         [("mine", SAMPLES)])
        self.assertEqual(self.query("SELECT dataset_id FROM run ORDER BY id"),
                         [(1,), (1,), (1,), (2,)])
        self.assert_stored(STUDENT + 1, LABELS, 3)

    def test_figures_given_by_hand(self):
        self.import_logits("m", STUDENT, LABELS, "--flops", "1.3M", "--parameters", "68704")
        self.import_logits("n", TEACHER, LABELS)
        with_figures, without = self.json("ls", "--db", self.db)
        self.assertEqual((with_figures["flops"], with_figures["parameters"]), (1300000, 68704))
        self.assertEqual(with_figures["flops_source"], "given")
        self.assertEqual((without["flops"], without["parameters"]), (None, None))
        self.assertEqual(without["flops_source"], "unknown")

    def test_twice_does_nothing(self):
        self.import_logits("m", STUDENT, LABELS)
        before = self.contents()
        again = self.import_logits("m", STUDENT, LABELS)
        self.assertIn("nothing to do", again.stderr)
        self.assertEqual(self.contents(), before)

    def test_flops_can_be_told_later(self):
        """As the note of `sweep` advises where they are unknown."""
        self.import_logits("m", STUDENT, LABELS)
        self.import_logits("m", STUDENT, LABELS, "--flops", "5M")
        self.assertEqual(self.json("ls", "--db", self.db)[0]["flops"], 5000000)
        self.verify()

    def test_the_same_logits_under_another_name(self):
        """The store knows them by their first name, and says so."""
        self.import_logits("m", STUDENT, LABELS)
        again = self.import_logits("n", STUDENT, LABELS)
        self.assertRegex(again.stderr, r"\bm\b.*stored already")
        self.assertEqual(self.query("SELECT name FROM model"), [("m",)])

    def test_a_changed_byte_is_another_model(self):
        changed = STUDENT.copy()
        changed.view(np.uint8)[7, 3] ^= 1
        self.import_logits("m", STUDENT, LABELS)
        before = self.contents()
        self.refuse("another model named 'm'", "name", code=1, arguments=(
            "import", "--db", self.db, "--name", "m", "--logits", self.save("new.npy", changed),
            "--labels", self.path("labels.npy")))
        self.assertEqual(self.contents(), before)
        self.import_logits("n", changed, LABELS)
        self.assertEqual(self.query("SELECT count(*) FROM model"), [(2,)])
        self.assert_stored(changed, LABELS, 2)

    def test_a_taken_data_set_name(self):
        self.import_logits("a", STUDENT, LABELS, "--dataset-name", "d")
        before = self.contents()
        self.refuse("another data set named 'd'", "--dataset-name", arguments=(
            "import", "--db", self.db, "--name", "b", "--dataset-name", "d",
            "--logits", self.save("b.npy", STUDENT[1:]),
            "--labels", self.save("l.npy", LABELS[1:])))
        self.assertEqual(self.contents(), before)

    def test_broken_inputs_leave_nothing_behind(self):
        nan, infinite = STUDENT.copy(), STUDENT.astype(np.float64)
        nan[17, 3], infinite[17, 3] = np.nan, 1e300
        labels, out_of_range = LABELS.copy(), LABELS.copy()
        out_of_range[250] = CLASSES
        cut = self.save("cut.npy", STUDENT)
        cut.write_bytes(cut.read_bytes()[:-1])
        text, empty, odd = (self.path(name) for name in ("text.npy", "empty.csv", "odd.csv"))
        text.write_text("0.1,0.2\n")
        empty.write_text("")
        odd.write_text("1,2,3\n4,5\n6,7,8\n")
        logits = self.save("logits.npy", STUDENT)
        good, bad = self.save("y.npy", labels), self.save("out.npy", out_of_range)
        cases = [
            ([self.save("nan.npy", nan), good], ["nan.npy", "sample 17", "class 3", "nan"]),
            ([self.save("inf.npy", infinite), good], ["inf.npy", "sample 17", "class 3", "inf"]),
            ([logits, bad], ["logits.npy", "sample 250", "label 10", "10 classes"]),
            ([logits, self.save("few.npy", labels[:-1])], ["300 samples", "299 labels"]),
            ([logits, self.save("float.npy", labels / 2)], ["float.npy", "floats"]),
            ([logits, self.save("minus.npy", labels - 1)], ["minus.npy", "-1"]),
            ([logits, self.path("absent.npy")], ["absent.npy", "No such file"]),
            ([self.path("absent.npy"), good], ["absent.npy", "No such file"]),
            ([cut, good], ["cut.npy", "truncated"]),
            ([text, good], ["text.npy", "not a .npy"]),
            ([empty, good], ["empty.csv", "empty"]),
            ([odd, good], ["odd.csv"]),
            ([self.save("flat.npy", STUDENT[0]), good], ["flat.npy", "dimensions"]),
            ([self.save("int.npy", labels[:, None]), good], ["int.npy"]),
            ([self.save("fortran.npy", np.asfortranarray(STUDENT)), good], ["Fortran"]),
            ([self.save("big.npy", STUDENT.astype(">f4")), good], ["big.npy", ">f4"]),
        ]
        self.import_logits("kept", TEACHER, LABELS)
        before, kept = self.contents(), self.db
        for (file, file_of_labels), words in cases:
            self.db = self.path("again.db")
            shutil.copy(kept, self.db)
            with self.subTest(" ".join(words)):
                self.refuse(*words, arguments=("import", "--db", self.db, "--name", "broken",
                                               "--logits", file, "--labels", file_of_labels))
                self.assertEqual(self.contents(), before)

    def test_a_broken_row_of_a_csv_is_named(self):
        rows = ["a,b,label", "1,2,0", "3,4,1", "5,6,0"]
        for line, broken in ((3, "3,four,1"), (3, "3,4"), (4, "5,6,2.5"), (4, "5,6,-1")):
            with self.subTest(broken):
                path = self.path("broken.csv")
                text = rows.copy()
                text[line - 1] = broken
                path.write_text("\n".join(text) + "\n")
                self.refuse("broken.csv", arguments=("import", "--db", self.db, "--name", "m",
                                                     "--logits", path))
                self.assertEqual(self.contents()["model"], [])

    def test_labels_come_from_one_place(self):
        table = self.write_csv(labels=LABELS)
        npy, labels = self.save("m.npy", STUDENT), self.save("y.npy", LABELS)
        start = ("import", "--db", self.db, "--name", "m")
        for more in (("--logits", npy), ("--logits", table, "--labels", labels),
                     ("--logits", npy, "--labels", labels, "--dataset", "d")):
            self.refuse("labels", "one place", code=2, arguments=start + more)
        self.import_logits("a", STUDENT, LABELS, "--dataset-name", "imagenet")
        self.refuse("299 samples", "300 labels", arguments=(
            *start, "--logits", self.save("few.npy", STUDENT[:-1]), "--dataset", "imagenet"))
        self.refuse("'imagnet'", "did you mean 'imagenet'", arguments=(
            *start, "--logits", self.save("other.npy", STUDENT[:-1]), "--dataset", "imagnet"))

    def test_figures_must_be_numbers(self):
        for option, value in (("--flops", "many"), ("--flops", "inf"), ("--flops", "-5"),
                              ("--parameters", "1e20"), ("--parameters", "nan")):
            with self.subTest(f"{option} {value}"):
                self.refuse(option, code=2, arguments=(
                    "import", "--db", self.db, "--name", "m", "--logits",
                    self.save("m.npy", STUDENT), "--labels", self.save("y.npy", LABELS),
                    option, value))

    def test_a_name_is_kept_whole_or_refused(self):
        name = "n" * 1000
        process = self.start("import", "--db", self.db, "--name", name, "--logits",
                             self.save("m.npy", STUDENT), "--labels", self.save("y.npy", LABELS))
        process.communicate()
        stored = self.query("SELECT name FROM model")
        self.assertEqual(stored, [(name,)] if process.returncode == 0 else [])


class Interrupted(ProgramTest):
    """However an import ends, the same command completes it to the same rows."""

    SAMPLES = 200_000  # a dozen transactions

    def setUp(self):
        super().setUp()
        labels = np.random.default_rng(4).integers(0, CLASSES, self.SAMPLES)
        logits = random_logits(5, self.SAMPLES, CLASSES, labels, 3)
        files = ("--logits", self.save("m.npy", logits), "--labels", self.save("y.npy", labels))
        self.command = lambda db: ("import", "--db", db, "--name", "m", *files)
        self.ebjr(*self.command(self.path("whole.db")))
        self.whole = self.contents(self.path("whole.db"))

    def done(self, db):
        try:
            return self.query("SELECT max(done) FROM run", db=db)[0][0] or 0
        except sqlite3.OperationalError:
            return 0

    def stop_after(self, db, rows, number):
        """Send a signal when more than `rows` rows are there; the exit code and the rows."""
        process = self.start(*self.command(db))
        while process.poll() is None and self.done(db) <= rows:
            time.sleep(0.005)
        process.send_signal(number)
        process.communicate()
        return process.returncode, self.done(db)

    def test_kill(self):
        partial = 0
        for round in range(3):
            db = self.path(f"killed{round}.db")
            for step in range(3):
                code, done = self.stop_after(db, step * 50_000, signal.SIGKILL)
                partial += code == -signal.SIGKILL and 0 < done < self.SAMPLES
                self.verify(db)
            self.ebjr(*self.command(db))
            self.assertEqual(self.contents(db), self.whole)
            self.verify(db)
        self.assertGreater(partial, 0)

    def test_ctrl_c(self):
        codes = []
        for round in range(3):
            db = self.path(f"stopped{round}.db")
            code, done = self.stop_after(db, 30_000 * round, signal.SIGINT)
            codes.append(code)
            self.assertIn(code, (0, 4))
            self.assertEqual(code == 0, done == self.SAMPLES)
            self.ebjr(*self.command(db))
            self.assertEqual(self.contents(db), self.whole)
        self.assertIn(4, codes)

    def test_an_incomplete_run_is_no_cascade(self):
        db = self.path("part.db")
        while self.stop_after(db, 0, signal.SIGKILL)[1] == self.SAMPLES:
            db.unlink()
        self.refuse("of 200000 samples", "completes it", arguments=(
            "eval", "--db", db, "--student", "m", "--teacher", "m", "--score", "msp",
            "--threshold", "0.5"))


class Eval(CascadeTest):
    def expected(self, name, threshold):
        """The report by counting."""
        answers = score_of(name, STUDENT) >= threshold
        right, teacher_right = predictions(STUDENT) == LABELS, predictions(TEACHER) == LABELS
        among5, teacher_among5 = top5(STUDENT, LABELS), top5(TEACHER, LABELS)
        rate = 1 - answers.mean()
        return {
            "dataset": self.query("SELECT name FROM dataset")[0][0],
            "student": "small", "teacher": "large", "n": SAMPLES,
            "score": name, "threshold": threshold,
            "student_share": answers.mean(), "teacher_rate": rate,
            "accuracy": np.where(answers, right, teacher_right).mean(),
            "top5_accuracy": np.where(answers, among5, teacher_among5).mean(),
            "student_accuracy": right.mean(), "teacher_accuracy": teacher_right.mean(),
            "student_top5_accuracy": among5.mean(), "teacher_top5_accuracy": teacher_among5.mean(),
            "harm": int((answers & ~right & teacher_right).sum()),
            "help": int((answers & right & ~teacher_right).sum()),
            "flops": STUDENT_FLOPS + rate * TEACHER_FLOPS,
            "student_flops": STUDENT_FLOPS, "teacher_flops": TEACHER_FLOPS,
            "flops_convention": "op-counter", "near_threshold": 0,
        }

    def eval(self, score, threshold, format="json", **options):
        return self.ebjr("eval", *self.cascade, "--score", score, "--threshold", repr(threshold),
                         "--format", format, **options)

    def assert_report(self, report, expected):
        self.assertEqual(list(report), list(expected))
        for field, value in expected.items():
            if isinstance(value, float):
                self.assertAlmostEqual(report[field], value, delta=1e-12 * max(1, abs(value)))
            else:
                self.assertEqual(report[field], value, field)

    def test_values_against_numpy(self):
        for name in ("energy", "softmax-energy", "entropy", "pnorm"):
            ordered = np.unique(score_of(name, STUDENT))
            for i in (0, SAMPLES // 3, len(ordered) - 2):
                threshold = float(ordered[i] + ordered[i + 1]) / 2
                report = json.loads(self.eval(name, threshold).stdout)
                self.assert_report(report, self.expected(name, threshold))

    def test_the_threshold_itself_stays_with_the_student(self):
        for threshold in np.unique(score_of("max-logit", STUDENT))[::60]:
            report = json.loads(self.eval("max-logit", float(threshold)).stdout)
            expected = self.expected("max-logit", float(threshold))
            expected["near_threshold"] = report["near_threshold"]
            self.assertGreaterEqual(report["near_threshold"], 1)
            self.assert_report(report, expected)

    def test_infinite_thresholds(self):
        for text, share in (("inf", 0), ("-inf", 1)):
            report = json.loads(self.eval("msp", float(text)).stdout)
            self.assertEqual((report["student_share"], report["threshold"]), (share, text))

    def test_every_format_says_the_same(self):
        expected = self.expected("msp", 0.625)
        rows = list(csv.DictReader(io.StringIO(self.eval("msp", 0.625, "csv").stdout)))
        self.assertEqual(len(rows), 1)
        self.assert_report({field: type(expected[field])(value)
                            for field, value in rows[0].items()}, expected)
        header, rule, row = self.eval("msp", 0.625, "md").stdout.splitlines()
        cells = [cell.strip().replace("\\", "") for cell in row.strip("|").split("|")]
        self.assertEqual([cell.strip() for cell in header.strip("|").split("|")], list(expected))
        self.assertEqual(len(rule.strip("|").split("|")), len(expected))
        report = self.eval("msp", 0.625, "table").stdout.splitlines()
        self.assertEqual(len(report), len(expected))
        for (field, value), cell, line in zip(expected.items(), cells, report):
            shown = cell if isinstance(value, str) else f"{as_shown(field, value)}"
            self.assertEqual(cell, shown)
            self.assertTrue(line.startswith(field.replace("_", " ")), line)
            self.assertEqual(line[23:][:len(shown)], shown)

    def test_models_are_also_called_by_hash_and_run(self):
        hashes = [sha256 for sha256, in self.query("SELECT sha256 FROM model ORDER BY id")]
        self.assertNotEqual(hashes[0][:6], hashes[1][:6])
        expected = self.ebjr("sweep", *self.cascade).stdout
        for student, teacher in ((hashes[0], hashes[1][:6]), ("run:1", "run:2")):
            self.assertEqual(self.ebjr("sweep", "--db", self.db, "--student", student,
                                       "--teacher", teacher).stdout, expected)

    def test_unknown_flops_are_null(self):
        self.import_logits("blank", STUDENT + 1, LABELS)
        process = self.ebjr("eval", "--db", self.db, "--student", "blank", "--teacher", "large",
                            "--score", "msp", "--threshold", "0.5", "--format", "json")
        report = json.loads(process.stdout)
        self.assertIsNone(report["flops"])
        self.assertIsNone(report["student_flops"])
        self.assertIn("'blank'", process.stderr)

    def test_models_that_do_not_belong_together(self):
        few, other = STUDENT[:-1], random_logits(9, SAMPLES, 5, LABELS % 5, 1)
        self.import_logits("few", few, LABELS[:-1])
        self.import_logits("same", STUDENT, LABELS)
        self.import_logits("five", other, LABELS % 5)
        end = ("--score", "msp", "--threshold", "0.5")
        for teacher in ("few", "five"):
            self.refuse("'small'", f"'{teacher}'", "same data set", arguments=(
                "eval", "--db", self.db, "--student", "small", "--teacher", teacher, *end))
        wide = random_logits(10, SAMPLES, 12, LABELS, 1)
        self.import_logits("twelve", wide, LABELS)
        self.refuse("10 classes", "12", code=2, arguments=(
            "eval", "--db", self.db, "--student", "small", "--teacher", "twelve", *end))

    def test_two_shared_data_sets_need_a_choice(self):
        for name, logits in (("small", STUDENT), ("large", TEACHER)):
            self.ebjr("import", "--db", self.db, "--name", name, "--dataset-name", "reversed",
                      "--logits", self.save(f"{name}.npy", logits),
                      "--labels", self.save("r.npy", LABELS[::-1]))
        arguments = ("eval", *self.cascade, "--score", "msp", "--threshold", "0")
        self.refuse("'reversed'", "--dataset", code=2, arguments=arguments)
        report = self.json(*arguments, "--dataset", "reversed")
        self.assertEqual(report["student_accuracy"],
                         (predictions(STUDENT) == LABELS[::-1]).mean())


def as_shown(field, value):
    """A number as people read it."""
    if isinstance(value, int) and not field.endswith("flops"):
        return str(value)
    if field.endswith(("share", "rate", "accuracy")):
        return f"{100 * value:.2f} %"
    return f"{value:.0f}" if abs(value) >= 1e6 else f"{value:.6g}"


class Sweep(CascadeTest):
    FIELDS = ["score", "threshold", "student_share", "teacher_rate", "accuracy", "flops", "harm",
              "help"]

    def test_every_format_says_the_same(self):
        command = ("sweep", *self.cascade, "--score", "all")
        rows, objects = self.csv(*command), self.json(*command)
        self.assertEqual(list(rows[0]), self.FIELDS)
        self.assertEqual(list(objects[0]), self.FIELDS)
        self.assertEqual([{field: str(value) if field == "score" else float(value)
                           for field, value in row.items()} for row in objects],
                         [{field: value if field == "score" else float(value)
                           for field, value in row.items()} for row in rows])
        shown = [[as_shown(field, int(row[field]) if field in ("harm", "help") else
                           float(row[field])) if field != "score" else row[field]
                  for field in self.FIELDS if field != "teacher_rate"] for row in rows]
        lines = self.ebjr(*command).stdout.replace(" %", "%").splitlines()
        self.assertEqual([line.replace("%", " %").split("  ") and
                          [cell.replace("%", " %") for cell in line.split()]
                          for line in lines[1:]], shown)
        marked = self.ebjr(*command, "--format", "md").stdout.splitlines()
        self.assertEqual([[cell.strip() for cell in line.strip("|").split("|")]
                          for line in marked[2:]], shown)

    def test_a_curve_runs_from_the_teacher_to_the_student(self):
        rows = self.csv("sweep", *self.cascade, "--score", "msp")
        self.assertEqual(rows[0]["threshold"], "inf")
        self.assertEqual((rows[0]["student_share"], rows[-1]["student_share"]), ("0", "1"))
        self.assertEqual(float(rows[0]["accuracy"]), (predictions(TEACHER) == LABELS).mean())
        self.assertEqual(float(rows[-1]["accuracy"]), (predictions(STUDENT) == LABELS).mean())

    def test_energy_is_the_default(self):
        self.assertEqual(self.ebjr("sweep", *self.cascade).stdout,
                         self.ebjr("sweep", *self.cascade, "--score", "energy").stdout)


@unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed")
class Plot(CascadeTest):
    def test_pictures(self):
        process = self.ebjr("plot", *self.cascade, "--score", "msp", "--threshold", "0.6",
                            "--out", "pictures/curve")
        names = process.stdout.splitlines()
        self.assertEqual(names, [f"pictures/curve.{ending}" for ending in
                                 ("svg", "png", "pdf", "gp", "dat")])
        root = ElementTree.parse(self.path("pictures/curve.svg")).getroot()
        self.assertTrue(root.tag.endswith("svg"))
        text = " ".join(root.itertext())
        for word in ("small", "large", "msp", "random", "oracle", "operating point", "accuracy"):
            self.assertIn(word, text)
        self.assertEqual(self.path("pictures/curve.png").read_bytes()[:8], b"\x89PNG\r\n\x1a\n")

    def test_data_against_numpy(self):
        self.ebjr("plot", *self.cascade, "--score", "msp", "--threshold", "0.6", "--out", "c")
        blocks = [np.loadtxt(io.StringIO(block), ndmin=2)
                  for block in self.path("c.dat").read_text().split("\n\n\n")]
        score = score_of("msp", STUDENT)
        right, teacher_right = predictions(STUDENT) == LABELS, predictions(TEACHER) == LABELS
        thresholds = np.unique(score)[::-1]
        curve = blocks[0]
        self.assertEqual(len(curve), 1 + len(thresholds))
        np.testing.assert_allclose(curve[1:, 3], thresholds, rtol=1e-12)
        for cost, accuracy, share, threshold in [*curve[1::25], blocks[-1][0]]:
            answers = score >= threshold - 1e-12
            self.assertAlmostEqual(share, answers.mean(), delta=1e-12)
            self.assertAlmostEqual(accuracy, 100 * np.where(answers, right, teacher_right).mean(),
                                   delta=1e-10)
            self.assertAlmostEqual(cost, STUDENT_FLOPS + (1 - share) * TEACHER_FLOPS, delta=1e-4)
        ends = np.concatenate(blocks[-3:-1])
        np.testing.assert_allclose(ends, [[STUDENT_FLOPS, 100 * right.mean()],
                                          [TEACHER_FLOPS, 100 * teacher_right.mean()]])

    def test_redrawn_from_its_files_alone(self):
        self.ebjr("plot", *self.cascade, "--out", "there/c")
        drawn = self.path("there/c.svg").read_bytes()
        self.path("there/c.svg").unlink()
        subprocess.run(["gnuplot", "c.gp"], cwd=self.path("there"), check=True,
                       stdout=subprocess.DEVNULL)
        self.assertEqual(self.path("there/c.svg").read_bytes(), drawn)

    def test_names_are_no_commands(self):
        title = """'"; system('touch broken'); `touch broken` $(touch broken) @x {/Bold \\"""
        self.ebjr("plot", *self.cascade, "--title", title, "--out", "c")
        self.assertFalse(self.path("broken").exists())
        text = "".join(ElementTree.parse(self.path("c.svg")).getroot().itertext())
        self.assertIn("system('touch broken')", text)

    def test_what_cannot_be_drawn(self):
        self.import_logits("blank", STUDENT + 1, LABELS)
        process = self.ebjr("plot", "--db", self.db, "--student", "blank", "--teacher", "large",
                            "--out", "c", code=2)
        self.assertIn("--flops", process.stderr.splitlines()[-1])
        self.ebjr("plot", *self.cascade, "--out", "no/such/place/c", code=1)
        self.ebjr("plot", *self.cascade, "--out", "dir/", code=2)
        self.ebjr("plot", *self.cascade, "--threshold", "1", "--out", "c", code=2)
        self.assertFalse(self.path("c.svg").exists())

    def test_without_gnuplot(self):
        process = self.ebjr("plot", *self.cascade, "--out", "c", code=1, env={"PATH": "/none"})
        self.assertIn("gnuplot-nox", process.stderr)
        self.assertTrue(self.path("c.gp").exists() and self.path("c.dat").exists())


class List(CascadeTest):
    def test_what_is_stored(self):
        small, large = self.json("ls", "--db", self.db)
        self.assertEqual(
            {key: small[key] for key in ("run", "model", "kind", "samples", "done", "classes",
                                         "flops", "flops_source", "preprocessing", "plan")},
            {"run": 1, "model": "small", "kind": "import", "samples": SAMPLES, "done": SAMPLES,
             "classes": CLASSES, "flops": STUDENT_FLOPS, "flops_source": "given",
             "preprocessing": "", "plan": "imported"})
        self.assertEqual(small["accuracy"], (predictions(STUDENT) == LABELS).mean())
        self.assertEqual(large["accuracy"], (predictions(TEACHER) == LABELS).mean())
        sha256 = subprocess.run(["sha256sum", small["model_path"]], capture_output=True,
                                check=True).stdout.decode().split()[0]
        self.assertEqual(small["model_sha256"], sha256)
        rows = self.csv("ls", "--db", self.db)
        self.assertEqual(list(rows[0]), list(small))
        self.assertEqual({key: "" if value is None else str(value)
                          for key, value in small.items()}, rows[0])

    def test_an_empty_store(self):
        db = self.path("blank.db")
        shutil.copy(self.db, db)
        for table in ("output", "chunk", "run", "sample", "dataset", "model"):
            self.query(f"DELETE FROM {table}", db=db)
        self.assertEqual(self.json("ls", "--db", db), [])
        found = self.ebjr("verify", "--db", db, code=1).stdout
        self.assertIn("table model: it has 0 records, not the 2 that were written", found)
        self.refuse("holds no model", arguments=("sweep", "--db", db, "--student", "a",
                                                 "--teacher", "b"))


HOSTILE = ["a|b`c`", 'a"b', "a'b,c", "a\\", "<script>*_[x](y)</script>", "=1+1", "-rf",
           "@sum(a1)", "\tindented", " ", "a\nb", "a\rb\r\nc", "\x1b[31mred\x7f", "%s%n{}",
           "run:1", "名é\U0001f600", "'; system('touch broken'); '"]
BREAKS = re.compile("[\r\n]")
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f]")


class HostileNames(CascadeTest):
    @staticmethod
    def fill(store):
        labels = store.save("y.npy", LABELS)
        for i, name in enumerate(HOSTILE):
            store.ebjr("import", "--db", store.db, "--name", name, "--dataset-name", HOSTILE[1],
                       "--labels", labels, "--logits", store.save("m.npy", STUDENT + i))

    def test_json(self):
        self.assertEqual([row["model"] for row in self.json("ls", "--db", self.db)], HOSTILE)

    def test_csv(self):
        """A spreadsheet's formulas are disarmed with an apostrophe; all else is as it was."""
        expected = [f"'{name}" if name[0] in "=+-@\t" else name for name in HOSTILE]
        self.assertEqual([row["model"] for row in self.csv("ls", "--db", self.db)], expected)

    def test_md(self):
        text = self.ebjr("ls", "--db", self.db, "--format", "md").stdout
        lines = BREAKS.split(text.rstrip("\n"))
        self.assertEqual(len(lines), 2 + len(HOSTILE))
        for line in lines:
            self.assertEqual(len(re.findall(r"(?<!\\)\|", line.replace("\\\\", ""))), 12, line)
            self.assertNotRegex(line, CONTROLS)
            self.assertNotIn("<script>", line)

    def test_table(self):
        text = self.ebjr("ls", "--db", self.db).stdout
        self.assertEqual(len(BREAKS.split(text.rstrip("\n"))), 1 + len(HOSTILE))
        self.assertNotRegex(text, CONTROLS)

    def test_talk(self):
        for name in HOSTILE[8:13]:
            process = self.ebjr("sweep", "--db", self.db, "--student", name + "x", "--teacher",
                                name, code=1)
            self.assertEqual(len(BREAKS.split(process.stderr.rstrip("\n"))), 1, process.stderr)
            self.assertNotRegex(process.stderr, CONTROLS)

    def test_a_cascade_of_them(self):
        for name in HOSTILE:
            with self.subTest(name):
                report = self.json("eval", "--db", self.db, "--student", name, "--teacher",
                                   HOSTILE[0], "--score", "msp", "--threshold", "0.5")
                self.assertEqual((report["student"], report["teacher"], report["dataset"]),
                                 (name, HOSTILE[0], HOSTILE[1]))

    def test_bytes_that_are_no_text(self):
        name = b"\xff\xfe|\x80"
        self.ebjr("import", "--db", self.db, "--name", name, "--labels", self.path("y.npy"),
                  "--logits", self.save("m.npy", TEACHER))
        self.assertEqual(self.json("ls", "--db", self.db)[-1]["model"], "??|?")
        self.ebjr("ls", "--db", self.db, "--format", "md")
        self.json("eval", "--db", self.db, "--student", name, "--teacher", HOSTILE[0],
                  "--score", "msp", "--threshold", "0.5")
        self.verify()

    @unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed")
    def test_pictures(self):
        for name in (HOSTILE[-1], HOSTILE[2]):
            self.ebjr("import", "--db", self.db, "--name", f"{name} ", "--flops", "1M",
                      "--dataset", HOSTILE[1],
                      "--logits", self.save("m.npy", TEACHER + len(name) + ord(name[1])))
            self.ebjr("plot", "--db", self.db, "--student", f"{name} ", "--teacher", f"{name} ",
                      "--score", "msp", "--out", "c")
        self.assertFalse(self.path("broken").exists())


class Verify(CascadeTest):
    CHANGES = {
        "a logit": "UPDATE output SET logits = zeroblob(40) WHERE run_id = 1 AND idx = 7",
        "a prediction": "UPDATE output SET prediction = 9 - prediction WHERE run_id=2 AND idx=0",
        "a flag": "UPDATE output SET top5_correct = 1 - top5_correct WHERE run_id=1 AND idx=299",
        "an energy": "UPDATE output SET energy = energy + 1e-9 WHERE run_id = 1 AND idx = 3",
        "a label": "UPDATE sample SET label = 9 - label WHERE idx = 100",
        "a missing row": "DELETE FROM output WHERE run_id = 1 AND idx = 150",
        "a missing last row": "DELETE FROM output WHERE run_id = 1 AND idx = 299",
        "a missing label": "DELETE FROM sample WHERE idx = 5",
        "a chunk": "UPDATE chunk SET sha256 = replace(sha256, 'a', 'b') WHERE run_id = 1",
        "a missing chunk": "DELETE FROM chunk WHERE run_id = 2",
        "a name": "UPDATE model SET name = 'other' WHERE id = 1",
        "a hash": "UPDATE model SET sha256 = replace(sha256, '1', '2') WHERE id = 2",
        "the FLOPs": "UPDATE run SET flops = flops - 1 WHERE id = 1",
        "a removed figure": "UPDATE run SET flops = NULL WHERE id = 1",
        "the progress": "UPDATE run SET done = done - 1 WHERE id = 1",
        "a data set": "UPDATE dataset SET samples = samples + 1",
        "a short row": "UPDATE output SET logits = zeroblob(36) WHERE run_id = 1 AND idx = 7",
    }

    def test_a_sound_store(self):
        process = self.ebjr("verify", "--db", self.db)
        self.assertIn("2 models, 1 data sets, 2 runs, 600 rows, 0 measurements, 0 plans tried: "
                      "0 faults", process.stderr)
        self.assertEqual(self.json("verify", "--db", self.db), [])

    def test_every_change_is_found(self):
        for what, sql in self.CHANGES.items():
            with self.subTest(what):
                db = self.path("changed.db")
                shutil.copy(self.db, db)
                self.query(sql, db=db)
                faults = self.json("verify", "--db", db, code=1)
                self.assertGreaterEqual(len(faults), 1)

    def test_a_flipped_bit_of_the_file(self):
        found = 0
        content = bytearray(self.db.read_bytes())
        blob = STUDENT[123].tobytes()
        place = content.index(blob)
        for bit in range(8):
            db = self.path("flipped.db")
            flipped = content.copy()
            flipped[place + 17] ^= 1 << bit
            db.write_bytes(flipped)
            faults = self.json("verify", "--db", db, code=1)
            found += any("123" in fault["fault"] or "0 to 299" in fault["fault"]
                         for fault in faults)
        self.assertEqual(found, 8)

    def test_a_changed_file_is_no_fault(self):
        logits = self.original.path("logits0.npy")
        self.addCleanup(logits.write_bytes, logits.read_bytes())
        logits.write_bytes(logits.read_bytes() + b"\0")
        process = self.ebjr("verify", "--db", self.db)
        self.assertIn("note: model 'small'", process.stderr)
        logits.unlink()
        self.assertIn("note: model 'small'", self.ebjr("verify", "--db", self.db).stderr)


class Usage(CascadeTest):
    def test_help(self):
        process = self.ebjr("--help")
        self.assertLessEqual(set(COMMANDS), set(re.findall(r"^  ([a-z]+) ", process.stdout, re.M)))
        self.assertEqual(process.stdout, self.ebjr("help").stdout)
        self.assertRegex(self.ebjr("--version").stdout, r"^ebjr \d+\.\d+\.\d+\n$")
        for command in re.findall(r"^  ([a-z]+) ", process.stdout, re.M):
            text = self.ebjr(command, "--help")
            self.assertIn(f"Usage: ebjr {command}", text.stdout)
            self.assertIn("--help", text.stdout)
            self.assertEqual(text.stderr, "")
        self.assertEqual(self.ebjr("ls", "-h").stdout, self.ebjr("ls", "--help").stdout)

    def test_nothing_asked(self):
        self.assertIn("Usage", self.ebjr(code=2).stdout)
        for command in COMMANDS:
            self.refuse("--db FILE is missing", f"ebjr {command} --help", code=2,
                        arguments=(command,))

    def test_slips(self):
        score = ("--score", "msp", "--threshold", "0.5")
        for code, arguments, words in (
                (2, ["swep"], ["'swep'", "did you mean 'sweep'"]),
                (2, ["frobnicate"], ["ebjr --help"]),
                (2, ["--frobnicate"], ["ebjr --help"]),
                (2, ["eval", "--treshold", "1"], ["--treshold", "did you mean --threshold"]),
                (2, ["eval", "--scores=msp"], ["--scores", "did you mean --score"]),
                (2, ["eval", "--frobnicate"], ["--frobnicate", "ebjr eval --help"]),
                (2, ["eval", "-x"], ["eval"]),
                (2, ["eval", "--db"], ["--db", "needs a value"]),
                (2, ["ls", "--db", self.db, "more"], ["'more'"]),
                (2, ["eval", *self.cascade, "--score", "msp"], ["--threshold"]),
                (2, ["eval", *self.cascade, "--score", "msp", "--threshold", "high"], ["high"]),
                (2, ["eval", *self.cascade, "--score", "msp", "--threshold", "nan"], ["nan"]),
                (2, ["eval", *self.cascade, "--score", "enrgy", "--threshold", "1"],
                 ["'enrgy'", "did you mean 'energy'"]),
                (1, ["sweep", "--db", self.db, "--student", "smal", "--teacher", "large"],
                 ["'smal'", "did you mean 'small'"]),
                (1, ["sweep", "--db", self.db, "--student", "small", "--teacher", "zzzzzzzz"],
                 ["'zzzzzzzz'", "ebjr ls"]),
                (1, ["sweep", "--db", self.db, "--student", "small", "--teacher", "run:9"],
                 ["run:9"]),
                (2, ["sweep", "--db", self.db, "--student", "small", "--teacher", "run:x"], ["x"]),
                (1, ["sweep", *self.cascade, "--dataset", "none"], ["'none'"]),
                (2, ["sweep", *self.cascade, "--format", "xml"], ["xml", "json"]),
                (2, ["sweep", *self.cascade, "--temperature", "0"], ["--temperature"]),
                (2, ["sweep", *self.cascade, "--temperature", "-1"], ["--temperature"]),
                (2, ["sweep", *self.cascade, "--temperature", "inf"], ["--temperature"]),
                (2, ["sweep", *self.cascade, "--p", "0"], ["--p"]),
                (2, ["sweep", *self.cascade, "--seed", "-1"], ["--seed"]),
                (2, ["sweep", *self.cascade, "--seed", "1.5"], ["--seed"]),
                (2, ["eval", *self.cascade, *score, "--precision", "half"], ["half", "float32"]),
                (2, ["eval", *self.cascade, *score, "--flops-convention", "macs"],
                 ["macs", "mac2"])):
            with self.subTest(" ".join(map(str, arguments))):
                self.refuse(*words, code=code, arguments=arguments)

    def test_a_result_that_cannot_be_written(self):
        full = open("/dev/full", "wb", buffering=0)
        self.addCleanup(full.close)
        commands = [["ls", "--db", self.db], ["verify", "--db", self.db, "--format", "csv"],
                    ["sweep", *self.cascade], ["sweep", *self.cascade, "--score", "all"],
                    ["eval", *self.cascade, "--score", "msp", "--threshold", "0.5"],
                    ["import", "--db", self.path("new.db"), "--name", "small", "--logits",
                     self.path("logits0.npy"), "--labels", self.path("labels.npy")],
                    ["--help"], ["--version"], ["sweep", "--help"]]
        if shutil.which("gnuplot"):
            commands.append(["plot", *self.cascade, "--out", "c"])
        for command in commands:
            with self.subTest(" ".join(map(str, command))):
                process = subprocess.run([EBJR, *command], cwd=self.directory, stdout=full,
                                         stderr=subprocess.PIPE)
                self.assertEqual(process.returncode, 1)
                if command[0] != "--version":
                    self.assertIn(b"No space left", process.stderr)

    def test_a_reader_that_leaves(self):
        process = self.start("sweep", *self.cascade, "--score", "all", "--format", "json")
        process.stdout.read(10)
        process.stdout.close()
        process.wait(timeout=60)
        process.stderr.close()
        self.assertNotEqual(process.returncode, 0)


class BrokenStores(CascadeTest):
    def commands(self, db):
        pair = ("--db", db, "--student", "small", "--teacher", "large")
        return (("ls", "--db", db), ("verify", "--db", db), ("sweep", *pair), ("plot", *pair),
                ("eval", *pair, "--score", "msp", "--threshold", "0.5"))

    def writing(self, db):
        return ("import", "--db", db, "--name", "m", "--logits", self.path("logits0.npy"),
                "--labels", self.path("labels.npy"))

    def foreign(self):
        db = self.path("foreign.db")
        self.query("CREATE TABLE bookmarks (url TEXT)", db=db)
        return db

    def newer(self):
        db = self.path("newer.db")
        shutil.copy(self.db, db)
        self.query("PRAGMA user_version = 99", db=db)
        return db

    def text(self):
        db = self.path("text.db")
        db.write_text("not a store at all\n" * 100)
        return db

    def cut(self):
        """A store whose later pages are gone."""
        db = self.path("cut.db")
        db.write_bytes(self.db.read_bytes()[:40000])
        return db

    def test_stores_that_are_none(self):
        for db, words in ((self.foreign(), ["not an ebjr store"]),
                          (self.newer(), ["newer ebjr", "99"]),
                          (self.text(), ["not an ebjr store"])):
            content = db.read_bytes()
            for command in (*self.commands(db), self.writing(db)):
                with self.subTest(f"{db.name} {command[0]}"):
                    self.refuse(db.name, *words, arguments=command)
                    self.assertEqual(db.read_bytes(), content)

    def test_a_damaged_store(self):
        db = self.cut()
        for command in (*self.commands(db), self.writing(db)):
            with self.subTest(command[0]):
                process = self.start(*command)
                output, talk = process.communicate()
                self.assertEqual(process.returncode, 1)
                self.assertIn(b"cut.db", talk)

    def test_missing_and_empty(self):
        empty = self.path("empty.db")
        empty.touch()
        for db, word in ((self.path("none.db"), "No such file"), (empty, "empty")):
            for command in self.commands(db):
                with self.subTest(f"{db.name} {command[0]}"):
                    self.refuse(db.name, word, arguments=command)
        self.assertFalse(self.path("none.db").exists())
        self.assertEqual(empty.read_bytes(), b"")
        self.ebjr(*self.writing(empty))
        self.verify(empty)

    def test_a_directory(self):
        for command in (*self.commands(self.directory), self.writing(self.directory)):
            with self.subTest(command[0]):
                self.refuse("directory", code=2, arguments=command)
        self.refuse("No such file", arguments=("ls", "--db", self.path("no/such/place.db")))
        self.ebjr(*self.writing(self.path("no/such/place.db")), code=1)

    def test_a_locked_store(self):
        connection = sqlite3.connect(self.db, isolation_level=None)
        self.addCleanup(connection.close)
        connection.execute("BEGIN IMMEDIATE")
        for command in self.commands(self.db):
            if command[0] != "plot":
                self.ebjr(*command)


if __name__ == "__main__":
    unittest.main()
