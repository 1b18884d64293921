"""Plans and live cascades, against PyTorch and against what the store says of the same samples."""

import json
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

import numpy as np

from support import EBJR, SOURCE, predictions, score_of
from test_run import (CLASSES, NORMALISE, SHAPE, RunTest, Slow, answers, net, nn, normalised, torch)

MODES = ("as-loaded", "frozen", "optimized", "channels-last", "direct")


class Branches(nn.Module):
    """Does more where its input is bright: no list of layers."""

    def __init__(self):
        super().__init__()
        self.net = net(4)

    def forward(self, x):
        y = self.net(x)
        if bool(x.sum() > 0):
            y = y * 2
        return y


class LiveTest(RunTest):
    def assert_close(self, got, expected):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())

    def plan(self, *models, options=()):
        named = [word for model in models for word in ("--model", model)]
        return self.json("plan", *self.dataset, *NORMALISE, *named, *options)


class Plans(LiveTest):
    def test_every_plan_gives_the_same_logits(self):
        self.script("m.pt", net())
        expected = answers(self.path("m.pt"), normalised(self.images))
        for mode in MODES:
            for batch, threads in (("1", "1"), ("7", "2"), ("64", "3")):
                self.db = self.path(f"{mode}{batch}.db")
                self.run_models("m.pt", options=(*NORMALISE, "--plan", mode, "--batch", batch,
                                                 "--threads", threads))
                self.assert_close(self.stored_logits(), expected)
                said = self.query("SELECT plan FROM run")[0][0]
                self.assertEqual(said, f"{mode}, float32, batch {batch}, {threads} thread"
                                       + ("s" if threads != "1" else ""))
                self.verify()

    def test_search(self):
        self.script("m.pt", net())
        rows = self.plan("m.pt", options=("--db", self.db, "--batch", "8"))
        self.assertEqual({row["plan"] for row in rows}, set(MODES))
        self.assertEqual({row["batch"] for row in rows}, {8})
        chosen, = [row for row in rows if row["chosen"]]
        fine = [row for row in rows if row["max_difference"] is not None and not row["note"]]
        self.assertEqual(chosen["ns"], min(row["ns"] for row in fine))
        self.assertEqual({row["changed"] for row in fine}, {0})
        loaded = rows[0]
        self.assertEqual((loaded["plan"], loaded["max_difference"]), ("as-loaded", 0))
        self.verify()

    def test_choice_is_kept(self):
        self.script("m.pt", Slow())
        options = (*NORMALISE, "--plan", "auto", "--threads", "1", "--batch", "16")
        rows = self.plan("m.pt", options=("--db", self.db, "--threads", "1", "--batch", "16"))
        chosen, = [row["plan"] for row in rows if row["chosen"]]
        self.save("x.npy", np.concatenate([self.images] * 20))
        self.save("y.npy", np.concatenate([self.labels] * 20))
        process = self.run_models("m.pt", options=options)
        self.assertNotIn("plan of m", process.stderr)
        self.assertEqual(self.query("SELECT plan FROM run"),
                         [(f"{chosen}, float32, batch 16, 1 thread",)])

    def test_a_plan_that_fails_is_named(self):
        self.script("m.pt", Branches())
        rows = self.plan("m.pt", options=("--threads", "1"))
        direct, = [row for row in rows if row["plan"] == "direct"]
        self.assertIn("aten::sum", direct["note"])
        self.assertIsNone(direct["ns"])
        self.assertFalse(direct["chosen"])
        self.refuse("aten::sum", arguments=(*self.command("m.pt"), "--plan", "direct"))

    def test_another_dtype_is_another_run(self):
        self.script("m.pt", net())
        self.run_models("m.pt", options=NORMALISE)
        self.run_models("m.pt", options=(*NORMALISE, "--dtype", "bfloat16", "--plan", "as-loaded"))
        self.assertEqual([row for row, in self.query("SELECT dtype FROM run ORDER BY id")],
                         ["float32", "bfloat16"])
        exact, rounded = self.stored_logits(1), self.stored_logits(2)
        difference = np.abs(exact - rounded).max() / np.abs(exact).max()
        self.assertTrue(1e-5 < difference < 0.1, difference)

    def test_cuda_graphs_are_for_a_gpu(self):
        self.script("m.pt", net())
        self.refuse("GPU", "--device cuda",
                    arguments=(*self.command("m.pt"), "--plan", "cuda-graph"))

    @unittest.skipUnless(torch.cuda.is_available(), "there is no GPU")
    def test_cuda_graphs_give_the_same_logits(self):
        self.script("m.pt", net())
        expected = answers(self.path("m.pt"), normalised(self.images))
        for batch in ("1", "7", str(len(self.images)), str(len(self.images) + 1)):
            self.db = self.path(f"graph{batch}.db")
            self.run_models("m.pt", options=(*NORMALISE, "--device", "cuda", "--plan",
                                             "cuda-graph", "--batch", batch))
            self.assert_close(self.stored_logits(), expected)
            rows = self.plan("m.pt", options=("--device", "cuda", "--batch", batch))
            graph, = [row for row in rows if row["plan"] == "cuda-graph"]
            self.assertFalse(graph["note"])
            self.assertEqual(graph["changed"], 0)

    def test_unknown_names(self):
        self.script("m.pt", net())
        self.refuse("frozen", code=2, arguments=(*self.command("m.pt"), "--plan", "frosen"))
        self.refuse("float32", code=2, arguments=(*self.command("m.pt"), "--dtype", "float23"))

    def test_interrupted_run_goes_on_by_its_plan(self):
        torch.manual_seed(9)
        self.trace("slow.pt", Slow())
        self.save("x.npy", np.concatenate([self.images] * 60))
        self.save("y.npy", np.concatenate([self.labels] * 60))
        options = (*NORMALISE, "--threads", "1", "--batch", "16", "--plan", "channels-last")
        process = self.start(*self.command("slow.pt"), *options)
        while process.poll() is None and not self.stored_rows():
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if process.returncode == 0:
            self.skipTest("it was through before it could be killed")
        talk = self.ebjr(*self.command("slow.pt"), *NORMALISE, "--plan", "frozen").stderr
        self.assertIn("channels-last", talk)
        self.assertEqual(self.query("SELECT plan, done = samples FROM run"),
                         [("channels-last, float32, batch 16, 1 thread", 1)])
        rows = self.stored_logits()
        self.db = self.path("unbroken.db")
        self.run_models("slow.pt", options=options)
        np.testing.assert_array_equal(rows, self.stored_logits())

    def test_a_run_without_rows_keeps_its_plan(self):
        """What it said before its first row is what its rows then come by."""
        torch.manual_seed(9)
        self.trace("slow.pt", Slow())
        self.save("x.npy", np.concatenate([self.images] * 20))
        self.save("y.npy", np.concatenate([self.labels] * 20))
        begun = ("--threads", "1", "--batch", "16", "--plan", "direct")
        process = self.start(*self.command("slow.pt"), *NORMALISE, *begun)
        while process.poll() is None and not self.stored_runs():
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if process.returncode == 0:
            self.skipTest("it was through before it could be killed")
        self.ebjr(*self.command("slow.pt"), *NORMALISE, "--plan", "frozen", "--batch", "64")
        self.assertEqual(self.query("SELECT plan, done = samples FROM run"),
                         [("direct, float32, batch 16, 1 thread", 1)])
        rows = self.stored_logits()
        self.db = self.path("unbroken.db")
        self.run_models("slow.pt", options=(*NORMALISE, *begun))
        np.testing.assert_array_equal(rows, self.stored_logits())

    def stored_runs(self):
        if not self.db.exists() or not self.query("SELECT 1 FROM sqlite_schema WHERE name='run'"):
            return 0
        return self.query("SELECT count(*) FROM run")[0][0]

    def stored_rows(self):
        return self.query("SELECT done FROM run")[0][0] if self.stored_runs() else 0


class Infer(LiveTest):
    def setUp(self):
        super().setUp()
        self.script("small.pt", net(1, width=4))
        self.script("large.pt", net(2))
        self.run_models("small.pt", "large.pt", options=NORMALISE)
        self.scores = score_of("margin", self.stored_logits(1).astype(float))
        self.threshold = float(np.median(self.scores)) + 1e-9
        self.pair = ("--db", self.db, "--student", "small", "--teacher", "large",
                     "--score", "margin", "--threshold", repr(self.threshold))

    def infer(self, *arguments):
        return self.csv("infer", *self.dataset, *arguments)

    def routed(self):
        keeps = self.scores >= self.threshold
        return keeps, np.where(keeps, predictions(self.stored_logits(1)),
                               predictions(self.stored_logits(2)))

    def assert_routed(self, rows):
        keeps, expected = self.routed()
        near = np.abs(self.scores - self.threshold) < 1e-5
        self.assertLess(near.mean(), 0.1)
        stage = np.array([int(row["stage"]) for row in rows])
        answer = np.array([int(row["prediction"]) for row in rows])
        np.testing.assert_array_equal(stage[~near], np.where(keeps, 0, 1)[~near])
        np.testing.assert_array_equal(answer[~near], expected[~near])
        self.assertEqual([int(row["sample"]) for row in rows], list(range(self.SAMPLES)))

    def test_as_the_store_says(self):
        for options in (("--threads", "1"), ("--plan", "direct", "--batch", "1"),
                        ("--plan", "frozen", "--batch", "7"), ("--plan", "as-loaded")):
            rows = self.infer(*self.pair, *options)
            self.assert_routed(rows)
            np.testing.assert_array_equal([int(row["label"]) for row in rows], self.labels)
            np.testing.assert_array_equal(
                [row["correct"] == "true" for row in rows],
                [row["prediction"] == row["label"] for row in rows])

    def test_without_labels(self):
        rows = self.csv("infer", "--dataset", "npy:x.npy", "--layout", "nchw", *self.pair,
                        "--plan", "direct")
        self.assert_routed(rows)
        self.assertEqual({row["label"] + row["correct"] for row in rows}, {""})

    def pick(self, *arguments):
        self.ebjr("pick", "--db", self.db, "--student", "small", "--teacher", "large", "--plain",
                  "--out", self.path("policy.json"), *arguments)
        return ("--policy", "policy.json")

    def test_policy(self):
        policy = self.pick("--score", "margin", "--max-teacher-rate", "0.5")
        self.threshold = json.loads(self.path("policy.json").read_text())["stages"][0]["threshold"]
        self.assert_routed(self.infer(*policy, "--db", self.db, "--plan", "direct"))
        self.assert_routed(self.infer(*policy, "--model", "small.pt", "--model", "large.pt",
                                      "--plan", "frozen"))

    def test_joint_answer(self):
        policy = self.pick("--score", "margin", "--max-teacher-rate", "0.5",
                           "--answer", "average:0.5", "--tune-on", "0.2")
        threshold = json.loads(self.path("policy.json").read_text())["stages"][0]["threshold"]
        z = [self.stored_logits(run).astype(float) for run in (1, 2)]
        p = [np.exp(x - x.max(1, keepdims=True)) for x in z]
        joint = sum(x / x.sum(1, keepdims=True) for x in p).argmax(1)
        expected = np.where(self.scores >= threshold, z[0].argmax(1), joint)
        got = np.array([int(row["prediction"]) 
                        for row in self.infer(*policy, "--db", self.db, "--plan", "direct")])
        self.assertLess(np.mean(got != expected), 0.02)  # but for samples near a tie
        self.assertGreater(np.mean(joint != z[1].argmax(1)), 0.02)

    def test_another_file_is_refused(self):
        policy = self.pick("--score", "margin", "--max-teacher-rate", "0.5")
        self.script("other.pt", net(3, width=4))
        arguments = ("infer", *self.dataset, *policy, "--db", self.db)
        self.refuse("small", "SHA-256", arguments=(*arguments, "--model", "small=other.pt"))
        shutil.copy(self.path("other.pt"), self.path("small.pt"))
        self.refuse("small", "changed", arguments=arguments)
        self.path("small.pt").unlink()
        self.refuse("small", "--model", arguments=arguments)

    def test_another_preprocessing_is_refused(self):
        policy = self.pick("--score", "margin", "--max-teacher-rate", "0.5")
        self.refuse("preprocessing", code=2,
                    arguments=("infer", *self.dataset, *policy, "--db", self.db, "--mean", "0.1"))
        self.assert_routed(self.infer(*self.pair, *NORMALISE, "--plan", "direct"))

    def test_what_is_missing_is_said(self):
        self.refuse("--policy", "--student", code=2,
                    arguments=("infer", *self.dataset, "--db", self.db))
        self.refuse("--db", code=2, arguments=("infer", *self.dataset, *self.pair[2:]))
        self.refuse("oracle", code=2, arguments=(
            "infer", *self.dataset, *self.pair[:6], "--score", "oracle", "--threshold", "1"))

    def compiled(self, source):
        """What a C program that links the library under test says of the pair and a policy."""
        compiler = shutil.which("cc")
        if not compiler:
            self.skipTest("no C compiler")
        build = Path(EBJR).resolve().parent
        policy = self.pick("--score", "margin", "--max-teacher-rate", "0.5")
        subprocess.run([compiler, SOURCE / source, f"-I{SOURCE}", f"-I{build}/include",
                        f"-L{build}", "-lebjr", f"-Wl,-rpath,{build}", "-o", self.path("compiled")], check=True)
        return subprocess.run([self.path("compiled"), policy[1], "small.pt", "large.pt",
                               "npy:x.npy"], cwd=self.directory, check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    def test_a_sample_allocates_nothing(self):
        said = json.loads(self.compiled("tests/count_allocations.c"))
        self.assertEqual(said["answered"], self.SAMPLES)
        self.assertTrue(0 < said["deferred"] < self.SAMPLES, said)
        self.assertGreater(said["before"], 0)  # it does count
        self.assertEqual(said["allocations"], 0)

    def test_embedded(self):
        """The example in C, built against the library that is tested."""
        said = self.compiled("examples/embed.c")
        self.threshold = json.loads(self.path("policy.json").read_text())["stages"][0]["threshold"]
        rows = [{"sample": i, "prediction": line.split()[0],
                 "stage": ("small", "large").index(line.split()[2])}
                for i, line in enumerate(said.splitlines())]
        self.assert_routed(rows)


if __name__ == "__main__":
    unittest.main()
