"""Loading the people of DUO: all of the file or nothing, the same file twice changes nothing, no BSN in a report."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import func, select

from keyservice import cli, cli_portaal
from keyservice.audit.models import AuditEvent
from keyservice.database import db
from keyservice.portaal import loading
from keyservice.portaal.models import Inburgeraar, ProcessingLog
from tests.factories.portaal import bsns, stored, write_file


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(Inburgeraar)) or 0


def loads() -> list[dict[str, int]]:
    rows = db.session.scalars(select(AuditEvent).where(AuditEvent.code == "portaal:load").order_by(AuditEvent.row))
    return [json.loads(row.canonical)["fields"] for row in rows]


@pytest.fixture
def before(context: Flask) -> int:
    return count()


def test_a_file_is_loaded_once_and_the_second_time_changes_nothing(before: int, tmp_path: Path) -> None:
    file = write_file(tmp_path / "people.csv", [{"bsn": digits} for digits in bsns(5)])
    first, second = loading.load(file), loading.load(file)
    assert (first.loaded, first.added, first.refused) == (True, 5, [])
    assert (second.added, second.changed, second.unchanged) == (0, 0, 5)
    assert count() == before + 5
    assert loads() == [
        {"added": 5, "changed": 0, "unchanged": 0, "refused": 0},
        {"added": 0, "changed": 0, "unchanged": 5, "refused": 0},
    ]


def test_somebody_who_moved_keeps_his_row_in_the_new_gemeente(before: int, tmp_path: Path) -> None:
    (digits,) = bsns(1)
    loading.load(write_file(tmp_path / "before.csv", [{"bsn": digits}]))
    row_id = stored(digits).id
    report = loading.load(write_file(tmp_path / "after.csv", [{"bsn": digits, "gemeente": "9999"}]))
    db.session.expire_all()
    assert (report.added, report.changed) == (0, 1)
    assert (stored(digits).id, stored(digits).gemeente) == (row_id, "9999")


def test_one_refused_line_keeps_everything_out_unless_told_otherwise(before: int, tmp_path: Path) -> None:
    good, twice = bsns(2)
    rows = [{"bsn": good}, {"bsn": "999990018"}, {"bsn": twice}, {"bsn": twice}, {"bsn": good, "gemeente": "0000"}]
    file = write_file(tmp_path / "people.csv", rows)
    report = loading.load(file)
    assert not report.loaded
    assert count() == before
    assert [(refused.line, refused.faults) for refused in report.refused] == [
        (3, ("bsn: voldoet niet aan de 11-proef",)),
        (5, ("bsn: staat al eerder in dit bestand",)),
        (6, ("bsn: staat al eerder in dit bestand", "gemeente: deze code bestaat niet")),
    ]
    assert loads() == []
    rest = loading.load(file, without_refused=True)
    assert (rest.loaded, rest.added, len(rest.refused)) == (True, 2, 3)
    assert count() == before + 2


def test_a_load_that_breaks_halfway_leaves_nothing(
    before: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "BATCH", 2)
    file = write_file(tmp_path / "people.csv", [{"bsn": digits} for digits in bsns(6)])
    told = []

    def stop(lines: int) -> None:
        told.append(lines)
        if told.count(2) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loading.load(file, done=stop)
    db.session.rollback()
    assert count() == before
    assert loads() == []
    assert loading.load(file).added == 6


def test_everybody_in_a_file_is_in_the_processing_log(before: int, tmp_path: Path) -> None:
    loading.load(write_file(tmp_path / "people.csv", [{"bsn": digits} for digits in bsns(3)]))
    rows = db.session.scalars(select(ProcessingLog).where(ProcessingLog.origin == "cli")).all()
    assert [row.name for row in rows[-3:]] == ["portaal-inlezen"] * 3
    assert len({row.data_subject_id for row in rows[-3:]}) == 3


@pytest.fixture
def command(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_portaal, "ready_app", lambda: context)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.commands, ["portaal", "load", *words])


def test_the_command_reports_every_refused_line_and_why_without_its_number(
    command: None, before: int, tmp_path: Path
) -> None:
    file = write_file(tmp_path / "people.csv", [{"bsn": bsns(1)[0]}, {"bsn": "999990018", "wet": "Wi2020"}])
    done = run(str(file))
    assert done.exit_code == 1
    assert done.stdout == "regel 3: bsn: voldoet niet aan de 11-proef; wet: is niet Wi2013 of Wi2021\n"
    assert "1 lines refused" in done.stderr
    assert "Nothing was loaded" in done.stderr
    assert "99999001" not in done.output
    done = run(str(file), "--without-refused")
    assert done.exit_code == 0
    assert "1 added, 0 changed, 0 as they were" in done.stderr


@pytest.mark.parametrize("content", [b"bsn;naam\n1;2\n", b"\xff\xfe\x00", b""])
def test_the_command_refuses_what_is_no_such_file(command: None, before: int, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    done = run(str(file))
    assert done.exit_code == 1
    assert "Refused: the f" in done.stderr
    assert "Traceback" not in done.output
    assert count() == before
