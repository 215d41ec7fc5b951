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
    LETTER = "letter"


class LetterStatus(StrEnum):
    """Where a letter stands once it is rendered. FAILED and RETURNED end what it belongs to."""

    WAITING = "waiting"
    OPENED = "opened"
    POSTED = "posted"
    FAILED = "failed"
    RETURNED = "returned"
    STOPPED = "stopped"


class Delivery(StrEnum):
    """Where a message stands. SENT means accepted by the next server, not read; DEAD waits for a person.

    BOUNCED was accepted, and a mail server told later that it will not arrive.
    """

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    BOUNCED = "bounced"
    DEAD = "dead"
    CANCELLED = "cancelled"


# What will not arrive by itself.
FAILED = frozenset({Delivery.DEAD, Delivery.BOUNCED})


class OutboxMessage(Base):
    """One message to one recipient. `content` holds its values, `final` the bytes that go out; both sealed, both wiped.

    `dedup_key` makes a second enqueue of the same message impossible; `dossier` is the aanvraag it belongs to;
    `recipient` is shown masked, `for_duo` tells whether it is somebody of DUO; `lease_until` and `owner` are the
    worker's claim. `bounce_status` is the code of a report that came back (RFC 3463, e.g. `5.1.1`), also of one that
    only told of delay; `escalated_at` is when it was looked at who must hear that the message did not arrive.
    """

    __tablename__ = "outbox_message"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'sending', 'sent', 'bounced', 'dead', 'cancelled')", name="status"),
        CheckConstraint(
            "status NOT IN ('sent', 'bounced', 'cancelled') OR (content IS NULL AND final IS NULL)",
            name="wiped_at_end",
        ),
        CheckConstraint("(status = 'bounced') = (bounced_at IS NOT NULL)", name="bounced_at_a_moment"),
        Index("ix_outbox_message_status_due_at", "status", "due_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    dedup_key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    channel: Mapped[Channel]
    recipient: Mapped[str]
    for_duo: Mapped[bool] = mapped_column(default=False)
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
    bounced_at: Mapped[datetime | None]
    bounce_status: Mapped[str | None]
    escalated_at: Mapped[datetime | None]


class Letter(Base):
    """A letter that people print and post; its id is that of its message, so a repeat stores nothing new.

    `pdf` is sealed, and gone once the letter was opened to print it. `subject` is what it belongs to (an issuance),
    `dossier` its aanvraag, `number` stands on the letter. `maker` handed out what the other half opens, and may not
    open this. `status_since` starts the reminders, `reminders` counts the moments of reminding that passed.
    """

    __tablename__ = "letter"
    __table_args__ = (
        CheckConstraint("status IN ({})".format(", ".join(f"'{status}'" for status in LetterStatus)), name="status"),
        CheckConstraint("(status = 'waiting') = (pdf IS NOT NULL)", name="sealed_until_opened"),
        CheckConstraint("(opened_at IS NULL) = (opened_by IS NULL)", name="opened_by_somebody"),
        CheckConstraint("opened_by IS NULL OR opened_by <> maker", name="not_opened_by_maker"),
        CheckConstraint("posted_at IS NULL OR opened_at IS NOT NULL", name="posted_after_opened"),
        Index("ix_letter_status_status_since", "status", "status_since"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[UUID] = mapped_column(unique=True)
    dossier: Mapped[UUID]
    number: Mapped[str]
    maker: Mapped[UUID]
    status: Mapped[LetterStatus]
    status_since: Mapped[datetime]
    reminders: Mapped[int] = mapped_column(default=0)
    pdf: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)  # no list needs it
    ready_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    opened_by: Mapped[UUID | None]
    posted_at: Mapped[datetime | None]
    posted_by: Mapped[UUID | None]


class WorkerBeat(Base):
    """A worker that runs, or ran until a moment ago: it writes `seen_at` every few seconds and goes when it stops."""

    __tablename__ = "worker_beat"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    host: Mapped[str]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(index=True)
