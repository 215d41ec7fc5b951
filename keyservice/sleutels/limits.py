"""How often something may happen, kept in memory by each process: no query, and nothing to clean up.

With n processes a limit is up to n times as wide. That is fine for what these guard: the load of the machine and the
size of the trail. What protects a secret from guessing stands in the database (`accounts.guessing`); a key of 190 bits
needs no such counter.
"""

import math
from dataclasses import dataclass, field, replace
from threading import Lock
from time import monotonic

from flask import current_app

from keyservice import audit
from keyservice.accounts.guessing import network
from keyservice.kernel.actor import ANONYMOUS
from keyservice.kernel.errors import TooOften

# A gemeente registers a few thousand people a year, a thousand in one request. At 100 a second one key still leaves
# most of a machine of two cores to the others.
KEY_BURST, KEY_PER_SECOND = 300, 100.0
# Each unknown key of a right form costs a query. A system with an old setting tries one key now and then.
WRONG_BURST, WRONG_PER_SECOND = 60, 1.0
# A system that asks about keys does so at each request that it gets itself, of all gemeenten together.
ASKER_BURST, ASKER_PER_SECOND = 1000, 500.0
ALARMS_PER_SECOND = 1 / 60  # of one key, or of one source of wrong keys
MOST_NAMES = 20_000


class Rate:
    """Lets `burst` through at once and then `per_second`, for each name apart (GCRA: one number per name)."""

    def __init__(self, burst: int, per_second: float, most: int = MOST_NAMES) -> None:
        """Take how much may pass; of at most `most` names something is remembered."""
        self._each = 1 / per_second
        self._slack = (burst - 1) * self._each
        self._most = most
        self._empty_at: dict[object, float] = {}  # when all that a name took will have been paid back
        self._lock = Lock()

    def __contains__(self, name: object) -> bool:
        """Tell whether something was taken for a name, and is remembered."""
        return name in self._empty_at

    def wait(self, name: object, now: float | None = None) -> float:
        """Return how many seconds a name has to wait; 0 when it may go on. Takes nothing."""
        moment = monotonic() if now is None else now
        return max(0.0, self._empty_at.get(name, 0.0) - self._slack - moment)

    def take(self, name: object, now: float | None = None) -> float:
        """Take one for a name and return 0, or take nothing and return how many seconds to wait."""
        moment = monotonic() if now is None else now
        with self._lock:
            if wait := self.wait(name, moment):
                return wait
            if name not in self._empty_at and len(self._empty_at) >= self._most:
                self._forget(moment)
            self._empty_at[name] = max(self._empty_at.get(name, 0.0), moment) + self._each
        return 0.0

    def _forget(self, now: float) -> None:
        """Make room: who has paid everything back is as good as new; when nobody has, the oldest half goes."""
        owing = {name: at for name, at in self._empty_at.items() if at > now}
        self._empty_at = owing if len(owing) < self._most else dict(list(owing.items())[self._most // 2 :])


@dataclass(frozen=True)
class Limits:
    """The limits of one process; `at_work` are the digests of askers, seen at most a second ago (`asking`)."""

    keys: Rate = field(default_factory=lambda: Rate(KEY_BURST, KEY_PER_SECOND))
    wrong: Rate = field(default_factory=lambda: Rate(WRONG_BURST, WRONG_PER_SECOND))
    askers: Rate = field(default_factory=lambda: Rate(ASKER_BURST, ASKER_PER_SECOND))
    wrong_askers: Rate = field(default_factory=lambda: Rate(WRONG_BURST, WRONG_PER_SECOND))
    alarms: Rate = field(default_factory=lambda: Rate(1, ALARMS_PER_SECOND))
    looks: Rate = field(default_factory=lambda: Rate(1, 1.0))
    at_work: set[bytes] = field(default_factory=set)


def current() -> Limits:
    """Return the limits of this process."""
    found: Limits = current_app.extensions.setdefault("keyservice.limits", Limits())
    return found


def count_wrong(rate: Rate, address: str | None, act: str, reason: str) -> None:
    """Count a secret that is nobody's against its source, and record it once a minute per source and process."""
    name = source(address)
    rate.take(name)
    if not current().alarms.take((reason, name)):
        audit.record_refusal(replace(ANONYMOUS, origin="api", source=address), act, reason)


def source(address: str | None) -> str:
    """Return what counts as one source of wrong keys: an IPv4 address, an IPv6 network of /64.

    No wider: a stranger who rents a machine beside that of a supplier must not be able to keep it out.
    """
    return network(address)


def hold(wait: float) -> None:
    """Go on when there is nothing to wait for. Raises TooOften with whole `seconds`, as `Retry-After` has them."""
    if wait:
        raise TooOften("machine-too-often", seconds=max(1, math.ceil(wait)))
