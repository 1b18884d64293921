"""What a disk can refuse: every call of SQLite's to it fails once, then from there on, during each
command that writes. The store must open, verify, hold what it held, and take the command again."""

import os
import shutil
import unittest

import numpy as np

from support import EBJR, ProgramTest, random_logits

SHIM = os.environ["EBJR_FAULT_VFS"]
SAMPLES, CLASSES = 300, 5
LABELS = np.random.default_rng(1).integers(0, CLASSES, SAMPLES)


class Faults(ProgramTest):
    """No tests: what imports it would run them again."""
    NAMED = r"store\.db"  # in every error

    def setUp(self):
        super().setUp()
        self.labels = self.save("labels.npy", LABELS)
        self.earlier = self.path("earlier.db")
        self.write("student", 1, db=self.earlier)

    def arguments(self, name, seed, db, *more):
        logits = self.save(f"{name}.npy", random_logits(seed, SAMPLES, CLASSES, LABELS, 3))
        return ("import", "--db", db, "--name", name, "--logits", logits, "--labels", self.labels,
                *more)

    def write(self, name, seed, db):
        self.ebjr(*self.arguments(name, seed, db))

    def environment(self, at, lasting=False):
        variables = {**os.environ, "LD_PRELOAD": SHIM, "EBJR_FAULT_AT": str(at),
                     "EBJR_FAULT_LOG": str(self.path("calls")),
                     "ASAN_OPTIONS": "verify_asan_link_order=0"}
        if lasting:
            variables["EBJR_FAULT_LASTING"] = "1"
        return variables

    def copy(self, store):
        """A store of its own for one try; None: it begins with none."""
        for ending in ("", "-wal", "-shm"):
            self.path(f"store.db{ending}").unlink(missing_ok=True)
        if store:
            shutil.copy(store, self.db)

    def run_with(self, arguments, at, lasting=False):
        process = self.start(*arguments, env=self.environment(at, lasting))
        _, talk = process.communicate(timeout=60)
        return process.returncode, talk.decode()

    def assert_intact(self, before):
        """What was there is there, and the store is whole."""
        if not before and not self.db.exists():
            return
        process = self.start("verify", "--db", self.db)
        output, talk = process.communicate(timeout=60)
        if not before and b"is empty" in talk:
            return
        self.assertEqual(process.returncode, 0, (output, talk))
        if before:
            after = self.contents()
            for table in ("model", "dataset", "sample", "image", "object", "output",
                          "detection"):
                self.assertTrue(set(before[table]) <= set(after[table]), table)

    def sweep(self, store, arguments):
        """Fails each call there is. How many there were, and how many of the tries failed."""
        before = self.contents(store) if store else None
        self.copy(store)
        code, talk = self.run_with(arguments, 0)
        self.assertEqual(code, 0, talk)
        unbroken, calls = self.contents(), int(self.path("calls").read_text())
        failures = 0
        for at in range(1, calls + 1):
            for lasting in (False, True):
                with self.subTest(call=at, lasting=lasting):
                    self.copy(store)
                    code, talk = self.run_with(arguments, at, lasting)
                    self.assertIn(code, (0, 1), talk)
                    failures += code
                    if code == 1:
                        last = talk.splitlines()[-1]
                        self.assertRegex(last, rf"^ebjr \w+: .*{self.NAMED}.*")
                    self.assert_intact(before)
                    self.ebjr(*arguments)
                    self.assertEqual(self.contents(), unbroken)
                    self.verify()
        return calls, failures

    def assert_swept(self, store, arguments):
        calls, failures = self.sweep(store, arguments)
        self.assertGreater(calls, 20)
        self.assertGreater(failures, calls)  # most calls matter, one way or the other
        print(f"{calls} calls, each failed twice: {failures} errors", flush=True)


class Import(Faults):
    def test_import_into_a_new_store(self):
        self.assert_swept(None, self.arguments("student", 1, self.db))

    def test_import_beside_another(self):
        self.assert_swept(self.earlier, self.arguments("teacher", 2, self.db))

    def test_import_of_latencies(self):
        latencies = self.save("ns.npy", np.arange(1, SAMPLES + 1))
        self.assert_swept(self.earlier, self.arguments("teacher", 2, self.db, "--latency-ns",
                                                       latencies))


if __name__ == "__main__":
    unittest.main()
