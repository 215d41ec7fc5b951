"""What stands out about a key, and what its next date is. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from keyservice.sleutels.life import Facts, State, state

# A key that works for this long and was never used was perhaps never put into the software.
NEVER_USED = timedelta(days=30)
UNUSED = timedelta(days=90)
# `design.md` 2.8: days before the end on which its people are warned.
WARN_DAYS = (90, 60, 30, 14, 7, 1)


class Flag(StrEnum):
    """What somebody should look at."""

    CONTACT_GONE = "contact-gone"
    NEVER_USED = "never-used"
    UNUSED = "unused"
    OLD_IN_USE = "old-in-use"


class Event(StrEnum):
    """What happens on the next date of a key."""

    LAPSES = "lapses"
    WARNING = "warning"
    EXPIRES = "expires"


@dataclass(frozen=True)
class NextDate:
    """The next date of a key and what happens on it."""

    what: Event
    at: datetime


def flags(
    facts: Facts, last_use: datetime | None, now: datetime, *, contact_gone: bool, replaced_at: datetime | None
) -> tuple[Flag, ...]:
    """Return what stands out about a key; `replaced_at` is since when another one works in its place."""
    found = state(facts, now)
    if found in {State.REVOKED, State.EXPIRED}:
        return ()
    seen = [Flag.CONTACT_GONE] if contact_gone else []
    if found is State.ACTIVE and facts.activated_at is not None:
        if replaced_at is not None:
            seen += [Flag.OLD_IN_USE] if last_use is not None and last_use > replaced_at else []
        elif last_use is None:
            seen += [Flag.NEVER_USED] if now - facts.activated_at >= NEVER_USED else []
        elif now - last_use >= UNUSED:
            seen.append(Flag.UNUSED)
    return tuple(seen)


def next_date(facts: Facts, deadline: datetime, now: datetime) -> NextDate | None:
    """Return what comes next: a sleeping key lapses at the `deadline` of its delivery; None for an ended key."""
    found = state(facts, now)
    if found in {State.REVOKED, State.EXPIRED}:
        return None
    if found is State.SLEEPING:
        return NextDate(Event.LAPSES, deadline)
    warnings = (facts.expires_at - timedelta(days=days) for days in WARN_DAYS)
    warning = next((moment for moment in warnings if moment > now), None)
    return NextDate(Event.WARNING, warning) if warning else NextDate(Event.EXPIRES, facts.expires_at)
