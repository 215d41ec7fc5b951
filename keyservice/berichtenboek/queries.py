"""Reading copies: those of a gemeente, those of everybody, and the one that a link opens."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select

from keyservice.berichtenboek.models import Copy
from keyservice.berichtenboek.workflow import ASKED_LIVES, LINK_GONE, OPEN, Status
from keyservice.database import db
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import NotFound
from keyservice.kernel.ids import token_digest

PAGE = 50
_ORDER = (Copy.asked_at.desc(), Copy.id)


def copy_for(actor: Actor, copy_id: UUID) -> Copy:
    """Return a copy for somebody of DUO or of its own gemeente. Raises NotFound (I9)."""
    found = db.session.get(Copy, copy_id)
    by_duo = actor.has(Role.RELATIEBEHEERDER, Role.AUDITOR)
    if found is None or not (by_duo or found.gemeente == actor.gemeente):
        raise NotFound("berichtenboek")
    return found


def of_gemeente(gemeente: str) -> Sequence[Copy]:
    """Return every copy of a gemeente, newest first."""
    return db.session.scalars(select(Copy).where(Copy.gemeente == gemeente).order_by(*_ORDER)).all()


def own(gemeente: str, *statuses: Status) -> Copy | None:
    """Return the copy of a gemeente itself that is in one of these states (default: open)."""
    where = (Copy.gemeente == gemeente, Copy.leverancier.is_(None), Copy.status.in_(statuses or OPEN))
    return db.session.scalar(select(Copy).where(*where))


def count_suppliers(gemeente: str) -> int:
    """Return how many open copies for suppliers a gemeente has."""
    where = (Copy.gemeente == gemeente, Copy.leverancier.is_not(None), Copy.status.in_(OPEN))
    return db.session.scalar(select(func.count()).select_from(Copy).where(*where)) or 0


def open_for(gemeente: str, mailbox: str) -> Copy | None:
    """Return the open copy of a gemeente for a mailbox of a supplier."""
    return db.session.scalar(
        select(Copy).where(Copy.gemeente == gemeente, Copy.mailbox == mailbox, Copy.status.in_(OPEN))
    )


def by_link(token: str) -> Copy:
    """Return the copy that a link opens now. Raises NotFound: unknown, renewed, ended or too old, all the same."""
    where = (Copy.token_digest == token_digest(token), Copy.status == Status.HELD, Copy.link_until > clock.now())
    found = db.session.scalar(select(Copy).where(*where))
    if found is None:
        raise NotFound("berichtenboek-link")
    return found


def count_waiting() -> int:
    """Return how many copies wait for a relatiebeheerder."""
    return db.session.scalar(select(func.count()).select_from(Copy).where(Copy.status == Status.ASKED)) or 0


def waiting(portfolio: Iterable[str]) -> list[Copy]:
    """Return what waits for a relatiebeheerder: own portfolio first, then the longest waiting."""
    mine = frozenset(portfolio)
    found = db.session.scalars(select(Copy).where(Copy.status == Status.ASKED).order_by(Copy.asked_at, Copy.id)).all()
    return sorted(found, key=lambda copy: copy.gemeente not in mine)


def decided(after: UUID | None, limit: int = PAGE) -> Sequence[Copy]:
    """Return the other copies after one, newest decision first."""
    query = select(Copy).where(Copy.status != Status.ASKED)
    if last := db.session.get(Copy, after) if after else None:
        earlier = (Copy.status_since == last.status_since) & (Copy.id < last.id)
        query = query.where(or_(Copy.status_since < last.status_since, earlier))
    return db.session.scalars(query.order_by(Copy.status_since.desc(), Copy.id.desc()).limit(limit)).all()


def to_announce(version: int) -> Sequence[UUID]:
    """Return the copies whose holder was told of an older version only."""
    return _ids(Copy.status == Status.HELD, Copy.told_version < version)


def asked(reminders: int) -> Sequence[tuple[UUID, datetime, int]]:
    """Return the copies that wait and of which fewer reminders went out: the id, since when, and how many did."""
    columns = (Copy.id, Copy.status_since, Copy.reminders)
    rows = db.session.execute(select(*columns).where(Copy.status == Status.ASKED, Copy.reminders < reminders))
    return [(row[0], row[1], row[2]) for row in rows]


def to_lapse() -> Sequence[UUID]:
    """Return the copies that wait since long, and those whose link ended long ago."""
    waits = (Copy.status == Status.ASKED) & (Copy.status_since <= clock.now() - ASKED_LIVES)
    unused = (Copy.status == Status.HELD) & (Copy.link_until <= clock.now() - LINK_GONE)
    return _ids(or_(waits, unused))


def is_to_lapse(copy: Copy) -> bool:
    """Tell whether a copy waits since long, or its link ended long ago."""
    if copy.status is Status.ASKED:
        return copy.status_since <= clock.now() - ASKED_LIVES
    return copy.status is Status.HELD and bool(copy.link_until and copy.link_until <= clock.now() - LINK_GONE)


def _ids(*where: ColumnElement[bool]) -> Sequence[UUID]:
    return db.session.scalars(select(Copy.id).where(*where).order_by(Copy.id)).all()
