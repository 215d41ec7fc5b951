"""`make faults`: kill the program everywhere, and let many people do the same at once, on both databases.

Prints a table of every point, and as its last line `N points, R runs, B broken`: a race counts as a point, each of its
rounds as a run.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context

from tests.conftest import BACKENDS
from tests.faults.all import run_all
from tests.faults.kill.matrix import Runs

FEWEST_POINTS = 30
MOST_TOLD = 5


def main() -> int:
    """Run all, print the table, and return the exit code."""
    asked = argparse.ArgumentParser(prog="make faults", description=__doc__)
    asked.add_argument("--seeds", type=int, default=20, help="how many runs per point and database")
    asked.add_argument("--first-seed", type=int, default=0)
    asked.add_argument("--rounds", type=int, default=200, help="how many rounds per race and database")
    asked.add_argument("--database", choices=BACKENDS, action="append")
    asked.add_argument("--point", default="", help="only points with this in their name")
    options = asked.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    kinds = options.database or BACKENDS
    # One process per database, each without threads: what it forks is a copy of nothing but itself.
    with ProcessPoolExecutor(len(kinds), get_context("spawn")) as pool:
        found = list(pool.map(run_all, kinds, repeat(seeds), repeat(options.rounds), repeat(options.point)))
    runs = {name: [run for each in found for run in each.get(name, [])] for each in found for name in each}
    _print_table(runs)
    count = sum(bool(faults) for each in runs.values() for faults in each)
    print(f"{len(runs)} points, {sum(map(len, runs.values()))} runs, {count} broken")
    return int(count > 0 or (len(runs) < FEWEST_POINTS and not options.point))


def _print_table(runs: Runs) -> None:
    widest = max(map(len, runs), default=0)
    print(f"{'point':{widest}}  runs  broken")
    for name in sorted(runs):
        broken = [faults for faults in runs[name] if faults]
        print(f"{name:{widest}}  {len(runs[name]):4}  {len(broken):6}")
        for fault in [fault for faults in broken for fault in faults][:MOST_TOLD]:
            print(f"    {fault}")


if __name__ == "__main__":
    sys.exit(main())
