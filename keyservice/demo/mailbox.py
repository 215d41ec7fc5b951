"""The demo's own mail server: takes every mail on a loopback socket and keeps it as an `.eml` file, as it arrived."""

import re
import socket
from asyncio.base_events import Server
from pathlib import Path
from typing import Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

MAIL_FOLDER = "mail"
_UNSAFE = re.compile(r"[^a-z0-9.@+-]")


class _Keeper:
    """Writes each message into a file that is named after its number and recipient."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.count = len(list(folder.glob("*.eml")))

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.count += 1
        recipient = _UNSAFE.sub("_", str(envelope.rcpt_tos[0]).lower())
        # Written under another name first: who looks at the folder never sees half a mail.
        path = self.folder / f"{self.count:08d}-{recipient}.eml"
        beside = path.with_suffix(".part")
        beside.write_bytes(bytes(envelope.original_content or b""))
        beside.rename(path)
        return "250 OK"


class _OwnPort(Controller):
    """aiosmtpd's controller for a port that the system chooses: it asks the socket which one that is."""

    def _trigger_server(self) -> None:
        self.port = cast("Server", self.server).sockets[0].getsockname()[1]
        with socket.create_connection((self.hostname, self.port), 1.0) as connection:
            connection.recv(1024)


class DemoMailServer:
    """A real SMTP server on 127.0.0.1 for as long as the `with` block lasts; `port` is where it listens."""

    def __init__(self, folder: Path) -> None:
        """Take the folder for the mails."""
        self._controller = _OwnPort(_Keeper(folder), hostname="127.0.0.1", port=0)
        self.port = 0

    def __enter__(self) -> Self:
        """Start listening."""
        self._controller.start()
        self.port = int(self._controller.port)
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop listening."""
        self._controller.stop()
