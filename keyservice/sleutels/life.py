"""The life of a key: what follows from stored facts and the moment, and is itself never stored. Pure.

Pages, the API, the timers and the messages all ask here; nobody else derives a state, a warning or an end.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from keyservice.kernel.clock import end_of_day, local_date, working_day_on_or_before

WARN_DAYS = (90, 60, 30, 14, 7, 1)  # calendar days before the last day, or the working day before (ADR 33)
OVERLAP_DAYS, MOST_OVERLAP_DAYS = 14, 30  # of an old key, after the first use of the new one (ADR 33)
RESUME_WITHIN = timedelta(days=7)
REPLACED = "replaced"
"""Why the program revokes a key whose successor is in use."""


class State(StrEnum):
    """What a key is at a moment; only ACTIVE opens anything."""

    REVOKED = "revoked"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    SLEEPING = "sleeping"
    ACTIVE = "active"


class Blocker(StrEnum):
    """Who or what suspended a key, from weak to strong: that says who lets it work again.

    ENDED is the end of its gemeente, PROGRAM the verifier or a restore.
    """

    ENDED = "ended"
    GEMEENTE = "gemeente"
    DUO = "duo"
    PROGRAM = "program"

    def yields_to(self, other: "Blocker") -> bool:
        """Tell whether another one may take over this block: only a stronger one, else a block could be weakened."""
        order = list(Blocker)
        return order.index(self) < order.index(other)


class Need(StrEnum):
    """What somebody should do about a key next."""

    ACTIVATE = "activate"
    REPLACE = "replace"
    RESUME = "resume"
    ASK_DUO = "ask-duo"
    ASK_SUCCESSOR = "ask-successor"


@dataclass(frozen=True)
class Facts:
    """What happened to a key. All moments are aware; None means it did not happen.

    `resume_asked_by` is the relatiebeheerder who asked, at `resume_asked_at`, that a suspended key works again.
    """

    not_before: datetime
    expires_at: datetime
    activated_at: datetime | None = None
    suspended_at: datetime | None = None
    revoked_at: datetime | None = None
    suspended_by: Blocker | None = None
    resume_asked_by: UUID | None = None
    resume_asked_at: datetime | None = None

    @property
    def blocker(self) -> Blocker | None:
        """Return who or what suspended the key; before that was noted, only the program could."""
        return None if self.suspended_at is None else self.suspended_by or Blocker.PROGRAM


@dataclass(frozen=True)
class Standing:
    """How a key stands: `soon` says that it works but not for long, `next_at` when it changes by itself."""

    state: State
    soon: bool = False
    next_at: datetime | None = None
    need: Need | None = None


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


def standing(facts: Facts, now: datetime, ends_at: datetime | None = None) -> Standing:
    """Return how a key stands at `now`; `ends_at` is when it stops because its successor is in use, if it is."""
    found = state(facts, now)
    end = min(facts.expires_at, ends_at or facts.expires_at)
    if found in {State.REVOKED, State.EXPIRED}:
        return Standing(found)
    if found is State.SUSPENDED:
        return Standing(found, next_at=end, need=_need_of_suspended(facts))
    if facts.activated_at is None:
        return Standing(found, next_at=end, need=Need.ACTIVATE)
    if found is State.SLEEPING:
        return Standing(found, next_at=facts.not_before)
    soon = warnings_passed(end, now) > 0
    return Standing(found, soon, end, Need.REPLACE if soon and end == facts.expires_at else None)


def _need_of_suspended(facts: Facts) -> Need:
    needs = {Blocker.GEMEENTE: Need.RESUME, Blocker.ENDED: Need.ASK_SUCCESSOR}
    return needs.get(facts.blocker or Blocker.PROGRAM, Need.ASK_DUO)


def warn_on(expires_at: datetime, days: int) -> date:
    """Return the day of a warning so many days before the last day, or the working day before it."""
    return working_day_on_or_before(local_date(expires_at) - timedelta(days=days))


def warnings_passed(expires_at: datetime, now: datetime) -> int:
    """Return how many of the days of `WARN_DAYS` have come; one more says that the key has expired."""
    if now >= expires_at:
        return len(WARN_DAYS) + 1
    return sum(warn_on(expires_at, days) <= local_date(now) for days in WARN_DAYS)


def ends_at(old: Facts, first_use: datetime | None, overlap: int) -> datetime:
    """Return when a key ends of which the successor was first used at `first_use` (None: not yet) (I17).

    It lives on for `overlap` days after that, the last of them whole, or until its own expiry; 0 ends it at once.
    """
    if first_use is None:
        return old.expires_at
    last = end_of_day(local_date(first_use) + timedelta(days=overlap)) if overlap else first_use
    return min(old.expires_at, last)


def takes_over(new: Facts, reason: str | None, now: datetime) -> bool:
    """Tell whether a new key ends the one before it: it works, or was itself followed by one that does.

    One that sleeps, was suspended or revoked, or lapsed ends nothing: the old one may be the only one that works.
    """
    return state(new, now) is State.ACTIVE or (new.revoked_at is not None and reason == REPLACED)


def resume_asked(facts: Facts, now: datetime) -> UUID | None:
    """Return who asked that a suspended key works again, while a colleague can still confirm that."""
    asked_at = facts.resume_asked_at
    if facts.suspended_at is None or asked_at is None or now >= asked_at + RESUME_WITHIN:
        return None
    return facts.resume_asked_by
