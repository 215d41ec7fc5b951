"""Reading the queue for pages and for rules that look at it."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, or_, select

from keyservice.database import db
from keyservice.kernel import clock
from keyservice.outbox.models import Delivery, OutboxMessage


def of_dossier(dossier: UUID) -> Sequence[OutboxMessage]:
    """Return the messages of an aanvraag, oldest first."""
    return db.session.scalars(
        select(OutboxMessage).where(OutboxMessage.dossier == dossier).order_by(OutboxMessage.created_at)
    ).all()


def by_key(key: str) -> OutboxMessage | None:
    """Return the message with a dedup key."""
    return db.session.scalar(select(OutboxMessage).where(OutboxMessage.dedup_key == key))


def dead(limit: int = 100) -> Sequence[OutboxMessage]:
    """Return the messages that a person must look at, oldest first."""
    query = select(OutboxMessage).where(OutboxMessage.status == Delivery.DEAD)
    return db.session.scalars(query.order_by(OutboxMessage.created_at).limit(limit)).all()


def counts() -> dict[Delivery, int]:
    """Return how many messages stand where."""
    rows = db.session.execute(select(OutboxMessage.status, func.count()).group_by(OutboxMessage.status))
    return dict(rows.all())


def due(limit: int) -> int:
    """Return how many messages wait for a sender now or are with one, but count no further than `limit`."""
    waiting = (OutboxMessage.status == Delivery.WAITING) & (OutboxMessage.due_at <= clock.now())
    here = select(OutboxMessage.id).where(or_(waiting, OutboxMessage.status == Delivery.SENDING)).limit(limit)
    return db.session.scalar(select(func.count()).select_from(here.subquery())) or 0
