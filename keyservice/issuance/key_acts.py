"""What people do with a key that was handed over: suspend, resume, revoke. The gemeente hears of it."""

from enum import StrEnum
from uuid import UUID

from keyservice.database import transaction
from keyservice.issuance import key_messages
from keyservice.issuance.key_messages import Notice
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.queries import dossier_of, issuance_for, of_sleutel
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict
from keyservice.outbox.service import enqueue
from keyservice.sleutels import blocking
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.life import Blocker, State, state

_GEMEENTE = (Role.AANVRAGER, Role.GEMEENTEBEHEERDER)


class Why(StrEnum):
    """Why somebody revokes a key. EXPOSED is a suspicion: one that was found and reported is `service.LEAKED`."""

    EXPOSED = "exposed"
    NOT_NEEDED = "not-needed"
    OTHER = "other"


def suspend(actor: Actor, issuance_id: UUID, explanation: str) -> None:
    """Block a key at once; contacts and gemeentebeheerders are told.

    Raises as `blocking.suspend`; Conflict also while the delivery is underway: then it can be cancelled.
    """
    with transaction():
        issuance = _delivered(actor, issuance_id)
        blocking.suspend(actor, issuance.sleutel_id, explanation, dossier=issuance.aanvraag_id)
        _tell(Notice.BLOCKED, issuance, cause="")


def suspend_by_program(sleutel_id: UUID, cause: str, by: Blocker = Blocker.PROGRAM) -> None:
    """Block a key as the program itself, and tell who must know when it was delivered; `cause` is a code."""
    with transaction():
        if blocking.suspend_by_program(sleutel_id, cause, dossier=dossier_of(sleutel_id), by=by):
            issuance = of_sleutel(sleutel_id)
            if issuance is not None and issuance.end_reason is End.DONE:
                _tell(Notice.BLOCKED, issuance, cause=cause)


def resume(actor: Actor, issuance_id: UUID, explanation: str) -> bool:
    """Let a suspended key work again and tell; return False when a second relatiebeheerder must confirm it yet.

    Then all other relatiebeheerders are asked to. Raises as `blocking.resume`.
    """
    with transaction():
        issuance = _delivered(actor, issuance_id)
        works = blocking.resume(actor, issuance.sleutel_id, explanation, dossier=issuance.aanvraag_id)
        if works:
            _tell(Notice.UNBLOCKED, issuance)
        else:
            for message in key_messages.to_confirm(issuance, actor):
                enqueue(message)
        return works


def revoke(actor: Actor, issuance_id: UUID, why: Why, explanation: str) -> None:
    """End a key for good (I16); contacts and gemeentebeheerders are told.

    Raises NotFound, Refused, or Conflict (revoked or expired already, delivery underway).
    """
    actor.require(Role.RELATIEBEHEERDER, *_GEMEENTE)
    with transaction():
        issuance = _delivered(actor, issuance_id)
        if state(issuance.sleutel.facts, clock.now()) is State.EXPIRED:
            raise Conflict("sleutel-over")
        sleutels.revoke(actor, issuance.sleutel_id, why, dossier=issuance.aanvraag_id, explanation=explanation)
        _tell(Notice.REVOKED, issuance)


def _delivered(actor: Actor, issuance_id: UUID) -> Issuance:
    """Return an issuance that ended with a key, locked. Raises NotFound (I9) or Conflict."""
    issuance = issuance_for(actor, issuance_id, lock=True)
    if issuance.end_reason is not End.DONE:
        raise Conflict("issuance-underway" if issuance.ended_at is None else "issuance-ended")
    return issuance


def _tell(notice: Notice, issuance: Issuance, **values: str) -> None:
    for message in key_messages.told(notice, issuance, **values):
        enqueue(message)
