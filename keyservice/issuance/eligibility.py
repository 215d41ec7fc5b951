"""Whether a key may be handed out now, by this person: asked by the page and again inside the act."""

from datetime import datetime, timedelta
from uuid import UUID

from keyservice.aanvragen import queries as aanvragen
from keyservice.aanvragen.content import content_hash
from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.aanvragen.review import aanvraag_for_step, lacking
from keyservice.aanvragen.workflow import LAPSE_DAYS, Status, Step
from keyservice.issuance.models import End
from keyservice.issuance.queries import of_aanvraag
from keyservice.issuance.recipients import recipients
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, Refused

ISSUE_WITHIN = timedelta(days=LAPSE_DAYS[Status.APPROVED])
REISSUE_WITHIN = timedelta(days=730)  # `design.md` 2.7
OUTDATED = frozenset({"content-changed", "contacts-incomplete"})
"""Codes of what sends an approved aanvraag back to review."""


def issuable(actor: Actor, aanvraag_id: UUID, *, lock: bool = False) -> tuple[Aanvraag, Approval]:
    """Return an approved aanvraag and its approval when this person may issue a key for it now.

    `lock` keeps others from changing the aanvraag. Raises NotFound, Refused (role, four eyes, own aanvraag) or
    Conflict (state, approval too old, content changed since, contacts not complete any more).
    """
    aanvraag = aanvraag_for_step(actor, aanvraag_id, Step.ISSUE, lock=lock)
    return aanvraag, _approval(actor, aanvraag, ISSUE_WITHIN)


def reissuable(actor: Actor, aanvraag_id: UUID, *, lock: bool = False) -> tuple[Aanvraag, Approval]:
    """Return an aanvraag and its approval when a delivery that stopped may be followed by a new one.

    Raises as `issuable`; Conflict also when the newest delivery did not lapse and was not cancelled, or when a
    contact or the whole aanvraag was replaced.
    """
    aanvraag = aanvragen.aanvraag_for(actor, aanvraag_id, lock=lock)
    actor.require(Role.RELATIEBEHEERDER)
    issuances = of_aanvraag(aanvraag_id)
    if not issuances or issuances[-1].end_reason not in {End.LAPSED, End.CANCELLED}:
        raise Conflict("not-reissuable")
    if replaced(aanvraag):
        raise Conflict("being-replaced")
    return aanvraag, _approval(actor, aanvraag, REISSUE_WITHIN)


def replaced(aanvraag: Aanvraag) -> bool:
    """Tell whether somebody came in the place of a contact of this aanvraag, or another aanvraag in its own place."""
    gone = any(contact and contact.replaced_by_id for contact in aanvraag.contacts)
    return gone or aanvragen.replacement_of(aanvraag.id) is not None


def _approval(actor: Actor, aanvraag: Aanvraag, age: timedelta) -> Approval:
    approval = aanvragen.valid_approval(aanvraag.id)
    if approval is None or not _valid_at(approval, age, clock.now()):
        raise Conflict("approval-lapsed")
    if actor.person in {aanvraag.created_by, aanvraag.submitted_by}:
        raise Refused("own-request-issue")
    if approval.four_eyes and actor.person == approval.approved_by:
        raise Refused("four-eyes")
    if content_hash(aanvragen.current_content(aanvraag)) != approval.content_hash:
        raise Conflict("content-changed")
    if lacking(aanvraag) or not recipients(approval.snapshot).independent:
        raise Conflict("contacts-incomplete")
    return approval


def _valid_at(approval: Approval, age: timedelta, now: datetime) -> bool:
    return now < approval.approved_at + age
