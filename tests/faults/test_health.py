"""What a monitor asks: which part is not well, in time whatever the database does; and figures, behind a token."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import enumerate as threads
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine, text

from keyservice import worker
from keyservice.app import create_app
from keyservice.audit.queries import search
from keyservice.database import db, transaction
from keyservice.gemeenten.service import load_register
from keyservice.kernel import clock
from keyservice.kernel.ids import new_id
from keyservice.outbox import beats
from keyservice.outbox.models import Channel, Delivery
from keyservice.overview import health
from keyservice.settings import Settings, SettingsError
from tests.conftest import BACKENDS, environ, postgres_server, url_of
from tests.factories.aanvragen import ready
from tests.factories.issued_rows import dead_message, issue
from tests.factories.post import queue

TOKEN = "een-lang-genoeg-teken-voor-de-monitor"
PARTS = {"database", "schema", "history", "sealing", "worker", "lag"}


@pytest.fixture(params=BACKENDS)
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """Return an application on a database that was migrated, as in production."""
    if request.param == "sqlite":
        yield _migrated(tmp_path, f"sqlite:///{tmp_path / 'health.sqlite'}")
        return
    with postgres_server() as url:
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("CREATE DATABASE health"))
        admin.dispose()
        app = _migrated(tmp_path, url_of(url, "health"))
        yield app
        with app.app_context():
            db.engine.dispose()


def _migrated(folder: Path, url: str) -> Flask:
    app = create_app(Settings.from_environ(environ(folder, url)))
    with app.app_context():
        upgrade()
        load_register()
        beats.beat(new_id(), clock.now())
        db.session.remove()
    return app


def ask(app: Flask) -> tuple[int, set[str]]:
    """Return the status and the parts that are not well."""
    answer = app.test_client().get("/health")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json is not None
    assert set(answer.json) == {"ok", "parts"}
    assert set(answer.json["parts"]) == PARTS
    assert all(isinstance(well, bool) for well in answer.json["parts"].values()), "and nothing else is told"
    assert answer.json["ok"] == (answer.status_code == 200)
    assert ("Retry-After" in answer.headers) == (answer.status_code == 503)
    return answer.status_code, {part for part, well in answer.json["parts"].items() if not well}


def test_each_part_that_is_not_well_is_named(migrated: Flask) -> None:
    assert ask(migrated) == (200, set())
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        assert ask(migrated) == (503, {"worker"})
    with migrated.app_context():
        queue()
        db.session.remove()
    with time_machine.travel(clock.now() + timedelta(minutes=6)):
        assert ask(migrated) == (503, {"worker", "lag", "sealing"})
    with migrated.app_context():
        worker.run_once(migrated)  # there is no mail server: it was tried, and waits for its next turn
        find, where = _TRIGGERS[db.engine.dialect.name]
        with transaction() as session:
            trigger = session.scalars(text(find)).first()
            session.execute(text(f"DROP TRIGGER {trigger}{where}"))
        db.session.remove()
    assert ask(migrated) == (503, {"history"})
    with migrated.app_context():
        with transaction() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        db.session.remove()
    assert ask(migrated) == (503, PARTS - {"database"}), "of another schema nothing else can be said"


def test_a_worker_that_cannot_write_the_file_outside_makes_the_service_unwell(migrated: Flask) -> None:
    outside = Path(migrated.extensions["keyservice.settings"].checkpoints)
    outside.mkdir()
    with migrated.app_context():
        worker.run_once(migrated)
        db.session.remove()
    with time_machine.travel(clock.now() + timedelta(minutes=6)):
        with migrated.app_context():
            beats.beat(new_id(), clock.now())
            db.session.remove()
        assert ask(migrated) == (503, {"sealing"})
        outside.rmdir()
        with migrated.app_context():
            worker.run_once(migrated)
            db.session.remove()
        assert ask(migrated) == (200, set())


# How to find the triggers that keep history, and how the end of the statement that drops one reads.
_TRIGGERS = {
    "sqlite": ("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_event'", ""),
    "postgresql": (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'audit_event'::regclass",
        " ON audit_event",
    ),
}


def test_p6_a_database_that_cannot_be_opened_is_told_and_is_well_again_without_a_restart(tmp_path: Path) -> None:
    app = _migrated(tmp_path, f"sqlite:///{tmp_path / 'health.sqlite'}")
    with app.app_context():
        db.engine.dispose()
    away = tmp_path / "away"
    away.mkdir()
    for file in tmp_path.glob("health.sqlite*"):
        file.rename(away / file.name)
    (tmp_path / "health.sqlite").mkdir()
    assert ask(app) == (503, PARTS)
    (tmp_path / "health.sqlite").rmdir()
    for file in away.iterdir():
        file.rename(tmp_path / file.name)
    assert ask(app) == (200, set())


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[tuple[Flask, list[int]]]:
    """Return an application on a PostgreSQL of its own, and the processes of that server."""
    with postgres_server() as url:
        app = _migrated(tmp_path, url)
        with app.app_context():
            folder = Path(str(db.session.scalar(text("SHOW data_directory"))))
            db.session.remove()
        postmaster = int((folder / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children")
        yield app, [postmaster, *map(int, children.read_text().split())]
        with app.app_context():
            db.engine.dispose()


def test_p6_a_database_that_is_paused_is_told_in_time_to_everybody_who_asks(postgres: tuple[Flask, list[int]]) -> None:
    app, processes = postgres
    assert ask(app) == (200, set())
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        started = time.monotonic()
        with ThreadPoolExecutor(10) as pool:
            assert list(pool.map(lambda _n: ask(app), range(10))) == [(503, PARTS)] * 10
        assert time.monotonic() - started < 5
        assert ask(app) == (503, PARTS)
        assert time.monotonic() - started < 6, "while one question hangs, the next is answered at once"
        assert sum(thread.name == "health" for thread in threads()) == 1
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
    end = time.monotonic() + 30
    while ask(app) != (200, set()):
        assert time.monotonic() < end
        time.sleep(0.1)


def figures(client: FlaskClient, accept: str = "") -> dict[str, float]:
    """Return the figures as a monitor reads them."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}", "Accept": accept})
    assert answer.status_code == 200
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture
def watched(app: Flask, tmp_path: Path) -> Iterator[Flask]:
    """Return an application that knows a token for the figures."""
    secret = tmp_path / "token"
    secret.write_text(TOKEN + "\n")
    conf = environ(
        app.extensions["keyservice.settings"].instance,
        str(app.config["SQLALCHEMY_DATABASE_URI"]),
        KEYSERVICE_METRICS_TOKEN_FILE=str(secret),
    )
    made = create_app(Settings.from_environ(conf))
    yield made
    with made.app_context():
        db.engine.dispose()


def test_the_figures_are_those_of_the_database(watched: Flask) -> None:
    client = watched.test_client()
    assert figures(client)["keyservice_messages['dead', 'mail']"] == 0
    with watched.app_context():
        aanvraag_id = ready()
        issue(aanvraag_id, received_at=clock.now())
        ready(pakket="Ander pakket")
        dead_message(aanvraag_id)
        dead_message(aanvraag_id, status=Delivery.BOUNCED, bounced_at=clock.now(), content=None)
        dead_message(aanvraag_id, status=Delivery.WAITING, due_at=clock.now() - timedelta(seconds=90))
        dead_message(aanvraag_id, status=Delivery.WAITING, channel=Channel.SMS, last_error=None)
        beats.beat(new_id(), clock.now())
        db.session.remove()
    for accept in ("", "application/openmetrics-text; version=1.0.0"):
        found = figures(client, accept)
        assert 90 <= found.pop("keyservice_messages_lag_seconds[]") < 150
        assert 0 < found.pop("keyservice_events_unsealed_seconds[]") < 150
        assert {name: value for name, value in found.items() if value} == {
            "keyservice_messages['dead', 'mail']": 1,
            "keyservice_messages['bounced', 'mail']": 1,
            "keyservice_messages['mail', 'waiting']": 1,
            "keyservice_messages['sms', 'waiting']": 1,
            "keyservice_messages_retrying[]": 1,
            "keyservice_workers[]": 1,
            "keyservice_issuances_underway['password']": 1,
            "keyservice_aanvragen['issued']": 1,
            "keyservice_aanvragen['submitted']": 1,
        }


def test_the_figures_name_nobody(watched: Flask) -> None:
    with watched.app_context():
        dead_message(ready())
        db.session.remove()
    page = watched.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    for word in ("anna", "Voorbeeldstad", "9998", "AA-2026", "@"):
        assert word not in page


def test_without_the_token_the_figures_are_refused_and_that_is_an_event(watched: Flask) -> None:
    client = watched.test_client()
    for shown in ({}, {"Authorization": "Bearer verkeerd"}, {"Authorization": TOKEN}, {"Authorization": "Bearer ë"}):
        answer = client.get("/metrics", headers=shown)
        assert (answer.status_code, answer.headers["WWW-Authenticate"], answer.text) == (401, "Bearer", "")
    with watched.app_context():
        refused = [event for event in search(limit=10) if event.fields.get("kind") == "metrics-token"]
        assert len(refused) == 1, "one event per source and minute"


def test_where_no_token_is_set_there_are_no_figures(client: FlaskClient) -> None:
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_a_token_that_could_be_guessed_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="METRICS_TOKEN"):
        Settings.from_environ(environ(tmp_path, "sqlite://", KEYSERVICE_METRICS_TOKEN="kort"))


def test_the_question_of_a_monitor_costs_the_database_one_look_however_many_ask(app: Flask) -> None:
    asked: list[UUID] = []
    looked = health.look

    def slow() -> health.Parts:
        asked.append(new_id())
        time.sleep(0.5)
        return looked()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health, "look", slow)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _n: app.test_client().get("/health"), range(8)))
    assert len(asked) < 4
