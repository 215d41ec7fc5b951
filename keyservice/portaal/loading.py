"""Bringing the stored inburgeraars up to a file of DUO: all of it in one transaction, or nothing.

Who is in the file is added or changed; who is not stays. The same file a second time changes nothing.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping, bindparam, insert, select, update

from keyservice import audit
from keyservice.database import db, table_of, transaction
from keyservice.gemeenten import queries as gemeenten
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI
from keyservice.kernel.ids import new_id
from keyservice.portaal import bsn, events
from keyservice.portaal.models import Inburgeraar
from keyservice.portaal.person_file import Line, Person, lines
from keyservice.portaal.processing import Activity, processing

BATCH = 1000
_TABLE = table_of(Inburgeraar)
_FACTS = ("gemeente", "wet", "given_names", "prefix", "surname", "birth_date", "duty_from", "duty_until")
_INSERT = insert(_TABLE)
_UPDATE = update(_TABLE).where(_TABLE.c.id == bindparam("row"))


@dataclass(frozen=True)
class Refused:
    """A line that cannot be loaded, and why; it holds no value of the line."""

    line: int
    faults: tuple[str, ...]


@dataclass
class Report:
    """What became of the lines. Nothing was stored when `loaded` is False."""

    refused: list[Refused]
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    loaded: bool = False


def count_lines(path: Path) -> int:
    """Return about how many lines a file has, for a progress bar."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def load(path: Path, *, without_refused: bool = False, done: Callable[[int], object] = lambda _lines: None) -> Report:
    """Load a file (UTF-8), and tell what became of it; `done` hears of each line twice: when judged and when stored.

    First all of it is judged. One refused line keeps everything out, unless `without_refused`. Raises ValueError when
    it is no such file at all.
    """
    report = Report(_judged(path, done))
    if report.refused and not without_refused:
        return report
    with transaction():
        people = _people(path, {refused.line for refused in report.refused})
        while batch := list(islice(people, BATCH)):
            _store(batch, report)
            done(len(batch))
        audit.record(
            events.LOADED,
            CLI,
            added=report.added,
            changed=report.changed,
            unchanged=report.unchanged,
            refused=len(report.refused),
        )
    report.loaded = True
    return report


def _lines(path: Path) -> Iterator[Line]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from lines(file)
    except UnicodeDecodeError:
        raise ValueError("the file must be UTF-8") from None


def _judged(path: Path, done: Callable[[int], object]) -> list[Refused]:
    """Return the lines that cannot be loaded."""
    codes, seen = gemeenten.codes(), set[int]()
    refused = []
    for line in _lines(path):
        faults = list(line.faults)
        if line.person:
            number = int(line.person.bsn.reveal())
            if number in seen:
                faults.append("bsn: staat al eerder in dit bestand")
            if line.person.gemeente not in codes:
                faults.append("gemeente: deze code bestaat niet")
            seen.add(number)
        if faults:
            refused.append(Refused(line.number, tuple(faults)))
        done(1)
    return refused


def _people(path: Path, refused: Container[int]) -> Iterator[Person]:
    for line in _lines(path):
        if line.number in refused:
            continue
        if line.person is None:
            raise ValueError("the file changed while it was read")
        yield line.person


def _store(batch: Sequence[Person], report: Report) -> None:
    found = _stored(batch)
    new: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    # The look is at everybody, also who turns out to be as before.
    with processing(CLI, Activity.LOAD) as look:
        for person in batch:
            look.at_bsn(person.bsn)
            facts = {name: getattr(person, name) for name in _FACTS}
            row = next((found[digest] for digest in bsn.digests(person.bsn) if digest in found), None)
            if row is None:
                row_id = new_id()
                sealed = {"bsn": bsn.seal(person.bsn, row_id), "bsn_digest": bsn.digest(person.bsn)}
                new.append({"id": row_id, "loaded_at": clock.now(), **facts, **sealed})
            elif facts != {name: row[name] for name in _FACTS}:
                changes.append({"row": row["id"], "loaded_at": clock.now(), **facts})
        for statement, values in ((_INSERT, new), (_UPDATE, changes)):
            if values:
                db.session.execute(statement, values)
    report.added += len(new)
    report.changed += len(changes)
    report.unchanged += len(batch) - len(new) - len(changes)


def _stored(batch: Sequence[Person]) -> dict[bytes, RowMapping]:
    """Return the rows of the people of a batch by digest, whichever ring key made it."""
    digests = [digest for person in batch for digest in bsn.digests(person.bsn)]
    columns = (_TABLE.c[name] for name in ("id", "bsn_digest", *_FACTS))
    query = select(*columns).where(_TABLE.c.bsn_digest.in_(digests))
    return {row["bsn_digest"]: row for row in db.session.execute(query).mappings()}
