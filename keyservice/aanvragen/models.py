"""The aanvraag, the approval of it, and notes among relatiebeheerders."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from keyservice.aanvragen.workflow import OPEN, Kind, Standing, Status
from keyservice.contacts.models import Contact
from keyservice.database import Base

_OPEN = "status IN ({})".format(", ".join(f"'{status}'" for status in sorted(OPEN)))
# As a truth and not as a list: SQLite would look the list up by another index, and sort what it finds.
IS_OPEN = f"({_OPEN}) IS TRUE"
_STATUS = "status IN ({})".format(", ".join(f"'{status}'" for status in Status))


class Aanvraag(Base):
    """One form Aanvraag Applicatiesleutel; empty fields are those not filled in yet.

    `status_since` starts every timer; `revision` grows with each save, so that two tabs notice each other;
    `pakket_key` is the folded supplier and package name for the rule of one open aanvraag; `replaces_id` is the earlier
    aanvraag of the same gemeente whose key this one is to replace. From `erased_at` on, after its term, it says nothing
    of people any more (ADR 28).
    """

    __tablename__ = "aanvraag"
    __table_args__ = (
        CheckConstraint(_STATUS, name="status"),
        CheckConstraint("omgeving IS NULL OR omgeving IN ('acceptatie', 'productie')", name="omgeving"),
        CheckConstraint("kind IN ('eerste', 'vervanging')", name="kind"),
        CheckConstraint("(kind = 'vervanging') = (replaces_id IS NOT NULL)", name="replaces_something"),
        CheckConstraint("status = 'draft' OR (number IS NOT NULL AND submitted_by IS NOT NULL)", name="numbered"),
        Index(
            "uq_aanvraag_open",
            "gemeente",
            "omgeving",
            "pakket_key",
            unique=True,
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
        Index("ix_aanvraag_status_status_since", "status", "status_since"),
        Index("ix_aanvraag_status_since_id_gemeente", "status_since", "id", "gemeente"),
        Index(
            "ix_aanvraag_open",
            "status_since",
            "id",
            "gemeente",
            sqlite_where=text(IS_OPEN),
            postgresql_where=text(IS_OPEN),
        ),
        Index("ix_aanvraag_gemeente_created_at", "gemeente", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str | None] = mapped_column(unique=True)
    status: Mapped[Status]
    status_since: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    submitted_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    submitted_at: Mapped[datetime | None]
    claimed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    question: Mapped[str | None]
    rejection: Mapped[str | None]
    reminders: Mapped[int] = mapped_column(default=0)

    gemeente: Mapped[str] = mapped_column(ForeignKey("gemeente.code"))
    gemeente_name: Mapped[str]
    oin: Mapped[str | None]
    kvk: Mapped[str | None]
    key_contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("contact.id"), index=True)
    password_contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("contact.id"), index=True)
    leverancier: Mapped[str | None]
    pakket: Mapped[str | None]
    pakket_versie: Mapped[str | None]
    pakket_key: Mapped[str | None]
    leverancier_contact: Mapped[str | None]
    leverancier_mailbox: Mapped[str | None]
    omgeving: Mapped[str | None]
    toelichting: Mapped[str | None]
    signer_name: Mapped[str | None]
    signer_function: Mapped[str | None]
    declared_at: Mapped[datetime | None]
    declared_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    declaration_version: Mapped[str | None]

    kind: Mapped[Kind] = mapped_column(default=Kind.EERSTE)
    replaces_id: Mapped[UUID | None] = mapped_column(ForeignKey("aanvraag.id"), index=True)
    erased_at: Mapped[datetime | None]

    replaces: Mapped["Aanvraag | None"] = relationship(remote_side="Aanvraag.id")
    key_contact: Mapped[Contact | None] = relationship(foreign_keys=[key_contact_id])
    password_contact: Mapped[Contact | None] = relationship(foreign_keys=[password_contact_id])

    @property
    def standing(self) -> Standing:
        """Return what the workflow needs to know."""
        return Standing(self.status, self.claimed_by)

    @property
    def requesters(self) -> tuple[UUID | None, ...]:
        """Return who asks for the key: the person who started the aanvraag and the one who sent it."""
        return self.created_by, self.submitted_by

    @property
    def contacts(self) -> tuple[Contact | None, Contact | None]:
        """Return who is to receive the zip and who the password."""
        return self.key_contact, self.password_contact


class Approval(Base):
    """An approval of exact content. `four_eyes` says that the issuer must be another person (I8).

    `snapshot` is the canonical content, contacts and their verified addresses included; `content_hash` its SHA-256.
    After the term of the aanvraag the snapshot is without people (`content.erased`), and the hash is that of before.
    """

    __tablename__ = "approval"
    __table_args__ = (
        UniqueConstraint("id", "aanvraag_id", "approved_by", "four_eyes"),
        CheckConstraint("approved_by <> requested_by", name="requester_is_not_approver"),
        CheckConstraint("approved_by <> created_by", name="creator_is_not_approver"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    aanvraag_id: Mapped[UUID] = mapped_column(ForeignKey("aanvraag.id"), index=True)
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    created_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    approved_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    approved_at: Mapped[datetime]
    four_eyes: Mapped[bool]
    motivation: Mapped[str]
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    snapshot: Mapped[str]
    retracted_at: Mapped[datetime | None]


class Note(Base):
    """An internal note of a relatiebeheerder on an aanvraag; a gemeente never sees it."""

    __tablename__ = "aanvraag_note"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    aanvraag_id: Mapped[UUID] = mapped_column(ForeignKey("aanvraag.id", ondelete="CASCADE"), index=True)
    author: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]
    text: Mapped[str]
