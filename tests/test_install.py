"""What `cmake --install` puts into a prefix works there, also after the prefix was moved."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np

from support import (SOURCE, ProgramTest, decode, options_in, random_logits, skip_file)

BUILD = Path(os.environ.get("EBJR_BUILD", SOURCE / "build"))
CMAKE = os.environ.get("EBJR_CMAKE", "cmake")
WITH_TORCH = os.environ.get("EBJR_TORCH") in ("ON", "TRUE", "1")
if os.environ.get("EBJR_SANITIZE", "OFF") != "OFF":
    skip_file("programs of others are not built with the sanitizers")

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")


def run(*command, code=0, **options):
    process = subprocess.run([os.fspath(word) for word in command], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=300, **options)
    output = decode(process.stdout)
    if process.returncode != code:
        raise AssertionError(f"{command}: {process.returncode}\n{output}")
    return output


class InstalledTest(ProgramTest):
    """One tree for all tests: staged by DESTDIR, then moved to where nothing expects it."""

    @classmethod
    def setUpClass(cls):
        cls.root = Path(tempfile.mkdtemp(prefix="ebjr-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        run(CMAKE, "--install", BUILD, "--prefix", "/nowhere/ebjr",
            env={**os.environ, "DESTDIR": cls.root / "stage"})
        cls.prefix = cls.root / "moved"
        (cls.root / "stage/nowhere/ebjr").rename(cls.prefix)
        cls.library, = cls.prefix.glob("**/libebjr.so")
        cls.program = cls.prefix / "bin/ebjr"
        cls.include = cls.prefix / "include"

    def installed(self, *arguments, code=0, **options):
        return run(self.program, *arguments, code=code, cwd=self.directory, **options)


    def assert_linked_within(self, binary):
        self.assertRegex(run("ldd", binary), rf"libebjr\.so\.0 => {re.escape(str(self.root))}")


class Program(InstalledTest):
    def test_nothing_is_left_out_or_elsewhere(self):
        self.assertFalse(list((self.root / "stage").glob("**/*.*")))
        self.assertEqual(self.library.resolve().name, self.library.name + ".0.1.0")
        self.assertIn("[libebjr.so.0]", run("readelf", "-d", self.library))
        self.assertEqual((self.library.parent / "libebjr.so.0").resolve(), self.library.resolve())
        share = self.prefix / "share"
        for name in ("ebjr/baselines/cifar10.csv", "ebjr/examples/fashion-mnist/student.pt",
                     "ebjr/examples/embed.c", "doc/ebjr/LICENSE", "man/man1/ebjr.1"):
            self.assertTrue((share / name).is_file(), name)

    def test_run_paths_say_nothing_of_the_build(self):
        for binary in (self.program, *self.library.parent.glob("**/*.so")):
            paths = re.findall(r"\((?:RUN|R)PATH\).*\[(.*)\]", run("readelf", "-d", binary))
            for path in paths:
                self.assertTrue(path.startswith("$ORIGIN/"), (binary, path))

    def test_the_program_uses_the_library_beside_it(self):
        self.assert_linked_within(self.program)

    def test_stored_outputs(self):
        labels = np.arange(60) % 3
        for name, skill in (("small", 3), ("large", 8)):
            np.save(self.path(f"{name}.npy"), random_logits(skill, 60, 3, labels, skill))
            np.save(self.path("labels.npy"), labels)
            self.installed("import", "--db", "s.db", "--name", name, "--logits", f"{name}.npy",
                           "--labels", "labels.npy", "--flops", "1M")
        sweep = self.installed("sweep", "--db", "s.db", "--student", "small", "--teacher", "large",
                               "--format", "csv")
        self.assertGreater(len(sweep.splitlines()), 10)

    def test_the_backend(self):
        """With libtorch the models of the examples run; without, that is said."""
        examples = self.prefix / "share/ebjr/examples/fashion-mnist"
        np.save(self.path("x.npy"), np.zeros((8, 1, 28, 28), np.uint8))
        np.save(self.path("y.npy"), np.zeros(8, np.int64))
        said = self.installed(
            "run", "--db", "s.db", "--dataset", "npy:x.npy", "--labels", "y.npy",
            "--layout", "nchw", "--plan", "as-loaded", "--threads", "1", "--format", "csv",
            "--model", f"student={examples / 'student.pt'}", code=0 if WITH_TORCH else 1)
        module = self.library.parent / "ebjr/ebjr-torch.so"
        self.assertEqual(module.is_file(), WITH_TORCH)
        if not WITH_TORCH:
            self.assertIn("no libtorch backend", said)
            return
        self.assert_linked_within(module)
        module.rename(self.path("elsewhere.so"))
        self.addCleanup(self.path("elsewhere.so").rename, module)
        said = self.installed("run", "--db", "t.db", "--dataset", "npy:x.npy", "--labels", "y.npy",
                              "--layout", "nchw", "--model", examples / "student.pt", code=1)
        self.assertIn("no libtorch backend", said)


class Interface(InstalledTest):
    def headers(self):
        return sorted(path.relative_to(self.include) for path in self.include.glob("ebjr/**/*.h"))

    def test_each_header_stands_alone(self):
        languages = (("c", "-std=c11", shutil.which("cc")),
                     ("c++", "-std=c++17", shutil.which("c++")))
        self.assertGreater(len(self.headers()), 30)
        for name, standard, compiler in languages:
            if not compiler:
                continue
            for header in self.headers():
                with self.subTest(header=header, language=name):
                    source = f"#include <{header}>\n#include <{header}>\ntypedef int some;\n"
                    run(compiler, "-x", name, standard, "-fsyntax-only", *WARNINGS,
                        f"-I{self.include}", "-", input=source.encode())

    def declared(self):
        """The names of functions, told by the compiler, and of data."""
        everything = self.path("all.c")
        everything.write_text("".join(f"#include <{header}>\n" for header in self.headers()))
        run("gcc", "-std=c11", "-fsyntax-only", f"-I{self.include}", "-aux-info",
            self.path("all.X"), everything)
        ours = rf"/\* {re.escape(str(self.include))}/ebjr/.*\*/ extern .*?\b(ebjr_\w+) \("
        functions = re.findall(ours, self.path("all.X").read_text())
        data = [name for header in self.headers() for name in
                re.findall(r"^extern const .*?(\w+);", (self.include / header).read_text(), re.M)]
        return set(functions) | set(data)

    def test_what_headers_declare_is_exported_and_nothing_else(self):
        if not shutil.which("gcc"):
            self.skipTest("gcc tells what is declared")
        symbols = {}
        for line in run("nm", "-D", "--defined-only", self.library).splitlines():
            kind, name, version = re.search(r" (\w) (\w[\w.]*)(?:@@?(\S+))?$", line).groups()
            if kind != "A":
                symbols.setdefault(version, set()).add(name)
        self.assertEqual(set(symbols), {"EBJR_0", "EBJR_PRIVATE_0.1.0"})
        self.assertEqual(symbols["EBJR_0"], self.declared())

        private = symbols["EBJR_PRIVATE_0.1.0"]
        texts = [header.read_text()
                 for room in ("base", "bench", "calib", "db", "plots", "runtime")
                 for header in (SOURCE / room).glob("*.h")]
        for_programs = "".join(text for text in texts if 'extern "C"' in text)
        internal = "".join(text for text in texts if 'extern "C"' not in text)
        self.assertEqual(private - set(re.findall(r"\bebjr_\w+", for_programs)), set())
        self.assertTrue("ebjr_table_insert(" in internal and "ebjr_step_run(" in internal)
        self.assertFalse(private & {"ebjr_table_insert", "ebjr_step_run"})


class Consumers(InstalledTest):
    CONSUMER = SOURCE / "tests/consumer"

    def setUp(self):
        super().setUp()
        if not shutil.which("c++"):
            self.skipTest("no C++ compiler")

    def assert_said(self, program):
        environment = {**os.environ, "LD_LIBRARY_PATH": self.library.parent}
        self.assertEqual(run(program, cwd=self.directory, env=environment).splitlines(),
                         ["ebjr 0.1.0", "inf 0.50", "4.018150 1.00", "1.313262 0.50",
                          "cannot open the store no-such.db: No such file or directory"])

    def test_pkg_config(self):
        environment = {**os.environ, "PKG_CONFIG_PATH": self.library.parent / "pkgconfig"}
        version = run("pkg-config", "--modversion", "ebjr", env=environment)
        self.assertEqual(version, "0.1.0\n")
        flags = run("pkg-config", "--cflags", "--libs", "ebjr", env=environment).split()
        example = self.prefix / "share/ebjr/examples/embed.c"
        run("cc", "-std=c11", *WARNINGS, example, *flags, "-o", self.path("embed"))
        run(self.path("embed"), code=2, env={**os.environ, "LD_LIBRARY_PATH": self.library.parent})
        for compiler, standard, source in (("cc", "-std=c11", "consumer.c"),
                                           ("c++", "-std=c++17", "consumer.cpp")):
            run(compiler, standard, *WARNINGS, self.CONSUMER / source, *flags,
                "-o", self.path(source + ".out"))
            self.assert_said(self.path(source + ".out"))

    def test_cmake(self):
        run(CMAKE, "-S", self.CONSUMER, "-B", self.path("build"),
            f"-DCMAKE_PREFIX_PATH={self.prefix}",
            f"-DEXAMPLES={self.prefix / 'share/ebjr/examples'}")
        run(CMAKE, "--build", self.path("build"))
        self.assert_said(self.path("build/consumer_c"))
        self.assert_said(self.path("build/consumer_cpp"))

    def test_cmake_refuses_another_version(self):
        self.path("CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.18)\nproject(p LANGUAGES C)\n"
            "find_package(ebjr 0.2 REQUIRED)\n")
        said = run(CMAKE, "-S", self.directory, "-B", self.path("b"),
                   f"-DCMAKE_PREFIX_PATH={self.prefix}", code=1)
        self.assertIn("version: 0.1.0", said)


class ManPages(InstalledTest):
    def page(self, name):
        return self.prefix / "share/man/man1" / f"{name}.1"

    def commands(self):
        listed = self.installed("--help").split("Commands:\n")[1].split("\n\n")[0]
        return [line.split()[0] for line in listed.splitlines()]

    def test_a_page_says_all_that_help_says(self):
        commands = self.commands()
        self.assertIn("pick", commands)
        pages = {path.stem for path in self.page("ebjr").parent.iterdir()}
        self.assertEqual(pages, {"ebjr", *(f"ebjr-{command}" for command in commands)})
        for command in commands:
            text = self.page(f"ebjr-{command}").read_text()
            text = re.sub(r"^\.(?:TP|br|EX|EE|SH .*|nh|hy)$", "", text, flags=re.M)
            text = text.replace("\\-", "-").replace("\\e", "\\").replace("\\(ti", "~")
            text = " ".join(text.replace("\\(ha", "^").replace("\\&", "").split())
            help_text = self.installed(command, "--help")
            options = options_in(help_text)
            self.assertIn("--help", options)
            for option in options:
                self.assertIn(f" .B {option} ", text, command)
            for line in help_text.splitlines():
                for piece in re.split(r"  +", line.strip()):
                    if not piece.endswith(":") and not piece.startswith(("Usage", "ebjr")):
                        self.assertIn(" ".join(piece.split()), text, command)

    def test_the_page_of_the_policy_names_each_key(self):
        labels = np.arange(900) % 3
        for name, skill in (("small", 3), ("large", 8)):
            self.import_logits(name, random_logits(skill, 900, 3, labels, skill), labels)
        self.installed("pick", "--db", self.db, "--student", "small", "--teacher", "large",
                       "--score", "learned", "--per-class", "--max-drop", "0.1",
                       "--out", "policy.json")
        page = (self.prefix / "share/man/man5/ebjr-policy.5").read_text()
        keys = set(re.findall(r'"([a-z_0-9]+)":', self.path("policy.json").read_text()))
        self.assertTrue({"seal", "offsets", "weights"} <= keys)
        for key in keys:
            self.assertRegex(page, rf"(?m)^\.BR? {key}\b")

    def test_pages_are_well_formed(self):
        linters = [command for command in (("mandoc", "-Tlint", "-Wwarning"),
                                           ("man", "--warnings", "-E", "UTF-8", "-l"))
                   if shutil.which(command[0])]
        if not linters:
            self.skipTest("neither man nor mandoc")
        for path in self.page("ebjr").parent.parent.glob("*/*"):
            for linter in linters:
                process = subprocess.run([*linter, path], stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE,
                                         env={**os.environ, "MANWIDTH": "120", "MANPAGER": "cat"})
                self.assertEqual(process.stderr, b"", path)
                if linter[0] == "mandoc":
                    self.assertEqual(process.stdout, b"", path)


if __name__ == "__main__":
    unittest.main()
