"""The queue: nothing is lost, nothing is sent twice, nothing stays readable."""

import email
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text, update

from keyservice import settings
from keyservice.audit import queries as audit_queries
from keyservice.database import db, transaction
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, NotFound
from keyservice.kernel.ids import new_id
from keyservice.outbox import delivery, queries, service
from keyservice.outbox.channels.base import PermanentFailure
from keyservice.outbox.channels.mail import MailProvider
from keyservice.outbox.delivery import claim, deliver_due
from keyservice.outbox.message import Attachment, Content
from keyservice.outbox.models import Channel, Delivery, OutboxMessage
from tests.factories.post import LINE, ZIP, app_for_post, ids, make_due, queue, row, statuses
from tests.fakes import Behaviour, free_port, mail_server

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DOSSIER = UUID(int=42)
RIK = Actor(UUID(int=9), frozenset({Role.RELATIEBEHEERDER}), None, "web")


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def sending(app: Flask, behaviour: Behaviour) -> Iterator[Flask]:
    with mail_server(behaviour) as port, app_for_post(app, port):
        yield app


def parsed(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=SMTP_POLICY)
    assert isinstance(message, EmailMessage)
    return message


@pytest.mark.usefixtures("sending")
def test_a_mail_arrives_whole_at_its_one_recipient(behaviour: Behaviour) -> None:
    queue(attachment=ZIP, values={"name": "Zoë 🍞"})
    created, number = row().created_at, row().id
    assert deliver_due() == 1
    (mail,) = behaviour.mails
    assert mail.recipients == ["anna@voorbeeldstad.example"]
    assert mail.sender == "sleuteluitgifte@duo.example"
    message = parsed(mail.content)
    assert message["To"] == "anna@voorbeeldstad.example"
    assert message["From"] == "Sleuteluitgifte <sleuteluitgifte@duo.example>"
    assert message["Subject"] == "Bericht voor Zoë 🍞"
    assert message["Message-ID"] == f"<{number}@localhost>"
    assert message["Date"].datetime == created.replace(microsecond=0)
    assert message["Auto-Submitted"] == "auto-generated"
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    *text, control = plain.get_content().splitlines()
    assert control.startswith("Controleregel (u hoeft hier niets mee te doen): ")
    assert text == [
        "Beste Zoë 🍞,",
        "",
        "Het woord is: GEHEIM-WOORD.",
        ".",
        "Een punt op een regel.",
        "",
    ]
    assert "<p>Beste Zoë 🍞, GEHEIM-WOORD</p>" in html.get_content()
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == "sleutel.zip"
    assert attachment.get_content_type() == "application/zip"
    assert attachment.get_content() == ZIP.data
    assert b"\n" not in mail.content.replace(b"\r\n", b""), "no bare line ends: some servers refuse them"


@pytest.mark.usefixtures("sending")
def test_i6_bodies_are_sealed_in_the_database_and_wiped_when_sent(behaviour: Behaviour) -> None:
    queue("mail", dossier=DOSSIER)
    queue("sms", "+31612345678", channel=Channel.SMS)

    def in_database(*words: bytes) -> list[bytes]:
        found = repr(db.session.execute(text("SELECT * FROM outbox_message")).all()).encode()
        found += repr(db.session.execute(text("SELECT * FROM audit_event")).all()).encode()
        blobs = [
            bytes(b) for r in db.session.execute(text("SELECT content, final FROM outbox_message")) for b in r if b
        ]
        return [word for word in words if any(word in place for place in (found, *blobs))]

    secrets = (b"GEHEIM-WOORD", b"anna@voorbeeldstad.example", b"+31612345678")
    assert in_database(*secrets) == []
    behaviour.answers = ["451 later"]
    deliver_due()
    assert row("mail").final is not None, "the final bytes are kept for the repeat"
    assert in_database(*secrets) == []
    make_due()
    deliver_due()
    for key in ("mail", "sms"):
        sent = row(key)
        assert (sent.status, sent.content, sent.final, sent.owner) == (Delivery.SENT, None, None, None)
        assert sent.sent_at is not None
    assert in_database(*secrets) == []
    assert [e.fields["attempts"] for e in audit_queries.of_dossier(DOSSIER)] == [2]


@pytest.mark.usefixtures("sending")
def test_the_same_key_twice_is_one_message(behaviour: Behaviour) -> None:
    queue("once")
    queue("once", values={"name": "Ander"})
    deliver_due()
    queue("once")
    deliver_due()
    assert statuses() == {"once": "sent"}
    assert len(behaviour.mails) == 1


@pytest.mark.usefixtures("sending")
def test_a_message_goes_or_not_with_its_act() -> None:
    def fail() -> None:
        with transaction():
            queue()
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert statuses() == {}


@pytest.mark.usefixtures("sending")
def test_a_message_waits_until_it_is_due(behaviour: Behaviour) -> None:
    with time_machine.travel(NOON, tick=False) as time:
        queue()
        with transaction() as session:
            session.execute(update(OutboxMessage).values(due_at=NOON + timedelta(days=3)))
        assert deliver_due() == 0
        time.shift(timedelta(days=3))
        assert deliver_due() == 1
    assert len(behaviour.mails) == 1


@pytest.mark.usefixtures("sending")
def test_an_sms_is_written_once_also_when_it_is_repeated() -> None:
    queue("sms", "+31612345678", channel=Channel.SMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery, "_mark_sent", lambda _row: None)  # the worker dies before it can mark
        deliver_due()
    with transaction() as session:
        session.execute(update(OutboxMessage).values(lease_until=NOON - timedelta(days=900)))
    deliver_due()
    (file,) = (settings.current().instance / "postvak" / "sms").iterdir()
    assert file.read_text() == "Aan: +31612345678\n\nCode GEHEIM-WOORD voor Anna\n"


@pytest.mark.usefixtures("sending")
@pytest.mark.parametrize("name", ["Zoë", "Zo~", "A" * 150], ids=["not ascii", "counts double", "too long"])
def test_an_sms_that_would_not_arrive_as_it_is_goes_to_a_person(name: str) -> None:
    queue("sms", "+31612345678", channel=Channel.SMS, values={"name": name})
    deliver_due()
    assert row("sms").status is Delivery.DEAD


def test_back_off_doubles_from_a_minute_to_an_hour_and_ends_after_96_hours(app: Flask) -> None:
    with app_for_post(app, free_port()), time_machine.travel(NOON, tick=False) as time:
        queue(dossier=DOSSIER)
        waits: list[float] = []
        while deliver_due():
            waits.append((row().due_at - datetime.now(UTC)) / timedelta(minutes=1))
            time.move_to(row().due_at if row().status is Delivery.WAITING else NOON + timedelta(days=30))
            assert len(waits) < 150
        *waits, _last = waits
        for number, wait in enumerate(waits):
            wanted = min(2**number, 60)
            assert 0.8 * wanted <= wait <= 1.2 * wanted, number
        assert 80 < sum(waits) / 60 < 113, "96 hours, and the jitter"
        dead = row()
        assert (dead.status, dead.last_error, dead.content is None) == (Delivery.DEAD, "ConnectionRefusedError", False)
        assert [message.id for message in queries.failed(NOON, None, 10)] == [dead.id]
        assert [event.code for event in audit_queries.of_dossier(DOSSIER)] == ["message:fail"]


def test_a_message_that_became_due_late_has_its_96_hours_too(app: Flask) -> None:
    with app_for_post(app, free_port()), time_machine.travel(NOON, tick=False) as time:
        queue()
        with transaction() as session:
            session.execute(update(OutboxMessage).values(due_at=NOON + timedelta(days=14)))
        time.shift(timedelta(days=14))
        deliver_due()
        assert row().status is Delivery.WAITING


def test_a_person_sends_a_dead_message_again_with_a_fresh_term(app: Flask, behaviour: Behaviour) -> None:
    with app_for_post(app, free_port()), time_machine.travel(NOON, tick=False) as time:
        queue(dossier=DOSSIER)
        kill()
        time.shift(timedelta(days=5))
        service.retry(row().id, RIK)
        with pytest.raises(Conflict):
            service.retry(row().id, RIK)
        with pytest.raises(NotFound):
            service.retry(new_id(), RIK)
        assert deliver_due() == 1
        assert row().status is Delivery.WAITING, "one more failure is not the end"
    with mail_server(behaviour) as port, app_for_post(app, port):
        make_due()
        deliver_due()
        assert statuses() == {"test:1": "sent"}
        assert len(behaviour.mails) == 1
        codes = [(event.code, event.person) for event in audit_queries.of_dossier(DOSSIER)]
        assert codes == [("message:retry", RIK.person), ("message:offer", None)]


def kill() -> None:
    with transaction() as session:
        session.execute(update(OutboxMessage).values(status=Delivery.DEAD))


@pytest.mark.usefixtures("sending")
def test_a_message_taken_back_is_wiped_and_not_sent(behaviour: Behaviour) -> None:
    for key in ("zip:1:1", "zip:1:2", "zip:11:1", "zip_1:3"):
        queue(key)
    with transaction():
        service.cancel("zip:1:")
    assert row("zip:1:1").content is None
    deliver_due()
    assert statuses() == {"zip:1:1": "cancelled", "zip:1:2": "cancelled", "zip:11:1": "sent", "zip_1:3": "sent"}
    assert len(behaviour.mails) == 2


@pytest.mark.usefixtures("sending")
def test_a_poison_message_does_not_block_the_others(behaviour: Behaviour) -> None:
    queue("no template")
    queue("no seal")
    queue("good")
    with transaction() as session:
        session.execute(update(OutboxMessage).where(OutboxMessage.dedup_key == "no template").values(kind="nothing"))
        session.execute(update(OutboxMessage).where(OutboxMessage.dedup_key == "no seal").values(content=b"\1broken"))
    deliver_due()
    assert statuses() == {"no template": "waiting", "no seal": "dead", "good": "sent"}
    assert row("no template").last_error == "TemplateNotFound"
    assert len(behaviour.mails) == 1


@pytest.mark.usefixtures("sending")
def test_i5_two_workers_claim_different_messages() -> None:
    for number in range(6):
        queue(f"test:{number}")
    first, second = claim(new_id(), 4), claim(new_id(), 4)
    assert [len(first), len(second)] == [4, 2]
    assert {message.id for message in first}.isdisjoint(message.id for message in second)
    assert claim(new_id(), 4) == []


@pytest.mark.usefixtures("sending")
def test_i5_a_lapsed_lease_is_taken_over_and_the_one_who_lost_it_changes_nothing(behaviour: Behaviour) -> None:
    with time_machine.travel(NOON, tick=False) as time:
        queue()
        (lost,) = claim(new_id(), 1)
        assert deliver_due() == 0, "leased"
        time.shift(delivery.LEASE + timedelta(seconds=1))
        (taken,) = claim(new_id(), 1)
        assert (taken.id, taken.attempts) == (lost.id, 2)
        delivery._mark_sent(lost)
        delivery._postpone(lost, "too late")
        delivery._bury(lost, "too late")
        delivery._send_batch(Channel.MAIL, [lost], LINE, delivery._always)
        now = row()
        assert (now.status, now.owner, now.last_error) == (Delivery.SENDING, taken.owner, None)
        assert behaviour.mails == []
        delivery._send_batch(Channel.MAIL, [taken], LINE, delivery._always)
        assert row().status is Delivery.SENT
        assert len(behaviour.mails) == 1


@pytest.mark.usefixtures("sending")
def test_i5_a_batch_that_takes_longer_than_the_lease_sends_nothing_twice(
    behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        queue(f"test:{number}")
    behaviour.answers = ["451 later"] * 3
    deliver_due()  # the final bytes of each stand in the queue now
    make_due()
    behaviour.mails.clear()
    with time_machine.travel(datetime.now(UTC), tick=False) as time:
        slow = claim(new_id(), 3)
        time.shift(delivery.LEASE + timedelta(seconds=1))
        delivery._send_batch(Channel.MAIL, claim(new_id(), 3), LINE, delivery._always)
        delivery._send_batch(Channel.MAIL, slow, LINE, delivery._always)
    assert len(behaviour.mails) == 3


@pytest.mark.usefixtures("sending")
def test_a_message_taken_back_while_its_batch_is_underway_does_not_go_out(behaviour: Behaviour) -> None:
    for number in range(3):
        queue(f"test:{number}", f"person{number}@voorbeeldstad.example")

    def take_back() -> bool:
        if len(behaviour.mails) == 1:  # all three have their final bytes by now
            with transaction():
                service.cancel("test:1")
        return True

    assert deliver_due(go_on=take_back) == 3
    assert statuses() == {"test:0": "sent", "test:1": "cancelled", "test:2": "sent"}
    assert len(behaviour.mails) == 2
    assert row("test:1").final is None


def test_i5_four_workers_send_two_hundred_messages_once_each(app: Flask, behaviour: Behaviour) -> None:
    with mail_server(behaviour) as port, app_for_post(app, port):
        with transaction():
            for number in range(200):
                queue(f"test:{number}", f"person{number}@voorbeeldstad.example")

        def work(_number: int) -> None:
            with app.app_context():
                while deliver_due(10):
                    pass

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert Counter(statuses().values()) == {"sent": 200}
    assert Counter(mail.recipients[0] for mail in behaviour.mails) == {
        f"person{number}@voorbeeldstad.example": 1 for number in range(200)
    }


HEADERS = ["Content-Type", "MIME-Version", "Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted"]
NASTY = st.text(max_size=80) | st.sampled_from(
    [
        "a\r\nBcc: x@kwaad.example",
        "a\nX-Evil: 1",
        "\r\n\r\n<script>",
        "a\x00b",
        "=?utf-8?q?=0ABcc:_x@kwaad.example?=",
        "a\u2028Bcc: x",
    ]
)


def rendered(**changed: object) -> EmailMessage:
    message = OutboxMessage(id=UUID(int=7), kind="test", channel=Channel.MAIL, created_at=NOON)
    content: dict[str, object] = {
        "to": "anna@voorbeeldstad.example",
        "values": {"name": "n", "word": "w"},
        "attachment": None,
    }
    return parsed(MailProvider().render(message, Content(**(content | changed)), LINE))  # type: ignore[arg-type]  # fields of several types


@hypothesis_settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NASTY, word=NASTY)
def test_no_value_adds_a_header_or_a_recipient(sending: Flask, name: str, word: str) -> None:
    message = rendered(values={"name": name, "word": word}, attachment=ZIP)
    assert sorted(message.keys()) == sorted(HEADERS)
    assert str(message["To"]) == "anna@voorbeeldstad.example"
    assert "\n" not in str(message["Subject"])
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/zip",
    ]


@hypothesis_settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(to=NASTY | st.builds("{}@voorbeeld.example{}".format, NASTY, NASTY), name=NASTY, kind=NASTY)
def test_a_recipient_or_attachment_that_is_not_plain_is_refused_or_harmless(
    sending: Flask, to: str, name: str, kind: str
) -> None:
    for changed in (
        {"to": to},
        {"attachment": Attachment(name, "application/zip", b"x")},
        {"attachment": Attachment("a.zip", kind, b"x")},
    ):
        try:
            message = rendered(**changed)
        except PermanentFailure:
            continue
        assert sorted(message.keys()) == sorted(HEADERS)
        assert len(message["To"].addresses) == 1
        assert [part.get_filename() for part in message.iter_attachments()] in ([], [name], ["a.zip"])


@pytest.mark.usefixtures("sending")
@pytest.mark.parametrize(
    "to",
    [
        "a@x.example, b@x.example",
        "Anna <a@x.example>",
        "a@x.example\r\nBcc: b@x.example",
        "geen adres",
        "",
        "a@",
        "@x.example",
    ],
)
def test_a_message_to_anything_but_one_plain_address_goes_to_a_person(behaviour: Behaviour, to: str) -> None:
    queue(to=to)
    deliver_due()
    assert row().status is Delivery.DEAD
    assert behaviour.mails == []


@pytest.mark.usefixtures("sending")
def test_what_a_page_shows_of_a_recipient_is_masked() -> None:
    queue("mail")
    queue("sms", "+31612345678", channel=Channel.SMS)
    assert [row("mail").recipient, row("sms").recipient] == ["a…@voorbeeldstad.example", "+316…78"]
    assert queries.counts() == {Delivery.WAITING: 2}
    assert {message.id for message in queries.of_dossier(DOSSIER)} == set()
    assert queries.by_key("mail") is not None
    assert set(ids()) == {"mail", "sms"}
