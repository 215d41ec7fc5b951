"""Reading waves: which keys one would renew, how far it is, and its list, page by page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, exists, func, select
from sqlalchemy.orm import aliased

from keyservice.aanvragen.models import Aanvraag
from keyservice.accounts.queries import holders
from keyservice.contacts.queries import account_finder
from keyservice.database import db
from keyservice.gemeenten.models import Gemeente
from keyservice.issuance.eligibility import Renewal, barred, cases, judge
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.wave_models import Wave, WaveItem
from keyservice.issuance.wave_workflow import Result, WaveStatus
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.kernel.errors import NotFound
from keyservice.outbox.models import Delivery, Letter, OutboxMessage
from keyservice.sleutels.models import Sleutel

PAGE = 50


@dataclass(frozen=True)
class Wanted:
    """Which keys to renew: that expire at this moment at the latest; omgeving and gemeenten (codes) None for all."""

    expires_until: datetime
    omgeving: str | None = None
    gemeenten: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Counts:
    """How many aanvragen of a wave are where, and how often each code kept a key from being renewed.

    `expected` are the codes of those that wait, as things stood when the list was made.
    """

    done: int
    refused: int
    waiting: int
    reasons: Mapping[str, int]
    expected: Mapping[str, int]

    @property
    def total(self) -> int:
        """Return how many there are."""
        return self.done + self.refused + self.waiting

    @property
    def judged(self) -> int:
        """Return how many have had their turn."""
        return self.done + self.refused


def wave(wave_id: UUID, *, lock: bool = False) -> Wave:
    """Return a wave; `lock` keeps others from moving it until the transaction ends. Raises NotFound."""
    found = db.session.get(Wave, wave_id, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise NotFound("wave")
    return found


def waves(before: datetime | None = None, limit: int = PAGE) -> Sequence[Wave]:
    """Return waves, newest first; `before` is when the last one of the page before was prepared."""
    query = select(Wave).order_by(Wave.prepared_at.desc()).limit(limit)
    return db.session.scalars(query.where(Wave.prepared_at < before) if before else query).all()


def in_state(*statuses: WaveStatus, until: datetime | None = None) -> Sequence[UUID]:
    """Return the waves in some states, the longest standing first; `until` is since when at the latest."""
    query = select(Wave.id).where(Wave.status.in_(statuses)).order_by(Wave.status_since)
    return db.session.scalars(query.where(Wave.status_since <= until) if until else query).all()


def keys_to_renew(wanted: Wanted) -> Sequence[tuple[UUID, UUID]]:
    """Return aanvraag and newest delivered key of all that work or are suspended and fit, by gemeente and number."""
    newest = (
        select(Issuance.aanvraag_id, func.max(Issuance.number).label("number"))
        .where(Issuance.end_reason == End.DONE)
        .group_by(Issuance.aanvraag_id)
        .subquery()
    )
    query = (
        select(Aanvraag.id, Sleutel.id)
        .join(newest, newest.c.aanvraag_id == Aanvraag.id)
        .join(Issuance, (Issuance.aanvraag_id == Aanvraag.id) & (Issuance.number == newest.c.number))
        .join(Sleutel, Sleutel.id == Issuance.sleutel_id)
        .join(Gemeente, Gemeente.code == Aanvraag.gemeente)
        .where(Sleutel.revoked_at.is_(None), Sleutel.expires_at > clock.now())
        .where(Sleutel.expires_at <= wanted.expires_until)
        .order_by(Gemeente.sort_name, Aanvraag.number)
    )
    if wanted.omgeving:
        query = query.where(Aanvraag.omgeving == wanted.omgeving)
    if wanted.gemeenten is not None:
        query = query.where(Aanvraag.gemeente.in_(wanted.gemeenten))
    return [(aanvraag, sleutel) for aanvraag, sleutel in db.session.execute(query)]


def relatiebeheerders() -> list[UUID]:
    """Return who may issue keys now."""
    return [person.id for person in holders(Role.RELATIEBEHEERDER)]


def issuer(found: Renewal, people: Sequence[UUID | None]) -> UUID | None:
    """Return the first of some people who may issue this key (I8); pass only who is relatiebeheerder now."""
    return next((p for p in people if p and barred(p, found.aanvraag, found.approval) is None), None)


def obstacles(keys: Sequence[tuple[UUID, UUID]], people: Sequence[UUID | None]) -> dict[UUID, str | None]:
    """Return for many aanvragen, each with the key to be renewed, the code of why it cannot be now, or None."""
    found, now = cases([aanvraag for aanvraag, _ in keys], account_finder()), clock.now()
    able = set(relatiebeheerders())
    issuers = [person for person in people if person in able]
    return {aanvraag: _code(judge(found[aanvraag], now), sleutel, issuers) for aanvraag, sleutel in keys}


def _code(found: Renewal | str, sleutel: UUID, issuers: Sequence[UUID | None]) -> str | None:
    if isinstance(found, str):
        return found
    if found.sleutel.id != sleutel:
        return "renewed-meanwhile"
    return None if issuer(found, issuers) else "no-issuer"


def items(wave_id: UUID) -> Sequence[Row[UUID, UUID, str | None]]:
    """Return aanvraag, key and expectation of everything on the list, in order."""
    query = select(WaveItem.aanvraag_id, WaveItem.sleutel_id, WaveItem.expected)
    return db.session.execute(query.where(WaveItem.wave_id == wave_id).order_by(WaveItem.position)).all()


def next_item(wave_id: UUID) -> WaveItem | None:
    """Return the first of a wave that has not had its turn; the caller holds the lock on the wave."""
    query = select(WaveItem).where(WaveItem.wave_id == wave_id, WaveItem.result == Result.WAITING)
    return db.session.scalar(query.order_by(WaveItem.position).limit(1))


def locked_aanvraag(aanvraag_id: UUID) -> Aanvraag:
    """Return an aanvraag that nobody else changes until the transaction ends. Raises NoResultFound."""
    return db.session.get_one(Aanvraag, aanvraag_id, with_for_update=True, populate_existing=True)


def counts(wave_ids: Sequence[UUID]) -> dict[UUID, Counts]:
    """Return how far waves are."""
    columns = (WaveItem.wave_id, WaveItem.result, WaveItem.refused, WaveItem.expected)
    query = select(*columns, func.count()).where(WaveItem.wave_id.in_(wave_ids)).group_by(*columns)
    rows = db.session.execute(query).all()
    return {wave_id: _counts([row[1:] for row in rows if row[0] == wave_id]) for wave_id in wave_ids}


def _counts(rows: Sequence[Any]) -> Counts:
    results, reasons, expected = Counter[Result](), Counter[str](), Counter[str]()
    for result, refused, foreseen, n in rows:
        results[result] += n
        if refused:
            reasons[refused] += n
        if foreseen and result is Result.WAITING:
            expected[foreseen] += n
    return Counts(
        results[Result.DONE],
        results[Result.REFUSED],
        results[Result.WAITING],
        dict(reasons.most_common()),
        dict(expected.most_common()),
    )


def report(
    wave_id: UUID, *, result: Result | None = None, after: int = 0, limit: int | None = PAGE
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the list with what became of each, from after a position; `limit` None for all."""
    query = _report().where(WaveItem.wave_id == wave_id, WaveItem.position > after)
    query = query.where(WaveItem.result == result) if result else query
    return db.session.execute(query.order_by(WaveItem.position).limit(limit)).all()


def _report() -> Select[*tuple[Any, ...]]:
    old, new = aliased(Sleutel), aliased(Sleutel)
    failed = exists().where(
        OutboxMessage.dossier == Issuance.aanvraag_id,
        OutboxMessage.created_at >= Issuance.issued_at,
        OutboxMessage.status == Delivery.DEAD,
    )
    return (
        select(
            WaveItem.position, WaveItem.aanvraag_id, WaveItem.expected, WaveItem.result, WaveItem.refused,
            Aanvraag.number, Aanvraag.gemeente, Aanvraag.gemeente_name, Aanvraag.omgeving, Aanvraag.pakket,
            old.number.label("old"), old.expires_at, new.number.label("new"),
            Issuance.ended_at, Issuance.end_reason, Issuance.received_at, Issuance.released_at,
            Issuance.password_sent_at, Letter.status.label("letter"), failed.label("failed"),
        )
        .join(Aanvraag, Aanvraag.id == WaveItem.aanvraag_id)
        .join(old, old.id == WaveItem.sleutel_id)
        .outerjoin(Issuance, Issuance.id == WaveItem.issuance_id)
        .outerjoin(new, new.id == Issuance.sleutel_id)
        .outerjoin(Letter, Letter.subject == Issuance.id)
    )  # fmt: skip
