"""Detections and their truth in COCO's JSON, imported: what the store holds is what Python's json reads
from the same files; what is broken is named, and leaves nothing."""

import copy
import gzip
import json
import os
import random
import resource
import signal
import time
import unittest
from pathlib import Path

import numpy as np

from support import EBJR, ProgramTest

IS_SANITIZED = b"__asan_init" in Path(EBJR).read_bytes()


def make_truth(seed, images=30, categories=5, objects=6):
    generator = random.Random(seed)
    numbers = generator.sample(range(1, 600_000), images)
    ids = generator.sample(range(90), categories)
    return {
        "info": {"description": "made up", "year": 2017, "nested": [[{}], {"a": [1.5]}]},
        "licenses": [{"id": 1, "name": "none"}],
        "images": [{"id": number, "file_name": f"{number:012}.jpg", "license": 1,
                    "width": generator.randint(1, 640), "height": generator.randint(1, 480)}
                   for number in numbers],
        "annotations": [{"id": k, "image_id": generator.choice(numbers),
                         "category_id": generator.choice(ids), "bbox": make_box(generator),
                         "area": generator.uniform(0, 1e4), "iscrowd": int(generator.random() < .1),
                         "segmentation": [[generator.uniform(0, 640) for _ in range(8)]]}
                        for k in range(images * objects)],
        "categories": [{"id": k, "name": f"thing {k}", "supercategory": "thing"} for k in ids]}


def make_box(generator):
    return [generator.uniform(0, 600) for _ in range(4)]


def make_detections(seed, truth, each=10, logits=0):
    generator = random.Random(seed)
    numbers = [image["id"] for image in truth["images"]]
    ids = [category["id"] for category in truth["categories"]]
    result = [{"image_id": generator.choice(numbers), "category_id": generator.choice(ids),
               "bbox": make_box(generator), "score": generator.random()}
              for _ in range(each * len(numbers))]
    for detection in result if logits else ():
        detection["logits"] = [generator.gauss(0, 3) for _ in range(logits)]
    return result


class DetectionsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.truth = make_truth(1)
        self.detections = make_detections(2, self.truth)

    def write(self, name, value):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.path(name).write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
        return name

    def command(self, truth="truth.json", detections="results.json", name="m", db=None):
        return ("import", "--task", "detection", "--db", db or self.db, "--name", name, "--truth",
                truth, "--detections", detections)

    def load(self, *more, truth=None, detections=None, name="m", **options):
        return self.ebjr(*self.command(
            self.write("truth.json", self.truth if truth is None else truth),
            self.write("results.json", self.detections if detections is None else detections),
            name), *more, **options)

    def rows(self, run=1):
        return self.query("SELECT number, category, x, y, width, height, score FROM detections"
                          " WHERE run = ? ORDER BY idx, place", run)

    def expected_rows(self, detections):
        """In the order of images; sorted() leaves what is of one image as it is."""
        return [(d["image_id"], d["category_id"], *d["bbox"], d["score"])
                for d in sorted(detections, key=lambda d: d["image_id"])]

    def contents(self, db=None):
        more = {table: self.query(f"SELECT * FROM {table} ORDER BY 1, 2, 3", db=db)
                for table in ("class_name", "image", "object", "detection")}
        return {**super().contents(db), **more}


class RoundTrip(DetectionsTest):
    MEMORY = 60 << 20

    def assert_truth(self, truth):
        images = sorted(truth["images"], key=lambda image: image["id"])
        self.assertEqual(
            self.query("SELECT idx, number, file, width, height FROM image ORDER BY idx"),
            [(k, image["id"], image.get("file_name", ""), image.get("width"), image.get("height"))
             for k, image in enumerate(images)])
        self.assertEqual(
            self.query("SELECT number, category, name, x, y, width, height, area, crowd"
                       " FROM objects ORDER BY idx, place"),
            [(a["image_id"], a["category_id"], f"thing {int(a['category_id'])}", *a["bbox"],
              a.get("area", a["bbox"][2] * a["bbox"][3]), a.get("iscrowd", 0))
             for a in sorted(truth["annotations"], key=lambda a: a["image_id"])])
        self.assertEqual(self.query("SELECT label, name FROM class_name ORDER BY 1"),
                         sorted((c["id"], c["name"]) for c in truth["categories"]))

    def test_values(self):
        self.load()
        self.assert_truth(self.truth)
        self.assertEqual(self.rows(), self.expected_rows(self.detections))
        self.verify()

    def test_what_may_be_missing(self):
        for k, annotation in enumerate(self.truth["annotations"]):
            for i, key in enumerate(("area", "iscrowd", "segmentation", "id")):
                if k >> i & 1:
                    del annotation[key]
        for k, image in enumerate(self.truth["images"]):
            for i, key in enumerate(("file_name", "width", "height", "license")):
                if k >> i & 1:
                    del image[key]
        self.load()
        self.assert_truth(self.truth)
        self.verify()

    def test_forms(self):
        """The order of members, blanks, .gz, marks of UTF-8 and escapes change nothing."""
        self.truth["images"][0]["file_name"] = "é \"\\ \U0001f40b/\u2028.jpg"
        self.load()
        whole = [self.query(f"SELECT * FROM {table}") for table in ("image", "object", "detection",
                                                                    "class_name")]
        backwards = {key: self.truth[key] for key in reversed(self.truth)}
        plain = json.dumps(self.detections).encode()
        for k, (truth, detections) in enumerate((
                (json.dumps(backwards), plain), (json.dumps(self.truth, indent=3), plain),
                (json.dumps(self.truth, ensure_ascii=False), b"\xef\xbb\xbf" + plain),
                ("\r\n\t " + json.dumps(backwards, separators=(",", ":")) + " \n",
                 json.dumps(self.detections, indent=1).encode()))):
            for ending in ("json", "json.gz"):
                with self.subTest(f"{k} {ending}"):
                    self.db = self.path(f"form{k}.{ending}.db")
                    self.ebjr(*self.command(self.write(f"t{k}.{ending}", truth.encode()),
                                            self.write(f"d{k}.{ending}", detections)))
                    self.assertEqual(whole, [self.query(f"SELECT * FROM {table}") for table in (
                        "image", "object", "detection", "class_name")])

    def test_numbers(self):
        """Ids at the ends of int64, whole numbers as reals, boxes of integers, tiny and large."""
        extremes = [-2 ** 63, -1, 0, 2 ** 53 + 1, 2 ** 63 - 1]
        self.truth["images"] = [{"id": k} for k in random.Random(3).sample(extremes, 5)]
        self.truth["annotations"] = [
            {"image_id": k, "category_id": 1.0, "bbox": [1, 2, 3, 0], "iscrowd": 0}
            for k in reversed(extremes)]
        self.truth["categories"] = [{"id": 1, "name": "thing 1"},
                                    {"id": 2 ** 20 - 1, "name": f"thing {2 ** 20 - 1}"}]
        self.detections = [
            {"image_id": k, "category_id": 2 ** 20 - 1, "bbox": [-1e-300, 5e-324, 0.1, 1e9],
             "score": score} for k, score in zip(extremes, (-3, 0, 1e308, 5e-324, 0.1))]
        self.load()
        self.assert_truth(self.truth)
        self.assertEqual(self.rows(), self.expected_rows(self.detections))
        self.verify()

    def test_logits(self):
        self.detections = make_detections(4, self.truth, logits=7)
        report = json.loads(self.load("--format", "json").stdout)
        self.assertEqual((report[0] if isinstance(report, list) else report)["logits"], 7)
        got = [np.frombuffer(blob, "<f4") for blob, in
               self.query("SELECT logits FROM detections ORDER BY idx, place")]
        expected = [d["logits"] for d in sorted(self.detections, key=lambda d: d["image_id"])]
        np.testing.assert_array_equal(got, np.array(expected, dtype=np.float32))
        self.verify()

    def test_nothing_found(self):
        """No detection in some images, in all, and images without an object."""
        self.load(detections=[])
        self.assertEqual(self.rows(), [])
        few = [d for d in self.detections if d["image_id"] == self.truth["images"][3]["id"]]
        self.load(detections=few, name="n")
        self.assertEqual(self.rows(2), self.expected_rows(few))
        self.assertEqual([(run["done"], run["detections"]) for run in self.json("ls", "--db", self.db)],
                         [(30, 0), (30, len(few))])
        self.verify()

    def test_in_the_memory_of_what_is_kept(self):
        """Python's json takes 300 bytes and more a detection, for which 48 are kept."""
        if IS_SANITIZED:
            self.skipTest("a sanitizer maps more than there is")
        self.truth = make_truth(5, images=1000, objects=1)
        self.detections = make_detections(6, self.truth, each=100)
        self.write("truth.json", self.truth)
        self.write("results.json", self.detections)
        limit = self.MEMORY
        self.ebjr(*self.command(), preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_AS, (limit, limit)))
        self.assertEqual(self.query("SELECT count(*) FROM detection"), [(100_000,)])


class Import(DetectionsTest):
    def test_twice_does_nothing(self):
        self.load()
        before = self.contents()
        again = self.load()
        self.assertIn("nothing to do", again.stderr)
        self.assertIn("all 30 images", again.stderr)
        self.assertEqual(self.contents(), before)

    def test_models_on_one_truth(self):
        self.load("--dataset-name", "street", "--flops", "8.7G", "--parameters", "3M")
        other = self.write("other.json", make_detections(7, self.truth))
        self.ebjr(*self.command(detections=other, name="n"))
        third = self.write("third.json", make_detections(8, self.truth))
        self.ebjr("import", "--task", "detection", "--db", self.db, "--name", "o", "--dataset",
                  "street", "--detections", third)
        self.assertEqual(self.query("SELECT name, kind, samples FROM dataset"),
                         [("street", "coco", 30)])
        self.assertEqual(self.rows(3), self.expected_rows(make_detections(8, self.truth)))
        first, second, _ = self.json("ls", "--db", self.db)
        self.assertEqual((first["flops"], first["parameters"], first["flops_source"]),
                         (8_700_000_000, 3_000_000, "given"))
        self.assertEqual((second["flops"], second["accuracy"]), (None, None))
        self.ebjr(*self.command(detections=other, name="n"), "--flops", "5G")
        self.assertEqual(self.json("ls", "--db", self.db)[1]["flops"], 5_000_000_000)
        self.verify()

    def test_another_truth_is_another_data_set(self):
        self.load("--model-sha256", "ab" * 32)
        self.truth["annotations"][7]["bbox"][2] += 1
        self.load("--model-sha256", "ab" * 32)
        names = self.query("SELECT name, substr(sha256, 1, 8) FROM dataset")
        self.assertEqual(len(names), 2)
        for name, digits in names:
            self.assertEqual(name, f"coco-{digits}")
        self.assertEqual(self.query("SELECT model_id, dataset_id FROM run"), [(1, 1), (1, 2)])
        self.verify()

    def test_latencies(self):
        ns = np.arange(30) + 1000
        self.load("--latency-ns", self.save("ns.npy", ns))
        self.assertEqual(self.query("SELECT sample, ns FROM latency ORDER BY idx"),
                         [(k, int(value)) for k, value in enumerate(ns)])
        self.write("few.txt", b"1\n2\n")
        self.refuse_import("few.txt", "2 latencies", more=("--latency-ns", "few.txt"), talks=True)
        self.verify()

    def refuse_import(self, *words, more=(), code=1, talks=False):
        process = self.ebjr(*self.command(), *more, code=code)
        lines = process.stderr.splitlines()
        self.assertEqual(process.stdout, "")
        self.assertTrue(talks or len(lines) == 1, process.stderr)
        for word in words:
            self.assertIn(word, lines[-1])

    def test_ls(self):
        self.load("--flops", "5M")
        self.assertRegex(self.ebjr("ls", "--db", self.db).stdout, r"detections.*\n.* 300 ")
        logits = np.zeros((4, 3), np.float32)
        self.import_logits("classifier", logits, np.zeros(4, int))
        rows = {row["model"]: row for row in self.json("ls", "--db", self.db)}
        self.assertEqual([rows["m"][key] for key in ("samples", "done", "detections", "classes")],
                         [30, 30, 300, 0])
        self.assertIsNone(rows["classifier"]["detections"])
        self.assertEqual(rows["classifier"]["accuracy"], 1)
        self.db = self.path("plain.db")
        self.import_logits("classifier", logits, np.zeros(4, int))
        self.assertNotIn("detections", self.ebjr("ls", "--db", self.db).stdout)


    def test_merge(self):
        self.load()
        other = self.path("other.db")
        found = make_detections(7, self.truth)
        self.ebjr(*self.command(detections=self.write("o.json", found), name="n", db=other))
        merged = self.path("merged.db")
        self.ebjr("merge", "--db", merged, self.db, other)
        self.db = merged
        self.verify()
        runs = dict(self.query("SELECT model, run FROM runs"))
        self.assertEqual(self.rows(runs["m"]), self.expected_rows(self.detections))
        self.assertEqual(self.rows(runs["n"]), self.expected_rows(found))


class Interrupted(DetectionsTest):
    IMAGES = 1500  # six transactions

    def setUp(self):
        super().setUp()
        self.truth = make_truth(9, images=self.IMAGES, objects=1)
        self.write("truth.json", self.truth)
        self.write("results.json", make_detections(10, self.truth, each=60))
        self.ebjr(*self.command(db=self.path("whole.db")))
        self.whole = self.contents(self.path("whole.db"))

    def done(self):
        try:
            return self.query("SELECT max(done) FROM run")[0][0] or 0
        except Exception:  # there is none yet
            return 0

    def test_goes_on(self):
        partial = 0
        for number, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 4)):
            for path in self.directory.glob("store.db*"):
                path.unlink()
            for least in (0, 400, 900):
                process = self.start(*self.command())
                while process.poll() is None and self.done() <= least:
                    time.sleep(0.002)
                process.send_signal(number)
                process.communicate()
                self.assertIn(process.returncode, (0, code, -number))  # the last: before it heard
                partial += process.returncode == code and 0 < self.done() < self.IMAGES
                self.verify()
            self.ebjr(*self.command())
            self.assertEqual(self.contents(), self.whole)
        self.assertGreater(partial, 0)


def change(path, value):
    """Sets what stands at a path, "annotations 3 bbox 2", in a copy; `value` KeyError: removes it."""
    def apply(document):
        document = copy.deepcopy(document)
        *heads, last = [int(key) if key.isdigit() else key for key in path.split()]
        parent = document
        for key in heads:
            parent = parent[key]
        if value is KeyError:
            del parent[last]
        else:
            parent[last] = value
        return document
    return apply


def text(old, new):
    return lambda document: json.dumps(document).replace(old, new, 1).encode()


NAN, BIG = float("nan"), 10 ** 400

TRUTHS = [
    (change("images", KeyError), ["no list 'images'"]),
    (change("annotations", KeyError), ["no list 'annotations'"]),
    (change("categories", KeyError), ["no list 'categories'"]),
    (change("images", {}), ["images", "'{'", "a list"]),
    (change("images", None), ["images", "'n'", "a list"]),
    (change("images", []), ["no images"]),
    (change("categories", []), ["no categories"]),
    (change("images 4", 7), ["images[4]", "no object"]),
    (change("images 4", [7]), ["images[4]", "no object"]),
    (change("images 4 id", KeyError), ["images[4]", "id", "missing"]),
    (change("images 4 id", "7"), ["images[4]", "id", "no number"]),
    (change("images 4 id", 7.5), ["images[4]", "id", "7.5", "whole"]),
    (change("images 4 id", 2 ** 63), ["images[4]", "too big integer"]),
    (change("images 4 id", 1e300), ["images[4]", "id", "1e+300"]),
    (change("images 4 width", 0), ["images[4]", "width", "0"]),
    (change("images 4 height", -5), ["images[4]", "height", "-5"]),
    (change("images 4 file_name", 5), ["images[4]", "file_name", "text"]),
    (change("images 4 file_name", "n" * 256), ["images[4]", "file_name", "256", "255"]),
    (lambda d: change("images 4 id", d["images"][9]["id"])(d), ["two images", "id"]),
    (change("annotations 17 image_id", 600_001), ["annotations[17]", "no image", "600001"]),
    (change("annotations 17 image_id", KeyError), ["annotations[17]", "image_id", "missing"]),
    (change("annotations 17 category_id", 91), ["annotations[17]", "no category", "91"]),
    (change("annotations 17 category_id", -1), ["annotations[17]", "category_id", "-1"]),
    (change("annotations 17 category_id", 2 ** 20), ["annotations[17]", "category_id", "1048576"]),
    (change("annotations 17 bbox", KeyError), ["annotations[17]", "bbox", "missing"]),
    (change("annotations 17 bbox", [1, 2, 3]), ["annotations[17]", "bbox", "4 numbers"]),
    (change("annotations 17 bbox", [1, 2, 3, 4, 5]), ["annotations[17]", "bbox", "4 numbers"]),
    (change("annotations 17 bbox", "1234"), ["annotations[17]", "bbox", "4 numbers"]),
    (change("annotations 17 bbox 2", -1), ["annotations[17]", "width", "-1"]),
    (change("annotations 17 bbox 3", -0.001), ["annotations[17]", "height", "-0.001"]),
    (change("annotations 17 bbox 0", None), ["annotations[17]", "x", "no number"]),
    (change("annotations 17 bbox 1", 1e10), ["annotations[17]", "y", "1e+10"]),
    (change("annotations 17 bbox 1", NAN), ["annotations[17]", "NaN"]),
    (change("annotations 17 bbox 1", -float("inf")), ["annotations[17]", "invalid"]),
    (change("annotations 17 area", -1), ["annotations[17]", "area", "-1"]),
    (change("annotations 17 area", None), ["annotations[17]", "area", "no number"]),
    (change("annotations 17 area", BIG), ["annotations[17]", "too big integer"]),
    (text('"area": ', '"area": 1e400, "b": '), ["annotations[0]", "real number overflow"]),
    (change("annotations 17 iscrowd", 2), ["annotations[17]", "iscrowd", "2"]),
    (change("annotations 17 iscrowd", True), ["annotations[17]", "iscrowd", "no number"]),
    (change("categories 2 id", 2 ** 20), ["categories[2]", "id", "1048576"]),
    (change("categories 2 name", KeyError), ["categories[2]", "no name"]),
    (change("categories 2 name", ""), ["categories[2]", "empty"]),
    (change("categories 2 name", "n" * 256), ["categories[2]", "255"]),
    (lambda d: change("categories 2 id", d["categories"][1]["id"])(d),
     ["categories[2]", "another", "id"]),
    (text('"images": ', '"images": [], "images": '), ["'images' comes twice"]),
    (text('"image_id": ', '"image_id": 5, "image_id": '), ["annotations[0]", "duplicate"]),
    (text('"info": ', '"info" '), ["'{'", "':'"]),
    (text('"info": ', "info: "), ["'i'", "name in quotes"]),
    (text('"info": {', '"info": {{'), ["'info'"]),
    (text('"info": {', '"info": nil, "b": {'), ["'info'", "nil"]),
    (text('"info": {', '"info": , "b": {'), ["','", "a value"]),
    (lambda d: json.dumps(d).encode() + b"x", ["after its end"]),
    (lambda d: json.dumps(d).encode()[:-1], ["truncated"]),
    (lambda d: json.dumps(d).encode()[:5000], ["truncated"]),
    (lambda d: json.dumps(d["images"]).encode(), ["'['", "an object"]),
    (lambda d: json.dumps(d).encode("utf-16"), ["0xff", "an object"]),
    (lambda d: b"", ["truncated"]),
    (lambda d: b"{}", ["no list 'images'"]),
    (lambda d: b"null", ["'n'", "an object"]),
    (lambda d: b"\xef\xbb", ["truncated"]),
]

RESULTS = [
    (change("17 image_id", 600_001), ["[17]", "no image", "600001"]),
    (change("17 image_id", "5"), ["[17]", "image_id", "no number"]),
    (change("17 category_id", 1000), ["[17]", "category_id", "1000"]),
    (change("17 category_id", KeyError), ["[17]", "category_id", "missing"]),
    (change("17 bbox", [1, 2, 3]), ["[17]", "bbox", "4 numbers"]),
    (change("17 bbox", {"x": 1}), ["[17]", "bbox", "4 numbers"]),
    (change("17 bbox 2", -1), ["[17]", "width", "-1"]),
    (change("17 score", KeyError), ["[17]", "score", "missing"]),
    (change("17 score", "0.5"), ["[17]", "score", "no number"]),
    (change("17 score", NAN), ["[17]", "NaN"]),
    (change("17 score", BIG), ["[17]", "too big integer"]),
    (change("17 logits", [1, 2]), ["[17]", "2 logits", "0"]),
    (change("17 logits", []), ["[17]", "logits", "no list"]),
    (change("0 logits", [1, 2]), ["[1]", "0 logits", "2"]),
    (change("0 logits", [1, 1e39]), ["[0]", "1e+39", "float32"]),
    (change("0 logits", [1, "a"]), ["[0]", "logit", "no number"]),
    (change("0 logits", 5), ["[0]", "logits", "no list"]),
    (change("17", None), ["[17]", "no object"]),
    (text("[{", "{"), ["'{'", "a list"]),
    (text("}, {", "} {"), ["'{'", "','"]),
    (text("}, {", "}, , {"), ["[1]", "','", "a value"]),
    (text("}, {", "}], {"), ["after its end"]),
    (lambda d: json.dumps(d).encode()[:-1] + b",]", ["']'", "a value"]),
    (lambda d: json.dumps(d).encode()[:-1], ["truncated"]),
    (lambda d: json.dumps(d).encode()[:-2], ["truncated"]),
    (text('"score": ', '"score": 0.5, "n": "\\ud800", "b": '), ["[0]"]),
    (lambda d: json.dumps(d).encode().replace(b"score", b"sc\xff\xfere", 1), ["[0]"]),
    (lambda d: json.dumps(d).encode().replace(b"score", b"sc\0re", 1), ["[0]"]),
    (lambda d: b"[" * 100_000, ["[0]", "truncated"]),
    (lambda d: b"[" * 100_000 + b"]" * 100_000, ["[0]", "depth"]),
    (lambda d: b'[{"a":' * 50_000 + b"1" + b"}]" * 50_000, ["[0]", "depth"]),
    (lambda d: b'["' + b"x" * (9 << 20) + b'"]', ["[0]", "8388608 bytes"]),
    (lambda d: gzip.compress(json.dumps(d).encode())[:-9], ["truncated"]),
    (lambda d: gzip.compress(json.dumps(d).encode())[:-8] + b"\0" * 8, ["json"]),
]


class Refused(DetectionsTest):
    def assert_refused(self, words, truth="truth.json", detections="results.json"):
        broken = detections if truth == "truth.json" else truth
        line = self.refuse(broken, *words, arguments=self.command(truth, detections))
        self.assertLess(len(line), 700)
        self.assertFalse(self.db.exists())

    def test_truths(self):
        self.write("results.json", self.detections)
        for k, (apply, words) in enumerate(TRUTHS):
            with self.subTest(words):
                self.assert_refused(words, truth=self.write(f"t{k}.json", apply(self.truth)))

    def test_results(self):
        self.write("truth.json", self.truth)
        for k, (apply, words) in enumerate(RESULTS):
            with self.subTest(words):
                self.assert_refused(words, detections=self.write(f"d{k}.json",
                                                                 apply(self.detections)))

    def test_files_that_are_none(self):
        self.write("truth.json", self.truth)
        self.assert_refused(["No such file"], detections="absent.json")
        self.path("folder").mkdir()
        self.assert_refused(["directory"], detections="folder")

    def test_a_store_stays_as_it_was(self):
        self.load("--dataset-name", "street")
        before = self.contents()
        for k, (apply, words) in enumerate(RESULTS[:4]):
            broken = self.write(f"d{k}.json", apply(self.detections))
            self.refuse(broken, *words, arguments=self.command(detections=broken, name="n"))
            self.refuse(broken, *words, arguments=(
                "import", "--task", "detection", "--db", self.db, "--name", "n", "--dataset",
                "street", "--detections", broken))
        self.assertEqual(self.contents(), before)

    def test_options(self):
        start = ("import", "--db", self.db, "--name", "m")
        of_detection = (*start, "--task", "detection")
        for words, more in (
                (("--task", "'boxes'"), (*start, "--task", "boxes")),
                (("--logits FILE is missing",), start),
                (("--detections FILE is missing",), of_detection),
                (("--truth", "--dataset"), (*of_detection, "--detections", "d")),
                (("--truth", "--dataset"),
                 (*of_detection, "--detections", "d", "--truth", "t", "--dataset", "s")),
                (("--logits", "classification"), (*of_detection, "--logits", "l.npy")),
                (("--labels", "classification"), (*of_detection, "--labels", "l.npy")),
                (("--class-names", "classification"), (*of_detection, "--class-names", "n")),
                (("--probabilities", "classification"), (*of_detection, "--probabilities")),
                (("--detections", "--task detection"), (*start, "--detections", "d.json")),
                (("--truth", "--task detection"), (*start, "--truth", "t.json"))):
            self.refuse(*words, arguments=more, code=2)
        self.assertFalse(self.db.exists())

    def test_tasks_do_not_mix(self):
        self.load("--dataset-name", "street")
        self.import_logits("c", np.zeros((30, 3), np.float32), np.zeros(30, int), "--dataset-name",
                           "labels")
        before = self.contents()
        self.refuse("'street'", "no labels", code=2, arguments=(
            "import", "--db", self.db, "--name", "n", "--dataset", "street", "--logits",
            self.save("l.npy", np.ones((30, 3), np.float32))))
        self.refuse("'labels'", "no objects", arguments=(
            "import", "--task", "detection", "--db", self.db, "--name", "n", "--dataset", "labels",
            "--detections", "results.json"), code=2)
        self.assertEqual(self.contents(), before)


if __name__ == "__main__":
    unittest.main()
