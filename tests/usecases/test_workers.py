"""Several workers at once, workers that stop, die, hang or take long: nothing is lost, doubled, or held for ever."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier, Event, Thread

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, text

from keyservice import worker
from keyservice.aanvragen import service
from keyservice.audit.models import AuditEvent
from keyservice.database import db, exclusive, transaction
from keyservice.issuance import service as issuances
from keyservice.issuance.messages import KEY_MAIL
from keyservice.kernel import clock
from keyservice.kernel.ids import new_id
from keyservice.outbox import beats, delivery
from keyservice.outbox.channels import mail
from keyservice.outbox.delivery import claim, deliver_due
from keyservice.outbox.message import Message
from keyservice.outbox.models import Channel, Delivery, OutboxMessage, WorkerBeat
from keyservice.outbox.service import cancel, enqueue
from tests.conftest import environ
from tests.factories.aanvragen import actor, ready
from tests.factories.issuance import approved, issuance, token_of
from tests.factories.issued_rows import dead_message
from tests.factories.people import invite
from tests.factories.post import LINE, app_for_post, make_due, queue, row, statuses
from tests.fakes import Behaviour, dripping_server, mail_server
from tests.usecases.test_sealer import unsealed, very_slow_act

WORKERS = 4


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


def queue_real(count: int) -> None:
    """Put mails of a kind that every process knows into the queue."""
    with transaction():
        for number in range(count):
            values = {"name": "Anna", "contact": "http://localhost/contact"}
            to = f"person{number}@voorbeeldstad.example"
            enqueue(Message("account-password-changed", Channel.MAIL, f"test:{number}", to, values))


@contextmanager
def processes(app: Flask, port: int, count: int = 1) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Run `keyservice worker` in processes of their own; what is left of them is killed."""
    instance = app.extensions["keyservice.settings"].instance
    variables = environ(instance, str(app.config["SQLALCHEMY_DATABASE_URI"]), KEYSERVICE_MAIL_SERVER="127.0.0.1")
    variables |= {"KEYSERVICE_MAIL_PORT": str(port)}
    command = [sys.executable, "-c", "from keyservice.cli import main; main()", "worker"]
    started = [subprocess.Popen(command, env={**os.environ, **variables}) for _ in range(count)]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait(10)


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is true, or fail."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def recipients(behaviour: Behaviour) -> Counter[str]:
    return Counter(mail.recipients[0] for mail in behaviour.mails)


def once_each(count: int) -> dict[str, int]:
    return {f"person{number}@voorbeeldstad.example": 1 for number in range(count)}


def attempts() -> dict[str, int]:
    db.session.rollback()
    return dict(db.session.execute(select(OutboxMessage.dedup_key, OutboxMessage.attempts)).all())


def test_i5_four_worker_processes_send_three_hundred_mails_once_each(app: Flask, behaviour: Behaviour) -> None:
    with app.app_context():
        queue_real(300)
        with mail_server(behaviour) as port, processes(app, port, WORKERS) as running:
            until(lambda: set(statuses().values()) == {"sent"})
            until(lambda: living() == WORKERS)  # the last may still begin when all is sent
            for process in running:
                process.send_signal(signal.SIGTERM)
            assert [process.wait(30) for process in running] == [0] * WORKERS
            assert living() == 0, "who stops says so"
        assert recipients(behaviour) == once_each(300)
        assert set(attempts().values()) == {1}
        assert behaviour.connections >= 2, "more than one worker had a part in it"


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_i5_a_worker_that_is_told_to_stop_finishes_one_mail_and_gives_the_others_back(
    app: Flask, behaviour: Behaviour, told: signal.Signals
) -> None:
    behaviour.seconds_per_mail = 0.3
    with app.app_context():
        queue_real(20)
        with mail_server(behaviour) as port, processes(app, port) as (process,):
            until(lambda: len(behaviour.mails) >= 3)
            process.send_signal(told)
            assert process.wait(10) == 0
            stopped = Counter(statuses().values())
            assert stopped == {"sent": len(behaviour.mails), "waiting": 20 - len(behaviour.mails)}
            assert stopped["waiting"] >= 10, "it did not first send them all"
            counted = attempts()
            assert Counter(counted[key] for key in counted) == {1: stopped["sent"], 0: stopped["waiting"]}
            behaviour.seconds_per_mail = 0
            with processes(app, port):
                until(lambda: set(statuses().values()) == {"sent"})
        assert recipients(behaviour) == once_each(20)


@contextmanager
def working(app: Flask) -> Iterator[Event]:
    """Run the worker in a thread, as the demo does."""
    stop = Event()
    thread = Thread(target=worker.run, args=(app, stop))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def test_i5_a_worker_stops_within_the_timeout_although_the_server_hangs(
    app: Flask, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 1)
    behaviour.answers = ["hang"] * 20
    with mail_server(behaviour) as port, app_for_post(app, port):
        for number in range(5):
            queue(f"test:{number}")
        with working(app) as stop:
            until(lambda: behaviour.mails)
            stop.set()
            started = time.monotonic()
        assert time.monotonic() - started < 4
        assert set(statuses().values()) == {"waiting"}
        assert sorted(attempts().values()) == [0, 0, 0, 0, 1]
        assert len(behaviour.mails) == 1


def test_i5_a_server_that_drips_bytes_is_cut_off_and_no_other_worker_sends_meanwhile(
    app: Flask, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.5)
    with dripping_server(seconds_per_byte=0.1) as port, app_for_post(app, port):
        queue()
        started = time.monotonic()
        deliver_due()
        assert time.monotonic() - started < 5
        assert row().status is Delivery.WAITING
    behaviour.drips = 0.1
    with mail_server(behaviour) as port, app_for_post(app, port):
        make_due()
        started = time.monotonic()
        deliver_due()
        assert time.monotonic() - started < 5
        assert (row().status, row().attempts) == (Delivery.WAITING, 2)


def test_i5_no_attempt_lasts_as_long_as_a_lease() -> None:
    answers = 4  # to MAIL, RCPT, DATA and the end of the mail
    assert answers * timedelta(seconds=mail.TIMEOUT_SECONDS) < delivery.LEASE / 2


def test_i5_a_slow_server_and_a_batch_longer_than_the_lease_double_nothing(
    app: Flask, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 40 mails take twice as long as the lease, one mail a small part of it.
    monkeypatch.setattr(delivery, "LEASE", timedelta(seconds=3))
    behaviour.seconds_per_mail = 0.15
    with mail_server(behaviour) as port, app_for_post(app, port):
        for number in range(40):
            queue(f"test:{number}", f"person{number}@voorbeeldstad.example")
        with working(app), working(app), working(app):
            until(lambda: set(statuses().values()) == {"sent"})
    assert recipients(behaviour) == once_each(40)


def test_i5_what_a_dead_worker_held_is_taken_over_when_its_lease_ends_and_not_before(
    app: Flask, behaviour: Behaviour
) -> None:
    with mail_server(behaviour) as port, app_for_post(app, port), time_machine.travel(clock.now(), tick=False) as now:
        for number in range(5):
            queue(f"test:{number}", f"person{number}@voorbeeldstad.example")
        assert len(claim(new_id(), 5)) == 5, "and then it dies"
        now.shift(delivery.LEASE)
        assert deliver_due() == 0
        now.shift(timedelta(seconds=1))
        assert deliver_due() == 5
    assert recipients(behaviour) == once_each(5)


def test_i5_a_channel_that_breaks_in_an_unforeseen_way_holds_no_message(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app_for_post(app, 0, mail_server="a" * 300):  # no name of a host is that long: Python itself refuses it
        queue()
        deliver_due()
        assert (row().status, row().last_error) == (Delivery.WAITING, "UnicodeError")


def test_a_worker_is_seen_while_it_works_and_forgotten_when_it_died(app: Flask, behaviour: Behaviour) -> None:
    with mail_server(behaviour) as port, app_for_post(app, port):
        with working(app):
            until(lambda: living() == 1)
        assert living() == 0
        beats.beat(new_id(), clock.now())
        with time_machine.travel(clock.now() + timedelta(seconds=61), tick=False):
            assert living() == 0
            beats.forget_dead()
            assert count_beats() == 1, "who looks for it can still find it for an hour"
        with time_machine.travel(clock.now() + timedelta(hours=2), tick=False):
            beats.forget_dead()
        assert count_beats() == 0


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_i4_a_worker_seals_also_what_a_very_slow_transaction_shows_late(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "TIMERS_EVERY_TICKS", 4)
    with app.app_context(), working(app):
        very_slow_act(app)
        until(lambda: unsealed() == 0)


def living() -> int:
    db.session.rollback()
    return beats.living()


def count_beats() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(WorkerBeat)) or 0


def acts() -> list[tuple[str, str]]:
    """Return code and content of every event that the program itself wrote, without what differs by itself."""
    rows = db.session.execute(select(AuditEvent.code, AuditEvent.canonical).order_by(AuditEvent.row)).all()
    contents = [(code, json.loads(canonical)) for code, canonical in rows]
    own = ("id", "at", "number", "private")
    return [
        (code, json.dumps({name: value for name, value in content.items() if name not in own}))
        for code, content in contents
        if content["origin"] == "worker"
    ]


def something_for_every_timer() -> None:
    """Bring aanvragen, deliveries, drafts and invitations into states in which time acts on them."""
    for number in range(3):
        aanvraag_id = approved(pakket=f"Pakket {number}")
        issuances.issue(actor("rosa"), aanvraag_id)
        if number == 1:
            issuances.confirm_receipt(actor("anna"), token_of(aanvraag_id))
        approved("acceptatie", f"Ander pakket {number}")
        ready(pakket=f"Derde pakket {number}")
        service.start(actor("anna"))
        invite(f"nina{number}@voorbeeldstad.example")
        dead_message(aanvraag_id)


def run_at_once(app: Flask, workers: int) -> None:
    begin = Barrier(workers)

    def work() -> None:
        begin.wait()
        worker.run_timers(app)

    threads = [Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_timers_that_four_workers_run_at_the_same_moment_act_once(app: Flask) -> None:
    with app.app_context():
        something_for_every_timer()
    start, acted = clock.now(), Counter[str]()
    for days in (0, 4, 9, 31, 62, 366):
        with time_machine.travel(start + timedelta(days=days)):
            with app.app_context():
                before = len(acts())
            run_at_once(app, WORKERS)
            with app.app_context():
                together = acts()[before:]
            assert Counter(together) == dict.fromkeys(together, 1), "nothing was done twice"
            worker.run_timers(app)
            with app.app_context():
                assert acts()[before:] == together, "nothing was left to do"
        acted.update(code for code, _content in together)
    assert {code: acted[code] for code in ("issuance:lapse", "sleutel:revoke", "aanvraag:lapse")} == {
        "issuance:lapse": 3,
        "sleutel:revoke": 3,
        "aanvraag:lapse": 6,
    }
    assert (acted["aanvraag:discard"], acted["invitation:lapse"], acted["message:escalate"]) == (3, 3, 3)
    assert min(acted["issuance:remind"], acted["aanvraag:remind"], acted["grant:remind-review"]) > 0


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_i5_who_takes_a_message_back_and_who_marks_it_as_sent_never_wait_for_each_other(context: Flask) -> None:
    aanvraag_id = issuance(issuances.issue(actor("rosa"), approved())).aanvraag_id
    (claimed,) = (row for row in delivery.claim(new_id(), 50) if row.kind == KEY_MAIL)

    def mark() -> None:
        with context.app_context():
            delivery._mark_sent(claimed)
            db.session.remove()

    marking = Thread(target=mark)
    with transaction():
        exclusive(str(aanvraag_id))  # as the events of an act that ends the delivery do
        marking.start()
        time.sleep(0.3)
        cancel("zip:")
    marking.join()
    db.session.expire_all()
    assert db.session.get_one(OutboxMessage, claimed.id).status is Delivery.CANCELLED


@contextmanager
def batch_behind_an_act(context: Flask, prefix: str) -> Iterator[None]:
    """Let a batch be sent while an act has the message `test:1` in hand, then take back those with this prefix."""
    for number in range(3):
        queue(f"test:{number}", f"person{number}@voorbeeldstad.example")
    claimed = delivery.claim(new_id(), 50)

    def send() -> None:
        with context.app_context():
            delivery._send_batch(Channel.MAIL, claimed, LINE, lambda: True)
            db.session.remove()

    sending = Thread(target=send)
    with transaction() as session:
        session.execute(select(OutboxMessage.id).where(OutboxMessage.dedup_key == "test:1").with_for_update())
        sending.start()
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
            until(lambda: other.execute(WAITING_FOR_A_ROW).scalar_one())
        session.execute(text("SET LOCAL lock_timeout = '3s'"))
        cancel(prefix)
    sending.join(60)
    assert not sending.is_alive()
    yield


WAITING_FOR_A_ROW = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_i5_a_batch_that_waits_for_an_act_has_no_lock_that_the_act_needs(app: Flask, behaviour: Behaviour) -> None:
    with (
        mail_server(behaviour) as port,
        app_for_post(app, port) as context,
        batch_behind_an_act(context, "test:"),
    ):
        assert set(statuses().values()) == {"cancelled"}
    assert not behaviour.mails


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_i5_a_message_that_an_act_had_in_hand_and_left_goes_with_the_next_batch(
    app: Flask, behaviour: Behaviour
) -> None:
    with (
        mail_server(behaviour) as port,
        app_for_post(app, port) as context,
        batch_behind_an_act(context, "test:0"),
    ):
        assert statuses() == {"test:0": "cancelled", "test:1": "waiting", "test:2": "sent"}
        assert attempts()["test:1"] == 0, "it was not tried"
        assert deliver_due() == 1
        assert statuses()["test:1"] == "sent"
    assert recipients(behaviour) == {"person1@voorbeeldstad.example": 1, "person2@voorbeeldstad.example": 1}
