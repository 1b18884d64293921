"""What several test files need: the program, a directory of their own, and cascades in numpy."""

import csv
import io
import itertools
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

EBJR = os.environ.get("EBJR", "ebjr")
SOURCE = Path(os.environ.get("EBJR_SOURCE", Path(__file__).resolve().parent.parent))
DATA = Path(os.environ.get("EBJR_DATA", SOURCE.parent / "shared" / "data"))

# what a person has set is not for tests
for variable in ("EBJR_DB", "NO_COLOR"):
    os.environ.pop(variable, None)
os.environ["EBJR_CONFIG"] = os.devnull


def skip_file(reason):
    """End a test file that cannot run here; ctest counts it as skipped."""
    print("SKIPPED:", reason)
    sys.exit(0)


class ProgramTest(unittest.TestCase):
    """Runs the program in a directory that goes away with the test."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="ebjr-test-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.db = self.path("store.db")
        self.numbers = itertools.count()

    def path(self, name):
        return self.directory / name

    def start(self, *arguments, **options):
        return subprocess.Popen([EBJR, *map(as_argument, arguments)], cwd=self.directory,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def ebjr(self, *arguments, code=0, **options):
        """The finished process, its output as text; fails unless it ends with `code`."""
        process = self.start(*arguments, **options)
        try:
            output, talk = process.communicate(timeout=900)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        self.assertEqual(process.returncode, code,
                         f"ebjr {' '.join(map(repr, arguments))}\n{decode(talk)}")
        return subprocess.CompletedProcess(arguments, code, decode(output), decode(talk))

    def refuse(self, *words, arguments, code=1, **options):
        """One line on stderr that says all of `words`; nothing of a result on stdout."""
        process = self.ebjr(*arguments, code=code, **options)
        lines = process.stderr.splitlines()
        self.assertEqual(len(lines), 1, process.stderr)
        self.assertTrue(lines[0].startswith("ebjr"), lines[0])
        for word in words:
            self.assertIn(word, lines[0])
        return lines[0]

    def json(self, *arguments, **options):
        return json.loads(self.ebjr(*arguments, "--format", "json", **options).stdout)

    def csv(self, *arguments, **options):
        text = self.ebjr(*arguments, "--format", "csv", **options).stdout
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def query(self, sql, *values, db=None):
        connection = sqlite3.connect(db or self.db)
        try:
            with connection:
                return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def stored_logits(self, run=1):
        blobs = self.query("SELECT logits FROM output WHERE run_id = ? ORDER BY idx", run)
        return np.array([np.frombuffer(blob, "<f4") for blob, in blobs])

    def contents(self, db=None):
        """Everything a store holds but times, seals, and how rows were cut into chunks."""
        queries = {
            "model": "SELECT id, name, kind, sha256, path, bytes, parameters FROM model",
            "dataset": "SELECT id, name, kind, sha256, path, bytes, samples, shape FROM dataset",
            "sample": "SELECT * FROM sample ORDER BY dataset_id, idx",
            "image": "SELECT * FROM image ORDER BY dataset_id, idx",
            "object": "SELECT * FROM object ORDER BY dataset_id, idx, place",
            "run": "SELECT id, model_id, dataset_id, preprocessing, dtype, classes, samples, done,"
                   " flops, flops_mac2, flops_source, uncounted, uncounted_mac2, device, plan,"
                   " library, host, program, finished <> '' FROM run",
            "output": "SELECT * FROM output ORDER BY run_id, idx",
            "detection": "SELECT * FROM detection ORDER BY run_id, idx, place",
            "chunks": "SELECT run_id, sum(count) FROM chunk GROUP BY run_id",
        }
        return {table: self.query(sql, db=db) for table, sql in queries.items()}

    def verify(self, db=None):
        self.ebjr("verify", "--db", db or self.db)

    def save(self, name, array):
        np.save(self.path(name), array)
        return self.path(name)

    def import_logits(self, name, logits, labels, *arguments, **options):
        """Import two arrays by way of .npy files."""
        return self.ebjr("import", "--db", self.db, "--name", name,
                         "--logits", self.save(f"logits{next(self.numbers)}.npy", logits),
                         "--labels", self.save("labels.npy", labels), *arguments, **options)


def as_argument(value):
    return value if isinstance(value, (str, bytes)) else os.fspath(value)


def decode(data):
    return data.decode("utf-8", "backslashreplace")


def options_in(help_text):
    """What the lists of a --help name, in their order: paragraphs such as "Options:\\n  --db FILE"."""
    lists = re.findall(r"^[A-Z][A-Za-z ]*:\n  --(?:.+\n)+", help_text, re.M)
    return re.findall(r"^  (--\S+)", "".join(lists), re.M)


def random_logits(seed, samples, classes, labels, skill):
    """float32 logits that favour the label by about `skill`, with a few ties."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(scale=2, size=(samples, classes))
    logits[np.arange(samples), labels] += skill * generator.random(samples)
    logits[::7] = np.round(logits[::7])
    return logits.astype(np.float32)


# Cascades by numpy, in float64 from float32 logits: the textbook's formulas.

def logsumexp(z):
    highest = z.max(axis=1, keepdims=True)
    return highest[:, 0] + np.log(np.exp(z - highest).sum(axis=1))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def top_two_gap(x):
    top = np.sort(x, axis=1)
    return top[:, -1] - top[:, -2]


def entropy(p):
    return np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(axis=1)


def pnorm(z, p):
    centred = z - z.mean(axis=1, keepdims=True)
    return centred.max(axis=1) / np.linalg.norm(centred, ord=p, axis=1)


def score_of(name, logits, temperature=1.0, p=4.0):
    z = logits.astype(np.float64)
    q = softmax(z / temperature)
    return {
        "energy": lambda: temperature * logsumexp(z / temperature),
        "softmax-energy": lambda: logsumexp(q),
        "msp": lambda: q.max(axis=1),
        "margin": lambda: top_two_gap(q),
        "logit-margin": lambda: top_two_gap(z),
        "max-logit": lambda: z.max(axis=1),
        "entropy": lambda: entropy(q),
        "gini": lambda: (q ** 2).sum(axis=1),
        "pnorm": lambda: pnorm(z, p),
    }[name]()


LOGIT_SCORES = ("energy", "softmax-energy", "msp", "margin", "logit-margin", "max-logit",
                "entropy", "gini", "pnorm")


def predictions(logits):
    return logits.argmax(axis=1)


def top5(logits, labels):
    """Whether the label is among the five first of a stable sort."""
    order = np.argsort(-logits, axis=1, kind="stable")[:, :5]
    return (order == labels[:, None]).any(axis=1)
