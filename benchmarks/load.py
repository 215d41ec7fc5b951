"""Clients that keep a web server busy, in a process of their own: each asks, waits for the answer, and asks again."""

import multiprocessing
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle
from multiprocessing.connection import Connection
from selectors import EVENT_READ, DefaultSelector

_HEAD, _LAST_CHUNK = b"\r\n\r\n", b"0\r\n\r\n"
Answers = tuple[float, list[float]]
"""How long it went on, and how long each answer took; all in seconds."""


class Clients:
    """The clients, as the measuring process sees them."""

    def __init__(self, pipe: Connection) -> None:
        """Take the line to their process."""
        self._pipe = pipe

    def ask(self, port: int, headers: Sequence[str], clients: int, seconds: float) -> Answers:
        """Let clients ask for that long, each time with the next header, and return what they saw.

        Raises RuntimeError for an answer other than 200.
        """
        self._pipe.send((port, headers, clients, seconds))
        seen: Answers | str = self._pipe.recv()
        if isinstance(seen, str):
            raise RuntimeError(seen)  # noqa: TRY004 - it is what went wrong in the other process
        return seen


@contextmanager
def clients() -> Iterator[Clients]:
    """Run the process of the clients."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,), daemon=True)
    process.start()
    try:
        yield Clients(here)
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection) -> None:
    while True:
        try:
            pipe.send(_ask(*pipe.recv()))
        except (OSError, ValueError) as error:
            pipe.send(f"{type(error).__name__}: {error}")


def _ask(port: int, headers: Sequence[str], count: int, seconds: float) -> Answers:
    requests = cycle([f"GET /v1/sleutel HTTP/1.1\r\nHost: localhost\r\n{one}\r\n\r\n".encode() for one in headers])
    took: list[float] = []
    now = time.perf_counter
    with ExitStack() as stack, DefaultSelector() as selector:
        for _ in range(count):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(one, EVENT_READ, [now()])
            one.sendall(next(requests))
        begun = now()
        while now() < begun + seconds:
            for key, _events in selector.select(10):
                ready: socket.socket = key.fileobj  # type: ignore[assignment]  # we registered sockets
                _take(ready)
                took.append(now() - key.data[0])
                key.data[0] = now()
                ready.sendall(next(requests))
        return now() - begun, took


def _take(ready: socket.socket) -> None:
    """Read one whole answer. Raises ValueError when it is not 200."""
    data = ready.recv(65536)
    while _HEAD not in data:
        data += _more(ready)
    head, _, body = data.partition(_HEAD)
    status, *fields = head.lower().split(b"\r\n")
    if b" 200" not in status:
        raise ValueError(data[:300].decode(errors="replace"))
    length = next((int(field[15:]) for field in fields if field.startswith(b"content-length:")), None)
    while not body.endswith(_LAST_CHUNK) if length is None else len(body) < length:
        body += _more(ready)


def _more(ready: socket.socket) -> bytes:
    if not (data := ready.recv(65536)):
        raise ValueError("the server hung up")
    return data
