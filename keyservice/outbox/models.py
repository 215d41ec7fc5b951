"""The queue of outgoing messages."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from keyservice.database import Base


class Channel(StrEnum):
    """How a message travels."""

    MAIL = "mail"
    SMS = "sms"


class Delivery(StrEnum):
    """Where a message stands. SENT means accepted by the next server, not read; DEAD waits for a person."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"
    CANCELLED = "cancelled"


class OutboxMessage(Base):
    """One message to one recipient. `content` holds its values, `final` the bytes that go out; both sealed, both wiped.

    `dedup_key` makes a second enqueue of the same message impossible; `dossier` is the aanvraag it belongs to;
    `recipient` is shown masked; `lease_until` and `owner` are the worker's claim.
    """

    __tablename__ = "outbox_message"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'sending', 'sent', 'dead', 'cancelled')", name="status"),
        CheckConstraint(
            "status NOT IN ('sent', 'cancelled') OR (content IS NULL AND final IS NULL)", name="wiped_at_end"
        ),
        Index("ix_outbox_message_status_due_at", "status", "due_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    dedup_key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    channel: Mapped[Channel]
    recipient: Mapped[str]
    dossier: Mapped[UUID | None] = mapped_column(index=True)
    status: Mapped[Delivery]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    owner: Mapped[UUID | None]
    last_error: Mapped[str | None]
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    final: Mapped[bytes | None] = mapped_column(LargeBinary)
    sent_at: Mapped[datetime | None]
