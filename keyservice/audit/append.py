"""Writing events: canonical bytes, a number within the dossier, and a MAC at birth, in the transaction of the act."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select

from keyservice import settings
from keyservice.audit.catalogue import ACT_REFUSED, ANONYMOUS_REFUSED, EventType, Result
from keyservice.audit.models import AnonymousRefusal, AuditEvent, AuditPrivate
from keyservice.database import db, exclusive, table_of, transaction, upsert, use_case_numbers
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.ids import new_id

VERSION = 1
MAC_PURPOSE = "audit-event"
_EVENTS = table_of(AuditEvent)
_INSERT_EVENT, _INSERT_PRIVATE = insert(_EVENTS), insert(table_of(AuditPrivate))
_LAST_NUMBER = select(func.max(_EVENTS.c.dossier_number)).where(_EVENTS.c.dossier == bindparam("dossier"))


def record(
    event: EventType,
    actor: Actor,
    *,
    dossier: UUID | None = None,
    subject: UUID | str | None = None,
    gemeente: str | None = None,
    result: Result = Result.OK,
    **values: object,
) -> UUID:
    """Add one event to the current transaction and return its id.

    `dossier` is the aanvraag it belongs to, `subject` the thing acted on (default: the dossier), `gemeente` the code
    it concerns (default: the one acted for). Must be called inside `transaction()`: when the event cannot be written
    the act fails (I3). Raises ValueError when the fields are not those of the catalogue.
    """
    row, privates = _made(event, actor, values, dossier=dossier, subject=subject, gemeente=gemeente, result=result)
    # By the connection: the session has nothing to add, and takes half as long again.
    db.session.connection().execute(_INSERT_EVENT, row)
    if privates:
        db.session.connection().execute(_INSERT_PRIVATE, privates)
    event_id: UUID = row["id"]
    return event_id


def record_each(event: EventType, actor: Actor, each: Iterable[tuple[UUID, Mapping[str, object]]]) -> list[UUID]:
    """Add one event per subject and its fields, outside any dossier, in two statements; return the ids in order."""
    made = [_made(event, actor, values, subject=subject) for subject, values in each]
    rows, privates = [row for row, _ in made], [private for _, found in made for private in found]
    for statement, found in ((_INSERT_EVENT, rows), (_INSERT_PRIVATE, privates)):
        if found:
            db.session.connection().execute(statement, found)
    return [row["id"] for row in rows]


def _made(
    event: EventType,
    actor: Actor,
    values: Mapping[str, object],
    *,
    dossier: UUID | None = None,
    subject: UUID | str | None = None,
    gemeente: str | None = None,
    result: Result = Result.OK,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the row of an event, and those of its private texts."""
    last_numbers = use_case_numbers()
    if last_numbers is None:
        raise RuntimeError(f"event {event.code} outside transaction()")
    if values.keys() != event.fields | event.private:
        raise ValueError(f"event {event.code} takes {sorted(event.fields | event.private)}, not {sorted(values)}")
    event_id, at = new_id(), clock.now()
    # What an event says of a person itself goes before what the request tells of the actor.
    known = {"source": actor.source, "agent": actor.agent} | {n: values[n] for n in event.private if values[n]}
    privates = {name: (secrets.token_bytes(16), str(value)) for name, value in known.items() if value}
    gemeente = gemeente or actor.gemeente
    number = _next_in_dossier(dossier, last_numbers) if dossier else None
    content = {
        "version": VERSION,
        "id": event_id,
        "at": at,
        "event": event.code,
        "person": actor.person,
        "roles": sorted(actor.roles),
        "gemeente": gemeente,
        "origin": actor.origin,
        "dossier": dossier,
        "number": number,
        "subject": subject or dossier,
        "result": result,
        "fields": {name: values[name] for name in event.fields},
        "private": {n: hashlib.sha256(salt + value.encode()).hexdigest() for n, (salt, value) in privates.items()},
    }
    if actor.sleutel:
        content["sleutel"] = actor.sleutel
    rows = [{"event": event_id, "name": n, "salt": salt, "value": v} for n, (salt, v) in privates.items()]
    return _row(content, canonical_bytes(content)), rows


def canonical_bytes(content: Mapping[str, Any]) -> bytes:
    """Return the one encoding of an event: JSON, keys sorted, no spaces, UTF-8. It is stored and never made again."""
    return _encode(content).encode()


def _plain(value: object) -> str | list[str]:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, UUID | date):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"a {type(value).__name__} does not belong in an event")


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain).encode


def _next_in_dossier(dossier: UUID, last: dict[UUID, int]) -> int:
    if dossier not in last:
        # Else two acts of one dossier at the same moment would take the same number, and one would fail. From here on
        # nobody else takes one until this transaction ends: it is asked once.
        exclusive(str(dossier))
        last[dossier] = db.session.connection().scalar(_LAST_NUMBER, {"dossier": dossier}) or 0
    last[dossier] += 1
    return last[dossier]


def _row(content: Mapping[str, Any], canonical: bytes) -> dict[str, Any]:
    return {
        "id": content["id"],
        "at": content["at"],
        "code": content["event"],
        "dossier": content["dossier"],
        "dossier_number": content["number"],
        "person": content["person"],
        "gemeente": content["gemeente"],
        "canonical": canonical,
        "mac": settings.rings().mac(MAC_PURPOSE, canonical.decode()),
    }


def record_refusal(actor: Actor, act: str, reason: str, *, dossier: UUID | None = None) -> None:
    """Record, in a transaction of its own, that a known or unknown party was refused (I11).

    Each refusal of a person is an event. Unknown parties and machines are counted, with one event per source or key,
    reason and minute, so that nobody and no program can flood the trail.
    """
    with transaction():
        if actor.person or (actor.sleutel and _count(str(actor.sleutel), f"{act} {reason}") == 1):
            record(ACT_REFUSED, actor, dossier=dossier, result=Result.REFUSED, act=act, reason=reason)
        elif not actor.sleutel and _count(actor.source or "unknown", reason) == 1:
            record(ANONYMOUS_REFUSED, actor, result=Result.REFUSED, kind=reason, source=actor.source)


def _count(source: str, kind: str) -> int:
    minute = clock.now().replace(second=0, microsecond=0)
    key = (AnonymousRefusal.source, AnonymousRefusal.kind, AnonymousRefusal.minute)
    count = db.session.execute(
        upsert(AnonymousRefusal)
        .values(source=source, kind=kind, minute=minute, count=1)
        .on_conflict_do_update(index_elements=key, set_={"count": AnonymousRefusal.count + 1})
        .returning(AnonymousRefusal.count)
    ).scalar_one()
    return int(count)


def forget_anonymous(older_than: timedelta) -> None:
    """Delete the counters of unknown parties that are past their use."""
    with transaction() as session:
        session.query(AnonymousRefusal).where(AnonymousRefusal.minute < clock.now() - older_than).delete()
