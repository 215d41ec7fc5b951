"""A full verify: the trail, the keys that the file outside knows as revoked, and what is stored; itself an event."""

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection, select

from keyservice import audit
from keyservice.audit import rows, verifier
from keyservice.audit.events import EXPORTED, VERIFIED
from keyservice.audit.faults import Faults, Kind
from keyservice.audit.verifier import Report
from keyservice.database import transaction
from keyservice.integrity import state
from keyservice.kernel.actor import CLI
from keyservice.sleutels.models import Sleutel

LONGEST_FIRST = 300


def verify(tick: Callable[[int], object], *, with_state: bool) -> Report:
    """Check everything and return what was found; `tick` is called with every thousand events or so.

    `with_state` compares the stored rows with the events too (I12).
    """
    report = verifier.verify(tick)
    with rows.snapshot() as connection:
        _check_revoked(connection, report)
        if with_state:
            _check_state(connection, report.faults)
    return report


def _check_revoked(connection: Connection, report: Report) -> None:
    """See that no key works again that the file outside knows as revoked (I16)."""
    columns = (rows.plain(Sleutel.id), rows.plain(Sleutel.number))
    for key, number in rows.stream(connection, select(*columns).where(Sleutel.revoked_at.is_(None))):
        if key in report.revoked:
            what = "the file outside knows it as revoked, and here it is not"
            report.faults.add(Kind.REVIVED, f"sleutel row {number} (id {key})", what)


def _check_state(connection: Connection, faults: Faults) -> None:
    for find in state.CHECKS:
        for mismatch in find(connection):
            faults.add(Kind.UNEXPLAINED, mismatch.where, mismatch.what)


def record(report: Report, user: str, *, with_state: bool) -> None:
    """Write down that there was a verify, by a user of the machine, and what it found, also when that is damage."""
    first = str(report.faults.kept[0])[:LONGEST_FIRST] if report.faults.kept else None
    with transaction():
        audit.record(
            VERIFIED,
            replace(CLI, source=user),
            result=audit.Result.FAILED if first else audit.Result.OK,
            size=report.size,
            root=report.root,
            state=with_state,
            faults=report.faults.count,
            first=first,
        )


def record_export(form: str, count: int, user: str, *, texts: bool) -> None:
    """Write down that a user of the machine took all events, with or without the erasable texts."""
    with transaction():
        audit.record(EXPORTED, replace(CLI, source=user), form=form, count=count, texts=texts)
