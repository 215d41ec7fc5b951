"""The schema comes from migrations: up from nothing, down to nothing, the same as the models, with data present."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import create_engine, inspect, select, text

from keyservice.accounts.models import Account
from keyservice.app import PACKAGE, create_app
from keyservice.audit.models import INSERT_ONLY
from keyservice.audit.sealer import seal
from keyservice.database import db
from keyservice.demo import people
from keyservice.gemeenten.service import load_register
from keyservice.kernel import clock
from keyservice.kernel.ids import new_id
from keyservice.outbox.models import Delivery, OutboxMessage
from keyservice.settings import Settings
from tests.conftest import BACKENDS, environ, postgres_server, url_of
from tests.factories.issued_rows import dead_message


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@contextmanager
def empty_database(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'migrated.sqlite'}"
        return
    url, name = request.getfixturevalue("server"), f"m{uuid4().hex}"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield url_of(url, name)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture(params=BACKENDS)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """Open the application's context on a database in which nothing stands."""
    with empty_database(request.param, request, tmp_path) as url:
        app = create_app(Settings.from_environ(environ(tmp_path, url)))
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()


def differences() -> list[object]:
    with db.engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), db.metadata))


def constraints() -> dict[str, set[str]]:
    """Return the names of what keeps each table right."""
    inspector = inspect(db.engine)
    return {
        table: {
            str(found["name"])
            for kind in (
                inspector.get_check_constraints(table),
                inspector.get_unique_constraints(table),
                inspector.get_foreign_keys(table),
                inspector.get_indexes(table),
            )
            for found in kind
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def triggers() -> set[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    if db.engine.dialect.name == "postgresql":
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    with db.engine.connect() as connection:
        return set(connection.scalars(text(query)))


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def test_there_is_one_head() -> None:
    assert len(ScriptDirectory(str(PACKAGE / "migrations")).get_heads()) == 1


@pytest.mark.usefixtures("empty")
def test_from_nothing_to_the_schema_of_the_models() -> None:
    assert tables() == set()
    upgrade()
    assert tables() == set(db.metadata.tables)
    assert differences() == []
    migrated = constraints(), triggers()
    downgrade(revision="base")
    assert tables() == set()
    assert triggers() == set()
    db.create_all()
    assert (constraints(), triggers()) == migrated, "the models make what the migrations make"


@pytest.mark.usefixtures("empty")
def test_down_and_up_again_with_data() -> None:
    upgrade()
    for _ in range(2):
        load_register()
        people.load()
        assert db.session.scalars(select(Account.email)).all()
        db.session.remove()
        downgrade(revision="base")
        assert tables() == set()
        upgrade()
        assert db.session.scalars(select(Account.email)).all() == []
        assert differences() == []


@pytest.mark.usefixtures("empty")
def test_going_up_twice_changes_nothing() -> None:
    upgrade()
    load_register()
    people.load()
    before = db.session.scalars(select(Account.id).order_by(Account.id)).all()
    db.session.remove()
    upgrade()
    assert db.session.scalars(select(Account.id).order_by(Account.id)).all() == before


@pytest.mark.usefixtures("empty")
def test_events_are_insert_only_after_migrating() -> None:
    upgrade()
    load_register()
    people.load()
    seal()
    for table in INSERT_ONLY:
        column = INSERT_ONLY[table][0]
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {column} = {column}"):
            with pytest.raises(Exception, match="insert-only"):
                db.session.execute(text(statement))
            db.session.rollback()


@pytest.mark.usefixtures("empty")
def test_foreign_keys_are_on_again_after_migrating() -> None:
    upgrade()
    if db.engine.dialect.name == "sqlite":
        assert db.session.scalar(text("PRAGMA foreign_keys")) == 1


@pytest.mark.usefixtures("empty")
def test_the_register_keeps_its_gemeenten_when_letters_come_and_go() -> None:
    upgrade()
    load_register()
    people.load()
    query = text("SELECT code, name, phone FROM gemeente ORDER BY code")
    before = db.session.execute(query).all()
    db.session.remove()
    downgrade(revision="0003")
    assert db.session.execute(query).all() == before
    db.session.remove()
    upgrade()
    assert db.session.execute(query).all() == before
    assert set(db.session.scalars(text("SELECT postcode FROM gemeente"))) == {None}


@pytest.mark.usefixtures("empty")
def test_a_version_that_knows_no_bounces_reads_such_a_mail_as_sent() -> None:
    upgrade()
    people.load()
    now = clock.now()
    dead_message(new_id(), status=Delivery.BOUNCED, bounced_at=now, bounce_status="5.1.1", content=None)
    dead_message(new_id(), "aanvraag-reminder", for_duo=True)
    db.session.remove()
    before = ScriptDirectory(str(PACKAGE / "migrations")).get_revision("0005").down_revision
    downgrade(revision=str(before))
    statuses = text("SELECT status FROM outbox_message ORDER BY status")
    assert db.session.scalars(statuses).all() == ["dead", "sent"]
    db.session.remove()
    upgrade()
    rows = db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.status)).all()
    told = [(row.status, row.for_duo, row.bounced_at, row.escalated_at is not None) for row in rows]
    assert told == [(Delivery.DEAD, True, None, True), (Delivery.SENT, False, None, False)]
