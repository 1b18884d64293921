"""AOTInductor packages as models, against PyTorch eager. PyTorch compiles one for all tests."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

import numpy as np

from support import SOURCE, predictions, skip_file
from test_run import CLASSES, NORMALISE, SHAPE, RunTest, net, normalised, torch

try:
    from torch._inductor import aoti_compile_and_package
except ImportError:
    skip_file(f"PyTorch {torch.__version__} compiles no packages; 2.6 or newer does")
if not shutil.which("g++"):
    skip_file("no C++ compiler to compile packages with")

INPUT = "x".join(map(str, SHAPE))
FACTORY = """\
import sys
sys.path.insert(0, {tests!r})
from test_run import net
"""


def compile_once():
    """export.py's package and TorchScript of the same model, and that model."""
    directory = Path(tempfile.mkdtemp(prefix="ebjr-test-"))
    unittest.addModuleCleanup(shutil.rmtree, directory, ignore_errors=True)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(directory / "cache")
    (directory / "nets.py").write_text(FACTORY.format(tests=str(SOURCE / "tests")))
    for name in ("m.pt2", "m.pt"):
        method = "compile" if name.endswith("2") else "script"
        subprocess.run([sys.executable, "-B", SOURCE / "examples" / "export.py", "--arch",
                        "nets:net", "--input", INPUT, "--method", method, "--out", name],
                       cwd=directory, check=True, stdout=subprocess.DEVNULL)
    return directory


def setUpModule():
    global made
    made = compile_once()


class Packages(RunTest):
    def setUp(self):
        super().setUp()
        for name in ("m.pt2", "m.pt"):
            shutil.copy(made / name, self.directory)
        with torch.no_grad():
            self.expected = net().eval()(normalised(self.images)).numpy()

    def with_metadata(self, name, **changes):
        """A copy of the package whose metadata are changed, or where None lack an entry."""
        with zipfile.ZipFile(made / "m.pt2") as old, zipfile.ZipFile(self.path(name), "w") as new:
            for record in old.namelist():
                content = old.read(record)
                if record.endswith("_metadata.json"):
                    entries = json.loads(content) | changes
                    content = json.dumps({key: value for key, value in entries.items()
                                          if value is not None})
                new.writestr(record, content)
        return name

    def refused(self, model, *words, options=(), code=1):
        self.refuse(*words, arguments=(*self.command(model), *NORMALISE, *options, "--quiet"),
                    code=code)

    def test_same_logits_as_eager(self):
        for batch, threads in (("1", "1"), ("7", "2"), ("64", "1"), ("1000", "2"), ("auto", "1")):
            with self.subTest(batch=batch, threads=threads):
                self.db = self.path(f"{batch}.db")
                self.run_models("m.pt2", options=(*NORMALISE, "--batch", batch,
                                                  "--threads", threads))
                np.testing.assert_allclose(self.stored_logits(), self.expected, rtol=0,
                                           atol=1e-4 * np.abs(self.expected).max())
                self.verify()
        kind, sha256, parameters = self.query("SELECT kind, sha256, parameters FROM model")[0]
        self.assertEqual((kind, parameters), ("aotinductor", None))
        self.assertEqual(sha256, hashlib.sha256((made / "m.pt2").read_bytes()).hexdigest())

    def test_a_cascade_from_run_to_answers(self):
        self.script("large.pt", net(2))
        self.run_models("small=m.pt2", "large.pt", options=(*NORMALISE, "--flops", "small=1M"))
        rows = self.csv("sweep", "--db", self.db, "--student", "small", "--teacher", "large",
                        "--score", "msp")
        self.assertGreater(len(rows), self.SAMPLES // 2)
        shares = [float(row["student_share"]) for row in rows]
        self.assertEqual((min(shares), max(shares)), (0, 1))
        self.ebjr("pick", "--db", self.db, "--student", "small", "--teacher", "large", "--plain",
                  "--score", "msp", "--max-teacher-rate", "0.5", "--out", "policy.json")
        here = ("--policy", "policy.json", "--db", self.db)
        answers = self.csv("infer", *here, *self.dataset)
        small, large = (predictions(self.stored_logits(run)) for run in (1, 2))
        for row, first, second in zip(answers, small, large, strict=True):
            self.assertEqual(int(row["prediction"]), second if int(row["stage"]) else first)
        self.assertEqual({row["stage"] for row in answers}, {"0", "1"})
        self.refuse("AOTInductor package", "TorchScript",
                    arguments=("export", *here, "--out", "cascade.pt"))

    def test_flops(self):
        cost = lambda: self.query("SELECT flops, flops_mac2, flops_source, depth FROM run")[0]
        said = self.run_models("m.pt2", options=NORMALISE).stderr
        self.assertIn("--flops 'm'=N", said)
        self.assertEqual(cost(), (None, None, "unknown", None))
        self.run_models("m.pt2", options=(*NORMALISE, "--flops", "m=1.5M"))
        self.assertEqual(cost(), (1500000, 1500000, "given", None))
        self.run_models("m.pt2", options=(*NORMALISE, "--flops", "m=m.pt"))
        counted, self.db = cost(), self.path("sibling.db")
        self.run_models("m.pt", options=NORMALISE)
        self.assertEqual(counted, cost())
        self.assertEqual(counted[2], "counted")
        self.db = self.path("first.db")
        self.run_models("m.pt2", options=(*NORMALISE, "--flops", "m=m.pt"))
        self.assertEqual(counted, cost())
        parameters = sum(weight.numel() for weight in net().parameters())
        self.assertEqual(self.query("SELECT parameters FROM model"), [(parameters,)])
        self.refused("m.pt2", "TorchScript", options=("--flops", "m=m.pt2"))
        for flops, word in (("other=1M", "--model"), ("m=many", "neither"), ("m=-1", "figure"),
                            ("1M", "NAME=N")):
            self.refused("m.pt2", word, options=("--flops", flops), code=2)

    def test_plans(self):
        rows = self.json("plan", *self.dataset, *NORMALISE, "--model", "m.pt2")
        self.assertEqual({row["plan"] for row in rows}, {"as-loaded"})
        self.assertEqual(sum(row["chosen"] for row in rows), 1)
        for word, options in (("as-loaded", ("--plan", "frozen")),
                              ("no layers", ("--plan", "direct")),
                              ("bfloat16", ("--plan", "as-loaded", "--dtype", "bfloat16"))):
            self.refused("m.pt2", word, options=options, code=2)

    def test_inputs_that_it_was_not_compiled_for(self):
        for shape, word in (("Nx3x8x9", "3 x 8 x 9"), ("4x3x8x8", "batches of 4 only"),
                            (None, "does not say"), ("3x8", "batches of 3"), ("N", "'N'"),
                            ("Nx3x8x8x1", "'Nx3x8x8x1'")):
            with self.subTest(shape=shape):
                self.refused(self.with_metadata("other.pt2", ebjr_input=shape), word)
        self.refused(self.with_metadata("other.pt2", AOTI_DEVICE_KEY="cuda"), "cuda")

    def test_by_hand(self):
        """Of what PyTorch offers itself: a batch that is not dynamic is told from one that is."""
        options = {"aot_inductor.metadata": {"ebjr_input": "2x3x8x8"}}
        fixed = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, CLASSES)).eval()
        with torch.no_grad():
            program = torch.export.export(fixed, (torch.zeros(2, *SHAPE),))
            aoti_compile_and_package(program, package_path=str(self.path("fixed.pt2")),
                                     inductor_configs=options)
        self.refused("fixed.pt2", "batches of 2 only")


if __name__ == "__main__":
    unittest.main()
