"""Each row of `make bench` runs, and what it compares does the same work."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, inspect, select, text

from benchmarks import audit_trail, issue, lookup, mail, pages, register, stage, verify, writers, zip_file
from keyservice.audit.sealer import seal
from keyservice.database import db
from keyservice.outbox.models import Delivery, OutboxMessage

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "INSTANCE", tmp_path)


@pytest.mark.filterwarnings("ignore:PBKDF2 without:DeprecationWarning")  # said inside a peer, where it is installed
def test_the_row_zip_opens_the_output_of_every_writer() -> None:
    figures = zip_file.run(rounds=1, slice_seconds=0)
    assert "pyzipper as shipped" in {one.peer for one in figures}
    with zip_file.writers() as writers:
        assert {zip_file.opened(write()) for write in writers.values()} == {zip_file.CONTENT}


def test_the_row_mail_runs() -> None:
    figures = mail.run(rounds=1, slice_seconds=0)
    assert all(one.median > 0 and one.peer_median > 0 for one in figures)


def test_the_rows_of_the_audit_trail_run() -> None:
    figures = audit_trail.run_append(rounds=1, slice_seconds=0)
    figures += audit_trail.run_verify(rounds=1, slice_seconds=0, events=100)
    assert len(figures) == 2 * len(stage.databases())
    assert all(one.median > one.peer_median > 0 for one in figures)


@pytest.mark.parametrize("database", stage.databases())
def test_the_row_pages_asks_pages_that_show_what_they_are_called(database: str) -> None:
    with pages.worklist(database, 3_000) as gets:
        shown = {
            name.removesuffix(f", {database}"): get().decode().count('href="/dossiers/') for name, get in gets.items()
        }
    assert shown == {
        **dict.fromkeys(("first page", "first page of open ones", "last page"), 50),
        **dict.fromkeys(("ORM, url_for, offset", "last page by offset"), 50),
        "search, number": 1,
        "search, rare word": 1,
        "search, common word": 50,
        "Flask hello": 0,
    }


@pytest.mark.skipif("postgresql" not in stage.databases(), reason="this row is about writers on PostgreSQL")
def test_the_row_audit_commit_runs() -> None:
    figures = writers.run(rounds=1, seconds=0.3, writers=2)
    assert all(one.median > 0 and one.peer_median > 0 for one in figures)


def test_the_row_lookup_finds_every_key_it_asks_for() -> None:
    figures = lookup.run(rounds=2, slice_seconds=0.02, many=3_000)
    assert len(figures) == 2 * len(stage.databases())
    assert all(one.median > 0 and one.peer_median > 0 for one in figures)


def test_the_row_verify_gets_an_answer_of_every_server_that_is_here() -> None:
    figures = verify.run(rounds=1, slice_seconds=0.2, asked=20)
    named = {one.name for one in figures}
    assert {f"{verify.OURS}, gunicorn, {database}" for database in stage.databases()} <= named
    assert all(one.median > 0 and one.peer_median > 0 for one in figures)


def rows(app: Flask) -> Counter[str]:
    with app.app_context():
        names = inspect(db.engine).get_table_names()
        return Counter({name: db.session.scalar(text(f'SELECT count(*) FROM "{name}"')) for name in names})


@pytest.mark.parametrize("database", stage.databases())
def test_the_row_issue_compares_builds_that_leave_the_same_rows(database: str) -> None:
    with stage.stage(database) as app, issue.builds(app) as builds:

        def written(act: Callable[[], object]) -> Counter[str]:
            with app.app_context():
                seal()  # the last events of the build before this one
            before = rows(app)
            act()
            return rows(app) - before

        ready = {name: build.ready(2) for name, build in builds.items()}
        left = {name: written(lambda name=name: builds[name].many(ready[name])) for name in builds}  # type: ignore[misc]  # the default binds
        assert left["program"] == left["floor"] == left["naive"]
        assert left["program"]["sleutel"] == 2
        assert left["program"]["outbox_message"] == 4
        with app.app_context():
            waiting = select(func.count()).where(OutboxMessage.status != Delivery.SENT)
            assert db.session.scalar(waiting) == 0


def test_the_row_issue_runs() -> None:
    figures = issue.run(["sqlite"], rounds=1, wave_rounds=1, wave=2)
    assert [one.goal for one in figures] == [2.4, 0.5, 1.8, 0.222]


def test_the_row_register_memory_looks_at_the_peak_after_a_tenth_and_after_all() -> None:
    (figure,) = register.run_memory(registrations=40, many=2)
    assert figure.name == "peak of memory after 40 registrations, sqlite"
    assert figure.met
    assert 0 < figure.peer_median <= figure.median


def test_the_row_register_runs_and_its_peer_writes_as_many_rows() -> None:
    figures = register.run(rounds=1, slice_seconds=0, registrations=60, many=20)
    assert len(figures) == 5 * len(stage.databases())
    with stage.stage() as app:
        bench = register.Bench(app)
        (rows,), (message,) = bench.rows(20, 1), bench.messages(20, 1)
        assert written(app, lambda: bench.insert(rows)) == written(app, lambda: bench.send(message)) == [20] * 4


def written(app: Flask, work: Callable[[], object]) -> list[int]:
    """Return how many rows work adds to each table of a registration."""
    with app.app_context():
        before = [db.session.scalar(select(func.count()).select_from(table)) or 0 for table in register.TABLES]
        db.session.rollback()
        work()
        after = [db.session.scalar(select(func.count()).select_from(table)) or 0 for table in register.TABLES]
    return [new - old for new, old in zip(after, before, strict=True)]
