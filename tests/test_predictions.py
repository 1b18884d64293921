"""CSV of predictions as timm, pandas and Hugging Face's datasets write them, imported."""

import csv
import importlib.util
import unittest

import numpy as np

from support import LOGIT_SCORES, ProgramTest, random_logits, softmax

SAMPLES, CLASSES = 90, 12
OF_DIFFERENCES = [name for name in LOGIT_SCORES if name not in ("energy", "max-logit")]


class PredictionsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.labels = np.random.default_rng(3).integers(0, CLASSES, SAMPLES)
        self.logits = random_logits(4, SAMPLES, CLASSES, self.labels, 4)
        self.p = softmax(self.logits.astype(float))
        self.names = [f"val/n0{i % 7}, \"{i}\".jpg" for i in range(SAMPLES)]
        self.save("labels.npy", self.labels)

    def write(self, columns, name="p.csv"):
        """As pandas.DataFrame.to_csv without an index: fields by str(), quoted where they must be."""
        with open(self.path(name), "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(zip(*columns.values()))
        return name

    def separate(self, word, values, order=range(CLASSES)):
        return {f"{word}_{k}": values[:, k] for k in order}

    def load(self, file, *arguments, labels=True):
        self.db = self.path(f"{next(self.numbers)}.db")
        given = ("--labels", "labels.npy") if labels else ()
        talk = self.ebjr("import", "--db", self.db, "--name", "m", "--logits", file, *given,
                         *arguments).stderr
        self.assertEqual(self.query("SELECT label FROM sample ORDER BY idx"),
                         [(int(label),) for label in self.labels])
        return self.stored_logits(), talk

    def refuse_file(self, columns, *words):
        self.refuse(*words, arguments=("import", "--db", self.db, "--name", "m", "--logits",
                                       self.write(columns), "--labels", "labels.npy"))


class Timm(PredictionsTest):
    """inference.py: filename, then what --topk, --output-type and --results-separate-col ask for."""

    def test_logits_a_column_a_class(self):
        got, talk = self.load(self.write({"filename": self.names,
                                          **self.separate("logit", self.logits)}))
        np.testing.assert_array_equal(got, self.logits)
        self.assertNotIn("probabilities", talk)

    def test_probabilities_a_column_a_class(self):
        p = self.p.astype(np.float32)
        got, talk = self.load(self.write({"filename": self.names, **self.separate("prob", p)}))
        np.testing.assert_allclose(got, np.log(p.astype(float)), rtol=1e-6, atol=1e-6)
        self.assertIn("probabilities", talk)

    def test_lists_as_numpy_prints_them(self):
        """Eight digits, no commas, over several lines."""
        rows = [str(row) for row in self.p.astype(np.float32)]
        self.assertIn("\n", rows[0])
        got, _ = self.load(self.write({"filename": self.names, "prob": rows}))
        np.testing.assert_allclose(np.exp(got.astype(float)), self.p, atol=1e-6)
        got, _ = self.load(self.write({"filename": self.names,
                                       "logit": [str(row) for row in self.logits]}))
        np.testing.assert_allclose(got, self.logits, atol=1e-5)

    def top(self, k):
        order = np.argsort(-self.p, axis=1)[:, :k]
        return order, np.take_along_axis(self.p, order, axis=1)

    def test_the_best_classes_alone_are_refused(self):
        order, p = self.top(5)
        described = [[f"class, {k}" for k in row] for row in order]
        files = {"filename": self.names}
        lists = [str(row) for row in p]
        for columns in (
                {"index": [str(row) for row in order], "prob": lists},
                {"label": [str(np.array(row)) for row in described], "prob": lists},
                {"prob": lists}, {"logit": lists}, {"prob": p[:, 0]},
                {"index": order[:, 0], "label": [row[0] for row in described], "logit": p[:, 0]},
                {**{f"index_{i}": order[:, i] for i in range(5)},
                 **{f"prob_{i}": p[:, i] for i in range(5)}},
                {**{f"label_{i}": [row[i] for row in described] for i in range(5)},
                 **{f"logit_{i}": p[:, i] for i in range(5)}},
                {f"logit_{i}": p[:, i] for i in range(5)}):
            self.refuse_file({**files, **columns}, "p.csv", "--topk 0")
        self.assertFalse(self.db.exists())

    def test_what_numpy_left_out_is_refused(self):
        rows = [str(np.arange(1001.0)) for _ in range(SAMPLES)]
        self.refuse_file({"filename": self.names, "logit": rows}, "line 2", "...",
                         "--results-separate-col")


class HuggingFace(PredictionsTest):
    def test_lists_with_labels(self):
        columns = {"id": range(SAMPLES), "label": self.labels,
                   "logits": [str(row.tolist()) for row in self.logits]}
        got, _ = self.load(self.write(columns), labels=False)
        np.testing.assert_array_equal(got, self.logits)

    def test_columns_with_labels_in_any_order(self):
        order = np.random.default_rng(1).permutation(CLASSES)
        columns = {**self.separate("logit", self.logits, order), "labels": self.labels,
                   "text": ["a, \"b\"\nc"] * SAMPLES}
        got, _ = self.load(self.write(columns), labels=False)
        np.testing.assert_array_equal(got, self.logits)

    @unittest.skipUnless(importlib.util.find_spec("pandas"), "there is no pandas")
    def test_by_pandas_itself(self):
        import pandas
        frame = pandas.DataFrame({"label": self.labels, "probs": list(self.p)})
        frame.to_csv(self.path("lists.csv"))  # with its unnamed index
        got, _ = self.load("lists.csv", labels=False)
        np.testing.assert_allclose(np.exp(got.astype(float)), self.p, atol=1e-6)
        frame = pandas.DataFrame(self.separate("prob", self.p)).assign(label=self.labels)
        frame.to_csv(self.path("columns.csv"), index=False)
        got, _ = self.load("columns.csv", labels=False)
        np.testing.assert_allclose(got, np.log(self.p), rtol=1e-6, atol=1e-6)


class Probabilities(PredictionsTest):
    def test_scores_are_those_of_the_logits(self):
        """But for those that know the scale, as the note says."""
        _, talk = self.load(self.write(self.separate("prob", self.p)))
        self.assertRegex(talk, "energy.*max-logit")
        of_p = self.db
        self.ebjr("import", "--db", of_p, "--name", "logits", "--logits",
                  self.save("z.npy", self.logits), "--labels", "labels.npy")
        def thresholds(model, other, score):
            rows = self.csv("sweep", "--db", of_p, "--student", model, "--teacher", other,
                            "--score", score)
            return np.array([float(row["threshold"]) for row in rows][1:])  # but infinity
        for score in OF_DIFFERENCES:
            got, expected = thresholds("m", "logits", score), thresholds("logits", "m", score)
            distance = np.abs(got[:, None] - expected)
            scale = np.abs(expected).max()
            self.assertLess(distance.min(0).max() / scale, 1e-5, score)
            self.assertLess(distance.min(1).max() / scale, 1e-5, score)
        self.assertLess(np.abs(thresholds("m", "logits", "energy")).max(), 1e-6)

    def test_arrays(self):
        """Which say by --probabilities what they are."""
        got, talk = self.load(self.save("p.npy", self.p), "--probabilities")
        np.testing.assert_allclose(got, np.log(self.p), rtol=1e-6, atol=1e-6)
        self.assertIn("probabilities", talk)
        np.savetxt(self.path("plain.csv"), self.p, delimiter=",")
        again, _ = self.load("plain.csv", "--probabilities")
        np.testing.assert_array_equal(again, got)

    def test_none_at_all(self):
        sure = np.zeros((SAMPLES, CLASSES))
        sure[np.arange(SAMPLES), self.labels] = 1
        got, _ = self.load(self.save("p.npy", sure), "--probabilities")
        self.assertTrue(np.isfinite(got).all())
        np.testing.assert_array_equal(got.argmax(1), self.labels)
        np.testing.assert_allclose(softmax(got.astype(float)), sure, atol=1e-30)

    def test_what_are_none(self):
        wrong = self.p.copy()
        for value, words in ((-0.1, "not a probability"), (1.5, "not a probability"),
                             (np.nan, "not a probability"), (self.p[4, 2] + 0.01, "add up to")):
            wrong[4, 2] = value
            self.refuse_file(self.separate("prob", wrong), "p.csv", "sample 4", words)
        self.refuse_file(self.separate("prob", self.logits), "p.csv", "sample 0")


class Malformed(PredictionsTest):
    def test_lists(self):
        rows = [str(row.tolist()) for row in self.logits]
        for bad, word in (("[1, 2", "brackets"), ("[1, a]", "brackets"), ("[[1, 2]]", "brackets"),
                          ("[1, 2] 3", "behind"), ("[]", "0 numbers"), ("[1, 2]", "2 numbers"),
                          ("[1, 2, ..., 3]", "left out")):
            broken = [*rows[:5], bad, *rows[6:]]
            self.refuse_file({"logits": broken}, "p.csv", "line 7", word)
        self.refuse_file({"logits": []}, "p.csv", "no logits")

    def test_columns(self):
        columns = self.separate("logit", self.logits)
        del columns["logit_3"]
        self.refuse_file(columns, "p.csv", "class 3")
        columns = self.separate("logit", self.logits.astype(object))
        columns["logit_3"] = [*self.logits[:4, 3], "high", *self.logits[5:, 3]]
        self.refuse_file(columns, "p.csv", "line 6", "'high'")
        self.write({**self.separate("logit", self.logits), "label": ["tabby cat"] * SAMPLES})
        self.refuse("'tabby cat'", arguments=("import", "--db", self.db, "--name", "m",
                                              "--logits", "p.csv"))

    def test_tables_without_such_names_are_as_they_were(self):
        plain = {f"c{k}": self.logits[:, k] for k in range(CLASSES)}
        got, _ = self.load(self.write({**plain, "label": self.labels}), labels=False)
        np.testing.assert_array_equal(got, self.logits)
        np.savetxt(self.path("bare.csv"), self.logits, delimiter=",", fmt="%.9g")
        got, _ = self.load("bare.csv")
        np.testing.assert_array_equal(got, self.logits)


if __name__ == "__main__":
    unittest.main()
