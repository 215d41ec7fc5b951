"""How the trail stands, for the front page of the auditor: cheap, a look at the newest checkpoints only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from keyservice import settings
from keyservice.accounts.queries import names
from keyservice.audit import outside, sealer
from keyservice.audit.checkpoint import CheckpointBroken, read
from keyservice.audit.events import VERIFIED
from keyservice.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf
from keyservice.audit.queries import search
from keyservice.database import db

# A checkpoint comes a minute after an event at the latest (`design.md` 7); later than this somebody has to look.
SEALED_WITHIN = timedelta(minutes=5)
# BIO2 8.15.06 asks for a periodic check; docs/operations.md for one every night.
VERIFIED_WITHIN = timedelta(days=2)


@dataclass(frozen=True)
class Verified:
    """A full verify: when, by whom, how many events it read, and what it found."""

    at: datetime
    by: str | None
    size: int
    faults: int
    first: str | None


@dataclass(frozen=True)
class Integrity:
    """The newest checkpoint (None: nothing was ever sealed), what waits for the next one, and the last full verify.

    `broken` says why the trail is broken, if it is; `outside_differs` that database and file outside do not fit.
    """

    size: int | None
    sealed_at: datetime | None
    waiting: int
    waiting_since: datetime | None
    verified: Verified | None
    broken: str | None
    outside_differs: bool

    def late(self, now: datetime) -> bool:
        """Tell whether an event waits too long for its place in the tree."""
        return self.waiting_since is not None and now - self.waiting_since > SEALED_WITHIN

    def unverified(self, now: datetime) -> bool:
        """Tell whether the last full verify is too long ago."""
        return self.verified is None or now - self.verified.at > VERIFIED_WITHIN


def read_integrity() -> Integrity:
    """Return how the trail stands."""
    newest, verified = sealer.newest(), _last_verify()
    waiting, since = _waiting(newest)
    found = verified.first or "audit verify" if verified and verified.faults else None
    differs = _broken(newest)
    return Integrity(
        size=newest.size if newest else None,
        sealed_at=newest.at if newest else None,
        waiting=waiting,
        waiting_since=since,
        verified=verified,
        broken=differs or found,
        outside_differs=differs is not None,
    )


def _waiting(newest: AuditCheckpoint | None) -> tuple[int, datetime | None]:
    """Return how many events are not in the tree yet, and since when the oldest of them waits."""
    settled = 0
    if newest:
        old = AuditCheckpoint.at < newest.at - sealer.LONGEST_ACT
        settled = db.session.scalar(select(func.max(AuditCheckpoint.through)).where(old)) or 0
    query = (
        select(func.count(), func.min(AuditEvent.at))
        .outerjoin(AuditLeaf, AuditLeaf.event == AuditEvent.id)
        .where(AuditEvent.row > settled, AuditLeaf.event.is_(None))
    )
    count, since = db.session.execute(query).one()
    return count, since


def _last_verify() -> Verified | None:
    found = search(code=VERIFIED.code, limit=1)
    if not found:
        return None
    event, fields = found[0], found[0].fields
    by = names([event.person]).get(event.person) if event.person else event.private.get("source")
    return Verified(event.at, by, fields.get("size", 0), fields.get("faults", 0), fields.get("first"))


def _broken(newest: AuditCheckpoint | None) -> str | None:
    """Compare the newest checkpoints of the file outside and the database; return in what they differ."""
    try:
        lines = outside.lines(settings.current().checkpoints)
        texts = [line["checkpoint"] for line in lines if "checkpoint" in line]
        published = read(texts[-1], *sealer.public_keys()) if texts else None
        if newest:
            read(newest.text, *sealer.public_keys())
    except (outside.FileDamaged, CheckpointBroken) as error:
        return str(error)
    if published is None:
        return None
    size = newest.size if newest else 0
    if size < published.size:
        return f"the database has {size} events in the tree and the file outside {published.size}"
    same = db.session.get(AuditCheckpoint, published.size)
    if same is None or same.root != published.root:
        return f"the database and the file outside have other roots at size {published.size}"
    return None
