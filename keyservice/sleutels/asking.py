"""The systems that may ask whether a key works (RFC 7662): each has a credential of its own, made on the command line.

A credential is kept as a key is: its SHA-256 under a unique index, and a MAC over the row. It is guarded as a key is,
with limits of its own (ADR 32).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, bindparam, select

from keyservice import audit, settings
from keyservice.database import db, reading, swap, table_of, transaction
from keyservice.glance import glance
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI
from keyservice.kernel.errors import Conflict, NotFound
from keyservice.kernel.ids import new_id
from keyservice.kernel.seal import SealBroken
from keyservice.kernel.secret import Secret
from keyservice.sleutels import events, limits
from keyservice.sleutels.format import digest, is_credential, new_credential
from keyservice.sleutels.models import AskingSystem

log = structlog.get_logger()
_PURPOSE = "asking-system"
_TABLE = table_of(AskingSystem)
_BY_DIGEST = select(_TABLE).where(_TABLE.c.digest == bindparam("digest"))


@dataclass(frozen=True)
class Asker:
    """A system that may ask."""

    id: UUID
    name: str


def add(name: str) -> Secret:
    """Let a system ask; return its credential, this once. Raises Conflict when one of that name may ask already."""
    with transaction() as session:
        if _at_work(name) is not None:
            raise Conflict("asking-system-known")
        row_id, credential, now = new_id(), new_credential(), clock.now()
        key_digest = digest(credential)
        mac = settings.rings().mac(_PURPOSE, *_parts(row_id, name, key_digest, now, None))
        session.add(AskingSystem(id=row_id, name=name, digest=key_digest, mac=mac, made_at=now))
        audit.record(events.ASKER_ADDED, CLI, subject=row_id, name=name)
    return credential


def end(name: str) -> None:
    """Let a system ask no more, at once. Raises NotFound."""
    with transaction():
        row = _at_work(name)
        if row is None:
            raise NotFound("asking-system")
        now = clock.now()
        mac = settings.rings().mac(_PURPOSE, *_parts(row.id, row.name, row.digest, row.made_at, now))
        if not swap(row, AskingSystem.ended_at.is_(None), ended_at=now, mac=mac):
            raise NotFound("asking-system")
        audit.record(events.ASKER_ENDED, CLI, subject=row.id, name=name)


def everyone() -> Sequence[AskingSystem]:
    """Return every system that may or might ask, by name."""
    return db.session.scalars(select(AskingSystem).order_by(AskingSystem.name, AskingSystem.made_at)).all()


class Unknown(Exception):
    """What was shown is no credential of a system that may ask: mistyped, never made, ended, or its row was changed."""


def admit(text: str, address: str | None) -> Asker:
    """Return the system whose credential is shown by who asks from a network address.

    A credential of a right form that is not good is recorded, once a minute per source and process; a mistyped one is
    not: it may cost no query. Raises TooOften with the whole `seconds` to wait, or Unknown.
    """
    if not is_credential(text):
        raise Unknown
    key_digest, limit = digest(Secret(text)), limits.current()
    if key_digest in limit.askers:  # recognised before: held to its own limit only, whoever else is at that address
        limits.hold(limit.askers.take(key_digest))
    elif (wait := limit.wrong_askers.wait(limits.source(address))) and not _stands(key_digest):
        limits.hold(wait)
    asker = _recognise(key_digest)
    if asker is None:
        limits.count_wrong(limit.wrong_askers, address, "introspectie", "asker-unknown")
        raise Unknown
    if key_digest not in limit.askers:
        limit.askers.take(key_digest)
    return asker


def _stands(key_digest: bytes) -> bool:
    """Tell, with a query a second at most, whether a credential is of a system that was at work a second ago.

    So a flood from its address keeps no system out, also not one that a process sees for the first time.
    """
    limit = limits.current()
    if not limit.looks.take("askers"):
        with reading():
            found = set(db.session.scalars(select(_TABLE.c.digest).where(_TABLE.c.ended_at.is_(None))))
        limit.at_work.intersection_update(found)
        limit.at_work.update(found)
    return key_digest in limit.at_work


def _recognise(key_digest: bytes) -> Asker | None:
    row = glance(_BY_DIGEST, {"digest": key_digest})
    if row is None or row.ended_at is not None:
        return None
    if not intact(row):
        log.error("the MAC of an asking system does not fit", system=str(row.id))
        return None
    return Asker(row.id, row.name)


def _at_work(name: str) -> AskingSystem | None:
    return db.session.scalar(select(AskingSystem).where(AskingSystem.name == name, AskingSystem.ended_at.is_(None)))


def intact(row: Row[*tuple[Any, ...]]) -> bool:
    """Tell whether the MAC of a row fits what it says."""
    parts = _parts(row.id, row.name, row.digest, row.made_at, row.ended_at)
    try:
        return settings.rings().mac_fits(row.mac, _PURPOSE, *parts)
    except SealBroken:  # a ring key that never existed: somebody made the MAC up
        return False


def _parts(row_id: UUID, name: str, key_digest: bytes, made_at: datetime, ended_at: datetime | None) -> tuple[str, ...]:
    ended = ended_at.isoformat(timespec="microseconds") if ended_at else ""
    return str(row_id), name, key_digest.hex(), made_at.isoformat(timespec="microseconds"), ended
