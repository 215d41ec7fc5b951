"""Reading keys."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from keyservice.database import db
from keyservice.kernel.secret import Secret
from keyservice.sleutels.format import digest
from keyservice.sleutels.life import State
from keyservice.sleutels.models import Sleutel, SleutelUse


@dataclass(frozen=True)
class Use:
    """When a key was shown first and last, how often, and from which networks (the latest first)."""

    first_at: datetime
    last_at: datetime
    count: int
    networks: tuple[str, ...]


def by_digest(key: Secret) -> Sleutel | None:
    """Return the row of a key, by the index on its SHA-256. Whether the row can be trusted, its MAC says."""
    return db.session.scalar(select(Sleutel).where(Sleutel.digest == digest(key)))


def by_digests(digests: Iterable[bytes]) -> Sequence[Sleutel]:
    """Return the rows of several keys by their SHA-256, in one query; of a key that never existed there is none."""
    return db.session.scalars(select(Sleutel).where(Sleutel.digest.in_(list(digests)))).all()


def locked(sleutel_id: UUID) -> Sleutel:
    """Return a key that nobody else changes until the transaction ends. Raises NoResultFound."""
    query = select(Sleutel).where(Sleutel.id == sleutel_id).with_for_update()
    return db.session.execute(query, execution_options={"populate_existing": True}).scalar_one()


def use_of(ids: Collection[UUID]) -> dict[UUID, Use]:
    """Return of these keys how they were used; a key that never opened anything is not in it."""
    query = select(SleutelUse).where(SleutelUse.sleutel_id.in_(ids), SleutelUse.state == State.ACTIVE)
    found: dict[UUID, Use] = {}
    for row in db.session.scalars(query.order_by(SleutelUse.last_at.desc())):
        seen = found.get(row.sleutel_id, Use(row.first_at, row.last_at, 0, ()))
        networks = tuple(dict.fromkeys((*seen.networks, row.network)))
        first, last = min(seen.first_at, row.first_at), max(seen.last_at, row.last_at)
        found[row.sleutel_id] = Use(first, last, seen.count + row.count, networks)
    return found
