"""What a row says: figures with their goals, as a table for people and as `results.json` for programs."""

import json
import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from benchmarks.harness import Sample, Samples, ratio, typical

RESULTS = Path(__file__).parent / "results.json"
PACKAGES = ("cryptography", "flask", "flask-mail", "gunicorn", "psycopg", "pycryptodomex", "pyzipper", "sqlalchemy")


@dataclass(frozen=True)
class Figure:
    """One comparison: `name` takes `ratio` times what `peer` takes, `median` of `unit`.

    `goal` is the most that `ratio` may be, and None for a peer that is shown without a goal; `how` says what was done.
    """

    name: str
    peer: str
    ratio: float
    goal: float | None
    met: bool | None
    median: float
    peer_median: float
    wall_ratio: float
    unit: str
    how: str


@dataclass(frozen=True)
class Measure:
    """What is compared: a name for people, and which of the two clocks of a sample."""

    unit: str
    clock: Literal["cpu", "wall"]

    def of(self, sample: Sample) -> float:
        """Return what this clock says."""
        return sample.cpu if self.clock == "cpu" else sample.wall


CPU = Measure("us of CPU time per operation", "cpu")
WALL = Measure("us by the wall clock per operation", "wall")


def figure(samples: Samples, name: str, peer: str, goal: float | None, how: str, *, by: Measure = CPU) -> Figure:
    """Return the comparison of two cases that were measured in the same rounds."""
    times = ratio(samples, name, peer)
    rounded, most = round(by.of(times), 3), goal and round(goal, 3)
    rounds = len(samples[name])
    return Figure(
        name=name,
        peer=peer,
        ratio=rounded,
        goal=most,
        met=None if most is None else rounded <= most,
        median=round(by.of(typical(samples, name)) * 1e6, 1),
        peer_median=round(by.of(typical(samples, peer)) * 1e6, 1),
        wall_ratio=round(times.wall, 3),
        unit=by.unit,
        how=f"{how}; median of {rounds} interleaved rounds",
    )


def machine() -> dict[str, object]:
    """Return the facts of this machine and moment that a reader needs to judge the figures."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in PACKAGES},
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def table(row: str, figures: Sequence[Figure]) -> str:
    """Return the figures of a row for people."""
    lines = []
    for unit in dict.fromkeys(one.unit for one in figures):
        lines.append(f"\n{row}: {unit} (lower is better)")
        lines.append(f"  {'':62} {'own':>9} {'peer':>9} {'times':>7} {'goal':>7}")
        lines += [_line(one) for one in figures if one.unit == unit]
    return "\n".join(lines)


def _line(one: Figure) -> str:
    goal = "" if one.goal is None else f"<= {one.goal:.2f}"
    verdict = {True: "  met", False: "  NOT MET", None: ""}[one.met]
    pair = f"{one.name} : {one.peer}"
    return f"  {pair:62} {one.median:9.1f} {one.peer_median:9.1f} {one.ratio:7.2f} {goal:>7}{verdict}"


def store(rows: Mapping[str, Sequence[Figure]], path: Path = RESULTS) -> None:
    """Write the rows of this run into the results; rows that were not run keep what they had."""
    results = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for row, figures in rows.items():
        results[row] = {"machine": machine(), "figures": [asdict(one) for one in figures]}
    path.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
