"""A database that is full, stopped, paused and back: no half act, a page that says when to come back, no restart."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from time import monotonic
from typing import Any

import psutil
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import OperationalError

from keyservice.app import create_app
from keyservice.audit.models import AuditEvent
from keyservice.database import db
from keyservice.issuance import service
from keyservice.outbox.models import OutboxMessage
from keyservice.settings import Settings
from keyservice.sleutels.models import Sleutel
from keyservice.worker import run_once
from tests.conftest import address_of, environ, fill, post, postgres_process
from tests.factories.aanvragen import actor, ready
from tests.factories.issuance import approved
from tests.faults.test_database_away import is_come_back_later


def counts() -> list[int]:
    """Return how many keys, events and messages there are."""
    db.session.rollback()
    tables = (Sleutel, AuditEvent, OutboxMessage)
    return [db.session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


@contextmanager
def full_disk(app: Flask) -> Iterator[None]:
    """Let no file of the database grow, on any connection, until the block ends."""
    with app.app_context():
        pages = db.session.scalar(text("PRAGMA page_count"))
        db.session.remove()
        engine = db.engine

    def limit(connection: Any, *_more: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(engine, "checkout", limit)
    try:
        yield
    finally:
        event.remove(engine, "checkout", limit)
        engine.dispose()  # the limit stays on a connection


# PostgreSQL cannot be told that its disk is full; it answers with the same OperationalError.
on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@on_sqlite
def test_i3_on_a_full_disk_an_act_is_refused_whole_and_works_once_there_is_room(app: Flask) -> None:
    with app.app_context():
        waiting = [approved(pakket=f"Pakket {number}") for number in range(20)]
        rosa = actor("rosa")
    full = 0
    with full_disk(app), app.app_context():
        for aanvraag_id in waiting:  # the first ones may still find room on pages that are there
            before = counts()
            try:
                service.issue(rosa, aanvraag_id)
            except OperationalError:
                full += 1
                assert counts() == before
    assert full > 0
    with app.app_context():
        before = counts()
        service.issue(rosa, waiting[-1])
        assert counts()[0] == before[0] + 1


@on_sqlite
def test_on_a_full_disk_pages_are_there_and_a_form_says_when_to_come_back(
    app: Flask, browser_of: Callable[[str], FlaskClient]
) -> None:
    with app.app_context():
        aanvraag_id = ready()
    rik = browser_of("rik")
    with full_disk(app):
        assert rik.get(f"/dossiers/{aanvraag_id}").status_code == 200
        answers = [post(rik, f"/dossiers/{aanvraag_id}/notities", {"text": "x" * 1000}) for _ in range(30)]
        is_come_back_later(answers[-1])
    assert post(rik, f"/dossiers/{aanvraag_id}/notities", {"text": "Gebeld."}).status_code == 303


@pytest.fixture
def on_own_postgres(tmp_path: Path) -> Iterator[tuple[Flask, Any]]:
    """Give an application on a PostgreSQL of its own, and the handle of that."""
    with postgres_process() as server:
        app = create_app(Settings.from_environ(environ(tmp_path, address_of(server))))
        fill(app)
        yield app, server
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def test_a_postgresql_that_stops_and_comes_back_needs_no_restart(on_own_postgres: tuple[Flask, Any]) -> None:
    app, server = on_own_postgres
    with app.app_context():
        aanvraag_id = approved()
        rosa = actor("rosa")
        before = counts()
    server._stop()
    began = monotonic()
    is_come_back_later(app.test_client().get("/inloggen"))
    with app.app_context(), pytest.raises(OperationalError):
        service.issue(rosa, aanvraag_id)
    run_once(app)  # the worker says so in its log and lives
    assert monotonic() - began < 5
    server.ensure_postgres_running()
    assert app.test_client().get("/inloggen").status_code == 200
    with app.app_context():
        assert counts() == before
        service.issue(rosa, aanvraag_id)
        assert counts()[0] == before[0] + 1


def test_i3_an_act_waits_for_a_postgresql_that_pauses_and_is_done_once(on_own_postgres: tuple[Flask, Any]) -> None:
    app, server = on_own_postgres
    with app.app_context():
        aanvraag_id = approved()
        rosa = actor("rosa")
        before = counts()
        processes = [psutil.Process(server.get_pid()), *psutil.Process(server.get_pid()).children()]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        Timer(1.5, lambda: [process.send_signal(signal.SIGCONT) for process in processes]).start()
        began = monotonic()
        service.issue(rosa, aanvraag_id)
        assert monotonic() - began > 1
        assert counts()[0] == before[0] + 1
