"""The published cascade on CIFAR-10, from the checkpoints and the images to the last digit.

Akbari, Banitalebi-Dehkordi and Zhang, EBJR (BMVC 2021): DenseNet-BC 52/6 as student, 64/12 as
teacher, softmax-energy at 2.46. Accuracies and FLOPs are those of the released script.
"""

import subprocess
import sys
import unittest

import numpy as np

from support import DATA, SOURCE, ProgramTest, logsumexp, skip_file, softmax

IMAGES = DATA / "cifar-10-batches-bin"
CHECKPOINTS = DATA / "ebjr-checkpoints"
SAMPLES = 10_000
ONE = 1 / SAMPLES
STUDENT_FLOPS, TEACHER_FLOPS = 54_754_784, 292_380_404

if not (IMAGES / "test_batch.bin").exists() or not CHECKPOINTS.exists():
    skip_file(f"no CIFAR-10 or no checkpoints in {DATA}")
try:
    import torch
except ImportError:
    skip_file("Python has no torch")


class Golden(ProgramTest):
    @classmethod
    def setUpClass(cls):
        """Both models once over the test set."""
        cls.original = cls("test_store")
        cls.addClassCleanup(cls.original.doCleanups)
        ProgramTest.setUp(cls.original)
        cls.original.export("student.pt", 52, 6, 10)
        cls.original.export("teacher.pt", 64, 12, 10)
        cls.original.run_pair("as-loaded")

    def run_pair(self, plan):
        self.ebjr("run", "--db", self.db, "--dataset", f"cifar10:{IMAGES}", "--plan", plan,
                  "--mean", "0.4914,0.4822,0.4465", "--std", "0.2023,0.1994,0.2010",
                  "--model", "student.pt", "--model", "teacher.pt")

    def setUp(self):
        super().setUp()
        self.db = self.original.db

    def export(self, name, depth, growth, classes):
        """From the checkpoint where there is one, else with fresh weights."""
        checkpoint = CHECKPOINTS / f"cifar{classes}-densenet-bc-{depth}-{growth}.pth.tar"
        subprocess.run(
            [sys.executable, "-B", SOURCE / "examples" / "export.py", "--arch", "densenet-bc",
             "--depth", str(depth), "--growth-rate", str(growth), "--classes", str(classes),
             *(["--checkpoint", checkpoint] if checkpoint.exists() else []),
             "--out", self.path(name)],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def eval(self, *options):
        return self.json("eval", "--db", self.db, "--student", "student", "--teacher", "teacher",
                         "--score", "softmax-energy", "--threshold", "2.46", *options)

    def test_the_published_operating_point(self):
        report = self.eval()
        self.assertEqual(report["n"], SAMPLES)
        for field, value in (("student_share", 0.7203), ("teacher_rate", 1 - 0.7203),
                             ("accuracy", 0.9477), ("student_accuracy", 0.9180),
                             ("teacher_accuracy", 0.9476)):
            self.assertLessEqual(abs(report[field] - value), 1.0001 * ONE, field)

    def test_direct_execution_gives_the_same_answers(self):
        loaded = [self.stored_logits(run) for run in (1, 2)]
        self.directory, self.db = self.original.directory, self.path("direct.db")
        self.run_pair("direct")
        for run, expected in enumerate(loaded, 1):
            logits = self.stored_logits(run)
            np.testing.assert_array_equal(logits.argmax(axis=1), expected.argmax(axis=1))
            self.assertLess(np.abs(logits - expected).max(), 1e-5 * np.abs(expected).max())
        self.test_the_published_operating_point()

    def test_the_published_flops(self):
        report = self.eval()
        self.assertEqual(report["student_flops"], STUDENT_FLOPS)
        self.assertEqual(report["teacher_flops"], TEACHER_FLOPS)
        self.assertEqual(self.query("SELECT depth FROM runs ORDER BY run"), [(52,), (64,)])
        self.assertAlmostEqual(report["flops"],
                               STUDENT_FLOPS + report["teacher_rate"] * TEACHER_FLOPS, delta=1)
        student, teacher = self.json("ls", "--db", self.db)
        self.assertEqual((student["parameters"], teacher["parameters"]), (68_704, 368_122))
        self.assertEqual((student["uncounted"], teacher["uncounted"]), ("", ""))

    def test_float32_routes_as_the_script_did(self):
        self.assertEqual(round(self.eval("--precision", "float32")["student_share"] * SAMPLES),
                         7203)

    def test_store(self):
        """Labels are the file's, the share is numpy's, and everything verifies."""
        labels = np.fromfile(IMAGES / "test_batch.bin", np.uint8).reshape(SAMPLES, -1)[:, 0]
        stored = self.query("SELECT label FROM sample ORDER BY idx")
        np.testing.assert_array_equal(np.array(stored)[:, 0], labels)
        logits = self.stored_logits(1)
        score = logsumexp(softmax(logits.astype(np.float64)))
        self.assertEqual(self.eval()["student_share"], (score >= 2.46).mean())
        self.assertEqual(self.eval()["student_accuracy"],
                         (logits.argmax(axis=1) == labels).mean())
        self.verify()

    def test_logits_are_those_of_pytorch(self):
        """The first 200 images, through the exported student in Python."""
        records = np.fromfile(IMAGES / "test_batch.bin", np.uint8,
                              200 * 3073).reshape(200, 3073)[:, 1:]
        column = lambda *values: torch.tensor(values)[:, None, None]
        inputs = torch.from_numpy(records.reshape(200, 3, 32, 32)).to(torch.float32).div(255)
        inputs = inputs.sub(column(0.4914, 0.4822, 0.4465)).div(column(0.2023, 0.1994, 0.2010))
        with torch.no_grad():
            expected = torch.jit.load(str(self.original.path("student.pt"))).eval()(inputs)
        np.testing.assert_allclose(self.stored_logits(1)[:200], expected.numpy(), rtol=1e-4,
                                   atol=2e-4)

    def test_the_published_flops_with_100_classes(self):
        """Fresh weights; what a model costs does not depend on them."""
        self.export("a.pt", 58, 6, 100)
        self.export("b.pt", 88, 8, 100)
        self.save("x.npy", np.zeros((1, 3, 32, 32), np.uint8))
        self.save("y.npy", np.zeros(1, np.int64))
        self.ebjr("run", "--db", "fresh.db", "--dataset", "npy:x.npy", "--labels", "y.npy",
                  "--layout", "nchw", "--model", "a.pt", "--model", "b.pt")
        runs = self.json("ls", "--db", "fresh.db")
        self.assertEqual([(run["flops"], run["parameters"]) for run in runs],
                         [(64_281_872, 90_271), (214_001_928, 298_900)])


if __name__ == "__main__":
    unittest.main()
