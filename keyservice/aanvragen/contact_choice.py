"""Which contacts an aanvraag names: typed in, or chosen among those of the gemeente; and letting go of who is left.

Called inside the transaction of a use case. A contact that another aanvraag names too is never changed or deleted from
here.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, or_, select

from keyservice import audit
from keyservice.aanvragen import events
from keyservice.aanvragen.models import Aanvraag
from keyservice.contacts.challenges import end_all as end_codes
from keyservice.contacts.models import Contact, Part, Via
from keyservice.contacts.queries import contact_for, offered
from keyservice.contacts.service import propose
from keyservice.database import db, execute_count
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import Conflict, NotFound

CONTACT_COLUMNS: Mapping[Part, tuple[str, ...]] = {
    Part.KEY: ("via", "name", "function", "mailbox", "phone"),
    Part.PASSWORD: ("via", "name", "function", "mailbox", "mobile"),
}


def chosen(actor: Actor, aanvraag: Aanvraag, values: Mapping[str, object]) -> dict[str, object]:
    """Take what was chosen or filled in for each part; return the ids of the contacts that changed.

    `key_choice` and `password_choice` are the id of a contact of the gemeente, which wins, or nothing; `key_seen` and
    `password_seen` the fingerprint of that contact on the page. Raises NotFound (of another gemeente or part, I9),
    Conflict (not offered any more, or somebody else by now), and as `propose`.
    """
    ids: dict[str, object] = {}
    for part, contact in zip(Part, aanvraag.contacts, strict=True):
        choice = values.get(f"{part}_choice")
        if not isinstance(choice, UUID):
            changed = _typed(actor, aanvraag, part, contact, values)
        elif contact is None or contact.id != choice:
            changed = _known(actor, aanvraag, part, choice, values.get(f"{part}_seen"))
        else:
            continue
        if changed:
            ids[f"{part}_contact_id"] = changed
    return ids


def _known(actor: Actor, aanvraag: Aanvraag, part: Part, choice: UUID, seen: object) -> UUID:
    contact = contact_for(actor, choice)
    if (contact.gemeente, contact.part) != (aanvraag.gemeente, part):
        raise NotFound("contact")
    if contact.retired_at is not None:
        raise Conflict("contact-retired")
    if seen is not None and seen != contact.fingerprint:
        raise Conflict("changed-meanwhile")
    audit.record(events.CONTACT_CHOSEN, actor, dossier=aanvraag.id, part=part, contact=contact.id)
    return contact.id


def _typed(
    actor: Actor, aanvraag: Aanvraag, part: Part, contact: Contact | None, values: Mapping[str, object]
) -> UUID | None:
    names = CONTACT_COLUMNS[part]
    stored = {name: getattr(contact, name) if contact else None for name in names}
    wanted = {name: values.get(f"{part}_{name}", stored[name]) or None for name in names}
    if wanted == {name: value or None for name, value in stored.items()}:
        return None
    if same := _same_person(aanvraag.gemeente, part, wanted):
        return _known(actor, aanvraag, part, same.id, same.fingerprint)
    if contact:
        contact_for(actor, contact.id)  # locked: from here on no other aanvraag begins to name it
    texts: dict[str, Any] = {name: str(value) if value else None for name, value in wanted.items()}
    via = texts.pop("via")
    return propose(
        actor,
        part,
        gemeente=aanvraag.gemeente,
        via=Via(via) if via else None,
        contact_id=contact.id if contact else None,
        shared=contact is not None and named(contact.id, other_than=aanvraag.id),
        dossier=aanvraag.id,
        **{**texts, "name": texts["name"] or "", "function": texts["function"] or ""},
    )


def _same_person(gemeente: str, part: Part, wanted: Mapping[str, object]) -> Contact | None:
    """Return who is known to the gemeente with exactly what was typed: one person is one contact."""
    known = offered(gemeente, part)
    return next((one for one in known if all(getattr(one, name) == value for name, value in wanted.items())), None)


def named(contact_id: UUID, other_than: UUID | None = None) -> bool:
    """Tell whether an aanvraag, whatever its state, names a contact."""
    part = or_(Aanvraag.key_contact_id == contact_id, Aanvraag.password_contact_id == contact_id)
    where = part if other_than is None else part & (Aanvraag.id != other_than)
    return bool(db.session.scalar(select(exists().where(where))))


def let_go(contact_ids: Iterable[UUID | None]) -> None:
    """Delete contacts that no aanvraag names any more, unless the gemeente keeps them.

    Kept is who proved something, for whom somebody vouched, and who came in the place of another.
    """
    for contact_id in contact_ids:
        # Locked: who chooses this contact at the same moment goes before or after.
        contact = db.session.get(Contact, contact_id, with_for_update=True) if contact_id else None
        if contact is None or named(contact.id):
            continue
        end_codes(contact)
        if not _kept(contact):
            execute_count(delete(Contact).where(Contact.id == contact_id))


def _kept(contact: Contact) -> bool:
    came_in_the_place = exists().where(Contact.replaced_by_id == contact.id)
    facts = (contact.verified_at, contact.vouched_at, contact.confirmed_at)
    return any(facts) or bool(db.session.scalar(select(came_in_the_place)))
