"""Everything that `make faults` does to one database: the kill matrix, then the races.

A module of its own: a process that is spawned does not know what stands in `__main__`.
"""

import tempfile
from pathlib import Path

from tests.conftest import quick_folder
from tests.faults.kill.matrix import Runs, matrix
from tests.faults.kill.run import stage
from tests.faults.races import RACES


def run_all(kind: str, seeds: range, rounds: int, part: str) -> Runs:
    """Run the points and the races that have `part` in their name."""
    with tempfile.TemporaryDirectory(dir=quick_folder()) as folder, stage(kind, Path(folder)) as here:
        runs = matrix(here, seeds, part)
        for name, race in RACES.items():
            if rounds and part in name:
                here.clear()
                faults = list(race(here.app, rounds))
                runs[name] = [[fault] for fault in faults] + [[]] * (rounds - len(faults))
    return runs
