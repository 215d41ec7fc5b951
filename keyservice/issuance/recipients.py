"""To whom zip and password go: the snapshot that was approved says so, and nothing else (I13)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from keyservice.contacts.independence import Party, conflicts
from keyservice.contacts.models import BY_LOGIN, Via
from keyservice.gemeenten.phones import is_mobile

Contact = Mapping[str, str | None]


@dataclass(frozen=True)
class Recipient:
    """Somebody who gets the zip or the password, how, and the proven address.

    That is a mailbox, a mobile (E.164), or the lines of a postal address.
    """

    party: Party
    via: Via
    address: str = field(repr=False)

    @property
    def name(self) -> str:
        """Return how this person is called."""
        return self.party.name

    @property
    def mailbox(self) -> str:
        """Return where mails without a secret go, of who gets no sms; that of a letter's reader was not proven."""
        return (self.party.mailbox or "") if self.via is Via.LETTER else self.address

    @property
    def account(self) -> UUID | None:
        """Return who must log in, when it is had by logging in."""
        return self.party.account


@dataclass(frozen=True)
class Recipients:
    """The two who get the zip (`key`) and its password."""

    key: Recipient
    password: Recipient

    @property
    def independent(self) -> bool:
        """Tell whether zip and password go to two people; asked before each sending (ADR 5)."""
        return not conflicts(self.key.party, self.password.party)


def recipients(snapshot: str) -> Recipients:
    """Return the recipients that an approved snapshot names. Raises ValueError when an address was not proven."""
    content = json.loads(snapshot)
    return Recipients(_recipient(content["key_contact"]), _recipient(content["password_contact"]))


def _recipient(contact: Contact) -> Recipient:
    via, address, account = Via(contact["via"] or ""), contact["verified_address"], contact["verified_account"]
    if not address or (via in BY_LOGIN and not account):
        raise ValueError("an approved contact without a proven address")
    # Accounts can change after the approval: of who needs none the snapshot has none; approval and issue look at them.
    phone = contact["phone"]
    mobile = contact["mobile"] or (phone if phone and is_mobile(phone) else None)
    login = UUID(account) if via in BY_LOGIN and account else None
    return Recipient(Party(UUID(contact["id"]), login, contact["name"] or "", contact["mailbox"], mobile), via, address)
