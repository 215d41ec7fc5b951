"""Making what is handed over: key, activation code, password and zip, in the caller's transaction (I1)."""

from datetime import timedelta
from uuid import UUID

from keyservice import audit, settings
from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.database import transaction
from keyservice.gemeenten.queries import starts_at
from keyservice.issuance import contents, events, messages
from keyservice.issuance.models import Issuance
from keyservice.issuance.queries import count_of, token_digest
from keyservice.kernel import clock, ids
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import Conflict, Invalid
from keyservice.kernel.passwords import new_password
from keyservice.kernel.seal import Place, SealBroken
from keyservice.kernel.secret import Secret
from keyservice.kernel.zips import build_zip
from keyservice.outbox.service import enqueue
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.activation import new_activation_code
from keyservice.sleutels.format import Omgeving
from keyservice.sleutels.life import MOST_OVERLAP_DAYS, OVERLAP_DAYS
from keyservice.sleutels.models import Sleutel

DELIVERY = timedelta(days=30)  # from issue to activation
_PURPOSE = "activation"


def hand_out(
    actor: Actor,
    aanvraag: Aanvraag,
    approval: Approval,
    renews: Sleutel | None = None,
    overlap: int = OVERLAP_DAYS,
) -> UUID:
    """Make the next issuance of an aanvraag and queue its zip; return the id. The key leaves memory at the end.

    `renews` is the key that the new one is to follow, which lives on for `overlap` days after the first use of the new
    one (I17). Raises Invalid when these are not 0 to 30.
    """
    if not 0 <= overlap <= MOST_OVERLAP_DAYS:
        raise Invalid("overlap-days")
    with transaction() as session:
        issuance_id, now = ids.new_id(), clock.now()
        sleutel_id, key = sleutels.make(
            actor,
            gemeente=aanvraag.gemeente,
            omgeving=Omgeving(aanvraag.omgeving or ""),
            dossier=aanvraag.id,
            not_before=starts_at(aanvraag.gemeente),
        )
        code, password, token = new_activation_code(), new_password(), Secret(ids.link_token())
        zip_data = build_zip(contents.key_text(key, code), password, contents.KEY_ENTRY)
        issuance = Issuance(
            id=issuance_id,
            aanvraag_id=aanvraag.id,
            number=count_of(aanvraag.id) + 1,
            approval_id=approval.id,
            approved_by=approval.approved_by,
            four_eyes=approval.four_eyes,
            issued_by=actor.person,
            issued_at=now,
            deadline=now + DELIVERY,
            sleutel_id=sleutel_id,
            renews=renews,
            overlap_days=overlap if renews else None,
            z_number=ids.z_number(),
            zip=settings.rings().seal("zip", zip_data, _place("zip", issuance_id)),
            password=settings.rings().seal("password", password.reveal().encode(), _place("password", issuance_id)),
            receipt_digest=token_digest(token),
            activation_mac=settings.rings().mac(_PURPOSE, str(issuance_id), code.reveal()),
            copies=1,
        )
        session.add(issuance)
        session.flush()
        _record(actor, issuance, aanvraag)
        enqueue(messages.key_mail(issuance, zip_data, token))
    return issuance_id


def _record(actor: Actor, issuance: Issuance, aanvraag: Aanvraag) -> None:
    audit.record(
        events.STARTED,
        actor,
        dossier=aanvraag.id,
        subject=issuance.id,
        gemeente=aanvraag.gemeente,
        number=issuance.number,
        approval=issuance.approval_id,
        sleutel=issuance.sleutel_id,
        deadline=issuance.deadline,
        renews=issuance.renews_id,
        overlap=issuance.overlap_days,
    )


def unsealed_zip(issuance: Issuance) -> bytes:
    """Return the zip, still encrypted with its password. Raises Conflict when no ring key opens it any more."""
    return _unsealed("zip", issuance.zip, issuance.id)


def unsealed_password(issuance: Issuance) -> Secret:
    """Return the password of the zip. Raises Conflict when no ring key opens it any more."""
    return Secret(_unsealed("password", issuance.password, issuance.id).decode())


def _unsealed(column: str, sealed: bytes | None, issuance_id: UUID) -> bytes:
    try:
        return settings.rings().unseal(column, sealed or b"", _place(column, issuance_id))  # the ring has its name
    except SealBroken as error:
        raise Conflict("seal-broken") from error


def code_fits(issuance: Issuance, code: Secret) -> bool:
    """Tell, in constant time, whether this is the activation code that lies in the zip."""
    return settings.rings().mac_fits(issuance.activation_mac or b"", _PURPOSE, str(issuance.id), code.reveal())


def _place(column: str, issuance_id: UUID) -> Place:
    return Place(Issuance.__tablename__, column, issuance_id)
