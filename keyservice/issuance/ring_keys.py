"""The end of a ring key: destroyed when no row needs it any more, after 45 days in any case (ADR 23).

From then on nobody opens what it sealed, in a backup of that time neither. When a key seals, and how long it stays,
`kernel.rotation` says; here is who still needs it.
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Column, LargeBinary, func, select
from sqlalchemy.orm import joinedload

from keyservice import audit, settings
from keyservice.database import Base, db, transaction
from keyservice.issuance import events
from keyservice.issuance.models import Issuance
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER
from keyservice.kernel.seal import ID_IN_BLOB, SEALED, SEALING_RINGS
from keyservice.outbox.models import Letter
from keyservice.outbox.service import RING, expire

log = structlog.get_logger()
EVERY = timedelta(hours=1)


def look_after() -> None:
    """Rotate the rings, and once an hour destroy the keys whose time has come; one worker at a time."""
    rings = settings.rings()
    rings.rotate()
    # Not waiting for another worker, who may be stuck: this one has messages to send.
    with suppress(BlockingIOError), rings.alone("destroy", wait=False) as lock:
        now = clock.now()
        # The file of the lock tells all workers when one of them looked last.
        if abs(now - datetime.fromtimestamp(os.fstat(lock).st_mtime, UTC)) < EVERY:
            return
        for ring in SEALING_RINGS:
            destroy_old(ring)
        os.utime(lock, (now.timestamp(), now.timestamp()))


TIMERS: tuple[Callable[[], object], ...] = (look_after,)


def destroy_old(ring: str) -> None:
    """Destroy the keys of a ring that seal no more and that no row needs, or that are 45 days old.

    What still needs such an old key cannot be opened from now on: messages end, with an event in their dossier.
    """
    rings = settings.rings()
    old, needed = rings.old_keys(ring), users(ring)
    going = sorted(key_id for key_id, must_go in old.items() if must_go or not needed[key_id])
    if not going:
        return
    # The event first: after a crash in between, the next round destroys the key and says so once more.
    with transaction():
        if ring == RING:
            expire(going)
        for key_id in going:
            audit.record(events.RING_KEY_DESTROYED, WORKER, ring=ring, key=key_id.hex(), values=needed[key_id])
    rings.destroy(ring, going)
    log.info("ring keys destroyed", ring=ring, keys=len(going), values=sum(needed[key_id] for key_id in going))


def users(ring: str) -> Counter[bytes]:
    """Return how many sealed values need each key of a ring."""
    found: Counter[bytes] = Counter()
    for table, name in SEALED[ring]:
        found += count_ids(Base.metadata.tables[table].c[name], ID_IN_BLOB)
    return found


def count_ids(column: Column[bytes], where: tuple[int, int]) -> Counter[bytes]:
    """Count the values of a column by the key id in them; `where` it stands is its first byte (from 1) and length."""
    key_id = func.substr(column, *where, type_=LargeBinary())
    query = select(key_id, func.count()).where(column.is_not(None)).group_by(key_id)
    return Counter({bytes(value): count for value, count in db.session.execute(query)})


def unreadable() -> Sequence[Issuance]:
    """Return the deliveries underway that cannot go on, because no key opens their password, zip or letter any more.

    So after a restore.
    """
    known = {(ring, key.id) for ring in SEALING_RINGS for key in settings.rings().keys(ring)}
    first, length = ID_IN_BLOB

    def lost(ring: str, blob: bytes | None) -> bool:
        return blob is not None and (ring, blob[first - 1 : first - 1 + length]) not in known

    query = select(Issuance, Letter.pdf).outerjoin(Letter, Letter.subject == Issuance.id)
    rows = db.session.execute(
        query.where(Issuance.ended_at.is_(None)).options(joinedload(Issuance.aanvraag)).order_by(Issuance.issued_at)
    )
    return [
        row
        for row, letter in rows
        if lost("password", letter)
        or (row.password is not None and (lost("zip", row.zip) or lost("password", row.password)))
    ]
