"""What a gemeente does with an aanvraag: start, fill in, submit, withdraw. The review stands in `review`."""

from collections.abc import Mapping
from contextlib import nullcontext
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from keyservice import audit
from keyservice.aanvragen import contact_choice, events, messages, queries
from keyservice.aanvragen.content import DECLARATION_VERSION, Section, editable, pakket_key
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import OPEN, Status, Step, allowed, next_status
from keyservice.accounts.models import Account
from keyservice.accounts.queries import account
from keyservice.database import db, execute_count, next_number, swap, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER, Actor, Role
from keyservice.kernel.errors import Conflict, Invalid
from keyservice.kernel.ids import new_id
from keyservice.outbox.service import enqueue

# What each step of the form may write; the contacts are rows of their own.
COLUMNS: Mapping[Section, tuple[str, ...]] = {
    Section.GEMEENTE: ("oin", "kvk"),
    Section.SOFTWARE: (
        "leverancier",
        "pakket",
        "pakket_versie",
        "leverancier_contact",
        "leverancier_mailbox",
        "omgeving",
        "toelichting",
    ),
    Section.ONDERTEKENING: ("signer_name", "signer_function"),
}
# At most one open aanvraag has the same three.
_ONE_OPEN = ("gemeente", "omgeving", "pakket_key")


def start(actor: Actor) -> UUID:
    """Make an empty draft for the gemeente acted for and return its id.

    Raises Refused (no aanvrager) or Conflict (the gemeente has ended).
    """
    aanvraag_id, now = new_id(), clock.now()
    with transaction() as session:
        actor.require(Role.AANVRAGER)
        gemeente = queries.existing_gemeente(actor.gemeente)
        session.add(
            Aanvraag(
                id=aanvraag_id,
                status=Status.DRAFT,
                status_since=now,
                created_by=actor.person,
                created_at=now,
                gemeente=gemeente.code,
                gemeente_name=gemeente.name,
            )
        )
        audit.record(events.STARTED, actor, dossier=aanvraag_id)
    return aanvraag_id


def save_step(actor: Actor, aanvraag_id: UUID, section: Section, values: Mapping[str, object], revision: int) -> None:
    """Store what was filled in on one step; what `values` does not name stays as it was.

    Names are those of `COLUMNS`; those of a contact carry its part (`key_name`, `password_mobile`); `declared` ticks
    the declarations. `revision` is that of the page. Raises NotFound, Refused, or Conflict: not editable any more,
    saved meanwhile, the gemeente has ended, or another open aanvraag for the same pakket.
    """
    with transaction():
        aanvraag = _own(actor, aanvraag_id)
        if section not in editable(aanvraag.status):
            raise Conflict("not-editable")
        if aanvraag.revision != revision:
            raise Conflict("saved-meanwhile")
        queries.existing_gemeente(aanvraag.gemeente)
        changes = _changes(actor, aanvraag, section, values)
        if not changes:
            return
        before = (aanvraag.key_contact_id, aanvraag.password_contact_id)
        _store(aanvraag, revision=revision + 1, **changes)
        contact_choice.let_go(before)
        audit.record(events.SAVED, actor, dossier=aanvraag_id, step=section, revision=revision + 1)


def submit(actor: Actor, aanvraag_id: UUID) -> None:
    """Send a draft to DUO and give it its number; a second click finds it sent and changes nothing.

    Raises NotFound, Refused, Invalid (not complete), or Conflict (ended gemeente, other open aanvraag).
    """
    with transaction():
        aanvraag = _own(actor, aanvraag_id)
        if aanvraag.status is not Status.DRAFT:
            return
        _require_complete(aanvraag)
        now = clock.now()
        number = next_number("aanvraag", "AA", clock.local(now).year)
        _move(aanvraag, Step.SUBMIT, number=number, submitted_by=actor.person, submitted_at=now)
        audit.record(events.SUBMITTED, actor, dossier=aanvraag_id, number=number)
        enqueue(messages.received(aanvraag, _submitter(aanvraag)))


def resubmit(actor: Actor, aanvraag_id: UUID) -> None:
    """Send what the relatiebeheerder asked for; a second click changes nothing. Raises as `submit`."""
    with transaction():
        aanvraag = _own(actor, aanvraag_id)
        if aanvraag.status is Status.IN_REVIEW:
            return
        if not allowed(aanvraag.standing, Step.RESUBMIT, actor):
            raise Conflict("not-editable")
        _require_complete(aanvraag)
        _move(aanvraag, Step.RESUBMIT)
        audit.record(events.RESUBMITTED, actor, dossier=aanvraag_id)


def withdraw(actor: Actor, aanvraag_id: UUID, reason: str = "") -> None:
    """Take an open aanvraag back for good. Raises NotFound, Refused, or Conflict when it is not open any more."""
    with transaction():
        aanvraag = queries.aanvraag_for(actor, aanvraag_id, lock=True)
        actor.require(Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
        if not allowed(aanvraag.standing, Step.WITHDRAW, actor):
            raise Conflict("not-open")
        _move(aanvraag, Step.WITHDRAW)
        audit.record(events.WITHDRAWN, actor, dossier=aanvraag_id, reason=reason)
        enqueue(messages.withdrawn(aanvraag, _submitter(aanvraag)))


def discard(actor: Actor, aanvraag_id: UUID) -> None:
    """Delete a draft, with the contacts that are its own.

    Raises NotFound, Refused, or Conflict when it was sent meanwhile.
    """
    with transaction():
        aanvraag = _own(actor, aanvraag_id)
        if aanvraag.status is not Status.DRAFT:
            raise Conflict("not-draft")
        _delete(actor, aanvraag)


def discard_stale(aanvraag_id: UUID) -> None:
    """Delete a draft that nobody finished in time; one that is gone or was sent meanwhile is left alone."""
    with transaction() as session:
        aanvraag = session.get(Aanvraag, aanvraag_id, with_for_update=True, populate_existing=True)
        if aanvraag and aanvraag.status is Status.DRAFT:
            _delete(WORKER, aanvraag)


def mark_issued(actor: Actor, aanvraag: Aanvraag) -> None:
    """Move an approved aanvraag to its end, in the transaction that issues the key and has locked it.

    Raises Refused or Conflict.
    """
    with transaction():
        actor.require(Role.RELATIEBEHEERDER)
        if not allowed(aanvraag.standing, Step.ISSUE, actor):
            raise Conflict("changed-meanwhile")
        _move(aanvraag, Step.ISSUE)
        audit.record(events.ISSUED, actor, dossier=aanvraag.id, gemeente=aanvraag.gemeente)


def _own(actor: Actor, aanvraag_id: UUID) -> Aanvraag:
    aanvraag = queries.aanvraag_for(actor, aanvraag_id, lock=True)
    actor.require(Role.AANVRAGER)
    return aanvraag


def _require_complete(aanvraag: Aanvraag) -> None:
    queries.existing_gemeente(aanvraag.gemeente)
    if queries.unfinished(aanvraag):
        raise Invalid("aanvraag-incomplete")


def _changes(actor: Actor, aanvraag: Aanvraag, section: Section, values: Mapping[str, object]) -> dict[str, object]:
    """Return the columns that get another value; contacts are written on the way."""
    if section is Section.CONTACTPERSONEN:
        return contact_choice.chosen(actor, aanvraag, values)
    wanted = {name: values[name] or None for name in COLUMNS[section] if name in values}
    changes = {name: value for name, value in wanted.items() if value != getattr(aanvraag, name)}
    if section is Section.SOFTWARE:
        leverancier, pakket = (changes.get(name, getattr(aanvraag, name)) for name in ("leverancier", "pakket"))
        if changes and leverancier and pakket:
            changes["pakket_key"] = pakket_key(str(leverancier), str(pakket))
    if values.get("declared") and (changes or aanvraag.declaration_version != DECLARATION_VERSION):
        changes |= {
            "declared_at": clock.now(),
            "declared_by": actor.person,
            "declaration_version": DECLARATION_VERSION,
        }
    return changes


def _move(aanvraag: Aanvraag, step: Step, **columns: object) -> None:
    to = next_status(aanvraag.status, step)
    _store(aanvraag, status=to, status_since=clock.now(), reminders=0, **columns)


def _store(aanvraag: Aanvraag, **columns: object) -> None:
    """Write columns by compare-and-swap on status and revision.

    Raises Conflict: changed meanwhile, or (also when two send at the same moment) another open aanvraag.
    """
    seen = (Aanvraag.status == aanvraag.status, Aanvraag.revision == aanvraag.revision)
    after = {name: columns.get(name, getattr(aanvraag, name)) for name in ("id", "status", *_ONE_OPEN)}
    may_clash = after["status"] in OPEN and all(after[name] for name in _ONE_OPEN)
    if may_clash:
        _require_only_open(after)
    try:
        with db.session.begin_nested() if may_clash else nullcontext():
            changed = swap(aanvraag, *seen, **columns)
    except IntegrityError:
        _require_only_open(after)
        raise
    if not changed:
        raise Conflict("changed-meanwhile")


def _require_only_open(after: Mapping[str, object]) -> None:
    gemeente, omgeving, key = (str(after[name]) for name in _ONE_OPEN)
    other = queries.open_for_pakket(gemeente, omgeving, key, other_than=UUID(str(after["id"])))
    if other:
        raise Conflict("open-aanvraag-exists", number=other.number, omgeving=omgeving)


def _delete(actor: Actor, aanvraag: Aanvraag) -> None:
    aanvraag_id, gemeente = aanvraag.id, aanvraag.gemeente
    contacts = (aanvraag.key_contact_id, aanvraag.password_contact_id)
    execute_count(delete(Aanvraag).where(Aanvraag.id == aanvraag_id))
    contact_choice.let_go(contacts)
    audit.record(events.DISCARDED, actor, dossier=aanvraag_id, gemeente=gemeente)


def _submitter(aanvraag: Aanvraag) -> Account:
    submitter = account(aanvraag.submitted_by) if aanvraag.submitted_by else None
    if submitter is None:
        raise LookupError(f"aanvraag {aanvraag.id} has no submitter")
    return submitter
