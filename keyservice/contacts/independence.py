"""Whether two contacts are independent: the one rule that keeps zip and password apart.

Asked in the form, at approval, at issue and before each sending. An equal mail domain or an equal office line is no
ground: colleagues share those.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from keyservice.gemeenten.phones import parse_phone
from keyservice.kernel.mailbox import canonical_mailbox
from keyservice.kernel.text import fold


@dataclass(frozen=True)
class Party:
    """What is known of one contact: its row, its login account, and where it can be reached in person.

    `mailbox` is an e-mail address and `mobile` a Dutch mobile number, in any spelling. What is not known is None and
    never equal to anything.
    """

    contact_id: UUID | None
    account: UUID | None
    name: str = field(repr=False)
    mailbox: str | None = field(repr=False)
    mobile: str | None = field(repr=False)


class Ground(StrEnum):
    """Why two contacts are not independent."""

    SAME_PERSON = "same-person"
    SAME_ACCOUNT = "same-account"
    SAME_MAILBOX = "same-mailbox"
    SAME_NUMBER = "same-number"


def conflicts(a: Party, b: Party) -> frozenset[Ground]:
    """Return every ground on which two contacts are one; empty when they are independent.

    Raises ValueError (InvalidEmail, InvalidPhone) for an address or number that was never checked: better no answer
    than a wrong one.
    """
    pairs = {
        Ground.SAME_PERSON: (a.contact_id, b.contact_id),
        Ground.SAME_ACCOUNT: (a.account, b.account),
        Ground.SAME_MAILBOX: (_mailbox(a), _mailbox(b)),
        Ground.SAME_NUMBER: (_mobile(a), _mobile(b)),
    }
    return frozenset(ground for ground, (left, right) in pairs.items() if left is not None and left == right)


def same_name(a: Party, b: Party) -> bool:
    """True when two names read as one: a warning for the reviewer, no ground (two people may share a name).

    Case, accents, dots, hyphens and the order of the parts do not count: `A.B. de Vries` is `Vries, B.A. de`.
    """
    return _name_parts(a.name) == _name_parts(b.name)


def _mailbox(party: Party) -> str | None:
    return canonical_mailbox(party.mailbox) if party.mailbox else None


def _mobile(party: Party) -> str | None:
    return parse_phone(party.mobile) if party.mobile else None


def _name_parts(name: str) -> list[str]:
    return sorted(part for part in map(fold, re.split(r"[\s.,-]+", name)) if part)
