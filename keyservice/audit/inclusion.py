"""One event as it stands in the trail: its bytes, whether they are those of its birth, and its place in the tree."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from keyservice import settings
from keyservice.audit import sealer
from keyservice.audit.checkpoint import CheckpointBroken, read
from keyservice.audit.models import AuditEvent, AuditLeaf
from keyservice.audit.proofs import span_root
from keyservice.audit.tree import ProofBroken, check_inclusion, inclusion_spans, leaf_hash
from keyservice.database import db
from keyservice.kernel.errors import NotFound


@dataclass(frozen=True)
class Place:
    """A place (from 0) in the tree of a checkpoint, and the hashes that prove it; `fault` says why they do not."""

    position: int
    size: int
    proof: list[bytes]
    root: bytes | None
    fault: str | None


@dataclass(frozen=True)
class Stored:
    """The bytes of an event and their hash as a leaf; `place` is None as long as no checkpoint covers the event.

    `as_born` says that the MAC that was made with the event fits these bytes.
    """

    canonical: bytes
    hash: bytes
    as_born: bool
    place: Place | None


def stored(event_id: UUID) -> Stored:
    """Return how an event stands in the trail, proven to the newest checkpoint. Raises NotFound."""
    row = db.session.scalar(select(AuditEvent).where(AuditEvent.id == event_id))
    if row is None:
        raise NotFound("event")
    digest = leaf_hash(row.canonical)
    try:
        as_born = row.mac == settings.rings().mac("audit-event", row.canonical.decode())
    except UnicodeDecodeError:
        as_born = False
    return Stored(row.canonical, digest, as_born, _place(event_id, digest))


def _place(event_id: UUID, digest: bytes) -> Place | None:
    newest = sealer.newest()
    position = db.session.scalar(select(AuditLeaf.position).where(AuditLeaf.event == event_id))
    if newest is None or position is None or position >= newest.size:
        return None
    proof: list[bytes] = []
    try:
        proof = [span_root(span) for span in inclusion_spans(position, newest.size)]
        checkpoint = read(newest.text, *sealer.public_keys())
        check_inclusion(digest, position, checkpoint.size, proof, checkpoint.root)
    except (CheckpointBroken, ProofBroken, sealer.TrailBroken) as error:
        return Place(position, newest.size, proof, None, str(error))
    return Place(position, checkpoint.size, proof, checkpoint.root, None)
