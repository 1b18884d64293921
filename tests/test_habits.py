"""What people's habits ask for: EBJR_DB, a config file, --quiet, progress for programs."""

import importlib.util
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import unittest

import numpy as np

from support import EBJR, SOURCE, ProgramTest, random_logits

SAMPLES, CLASSES = 300, 5
HOSTILE = 'a "b" \\ \n{"event":"end"}\t\x1b[31m é\u2028'


class HabitsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.labels = np.random.default_rng(3).integers(0, CLASSES, SAMPLES)
        self.logits = random_logits(4, SAMPLES, CLASSES, self.labels, 4)
        self.better = random_logits(5, SAMPLES, CLASSES, self.labels, 8)
        self.names = ("small", "large")

    def store(self, db="store.db", flops=100):
        self.db = self.path(db)
        for name, logits in zip(self.names, (self.logits, self.better)):
            self.import_logits(name, logits, self.labels, "--flops", str(flops))
        self.db = self.path("store.db")

    def write(self, name, text):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    def environment(self, **variables):
        return {"env": {**os.environ, **variables}}

    def commands(self):
        listed = re.findall(r"^  ([a-z]+) ", self.ebjr("--help").stdout, re.M)
        return {name: self.ebjr(name, "--help").stdout for name in listed}


class Database(HabitsTest):
    def test_every_command_takes_the_variable(self):
        """Nobody misses a store that EBJR_DB names; where neither does, both are named."""
        needed = [name for name, text in self.commands().items() if "--db FILE" in
                  text.split("[OPTION...]")[0]]
        self.assertLess({"run", "import", "ls", "verify", "eval", "sweep", "pick"}, set(needed))
        for name in needed:
            self.refuse("--db FILE is missing", "EBJR_DB is not set", code=2, arguments=(name,))
            self.refuse("--db FILE is missing", code=2, arguments=(name,),
                        **self.environment(EBJR_DB=""))
            process = self.start(name, **self.environment(EBJR_DB="nowhere.db"))
            _, talk = process.communicate()
            self.assertNotEqual(process.returncode, 0)
            self.assertNotIn(b"--db FILE is missing", talk)

    def test_the_same_answers(self):
        self.store()
        here = self.environment(EBJR_DB="store.db")
        for command in (("ls",), ("verify",), ("sweep", "--student", "small", "--teacher", "large"),
                        ("eval", "--student", "small", "--teacher", "large", "--score", "msp",
                         "--threshold", "0.5")):
            self.assertEqual(self.ebjr(*command, **here).stdout,
                             self.ebjr(*command, "--db", self.db).stdout)

    def test_order(self):
        """The command line beats the variable, which beats the file."""
        for i, db in enumerate(("given.db", "variable.db", "file.db")):
            self.names = (f"small{i}", f"large{i}")
            self.store(db, flops=100 + i)
        self.write("c", "db = file.db\n")
        models = lambda *arguments, **kept: {row["model"] for row in
                                             self.json("ls", *arguments, **kept)}
        variable = self.environment(EBJR_DB="variable.db", EBJR_CONFIG="c")
        self.assertIn("small0", models("--db", "given.db", **variable))
        self.assertIn("small1", models(**variable))
        self.assertIn("small2", models(**self.environment(EBJR_CONFIG="c")))
        self.assertIn("small2", models("--config", "c"))

    def test_comparing_baselines_alone(self):
        """A variable that is always set is in no one's way."""
        baselines = ("compare", "--baselines", SOURCE / "bench/baselines/cifar10.csv")
        self.assertEqual(self.ebjr(*baselines).stdout,
                         self.ebjr(*baselines, **self.environment(EBJR_DB="nowhere.db")).stdout)


class Config(HabitsTest):
    def refuse_file(self, text, *words, name="c", command=("ls", "--db", "store.db")):
        self.write(name, text)
        return self.refuse(*words, code=2, arguments=(*command, "--config", name))

    def test_where_it_is(self):
        self.store()
        away = {key: value for key, value in os.environ.items() if key != "EBJR_CONFIG"}
        home, xdg = self.path("home"), self.path("xdg")
        found = lambda *arguments, **more: {
            row["option"]: (row["value"], row["from"]) for row in self.json(
                "config", *arguments, env={**away, "HOME": str(home), **more})}
        self.assertEqual(found(), {})
        self.write("home/.config/ebjr/config", "delta = 0.1\n")
        self.assertEqual(found(), {"delta": ("0.1", f"{home}/.config/ebjr/config:1")})
        self.write("xdg/ebjr/config", "\ndelta = 0.2\n")
        self.assertEqual(found(XDG_CONFIG_HOME=str(xdg))["delta"],
                         ("0.2", f"{xdg}/ebjr/config:2"))
        self.assertEqual(found(XDG_CONFIG_HOME="xdg")["delta"][0], "0.1")  # not absolute
        self.write("variable", "delta = 0.3")
        self.assertEqual(found(XDG_CONFIG_HOME=str(xdg), EBJR_CONFIG="variable")["delta"],
                         ("0.3", "variable:1"))
        self.assertEqual(found(XDG_CONFIG_HOME=str(xdg), EBJR_CONFIG="")["delta"][0], "0.2")
        self.write("given", "delta = 0.4")
        self.assertEqual(found("--config", "given", EBJR_CONFIG="variable")["delta"],
                         ("0.4", "given:1"))
        self.assertEqual(found("--config", os.devnull), {})

    def test_a_file_that_was_named_must_be_there(self):
        self.refuse("nowhere", code=2, arguments=("ls", "--config", "nowhere"))
        self.refuse("nowhere", "EBJR_CONFIG", code=2, arguments=("ls",),
                    **self.environment(EBJR_CONFIG="nowhere"))
        self.path("directory").mkdir()
        self.refuse("directory", code=2, arguments=("ls", "--config", "directory"))

    def test_sections_and_kinds(self):
        self.store()
        self.write("c", "\ufeff# mine\r\n db =  store.db \r\nstudent = small\nteacher=large\n"
                        "\n[sweep]\nscore = msp\nformat = csv\nsummary = off\n"
                        "[ eval ]\nscore = margin\nthreshold = 0.25\nformat = json\n"
                        "[sweep]\nprecision = float32\n")
        expected = self.ebjr("sweep", "--db", self.db, "--student", "small", "--teacher", "large",
                             "--score", "msp", "--format", "csv", "--precision", "float32")
        self.assertEqual(self.ebjr("sweep", "--config", "c").stdout, expected.stdout)
        row = json.loads(self.ebjr("eval", "--config", "c").stdout)
        self.assertEqual((row["score"], row["threshold"]), ("margin", 0.25))
        row = json.loads(self.ebjr("eval", "--config", "c", "--threshold", "0.5").stdout)
        self.assertEqual(row["threshold"], 0.5)

    def test_a_section_beats_what_stands_above_it(self):
        self.store()
        self.write("c", "[ls]\nformat = json\n")
        json.loads(self.ebjr("ls", "--db", self.db, "--config", "c").stdout)
        self.write("c", "format = csv\nplans = true\n[ls]\nformat = json\nplans = no\n")
        rows = json.loads(self.ebjr("ls", "--db", self.db, "--config", "c").stdout)
        self.assertEqual([row["model"] for row in rows], ["small", "large"])
        self.write("c", "plans = true\nmeasurements = false\n")
        self.assertNotIn("small", self.ebjr("ls", "--db", self.db, "--config", "c").stdout)
        self.assertIn("small", self.ebjr("ls", "--db", self.db, "--config", "c",
                                         "--plans=false").stdout)

    def test_lists(self):
        """They come many times, and from one place as a whole."""
        self.store()
        self.write("c", "cascade = small,large\ncascade = large,small\n")
        compared = lambda *arguments: self.csv("compare", "--db", self.db, "--config", "c",
                                               "--what", "points", *arguments)
        both = {row["contender"] for row in compared()}
        one = {row["contender"] for row in compared("--cascade", "small,large")}
        self.assertEqual((len(both), len(one)), (2, 1))

    def test_other_commands_options_may_stand_above(self):
        self.store()
        self.write("c", "threshold = 0.5\nmodel = x.pt\nmin-accuracy = 0.9\ndb = store.db\n")
        self.assertEqual(self.ebjr("ls", "--config", "c").stdout,
                         self.ebjr("ls", "--db", self.db).stdout)

    def test_what_is_wrong_is_said_with_its_line(self):
        self.store()
        for text, words in (
                ("quite = true\n", ("c:1", "'quite'", "did you mean 'quiet'")),
                ("# a\n\nfrobnicate = 1", ("c:3", "'frobnicate'")),
                ("[sweeep]\n", ("c:1", "'sweeep'", "[sweep]")),
                ("[run]\nthreshold = 1\n", ("c:2", "ebjr run", "'threshold'")),
                ("[run]\nmodle = 1\n", ("c:2", "ebjr run", "'modle'", "'model'")),
                ("[run\n", ("c:1", "[run]")), ("[run] x\n", ("c:1", "[run]")),
                ("quiet\n", ("c:1", "'quiet'", "name = value")),
                ("--quiet = true\n", ("c:1", "'--quiet'")),
                ("= true\n", ("c:1",)), ("config = other\n", ("c:1", "config")),
                ("help = true\n", ("c:1", "'help'")),
                ("quiet = perhaps\n", ("c:1", "quiet", "perhaps")),
                ("quiet = true\n\nquiet = true\n", ("c:3", "quiet", "line 1")),
                ('db = "store.db\n', ("c:1", "JSON")), ('db = "a" b\n', ("c:1", "JSON")),
                (b"db = a\0b\n", ("c:1", "NUL"))):
            self.refuse_file(text, *words)
        self.refuse_file("[pick]\ndelta = high\n", "c:2", "delta", "high", command=(
            "pick", "--db", "store.db", "--student", "small", "--teacher", "large"))
        self.refuse_file("progress = much\n", "--progress", "much")
        self.refuse("true", code=2, arguments=("ls", "--db", self.db, "--quiet=perhaps"))

    def test_any_bytes(self):
        """Read, or refused in one line with the file's name."""
        generator = np.random.default_rng(8)
        good = b'# c\ndb = "a\\n"\n[run]\nmodel = a=b\nquiet = true\n[eval]\nthreshold = 1\n'
        for _ in range(60):
            data = bytearray(good)
            for at in generator.integers(0, len(data), generator.integers(1, 4)):
                data[at] = generator.choice([0, 10, 34, 61, 91, 92, 93, 255, generator.integers(256)])
            self.write("c", bytes(data[:generator.integers(1, len(data) + 1)]))
            process = self.start("config", "--config", "c")
            output, talk = process.communicate()
            self.assertIn(process.returncode, (0, 2), data)
            self.assertEqual(talk.count(b"\n"), 1, (data, talk))
            self.assertTrue(talk.startswith((b"read c", b"ebjr config: c:")), (data, talk))

    def test_hostile_names(self):
        self.names = (HOSTILE, "large")
        self.store()
        self.write("c", f"student = {json.dumps(HOSTILE)}\nteacher = large\ndb = store.db\n"
                        "score = msp\nthreshold = 0.5\nformat = json\n")
        row = json.loads(self.ebjr("eval", "--config", "c").stdout)
        self.assertEqual(row["student"], HOSTILE)
        shown = {row["option"]: row["value"] for row in self.json("config", "--config", "c")}
        self.assertEqual(shown["student"], HOSTILE)
        self.assertEqual(len(self.ebjr("config", "--config", "c", "--format", "table")
                             .stdout.splitlines()), 7)

    def test_what_is_in_effect(self):
        self.write("c", "db = file.db\ndelta = 0.1\n[run]\ndb = other.db\nplan = direct\n")
        rows = self.json("config", "--config", "c")
        self.assertEqual([tuple(row.values()) for row in rows], [
            ("all", "db", "file.db", "c:1"), ("all", "delta", "0.1", "c:2"),
            ("run", "db", "other.db", "c:4"), ("run", "plan", "direct", "c:5")])
        rows = self.json("config", "--config", "c", **self.environment(EBJR_DB="variable.db"))
        self.assertEqual([tuple(row.values()) for row in rows], [
            ("all", "db", "variable.db", "EBJR_DB"), ("all", "delta", "0.1", "c:2"),
            ("run", "plan", "direct", "c:5")])

    def test_help_needs_no_good_file(self):
        self.write("c", "nonsense\n")
        self.assertIn("--config FILE", self.ebjr("ls", "--help", "--config", "c").stdout)


class Store(HabitsTest):
    """The README's ways into a store are files that run."""

    def run_example(self, name, interpreter):
        text = (SOURCE / "examples" / name).read_text()
        readme = (SOURCE / "README.md").read_text()
        self.assertIn("\n\n" + textwrap.indent(text, "    ") + "\n", readme)
        self.store("cifar10.db")
        process = subprocess.run([interpreter, SOURCE / "examples" / name], cwd=self.directory,
                                 text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(process.returncode, 0, process.stderr)
        found = [float(word) for word in re.findall(r"\b\d+\.\d+\b", process.stdout)]
        correct = self.logits.argmax(1) == self.labels
        expected = [self.logits.max(1).mean(), *(correct[self.labels == k].mean()
                                                 for k in range(CLASSES))]
        np.testing.assert_allclose(found, expected, rtol=2e-6)

    @unittest.skipUnless(importlib.util.find_spec("pandas"), "there is no pandas (python3-pandas)")
    def test_pandas(self):
        self.run_example("store.py", sys.executable)

    def test_r(self):
        ready = shutil.which("Rscript") and subprocess.run(
            ["Rscript", "-e", "library(RSQLite)"], stderr=subprocess.DEVNULL).returncode == 0
        if not ready:
            self.skipTest("there is no R with RSQLite (r-base-core, r-cran-rsqlite)")
        self.run_example("store.R", "Rscript")


class Quiet(HabitsTest):
    def test_results_and_errors_only(self):
        self.store()
        again = ("import", "--db", self.db, "--name", "small", "--logits", "logits0.npy",
                 "--labels", "labels.npy")
        loud = self.ebjr(*again)
        self.assertIn("nothing to do", loud.stderr)
        quiet = self.ebjr(*again, "--quiet")
        self.assertEqual((quiet.stdout, quiet.stderr), (loud.stdout, ""))
        pick = ("pick", "--db", self.db, "--student", "small", "--teacher", "large", "--score",
                "msp", "--plain", "--max-drop", "1")
        self.assertIn("note:", self.ebjr(*pick).stderr)
        self.assertEqual(self.ebjr(*pick, "--quiet").stderr, "")
        self.assertIn("infeasible", self.ebjr(*pick, "--min-accuracy", "1", "--quiet",
                                              code=3).stderr)
        self.refuse("nowhere", arguments=("ls", "--db", "nowhere.db", "--quiet"))

    def test_no_color(self):
        """There is none to leave out; those who ask for that are not sent away."""
        self.store()
        plain = self.ebjr("ls", "--db", self.db).stdout
        self.assertNotIn("\x1b", plain)
        self.assertEqual(self.ebjr("ls", "--db", self.db, "--no-color").stdout, plain)
        self.assertEqual(self.ebjr("ls", "--db", self.db, **self.environment(NO_COLOR="1")).stdout,
                         plain)


class Progress(HabitsTest):
    def lines(self, process):
        """Every line of the talk is an object."""
        return [json.loads(line) for line in process.stderr.splitlines()]

    def many(self, samples=400_000):
        generator = np.random.default_rng(1)
        self.save("many.npy", generator.normal(size=(samples, 3)).astype(np.float32))
        self.save("labels.npy", generator.integers(0, 3, samples))
        return ("import", "--db", self.db, "--logits", "many.npy", "--labels", "labels.npy")

    def test_json(self):
        samples = 400_000
        process = self.ebjr(*self.many(samples), "--name", HOSTILE, "--progress", "json")
        *steps, end = self.lines(process)
        self.assertEqual((end["event"], end["command"], end["status"], end["code"]),
                         ("end", "import", "done", 0))
        self.assertTrue(2 <= len(steps) <= 3 + end["elapsed_s"], steps)  # one a second
        for step in steps:
            self.assertEqual(list(step), ["event", "command", "stage", "unit", "done", "total",
                                          "rate", "elapsed_s", "eta_s"])
            self.assertEqual((step["event"], step["command"], step["stage"], step["unit"],
                              step["total"]), ("progress", "import", HOSTILE, "samples", samples))
            if step["rate"]:
                self.assertAlmostEqual(step["rate"] * step["elapsed_s"], step["done"],
                                       delta=1e-6 * samples)
                self.assertAlmostEqual(step["rate"] * step["eta_s"], samples - step["done"],
                                       delta=1e-6 * samples)
        done = [step["done"] for step in steps]
        self.assertEqual(done, sorted(done))
        self.assertEqual(done[-1], samples)
        elapsed = [step["elapsed_s"] for step in steps] + [end["elapsed_s"]]
        self.assertEqual(elapsed, sorted(elapsed))

    def test_notes_and_errors_are_objects_too(self):
        self.names = (HOSTILE, "large")
        self.store()
        again = ("import", "--db", self.db, "--name", HOSTILE, "--logits", "logits0.npy",
                 "--labels", "labels.npy", "--progress", "json")
        note, *_, end = self.lines(self.ebjr(*again))
        self.assertEqual(note["event"], "note")
        self.assertIn(HOSTILE, note["text"])
        quiet = self.lines(self.ebjr(*again, "--quiet"))
        self.assertNotIn("note", {line["event"] for line in quiet})
        error, end = self.lines(self.ebjr("ls", "--db", "nowhere.db", "--progress", "json",
                                          code=1))
        self.assertEqual((error["event"], end["status"], end["code"]), ("error", "failed", 1))
        self.assertIn("nowhere.db", error["text"])
        *errors, end = self.lines(self.ebjr(
            "pick", "--db", self.db, "--student", HOSTILE, "--teacher", "large", "--score", "msp",
            "--min-accuracy", "1", "--progress", "json", code=3))
        self.assertEqual((end["status"], end["code"]), ("infeasible", 3))
        self.assertIn("infeasible", " ".join(line["text"] for line in errors))

    def test_bytes_that_are_no_text(self):
        process = self.ebjr(*self.many(5000), b"--name=a\xff\xfeb", "--progress", "json")
        self.assertEqual({line["stage"] for line in self.lines(process)[:-1]},
                         {"a\ufffd\ufffdb"})

    def test_interrupted(self):
        process = self.start(*self.many(2_000_000), "--name", "m", "--progress", "json")
        line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate()
        if process.returncode == 0:
            self.skipTest("it was through before it could be interrupted")
        self.assertEqual(process.returncode, 4)
        *_, error, end = [json.loads(text) for text in [line, *rest.splitlines()]]
        self.assertEqual((error["event"], end["status"], end["code"]),
                         ("error", "interrupted", 4))

    def test_none_and_bar(self):
        for progress in ("none", "bar"):
            self.db = self.path(f"{progress}.db")
            process = self.ebjr(*self.many(5000), "--name", progress, "--progress", progress)
            self.assertEqual(process.stderr, "")  # no terminal, and sooner than ten seconds
        self.refuse("bar", "json", code=2,
                    arguments=(*self.many(10), "--name", "x", "--progress", "dots"))

    def test_on_a_terminal(self):
        """The bar is drawn there, unless it is not wanted."""
        for options, drawn in (((), True), (("--quiet",), False), (("--progress", "none"), False),
                               (("--quiet", "--progress", "bar"), True)):
            self.db = self.path(f"terminal{next(self.numbers)}.db")
            master, slave = pty.openpty()
            process = subprocess.run([EBJR, *map(str, self.many(1000)), "--name", "m", *options],
                                     cwd=self.directory, stdout=subprocess.DEVNULL, stderr=slave)
            os.close(slave)
            try:
                talk = os.read(master, 1 << 16)
            except OSError:  # nothing was written
                talk = b""
            os.close(master)
            self.assertEqual((process.returncode, b"\x1b[K" in talk), (0, drawn), (options, talk))


if __name__ == "__main__":
    unittest.main()
