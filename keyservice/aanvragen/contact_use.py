"""What the contacts of an aanvraag are to somebody who looks at them: which one, and what may be done with it now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.queries import aanvraag_for, require_people
from keyservice.aanvragen.review import lacking
from keyservice.aanvragen.workflow import CONTACTS_EDITABLE, Status
from keyservice.contacts.by_login import account_of, is_contact
from keyservice.contacts.models import Contact, Part
from keyservice.contacts.queries import HOLDS, obstacle, practice_password
from keyservice.gemeenten.queries import gemeente
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, NotFound

# From the moment that it is known who asks for the key: that person vouches for nobody. Once it is decided, only what
# has run out is done again, before a key is issued or issued anew.
DECIDED = frozenset({Status.APPROVED, Status.ISSUED})
PROVABLE = (CONTACTS_EDITABLE - {Status.DRAFT}) | DECIDED
SOON = timedelta(days=30)
TITLES: Mapping[Part, str] = MappingProxyType(
    {Part.KEY: "Contactpersoon voor de sleutel", Part.PASSWORD: "Contactpersoon voor het wachtwoord"}
)


@dataclass(frozen=True)
class Card:
    """One contact. `lacks` are codes of `contacts.queries.missing` without the part they begin with.

    `ends` says of what does not lack (`address`, `confirmed`, `vouched`) when it runs out, `soon` which of it within 30
    days. `waits` says that a practice zip waits for its code; `obstacle` is the code of why this person cannot vouch.
    `account` and `me` say of a contact who gets something by logging in whether that is possible, and who reads this.
    """

    title: str
    contact: Contact | None
    lacks: frozenset[str]
    ends: Mapping[str, datetime]
    soon: frozenset[str]
    waits: bool
    obstacle: str | None
    account: bool
    me: bool


@dataclass(frozen=True)
class ContactsView:
    """What the page of the contacts shows. `provable` says that addresses may be proven and people vouched for now.

    `decided` says that the contacts are part of what was approved, `replaceable` that this person may replace them.
    """

    cards: Sequence[Card]
    independent: bool
    provable: bool
    editable: bool
    decided: bool
    replaceable: bool
    registered: bool


def read(actor: Actor, aanvraag: Aanvraag) -> ContactsView:
    """Return the contacts of an aanvraag and what still lacks."""
    key, password = aanvraag.contacts
    lacks = lacking(aanvraag)
    return ContactsView(
        cards=(
            _card(actor, aanvraag, Part.KEY, key, lacks),
            _card(actor, aanvraag, Part.PASSWORD, password, lacks),
        ),
        independent="not-independent" not in lacks,
        provable=aanvraag.status in PROVABLE and aanvraag.erased_at is None,
        editable=aanvraag.status in CONTACTS_EDITABLE and actor.has(Role.AANVRAGER),
        decided=aanvraag.status in DECIDED,
        replaceable=aanvraag.status in CONTACTS_EDITABLE | DECIDED
        and aanvraag.erased_at is None
        and actor.has(Role.GEMEENTEBEHEERDER),
        registered=registered_phone(aanvraag) is not None,
    )


def _card(actor: Actor, aanvraag: Aanvraag, part: Part, contact: Contact | None, lacks: Sequence[str]) -> Card:
    prefix = f"{part}-"
    lacking_here = frozenset(code.removeprefix(prefix) for code in lacks if code.startswith(prefix))
    ends = {what: end for what, end in ends_of(contact).items() if what not in lacking_here}
    return Card(
        title=TITLES[part],
        contact=contact,
        lacks=lacking_here,
        ends=ends,
        soon=frozenset(what for what, end in ends.items() if end <= clock.now() + SOON),
        waits=contact is not None and practice_password(contact.id) is not None,
        obstacle=obstacle(actor, contact, aanvraag.requesters) if contact else "role",
        account=contact is not None and account_of(contact) is not None,
        me=contact is not None and is_contact(actor, contact),
    )


def ends_of(contact: Contact | None) -> dict[str, datetime]:
    """Return when the proof, the confirmation and the vouching of a contact run out, as far as they are there."""
    if contact is None:
        return {}
    since = {
        "address": contact.verified_at if contact.verified else None,
        "confirmed": contact.confirmed_at,
        "vouched": contact.vouched_at,
    }
    return {what: at + HOLDS for what, at in since.items() if at}


def to_prove(actor: Actor, aanvraag_id: UUID, contact_id: UUID) -> tuple[Aanvraag, Contact]:
    """Return an aanvraag and one of its contacts, when addresses may be proven now.

    Raises NotFound (other gemeente, contact of another aanvraag) or Conflict (not sent yet, or decided).
    """
    aanvraag = aanvraag_for(actor, aanvraag_id)
    contact = next((contact for contact in aanvraag.contacts if contact and contact.id == contact_id), None)
    if contact is None:
        raise NotFound("contact")
    require_provable(aanvraag)
    return aanvraag, contact


def to_vouch(actor: Actor, aanvraag_id: UUID, contact_id: UUID) -> tuple[Aanvraag, Contact]:
    """Return an aanvraag and one of its contacts, when somebody may vouch for that one now.

    Raises as `to_prove`; Conflict also when it is decided and somebody vouches already.
    """
    aanvraag, contact = to_prove(actor, aanvraag_id, contact_id)
    if aanvraag.status in DECIDED and f"{contact.part}-vouched" not in lacking(aanvraag):
        raise Conflict("contact-vouched-already")
    return aanvraag, contact


def other_of(aanvraag: Aanvraag, contact: Contact) -> Contact | None:
    """Return the other contact of an aanvraag."""
    return aanvraag.password_contact if contact.part is Part.KEY else aanvraag.key_contact


def require_provable(aanvraag: Aanvraag) -> None:
    """Raise Conflict when an aanvraag was not sent yet, came to nothing or was erased: no contact is proven then."""
    require_people(aanvraag)
    if aanvraag.status not in PROVABLE:
        raise Conflict("step-not-possible", status=aanvraag.status)


def registered_phone(aanvraag: Aanvraag) -> str | None:
    """Return the number of the gemeente in DUO's register (E.164)."""
    registered = gemeente(aanvraag.gemeente)
    return registered.phone if registered else None
