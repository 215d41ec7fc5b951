"""What stands out about a key, and what its next date is. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from keyservice.kernel.clock import at
from keyservice.sleutels.life import WARN_DAYS, Facts, State, state, warn_on

# A key that works for this long and was never used was perhaps never put into the software.
NEVER_USED = timedelta(days=30)
UNUSED = timedelta(days=90)


class Flag(StrEnum):
    """What somebody should look at."""

    LEFT = "left"
    NEVER_USED = "never-used"
    UNUSED = "unused"
    OLD_IN_USE = "old-in-use"


class Event(StrEnum):
    """What happens on the next date of a key."""

    LAPSES = "lapses"
    STARTS = "starts"
    STOPS = "stops"
    WARNING = "warning"
    EXPIRES = "expires"


@dataclass(frozen=True)
class NextDate:
    """The next date of a key and what happens on it."""

    what: Event
    at: datetime


def flags(
    facts: Facts, last_use: datetime | None, now: datetime, *, left: bool, replaced_at: datetime | None
) -> tuple[Flag, ...]:
    """Return what stands out about a key; `replaced_at` is since when another one works in its place."""
    found = state(facts, now)
    if found in {State.REVOKED, State.EXPIRED}:
        return ()
    seen = [Flag.LEFT] if left else []
    if found is State.ACTIVE and facts.activated_at is not None:
        if replaced_at is not None:
            seen += [Flag.OLD_IN_USE] if last_use is not None and last_use > replaced_at else []
        elif last_use is None:
            seen += [Flag.NEVER_USED] if now - facts.activated_at >= NEVER_USED else []
        elif now - last_use >= UNUSED:
            seen.append(Flag.UNUSED)
    return tuple(seen)


def next_date(facts: Facts, deadline: datetime, now: datetime, stops_at: datetime | None = None) -> NextDate | None:
    """Return what comes next: a key that was not activated lapses at the `deadline` of its delivery.

    `stops_at` is when it stops because its successor is in use, if it is. None for an ended key.
    """
    found = state(facts, now)
    if found in {State.REVOKED, State.EXPIRED}:
        return None
    if facts.activated_at is None:
        return NextDate(Event.LAPSES, deadline)
    if found is State.SLEEPING:
        return NextDate(Event.STARTS, facts.not_before)
    if stops_at is not None and stops_at < facts.expires_at:
        return NextDate(Event.STOPS, stops_at)
    warnings = (at(warn_on(facts.expires_at, days)) for days in WARN_DAYS)
    warning = next((moment for moment in warnings if moment > now), None)
    return NextDate(Event.WARNING, warning) if warning else NextDate(Event.EXPIRES, facts.expires_at)
