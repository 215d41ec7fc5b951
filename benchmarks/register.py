"""Row `register`: registering through the machinekoppeling, many to a message and one by one, and the memory it takes.

Beside it two things that do less: the same rows inserted by Core without any rule, look-up, seal or MAC; and a bare
Flask endpoint that reads the same JSON and answers as much, without a database.
"""

import resource
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

from flask import Flask, request
from flask.testing import FlaskClient
from sqlalchemy import insert, select
from stdnum.nl import bsn as number

from benchmarks.harness import Case, measure
from benchmarks.report import Figure, figure
from benchmarks.stage import databases, stage
from keyservice.audit.models import AuditEvent, AuditPrivate
from keyservice.database import db, table_of, transaction
from keyservice.kernel.ids import new_id
from keyservice.portaal import loading
from keyservice.portaal.models import Inburgeraar, ProcessingLog, Registration
from keyservice.sleutels.limits import Limits, Rate
from tests.factories.keys import awake
from tests.factories.portaal import SIGNED_MESSAGE, write_file

PATH = "/v1/participatieverklaringen"
MANY = 1000
MEMORY_GOAL = 1.1
REGISTRATIONS, MILLION = 20_000, 1_000_000
TABLES = tuple(table_of(model) for model in (AuditEvent, AuditPrivate, Registration, ProcessingLog))
_EVENT, _PRIVATE, _VERSION, _LOOK = TABLES
# What one registration wrote: the newest of each table.
_LAST = (
    select(*(column for column in _EVENT.c if column.name != "row")).order_by(_EVENT.c.row.desc()).limit(1),
    select(_PRIVATE).limit(1),
    select(_VERSION).order_by(_VERSION.c.at.desc()).limit(1),
    select(_LOOK).order_by(_LOOK.c.start_time.desc()).limit(1),
)
Rows = Mapping[Any, Sequence[dict[str, Any]]]


def run(
    rounds: int = 5, slice_seconds: float = 0.02, registrations: int = REGISTRATIONS, many: int = MANY
) -> list[Figure]:
    """Measure both ways on each database, per registration; and how much memory grows over `registrations`."""
    figures: list[Figure] = []
    for database in databases():
        with stage(database) as app:
            bench = Bench(app)
            for size in (many, 1):
                figures += _figures(bench, database, size, rounds, slice_seconds)
            figures.append(_memory(bench, database, registrations, many))
    return figures


def _figures(bench: "Bench", database: str, size: int, rounds: int, slice_seconds: float) -> Iterator[Figure]:
    way = f"{size} to a message" if size > 1 else "one by one"
    own, rows, bare = f"{way}, {database}", f"the same rows, {way}, {database}", f"bare Flask, {way}"
    cases = {
        own: Case(bench.send, partial(bench.messages, size), size),
        rows: Case(bench.insert, partial(bench.rows, size), size),
        bare: Case(bench.bare, partial(bench.messages, size, known=False), size),
    }
    samples = measure(cases, rounds=rounds, slice_seconds=slice_seconds)
    how = "a whole request with key, rules, event, log and commit; per registration"
    for peer in (rows, bare):
        yield figure(samples, own, peer, None, how)


def run_memory(registrations: int = MILLION, many: int = MANY) -> list[Figure]:
    """Register a million people on SQLite, and see that memory stays what it is: some ten minutes."""
    with stage("sqlite") as app:
        return [_memory(Bench(app), "sqlite", registrations, many)]


def _memory(bench: "Bench", database: str, registrations: int, many: int) -> Figure:
    """Return how much the peak of memory grew, in kB, from a tenth of the registrations to all of them."""
    messages, before = registrations // many, _peak()
    for sent in range(messages):
        if sent == max(1, messages // 10):
            before = _peak()
        bench.send(*bench.messages(many, 1))
    after = _peak()
    return Figure(
        name=f"peak of memory after {registrations} registrations, {database}",
        peer="after a tenth of them",
        ratio=round(after / before, 3),
        goal=MEMORY_GOAL,
        met=after / before <= MEMORY_GOAL,
        median=float(after),
        peer_median=float(before),
        wall_ratio=round(after / before, 3),
        unit="kB resident at most, or us of CPU time per operation",
        how=f"one process, {many} to a message; loading the people is in it",
    )


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Bench:
    """A machine of Voorbeeldstad, and what is measured beside it."""

    def __init__(self, app: Flask) -> None:
        """Take the program, filled with the fictive people."""
        self.app = app
        with app.app_context():
            key = awake()[1]
        app.extensions["keyservice.limits"] = Limits(keys=Rate(10**9, 1e9))  # as fast as it goes
        self.headers = {"Authorization": f"Bearer {key}"}
        self.client, self.bare_client = app.test_client(), _bare()
        self._like: list[dict[str, Any]] | None = None
        self._numbers = (str(n) for n in count(100_000_000) if number.is_valid(str(n)))

    def messages(self, size: int, amount: int, *, known: bool = True) -> list[dict[str, Any]]:
        """Return messages about people who are loaded for them, if `known`."""
        numbers = list(islice(self._numbers, size * amount))
        if known:
            self._load(numbers)
        parts = [numbers[start : start + size] for start in range(0, len(numbers), size)]
        return [{"registraties": [{"bsn": one, **SIGNED_MESSAGE} for one in part]} for part in parts]

    def send(self, message: dict[str, Any]) -> None:
        """Send a message, and see that all of it is registered."""
        answer = self.client.post(PATH, json=message, headers=self.headers | {"Idempotency-Key": str(uuid4())})
        if any("id" not in one for one in answer.get_json()["resultaten"]):
            raise AssertionError(answer.text)

    def bare(self, message: dict[str, Any]) -> None:
        """Send it to the endpoint that does nothing with it."""
        self.bare_client.post("/", json=message).get_json()

    def rows(self, size: int, amount: int) -> list[Rows]:
        """Return the rows that messages write: as those of one that was sent, for other people and with other ids."""
        self.messages(size, amount)
        if self._like is None:
            (sent,) = self.messages(1, 1)
            self.send(sent)
        with self.app.app_context():
            if self._like is None:
                self._like = [dict(db.session.execute(last).mappings().one()) for last in _LAST]
            nothing = select(Inburgeraar.id).outerjoin(Registration).where(Registration.id.is_(None))
            people = db.session.scalars(nothing.limit(size * amount)).all()
        return [_copies(self._like, people[start : start + size]) for start in range(0, len(people), size)]

    def insert(self, rows: Rows) -> None:
        """Insert the rows of a message in one transaction, by Core."""
        with self.app.app_context(), transaction() as session:
            for table, values in rows.items():
                session.connection().execute(insert(table), values)

    def _load(self, numbers: Sequence[str]) -> None:
        with self.app.app_context(), TemporaryDirectory() as folder:
            loading.load(write_file(Path(folder) / "people.csv", [{"bsn": one} for one in numbers]))


def _copies(like: Sequence[dict[str, Any]], people: Sequence[UUID]) -> Rows:
    rows: dict[Any, list[dict[str, Any]]] = {table: [] for table in TABLES}
    for person in people:
        event = new_id()
        own: tuple[dict[str, Any], ...] = (
            {"id": event},
            {"event": event},
            {"id": new_id(), "event": event, "inburgeraar_id": person, "message_key": str(uuid4())},
            {"id": new_id(), "event": event},
        )
        for table, row, differs in zip(rows, like, own, strict=True):
            rows[table].append(row | differs)
    return rows


def _bare() -> FlaskClient:
    app = Flask("bare")

    @app.post("/")
    def registered() -> dict[str, Any]:
        return {"resultaten": [{"id": str(uuid4())} for _ in request.get_json()["registraties"]]}

    return app.test_client()
