"""Mails that came back: real-looking reports of several mail servers, fakes, garbage, and what each may change."""

import base64
import os
import subprocess
import sys
from pathlib import Path
from time import monotonic
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import update

from keyservice import settings
from keyservice.audit.queries import search
from keyservice.database import transaction
from keyservice.kernel import clock
from keyservice.kernel.ids import new_id
from keyservice.outbox.bounces import Taken, take_in
from keyservice.outbox.models import Channel, Delivery, OutboxMessage
from keyservice.outbox.reports import MOST_BYTES, Action, Report, read_report
from tests.conftest import environ
from tests.factories.post import queue, row

SAMPLES = Path(__file__).parents[1] / "bounces"
HOST = "localhost"
ID = UUID("8d0f3a54-6f0e-4c8a-9b57-2f6f0d5b7a11")
FAILED = {"postfix": "5.1.1", "exchange": "5.1.10", "exim": "5.2.2", "gateway": "5.7.1"}


def sample(name: str, message: UUID = ID, host: str = HOST) -> bytes:
    """Return a report about one of our mails."""
    number = f"{message}@{host}"
    headers = base64.encodebytes(f"Subject: x\nMessage-ID: <{number}>\n\n".encode()).decode()
    return (SAMPLES / f"{name}.eml").read_text().replace("@MESSAGE@", number).replace("@HEADERS64@", headers).encode()


@pytest.fixture
def sent(context: Flask) -> UUID:
    """Return a mail that the mail server took."""
    queue()
    change("test:1", status=Delivery.SENT, sent_at=clock.now(), content=None)
    return row().id


def change(key: str, **values: object) -> None:
    with transaction() as session:
        session.execute(update(OutboxMessage).where(OutboxMessage.dedup_key == key).values(**values))


def message_events() -> list[str]:
    return [event.code for event in search(limit=100) if event.code.startswith("message:")]


@pytest.mark.parametrize("name", sorted(FAILED))
def test_the_report_of_each_mail_server_is_understood(name: str) -> None:
    assert read_report(sample(name), HOST) == Report(ID, Action.FAILED, FAILED[name])
    assert read_report(sample(name).replace(b"\n", b"\r\n"), HOST) == Report(ID, Action.FAILED, FAILED[name])


def test_a_delay_is_understood_as_a_delay() -> None:
    assert read_report(sample("postfix-delayed"), HOST) == Report(ID, Action.DELAYED, "4.4.1")


def test_a_mail_given_up_after_days_of_trying_is_a_failure_whatever_its_code() -> None:
    expired = sample("postfix").replace(b"Status: 5.1.1", b"Status: 4.4.1")
    assert read_report(expired, HOST) == Report(ID, Action.FAILED, "4.4.1")


@pytest.mark.parametrize("status", [b"", b"Status: soon\n", b"Status: 5.1.1111\n"])
def test_a_failure_without_a_code_that_can_be_read_is_a_failure_of_unknown_kind(status: bytes) -> None:
    report = read_report(sample("postfix").replace(b"Status: 5.1.1\n", status), HOST)
    assert report == Report(ID, Action.FAILED, "5.0.0")


@pytest.mark.parametrize("name", ["delivered", "read-receipt", "away"])
def test_what_says_nothing_of_a_failure_is_no_report(name: str) -> None:
    assert read_report(sample(name), HOST) is None


@pytest.mark.parametrize("host", ["elsewhere.example", "localhost.evil.example", "evil-localhost", "LOCALHOST2"])
def test_a_message_id_of_another_host_is_not_ours(host: str) -> None:
    assert read_report(sample("postfix", host=host), HOST) is None


def test_the_case_of_host_and_id_does_not_matter() -> None:
    shouted = sample("postfix").replace(f"{ID}@{HOST}".encode(), f"{ID}@{HOST}".upper().encode())
    assert read_report(shouted, HOST) == Report(ID, Action.FAILED, "5.1.1")


def test_a_returned_mail_of_many_megabytes_is_read_no_further_than_its_headers() -> None:
    long = sample("postfix").replace(b"Beste Anna\n", b"Beste Anna\n" + b"x" * 76 * MOST_BYTES)
    assert read_report(long, HOST) == Report(ID, Action.FAILED, "5.1.1")


NASTY = {
    "nothing": b"",
    "zeros": bytes(1000),
    "no mail": b"\xff\xfe" * 5000,
    "nested deeply": b"Content-Type: multipart/report; boundary=a\n\n"
    + b"--a\nContent-Type: message/rfc822\n\n" * 1
    + b"Content-Type: message/rfc822\n\n" * 5000,
    "many boundaries": b"Content-Type: multipart/report; boundary=a\n\n" + b"--a\n\n" * 40_000,
    "a report without parts": b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\nno parts",
    "unknown character set": b"Content-Type: multipart/report; boundary=a\n\n--a\n"
    b"Content-Type: message/delivery-status; charset=klingon\nContent-Transfer-Encoding: base64\n\n!!!\n--a--",
    "one long line": b"Content-Type: multipart/report; boundary=" + b"a" * 200_000,
}


@pytest.mark.parametrize("name", sorted(NASTY))
@pytest.mark.timeout(20)
def test_garbage_is_no_report(name: str) -> None:
    assert read_report(NASTY[name], HOST) is None


@hypothesis_settings(max_examples=300)
@given(st.data())
def test_a_report_with_any_bytes_put_in_or_taken_out_breaks_nothing(data: st.DataObject) -> None:
    raw = sample(data.draw(st.sampled_from(sorted(FAILED))))
    start, size = data.draw(st.integers(0, len(raw))), data.draw(st.integers(0, 400))
    found = read_report(raw[:start] + data.draw(st.binary(max_size=200)) + raw[start + size :], HOST)
    # Whatever was changed, the report tells of this mail, of another only when its id was hit, or of none.
    assert found is None or found.message == ID or str(found.message).encode() not in raw


def test_a_bounce_marks_its_message_and_is_an_event(sent: UUID) -> None:
    assert take_in(sample("exim", sent)) is Taken.BOUNCED
    marked = row()
    assert (marked.status, marked.bounce_status, marked.bounced_at is not None) == (Delivery.BOUNCED, "5.2.2", True)
    (event,) = [event for event in search(limit=100) if event.code == "message:bounce"]
    assert (event.fields, event.origin) == ({"kind": "test", "status": "5.2.2"}, "cli")
    assert "anna" not in str(event), "nothing else of the report is kept"


def test_a_bounce_that_comes_again_changes_nothing(sent: UUID) -> None:
    take_in(sample("exim", sent))
    for name in FAILED:
        assert take_in(sample(name, sent)) is Taken.NOTHING_NEW
    assert message_events() == ["message:bounce"]
    assert row().bounce_status == "5.2.2"


def test_a_delay_is_noted_once_and_is_no_bounce(sent: UUID) -> None:
    assert take_in(sample("postfix-delayed", sent)) is Taken.DELAYED
    assert take_in(sample("postfix-delayed", sent)) is Taken.NOTHING_NEW
    assert (row().status, row().bounce_status, row().bounced_at) == (Delivery.SENT, "4.4.1", None)
    assert take_in(sample("postfix", sent)) is Taken.BOUNCED
    assert message_events() == ["message:bounce", "message:delay"]


def test_a_fake_about_a_message_that_does_not_exist_leaves_no_event(sent: UUID) -> None:
    before = len(search(limit=1000))
    for _ in range(20):
        assert take_in(sample("postfix", new_id())) is Taken.UNKNOWN
    assert len(search(limit=1000)) == before
    assert row().status is Delivery.SENT


@pytest.mark.parametrize("status", [Delivery.WAITING, Delivery.DEAD])
def test_a_report_about_a_message_that_was_not_taken_changes_nothing(sent: UUID, status: Delivery) -> None:
    change("test:1", status=status, sent_at=None)
    assert take_in(sample("postfix", sent)) is Taken.NOTHING_NEW
    assert row().status is status


def test_a_report_that_is_faster_than_the_worker_comes_again_later(sent: UUID) -> None:
    change("test:1", status=Delivery.SENDING, sent_at=None)
    assert take_in(sample("postfix", sent)) is Taken.LATER


def test_no_mail_can_mark_an_sms(sent: UUID) -> None:
    change("test:1", channel=Channel.SMS)
    assert take_in(sample("postfix", sent)) is Taken.UNKNOWN


@pytest.fixture
def database(app: Flask) -> str:
    return str(app.config["SQLALCHEMY_DATABASE_URI"])


def pipe(mail: bytes, database: str, instance: Path) -> "subprocess.CompletedProcess[bytes]":
    """Give a mail to the command as a mail server does."""
    command = [sys.executable, "-c", "from keyservice.cli import main; main()", "outbox", "bounce"]
    variables = {**os.environ, **environ(instance, database)}
    return subprocess.run(command, input=mail, env=variables, capture_output=True, timeout=60, check=False)


def test_a_mail_server_pipes_a_bounce_into_the_command(sent: UUID, database: str) -> None:
    instance = settings.current().instance
    done = pipe(sample("postfix", sent), database, instance)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"did not arrive" in done.stdout
    assert row().status is Delivery.BOUNCED
    done = pipe(sample("postfix", new_id()) + b"x" * 5_000_000, database, instance)
    assert (done.returncode, done.stdout) == (os.EX_DATAERR, b"")
    assert b"no such message" in done.stderr
    done = pipe(b"Subject: Vraagje\n\nWerkt dit?\n", database, instance)
    assert (done.returncode, done.stdout) == (os.EX_DATAERR, b"")


def test_with_the_database_away_the_mail_server_is_asked_to_try_again(tmp_path: Path) -> None:
    (tmp_path / "folder.sqlite").mkdir()
    done = pipe(sample("postfix"), f"sqlite:///{tmp_path / 'folder.sqlite'}", tmp_path)
    assert (done.returncode, done.stderr) == (os.EX_TEMPFAIL, b"The database is away.\n")


@pytest.mark.parametrize("piece", [b" ", b"\t ", b" \n", b"\r", b"A:b\n", b"\n "])
def test_t15_no_report_that_somebody_made_up_keeps_a_process_busy(piece: bytes) -> None:
    head = b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\na"
    started = monotonic()
    assert read_report(head + piece * (MOST_BYTES // len(piece)), HOST) is None
    assert monotonic() - started < 20
