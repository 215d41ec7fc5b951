"""Reading keys."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select

from keyservice.database import db
from keyservice.kernel.secret import Secret
from keyservice.sleutels.format import digest
from keyservice.sleutels.models import Sleutel


def by_digest(key: Secret) -> Sleutel | None:
    """Return the row of a key, by the index on its SHA-256. Whether the row can be trusted, its MAC says."""
    return db.session.scalar(select(Sleutel).where(Sleutel.digest == digest(key)))


def by_digests(keys: Iterable[Secret]) -> Sequence[Sleutel]:
    """Return the rows of several keys, in one query; of a key that never existed there is none."""
    return db.session.scalars(select(Sleutel).where(Sleutel.digest.in_([digest(key) for key in keys]))).all()


def locked(sleutel_id: UUID) -> Sleutel:
    """Return a key that nobody else changes until the transaction ends. Raises NoResultFound."""
    query = select(Sleutel).where(Sleutel.id == sleutel_id).with_for_update()
    return db.session.execute(query, execution_options={"populate_existing": True}).scalar_one()
