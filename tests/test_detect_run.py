"""Detectors over a COCO data set: what they find is what PyTorch finds in the same pictures, whatever
form they return it in; what is none is named, with its image."""

import glob
import json
import os
import random
import signal
import time
import unittest
from typing import Dict, List, Optional, Tuple

import numpy as np

from support import ProgramTest, skip_file

try:
    import torch
    from PIL import Image
    from torch import Tensor, nn
    from torch.nn import functional as F
except ImportError:
    skip_file("Python has no torch, or no Pillow")
try:
    import torchvision
except ImportError:
    torchvision = None

torch.set_num_threads(1)
CATEGORIES = {1: "thing", 3: "other thing", 4: "third thing"}
THREADS = ("--threads", "1")


class Core(nn.Module):
    """Cells of a grid, the best of them first, as many as the width says; none where it is 7n."""

    def __init__(self, classes: int = 5):
        super().__init__()
        self.conv = nn.Conv2d(3, classes, 5, stride=4, padding=2)

    def forward(self, image: Tensor) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
        cells = self.conv(image[None])[0]
        columns = cells.shape[2]
        logits = 8 * cells.flatten(1).t()
        scores, labels = logits.softmax(1).max(1)
        scores, order = scores.topk(image.shape[2] % 7)
        x, y = (order % columns).float(), torch.div(order, columns, rounding_mode="floor").float()
        sides = 1 + 5 * scores
        boxes = torch.stack([4 * x, 4 * y, 4 * x + sides, 4 * y + sides / 3], dim=1)
        return boxes, labels[order], scores, logits[order]


class Detector(nn.Module):
    """As torchvision's: a list of images to a list of dictionaries."""

    def __init__(self, seed=1, classes=5):
        super().__init__()
        torch.manual_seed(seed)
        self.core = Core(classes)


class Dictionaries(Detector):
    def forward(self, images: List[Tensor]) -> List[Dict[str, Tensor]]:
        found: List[Dict[str, Tensor]] = []
        for image in images:
            boxes, labels, scores, _ = self.core(image)
            found.append({"boxes": boxes, "labels": labels, "scores": scores,
                          "masks": torch.zeros(boxes.shape[0], 1, 2, 2)})
        return found


class WithLosses(Detector):
    def forward(self, images: List[Tensor], targets: Optional[List[Dict[str, Tensor]]] = None
                ) -> Tuple[Dict[str, Tensor], List[Dict[str, Tensor]]]:
        losses: Dict[str, Tensor] = {}
        boxes, labels, scores, _ = self.core(images[0])
        return losses, [{"scores": scores, "labels": labels, "boxes": boxes}]


class Dictionary(Detector):
    def forward(self, images: List[Tensor]) -> Dict[str, Tensor]:
        boxes, labels, scores, _ = self.core(images[0])
        return {"labels": labels.int(), "boxes": boxes.double(), "scores": scores}


class Tuple3(Detector):
    def forward(self, images: List[Tensor]) -> Tuple[Tensor, Tensor, Tensor]:
        boxes, labels, scores, _ = self.core(images[0])
        return boxes, labels.short(), scores


class Tuple4(Detector):
    def forward(self, images: List[Tensor]) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.core(images[0])


class WithLogits(Detector):
    def forward(self, images: List[Tensor]) -> List[Dict[str, Tensor]]:
        boxes, labels, scores, logits = self.core(images[0])
        return [{"boxes": boxes, "labels": labels, "scores": scores, "logits": logits.double()}]


FORMS = (Dictionaries, WithLosses, Dictionary, Tuple3, Tuple4, WithLogits)


class DetectTest(ProgramTest):
    IMAGES = 12

    def setUp(self):
        super().setUp()
        generator = np.random.default_rng(3)
        self.path("pictures").mkdir()
        self.truth = {"images": [], "annotations": [], "categories": [
            {"id": k, "name": name} for k, name in CATEGORIES.items()]}
        for k in range(self.IMAGES):
            self.add_picture(k, generator)
        self.write_truth()

    def add_picture(self, k, generator):
        width, height = 21 + k, 40 - k  # of 7n: images 0 and 7
        pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        picture = Image.fromarray(pixels)
        file = f"{1000 - k}.{'png' if k % 2 else 'jpg'}"
        if k == 3:
            picture = picture.convert("L")
        elif k == 5:
            picture.putalpha(Image.fromarray(pixels[:, :, 0]))
        picture.save(self.path("pictures") / file, **({} if k % 2 else {"quality": 90}))
        self.truth["images"].append({"id": 1000 - k, "file_name": file, "width": width,
                                     "height": height})
        self.truth["annotations"].append({"id": k, "image_id": 1000 - k, "category_id": 3,
                                          "bbox": [1, 2, 5, 6], "area": 30, "iscrowd": 0})

    def write_truth(self):
        self.path("truth.json").write_text(json.dumps(self.truth))

    def script(self, name, model):
        torch.jit.script(model.eval()).save(str(self.path(name)))
        return name

    def command(self, *models, db=None):
        named = [word for model in models for word in ("--model", model)]
        return ("run", "--db", db or self.db, "--dataset", "coco:truth.json", "--images",
                "pictures", *named)

    def run_models(self, *models, options=(), **kept):
        return self.ebjr(*self.command(*models), *THREADS, *options, **kept)

    def in_order(self):
        return sorted(self.truth["images"], key=lambda image: image["id"])

    def tensor(self, image):
        pixels = np.array(Image.open(self.path("pictures") / image["file_name"]).convert("RGB"))
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous().to(torch.float32).div(255)

    @torch.no_grad()
    def expected(self, name):
        """(number, boxes, labels, scores, logits) of each image, by PyTorch from the file."""
        model = torch.jit.load(str(self.path(name))).eval()
        return [(image["id"], *as_arrays(model([self.tensor(image)])))
                for image in self.in_order()]

    def assert_found(self, name, run=1, exact=True):
        rows, logits = [], []
        for number, boxes, labels, scores, z in self.expected(name):
            sizes = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
            rows += [(number, *row) for row in np.column_stack([labels, sizes, scores])]
            logits += [] if z is None else list(z)
        stored = self.query("SELECT number, category, x, y, width, height, score, logits"
                            " FROM detections WHERE run = ? ORDER BY idx, place", run)
        compare = np.testing.assert_array_equal if exact else close
        compare(np.array([row[:7] for row in stored]), np.array(rows))
        blobs = [blob for *_, blob in stored]
        if logits:
            compare(np.array([np.frombuffer(blob, "<f4") for blob in blobs]), np.array(logits))
        else:
            self.assertEqual(set(blobs), {None})
        return len(rows)

    def contents(self, db=None):
        tables = ("class_name", "image", "object", "detection")
        return {**super().contents(db),
                **{table: self.query(f"SELECT * FROM {table} ORDER BY 1, 2, 3", db=db)
                   for table in tables}}


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


def as_arrays(output):
    """Boxes, labels, scores in double, and logits or None, out of any form."""
    if isinstance(output, tuple) and len(output) == 2:
        output = output[1]
    if isinstance(output, list):
        output, = output
    if isinstance(output, tuple):
        output = dict(zip(("boxes", "labels", "scores", "logits"), output))
    logits = output.get("logits")
    return (*(output[key].double().numpy() for key in ("boxes", "labels", "scores")),
            None if logits is None else logits.float().numpy())


class Found(DetectTest):
    def test_every_form(self):
        """On images of several sizes, modes and files, of which two show nothing, the first too."""
        names = [self.script(f"{form.__name__}.pt", form(seed)) for seed, form in enumerate(FORMS)]
        self.run_models(*names)
        for run, name in enumerate(names, 1):
            with self.subTest(name):
                self.assertGreater(self.assert_found(name, run), 20)
        self.assertEqual(self.query("SELECT classes FROM run ORDER BY id"),
                         [(0,), (0,), (0,), (0,), (5,), (5,)])
        self.assertEqual(self.query("SELECT DISTINCT plan, device, dtype, samples, done FROM run"),
                         [("as-loaded, float32, batch 1, 1 thread", "cpu", "float32", self.IMAGES,
                           self.IMAGES)])
        weights = sum(tensor.numel() for tensor in Core().parameters())
        self.assertEqual(self.query("SELECT DISTINCT kind, parameters FROM model"),
                         [("torchscript", weights)])
        self.assertEqual(self.query("SELECT label, name FROM class_name"), list(CATEGORIES.items()))
        self.verify()

    def test_frozen(self):
        self.script("m.pt", WithLogits())
        self.run_models("m.pt", options=("--plan", "frozen"))
        self.assert_found("m.pt", exact=False)
        torch.jit.freeze(torch.jit.load(str(self.path("m.pt"))).eval()).save(
            str(self.path("frozen.pt")))
        self.run_models("frozen.pt")
        self.assert_found("frozen.pt", run=2)
        self.assertEqual(self.query("SELECT DISTINCT parameters FROM model"),
                         [(sum(tensor.numel() for tensor in Core().parameters()),)])

    def test_same_as_an_import(self):
        """What a run stores is what COCO's results file of the same detections brings."""
        self.script("m.pt", WithLogits())
        self.run_models("m.pt")
        results = [{"image_id": number, "category_id": int(label), "score": score, "logits":
                    [float(z) for z in logits],
                    "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]]}
                   for number, *found in self.expected("m.pt")
                   for box, label, score, logits in zip(*found)]
        self.path("results.json").write_text(json.dumps(results))
        self.ebjr("import", "--task", "detection", "--db", self.db, "--name", "imported",
                  "--truth", "truth.json", "--detections", "results.json")
        rows = [self.query("SELECT idx, place, category, x, y, width, height, score, logits FROM"
                           " detection WHERE run_id = ?", run) for run in (1, 2)]
        self.assertEqual(*rows)
        self.assertEqual(self.query("SELECT count(*) FROM dataset"), [(1,)])
        self.verify()

    def test_shards_are_merged(self):
        self.script("m.pt", WithLogits())
        self.run_models("m.pt", options=("--flops", "m=2M"))
        for k in range(3):
            self.ebjr(*self.command("m.pt", db="shard{rank}.db"), "--shard", f"{k}/3", *THREADS,
                      "--flops", "m=2M")
        self.ebjr("merge", "--db", "merged.db", *(f"shard{k}.db" for k in range(3)))
        self.assertEqual(self.contents(self.path("merged.db")), self.contents())
        self.verify("merged.db")

    def test_flops_are_told(self):
        self.script("a.pt", Tuple3(1))
        self.script("b.pt", Tuple3(2))
        process = self.run_models("a.pt", "b.pt", options=("--flops", "b=1.5G"))
        self.assertIn("--flops 'a'=N", process.stderr)
        self.assertNotIn("--flops 'b'=N", process.stderr)
        flops = "SELECT flops, flops_mac2, flops_source FROM run ORDER BY id"
        self.assertEqual(self.query(flops), [(None, None, "unknown"), (1500000000,) * 2 + ("given",)])
        process = self.run_models("a.pt", "b.pt", options=("--flops", "a=7"))
        self.assertEqual(process.stderr.count("nothing to do"), 2)
        self.assertEqual(self.query(flops)[0], (7, 7, "given"))
        self.verify()
        for word in ("c=1", "1G", "a=", "a=much", "a=-1"):
            self.refuse("--flops", code=2, arguments=(*self.command("a.pt", "b.pt"), "--flops", word))


class Sensitive(Detector):
    """Goes wrong on pictures 26 wide, of which there is one: 995.png."""

    def __init__(self, wrong: str):
        super().__init__()
        self.wrong = wrong

    def forward(self, images: List[Tensor]) -> List[Dict[str, Tensor]]:
        boxes, labels, scores, logits = self.core(images[0])
        if images[0].shape[2] == 26:
            if self.wrong == "raises":
                raise ValueError("twenty-six is too much")
            elif self.wrong == "box":
                boxes[2, 1] = float("nan")
            elif self.wrong == "order":
                boxes[2, 2] = boxes[2, 0] - 1
            elif self.wrong == "score":
                scores[2] = float("inf")
            elif self.wrong == "logit":
                logits[2, 3] = -float("inf")
            elif self.wrong == "negative":
                labels[2] = -1
            elif self.wrong == "label":
                labels[2] = 1 << 20
            elif self.wrong == "classes":
                logits = logits[:, :4]
            while self.wrong == "stuck":
                scores = scores * 1
        return [{"boxes": boxes, "labels": labels, "scores": scores, "logits": logits}]


class Form(nn.Module):
    """Returns some tensors under some names."""

    def __init__(self, boxes, labels, scores, logits=None):
        super().__init__()
        self.found = {"boxes": boxes, "labels": labels, "scores": scores}
        if logits is not None:
            self.found["logits"] = logits

    def forward(self, images: List[Tensor]) -> Dict[str, Tensor]:
        return self.found


class Misbehaves(DetectTest):
    def assert_refused(self, model, *words):
        """Before anything is stored of it, and in one line."""
        line = self.refuse(*words, arguments=(*self.command(self.script("bad.pt", model)), *THREADS))
        self.assertLess(len(line), 400)
        if self.db.exists():
            self.assertEqual(self.query("SELECT count(*) FROM run"), [(0,)])

    def test_tensors_that_do_not_fit(self):
        boxes, labels, scores = torch.ones(3, 4), torch.ones(3).long(), torch.ones(3)
        first = f"image {1000 - self.IMAGES + 1} ("
        for name, arguments, words in (
                ("rank", (boxes[0], labels, scores), ("boxes", "[4]")),
                ("five", (torch.ones(3, 5), labels, scores), ("boxes", "[3, 5]")),
                ("integers", (boxes.long(), labels, scores), ("boxes", "Long")),
                ("floats", (boxes, scores, scores), ("labels", "Float", "integers")),
                ("flags", (boxes, labels > 0, scores), ("labels", "Bool", "integers")),
                ("column", (boxes, labels[:, None], scores), ("labels", "[3, 1]")),
                ("labels", (boxes, labels[:2], scores), ("3 boxes", "2 labels")),
                ("scores", (boxes, labels, scores[:1]), ("3 boxes", "1 scores")),
                ("logits", (boxes, labels, scores, torch.ones(4, 2)), ("3 boxes", "4 logits")),
                ("flat", (boxes, labels, scores, scores), ("logits", "[3]")),
                ("none", (boxes, labels, scores, torch.ones(3, 0)), ("logits", "[3, 0]"))):
            with self.subTest(name):
                self.assert_refused(Form(*arguments), first, *words)

    def test_forms_that_are_none(self):
        class Batch(Detector):
            def forward(self, images: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
                return self.core(images[0])[:3]

        class OneTensor(Detector):
            def forward(self, images: List[Tensor]) -> Tensor:
                return self.core(images[0])[0]

        class Pair(Detector):
            def forward(self, images: List[Tensor]) -> Tuple[Tensor, Tensor]:
                return self.core(images[0])[:2]

        class Five(Detector):
            def forward(self, images: List[Tensor]):
                boxes, labels, scores, logits = self.core(images[0])
                return boxes, labels, scores, logits, logits

        class Two(Dictionary):
            def forward(self, images: List[Tensor]) -> List[Dict[str, Tensor]]:
                found: Dict[str, Tensor] = {}
                return [found, found]

        class Keyless(Detector):
            def forward(self, images: List[Tensor]) -> List[Dict[str, Tensor]]:
                boxes, labels, scores, logits = self.core(images[0])
                return [{"boxes": boxes, "labels": labels, "score": scores}]

        class Words(Detector):
            def forward(self, images: List[Tensor]) -> Dict[str, str]:
                return {"boxes": "none", "labels": "none", "scores": "none"}

        for model, words in ((Batch, ("Tensor", "List[Tensor]")), (OneTensor, ("Tensor", "boxes")),
                             (Pair, ("Tuple", "boxes")), (Five, ("tuple of 5", "boxes")),
                             (Two, ("list of 2", "one image")), (Keyless, ("scores", "dictionary")),
                             (Words, ("boxes", "str"))):
            with self.subTest(model.__name__):
                self.assert_refused(model(), "bad", *words)
        torch.save(Dictionary().state_dict(), self.path("weights.pt"))
        self.refuse("weights.pt", "TorchScript", arguments=self.command("weights.pt"))
        self.refuse("missing.pt", arguments=self.command("missing.pt"))

    def test_values_that_are_none(self):
        """The image is named, and those before it are kept."""
        for wrong, words in (("raises", ("twenty-six",)), ("box", ("detection 2", "nan")),
                             ("order", ("detection 2", "x1")), ("score", ("detection 2", "inf")),
                             ("logit", ("detection 2", "class 3", "inf")),
                             ("negative", ("detection 2", "label", "-1")),
                             ("label", ("detection 2", "label", "1048576")),
                             ("classes", ("4 logits", "5 before"))):
            with self.subTest(wrong):
                self.script(f"{wrong}.pt", Sensitive(wrong))
                process = self.ebjr(*self.command(f"{wrong}.pt"), *THREADS, code=1)
                for word in (wrong, "image 995 (995.png)", f"6 of {self.IMAGES} images", *words):
                    self.assertIn(word, process.stderr.splitlines()[-1])
                self.assertEqual(self.query("SELECT done FROM run ORDER BY id DESC LIMIT 1"), [(6,)])
        self.verify()

    def test_a_picture_on_which_it_never_returns(self):
        self.script("stuck.pt", Sensitive("stuck"))
        self.refuse("stuck", "no answer for 8 s", "images", "is kept",
                    arguments=(*self.command("stuck.pt"), *THREADS, "--timeout", "8s"))
        self.assertLess(self.query("SELECT coalesce(max(done), 0) FROM run")[0][0], 7)
        self.verify()

    def test_pictures_that_are_none(self):
        self.script("m.pt", Dictionaries())
        picture = self.path("pictures") / "995.png"
        whole = picture.read_bytes()
        picture.write_bytes(whole[:len(whole) // 2])
        process = self.ebjr(*self.command("m.pt"), *THREADS, code=1)
        self.assertIn("image 995 (995.png)", process.stderr.splitlines()[-1])
        self.assertIn(f"6 of {self.IMAGES} images", process.stderr.splitlines()[-1])
        Image.new("RGB", (26, 36)).save(picture)
        process = self.ebjr(*self.command("m.pt"), *THREADS, code=1)
        for word in ("image 995 (995.png)", "26 x 36", "26 x 35"):
            self.assertIn(word, process.stderr.splitlines()[-1])
        picture.unlink()
        self.refuse("image 995 (995.png)", "No such file", arguments=self.command("m.pt"))
        picture.mkdir()
        self.refuse("image 995 (995.png)", "directory", arguments=self.command("m.pt"))
        del self.truth["images"][-1]["file_name"]
        self.write_truth()
        self.refuse("image 989", "file_name", arguments=self.command("m.pt"))

    def test_changed_pictures_are_another_run(self):
        self.script("m.pt", Dictionaries())
        self.run_models("m.pt")
        Image.new("RGB", (26, 35)).save(self.path("pictures") / "995.png")
        self.run_models("m.pt")
        self.assertEqual(self.query("SELECT count(*), count(DISTINCT preprocessing) FROM run"),
                         [(2, 2)])
        self.assert_found("m.pt", run=2)
        self.verify()

    def test_slips(self):
        self.script("m.pt", Dictionaries())
        for option in (("--split", "test"), ("--mean", "0"), ("--resize", "3"), ("--skip-bad",),
                       ("--class-names", "x"), ("--batch", "2"), ("--plan", "channels-last"),
                       ("--dtype", "float16"), ("--student-classes", "x")):
            self.refuse(code=2, arguments=(*self.command("m.pt"), *option))
        self.refuse("--images", code=2, arguments=("run", "--db", self.db, "--dataset",
                                                   "coco:truth.json", "--model", "m.pt"))
        self.refuse("--images", code=2, arguments=("run", "--db", self.db, "--dataset", "images:.",
                                                   "--images", ".", "--model", "m.pt"))
        self.assertEqual(self.query("SELECT count(*) FROM model"), [(0,)])


class Slow(Detector):
    """Some milliseconds a picture."""

    def __init__(self):
        super().__init__(4)
        self.convs = nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(4)))

    def forward(self, images: List[Tensor]) -> List[Dict[str, Tensor]]:
        boxes, labels, scores, logits = self.core(images[0])
        x = F.interpolate(images[0][None], [200, 200])
        for _ in range(3):
            x = self.convs(x)
        return [{"boxes": boxes + 0 * x.mean(), "labels": labels, "scores": scores,
                 "logits": logits}]


class Interrupted(DetectTest):
    """However a run ends, the same command completes it to the same rows."""

    IMAGES = 12
    COPIES = 40  # of each picture

    def setUp(self):
        super().setUp()
        pictures = self.truth["images"]
        self.truth["images"] = [{**picture, "id": picture["id"] + 1000 * k}
                                for k in range(self.COPIES) for picture in pictures]
        self.write_truth()
        self.script("slow.pt", Slow())
        start = time.monotonic()
        self.ebjr(*self.command("slow.pt", db=self.path("whole.db")), *THREADS)
        self.seconds = time.monotonic() - start
        self.samples = len(self.truth["images"])

    def done(self):
        if not self.db.exists() or self.query(
                "SELECT count(*) FROM sqlite_schema WHERE name = 'run'") != [(1,)]:
            return 0
        return dict(enumerate(self.query("SELECT done FROM run"))).get(0, (0,))[0]

    def stop(self, number, more=0):
        process = self.start(*self.command("slow.pt"), *THREADS)
        target = self.done() + more
        if not more:
            time.sleep(random.Random(target).uniform(0, self.seconds))
        while self.done() < target and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        process.communicate()
        return process.returncode

    def complete(self):
        process = self.ebjr(*self.command("slow.pt"), *THREADS)
        self.assertEqual(self.contents(), self.contents(self.path("whole.db")))
        self.verify()
        return process.stderr

    def test_kill(self):
        for more in (0, 1, 0):
            self.stop(signal.SIGKILL, more)
            if self.done():
                self.verify()
        self.complete()

    def test_ctrl_c(self):
        code = self.stop(signal.SIGINT, 1)
        done = self.done()
        self.assertEqual(code, 4)
        self.assertTrue(0 < done < self.samples, done)
        self.assertIn(f"{done} of {self.samples} images are stored", self.complete())


def operators():
    """torchvision's shared library of operators; None: there is none here."""
    if not torchvision:
        return None
    found = glob.glob(os.path.join(os.path.dirname(torchvision.__file__), "_C*.so"))
    return found[0] if found else None


@unittest.skipUnless(operators(), "there is no torchvision with its operators")
class Torchvision(DetectTest):
    """A real detector, with random weights that let it find many things."""

    IMAGES = 4

    def setUp(self):
        super().setUp()
        torch.manual_seed(5)
        model = torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
            weights=None, weights_backbone=None, num_classes=7, box_score_thresh=0.01,
            min_size=96, max_size=128, box_detections_per_img=20)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_var.fill_(0.5)
        self.script("real.pt", model)

    def test_the_same_as_in_pytorch(self):
        self.run_models("real.pt", options=("--library", operators()))
        self.assertGreater(self.assert_found("real.pt"), 3)
        self.verify()

    def test_frozen(self):
        self.run_models("real.pt", options=("--library", operators(), "--plan", "frozen"))
        self.assertEqual(self.query("SELECT done FROM run"), [(self.IMAGES,)])

    def test_without_its_operators(self):
        self.refuse("real.pt", "torchvision::nms", "--library", arguments=self.command("real.pt"))
        self.refuse("--library", "missing.so", arguments=(*self.command("real.pt"), "--library",
                                                          "missing.so"))
        self.refuse("--library", "truth.json", arguments=(*self.command("real.pt"), "--library",
                                                          "truth.json"))


if __name__ == "__main__":
    unittest.main()
