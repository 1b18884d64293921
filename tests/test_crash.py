"""Killed at random moments, with a full disk, with a disk that fails, and beside another process:
each command that writes leaves a store that opens and verifies, with all that it held, and done again
ends where an unbroken run does."""

import random
import signal
import sqlite3
import subprocess
import time
import unittest

import numpy as np

from support import random_logits
from test_faults import Faults
from test_run import NORMALISE, RunTest, Slow, net, torch

KILLS = 100
PLAN = ("--plan", "as-loaded", "--threads", "1")


def rows_done(test):
    return test.query("SELECT sum(done) FROM run")


class Crash(RunTest):
    SAMPLES = 1000

    def setUp(self):
        super().setUp()
        self.script("small.pt", net(1, width=4))
        self.script("large.pt", net(2))
        self.earlier = self.path("earlier.db")
        self.ebjr(*self.command("small.pt", db=self.earlier), *NORMALISE, *PLAN)

    def is_there(self):
        try:
            return self.query("SELECT count(*) FROM sqlite_schema") != [(0,)]
        except sqlite3.OperationalError:
            return False

    def begin(self, earlier):
        for path in self.directory.glob("store.db*"):
            path.unlink()
        if earlier:
            self.db.write_bytes(self.earlier.read_bytes())

    def assert_intact(self, earlier):
        if not self.is_there():
            self.assertFalse(earlier)
            return
        self.verify()
        if earlier:
            before, after = self.contents(self.earlier), self.contents()
            for table in ("model", "dataset", "sample", "output"):
                self.assertTrue(set(before[table]) <= set(after[table]), table)

    def latencies(self):
        return self.query("SELECT count(*) FROM measurement, latency"
                          " WHERE measurement_id = measurement.id AND samples > 0")

    def assert_survives(self, command, earlier, count=rows_done):
        """KILLS kills that found it running, over and over on the same store until one try ends."""
        self.begin(earlier)
        start = time.monotonic()
        self.ebjr(*command)
        duration = time.monotonic() - start
        whole, unbroken, generator = self.contents(), count(self), random.Random(8)
        killed = partial = ended = 0
        self.begin(earlier)
        while killed < KILLS or ended == 0:
            process = self.start(*command)
            time.sleep(generator.uniform(0, duration) if killed < KILLS else 10 * duration)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.assert_intact(earlier)
            if process.returncode == 0:
                self.assertEqual(self.contents(), whole)
                self.begin(earlier)
                ended += 1
                continue
            self.assertEqual(process.returncode, -signal.SIGKILL)
            killed += 1
            partial += self.is_there() and count(self) != unbroken
        print(f"{command[0]}: {killed} kills, {partial} left a part, {ended} went to the end",
              flush=True)
        self.assertGreater(partial, 0)


class Killed(Crash):
    def test_run(self):
        torch.manual_seed(9)
        self.trace("slow.pt", Slow())
        self.assert_survives((*self.command("slow.pt"), *NORMALISE, *PLAN), earlier=True)

    def test_run_into_a_new_store(self):
        self.assert_survives((*self.command("small.pt", "large.pt"), *NORMALISE, *PLAN),
                             earlier=False)

    def test_import(self):
        labels = np.random.default_rng(4).integers(0, 10, 150_000)
        logits = self.save("m.npy", random_logits(5, len(labels), 10, labels, 3))
        self.assert_survives(("import", "--db", self.db, "--name", "m", "--logits", logits,
                              "--labels", self.save("many.npy", labels)), earlier=True)

    def test_bench(self):
        """A measurement is whole or not there."""
        command = ("bench", "--db", self.db, *self.dataset, "--model", "small.pt", "--samples",
                   "20000", *PLAN)
        self.assert_survives(command, earlier=True, count=Crash.latencies)

    def test_plan(self):
        command = ("plan", "--db", self.db, *self.dataset, "--model", "small.pt", "--batch", "8",
                   "--threads", "1")
        self.assert_survives(command, earlier=True,
                             count=lambda self: self.query("SELECT count(*) FROM trial"))


class FullDisk(Crash):
    """A file system of a few hundred kB, where one may be mounted."""

    def setUp(self):
        super().setUp()
        self.disk = self.path("disk")
        self.disk.mkdir()
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", self.disk],
                               capture_output=True)
        if mount.returncode != 0:
            self.skipTest(f"cannot mount a small disk: {mount.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", self.disk], check=True)
        self.db = self.disk / "store.db"

    def test_full(self):
        self.ebjr(*self.command("small.pt"), *NORMALISE, *PLAN)
        before = self.contents()
        labels = np.random.default_rng(4).integers(0, 10, 50_000)
        logits = self.save("m.npy", random_logits(5, len(labels), 10, labels, 3))
        self.refuse("disk is full", "is kept", arguments=(
            "import", "--db", self.db, "--name", "m", "--logits", logits, "--labels",
            self.save("many.npy", labels)))
        self.verify()
        self.assertTrue(set(before["output"]) <= set(self.contents()["output"]))
        subprocess.run(["mount", "-o", "remount,size=64m", self.disk], check=True)
        self.ebjr("import", "--db", self.db, "--name", "m", "--logits", logits, "--labels",
                  self.path("many.npy"))
        self.verify()


class Together(Crash):
    def test_two_runs_on_one_store(self):
        """Of two models: both finish, or one says that it waited for the other."""
        torch.manual_seed(9)
        self.trace("slow.pt", Slow())
        commands = [(*self.command(model), *NORMALISE, *PLAN) for model in ("slow.pt", "large.pt")]
        processes = [self.start(*command) for command in commands]
        for process, command in zip(processes, commands):
            _, talk = process.communicate(timeout=300)
            if process.returncode != 0:
                self.assertIn(b"another process", talk)
                self.ebjr(*command)
        self.verify()
        self.assertEqual(self.query("SELECT samples, done FROM run"), [(1000, 1000)] * 2)

    def test_two_of_the_same_run(self):
        """One of them stores a row, the other says what happened; none is stored twice."""
        torch.manual_seed(9)
        self.trace("slow.pt", Slow())
        command = (*self.command("slow.pt"), *NORMALISE, *PLAN)
        processes = [self.start(*command) for _ in range(2)]
        for process in processes:
            _, talk = process.communicate(timeout=300)
            self.assertIn(process.returncode, (0, 1), talk)
        self.ebjr(*command)
        self.verify()
        self.assertEqual(self.query("SELECT samples, done FROM run"), [(1000, 1000)])

    def test_readers_never_block(self):
        torch.manual_seed(9)
        self.trace("slow.pt", Slow())
        self.begin(True)
        start = time.monotonic()
        self.ebjr("ls", "--db", self.db)
        alone = time.monotonic() - start
        process = self.start(*self.command("slow.pt"), *NORMALISE, *PLAN)
        reads = 0
        while process.poll() is None:
            start = time.monotonic()
            self.ebjr("ls", "--db", self.db)
            self.assertLess(time.monotonic() - start, 2 + 20 * alone)
            reads += 1
        process.communicate()
        self.assertEqual(process.returncode, 0)
        self.assertGreater(reads, 3)


class FailingDisk(Crash):
    """Each tenth call to the disk fails, once and from there on."""

    def try_calls(self, command, step):
        faults = Faults("run_with")
        faults.setUp()
        self.addCleanup(faults.doCleanups)
        faults.directory = self.directory
        self.begin(True)
        code, talk = faults.run_with(command, 0)
        self.assertEqual(code, 0, talk)
        whole, calls = self.contents(), int(self.path("calls").read_text())
        for at in range(1, calls + 1, step):
            for lasting in (False, True):
                with self.subTest(call=at, lasting=lasting):
                    self.begin(True)
                    code, talk = faults.run_with(command, at, lasting)
                    self.assertIn(code, (0, 1), talk)
                    self.assert_intact(True)
                    self.ebjr(*command)
                    self.assertEqual(self.contents(), whole)
                    self.verify()
        print(f"{command[0]}: {len(range(1, calls + 1, step))} of {calls} calls failed", flush=True)

    def test_run(self):
        self.try_calls((*self.command("large.pt"), *NORMALISE, *PLAN), 10)

    def test_bench(self):
        self.try_calls(("bench", "--db", self.db, *self.dataset, "--model", "small.pt",
                        "--samples", "300", *PLAN), 10)


if __name__ == "__main__":
    unittest.main()
