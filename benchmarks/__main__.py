"""`python -m benchmarks [WORK ...]` measures; `python -m benchmarks report` makes table and charts of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from benchmarks.comparing import Plan
from benchmarks.findings import RESULTS, load
from benchmarks.machine import describe
from benchmarks.report import written
from benchmarks.works import WORKS

_QUICK = 20


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"of {' '.join(WORKS)}, or `report`")
    parser.add_argument("--rounds", type=int, default=5, help="how often everyone takes a turn (default 5)")
    parser.add_argument("--quick", action="store_true", help=f"sizes divided by {_QUICK}, to try things out")
    parser.add_argument("--results", type=Path, help="folder of the raw JSON (default benchmarks/results)")
    given = parser.parse_args(arguments)
    folder = given.results or (RESULTS / "quick" if given.quick else RESULTS)
    if given.works == ["report"]:
        if not (found := load(folder)):
            parser.error(f"there is nothing in {folder} yet: measure first")
        for path in written(found, folder):
            print(path)
        return 0
    names = [name.upper() for name in given.works] or list(WORKS)
    if unknown := set(names) - WORKS.keys():
        parser.error(f"no such work: {', '.join(sorted(unknown))}; there are {', '.join(WORKS)} and report")
    if given.rounds < 1:
        parser.error("at least one round")
    machine = describe()
    print(msgspec.json.encode(machine).decode())
    if not machine.pinned:
        print("one core for server and client together: they are not pinned, and share it", file=sys.stderr)
    plan = Plan(machine=machine, rounds=given.rounds, divisor=_QUICK if given.quick else 1)
    for name in names:
        print(WORKS[name](plan).save(folder), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
