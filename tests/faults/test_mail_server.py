"""A mail server that is down, silent, refuses, hangs up, or is not who it should be: no mail is lost or doubled."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from keyservice.database import transaction
from keyservice.kernel import clock
from keyservice.outbox.channels import mail
from keyservice.outbox.delivery import deliver_due
from keyservice.outbox.models import Delivery, OutboxMessage
from keyservice.settings import MailSecurity
from tests.factories.post import app_for_post, make_due, queue, row, statuses
from tests.fakes import Authority, Behaviour, dripping_server, free_port, mail_server, silent_server

MONDAY = datetime(2099, 1, 5, 9, 0, tzinfo=UTC)
LONGEST_WAIT = timedelta(minutes=90)
"""The hour that a message waits at most between two tries, and the chance around it."""


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def sending(app: Flask, behaviour: Behaviour) -> Iterator[Flask]:
    with mail_server(behaviour) as port, app_for_post(app, port):
        yield app


def queue_to(*people: str) -> None:
    for person in people:
        queue(person, f"{person}@voorbeeldstad.example")


def test_i5_a_server_that_is_down_costs_no_message(app: Flask, behaviour: Behaviour) -> None:
    with app_for_post(app, free_port()):
        queue_to("anna", "bea")
        assert deliver_due() == 2
        assert statuses() == {"anna": "waiting", "bea": "waiting"}
        assert row("anna").last_error == "ConnectionRefusedError"
    with mail_server(behaviour) as port, app_for_post(app, port):
        make_due()
        deliver_due()
        assert statuses() == {"anna": "sent", "bea": "sent"}
        assert len(behaviour.mails) == 2


def test_i5_a_server_that_is_down_for_72_hours_costs_no_message_and_takes_no_hand(
    app: Flask, behaviour: Behaviour
) -> None:
    people = [f"persoon{number}" for number in range(20)]
    with time_machine.travel(MONDAY, tick=False) as time:
        with app_for_post(app, free_port()):
            queue_to(*people)
            while datetime.now(UTC) < MONDAY + timedelta(hours=72):
                deliver_due()
                time.shift(timedelta(minutes=15))
            assert statuses() == dict.fromkeys(people, "waiting")
        with mail_server(behaviour) as port, app_for_post(app, port):
            back = datetime.now(UTC)
            while "waiting" in statuses().values():
                deliver_due()
                time.shift(timedelta(minutes=15))
            assert datetime.now(UTC) - back < LONGEST_WAIT
            assert statuses() == dict.fromkeys(people, "sent")
    assert sorted(mail.recipients for mail in behaviour.mails) == sorted(
        [f"{who}@voorbeeldstad.example"] for who in people
    )


def test_i5_when_a_server_is_back_what_waits_for_it_goes_with_the_first_mail_that_went(
    app: Flask, behaviour: Behaviour
) -> None:
    with app_for_post(app, free_port()):
        queue_to("anna", "bea", "gert")
        assert deliver_due() == 3
        with transaction() as session:
            session.execute(update(OutboxMessage).values(due_at=clock.now() + timedelta(hours=1)))
            gert = update(OutboxMessage).where(OutboxMessage.dedup_key == "gert")
            session.execute(gert.values(last_error="mailbox full"))
            anna = update(OutboxMessage).where(OutboxMessage.dedup_key == "anna")
            session.execute(anna.values(due_at=clock.now()))
    with mail_server(behaviour) as port, app_for_post(app, port):
        assert deliver_due() == 1
        assert deliver_due() == 1
        assert deliver_due() == 0
        assert statuses() == {"anna": "sent", "bea": "sent", "gert": "waiting"}, "gert waits for something else"


def test_a_server_that_never_says_a_word_is_given_up_in_time(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.3)
    with silent_server() as port, app_for_post(app, port):
        queue_to("anna")
        started = monotonic()
        deliver_due()
        assert monotonic() - started < 3
        assert row("anna").status is Delivery.WAITING


def test_a_server_that_drips_is_given_up_in_time_too(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.5)
    with dripping_server(seconds_per_byte=0.05) as port, app_for_post(app, port):
        queue_to("anna")
        started = monotonic()
        deliver_due()
        assert monotonic() - started < 3
        assert row("anna").status is Delivery.WAITING


def test_a_server_that_hangs_on_one_mail_keeps_the_others_waiting_no_longer_than_the_timeout(
    sending: Flask, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.5)
    queue_to("anna", "bea", "gert")
    behaviour.answer_to = {"anna@voorbeeldstad.example": "hang"}
    deliver_due()
    assert statuses() == {"anna": "waiting", "bea": "sent", "gert": "sent"}


def test_a_server_that_hangs_on_every_mail_is_left_alone_for_a_while(
    sending: Flask, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.3)
    queue_to("anna", "bea", "gert", "sam", "tom")
    behaviour.answers = ["hang"] * 5
    deliver_due()
    assert set(statuses().values()) == {"waiting"}
    assert behaviour.connections == 3


def test_one_refused_recipient_does_not_keep_the_others_from_their_mail(sending: Flask, behaviour: Behaviour) -> None:
    queue_to("anna", "bea", "gert")
    behaviour.refused = {"bea@voorbeeldstad.example": "550 no such bea@voorbeeldstad.example here"}
    deliver_due()
    assert statuses() == {"anna": "sent", "bea": "dead", "gert": "sent"}
    assert row("bea").last_error == "SMTP 550: recipient refused"
    assert behaviour.connections == 1, "one connection for the batch"


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ("451 4.3.0 try later", Delivery.WAITING, "SMTP 451"),
        ("452 4.2.2 mailbox full", Delivery.WAITING, "SMTP 452"),
        ("552 5.3.4 too big", Delivery.DEAD, "SMTP 552"),
        ("554 5.7.1 no thank you", Delivery.DEAD, "SMTP 554"),
    ],
)
def test_an_answer_of_4_is_tried_again_and_one_of_5_goes_to_a_person(
    sending: Flask, behaviour: Behaviour, answer: str, status: Delivery, error: str
) -> None:
    queue_to("anna", "bea")
    behaviour.answer_to = {"anna@voorbeeldstad.example": answer}
    deliver_due()
    assert (row("anna").status, row("anna").last_error) == (status, error)
    assert row("bea").status is Delivery.SENT


def test_a_recipient_refused_for_now_is_tried_again(sending: Flask, behaviour: Behaviour) -> None:
    queue_to("anna")
    behaviour.refused = {"anna@voorbeeldstad.example": "450 4.2.1 greylisted"}
    deliver_due()
    assert row("anna").status is Delivery.WAITING
    behaviour.refused = {}
    make_due()
    deliver_due()
    assert row("anna").status is Delivery.SENT


def test_i5_a_repeat_after_the_server_hung_up_is_the_same_mail_byte_for_byte(
    sending: Flask, behaviour: Behaviour
) -> None:
    queue_to("anna", "bea")
    behaviour.answers = ["drop"]
    deliver_due()
    assert statuses() == {"anna": "waiting", "bea": "sent"}
    make_due()
    deliver_due()
    assert statuses() == {"anna": "sent", "bea": "sent"}
    first, second = [m.content for m in behaviour.mails if m.recipients == ["anna@voorbeeldstad.example"]]
    assert first == second
    assert f"Message-ID: <{row('anna').id}@localhost>".encode() in first


def test_mail_goes_over_a_connection_whose_certificate_is_right(
    app: Flask, behaviour: Behaviour, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    context = authority.server_context("127.0.0.1")
    with (
        mail_server(behaviour, starttls=context) as port,
        app_for_post(app, port, mail_security=MailSecurity.STARTTLS, mail_ca_file=authority.file),
    ):
        queue_to("anna")
        deliver_due()
        assert row("anna").last_error is None
    with (
        mail_server(behaviour, tls=context) as port,
        app_for_post(app, port, mail_security=MailSecurity.TLS, mail_ca_file=authority.file),
    ):
        queue_to("bea")
        deliver_due()
        assert row("bea").last_error is None
    assert len(behaviour.mails) == 2


@pytest.mark.parametrize("security", [MailSecurity.STARTTLS, MailSecurity.TLS])
@pytest.mark.parametrize("wrong", ["another name", "unknown authority", "no authority set"])
def test_a_server_that_cannot_prove_who_it_is_gets_no_mail(
    app: Flask, behaviour: Behaviour, tmp_path: Path, security: MailSecurity, wrong: str
) -> None:
    authority = Authority(tmp_path)
    context = authority.server_context("kwaad.example" if wrong == "another name" else "127.0.0.1")
    trusted = {
        "another name": authority.file,
        "unknown authority": Authority(tmp_path, "other").file,
        "no authority set": None,
    }[wrong]
    offered = {"starttls": context} if security is MailSecurity.STARTTLS else {"tls": context}
    with (
        mail_server(behaviour, **offered) as port,
        app_for_post(app, port, mail_security=security, mail_ca_file=trusted),
    ):
        queue_to("anna")
        deliver_due()
        assert row("anna").status is Delivery.WAITING
        assert str(row("anna").last_error).startswith("certificate: ")
    assert behaviour.mails == []


def test_a_server_without_starttls_gets_no_mail_and_no_password(app: Flask, behaviour: Behaviour) -> None:
    with mail_server(behaviour) as port, app_for_post(app, port, mail_security=MailSecurity.STARTTLS):
        queue_to("anna")
        deliver_due()
        assert (row("anna").status, row("anna").last_error) == (Delivery.WAITING, "SMTPNotSupportedError")
    assert behaviour.mails == []


def test_the_oldest_versions_of_tls_are_refused(app: Flask, behaviour: Behaviour, tmp_path: Path) -> None:
    with app.app_context():
        context = mail._context(app.extensions["keyservice.settings"])
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
