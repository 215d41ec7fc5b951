"""Whether the service works, for a load balancer or a monitor: one answer per part, and nothing that helps an attacker.

The database may also be paused, and then never answers. So one thread asks, and who waits for it waits no longer than
`PATIENCE_SECONDS`; while it hangs, everybody reads that the database is away and nobody asks again.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from threading import Event, Lock, Thread
from time import monotonic

import structlog
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask, current_app

from keyservice.audit.sealer import unsealed_since
from keyservice.audit.triggers import TriggersMissing, check_triggers
from keyservice.database import db
from keyservice.kernel import clock
from keyservice.kernel.telling import told
from keyservice.outbox.beats import living
from keyservice.outbox.queries import oldest_due

log = structlog.get_logger()
PATIENCE_SECONDS = 4.0
LONGEST_LAG = timedelta(minutes=5)
LONGEST_UNSEALED = timedelta(minutes=5)


class Part(StrEnum):
    """What is looked at."""

    DATABASE = "database"  # it answers
    SCHEMA = "schema"  # it is that of this version
    HISTORY = "history"  # events cannot be changed
    SEALING = "sealing"  # no event waits longer than `LONGEST_UNSEALED` for its place in the tree
    WORKER = "worker"  # one was seen within the last minute
    LAG = "lag"  # no message is due for longer than `LONGEST_LAG`


Parts = dict[Part, bool]
_AWAY: Parts = dict.fromkeys(Part, False)


class Probe:
    """Looks at all parts, once at a time; who asks meanwhile gets the same answer."""

    def __init__(self, app: Flask) -> None:
        """Take the application to look at; nothing is asked yet."""
        self._app, self._lock = app, Lock()
        self._done, self._parts = Event(), _AWAY
        self._done.set()
        self._since = monotonic()

    def ask(self) -> Parts:
        """Return whether each part is well."""
        with self._lock:
            if self._done.is_set():
                self._done, self._since = Event(), monotonic()
                Thread(target=self._look, args=(self._done,), name="health", daemon=True).start()
            done, left = self._done, self._since + PATIENCE_SECONDS - monotonic()
        return self._parts if done.wait(max(left, 0)) else _AWAY

    def _look(self, done: Event) -> None:
        try:
            with self._app.app_context():
                self._parts = look()
        except Exception as error:  # noqa: BLE001 - whatever it is, the service is not well
            log.warning("health not known", **told(error))
            self._parts = _AWAY
        finally:
            done.set()


def look() -> Parts:
    """Return whether each part is well. Raises what the database raises when it is away."""
    current = MigrationContext.configure(db.session.connection()).get_current_heads()
    if set(current) != _heads():
        return _AWAY | {Part.DATABASE: True}  # of another schema nothing else can be said
    return {
        Part.DATABASE: True,
        Part.SCHEMA: True,
        Part.HISTORY: _kept(),
        Part.SEALING: _younger(unsealed_since(), LONGEST_UNSEALED),
        Part.WORKER: living() > 0,
        Part.LAG: _younger(oldest_due(), LONGEST_LAG),
    }


def _younger(moment: datetime | None, limit: timedelta) -> bool:
    return moment is None or clock.now() - moment < limit


@cache
def _heads() -> set[str]:
    """Return the newest revision of the schema that this version knows."""
    return set(ScriptDirectory(current_app.extensions["migrate"].directory).get_heads())


def _kept() -> bool:
    try:
        check_triggers()
    except TriggersMissing:
        return False
    return True
