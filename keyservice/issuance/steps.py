"""What the acts on an issuance share: writing by compare-and-swap, handing the password over, ending, telling.

Each is called inside the transaction of a use case.
"""

from sqlalchemy import ColumnElement, update

from keyservice import audit
from keyservice.contacts.models import Via
from keyservice.database import execute_count
from keyservice.gemeenten.queries import registered_address
from keyservice.issuance import events, handout, messages
from keyservice.issuance.approved import require_as_approved
from keyservice.issuance.messages import Told, recipients_of
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.recipients import Recipient
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import Conflict
from keyservice.outbox.letters import stop as stop_letter
from keyservice.outbox.service import cancel as cancel_messages
from keyservice.outbox.service import enqueue
from keyservice.sleutels import service as sleutels


def change(issuance: Issuance, seen: ColumnElement[bool], **values: object) -> None:
    """Write by compare-and-swap. Raises Conflict when somebody was faster."""
    where = (Issuance.id == issuance.id, Issuance.ended_at.is_(None), seen)
    if not execute_count(update(Issuance).where(*where).values(**values)):
        raise Conflict("changed-meanwhile")


def ended(issuance: Issuance | None) -> Conflict:
    """Return what stops an act on a delivery that is over: who pressed twice hears that it went well."""
    done = issuance is not None and issuance.end_reason is End.DONE
    return Conflict("issuance-done" if done else "issuance-ended")


def require_independent(issuance: Issuance) -> None:
    """Raise Conflict when zip and password would go to one person, or not as approved; asked before each sending."""
    require_as_approved(issuance.approval)
    if not recipients_of(issuance).independent:
        raise Conflict("not-independent")


def receive(actor: Actor, issuance: Issuance) -> None:
    """Note that the key contact has the zip, and hand the password over (I14). A second time changes nothing."""
    if issuance.received_at is not None:
        return
    handed_over = issuance.released_at is not None
    change(issuance, Issuance.received_at.is_(None), received_at=clock.now())
    record(events.RECEIVED, actor, issuance)
    if not handed_over:
        hand_over_password(actor, issuance)


def hand_over_password(actor: Actor, issuance: Issuance) -> None:
    """Send the password on its way: into the queue, or onto the page where it shows once."""
    require_independent(issuance)
    to = recipients_of(issuance).password
    if to.via is Via.PAGE:
        enqueue(messages.password_ready(issuance))
        record(events.PASSWORD_READY, actor, issuance)
        return
    if to.via is Via.LETTER:
        _require_registered(issuance, to)
    # From now on only the message holds it.
    password = handout.unsealed_password(issuance)
    change(issuance, Issuance.password_sent_at.is_(None), password=None, password_sent_at=clock.now())
    message = messages.password_letter if to.via is Via.LETTER else messages.password_sms
    enqueue(message(issuance, password))
    record(events.PASSWORD_QUEUED, actor, issuance)


def _require_registered(issuance: Issuance, to: Recipient) -> None:
    """Raise Conflict when the address that was approved is no longer the gemeente's: it may have moved away."""
    if registered_address(issuance.aanvraag.gemeente) != to.address:
        raise Conflict("address-changed")


def end(actor: Actor, issuance: Issuance, how: End) -> None:
    """Close an issuance; unless done, the key is revoked."""
    close(issuance, how)
    if how is not End.DONE:
        sleutels.revoke(actor, issuance.sleutel_id, how, dossier=issuance.aanvraag_id)


def close(issuance: Issuance, how: End) -> None:
    """Close an issuance: everything sealed is destroyed, its messages stay here."""
    prefixes = messages.prefixes(issuance)
    wiped = {"zip": None, "password": None, "activation_mac": None}
    change(issuance, Issuance.ended_at.is_(None), ended_at=clock.now(), end_reason=how, **wiped)
    for prefix in prefixes:
        cancel_messages(prefix)
    stop_letter(issuance.id)


def tell(what: Told, issuance: Issuance) -> None:
    """Tell both contacts what happened."""
    for message in messages.told(what, issuance):
        enqueue(message)


def record(
    event: audit.EventType,
    actor: Actor,
    issuance: Issuance,
    *,
    result: audit.Result = audit.Result.OK,
    **values: object,
) -> None:
    """Write an event about an issuance."""
    audit.record(
        event,
        actor,
        dossier=issuance.aanvraag_id,
        subject=issuance.id,
        gemeente=issuance.aanvraag.gemeente,
        result=result,
        **values,
    )
