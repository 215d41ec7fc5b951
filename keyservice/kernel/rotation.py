"""How long a key of a sealing ring lives (ADR 23): it seals for a week, and is gone after 45 days.

Values in, values out; a ring's moments of making are given newest key first, as the ring has them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

SEALS_FOR = timedelta(days=7)
LIVES_FOR = timedelta(days=45)
"""Longer than a week and the 30 days of a delivery: what is underway never needs a key that must go."""
KEPT_FOR = timedelta(days=1)
"""How long a key that seals no more stays in any case. A transaction that sealed with it has ended by then, so that
whoever looks for rows that need the key finds them all."""
CLOCK_AHEAD = timedelta(days=1)


def due(newest: datetime, now: datetime) -> bool:
    """Tell whether another key must seal from now on: a week is over, or this one was made by a clock that was wrong.

    A key from the future would seal until that day has come, and for a week more.
    """
    return not -CLOCK_AHEAD < now - newest < SEALS_FOR


def old(made: Sequence[datetime], now: datetime) -> dict[int, bool]:
    """Return by place the keys that may go once no row needs them, and whether they must go in any case."""
    found = {}
    for place in range(1, len(made)):
        # A clock may have been ahead for a while. A key was replaced no later than any newer one was made.
        replaced = min(made[:place])
        if now - replaced >= KEPT_FOR:
            found[place] = now - min(replaced, made[place]) >= LIVES_FOR
    return found
