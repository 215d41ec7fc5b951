"""Reading the queue for pages and for rules that look at it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select

from keyservice.database import db
from keyservice.kernel import clock
from keyservice.outbox.models import FAILED, Channel, Delivery, OutboxMessage

# The last row of a page: when it was made, and its id.
Cursor = tuple[datetime, UUID]
_RETRYING = (OutboxMessage.status == Delivery.WAITING) & OutboxMessage.last_error.is_not(None)


def of_dossier(dossier: UUID) -> Sequence[OutboxMessage]:
    """Return the messages of an aanvraag, oldest first."""
    return db.session.scalars(
        select(OutboxMessage).where(OutboxMessage.dossier == dossier).order_by(OutboxMessage.created_at)
    ).all()


def by_key(key: str) -> OutboxMessage | None:
    """Return the message with a dedup key."""
    return db.session.scalar(select(OutboxMessage).where(OutboxMessage.dedup_key == key))


def failed(since: datetime, after: Cursor | None, limit: int) -> Sequence[OutboxMessage]:
    """Return the messages that a person must look at, newest first: dead ones, and what bounced after `since`."""
    query = select(OutboxMessage).where(_failed(since))
    if after:
        moment, last = after
        earlier = (OutboxMessage.created_at == moment) & (OutboxMessage.id < last)
        query = query.where(or_(OutboxMessage.created_at < moment, earlier))
    order = (OutboxMessage.created_at.desc(), OutboxMessage.id.desc())
    return db.session.scalars(query.order_by(*order).limit(limit)).all()


def count_failed(since: datetime) -> int:
    """Return how many messages a person must look at."""
    return db.session.scalar(select(func.count()).select_from(OutboxMessage).where(_failed(since))) or 0


def _failed(since: datetime) -> ColumnElement[bool]:
    lately = (OutboxMessage.status == Delivery.BOUNCED) & (OutboxMessage.bounced_at > since)
    return or_(OutboxMessage.status == Delivery.DEAD, lately)


def retrying(limit: int) -> Sequence[OutboxMessage]:
    """Return the messages that failed at least once and are tried again by themselves, the nearest try first."""
    query = select(OutboxMessage).where(_RETRYING).order_by(OutboxMessage.due_at).limit(limit)
    return db.session.scalars(query).all()


def count_retrying() -> int:
    """Return how many messages failed at least once and are tried again by themselves."""
    return db.session.scalar(select(func.count()).select_from(OutboxMessage).where(_RETRYING)) or 0


def oldest_due() -> datetime | None:
    """Return since when the oldest message waits for a worker: due and not taken up, or left by one that died."""
    now = clock.now()
    waiting = (OutboxMessage.status == Delivery.WAITING, OutboxMessage.due_at <= now)
    left = (OutboxMessage.status == Delivery.SENDING, OutboxMessage.lease_until < now)
    moments = (
        db.session.scalar(select(func.min(OutboxMessage.due_at)).where(*waiting)),
        db.session.scalar(select(func.min(OutboxMessage.lease_until)).where(*left)),
    )
    return min((moment for moment in moments if moment), default=None)


def to_escalate(limit: int = 100) -> Sequence[UUID]:
    """Return the messages about an aanvraag that a gemeente did not get and of which nobody was told yet."""
    query = select(OutboxMessage.id).where(
        OutboxMessage.status.in_(FAILED),
        OutboxMessage.escalated_at.is_(None),
        OutboxMessage.dossier.is_not(None),
        OutboxMessage.for_duo.is_(False),
    )
    return db.session.scalars(query.limit(limit)).all()


def counts() -> dict[Delivery, int]:
    """Return how many messages stand where."""
    rows = db.session.execute(select(OutboxMessage.status, func.count()).group_by(OutboxMessage.status))
    return dict(rows.all())


def counts_by_channel() -> dict[tuple[Channel, Delivery], int]:
    """Return how many messages of each channel stand where."""
    by = (OutboxMessage.channel, OutboxMessage.status)
    return {(row[0], row[1]): row[2] for row in db.session.execute(select(*by, func.count()).group_by(*by))}


def due(limit: int) -> int:
    """Return how many messages wait for a sender now or are with one, but count no further than `limit`."""
    waiting = (OutboxMessage.status == Delivery.WAITING) & (OutboxMessage.due_at <= clock.now())
    here = select(OutboxMessage.id).where(or_(waiting, OutboxMessage.status == Delivery.SENDING)).limit(limit)
    return db.session.scalar(select(func.count()).select_from(here.subquery())) or 0
