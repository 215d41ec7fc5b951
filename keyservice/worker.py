"""The worker: sends what is due and runs the timers of every slice, over and over, until it is told to stop.

Any number may run at once. Each message is claimed by one of them, and a timer that two of them run acts once.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Event

import structlog
from flask import Flask

import keyservice.aanvragen.escalation
import keyservice.aanvragen.timers
import keyservice.accounts.devices
import keyservice.accounts.guessing
import keyservice.accounts.sessions
import keyservice.accounts.timers
import keyservice.berichtenboek.timers
import keyservice.contacts.timers
import keyservice.integrity.watch
import keyservice.issuance.ring_keys
import keyservice.issuance.timers
import keyservice.issuance.use_timers
import keyservice.portaal.machine
from keyservice import audit
from keyservice.audit.sealer import LONGEST_ACT, NEARLY_EVERY_ACT, TrailBroken, seal
from keyservice.database import db
from keyservice.kernel import clock
from keyservice.kernel.ids import new_id
from keyservice.kernel.telling import told
from keyservice.outbox import beats
from keyservice.outbox.delivery import BATCH, deliver_due

log = structlog.get_logger()
PAUSE_SECONDS = 0.5
# A database or disk that is away fills no log.
PAUSE_AFTER_FAILURE_SECONDS = 5
# The timers watch days; looking every half minute is often enough.
TIMERS_EVERY_TICKS = 60
KEEP_ANONYMOUS = timedelta(days=1)


def _forget() -> None:
    audit.forget_anonymous(KEEP_ANONYMOUS)


TIMERS: tuple[Callable[[], object], ...] = (
    *keyservice.contacts.timers.TIMERS,
    *keyservice.aanvragen.timers.TIMERS,
    *keyservice.issuance.timers.TIMERS,
    *keyservice.issuance.use_timers.TIMERS,
    *keyservice.issuance.ring_keys.TIMERS,
    *keyservice.accounts.timers.TIMERS,
    *keyservice.berichtenboek.timers.TIMERS,
    *keyservice.integrity.watch.TIMERS,
    keyservice.accounts.sessions.delete_expired,
    keyservice.accounts.guessing.delete_old,
    keyservice.accounts.devices.tell_many_failures,
    keyservice.accounts.devices.forget_unused,
    keyservice.aanvragen.escalation.tell_undelivered,
    beats.forget_dead,
    keyservice.portaal.machine.forget_answers,
    _forget,
)


def _seal(*, whole: bool = False, act: timedelta = LONGEST_ACT) -> bool:
    with suppress(TrailBroken):  # a timer says so, each round and with the reason
        seal(whole=whole, act=act)
    return True


def _seal_all() -> bool:
    return _seal(whole=True)


def _seal_newest() -> bool:
    return _seal(act=NEARLY_EVERY_ACT)


class Pulse:
    """Tells between two pieces of work whether to go on, and lets others see that this worker lives."""

    def __init__(self, app: Flask, stop: Event) -> None:
        """Take what sets the end."""
        self.app, self.stop = app, stop
        self.worker, self.started_at = new_id(), clock.now()
        self.next_at: datetime | None = None

    def go_on(self) -> bool:
        """Write a sign of life when it is time for one, and return whether there is more to do."""
        now = clock.now()
        # Also when the clock went back.
        if self.next_at is None or not now < self.next_at <= now + beats.BEAT_EVERY:
            self.next_at = now + beats.BEAT_EVERY
            _safely(self.app, self._beat)
        return not self.stop.is_set()

    def end(self) -> None:
        """Write that this worker stops."""
        _safely(self.app, self._leave)

    def _beat(self) -> None:
        beats.beat(self.worker, self.started_at)

    def _leave(self) -> None:
        beats.leave(self.worker)


def run(app: Flask, stop: Event) -> None:
    """Work until `stop` is set: the message in hand is finished, the others of its batch are given back.

    A failure is logged and does not end the work: the next round tries again.
    """
    pulse, tick = Pulse(app, stop), 0

    def deliver() -> int:
        return deliver_due(go_on=pulse.go_on)

    log.info("worker begins", worker=str(pulse.worker))
    _safely(app, _seal_all)
    while pulse.go_on():
        timers_due = tick % TIMERS_EVERY_TICKS == 0
        sealed = _safely(app, _seal if timers_due else _seal_newest)
        delivered = _safely(app, deliver)
        if timers_due:
            run_timers(app, pulse.go_on)
        tick += 1
        if sealed is None or delivered is None:
            stop.wait(PAUSE_AFTER_FAILURE_SECONDS)
        elif delivered != BATCH:
            stop.wait(PAUSE_SECONDS)
    pulse.end()
    log.info("worker stopped", worker=str(pulse.worker))


def run_once(app: Flask) -> None:
    """Send everything that is due and run every timer once (cron, tests)."""
    _safely(app, _seal_all)
    run_timers(app)
    while _safely(app, deliver_due):
        pass
    _safely(app, _seal)


def run_timers(app: Flask, go_on: Callable[[], bool] = lambda: True) -> None:
    """Run every timer once; one that fails does not keep the others from running. `go_on` is asked before each."""
    for timer in TIMERS:
        if go_on():
            _safely(app, timer)


def _safely(app: Flask, work: Callable[[], object]) -> object:
    with app.app_context():
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - the worker outlives a database that is away
            db.session.rollback()
            log.error("work failed", work=work.__name__, **told(error))  # noqa: TRY400 - without its message
            return None
