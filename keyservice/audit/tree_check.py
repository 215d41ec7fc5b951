"""The leaves against the checkpoints: each interval from one signed checkpoint to the next is proven by itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keyservice.audit.checkpoint import Checkpoint, CheckpointBroken, read
from keyservice.audit.event_check import name
from keyservice.audit.faults import Faults, Kind
from keyservice.audit.tree import HASH_BYTES, Frontier, grow


@dataclass(frozen=True)
class Row:
    """A checkpoint as the database has it."""

    size: int
    at: Any
    root: Any
    frontier: Any
    through: Any
    text: Any


class Interval:
    """The leaves since the last checkpoint. `size`, `root` and `through` are those of the newest one that was met."""

    def __init__(self, checkpoints: Iterator[Any], keys: Sequence[Ed25519PublicKey], faults: Faults) -> None:
        """Take the checkpoints by size."""
        self.rows, self.keys, self.faults = (Row(*row) for row in checkpoints), keys, faults
        self.size, self.root, self.through = 0, b"", 0
        self.next = next(self.rows, None)
        # The frontier of the tree of the first `grown` leaves. It stands still where a leaf lacks, until a signed
        # checkpoint gives one again.
        self.hashes: list[bytes] = []
        self.grown, self.expected = 0, 0
        self.first, self.last = 0, 0
        self.highest: Sequence[Any] = (0,)

    def add(self, position: int, digest: object, event: Sequence[Any]) -> None:
        """Add the next leaf and its event, which begins with its row, as `event_check.name` takes it."""
        if position != self.expected:
            gone = f"leaves {self.expected} to {position - 1}"
            self.faults.add(Kind.REMOVED, gone, "they are gone, or stand elsewhere")
        self.expected = position
        while self.next and self.next.size <= position:
            self._close(self.next)
        self.expected = position + 1
        if not isinstance(digest, bytes) or len(digest) != HASH_BYTES:
            self.faults.add(Kind.CHANGED, f"leaf {position}", "its hash is not 32 bytes")
        elif self.grown == position:
            grow(self.hashes, position, digest)
            self.grown += 1
        row = event[0]
        if row < self.last:
            self.faults.add(Kind.MOVED, name(event), f"stands in the tree after event row {self.last}")
        self.first, self.last = self.first or row, row
        if row > self.highest[0]:
            self.highest = event

    def add_lone(self, position: int, digest: object, event_id: str) -> None:
        """Add the next leaf, whose event is gone."""
        self.add(position, digest, (self.last,))
        self.faults.add(Kind.REMOVED, f"leaf {position}", f"its event (id {event_id}) is gone")

    def end(self) -> None:
        """Close what is open, after the last leaf."""
        while self.next:
            self._close(self.next)
        if self.expected > self.size:
            self.faults.add(Kind.INSERTED, f"leaves {self.size} to {self.expected - 1}", "no checkpoint covers them")

    def _close(self, row: Row) -> None:
        self.next = next(self.rows, None)
        where = f"checkpoint {row.size}"
        if not self._signed(row, where):
            return
        if self.expected < row.size:
            self.faults.add(Kind.CUT, where, f"the tree has {self.expected} leaves only")
        own = _frontier(row)
        if self.grown == row.size:
            self._compare(row, Frontier(self.grown, tuple(self.hashes)), own, where)
        if own and own.root() == row.root:
            self.hashes, self.grown = list(own.hashes), row.size
        self.size, self.root, self.through = row.size, row.root, self.highest[0]
        self.first, self.last = 0, 0

    def _compare(self, row: Row, found: Frontier, own: Frontier | None, where: str) -> None:
        if found.root() != row.root:
            leaves = f"leaves {self.size} to {row.size - 1} (event rows {self.first} to {self.last})"
            self.faults.add(Kind.REBUILT, where, f"{leaves} do not lead to its root")
        elif own != found:
            self.faults.add(Kind.CHANGED, where, "its frontier is not that of the tree")
        if row.through != self.highest[0]:
            what = f"its highest event row is {row.through}; in the tree it is {name(self.highest)}"
            self.faults.add(Kind.CHANGED, where, what)

    def _signed(self, row: Row, where: str) -> Checkpoint | None:
        try:
            signed = read(str(row.text), *self.keys)
        except CheckpointBroken as error:
            self.faults.add(Kind.FORGED, where, str(error))
            return None
        if (signed.size, signed.root) != (row.size, row.root):
            self.faults.add(Kind.CHANGED, where, "its columns differ from what was signed")
            return None
        return signed


def _frontier(row: Row) -> Frontier | None:
    """Return the frontier that stands in a row, or None for what is none."""
    raw = row.frontier
    if not isinstance(raw, bytes) or len(raw) != row.size.bit_count() * HASH_BYTES:
        return None
    return Frontier(row.size, tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)))
