"""`keyservice backup`: one moment of the database, whole, for its owner only, and without the rings."""

import base64
import hashlib
import re
import stat
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
import time_machine
from click.testing import CliRunner, Result
from flask import Flask
from flask_migrate import stamp
from sqlalchemy import func, inspect, make_url, select, text

from keyservice import backup as backups
from keyservice import cli
from keyservice.audit.models import INSERT_ONLY
from keyservice.database import Base, db, transaction
from keyservice.kernel.seal import LASTING_RINGS, SEALING_RINGS
from keyservice.outbox.models import OutboxMessage
from tests.factories.backups import opened, programs
from tests.factories.issuance import issued
from tests.factories.post import queue


@pytest.fixture(autouse=True)
def _migrated(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", programs())
    stamp()  # the tests make their schema without migrations


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "backups"
    made.mkdir()
    return made


def address() -> str:
    return db.engine.url.render_as_string(hide_password=False)


def run(app: Flask, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setattr(cli, "create_app", lambda: app)
    return CliRunner().invoke(cli.commands, ["backup", str(folder)])


def plain(backup: Path) -> bytes:
    """Return everything that a backup holds: of PostgreSQL as text, for the file itself is compressed."""
    if backup.suffix == ".sqlite":
        return backup.read_bytes()
    return subprocess.run(["pg_restore", "--file=-", backup], check=True, capture_output=True).stdout


def test_the_command_tells_path_size_rows_and_sha256_of_a_file_for_its_owner_only(
    context: Flask, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued()
    done = run(context, folder, monkeypatch)
    assert done.exit_code == 0, done.output
    (backup,) = folder.iterdir()
    assert re.fullmatch(r"keyservice-\d{8}T\d{6}Z\.(sqlite|dump)", backup.name)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    path, size, digest = done.output.splitlines()
    assert path == str(backup)
    assert re.fullmatch(
        rf"{backup.stat().st_size} bytes, \d+ rows in {len(Base.metadata.tables) + 1} tables, verified", size
    )
    assert digest == f"SHA-256 {hashlib.sha256(backup.read_bytes()).hexdigest()}"


def test_the_copy_has_every_row_and_the_triggers_of_the_database(folder: Path) -> None:
    issued()
    made = backups.make(folder)
    tables = Base.metadata.tables.values()
    counts = Counter({t.name: db.session.scalar(select(func.count()).select_from(t)) or 0 for t in tables})
    assert made.rows == counts | {backups.MARKER: 1}
    assert made.rows["sleutel"] == 1
    with opened(made.path, address()) as engine, engine.connect() as copy:
        assert set(inspect(engine).get_table_names()) == {*Base.metadata.tables, backups.MARKER}
        for table in Base.metadata.tables.values():
            there = db.session.execute(select(table)).all()
            assert sorted(map(repr, copy.execute(select(table)))) == sorted(map(repr, there)), table.name
        assert INSERT_ONLY
        if engine.dialect.name == "postgresql":
            with pytest.raises(Exception, match="insert-only"):
                copy.execute(text("DELETE FROM audit_event"))
        else:
            named = copy.scalars(text("SELECT tbl_name FROM sqlite_master WHERE type = 'trigger'")).all()
            assert set(named) >= set(INSERT_ONLY)


@contextmanager
def writing(app: Flask) -> Iterator[None]:
    """Let somebody go on writing two rows at a time."""
    stop, first = Event(), Event()

    def write() -> int:
        number = 0
        with app.app_context():
            while not stop.is_set():
                number += 2
                with transaction():
                    queue(f"busy:{number}")
                    queue(f"busy:{number + 1}")
                first.set()
        return number

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(write)
        assert first.wait(20)
        try:
            yield
        finally:
            stop.set()
        assert running.result(20) > 2


def test_a_copy_that_is_made_while_the_program_writes_is_one_moment(context: Flask, folder: Path) -> None:
    with writing(context):
        copies = [
            backups.make(folder).path.rename(folder / f"{n}{'.sqlite' if _sqlite() else '.dump'}") for n in range(3)
        ]
    for copy in copies:
        with opened(copy, address()) as engine, engine.connect() as connection:
            rows = connection.scalar(select(func.count()).where(OutboxMessage.dedup_key.startswith("busy:"))) or 0
            assert rows > 0
            assert rows % 2 == 0


def _sqlite() -> bool:
    return db.engine.dialect.name == "sqlite"


def test_i6_no_ring_key_is_in_a_backup_in_any_spelling(context: Flask, folder: Path) -> None:
    issued()
    hay = plain(backups.make(folder).path)
    assert b"outbox_message" in hay
    rings = context.extensions["keyservice.rings"]
    keys = [key.key for ring in (*SEALING_RINGS, *LASTING_RINGS) for key in rings.keys(ring)]
    assert len(keys) >= 6
    for key in keys:
        bare = base64.b64encode(key).rstrip(b"=")
        for spelling in (
            key,
            key.hex().encode(),
            key.hex().upper().encode(),
            bare,
            base64.urlsafe_b64encode(key).rstrip(b"="),
        ):
            assert spelling not in hay
            assert spelling.hex().encode() not in hay
    assert [path.suffix for path in folder.iterdir()] in ([".sqlite"], [".dump"]), "and nothing lies beside it"


def test_a_backup_is_never_overwritten(context: Flask, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with time_machine.travel("2026-11-24T03:00:00Z", tick=False):
        first = backups.make(folder)
        again = run(context, folder, monkeypatch)
    assert again.exit_code == 1
    assert "No backup: " in again.output
    assert "File exists" in again.output
    assert [path.name for path in folder.iterdir()] == [first.path.name]
    assert hashlib.sha256(first.path.read_bytes()).hexdigest() == first.sha256


def test_a_database_that_was_not_migrated_gives_no_backup(folder: Path) -> None:
    with transaction() as session:
        session.execute(text("DELETE FROM alembic_version"))
    with pytest.raises(backups.BackupFailed, match="was it migrated"):
        backups.make(folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut off", "changed"])
def test_a_copy_that_is_damaged_does_not_pass_the_check(folder: Path, damage: str) -> None:
    issued()
    path = backups.make(folder).path
    clear = bytearray(path.read_bytes())
    middle = len(clear) // 2
    clear[middle : None if damage == "cut off" else middle + 4096] = b"" if damage == "cut off" else b"\x55" * 4096
    path.write_bytes(clear)
    with pytest.raises(backups.BackupFailed):
        backups.verified_rows(path, sqlite=_sqlite())


def test_without_the_programs_of_postgresql_its_backup_says_so(
    context: Flask, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    done = run(context, folder, monkeypatch)
    if _sqlite():
        assert done.exit_code == 0, "SQLite needs no other program"
        return
    assert (done.exit_code, done.output) == (
        1,
        "No backup: the program pg_dump of PostgreSQL is not on this machine.\n",
    )
    assert list(folder.iterdir()) == []


def test_the_password_of_the_database_is_not_in_the_list_of_processes() -> None:
    url = make_url("postgresql+psycopg://ks:geheim@db.example:5432/ks?sslmode=verify-full")
    assert backups.without_password(url) == "postgresql://ks@db.example:5432/ks?sslmode=verify-full"
