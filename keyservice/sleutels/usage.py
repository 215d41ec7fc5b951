"""When, how often and from where keys are used: noted in memory, written in batches, never by the request itself.

A server process writes every two seconds by a thread of its own, begun at its first note (so after any fork), and once
more when it stops. A process that is killed takes the notes of its last two seconds along: counts may be too low by
those, and a first use that was lost so is told at the next use. What must not be lost is an event or a row of its own.
Else nothing is dropped without a line in the log that says what.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from multiprocessing.util import Finalize
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from flask import Flask, current_app
from sqlalchemy import bindparam, case
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError

from keyservice.database import per_database, transaction, upsert
from keyservice.kernel import clock
from keyservice.kernel.telling import told
from keyservice.sleutels.life import State
from keyservice.sleutels.models import SleutelUse

if TYPE_CHECKING:
    from keyservice.sleutels.verification import Checked

log = structlog.get_logger()
EVERY_SECONDS = 2.0
# Who tries a key that does not work is heard of again when it was more than this ago.
TELL_AGAIN_AFTER = timedelta(days=1)
# Enough to tell one organisation from another, too little to tell who it is.
_IPV4_PREFIX, _IPV6_PREFIX = 24, 48
_NOWHERE = "onbekend"
# Some 25 MB. There is one note per key, network and state; who has a key can come from any number of networks.
MOST_NOTES = 50_000

Shown = tuple[UUID, str, State]
"""Which key, from which network, in which state."""


@dataclass(frozen=True)
class Noted:
    """When something was shown first and last since the last writing, and how often."""

    first_at: datetime
    last_at: datetime
    count: int

    def __add__(self, other: "Noted") -> "Noted":
        """Return both together."""
        first, last = min(self.first_at, other.first_at), max(self.last_at, other.last_at)
        return Noted(first, last, self.count + other.count)


class Notebook:
    """The notes of one process."""

    def __init__(self, app: Flask) -> None:
        """Take the application in whose database is written."""
        self.app = app
        self.in_background = False
        self._noted: dict[Shown, Noted] = {}
        self._full = False
        self._lock = Lock()
        self._stop = Event()
        self._writer: Thread | None = None

    def add(self, notes: Mapping[Shown, Noted]) -> None:
        """Add notes, and see that they will be written."""
        with self._lock:
            for shown, one in notes.items():
                place = shown if shown in self._noted or len(self._noted) < MOST_NOTES else self._without_network(shown)
                self._noted[place] = self._noted[place] + one if place in self._noted else one
            if self.in_background and not (self._writer and self._writer.is_alive()):
                self._writer = Thread(target=self._write_on, name="use-of-keys", daemon=True)
                self._writer.start()
                # Not `atexit`: servers whose processes come from multiprocessing (granian) do not ask that.
                Finalize(None, self.close, exitpriority=0)

    def _without_network(self, shown: Shown) -> Shown:
        if not self._full:
            log.warning("networks of keys no longer noted: too many are not written yet", notes=len(self._noted))
        self._full = True
        return shown[0], _NOWHERE, shown[2]

    def write(self) -> None:
        """Write what was noted. What could not be written stays noted; raises what the database raises.

        A note that the database refuses by itself too is dropped and told in the log: there is no such key any more.
        """
        with self._lock:
            notes, self._noted, self._full = self._noted, {}, False
        if notes:
            # In one order, so that two processes never wait for each other.
            self._put(sorted(notes.items(), key=_order))

    def _put(self, notes: Sequence[tuple[Shown, Noted]]) -> None:
        try:
            with transaction() as session:
                session.execute(_add_up(), [_row(shown, one) for shown, one in notes])
        except (IntegrityError, DataError) as error:
            if len(notes) == 1:
                _tell_dropped(*notes[0], error)
                return
            half = len(notes) // 2
            try:
                self._put(notes[:half])
            finally:
                self._put(notes[half:])
        except Exception:
            self.add(dict(notes))
            raise

    def close(self) -> None:
        """Write the last notes of a process that ends, after those that are being written."""
        self._stop.set()
        if self._writer:
            self._writer.join()
        error = self._write_safely()
        with self._lock:
            left, self._noted = self._noted, {}
        for shown, one in left.items():
            _tell_dropped(shown, one, error)

    def _write_on(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            self._write_safely()

    def _write_safely(self) -> Exception | None:
        try:
            with self.app.app_context():
                self.write()
        except Exception as error:  # noqa: BLE001 - the next round tries again, whatever it was
            log.warning("use of keys not written", **told(error), notes=len(self._noted))
            return error
        return None


def note(checked: "Checked", address: str | None, state: State = State.ACTIVE) -> None:
    """Note that a key was shown from an address while it was in a state. No query."""
    now = clock.now()
    _notebook(current_app).add({(checked.id, network(address or ""), state): Noted(now, now, 1)})


def flush() -> None:
    """Write now what this process noted."""
    _notebook(current_app).write()


def write_in_background(app: Flask) -> None:
    """Let a process that serves write its notes by itself; others (commands, tests) call `flush`."""
    _notebook(app).in_background = True


@lru_cache(maxsize=4096)
def network(address: str) -> str:
    """Return the network of an address: IPv4 /24, IPv6 /48, or `onbekend`."""
    try:
        found = ip_address(address)
    except ValueError:
        return _NOWHERE
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return str(ip_network((found.packed, _IPV6_PREFIX), strict=False))
        found = found.ipv4_mapped
    return str(ip_network((found.packed, _IPV4_PREFIX), strict=False))


def _notebook(app: Flask) -> Notebook:
    # Not the proxy `current_app`: the thread works outside any request.
    real: Flask = getattr(app, "_get_current_object", lambda: app)()
    found: Notebook = app.extensions.setdefault("keyservice.uses", Notebook(real))
    return found


def _tell_dropped(shown: Shown, one: Noted, error: Exception | None) -> None:
    sleutel_id, place, state = shown
    facts = {"sleutel": str(sleutel_id), "network": place, "state": state.value, "count": one.count}
    log.error("use of a key dropped", **facts, last_at=one.last_at.isoformat(), error=type(error).__name__)


def _order(item: tuple[Shown, Noted]) -> tuple[str, str, str]:
    (sleutel_id, place, state), _ = item
    return sleutel_id.hex, place, state


def _row(shown: Shown, one: Noted) -> dict[str, object]:
    sleutel_id, place, state = shown
    return {
        "sleutel_id": sleutel_id,
        "network": place,
        "state": state,
        "first_at": one.first_at,
        "last_at": one.last_at,
        "count": one.count,
        "long_ago": one.last_at - TELL_AGAIN_AFTER,
    }


@per_database
def _add_up() -> postgresql.Insert | sqlite.Insert:
    statement, had = upsert(SleutelUse), SleutelUse
    new = statement.excluded
    again = (had.state != State.ACTIVE) & (had.told_at < bindparam("long_ago", type_=had.told_at.type))
    return statement.values(
        {name: bindparam(name) for name in ("sleutel_id", "network", "state", "first_at", "last_at", "count")}
    ).on_conflict_do_update(
        index_elements=[had.sleutel_id, had.network, had.state],
        set_={
            "first_at": case((had.first_at < new.first_at, had.first_at), else_=new.first_at),
            "last_at": case((had.last_at > new.last_at, had.last_at), else_=new.last_at),
            "count": had.count + new.count,
            "told_at": case((again, None), else_=had.told_at),
        },
    )
