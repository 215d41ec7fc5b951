"""To whom zip and password go: the snapshot that was approved says so, and nothing else (I13)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from keyservice.contacts.independence import Party, conflicts
from keyservice.gemeenten.phones import is_mobile


@dataclass(frozen=True)
class Recipients:
    """Names and proven addresses: a mailbox for the zip, a mobile number (E.164) for the password."""

    key: Party
    password: Party
    key_mailbox: str = field(repr=False)
    password_mobile: str = field(repr=False)

    @property
    def independent(self) -> bool:
        """Tell whether zip and password go to two people; asked before each sending (`design.md` 2.2)."""
        return not conflicts(self.key, self.password)


def recipients(snapshot: str) -> Recipients:
    """Return the recipients that an approved snapshot names. Raises ValueError when an address was not proven."""
    content = json.loads(snapshot)
    key, password = content["key_contact"], content["password_contact"]
    if not key["verified_address"] or not password["verified_address"]:
        raise ValueError("an approved contact without a proven address")
    return Recipients(_party(key), _party(password), key["verified_address"], password["verified_address"])


def _party(contact: Mapping[str, str | None]) -> Party:
    # Accounts can change after the approval, so the snapshot has none; approval and issue look at them.
    phone = contact["phone"]
    mobile = contact["mobile"] or (phone if phone and is_mobile(phone) else None)
    return Party(UUID(contact["id"]), None, contact["name"] or "", contact["mailbox"], mobile)
