"""Row `audit-commit`: eight writers at once on PostgreSQL, without events, with them, and with the sealer beside.

The chain is what the program does not do: each event waits for the one before it, whose hash it holds.
"""

import hashlib
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from statistics import median, quantiles

from flask import Flask
from sqlalchemy import select

from benchmarks.report import Figure
from benchmarks.stage import databases, stage
from keyservice import audit
from keyservice.aanvragen.events import NOTED
from keyservice.audit.models import AuditEvent
from keyservice.audit.sealer import NEARLY_EVERY_ACT, seal
from keyservice.database import db, exclusive, next_number, transaction
from keyservice.kernel.actor import Actor
from keyservice.kernel.ids import new_id
from tests.factories.aanvragen import actor

WRITERS, ROUNDS, SECONDS = 8, 5, 2.0
SEAL_EVERY = 0.5
"""Seconds between two looks of the sealer, as a worker takes them."""
ALONE, EVENT, SEALED, CHAINED = (
    "no event",
    "with its event",
    "with its event, sealer beside",
    "chained in the transaction",
)
UNITS = {
    "commit": "us of wall clock per commit of all together",
    "p99": "us of wall clock, the slowest commit in a hundred",
}
# What is compared, and the most that it may be of the peer's (P8).
GOALS: Mapping[tuple[str, str], Mapping[str, float | None]] = {
    (SEALED, EVENT): {"commit": 1 / 0.95, "p99": 1.2},
    (SEALED, CHAINED): {"commit": 1 / 2, "p99": None},
    (SEALED, ALONE): {"commit": None, "p99": None},
}
_LAST = select(AuditEvent.mac).order_by(AuditEvent.row.desc()).limit(1)


@dataclass(frozen=True)
class Seen:
    """Microseconds of wall clock per commit of all writers together, and of the slowest in a hundred."""

    commit: float
    p99: float


def run(rounds: int = ROUNDS, seconds: float = SECONDS, writers: int = WRITERS) -> list[Figure]:
    """Measure all ways in turns; nothing where there is no PostgreSQL."""
    if "postgresql" not in databases():
        return []
    seen: dict[str, list[Seen]] = {way: [] for way in (ALONE, EVENT, SEALED, CHAINED)}
    with stage("postgresql") as app, app.app_context(), crew(app, writers) as work:
        for number in range(-1, rounds):  # the first round only warms
            names = list(seen)
            for way in names[number % len(names) :] + names[: number % len(names)]:
                one = work(way, seconds)
                if number >= 0:
                    seen[way].append(one)
    how = (
        f"{writers} processes, two rows of their own a commit, PostgreSQL on this machine; a look of the sealer each "
        f"{SEAL_EVERY * 1000:.0f} ms; median of {rounds} rounds in turns"
    )
    return [_figure(seen, pair, what, goal, how) for pair, goals in GOALS.items() for what, goal in goals.items()]


def _figure(
    seen: Mapping[str, Sequence[Seen]], pair: tuple[str, str], what: str, goal: float | None, how: str
) -> Figure:
    own, peer = ([getattr(one, what) for one in seen[way]] for way in pair)
    ratio = round(median(a / b for a, b in zip(own, peer, strict=True)), 3)
    return Figure(
        name=f"{pair[0]}, {what}",
        peer=pair[1],
        ratio=ratio,
        goal=goal and round(goal, 3),
        met=None if goal is None else ratio <= goal,
        median=round(median(own), 1),
        peer_median=round(median(peer), 1),
        wall_ratio=ratio,
        unit=UNITS[what],
        how=how,
    )


@contextmanager
def crew(app: Flask, writers: int) -> Iterator[Callable[[str, float], Seen]]:
    """Give what lets all writers work in one way for some seconds; they and the sealer are processes of their own."""
    context, rik = multiprocessing.get_context("fork"), actor("rik")
    db.session.remove()
    db.engine.dispose()  # no process may use a connection of another
    with ExitStack() as stack:
        ends = []
        for number in range(writers + 1):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(app, rik, number, there), daemon=True)
            process.start()
            stack.callback(process.terminate)
            ends.append(here)

        def work(way: str, seconds: float) -> Seen:
            seal()  # what other ways left unsealed is not for this one to pay
            db.session.remove()
            busy = ends if way == SEALED else ends[1:]
            for end in busy:
                end.send((way, seconds))
            times = [one for end in busy for one in end.recv()]
            return Seen(seconds / len(times) * 1e6, quantiles(times, n=100)[-1] * 1e6)

        yield work


def _serve(app: Flask, rik: Actor, number: int, orders: Connection) -> None:
    """Work as ordered, for ever; number 0 is the sealer."""
    with app.app_context():
        while True:
            way, seconds = orders.recv()
            end, times = time.monotonic() + seconds, []
            while time.monotonic() < end:
                begun = time.perf_counter()
                if number:
                    _act(way, rik, number)
                    times.append(time.perf_counter() - begun)
                else:
                    seal(act=NEARLY_EVERY_ACT)
                    time.sleep(SEAL_EVERY)
                db.session.remove()
            orders.send(times)


def _act(way: str, rik: Actor, number: int) -> None:
    with transaction() as session:
        for kind in "first", "second":
            next_number(f"{kind} of {number}", "X", 2026)
        if way == CHAINED:
            exclusive("chain")
            hashlib.sha256(session.connection().scalar(_LAST) or b"").digest()
        if way != ALONE:
            audit.record(NOTED, rik, dossier=new_id(), text="Gebeld met de gemeente.")
