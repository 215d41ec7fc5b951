"""What time does to a key: its gemeente is warned before it ends, and hears when it has ended.

The worker calls each of `TIMERS` every tick. Each key has its own transaction. `Sleutel.warnings` counts the moments
that have passed and is moved by compare-and-swap together with event and mails: two workers, or a crash, warn once.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update

from keyservice.aanvragen.queries import replacement_of
from keyservice.database import db, execute_count, one_by_one, transaction
from keyservice.issuance import events, key_messages, steps
from keyservice.issuance.key_messages import Notice
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.queries import followers, of_sleutel
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER
from keyservice.outbox.service import enqueue
from keyservice.sleutels.life import WARN_DAYS, State, state, warnings_passed
from keyservice.sleutels.models import Sleutel
from keyservice.sleutels.queries import locked

# The longest row of days without a working day is shorter.
_LOOK_AHEAD = timedelta(days=WARN_DAYS[0] + 14)


def warn() -> None:
    """Warn 90, 60, 30, 14, 7 and 1 day before a key ends, and tell when it has ended; the latest that passed only."""
    now = clock.now()
    due = [row for row in _may_be_due() if warnings_passed(row.expires_at, now) > row.warnings]
    followed = _followed([row.id for row in due if now < row.expires_at])
    one_by_one([row.id for row in due if row.id not in followed], _warn)


def _may_be_due() -> Sequence[Sleutel]:
    delivered = select(Issuance.sleutel_id).where(Issuance.end_reason == End.DONE)
    return db.session.scalars(
        select(Sleutel).where(
            Sleutel.revoked_at.is_(None),
            Sleutel.activated_at.is_not(None),
            Sleutel.expires_at < clock.now() + _LOOK_AHEAD,
            Sleutel.warnings <= len(WARN_DAYS),
            Sleutel.id.in_(delivered),
        )
    ).all()


def _followed(sleutels: Sequence[UUID]) -> set[UUID]:
    """Return the keys whose successor works: there is nothing left to do about them."""
    now = clock.now()
    return {old for old, new in followers(sleutels).items() if state(new.sleutel.facts, now) is State.ACTIVE}


def _warn(sleutel_id: UUID) -> None:
    with transaction():
        sleutel, now = locked(sleutel_id), clock.now()
        seen, passed = sleutel.warnings, warnings_passed(sleutel.expires_at, now)
        expired = state(sleutel.facts, now) is State.EXPIRED
        if sleutel.revoked_at is not None or passed <= seen or (not expired and _followed([sleutel_id])):
            return
        where = (Sleutel.id == sleutel_id, Sleutel.warnings == seen)
        issuance = of_sleutel(sleutel_id)
        if issuance is None or not execute_count(update(Sleutel).where(*where).values(warnings=passed)):
            return
        follower = followers([sleutel_id]).get(sleutel_id)
        values = {
            "follower": follower.sleutel.number if follower else "",
            "replacing": "ja" if replacement_of(issuance.aanvraag_id) else "",
            "blocked": "ja" if sleutel.suspended_at else "",
        }
        days = WARN_DAYS[min(passed, len(WARN_DAYS)) - 1]
        notice = Notice.EXPIRED if expired else Notice.WARNING
        for message in key_messages.told(notice, issuance, str(passed), **values):
            enqueue(message)
        if expired:
            steps.record(events.EXPIRED, WORKER, issuance, sleutel=sleutel_id)
        else:
            steps.record(events.WARNED, WORKER, issuance, sleutel=sleutel_id, day=days)


TIMERS: tuple[Callable[[], object], ...] = (warn,)
