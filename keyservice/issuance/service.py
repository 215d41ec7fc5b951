"""Issuing a key, and every act until its handing over ends: receipt, release, activation, cancel, lapse."""

import contextlib
from datetime import timedelta
from uuid import UUID

from keyservice import audit
from keyservice.aanvragen.review import return_to_review
from keyservice.aanvragen.service import mark_issued
from keyservice.database import transaction
from keyservice.gemeenten.queries import gemeente
from keyservice.issuance import events, handout, messages, steps
from keyservice.issuance.eligibility import OUTDATED, Renewal, issuable, reissuable, renewable
from keyservice.issuance.messages import Told
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.queries import by_receipt_token, followed, issuance_for, token_digest
from keyservice.issuance.wave_models import Wave
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER, Actor, Role
from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused
from keyservice.kernel.ids import link_token
from keyservice.kernel.secret import Secret
from keyservice.outbox.service import cancel as cancel_messages
from keyservice.outbox.service import enqueue
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.activation import InvalidActivationCode, parse_activation_code
from keyservice.sleutels.life import OVERLAP_DAYS

MOST_COPIES = 6  # the first mail and 5 repeats
MOST_TRIES = 5
WAIT = timedelta(minutes=15)


def issue(actor: Actor, aanvraag_id: UUID, overlap: int = OVERLAP_DAYS) -> UUID:
    """Make the key of an approved aanvraag and send its zip on the way; return the issuance.

    A key that it replaces lives on until `overlap` days after the first use of the new one (I17). Raises as
    `eligibility.issuable`. When what was approved is no longer what stands there, nothing is issued and the aanvraag
    goes back to review.
    """
    try:
        with transaction():
            aanvraag, approval = issuable(actor, aanvraag_id, lock=True)
            issuance_id = handout.hand_out(actor, aanvraag, approval, followed(aanvraag), overlap)
            mark_issued(actor, aanvraag)
    except Conflict as error:
        if error.code in OUTDATED:
            with contextlib.suppress(Conflict):  # the worker may have seen it too, a moment earlier
                return_to_review(aanvraag_id)
        raise
    return issuance_id


def reissue(actor: Actor, aanvraag_id: UUID, overlap: int = OVERLAP_DAYS) -> UUID:
    """Make a new key after a delivery that lapsed or was cancelled, under the same approval.

    Raises as `eligibility.reissuable`.
    """
    with transaction():
        aanvraag, approval = reissuable(actor, aanvraag_id, lock=True)
        return handout.hand_out(actor, aanvraag, approval, followed(aanvraag), overlap)


def renew(actor: Actor, aanvraag_id: UUID, overlap: int = OVERLAP_DAYS) -> UUID:
    """Make a new key to follow the one that works, under the same approval; the old one lives on (I17).

    Raises as `eligibility.renewable`.
    """
    with transaction():
        return hand_out_next(actor, renewable(actor, aanvraag_id, lock=True), overlap=overlap)


def hand_out_next(actor: Actor, found: Renewal, wave: Wave | None = None, *, overlap: int = OVERLAP_DAYS) -> UUID:
    """Hand out the key that follows another one, in the caller's transaction; `wave` is what it is part of."""
    issuance_id = handout.hand_out(actor, found.aanvraag, found.approval, found.sleutel, overlap)
    audit.record(
        events.RENEWED,
        actor,
        dossier=found.aanvraag.id,
        subject=issuance_id,
        gemeente=found.aanvraag.gemeente,
        previous=found.sleutel.id,
        wave=wave.id if wave else None,
        prepared_by=wave.prepared_by if wave else None,
        started_by=wave.started_by if wave else None,
    )
    return issuance_id


def confirm_receipt(actor: Actor, token: Secret) -> None:
    """Note that the key contact has the zip, and send the password to the other contact (I14).

    No login: it only sends something to somebody else. A second time changes nothing. Raises NotFound for a token
    that is unknown, replaced by that of a newer mail, or of a delivery that has ended.
    """
    with transaction():
        issuance = by_receipt_token(token, lock=True)
        if issuance is None:
            raise NotFound("receipt")
        steps.receive(actor, issuance)


def release(actor: Actor, issuance_id: UUID, called: str, reason: str) -> None:
    """Send the password without a receipt, after a call to the registered number; both contacts are told.

    `called` is the number (E.164) that was called. Raises NotFound, Refused (role, the issuer himself) or Conflict
    (ended, password already sent, not the registered number).
    """
    with transaction():
        issuance = _underway(actor, issuance_id, Role.RELATIEBEHEERDER)
        _require_password_here(issuance)
        if issuance.handed_over:
            raise Conflict("password-already-sent")
        if issuance.issued_by == actor.person:
            raise Refused("own-issue")
        registered = gemeente(issuance.aanvraag.gemeente)
        if registered is None or registered.phone is None or registered.phone != called:
            raise Conflict("not-registered-number")
        steps.change(issuance, Issuance.released_at.is_(None), released_at=clock.now(), released_by=actor.person)
        steps.record(events.RELEASED, actor, issuance, called=called, reason=reason)
        steps.tell(Told.RELEASED, issuance)
        steps.hand_over_password(actor, issuance)


def resend_zip(actor: Actor, issuance_id: UUID) -> None:
    """Send the same zip to the same contact again, as long as the password has not gone; at most 5 times.

    The link of the newest mail is the one that works. Raises NotFound, Refused or Conflict.
    """
    with transaction():
        issuance = _underway(actor, issuance_id, Role.RELATIEBEHEERDER)
        _require_password_here(issuance)
        if issuance.copies >= MOST_COPIES:
            raise Conflict("zip-sent-too-often")
        steps.require_independent(issuance)
        token, copies = Secret(link_token()), issuance.copies
        steps.change(issuance, Issuance.copies == copies, copies=copies + 1, receipt_digest=token_digest(token))
        cancel_messages(messages.zip_prefix(issuance))  # a mail that still waits has a link that no longer works
        enqueue(messages.key_mail(issuance, handout.unsealed_zip(issuance), token))
        steps.record(events.RESENT, actor, issuance, copy=copies + 1)


def activate(actor: Actor, issuance_id: UUID, code: str) -> None:
    """Wake the key for somebody of the gemeente who typed the code from the zip; that ends the delivery.

    Raises NotFound, Refused, Conflict (ended, password not sent yet, waiting after 5 wrong codes), or Invalid
    ("activation-code-malformed", which is no try, or "activation-code-wrong" with the tries `left`).
    """
    try:
        typed = parse_activation_code(code)
    except InvalidActivationCode as error:
        raise Invalid("activation-code-malformed") from error
    with transaction():
        issuance = _underway(actor, issuance_id, Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
        if issuance.password_sent_at is None:
            raise Conflict("password-not-sent")
        if issuance.activation_wait_until and clock.now() < issuance.activation_wait_until:
            raise Conflict("activation-wait", until=f"{clock.local(issuance.activation_wait_until):%H.%M}")
        if handout.code_fits(issuance, typed):
            _finish(actor, issuance)
            return
        left = _count_try(actor, issuance)
    # Raised after the commit: the try counts although the act is refused.
    raise Invalid("activation-code-wrong", left=left)


def cancel(actor: Actor, issuance_id: UUID, reason: str) -> None:
    """Stop a delivery: the key is revoked, zip and password are destroyed, both contacts are told.

    Raises NotFound, Refused, or Conflict when it has ended.
    """
    with transaction():
        issuance = _underway(actor, issuance_id, Role.RELATIEBEHEERDER, Role.AANVRAGER, past_deadline=True)
        steps.end(actor, issuance, End.CANCELLED)
        steps.record(events.CANCELLED, actor, issuance, reason=reason)
        steps.tell(Told.CANCELLED, issuance)


def lapse(issuance_id: UUID) -> None:
    """End a delivery whose 30 days are over; one that has ended, or has time left, stays as it is."""
    with transaction() as session:
        issuance = session.get(Issuance, issuance_id, with_for_update=True, populate_existing=True)
        if issuance is None or issuance.ended_at is not None or clock.now() < issuance.deadline:
            return
        steps.end(WORKER, issuance, End.LAPSED)
        steps.record(events.LAPSED, WORKER, issuance)
        steps.tell(Told.LAPSED, issuance)


def _underway(actor: Actor, issuance_id: UUID, *roles: Role, past_deadline: bool = False) -> Issuance:
    """Return an issuance that has not ended, locked. Raises NotFound, Refused or Conflict."""
    issuance = issuance_for(actor, issuance_id, lock=True)
    actor.require(*roles)
    # The worker may not have come round yet: the deadline holds all the same.
    if issuance.ended_at is not None or (clock.now() >= issuance.deadline and not past_deadline):
        raise steps.ended(issuance)
    return issuance


def _require_password_here(issuance: Issuance) -> None:
    if issuance.password_sent_at is not None:
        raise Conflict("password-already-sent")


def _count_try(actor: Actor, issuance: Issuance) -> int:
    """Count a wrong code and return how many tries are left; the last one starts the wait and a new count."""
    seen = issuance.activation_tries
    tries = seen + 1
    wait = clock.now() + WAIT if tries >= MOST_TRIES else None
    stored = 0 if wait else tries
    steps.change(issuance, Issuance.activation_tries == seen, activation_tries=stored, activation_wait_until=wait)
    steps.record(events.CODE_REFUSED, actor, issuance, result=audit.Result.REFUSED, tries=tries)
    return MOST_TRIES - tries


def _finish(actor: Actor, issuance: Issuance) -> None:
    sleutels.activate(actor, issuance.sleutel_id, dossier=issuance.aanvraag_id)
    steps.end(actor, issuance, End.DONE)
    steps.record(events.DONE, actor, issuance)
    steps.tell(Told.ACTIVE, issuance)
