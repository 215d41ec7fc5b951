"""Vouching for a contact: a relatiebeheerder who called the registered number, or a gemeentebeheerder who knows him."""

from collections.abc import Collection
from uuid import UUID

from keyservice.contacts import events, queries
from keyservice.contacts.models import Contact, Via, Vouching
from keyservice.contacts.service import person_of, record
from keyservice.database import transaction
from keyservice.gemeenten.queries import gemeente as gemeente_by_code
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, Invalid, Refused


def vouch_by_call(
    actor: Actor,
    contact_id: UUID,
    number: str,
    dossier: UUID,
    seen: str | None = None,
    *,
    beside: str | None = None,
    confirmed: bool = False,
) -> None:
    """Vouch for a contact after calling the gemeente at its registered number (E.164).

    `seen` is the fingerprint of the contact on the page, when there was one; `beside` that of the other contact, from
    whom the gemeente told this one apart. Who gets a letter has neither mobile nor account: `confirmed` says that he
    confirmed at the telephone, which proves the registered address too. Raises NotFound, Refused (no relatiebeheerder),
    Invalid (a letter, not confirmed) or Conflict (no registered number or address, another number or contact by now).
    """
    with transaction():
        actor.require(Role.RELATIEBEHEERDER)
        contact = queries.contact_for(actor, contact_id)
        register = gemeente_by_code(contact.gemeente)
        if register is None or register.phone is None:
            raise Conflict("no-registered-number")
        if number != register.phone:
            raise Conflict("not-registered-number")
        _vouch(actor, contact, Vouching.CALL, seen)
        contact.vouched_number, contact.vouched_beside = number, beside
        record(events.CALLED, actor, contact, dossier, part=contact.part, number=number)
        if contact.via is Via.LETTER:
            if not confirmed:
                raise Invalid("not-confirmed")
            contact.verified_address, contact.verified_at = contact.address, contact.vouched_at
            contact.confirmed_at = contact.vouched_at
            record(events.CONFIRMED_BY_CALL, actor, contact, dossier, address=contact.address)


def vouch_as_gemeentebeheerder(
    actor: Actor, contact_id: UUID, dossier: UUID, requesters: Collection[UUID | None], seen: str | None = None
) -> None:
    """Vouch for a key contact of one's own gemeente.

    `requesters` are those who started and sent the aanvraag, `seen` as above. Raises NotFound, Conflict, or Refused:
    not the requester, the proposer or the contact himself (ADR 21).
    """
    with transaction():
        contact = queries.contact_for(actor, contact_id)
        if code := queries.obstacle(actor, contact, requesters):
            raise Refused(code)
        _vouch(actor, contact, Vouching.GEMEENTEBEHEERDER, seen)
        record(events.VOUCHED, actor, contact, dossier, part=contact.part)


def _vouch(actor: Actor, contact: Contact, how: Vouching, seen: str | None) -> None:
    if contact.via is Via.LETTER and contact.address is None:
        raise Conflict("no-registered-address")
    if contact.address is None or not contact.name:
        raise Conflict("contact-without-address")
    if seen is not None and seen != contact.fingerprint:
        raise Conflict("changed-meanwhile")
    contact.vouched_by, contact.vouched_how = person_of(actor), how
    contact.vouched_number, contact.vouched_beside, contact.vouched_at = None, None, clock.now()
