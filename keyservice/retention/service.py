"""The run: look what is due, and erase it in batches. Each batch is one transaction with its events (I3).

A run that was broken off is begun again: what was erased is not due any more. Two runs at once wait for each other at
each batch, and each looks again at what is still due.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import select

from keyservice import audit, settings
from keyservice.audit.catalogue import EventType
from keyservice.database import db, exclusive, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI
from keyservice.retention import events
from keyservice.retention.due import DUE, Limits, limits
from keyservice.retention.erasing import ERASE, LOCKED

BATCH = 200


@dataclass(frozen=True)
class Due:
    """What is due of one kind: the rows, and the earliest moment from which a term counted."""

    kind: str
    ids: tuple[UUID, ...]
    oldest: datetime | None


def preview() -> list[Due]:
    """Return what a run would erase now, and record that somebody looked."""
    found = _look(_limits())
    _record(events.PREVIEWED, due=_counts({due.kind: len(due.ids) for due in found}))
    return found


def run(erased: Callable[[int], object] = lambda _count: None) -> dict[str, int]:
    """Erase everything that is due now; return how many rows of each kind. `erased` hears of each batch."""
    at = _limits()
    counts: dict[str, int] = {}
    for kind in DUE:  # a kind is looked for when those before it are gone: an account needs its dossiers gone
        counts[kind] = 0
        remaining = iter(_found(kind, at).ids)
        while batch := list(islice(remaining, BATCH)):
            done = _erase(kind, batch, at)
            counts[kind] += done
            erased(done)
    _record(events.RUN, erased=_counts(counts))
    return counts


def _limits() -> Limits:
    return limits(settings.current().retention, clock.now())


def _look(at: Limits) -> list[Due]:
    return [_found(kind, at) for kind in DUE]


def _found(kind: str, at: Limits) -> Due:
    rows = db.session.execute(DUE[kind](at)).all()
    db.session.rollback()  # no transaction stays open while others work
    return Due(kind, tuple(row[0] for row in rows), min((row[1] for row in rows), default=None))


def _erase(kind: str, ids: list[UUID], at: Limits) -> int:
    """Erase of these rows those that are still due, and return how many."""
    with transaction() as session:
        exclusive("retention")
        if model := LOCKED.get(kind):
            key = model.__mapper__.primary_key[0]
            session.execute(select(key).where(key.in_(ids)).order_by(key).with_for_update())
        query = DUE[kind](at)
        due = [row[0] for row in session.execute(query.where(query.selected_columns[0].in_(ids)))]
        if due:
            ERASE[kind](due)
        return len(due)


def _record(event: EventType, **counts: Any) -> None:
    terms = [f"{name}={period}" for name, period in settings.current().retention.periods.items()]
    with transaction():
        audit.record(event, CLI, terms=terms, **counts)


def _counts(by_kind: Mapping[str, int]) -> list[str]:
    return [f"{kind}: {count}" for kind, count in by_kind.items() if count]
