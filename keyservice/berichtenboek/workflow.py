"""The road of one copy of the berichtenboek, as one table; and how long things last."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType


class Status(StrEnum):
    """Where a copy stands. Who HOLDS one can read it."""

    ASKED = "asked"
    HELD = "held"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    ENDED = "ended"


class Step(StrEnum):
    """What can happen to a copy."""

    HAND_OUT = "hand_out"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    END = "end"
    LAPSE = "lapse"


OPEN = frozenset({Status.ASKED, Status.HELD})
TABLE: Mapping[tuple[Status, Step], Status] = MappingProxyType(
    {
        (Status.ASKED, Step.HAND_OUT): Status.HELD,
        (Status.ASKED, Step.REFUSE): Status.REFUSED,
        (Status.ASKED, Step.WITHDRAW): Status.WITHDRAWN,
        (Status.ASKED, Step.LAPSE): Status.LAPSED,
        (Status.HELD, Step.END): Status.ENDED,
        (Status.HELD, Step.LAPSE): Status.LAPSED,
    }
)
LINK_LIVES = timedelta(days=30)
"""How long the link of a supplier works; a new version brings a new link."""
ASKED_LIVES = timedelta(days=60)
LINK_GONE = timedelta(days=365)
"""How long after its link a supplier's copy ends by itself: nobody asked for a new link, and no version came."""
MOST_SUPPLIERS = 10
"""How many open copies for suppliers a gemeente has at most."""


def possible(status: Status, step: Step) -> bool:
    """Tell whether a step can be taken now."""
    return (status, step) in TABLE
