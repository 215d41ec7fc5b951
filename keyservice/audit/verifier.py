"""The verifier: what of the trail is no longer what was written, all of it, and in its order (ADR 26).

One pass over events and leaves in the order of the tree, in constant memory, and one over the file outside. It believes
no stored hash: each event is hashed anew, and every checkpoint is computed from the leaves. Between two checkpoints a
broken tree is taken up again from the signed one, so that a fault is told where it is and not everywhere after it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from keyservice import settings
from keyservice.audit import outside, rows
from keyservice.audit.event_check import EventCheck, name, younger
from keyservice.audit.faults import Faults, Kind
from keyservice.audit.file_check import check_file
from keyservice.audit.models import AuditEvent, AuditPrivate
from keyservice.audit.sealer import LONGEST_ACT, public_keys
from keyservice.audit.tree_check import Interval
from keyservice.kernel import clock


@dataclass
class Report:
    """What a verify saw: the tree and its newest checkpoint, events not in it yet (`waiting`), and faults.

    `root` is that of the newest checkpoint, `read` how many leaves were looked at; `revoked` are the ids of the keys
    that the file outside knows as revoked.
    """

    size: int = 0
    root: bytes = b""
    events: int = 0
    read: int = 0
    waiting: int = 0
    faults: Faults = field(default_factory=Faults)
    revoked: frozenset[str] = frozenset()


def events() -> int:
    """Return how many events there are, for who shows how far a verify is."""
    with rows.snapshot() as connection:
        return rows.count(connection, AuditEvent)


def verify(tick: Callable[[int], object] = lambda _count: None) -> Report:
    """Check the whole trail, and return what was found; `tick` is called with every thousand events or so."""
    report = Report()
    with rows.snapshot() as connection:
        length = _together(connection, report)
        try:
            last, through, texts = _check_tree(connection, report, tick)
            texts += _check_unsealed(connection, report, last, through)
            _check_dossiers(connection, report.faults)
            _check_lone_texts(connection, texts, report.faults)
            report.revoked = check_file(connection, length, report.size, report.faults)
        except SQLAlchemyError as error:
            where = f"what comes after leaf {report.read}"
            report.faults.add(Kind.UNREADABLE, where, f"a row cannot be read ({type(error).__name__})")
    return report


def _together(connection: Connection, report: Report) -> int:
    """Begin to look at database and file at one moment: the sealer writes the one and then the other."""
    path = settings.current().checkpoints
    if not path.exists():
        report.events = rows.count(connection, AuditEvent)
        return 0
    with outside.locked(path):
        report.events = rows.count(connection, AuditEvent)
        return path.stat().st_size


class _Texts:
    """The erasable texts, asked for in the order of their events."""

    def __init__(self, stream: Iterator[Any]) -> None:
        self.stream, self.seen = stream, 0
        self.next = next(stream, _NO_TEXT)

    def of(self, place: int) -> Sequence[Any]:
        """Return the texts at a place, and pass over those of places that did not come."""
        while self.next[0] < place:  # its event is gone, which is told already
            self._advance()
        found = []
        while self.next[0] == place:
            found.append(self.next)
            self._advance()
        return found

    def _advance(self) -> None:
        self.seen += 1
        self.next = next(self.stream, _NO_TEXT)


_NO_TEXT = (math.inf,)


def _check_tree(connection: Connection, report: Report, tick: Callable[[int], object]) -> tuple[int, int, int]:
    """Check what is in the tree; return how many events, the highest row, and how many texts were seen."""
    faults, found = report.faults, 0
    check, texts = EventCheck(settings.rings(), faults), _Texts(rows.stream(connection, rows.privates()))
    interval = Interval(rows.stream(connection, rows.checkpoints()), public_keys(), faults)
    for batch in rows.batches(connection, rows.sealed()):
        for row in batch:
            position, event_id, digest = row[:3]
            event = row[3:]
            if event[0] is None:
                interval.add_lone(position, digest, event_id)
                continue
            found += 1
            interval.add(position, digest, event)
            content = check.check(event, digest)
            if found_texts := texts.of(position):
                check.check_texts(event, content, found_texts)
        report.read += len(batch)
        tick(len(batch))
    interval.end()
    report.size, report.root = interval.size, interval.root
    return found, interval.through, texts.seen


def _check_unsealed(connection: Connection, report: Report, sealed: int, through: int) -> int:
    """Check the events that are not in the tree; return how many erasable texts they have."""
    # Nearly always they are the newest ones; looking for others takes as long as all the rest.
    after = (
        through if sealed + sum(1 for _event in rows.stream(connection, rows.unsealed(through))) == report.events else 0
    )
    check = EventCheck(settings.rings(), report.faults)
    texts = _Texts(rows.stream(connection, rows.privates(of_unsealed_after=after)))
    limit = clock.now() - LONGEST_ACT
    for event in rows.stream(connection, rows.unsealed(after)):
        content = check.check(event, None)
        check.check_texts(event, content, texts.of(event[0]))
        if younger(content, limit):
            report.waiting += 1
        else:
            what = "not in the tree after an hour: written by somebody else, or sealing stands still"
            report.faults.add(Kind.UNSEALED, name(event), what)
    return texts.seen


def _check_lone_texts(connection: Connection, seen: int, faults: Faults) -> None:
    if seen != rows.count(connection, AuditPrivate):
        for event_id, text_name in rows.stream(connection, rows.lone_privates()):
            faults.add(Kind.INSERTED, f"text '{text_name}' of event {event_id}", "there is no such event")


def _check_dossiers(connection: Connection, faults: Faults) -> None:
    for dossier, highest in rows.stream(connection, rows.incomplete_dossiers()):
        query = select(AuditEvent.dossier_number).where(rows.plain(AuditEvent.dossier) == dossier)
        numbers = set(connection.scalars(query))
        missing = [number for number in range(1, (highest or 0) + 1) if number not in numbers]
        what = f"event no. {', '.join(map(str, missing[:5]))} is missing" if missing else "a number stands twice"
        faults.add(Kind.REMOVED if missing else Kind.INSERTED, f"dossier {dossier}", what)
