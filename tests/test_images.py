"""Pictures as a data set, against torchvision's ImageFolder and transforms on Pillow's pictures. A
model that hands its inputs on shows them to the bit."""

import hashlib
import io
import json
import os
import sqlite3
import signal
import struct
import time
import unittest
import zlib

import numpy as np

from support import ProgramTest, skip_file

try:
    import torch
    from PIL import Image
    from torch import nn
    from torchvision import datasets, transforms
    from torchvision.transforms import InterpolationMode
except ImportError:
    skip_file("Python has no torch, torchvision and Pillow")

MODES = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def scene(width, height, seed=0):
    """A picture with gradients, edges and some noise, uint8 [h, w, 3]."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = [128 + 100 * np.sin((x * a + y * b) / 17 + c) for a, b, c in generator.uniform(
        -2, 2, (3, 3))]
    image = np.stack(planes, axis=-1) + generator.normal(scale=8, size=(height, width, 3))
    image[(x // 11 + y // 7) % 5 == 0] += 60
    return image.clip(0, 255).astype(np.uint8)


def png(image, **options):
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def jpeg(image, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def chunk(kind, data):
    return (struct.pack(">I", len(data)) + kind + data +
            struct.pack(">I", zlib.crc32(kind + data)))


def png_of(width, height, depth, colour, rows, *extra, interlace=0):
    """A PNG whose header says what we like; rows are bytes without their filters."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(extra) +
            chunk(b"IDAT", data) + chunk(b"IEND", b""))


def png_kinds():
    """Every colour type at every depth, some with transparency."""
    generator = np.random.default_rng(3)
    palette = chunk(b"PLTE", generator.integers(0, 256, 3 * 256, dtype=np.uint8).tobytes())
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    for colour, depths in {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16),
                           6: (8, 16)}.items():
        for depth in depths:
            size = (19 * channels[colour] * depth + 7) // 8
            rows = [generator.integers(0, 256, size, dtype=np.uint8).tobytes() for _ in range(23)]
            extra = [palette[:8 + 3 * 2 ** depth]] if colour == 3 else []
            if colour == 3:
                extra = [chunk(b"PLTE", palette[8:8 + 3 * 2 ** depth])]
            yield f"png-{colour}-{depth}", png_of(19, 23, depth, colour, rows, *extra)
            opaque = {0: b"\0\1", 2: b"\0\1\0\2\0\3", 3: b"\0\x80"}
            if colour in opaque:
                yield (f"png-{colour}-{depth}-transparent",
                       png_of(19, 23, depth, colour, rows, *extra, chunk(b"tRNS", opaque[colour])))


def with_transform(data, transform):
    """A JPEG whose Adobe marker tells another transform of colours."""
    at = data.index(b"Adobe\0") + 11
    return data[:at] + bytes([transform]) + data[at + 1:]


def jpeg_kinds():
    colour = Image.fromarray(scene(61, 43))
    for name, options in {"444": {"subsampling": 0}, "422": {"subsampling": 1},
                          "420": {"subsampling": 2}, "poor": {"quality": 5},
                          "progressive": {"progressive": True, "quality": 90},
                          "optimised": {"optimize": True}}.items():
        yield f"jpeg-{name}", jpeg(colour, **options)
    yield "jpeg-grey", jpeg(colour.convert("L"))
    yield "jpeg-grey-progressive", jpeg(colour.convert("L"), progressive=True)
    cmyk = jpeg(colour.convert("CMYK"), quality=95)
    yield "jpeg-cmyk", cmyk
    yield "jpeg-ycck", with_transform(cmyk, 2)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "jpeg-turned", jpeg(colour, exif=exif)
    yield "jpeg-commented", jpeg(colour) + b"what comes after the end"


class ImagesTest(ProgramTest):
    def write(self, name, data):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def model(self, size, name="flat.pt"):
        """Its logits are its inputs."""
        path = self.path(name)
        if not path.exists():
            torch.jit.trace(nn.Flatten(), torch.zeros(1, 3, *size)).save(str(path))
        return path

    def run_flat(self, spec, size, *options, db=None, model="flat.pt"):
        return self.json("run", "--db", db or self.db, "--dataset", spec, "--model",
                         self.model(size, model), "--plan", "as-loaded", *options)[0]

    def pixels(self, spec, size, *options, run=1):
        self.run_flat(spec, size, "--scale", "1", *options)
        return self.stored_logits(run).reshape(-1, 3, *size)

    def labels(self):
        return [label for label, in self.query("SELECT label FROM sample ORDER BY idx")]


class Decodes(ImagesTest):
    def assert_as_pillow(self, files):
        """All of one size, and told by their contents, whatever they are called."""
        files = list(files)
        for i, (_, data) in enumerate(files):
            self.write(f"set/a/{i:02}.png", data)
        images = [Image.open(io.BytesIO(data)).convert("RGB") for _, data in files]
        found = self.pixels("images:set", (images[0].height, images[0].width))
        for (name, _), image, pixels in zip(files, images, found, strict=True):
            with self.subTest(name):
                np.testing.assert_array_equal(pixels, np.asarray(image).transpose(2, 0, 1))

    def test_every_png(self):
        self.assert_as_pillow(png_kinds())

    def test_every_jpeg(self):
        self.assert_as_pillow(jpeg_kinds())

    def test_interlaced(self):
        # Adam7's first pass only has every 8th pixel: of 1 x 1 it is the whole picture
        self.assert_as_pillow([("adam7", png_of(1, 1, 8, 2, [b"\1\2\3"], interlace=1))])


class Fits(ImagesTest):
    SIZES = ((64, 48), (48, 64), (50, 50), (131, 97), (33, 210), (16, 21), (7, 5), (40, 30))

    def test_as_torchvision(self):
        for i, size in enumerate(self.SIZES):
            self.write(f"set/{i % 3}/{i}.png", png(Image.fromarray(scene(*size, seed=i))))
        for mode, resize, crop in (("bilinear", 32, 28), ("bilinear", 20, 61), ("bilinear", 0, 45),
                                   ("bicubic", 32, 32), ("bicubic", 100, 81)):
            with self.subTest(mode, resize=resize, crop=crop):
                steps = [transforms.Resize(resize, interpolation=MODES[mode])] if resize else []
                steps += [transforms.CenterCrop(crop), transforms.PILToTensor()]
                folder = datasets.ImageFolder(self.path("set"), transforms.Compose(steps))
                options = ["--resize", str(resize)] if resize else []
                self.run_flat("images:set", (crop, crop), "--scale", "1", "--crop", str(crop),
                              "--interpolation", mode, *options, model=f"{mode}{crop}.pt")
                found = self.stored_logits(self.query("SELECT max(id) FROM run")[0][0])
                found = found.reshape(-1, 3, crop, crop)
                for i, (expected, label) in enumerate(folder):
                    np.testing.assert_array_equal(found[i], expected.numpy())
                self.assertEqual(self.labels(), folder.targets)

    def test_without_a_crop_all_are_of_one_size(self):
        for i in range(2):
            self.write(f"set/a/{i}.png", png(Image.fromarray(scene(40, 30, seed=i))))
        found = self.pixels("images:set", (15, 20), "--resize", "15")
        expected = [np.asarray(transforms.Resize(15)(Image.fromarray(scene(40, 30, seed=i))))
                    for i in range(2)]
        np.testing.assert_array_equal(found, np.transpose(expected, (0, 3, 1, 2)))
        self.write("set/b/odd.png", png(Image.fromarray(scene(30, 40))))
        self.refuse("odd.png", "15 x 20", "--crop", arguments=(
            "run", "--db", self.db, "--dataset", "images:set", "--resize", "15",
            "--dataset-name", "odd", "--model", self.path("flat.pt"), "--plan", "as-loaded"))

    def test_preset(self):
        for i, size in enumerate(self.SIZES):
            self.write(f"set/a/{i}.jpg", jpeg(Image.fromarray(scene(*size, seed=i))))
        self.run_flat("images:set", (224, 224), "--preset", "imagenet")
        found = self.stored_logits().reshape(-1, 3, 224, 224)
        folder = datasets.ImageFolder(self.path("set"), transforms.Compose([
            transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
            transforms.Normalize(MEAN, STD)]))
        for i, (expected, _) in enumerate(folder):
            np.testing.assert_array_equal(found[i], expected.numpy())
        (kept,), = self.query("SELECT preprocessing FROM run")
        self.assertEqual(json.loads(kept), {
            "scale": "1/255", "mean": list(MEAN), "std": list(STD), "resize": 256,
            "interpolation": "bilinear", "crop": 224})

    def test_another_fit_is_another_run_of_the_same_data(self):
        self.write("set/a/it.png", png(Image.fromarray(scene(40, 30))))
        self.run_flat("images:set", (8, 8), "--resize", "8", "--crop", "8")
        self.run_flat("images:set", (8, 8), "--resize", "9", "--crop", "8")
        self.run_flat("images:set", (8, 8), "--resize", "9", "--crop", "8",
                      "--interpolation", "bicubic")
        self.assertEqual(self.query("SELECT count(*) FROM dataset")[0][0], 1)
        self.assertEqual(self.query("SELECT count(*) FROM run")[0][0], 3)
        self.verify()

    def test_what_cannot_be_meant(self):
        self.write("set/a/it.png", png(Image.fromarray(scene(40, 30))))
        np.save(self.path("x.npy"), np.zeros((2, 3, 8, 8), np.uint8))
        run = ("run", "--db", self.db, "--model", self.model((8, 8)), "--dataset")
        for word, options in {
                "--preset is imagenet": ("images:set", "--preset", "imagenette"),
                "--interpolation": ("images:set", "--interpolation", "nearest"),
                "at most": ("images:set", "--resize", "100000"),
                "--workers": ("images:set", "--workers", "1000"),
                "--split": ("images:set", "--split", "train"),
                "belong to images:": ("npy:x.npy", "--labels", "x.npy", "--resize", "8")}.items():
            self.refuse(word, code=2, arguments=(*run, *options))


class Lists(ImagesTest):
    def picture(self, name, seed):
        return self.write(name, png(Image.fromarray(scene(12, 9, seed=seed))))

    def test_folders_as_imagefolder_sorts_them(self):
        names = ["b/x.png", "a/z.png", "a/Z.PNG", "a/sub/a.jpeg", "a/sub-1/c.png", "a/sub/deep/b.png",
                 "B/1.png", "B/10.png", "B/2.png", "ä/ü.png", "a b/it's.png"]
        for seed, name in enumerate(names):
            self.picture(f"set/{name}", seed)
        self.write("set/a/notes.txt", b"no picture")
        self.write("set/top.png", b"in no class")
        os.symlink(self.path("set/b"), self.path("set/c"))
        folder = datasets.ImageFolder(self.path("set"), transforms.PILToTensor())
        found = self.pixels("images:set", (9, 12))
        np.testing.assert_array_equal(found, [image.numpy() for image, _ in folder])
        self.assertEqual(self.labels(), folder.targets)
        self.assertEqual([name for name, in self.query("SELECT name FROM class_name ORDER BY label")],
                         folder.classes)
        self.verify()

    def test_the_fingerprint(self):
        for seed, name in enumerate(("set/a/1.png", "set/b/2.png", "set/b/3.png")):
            self.picture(name, seed)
        self.run_flat("images:set", (9, 12))
        text = "".join(f"{label} {hashlib.sha256(self.path(name).read_bytes()).hexdigest()}\n"
                       for label, name in ((0, "set/a/1.png"), (1, "set/b/2.png"),
                                           (1, "set/b/3.png")))
        size = sum(self.path(f"set/{name}").stat().st_size
                   for name in ("a/1.png", "b/2.png", "b/3.png"))
        self.assertEqual(self.query("SELECT sha256, bytes, shape, kind FROM dataset"),
                         [(hashlib.sha256(text.encode()).hexdigest(), size, "", "images")])
        self.path("set").rename(self.path("elsewhere"))
        row = self.run_flat("images:elsewhere", (9, 12))
        self.assertEqual(row["new"], 0)

    def test_records(self):
        first, second = self.picture("deep/one, or so.png", 1), self.picture("two.png", 2)
        self.write("lists/list.csv", 'label,path,more\r\ncat,"../deep/one, or so.png",\r\n'
                                     f"dog,{second},1\r\ncat,{second},2\r\n".encode())
        found = self.pixels("images:lists/list.csv", (9, 12))
        expected = [scene(12, 9, seed=seed).transpose(2, 0, 1) for seed in (1, 2, 2)]
        np.testing.assert_array_equal(found, expected)
        self.assertEqual(self.labels(), [0, 1, 0])
        self.assertEqual(self.query("SELECT label, name FROM class_name"), [(0, "cat"), (1, "dog")])
        self.assertTrue(first.exists())

    def test_labels_that_are_numbers(self):
        self.picture("it.png", 1)
        self.write("list.csv", b"path,label\nit.png,7\nit.png,3\n")
        self.run_flat("images:list.csv", (9, 12))
        self.assertEqual(self.labels(), [7, 3])
        self.assertEqual(self.query("SELECT * FROM class_name"), [])

    def test_bytes_that_are_no_text(self):
        name = os.fsencode(self.path("set/a")) + b"/\xff\xfe.png"
        self.picture("set/a/it.png", 1)
        os.rename(self.path("set/a/it.png"), name)
        self.write("list.csv", b"path,label\nset/a/\xff\xfe.png,0\n")
        self.run_flat("images:set", (9, 12))
        self.assertEqual(self.run_flat("images:list.csv", (9, 12))["new"], 0)
        with open(name, "wb") as file:
            file.write(b"GIF89a")
        self.refuse("neither JPEG nor PNG", arguments=(
            "run", "--db", self.path("other.db"), "--dataset", "images:set", "--model",
            self.path("flat.pt")))

    def test_malformed(self):
        self.picture("set/a/it.png", 1)
        self.path("empty").mkdir()
        self.path("hollow/a").mkdir(parents=True)
        os.symlink(self.path("set"), self.path("set/a/back"))
        lists = {
            "path,label\n": ("lists no pictures",),
            "file,label\nset/a/it.png,0\n": ("path and label",),
            "path\nset/a/it.png\n": ("path and label",),
            "path,label\n,0\n": ("line 2", "path is empty"),
            "path,label\nset/a/it.png,\n": ("line 2", "label", "empty"),
            "path,label\nset/a/it.png,0\nset/a/it.png,cat\n": ("line 3", "'cat'", "no integer"),
            "path,label\nset/a/it.png,-1\nset/a/it.png,1\n": ("line 3", "an integer"),
            "path,label\n" + "x" * 5000 + ",0\n": ("too long",),
            "path,label\nset/a,0\n": ("set/a", "directory"),
            "path,label\nset/a/none.png,0\n": ("none.png", "No such file"),
            "path,label\n/dev/null,0\n": ("/dev/null", "no plain file"),
            "": ("empty",),
        }
        run = ("run", "--db", self.db, "--model", self.model((9, 12)), "--dataset")
        for text, words in lists.items():
            with self.subTest(text[:40]):
                self.write("list.csv", text.encode())
                self.refuse("list.csv" if "line" in words[0] else "", *words,
                            arguments=(*run, "images:list.csv"))
        self.refuse("empty", "no folders", arguments=(*run, "images:empty"))
        self.refuse("hollow/a", "no pictures", arguments=(*run, "images:hollow"))
        self.refuse("back", "link", arguments=(*run, "images:set"))
        self.assertFalse(self.db.exists() and self.query("SELECT * FROM dataset"))


class ClassNames(ImagesTest):
    def setUp(self):
        super().setUp()
        for seed, name in enumerate(("n02/1.png", "n01/2.png", "n09/3.png")):
            self.write(f"set/{name}", png(Image.fromarray(scene(12, 9, seed=seed))))

    def names(self):
        return self.query("SELECT label, name FROM class_name ORDER BY label")

    def test_lines(self):
        self.write("names.txt", "tench\r\n\r\n鲸\r\n".encode())
        self.refuse("names.txt", "class 1", "empty", arguments=(
            "run", "--db", self.db, "--dataset", "images:set", "--class-names", "names.txt",
            "--model", self.model((9, 12))))
        self.write("names.txt", "tench\nshark\n鲸\n".encode())
        self.run_flat("images:set", (9, 12), "--class-names", "names.txt")
        self.assertEqual(self.labels(), [0, 1, 2])
        self.assertEqual(self.names(), [(0, "tench"), (1, "shark"), (2, "鲸")])

    def test_imagenets_index_says_which_folder_is_which(self):
        index = {"17": ["n09", "crane"], "5": ["n02", "crane"], "2": ["n01", "tench"]}
        self.write("index.json", json.dumps(index).encode())
        self.run_flat("images:set", (9, 12), "--class-names", "index.json")
        self.assertEqual(self.labels(), [2, 5, 17])
        self.assertEqual(self.names(), [(2, "tench"), (5, "crane"), (17, "crane")])
        self.write("list.csv", b"path,label\nset/n09/3.png,n09\nset/n01/2.png,2\n"
                               b"set/n01/2.png,tench\n")
        self.run_flat("images:list.csv", (9, 12), "--class-names", "index.json",
                      db=self.path("other.db"))
        self.assertEqual(self.query("SELECT label FROM sample ORDER BY idx",
                                    db=self.path("other.db")), [(17,), (2,), (2,)])
        run = ("run", "--db", self.db, "--model", self.path("flat.pt"), "--class-names",
               "index.json", "--dataset")
        self.write("list.csv", b"path,label\nset/n09/3.png,crane\n")
        self.refuse("'crane'", "5 and 17", arguments=(*run, "images:list.csv"))
        self.write("list.csv", b"path,label\nset/n09/3.png,whale\n")
        self.refuse("'whale'", arguments=(*run, "images:list.csv"))
        self.write("set/n10/4.png", png(Image.fromarray(scene(12, 9))))
        self.refuse("'n10'", "not all", arguments=(*run, "images:set"))

    def test_they_can_be_given_later_and_changed(self):
        self.run_flat("images:set", (9, 12))
        self.assertEqual(self.names(), [(0, "n01"), (1, "n02"), (2, "n09")])
        for names in (["x", "y", "z"], ["tench", "shark", "ray"]):
            self.write("names.json", json.dumps(names).encode())
            self.run_flat("images:set", (9, 12), "--class-names", "names.json")
            self.assertEqual(self.names(), list(enumerate(names)))
            self.verify()
        self.run_flat("images:set", (9, 12))
        self.assertEqual(self.names(), list(enumerate(names)))
        self.query("UPDATE class_name SET name = 'eel' WHERE label = 2")
        self.ebjr("verify", "--db", self.db, code=1)

    def test_malformed(self):
        run = ("run", "--db", self.db, "--model", self.model((9, 12)), "--dataset", "images:set",
               "--class-names", "names")
        self.refuse("names", "No such file", arguments=run)
        for text, word in {"": "no class", "{": "line", '{"a": "b"}': "'a'", '{"0": 1}': "class 0",
                           '["a", ""]': "class 1", '{"0": ["a", "b", "c"]}': "class 0",
                           '{"0": "a", "00": "b"}': "twice", '{"9999999": "a"}': "9999999",
                           "a\0b": "NUL", "x" * 300: "255", "[]": "no class"}.items():
            with self.subTest(text[:20]):
                self.write("names", text.encode())
                self.refuse("names", word, arguments=run)


def bomb():
    """100,000 x 100,000 pixels in 70 bytes."""
    return png_of(100000, 100000, 8, 2, [])


class BadPictures(ImagesTest):
    def setUp(self):
        super().setUp()
        self.good = [png(Image.fromarray(scene(12, 9, seed=seed))) for seed in range(8)]
        whole = jpeg(Image.fromarray(scene(90, 70)), quality=95)
        progressive = jpeg(Image.fromarray(scene(90, 70)), progressive=True)
        middle = bytearray(self.good[0])
        middle[len(middle) // 2] ^= 0x40
        self.bad = {
            "cut.jpg": whole[:len(whole) // 2], "cut-progressive.jpg": progressive[:-900],
            "head.jpg": whole[:200], "empty.jpg": b"", "text.png": b"<html>not found</html>",
            "cut.png": self.good[0][:-60], "flipped.png": bytes(middle), "bomb.png": bomb(),
            "ended.jpg": whole[:len(whole) // 2] + b"\xff\xd9", "magic.png": b"\x89PNG\r\n\x1a\n",
        }

    def fill(self):
        """Good and bad pictures in turn; the labels of the good."""
        for i, data in enumerate(self.good):
            self.write(f"set/{i % 2}/{i}.png", data)
        for i, (name, data) in enumerate(self.bad.items()):
            self.write(f"set/{i % 2}/{name}", data)
        self.path("set/1/gone.png").symlink_to("nowhere")
        os.mkfifo(self.path("set/0/pipe.jpeg"))

    def command(self, *options):
        return ("run", "--db", self.db, "--dataset", "images:set", "--crop", "9",
                "--model", self.model((9, 9)), "--plan", "as-loaded", *options)

    def test_each_is_named(self):
        for name in ("cut.jpg", "bomb.png", "empty.jpg"):
            with self.subTest(name):
                self.db.unlink(missing_ok=True)
                for i in range(4):
                    self.write(f"set/a/{i}.png", self.good[i])
                bad = self.write(f"set/b/{name}", self.bad[name])
                process = self.ebjr(*self.command(), code=1)
                self.assertIn(f"set/b/{name}: ", process.stderr)
                bad.unlink()
                self.verify()

    def test_skipped(self):
        self.fill()
        process = self.ebjr(*self.command("--skip-bad", "--format", "json"))
        row, = json.loads(process.stdout)
        named = [line for line in process.stderr.splitlines() if "skipped" in line]
        self.assertEqual(len(named), len(self.bad) + 2)
        for name in (*self.bad, "gone.png", "pipe.jpeg"):
            self.assertTrue(any(name in line for line in named), name)
        self.assertEqual((row["samples"], row["skipped"]), (len(self.good), len(named)))
        order = [0, 2, 4, 6, 1, 3, 5, 7]
        self.assertEqual(self.labels(), [i % 2 for i in order])
        text = "".join(f"{i % 2} {hashlib.sha256(self.good[i]).hexdigest()}\n" for i in order)
        self.assertEqual(self.query("SELECT sha256 FROM dataset"),
                         [(hashlib.sha256(text.encode()).hexdigest(),)])
        again = self.json(*self.command("--skip-bad", "--workers", "1"))[0]
        self.assertEqual((again["new"], again["skipped"]), (0, len(named)))
        self.verify()

    def test_nothing_is_left(self):
        self.write("set/a/bad.png", b"bad")
        process = self.ebjr(*self.command("--skip-bad"), code=1)
        self.assertIn("every picture is bad", process.stderr)

    def test_a_changed_set_is_another(self):
        self.fill()
        self.ebjr(*self.command("--skip-bad"))
        self.write("set/0/text.png", self.good[0])
        self.assertIn("another data set named", self.ebjr(*self.command("--skip-bad"),
                                                          code=1).stderr)


class Live(ImagesTest):
    def test_a_policy_brings_the_fit(self):
        for i in range(12):
            self.write(f"set/{i % 3}/{i}.png", png(Image.fromarray(scene(30 + i, 40, seed=i))))
            self.write(f"unlabelled/{i:02}.png", png(Image.fromarray(scene(30 + i, 40, seed=i))))
        for seed, name in enumerate(("small.pt", "large.pt")):
            torch.manual_seed(seed)
            model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 3))
            model[1].weight.data *= 5
            torch.jit.trace(model, torch.zeros(1, 3, 16, 16)).save(str(self.path(name)))
        self.ebjr("run", "--db", self.db, "--dataset", "images:set", "--resize", "20", "--crop",
                  "16", "--model", "small.pt", "--model", "large.pt", "--plan", "as-loaded")
        rule = ("--db", self.db, "--student", "small", "--teacher", "large", "--score", "msp",
                "--threshold", "0.4", "--plan", "as-loaded")
        rows = self.json("infer", *rule, "--dataset", "images:set", "--workers", "3")
        stored = self.query("SELECT prediction FROM output WHERE run_id = 1 ORDER BY idx")
        kept = [(row["prediction"], one) for row, (one,) in zip(rows, stored) if row["stage"] == 0]
        self.assertTrue(kept)
        self.assertTrue(all(a == b for a, b in kept), kept)
        self.assertEqual([row["label"] for row in rows], sorted(i % 3 for i in range(12)))
        others = self.json("infer", *rule, "--dataset", "images:unlabelled")
        self.assertEqual([row["label"] for row in others], [None] * 12)
        order = sorted(range(12), key=lambda i: (i % 3, f"{i}.png"))
        self.assertEqual([row["score"] for row in rows], [others[i]["score"] for i in order])
        self.refuse("leave it out", code=2, arguments=(
            "infer", *rule, "--dataset", "images:set", "--crop", "16"))


class Arrays(ImagesTest):
    """.npz files: arrays by their usual names, or by any."""

    def setUp(self):
        super().setUp()
        generator = np.random.default_rng(1)
        self.images = generator.integers(0, 256, (9, 3, 4, 4), dtype=np.uint8)
        self.numbers = generator.integers(0, 5, 9)

    def assert_read(self, spec, *options, images=None, db="a.db"):
        self.path(db).unlink(missing_ok=True)
        self.run_flat(spec, (4, 4), "--scale", "1", "--layout", "nchw", *options, db=self.path(db))
        blobs = self.query("SELECT logits FROM output ORDER BY idx", db=self.path(db))
        found = np.array([np.frombuffer(blob, "<f4") for blob, in blobs]).reshape(-1, 3, 4, 4)
        np.testing.assert_array_equal(found, self.images if images is None else images)
        self.assertEqual([label for label, in self.query("SELECT label FROM sample ORDER BY idx",
                                                         db=self.path(db))], list(self.numbers))
        return self.query("SELECT sha256 FROM dataset", db=self.path(db))

    def test_by_names(self):
        other = self.images[::-1]
        np.savez(self.path("usual.npz"), images=self.images, labels=self.numbers)
        np.savez_compressed(self.path("short.npz"), x=self.images, y=self.numbers, z=other)
        np.savez(self.path("y.npz"), self.numbers)
        self.assert_read("npy:usual.npz")
        first = self.assert_read("npy:short.npz")
        second = self.assert_read("npy:short.npz#z", "--labels", "short.npz#y", images=other)
        self.assertNotEqual(first, second)
        self.assert_read("npy:short.npz#x", "--labels", "y.npz")
        logits = np.eye(9, 5, dtype=np.float32)
        np.savez_compressed(self.path("l.npz"), a=logits, b=self.numbers)
        self.ebjr("import", "--db", self.db, "--name", "m", "--logits", "l.npz#a", "--labels",
                  "l.npz#b")
        np.testing.assert_array_equal(self.stored_logits(), logits)

    def test_malformed(self):
        np.savez_compressed(self.path("good.npz"), images=self.images, labels=self.numbers)
        data = self.path("good.npz").read_bytes()
        at = data.index(b"images.npy") + 40
        self.write("cut.npz", data[:-30])
        self.write("flipped.npz", data[:at] + bytes([data[at] ^ 0xff]) + data[at + 1:])
        self.write("none.npz", b"")
        self.write("text.npz", b"not a zip at all")
        np.savez(self.path("odd.npz"), a=self.images, b=self.numbers)
        run = ("run", "--db", self.db, "--layout", "nchw", "--model", self.model((4, 4)),
               "--dataset")
        for spec, words in {"npy:cut.npz": "cut.npz", "npy:flipped.npz": "flipped.npz",
                            "npy:none.npz": "none.npz", "npy:text.npz": "text.npz",
                            "npy:odd.npz": "it holds a.npy, b.npy", "npy:good.npz#w": "no array w",
                            "npy:odd.npz#a": "labels", "npy:missing.npz": "missing.npz"}.items():
            with self.subTest(spec):
                self.refuse(words, arguments=(*run, spec))


class Interrupted(ImagesTest):
    def test_goes_on_where_it_stood(self):
        count = 600
        for i in range(count):
            self.write(f"set/{i % 7}/{i}.jpg", jpeg(Image.fromarray(scene(200, 150, seed=i % 11))))
        command = ("run", "--db", self.db, "--dataset", "images:set", "--resize", "40", "--crop",
                   "32", "--model", self.model((32, 32)), "--plan", "as-loaded", "--batch", "16")
        process = self.start(*command, "--workers", "1")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if self.db.exists() and self.done() > 0:
                process.send_signal(signal.SIGINT)
                break
            time.sleep(0.02)
        process.communicate()
        self.ebjr(*command, "--workers", "3")
        whole = self.path("whole.db")
        self.ebjr(*command[:2], whole, *command[3:], "--workers", "2")
        self.assertEqual(self.contents(), self.contents(db=whole))
        self.verify()

    def done(self):
        try:
            return sum(done for done, in self.query("SELECT done FROM run"))
        except sqlite3.Error:
            return 0


if __name__ == "__main__":
    unittest.main()
