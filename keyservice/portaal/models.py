"""Inburgeraars, what was registered about them, and the log of every look at a BSN."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from keyservice.database import Base
from keyservice.portaal.rules import Facts, Wet


class Kind(StrEnum):
    """What a version did."""

    REGISTER = "register"
    CORRECT = "correct"
    WITHDRAW = "withdraw"


class LookStatus(StrEnum):
    """How a look ended, as OpenTelemetry names it; `UNSET` is one that was denied (Logboek Dataverwerkingen)."""

    OK = "Ok"
    UNSET = "Unset"
    ERROR = "Error"


class Inburgeraar(Base):
    """Somebody who must take part, as DUO says: between `duty_from` and `duty_until`, its first and last day.

    `birth_date` is ISO 8601, in which `00` is an unknown day or month (`birth`).
    """

    __tablename__ = "inburgeraar"
    __table_args__ = (
        CheckConstraint("wet IN ('Wi2013', 'Wi2021')", name="wet"),
        CheckConstraint("duty_from <= duty_until", name="duty"),
        CheckConstraint("length(birth_date) = 10", name="birth_date"),
        Index("ix_inburgeraar_gemeente_birth_date", "gemeente", "birth_date"),
        Index("ix_inburgeraar_gemeente_wet_duty_until", "gemeente", "wet", "duty_until"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    gemeente: Mapped[str] = mapped_column(ForeignKey("gemeente.code"))
    wet: Mapped[Wet]
    given_names: Mapped[str]
    prefix: Mapped[str]
    surname: Mapped[str]
    birth_date: Mapped[str]
    bsn: Mapped[bytes] = mapped_column(LargeBinary)
    bsn_digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    duty_from: Mapped[date]
    duty_until: Mapped[date]
    loaded_at: Mapped[datetime]

    @property
    def name(self) -> str:
        """Return the whole name."""
        return " ".join(part for part in (self.given_names, self.prefix, self.surname) if part)


class Registration(Base):
    """One version of what is registered about a person. The newest counts; none is ever changed.

    `by_person` or `by_sleutel` registered it, for `gemeente`. A withdrawal holds no facts: after it nothing is
    registered. `event` is its event in the audit trail; `mac` covers the row, so that nobody who has the database alone
    can change one unseen. `message_key` is what a machine called its message.
    """

    __tablename__ = "registration"
    __table_args__ = (
        UniqueConstraint("inburgeraar_id", "number"),
        UniqueConstraint("by_sleutel", "message_key"),
        CheckConstraint("kind IN ('register', 'correct', 'withdraw')", name="kind"),
        CheckConstraint("number > 0 AND (kind = 'register' OR number > 1)", name="number"),
        CheckConstraint("(by_person IS NULL) <> (by_sleutel IS NULL)", name="by_one"),
        CheckConstraint("(kind = 'register') = (correction IS NULL)", name="correction_has_reason"),
        CheckConstraint(
            "(kind = 'withdraw') = (ondertekend IS NULL) AND (ondertekend IS NULL) = (gevolgd IS NULL)", name="facts"
        ),
        CheckConstraint("NOT ondertekend OR gevolgd", name="signed_after_attending"),
        CheckConstraint(
            "(gevolgd IS NOT NULL AND gevolgd) = (started_on IS NOT NULL)"
            " AND (started_on IS NULL) = (ended_on IS NULL) AND (started_on IS NULL OR started_on <= ended_on)",
            name="attended",
        ),
        CheckConstraint(
            "(ondertekend IS NOT NULL AND ondertekend) = (signed_on IS NOT NULL)"
            " AND (signed_on IS NULL OR started_on <= signed_on)",
            name="signed",
        ),
        CheckConstraint("(ondertekend IS NOT NULL AND NOT ondertekend) = (reden IS NOT NULL)", name="refused"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    inburgeraar_id: Mapped[UUID] = mapped_column(ForeignKey("inburgeraar.id"))
    number: Mapped[int]
    kind: Mapped[Kind]
    gemeente: Mapped[str] = mapped_column(ForeignKey("gemeente.code"))
    at: Mapped[datetime]
    by_person: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    by_sleutel: Mapped[UUID | None] = mapped_column(ForeignKey("sleutel.id"))
    message_key: Mapped[str | None]
    ondertekend: Mapped[bool | None]
    gevolgd: Mapped[bool | None]
    started_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    signed_on: Mapped[date | None]
    reden: Mapped[str | None]
    toelichting: Mapped[str | None]
    correction: Mapped[str | None]
    event: Mapped[UUID]
    mac: Mapped[bytes] = mapped_column(LargeBinary)
    inburgeraar: Mapped[Inburgeraar] = relationship()

    @property
    def facts(self) -> Facts:
        """Return what is registered."""
        return Facts(
            self.ondertekend, self.gevolgd, self.started_on, self.ended_on, self.signed_on, self.reden, self.toelichting
        )


class MachineMessage(Base):
    """A message of a machine that was answered, kept for a while so that it gets the same answer when it comes again.

    `name` is what the machine called it, `mac` is of what it held: never the message itself. `answer` is the body that
    it got.
    """

    __tablename__ = "machine_message"

    sleutel_id: Mapped[UUID] = mapped_column(ForeignKey("sleutel.id"), primary_key=True)
    name: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    mac: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[str]


class ProcessingLog(Base):
    """One look at somebody's data, with the fields of Logboek Dataverwerkingen; also one that was denied.

    `data_subject_id` is a pseudonym under a key (`bsn.pseudonym`); None when it is not known whom a look was about.
    Who looked: `person` or `sleutel`, for `gemeente`. `event` is the event of the same act in the audit trail, if any.
    """

    __tablename__ = "processing_log"
    __table_args__ = (
        CheckConstraint("status IN ('Ok', 'Unset', 'Error')", name="status"),
        Index("ix_processing_log_data_subject_id", "data_subject_id"),
        Index("ix_processing_log_start_time", "start_time"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    trace_id: Mapped[str]
    span_id: Mapped[str]
    parent_span_id: Mapped[str | None]
    name: Mapped[str]
    status: Mapped[LookStatus]
    start_time: Mapped[datetime]
    end_time: Mapped[datetime]
    processing_activity_id: Mapped[str]
    data_subject_id: Mapped[bytes | None] = mapped_column(LargeBinary)
    data_subject_id_type: Mapped[str]
    person: Mapped[UUID | None]
    sleutel: Mapped[UUID | None]
    gemeente: Mapped[str | None]
    origin: Mapped[str]
    event: Mapped[UUID | None]
