"""Two processes of the real web server: a revoked key opens nothing any more, and no use of it is lost."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

import pytest
from flask import Flask

from keyservice.database import db
from keyservice.demo.stack import free_port
from keyservice.sleutels import service
from keyservice.sleutels.queries import use_of
from tests.conftest import environ
from tests.factories.aanvragen import actor
from tests.factories.keys import DOSSIER, awake, tries
from tests.usecases.test_workers import until

ROOT = Path(__file__).parents[2]
CLIENTS, PAUSE_SECONDS = 4, 0.02  # together below what one key may ask


@contextmanager
def server(app: Flask, processes: int) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """Serve the application as README says, from so many processes; gives the port and the program."""
    instance = app.extensions["keyservice.settings"].instance
    variables = environ(instance, str(app.config["SQLALCHEMY_DATABASE_URI"]), WEB_CONCURRENCY=str(processes))
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--log-level", "warning", "wsgi:app"]
    with subprocess.Popen(command, env={**os.environ, **variables}, cwd=ROOT, start_new_session=True) as program:
        try:
            until(lambda: program.poll() is None and answers(port))
            yield port, program
        finally:
            kill(program)


def kill(program: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)


def answers(port: int) -> bool:
    with suppress(OSError):
        return ask(port, "") == 401
    return False


def ask(port: int, key: str) -> int:
    """Show a key over a connection of its own, so that each process gets its share; return the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/v1/sleutel", headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@pytest.mark.timeout(90)
def test_p14_no_process_accepts_a_key_one_second_after_it_was_revoked_and_every_use_is_counted(context: Flask) -> None:
    sleutel_id, key = awake()
    asked: list[tuple[float, float, int]] = []
    enough = Event()

    def client() -> None:
        while not enough.wait(PAUSE_SECONDS):
            begun = time.monotonic()
            status = ask(port, key)
            asked.append((begun, time.monotonic(), status))

    with server(context, 2) as (port, program):
        clients = [Thread(target=client) for _ in range(CLIENTS)]
        for one in clients:
            one.start()
        until(lambda: len(asked) > 50)
        service.revoke(actor("rosa"), sleutel_id, "cancelled", dossier=DOSSIER)
        revoked = time.monotonic()
        until(lambda: asked[-1][0] > revoked + 1.5)
        enough.set()
        for one in clients:
            one.join()
        program.terminate()
        assert program.wait(40) == 0

    statuses = Counter(status for _begun, _ended, status in asked)
    assert statuses.keys() == {200, 401}
    assert statuses[200] >= 50
    assert not [status for begun, _ended, status in asked if begun > revoked and status == 200]
    assert len([1 for begun, _ended, status in asked if begun > revoked + 1 and status == 401]) >= 10
    # Also those of the last two seconds, which each process wrote when it was told to stop.
    assert use_of([sleutel_id])[sleutel_id].count == statuses[200]
    assert tries(sleutel_id) == statuses[401]


@pytest.mark.timeout(60)
def test_a_process_that_is_killed_loses_the_uses_of_its_last_seconds_only(context: Flask) -> None:
    sleutel_id, key = awake()
    with server(context, 1) as (port, program):
        for _ in range(10):
            assert ask(port, key) == 200
        until(lambda: counted(sleutel_id) == 10, 15)
        assert ask(port, key) == 200
        kill(program)
    assert counted(sleutel_id) in {10, 11}


def counted(sleutel_id: UUID) -> int:
    db.session.rollback()
    return sum(use.count for use in use_of([sleutel_id]).values())
