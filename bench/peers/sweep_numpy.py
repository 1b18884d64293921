"""The sweep as one writes it in numpy: a stable argsort, two gathers, two cumulative sums.

    python3 sweep_numpy.py [--large] [--runs N] [--lib LIBEBJR] [--n N ...]

Prints the rows of `bench_calib --csv`, by numpy. With --lib (build/libebjr.so) ebjr_sweep takes
turns with it on the same arrays, so that both see the same load; their curves are compared, and the
ratio of the medians is said on stderr.
"""
import argparse
import ctypes
import os
import sys
import time

import numpy as np


def sweep(score, student, teacher):
    order = np.argsort(-score, kind="stable")
    student, teacher = np.cumsum(student[order]), np.cumsum(teacher[order])
    accuracy = (student + teacher[-1] - teacher) / len(score)
    return score[order], accuracy


POINT = np.dtype([("threshold", "f8"), ("student", "i8"), ("harm", "i8"), ("help", "i8")])


class Curve(ctypes.Structure):  # calib/sweep.h
    _fields_ = [("n", ctypes.c_int64), ("student_correct", ctypes.c_int64),
                ("teacher_correct", ctypes.c_int64), ("count", ctypes.c_size_t),
                ("points", ctypes.c_void_p)]


class Ebjr:
    def __init__(self, path):
        self.lib = ctypes.CDLL(os.path.abspath(path))
        array = np.ctypeslib.ndpointer
        self.lib.ebjr_sweep.argtypes = [ctypes.POINTER(Curve), array("f8"), array("u1"),
                                        array("u1"), ctypes.c_size_t]

    def sweep(self, score, student, teacher):
        curve = Curve()
        if self.lib.ebjr_sweep(curve, score, student, teacher, len(score)):
            sys.exit("sweep_numpy: ebjr_sweep failed")
        return curve

    def run(self, *samples):
        self.lib.ebjr_curve_free(ctypes.byref(self.sweep(*samples)))

    def compare(self, score, student, teacher):
        """Where a group of ties ends, both have the same threshold and accuracy."""
        curve = self.sweep(score, student, teacher)
        room = (ctypes.c_char * (curve.count * POINT.itemsize)).from_address(curve.points)
        points = np.frombuffer(room, POINT)[1:]
        right = curve.teacher_correct + points["help"] - points["harm"]
        threshold, accuracy = sweep(score, student, teacher)
        ends = np.append(threshold[1:] != threshold[:-1], True)
        same = (np.array_equal(points["threshold"], threshold[ends]) and
                np.array_equal(right / len(score), accuracy[ends]))
        self.lib.ebjr_curve_free(ctypes.byref(curve))
        if not same:
            sys.exit("sweep_numpy: the curves differ")


def crowded(rng, n):
    return 1 / (1 + np.exp(-np.abs(6 + 3 * rng.standard_normal(n))))


KINDS = {"uniform": lambda rng, n: rng.random(n),
         "normal": lambda rng, n: rng.standard_normal(n),
         "crowded": crowded,
         "tied": lambda rng, n: np.floor(100 * rng.random(n)) / 100}


def make_samples(kind, n):
    rng = np.random.default_rng(1)
    score = KINDS[kind](rng, n)
    right = score if kind == "crowded" else 0.8
    return (score, (rng.random(n) < right).astype(np.uint8),
            (rng.random(n) < 0.98).astype(np.uint8))


def peak_mib():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def once(run, samples):
    wall, cpu = time.perf_counter(), time.process_time()
    run(*samples)
    return time.perf_counter() - wall, time.process_time() - cpu


def measure(kind, n, runs, sides):
    """The median wall time of each side; sides take turns, the peak of memory is of them all."""
    samples = make_samples(kind, n)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    times = {name: [] for name in sides}
    for _ in range(runs):
        for name, run in sides.items():
            times[name].append(once(run, samples))
    median = {name: np.median(times[name], axis=0) for name in sides}
    for name, (wall, cpu) in median.items():
        print(f"{name},sweep,{kind},{n},sample,{runs},{1e3 * wall:.4f},{1e3 * cpu:.4f},"
              f"{1e9 * wall / n:.3f},,{peak_mib():.1f}", flush=True)
    return median, samples


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="10^8 samples too")
    parser.add_argument("--runs", type=int, help="default: 101 for 10^4 samples .. 5 for 10^7")
    parser.add_argument("--lib", help="libebjr.so, to take turns with")
    parser.add_argument("--n", type=float, nargs="+", help="default: 10^4 .. 10^7")
    args = parser.parse_args()
    sizes = [int(n) for n in args.n] if args.n else [10**k for k in range(4, 8 + args.large)]
    ebjr = Ebjr(args.lib) if args.lib else None
    sides = {"numpy": sweep, **({"ebjr": ebjr.run} if ebjr else {})}

    print("by,what,input,n,unit,runs,wall_ms,cpu_ms,ns_each,gb_s,peak_mib")
    for n in sizes:
        for kind in KINDS:
            runs = args.runs or min(101, max(5, 5 * 10**7 // n))
            median, samples = measure(kind, n, runs, sides)
            if ebjr:
                ebjr.compare(*samples)
                wall, cpu = median["numpy"] / median["ebjr"]
                print(f"{n} {kind}: numpy / ebjr = {wall:.1f} (CPU time {cpu:.1f}), "
                      f"load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
