"""The Merkle tree over the events: hashing, roots and proofs of RFC 6962 (2.1), the same in RFC 9162.

Pure: takes and returns hashes. A tree of n leaves splits at the largest power of two below n.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
Span = tuple[int, int]
"""The leaves from a place (from 0) up to, and without, another: the part of the tree under one node."""


class ProofBroken(Exception):
    """A proof does not lead to the root that it should lead to."""


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf (RFC 6962 2.1): the prefix 0 keeps a leaf from passing for a node."""
    return hashlib.sha256(b"\0" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over its two children."""
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """The right edge of a tree of `size` leaves: one hash per complete subtree, the largest first.

    It is all that is needed to add leaves and to know the root: at most 64 hashes.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def add(self, leaf: bytes) -> "Frontier":
        """Return the frontier with one leaf (its hash) more."""
        hashes = list(self.hashes)
        grow(hashes, self.size, leaf)
        return Frontier(self.size + 1, tuple(hashes))

    def root(self) -> bytes:
        """Return the root."""
        if not self.hashes:
            return EMPTY_ROOT
        *rest, root = self.hashes
        for left in reversed(rest):
            root = node_hash(left, root)
        return root


def grow(hashes: list[bytes], size: int, leaf: bytes) -> None:
    """Add a leaf (its hash) to the hashes of the frontier of a tree of `size` leaves, in place."""
    while size & 1:  # two subtrees of one size become one, as in a sum of binary numbers
        leaf = node_hash(hashes.pop(), leaf)
        size >>= 1
    hashes.append(leaf)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root of a tree with these leaves (their hashes)."""
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.add(leaf)
    return frontier.root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return what proves that the leaf at `index` (from 0) is in the tree of these leaves (RFC 6962 2.1.1)."""
    return _proof(leaves, inclusion_spans(index, len(leaves)))


def consistency_proof(leaves: Sequence[bytes], size: int) -> list[bytes]:
    """Return what proves that the tree of the first `size` leaves is a beginning of this one (RFC 6962 2.1.2)."""
    return _proof(leaves, consistency_spans(size, len(leaves)))


def inclusion_spans(index: int, size: int) -> list[Span]:
    """Return the spans whose roots are the inclusion proof of a leaf in a tree of `size` leaves."""
    start, end = 0, size
    spans = []
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            spans.append((split, end))
            end = split
        else:
            spans.append((start, split))
            start = split
    return spans[::-1]


def consistency_spans(old_size: int, size: int) -> list[Span]:
    """Return the spans whose roots are the consistency proof of the first `old_size` of `size` leaves."""
    start, end = 0, size
    spans: list[Span] = []
    while old_size not in {0, end}:
        split = start + _split(end - start)
        if old_size <= split:
            spans.append((split, end))
            end = split
        else:
            spans.append((start, split))
            start = split
    if start:  # else the old tree is a whole subtree, whose root the reader has
        spans.append((start, end))
    return spans[::-1]


def _proof(leaves: Sequence[bytes], spans: list[Span]) -> list[bytes]:
    return [root_of(leaves[start:end]) for start, end in spans]


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf (its hash) is at `index` of a tree (RFC 9162 2.1.3.2). Raises ProofBroken."""
    if not 0 <= index < size:
        raise ProofBroken("the index is not in the tree")
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if not last:
            raise ProofBroken("the proof is too long")
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    if last or found != root:
        raise ProofBroken("the leaf does not lead to the root")


def check_consistency(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that a tree extends an older one (RFC 9162 2.1.4.2). Raises ProofBroken."""
    if old_size in {0, size}:
        same = old_size == 0 or old_root == root
        if proof or not same:
            raise ProofBroken("the tree does not extend the older one")
        return
    steps = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if old_size > size or not steps:
        raise ProofBroken("the proof is too short")
    if _roots(old_size, size, steps) != (old_root, root):
        raise ProofBroken("the tree does not extend the older one")


def _roots(old_size: int, size: int, steps: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the roots of the older and the newer tree to which the steps of a consistency proof lead."""
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if not last:
            raise ProofBroken("the proof is too long")
        if at & 1 or at == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, step)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofBroken("the proof is too short")
    return old, new


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
