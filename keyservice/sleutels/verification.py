"""Whether a key that a machine shows opens anything. The hot path: no ORM, one query, no write (`performance.md` P5).

Nothing is remembered of a key that was right: each time its row is read as it is committed at that moment, so a
revocation holds at once in every process. The row is found by the index on the SHA-256 of the key. How long that takes
may tell something about the digest, and nothing about a key with that digest. A mistyped key is refused by its
checksum, which is no secret; it costs no query. The MAC is compared in constant time.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, select

from keyservice.database import table_of
from keyservice.gemeenten.models import Gemeente
from keyservice.glance import glance
from keyservice.kernel import clock
from keyservice.kernel.secret import Secret
from keyservice.sleutels import limits, usage
from keyservice.sleutels.format import Omgeving, check_format, digest
from keyservice.sleutels.life import Facts, State, state
from keyservice.sleutels.models import Sleutel, facts_of
from keyservice.sleutels.service import alarm, intact
from keyservice.sleutels.succession import gemeente_of

_SLEUTEL, _GEMEENTE = table_of(Sleutel), table_of(Gemeente)
_BY_DIGEST = (
    select(_SLEUTEL, _GEMEENTE.c.valid_until)
    .join(_GEMEENTE, _GEMEENTE.c.code == _SLEUTEL.c.gemeente)
    .where(_SLEUTEL.c.digest == bindparam("digest"))
)


@dataclass(frozen=True)
class Checked:
    """A key of ours that was shown, whatever its state; `gemeente` is the one it acts for (`succession`)."""

    id: UUID
    number: str
    gemeente: str
    omgeving: Omgeving
    facts: Facts
    state: State


class Unknown(Exception):
    """What was shown is no key of ours. Mistyped, never made, or its row was changed: all one to who shows it."""


class NotUsable(Exception):
    """The key is one of ours and does not work now. Whoever shows it has it, and may know why."""

    def __init__(self, checked: Checked) -> None:
        """Take the key and the state it is in."""
        super().__init__(checked.state)
        self.checked = checked


def admit(text: str, address: str | None) -> Checked:
    """Return the key with which a request may go on, and note the use: what guards the machine API.

    `address` is the network address of who asks. A key of a right form that is not ours is recorded, once a minute per
    source and process; a mistyped one is not: it may cost no query. Raises TooOften with the whole `seconds` to
    wait, Unknown, or NotUsable.
    """
    key_digest, limit = digest(_of_right_form(text)), limits.current()
    if key_digest in limit.keys:  # recognised before: held to its own limit only, whoever else is at that address
        limits.hold(limit.keys.take(key_digest))
        checked = _recognise(key_digest)
    else:
        checked = _first_time(key_digest, address)
    usage.note(checked, address, checked.state)
    return _working(checked)


def verify(text: str) -> Checked:
    """Return the key that works now. Raises Unknown or NotUsable. Notes nothing: for who asks about a key of others."""
    return _working(_recognise(digest(_of_right_form(text))))


def _of_right_form(text: str) -> Secret:
    if check_format(text) is not None:
        raise Unknown
    return Secret(text)


def _first_time(key_digest: bytes, address: str | None) -> Checked:
    """Look for a key that this process has not seen, unless too many wrong ones came from its source."""
    limit = limits.current()
    limits.hold(limit.wrong.wait(limits.source(address)))
    try:
        checked = _recognise(key_digest)
    except Unknown:
        limits.count_wrong(limit.wrong, address, "sleutel", "sleutel-unknown")
        raise
    limit.keys.take(key_digest)
    return checked


def _recognise(key_digest: bytes) -> Checked:
    row = glance(_BY_DIGEST, {"digest": key_digest})
    if row is None:
        raise Unknown
    if not intact(row):
        alarm(row)
        raise Unknown
    return _checked(row)


def _checked(row: Row[*tuple[Any, ...]]) -> Checked:
    now, facts = clock.now(), facts_of(row)
    ended = row.valid_until is not None and row.valid_until < clock.local_date(now)
    acts_for, found = gemeente_of(row.gemeente, now) if ended else row.gemeente, state(facts, now)
    if acts_for is None and found is State.ACTIVE:  # the timer that stops the keys of an ended gemeente comes later
        found = State.SUSPENDED
    return Checked(row.id, row.number, acts_for or row.gemeente, Omgeving(row.omgeving), facts, found)


def _working(checked: Checked) -> Checked:
    if checked.state is not State.ACTIVE:
        raise NotUsable(checked)
    return checked
