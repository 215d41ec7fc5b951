"""An aanvraag of kind vervanging, prefilled from an earlier one; and a contact in the place of one who is gone."""

from uuid import UUID

from sqlalchemy import update

from keyservice import audit
from keyservice.aanvragen import events, queries
from keyservice.aanvragen.contact_choice import let_go
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.review import return_to_review
from keyservice.aanvragen.workflow import CONTACTS_EDITABLE, Kind, Status
from keyservice.contacts.models import Part
from keyservice.contacts.queries import successor
from keyservice.database import execute_count, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, NotFound
from keyservice.kernel.ids import new_id

# Everything but the declarations: those are made anew.
_PREFILLED = (
    *("gemeente", "gemeente_name", "oin", "kvk"),
    *("leverancier", "pakket", "pakket_versie", "pakket_key", "leverancier_contact", "leverancier_mailbox"),
    *("omgeving", "toelichting", "signer_name", "signer_function"),
)
PLACEABLE = CONTACTS_EDITABLE | {Status.APPROVED}


def start_replacement(actor: Actor, aanvraag_id: UUID) -> UUID:
    """Make a draft that is to replace the key of an issued aanvraag, or find what replaces it; return its id.

    It names the same contacts, or who came in their place. A gemeentebeheerder may start it; an aanvrager finishes it.
    Raises NotFound, Refused, or Conflict (not issued, erased, the gemeente has ended).
    """
    with transaction() as session:
        earlier = queries.aanvraag_for(actor, aanvraag_id, lock=True)
        actor.require(Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
        if earlier.status is not Status.ISSUED:
            raise Conflict("not-replaceable")
        queries.require_people(earlier)
        if found := queries.replacement_of(aanvraag_id):
            return found.id
        queries.existing_gemeente(earlier.gemeente)
        key, password = map(successor, earlier.contacts)
        now = clock.now()
        draft = Aanvraag(
            id=new_id(),
            status=Status.DRAFT,
            status_since=now,
            created_by=actor.person,
            created_at=now,
            kind=Kind.VERVANGING,
            replaces_id=earlier.id,
            key_contact_id=key.id if key else None,
            password_contact_id=password.id if password else None,
            **{name: getattr(earlier, name) for name in _PREFILLED},
        )
        session.add(draft)
        session.flush()
        audit.record(events.STARTED_AGAIN, actor, dossier=draft.id, replaces=earlier.id)
        return draft.id


def place_contact(actor: Actor, aanvraag_id: UUID, part: Part, old: UUID | None, new: UUID) -> None:
    """Let an aanvraag that is not finished name another contact; one that was approved goes back to review at once.

    `old` is who stood there. Raises NotFound, Refused (no gemeentebeheerder), or Conflict: it names somebody else by
    now, or it is finished.
    """
    with transaction():
        aanvraag = queries.aanvraag_for(actor, aanvraag_id, lock=True)
        actor.require(Role.GEMEENTEBEHEERDER)
        column = f"{part}_contact_id"
        if getattr(aanvraag, column) != old:
            raise NotFound("contact")
        seen, revision = aanvraag.status, aanvraag.revision
        if seen not in PLACEABLE:
            raise Conflict("step-not-possible", status=seen)
        where = (Aanvraag.id == aanvraag_id, Aanvraag.status == seen, Aanvraag.revision == revision)
        if not execute_count(update(Aanvraag).where(*where).values({column: new, "revision": revision + 1})):
            raise Conflict("changed-meanwhile")
        audit.record(events.CONTACT_REPLACED, actor, dossier=aanvraag_id, part=part, contact=new, replaced=old)
        if seen is Status.APPROVED:
            return_to_review(aanvraag_id)
        let_go([old])
