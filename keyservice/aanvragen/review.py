"""What relatiebeheerders do with an aanvraag: claim, ask, reject, approve, retract, note; and its return to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from keyservice import audit, settings
from keyservice.aanvragen import events, queries, review_messages, workflow
from keyservice.aanvragen.content import content_hash
from keyservice.aanvragen.models import Aanvraag, Approval, Note
from keyservice.aanvragen.workflow import Status, Step
from keyservice.accounts.queries import names
from keyservice.audit import EventType
from keyservice.contacts.independence import same_name
from keyservice.contacts.queries import missing, party
from keyservice.database import swap, table_of, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER, Actor, Role
from keyservice.kernel.errors import Conflict, Refused
from keyservice.kernel.ids import new_id
from keyservice.outbox.message import Message
from keyservice.outbox.service import enqueue
from keyservice.settings import FourEyes
from keyservice.sleutels.format import Omgeving

Tell = Callable[[Aanvraag, UUID], Message]
_INSERT_APPROVAL = insert(table_of(Approval))


@dataclass(frozen=True)
class Effect:
    """What a step does beside moving the status.

    `text` is the private field of the event for what the person wrote, `column` where the gemeente reads it; `claims`
    makes the person the claimer, `frees` leaves the aanvraag without one; `tell` makes the mail to who submitted.
    """

    event: EventType
    text: str | None = None
    column: str | None = None
    claims: bool = False
    frees: bool = False
    tell: Tell | None = None


EFFECTS: Mapping[Step, Effect] = MappingProxyType(
    {
        Step.TAKE_UP: Effect(events.TAKEN_UP, claims=True),
        Step.RELEASE: Effect(events.RELEASED, frees=True),
        Step.TAKE_OVER: Effect(events.TAKEN_OVER, claims=True),
        Step.ASK: Effect(events.ASKED, text="question", column="question", tell=review_messages.question),
        Step.TAKE_BACK: Effect(events.TAKEN_BACK, claims=True),
        Step.REJECT: Effect(events.REJECTED, text="reason", column="rejection", tell=review_messages.rejected),
        Step.RETRACT: Effect(events.RETRACTED, text="reason", claims=True, tell=review_messages.returned),
    }
)


def aanvraag_for_step(actor: Actor, aanvraag_id: UUID, step: Step, *, lock: bool = False) -> Aanvraag:
    """Return an aanvraag on which this person may take a step now; `lock` keeps others from changing it.

    Raises NotFound, Refused (not of this role) or Conflict (the state or the claim is another by now).
    """
    aanvraag = queries.aanvraag_for(actor, aanvraag_id, lock=lock)
    if workflow.allowed(aanvraag.standing, step, actor):
        return aanvraag
    if not actor.has(*workflow.WHO[step]):
        raise Refused("role")
    if aanvraag.status is Status.IN_REVIEW and aanvraag.claimed_by not in {None, actor.person}:
        raise Conflict("claimed-by-other", claimer=", ".join(names([aanvraag.claimed_by]).values()))
    raise Conflict("step-not-possible", status=aanvraag.status)


def lacking(aanvraag: Aanvraag) -> tuple[str, ...]:
    """Return the codes of what the contacts still lack before approval; empty when it is complete."""
    return missing(*aanvraag.contacts, clock.now(), aanvraag.requesters)


def names_equal(aanvraag: Aanvraag) -> bool:
    """Tell whether both contacts have one name: no ground to refuse, the approver decides (ADR 5)."""
    key, password = aanvraag.contacts
    if key is None or password is None or key.erased_at or password.erased_at:
        return False
    return same_name(party(key), party(password))


def take_step(actor: Actor, aanvraag_id: UUID, step: Step, text: str | None = None) -> None:
    """Take a step of the review other than approve; `text` is the question or the reason where the step has one.

    Raises NotFound, Refused or Conflict.
    """
    effect = EFFECTS[step]
    with transaction():
        aanvraag = aanvraag_for_step(actor, aanvraag_id, step, lock=True)
        changes: dict[str, object] = {effect.column: text} if effect.column else {}
        if effect.claims or effect.frees:
            changes["claimed_by"] = actor.person if effect.claims else None
        _move(aanvraag, step, **changes)
        values: dict[str, object] = {effect.text: text} if effect.text else {}
        if step is Step.RETRACT:
            values["approval"] = _retract(aanvraag_id)
        _record(effect.event, actor, aanvraag, effect.tell, **values)


def approve(actor: Actor, aanvraag_id: UUID, motivation: str, seen: str | None = None) -> None:
    """Approve the exact content as it stands, contacts and verified addresses included.

    `seen` is the hash (hex) of the content on the approver's page: when it is given, other content is not approved.
    Raises NotFound, Refused (one's own aanvraag, I8) or Conflict (state, claim, content changed or not complete).
    """
    with transaction() as session:
        aanvraag = aanvraag_for_step(actor, aanvraag_id, Step.APPROVE, lock=True)
        if actor.person in {aanvraag.created_by, aanvraag.submitted_by}:
            raise Refused("own-request")
        if lacks := lacking(aanvraag):
            raise Conflict("not-complete", missing=lacks)
        snapshot = queries.current_content(aanvraag)
        if seen is not None and seen != content_hash(snapshot).hex():
            raise Conflict("changed-meanwhile")
        approval = _approval(actor, aanvraag, motivation, snapshot)
        session.execute(_INSERT_APPROVAL, approval)
        _move(aanvraag, Step.APPROVE)
        _record(
            events.APPROVED,
            actor,
            aanvraag,
            review_messages.approved,
            approval=approval["id"],
            content_hash=approval["content_hash"],
            four_eyes=approval["four_eyes"],
            motivation=motivation,
        )


def return_to_review(aanvraag_id: UUID) -> None:
    """Take an approval back because the approved content is no longer what stands there. Raises Conflict."""
    with transaction() as session:
        aanvraag = session.get_one(Aanvraag, aanvraag_id)
        _move(aanvraag, Step.RETURN)
        _record(events.RETURNED, WORKER, aanvraag, review_messages.returned, approval=_retract(aanvraag_id))


def lapse(aanvraag: Aanvraag) -> None:
    """End an aanvraag that nobody moved for too long, inside the caller's transaction. Raises Conflict."""
    _move(aanvraag, Step.LAPSE)
    _record(events.LAPSED, WORKER, aanvraag, review_messages.lapsed)


def add_note(actor: Actor, aanvraag_id: UUID, text: str) -> None:
    """Add an internal note; notes are never changed. Raises NotFound, Refused (no relatiebeheerder) or Conflict."""
    with transaction() as session:
        aanvraag = queries.aanvraag_for(actor, aanvraag_id)
        actor.require(Role.RELATIEBEHEERDER)
        queries.require_people(aanvraag)
        session.add(Note(id=new_id(), aanvraag_id=aanvraag_id, author=actor.person, at=clock.now(), text=text))
        _record(events.NOTED, actor, aanvraag, text=text)


def _approval(actor: Actor, aanvraag: Aanvraag, motivation: str, snapshot: str) -> dict[str, object]:
    four_eyes = settings.current().four_eyes is FourEyes.ALWAYS or aanvraag.omgeving == Omgeving.PRODUCTIE
    return {
        "id": new_id(),
        "aanvraag_id": aanvraag.id,
        "requested_by": aanvraag.submitted_by,
        "created_by": aanvraag.created_by,
        "approved_by": actor.person,
        "approved_at": clock.now(),
        "four_eyes": four_eyes,
        "motivation": motivation,
        "content_hash": content_hash(snapshot),
        "snapshot": snapshot,
    }


def _move(aanvraag: Aanvraag, step: Step, **changes: object) -> None:
    """Move the status by compare-and-swap. Raises Conflict when the state or the claim changed meanwhile."""
    seen, claimer = aanvraag.status, aanvraag.claimed_by
    if (seen, step) not in workflow.TABLE:
        raise Conflict("step-not-possible", status=seen)
    to = workflow.next_status(seen, step)
    if to is not seen:  # taking over starts no new term
        changes |= {"status": to, "status_since": clock.now(), "reminders": 0}
    claim = Aanvraag.claimed_by == claimer if claimer else Aanvraag.claimed_by.is_(None)
    if not swap(aanvraag, Aanvraag.status == seen, claim, **changes):
        raise Conflict("changed-meanwhile")


def _retract(aanvraag_id: UUID) -> UUID:
    approval = queries.valid_approval(aanvraag_id)
    if approval is None:
        raise Conflict("changed-meanwhile")
    approval.retracted_at = clock.now()
    return approval.id


def _record(event: EventType, actor: Actor, aanvraag: Aanvraag, tell: Tell | None = None, **values: object) -> None:
    """Write the event and queue the mail about it, both in the transaction of the act."""
    fields: dict[str, Any] = values
    event_id = audit.record(event, actor, dossier=aanvraag.id, gemeente=aanvraag.gemeente, **fields)
    if tell:
        enqueue(tell(aanvraag, event_id))
