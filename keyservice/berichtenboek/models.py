"""Who asked for the berichtenboek, who holds it, and in which version."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from keyservice.berichtenboek.workflow import OPEN, Status
from keyservice.database import Base

_STATUS = "status IN ({})".format(", ".join(f"'{status}'" for status in Status))
_OPEN = "status IN ({})".format(", ".join(f"'{status}'" for status in Status if status in OPEN))
_OWN = text(f"leverancier IS NULL AND {_OPEN}")
_SUPPLIER = text(f"leverancier IS NOT NULL AND {_OPEN}")


@dataclass(frozen=True)
class Supplier:
    """The person of a software supplier who is to get the berichtenboek."""

    leverancier: str
    name: str
    mailbox: str


class Copy(Base):
    """A copy for a gemeente itself, or for `leverancier`: then `name` and `mailbox` are its person.

    `decided_by` handed out or refused. `told_version` is the newest version its receiver was told of,
    `opened_version` the newest one opened. `token_digest` is of the link of a supplier, good until `link_until`.
    """

    __tablename__ = "berichtenboek_copy"
    __table_args__ = (
        CheckConstraint(_STATUS, name="status"),
        CheckConstraint(
            "(leverancier IS NULL) = (name IS NULL) AND (leverancier IS NULL) = (mailbox IS NULL)", name="person"
        ),
        CheckConstraint("(status = 'refused') = (refusal IS NOT NULL)", name="refused_with_reason"),
        CheckConstraint("status NOT IN ('held', 'refused') OR decided_by IS NOT NULL", name="decided"),
        CheckConstraint("status <> 'held' OR told_version IS NOT NULL", name="held_version"),
        CheckConstraint(
            "(status = 'held' AND leverancier IS NOT NULL) = (token_digest IS NOT NULL)", name="link_of_supplier"
        ),
        CheckConstraint("(token_digest IS NULL) = (link_until IS NULL)", name="link_until"),
        CheckConstraint("(opened_version IS NULL) = (opened_at IS NULL)", name="opened_at"),
        Index("uq_berichtenboek_copy_own", "gemeente", unique=True, sqlite_where=_OWN, postgresql_where=_OWN),
        Index(
            "uq_berichtenboek_copy_supplier",
            "gemeente",
            "mailbox",
            unique=True,
            sqlite_where=_SUPPLIER,
            postgresql_where=_SUPPLIER,
        ),
        Index("ix_berichtenboek_copy_status_status_since", "status", "status_since"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    gemeente: Mapped[str] = mapped_column(ForeignKey("gemeente.code"), index=True)
    leverancier: Mapped[str | None]
    name: Mapped[str | None]
    mailbox: Mapped[str | None]
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime]
    status: Mapped[Status]
    status_since: Mapped[datetime]
    reminders: Mapped[int] = mapped_column(default=0)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    refusal: Mapped[str | None]
    told_version: Mapped[int | None]
    token_digest: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    link_until: Mapped[datetime | None]
    opened_version: Mapped[int | None]
    opened_at: Mapped[datetime | None]
