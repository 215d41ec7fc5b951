"""Queueing, and what a person does with a message that did not go."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from keyservice import audit, settings
from keyservice.database import db, execute_count, transaction, upsert
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, NotFound
from keyservice.kernel.ids import new_id
from keyservice.kernel.seal import Place
from keyservice.outbox.events import RETRIED
from keyservice.outbox.message import Message, encode, masked
from keyservice.outbox.models import Delivery, OutboxMessage

RING = "outbox"
TABLE = OutboxMessage.__tablename__


def enqueue(message: Message, *, due_at: datetime | None = None) -> None:
    """Put a message into the queue, in the transaction of the act; the same key a second time does nothing."""
    row_id, now = new_id(), clock.now()
    values = {
        "id": row_id,
        "dedup_key": message.key,
        "kind": message.kind,
        "channel": message.channel,
        "recipient": masked(message.to),
        "dossier": message.dossier,
        "status": Delivery.WAITING,
        "created_at": now,
        "due_at": due_at or now,
        "attempts": 0,
        "content": settings.rings().seal(RING, encode(message), Place(TABLE, "content", row_id)),
    }
    statement = upsert(OutboxMessage).on_conflict_do_nothing(index_elements=[OutboxMessage.dedup_key])
    db.session.execute(statement, values)


def cancel(prefix: str) -> None:
    """Take back, in the transaction of the act, every message not yet sent whose key starts with a prefix."""
    pending = (Delivery.WAITING, Delivery.SENDING, Delivery.DEAD)
    execute_count(
        update(OutboxMessage)
        .where(OutboxMessage.dedup_key.startswith(prefix, autoescape=True), OutboxMessage.status.in_(pending))
        .values(status=Delivery.CANCELLED, content=None, final=None, owner=None, lease_until=None)
    )


def retry(message_id: UUID, actor: Actor) -> None:
    """Send a dead message again. Raises Refused, NotFound, or Conflict when it is not dead any more."""
    with transaction() as session:
        actor.require(Role.RELATIEBEHEERDER)
        row = session.scalar(select(OutboxMessage).where(OutboxMessage.id == message_id))
        if row is None:
            raise NotFound("message")
        dossier, kind = row.dossier, row.kind
        changed = execute_count(
            update(OutboxMessage)
            .where(OutboxMessage.id == message_id, OutboxMessage.status == Delivery.DEAD)
            .values(status=Delivery.WAITING, due_at=clock.now(), attempts=0)
        )
        if not changed:
            raise Conflict("message-not-dead")
        audit.record(RETRIED, actor, dossier=dossier, subject=message_id, kind=kind)
