"""Row `lookup`: finding the row of a key among 1,000,000, beside finding it among 1,000."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice

from flask import Flask

from benchmarks import keys
from benchmarks.harness import SLICE_SECONDS, Case, measure
from benchmarks.report import WALL, Figure, figure
from benchmarks.stage import databases, stage
from keyservice.database import db
from keyservice.glance import glance
from keyservice.kernel.secret import Secret
from keyservice.sleutels.format import digest
from keyservice.sleutels.verification import _BY_DIGEST, verify

MANY, FEW, ASKED = 1_000_000, 1_000, 1_000
GOAL = 1.5
"""P7."""
_AT_ONCE = 50
Ask = Callable[[str], object]


def run(rounds: int = 31, slice_seconds: float = SLICE_SECONDS, many: int = MANY) -> list[Figure]:
    """Measure by the wall clock: the work of PostgreSQL is not in this process."""
    figures = []
    for database in databases():
        with ExitStack() as stack:
            cases: dict[str, Case] = {}
            for rows in (FEW, many):
                cases |= stack.enter_context(_cases(database, rows))
            samples = measure(cases, rounds=rounds, slice_seconds=slice_seconds)
        how = f"{ASKED} keys in turn, {database}"
        figures += [
            figure(samples, f"{what}, {many} keys, {database}", f"{what}, {FEW} keys, {database}", goal, how, by=WALL)
            for what, goal in (("row of a key", GOAL), ("verify", None))
        ]
    return figures


@contextmanager
def _cases(database: str, rows: int) -> Iterator[dict[str, Case]]:
    with stage(database) as app:
        with app.app_context():
            shown = keys.working(ASKED)
            if rows > ASKED:
                keys.crowd(rows - ASKED)
        asks: dict[str, Ask] = {"row of a key": _find, "verify": verify}
        yield {f"{what}, {rows} keys, {database}": _case(app, ask, shown) for what, ask in asks.items()}


def _case(app: Flask, ask: Ask, shown: list[str]) -> Case:
    turn = cycle(shown)

    def work(_value: object) -> None:
        with app.app_context():
            for key in islice(turn, _AT_ONCE):
                ask(key)

    return Case(work, operations=_AT_ONCE)


def _find(key: str) -> None:
    if glance(_BY_DIGEST, {"digest": digest(Secret(key))}) is None:
        raise RuntimeError(f"a key is missing on {db.engine.dialect.name}")
