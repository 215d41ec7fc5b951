"""Who works: each worker writes every few seconds that it lives, so that others can tell whether any does."""

import socket
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select

from keyservice.database import db, transaction, upsert
from keyservice.kernel import clock
from keyservice.outbox.models import WorkerBeat

BEAT_EVERY = timedelta(seconds=10)
# A worker asks nothing of the clock while one message takes its time (`channels.base.LONGEST_ATTEMPT`).
LIVES = timedelta(minutes=1)
FORGET_AFTER = timedelta(hours=1)


def beat(worker: UUID, started_at: datetime) -> None:
    """Write that a worker lives."""
    now = clock.now()
    values = {"id": worker, "host": socket.gethostname(), "started_at": started_at, "seen_at": now}
    statement = upsert(WorkerBeat).values(**values)
    with transaction() as session:
        session.execute(statement.on_conflict_do_update(index_elements=[WorkerBeat.id], set_={"seen_at": now}))


def leave(worker: UUID) -> None:
    """Write that a worker stops."""
    with transaction() as session:
        session.execute(delete(WorkerBeat).where(WorkerBeat.id == worker))


def living() -> int:
    """Return how many workers were seen within the last minute."""
    recent = WorkerBeat.seen_at > clock.now() - LIVES
    return db.session.scalar(select(func.count()).select_from(WorkerBeat).where(recent)) or 0


def forget_dead() -> None:
    """Forget the workers that stopped without a word (timer)."""
    gone = WorkerBeat.seen_at < clock.now() - FORGET_AFTER
    if db.session.scalar(select(WorkerBeat.id).where(gone).limit(1)):
        with transaction() as session:
            session.execute(delete(WorkerBeat).where(gone))
