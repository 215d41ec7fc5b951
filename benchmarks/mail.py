"""Row `mail`: one mail with a zip, from the sealed row to accepted, and the making of its bytes."""

import socket
from contextlib import ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from flask import Flask, render_template
from flask_mail import Attachment, Mail, Message

from benchmarks import harness
from benchmarks.harness import Case
from benchmarks.report import Figure, figure
from benchmarks.stage import stage
from benchmarks.zip_file import CONTENT, PASSWORD
from keyservice import settings
from keyservice.issuance.contents import KEY_ENTRY
from keyservice.issuance.messages import KEY_MAIL, ZIP_NAME
from keyservice.kernel.ids import link_token, new_id
from keyservice.kernel.seal import Place
from keyservice.kernel.zips import write_zip
from keyservice.outbox import message
from keyservice.outbox.channels.mail import MailProvider, MailSender
from keyservice.outbox.channels.mime import mail_bytes
from keyservice.outbox.message import Content, decode
from keyservice.outbox.models import Channel, OutboxMessage
from keyservice.outbox.service import RING, TABLE
from tests.factories.post import LINE

OURS, SENDING, SEND, RAW = "row to accepted", "sending alone", "Flask-Mail mail.send()", "raw socket, bytes ready"
BYTES, THEIR_BYTES = "mail_bytes", "Flask-Mail Message.as_bytes"
TO = "anna@voorbeeldstad.example"
VALUES = {
    "name": "Zoë Voorbeeld",
    "number": "AA-2026-00042",
    "omgeving": "productie",
    "old_until": "",
    "url": f"https://sleutels.duo.example/ontvangst/{link_token()}",
    "opener": "https://sleutels.duo.example/openen",
    "control_line": LINE,
}


def run(rounds: int = harness.ROUNDS, slice_seconds: float = harness.SLICE_SECONDS) -> list[Figure]:
    """Measure the sending of one mail, and the making of its bytes."""
    with stage() as app, app.app_context(), ExitStack() as stack:
        row, content = _row()
        sender = stack.enter_context(MailProvider().open())
        final, shipped = MailProvider().render(row, content, LINE), as_shipped()
        raw = stack.enter_context(RawMail(settings.current().mail_port))
        samples = harness.measure(
            {
                OURS: Case(lambda _: ours(sender, row)),
                SENDING: Case(lambda _: sender.send(row, content, final)),
                SEND: Case(lambda _: as_documented(shipped, content)),
                RAW: Case(lambda _: raw.send(settings.current().mail_from, TO, final)),
            },
            rounds=rounds,
            slice_seconds=slice_seconds,
        )
        text = {name: render_template(f"post/{KEY_MAIL}/{name}", **VALUES) for name in ("body.txt", "body.html")}
        made = harness.measure(
            {
                BYTES: Case(lambda _: our_bytes(row, content, text)),
                THEIR_BYTES: Case(lambda _: their_bytes(content, text)),
            },
            rounds=rounds,
            slice_seconds=slice_seconds,
        )
    sending = f"text, page and {len(final)} bytes in all, to a sink in a process of its own"
    return [
        figure(samples, SENDING, RAW, 2, f"{sending}; both have the bytes, and both keep their connection"),
        figure(samples, OURS, SEND, 1 / 5, f"{sending}; ours opens the seal and keeps its connection"),
        figure(samples, OURS, RAW, 2, f"{sending}; ours opens the seal and writes the mail, the peer has its bytes"),
        figure(made, BYTES, THEIR_BYTES, 1 / 20, "the same text, page and zip, already rendered"),
    ]


def ours(sender: MailSender, row: OutboxMessage) -> None:
    """Send a row as the worker does: open its seal, write the mail, offer it."""
    packed = settings.rings().unseal(RING, row.content or b"", Place(TABLE, "content", row.id))
    content = decode(packed)
    sender.send(row, content, MailProvider().render(row, content, LINE))


def as_shipped() -> Mail:
    """Return Flask-Mail as its documentation sets it up, for the same server."""
    conf = settings.current()
    app = Flask("as shipped")
    app.config.update(MAIL_SERVER=conf.mail_server, MAIL_PORT=conf.mail_port)
    return Mail(app)


def as_documented(mail: Mail, content: Content) -> None:
    """Send the same mail as the documentation of Flask-Mail does."""
    body = render_template(f"post/{KEY_MAIL}/body.txt", **content.values)
    html = render_template(f"post/{KEY_MAIL}/body.html", **content.values)
    mail.send(_flask_mail(content, body, html))


def our_bytes(row: OutboxMessage, content: Content, text: dict[str, str]) -> bytes:
    """Write the bytes of a mail whose texts are rendered."""
    return mail_bytes(
        row.id,
        sender=f"Sleuteluitgifte <{settings.current().mail_from}>",
        to=content.to,
        subject="Uw applicatiesleutel (aanvraag AA-2026-00042)",
        date=row.created_at,
        host="sleutels.duo.example",
        text=text["body.txt"],
        html=text["body.html"],
        attachment=content.attachment,
    )


def their_bytes(content: Content, text: dict[str, str]) -> bytes:
    """Write the same mail with Flask-Mail."""
    return bytes(_flask_mail(content, text["body.txt"], text["body.html"]).as_bytes())


def _flask_mail(content: Content, body: str, html: str) -> Message:
    made = Message(
        subject="Uw applicatiesleutel (aanvraag AA-2026-00042)",
        sender=("Sleuteluitgifte", settings.current().mail_from),
        recipients=[content.to],
        body=body,
        html=html,
        extra_headers={"Auto-Submitted": "auto-generated"},
    )
    if content.attachment:
        file = content.attachment
        made.attachments.append(Attachment(file.name, file.content_type, file.data))
    return made


def _row() -> tuple[OutboxMessage, Content]:
    """Return a row as the queue holds it, and what is sealed in it."""
    zip_data = write_zip(CONTENT, PASSWORD, KEY_ENTRY)
    attachment = message.Attachment(ZIP_NAME, "application/zip", zip_data)
    packed = message.encode(message.Message(KEY_MAIL, Channel.MAIL, "bench", TO, VALUES, attachment=attachment))
    row = OutboxMessage(id=new_id(), kind=KEY_MAIL, channel=Channel.MAIL, created_at=datetime.now(UTC))
    row.content = settings.rings().seal(RING, packed, Place(TABLE, "content", row.id))
    return row, decode(packed)


class RawMail:
    """The least that a client of SMTP can do (RFC 5321): one open socket, four commands a mail."""

    def __init__(self, port: int) -> None:
        """Take the port of the sink."""
        self._socket = socket.create_connection(("127.0.0.1", port))

    def __enter__(self) -> Self:
        """Say hello."""
        self._answer()
        self._say(b"EHLO bench\r\n")
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self._socket.close()

    def send(self, sender: str, to: str, final: bytes) -> None:
        """Hand over one mail."""
        self._say(f"MAIL FROM:<{sender}>\r\n".encode())
        self._say(f"RCPT TO:<{to}>\r\n".encode())
        self._say(b"DATA\r\n")
        self._say(final.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")

    def _say(self, line: bytes) -> None:
        self._socket.sendall(line)
        self._answer()

    def _answer(self) -> None:
        answer = self._socket.recv(4096)
        while not answer.endswith(b"\r\n"):
            answer += self._socket.recv(4096)
        if answer[:1] not in {b"2", b"3"}:
            raise OSError(answer)
