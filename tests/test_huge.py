"""Stores larger than memory: sweeps and picks by way of a temporary file give the same bytes, and
take no more memory than they may."""

import os
import random
import signal
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np

from support import EBJR, ProgramTest, as_argument, random_logits

FAST_CASES, LONG_CASES = 60, 600


def is_long():
    return os.environ.get("EBJR_HUGE_LONG") == "1"


class HugeTest(ProgramTest):
    def fill(self, samples, classes=4, seed=1, levels=0, dataset="here"):
        """Two models; `levels` > 0: logits of few values, so that most scores are tied."""
        generator = np.random.default_rng(seed)
        labels = generator.integers(0, classes, samples).astype(np.int32)
        for name, skill, flops in (("small", 3, 100), ("large", 7, 1000)):
            logits = random_logits(seed + skill, samples, classes, labels, skill)
            if levels:
                logits = np.round(logits * levels) / levels
            self.import_logits(name, logits.astype(np.float32), labels, "--flops", str(flops),
                               "--model-sha256", format(skill, "064x"), "--dataset-name", dataset)

    def outcome(self, *arguments):
        """Exit code, stdout, stderr without progress, and the policy where one was written."""
        policy = self.path("policy.json")
        policy.unlink(missing_ok=True)
        process = self.start(*arguments)
        output, talk = process.communicate(timeout=600)
        self.assertIn(process.returncode, (0, 1, 2, 3), talk)
        talk = [line for line in talk.splitlines() if not line.startswith(b"sorting: ")]
        return (process.returncode, output, talk,
                policy.read_bytes() if policy.exists() else None)

    def check_same(self, *arguments, memory):
        """The outcome; `memory` must be too little for all samples at once."""
        expected = self.outcome(*arguments)
        self.assertEqual(self.outcome(*arguments, "--sort-memory", str(memory)), expected,
                         f"{arguments} in {memory} bytes")
        return expected

    def least_memory(self, samples, targets):
        return int(targets * ((samples * 360 * 17) ** 0.5 + 400))

    def cascade(self, command, *rest):
        return (command, "--db", self.db, "--student", "small", "--teacher", "large", *rest)

    def peak(self, *arguments):
        """KiB of memory that the finished process had at its peak. What starts it is small, for a
        process inherits the peak of the one that it was forked from."""
        starter = ("import os, sys\n"
                   "pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=["
                   "(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])\n"
                   "_, status, usage = os.wait4(pid, 0)\n"
                   "print(usage.ru_maxrss)\n"
                   "sys.exit(os.waitstatus_to_exitcode(status))")
        process = subprocess.run([sys.executable, "-S", "-c", starter, EBJR,
                                  *map(as_argument, arguments)], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, cwd=self.directory)
        self.assertEqual(process.returncode, 0, process.stderr)
        return int(process.stdout)


class Same(HugeTest):
    def test_sweeps(self):
        for seed, samples, levels in ((1, 3000, 0), (2, 500, 2), (3, 1, 0)):
            self.db = self.path(f"sweep{seed}.db")
            self.fill(samples, seed=seed, levels=levels)
            for score, targets in (("energy", 1), ("random", 1), ("all", 11)):
                for form in ("csv", "json", "table"):
                    arguments = self.cascade("sweep", "--score", score, "--format", form)
                    memory = self.least_memory(samples, targets) + 100
                    self.check_same(*arguments, memory=memory)
                    self.check_same(*arguments, "--points", "7", memory=2 * memory)

    def random_pick(self, seed):
        choose = random.Random(seed)
        budgets = {"--max-drop": lambda: round(choose.uniform(-0.01, 0.3), 3),
                   "--min-accuracy": lambda: round(choose.uniform(0.2, 1), 3),
                   "--max-flops": lambda: round(choose.uniform(50, 1200), 1),
                   "--max-teacher-rate": lambda: round(choose.uniform(0, 1), 3)}
        arguments = ["--out", "policy.json", "--format", choose.choice(["csv", "json", "table"]),
                     "--split-seed", str(seed)]
        for name in choose.sample(sorted(budgets), choose.randint(1, 3)):
            value = budgets[name]()
            arguments += [name, str(abs(value) if name != "--max-drop" else max(value, 0))]
        if choose.random() < 0.4:
            arguments += ["--plain"]
        else:
            arguments += ["--delta", str(choose.choice([0.01, 0.05, 0.3]))]
        if choose.random() < 0.7:
            arguments += ["--score", choose.choice(["msp", "energy", "margin", "pnorm", "entropy"])]
        if choose.random() < 0.4:
            arguments += ["--test-on", choose.choice(["0.25", "0.5", "there"])]
        if choose.random() < 0.2:
            arguments += ["--class-weights", "0=0.5"]
        if choose.random() < 0.3:
            arguments += ["--minimize", choose.choice(["flops", "teacher-rate"])]
        if choose.random() < 0.2:
            arguments += ["--temperature", "1.5"]
        if choose.random() < 0.2:
            arguments += ["--precision", "float32"]
        return arguments

    def test_picks(self):
        codes = set()
        cases = LONG_CASES if is_long() else FAST_CASES
        for levels, samples in ((0, 2500), (2, 900)):
            self.db = self.path(f"pick{levels}.db")
            self.fill(samples, seed=levels + 1, levels=levels)
            self.fill(700, seed=levels + 5, levels=levels, dataset="there")
            for seed in range(cases // 2):
                arguments = self.cascade("pick", "--dataset", "here", *self.random_pick(seed))
                memory = self.least_memory(samples, 9) + random.Random(seed).randint(0, 20000)
                code, _, talk, _ = self.check_same(*arguments, memory=memory)
                self.assertIn(code, (0, 3), talk)
                codes.add(code)
        self.assertEqual(codes, {0, 3})

    def test_a_specialised_student(self):
        generator = np.random.default_rng(3)
        labels = generator.integers(0, 4, 2000).astype(np.int32)
        self.path("map").write_text("0\n1\nother\n")
        self.import_logits("small", random_logits(1, 2000, 3, np.minimum(labels, 2), 5), labels,
                           "--student-classes", self.path("map"), "--flops", "1")
        self.import_logits("large", random_logits(2, 2000, 4, labels, 8), labels, "--flops", "9")
        memory = self.least_memory(2000, 9) + 100
        self.check_same(*self.cascade("sweep", "--format", "csv"), memory=memory)
        for rest in (("--max-drop", "0.05"), ("--min-accuracy", "0.5"), ("--max-flops", "8"),
                     ("--max-teacher-rate", "0.1", "--plain", "--score", "msp")):
            self.check_same(*self.cascade("pick", *rest), memory=memory)

    def test_errors_are_the_same(self):
        self.fill(2000)
        for rest in (("--max-drop", "0.1", "--score", "oracle"),
                     ("--max-drop", "0.1", "--answer", "nobody"),
                     ("--max-p99", "1ms", "--score", "msp"),
                     ("--max-drop", "0.1", "--test-on", "nowhere"),
                     ("--min-accuracy", "0.5", "--minimize", "latency")):
            code, _, _, _ = self.check_same(*self.cascade("pick", *rest), memory=40000)
            self.assertIn(code, (1, 2))


class Points(HugeTest):
    def test_exact_points_at_even_shares(self):
        self.fill(2000, levels=3)
        whole = self.csv(*self.cascade("sweep"))
        thin = self.csv(*self.cascade("sweep", "--points", "9"))
        share = [float(row["student_share"]) for row in whole]
        wanted = [0] + [next(i for i, s in enumerate(share) if s * 2000 >= k * 200)
                        for k in range(1, 10)] + [len(whole) - 1]
        self.assertEqual(thin, [whole[i] for i in sorted(set(wanted))])

    def test_more_points_than_there_are(self):
        self.fill(50)
        self.assertEqual(self.csv(*self.cascade("sweep", "--points", "1000000")),
                         self.csv(*self.cascade("sweep")))

    def test_refused(self):
        self.fill(10)
        for rest in (("--points", "5", "--bands"), ("--points", "1000001")):
            self.refuse("--points", code=2, arguments=self.cascade("sweep", *rest))


class Refused(HugeTest):
    def test_what_needs_memory_says_how_much(self):
        self.fill(5000)
        pick = self.cascade("pick", "--max-drop", "0.05")
        for words, arguments in (
                ("bootstrap", self.cascade("sweep", "--bands")),
                ("bootstrap", self.cascade("sweep", "--summary", "--score", "all")),
                ("learned", (*pick, "--score", "learned")),
                ("--fit-temperature", (*pick, "--fit-temperature")),
                ("--per-class", (*pick, "--per-class", "--score", "msp")),
                ("joint", (*pick, "--answer", "average")),
                ("--bound", (*pick, "--bound", "betting"))):
            self.refuse(words, "G bytes of memory are needed", "--sort-memory",
                        arguments=(*arguments, "--sort-memory", "50k"))

    def test_latencies(self):
        self.fill(3000)
        times = self.save("ns.npy", np.arange(1, 3001))
        for name, skill in (("small", 3), ("large", 7)):
            self.ebjr("import", "--db", self.db, "--name", name, "--logits",
                      self.path(f"logits{0 if name == 'small' else 1}.npy"), "--dataset", "here",
                      "--model-sha256", format(skill, "064x"), "--latency-ns", times)
        for command in (("sweep",), ("pick", "--max-drop", "0.1")):
            arguments = self.cascade(*command)
            self.refuse("latenc", "--no-latency", "G bytes of memory are needed",
                        arguments=(*arguments, "--sort-memory", "60k"))
            self.check_same(*arguments, "--no-latency", "--format", "csv", memory=60000)
            self.assertIn("p99", self.ebjr(*arguments, "--format", "csv").stdout)

    def test_too_little_memory_or_no_directory(self):
        self.fill(5000)
        sweep = self.cascade("sweep", "--format", "csv")
        self.refuse("are enough", "--sort-memory", code=2, arguments=(*sweep, "--sort-memory", "1k"))
        for size in ("0", "-1", "none", "1e19"):
            self.refuse("--sort-memory", code=2, arguments=(*sweep, "--sort-memory", size))
        nowhere = dict(os.environ, TMPDIR=str(self.path("nowhere")))
        self.refuse("temporary file", "TMPDIR", arguments=(*sweep, "--sort-memory", "60k"),
                    env=nowhere)

    def test_nothing_is_left_behind(self):
        self.fill(5000)
        self.path("tmp").mkdir()
        there = dict(os.environ, TMPDIR=str(self.path("tmp")))
        self.ebjr(*self.cascade("sweep"), "--sort-memory", "60k", env=there)
        process = self.start(*self.cascade("sweep", "--score", "all"), "--sort-memory", "200k",
                             env=there)
        process.stdout.read(1000)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.assertEqual(list(Path(self.path("tmp")).iterdir()), [])


class Memory(HugeTest):
    def test_logits_are_not_held(self):
        """20,000 rows of 1,000 classes are 80 MB; a sweep takes a few bytes a row. What reads them
        twice holds them up to 256 MB."""
        classes = 1000
        samples = 100000 if is_long() else 20000
        self.fill(samples, classes)
        self.path("logits0.npy").unlink()
        self.path("logits1.npy").unlink()
        commands = [self.cascade("sweep", "--format", "csv")]
        if is_long():
            commands += [self.cascade("eval", "--score", "msp", "--threshold", "0.5"),
                         self.cascade("pick", "--max-drop", "0.1", "--score", "msp")]
        for command in commands:
            self.assertLess(self.peak(*command), 40 * 1024 + 200 * samples / 1024)

    @unittest.skipUnless(is_long(), "long")
    def test_three_million_samples_in_little_memory(self):
        self.fill(3000000, 2)
        for command in (self.cascade("sweep", "--format", "csv", "--points", "100"),
                        self.cascade("pick", "--max-drop", "0.01", "--score", "msp"),
                        self.cascade("pick", "--max-drop", "0.01", "--score", "msp", "--plain")):
            self.check_same(*command, memory=4000000)
            self.assertLess(self.peak(*command, "--sort-memory", "4M"), 32 * 1024)


if __name__ == "__main__":
    unittest.main()
