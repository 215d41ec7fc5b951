"""The life of a key: its state follows from stored facts and the moment, and is itself never stored."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """What a key is at a moment; only ACTIVE opens anything."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    SLEEPING = "sleeping"
    ACTIVE = "active"


@dataclass(frozen=True)
class Facts:
    """What happened to a key. All moments are aware; None means it did not happen."""

    not_before: datetime
    expires_at: datetime
    activated_at: datetime | None = None
    suspended_at: datetime | None = None
    revoked_at: datetime | None = None


def state(facts: Facts, now: datetime) -> State:
    """Return the state at `now`; the first that holds, in the order of `State`.

    A fact counts from when it is recorded, whatever the clock says: a revoked key never returns (I16), also
    when a clock runs behind. `not_before` is the first moment a key can work, `expires_at` the first at which it no
    longer does (as nbf and exp in RFC 7519, 4.1.4 and 4.1.5).
    """
    if facts.revoked_at is not None:
        return State.REVOKED
    if now >= facts.expires_at:
        return State.EXPIRED
    if facts.suspended_at is not None:
        return State.SUSPENDED
    if facts.activated_at is None or now < facts.not_before:
        return State.SLEEPING
    return State.ACTIVE
