"""Merging: shards give the store that one process would have filled, whatever their number, order,
chunks and gaps; stores of different models give one of all; what does not fit together is named."""

import gzip
import hashlib
import os
import random
import shutil
import subprocess
import unittest

import numpy as np

from support import SOURCE, ProgramTest, random_logits

FILL = os.environ["EBJR_FILL_SHARD"]
MODELS = ("small", "large")


class MergeTest(ProgramTest):
    SAMPLES = 100

    def fill(self, name, *models, **keys):
        """A store of samples first .. first+count-1, as one process would have filled it."""
        path = self.path(name)
        keys = {"samples": self.SAMPLES, **keys}
        subprocess.run([FILL, path, *(f"{key}={value}" for key, value in keys.items()),
                        *(models or MODELS)], check=True, timeout=120)
        return path

    def shards(self, *ends, prefix="shard", models=MODELS, **keys):
        """Of blocks that end where the `ends` say."""
        starts = (0, *ends[:-1])
        return [self.fill(f"{prefix}{start}-{end}.db", *models, first=start, count=end - start,
                          **keys)
                for start, end in zip(starts, ends)]

    def merge(self, *stores, db=None, **options):
        return self.ebjr("merge", "--db", db or self.db, *stores, **options)

    def rows(self, *stores, db=None, **options):
        return self.json("merge", "--db", db or self.db, *stores, **options)

    def everything(self, db=None):
        """Of contents, also what it leaves out because it differs between two runs."""
        return (self.contents(db), self.query("SELECT model, dataset, depth FROM runs", db=db))

    def assert_whole(self, db=None):
        self.verify(db)
        self.assertEqual(self.everything(db), self.everything(self.fill("one.db")))

    def digest(self, path):
        return hashlib.sha256(path.read_bytes()).hexdigest()


class Shards(MergeTest):
    def test_any_split_in_any_order(self):
        generator = random.Random(5)
        one = self.fill("one.db")
        for trial in range(12):
            ends = sorted(generator.sample(range(1, 100), generator.randrange(6))) + [100]
            stores = self.shards(*ends, prefix=f"{trial}-", chunk=generator.randrange(1, 40))
            generator.shuffle(stores)
            db = self.path(f"all{trial}.db")
            rows = self.rows(*stores, db=db)
            self.assertEqual([(row["model"], row["done"], row["new"], row["missing"])
                              for row in rows], [(model, 100, 100, "") for model in MODELS])
            self.verify(db)
            self.assertEqual(self.everything(db), self.everything(one))

    def test_answers_are_those_of_one_store(self):
        """Byte for byte: sweeps, and the policy of a pick."""
        one = self.fill("one.db")
        self.merge(*reversed(self.shards(31, 64, 100)))
        answers = []
        for db in (one, self.db):
            pair = ("--db", db, "--student", "small", "--teacher", "large")
            sweep = self.ebjr("sweep", *pair, "--score", "all", "--format", "json").stdout
            pick = self.ebjr("pick", *pair, "--max-drop", "0.3", "--plain", "--out",
                             self.path("policy.json"), "--format", "json").stdout
            answers.append((sweep, pick, self.path("policy.json").read_bytes()))
        self.assertGreater(len(answers[0][0]), 1000)
        self.assertEqual(*answers)

    def test_again_changes_nothing(self):
        stores = self.shards(50, 100)
        before = [self.digest(store) for store in stores]
        self.merge(*stores)
        first = self.digest(self.db)
        for again in (stores, reversed(stores), stores[:1], [*stores, stores[1]]):
            rows = self.rows(*again)
            self.assertEqual([row["new"] for row in rows], [0, 0])
        self.assertEqual(self.digest(self.db), first)
        self.assertEqual([self.digest(store) for store in stores], before)
        self.assert_whole()

    def test_shards_that_overlap(self):
        self.merge(*self.shards(40, 100), *self.shards(30, 70, 100, prefix="other", chunk=7),
                   self.fill("whole.db", chunk=33))
        self.assert_whole()

    def test_into_a_store_that_has_some(self):
        """As an interrupted run leaves it; what it has must be the same."""
        shutil.copy(self.fill("begun.db", done=45), self.db)
        self.assertEqual([row["new"] for row in self.rows(*self.shards(30, 60, 100))], [55, 55])
        self.assert_whole()

    def test_empty_shards(self):
        stores = self.shards(100)
        stores += [self.fill(f"empty{i}.db", first=100, count=0) for i in range(3)]
        self.merge(*reversed(stores))
        self.assert_whole()

    def test_gaps(self):
        a, b, c, d = self.shards(20, 45, 80, 100)
        db = self.path("late.db")
        talk = self.merge(d, b, db=db, code=1).stderr
        self.assertIn("samples 0-19, 45-79 of 'digits' are missing for 'small'", talk)
        self.assertEqual(self.query("SELECT count(*) FROM run", db=db), [(0,)])
        self.verify(db)
        rows = self.rows(a, d, c, code=1)
        self.assertEqual([(row["done"], row["waiting"], row["missing"]) for row in rows],
                         [(20, 55, "20-44")] * 2)
        self.verify()
        self.assertIn("20 of 100 samples", self.ebjr("sweep", "--db", self.db, "--student", "small",
                                                     "--teacher", "large", code=1).stderr)
        self.merge(b, code=1)
        self.merge(c, d)
        self.assert_whole()
        self.merge(b, c, d, a, db=db)
        self.assert_whole(db)

    def test_a_shard_that_is_not_done(self):
        a, b = self.shards(50, 100)
        part = self.fill("part.db", first=0, count=50, done=32)
        self.assertEqual([row["missing"] for row in self.rows(part, b, code=1)], ["32-49"] * 2)
        self.merge(a, b)
        self.assert_whole()

    def test_models_that_are_not_everywhere(self):
        self.merge(self.fill("a.db", first=0, count=50), self.fill("b.db", "small", first=50),
                   code=1)
        self.assertEqual(self.query("SELECT first, samples, done FROM run"),
                         [(0, 100, 100), (0, 100, 50)])
        self.verify()
        self.merge(self.fill("b.db", "large", first=50))
        self.assert_whole()

    def test_readers_refuse_a_shard(self):
        for store in self.shards(50, 100):
            pair = ("--db", store, "--student", "small", "--teacher", "large")
            for command in (("sweep", *pair), ("plot", *pair, "--out", "picture"),
                            ("pick", *pair, "--max-drop", "0.1"), ("report", *pair),
                            ("eval", *pair, "--score", "msp", "--threshold", "0.5")):
                self.refuse(store.name, "is a shard", "ebjr merge", arguments=command)
            self.assertIn("ebjr merge", self.ebjr("ls", "--db", store).stderr)
            self.verify(store)
            self.refuse("is a shard", "ebjr merge", arguments=(
                "import", "--db", store, "--name", "m", "--dataset", "digits", "--logits",
                self.save("m.npy", np.zeros((100, 4), np.float32))))
        self.assertEqual([(row["first"], row["samples"], row["dataset_samples"])
                          for row in self.json("ls", "--db", store)], [(50, 50, 100)] * 2)

    def test_one_block_a_store(self):
        store, = self.shards(50)
        process = subprocess.run([FILL, store, "samples=100", "first=50", "third"],
                                 capture_output=True, text=True)
        self.assertEqual(process.returncode, 1)
        self.assertIn("one block", process.stderr)

    def test_ids_and_names_carry_over(self):
        """Of shards that were filled by others, each with measurements and plans of its own."""
        stores = [self.fill(f"{i}.db", first=50 * i, count=50, extras=i + 1) for i in range(2)]
        self.merge(*stores)
        self.merge(*reversed(stores))
        self.assertEqual(self.query("SELECT count(*), count(DISTINCT host) FROM measurement"),
                         [(4, 2)])
        self.assertEqual(self.query("SELECT count(*), count(DISTINCT host) FROM trial"), [(12, 2)])
        self.assertEqual(self.query("SELECT sum(ns) FROM latency")[0][0],
                         sum(self.query("SELECT sum(ns) FROM latency", db=db)[0][0]
                             for db in stores))
        for column in ("created", "started", "finished"):
            table = "measurement" if column == "created" else "run"
            known = {value for db in stores for value in self.query(f"SELECT {column} FROM {table}",
                                                                    db=db)}
            self.assertLessEqual(set(self.query(f"SELECT {column} FROM {table}")), known)
        self.assert_whole()

    def test_a_newer_search_takes_the_place_of_an_older(self):
        old = self.fill("old.db", "small", extras=1, first=0, count=50)
        new = self.fill("new.db", "small", extras=1, first=50)
        times = [self.query("SELECT max(created) FROM trial", db=db)[0][0] for db in (old, new)]
        self.merge(new, old)
        self.assertEqual(self.query("SELECT count(*), max(created) FROM trial"), [(3, max(times))])
        self.verify()


class Conflicts(MergeTest):
    def test_other_logits(self):
        a = self.fill("a.db", first=0, count=60)
        b = self.fill("b.db", first=40, seed=9)
        line = self.refuse("b.db", "'small' on 'digits'", "sample 40", "logit", str(self.db),
                           arguments=("merge", "--db", self.db, b, a))
        self.assertIn("two answers", line)
        self.verify()
        self.assertEqual(self.query("SELECT done FROM run"), [(60,)])

    def test_other_labels(self):
        self.refuse("b.db", "sample 50", "label", arguments=(
            "merge", "--db", self.db, self.fill("a.db", "small", first=0, count=60),
            self.fill("b.db", "small", first=50, labels=3)))
        self.verify()

    def test_other_labels_of_another_model(self):
        said = self.refuse("on 'digits'", "label", arguments=(
            "merge", "--db", self.db, self.fill("a.db", "small"),
            self.fill("b.db", "large", labels=3)))
        self.assertRegex(said, "a.db: 'small'|b.db: 'large'")  # the one that comes second
        self.verify()

    def test_other_plan_is_noted(self):
        a = self.fill("a.db", "small", first=0, count=50)
        b = self.fill("b.db", "small", first=50, plan="direct, float32, batch 8, 2 threads")
        self.assertIn("another plan than before: direct", self.merge(a, b).stderr)
        self.assertEqual(self.query("SELECT plan FROM run"), [(
            "frozen, float32, batch 64, 1 thread; direct, float32, batch 8, 2 threads",)])
        self.assertNotIn("note", self.merge(a, b).stderr)
        self.verify()

    def test_one_name_for_two_data_sets(self):
        """Other samples, so another hash; as 'digits' both."""
        a = self.fill("a.db", "small")
        self.import_logits("m", random_logits(1, 50, 4, np.arange(50) % 4, 3), np.arange(50) % 4,
                           "--dataset-name", "digits")
        self.refuse("a.db", "another data set named 'digits'", arguments=(
            "merge", "--db", self.db, a))
        self.verify()

    def test_changed_shards(self):
        """Logits, a chunk's hash, a record; a row, a chunk, a record gone."""
        changes = {
            "run 1, samples 48 to 63: changed": "UPDATE output SET logits = (SELECT logits FROM"
                                                " output WHERE run_id = 2 AND idx = 50)"
                                                " WHERE run_id = 1 AND idx = 50",
            "samples 64 to 79: changed": "UPDATE chunk SET sha256 = replace(sha256, 'a', 'b')"
                                         " WHERE first = 64",
            "run 1, sample 70": "DELETE FROM output WHERE run_id = 1 AND idx = 70",
            "no chunk covers": "DELETE FROM chunk WHERE first = 64",
            "run 2 was changed": "UPDATE run SET plan = 'none' WHERE id = 2",
            "its table run are missing": "DELETE FROM run WHERE id = 2",
            "model 1 was changed": "UPDATE model SET parameters = 7 WHERE id = 1",
        }
        for number, (words, change) in enumerate(changes.items()):
            first, last = self.shards(32, 100, prefix=f"{number}-")
            self.query(change, db=last)
            db = self.path(f"all{number}.db")
            self.refuse(last.name, words, arguments=("merge", "--db", db, first, last))
            if db.exists():
                self.verify(db)
            last.unlink()
            self.merge(first, self.fill(last.name, first=32, count=68), db=db)
            self.assert_whole(db)

    def test_changed_latencies(self):
        store = self.fill("a.db", extras=4)
        self.query("UPDATE latency SET ns = ns + 1 WHERE measurement_id = 2 AND idx = 3", db=store)
        self.refuse("a.db", "measurement 2", arguments=("merge", "--db", self.db, store))
        self.verify()


class Stores(MergeTest):
    def test_class_names(self):
        labels = np.arange(self.SAMPLES) % 4
        self.path("names.txt").write_text("one\ntwo\nthree\nfour\n")
        stores = []
        for seed, names in enumerate(((), ("--class-names", "names.txt"))):
            self.db = self.path(f"{seed}.db")
            self.import_logits(f"m{seed}", random_logits(seed, self.SAMPLES, 4, labels, 3), labels,
                               *names)
            stores.append(self.db)
        self.db = self.path("all.db")
        for _ in range(2):
            self.merge(*stores)
            self.verify()
            self.assertEqual(self.query("SELECT label, name FROM class_name ORDER BY label"),
                             list(enumerate(("one", "two", "three", "four"))))
        self.query("UPDATE class_name SET name = 'five' WHERE label = 3", db=stores[1])
        self.db = self.path("other.db")
        self.refuse("class names changed", "1.db", arguments=("merge", "--db", self.db, *stores))

    def test_union_of_whole_stores(self):
        """Different models, imported one by one, in any order."""
        labels = np.arange(self.SAMPLES) % 4
        stores = []
        for seed, name in enumerate(("a", "b", "c")):
            self.db = self.path(f"{name}.db")
            self.import_logits(name, random_logits(seed, self.SAMPLES, 4, labels, 3), labels,
                               "--latency-ns", self.save("ns.npy", np.arange(1, 101) + seed))
            stores.append(self.db)
        unions = []
        for order in (stores, stores[::-1], stores[1:]):
            self.db = self.path(f"union{len(unions)}.db")
            shutil.copy(stores[1], self.db)
            self.merge(*order)
            self.merge(*stores)
            self.verify()
            unions.append(self.contents())
        self.assertEqual(unions[0], unions[1])
        self.assertEqual([len(rows) for rows in unions[0].values()],
                         [len(rows) for rows in unions[2].values()])
        names = [name for name, in self.query("SELECT name FROM model ORDER BY id")]
        self.assertEqual((names[0], sorted(names)), ("b", ["a", "b", "c"]))
        self.assertEqual(self.query("SELECT count(*), count(DISTINCT model_id) FROM measurement"),
                         [(3, 3)])
        self.ebjr("sweep", "--db", self.db, "--student", "a", "--teacher", "c")

    def test_into_itself(self):
        store, = self.shards(100)
        link = self.path("link.db")
        link.symlink_to(store)
        before = self.digest(store)
        for db, other in ((store, store), (store, link), (link, store),
                          (store, self.path(f"./{store.name}"))):
            talk = self.merge(other, db=db, code=2).stderr
            self.assertIn("merged into itself", talk)
        self.merge(store, self.fill("one.db", "third"), db=store)
        self.assertIn("left out", self.merge(store, self.path("one.db"), db=store).stderr)
        self.verify(store)
        self.assertNotEqual(self.digest(store), before)

    def test_into_a_shard(self):
        a, other = self.shards(50, 100)[0], self.fill("other.db", "third", dataset="letters")
        before = self.contents(a)
        self.refuse(a.name, "is a shard", arguments=("merge", "--db", a, other))
        self.verify(a)
        self.assertEqual(self.contents(a), before)

    def test_what_is_no_store(self):
        store, = self.shards(100)
        self.path("text.db").write_text("no store, but long enough to be asked about\n" * 50)
        self.path("empty.db").touch()
        for name, words in (("text.db", "not an ebjr store"), ("empty.db", "is empty"),
                            ("none.db", "No such file"), (".", "directory")):
            self.refuse(words, arguments=("merge", "--db", self.db, store, self.path(name)),
                        code=2 if name == "." else 1)
        self.assertFalse(self.db.exists())
        self.refuse("STORE", arguments=("merge", "--db", self.db), code=2)
        self.refuse("--db", arguments=("merge", store), code=2)

    def test_other_schemas(self):
        """Earlier ones are brought up to date, or read from a copy; newer ones refused."""
        for version in (1, 2):
            packed = SOURCE / "tests" / "stores" / f"schema{version}.db.gz"
            store = self.path(f"schema{version}.db")
            store.write_bytes(gzip.decompress(packed.read_bytes()))
            db = self.path(f"all{version}.db")
            self.merge(store, db=db)
            self.verify(db)
            self.assertEqual(self.query("SELECT * FROM output", db=db),
                             self.query("SELECT * FROM output", db=store))
        self.query("PRAGMA user_version = 99", db=store)
        self.refuse("schema2.db", "newer ebjr", arguments=("merge", "--db", self.db, store))

    def test_read_only_shards(self):
        """In a directory where nothing can be made, either."""
        folder = self.path("kept")
        folder.mkdir()
        stores = [folder / store.name for store in self.shards(50, 100)]
        for store in stores:
            shutil.move(self.path(store.name), store)
            store.chmod(0o444)
        folder.chmod(0o555)
        self.addCleanup(folder.chmod, 0o755)
        user = {}
        if os.getuid() == 0:
            os.chmod(self.directory, 0o777)
            user = {"user": 65534}
        before = [self.digest(store) for store in stores]
        self.merge(*stores, **user)
        self.assertEqual([self.digest(store) for store in stores], before)
        self.assertEqual(sorted(os.listdir(folder)), sorted(store.name for store in stores))
        self.assert_whole()

    def test_hostile_names(self):
        hostile = ("a b.db", "q'\"uote.db", "new\nline.db", "per%cent?mode=ro#x.db", "-dash.db",
                   "{rank}.db", "ünï.db", "; rm -rf x.db")
        model = "m'; DROP TABLE run; --\n\x1b[31m<b>"
        ends = [*range(10, 80, 10), 100]
        starts = [0, *ends[:-1]]
        for name, start, end in zip(hostile, starts, ends):
            self.fill(f"./{name}", model, first=start, count=end - start)
        talk = self.merge("--", *hostile, db=self.path("tar'get %?#.db"))
        self.assertNotIn("\x1b", talk.stdout + talk.stderr)
        self.verify(self.path("tar'get %?#.db"))
        self.assertEqual(self.query("SELECT name, done FROM run, model",
                                    db=self.path("tar'get %?#.db")), [(model, 100)])
        os.unlink(self.path(hostile[2]))
        line = self.refuse("new line.db", arguments=("merge", "--db", self.db, "--", *hostile))
        self.assertNotIn("\n", line)

    def test_many_shards(self):
        stores = self.shards(*range(2, 102, 2), prefix="two-")
        random.Random(1).shuffle(stores)
        self.merge(*stores)
        self.assert_whole()

    def test_help(self):
        text = self.ebjr("merge", "--help").stdout
        self.assertIn("Usage: ebjr merge --db FILE [OPTION...] STORE...", text)
        self.assertEqual(self.ebjr("merge", "--STORE", code=2).stdout, "")


if __name__ == "__main__":
    unittest.main()
