"""The restore drill of docs/operations.md, run as it stands there, on a machine that has the backup and no more."""

import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import stamp
from sqlalchemy import make_url, select

from keyservice import backup as backups
from keyservice import settings
from keyservice.accounts import totp
from keyservice.accounts.models import Account
from keyservice.app import PACKAGE, ready_app
from keyservice.audit.models import AuditEvent
from keyservice.audit.triggers import check_triggers
from keyservice.database import db
from keyservice.issuance import ring_keys, service
from keyservice.kernel import clock
from keyservice.kernel.seal import LASTING_RINGS
from keyservice.kernel.secret import Secret
from keyservice.outbox.delivery import deliver_due
from keyservice.outbox.queries import failed
from keyservice.portaal import service as portaal
from keyservice.settings import Settings
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.life import State, state
from tests.conftest import environ
from tests.factories.aanvragen import actor
from tests.factories.backups import libpq, programs
from tests.factories.issuance import approved, held, issuance
from tests.factories.portaal import inburgeraar
from tests.factories.post import app_for_post
from tests.fakes import Behaviour, mail_server

DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"
ZIP_NAME = b"application/zip"
RTO = timedelta(minutes=30)  # promise P19


def drill(database: str) -> str:
    """Return the commands of the section Restore for a kind of database, in their order."""
    section = DOCUMENT.read_text().split("\n## Restore\n", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"^( *)```sh ?(\w*)\n(.*?)^ *```$", section, re.MULTILINE | re.DOTALL)
    wanted = [
        re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, kind, block in blocks if kind in {"", database}
    ]
    assert len(blocks) == len(wanted) + 1, "one block is for the other database"
    return "".join(wanted)


def run_drill(database: str, variables: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = ["bash", "-euo", "pipefail", "-c", drill(database)]
    return subprocess.run(command, env=variables, check=False, capture_output=True, text=True)


@dataclass(frozen=True)
class Before:
    """What there was when the backup was made."""

    active: Secret
    underway: UUID
    aanvraag: str
    heads: tuple[str, ...]
    person: UUID


def _before(folder: Path) -> Before:
    stamp()  # the tests make their schema without migrations
    first = service.issue(actor("rosa"), approved(pakket="Al in gebruik"))
    post = held(first)
    service.activate(actor("anna"), first, post.code)
    underway = service.issue(actor("rosa"), approved(pakket="Onderweg"))
    heads = ScriptDirectory(str(PACKAGE / "migrations")).get_heads()
    return Before(post.key, underway, issuance(underway).aanvraag.number or "", tuple(heads), inburgeraar(folder))


@pytest.fixture
def machine(
    context: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Before, dict[str, str], float]]:
    """Make a backup, lose the machine, run the drill on a new one; give its environment and how long it took."""
    monkeypatch.setenv("PATH", programs())
    before, backup = _before(tmp_path), backups.make(tmp_path)
    copy = tmp_path / "ringen"
    copy.mkdir()
    for ring in LASTING_RINGS:
        shutil.copy(context.extensions["keyservice.rings"].path(ring), copy)
    url, instance, name = db.engine.url.render_as_string(hide_password=False), tmp_path / "new", f"r{uuid4().hex}"
    kind = db.engine.dialect.name
    instance.mkdir()
    database = instance / "keyservice.sqlite"
    database.write_bytes(b"what was left of it")
    new_url = (
        f"sqlite:///{database}"
        if kind == "sqlite"
        else make_url(url).set(database=name).render_as_string(hide_password=False)
    )
    variables = (
        os.environ
        | environ(instance, new_url)
        | libpq(url)
        | {
            "PYTHONPATH": str(PACKAGE.parent),
            "BACKUP": str(backup.path),
            "SHA256": backup.sha256,
            "RINGS_COPY": str(copy),
            "KEYSERVICE_RINGS": str(tmp_path / "rings"),
            "DATABASE": str(database),
            "ASIDE": str(tmp_path / "aside"),
            "NEW_DATABASE": name,
        }
    )
    began = time.monotonic()
    with mail_server(Behaviour()) as port:
        done = run_drill(kind, variables | {"KEYSERVICE_MAIL_SERVER": "127.0.0.1", "KEYSERVICE_MAIL_PORT": str(port)})
    took = time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    yield before, variables | {"SAID": done.stdout}, took
    if kind == "postgresql":
        subprocess.run(["dropdb", "--force", name], env=variables, check=True)


def test_p19_the_drill_of_the_manual_brings_the_program_back(
    machine: tuple[Before, dict[str, str], float], capsys: pytest.CaptureFixture[str]
) -> None:
    before, variables, took = machine
    with capsys.disabled():
        print(f"\nrestore drill: {took:.1f} s")  # noqa: T201 - a figure for whoever runs it
    assert timedelta(seconds=took) < RTO
    said = variables["SAID"].splitlines()
    assert f"{variables['BACKUP']}: OK" in said
    assert [line for line in said if line.startswith("AA-")] == [f"{before.aanvraag}  gemeente 9998  levering 1"]
    app = ready_app(Settings.from_environ(variables))
    with app.app_context():
        check_triggers()
        with db.engine.connect() as connection:
            assert MigrationContext.configure(connection).get_current_heads() == before.heads
        _what_was_there_works(before)
        _what_was_underway_is_issued_again(app, before)
        db.session.remove()
        db.engine.dispose()


def _what_was_there_works(before: Before) -> None:
    found = sleutels.find(before.active)
    assert found
    assert state(found.facts, clock.now()) is State.ACTIVE
    accounts = db.session.scalars(select(Account).where(Account.tf_totp_secret.is_not(None))).all()
    assert accounts
    assert all(totp.reveal(account.id, account.tf_totp_secret or "").reveal() for account in accounts)
    pim, number = actor("pim"), Secret("999990019")
    person = portaal.find_by_bsn(pim, number)
    assert person
    assert person.id == before.person
    assert portaal.show_bsn(pim, person.id).reveal() == number.reveal()
    for event in db.session.scalars(select(AuditEvent)):
        assert settings.rings().mac_fits(event.mac, "audit-event", event.canonical.decode())


def _what_was_underway_is_issued_again(app: Flask, before: Before) -> None:
    assert [row.id for row in ring_keys.unreadable()] == [before.underway]
    waiting = failed(clock.now() - timedelta(days=1), None, 100)
    assert {row.last_error for row in waiting} == {"seal broken or its ring key destroyed"}
    assert "sleutel-zip" in {row.kind for row in waiting}
    aanvraag_id = issuance(before.underway).aanvraag_id
    service.cancel(actor("rosa"), before.underway, "De database is teruggezet.")
    again = service.reissue(actor("rosa"), aanvraag_id)
    assert issuance(again).number == 2
    post, behaviour = held(again), Behaviour()
    with mail_server(behaviour) as port, app_for_post(app, port):
        while deliver_due():
            pass
    assert any(
        mail.recipients == ["anna@voorbeeldstad.example"] and ZIP_NAME in mail.content for mail in behaviour.mails
    )
    service.activate(actor("anna"), again, post.code)
    found = sleutels.find(post.key)
    assert found
    assert state(found.facts, clock.now()) is State.ACTIVE
    assert ring_keys.unreadable() == []


def test_the_manual_copies_every_lasting_ring_and_no_other() -> None:
    loops = re.findall(r"for ring in (.*?); ?do", DOCUMENT.read_text())
    assert [set(copied.split()) for copied in loops] == [set(LASTING_RINGS)] * 2, "copied, and put back"


def test_the_drill_refuses_a_backup_that_is_not_what_was_written(context: Flask, tmp_path: Path) -> None:
    backup = tmp_path / "b"
    backup.write_bytes(b"something else")
    wrong = hashlib.sha256(b"the backup").hexdigest()
    aside = str(tmp_path / "aside")
    done = run_drill(db.engine.dialect.name, os.environ | {"BACKUP": str(backup), "SHA256": wrong, "ASIDE": aside})
    assert done.returncode != 0
    assert "FAILED" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
