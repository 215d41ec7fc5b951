"""One issuance: the handing over of one key, from issue to activation, end or lapse."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.database import Base
from keyservice.sleutels.models import Sleutel


class End(StrEnum):
    """How an issuance ended."""

    DONE = "done"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"


class Issuance(Base):
    """An issuance under an approval of the same aanvraag (I1).

    `approved_by` and `four_eyes` repeat the approval, by foreign key, so that a CHECK sees them (I8).
    `zip` and `password` are sealed, and NULL as soon as they are no longer needed. `receipt_digest` is the SHA-256 of
    the token in the newest mail's link; `activation_mac` the MAC of the code inside the zip. `renews_id` is the working
    key that this one is to follow, which lives on (I17). `copies` counts how often the mail with the zip was queued,
    `fetched_at` is when the zip was last downloaded, `reminders` how many moments of reminding have passed.
    Of a key that follows another one: `overlap_days` is how long the old one lives on after the first use of the new
    one at `first_used_at`, and `old_use_told_at` when its contacts last heard that the old one was used after that.
    """

    __tablename__ = "issuance"
    __table_args__ = (
        UniqueConstraint("aanvraag_id", "number"),
        ForeignKeyConstraint(
            ["approval_id", "aanvraag_id", "approved_by", "four_eyes"],
            ["approval.id", "approval.aanvraag_id", "approval.approved_by", "approval.four_eyes"],
        ),
        CheckConstraint("NOT four_eyes OR issued_by <> approved_by", name="approver_is_not_issuer"),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="end_with_reason"),
        CheckConstraint(
            "ended_at IS NULL OR (zip IS NULL AND password IS NULL AND activation_mac IS NULL)",
            name="nothing_sealed_after_end",
        ),
        CheckConstraint("password_sent_at IS NULL OR password IS NULL", name="password_gone_once_sent"),
        CheckConstraint(
            "password_sent_at IS NULL OR received_at IS NOT NULL OR released_at IS NOT NULL",
            name="no_password_before_receipt",
        ),
        CheckConstraint("overlap_days BETWEEN 0 AND 30", name="overlap_days"),
        CheckConstraint("overlap_days IS NULL OR renews_id IS NOT NULL", name="overlap_of_two_keys"),
        Index(
            "uq_issuance_underway",
            "aanvraag_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_issuance_ended_at_deadline", "ended_at", "deadline"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    aanvraag_id: Mapped[UUID] = mapped_column(ForeignKey("aanvraag.id"))
    number: Mapped[int]
    approval_id: Mapped[UUID]
    approved_by: Mapped[UUID]
    four_eyes: Mapped[bool]
    issued_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    issued_at: Mapped[datetime]
    deadline: Mapped[datetime]
    sleutel_id: Mapped[UUID] = mapped_column(ForeignKey("sleutel.id"), unique=True)
    renews_id: Mapped[UUID | None] = mapped_column(ForeignKey("sleutel.id"), index=True)
    overlap_days: Mapped[int | None]
    first_used_at: Mapped[datetime | None]
    old_use_told_at: Mapped[datetime | None]
    z_number: Mapped[str] = mapped_column(unique=True)
    zip: Mapped[bytes | None] = mapped_column(LargeBinary)
    password: Mapped[bytes | None] = mapped_column(LargeBinary)
    receipt_digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    activation_mac: Mapped[bytes | None] = mapped_column(LargeBinary)
    activation_tries: Mapped[int] = mapped_column(default=0)
    activation_wait_until: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    released_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    password_sent_at: Mapped[datetime | None]
    copies: Mapped[int] = mapped_column(default=1)
    reminders: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[End | None]

    @property
    def handed_over(self) -> bool:
        """Tell whether the password may go to its contact: the zip was reported, or DUO released it (I14)."""
        return self.received_at is not None or self.released_at is not None

    aanvraag: Mapped[Aanvraag] = relationship(foreign_keys=[aanvraag_id])
    approval: Mapped[Approval] = relationship(primaryjoin="foreign(Issuance.approval_id) == Approval.id", viewonly=True)
    sleutel: Mapped[Sleutel] = relationship(foreign_keys=[sleutel_id])
    renews: Mapped[Sleutel | None] = relationship(foreign_keys=[renews_id])
