"""The systems that may ask whether a key works (RFC 7662): each has a credential of its own, made on the command line.

A credential is kept as a key is: its SHA-256 under a unique index, and a MAC over the row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, bindparam, select

from keyservice import audit, settings
from keyservice.database import db, glance, swap, table_of, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI
from keyservice.kernel.errors import Conflict, NotFound
from keyservice.kernel.ids import new_id
from keyservice.kernel.seal import SealBroken
from keyservice.kernel.secret import Secret
from keyservice.sleutels import events
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


def recognise(text: str) -> Asker | None:
    """Return the system whose credential is shown; None when it is nobody's, has ended, or its row was changed."""
    if not is_credential(text):
        return None
    row = glance(_BY_DIGEST, {"digest": digest(Secret(text))})
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
