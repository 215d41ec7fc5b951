"""Mail through Flask-Mail, with what it lacks: a timeout, verified certificates, unchanging bytes (`libs.md` 6)."""

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from flask import current_app, render_template
from flask_mail import Attachment, Connection, Mail, Message

from keyservice import settings
from keyservice.kernel.text import clean
from keyservice.outbox.channels.base import ConnectionLost, PermanentFailure, TemporaryFailure
from keyservice.outbox.channels.watchdog import Watchdog
from keyservice.outbox.message import Content
from keyservice.outbox.models import OutboxMessage
from keyservice.settings import MailSecurity, Settings

TIMEOUT_SECONDS = 20
_ONE_MAILBOX = re.compile(r"[A-Za-z0-9_.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9.-]+")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]+")
_CONTENT_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")
mail = Mail()


class FinalMessage(Message):
    """A message whose bytes were made before."""

    def __init__(self, final: bytes, sender: str, recipient: str) -> None:
        """Take the final bytes, and sender and recipient for the envelope."""
        super().__init__(sender=sender, recipients=[recipient])
        self.final = final

    def as_bytes(self) -> bytes:
        """Return the stored bytes."""
        return self.final


class _Watched(smtplib.SMTP):
    """A client whose watchdog knows the connection before the server says its first word."""

    def __init__(self, watchdog: Watchdog, *where: Any, **options: Any) -> None:
        self.watchdog = watchdog
        super().__init__(*where, **options)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]  # the stubs have none
        self.watchdog.watch(connection)
        return connection


class _WatchedTLS(smtplib.SMTP_SSL, _Watched):
    """The same over TLS: the handshake is watched too."""

    def __init__(self, watchdog: Watchdog, *where: Any, **options: Any) -> None:
        self.watchdog = watchdog
        smtplib.SMTP_SSL.__init__(self, *where, **options)


class VerifiedConnection(Connection):
    """A connection that gives up in time and talks to the server that the certificate names only."""

    def configure_host(self) -> smtplib.SMTP:
        """Connect and log in as the settings say."""
        conf, self.watchdog = settings.current(), Watchdog()
        where = (conf.mail_server, conf.mail_port)
        host: smtplib.SMTP
        with contextlib.ExitStack() as failed, self.watchdog.attempt():
            failed.callback(self.watchdog.close)
            if conf.mail_security is MailSecurity.TLS:
                host = _WatchedTLS(self.watchdog, *where, timeout=TIMEOUT_SECONDS, context=_context(conf))
            else:
                host = _Watched(self.watchdog, *where, timeout=TIMEOUT_SECONDS)
            failed.callback(host.close)
            _secure(host, conf)
            failed.pop_all()
        return host

    def __exit__(self, *_error: object) -> None:
        """Say goodbye, also to a server that is gone."""
        with contextlib.suppress(smtplib.SMTPException, OSError), self.watchdog.attempt():
            if self.host:
                self.host.quit()
        self.watchdog.close()


def _refuse_unsafe(content: Content) -> None:
    # Flask-Mail looks at fewer places than it writes into headers.
    if not _ONE_MAILBOX.fullmatch(content.to):
        raise PermanentFailure("recipient is not one plain mail address")
    file = content.attachment
    if file and not (_PLAIN_NAME.fullmatch(file.name) and _CONTENT_TYPE.fullmatch(file.content_type)):
        raise PermanentFailure("attachment without a plain name and type")


def _secure(host: smtplib.SMTP, conf: Settings) -> None:
    if conf.mail_security is MailSecurity.STARTTLS:
        # Raises when the server does not offer it: a stripped STARTTLS never leads to a mail in clear.
        host.starttls(context=_context(conf))
    if conf.mail_username and conf.mail_password:
        host.login(conf.mail_username, conf.mail_password.reveal())


def _context(conf: Settings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(conf.mail_ca_file) if conf.mail_ca_file else None)


class MailProvider:
    """The channel for mail."""

    def render(self, row: OutboxMessage, content: Content) -> bytes:
        """Return the MIME bytes, with a Message-ID that is the row's own."""
        _refuse_unsafe(content)
        values = dict(content.values)
        folder = f"post/{row.kind}"
        attachment = content.attachment
        message = Message(
            # Taken apart, so that nothing typed is read as an encoded word (RFC 2047 2) and shows as another text.
            subject=clean(render_template(f"{folder}/subject.txt", **values)).replace("=?", "= ?"),
            recipients=[content.to],
            body=render_template(f"{folder}/body.txt", **values),
            html=render_template(f"{folder}/body.html", **values),
            sender=("Sleuteluitgifte", settings.current().mail_from),
            date=row.created_at.timestamp(),
            extra_headers={"Auto-Submitted": "auto-generated"},
            attachments=[Attachment(attachment.name, attachment.content_type, attachment.data)] if attachment else [],
        )
        message.msgId = f"<{row.id}@{urlsplit(settings.current().base_url).hostname}>"
        final: bytes = message.as_bytes()
        return final

    @contextlib.contextmanager
    def open(self) -> Iterator["MailSender"]:
        """Open one SMTP connection. Raises TemporaryFailure when the server is away or not who it should be."""
        connection = VerifiedConnection(current_app.extensions["mail"])
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(connection)
            except (OSError, smtplib.SMTPException) as error:
                # Also a refused login or a missing STARTTLS: not the fault of one message, and mended by the operator.
                raise TemporaryFailure(_describe(error)) from error
            yield MailSender(connection)


class MailSender:
    """An open SMTP connection."""

    def __init__(self, connection: VerifiedConnection) -> None:
        """Take the connection."""
        self.connection = connection

    def send(self, _row: OutboxMessage, content: Content, final: bytes) -> None:
        """Offer one mail. Raises TemporaryFailure (4xx, broken connection) or PermanentFailure (5xx)."""
        sender = settings.current().mail_from
        try:
            with self.connection.watchdog.attempt():
                self.connection.send(FinalMessage(final, sender, content.to))
        except smtplib.SMTPRecipientsRefused as error:
            # The texts of a server may repeat the address; the code says enough.
            code = next(iter(error.recipients.values()))[0]
            _raise_for(code, f"SMTP {code}: recipient refused", error)
        except smtplib.SMTPResponseException as error:
            _raise_for(error.smtp_code, _describe(error), error)
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            raise ConnectionLost(_describe(error)) from error
        except smtplib.SMTPException as error:
            raise TemporaryFailure(_describe(error)) from error


def _raise_for(code: int, text: str, error: Exception) -> None:
    kind = PermanentFailure if 500 <= code < 600 else TemporaryFailure  # noqa: PLR2004 - RFC 5321 4.2.1
    raise kind(text) from error


def _describe(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"SMTP {error.smtp_code}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    return type(error).__name__
