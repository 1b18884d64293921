"""The processes of one mpirun: together they leave the store that one would have, or nothing is lost."""

import os
import shutil
import signal
import subprocess
import time
import unittest

from support import EBJR, decode, skip_file
from test_run import NORMALISE, Slow, torch
from test_shard import PLAN, ShardTest, environment

if not shutil.which("mpirun"):
    skip_file("there is no mpirun")

MPIRUN = ("mpirun", "--allow-run-as-root", "--oversubscribe")


class Together(ShardTest):
    def begin(self, size, *command):
        return subprocess.Popen([*MPIRUN, "-n", str(size), EBJR, *map(str, command)],
                                cwd=self.directory, env=environment(), start_new_session=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def mpirun(self, size, *command, code=0):
        process = self.begin(size, *command)
        output, talk = map(decode, process.communicate(timeout=300))
        self.assertEqual(process.returncode, code, talk)
        return subprocess.CompletedProcess(command, code, output, talk)

    def files(self):
        return sorted(path.name for path in self.directory.glob("store.db*"))

    def test_four_are_one(self):
        command = (*self.command("small.pt", "large.pt"), *NORMALISE, *PLAN, "--format", "csv")
        together = self.mpirun(4, *command)
        self.assertEqual(self.files(), ["store.db"])
        self.verify()
        alone = self.ebjr(*self.command("small.pt", "large.pt", db="one.db"), *NORMALISE, *PLAN,
                          "--format", "csv")
        self.assertEqual(self.contents(), self.contents(self.path("one.db")))
        timed = (5, 9, 10)  # seconds, workers, waited
        results = [[[field for column, field in enumerate(line.split(",")) if column not in timed]
                    for line in process.stdout.splitlines()] for process in (together, alone)]
        self.assertEqual(*results)

        before = self.db.read_bytes()
        again = self.mpirun(4, *command)
        self.assertEqual(again.stderr.count("nothing to do"), 2)
        self.assertIn("1,small,x,151,0,", again.stdout)
        self.assertEqual((self.files(), self.db.read_bytes()), (["store.db"], before))

    def test_a_model_more(self):
        """One that is stored is passed over; one process is no more than that."""
        self.mpirun(1, *self.command("small.pt"), *NORMALISE, *PLAN)
        self.mpirun(3, *self.command("small.pt", "large.pt"), *NORMALISE, *PLAN)
        self.ebjr(*self.command("small.pt", "large.pt", db="one.db"), *NORMALISE, *PLAN)
        self.assertEqual(self.contents(), self.contents(self.path("one.db")))
        self.verify()
        self.assertEqual(self.files(), ["store.db"])

    def test_an_error_of_one_ends_all(self):
        """With its message; what the others stored is there for the next try."""
        command = (*self.command("small.pt"), *NORMALISE, *PLAN)
        self.path("store.db.shard-2").mkdir()
        talk = self.mpirun(4, *command, code=2).stderr
        self.assertIn("ebjr run: rank 2 of 4: ", talk)
        self.assertIn("store.db.shard-2: it is a directory", talk)
        self.path("store.db.shard-2").rmdir()
        self.mpirun(4, *command)
        self.verify()
        self.assertEqual(self.files(), ["store.db"])
        self.assertEqual(self.query("SELECT samples, done FROM run"), [(151, 151)])

    def test_another_number_of_processes(self):
        command = (*self.command("small.pt"), *NORMALISE, *PLAN)
        self.path("store.db.shard-3").mkdir()  # so that it breaks off
        self.mpirun(4, *command, code=2)
        self.shard("0/4", *PLAN, models=["small.pt"], db="store.db.shard-0")
        self.assertIn("another number of processes", self.mpirun(2, *command, code=1).stderr)
        self.path("store.db.shard-3").rmdir()
        self.mpirun(4, *command)
        self.verify()

    def test_killed(self):
        """All of them, at once, again and again; the same command goes on."""
        torch.manual_seed(9)
        self.trace("slow.pt", Slow())
        command = (*self.command("slow.pt"), *NORMALISE, *PLAN)
        start = time.monotonic()
        self.mpirun(4, *self.command("slow.pt", db="whole.db"), *NORMALISE, *PLAN)
        duration = time.monotonic() - start
        kills = 0
        for share in (0.3, 0.5, 0.7, 0.9):
            process = self.begin(4, *command)
            time.sleep(share * duration)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                kills += 1
            process.communicate()
            self.kill_orphans()
        self.assertGreater(kills, 0)
        self.mpirun(4, *command)
        self.ebjr(*self.command("slow.pt", db="one.db"), *NORMALISE, *PLAN)
        self.assertEqual(self.contents(), self.contents(self.path("one.db")))
        self.verify()

    def kill_orphans(self):
        """Open MPI gives each process a group of its own."""
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink(f"/proc/{entry}/cwd") == str(self.directory):
                    os.kill(int(entry), signal.SIGKILL)
            except OSError:
                continue
        time.sleep(0.5)

    def test_interrupted(self):
        """Ctrl-C ends all; what was stored is kept."""
        torch.manual_seed(9)
        self.trace("slow.pt", Slow())
        command = (*self.command("slow.pt"), *NORMALISE, *PLAN, "--batch", "1")
        process = self.begin(2, *command)
        while not self.path("store.db.shard-1").exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.mpirun(2, *command)
        self.verify()
        self.assertEqual(self.query("SELECT samples, done FROM run"), [(151, 151)])

    def test_shards_by_hand(self):
        """--shard is heard under mpirun, too."""
        self.mpirun(3, *self.command("small.pt", db="s-{rank}.db"), *NORMALISE, *PLAN, "--shard",
                    "auto")
        self.ebjr("merge", "--db", self.db, *(f"s-{rank}.db" for rank in range(3)))
        self.verify()


if __name__ == "__main__":
    unittest.main()
