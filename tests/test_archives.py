"""What a model's file says of itself: archives of other PyTorch versions, and what is no model."""

import unittest
import zipfile

import numpy as np
from support import SOURCE
from test_run import CLASSES, NORMALISE, RunTest, net, normalised, torch

MODELS = SOURCE / "tests" / "models"  # written by PyTorch 2.6.0
VERSION = tuple(int(number) for number in torch.__version__.split(".")[:2])
LIBTORCH = "libtorch {}.{}".format(*VERSION)


class Archives(RunTest):
    SAMPLES = 20

    def rewrite(self, name, source, change):
        """A copy of an archive with every record through change(name, bytes)."""
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(self.path(name), "w") as new:
            for record in old.namelist():
                new.writestr(record, change(record, old.read(record)))
        return name

    def archive(self, name, **records):
        with zipfile.ZipFile(self.path(name), "w") as file:
            for record, content in records.items():
                file.writestr(record, content)
        return name

    def refused(self, model, *words):
        line = self.refuse(str(model), *words, arguments=(*self.command(model), "--quiet",
                                                          "--format", "csv"))
        self.assertEqual(self.query("SELECT count(*) FROM run"), [(0,)])
        return line

    def test_a_newer_pytorch_with_old_operators(self):
        self.run_models(MODELS / "plain.pt", options=NORMALISE)
        with zipfile.ZipFile(MODELS / "plain.pt") as archive:
            read = lambda number, *shape: torch.frombuffer(
                bytearray(archive.read(f"plain/data/{number}")), dtype=torch.float32).view(shape)
            weights = read(0, 4, 3, 3, 3), read(1, 4), read(2, CLASSES, 36), read(3, CLASSES)
        x = torch.nn.functional.conv2d(normalised(self.images), *weights[:2], stride=2)
        expected = x.relu().flatten(1) @ weights[2].T + weights[3]
        np.testing.assert_allclose(self.stored_logits(), expected.numpy(), rtol=0, atol=1e-4)

    def test_a_newer_pytorch_with_new_operators(self):
        if VERSION >= (2, 0):
            self.run_models(MODELS / "attention.pt", options=NORMALISE)
            x = normalised(self.images).flatten(2)
            p = torch.softmax(x @ x.transpose(1, 2) / x.shape[2] ** 0.5, 2)
            np.testing.assert_allclose(self.stored_logits(), (p @ x).sum(1)[:, :CLASSES].numpy(),
                                       rtol=0, atol=1e-4)
        else:
            self.refused(MODELS / "attention.pt", "aten::scaled_dot_product_attention",
                         "PyTorch 2.1 or newer wrote it", LIBTORCH)

    def test_an_operator_that_nobody_has(self):
        unknown = lambda name, content: content.replace(b"torch.scaled_dot", b"torch.scoled_dot")
        name = self.rewrite("m.pt", MODELS / "attention.pt", unknown)
        self.refused(name, "scoled_dot", "PyTorch 2.1 or newer wrote it", LIBTORCH)

    def test_an_archive_that_names_its_pytorch(self):
        guess = ("PyTorch 2.1 or newer wrote it",) if VERSION >= (2, 1) else ()
        for version, words in (("9.4.0+cu999", ("PyTorch 9.4 wrote it", LIBTORCH)), ("1.8.1", ()),
                               ("nine", guess), ("", guess)):
            with self.subTest(version=version):
                unknown = net()
                unknown.register_buffer("added", torch.zeros(1))
                torch.jit.script(unknown.eval()).save(str(self.path("named.pt")),
                                                      _extra_files={"pytorch": version})
                name = self.rewrite("m.pt", self.path("named.pt"), lambda record, content: (
                    content.replace(b"torch.flatten", b"torch.flotten")))
                line = self.refused(name, "flotten", *words)
                self.assertEqual("wrote it" in line, bool(words), line)

    def test_a_newer_file_format(self):
        newer = lambda name, content: b"99\n" if name.endswith("/version") else content
        name = self.rewrite("m.pt", MODELS / "plain.pt", newer)
        self.refused(name, "file format 99", LIBTORCH, "newer libtorch")

    def test_what_is_no_torchscript(self):
        torch.save(net().state_dict(), self.path("weights.pt"))
        self.refused("weights.pt", "checkpoint of weights", "examples/export.py")
        for name, record in (("old.pt2", "serialized_exported_program.json"),
                             ("new.pt2", "m/archive_format")):
            self.refused(self.archive(name, **{record: "pt2"}), "nobody has compiled")
        self.refused(self.archive("other.pt", readme="nothing"), "not a TorchScript model")
        self.path("text.pt").write_text("PK but no archive")
        self.refused("text.pt", "not a TorchScript model")

    def test_packages(self):
        name = self.archive("m.pt2", archive_format="pt2",
                            **{"data/aotinductor/model/model.so": "no library"})
        if VERSION < (2, 6):
            self.refused(name, "AOTInductor package", LIBTORCH, "2.6 or newer is needed")
        else:
            self.refused(name, "loading an AOTInductor package", torch.__version__.split("+")[0])


if __name__ == "__main__":
    unittest.main()
