"""The bytes of a mail: what they say is what Flask-Mail would have said, and no value can say anything else."""

import email
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from uuid import UUID

import flask_mail
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from keyservice.kernel.text import clean
from keyservice.outbox.channels.mime import mail_bytes
from keyservice.outbox.message import Attachment

ROW = UUID("1b4e28ba-2fa1-4d2b-883f-0016d3cca427")
NOON = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
ZIP = Attachment("sleutel.zip", "application/zip", bytes(range(256)) * 20)
TO = "anna@voorbeeldstad.example"
FROM = "Sleuteluitgifte <sleuteluitgifte@duo.example>"
# Everything that once broke a mail: lone ends of lines, dots, long words, boundaries, encoded words, other scripts.
PIECES = [
    *("\n", "\r\n", "\r", "\x00", "\x0b", "\x85", "\u2028", "\t", " ", "   \n", ".", "\n.\n", "\r\n.\r\n"),
    *("=", "=3D", "=_", f"--=_mixed_{ROW.hex}--", f"\n--=_alternative_{ROW.hex}\n", "From ", "\nFrom x\n"),
    *(
        "=?utf-8?q?=0ABcc:_x@kwaad.example?=",
        "\r\nBcc: x@kwaad.example\r\n",
        "é",
        "Zoë 🍞",
        "東京",
        "x" * 1100,
        "é" * 400,
    ),
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=30), max_size=12).map("".join)
SUBJECTS = TEXTS.map(clean)


def made(
    subject: str = "Uw sleutel",
    text: str = "Beste Anna",
    html: str = "<p>Beste Anna</p>",
    *,
    file: Attachment | None = ZIP,
) -> bytes:
    return mail_bytes(
        ROW, sender=FROM, to=TO, subject=subject, date=NOON, host="duo.example", text=text, html=html, attachment=file
    )


def by_flask_mail(subject: str, text: str, html: str, file: Attachment | None) -> bytes:
    app = Flask("theirs")
    flask_mail.Mail(app)
    with app.app_context():
        message = flask_mail.Message(
            subject=subject,
            recipients=[TO],
            body=text,
            html=html,
            sender=FROM,
            date=NOON.timestamp(),
            extra_headers={"Auto-Submitted": "auto-generated"},
            attachments=[flask_mail.Attachment(file.name, file.content_type, file.data)] if file else [],
        )
        message.msgId = f"<{ROW}@duo.example>"
        return bytes(message.as_bytes())


def parsed(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=SMTP)
    assert isinstance(message, EmailMessage)
    return message


def lines(text: str) -> list[str]:
    """Return the lines of a text as every mail program counts them, without empty ones at the end."""
    found = re.split("\r\n|\r|\n", text)
    while found and not found[-1]:
        found.pop()
    return found


def headers(message: EmailMessage) -> dict[str, object]:
    plain = {name: str(value) for name, value in message.items() if name not in {"Content-Type", "Date"}}
    return plain | {"date": message["Date"].datetime, "type": message.get_content_type()}


def parts(message: EmailMessage) -> list[tuple[str, object, object]]:
    """Return each leaf: its type, its file name, and its bytes or lines."""
    found: list[tuple[str, object, object]] = []
    for part in message.walk():
        if not part.is_multipart():
            raw = part.get_payload(decode=True)
            assert isinstance(raw, bytes)
            content = lines(raw.decode()) if part.get_content_maintype() == "text" else raw
            found.append((part.get_content_type(), part.get_filename(), content))
    return found


@pytest.mark.parametrize("file", [ZIP, None], ids=["with a file", "without"])
def test_a_mail_says_what_flask_mail_would_have_said(file: Attachment | None) -> None:
    given_values = ("Uw applicatiesleutel (aanvraag AA-2026-00042)", "Beste Zoë,\n\nDag.\n", "<p>Zoë &amp; Co</p>")
    ours, theirs = parsed(made(*given_values, file=file)), parsed(by_flask_mail(*given_values, file))
    assert headers(ours) == headers(theirs)
    assert [part.get_content_type() for part in ours.walk()] == [part.get_content_type() for part in theirs.walk()]
    assert parts(ours) == parts(theirs)


@hypothesis_settings(max_examples=300)
@given(subject=SUBJECTS, text=TEXTS, html=TEXTS)
def test_whatever_the_values_every_part_arrives_as_it_was_and_nothing_is_added(
    subject: str, text: str, html: str
) -> None:
    message = parsed(made(subject, text, html))
    assert sorted(message.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]
    )
    assert message["From"].addresses[0].addr_spec == "sleuteluitgifte@duo.example"
    assert [address.addr_spec for address in message["To"].addresses] == [TO]
    assert message["Message-ID"] == f"<{ROW}@duo.example>"
    assert message["Date"].datetime == NOON
    assert str(message["Subject"]).replace("= ?", "=?") == subject.replace("= ?", "=?")
    assert parts(message) == [
        ("text/plain", None, lines(text)),
        ("text/html", None, lines(html)),
        ("application/zip", "sleutel.zip", ZIP.data),
    ]
    assert message.defects == []
    assert [defect for part in message.walk() for defect in part.defects] == []


@hypothesis_settings(max_examples=200)
@given(subject=SUBJECTS, text=TEXTS, html=TEXTS)
def test_the_bytes_are_what_every_server_takes_unchanged(subject: str, text: str, html: str) -> None:
    content = made(subject, text, html)
    assert content == made(subject, text, html), "a repeat is the same mail"
    assert content.isascii()
    assert b"\x00" not in content
    bare = content.replace(b"\r\n", b"")
    assert b"\r" not in bare
    assert b"\n" not in bare
    assert max(map(len, content.split(b"\r\n"))) <= 78
    assert b"\r\n.\r\n" not in content, "that would be the end of the mail"


def test_a_boundary_stands_at_the_parts_and_nowhere_else() -> None:
    content = made(text=f"--=_mixed_{ROW.hex}--\n--=_alternative_{ROW.hex}", html=f"=_mixed_{ROW.hex}")
    assert content.count(b"--=_mixed_") == 3
    assert content.count(b"--=_alternative_") == 3


@pytest.mark.parametrize(
    ("subject", "header"),
    [
        (
            "Uw applicatiesleutel (aanvraag AA-2026-00042)",
            b"Subject: Uw applicatiesleutel (aanvraag AA-2026-00042)\r\n",
        ),
        ("Goed =?utf-8?q?nieuws?=", b"Subject: Goed = ?utf-8?q?nieuws?=\r\n"),
        ("Zoë", b"Subject: =?utf-8?q?Zo=C3=AB?=\r\n"),
    ],
)
def test_a_subject_stays_readable_where_it_can(subject: str, header: bytes) -> None:
    assert header in made(subject)
