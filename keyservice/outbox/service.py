"""Queueing, and what a person does with a message that did not go."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, func, or_, select, update
from sqlalchemy.sql.dml import ReturningInsert

from keyservice import audit, settings
from keyservice.database import db, execute_count, per_database, transaction, upsert
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER, Actor, Role
from keyservice.kernel.errors import Conflict, NotFound
from keyservice.kernel.ids import new_id
from keyservice.kernel.seal import ID_IN_BLOB, Place, SealBroken
from keyservice.outbox.events import EXPIRED, RETRIED
from keyservice.outbox.message import Message, encode, masked
from keyservice.outbox.models import FAILED, Channel, Delivery, OutboxMessage

RING = "outbox"
TABLE = OutboxMessage.__tablename__


def enqueue(message: Message, *, due_at: datetime | None = None) -> bool:
    """Put a message into the queue, in the transaction of the act; the same key a second time does nothing.

    Return whether it is new.
    """
    row_id, now = new_id(), clock.now()
    values = {
        "id": row_id,
        "dedup_key": message.key,
        "kind": message.kind,
        "channel": message.channel,
        "recipient": masked(message.to),
        "for_duo": message.for_duo,
        "dossier": message.dossier,
        "status": Delivery.WAITING,
        "created_at": now,
        "due_at": due_at or now,
        "attempts": 0,
        "content": settings.rings().seal(RING, encode(message), Place(TABLE, "content", row_id)),
    }
    return db.session.scalar(_insert_once(), values) is not None


@per_database
def _insert_once() -> ReturningInsert[tuple[UUID]]:
    statement = upsert(OutboxMessage).on_conflict_do_nothing(index_elements=[OutboxMessage.dedup_key])
    return statement.returning(OutboxMessage.id)


def cancel(prefix: str) -> None:
    """Take back, in the transaction of the act, every message not yet sent whose key starts with a prefix."""
    pending = (Delivery.WAITING, Delivery.SENDING, Delivery.DEAD)
    execute_count(
        update(OutboxMessage)
        .where(OutboxMessage.dedup_key.startswith(prefix, autoescape=True), OutboxMessage.status.in_(pending))
        .values(status=Delivery.CANCELLED, content=None, final=None, owner=None, lease_until=None)
    )


def can_be_read(message: OutboxMessage) -> bool:
    """Tell whether what a message holds can still be opened: its ring key may have been destroyed meanwhile."""
    try:
        settings.rings().unseal(RING, message.content or b"", Place(TABLE, "content", message.id))
    except SealBroken:
        return False
    return True


def retry(message_id: UUID, actor: Actor) -> None:
    """Send a dead message again.

    Raises Refused, NotFound, or Conflict when it is not dead any more or can no longer be opened.
    """
    with transaction() as session:
        actor.require(Role.RELATIEBEHEERDER)
        row = session.scalar(select(OutboxMessage).where(OutboxMessage.id == message_id))
        if row is None:
            raise NotFound("message")
        dossier, kind = row.dossier, row.kind
        if row.status is Delivery.DEAD and not can_be_read(row):
            raise Conflict("message-unreadable")
        changed = execute_count(
            update(OutboxMessage)
            .where(OutboxMessage.id == message_id, OutboxMessage.status == Delivery.DEAD)
            .values(status=Delivery.WAITING, due_at=clock.now(), attempts=0)
        )
        if not changed:
            raise Conflict("message-not-dead")
        audit.record(RETRIED, actor, dossier=dossier, subject=message_id, kind=kind)


def expire(ring_keys: Collection[bytes]) -> None:
    """End, in the transaction of the caller, every message sealed with a ring key that is destroyed now.

    Nothing else could become of it: such a message waited for weeks, mostly for a person who would try it again.
    """
    columns = (OutboxMessage.content, OutboxMessage.final)
    sealed = or_(*(func.substr(column, *ID_IN_BLOB, type_=LargeBinary()).in_(ring_keys) for column in columns))
    ended = (
        update(OutboxMessage)
        .where(sealed)
        .values(status=Delivery.CANCELLED, content=None, final=None, owner=None, lease_until=None)
        .returning(OutboxMessage.id, OutboxMessage.kind, OutboxMessage.channel, OutboxMessage.dossier)
        .execution_options(synchronize_session=False)
    )
    for row in db.session.execute(ended).all():
        audit.record(EXPIRED, WORKER, dossier=row.dossier, subject=row.id, kind=row.kind, channel=row.channel)


def wake(channel: Channel, cause: str) -> None:
    """Let what waits for its next attempt because of `cause` be tried now: it is over."""
    where = (OutboxMessage.status == Delivery.WAITING, OutboxMessage.channel == channel)
    stopped = update(OutboxMessage).where(*where, OutboxMessage.last_error == cause, OutboxMessage.due_at > clock.now())
    with transaction():
        execute_count(stopped.values(due_at=clock.now()))


def mark_escalated(message_id: UUID) -> bool:
    """Note, in the transaction of the act, that people are told that a message did not arrive; False: it was before."""
    where = (OutboxMessage.id == message_id, OutboxMessage.escalated_at.is_(None), OutboxMessage.status.in_(FAILED))
    return bool(execute_count(update(OutboxMessage).where(*where).values(escalated_at=clock.now())))
