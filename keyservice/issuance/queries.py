"""Reading issuances. Who may see which rows, the aanvraag decides (I9)."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select

from keyservice.aanvragen.queries import aanvraag_for
from keyservice.contacts.models import BY_LOGIN, Part
from keyservice.database import db
from keyservice.issuance.models import Issuance
from keyservice.issuance.recipients import recipients
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import NotFound
from keyservice.kernel.secret import Secret


def of_aanvraag(aanvraag_id: UUID) -> Sequence[Issuance]:
    """Return the issuances of an aanvraag, oldest first."""
    return db.session.scalars(
        select(Issuance).where(Issuance.aanvraag_id == aanvraag_id).order_by(Issuance.number)
    ).all()


def underway(aanvraag_id: UUID) -> Issuance | None:
    """Return the one issuance of an aanvraag that has not ended."""
    return db.session.scalar(select(Issuance).where(Issuance.aanvraag_id == aanvraag_id, Issuance.ended_at.is_(None)))


def issuance_for(actor: Actor, issuance_id: UUID, *, lock: bool = False) -> Issuance:
    """Return an issuance of an aanvraag that the actor may see; `lock` keeps others from changing it meanwhile.

    Raises NotFound for all else (I9).
    """
    found = db.session.scalar(_locked(select(Issuance).where(Issuance.id == issuance_id), lock=lock))
    if found is None:
        raise NotFound("issuance")
    aanvraag_for(actor, found.aanvraag_id)
    return found


def for_recipient(actor: Actor, issuance_id: UUID, part: Part, *, lock: bool = False) -> Issuance:
    """Return an issuance to the person who must log in for its zip or password, by the approved snapshot (I13).

    Raises NotFound for everybody else, whatever the role (I9).
    """
    found = db.session.scalar(_locked(select(Issuance).where(Issuance.id == issuance_id), lock=lock))
    if found is not None and actor.person is not None and actor.gemeente == found.aanvraag.gemeente:
        to = recipients(found.approval.snapshot)
        mine = to.key if part is Part.KEY else to.password
        if mine.via in BY_LOGIN and mine.account == actor.person:
            return found
    raise NotFound("issuance")


def by_receipt_token(token: Secret, *, lock: bool = False) -> Issuance | None:
    """Return the issuance underway whose newest mail carries this token."""
    query = select(Issuance).where(
        Issuance.receipt_digest == token_digest(token),
        Issuance.ended_at.is_(None),
        Issuance.deadline > clock.now(),
    )
    return db.session.scalar(_locked(query, lock=lock))


def token_digest(token: Secret) -> bytes:
    """Return the SHA-256 under which a receipt token is stored; 256 random bits need no more."""
    return hashlib.sha256(token.reveal().encode()).digest()


def _locked(query: Select[Issuance], *, lock: bool) -> Select[Issuance]:
    return query.with_for_update().execution_options(populate_existing=True) if lock else query


def dossier_of(sleutel_id: UUID) -> UUID | None:
    """Return the aanvraag that a key was issued for."""
    return db.session.scalar(select(Issuance.aanvraag_id).where(Issuance.sleutel_id == sleutel_id))
