"""Who sends half a body and then nothing holds up a thread for some seconds, and not for ever."""

import runpy
import socket
import struct
import time
from types import SimpleNamespace

import pytest
from flask import Flask

from tests.factories.keys import awake
from tests.usecases.test_revocation import ROOT, ask, server

HALF = (
    b"POST /v1/gelekte-sleutels HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Content-Length: 100\r\n\r\n{"sleutel": '
)


@pytest.mark.timeout(90)
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)  # no database is asked
def test_half_a_body_is_given_up_and_others_are_answered_again(app: Flask) -> None:
    settings = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    silence = settings["LONGEST_SILENCE_SECONDS"]
    with app.app_context():
        _, key = awake()
    with server(app, 1) as (port, _):
        halves = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(settings["threads"])]
        began = time.monotonic()
        for half in halves:
            half.sendall(HALF)
        answers = [half.recv(100) for half in halves]
        took = time.monotonic() - began
        assert ask(port, key) == 200
        for half in halves:
            half.close()
    assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 400 BAD REQUEST"}
    assert took >= silence


def test_who_reads_an_answer_slowly_has_no_such_limit() -> None:
    settings = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        settings["pre_request"](None, SimpleNamespace(unreader=SimpleNamespace(sock=ours)))
        size = struct.calcsize("ll")
        waits = {
            name: struct.unpack("ll", ours.getsockopt(socket.SOL_SOCKET, option, size))
            for name, option in {"receiving": socket.SO_RCVTIMEO, "sending": socket.SO_SNDTIMEO}.items()
        }
        assert waits == {"receiving": (settings["LONGEST_SILENCE_SECONDS"], 0), "sending": (0, 0)}
        assert ours.gettimeout() is None
