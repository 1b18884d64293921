"""A merge that is killed at random moments, or whose disk fails at any call: the target opens and
verifies, the shards are as they were, and the same command ends where an unbroken one does."""

import random
import signal
import time
import unittest

from test_faults import Faults
from test_merge import MergeTest

KILLS = 50


class Killed(MergeTest):
    SAMPLES = 30_000

    def test_merge(self):
        self.assert_survives()

    def test_merge_of_detections(self):
        self.assert_survives(detections=3)

    def assert_survives(self, **keys):
        keys = {"classes": 10, "chunk": 500, "extras": 3, **keys}
        stores = self.shards(10_000, 20_000, self.SAMPLES, **keys)
        one = self.fill("one.db", **{**keys, "chunk": 16384})
        digests = [self.digest(store) for store in stores]
        command = ("merge", "--db", self.db, *stores)
        start = time.monotonic()
        self.ebjr(*command)
        duration = time.monotonic() - start
        whole = self.everything()
        self.assertEqual(whole, self.everything(one))
        generator, killed, partial, ended = random.Random(8), 0, 0, 0
        self.forget()
        while killed < KILLS or ended == 0:
            process = self.start(*command)
            time.sleep(generator.uniform(0, duration) if killed < KILLS else 10 * duration)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            if process.returncode == 0:
                self.assertEqual(self.everything(), whole)
                self.verify()
                self.forget()
                ended += 1
                continue
            killed += 1
            partial += self.rows_of_target() not in (0, 2 * self.SAMPLES)
        print(f"merge: {killed} kills, {partial} left a part, {ended} went to the end", flush=True)
        self.assertGreater(partial, 0)
        self.assertEqual([self.digest(store) for store in stores], digests)

    def forget(self):
        for path in self.directory.glob("store.db*"):
            path.unlink()

    def rows_of_target(self):
        """After a look at all of it; a store that was killed before its first commit holds none."""
        if not self.db.exists() or self.db.stat().st_size == 0:
            return 0
        process = self.start("verify", "--db", self.db)
        talk = process.communicate(timeout=60)[1]
        if b"is empty" in talk:
            return 0
        self.assertEqual(process.returncode, 0, talk)
        return self.query("SELECT coalesce(sum(done), 0) FROM run")[0][0]

    def test_interrupted(self):
        """Ctrl-C ends with code 4 and keeps what was merged."""
        stores = self.shards(15_000, self.SAMPLES, classes=10, chunk=100)
        command = ("merge", "--db", self.db, *stores)
        process = self.start(*command)
        while not self.db.exists() or not self.rows_of_target():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertIn(process.returncode, (0, 4))
        self.verify()
        self.ebjr(*command)
        self.verify()
        self.assertEqual(self.query("SELECT samples, done FROM run"), [(self.SAMPLES,) * 2] * 2)


class FailingDisk(Faults, MergeTest):
    """Each call of a merge to the disk, to the target and to the shards, once and from there on."""
    NAMED = r"(store|shard0-50|shard50-100)\.db"

    def test_merge(self):
        stores = self.shards(50, 100, models=["small"], extras=2)
        digests = [self.digest(store) for store in stores]
        self.assert_swept(self.fill("earlier.db", "small", done=20),
                          ("merge", "--db", self.db, *stores))
        self.assertEqual([self.digest(store) for store in stores], digests)

    def test_merge_of_detections(self):
        stores = self.shards(50, 100, models=["small"], detections=3)
        self.assert_swept(self.fill("earlier.db", "small", done=20, detections=3),
                          ("merge", "--db", self.db, *stores))
        self.assert_swept(None, ("merge", "--db", self.db, *stores))


if __name__ == "__main__":
    unittest.main()
