"""For which gemeente a key acts: its own, or for a while the one that follows a gemeente that has ended."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select

from keyservice.database import db
from keyservice.gemeenten.models import Gemeente
from keyservice.gemeenten.queries import gemeente
from keyservice.kernel import clock
from keyservice.kernel.errors import NotFound
from keyservice.sleutels.succession_models import Succession

DAYS = 90


def last_moment(last_day: date) -> datetime:
    """Return when the keys of a gemeente stop at the latest, also for its successor. Pure."""
    return clock.end_of_day(last_day + timedelta(days=DAYS))


def acts_for(own: Gemeente, succession: Succession | None, now: datetime) -> str | None:
    """Return the code of the gemeente that a key of `own` acts for at a moment; None: for none. Pure."""
    if not own.ended_on(clock.local_date(now)):
        return own.code
    if succession is None or succession.until is None or now >= succession.until:
        return None
    return succession.successor


def gemeente_of(code: str, now: datetime) -> str | None:
    """Return for which gemeente a key that was made for the gemeente `code` acts now; None: it opens nothing."""
    own = gemeente(code)
    if own is None:
        return None
    ended = own.ended_on(clock.local_date(now))
    return acts_for(own, standing_of(code) if ended else None, now)


def standing_of(code: str) -> Succession | None:
    """Return the request about an ended gemeente that waits for a decision or was approved."""
    stands = or_(Succession.decided_by.is_(None), Succession.until.is_not(None))
    return db.session.scalar(select(Succession).where(Succession.gemeente == code, stands))


def newest_of(codes: Collection[str]) -> dict[str, Succession]:
    """Return by ended gemeente the newest request, refused ones included."""
    query = select(Succession).where(Succession.gemeente.in_(codes)).order_by(Succession.asked_at)
    return {row.gemeente: row for row in db.session.scalars(query)}


def succession(succession_id: UUID, *, lock: bool = False) -> Succession:
    """Return a request; `lock` keeps others from changing it meanwhile. Raises NotFound."""
    query = select(Succession).where(Succession.id == succession_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(query)
    if found is None:
        raise NotFound("succession")
    return found


def waiting() -> Sequence[Succession]:
    """Return the requests that wait for a relatiebeheerder, the oldest first."""
    query = select(Succession).where(Succession.decided_by.is_(None)).order_by(Succession.asked_at)
    return db.session.scalars(query).all()


def predecessors(code: str, now: datetime) -> Sequence[Gemeente]:
    """Return the gemeenten that this one follows, as long as their keys could still act for it."""
    query = select(Gemeente).where(Gemeente.successor_code == code, Gemeente.valid_until.is_not(None))
    rows = db.session.scalars(query.order_by(Gemeente.sort_name)).all()
    return [row for row in rows if row.valid_until and now < last_moment(row.valid_until)]
