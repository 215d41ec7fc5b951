"""What a gemeentebeheerder does with kept contacts: put somebody in the place of one, or offer one no more."""

from collections.abc import Mapping
from uuid import UUID

from keyservice.contacts import events, queries
from keyservice.contacts.models import VIAS, Contact, Via
from keyservice.contacts.service import cleaned, new_contact, record
from keyservice.database import transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, Invalid


def replace(actor: Actor, contact_id: UUID, via: Via, person: Mapping[str, str], *, retire: bool) -> Contact:
    """Make the contact who comes in the place of another, of which nothing is proven or vouched for; return it.

    `person` has name, function and addresses; with `retire` the old one is not offered any more. Which aanvragen name
    the new one, the caller decides. Raises NotFound, Refused (no gemeentebeheerder), Conflict (the same person) or
    Invalid.
    """
    addresses = {name: person.get(name) for name in ("mailbox", "phone", "mobile")}
    with transaction():
        old = queries.contact_for(actor, contact_id)
        actor.require(Role.GEMEENTEBEHEERDER)
        if via not in VIAS[old.part]:
            raise Invalid("contact-address")
        stored = {"via": via, **cleaned(name=person["name"], function=person["function"], **addresses)}
        if all(value == getattr(old, column) for column, value in stored.items()):
            raise Conflict("contact-same-person")
        new = new_contact(actor, old.part, old.gemeente, stored)
        if retire:
            old.retired_at, old.replaced_by_id = old.retired_at or clock.now(), new.id
        record(events.REPLACED, actor, new, None, part=old.part, replaced=old.id, retired=retire, **stored)
        return new


def retire(actor: Actor, contact_id: UUID) -> None:
    """Offer a contact no more for other aanvragen; where it is named it stays. A second time changes nothing.

    Raises NotFound or Refused (no gemeentebeheerder).
    """
    with transaction():
        contact = queries.contact_for(actor, contact_id)
        actor.require(Role.GEMEENTEBEHEERDER)
        if contact.retired_at is None:
            contact.retired_at = clock.now()
            record(events.RETIRED, actor, contact, None, part=contact.part)
