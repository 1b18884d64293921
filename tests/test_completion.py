"""Completion: what the program offers, and what bash, zsh and fish make of it."""

import json
import os
import re
import shutil
import subprocess
import unittest

import numpy as np

from support import EBJR, SOURCE, ProgramTest, decode, options_in

SCRIPTS = SOURCE / "cli/completion"


class CompletionTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.program = os.path.abspath(EBJR)

    def offered(self, *words, **options):
        lines = self.ebjr("complete", *words, **options).stdout.splitlines()
        return [line.split("\t")[0] for line in lines]

    def fill(self):
        """Models small, large and "odd name" on the data set tiny."""
        labels = np.array([0, 1, 0])
        for seed, name in enumerate(("small", "large", "odd name")):
            logits = np.random.default_rng(seed).normal(size=(3, 2)).astype(np.float32)
            self.import_logits(name, logits, labels, "--dataset-name", "tiny")

    def commands(self):
        listed = self.ebjr("--help").stdout.split("Commands:\n")[1].split("\n\n")[0]
        return [line.split()[0] for line in listed.splitlines()]


class Program(CompletionTest):
    def test_commands(self):
        self.assertEqual(self.offered(""), [*self.commands(), "--help", "--version"])
        self.assertEqual(self.offered("pl"), ["plot", "plan"])
        self.assertEqual(self.offered("no-such", "--"), [])
        self.assertEqual(self.offered(), [])

    def test_each_option_of_the_help(self):
        for command in self.commands():
            options = options_in(self.ebjr(command, "--help").stdout)
            offered = self.offered(command, "")
            files = [":files "] if command == "merge" else []  # its stores stand alone
            self.assertEqual(offered, options + files, command)

    def test_what_was_given_is_not_offered_again(self):
        self.assertNotIn("--db", self.offered("ls", "--db", "x", "--"))
        self.assertNotIn("--db", self.offered("ls", "--db=x", "--"))
        self.assertIn("--model", self.offered("run", "--model", "x", "--"))

    def test_values_that_the_help_lists(self):
        for command, option, values in (
                ("ls", "--format", "table csv json md latex"),
                ("run", "--split", "test train"),
                ("run", "--dtype", "float32 bfloat16 float16"),
                ("run", "--plan",
                 "auto as-loaded frozen optimized channels-last direct cuda-graph"),
                ("bench", "--scenario", "single offline server"),
                ("sweep", "--flops-convention", "op-counter mac2"),
                ("sweep", "--precision", "double float32"),
                ("compare", "--what",
                 "summary points dominance equal-cost equal-accuracy wins"),
                ("pick", "--bound", "clopper-pearson betting hoeffding-bentkus")):
            offered = self.offered(command, option, "")
            self.assertEqual(offered[:len(values.split())], values.split(), (command, option))
        self.assertEqual(self.offered("ls", "--format=c"), ["--format=csv"])
        self.assertIn("softmax-energy", self.offered("eval", "--score", "s"))
        self.assertIn("all", self.offered("sweep", "--score", ""))
        self.assertIn("learned", self.offered("pick", "--score", ""))
        self.assertNotIn("all", self.offered("pick", "--score", ""))
        for option in ("--threshold", "--title"):
            self.assertEqual(self.offered("plot", option, ""), [])

    def test_models_and_data_sets_of_the_store(self):
        self.fill()
        db = ("--db", self.db)
        models = {"small", "large", "odd name"}
        self.assertEqual(set(self.offered("eval", *db, "--student", "")), models)
        self.assertEqual(self.offered("eval", f"--db={self.db}", "--student", "sm"), ["small"])
        self.assertEqual(self.offered("eval", *db, "--teacher=la"), ["--teacher=large"])
        self.assertEqual(self.offered("pick", *db, "--stages", "small,la"), ["small,large"])
        self.assertEqual(self.offered("eval", *db, "--dataset", ""), ["tiny"])
        self.assertEqual(self.offered("eval", "--student", ""), [])
        self.assertEqual(self.offered("eval", "--db", "absent.db", "--student", ""), [])
        self.assertFalse(self.path("absent.db").exists())
        environment = {**os.environ, "EBJR_DB": str(self.db)}
        self.assertEqual(self.offered("eval", "--student", "sm", env=environment), ["small"])

    def test_files(self):
        self.assertEqual(self.offered("ls", "--db", "sto"), [":files "])
        self.assertEqual(self.offered("ls", "--db=sto"), [":files --db="])
        self.assertEqual(self.offered("run", "--model", "small=s"), [":files small="])
        self.assertEqual(self.offered("run", "--dataset", "npy:x"), [":files npy:"])
        kinds = self.offered("run", "--dataset", "")
        self.assertTrue({"cifar10:", "cifar100:", "idx:", "npy:"} <= set(kinds), kinds)

    def test_names_of_anyones_do_no_more(self):
        labels = np.array([0, 1])
        self.import_logits("a\x1b[2J\nb\tc", np.eye(2, dtype=np.float32), labels)
        self.assertEqual(self.offered("eval", "--db", self.db, "--student", ""), ["a [2J b c"])


class Shell:
    """The same questions to each shell: what `ebjr WORDS<TAB>` offers."""

    def test_commands(self):
        self.assertEqual(self.asked("ebjr ve"), ["verify"])
        self.assertIn("sweep", self.asked("ebjr "))

    def test_options(self):
        self.assertEqual(self.asked("ebjr pick --max-p9"), ["--max-p95", "--max-p99"])

    def test_values(self):
        self.assertEqual(self.asked("ebjr ls --format j"), ["json"])

    def test_models(self):
        self.fill()
        self.assertEqual(self.asked("ebjr eval --db store.db --student sm"), ["small"])
        self.assertEqual(self.asked("ebjr eval --db './store.db' --student l"), ["large"])

    def test_files(self):
        self.path("images.npy").touch()
        self.path("weights").mkdir()
        self.assertEqual(self.asked("ebjr import --logits im"), ["images.npy"])
        self.assertEqual(self.asked("ebjr import --logits we")[0].rstrip("/"), "weights")


def shell_test(shell):
    return unittest.skipUnless(shutil.which(shell), f"there is no {shell}")


@shell_test("bash")
class Bash(Shell, CompletionTest):
    # what the function calls works in a completion only
    DRIVER = r"""
        ebjr() { "$EBJR_PROGRAM" "$@"; }
        compopt() { :; }
        source "$EBJR_SCRIPT"
        COMP_LINE=$1 COMP_POINT=${#1}
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _ebjr ebjr "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        ((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}"
        exit 0
    """

    def asked(self, line):
        # words as bash splits them: at blanks, and at : and = (COMP_WORDBREAKS)
        words = re.findall(r"'[^']*'|[:=]+|[^\s:=']+", line) + ([""] if line[-1] in " :=" else [])
        output = subprocess.run(["bash", "--norc", "-c", self.DRIVER, "bash", line, *words],
                                cwd=self.directory, check=True, stdout=subprocess.PIPE,
                                env={**os.environ, "EBJR_PROGRAM": self.program,
                                     "EBJR_SCRIPT": str(SCRIPTS / "ebjr.bash")}).stdout
        return decode(output).splitlines()

    def test_words_that_bash_splits(self):
        self.path("images.npy").touch()
        self.assertEqual(self.asked("ebjr run --dataset npy:im"), ["images.npy"])
        self.assertEqual(self.asked("ebjr run --dataset np"), ["npy:"])
        self.assertEqual(self.asked("ebjr ls --format=la"), ["latex"])
        self.assertEqual(self.asked("ebjr run --model small=im"), ["images.npy"])

    def test_odd_names_are_quoted(self):
        self.fill()
        self.assertEqual(self.asked("ebjr eval --db store.db --student od"), ["odd\\ name"])


@shell_test("fish")
class Fish(Shell, CompletionTest):
    def asked(self, line):
        script = f"source {SCRIPTS / 'ebjr.fish'}; complete -C {json.dumps(line)}"
        if not self.path("ebjr").exists():
            self.path("ebjr").symlink_to(self.program)
        output = subprocess.run(["fish", "--no-config", "-c", script], cwd=self.directory,
                                check=True, stdout=subprocess.PIPE,
                                env={**os.environ, "HOME": str(self.directory),
                                     "PATH": f"{self.directory}:{os.environ['PATH']}"}).stdout
        return [item.split("\t")[0] for item in decode(output).splitlines()]


@shell_test("zsh")
class Zsh(Shell, CompletionTest):
    # what the function calls works in a completion only
    DRIVER = r"""
        ebjr() { "$EBJR_PROGRAM" "$@" }
        compset() { PREFIX=${PREFIX#${~2}} }
        _files() { print -rl -- $PREFIX*(N) }
        _describe() { print -rl -- "${(@P)argv[-1]}" }
        words=("$@") CURRENT=$# PREFIX=$argv[-1]
        source "$EBJR_SCRIPT"
        exit 0
    """

    def asked(self, line):
        words = line.split(" ")
        output = subprocess.run(["zsh", "-f", "-c", self.DRIVER, "zsh", *words],
                                cwd=self.directory, check=True, stdout=subprocess.PIPE,
                                env={**os.environ, "EBJR_PROGRAM": self.program,
                                     "EBJR_SCRIPT": str(SCRIPTS / "_ebjr")}).stdout
        return [re.split(r"(?<!\\):", item)[0].replace("\\:", ":")
                for item in decode(output).splitlines()]

    def test_heads_are_kept(self):
        self.path("images.npy").touch()
        self.assertEqual(self.asked("ebjr run --dataset npy:im"), ["images.npy"])
        self.assertEqual(self.asked("ebjr run --dataset np"), ["npy:"])
        self.assertEqual(self.asked("ebjr ls --format=la"), ["--format=latex"])


if __name__ == "__main__":
    unittest.main()
