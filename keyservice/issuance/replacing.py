"""Putting another person in the place of a contact who is gone, in every aanvraag of the gemeente that was ticked.

An aanvraag without a key yet names the new person at once. Where a key was issued, zip and password keep going to the
snapshot that was approved (I13): a new aanvraag asks for a key in the place of that one, which lives on (I17).
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.queries import aanvraag_for, named_in, replacement_of
from keyservice.aanvragen.replacing import PLACEABLE, place_contact, start_replacement
from keyservice.aanvragen.workflow import Status
from keyservice.contacts import keeping
from keyservice.contacts.models import Contact, Part, Via
from keyservice.contacts.queries import contact_for
from keyservice.database import db, transaction
from keyservice.issuance.queries import in_use
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, NotFound


class Effect(StrEnum):
    """What replacing a contact does to an aanvraag."""

    PLACE = "place"
    REVIEW = "review"
    RENEW = "renew"


@dataclass(frozen=True)
class Target:
    """An aanvraag in which a contact can be replaced, and what that does."""

    aanvraag: Aanvraag
    effect: Effect


def targets(contact: Contact) -> list[Target]:
    """Return where a contact can be replaced: what is not finished, and issued keys that live or are on their way.

    An issued aanvraag that is or was replaced is none: its replacement is, as far as it names the contact.
    """
    found = named_in([contact.id]).get(contact.id, [])
    living = in_use([row.id for row in found if row.status is Status.ISSUED])
    result = []
    for row in found:
        if row.status in PLACEABLE:
            result.append(Target(row, Effect.REVIEW if row.status is Status.APPROVED else Effect.PLACE))
        elif row.id in living and replacement_of(row.id) is None:
            result.append(Target(row, Effect.RENEW))
    return result


def fingerprint(contact: Contact, found: Collection[Target]) -> str:
    """Return what changes (SHA-256, hex) when the page about replacing a contact is no longer true."""
    parts = (contact.fingerprint, *(f"{target.aanvraag.id} {target.effect}" for target in found))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def replace_contact(
    actor: Actor, contact_id: UUID, via: Via, person: Mapping[str, str], aanvragen: Collection[UUID], *, seen: str
) -> list[UUID]:
    """Replace a contact in these aanvragen; return the new aanvragen, drafts, for keys that were issued.

    Nothing is proven of the new person, and nobody vouches for him yet. Ticked everywhere, the old one is not offered
    any more. `seen` is the fingerprint of the page. Raises NotFound (of another gemeente, no such aanvraag), Refused
    (no gemeentebeheerder), Conflict (the same person, something changed meanwhile) or Invalid.
    """
    with transaction():
        for aanvraag_id in sorted(aanvragen):  # locked before the contact, as everywhere: two never wait for each other
            aanvraag_for(actor, aanvraag_id, lock=True)
        old = contact_for(actor, contact_id)
        actor.require(Role.GEMEENTEBEHEERDER)
        found, part = targets(old), old.part
        if seen != fingerprint(old, found):
            raise Conflict("changed-meanwhile")
        wanted = [(target.aanvraag.id, target.effect) for target in found if target.aanvraag.id in aanvragen]
        if not wanted or len(wanted) != len(set(aanvragen)):
            raise NotFound("aanvraag")
        new = keeping.replace(actor, contact_id, via, person, retire=len(wanted) == len(found)).id
        drafts = []
        for aanvraag_id, effect in wanted:
            if effect is Effect.RENEW:
                drafts.append(_renew(actor, aanvraag_id, part, new))
            else:
                place_contact(actor, aanvraag_id, part, contact_id, new)
        return drafts


def _renew(actor: Actor, aanvraag_id: UUID, part: Part, new: UUID) -> UUID:
    draft_id = start_replacement(actor, aanvraag_id)
    draft = db.session.get_one(Aanvraag, draft_id)
    present = draft.key_contact_id if part is Part.KEY else draft.password_contact_id
    if present != new:
        place_contact(actor, draft_id, part, present, new)
    return draft_id
