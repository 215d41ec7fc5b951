"""Two keys at once: the old one ends some days after the first use of the new one, and its use after that is told.

The worker calls each of `TIMERS` every tick. What holds, the pure functions of `sleutels.life` say (I17).
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import joinedload

from keyservice.database import db, execute_count, one_by_one, transaction
from keyservice.issuance import events, key_messages, steps
from keyservice.issuance.key_messages import Notice
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.queries import dossier_of, followers
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER
from keyservice.outbox.service import enqueue
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.life import REPLACED, State, ends_at, state, takes_over
from keyservice.sleutels.models import Sleutel
from keyservice.sleutels.queries import locked, use_of
from keyservice.web.dates import datum

TELL_EVERY = timedelta(days=1)


def notice_first_use() -> None:
    """Note that a new key is in use: from then on the days of the old one are counted, and the gemeente hears it."""
    found = _pairs(Issuance.first_used_at.is_(None))
    used = use_of([issuance.sleutel_id for issuance in found])
    one_by_one([issuance.id for issuance in found if issuance.sleutel_id in used], _note_first_use)


def end_old() -> None:
    """Revoke the old keys whose days beside the new one are over."""
    now = clock.now()
    over = (issuance for issuance in _pairs(Issuance.first_used_at.is_not(None)) if now >= old_until(issuance))
    one_by_one([issuance.id for issuance in over], _end_old)


def tell_old_use() -> None:
    """Tell, once a day, that an old key was used after the new one."""
    found = _pairs(Issuance.first_used_at.is_not(None))
    used = use_of([issuance.renews_id for issuance in found if issuance.renews_id])
    late = [issuance for issuance in found if issuance.renews_id in used]
    due = [issuance.id for issuance in late if _to_tell(issuance, used[issuance.renews_id or issuance.id].last_at)]
    one_by_one(due, _tell_old_use)


TIMERS: tuple[Callable[[], object], ...] = (notice_first_use, end_old, tell_old_use)


def old_until(issuance: Issuance) -> datetime:
    """Return when the key ends that the one of this issuance follows: at its own expiry, if nothing else ends it."""
    old = _followed(issuance)
    if not takes_over(issuance.sleutel.facts, issuance.sleutel.reason, clock.now()):
        return old.expires_at
    return ends_at(old.facts, issuance.first_used_at, issuance.overlap_days or 0)


def ends_of(sleutel_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Return when keys end because their successor is in use; the others are not in it."""
    return {old: old_until(new) for old, new in followers(sleutel_ids).items() if new.first_used_at is not None}


def _pairs(where: ColumnElement[bool]) -> Sequence[Issuance]:
    """Return the issuances with a delivered key whose old key still lives and is to end at some time after it."""
    query = (
        select(Issuance)
        .join(Sleutel, Sleutel.id == Issuance.renews_id)
        .where(Issuance.end_reason == End.DONE, Issuance.overlap_days.is_not(None), where)
        .where(Sleutel.revoked_at.is_(None), Sleutel.expires_at > clock.now())
        .options(joinedload(Issuance.sleutel), joinedload(Issuance.renews))
    )
    return db.session.scalars(query).all()


def _locked(issuance_id: UUID) -> tuple[Issuance, Sleutel]:
    """Return an issuance and the old key, both as they stand now and locked."""
    issuance = db.session.get_one(Issuance, issuance_id, with_for_update=True, populate_existing=True)
    db.session.refresh(issuance.sleutel)
    return issuance, locked(_followed(issuance).id)


def _followed(issuance: Issuance) -> Sleutel:
    if issuance.renews is None:
        raise ValueError("no issuance that follows a key")
    return issuance.renews


def _note_first_use(issuance_id: UUID) -> None:
    with transaction():
        issuance, old = _locked(issuance_id)
        used = use_of([issuance.sleutel_id]).get(issuance.sleutel_id)
        where = (Issuance.id == issuance_id, Issuance.first_used_at.is_(None))
        if used is None or not execute_count(update(Issuance).where(*where).values(first_used_at=used.first_at)):
            return
        db.session.refresh(issuance)
        until = old_until(issuance)
        steps.record(events.FIRST_USED, WORKER, issuance, previous=old.id, used_at=used.first_at, old_until=until)
        _tell(Notice.FIRST_USED, issuance, "1", until)


def _end_old(issuance_id: UUID) -> None:
    with transaction():
        issuance, old = _locked(issuance_id)
        if old.revoked_at is not None or clock.now() < old_until(issuance):
            return
        sleutels.revoke(WORKER, old.id, REPLACED, dossier=dossier_of(old.id))
        _tell(Notice.OLD_ENDED, issuance, "1", clock.now())


def _to_tell(issuance: Issuance, last_use: datetime) -> bool:
    """Tell whether use of the old key is news: later than the first use of the new one, and not told today."""
    told_at = issuance.old_use_told_at
    if issuance.first_used_at is None or last_use <= max(issuance.first_used_at, told_at or last_use - TELL_EVERY):
        return False
    works = state(issuance.sleutel.facts, clock.now()) is State.ACTIVE
    return works and (told_at is None or clock.now() >= told_at + TELL_EVERY)


def _tell_old_use(issuance_id: UUID) -> None:
    with transaction():
        issuance, old = _locked(issuance_id)
        used, seen = use_of([old.id]).get(old.id), issuance.old_use_told_at
        if used is None or not _to_tell(issuance, used.last_at):
            return
        where = (Issuance.id == issuance_id, Issuance.old_use_told_at.is_not_distinct_from(seen))
        if execute_count(update(Issuance).where(*where).values(old_use_told_at=clock.now())):
            steps.record(events.OLD_USED, WORKER, issuance, previous=old.id)
            _tell(Notice.OLD_USED, issuance, clock.now().isoformat(), old_until(issuance))


def _tell(notice: Notice, issuance: Issuance, once: str, until: datetime) -> None:
    for message in key_messages.told(notice, issuance, once, old_until=datum(until)):
        enqueue(message)
