"""The kill matrix of one database: every point, once per seed.

A seed chooses on which road the point is, and how many times it is passed before the process dies there.
"""

import random
import sys
import time
from collections import defaultdict

from tests.faults.kill.roads import ROADS
from tests.faults.kill.run import Stage, count_points, crash

Runs = dict[str, list[list[str]]]
"""Per point, per run: what was broken."""


def matrix(here: Stage, seeds: range, part: str = "") -> Runs:
    """Run every point whose name has `part` in it, once per seed."""
    reached = {road: count_points(here, road) for road in ROADS}
    names = sorted({name for counts in reached.values() for name in counts if part in name})
    started, runs = time.monotonic(), defaultdict[str, list[list[str]]](list)
    for seed in seeds:
        for name in names:
            chance = random.Random(f"{here.backend.name} {seed} {name}")
            road = chance.choice([road for road, counts in reached.items() if counts[name]])
            occurrence = chance.randint(1, reached[road][name])
            said = f"{here.backend.name}, seed {seed}, road {road!r}, time {occurrence}"
            runs[name].append([f"{said}: {fault}" for fault in crash(here, road, name, occurrence)])
        minutes = (time.monotonic() - started) / 60
        print(f"{here.backend.name}: seed {seed} done, {minutes:.1f} minutes", file=sys.stderr, flush=True)
    return runs
