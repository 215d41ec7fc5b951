"""The commands `keyservice audit …`, and how the trail stands for pages and for the log."""

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select, update

from keyservice import audit, cli, cli_audit, settings, worker
from keyservice.app import ready_app
from keyservice.audit import export, outside, sealer
from keyservice.audit.checkpoint import control_line, sign
from keyservice.audit.models import AuditEvent, AuditPrivate
from keyservice.audit.queries import search
from keyservice.audit.status import status
from keyservice.database import db, transaction
from keyservice.demo import people
from keyservice.kernel.actor import CLI
from tests.factories.logins import code_of
from tests.factories.trail import act, grown, run, unlock
from tests.factories.walked import working
from tests.usecases.test_restore import older  # noqa: F401 - a fixture

TYPED = audit.define("test:typed", "Iemand typte iets.", fields="what", private="typed")


@pytest.fixture
def typed(context: Flask, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what runs a command on the application under test."""
    settings.current().checkpoints.unlink(missing_ok=True)
    monkeypatch.setattr(cli_audit, "create_app", lambda: context)

    def invoke(*words: str, said: str | None = None) -> Result:
        db.session.rollback()
        result = CliRunner().invoke(cli.commands, ["audit", *words], input=said, catch_exceptions=False)
        db.session.rollback()
        return result

    return invoke


def test_verify_tells_size_checkpoint_and_seconds_and_that_all_is_intact(typed: Any) -> None:
    grown()
    act(2)
    result = typed("verify")
    newest = sealer.newest()
    assert newest
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"events: {newest.size + 2}, of which 2 wait to be sealed"
    assert lines[1] == f"checkpoint: {control_line(newest.size, newest.root)}"
    assert lines[2].startswith("seconds: ")
    assert lines[3] == "intact"
    assert "Verifying" in result.stderr


def test_a_verify_is_itself_an_event_and_the_next_one_finds_the_same_damage(typed: Any) -> None:
    grown()
    unlock()
    run(update(AuditEvent).where(AuditEvent.row == 5).values(gemeente="0000"))
    for _time in range(2):
        result = typed("verify")
        assert result.exit_code == 1
        assert "BROKEN: 1 faults" in result.stdout
        assert "changed: event row 5 " in result.stdout
    event = search(code="audit:verify")[0]
    assert (event.result, event.fields["faults"], event.fields["state"]) == ("failed", 1, False)
    assert event.fields["first"].startswith("event row 5 ")
    assert event.private["source"] == cli_audit._user()


def test_verify_compares_what_is_stored_when_asked(typed: Any) -> None:
    working()
    assert typed("verify", "--state").exit_code == 0
    run(update(AuditPrivate).where(AuditPrivate.name == "mailbox").values(value="x"))
    assert typed("verify", "--state").exit_code == 1
    assert search(code="audit:verify")[0].fields["state"] is True


def test_an_empty_trail_has_no_checkpoint_and_is_intact(typed: Any) -> None:
    result = typed("verify")
    assert "checkpoint: none" in result.stdout
    assert result.exit_code == 0


def record(text: str) -> None:
    with transaction():
        audit.record(TYPED, CLI, what=1, typed=text)


def test_export_gives_each_event_byte_for_byte(typed: Any, tmp_path: Path) -> None:
    record("Wim")
    out = tmp_path / "events.jsonl"
    assert typed("export", "--out", str(out)).exit_code == 0
    stored = db.session.scalars(
        select(AuditEvent.canonical).where(AuditEvent.code != "audit:export").order_by(AuditEvent.row)
    )
    assert out.read_bytes() == b"".join(content + b"\n" for content in stored)
    assert "Wim" not in out.read_text()
    event = search(code="audit:export")[0]
    assert event.fields == {"form": "jsonl", "count": len(out.read_text().splitlines()), "texts": False}


def test_export_gives_erasable_texts_with_their_salts_only_when_asked(typed: Any) -> None:
    record("Wim")
    last = json.loads(typed("export", "--texts").stdout.splitlines()[-1])
    content, text = json.loads(last["content"]), last["texts"]["typed"]
    assert text["value"] == "Wim"
    digest = hashlib.sha256(bytes.fromhex(text["salt"]) + b"Wim").hexdigest()
    assert content["private"]["typed"] == digest


@pytest.mark.parametrize("hostile", ["=1+1", "+31612345678", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", '";="'])
def test_a_spreadsheet_takes_nothing_in_the_export_for_a_formula(typed: Any, hostile: str) -> None:
    record(hostile)
    rows = list(csv.reader(io.StringIO(typed("export", "--form", "csv", "--texts").stdout), delimiter=";"))
    assert rows[0] == list(export.COLUMNS)
    for row in rows:
        assert len(row) == len(export.COLUMNS)
        assert not any(value.lstrip()[:1] in set("=+-@\t\r") for value in row if value)
    assert json.loads(rows[-1][-1])["typed"] == hostile


def accept(typed: Any, app: Flask, login: str, *, password: str = people.PASSWORD, code: str | None = None) -> Result:
    email = next(person.email for person in people.PEOPLE if person.login == login)
    said = f"{password}\n{code or code_of(app, login)}\n"
    result: Result = typed("accept-restore", "--email", email, said=said)
    return result


def test_i4_two_people_accept_a_restore_at_the_prompt(typed: Any, context: Flask, older: Any) -> None:  # noqa: F811 - the fixture
    first = accept(typed, context, "rik")
    assert "Another person runs the same command within an hour" in first.stdout
    second = accept(typed, context, "ben")
    assert "Accepted by two people" in second.stdout
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert people.PASSWORD not in first.output + second.output
    assert typed("verify").exit_code == 0


def test_who_gives_a_wrong_password_or_code_is_nobody(typed: Any, context: Flask) -> None:
    for wrong in ({"password": "fout"}, {"code": "000000"}):
        result = accept(typed, context, "rik", **wrong)
        assert result.exit_code == 1
        assert result.stderr.startswith("Refused: U bent niet ingelogd")
    assert len(search(code="account:refuse-login")) == 2


def test_pages_learn_the_newest_checkpoint_the_last_verify_and_that_all_is_well(typed: Any) -> None:
    assert status().size is None
    grown()
    typed("verify")
    found, newest = status(), sealer.newest()
    assert newest
    assert found.verified
    assert (found.size, found.sealed_at, found.broken) == (newest.size, newest.at, None)
    assert (found.verified.by, found.verified.size, found.verified.faults) == (cli_audit._user(), newest.size, 0)


@pytest.fixture
def ahead(typed: Any) -> None:
    """Let the file outside know more than the database, as after an older one was put back."""
    grown()
    newest = sealer.newest()
    assert newest
    later = sign(sealer.origin(), newest.size + 5, b"r" * 32, sealer.signing_key())
    with outside.locked(settings.current().checkpoints) as file:
        outside.append(file, [{"checkpoint": later.text, "at": newest.at.isoformat()}])


@pytest.mark.usefixtures("ahead")
def test_i4_a_broken_trail_is_told_to_pages_to_the_log_each_round_and_at_the_start(
    context: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "and the file outside" in (status().broken or "")
    for tell in (lambda: worker.run_timers(context), lambda: ready_app(context.extensions["keyservice.settings"])):
        tell()
        said = capsys.readouterr().out
        assert "audit trail broken: nothing is sealed" in said
        assert "and the file outside" in said


def test_a_verify_that_found_something_is_told_to_pages_until_the_next_one_finds_nothing(typed: Any) -> None:
    grown()
    unlock()
    run(update(AuditEvent).where(AuditEvent.row == 5).values(gemeente="0000"))
    typed("verify")
    assert "event row 5 " in (status().broken or "")
    was = json.loads(db.session.scalars(select(AuditEvent.canonical).where(AuditEvent.row == 5)).one())["gemeente"]
    run(update(AuditEvent).where(AuditEvent.row == 5).values(gemeente=was))
    typed("verify")
    assert status().broken is None
