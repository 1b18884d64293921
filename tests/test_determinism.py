"""The same inputs, seeds and options give the same bytes: again, on one processor, from a store
elsewhere, from one that was filled in another order, and by other builds (EBJR_ALSO: their
programs, colons between)."""

import hashlib
import os
import shutil
import subprocess
import unittest
from multiprocessing.pool import ThreadPool

import numpy as np

from support import EBJR, SOURCE, ProgramTest, decode, random_logits
from test_latency import LatencyTest

CLASSES = 100
SAMPLES = {"old": 3000, "new": 1000}  # enough logits for threads to share them
MODELS = {  # skill, outputs, FLOPs, nanoseconds
    "small": (6, CLASSES, 1_000_000, 2e5),
    "middle": (9, CLASSES, 8_000_000, 9e5),
    "large": (14, CLASSES, 40_000_000, 3e6),
    "special": (6, 60, 900_000, 2e5),
}
BASELINES = SOURCE / "bench" / "baselines" / "cifar10.csv"

PAIR = "--student small --teacher large --dataset old"
STAGES = "--stages small,middle,large --dataset old"
SPECIAL = "--student special --teacher large --dataset old"
POINT = "--score msp --threshold 0.5"
COMPARE = (f"compare {PAIR} {POINT} --cascade small,large,energy --cascade middle,large"
           " --model middle --baselines cifar10.csv --resamples 200")

PICKS = f"""
pick {PAIR} --score msp --max-drop 0.05 --out policy.json
pick {PAIR} --score learned --max-drop 0.05 --tune-on 0.4 --out learned.json
pick {PAIR} --score energy --per-class --max-drop 0.05 --tune-on 0.5 --out classes.json
pick {PAIR} --max-drop 0.05 --min-accuracy 0.4 --max-teacher-rate 0.95 --test-on 0.2 --out auto.json
pick {PAIR} --score energy --fit-temperature --tune-on 0.7 --max-drop 0.1 --out temperature.json
pick {PAIR} --score gini --answer average --tune-on 0.3 --max-drop 0.05 --out average.json
pick {PAIR} --score margin --answer average:0.7 --max-drop 0.05 --bound hoeffding-bentkus
pick {PAIR} --score entropy --max-drop 0.05 --bound betting --split-seed 7
pick {PAIR} --score pnorm --p 3 --max-flops 35M --max-p95 8ms --max-p99 9ms
pick {PAIR} --score logit-margin --plain --max-latency 3ms --minimize latency --min-accuracy 0.3
pick {PAIR} --score msp --class-weights 0-49=0.8 --max-drop 0.1 --test-on 0.3
pick --student small --teacher large --calibrate-on old --test-on new --max-drop 0.05
pick {PAIR} --score max-logit --max-drop 0.1 --precision float32
pick {PAIR} --min-accuracy 0.9999 --max-flops 2M
pick {STAGES} --max-drop 0.1 --out stages.json
pick {STAGES} --plain --score msp --max-drop 0.02 --max-flops 30M
pick {SPECIAL} --score msp --max-drop 0.1 --out special.json
"""

TABLES = f"""
sweep {PAIR}
sweep {PAIR} --score all --precision float32
sweep {PAIR} --score all --temperature 1.7 --p 2.5 --seed 5
sweep {SPECIAL} --score msp
sweep {PAIR} --score msp --bands
sweep {PAIR} --score energy --bands --resamples 100 --bootstrap-seed 4
sweep {PAIR} --score all --summary --resamples 200
sweep {SPECIAL} --score all --summary --resamples 50 --bootstrap-seed 4
eval {PAIR} {POINT}
eval {PAIR} {POINT} --by class
eval {PAIR} {POINT} --by prediction --delta 0.1
eval {PAIR} {POINT} --class-weights 0-49=0.8
eval --policy policy.json --dataset old
eval --policy policy.json --dataset new
eval --policy learned.json --by class --dataset old
eval --policy classes.json --dataset new
eval --policy temperature.json --dataset old
eval --policy average.json --dataset old
check --policy policy.json --dataset new
check --policy learned.json --dataset new
check --policy policy.json --dataset new --unlabelled
verify
{COMPARE} --what summary
{COMPARE} --what points
{COMPARE} --what dominance
{COMPARE} --what equal-cost
{COMPARE} --what equal-accuracy
{COMPARE} --what wins
"""

PICTURES = f"""
plot {PAIR} --out tradeoff
plot {PAIR} {POINT} --cost latency --out tradeoff-latency
plot --policy policy.json --dataset old --score all --cost teacher-rate --out tradeoff-policy
plot {PAIR} --kind explorer {POINT} --out explorer
plot --policy policy.json --dataset old --kind explorer --out explorer-policy
plot --policy learned.json --dataset old --kind histogram --out histogram
plot {PAIR} --kind reliability --out reliability
plot {PAIR} --kind risk-coverage --out risk-coverage
plot {PAIR} --kind classes {POINT} --out classes
plot --policy policy.json --dataset old --kind latency --out latency
plot {PAIR} --kind qps --max-p99 20ms --out qps
{COMPARE} --plot published
"""

# What is said of a store besides: numbers of its rows, times of storing.
STORE = f"""
ls
ls --measurements
ls --plans
"""
REPORTS = f"""
report --policy policy.json --dataset old --baselines cifar10.csv --resamples 100 --out policy.html
report {PAIR} --score energy --resamples 100 --out models.html
"""

# Each has a seed, which is changed to see that it matters.
SEEDS = (("--bootstrap-seed", f"sweep {PAIR} --score msp --bands"),
         ("--bootstrap-seed", f"sweep {PAIR} --score all --summary --resamples 50"),
         ("--seed", f"sweep {PAIR} --score random"),
         ("--split-seed", f"pick {PAIR} --score msp --max-drop 0.05 --test-on 0.3"))


def in_formats(text, *formats):
    return [line.split() + ["--format", form] for line in text.strip().splitlines()
            for form in formats]


TOLD = [*in_formats(TABLES, "csv", "json"),
        *in_formats(f"sweep {PAIR}\n{COMPARE}\neval {PAIR} {POINT}", "table", "md", "latex")]
DRAWN = PICTURES.strip().splitlines() if shutil.which("gnuplot") else []
RESULTS = [*TOLD, *map(str.split, DRAWN)]
STORED = [*in_formats(STORE, "csv", "json"), *map(str.split, REPORTS.strip().splitlines())]
EVERYTHING = [*RESULTS, *STORED]


def outputs(directory, db, commands, program=EBJR):
    """Of PICKS and then of the commands, the bytes of each result and each file, by the command or
    the file's name; of a PDF only that it is there, as the time is in it."""
    def run(command):
        process = subprocess.run([program, *command, "--db", db], cwd=directory, timeout=300,
                                 capture_output=True)
        if process.returncode not in (0, 3):
            raise AssertionError(f"{program} {' '.join(command)}\n{decode(process.stderr)}")
        return " ".join(command), process.stdout

    directory.mkdir()
    shutil.copy(BASELINES, directory)
    found = dict(map(run, in_formats(PICKS, "csv")))
    with ThreadPool(2) as pool:
        found.update(pool.map(run, commands))
    for path in sorted(directory.iterdir()):
        found[path.name] = b"" if path.suffix == ".pdf" else path.read_bytes()
    # a report shows commands that name the store
    return {name: data.replace(os.fsencode(db), b"STORE") for name, data in found.items()}


def difference(one, other):
    """Where they part."""
    place = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b),
                 min(len(one), len(other)))
    part = slice(max(0, place - 40), place + 40)
    return f"at byte {place}, {one[part]} became {other[part]}"


class Store(LatencyTest):
    """One that LatencyTest can tell what a bench would have measured."""

    def setUp(self):
        ProgramTest.setUp(self)

    def fill(self, models, program):
        """Each model on both data sets, in the order given; what was measured after them."""
        for model in models:
            for dataset in SAMPLES:
                self.fill_run(model, dataset, program)
        generator = np.random.default_rng(5)
        ids = dict(self.query("SELECT name, id FROM model"))
        (dataset,), = self.query("SELECT id FROM dataset WHERE name = 'old'")
        for model, subject in (("small", ""), ("large", ""), (None, "small > large, msp >= 0.5")):
            for qps in (50.0, 100.0) if model else (50.0, 100.0, None):
                self.measure(generator.gamma(4, 1e6, 400).astype(int), model_id=ids.get(model),
                             dataset_id=dataset, subject=subject, qps=qps,
                             scenario="server" if qps else "single",
                             teacher_rate=None if model else 0.5)

    def rows(self):
        """What follows from the inputs alone; chunks are cut by the clock."""
        return [self.query(f"SELECT * FROM {table} ORDER BY 1, 2")
                for table in ("sample", "output", "latency")]

    def fill_run(self, model, dataset, program):
        skill, classes, flops, ns = MODELS[model]
        samples, number = SAMPLES[dataset], list(MODELS).index(model)
        labels = np.random.default_rng(samples).integers(0, CLASSES, samples)
        logits = random_logits(number + samples, samples, classes, labels % classes, skill)
        arguments = ["--flops", str(flops), "--dataset-name", dataset,
                     "--model-sha256", hashlib.sha256(model.encode()).hexdigest()]
        if classes < CLASSES:
            self.path("known.txt").write_text("\n".join(map(str, range(classes - 1))) + "\nother\n")
            arguments += ["--student-classes", "known.txt"]
        if dataset == "old":
            times = np.random.default_rng(number).gamma(9, ns / 9, samples).astype(np.int64)
            arguments += ["--latency-ns", self.save("ns.npy", times)]
        self.import_logits(model, logits, labels, *arguments, executable=program)


class Determinism(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.store = cls.new_store(MODELS)
        cls.expected = outputs(cls.store.path("expected"), cls.store.db, EVERYTHING)

    @classmethod
    def new_store(cls, models, program=EBJR):
        store = Store()
        cls.addClassCleanup(store.doCleanups)
        store.setUp()
        store.fill(models, program)
        return store

    def check(self, commands, name="found", db=None, program=EBJR):
        found = outputs(self.path(name), db or self.store.db, commands, program)
        self.assertGreater(len(found), len(commands))
        different = [f"{name}: {difference(self.expected[name], output)}"
                     for name, output in found.items() if output != self.expected[name]]
        if different:
            self.fail("\n".join([f"{len(different)} of {len(found)} differ", *different[:10]]))

    def test_everything_is_there(self):
        for name, output in self.expected.items():
            self.assertTrue(output or name.endswith(".pdf"), name)

    def test_again(self):
        self.assertTrue(self.new_store(MODELS).rows() == self.store.rows())
        self.check(TOLD)

    def test_one_processor(self):
        processors = os.sched_getaffinity(0)
        if len(processors) == 1:
            self.skipTest("there is only one")
        self.addCleanup(os.sched_setaffinity, 0, processors)
        os.sched_setaffinity(0, {min(processors)})
        self.check(EVERYTHING)

    def test_copy(self):
        """Laid out anew, elsewhere, by another name."""
        copy = self.path("copy.sqlite")
        self.store.query(f"VACUUM INTO '{copy}'")
        self.check([*TOLD, *STORED], db=copy)

    def test_another_order(self):
        self.check(RESULTS, db=self.new_store(list(MODELS)[::-1]).db)

    def test_other_builds(self):
        programs = os.environ.get("EBJR_ALSO")
        if not programs:
            self.skipTest("EBJR_ALSO names none")
        for number, program in enumerate(programs.split(":")):
            with self.subTest(program=program):
                self.assertTrue(self.new_store(MODELS, program).rows() == self.store.rows())
                self.check(EVERYTHING, str(number), program=program)

    def test_other_seeds(self):
        for option, line in SEEDS:
            first, second = (self.ebjr(*line.split(), option, str(seed), "--db", self.store.db,
                                       "--format", "csv").stdout for seed in (1, 2))
            self.assertNotEqual(first, second, line)


if __name__ == "__main__":
    unittest.main()
