"""Files that are broken in every way we know of. Each is refused in one line that names it, within
seconds and little memory, and leaves the store as it was; or it turns out sound, and is read."""

import gzip
import io
import json
import os
import random
import resource
import shutil
import unittest
from pathlib import Path

import numpy as np

from support import EBJR, ProgramTest, random_logits

SAMPLES, CLASSES, FILES = 300, 5, 260
MEMORY = 2 << 30
SECONDS = 5
IS_SANITIZED = b"__asan_init" in Path(EBJR).read_bytes()
BASELINES = """dataset,metric,method,family,variant,point,cost,cost_unit,convention,accuracy,\
cost_error,accuracy_error,source,how_read
One,top-1 accuracy,A,static,v,"p, 1",1e6,flops,mac2,70,,,Someone,table
One,top-1 accuracy,A,static,v,p2,3e6,flops,mac2,80,1e5,0.1,Someone,table
"""
TRUTH = json.dumps({
    "images": [{"id": k, "width": 64, "height": 48, "file_name": f"{k}.jpg"} for k in range(9)],
    "annotations": [{"image_id": k % 9, "category_id": k % 3, "bbox": [k, 1.5, 8, 9], "area": 70.5,
                     "iscrowd": k % 2, "segmentation": [[1, 2, 3, 4, 5, 6]]} for k in range(20)],
    "categories": [{"id": k, "name": f"thing {k}"} for k in range(3)]}).encode()
RESULTS = json.dumps([{"image_id": k % 9, "category_id": k % 3, "bbox": [k, 1.5, 8, 9],
                       "score": 1 / (k + 1), "logits": [k, -0.5, 1e-3]}
                      for k in range(30)]).encode()
LABELS = np.random.default_rng(1).integers(0, CLASSES, SAMPLES)
LOGITS = random_logits(2, SAMPLES, CLASSES, LABELS, 4)


def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npy_of(shape, descr="'<f4'", order="False", rest=b"\0" * 20):
    """A file whose header says what we like."""
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + rest


def text_of(logits, labels):
    rows = [",".join([*(f"c{k}" for k in range(logits.shape[1])), "label"])]
    rows += [",".join([*map(repr, map(float, row)), str(label)])
             for row, label in zip(logits, labels)]
    return ("\n".join(rows) + "\n").encode()


def with_value(array, value):
    array = array.copy()
    array.flat[7] = value
    return array


def gzips(data):
    """Whole, cut in half, with a wrong checksum, with a tail."""
    whole = gzip.compress(data, mtime=0)
    return [whole, whole[:len(whole) // 2], whole[:-8] + b"\0\0\0\0" + whole[-4:], whole + b"tail"]


def by_hand():
    """(ending, bytes), and None instead of bytes for a directory."""
    csv, out = text_of(LOGITS, LABELS), []
    for shape in ("(2147483648, 5)", "(9223372036854775807, 5)", "(9223372036854775808, 5)",
                  "(4294967296, 4294967296)", "(4611686018427387904, 2)", "(-1, 5)", "(1, -5)",
                  "(0, 5)",
                  "(5, 0)", "(9223372036854775807, 0)", "(5,)", "()", "(1, 1, 5)",
                  "(1,1,1,1,1,1,1,1,1)",
                  "(300, 5", "'a'", "(1e3, 5)", "(0x10, 5)"):
        out.append((".npy", npy_of(shape)))
    for descr in ("'>f4'", "'<f2'", "'|O'", "'<c8'", "[('a', '<f4'), ('b', '<i4')]", "'<U5'", "'",
                  "<f4"):
        out.append((".npy", npy_of("(1, 5)", descr)))
    out += [(".npy", data) for data in (
        npy_of("(1, 5)", order="True"), npy_of("(1, 5)", order="Maybe"), b"", b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\xff\xff", b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
        b"\x93NUMPY\x09\x00v\x00{}",
        npy(np.array([["a", None]], dtype=object)), npy(LOGITS.astype(">f8")), npy(LOGITS.T),
        npy(np.asfortranarray(LOGITS)), npy(LOGITS.astype(np.float16)), npy(LABELS[:, None]),
        npy(np.zeros(3, dtype=[("a", "f4"), ("b", "i4")])), npy(LOGITS)[:-1], npy(LOGITS) + b"x",
        npy(with_value(LOGITS, np.nan)), npy(with_value(LOGITS, np.inf)),
        npy(with_value(LOGITS.astype(float), -1e300)), npy(LOGITS[:, :1]), npy(LOGITS[:, :0]))]
    out += [(".labels.npy", npy(labels)) for labels in (
        with_value(LABELS, -1), with_value(LABELS, CLASSES), with_value(LABELS, 2 ** 31),
        with_value(LABELS, -2 ** 63), LABELS[:-1], LABELS[:0], LABELS / 2, LABELS.astype(">i8"),
        LABELS[None, :], np.array(3))]
    lines = csv.split(b"\n")
    out += [(".csv", data) for data in (
        b"", b"\n\n", b"\0", lines[0], lines[0] + b"\n", csv.replace(b"\n", b"\r\n"),
        csv.replace(b"\n", b"\r"), b"\xef\xbb\xbf" + csv,
        b"\xff\xfe" + csv.decode().encode("utf-16-le"),
        csv[:500] + b"\0" + csv[500:], b"\n".join(lines[:9] + [b"\0" + lines[9]] + lines[10:]),
        b"\n".join(line + b"\0x" for line in lines), csv.replace(b",", b";"),
        csv.replace(b"label", b"Label"),
        csv.replace(b"c0", b"label"), b"label\n1\n2\n", b"1,2\n" * 3, csv.replace(b"\n", b",\n"),
        csv + b"1,2", csv + b"nan,1,1,1,1,0\n", csv + b"1e999,1,1,1,1,0\n", csv + b"1,1,1,1,1,-1\n",
        csv + b"1,1,1,1,1,5\n", csv + b"1,1,1,1,1,0.5\n", csv + b"1,1,1,1,1,1e30\n",
        csv + b",,,,,\n",
        b"," * 100_000, b"9" * 100_000, b"\"1\",2\n")]
    out += [(".csv", data) for data in gzips(csv)] + [(".npy", data) for data in gzips(npy(LOGITS))]
    out += [(".policy", data) for data in (
        b"", b"{", b"null", b"[]", b"{}", b"[" * 100_000, b'{"a":' * 100_000, b"\0", b"\xff\xfe",
        b'{"ebjr_policy": 1}', b'{"ebjr_policy": 99}', b'{"ebjr_policy": 1e400}',
        b'"' + b"x" * 1_000_000)]
    table = BASELINES.encode()
    out += [(".baselines", data) for data in (
        b"", b"\n", b"\0", table.split(b"\n")[0], table.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + table,
        table.replace(b"1e6", b"nan"), table.replace(b"1e6", b"1e999"),
        table.replace(b"1e6", b"-1"),
        table.replace(b"70", b"7000"), table.replace(b"70", b""),
        table.replace(b"static", b"dynamic"),
        table.replace(b'"p, 1"', b'"p, 1'), table + b"One\0", table + b"," * 100,
        table + b"x" * 100_000,
        table.replace(b"source", b"method"), table.decode().encode("utf-16"))]
    out += [(".baselines", data) for data in gzips(table)]
    for ending, text, whole in ((".truth.json", TRUTH, b"{"), (".results.json", RESULTS, b"[")):
        out += [(ending, data) for data in (
            b"", whole, b"null", b"{}", b"[]", b"[[]]", b"[null]", b"[{}]", b"[1", b"\0", b"\xff\xfe",
            b"\xef\xbb\xbf" + text, b"\xef\xbb" + text, text.decode().encode("utf-16"), text[:-1],
            text + b"x", text + text, text.replace(b":", b"=", 1), text.replace(b"9,", b"NaN,"),
            text.replace(b"1.5", b"1e400"), text.replace(b"1.5", b"9" * 400),
            text.replace(b"1.5", b"1.5" * 100_000), text.replace(b"1.5", b"[" * 3000 + b"]" * 3000),
            text.replace(b"8, 9", b"8"), text.replace(b"8, 9", b"-8, 9"),
            text.replace(b"image_id", b"image\0id"), text.replace(b"image_id", b"image\xffid"),
            text.replace(b'"image_id": 1', b'"image_id": 99'), whole * 100_000,
            whole + b'"a": [' * 50_000, whole + b'"' + b"x" * 1_000_000, b"[" + b"{}," * 100_000)]
        out += [(ending, data) for data in gzips(text)]
    return out + [(ending, None) for ending in (".npy", ".csv", ".labels.npy", ".policy",
                                                ".baselines", ".truth.json", ".results.json")]


def mutated(generator, data):
    """Cut, extended, doubled, or with some bytes changed, most often near the beginning."""
    data, kind = bytearray(data), generator.randrange(5)
    if kind == 0:
        return bytes(data[:generator.randrange(len(data))])
    if kind == 1:
        return bytes(data) + generator.randbytes(generator.randrange(1, 100))
    if kind == 2:
        return bytes(data) * 2
    end = len(data) if kind == 3 else min(len(data), 128)
    for _ in range(generator.randrange(1, 9)):
        data[generator.randrange(end)] = generator.randrange(256)
    return bytes(data)


class Malformed(ProgramTest):
    def setUp(self):
        super().setUp()
        for name, scale, flops in (("small", 1, "1M"), ("large", 3, "9M")):
            self.import_logits(name, scale * LOGITS + scale, LABELS, "--flops", flops,
                               "--dataset-name", "one")
        self.cascade = ("--db", self.db, "--student", "small", "--teacher", "large")
        self.ebjr("pick", *self.cascade, "--score", "msp", "--max-drop", "0.2", "--out",
                  "policy.json")
        self.kept = self.contents()
        shutil.copy(self.db, self.path("kept.db"))

    def command(self, ending, file):
        start = ("import", "--db", self.db, "--name", "new")
        detections = (*start, "--task", "detection")
        return {".npy": (*start, "--logits", file, "--labels", "labels.npy"),
                ".labels.npy": (*start, "--logits", "logits.npy", "--labels", file),
                ".csv": (*start, "--logits", file),
                ".policy": ("eval", "--db", self.db, "--policy", file),
                ".truth.json": (*detections, "--detections", "results.json", "--truth", file),
                ".results.json": (*detections, "--detections", file, "--truth", "truth.json"),
                ".baselines": ("compare", *self.cascade, "--resamples", "39", "--baselines", file),
                }[ending]

    def limit(self):
        """A sanitizer maps more than there is."""
        return {} if IS_SANITIZED else {
            "preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))}

    def check(self, ending, file):
        """Refused in a line that names the file, or done."""
        process = self.start(*self.command(ending, file), **self.limit())
        output, talk = process.communicate(timeout=SECONDS)
        self.assertIn(process.returncode, (0, 1, 2), talk)
        talk = talk.decode("utf-8", "replace")
        if process.returncode == 0:
            self.verify()
        else:
            self.assertEqual(output, b"")
            last = talk.splitlines()[-1]
            self.assertTrue(last.startswith("ebjr "), talk)
            self.assertEqual([line for line in talk.splitlines()[:-1]
                              if not line.startswith("note: ")], [])
            # the file beside it is named where both are sound and do not belong together
            if "has the label" not in last and " results.json: [" not in last:
                self.assertIn(file, last)
            self.assertEqual(self.contents(), self.kept)
        return process.returncode

    def prepare(self, i, ending, data):
        file = f"file{i}{'.csv' if ending == '.baselines' else ending}"
        shutil.copy(self.path("kept.db"), self.db)
        self.save("labels.npy", LABELS)
        self.save("logits.npy", LOGITS)
        self.path("truth.json").write_bytes(TRUTH)
        self.path("results.json").write_bytes(RESULTS)
        if data is None:
            self.path(file).mkdir()
        else:
            self.path(file).write_bytes(data)
        return file

    def test_files(self):
        generator = random.Random(20)
        corpus = by_hand()
        policy = self.path("policy.json").read_bytes()
        sound = [(".npy", npy(LOGITS)), (".labels.npy", npy(LABELS)), (".policy", policy),
                 (".csv", text_of(LOGITS, LABELS)), (".baselines", BASELINES.encode()),
                 (".truth.json", TRUTH), (".results.json", RESULTS)]
        while len(corpus) < FILES:
            ending, data = sound[len(corpus) % len(sound)]
            corpus.append((ending, mutated(generator, data)))
        codes = []
        for i, (ending, data) in enumerate(corpus):
            with self.subTest(f"{i}{ending}: {'a directory' if data is None else data[:120]}"):
                codes.append(self.check(ending, self.prepare(i, ending, data)))
        self.assertGreater(codes.count(1) + codes.count(2), FILES // 2)
        for i, (ending, data) in enumerate(sound):
            self.assertEqual(self.check(ending, self.prepare(f"sound{i}", ending, data)), 0)

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_files_that_may_not_be_read(self):
        for i, ending in enumerate((".npy", ".labels.npy", ".csv", ".policy", ".baselines",
                                    ".truth.json", ".results.json")):
            file = self.prepare(i, ending, b"secret")
            self.path(file).chmod(0)
            self.assertEqual(self.check(ending, file), 1)

    def test_no_row_is_cut_short_or_skipped(self):
        self.save("labels.npy", LABELS)
        rows = [b"1,2,3,4,5"] * SAMPLES
        for row in (b"\0" + rows[0], rows[0] + b"\0", rows[0] + b"\0,6", b"\0", b"1,2,3\r,4,5"):
            self.path("nul.csv").write_bytes(b"\n".join([*rows[:9], row, *rows[10:]]))
            self.refuse("nul.csv, line 10", arguments=self.command(".npy", "nul.csv"))
            self.assertEqual(self.contents(), self.kept)

    def test_what_other_programs_write_is_read_the_same(self):
        """Ends of lines and a byte order mark change nothing, with a header and without."""
        text = text_of(LOGITS, LABELS)
        bare = b"\n".join(line.rpartition(b",")[0] for line in text.split(b"\n")[1:])
        self.save("labels.npy", LABELS)
        for i, (data, more) in enumerate(((text, ()), (bare, ("--labels", "labels.npy")))):
            for k, form in enumerate((data, data.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + data)):
                self.path("form.csv").write_bytes(form)
                db = self.path(f"form{i}{k}.db")
                self.ebjr("import", "--db", db, "--name", "m", "--logits", "form.csv", *more)
                rows = self.query("SELECT logits FROM output ORDER BY idx", db=db)
                self.assertTrue(np.array_equal([np.frombuffer(r, "<f4") for r, in rows], LOGITS))


class Extremes(ProgramTest):
    """One class, very many, no samples: a result, or one line that says why there is none."""

    def try_everything(self, samples, classes):
        generator = np.random.default_rng(3)
        labels = generator.integers(0, classes, samples)
        for name, flops in (("small", "1M"), ("large", "9M")):
            self.import_logits(name, generator.normal(size=(samples, classes)).astype("f4"), labels,
                               "--flops", flops)
        cascade = ("--db", self.db, "--student", "small", "--teacher", "large")
        commands = [("verify", "--db", self.db), ("sweep", *cascade),
                    ("sweep", *cascade, "--score", "all", "--summary", "--resamples", "39"),
                    ("eval", *cascade, "--score", "msp", "--threshold", "0.5", "--by", "class"),
                    ("pick", *cascade, "--max-drop", "0.9"),
                    ("pick", *cascade, "--plain", "--max-drop", "0.9", "--per-class"),
                    ("compare", *cascade, "--resamples", "39")]
        if shutil.which("gnuplot"):
            rule = ("--score", "msp", "--threshold", "0.5", "--out", "one")
            commands += [("plot", *cascade, *rule, "--kind", kind) for kind in
                         ("tradeoff", "explorer", "histogram", "risk-coverage", "classes")]
            commands += [("report", *cascade, "--resamples", "39", "--out", "one.html")]
        for command in commands:
            with self.subTest(" ".join(map(str, command[:1] + command[-4:]))):
                process = self.start(*command)
                _, talk = process.communicate(timeout=300)
                self.assertIn(process.returncode, (0, 1, 2, 3), talk)
                self.assertNotIn(b"Sanitizer", talk)
                if process.returncode:
                    self.assertRegex(talk.decode().splitlines()[-1], "^ebjr ")
        self.verify()

    def test_one_class(self):
        self.try_everything(300, 1)

    def test_many_classes(self):
        self.try_everything(40, 100_000)

    def test_one_sample(self):
        self.try_everything(1, 3)

    def test_an_empty_data_set(self):
        logits = self.save("m.npy", np.zeros((0, 5), "f4"))
        self.refuse("m.npy", "no logits", arguments=(
            "import", "--db", self.db, "--name", "m", "--logits", logits, "--labels",
            self.save("y.npy", np.zeros(0, int))))
        self.assertFalse(self.db.exists())


if __name__ == "__main__":
    unittest.main()
