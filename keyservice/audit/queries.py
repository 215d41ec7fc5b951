"""Reading events for pages."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from keyservice.audit.catalogue import catalogue
from keyservice.audit.models import AuditEvent, AuditPrivate
from keyservice.database import db
from keyservice.kernel.text import ERASED


@dataclass(frozen=True)
class EventView:
    """An event as a page shows it, from its canonical content; of what was erased, `private` says so."""

    row: int
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


def search(
    *,
    dossier: UUID | None = None,
    person: UUID | None = None,
    gemeente: str | None = None,
    code: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before_row: int | None = None,
    limit: int = 50,
) -> list[EventView]:
    """Return events, newest first, that fit every given condition; `before_row` continues an earlier page."""
    query = select(AuditEvent).order_by(AuditEvent.row.desc()).limit(limit)
    for column, value in (
        (AuditEvent.dossier, dossier),
        (AuditEvent.person, person),
        (AuditEvent.gemeente, gemeente),
        (AuditEvent.code, code),
    ):
        if value is not None:
            query = query.where(column == value)
    if since:
        query = query.where(AuditEvent.at >= since)
    if until:
        query = query.where(AuditEvent.at < until)
    if before_row:
        query = query.where(AuditEvent.row < before_row)
    return _views(query)


def _views(query: Select[AuditEvent]) -> list[EventView]:
    rows = list(db.session.scalars(query))
    privates: dict[UUID, dict[str, str]] = {row.id: {} for row in rows}
    for private in db.session.scalars(select(AuditPrivate).where(AuditPrivate.event.in_(privates))):
        privates[private.event][private.name] = private.value
    return [_view(row, privates[row.id]) for row in rows]


def _view(row: AuditEvent, private: dict[str, str]) -> EventView:
    content = json.loads(row.canonical)
    known = catalogue().get(content["event"])
    return EventView(
        row=row.row,
        at=datetime.fromisoformat(content["at"]),
        code=content["event"],
        sentence=known.sentence if known else content["event"],
        person=UUID(content["person"]) if content["person"] else None,
        roles=tuple(content["roles"]),
        gemeente=content["gemeente"],
        origin=content["origin"],
        dossier=UUID(content["dossier"]) if content["dossier"] else None,
        number=content["number"],
        subject=content["subject"],
        result=content["result"],
        fields=content["fields"],
        private={name: private.get(name, ERASED) for name in content["private"]},
    )
