"""How many events there were: per span of time, per hour and person, per kind. The database counts, by its indexes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, literal, select, union_all

from keyservice.audit.catalogue import Result
from keyservice.audit.models import AuditEvent
from keyservice.audit.queries import result_is
from keyservice.database import db


def counts(spans: Sequence[tuple[datetime, datetime]]) -> list[tuple[int, int]]:
    """Return for each span of time (from, and until without) how many events there were and how many were refusals."""
    refused = result_is(Result.REFUSED)
    asked = [
        select(literal(place).label("place"), literal(only).label("only"), func.count().label("number"))
        .select_from(AuditEvent)
        .where(AuditEvent.at >= since, AuditEvent.at < until, *([refused] if only else []))
        for place, (since, until) in enumerate(spans)
        for only in (0, 1)
    ]
    found = {(row.place, row.only): row.number for row in db.session.execute(union_all(*asked))} if asked else {}
    return [(found[place, 0], found[place, 1]) for place in range(len(spans))]


@dataclass(frozen=True)
class Bunch:
    """The events of one kind by one person (or none) within one hour, with the moments of the first and the last."""

    code: str
    person: UUID | None
    refused: bool
    first: datetime
    last: datetime
    count: int


def bunches(since: datetime) -> list[Bunch]:
    """Return what happened since a moment, hour by hour, the oldest first."""
    sqlite = db.engine.dialect.name == "sqlite"
    hour = func.strftime("%Y%m%d%H", AuditEvent.at) if sqlite else func.date_trunc("hour", AuditEvent.at)
    refused = result_is(Result.REFUSED).label("refused")
    query = (
        select(
            AuditEvent.code, AuditEvent.person, refused, func.min(AuditEvent.at), func.max(AuditEvent.at), func.count()
        )
        .where(AuditEvent.at >= since)
        .group_by(hour, AuditEvent.code, AuditEvent.person, refused)
        .order_by(func.min(AuditEvent.at))
    )
    return [
        Bunch(code, person, bool(no), first, last, n) for code, person, no, first, last, n in db.session.execute(query)
    ]


def refusals(since: datetime, until: datetime) -> dict[str, int]:
    """Return how many events of each code were refusals."""
    query = (
        select(AuditEvent.code, func.count())
        .where(AuditEvent.at >= since, AuditEvent.at < until, result_is(Result.REFUSED))
        .group_by(AuditEvent.code)
    )
    return dict(db.session.execute(query).all())
