"""What the contacts of an aanvraag are to somebody who looks at them: which one, and what may be done with it now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.queries import aanvraag_for
from keyservice.aanvragen.workflow import CONTACTS_EDITABLE, Status
from keyservice.contacts.by_login import is_contact
from keyservice.contacts.models import Contact, Part
from keyservice.contacts.queries import account_with, missing, obstacle, practice_password
from keyservice.gemeenten.queries import gemeente
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, NotFound

# From the moment that it is known who asks for the key: that person vouches for nobody.
PROVABLE = CONTACTS_EDITABLE - {Status.DRAFT}
TITLES: Mapping[Part, str] = MappingProxyType(
    {Part.KEY: "Contactpersoon voor de sleutel", Part.PASSWORD: "Contactpersoon voor het wachtwoord"}
)


@dataclass(frozen=True)
class Card:
    """One contact. `lacks` are codes of `contacts.queries.missing` without the part they begin with.

    `waits` says that a practice zip waits for its code; `obstacle` is the code of why this person cannot vouch.
    `account` and `me` say of a contact who gets something by logging in whether that is possible, and who reads this.
    """

    title: str
    contact: Contact | None
    lacks: frozenset[str]
    waits: bool
    obstacle: str | None
    account: bool
    me: bool


@dataclass(frozen=True)
class ContactsView:
    """What the page of the contacts shows. `provable` says that addresses may be proven and people vouched for now."""

    cards: Sequence[Card]
    independent: bool
    provable: bool
    editable: bool
    registered: bool


def read(actor: Actor, aanvraag: Aanvraag) -> ContactsView:
    """Return the contacts of an aanvraag and what still lacks."""
    key, password = aanvraag.key_contact, aanvraag.password_contact
    lacks = missing(key, password, clock.now())
    return ContactsView(
        cards=(
            _card(actor, aanvraag, Part.KEY, key, lacks),
            _card(actor, aanvraag, Part.PASSWORD, password, lacks),
        ),
        independent="not-independent" not in lacks,
        provable=aanvraag.status in PROVABLE,
        editable=aanvraag.status in CONTACTS_EDITABLE and actor.has(Role.AANVRAGER),
        registered=registered_phone(aanvraag) is not None,
    )


def _card(actor: Actor, aanvraag: Aanvraag, part: Part, contact: Contact | None, lacks: Sequence[str]) -> Card:
    prefix = f"{part}-"
    return Card(
        title=TITLES[part],
        contact=contact,
        lacks=frozenset(code.removeprefix(prefix) for code in lacks if code.startswith(prefix)),
        waits=contact is not None and practice_password(contact.id) is not None,
        obstacle=obstacle(actor, contact, requesters(aanvraag)) if contact else "role",
        account=contact is not None and account_with(contact.mailbox) is not None,
        me=contact is not None and is_contact(actor, contact),
    )


def to_prove(actor: Actor, aanvraag_id: UUID, contact_id: UUID) -> tuple[Aanvraag, Contact]:
    """Return an aanvraag and one of its contacts, when addresses may be proven and people vouched for now.

    Raises NotFound (other gemeente, contact of another aanvraag) or Conflict (not sent yet, or decided).
    """
    aanvraag = aanvraag_for(actor, aanvraag_id)
    both = (aanvraag.key_contact, aanvraag.password_contact)
    contact = next((contact for contact in both if contact and contact.id == contact_id), None)
    if contact is None:
        raise NotFound("contact")
    require_provable(aanvraag)
    return aanvraag, contact


def require_provable(aanvraag: Aanvraag) -> None:
    """Raise Conflict when an aanvraag was not sent yet or is decided: nothing of its contacts is proven then."""
    if aanvraag.status not in PROVABLE:
        raise Conflict("step-not-possible", status=aanvraag.status)


def requesters(aanvraag: Aanvraag) -> tuple[UUID | None, ...]:
    """Return who asks for the key: the person who started the aanvraag and the one who sent it."""
    return aanvraag.created_by, aanvraag.submitted_by


def registered_phone(aanvraag: Aanvraag) -> str | None:
    """Return the number of the gemeente in DUO's register (E.164)."""
    registered = gemeente(aanvraag.gemeente)
    return registered.phone if registered else None
