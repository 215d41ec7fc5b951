"""Reading issuances. Who may see which rows, the aanvraag decides (I9)."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, bindparam, func, select
from sqlalchemy.orm import joinedload

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.queries import aanvraag_for
from keyservice.contacts.models import BY_LOGIN, Part
from keyservice.database import db, table_of
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.recipients import recipients
from keyservice.kernel import clock, ids
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import NotFound
from keyservice.kernel.secret import Secret
from keyservice.outbox.models import Letter, LetterStatus
from keyservice.sleutels.life import State, state
from keyservice.sleutels.models import Sleutel

_COUNT = select(func.count()).where(table_of(Issuance).c.aanvraag_id == bindparam("aanvraag"))


def of_aanvraag(aanvraag_id: UUID) -> Sequence[Issuance]:
    """Return the issuances of an aanvraag, oldest first."""
    return db.session.scalars(
        select(Issuance).where(Issuance.aanvraag_id == aanvraag_id).order_by(Issuance.number)
    ).all()


def count_of(aanvraag_id: UUID) -> int:
    """Return how many issuances an aanvraag has had."""
    return db.session.scalar(_COUNT, {"aanvraag": aanvraag_id}) or 0


def underway(aanvraag_id: UUID) -> Issuance | None:
    """Return the one issuance of an aanvraag that has not ended."""
    return db.session.scalar(select(Issuance).where(Issuance.aanvraag_id == aanvraag_id, Issuance.ended_at.is_(None)))


def active_keys(gemeente: str) -> Sequence[Row[Aanvraag, Sleutel]]:
    """Return the keys of a gemeente that work now, each with the aanvraag it was issued for, newest first."""
    rows = db.session.execute(
        select(Aanvraag, Sleutel)
        .join(Issuance, Issuance.aanvraag_id == Aanvraag.id)
        .join(Sleutel, Sleutel.id == Issuance.sleutel_id)
        .where(Aanvraag.gemeente == gemeente, Sleutel.activated_at.is_not(None), Sleutel.revoked_at.is_(None))
        .order_by(Sleutel.not_before.desc())
    ).all()
    now = clock.now()
    return [row for row in rows if state(row[1].facts, now) is State.ACTIVE]


def of_sleutel(sleutel_id: UUID) -> Issuance | None:
    """Return the issuance that a key belongs to."""
    return db.session.scalar(select(Issuance).where(Issuance.sleutel_id == sleutel_id))


def followed(aanvraag: Aanvraag) -> Sleutel | None:
    """Return the key that a new one of an aanvraag is to follow, if there is one that lives.

    That is the newest delivered key of the aanvraag itself, or else of the one that it replaces.
    """
    lives = (Issuance.end_reason == End.DONE, Sleutel.revoked_at.is_(None), Sleutel.expires_at > clock.now())
    for aanvraag_id in (aanvraag.id, aanvraag.replaces_id):
        query = select(Sleutel).join(Issuance, Issuance.sleutel_id == Sleutel.id).where(*lives)
        query = query.where(Issuance.aanvraag_id == aanvraag_id).order_by(Issuance.number.desc()).limit(1)
        if aanvraag_id and (found := db.session.scalar(query)):
            return found
    return None


def followers(sleutels: Collection[UUID]) -> dict[UUID, Issuance]:
    """Return by old key the newest delivered issuance that follows it; its key may have ended since."""
    query = select(Issuance).where(Issuance.renews_id.in_(sleutels), Issuance.end_reason == End.DONE)
    found = db.session.scalars(query.options(joinedload(Issuance.sleutel)).order_by(Issuance.ended_at))
    return {issuance.renews_id: issuance for issuance in found if issuance.renews_id}


def in_use(aanvragen: Collection[UUID]) -> set[UUID]:
    """Return which of these aanvragen have a delivery underway or a key that still lives."""
    lives = (Issuance.end_reason == End.DONE) & Sleutel.revoked_at.is_(None) & (Sleutel.expires_at > clock.now())
    query = select(Issuance.aanvraag_id).join(Sleutel, Sleutel.id == Issuance.sleutel_id)
    return set(
        db.session.scalars(query.where(Issuance.aanvraag_id.in_(aanvragen), Issuance.ended_at.is_(None) | lives))
    )


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


def waiting_for(actor: Actor) -> list[tuple[Issuance, Part]]:
    """Return what waits for this person to log in for it: a zip to fetch or report, a password to look at."""
    query = select(Issuance).join(Aanvraag, Aanvraag.id == Issuance.aanvraag_id)
    query = query.where(Aanvraag.gemeente == actor.gemeente, Issuance.ended_at.is_(None))
    query = query.where(Issuance.password_sent_at.is_(None), Issuance.deadline > clock.now())
    found: list[tuple[Issuance, Part]] = []
    for issuance in db.session.scalars(query.order_by(Issuance.issued_at)):
        to = recipients(issuance.approval.snapshot)
        part, mine = (Part.PASSWORD, to.password) if issuance.handed_over else (Part.KEY, to.key)
        if mine.via in BY_LOGIN and mine.account == actor.person:
            found.append((issuance, part))
    return found


def by_receipt_token(token: Secret, *, lock: bool = False) -> Issuance | None:
    """Return the issuance underway whose newest mail carries this token."""
    query = select(Issuance).where(
        Issuance.receipt_digest == token_digest(token),
        Issuance.ended_at.is_(None),
        Issuance.deadline > clock.now(),
    )
    return db.session.scalar(_locked(query, lock=lock))


def letter(letter_id: UUID) -> Letter | None:
    """Return a letter by id."""
    return db.session.get(Letter, letter_id)


def letters_of(issuances: Iterable[UUID]) -> dict[UUID, Letter]:
    """Return the letter of each issuance that has one."""
    found = db.session.scalars(select(Letter).where(Letter.subject.in_(set(issuances))))
    return {row.subject: row for row in found}


# Until they are on their way a person must do something with them.
AT_DUO = frozenset({LetterStatus.WAITING, LetterStatus.OPENED})
_AT_DUO = Letter.status.in_(AT_DUO)


def letters_underway() -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the letters of deliveries that have not ended: what stands longest first, the posted ones last."""
    query = (
        select(Letter, Issuance.deadline, Aanvraag.id.label("aanvraag_id"), Aanvraag.number, Aanvraag.gemeente_name)
        .join(Issuance, Issuance.id == Letter.subject)
        .join(Aanvraag, Aanvraag.id == Issuance.aanvraag_id)
        .where(Issuance.ended_at.is_(None))
        .order_by(_AT_DUO.desc(), Letter.status_since)
    )
    return db.session.execute(query).all()


def letters_at_duo(*where: ColumnElement[bool]) -> Sequence[Letter]:
    """Return the letters that a relatiebeheerder must print or post."""
    return db.session.scalars(_at_duo(select(Letter)).where(*where)).all()


def count_letters_at_duo() -> int:
    """Return how many letters wait for a relatiebeheerder."""
    return db.session.scalar(_at_duo(select(func.count()).select_from(Letter))) or 0


def _at_duo(query: Select[Any]) -> Select[Any]:
    return query.join(Issuance, Issuance.id == Letter.subject).where(Issuance.ended_at.is_(None), _AT_DUO)


def token_digest(token: Secret) -> bytes:
    """Return what is stored of the token of a receipt."""
    return ids.token_digest(token.reveal())


def _locked(query: Select[Issuance], *, lock: bool) -> Select[Issuance]:
    return query.with_for_update().execution_options(populate_existing=True) if lock else query


def dossier_of(sleutel_id: UUID) -> UUID | None:
    """Return the aanvraag that a key was issued for."""
    return db.session.scalar(select(Issuance.aanvraag_id).where(Issuance.sleutel_id == sleutel_id))
