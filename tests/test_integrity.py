"""Single bytes changed at random: verify finds each that changes anything stored, and a policy is
refused unless it says the same as before."""

import json
import os
import sqlite3
import subprocess
import unittest

import numpy as np

from support import ProgramTest, random_logits

FILL = os.environ["EBJR_FILL_SHARD"]
SAMPLES, CLASSES, CHANGES = 400, 6, 1000


class Integrity(ProgramTest):
    def setUp(self):
        super().setUp()
        self.generator = np.random.default_rng(12)
        labels = self.generator.integers(0, CLASSES, SAMPLES)
        for seed, name in enumerate(("student", "teacher")):
            latencies = self.save("ns.npy", self.generator.integers(1000, 9000, SAMPLES))
            self.import_logits(name, random_logits(seed, SAMPLES, CLASSES, labels, 3 + 3 * seed),
                               labels, "--latency-ns", latencies, "--flops", "1000")
        subprocess.run([FILL, self.db, "samples=50", f"classes={CLASSES}", "detections=4",
                        "detector"], check=True)

    def flip(self, data, at):
        return data[:at] + bytes([data[at] ^ (1 << int(self.generator.integers(8)))]) + data[at + 1:]

    def dump(self):
        """Everything the store holds, or None where SQLite cannot read it."""
        connection = sqlite3.connect(self.db)
        try:
            tables = [name for name, in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
            schema = connection.execute("SELECT type, name, sql FROM sqlite_schema"
                                        " ORDER BY name").fetchall()
            return schema, [connection.execute(f"SELECT * FROM {name}").fetchall()
                            for name in tables]
        except (sqlite3.Error, UnicodeDecodeError, OverflowError):
            return None
        finally:
            connection.close()

    def verdict(self):
        process = self.start("verify", "--db", self.db)
        output, talk = process.communicate(timeout=60)
        self.assertIn(process.returncode, (0, 1), talk)
        if process.returncode == 1:
            self.assertTrue(output or talk)
        return process.returncode == 0

    def cells(self):
        """Table, key columns and column of all that is stored, the values being what is changed."""
        for table, key in (("output", ("run_id", "idx")), ("sample", ("dataset_id", "idx")),
                           ("chunk", ("run_id", "first")), ("image", ("dataset_id", "idx")),
                           ("object", ("dataset_id", "idx", "place")),
                           ("detection", ("run_id", "idx", "place")),
                           ("latency", ("measurement_id", "idx")), ("model", ("id",)),
                           ("dataset", ("id",)), ("run", ("id",)), ("measurement", ("id",))):
            columns = [row[1] for row in self.query(f"PRAGMA table_info({table})")]
            rows = self.query(f"SELECT {', '.join(key)} FROM {table}")
            yield table, key, [name for name in columns if name not in key], rows

    def change_value(self, value):
        """One bit of it, in the form SQLite stores it."""
        if isinstance(value, bytes):
            return self.flip(value, int(self.generator.integers(len(value))))
        if isinstance(value, str):
            at = int(self.generator.integers(len(value)))
            return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1:]
        if isinstance(value, float):
            bits = np.float64(value).view(np.uint64) ^ np.uint64(1 << int(self.generator.integers(64)))
            return float(bits.view(np.float64))
        return value ^ (1 << int(self.generator.integers(31)))

    def test_values(self):
        """A bit of a logit, label, hash, seal, or of any other stored value."""
        kept, tables, missed = self.db.read_bytes(), list(self.cells()), []
        for number in range(CHANGES):
            table, key, columns, rows = tables[number % len(tables)]
            row = rows[self.generator.integers(len(rows))]
            column = columns[self.generator.integers(len(columns))]
            where = " AND ".join(f"{name} = ?" for name in key)
            value, = self.query(f"SELECT {column} FROM {table} WHERE {where}", *row)[0]
            if value is None or value in ("", b""):
                continue
            changed = self.change_value(value)
            if changed != changed or changed == value:  # SQLite stores no NaN, and no -0
                continue
            self.query(f"UPDATE {table} SET {column} = ? WHERE {where}", changed, *row)
            if self.verdict():
                missed.append((table, column, row, value, changed))
            self.db.write_bytes(kept)
        self.assertEqual(missed, [])
        self.verify()

    def test_bytes_of_the_file(self):
        """Wherever they fall: found, or nothing that is stored has changed."""
        self.query("VACUUM")
        kept, before, found = self.db.read_bytes(), self.dump(), 0
        for _ in range(CHANGES):
            at = int(self.generator.integers(len(kept)))
            self.db.write_bytes(self.flip(kept, at))
            if self.verdict():
                self.assertEqual(self.dump(), before, f"byte {at}")
            else:
                found += 1
        self.assertGreater(found, CHANGES / 10)  # many pages are nearly empty
        print(f"{found} of {CHANGES} were found, the others changed nothing", flush=True)

    def test_bytes_of_a_policy(self):
        policy = self.path("policy.json")
        cascade = ("--db", self.db, "--student", "student", "--teacher", "teacher")
        self.ebjr("pick", *cascade, "--max-drop", "0.2", "--out", policy)
        kept = policy.read_bytes()
        refused = 0
        for _ in range(CHANGES):
            policy.write_bytes(self.flip(kept, int(self.generator.integers(len(kept)))))
            process = self.start("eval", "--db", self.db, "--policy", policy)
            _, talk = process.communicate(timeout=60)
            if process.returncode == 0:
                self.assertEqual(json.loads(policy.read_bytes()), json.loads(kept))
            else:
                self.assertIn(b"policy.json", talk)
                refused += 1
        self.assertGreater(refused, CHANGES / 2)
        print(f"{refused} of {CHANGES} were refused, the others said the same", flush=True)


if __name__ == "__main__":
    unittest.main()
