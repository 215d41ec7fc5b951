"""Guessing is slowed down and never locks anybody out (ASVS 5.0 6.3.1, 6.1.1).

Three counters per kind of guess, in the database so that all processes share them:

- a subject from a source: 5 guesses within 15 minutes are free, then the wait grows: 1, 2, 4 … at most 60 seconds;
- a source, whatever the subject: 20 guesses are free, then the same waits (one password tried on many people);
- a subject, whatever the source: makes nobody wait. Above 50 in an hour a source has one free guess instead of five,
  so that many sources together get little further. Who gives the right answer at once is let in at once.

A guess is counted before it is looked at, and taken back when it was right: guesses at the same moment all count.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

from sqlalchemy import case, delete, update

from keyservice import settings
from keyservice.accounts.models import LoginCounter
from keyservice.database import db, transaction, upsert, use_case_numbers
from keyservice.kernel import clock
from keyservice.kernel.errors import TooOften

WINDOW = timedelta(minutes=15)
HOUR = timedelta(hours=1)
FREE_HERE = 5
FREE_UNDER_ATTACK = 1
FREE_OF_SOURCE = 20
ATTACKED = 50
LONGEST_WAIT_SECONDS = 60
# One person at home or one office holds a whole /64 (RFC 6177), and could else be a new source at each guess.
_IPV6_PREFIX = 64


class Kind(StrEnum):
    """What is guessed at."""

    LOGIN = "login"
    STEP_UP = "step-up"
    FACTOR = "factor"
    Z_NUMBER = "z-number"
    INVITATION = "invitation"
    LEAK = "leak"
    SEARCH = "search"


@dataclass(frozen=True)
class Guess:
    """A guess that was counted as wrong: the keys of its counters."""

    here: str | None
    shared: tuple[str, ...]

    def right(self) -> None:
        """Take the guess back, because it was right: the source starts anew for this subject."""
        with transaction() as session:
            for key in self.shared:
                session.execute(
                    update(LoginCounter)
                    .where(LoginCounter.subject == key, LoginCounter.failures > 0)
                    .values(failures=LoginCounter.failures - 1)
                )
            session.execute(delete(LoginCounter).where(LoginCounter.subject == self.here))


def attempt(kind: Kind, subject: str | None, source: str | None) -> Guess:
    """Count a guess and return it; call its `right()` when it was right.

    `subject` is what is guessed at, known to us or not: for a person the mail address (as for the login, so that the
    owner hears of many failures); None when only the source counts. `source` is `actor.source`, or the person when it
    is known who guesses. Raises TooOften with the `seconds` to wait, in which case nothing is counted or may be looked
    at. Raises RuntimeError inside `transaction()`: the count must stay when the act fails.
    """
    if use_case_numbers() is not None:
        raise RuntimeError("a guess is counted in a transaction of its own")
    place = network(source)
    of_source = _key(kind, "source", place)
    here: str | None = None
    shared: tuple[str, ...] = (of_source,)
    with transaction():
        if subject is not None:
            everywhere, here = everywhere_key(kind, subject), _key(kind, "here", subject.lower(), place)
            attacked = _count(everywhere, HOUR) > ATTACKED
            _slow_down(here, FREE_UNDER_ATTACK if attacked else FREE_HERE)
            shared = (everywhere, of_source)
        _slow_down(of_source, FREE_OF_SOURCE)
    return Guess(here, shared)


def everywhere_key(kind: Kind, subject: str) -> str:
    """Return the key of the counter of a subject over all sources."""
    return _key(kind, "everywhere", subject.lower())


def network(source: str | None) -> str:
    """Return what counts as one source: an IPv4 address, an IPv6 network, or the text itself."""
    try:
        address = ip_address(source or "")
    except ValueError:
        return source or "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(int(address) >> (128 - _IPV6_PREFIX))
    return str(address)


def _key(kind: Kind, scope: str, *parts: str) -> str:
    # The table holds no address of a person or a network.
    return f"{kind}:{scope}:{settings.rings().mac('guess', kind, scope, *parts).hex()}"


def _count(key: str, window: timedelta) -> int:
    return _add(key, window)[0]


def _slow_down(key: str, free: int) -> None:
    failures, wait_until = _add(key, WINDOW)
    now = clock.now()
    if wait_until and now < wait_until:
        raise TooOften("guessed-too-often", seconds=max(1, round((wait_until - now).total_seconds())))
    if failures >= free:
        wait = timedelta(seconds=min(2 ** min(failures - free, 10), LONGEST_WAIT_SECONDS))
        db.session.execute(update(LoginCounter).where(LoginCounter.subject == key).values(wait_until=now + wait))


def _add(key: str, window: timedelta) -> tuple[int, datetime | None]:
    now = clock.now()
    over = LoginCounter.since <= now - window
    statement = upsert(LoginCounter).values(subject=key, failures=1, since=now)
    failures, wait_until = db.session.execute(
        statement.on_conflict_do_update(
            index_elements=[LoginCounter.subject],
            set_={
                "failures": case((over, 1), else_=LoginCounter.failures + 1),
                "since": case((over, now), else_=LoginCounter.since),
            },
        ).returning(LoginCounter.failures, LoginCounter.wait_until)
    ).one()
    return failures, wait_until


def delete_old() -> None:
    """Delete the counters whose window is over (timer)."""
    with transaction() as session:
        session.execute(delete(LoginCounter).where(LoginCounter.since < clock.now() - HOUR))
