"""Contacts who get something by logging in: they are asked to, and prove with their account that it is them."""

from datetime import timedelta
from uuid import UUID

from keyservice.accounts.queries import by_mailbox
from keyservice.contacts import challenges, events, messages, queries
from keyservice.contacts.models import BY_LOGIN, Contact, Part
from keyservice.contacts.service import record, to_prove
from keyservice.database import db, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import GEMEENTE_ROLES, Actor
from keyservice.kernel.errors import Conflict, NotFound
from keyservice.kernel.ids import link_token
from keyservice.kernel.secret import Secret
from keyservice.outbox.service import enqueue

ASKED_FOR = timedelta(days=7)


def ask(actor: Actor, contact_id: UUID, dossier: UUID) -> None:
    """Mail a contact to log in and say "Dit ben ik"; at most 5 times an hour.

    Raises NotFound, Refused or Conflict (no account yet, proven already, too often).
    """
    with transaction():
        contact = to_prove(actor, contact_id, *BY_LOGIN)
        if account_of(contact) is None:
            raise Conflict("contact-without-account")
        # A code that nobody is told: the row counts how often was asked.
        challenge = challenges.new(contact, Secret(link_token()), dossier, ASKED_FOR)
        db.session.add(challenge)
        enqueue(messages.log_in(contact, challenge))
        record(events.ACCOUNT_ASKED, actor, contact, dossier)


def prove(actor: Actor, contact_id: UUID, dossier: UUID) -> None:
    """Note that this person is the contact; who gets the password confirms with it that it may come here.

    A second time changes nothing. Raises NotFound when the contact is somebody else (I9), Refused, or Conflict.
    """
    with transaction():
        contact = queries.contact_for(actor, contact_id)
        actor.require(*GEMEENTE_ROLES)
        if not is_contact(actor, contact):
            raise NotFound("contact")
        if queries.proven(contact, clock.now()) and contact.verified_account == actor.person:
            return
        contact.verified_address, contact.verified_account = contact.address, actor.person
        contact.verified_at = clock.now()
        if contact.part is Part.PASSWORD:
            contact.confirmed_at = contact.verified_at
        challenges.end_all(contact)
        record(events.ACCOUNT_PROVEN, actor, contact, dossier)


def is_contact(actor: Actor, contact: Contact) -> bool:
    """Tell whether this person is a contact of the gemeente acted for who gets something by logging in."""
    mine = contact.via in BY_LOGIN and contact.gemeente == actor.gemeente
    return mine and actor.person is not None and account_of(contact) == actor.person


def account_of(contact: Contact) -> UUID | None:
    """Return the account with the very address of a contact, whatever its case.

    Independence takes two spellings that may be one mailbox for one; what is handed over goes to no such neighbour.
    """
    account = by_mailbox(contact.mailbox) if contact.mailbox else None
    return account.id if account else None
