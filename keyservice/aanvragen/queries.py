"""Reading aanvragen. Who may see which rows is decided here (I9)."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, literal, or_, select

from keyservice.aanvragen.content import CONTACT_FIELDS, FIELDS, Section, canonical, content, incomplete
from keyservice.aanvragen.models import Aanvraag, Approval, Note
from keyservice.aanvragen.workflow import OPEN, Status
from keyservice.contacts.by_login import is_contact
from keyservice.contacts.independence import conflicts
from keyservice.contacts.models import Contact
from keyservice.contacts.queries import party
from keyservice.database import db
from keyservice.gemeenten.models import Gemeente
from keyservice.gemeenten.queries import gemeente as gemeente_by_code
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, NotFound

PAGE = 50


def aanvraag_for(actor: Actor, aanvraag_id: UUID, *, lock: bool = False) -> Aanvraag:
    """Return an aanvraag that the actor may see: a gemeente its own, relatiebeheerders and auditors all but drafts.

    `lock` keeps others from changing it until the transaction ends. Raises NotFound for all else (I9).
    """
    query = select(Aanvraag).where(Aanvraag.id == aanvraag_id, _visible(actor))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(query)
    if found is None:
        raise NotFound("aanvraag")
    return found


def require_people(aanvraag: Aanvraag) -> None:
    """Raise Conflict when the term of an aanvraag is over and its people were erased: nothing new is added to it."""
    if aanvraag.erased_at is not None:
        raise Conflict("aanvraag-erased")


def _visible(actor: Actor) -> ColumnElement[bool]:
    if actor.has(Role.RELATIEBEHEERDER, Role.AUDITOR):
        return Aanvraag.status != Status.DRAFT
    if actor.gemeente and actor.has(Role.AANVRAGER, Role.GEMEENTEBEHEERDER):
        return Aanvraag.gemeente == actor.gemeente
    return literal(value=False)


def existing_gemeente(code: str | None) -> Gemeente:
    """Return a gemeente that exists today or starts within six months.

    Raises NotFound, or Conflict that names the successor when it has ended, or the first day when that is too far away.
    """
    found = gemeente_by_code(code) if code else None
    if found is None:
        raise NotFound("gemeente")
    today = clock.local_date(clock.now())
    if found.ended_on(today):
        successor = gemeente_by_code(found.successor_code) if found.successor_code else None
        raise Conflict("gemeente-ended", name=found.name, successor=successor.name if successor else "")
    if not found.may_apply_on(today):
        raise Conflict("gemeente-not-yet", name=found.name, day=f"{found.valid_from:%d-%m-%Y}")
    return found


def aanvraag_of_contact(actor: Actor, aanvraag_id: UUID, contact_id: UUID) -> tuple[Aanvraag, Contact]:
    """Return an aanvraag and the contact of it that the actor is, whatever the actor's role at the gemeente.

    Raises NotFound when the actor is no such contact (I9).
    """
    aanvraag = db.session.get(Aanvraag, aanvraag_id)
    for contact in aanvraag.contacts if aanvraag else ():
        if aanvraag and contact and contact.id == contact_id and is_contact(actor, contact):
            return aanvraag, contact
    raise NotFound("contact")


def content_of(aanvraag: Aanvraag) -> dict[str, object]:
    """Return the content of an aanvraag as it stands now, contacts and their proven addresses included."""
    values = {name: getattr(aanvraag, name) for name in FIELDS}
    return content(values, _contact_values(aanvraag.key_contact), _contact_values(aanvraag.password_contact))


def _contact_values(contact: Contact | None) -> Mapping[str, object] | None:
    if contact is None:
        return None
    proven = contact.verified_address if contact.verified else None
    return {**{name: getattr(contact, name) for name in CONTACT_FIELDS}, "verified_address": proven}


def unfinished(aanvraag: Aanvraag) -> tuple[Section, ...]:
    """Return the sections that keep an aanvraag from being sent, contacts that are not independent included."""
    missing = set(incomplete(content_of(aanvraag)))
    key, password = aanvraag.contacts
    if Section.CONTACTPERSONEN not in missing and key and password and conflicts(party(key), party(password)):
        missing.add(Section.CONTACTPERSONEN)
    return tuple(section for section in Section if section in missing)


def current_content(aanvraag: Aanvraag) -> str:
    """Return the canonical content of an aanvraag as it stands now: what an approval is bound to."""
    return canonical(content_of(aanvraag))


def valid_approval(aanvraag_id: UUID) -> Approval | None:
    """Return the newest approval of an aanvraag that was not retracted."""
    return db.session.scalar(
        select(Approval)
        .where(Approval.aanvraag_id == aanvraag_id, Approval.retracted_at.is_(None))
        .order_by(Approval.approved_at.desc())
        .limit(1)
    )


def notes(aanvraag_id: UUID) -> Sequence[Note]:
    """Return the internal notes on an aanvraag, oldest first; for relatiebeheerders and auditors only."""
    return db.session.scalars(select(Note).where(Note.aanvraag_id == aanvraag_id).order_by(Note.at)).all()


def open_for_pakket(gemeente: str, omgeving: str, key: str, *, other_than: UUID) -> Aanvraag | None:
    """Return the open aanvraag of a gemeente for an omgeving and a package, if there is another one."""
    return db.session.scalar(
        select(Aanvraag).where(
            Aanvraag.gemeente == gemeente,
            Aanvraag.omgeving == omgeving,
            Aanvraag.pakket_key == key,
            Aanvraag.status.in_(OPEN),
            Aanvraag.id != other_than,
        )
    )


def named_in(contact_ids: Collection[UUID]) -> dict[UUID, list[Aanvraag]]:
    """Return by contact the aanvragen that name it, newest first; a contact that none names is not there."""
    query = select(Aanvraag).where(
        or_(Aanvraag.key_contact_id.in_(contact_ids), Aanvraag.password_contact_id.in_(contact_ids))
    )
    found: dict[UUID, list[Aanvraag]] = {}
    for row in db.session.scalars(query.order_by(Aanvraag.created_at.desc(), Aanvraag.id)):
        for contact_id in (row.key_contact_id, row.password_contact_id):
            if contact_id in contact_ids and contact_id is not None:
                found.setdefault(contact_id, []).append(row)
    return found


def replacement_of(aanvraag_id: UUID) -> Aanvraag | None:
    """Return the aanvraag that replaces this one or is to replace it, unless that came to nothing."""
    alive = Aanvraag.status.in_(OPEN | {Status.DRAFT, Status.ISSUED})
    query = select(Aanvraag).where(Aanvraag.replaces_id == aanvraag_id, alive)
    return db.session.scalar(query.order_by(Aanvraag.created_at.desc()).limit(1))


def replaced(rows: Collection[Aanvraag]) -> set[UUID]:
    """Return in the place of which aanvragen, or of a contact of which, something else came or is to come."""
    gone = {row.id for row in rows if any(contact and contact.replaced_by_id for contact in row.contacts)}
    alive = Aanvraag.status.in_(OPEN | {Status.DRAFT, Status.ISSUED})
    query = select(Aanvraag.replaces_id).where(Aanvraag.replaces_id.in_([row.id for row in rows]), alive)
    return gone | {replaced_id for replaced_id in db.session.scalars(query) if replaced_id}


def list_for_gemeente(gemeente: str, before: UUID | None = None, limit: int = PAGE) -> Sequence[Aanvraag]:
    """Return the aanvragen of a gemeente, newest first; `before` is the last one of the page before."""
    query = select(Aanvraag).where(Aanvraag.gemeente == gemeente)
    if before:
        last = select(Aanvraag.created_at).where(Aanvraag.id == before, Aanvraag.gemeente == gemeente).scalar_subquery()
        query = query.where(or_(Aanvraag.created_at < last, (Aanvraag.created_at == last) & (Aanvraag.id < before)))
    return db.session.scalars(query.order_by(Aanvraag.created_at.desc(), Aanvraag.id.desc()).limit(limit)).all()
