"""The people of a gemeente to whom a zip or a password goes, and the codes that prove their addresses."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from keyservice.database import Base
from keyservice.gemeenten.models import Gemeente

# Of one code; after that only a new one helps.
MOST_TRIES = 5


class Part(StrEnum):
    """What a contact is for."""

    KEY = "key"
    PASSWORD = "password"  # noqa: S105 - the part a person plays, no password


class Via(StrEnum):
    """How the zip or the password reaches a contact (ADR 5)."""

    MAIL = "mail"
    DOWNLOAD = "download"
    SMS = "sms"
    PAGE = "page"
    LETTER = "letter"


# The first is what a form starts with.
VIAS: Mapping[Part, tuple[Via, ...]] = MappingProxyType(
    {Part.KEY: (Via.MAIL, Via.DOWNLOAD), Part.PASSWORD: (Via.SMS, Via.PAGE, Via.LETTER)}
)
# Who logs in for it: the account is the address.
BY_LOGIN = frozenset({Via.DOWNLOAD, Via.PAGE})


class Vouching(StrEnum):
    """How somebody vouched for a contact."""

    CALL = "call"
    GEMEENTEBEHEERDER = "gemeentebeheerder"


class Contact(Base):
    """A contact of a gemeente. Addresses are normalised (`mailbox` as typed but valid, `mobile` in E.164).

    `verified_address` is the mailbox, mobile or postal address that was proven, at `verified_at`; it counts only while
    it equals the present address. `verified_account` is who logged in to prove it, when the contact gets something by
    logging in. `vouched_number` is the registered number that was called, `vouched_beside` the fingerprint of the other
    contact, from whom the call told this one apart. `confirmed_at` is when a password contact said "Ja, ik ontvang het
    wachtwoord". `z_number` is the number that stands in an sms to this contact. From `retired_at` a contact is not
    offered for other aanvragen any more; `replaced_by_id` is who came in the place of this one.
    From `erased_at` on, after its term, the row says nothing of the person any more (ADR 28).
    """

    __tablename__ = "contact"
    __table_args__ = (
        CheckConstraint("part IN ('key', 'password')", name="part"),
        CheckConstraint(
            "(part = 'key' AND via IN ('mail', 'download'))"
            " OR (part = 'password' AND via IN ('sms', 'page', 'letter'))",
            name="via_fits_part",
        ),
        CheckConstraint("vouched_by IS NULL OR vouched_by <> proposed_by", name="not_vouched_by_proposer"),
        CheckConstraint("replaced_by_id IS NULL OR retired_at IS NOT NULL", name="replaced_is_retired"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    gemeente: Mapped[str] = mapped_column(ForeignKey("gemeente.code"), index=True)
    part: Mapped[Part]
    via: Mapped[Via]
    name: Mapped[str]
    function: Mapped[str]
    mailbox: Mapped[str | None]
    phone: Mapped[str | None]
    mobile: Mapped[str | None]
    z_number: Mapped[str] = mapped_column(unique=True)
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    verified_address: Mapped[str | None]
    verified_at: Mapped[datetime | None]
    verified_account: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    vouched_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    vouched_how: Mapped[Vouching | None]
    vouched_number: Mapped[str | None]
    vouched_at: Mapped[datetime | None]
    vouched_beside: Mapped[str | None]
    confirmed_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    replaced_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("contact.id"), index=True)
    erased_at: Mapped[datetime | None]

    registered: Mapped[Gemeente] = relationship()

    @property
    def address(self) -> str | None:
        """Return the address that will be used: mobile for an sms, mailbox for a mail and an account.

        For a letter it is the postal address of the gemeente in DUO's register, as it stands there now.
        """
        if self.via is Via.LETTER:
            return self.registered.postal_address
        return self.mobile if self.via is Via.SMS else self.mailbox

    @property
    def verified(self) -> bool:
        """Tell whether the present address was ever proven; whether that still holds, `queries.proven` says."""
        proven = self.verified_at is not None and self.verified_address is not None
        return proven and self.verified_address == self.address

    @property
    def fingerprint(self) -> str:
        """Return what changes when this becomes another person or address (SHA-256, hex): a page carries it along."""
        what = [self.via, self.name, self.mailbox, self.mobile, self.address]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()


class Challenge(Base):
    """A code sent to a contact's address; only its MAC is kept. The newest one of a contact counts.

    `practice_password` (sealed) opens the practice zip, and is NULL as soon as the code can prove nothing any more.
    `dossier` is the aanvraag for which the code was sent.
    """

    __tablename__ = "contact_challenge"
    __table_args__ = (Index("ix_contact_challenge_contact_id_created_at", "contact_id", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    contact_id: Mapped[UUID] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"))
    dossier: Mapped[UUID | None]
    address: Mapped[str]
    code_mac: Mapped[bytes]
    practice_password: Mapped[bytes | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None]
