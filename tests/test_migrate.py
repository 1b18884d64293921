"""Stores of every earlier schema (tests/stores) are brought up to date, whole, or stay as they were."""

import gzip
import os
import random
import signal
import sqlite3
import subprocess
import time
import unittest

from support import SOURCE, ProgramTest
from test_faults import SHIM

STORES = SOURCE / "tests" / "stores"
EARLIER, TODAY = (1, 2, 3), 4
KILLS = 100


class Migrate(ProgramTest):
    def put(self, version):
        """An earlier store, and all that it holds by table and column."""
        for path in self.directory.glob("store.db*"):
            path.unlink()
        self.db.write_bytes(gzip.decompress((STORES / f"schema{version}.db.gz").read_bytes()))
        return self.dump()

    def dump(self):
        connection = sqlite3.connect(self.db)
        connection.row_factory = sqlite3.Row
        tables = [name for name, in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'")]
        rows = {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]
                for name in tables}
        connection.close()
        return rows

    def version(self):
        return self.query("PRAGMA user_version")[0][0]

    def assert_kept(self, before):
        """Every table, row and value but seals."""
        after = self.dump()
        for table, rows in before.items():
            self.assertEqual(len(rows), len(after[table]), table)
            for old, new in zip(rows, after[table]):
                for column in old.keys() - {"seal"}:
                    self.assertEqual(old[column], new[column], (table, column))
        self.assertFalse([name for name in after if name.startswith("old_")])

    def test_everything_is_kept(self):
        for version in EARLIER:
            before = self.put(version)
            self.ebjr("ls", "--db", self.db)  # to read is enough
            self.assertEqual(self.version(), TODAY)
            self.assert_kept(before)
            self.verify()
            self.ebjr("eval", "--db", self.db, "--policy",
                      STORES / f"schema{version}-policy.json")

    def test_a_damaged_record_is_not_sealed_again(self):
        self.put(1)
        self.query("UPDATE run SET flops = flops + 1 WHERE id = 2")
        before = self.dump()
        self.refuse("run 2", "changed from outside", arguments=("verify", "--db", self.db))
        self.assertEqual(self.version(), 1)
        self.assertEqual(self.dump(), before)

    def test_where_it_cannot_be_written(self):
        self.put(1)
        self.db.chmod(0o444)
        self.directory.chmod(0o555)
        self.addCleanup(self.directory.chmod, 0o755)
        if os.access(self.db, os.W_OK):
            self.skipTest("root may write everything")
        self.refuse("earlier ebjr", "copy", arguments=("ls", "--db", self.db))

    def test_a_table_of_someone_else(self):
        self.put(1)
        self.query("CREATE TABLE notes (text)")
        self.query("INSERT INTO notes VALUES ('mine')")
        self.ebjr("ls", "--db", self.db)
        self.assertEqual(self.query("SELECT * FROM notes"), [("mine",)])
        self.assertEqual(self.version(), TODAY)

    def test_several_at_once(self):
        before = self.put(1)
        processes = [self.start("ls", "--db", self.db) for _ in range(8)]
        for process in processes:
            _, talk = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, talk)
        self.assert_kept(before)
        self.verify()

    def test_killed(self):
        """At random moments of a migration: what was there before, or all."""
        generator, versions = random.Random(3), []
        self.put(1)
        start = time.monotonic()
        self.ebjr("ls", "--db", self.db)
        took = time.monotonic() - start
        for _ in range(KILLS):
            before = self.put(generator.choice(EARLIER))
            process = self.start("ls", "--db", self.db)
            time.sleep(generator.uniform(0, 1.5 * took))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            versions.append(self.version())
            self.assert_kept(before)
            self.verify()
        self.assertEqual(set(versions), {*EARLIER, TODAY})

    def test_a_disk_that_fails(self):
        """Each call to the disk, once and from there on."""
        log = self.path("calls")
        environment = {**os.environ, "LD_PRELOAD": SHIM, "EBJR_FAULT_LOG": str(log),
                       "ASAN_OPTIONS": "verify_asan_link_order=0"}
        before = self.put(1)
        self.ebjr("ls", "--db", self.db, env=environment)
        failed = 0
        for at in range(1, int(log.read_text()) + 1):
            for lasting in ({}, {"EBJR_FAULT_LASTING": "1"}):
                self.put(1)
                process = self.start("ls", "--db", self.db, stdin=subprocess.DEVNULL,
                                     env={**environment, **lasting, "EBJR_FAULT_AT": str(at)})
                _, talk = process.communicate(timeout=60)
                self.assertIn(process.returncode, (0, 1), talk)
                failed += process.returncode
                self.assert_kept(before)
                self.verify()
        self.assertGreater(failed, 40)


if __name__ == "__main__":
    unittest.main()
