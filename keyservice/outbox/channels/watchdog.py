"""A limit on a whole conversation: the timeout of a socket begins anew with every byte a slow server drips."""

import contextlib
import socket
from collections.abc import Iterator
from threading import Event, Thread
from time import monotonic

# Twice the timeout of one answer, well below the lease of a message and the minute in which a worker is missed.
LONGEST_ATTEMPT_SECONDS = 40.0
_LOOK_EVERY_SECONDS = 0.5


class Watchdog:
    """Shuts one connection down when an attempt takes too long; the attempt then fails like a lost connection."""

    def __init__(self) -> None:
        """Watch nothing yet."""
        self._until: float | None = None
        self._socket: socket.socket | None = None
        self._closed = Event()

    def watch(self, connection: socket.socket) -> None:
        """Watch a connection from now on."""
        # A handle of its own: wrapping a socket into TLS takes the first one away.
        self._socket = connection.dup()
        Thread(target=self._run, args=(self._socket,), name="watchdog", daemon=True).start()

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Limit what is done inside the block."""
        self._until = monotonic() + LONGEST_ATTEMPT_SECONDS
        try:
            yield
        finally:
            self._until = None

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()

    def _run(self, connection: socket.socket) -> None:
        with connection:
            while not self._closed.wait(_LOOK_EVERY_SECONDS):
                until = self._until
                if until is not None and monotonic() > until:
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)
