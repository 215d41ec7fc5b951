"""How the trail stands, for the front page of the auditor, and what still waits for its place in the tree."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from keyservice.audit import sealer
from keyservice.audit.models import AuditEvent, AuditLeaf
from keyservice.audit.status import Status, status
from keyservice.database import db

# A checkpoint comes a minute after an event at the latest; later than this somebody has to look.
SEALED_WITHIN = timedelta(minutes=5)
# BIO2 8.15.06 asks for a periodic check; docs/operations.md for one every night.
VERIFIED_WITHIN = timedelta(days=2)


@dataclass(frozen=True)
class Integrity:
    """The trail, how many events are not sealed yet, and since when the oldest of them waits."""

    trail: Status
    waiting: int
    waiting_since: datetime | None

    @property
    def outside_differs(self) -> bool:
        """Tell whether database and file outside do not fit: the other cause is what the last full verify found."""
        broken, verified = self.trail.broken, self.trail.verified
        return broken is not None and not (verified and verified.faults and broken == verified.first)

    def late(self, now: datetime) -> bool:
        """Tell whether an event waits too long for its place in the tree."""
        return self.waiting_since is not None and now - self.waiting_since > SEALED_WITHIN

    def unverified(self, now: datetime) -> bool:
        """Tell whether the last full verify is too long ago."""
        return self.trail.verified is None or now - self.trail.verified.at > VERIFIED_WITHIN


def read_integrity() -> Integrity:
    """Return how the trail stands."""
    newest = sealer.newest()
    settled = sealer.through_before(newest.at - sealer.LONGEST_ACT) if newest else 0
    query = (
        select(func.count(), func.min(AuditEvent.at))
        .outerjoin(AuditLeaf, AuditLeaf.event == AuditEvent.id)
        .where(AuditEvent.row > settled, AuditLeaf.event.is_(None))
    )
    waiting, since = db.session.execute(query).one()
    return Integrity(status(), waiting, since)
