"""Cascades as one TorchScript module: what PyTorch says of them, against the live cascade."""

import json
import os
import resource
import shutil
import tempfile
import unittest

import numpy as np

from support import LOGIT_SCORES, predictions
from test_run import CLASSES, NORMALISE, SHAPE, RunTest, answers, net, normalised, torch
from test_live import Branches

torch.set_num_threads(1)
NEAR = 1e-4  # of a score to its threshold: what another batch's rounding may move


class ExportTest(RunTest):
    SAMPLES = 240
    made = None  # a directory with two models and their store, which every test copies

    def setUp(self):
        super().setUp()
        if ExportTest.made is None:
            self.script("small.pt", net(1, width=4))
            self.script("large.pt", net(2))
            self.save("y.npy", predictions(answers(self.path("large.pt"), normalised(self.images))))
            self.run_models("small.pt", "large.pt", options=(*NORMALISE, "--plan", "as-loaded"))
            ExportTest.made = tempfile.TemporaryDirectory(prefix="ebjr-test-")
            shutil.copytree(self.directory, ExportTest.made.name, dirs_exist_ok=True)
        self.directory = self.directory / "copy"
        self.db = self.path("store.db")
        shutil.copytree(ExportTest.made.name, self.directory)
        self.command_line = ("export", "--policy", "policy.json", "--out", "cascade.pt")
        self.here = ("--model", "small.pt", "--model", "large.pt")

    def pick(self, *arguments, models=("--student", "small", "--teacher", "large")):
        self.ebjr("pick", "--db", self.db, *models, "--out", "policy.json", *arguments)
        return json.loads(self.path("policy.json").read_text())

    def export(self, *arguments):
        said = self.json("export", "--policy", "policy.json", "--db", self.db,
                         "--out", "cascade.pt", *self.here, *arguments)
        self.assertEqual(said["file"], "cascade.pt")
        return self.load()

    def load(self):
        return torch.jit.load(str(self.path("cascade.pt")))

    @torch.no_grad()
    def answer(self, cascade, inputs, batch=None):
        """logits, stage, score of all inputs, by batches; of the first ones where each is alone."""
        taken = inputs[:40] if batch == 1 else inputs
        parts = [cascade(part) for part in taken.split(batch or len(inputs))]
        return [torch.cat(column).numpy() for column in zip(*parts)]

    def infer(self, *arguments):
        rows = self.csv("infer", *self.dataset, "--policy", "policy.json", "--db", self.db,
                        *self.here, "--plan", "as-loaded", "--batch", "50", *arguments)
        return [np.array([kind(row[name]) for row in rows])
                for name, kind in (("prediction", int), ("stage", int), ("score", float))]

    def assert_same(self, cascade, inputs, threshold, batches=(None, 1, 7)):
        prediction, stage, score = self.infer()
        for batch in batches:
            logits, who, how_sure = self.answer(cascade, inputs, batch)
            first, scale = slice(len(who)), np.abs(score).max()
            near = np.abs(score[first] - threshold) < NEAR * scale
            self.assertLess(near.mean(), 0.1)
            np.testing.assert_allclose(how_sure, score[first], rtol=0, atol=NEAR * scale)
            np.testing.assert_array_equal(who[~near], stage[first][~near])
            np.testing.assert_array_equal(predictions(logits)[~near], prediction[first][~near])
        return prediction, stage, score


class Answers(ExportTest):
    def test_every_score(self):
        inputs = torch.from_numpy(self.images)
        for i, name in enumerate(LOGIT_SCORES):
            more = ("--precision", "float32") if i % 2 else ("--temperature", "2.5", "--p", "3.5")
            with self.subTest(score=name, more=more):
                policy = self.pick("--plain", "--score", name, "--max-teacher-rate", "0.5", *more)
                _, stage, _ = self.assert_same(self.export(), inputs,
                                               policy["stages"][0]["threshold"])
                self.assertTrue(0.2 < stage.mean() < 0.8, stage.mean())

    def test_scores_of_logits(self):
        """The scores themselves, to their last digits, of rows that are hard to tell apart too."""
        surest = np.zeros((4, CLASSES), np.float32)
        surest[1, 3], surest[2, 5], surest[3, 5] = 30, 80, 81
        rows = np.concatenate([self.stored_logits(1), surest, self.stored_logits(1) * 1e4])
        answers = torch.from_numpy(rows.argmax(1))
        labels = np.zeros(len(rows), int)
        rows = rows.astype(np.float32)
        self.db = self.path("rows.db")
        self.import_logits("a", rows, labels)
        self.import_logits("b", rows + 1, labels)
        self.db = self.path("store.db")
        for more, tolerance in (((), 1e-12),
                                (("--temperature", "2.5", "--p", "3.5"), 1e-12),
                                (("--precision", "float32", "--p", "3"), 1e-5)):
            self.pick("--plain", "--score", "learned", "--tune-on", "0.5", "--max-teacher-rate",
                      "0.5", *more)
            stage = self.export("--input", "preprocessed").cascade
            z = torch.from_numpy(rows if "float32" in more else rows.astype(float))
            for name in LOGIT_SCORES:
                got = stage.score(name, z).double().numpy()
                sweep = self.csv("sweep", "--db", self.path("rows.db"), "--student", "a",
                                 "--teacher", "b", "--score", name, *more)
                expected = np.array([float(row["threshold"]) for row in sweep])
                expected = expected[np.isfinite(expected)]
                distance = np.abs(got[:, None] - expected).min(1)
                self.assertLess((distance / np.maximum(1e-3, np.abs(got))).max(), tolerance,
                                (name, more))

    def test_all_by_one(self):
        policy = self.pick("--plain", "--score", "msp", "--max-teacher-rate", "0.5")
        inputs = torch.from_numpy(self.images)
        cascade = self.export()
        prediction, stage, score = self.assert_same(cascade, inputs,
                                                    policy["stages"][0]["threshold"])
        sure = np.abs(score - policy["stages"][0]["threshold"]) > 1e-3
        for who in (0, 1):
            chosen = (stage == who) & sure
            self.assertGreater(chosen.sum(), 20)
            for batch in (None, 1):
                logits, got, _ = self.answer(cascade, inputs[torch.from_numpy(chosen)], batch)
                self.assertEqual(set(got), {who})
                np.testing.assert_array_equal(predictions(logits),
                                              prediction[chosen][:len(logits)])

    def test_logits_are_those_of_who_answered(self):
        self.pick("--plain", "--score", "margin", "--max-teacher-rate", "0.5")
        logits, stage, _ = self.answer(self.export(), torch.from_numpy(self.images))
        expected = np.where(stage[:, None] == 0, self.stored_logits(1), self.stored_logits(2))
        self.assertEqual(logits.dtype, np.float32)
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)

    def test_inputs(self):
        """Bytes, the same numbers as floats, and what the models take."""
        self.pick("--plain", "--score", "energy", "--max-teacher-rate", "0.5")
        raw = self.export()
        images = torch.from_numpy(self.images)
        expected = self.answer(raw, images)
        for dtype in (torch.float32, torch.float64, torch.int64):
            for got, of_bytes in zip(self.answer(raw, images.to(dtype)), expected):
                np.testing.assert_array_equal(got, of_bytes)
        preprocessed = self.export("--input", "preprocessed")
        for got, of_bytes in zip(self.answer(preprocessed, normalised(self.images)), expected):
            np.testing.assert_array_equal(got, of_bytes)

    def test_thresholds_that_keep_all_or_none(self):
        inputs = torch.from_numpy(self.images)
        for rate, who in (("0", 0), ("1", 1)):
            budget = ("--max-teacher-rate", rate) if who == 0 else ("--min-accuracy", rate)
            policy = self.pick("--plain", "--score", "gini", *budget)
            stages = {int(stage) for stage in self.infer()[1]}
            _, got, _ = self.answer(self.export(), inputs)
            self.assertEqual({int(stage) for stage in got}, stages)
            self.assertIn(who, stages)
            self.assertTrue(who == 1 or stages == {0}, policy["stages"][0]["threshold"])

    def test_frozen_models(self):
        """One of them was frozen when it was saved, the other takes either way of a branch."""
        torch.manual_seed(5)
        frozen = torch.jit.freeze(torch.jit.script(net(3, width=4).eval()))
        frozen.save(str(self.path("frozen.pt")))
        self.script("branches.pt", Branches())
        self.run_models("frozen.pt", "branches.pt", options=(*NORMALISE, "--plan", "as-loaded"))
        policy = self.pick("--plain", "--score", "msp", "--max-teacher-rate", "0.5",
                           models=("--student", "frozen", "--teacher", "large"))
        cascade = self.export()
        self.assert_same(cascade, torch.from_numpy(self.images), policy["stages"][0]["threshold"])
        again = torch.jit.freeze(cascade.eval())
        self.assert_same(again, torch.from_numpy(self.images), policy["stages"][0]["threshold"])

    def test_what_is_not_finite_goes_on(self):
        self.pick("--plain", "--score", "msp", "--max-teacher-rate", "0.5")
        cascade = self.export("--input", "preprocessed")
        inputs = normalised(self.images)[:8].clone()
        inputs[3] = float("nan")
        logits, stage, _ = self.answer(cascade, inputs)
        self.assertEqual(stage[3], 1)
        self.assertTrue(np.isnan(logits[3]).any())
        fine = np.arange(8) != 3
        self.assertTrue(np.isfinite(logits[fine]).all())


class Policies(ExportTest):
    """What else a policy may hold."""

    def test_learned_router(self):
        policy = self.pick("--plain", "--score", "learned", "--tune-on", "0.4",
                           "--max-teacher-rate", "0.5")
        self.assertEqual(policy["stages"][0]["router"]["score"], "learned")
        self.assert_same(self.export(), torch.from_numpy(self.images),
                         policy["stages"][0]["threshold"])

    def test_temperature_and_offsets(self):
        policy = self.pick("--plain", "--score", "energy", "--fit-temperature", "--per-class",
                           "--tune-on", "0.4", "--max-teacher-rate", "0.5")
        self.assertIn("offsets", policy["stages"][0]["router"])
        self.assertNotEqual(policy["stages"][0]["router"]["temperature"], 1)
        self.assert_same(self.export(), torch.from_numpy(self.images),
                         policy["stages"][0]["threshold"])

    def test_joint_answer(self):
        for weight in ("0.5", "0"):
            policy = self.pick("--plain", "--score", "margin", "--max-teacher-rate", "0.5",
                               "--answer", f"average:{weight}", "--tune-on", "0.2")
            _, stage, _ = self.assert_same(self.export(), torch.from_numpy(self.images),
                                           policy["stages"][0]["threshold"])
            if weight != "0.5":
                continue
            logits, who, _ = self.answer(self.load(), torch.from_numpy(self.images))
            p = [torch.from_numpy(self.stored_logits(run)).double().softmax(1) for run in (1, 2)]
            joint = ((p[0] + p[1]) / 2).log().numpy()
            np.testing.assert_allclose(logits[who == 1], joint[who == 1], rtol=1e-4, atol=1e-4)

    def test_stages(self):
        middle = net(2)  # the teacher, but for some noise
        with torch.no_grad():
            middle.fc.weight += 2 * torch.randn_like(middle.fc.weight)
        self.script("middle.pt", middle)
        self.run_models("middle.pt", options=(*NORMALISE, "--plan", "as-loaded"))
        policy = self.pick("--plain", "--score", "msp", "--max-teacher-rate", "0.3",
                           "--stages", "small,middle,large", models=())
        self.assertEqual(len(policy["stages"]), 3)
        prediction, stage, score = self.infer()
        z = self.stored_logits(3)
        middle = np.exp(z - z.max(1, keepdims=True))
        middle = (middle / middle.sum(1, keepdims=True)).max(1)
        thresholds = [float(stage["threshold"]) for stage in policy["stages"][:2]]
        near = ((np.abs(score - thresholds[0]) < NEAR) | (np.abs(middle - thresholds[1]) < NEAR))
        self.assertLess(near.mean(), 0.1)
        cascade = self.export()
        for batch in (None, 1, 7):
            logits, who, _ = self.answer(cascade, torch.from_numpy(self.images), batch)
            fine = np.flatnonzero(~near[:len(who)])
            np.testing.assert_array_equal(who[fine], stage[fine])
            np.testing.assert_array_equal(predictions(logits)[fine], prediction[fine])
        self.assertGreaterEqual(len({0, 1, 2} & set(stage)), 2, thresholds)
        self.assertIn(1, stage)

    def test_specialised_student(self):
        meaning = [4, None, 1, 7, None, 0, 2]
        self.path("classes.txt").write_text(
            "".join("other\n" if k is None else f"{k}\n" for k in meaning))
        self.script("special.pt", net(6, width=4, classes=len(meaning)))
        self.run_models("special.pt", options=(*NORMALISE, "--plan", "as-loaded",
                                               "--student-classes", "classes.txt"))
        policy = self.pick("--plain", "--score", "msp", "--max-teacher-rate", "0.8",
                           models=("--student", "special", "--teacher", "large"))
        cascade = self.export()
        _, stage, _ = self.assert_same(cascade, torch.from_numpy(self.images),
                                       policy["stages"][0]["threshold"])
        logits, who, _ = self.answer(cascade, torch.from_numpy(self.images))
        known = np.array([k for k in meaning if k is not None])
        students = logits[who == 0]
        self.assertGreater(len(students), 10)
        self.assertTrue(np.isneginf(np.delete(students, known, axis=1)).all())
        outputs = np.array([i for i, k in enumerate(meaning) if k is not None])
        np.testing.assert_allclose(students[:, known], self.stored_logits(3)[who == 0][:, outputs],
                                   rtol=1e-4, atol=1e-4)
        self.assertTrue(np.isfinite(logits[who == 1]).all())

    def test_a_class_that_the_teacher_does_not_know(self):
        self.path("classes.txt").write_text("0\n1\n12\n")
        self.script("special.pt", net(6, width=4, classes=3))
        self.run_models("special.pt", options=(*NORMALISE, "--student-classes", "classes.txt"))
        self.pick("--plain", "--score", "msp", "--max-teacher-rate", "1",
                  models=("--student", "special", "--teacher", "large"))
        self.refuse("12", "large", code=2, arguments=(
            *self.command_line, "--db", self.db, *self.here))


class Files(ExportTest):
    def setUp(self):
        super().setUp()
        self.pick("--plain", "--score", "energy", "--max-teacher-rate", "0.5")

    def test_the_same_bytes_again(self):
        self.export()
        first = self.path("cascade.pt").read_bytes()
        self.ebjr("export", "--policy", "policy.json", *self.here, "--db", self.db,
                  "--out", "other-name.pt")
        self.assertEqual(self.path("other-name.pt").read_bytes(), first)
        self.assertEqual(list(self.directory.glob("*.part")), [])

    def test_policy_is_inside(self):
        self.export()
        extra = {"policy.json": ""}
        torch.jit.load(str(self.path("cascade.pt")), _extra_files=extra)
        self.assertEqual(extra["policy.json"], self.path("policy.json").read_bytes())

    def test_without_a_store(self):
        models = self.here
        self.refuse("--shape", "EBJR_DB", code=2, arguments=self.command_line)
        self.refuse("small", "--model", arguments=(*self.command_line, "--shape", "3x8x8"))
        for shape in ("3x8", "3x8x8x8", "0x8x8", "-3x8x8", "3x8x8 ", "axbxc", ""):
            self.refuse("--shape", code=2,
                        arguments=(*self.command_line, *models, "--shape", shape))
        self.refuse("1 channel", arguments=(*self.command_line, *models, "--shape", "1x8x8"))
        self.ebjr(*self.command_line, *models, "--shape", "x".join(map(str, SHAPE)))
        kept = self.path("cascade.pt").read_bytes()
        self.export()
        self.assertEqual(self.path("cascade.pt").read_bytes(), kept)

    def test_another_model_is_refused(self):
        self.script("other.pt", net(9))
        self.refuse("SHA-256", "small", arguments=(
            *self.command_line, "--db", self.db, "--model", "small=other.pt"))
        self.refuse("SHA-256", "large", arguments=(
            *self.command_line, "--db", self.db, *self.here[:2], "--model", "large=other.pt"))
        self.assertFalse(self.path("cascade.pt").exists())

    def test_where_nothing_can_be_written(self):
        self.export()
        kept = self.path("cascade.pt").read_bytes()
        self.refuse("nowhere/c.pt", "No such file", arguments=(
            "export", "--policy", "policy.json", "--db", self.db, *self.here, "--out", "nowhere/c.pt"))
        self.path("directory").mkdir()
        self.refuse("directory", arguments=(
            "export", "--policy", "policy.json", "--db", self.db, *self.here, "--out", "directory"))
        self.refuse("raw", "pixels", code=2, arguments=(
            *self.command_line, "--db", self.db, "--input", "pixels"))
        self.assertEqual(self.path("cascade.pt").read_bytes(), kept)
        self.assertEqual(list(self.directory.glob("*.part")), [])

    def test_full_disk(self):
        """What stood there before is there after."""
        self.export()
        kept = self.path("cascade.pt").read_bytes()
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        self.refuse("cannot write cascade.pt", "too large", preexec_fn=limit,
                    restore_signals=False, arguments=(*self.command_line, *self.here, "--shape",
                                                      "3x8x8"))
        self.assertEqual(self.path("cascade.pt").read_bytes(), kept)
        self.assertEqual(list(self.directory.glob("*.part")), [])

    def test_hostile_names(self):
        name = 'a "b"\n\t\\ é; import os'
        self.db = self.path("hostile.db")
        for model, file in ((name, "small.pt"), ("large", "large.pt")):
            self.ebjr("run", "--db", self.db, *self.dataset, *NORMALISE,
                      "--plan", "as-loaded", "--model", f"{model}={file}")
        policy = self.pick("--plain", "--score", "msp", "--max-teacher-rate", "0.5",
                           models=("--student", name, "--teacher", "large"))
        self.assert_same(self.export(), torch.from_numpy(self.images),
                         policy["stages"][0]["threshold"])

    def test_imported_outputs(self):
        """Their policies know neither the inputs nor how they were preprocessed."""
        self.db = self.path("imported.db")
        hashes = {row["model"]: row["model_sha256"] for row in
                  self.json("ls", "--db", self.path("store.db"))}
        for run, model in ((1, "small"), (2, "large")):
            logits = np.array([np.frombuffer(blob, "<f4") for blob, in self.query(
                "SELECT logits FROM output WHERE run_id = ? ORDER BY idx", run,
                db=self.path("store.db"))])
            self.import_logits(model, logits, self.labels, "--model-sha256", hashes[model])
        policy = self.pick("--plain", "--score", "msp", "--max-teacher-rate", "0.5")
        models = (*self.here, "--shape", "3x8x8")
        self.refuse("--shape", code=2, arguments=(*self.command_line, "--db", self.db))
        self.refuse("preprocessed", code=2,
                    arguments=(*self.command_line, "--db", self.db, *models))
        cascade = self.export("--shape", "3x8x8", "--input", "preprocessed")
        _, stage, score = self.answer(cascade, normalised(self.images))
        threshold = policy["stages"][0]["threshold"]
        near = np.abs(score - threshold) < NEAR
        np.testing.assert_array_equal(stage[~near], (score < threshold)[~near])
        self.assertTrue(0.2 < stage.mean() < 0.8)


class Progress(RunTest):
    """Of commands that execute models, for programs."""

    def test_run_and_infer(self):
        name = 'a "b"\n\u2028é'
        self.script("m.pt", net(1, width=4))
        self.script("n.pt", net(2))
        steps = {}
        process = self.ebjr("run", "--db", self.db, *self.dataset, *NORMALISE, "--model",
                            f"{name}=m.pt", "--model", "n.pt", "--batch", "10", "--plan", "frozen",
                            "--progress", "json")
        *lines, end = map(json.loads, process.stderr.split("\n")[:-1])
        for line in lines:
            self.assertEqual((line["command"], line["total"]), ("run", self.SAMPLES))
            steps.setdefault(line["stage"], []).append(line["done"])
        self.assertEqual(list(steps), [name, "n"])
        for done in steps.values():
            self.assertEqual((done, done[-1]), (sorted(done), self.SAMPLES))
        self.assertEqual((end["event"], end["status"]), ("end", "done"))
        infer = ("infer", *self.dataset, "--student", name, "--teacher", "n", "--score", "msp",
                 "--threshold", "0.5", "--plan", "as-loaded")
        self.refuse("EBJR_DB", "--db", code=2, arguments=infer)
        process = self.ebjr(*infer, "--progress", "json", "--quiet",
                            env={**os.environ, "EBJR_DB": str(self.db)})
        *lines, end = map(json.loads, process.stderr.split("\n")[:-1])
        self.assertEqual({(line["event"], line["stage"]) for line in lines}, {("progress", "infer")})
        self.assertEqual(end["command"], "infer")


if __name__ == "__main__":
    unittest.main()
