"""Reading events for the replay: only those whose MAC is of this program."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from keyservice import settings
from keyservice.audit import EventType, rows
from keyservice.audit.attested import content_of
from keyservice.audit.models import AuditEvent, AuditPrivate
from keyservice.integrity.facts import Told, plain_id
from keyservice.kernel.seal import Rings


def events(connection: Connection, types: Iterable[EventType]) -> Iterator[Told]:
    """Give the events of some types in the order in which they were written."""
    query = select(rows.plain(AuditEvent.canonical), rows.plain(AuditEvent.mac)).order_by(AuditEvent.row)
    rings = settings.rings()
    for canonical, mac in rows.stream(connection, query.where(AuditEvent.code.in_([kind.code for kind in types]))):
        if told := _told(rings, canonical, mac):
            yield told


def _told(rings: Rings, canonical: Any, mac: Any) -> Told | None:
    content = content_of(rings, canonical, mac)
    if content is None:
        return None
    return Told(
        id=plain_id(content["id"]),
        code=content["event"],
        at=datetime.fromisoformat(content["at"]),
        person=plain_id(content["person"]) or None,
        gemeente=content["gemeente"],
        dossier=plain_id(content["dossier"]),
        subject=plain_id(content["subject"]),
        fields=content["fields"],
        private=content["private"],
    )


def salts(connection: Connection, names: Iterable[str]) -> dict[tuple[str, str], bytes]:
    """Return the salts of the erasable texts with these names, by event and name."""
    query = select(rows.plain(AuditPrivate.event), AuditPrivate.name, rows.plain(AuditPrivate.salt))
    found = rows.stream(connection, query.where(AuditPrivate.name.in_(list(names))))
    return {(event, name): salt for event, name, salt in found}
