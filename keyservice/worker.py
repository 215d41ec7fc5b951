"""The worker: sends what is due and runs the timers of every slice, over and over, until it is told to stop."""

from collections.abc import Callable
from datetime import timedelta
from threading import Event

import structlog
from flask import Flask

import keyservice.aanvragen.timers
import keyservice.accounts.devices
import keyservice.accounts.guessing
import keyservice.accounts.sessions
import keyservice.accounts.timers
import keyservice.contacts.timers
import keyservice.integrity.watch
import keyservice.issuance.timers
from keyservice import audit
from keyservice.database import db
from keyservice.outbox.delivery import BATCH, deliver_due

log = structlog.get_logger()
PAUSE_SECONDS = 0.5
# The timers watch days; looking every half minute is often enough.
TIMERS_EVERY_TICKS = 60
KEEP_ANONYMOUS = timedelta(days=1)


def _forget() -> None:
    audit.forget_anonymous(KEEP_ANONYMOUS)


TIMERS: tuple[Callable[[], object], ...] = (
    *keyservice.contacts.timers.TIMERS,
    *keyservice.aanvragen.timers.TIMERS,
    *keyservice.issuance.timers.TIMERS,
    *keyservice.accounts.timers.TIMERS,
    *keyservice.integrity.watch.TIMERS,
    keyservice.accounts.sessions.delete_expired,
    keyservice.accounts.guessing.delete_old,
    keyservice.accounts.devices.tell_many_failures,
    keyservice.accounts.devices.forget_unused,
    _forget,
)


def run(app: Flask, stop: Event) -> None:
    """Work until `stop` is set. A failure is logged and does not end the work: the next round tries again."""
    tick = 0
    while not stop.is_set():
        busy = _safely(app, deliver_due) == BATCH
        if tick % TIMERS_EVERY_TICKS == 0:
            run_timers(app)
        tick += 1
        if not busy:
            stop.wait(PAUSE_SECONDS)


def run_once(app: Flask) -> None:
    """Send everything that is due and run every timer once (cron, tests)."""
    run_timers(app)
    while _safely(app, deliver_due):
        pass


def run_timers(app: Flask) -> None:
    """Run every timer once; one that fails does not keep the others from running."""
    for timer in TIMERS:
        _safely(app, timer)


def _safely(app: Flask, work: Callable[[], object]) -> object:
    with app.app_context():
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - the worker outlives a database that is away
            db.session.rollback()
            # Not log.exception: the values in a traceback may be secrets.
            log.error("work failed", work=work.__name__, error=type(error).__name__)  # noqa: TRY400 - see above
            return None
