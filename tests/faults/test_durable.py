"""What somebody was told is done stays done: the program, or the database, is killed at any moment while it writes."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from flask import Flask
from sqlalchemy import func, select

from keyservice.aanvragen.models import Note
from keyservice.audit.models import AuditEvent
from keyservice.audit.sealer import seal
from keyservice.database import db
from tests.conftest import environ
from tests.factories.aanvragen import ready
from tests.factories.trail import told, verified
from tests.faults.test_database_fails import on_own_postgres
from tests.faults.writer import WRITERS

__all__ = ["on_own_postgres"]
ROOT = Path(__file__).parents[2]
ROUNDS, LONGEST_SECONDS = 3, 1.0


def start(app: Flask, aanvraag_id: UUID, said: Path) -> "subprocess.Popen[bytes]":
    """Let a program write; wait until all its threads said something."""
    instance = app.extensions["keyservice.settings"].instance
    variables = os.environ | environ(instance, str(app.config["SQLALCHEMY_DATABASE_URI"]))
    with said.open("wb") as file:
        command = [sys.executable, "-m", "tests.faults.writer", str(aanvraag_id)]
        program = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL, env=variables, cwd=ROOT)
    end = time.monotonic() + 30
    while len({line.rpartition("-")[0] for line in lines(said)}) < WRITERS:
        assert time.monotonic() < end, "it does not write"
        time.sleep(0.02)
    return program


def writing(app: Flask, aanvraag_id: UUID, folder: Path) -> Iterator[tuple[Path, "subprocess.Popen[bytes]"]]:
    """Give, round after round, a program that has been writing for a while, and the file in which it says so."""
    for number in range(ROUNDS):
        output = folder / f"{number}.txt"
        program = start(app, aanvraag_id, output)
        time.sleep(random.uniform(0, LONGEST_SECONDS))
        yield output, program


def lines(said: Path) -> list[str]:
    """Return the whole lines that a program said."""
    return said.read_text().split("\n")[:-1]


def is_whole(aanvraag_id: UUID, said: list[str]) -> None:
    """Everything that was said to be done is there, each note has its event, and the trail verifies."""
    db.session.rollback()
    notes = db.session.scalars(select(Note.text).where(Note.aanvraag_id == aanvraag_id)).all()
    assert len(said) > ROUNDS * WRITERS
    assert set(said) - set(notes) == set()
    written = select(func.count()).where(AuditEvent.dossier == aanvraag_id, AuditEvent.code == "aanvraag:note")
    assert db.session.scalar(written) == len(notes) == len(set(notes))
    seal()
    assert told(verified()) == []


def test_i3_i4_what_a_program_said_is_done_is_there_after_it_was_killed(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        aanvraag_id = ready()
    said: list[str] = []
    for output, program in writing(app, aanvraag_id, tmp_path):
        program.kill()
        assert program.wait(10) == -signal.SIGKILL
        said += lines(output)
    with app.app_context():
        is_whole(aanvraag_id, said)


def kill_postgres(server: Any) -> None:
    """Kill every process of a PostgreSQL at once."""
    parent = psutil.Process(server.get_pid())
    processes = [parent, *parent.children(recursive=True)]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=10)


def test_i3_i4_what_was_said_to_be_done_is_there_after_postgresql_was_killed(
    on_own_postgres: tuple[Flask, Any], tmp_path: Path
) -> None:
    app, server = on_own_postgres
    with app.app_context():
        aanvraag_id = ready()
    said: list[str] = []
    for output, program in writing(app, aanvraag_id, tmp_path):
        kill_postgres(server)
        program.kill()
        program.wait(10)
        said += lines(output)
        server.ensure_postgres_running()
    with app.app_context():
        db.engine.dispose()  # its connections went with the server
        is_whole(aanvraag_id, said)
