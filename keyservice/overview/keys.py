"""The keys of one gemeente: those that live, each with what its people should look at, and the ended ones."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.orm import aliased

from keyservice.aanvragen.models import Aanvraag
from keyservice.contacts.models import Contact
from keyservice.database import db
from keyservice.issuance.models import Issuance
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
    aanvraag_id: UUID
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


def of_gemeente(gemeente: str) -> Keys:
    """Return the keys of a gemeente (code)."""
    now = clock.now()
    lives = Sleutel.revoked_at.is_(None) & (Sleutel.expires_at > now)
    living = _rows(gemeente, lives, Sleutel.expires_at.asc())
    ended = _rows(gemeente, ~lives, func.coalesce(Sleutel.revoked_at, Sleutel.expires_at).desc())
    ids = [row.Sleutel.id for row in (*living, *ended)]
    used, newer = use_of(ids), _replaced(ids)
    return Keys(*([_key(row, used, newer, now) for row in rows] for rows in (living, ended)))


def _rows(gemeente: str, which: ColumnElement[bool], order: ColumnElement[Any]) -> Sequence[Row[*tuple[Any, ...]]]:
    zip_to, password_to = aliased(Contact), aliased(Contact)
    gone = zip_to.retired_at.is_not(None) | password_to.retired_at.is_not(None)
    query = (
        select(
            Sleutel, Aanvraag.id.label("aanvraag_id"), Aanvraag.leverancier, Aanvraag.pakket, Issuance.deadline,
            func.coalesce(gone, False).label("gone"),
        )
        .join(Issuance, Issuance.sleutel_id == Sleutel.id)
        .join(Aanvraag, Aanvraag.id == Issuance.aanvraag_id)
        .outerjoin(zip_to, zip_to.id == Aanvraag.key_contact_id)
        .outerjoin(password_to, password_to.id == Aanvraag.password_contact_id)
        .where(Sleutel.gemeente == gemeente, which)
        .order_by(order, Sleutel.id)
        .limit(MOST)
    )  # fmt: skip
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


def _key(row: Any, used: dict[UUID, Use], newer: dict[UUID, datetime], now: datetime) -> Key:
    sleutel, use = row.Sleutel, used.get(row.Sleutel.id)
    facts, last_use = sleutel.facts, use.last_at if use else None
    return Key(
        id=sleutel.id,
        number=sleutel.number,
        aanvraag_id=row.aanvraag_id,
        pakket=f"{row.pakket} ({row.leverancier})",
        omgeving=sleutel.omgeving,
        facts=facts,
        use=use,
        next=next_date(facts, row.deadline, now),
        flags=flags(facts, last_use, now, contact_gone=bool(row.gone), replaced_at=newer.get(sleutel.id)),
    )
