"""Shards of a run: their blocks, who says which, and that merged they are the run of one process."""

import os
import signal
import subprocess
import time
import unittest

from support import EBJR, SOURCE
from test_run import NORMALISE, RunTest, Slow, net, torch

SCHEDULERS = ("SLURM_", "OMPI_", "PMI_", "PMIX_", "RANK", "WORLD_SIZE")
PLAN = ("--plan", "frozen", "--threads", "1")


def environment(**variables):
    """Without what a scheduler of ours may say."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(SCHEDULERS)}
    return {**kept, **{key: str(value) for key, value in variables.items()}}


class ShardTest(RunTest):
    SAMPLES = 151

    def setUp(self):
        super().setUp()
        self.script("small.pt", net(1, width=4))
        self.script("large.pt", net(2))

    def shard(self, text, *options, models=("small.pt", "large.pt"), db="shard-{rank}.db", **kept):
        return self.ebjr(*self.command(*models, db=db), *NORMALISE, "--shard", text, *options,
                         **kept)

    def block(self, db):
        """first, samples of its runs."""
        found = set(self.query("SELECT first, samples FROM run", db=self.path(db)))
        self.assertEqual(len(found), 1)
        return found.pop()


class Blocks(ShardTest):
    def test_they_cover_the_data_set(self):
        """In order, none twice, none larger than another by more than one sample."""
        for size in (1, 4):
            at, sizes = 0, []
            for rank in range(size):
                self.shard(f"{rank}/{size}", *PLAN, models=["small.pt"], db=f"{size}-{{rank}}.db")
                first, count = self.block(f"{size}-{rank}.db")
                self.assertEqual(first, at)
                at += count
                sizes.append(count)
            self.assertEqual(at, self.SAMPLES)
            self.assertLessEqual(max(sizes) - min(sizes), 1)

    def test_more_shards_than_samples(self):
        self.save("x.npy", self.images[:3])
        self.save("y.npy", self.labels[:3])
        self.run_models("small.pt", options=(*NORMALISE, *PLAN))
        for rank in range(5):
            self.shard(f"{rank}/5", *PLAN, models=["small.pt"])
        self.ebjr("merge", "--db", "all.db", *(f"shard-{rank}.db" for rank in (4, 2, 0, 1, 3)))
        self.assertEqual(self.contents(self.path("all.db")), self.contents())
        self.assertIn("nothing to do", self.shard("4/5", *PLAN, models=["small.pt"]).stderr)

    def test_merged_they_are_the_run_of_one_process(self):
        """Every logit, to its last bit, whatever the plan and the batch; and so what follows."""
        for number, (plan, batch) in enumerate((("as-loaded", 64), ("frozen", 7), ("optimized", 16),
                                                ("channels-last", 32), ("direct", 64))):
            options = ("--plan", plan, "--batch", str(batch), "--threads", "1")
            one, merged = self.path(f"one{number}.db"), self.path(f"all{number}.db")
            self.ebjr(*self.command("small.pt", "large.pt", db=one), *NORMALISE, *options)
            shards = [f"{number}-{rank}.db" for rank in range(3)]
            for rank in (2, 0, 1):
                self.shard(f"{rank}/3", *options, db=f"{number}-{{rank}}.db")
            self.ebjr("merge", "--db", merged, *shards)
            self.verify(merged)
            self.assertEqual(self.contents(merged), self.contents(one))
            answers = []
            for db in (one, merged):
                pair = ("--db", db, "--student", "small", "--teacher", "large")
                sweep = self.ebjr("sweep", *pair, "--score", "all", "--format", "json").stdout
                self.ebjr("pick", *pair, "--max-drop", "0.2", "--plain", "--out", "p.json")
                answers.append((sweep, self.path("p.json").read_bytes()))
            self.assertEqual(*answers)

    def test_resumed_it_is_the_same(self):
        """Killed and asked again, a shard ends where an unbroken one does, to the last bit."""
        torch.manual_seed(9)
        self.trace("slow.pt", Slow())
        start = time.monotonic()
        self.shard("1/2", *PLAN, models=["slow.pt"])
        duration = time.monotonic() - start
        whole = self.contents(self.path("shard-1.db"))
        command = (*self.command("slow.pt", db="killed.db"), *NORMALISE, *PLAN, "--shard", "1/2")
        killed = 0
        for share in (0.2, 0.4, 0.6, 0.8, 0.9):
            process = self.start(*command)
            time.sleep(share * duration)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += process.returncode == -signal.SIGKILL
        self.assertGreater(killed, 0)
        self.ebjr(*command)
        self.verify(self.path("killed.db"))
        self.assertEqual(self.contents(self.path("killed.db")), whole)

    def test_a_merged_run_goes_on(self):
        """A gap at the end can be filled by a run, too; by the first plan where shards had several."""
        self.shard("0/3", "--plan", "as-loaded", "--threads", "1")
        self.shard("1/3", "--plan", "frozen", "--threads", "1")
        talk = self.ebjr("merge", "--db", self.db, "shard-0.db", "shard-1.db", code=1).stderr
        self.assertIn("another plan", talk)
        self.run_models("small.pt", "large.pt", options=NORMALISE)
        self.verify()
        self.assertEqual(self.query("SELECT samples, done FROM run"), [(self.SAMPLES,) * 2] * 2)

    def test_one_block_a_store(self):
        self.shard("0/3", *PLAN, db="s.db")
        before = self.contents(self.path("s.db"))
        for text in ("1/3", "0/2", "0/1"):
            self.refuse("s.db", "one block", "ebjr merge", arguments=(
                *self.command("small.pt", db="s.db"), *NORMALISE, *PLAN, "--shard", text))
        self.refuse("one block", arguments=(*self.command("small.pt", db="s.db"), *NORMALISE,
                                            *PLAN))
        self.assertEqual(self.contents(self.path("s.db")), before)


class Names(ShardTest):
    def refuse_shard(self, text, *words, db="s-{rank}.db", **variables):
        return self.refuse(*words, code=2, env=environment(**variables), arguments=(
            *self.command("small.pt", db=db), *PLAN, "--shard", text))

    def assert_auto(self, expected, **variables):
        """By the name of a store in a directory that is not there."""
        rank, size = expected
        self.refuse(f"{rank}-of-{size}/s.db", env=environment(**variables), arguments=(
            *self.command("small.pt", db="{rank}-of-{size}/s.db"), *PLAN, "--shard", "auto"))

    def test_what_is_no_shard(self):
        self.refuse_shard("4/4", "count from 0", "3/4")
        for text in ("4", "a/b", "-1/4", "1/0", "1/", "/2", "", "1.5/2", "1/2/3", "0/99999999999"):
            self.refuse_shard(text, f"--shard {text}")
        self.refuse("{rank}", "--shard", code=2, arguments=(
            *self.command("small.pt", db="s-{rank}.db"), *PLAN))
        self.assertEqual(list(self.directory.glob("*.db")), [])

    def test_slurm_arrays(self):
        array = {"SLURM_ARRAY_TASK_MIN": 1, "SLURM_ARRAY_TASK_MAX": 7, "SLURM_ARRAY_TASK_STEP": 2,
                 "SLURM_ARRAY_TASK_COUNT": 4}
        self.assert_auto((0, 4), SLURM_ARRAY_TASK_ID=1, **array)
        self.assert_auto((3, 4), SLURM_ARRAY_TASK_ID=7, **array)
        self.assert_auto((2, 4), SLURM_ARRAY_TASK_ID=5, SLURM_PROCID=0, SLURM_NTASKS=1, **array)
        self.refuse_shard("auto", "no range", SLURM_ARRAY_TASK_ID=4, **array)
        self.refuse_shard("auto", "no range", SLURM_ARRAY_TASK_ID=3,
                          **{**array, "SLURM_ARRAY_TASK_COUNT": 3})
        self.refuse_shard("auto", "SLURM_ARRAY_TASK_MIN", SLURM_ARRAY_TASK_ID=3)

    def test_other_launchers(self):
        for rank, size in (("SLURM_PROCID", "SLURM_NTASKS"), ("RANK", "WORLD_SIZE"),
                           ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
                           ("PMI_RANK", "PMI_SIZE")):
            self.assert_auto((2, 3), **{rank: 2, size: 3})
            self.refuse_shard("auto", rank, **{rank: 3, size: 3})
            self.refuse_shard("auto", rank, "'x'", **{rank: "x", size: 3})
        self.assert_auto((1, 4), SLURM_PROCID=1, SLURM_NTASKS=4, OMPI_COMM_WORLD_RANK=1,
                         OMPI_COMM_WORLD_SIZE=4, PMIX_RANK=1)
        self.assert_auto((0, 1), RANK=0, WORLD_SIZE=1)

    def test_contradictions(self):
        self.refuse_shard("auto", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "0/4", "2/4",
                          SLURM_PROCID=0, SLURM_NTASKS=4, OMPI_COMM_WORLD_RANK=2,
                          OMPI_COMM_WORLD_SIZE=4)
        self.refuse_shard("auto", "RANK", "SLURM_ARRAY_TASK_ID", RANK=1, WORLD_SIZE=2,
                          SLURM_ARRAY_TASK_ID=1, SLURM_ARRAY_TASK_MIN=0, SLURM_ARRAY_TASK_MAX=3,
                          SLURM_ARRAY_TASK_COUNT=4)
        self.refuse_shard("auto", "no scheduler")

    def test_under_mpirun_without_mpi(self):
        """Several processes must not take one store; where one can merge, they need not."""
        if "MPI" in os.environ.get("EBJR_BUILT_WITH", ""):
            self.skipTest("this ebjr has MPI")
        for variable in ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"):
            self.refuse(variable, "--shard auto", "EBJR_MPI", code=2,
                        env=environment(**{variable: 4}),
                        arguments=(*self.command("small.pt"), *PLAN))
        self.assertFalse(self.db.exists())
        self.run_models("small.pt", options=PLAN, env=environment(OMPI_COMM_WORLD_SIZE=1))


class Slurm(ShardTest):
    """examples/slurm.sh, with an sbatch that runs what it is given at once."""

    SBATCH = r"""#!/bin/bash
        set -e
        echo "$*" >> sbatch.log
        array= variables=() ; name=
        while [[ $1 == --* ]]; do
            case $1 in
                --array=*) array=${1#--array=} ;;
                --dependency=afterok:*) grep -qx "${1#--dependency=afterok:}" done.log ;;
            esac
            shift
        done
        [ -f "$1" ]
        export SLURM_JOB_ID=$RANDOM SLURM_CPUS_PER_TASK=1
        if [ -n "$array" ]; then
            for ((i = ${array%-*}; i <= ${array#*-}; i++)); do
                SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_MIN=${array%-*} \
                SLURM_ARRAY_TASK_MAX=${array#*-} SLURM_ARRAY_TASK_STEP=1 \
                SLURM_ARRAY_TASK_COUNT=$((${array#*-} - ${array%-*} + 1)) \
                    bash "$@" >> out.log 2>&1 || exit 1
            done
        else
            bash "$@" >> out.log 2>&1
        fi
        echo "$SLURM_JOB_ID" | tee -a done.log
        """
    SRUN = '#!/bin/bash\nSLURM_PROCID=0 SLURM_NTASKS=1 SLURM_STEP_ID=0 exec "$@"\n'

    def setUp(self):
        super().setUp()
        stubs = self.path("bin")
        stubs.mkdir()
        for name, text in (("sbatch", self.SBATCH), ("srun", self.SRUN)):
            (stubs / name).write_text(text)
            (stubs / name).chmod(0o755)
        self.environment = environment(PATH=f"{stubs}:{os.path.dirname(EBJR)}:{os.environ['PATH']}")

    def slurm(self, *arguments):
        return subprocess.run(["bash", SOURCE / "examples" / "slurm.sh", *arguments],
                              cwd=self.directory, env=self.environment, capture_output=True,
                              text=True, timeout=300)

    def test_array_and_merge(self):
        options = (*self.command("small.pt", "large.pt", db="all.db")[3:], *NORMALISE, *PLAN)
        process = self.slurm("4", "all.db", *options)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertIn("--array=0-3", self.path("sbatch.log").read_text())
        self.run_models("small.pt", "large.pt", options=(*NORMALISE, *PLAN))
        self.verify(self.path("all.db"))
        self.assertEqual(self.contents(self.path("all.db")), self.contents())

    def test_help(self):
        process = self.slurm()
        self.assertEqual(process.returncode, 2)
        self.assertIn("usage", process.stderr)


if __name__ == "__main__":
    unittest.main()
