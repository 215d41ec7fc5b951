"""The program does not start on a database in which history can be changed."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from keyservice.app import ready_app
from keyservice.audit.triggers import TriggersMissing, check_triggers
from keyservice.database import db
from keyservice.settings import Mode, Settings, SettingsError
from tests.conftest import environ

BREAKS = {
    "sqlite": {
        "one is dropped": ["DROP TRIGGER audit_event_no_delete"],
        "one does nothing": [
            "DROP TRIGGER audit_event_no_update",
            "CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event BEGIN SELECT 1; END",
        ],
        "one looks at some rows only": [
            "DROP TRIGGER audit_event_no_update",
            (
                "CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event WHEN OLD.row > 9 "
                "BEGIN SELECT RAISE(ABORT, 'audit_event is insert-only'); END"
            ),
        ],
    },
    "postgresql": {
        "one is dropped": ["DROP TRIGGER audit_event_no_change ON audit_event"],
        "one does nothing": [
            (
                "CREATE OR REPLACE FUNCTION audit_event_insert_only() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RETURN NULL; END $$"
            )
        ],
        "one looks at some rows only": [
            "DROP TRIGGER audit_event_no_change ON audit_event",
            (
                "CREATE TRIGGER audit_event_no_change BEFORE UPDATE OR DELETE ON audit_event "
                "FOR EACH STATEMENT EXECUTE FUNCTION audit_event_insert_only()"
            ),
        ],
        "one is switched off": ["ALTER TABLE audit_event DISABLE TRIGGER audit_event_no_change"],
    },
}


def test_i4_a_trigger_that_is_missing_off_or_changed_is_noticed(context: Flask) -> None:
    check_triggers()
    for statements in BREAKS[db.engine.dialect.name].values():
        for statement in statements:
            db.session.execute(text(statement))
        with pytest.raises(TriggersMissing, match="audit_event"):
            check_triggers()  # ends the transaction, and with it the change
    check_triggers()


@pytest.fixture
def broken(app: Flask) -> Settings:
    with app.app_context(), db.engine.begin() as connection:
        for statement in BREAKS[db.engine.dialect.name]["one is dropped"]:
            connection.execute(text(statement))
    settings: Settings = app.extensions["keyservice.settings"]
    return settings


def test_i4_the_web_server_does_not_start_without_triggers(broken: Settings) -> None:
    with pytest.raises(TriggersMissing):
        ready_app(broken)


def test_i4_the_worker_does_not_start_without_triggers(broken: Settings) -> None:
    variables = os.environ | environ(broken.instance, broken.database_url)
    command = [sys.executable, "-c", "from keyservice.cli import main; main()", "worker", "--once"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=variables)
    assert done.returncode == 2
    assert done.stderr.startswith("Not started. The database would let somebody change audit_event")
    assert "Traceback" not in done.stderr


def test_production_does_not_start_on_the_database_of_a_demo(app: Flask) -> None:
    conf: Settings = app.extensions["keyservice.settings"]
    with pytest.raises(SettingsError, match="people of the demo"):
        ready_app(replace(conf, mode=Mode.PRODUCTION))
    ready_app(conf)


def test_a_database_without_tables_is_told_to_migrate(tmp_path: Path) -> None:
    new = Settings.from_environ(environ(tmp_path, f"sqlite:///{tmp_path / 'new.sqlite'}"))
    with pytest.raises(TriggersMissing, match="keyservice migrate"):
        ready_app(new)
