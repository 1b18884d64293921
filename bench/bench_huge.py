"""Time and memory of import, sweep and pick on made-up stores of many samples.

    /usr/bin/python3 bench/bench_huge.py --ebjr build/ebjr 1e6x10 1e7x2

Each SAMPLESxCLASSES is a store of two models, made in --directory (about 2 x (28 + 4 CLASSES) bytes a
sample beside 2 x 4 CLASSES of .npy, both removed at the end) and asked the same in memory and with
little of it. CPU time is user and system; memory is the process's own peak. Needs numpy to make the
logits.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BLOCK = 1 << 18
HEADER = "samples,classes,what,sort_memory,user_s,system_s,wall_s,cpu_ns_each,peak_mib"


def make(directory, samples, classes):
    """Logits as memory-mapped files, a block at a time."""
    import numpy as np
    generator = np.random.default_rng(1)
    labels = np.lib.format.open_memmap(directory / "labels.npy", "w+", np.int32, (samples,))
    logits = {skill: np.lib.format.open_memmap(directory / f"{name}.npy", "w+", np.float32,
                                               (samples, classes))
              for name, skill in (("small", 3), ("large", 6))}
    for first in range(0, samples, BLOCK):
        count = min(BLOCK, samples - first)
        label = labels[first:first + count] = generator.integers(0, classes, count)
        for skill, out in logits.items():
            z = 2 * generator.standard_normal((count, classes), np.float32)
            z[np.arange(count), label] += skill * generator.random(count, np.float32)
            out[first:first + count] = z


# A process inherits the peak of the one that it was forked from: this one is small.
STARTER = """
import os, sys
out, *command = sys.argv[1:]
pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[
    (os.POSIX_SPAWN_OPEN, 1, out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(pid, 0)
print(usage.ru_utime, usage.ru_stime, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def measure(row, *arguments, out=os.devnull):
    began = time.monotonic()
    process = subprocess.run([sys.executable, "-S", "-c", STARTER, out, *map(str, arguments)],
                             stdout=subprocess.PIPE, check=True)
    wall = time.monotonic() - began
    user, system, peak = map(float, process.stdout.split())
    samples = int(row[0])
    print(",".join([*row, f"{user:.2f}", f"{system:.2f}", f"{wall:.2f}",
                    f"{1e9 * (user + system) / samples:.0f}", f"{peak / 1024:.0f}"]), flush=True)


def bench(options, directory, samples, classes):
    subprocess.run([sys.executable, __file__, "--make", directory, f"{samples}x{classes}"],
                   check=True)
    store = directory / "store.db"
    size = (str(samples), str(classes))
    for name, flops in (("small", 100), ("large", 1000)):
        measure((*size, f"import {name}", ""), options.ebjr, "import", "--db", store, "--name", name,
                "--logits", directory / f"{name}.npy", "--labels", directory / "labels.npy",
                "--flops", flops)
        os.remove(directory / f"{name}.npy")
    print(f"# {store.stat().st_size / samples:.0f} bytes a sample in the store", flush=True)
    cascade = ("--db", store, "--student", "small", "--teacher", "large", "--format", "csv")
    tasks = {
        "eval": ("eval", "--score", "energy", "--threshold", "3"),
        "sweep, 100 points": ("sweep", "--points", "100"),
        "sweep, all points": ("sweep",),
        "pick, energy": ("pick", "--max-drop", "0.01", "--score", "energy"),
        "pick, best score": ("pick", "--max-drop", "0.01"),
    }
    for what, (command, *rest) in tasks.items():
        if options.only and what not in options.only:
            continue
        for memory in ("", *options.memory) if command != "eval" else ("",):
            limit = ("--sort-memory", memory) if memory else ()
            measure((*size, f'"{what}"', memory), options.ebjr, command, *cascade, *rest, *limit)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ebjr", default="ebjr")
    parser.add_argument("--directory", type=Path, help="where stores are made (default TMPDIR)")
    parser.add_argument("--memory", action="append", default=[],
                        help="of sorts, may be given again (default 64M)")
    parser.add_argument("--only", action="append", metavar="WHAT",
                        help="after the imports, may be given again (default: all)")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("stores", nargs="+", metavar="SAMPLESxCLASSES")
    options = parser.parse_args()
    options.memory = options.memory or ["64M"]
    for store in options.stores:
        samples, classes = (int(float(part)) for part in store.split("x"))
        if options.make:
            make(options.make, samples, classes)
            continue
        directory = Path(tempfile.mkdtemp(prefix="ebjr-huge-", dir=options.directory))
        try:
            print(HEADER, flush=True)
            bench(options, directory, samples, classes)
        finally:
            shutil.rmtree(directory)


if __name__ == "__main__":
    main()
