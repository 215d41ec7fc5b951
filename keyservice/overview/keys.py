"""The keys of one gemeente: those that live, each with what its people should look at, and the ended ones."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, select

from keyservice.aanvragen.models import Aanvraag
from keyservice.database import db
from keyservice.issuance.leaver_queries import keys_of_leavers
from keyservice.issuance.models import Issuance
from keyservice.issuance.overlap import ends_of
from keyservice.kernel import clock
from keyservice.overview.key_facts import Flag, NextDate, flags, next_date
from keyservice.sleutels.life import Facts
from keyservice.sleutels.models import Sleutel
from keyservice.sleutels.queries import Use, use_of

# A gemeente has some keys per year; who has more than this sees the newest.
MOST = 200


@dataclass(frozen=True)
class Key:
    """A key of a gemeente, with all that its row shows."""

    id: UUID
    number: str
    issuance: Issuance
    pakket: str
    omgeving: str
    facts: Facts
    use: Use | None
    next: NextDate | None
    flags: tuple[Flag, ...]


@dataclass(frozen=True)
class Keys:
    """The keys that live, what ends soonest first, and those that ended, the newest first."""

    living: Sequence[Key]
    ended: Sequence[Key]


@dataclass(frozen=True)
class Around:
    """What is known about keys beside their own rows, by id: use, since when replaced, when they stop, who left."""

    used: dict[UUID, Use]
    newer: dict[UUID, datetime]
    stops: dict[UUID, datetime]
    left: set[UUID]


def of_gemeente(gemeente: str) -> Keys:
    """Return the keys of a gemeente (code)."""
    now = clock.now()
    lives = Sleutel.revoked_at.is_(None) & (Sleutel.expires_at > now)
    living = _rows(gemeente, lives, Sleutel.expires_at.asc())
    ended = _rows(gemeente, ~lives, func.coalesce(Sleutel.revoked_at, Sleutel.expires_at).desc())
    ids = [row.Sleutel.id for row in (*living, *ended)]
    around = Around(
        use_of(ids),
        _replaced(ids),
        ends_of(ids),
        {leaver.sleutel for leaver in keys_of_leavers(gemeenten=[gemeente])},
    )
    return Keys(*([_key(row, around, now) for row in rows] for rows in (living, ended)))


def _rows(gemeente: str, which: ColumnElement[bool], order: ColumnElement[Any]) -> Sequence[Row[*tuple[Any, ...]]]:
    query = (
        select(Sleutel, Issuance, Aanvraag.leverancier, Aanvraag.pakket)
        .join(Issuance, Issuance.sleutel_id == Sleutel.id)
        .join(Aanvraag, Aanvraag.id == Issuance.aanvraag_id)
        .where(Sleutel.gemeente == gemeente, which)
        .order_by(order, Sleutel.id)
        .limit(MOST)
    )
    return db.session.execute(query).all()


def _replaced(sleutels: Collection[UUID]) -> dict[UUID, datetime]:
    """Return of these keys since when another key works in their place."""
    query = (
        select(Issuance.renews_id, func.min(Sleutel.activated_at))
        .join(Sleutel, Sleutel.id == Issuance.sleutel_id)
        .where(Issuance.renews_id.in_(sleutels), Sleutel.activated_at.is_not(None))
        .group_by(Issuance.renews_id)
    )
    return {old: since for old, since in db.session.execute(query) if old and since}


def _key(row: Any, around: Around, now: datetime) -> Key:
    sleutel, use = row.Sleutel, around.used.get(row.Sleutel.id)
    facts, last_use = sleutel.facts, use.last_at if use else None
    return Key(
        id=sleutel.id,
        number=sleutel.number,
        issuance=row.Issuance,
        pakket=f"{row.pakket} ({row.leverancier})",
        omgeving=sleutel.omgeving,
        facts=facts,
        use=use,
        next=next_date(facts, row.Issuance.deadline, now, around.stops.get(sleutel.id)),
        flags=flags(facts, last_use, now, left=sleutel.id in around.left, replaced_at=around.newer.get(sleutel.id)),
    )
