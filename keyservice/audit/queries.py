"""Reading events for pages."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal_column, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, aliased

from keyservice.audit.catalogue import Result, catalogue
from keyservice.audit.models import RESULT_IS, AuditEvent, AuditPrivate
from keyservice.database import db
from keyservice.kernel.errors import NotFound
from keyservice.kernel.text import ERASED

DAMAGED = "damaged"
"""The result of an event whose content cannot be read any more."""


@dataclass(frozen=True)
class EventView:
    """An event as a page shows it, from its canonical content; of what was erased, `private` says so."""

    row: int
    id: UUID
    at: datetime
    code: str
    sentence: str
    person: UUID | None
    roles: tuple[str, ...]
    gemeente: str | None
    origin: str
    dossier: UUID | None
    number: int | None
    subject: str | None
    result: str
    fields: dict[str, Any]
    private: dict[str, str]


def of_dossier(dossier: UUID) -> list[EventView]:
    """Return the events of one dossier in order."""
    return _views(select(AuditEvent).where(AuditEvent.dossier == dossier).order_by(AuditEvent.dossier_number))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which events: those that fit everything that is given. `until` is the first moment that is not wanted."""

    dossier: UUID | None = None
    person: UUID | None = None
    gemeente: str | None = None
    code: str | None = None
    result: Result | None = None
    since: datetime | None = None
    until: datetime | None = None

    def narrow(self) -> list[ColumnElement[bool]]:
        """Return the conditions that few events fit."""
        return _given(
            {AuditEvent.dossier: self.dossier, AuditEvent.person: self.person, AuditEvent.gemeente: self.gemeente}
        )

    def wide(self) -> list[ColumnElement[bool]]:
        """Return the other conditions."""
        found = _given({AuditEvent.code: self.code})
        if self.result:
            found.append(result_is(self.result))
        if self.since:
            found.append(AuditEvent.at >= self.since)
        if self.until:
            found.append(AuditEvent.at < self.until)
        return found


def search(*, before_row: int | None = None, limit: int = 50, **wanted: Any) -> list[EventView]:
    """Return events, newest first, that fit what is `Wanted`; `before_row` continues an earlier page."""
    return find(Wanted(**wanted), before_row, limit)


def find(wanted: Wanted, before_row: int | None, limit: int, through_row: int | None = None) -> list[EventView]:
    """Return a page of events, newest first; none of a row after `through_row`.

    The order is that of the index that helps: by row for a dossier, person or gemeente, and for everything; by moment
    for a code, a result or a time. So a page costs its own rows, or at most a look at those of one person or gemeente.
    """
    narrow, wide = wanted.narrow(), wanted.wide()
    query = select(AuditEvent).where(*narrow, *wide, *_through(through_row)).limit(limit)
    return _views(_page(query, before_row, by_moment=bool(wide) and not narrow))


def count_some(wanted: Wanted, most: int, through_row: int) -> int:
    """Return how many events fit, `most` when there are more."""
    some = select(AuditEvent.row).where(*wanted.narrow(), *wanted.wide(), *_through(through_row)).limit(most)
    return db.session.scalar(select(func.count()).select_from(some.subquery())) or 0


def newest_row() -> int:
    """Return the row of the newest event; 0 when there is none."""
    return db.session.scalar(select(func.max(AuditEvent.row))) or 0


def _through(row: int | None) -> list[ColumnElement[bool]]:
    return [] if row is None else [AuditEvent.row <= row]


def _given(wanted: Mapping[InstrumentedAttribute[Any], object]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in wanted.items() if value is not None]


def result_is(result: Result) -> ColumnElement[bool]:
    """Return the condition that an event has a result."""
    # Of no type: as a Boolean SQLite would be asked for `… = 1`, which is not what its index says.
    return literal_column(RESULT_IS[db.engine.dialect.name].format(result))


def _page(query: Select[AuditEvent], before_row: int | None, *, by_moment: bool) -> Select[AuditEvent]:
    older: ColumnElement[bool] = AuditEvent.row < before_row if before_row else true()
    if not by_moment:
        return query.where(older).order_by(AuditEvent.row.desc())
    if before_row:
        last = aliased(AuditEvent)
        at = select(last.at).where(last.row == before_row).scalar_subquery()
        query = query.where(AuditEvent.at <= at, or_(AuditEvent.at < at, older))
    return query.order_by(AuditEvent.at.desc(), AuditEvent.row.desc())


def one(event_id: UUID) -> EventView:
    """Return an event. Raises NotFound."""
    found = _views(select(AuditEvent).where(AuditEvent.id == event_id))
    if not found:
        raise NotFound("event")
    return found[0]


def _views(query: Select[AuditEvent]) -> list[EventView]:
    rows = list(db.session.scalars(query))
    privates: dict[UUID, dict[str, str]] = {row.id: {} for row in rows}
    for private in db.session.scalars(select(AuditPrivate).where(AuditPrivate.event.in_(privates))):
        privates[private.event][private.name] = private.value
    return [_view(row, privates[row.id]) for row in rows]


def _view(row: AuditEvent, private: dict[str, str]) -> EventView:
    try:
        return _readable(row, json.loads(row.canonical), private)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # Changed past the program: the rest must show.
        told = {"at": row.at.isoformat(), "event": row.code, "result": DAMAGED, "origin": "", "subject": None}
        rest = {"dossier": row.dossier, "number": row.dossier_number, "person": row.person, "gemeente": row.gemeente}
        return _readable(row, told | rest | {"roles": (), "fields": {}, "private": tuple(private)}, private)


def _readable(row: AuditEvent, content: Mapping[str, Any], private: dict[str, str]) -> EventView:
    known = catalogue().get(content["event"])
    sentence = known.sentence if known else content["event"]
    return EventView(
        row=row.row,
        id=row.id,
        at=datetime.fromisoformat(content["at"]),
        code=content["event"],
        sentence="De inhoud van deze gebeurtenis is beschadigd." if content["result"] == DAMAGED else sentence,
        person=_id(content["person"]),
        roles=tuple(content["roles"]),
        gemeente=content["gemeente"],
        origin=content["origin"],
        dossier=_id(content["dossier"]),
        number=content["number"],
        subject=content["subject"],
        result=content["result"],
        fields=dict(content["fields"]),
        private={name: private.get(name, ERASED) for name in content["private"]},
    )


def _id(text: object) -> UUID | None:
    return UUID(str(text)) if text else None
