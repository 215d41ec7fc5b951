"""The contacts that a gemeente keeps, for its own people: who, for what, proven until when, and where used."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from keyservice.aanvragen.contact_use import SOON, ends_of
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.queries import named_in
from keyservice.aanvragen.summary import good_until
from keyservice.aanvragen.words import VIA
from keyservice.accounts.queries import names
from keyservice.contacts.models import Contact, Part, Via, Vouching
from keyservice.contacts.queries import of_gemeente
from keyservice.database import db
from keyservice.gemeenten.phones import show_phone
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import NotFound

Rows = list[tuple[str, str | None, None, None]]


@dataclass(frozen=True)
class Entry:
    """One contact as rows, and the aanvragen that name it, newest first; `soon` says that something runs out."""

    contact: Contact
    rows: Rows
    aanvragen: Sequence[Aanvraag]
    soon: bool


def entries(actor: Actor) -> list[Entry]:
    """Return the contacts of the gemeente acted for; those that are offered no more stand last."""
    contacts = of_gemeente(actor.gemeente or "")
    used, now = named_in([contact.id for contact in contacts]), clock.now()
    vouchers = names(contact.vouched_by for contact in contacts if contact.vouched_how is Vouching.GEMEENTEBEHEERDER)
    return [
        Entry(
            contact,
            rows(contact, vouchers.get(contact.vouched_by, "") if contact.vouched_by else ""),
            used.get(contact.id, []),
            any(now < end <= now + SOON for end in ends_of(contact).values()),
        )
        for contact in contacts
    ]


def contact_here(actor: Actor, contact_id: UUID) -> Contact:
    """Return a contact of the gemeente acted for. Raises NotFound (I9)."""
    found = db.session.get(Contact, contact_id)
    if found is None or found.gemeente != actor.gemeente:
        raise NotFound("contact")
    return found


def rows(contact: Contact, voucher: str) -> Rows:
    """Return who a contact is and what is proven; `voucher` is the gemeentebeheerder, never somebody of DUO."""
    ends, sms = ends_of(contact), contact.via is Via.SMS
    key = contact.part is Part.KEY
    values = {
        "Ontvangt": "Het zipbestand met de sleutel" if key else "Het wachtwoord",
        "Functie": contact.function,
        "Manier": VIA[contact.via],
        "E-mailadres": contact.mailbox,
        "Mobiel nummer": show_phone(contact.mobile) if contact.mobile else None,
        "Telefoonnummer": show_phone(contact.phone) if contact.phone else None,
        "Nummer bewezen" if sms else "Adres bewezen": good_until(ends.get("address")),
        "Ontvangst bevestigd": None if key else good_until(ends.get("confirmed")),
        "Iemand staat in": good_until(ends.get("vouched")) + _by(contact, voucher),
    }
    return [(label, value, None, None) for label, value in values.items() if value]


def _by(contact: Contact, voucher: str) -> str:
    if contact.vouched_how is None:
        return ""
    return ": uw relatiebeheerder" if contact.vouched_how is Vouching.CALL else f": {voucher}, als gemeentebeheerder"
