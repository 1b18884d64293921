"""Pictures of CIFAR-10 as PNG, JPEG and enlarged, through the published student: against the binary
data set, and against torchvision's transforms with PyTorch's answers."""

import os
import subprocess
import sys
import unittest

import numpy as np

from support import DATA, SOURCE, ProgramTest, skip_file

IMAGES = DATA / "cifar-10-batches-bin" / "test_batch.bin"
CHECKPOINT = DATA / "ebjr-checkpoints" / "cifar10-densenet-bc-52-6.pth.tar"
SAMPLES = int(os.environ.get("EBJR_PICTURES", "2000"))
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
NORMALISE = ("--mean", ",".join(map(str, MEAN)), "--std", ",".join(map(str, STD)))
LARGE = 224

if not IMAGES.exists() or not CHECKPOINT.exists():
    skip_file(f"no CIFAR-10 or no checkpoints in {DATA}")
try:
    import torch
    from PIL import Image
    from torchvision import datasets, transforms
except ImportError:
    skip_file("Python has no torch, torchvision and Pillow")


class RealPictures(ProgramTest):
    @classmethod
    def setUpClass(cls):
        """The first pictures of the test set in folders, as a list, and enlarged."""
        cls.kept = cls("test_pixels")
        cls.addClassCleanup(cls.kept.doCleanups)
        ProgramTest.setUp(cls.kept)
        cls.kept.write_pictures()

    def write_pictures(self):
        records = np.fromfile(IMAGES, np.uint8).reshape(-1, 3073)[:SAMPLES]
        lines = ["path,label"]
        for i, record in enumerate(records):
            image = Image.fromarray(record[1:].reshape(3, 32, 32).transpose(1, 2, 0))
            folder = self.path("large") / str(record[0])
            folder.mkdir(parents=True, exist_ok=True)
            self.path("small").mkdir(exist_ok=True)
            image.save(self.path(f"small/{i}.png"))
            image.resize((LARGE + i % 3, LARGE), Image.BICUBIC).save(folder / f"{i}.jpg", quality=95)
            lines.append(f"small/{i}.png,{record[0]}")
        self.path("list.csv").write_text("\n".join(lines) + "\n")
        np.save(self.path("x.npy"), records[:, 1:].reshape(-1, 3, 32, 32))
        np.save(self.path("y.npy"), records[:, 0])
        subprocess.run([sys.executable, "-B", SOURCE / "examples" / "export.py", "--arch",
                        "densenet-bc", "--depth", "52", "--growth-rate", "6", "--classes", "10",
                        "--checkpoint", CHECKPOINT, "--out", self.path("student.pt")],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def run_student(self, db, spec, *options):
        return self.json("run", "--db", db, "--dataset", spec, "--model",
                         self.kept.path("student.pt"), "--plan", "as-loaded", "--batch", "100",
                         *NORMALISE, *options)

    def logits(self, db):
        blobs = self.query("SELECT logits FROM output ORDER BY idx", db=db)
        return np.array([np.frombuffer(blob, "<f4") for blob, in blobs])

    def test_pixels(self):
        at = self.kept.path
        self.run_student(self.path("a.db"), f"images:{at('list.csv')}")
        self.run_student(self.path("b.db"), f"npy:{at('x.npy')}", "--labels", at("y.npy"),
                         "--layout", "nchw")
        np.testing.assert_array_equal(self.logits(self.path("a.db")),
                                      self.logits(self.path("b.db")))

    def test_answers(self):
        row, = self.run_student(self.path("large.db"), f"images:{self.kept.path('large')}",
                                "--resize", "32", "--crop", "32")
        found = self.logits(self.path("large.db"))
        folder = datasets.ImageFolder(self.kept.path("large"), transforms.Compose([
            transforms.Resize(32), transforms.CenterCrop(32), transforms.ToTensor(),
            transforms.Normalize(MEAN, STD)]))
        model = torch.jit.load(str(self.kept.path("student.pt")))
        with torch.inference_mode():
            expected = torch.cat([model(torch.stack([folder[i][0] for i in range(at, min(
                at + 100, SAMPLES))])) for at in range(0, SAMPLES, 100)]).numpy()
        agreement = (found.argmax(axis=1) == expected.argmax(axis=1)).mean()
        accuracy = (found.argmax(axis=1) == folder.targets).mean()
        print(f"{SAMPLES} pictures: agreement {agreement:.4%}, largest difference of logits "
              f"{np.abs(found - expected).max():.2g}, accuracy {accuracy:.2%}, waited "
              f"{row['waited']:.1%}", file=sys.stderr)
        self.assertGreaterEqual(agreement, 0.995)
        self.assertGreater(accuracy, 0.85)


if __name__ == "__main__":
    unittest.main()
