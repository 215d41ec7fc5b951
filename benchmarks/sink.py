"""A mail server that takes everything and keeps nothing, in a process of its own: its CPU time is nobody's here."""

import multiprocessing
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from threading import Thread

_ANSWERS = {b"EHLO": b"250-sink\r\n250 8BITMIME\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}


@contextmanager
def mail_sink() -> Iterator[int]:
    """Run the server and give its port."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        pipe.send(listening.getsockname()[1])
        while True:
            client, _address = listening.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Thread(target=_talk, args=(client,), daemon=True).start()


def _talk(client: socket.socket) -> None:
    with client, client.makefile("rb") as lines:
        client.sendall(b"220 sink\r\n")
        for line in lines:
            verb = line[:4].upper()
            client.sendall(_ANSWERS.get(verb, b"250 ok\r\n"))
            if verb == b"QUIT":
                return
            if verb == b"DATA":
                while lines.readline() != b".\r\n":
                    pass
                client.sendall(b"250 ok\r\n")
