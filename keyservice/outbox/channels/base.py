"""What every channel offers to the worker."""

from contextlib import AbstractContextManager
from typing import Protocol

from keyservice.outbox.message import Content
from keyservice.outbox.models import OutboxMessage


class TemporaryFailure(Exception):
    """It did not go now; trying again later makes sense. The message is safe to store and show."""


class ConnectionLost(TemporaryFailure):
    """The other side hung up or fell silent; the next message needs a new connection."""


class PermanentFailure(Exception):
    """It will never go like this; a person must look. The message is safe to store and show."""


class Sender(Protocol):
    """An open connection to the next server."""

    def send(self, row: OutboxMessage, content: Content, final: bytes) -> None:
        """Hand one message over. Raises TemporaryFailure or PermanentFailure."""


class Provider(Protocol):
    """A channel."""

    def render(self, row: OutboxMessage, content: Content, control_line: str) -> bytes:
        """Return the final bytes: made once, stored, and repeated unchanged after a crash.

        `control_line` names a checkpoint of the audit trail, by which the recipient becomes a witness of it.
        """

    def open(self) -> AbstractContextManager[Sender]:
        """Open one connection for a batch. Raises TemporaryFailure when there is none."""
