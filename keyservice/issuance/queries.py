"""Reading issuances. Who may see which rows, the aanvraag decides (I9)."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select

from keyservice.aanvragen.queries import aanvraag_for
from keyservice.database import db
from keyservice.issuance.models import Issuance
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
