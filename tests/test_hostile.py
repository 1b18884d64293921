"""Names that are programs elsewhere: of models, data sets, titles and published methods, through
all that is printed and drawn. What comes out is read by parsers that are not ours."""

import csv
import hashlib
import html.parser
import io
import json
import re
import shutil
import unittest
from xml.etree import ElementTree

import numpy as np

from support import ProgramTest, random_logits

NAMES = [
    "'; DROP TABLE model; --", "\"; DELETE FROM run WHERE \"1\"=\"1", "''\"\"", "x' OR 1=1 --%_",
    "$(touch broken)", "`touch broken`", "| touch broken", "; touch broken & touch broken",
    "'; system('touch broken'); set output 'broken'; '", "\"; !touch broken\n!touch broken",
    "@x {/Bold=99 \\} ^{a}_{b} &{c} ~a{b}", "\\", "back\\\\slash\\n\\033\\", "%s%n%d%99999s", "%%",
    "</script><script>touch('broken')</script>", "<img src=x onerror=alert(1)>\" onload='x'",
    "</title></style>--><!--]]>&lt;&#60;&", "\\input{/etc/passwd}", "\\write18{touch broken}",
    "% # _ ^ & ~ $ { }", "\\end{tabular}\\verb|x|", "=1+1", "+1+cmd|' /C calc'!A0", "-2+3",
    "@SUM(A1)",
    "\t=1+1", "\x1b[31mred\x1b[0m\x1b]0;title\x07\x7f", "two\nlines\r\nand\ttabs\v\f",
    "| a | b | `c` |",
    "txt.\u202egpj\u2066", "c1 \x9b31m \x85 and \u2028 lines", "run:1", "--help", "-", " ", "NULL",
    "../../broken", "https://x.invalid/*_[a](b)", "n" * 255, "名\U0001f600é" * 28,
    b"\xff\xfe\x80 not UTF-8",
    b"cut \xe2\x82", b"\xc0\xafover\xed\xa0\x80long",
]
FORMATS = ("table", "csv", "json", "md", "latex")
VIEWS = ("summary", "points", "dominance", "equal-cost", "equal-accuracy", "wins")
KINDS = ("tradeoff", "explorer", "histogram", "reliability", "risk-coverage", "classes", "latency",
         "qps")
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
COLUMNS = ("dataset", "metric", "method", "family", "variant", "point", "cost", "cost_unit",
           "convention", "accuracy", "cost_error", "accuracy_error", "source", "how_read")
SAMPLES, CLASSES = 400, 5


def as_bytes(name):
    return name if isinstance(name, bytes) else name.encode()


def is_text(name):
    return isinstance(name, str)


def packs(names, size, unfit=()):
    """The names put together in as few as are of that size, for what takes long."""
    out = [b""]
    for name in map(as_bytes, names):
        if any(c in name for c in unfit) or len(name) > 200:
            continue
        if len(out[-1]) + len(name) + 1 > size:
            out.append(b"")
        out[-1] += b" " + name if out[-1] else name
    return out


def squashed(text):
    """What is left of a text where blanks may be anywhere, and the unseen are blanks."""
    return "".join(UNSEEN.sub(" ", text).split())


class Page(html.parser.HTMLParser):
    """Elements outside of pictures, everything that acts, all text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.acts, self.words, self.depth = [], [], "", 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        names = sorted(name for name, _ in attributes)
        if tag == "svg":
            self.depth += 1
        if not self.depth:
            self.elements.append((tag, names))
        if tag in ("script", "iframe", "object", "embed", "link", "base", "foreignobject"):
            self.acts.append((tag, names))
        self.acts += [(tag, name, value) for name, value in attributes if name.startswith("on") or
                      (name in ("href", "src", "xlink:href") and not value.startswith("#"))]

    def handle_endtag(self, tag):
        self.depth -= tag == "svg"

    def handle_data(self, data):
        self.words += data


class Hostile(ProgramTest):
    def fill(self, first, second):
        """A store of two models on two data sets, which share their names."""
        self.db = self.path("store.db")
        self.classes = [name for name in (first, second, "x") if is_text(name)]
        self.path("classes.json").write_text(json.dumps(self.classes))
        for suffix in ("", "-wal", "-shm"):
            self.path(f"store.db{suffix}").unlink(missing_ok=True)
        for seed, dataset in enumerate((first, second)):
            labels = np.random.default_rng(seed).integers(0, CLASSES, SAMPLES)
            for name, skill, flops in ((first, 5, "1M"), (second, 12, "9M")):
                number = next(self.numbers)
                logits = self.save(f"logits{number}.npy", random_logits(
                    skill + seed, SAMPLES, CLASSES, labels, skill))
                sha = hashlib.sha256(as_bytes(name)).hexdigest()
                ns = self.save("ns.npy", np.arange(SAMPLES) + 1000 * skill)
                self.last_import = ("--db", self.db, "--name", name, "--dataset-name", dataset,
                                    "--logits", logits, "--labels", self.save("y.npy", labels),
                                    "--flops", flops, "--model-sha256", sha,
                                    "--class-names", "classes.json")
                self.run_quietly("import", *self.last_import, "--latency-ns", ns)
        self.names = [name.decode("utf-8", "replace") for name in map(as_bytes, (first, second))]
        self.of = ("--db", self.db, "--dataset", first)
        self.cascade = (*self.of, "--student", first, "--teacher", second)
        self.rule = ("--score", "msp", "--threshold", "0.7")

    def run_quietly(self, *arguments, codes=(0,)):
        """What is printed, which must be UTF-8; the talk is in lines that show and do no more."""
        process = self.start(*arguments)
        output, talk = process.communicate(timeout=120)
        self.assertIn(process.returncode, codes, talk)
        talk = talk.decode("utf-8")
        self.assertIsNone(UNSEEN.search(talk), repr(talk))
        for line in talk.splitlines():
            self.assertGreater(len(line), 0)
        return output.decode("utf-8"), talk

    def write_baselines(self, name):
        """The same name for everything a name is asked for."""
        def field(text):
            return b'"' + as_bytes(text).replace(b'"', b'""') + b'"'
        rows = [COLUMNS]
        for method, variant, cost, accuracy in (
                (name, name, "2e6", "70"), (name, name, "8e6", "90"), ("plain", "", "3e6", "80")):
            rows.append((name, "top-1 accuracy", method, "static", variant, name, cost, "flops",
                         "mac2", accuracy, "", "", name, name))
        path = self.path("baselines.csv")
        path.write_bytes(b"\n".join(b",".join(map(field, row)) for row in rows))
        return path

    def sound(self):
        """Nothing was run, nothing was dropped."""
        self.assertEqual([path for path in self.directory.rglob("*broken*")
                          if "touch" not in path.name and ".." not in path.name], [])
        self.assertEqual(self.query("SELECT (SELECT count(*) FROM model), (SELECT count(*) FROM"
                                    " dataset), (SELECT count(*) FROM run)"), [(2, 2, 4)])
        self.verify()


class Tables(Hostile):
    def check_csv(self, text, rows):
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        self.assertEqual(len(lines), 1 + len(rows))
        for line in lines:
            self.assertEqual(len(line), len(lines[0]))
            for cell in line:
                if not re.fullmatch(r"-?(inf|\d+(\.\d+)?(e[-+]\d+)?)", cell):
                    self.assertNotRegex(cell, r"^[=+\-@\t\r]")
        for line, row in zip(lines[1:], rows):
            for name, cell in zip(lines[0], line):
                if isinstance(row[name], str) and "\ufffd" not in cell and "?" not in row[name]:
                    self.assertIn(cell, (row[name], f"'{row[name]}"))

    def check_md(self, text, rows):
        self.assertIsNone(UNSEEN.search(text), repr(text))
        lines = text.split("\n")[:-1]
        self.assertEqual(len(lines), 2 + len(rows))
        bare = [re.sub(r"\\[\\|`*_<>\[\]]", "", line) for line in lines]
        for line in bare[:1] + bare[2:]:
            self.assertEqual(line.count("|"), bare[1].count("|"), line)
        for line in bare[2:]:
            self.assertNotRegex(line, r"[\\`*_<>\[\]]")

    def check_latex(self, text, rows):
        self.assertIsNone(UNSEEN.search(text), repr(text))
        lines = text.split("\n")[:-1]
        self.assertEqual([lines[1], lines[3], *lines[-2:]],
                         ["\\toprule", "\\midrule", "\\bottomrule", "\\end{tabular}"])
        columns = len(re.fullmatch(r"\\begin\{tabular\}\{([lr]+)\}", lines[0]).group(1))
        body = [lines[2], *lines[4:-2]]
        self.assertEqual(len(body), 1 + len(rows))
        for line in body:
            self.assertEqual(line[-3:], " \\\\")
            bare = re.sub(r"\\text[a-z]+\{\}|\\[#$%&_{}]", "", line[:-3])
            self.assertNotRegex(bare, r"[\\#$%_{}~^<>|\"`]")
            self.assertEqual(bare.count("&"), columns - 1)

    def check_table(self, text, rows):
        self.assertIsNone(UNSEEN.search(text), repr(text))
        self.assertIn(len(text.splitlines()), (1 + len(rows), text.count("\n")))
        self.assertEqual(len(text.splitlines()), text.count("\n"))

    def everywhere(self, *arguments, codes=(0,)):
        """Every format of one result; the rows by JSON."""
        rows = json.loads(self.run_quietly(*arguments, "--format", "json", codes=codes)[0])
        rows = rows if isinstance(rows, list) else [rows]
        for form in FORMATS:
            if form == "json":
                continue
            text, _ = self.run_quietly(*arguments, "--format", form, codes=codes)
            getattr(self, f"check_{form}")(text, rows)
        return rows

    def check_name(self, first, second):
        self.fill(first, second)
        self.everywhere("import", *self.last_import)  # what is stored already is said again
        rows = self.everywhere("ls", "--db", self.db)
        self.assertEqual(len(rows), 4)
        if is_text(first):
            self.assertEqual((rows[0]["model"], rows[0]["dataset"]), (first, first))
        self.everywhere("ls", "--db", self.db, "--measurements")
        row, = self.everywhere("eval", *self.cascade, *self.rule)
        if is_text(first) and is_text(second):
            self.assertEqual((row["student"], row["teacher"], row["dataset"]),
                             (first, second, first))
        rows = self.everywhere("eval", *self.cascade, *self.rule, "--by", "class")
        names = self.classes + [""] * (CLASSES - len(self.classes))
        self.assertEqual([row["name"] for row in rows], names)
        self.everywhere("sweep", *self.cascade, "--score", "msp")
        self.everywhere("sweep", *self.cascade, "--score", "msp", "--summary", "--resamples", "39")
        self.check_policy(first, second)
        baselines = ("--baselines", self.write_baselines(first), "--resamples", "39")
        for view in VIEWS[:2] + VIEWS[2 + len(first) % 4:][:1]:
            self.everywhere("compare", *self.cascade, *self.rule, "--model", second, *baselines,
                            "--what", view)
        for arguments in (("--student", b"no " + as_bytes(first)[:200], "--teacher", second),
                          ("--student", second, "--teacher", first, "--dataset",
                           b"no " + as_bytes(first)[:200])):
            output, talk = self.run_quietly("eval", "--db", self.db, *arguments, *self.rule,
                                            codes=(1, 2))
            self.assertEqual((output, talk.count("\n")), ("", 1), talk)
        self.sound()

    def check_policy(self, first, second):
        """JSON has no place for what is not UTF-8."""
        pick = ("pick", *self.cascade, "--score", "msp", "--max-drop", "0.2", "--out",
                "policy.json")
        if not (is_text(first) and is_text(second)):
            _, talk = self.run_quietly(*pick, codes=(1,))
            self.assertIn("not UTF-8", talk)
            return
        self.everywhere(*pick)
        policy = json.loads(self.path("policy.json").read_bytes().decode("utf-8"))
        self.assertEqual((policy["stages"][0]["model"], policy["dataset"]["name"]), (first, first))
        self.everywhere("eval", "--db", self.db, "--policy", "policy.json", "--dataset", second)
        self.everywhere("check", "--db", self.db, "--policy", "policy.json", "--dataset", second)

    def test_every_name(self):
        for i, name in enumerate(NAMES):
            with self.subTest(name):
                self.check_name(name, NAMES[(i + 1) % len(NAMES)])

    def test_names_that_are_too_long_are_refused(self):
        for option in ("--name", "--dataset-name"):
            names = {"--name": "m", "--dataset-name": "d"} | {option: "n" * 256}
            logits = self.save("m.npy", np.eye(3, dtype=np.float32))
            self.refuse(option, "255 bytes", code=2, arguments=(
                "import", "--db", self.db, "--logits", logits, "--labels",
                self.save("y.npy", np.arange(3)),
                *(word for pair in names.items() for word in pair)))


@unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed")
class Pictures(Hostile):
    """Compared with the same of harmless names: no element more, no attribute of another name."""

    PACKS = packs(NAMES, 255)

    def shape(self, file, title):
        """Tags and attributes of an SVG, which has the title as text."""
        tree = ElementTree.parse(self.path(file))
        words = squashed("".join("".join(node.itertext()) for node in tree.iter()
                                 if node.tag.endswith("text")))
        self.assertIn(squashed(title)[:40], words)
        self.assertFalse([node.tag for node in tree.iter() for name in node.attrib
                          if name.startswith("on")])
        return {(node.tag, name) for node in tree.iter() for name in node.attrib}

    def draw(self, title):
        """The shape of every picture there is."""
        title = as_bytes(title)
        shapes = {}
        for kind in KINDS[:-1]:
            rule = () if kind == "reliability" else self.rule
            self.run_quietly("plot", *self.cascade, *rule, "--kind", kind, "--title", title,
                             "--out", "one")
            shapes[kind] = self.shape("one.svg", title.decode("utf-8", "replace"))
        self.run_quietly("compare", *self.cascade, *self.rule, "--resamples", "39", "--baselines",
                         self.write_baselines(title[:100]), "--plot", "one", "--title", title)
        shapes["compare"] = self.shape("one.svg", title.decode("utf-8", "replace"))
        return shapes

    def test_pictures(self):
        self.fill("small", "large")
        harmless = self.draw("a title")
        for first, second in zip(self.PACKS[::2], self.PACKS[1::2]):
            with self.subTest(first):
                self.fill(first, second)
                for kind, shape in self.draw(second).items():
                    self.assertLessEqual(shape, harmless[kind], kind)
                self.sound()

    def test_a_title_is_data_set_and_models(self):
        for name in NAMES[4:13]:
            with self.subTest(name):
                self.fill(name, "large")
                self.run_quietly("plot", *self.cascade, *self.rule, "--kind", "histogram", "--out",
                                 "one")
                self.shape("one.svg", name)
                self.sound()

    def test_names_of_files(self):
        self.fill("small", "large")
        for name in packs(filter(is_text, NAMES), 200, unfit=(b"/", b"\n", b"\t", b"\x1b")):
            self.run_quietly("plot", *self.cascade, *self.rule, "--kind", "histogram", "--out",
                             name)
            with open(self.directory.__fspath__().encode() + b"/" + name + b".svg", "rb") as file:
                ElementTree.parse(file)
        for name in ("\x1b[31m", "a\nb", "\t"):
            self.refuse("control character", code=2, arguments=(
                "plot", *self.cascade, *self.rule, "--kind", "histogram", "--out", name))
        self.sound()

    def report(self, title):
        self.run_quietly("report", *self.cascade, "--title", title, "--resamples", "39",
                         "--baselines", self.write_baselines(title), "--out", "one.html")
        return Page(self.path("one.html").read_bytes().decode("utf-8"))

    def test_reports(self):
        self.fill("small", "large")
        harmless = self.report("a title")
        for first, second in zip(self.PACKS[::2], self.PACKS[1::2]):
            with self.subTest(first):
                self.fill(first, second)
                page = self.report(second)
                self.assertEqual(page.acts, harmless.acts)
                self.assertEqual(page.elements, harmless.elements)
                words = squashed(page.words)
                for name in self.names:
                    self.assertIn(squashed(name), words)
                self.sound()


if __name__ == "__main__":
    unittest.main()
