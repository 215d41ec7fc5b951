"""Mail over a connection of Flask-Mail, with what that lacks: a timeout and verified certificates."""

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping
from time import monotonic
from urllib.parse import urlsplit

from flask import current_app
from flask_mail import Connection, Mail

from keyservice import settings
from keyservice.kernel.text import clean
from keyservice.outbox.channels.base import ConnectionLost, PermanentFailure, TemporaryFailure
from keyservice.outbox.channels.mime import mail_bytes
from keyservice.outbox.message import Content
from keyservice.outbox.models import OutboxMessage
from keyservice.settings import MailSecurity, Settings

TIMEOUT_SECONDS = 20  # for each answer of the server, from its first byte to its last
_ONE_MAILBOX = re.compile(r"[A-Za-z0-9_.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9.-]+")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]+")
_CONTENT_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")
# Under every mail, as `templates/post/layout.html` has it under every page.
_CONTROL = "\n\nControleregel (u hoeft hier niets mee te doen): {}\n"
mail = Mail()


class _Reader:
    """Reads lines of an answer that must be there in time as a whole: smtplib waits anew for every byte.

    A server that drips is no better than one that is silent.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._read = sock, b""
        self.until = 0.0

    def readline(self, most: int) -> bytes:
        while b"\n" not in self._read and len(self._read) < most:
            # Not 0, which would mean: do not wait at all, and fail in another way.
            self._sock.settimeout(max(self.until - monotonic(), 0.001))
            more = self._sock.recv(8192)
            if not more:
                break
            self._read += more
        self._sock.settimeout(TIMEOUT_SECONDS)
        end = self._read.find(b"\n") + 1 or most
        line, self._read = self._read[:end], self._read[end:]
        return line

    def close(self) -> None:
        self._read = b""


class _Timely(smtplib.SMTP):
    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Reader(self.sock)
        if self.file is not None:
            self.file.until = monotonic() + TIMEOUT_SECONDS
        return super().getreply()


class _TimelyTls(_Timely, smtplib.SMTP_SSL):
    pass


class VerifiedConnection(Connection):
    """A connection that gives up in time and talks to the server that the certificate names only."""

    host: smtplib.SMTP  # set on entering: sending is never suppressed (`app.py`)

    def configure_host(self) -> smtplib.SMTP:
        """Connect and log in as the settings say."""
        conf = settings.current()
        where = (conf.mail_server, conf.mail_port)
        host: smtplib.SMTP
        if conf.mail_security is MailSecurity.TLS:
            host = _TimelyTls(*where, timeout=TIMEOUT_SECONDS, context=_context(conf))
        else:
            host = _Timely(*where, timeout=TIMEOUT_SECONDS)
        try:
            _secure(host, conf)
        except BaseException:
            host.close()
            raise
        return host

    def __exit__(self, *_error: object) -> None:
        """Say goodbye, also to a server that is gone."""
        with contextlib.suppress(smtplib.SMTPException, OSError):
            self.host.quit()


def _refuse_unsafe(content: Content) -> None:
    # Flask-Mail looks at fewer places than it writes into headers.
    if not _ONE_MAILBOX.fullmatch(content.to):
        raise PermanentFailure("recipient is not one plain mail address")
    file = content.attachment
    if file and not (_PLAIN_NAME.fullmatch(file.name) and _CONTENT_TYPE.fullmatch(file.content_type)):
        raise PermanentFailure("attachment without a plain name and type")


def _rendered(kind: str, name: str, values: Mapping[str, str]) -> str:
    # Not by Flask's render_template, which looks up for every text what the header of a page shows.
    return current_app.jinja_env.get_template(f"post/{kind}/{name}").render(values)


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

    def render(self, row: OutboxMessage, content: Content, control_line: str) -> bytes:
        """Return the MIME bytes, with a Message-ID that is the row's own."""
        _refuse_unsafe(content)
        conf, values = settings.current(), {**content.values, "control_line": control_line}
        return mail_bytes(
            row.id,
            sender=f"Sleuteluitgifte <{conf.mail_from}>",
            to=content.to,
            subject=clean(_rendered(row.kind, "subject.txt", values)),
            date=row.created_at,
            host=urlsplit(conf.base_url).hostname or "",
            text=_rendered(row.kind, "body.txt", values) + _CONTROL.format(control_line),
            html=_rendered(row.kind, "body.html", values),
            attachment=content.attachment,
        )

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
        """Offer one mail. Raises TemporaryFailure (4xx), ConnectionLost (one of those) or PermanentFailure (5xx)."""
        try:
            # Not by Flask-Mail's `send`: the bytes are final, and it drops recipients that are refused one by one.
            self.connection.host.sendmail(settings.current().mail_from, [content.to], final)
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
