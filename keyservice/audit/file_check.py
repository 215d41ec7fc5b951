"""The file outside against the database: each checkpoint and each touched key stands in both (`outside`).

After an accepted restore the file goes on from an older size; what stands before that of later sizes is a history that
was given up. It must still be signed and in order, but the database need not have it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, select

from keyservice import settings
from keyservice.audit import outside, restored, rows
from keyservice.audit.checkpoint import CheckpointBroken, parse, read
from keyservice.audit.faults import Faults, Kind
from keyservice.audit.models import AuditEvent, AuditLeaf
from keyservice.audit.sealer import KEY_EVENTS, key_line, public_keys


@dataclass(frozen=True)
class KeyLine:
    """A line about a key, and the size of the checkpoint that came with it."""

    number: int
    line: outside.Line
    size: int


@dataclass
class FileRead:
    """What one reading of the file gives: the last size and root, accepted restores (line, size), lines about keys."""

    size: int = 0
    root: bytes = b""
    restores: list[tuple[int, int]] = field(default_factory=list)
    keys: list[KeyLine] = field(default_factory=list)
    unsigned: set[int] = field(default_factory=set)
    uncovered: list[tuple[int, outside.Line]] = field(default_factory=list)

    def checkpoint(self, size: int, root: bytes) -> None:
        """Note a checkpoint; the keys before it are covered by it."""
        self.size, self.root = size, root
        self.keys += [KeyLine(number, line, size) for number, line in self.uncovered]
        self.uncovered.clear()

    def given_up(self, number: int, size: int) -> bool:
        """Tell whether what a line says of the tree up to a size was given up by a restore after it."""
        return any(number < later and back < size for later, back in self.restores)


@dataclass(frozen=True)
class _Said:
    """A checkpoint of the file that was not given up."""

    number: int
    size: int
    root: bytes
    text: str
    at: Any


def check_file(connection: Connection, length: int, size: int, faults: Faults) -> frozenset[str]:
    """Compare the file (its first `length` bytes) with the database, whose tree has `size` leaves.

    Returns the ids of the keys that the file knows as revoked, by whatever history.
    """
    file = read_file(length, public_keys(), faults)
    _compare_checkpoints(rows.stream(connection, rows.checkpoints()), _said(file, length), faults)
    _compare_keys(file, size, connection, faults)
    return frozenset(plain_id(key.line["revoked"]) for key in file.keys if "revoked" in key.line)


def _lines(length: int | None, faults: Faults | None = None) -> Iterator[tuple[int, outside.Line]]:
    for number, raw in enumerate(outside.raw_lines(settings.current().checkpoints, length), 1):
        try:
            yield number, outside.parsed(raw)
        except outside.FileDamaged as error:
            if faults:
                faults.add(Kind.CHANGED, _at(number), str(error))


def _at(number: int) -> str:
    return f"line {number} of the file outside"


def read_file(length: int | None, keys: Sequence[Ed25519PublicKey], faults: Faults) -> FileRead:
    """Read every line once, and see that it is signed and comes after the one before."""
    file = FileRead()
    for number, line in _lines(length, faults):
        try:
            if "checkpoint" in line:
                found = read(str(line["checkpoint"]), *keys)
                if found.size <= file.size:
                    faults.add(Kind.MOVED, _at(number), f"size {found.size} comes after size {file.size}")
                file.checkpoint(found.size, found.root)
            elif "restored" in line:
                accepted = restored.read(str(line["restored"]), *keys)
                if (accepted.old_size, accepted.old_root) != (file.size, file.root):
                    faults.add(Kind.MOVED, _at(number), "the restore is not of the checkpoint before it")
                file.restores.append((number, accepted.size))
                file.size = accepted.size - 1  # the checkpoint of that size is said once more after it
            elif set(line) in ({"event", "revoked"}, {"event", "touched"}):
                file.uncovered.append((number, line))
            else:
                faults.add(Kind.INSERTED, _at(number), "the program writes no such line")
        except CheckpointBroken as error:
            faults.add(Kind.FORGED, _at(number), str(error))
            file.unsigned.add(number)
    return file


def _said(file: FileRead, length: int) -> Iterator[_Said]:
    for number, line in _lines(length):
        if "checkpoint" not in line or number in file.unsigned:
            continue
        found = parse(str(line["checkpoint"]))
        if not file.given_up(number, found.size):
            yield _Said(number, found.size, found.root, found.text, line.get("at"))


def _compare_checkpoints(stored: Iterator[Any], said: Iterator[_Said], faults: Faults) -> None:
    """Walk through the checkpoints of both, each by size."""
    behind, size = [], 0
    line = next(said, None)
    for row in stored:
        size = row[0]
        while line and line.size < size:
            faults.add(Kind.REMOVED, f"checkpoint {line.size}", f"{_at(line.number)} has it, the database has not")
            line = next(said, None)
        if line is None:
            behind.append(size)
        elif line.size > size:
            faults.add(Kind.REMOVED, f"checkpoint {size}", "the file outside has lost it")
        while line and line.size == size:  # twice after a restore
            _compare(row, line, faults)
            line = next(said, None)
    if line:
        ahead = max((later.size for later in said), default=line.size)
        what = f"the file outside knows {ahead} events: the end was cut off, or an older database was put back"
        faults.add(Kind.BEHIND, f"the tree of {size} events", what)
    _tell_behind(behind, faults)


def _tell_behind(sizes: Sequence[int], faults: Faults) -> None:
    # A crash between database and file can leave one behind; the next sealing adds it.
    if len(sizes) > 1:
        what = f"it lacks the last {len(sizes)} checkpoints, from size {sizes[0]} on"
        faults.add(Kind.CUT, "the file outside", what)


def _compare(row: Any, line: _Said, faults: Faults) -> None:
    size, at, root, *_rest, text = row
    where = f"checkpoint {size}"
    if root != line.root:
        faults.add(Kind.REBUILT, where, f"{_at(line.number)} has another root: the history was written anew")
    elif text != line.text:
        faults.add(Kind.CHANGED, where, f"{_at(line.number)} has another text")
    elif not isinstance(line.at, str) or f"{line.at[:10]} {line.at[11:26]}" != at or not line.at.endswith("+00:00"):
        faults.add(Kind.CHANGED, where, f"{_at(line.number)} has another moment")


def _compare_keys(file: FileRead, size: int, connection: Connection, faults: Faults) -> None:
    """Each event of a key that the file must know has its line there, and each such line its event."""
    # Of what was cut off or given up, the database has no events.
    here = [key for key in file.keys if key.size <= size and not file.given_up(key.number, key.size)]
    said = {plain_id(key.line["event"]): key for key in here}
    query = select(rows.plain(AuditEvent.id), AuditEvent.code, rows.plain(AuditEvent.canonical), AuditLeaf.position)
    query = query.outerjoin(AuditLeaf, AuditLeaf.event == AuditEvent.id).where(AuditEvent.code.startswith(KEY_EVENTS))
    for event_id, code, canonical, position in rows.stream(connection, query):
        key = said.pop(event_id, None)
        if key is None:
            if position is not None and position < min(size, file.size):
                faults.add(Kind.REMOVED, f"event id {event_id} ({code})", "the file outside has lost its line")
        elif key.line != _line(code, event_id, canonical):
            faults.add(Kind.CHANGED, _at(key.number), f"differs from its event, id {event_id} ({code})")
    for key in said.values():
        faults.add(Kind.INSERTED, _at(key.number), "the database has no such event of a key")


def _line(code: str, event_id: str, canonical: bytes) -> outside.Line | None:
    try:
        return key_line(code, UUID(event_id), canonical)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def plain_id(value: object) -> str:
    """Return an id as `rows.plain` gives it."""
    return str(value).replace("-", "")
