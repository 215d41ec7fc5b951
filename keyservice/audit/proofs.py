"""What proves a dossier to somebody who trusts nobody: its events as stored, each with its way to the newest root."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from sqlalchemy import Row, func, select

from keyservice.audit import sealer
from keyservice.audit.checkpoint import CheckpointBroken, parse_control_line, read
from keyservice.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf, AuditPrivate
from keyservice.audit.tree import (
    Frontier,
    ProofBroken,
    Span,
    check_consistency,
    check_inclusion,
    consistency_spans,
    grow,
    inclusion_spans,
)
from keyservice.database import db

_AT_ONCE = 10_000


@dataclass(frozen=True)
class ProvenEvent:
    """An event as stored, its place in the tree (from 0), its proof, and its private texts, each with its salt."""

    canonical: bytes
    position: int
    proof: list[bytes]
    private: Mapping[str, tuple[bytes, str]]


@dataclass(frozen=True)
class ProvenDossier:
    """The events of a dossier that are in the tree, in order, up to a checkpoint.

    `older` are earlier checkpoints, each with the proof that the newest tree only added to it; for every event there
    is the first one that covers it: its control line stood in the messages of that act.
    """

    checkpoint: AuditCheckpoint
    events: list[ProvenEvent]
    older: list[tuple[str, list[bytes]]]


def of_dossier(dossier: UUID) -> ProvenDossier | None:
    """Return what proves a dossier; None when nothing of it is in the tree yet.

    Raises TrailBroken when the tree does not fit its checkpoint.
    """
    newest = sealer.newest()
    events = _events(dossier, newest.size) if newest else []
    if not newest or not events:
        return None
    size = newest.size
    older = _older({event.covered_by for event in events} - {size})
    root = cache(span_root)  # most proofs share most of their spans
    proven = [[root(span) for span in inclusion_spans(event.position, size)] for event in events]
    extended = [[root(span) for span in consistency_spans(row.size, size)] for row in older]
    try:
        for event, proof in zip(events, proven, strict=True):
            check_inclusion(event.hash, event.position, size, proof, newest.root)
        for row, proof in zip(older, extended, strict=True):
            check_consistency(row.size, row.root, size, newest.root, proof)
    except ProofBroken as error:
        raise sealer.TrailBroken(f"the leaves do not lead to the checkpoint of size {size}: {error}") from error
    private = _private([event.id for event in events])
    return ProvenDossier(
        newest,
        [
            ProvenEvent(event.canonical, event.position, proof, private[event.id])
            for event, proof in zip(events, proven, strict=True)
        ],
        [(row.text, proof) for row, proof in zip(older, extended, strict=True)],
    )


def confirmed(typed: str) -> AuditCheckpoint | None:
    """Return the checkpoint of a control line, or None when there is none with that size and that root.

    Raises CheckpointBroken when it is not in the form of a control line.
    """
    size, root = parse_control_line(typed)
    row = db.session.get(AuditCheckpoint, size)
    if row is None:
        return None
    try:
        signed = read(row.text, *sealer.public_keys())
    except CheckpointBroken:  # not what we once signed
        return None
    return row if signed.control_line == f"{size}-{root}" else None


def extension(old_size: int, size: int) -> tuple[str, list[bytes]] | None:
    """Return an earlier checkpoint, and what proves that a later one only added to it; None when one is not ours.

    So who holds two control lines, of two moments or of two gemeenten, can tell whether they are of one history.
    Raises TrailBroken when the tree does not fit.
    """
    older, newer = (db.session.get(AuditCheckpoint, one) for one in (old_size, size))
    if older is None or newer is None or old_size >= size:
        return None
    proof = [span_root(span) for span in consistency_spans(old_size, size)]
    try:
        check_consistency(old_size, older.root, size, newer.root, proof)
    except ProofBroken as error:
        raise sealer.TrailBroken(f"the checkpoint of size {size} does not extend that of {old_size}") from error
    return older.text, proof


def _events(dossier: UUID, size: int) -> Sequence[Row[UUID, bytes, int, bytes, int]]:
    """Return id, content, position and leaf of the events of a dossier, and the first checkpoint that covers each."""
    covered_by = (
        select(func.min(AuditCheckpoint.size)).where(AuditCheckpoint.size > AuditLeaf.position).scalar_subquery()
    )
    query = (
        select(AuditEvent.id, AuditEvent.canonical, AuditLeaf.position, AuditLeaf.hash, covered_by.label("covered_by"))
        .join(AuditLeaf, AuditLeaf.event == AuditEvent.id)
        .where(AuditEvent.dossier == dossier, AuditLeaf.position < size)
        .order_by(AuditEvent.dossier_number)
    )
    return db.session.execute(query).all()


def _older(sizes: set[int]) -> Sequence[Row[int, bytes, str]]:
    query = select(AuditCheckpoint.size, AuditCheckpoint.root, AuditCheckpoint.text).where(
        AuditCheckpoint.size.in_(sizes)
    )
    return db.session.execute(query.order_by(AuditCheckpoint.size.desc())).all()


def span_root(span: Span) -> bytes:
    """Return the root of a span that a proof has, whatever the leaves in it: who uses it checks the proof.

    The last checkpoint inside has the roots of the subtrees before it, so that only the leaves after it are hashed.
    """
    start, end = span
    inside = (AuditCheckpoint.size > start) & (AuditCheckpoint.size < end)
    last = db.session.scalar(select(AuditCheckpoint).where(inside).order_by(AuditCheckpoint.size.desc()).limit(1))
    known = sealer.frontier_of(last)
    done = max(known.size - start, 0)
    hashes = list(known.hashes[len(known.hashes) - done.bit_count() :])
    for place, leaf in enumerate(_leaves(start + done, end), done):
        grow(hashes, place, leaf)
    return Frontier(end - start, tuple(hashes)).root()


def _leaves(start: int, end: int) -> Iterator[bytes]:
    inside = AuditLeaf.position.between(start, end - 1)
    query = select(AuditLeaf.hash).where(inside).order_by(AuditLeaf.position)
    # By the connection: the session costs six times as much per row, and these are all rows of the tree.
    yield from db.session.connection().execute(query, execution_options={"yield_per": _AT_ONCE}).scalars()


def _private(events: list[UUID]) -> dict[UUID, dict[str, tuple[bytes, str]]]:
    found: dict[UUID, dict[str, tuple[bytes, str]]] = {event: {} for event in events}
    for row in db.session.scalars(select(AuditPrivate).where(AuditPrivate.event.in_(events))):
        found[row.event][row.name] = (row.salt, row.value)
    return found
