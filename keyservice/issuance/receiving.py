"""What the two contacts do who log in for it: download the zip, look once at the password, say "dit was ik niet"."""

from uuid import UUID

from keyservice.contacts.models import Part
from keyservice.database import transaction
from keyservice.issuance import events, handout, steps
from keyservice.issuance.messages import Told
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.queries import for_recipient
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import Conflict
from keyservice.kernel.secret import Secret
from keyservice.sleutels import service as sleutels

DISOWNED = "disowned"


def fetch_zip(actor: Actor, issuance_id: UUID) -> bytes:
    """Return the zip, still encrypted, to the key contact; the same one as often as asked until the password is gone.

    Raises NotFound for everybody else (I9, I13), or Conflict (ended, password gone).
    """
    with transaction():
        issuance = _underway(actor, issuance_id, Part.KEY)
        if issuance.password_sent_at is not None:
            raise Conflict("password-already-sent")
        steps.require_independent(issuance)
        steps.change(issuance, Issuance.password_sent_at.is_(None), fetched_at=clock.now())
        steps.record(events.FETCHED, actor, issuance)
        return handout.unsealed_zip(issuance)


def report_receipt(actor: Actor, issuance_id: UUID) -> None:
    """Note that the key contact has the downloaded zip, and hand the password over. A second time changes nothing.

    Raises NotFound, or Conflict (ended, not downloaded yet).
    """
    with transaction():
        issuance = _underway(actor, issuance_id, Part.KEY)
        if issuance.fetched_at is None:
            raise Conflict("zip-not-fetched")
        steps.receive(actor, issuance)


def show_password(actor: Actor, issuance_id: UUID) -> Secret:
    """Return the password to its contact, this once (I7); from now on nobody can see it any more.

    Raises NotFound for everybody else (I9, I13), or Conflict (ended, no receipt yet, shown already).
    """
    with transaction():
        issuance = _underway(actor, issuance_id, Part.PASSWORD)
        if not issuance.handed_over:
            raise Conflict("password-not-ready")
        if issuance.password_sent_at is not None:
            raise Conflict("password-shown-already")
        steps.require_independent(issuance)
        password = handout.unsealed_password(issuance)
        steps.change(issuance, Issuance.password_sent_at.is_(None), password=None, password_sent_at=clock.now())
        steps.record(events.PASSWORD_SHOWN, actor, issuance)
        return password


def disown(actor: Actor, issuance_id: UUID, part: Part) -> None:
    """End the key at once, also an active one: one of its contacts says "dit was ik niet". Both are told.

    Raises NotFound, or Conflict when the key works no more.
    """
    with transaction():
        issuance = for_recipient(actor, issuance_id, part, lock=True)
        if issuance.end_reason is End.DONE:
            sleutels.revoke(actor, issuance.sleutel_id, DISOWNED, dossier=issuance.aanvraag_id)
        elif issuance.ended_at is None:
            steps.end(actor, issuance, End.CANCELLED)
        else:
            raise Conflict("issuance-ended")
        steps.record(events.DISOWNED, actor, issuance, part=part)
        steps.tell(Told.CANCELLED, issuance)


def _underway(actor: Actor, issuance_id: UUID, part: Part) -> Issuance:
    issuance = for_recipient(actor, issuance_id, part, lock=True)
    if issuance.ended_at is not None or clock.now() >= issuance.deadline:
        raise Conflict("issuance-ended")
    return issuance
