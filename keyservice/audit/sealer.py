"""The sealer: puts events into the tree, in their order, and signs what the tree is then.

Events are written unchained, so that no act waits for another; the sealer comes after them, one at a time. It takes
every event that is visible and not in the tree yet: one of a slow transaction comes in a later batch, and none is
skipped. Checkpoints stand in the database and in a file outside it; where the two do not fit, nothing is sealed.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import IO
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Row, func, insert, select

from keyservice import settings
from keyservice.audit import outside
from keyservice.audit.checkpoint import Checkpoint, CheckpointBroken, note, read, sign
from keyservice.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf
from keyservice.audit.tree import HASH_BYTES, Frontier, leaf_hash
from keyservice.database import db, exclusive, transaction
from keyservice.kernel import clock

BATCH = 10_000
LONGEST_ACT = timedelta(hours=1)
NEARLY_EVERY_ACT = timedelta(seconds=10)
"""The most that can, and that nearly always does, lie between the first event of an act and its commit."""
RING = "checkpoint"
KEY_EVENTS = "sleutel:"
REVOKED = "sleutel:revoke"
"""The events whose keys are written into the file outside too, and the one of them that is for good (I16)."""


class TrailBroken(Exception):
    """The database and the file outside tell different things; nothing is sealed until people have looked."""


def seal(*, whole: bool = False, act: timedelta = LONGEST_ACT) -> Checkpoint | None:
    """Put what is not in the tree yet into it, sign, and write the file outside; return the newest checkpoint.

    None when there never was an event. `whole` looks at every event instead of the latest ones. Who looks often passes
    a shorter `act`: what one that took longer wrote waits for a look that allows for it. Raises TrailBroken.
    """
    with outside.locked(settings.current().checkpoints) as file:
        known = published(file)
        with transaction():
            exclusive("audit-seal")
            last = newest()
            _require_extended(last, known)
            last = _grow(last, 0 if whole else _settled(last, act)) or last
            lines = _lines(known.size if known else 0, last)
            checkpoint = _checkpoint(last) if last else None
        outside.append(file, lines)
        return checkpoint


def check() -> None:
    """Compare the newest checkpoints of the file outside and the database, cheaply. Raises TrailBroken."""
    # The file first: it is written after the database, and so never ahead of it.
    with outside.reading(settings.current().checkpoints) as file:
        known = published(file)
    last = newest()
    _require_extended(last, known)
    if last:
        _checkpoint(last)


def newest() -> AuditCheckpoint | None:
    """Return the newest checkpoint of the database."""
    return db.session.scalar(select(AuditCheckpoint).order_by(AuditCheckpoint.size.desc()).limit(1))


def unsealed_since() -> datetime | None:
    """Return since when the oldest event waits that came after the newest checkpoint; None when none waits."""
    last = newest()
    after = AuditEvent.row > (last.through if last else 0)
    return db.session.scalar(select(AuditEvent.at).where(after).order_by(AuditEvent.row).limit(1))


def origin() -> str:
    """Return the name of the log: the host of the service."""
    return urlsplit(settings.current().base_url).netloc


def public_keys() -> list[Ed25519PublicKey]:
    """Return the public halves of the keys that sign or have signed, newest first."""
    return [_private(key.key).public_key() for key in settings.rings().keys(RING)]


def signed_note(body: str) -> str:
    """Return a text of whole lines, signed with the newest key. It must not be in the form of a checkpoint."""
    return note(origin(), body, signing_key())


def signing_key() -> Ed25519PrivateKey:
    """Return the key that signs now."""
    return _private(settings.rings().keys(RING)[0].key)


def _private(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)


def published(file: IO[bytes]) -> Checkpoint | None:
    """Return the newest checkpoint of the file outside. Raises TrailBroken."""
    try:
        text = outside.newest_checkpoint(file)
        return read(text, *public_keys()) if text else None
    except (outside.FileDamaged, CheckpointBroken) as error:
        raise TrailBroken(f"the file of checkpoints: {error}") from error


def _checkpoint(row: AuditCheckpoint) -> Checkpoint:
    try:
        return read(row.text, *public_keys())
    except CheckpointBroken as error:
        raise TrailBroken(f"the checkpoint of size {row.size}: {error}") from error


def _require_extended(last: AuditCheckpoint | None, known: Checkpoint | None) -> None:
    """Raise TrailBroken when the database is behind the file outside, or says something else of the same size."""
    if known is None:
        return
    size = last.size if last else 0
    if size < known.size:
        raise TrailBroken(f"the database has {size} events in the tree and the file outside {known.size}")
    same = db.session.get(AuditCheckpoint, known.size)
    if same is None or same.root != known.root:
        raise TrailBroken(f"the database and the file outside have other roots at size {known.size}")


def _settled(last: AuditCheckpoint | None, act: timedelta) -> int:
    """Return the row up to which every event is in the tree, if none came from an act that took longer than `act`.

    SQLite has one writer at a time, so rows become visible in their order. Elsewhere a transaction may show an earlier
    row later: seen from the newest checkpoint, not from now, as what a slow transaction wrote while nothing was sealed
    is still new.
    """
    if last is None or db.engine.dialect.name == "sqlite":
        return last.through if last else 0
    return through_before(last.at - act)


def through_before(moment: datetime) -> int:
    """Return the highest row that was in the tree before a moment."""
    old = AuditCheckpoint.at < moment
    return db.session.scalar(select(func.max(AuditCheckpoint.through)).where(old)) or 0


def _grow(last: AuditCheckpoint | None, settled: int) -> AuditCheckpoint | None:
    """Add what is new to the tree and return its checkpoint, or None when nothing is new."""
    events = _unsealed(settled)
    if not events:
        return None
    frontier = frontier_of(last)
    leaves = []
    for _row, event_id, canonical in events:
        digest = leaf_hash(canonical)
        leaves.append({"position": frontier.size, "event": event_id, "hash": digest})
        frontier = frontier.add(digest)
    db.session.execute(insert(AuditLeaf), leaves)
    signed = sign(origin(), frontier.size, frontier.root(), signing_key())
    row = AuditCheckpoint(
        size=signed.size,
        at=clock.now(),
        root=signed.root,
        frontier=b"".join(frontier.hashes),
        through=max(last.through if last else 0, events[-1][0]),
        text=signed.text,
    )
    db.session.add(row)
    db.session.flush()
    return row


def _unsealed(settled: int) -> Sequence[Row[int, UUID, bytes]]:
    query = (
        select(AuditEvent.row, AuditEvent.id, AuditEvent.canonical)
        .outerjoin(AuditLeaf, AuditLeaf.event == AuditEvent.id)
        .where(AuditEvent.row > settled, AuditLeaf.event.is_(None))
        .order_by(AuditEvent.row)
        .limit(BATCH)
    )
    return db.session.execute(query).all()


def frontier_of(last: AuditCheckpoint | None) -> Frontier:
    """Return the right edge of the tree of a checkpoint (None: of the empty tree). Raises TrailBroken."""
    if last is None:
        return Frontier()
    hashes = tuple(last.frontier[at : at + HASH_BYTES] for at in range(0, len(last.frontier), HASH_BYTES))
    frontier = Frontier(last.size, hashes)
    if len(hashes) != last.size.bit_count() or frontier.root() != last.root:
        raise TrailBroken(f"the checkpoint of size {last.size} does not fit its own root")
    return frontier


def _lines(since: int, last: AuditCheckpoint | None) -> list[outside.Line]:
    """Return what the file outside lacks: the keys touched since a size, and the checkpoints since then."""
    if last is None or last.size == since:
        return []
    query = (
        select(AuditEvent.id, AuditEvent.code, AuditEvent.canonical)
        .join(AuditLeaf, AuditLeaf.event == AuditEvent.id)
        .where(AuditLeaf.position >= since, AuditEvent.code.startswith(KEY_EVENTS))
        .order_by(AuditLeaf.position)
    )
    keys = [key_line(code, event_id, canonical) for event_id, code, canonical in db.session.execute(query)]
    missing = select(AuditCheckpoint).where(AuditCheckpoint.size > since).order_by(AuditCheckpoint.size)
    return [*keys, *(checkpoint_line(row) for row in db.session.scalars(missing))]


def key_line(code: str, event_id: UUID, canonical: bytes) -> outside.Line:
    """Return what the file outside says of an event of a key."""
    what = "revoked" if code == REVOKED else "touched"
    return {what: json.loads(canonical)["subject"], "event": str(event_id)}


def checkpoint_line(row: AuditCheckpoint) -> outside.Line:
    """Return what the file outside says of a checkpoint."""
    return {"checkpoint": row.text, "at": row.at.isoformat(timespec="microseconds")}
