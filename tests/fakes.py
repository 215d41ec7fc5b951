"""Real servers on loopback sockets that behave as badly as a test asks, and certificates for them."""

import asyncio
import ipaddress
import socket
import ssl
from asyncio.base_events import Server
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OK = "250 OK"


@dataclass
class Mail:
    """One mail as it arrived: envelope and bytes."""

    sender: str
    recipients: list[str]
    content: bytes


@dataclass
class Behaviour:
    """What the server took, and what it answers: by recipient after RCPT, and in turn after DATA.

    An answer after DATA may also be `drop` (closes the connection without an answer) or `hang`. With `drips` the answer
    never ends: a byte of it comes every so many seconds.
    """

    mails: list[Mail] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    answer_to: dict[str, str] = field(default_factory=dict)
    seconds_per_mail: float = 0
    drips: float = 0
    connections: int = 0

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.connections += 1
        return responses

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.refused.get(address, OK)
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(
            Mail(str(envelope.mail_from), list(map(str, envelope.rcpt_tos)), bytes(envelope.original_content or b""))
        )
        await asyncio.sleep(self.seconds_per_mail)
        writer = cast("asyncio.WriteTransport", server.transport)
        while self.drips and not writer.is_closing():
            writer.write(b"2")
            await asyncio.sleep(self.drips)
        answer = self.answer_to.get(str(envelope.rcpt_tos[0])) or (self.answers.pop(0) if self.answers else OK)
        if answer == "hang":
            await asyncio.sleep(60)
        if answer == "drop":
            cast("asyncio.WriteTransport", server.transport).abort()
        return answer


class _OwnPort(Controller):
    """A controller for a port that the system chooses."""

    def _trigger_server(self) -> None:
        self.port = cast("Server", self.server).sockets[0].getsockname()[1]
        with socket.create_connection((self.hostname, self.port), 5) as connection:
            if not self.ssl_context:
                connection.recv(1024)
                return
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(connection) as wrapped:
                wrapped.recv(1024)


@contextmanager
def mail_server(
    behaviour: Behaviour, *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Run a mail server and give its port."""
    options: dict[str, Any] = {"tls_context": starttls, "require_starttls": True} if starttls else {}
    controller = _OwnPort(behaviour, hostname="127.0.0.1", port=0, ssl_context=tls, **options)
    controller.start()
    behaviour.connections = 0
    try:
        yield controller.port
    finally:
        controller.stop()


@contextmanager
def silent_server() -> Iterator[int]:
    """Run a server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@contextmanager
def dripping_server(seconds_per_byte: float) -> Iterator[int]:
    """Run a server that greets a byte at a time and never comes to the end of its line."""

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.sendall(b"220 ")
            while not stopped.wait(seconds_per_byte):
                connection.sendall(b"x")

    def serve() -> None:
        with suppress(OSError):
            while True:
                Thread(target=drip, args=(listening.accept()[0],), daemon=True).start()

    stopped = Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=serve, daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            stopped.set()
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        """Make a key and a root certificate; `file` is what clients trust."""
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        root = self._builder(self._name, self._key).add_extension(constraints, critical=True)
        uses = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
        ) | {"key_cert_sign": True, "crl_sign": True, "encipher_only": False, "decipher_only": False}
        root = root.add_extension(x509.KeyUsage(**uses), critical=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(root.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=2)).not_valid_after(now + timedelta(days=2))
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return builder.add_extension(identifier, critical=False).add_extension(issuer, critical=False)

    def server_context(self, host: str) -> ssl.SSLContext:
        """Return the TLS side of a server whose certificate names `host` (a name or an address)."""
        key = ec.generate_private_key(ec.SECP256R1())
        name: x509.GeneralName = x509.DNSName(host)
        if host.replace(".", "").isdigit():
            name = x509.IPAddress(ipaddress.ip_address(host))
        builder = self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), key)
        builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=False)
        file = self._folder / f"server-{host}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context
