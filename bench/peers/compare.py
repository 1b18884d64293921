#!/usr/bin/env python3
"""Runs two commands that print JSON, in turns, so that both see the same load; prints the median of
every number that both tell, and the ratio peer / ours.

    compare.py --runs 5 --ours 'ebjr bench ... --format json' --peer 'original_way.py ...'

Where a command prints a list of rows, --row says which is meant: 0 (default), 1, ... of ours. The
wall time of the whole command is `command_s`. The ratio of a pair is taken within each turn; its
median and its range are printed."""
import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import time


def run(command: list[str], row: int) -> dict[str, float]:
    begin = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"compare.py: {shlex.join(command)}: exit status {done.returncode}")
    told = json.loads(done.stdout)
    told = told[row] if isinstance(told, list) else told
    numbers = {key: value for key, value in told.items()
               if isinstance(value, (int, float)) and not isinstance(value, bool)}
    return {**numbers, "command_s": time.perf_counter() - begin}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=shlex.split, required=True)
    parser.add_argument("--peer", type=shlex.split, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--row", type=int, default=0)
    args = parser.parse_args()

    turns = []
    for i in range(args.runs):
        print(f"compare.py: turn {i + 1} of {args.runs}, load {os.getloadavg()[0]:.1f}",
              file=sys.stderr)
        turns.append((run(args.ours, args.row), run(args.peer, 0)))
    fields = [key for key in turns[0][0] if all(key in side for turn in turns for side in turn)]
    print(f"{'':16} {'ours':>14} {'peer':>14} {'peer / ours':>12}  range")
    for key in fields:
        ours, peer = (statistics.median(turn[side][key] for turn in turns) for side in (0, 1))
        ratios = [theirs[key] / own[key] for own, theirs in turns if own[key]]
        text = (f"{statistics.median(ratios):12.3f}  {min(ratios):.3f} .. {max(ratios):.3f}"
                if ratios else "")
        print(f"{key:16} {ours:14.6g} {peer:14.6g} {text}")


if __name__ == "__main__":
    main()
