"""The systems that may ask whether a key works: each by a credential that is shown once."""

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import text

from keyservice import cli_asking
from keyservice.audit.queries import search
from keyservice.cli import commands
from keyservice.database import db, transaction
from keyservice.integrity.state import mismatches
from keyservice.kernel.errors import Conflict, NotFound
from keyservice.sleutels import asking
from keyservice.sleutels.format import Omgeving, check_format, is_credential, new_credential, new_key
from keyservice.sleutels.models import AskingSystem
from tests.factories.keys import mistyped, queries

pytestmark = pytest.mark.usefixtures("context")


def test_a_system_is_known_by_its_credential_until_it_ends() -> None:
    credential = asking.add("Voorbeeldportaal").reveal()
    found = asking.recognise(credential)
    assert found is not None
    assert found.name == "Voorbeeldportaal"
    asking.end("Voorbeeldportaal")
    assert asking.recognise(credential) is None
    codes = [event.code for event in search() if event.subject == str(found.id)]
    assert codes == ["asking-system:end", "asking-system:add"]


def test_a_name_is_of_one_system_at_a_time_and_may_come_back_with_another_credential() -> None:
    old = asking.add("Portaal").reveal()
    with pytest.raises(Conflict, match="asking-system-known"):
        asking.add("Portaal")
    asking.end("Portaal")
    with pytest.raises(NotFound):
        asking.end("Portaal")
    new = asking.add("Portaal").reveal()
    assert asking.recognise(new) is not None
    assert asking.recognise(old) is None
    assert [row.ended_at is None for row in asking.everyone()] == [False, True]


def test_a_credential_is_no_key_and_a_key_no_credential() -> None:
    credential, key = new_credential().reveal(), new_key(Omgeving.PRODUCTIE).reveal()
    assert is_credential(credential)
    assert not is_credential(mistyped(credential))
    assert not is_credential(key)
    assert check_format(credential) is not None
    assert asking.recognise(key) is None


def test_what_is_no_credential_is_refused_without_a_query() -> None:
    credential = asking.add("Portaal").reveal()
    with queries() as sent:
        for wrong in (mistyped(credential), "", "asv_", "asv_" + "0" * 38, "asv_" + "é" * 38):
            assert asking.recognise(wrong) is None
    assert sent == []


@pytest.mark.parametrize("change", ["name = 'Iemand anders'", "ended_at = NULL, made_at = '2001-01-01 00:00:00'"])
def test_t12_a_row_changed_by_sql_is_refused(change: str) -> None:
    credential = asking.add("Portaal").reveal()
    with transaction() as session:
        session.execute(text(f"UPDATE asking_system SET {change}"))
    assert asking.recognise(credential) is None


def test_t12_an_end_that_was_taken_back_by_sql_stays_one() -> None:
    credential = asking.add("Portaal").reveal()
    asking.end("Portaal")
    with transaction() as session:
        session.execute(text("UPDATE asking_system SET ended_at = NULL"))
    assert asking.recognise(credential) is None


def test_i12_the_stored_systems_follow_from_the_events() -> None:
    asking.add("Een")
    asking.add("Twee")
    asking.end("Een")
    assert found() == []
    with transaction() as session:
        session.execute(text("UPDATE asking_system SET name = 'Drie' WHERE name = 'Twee'"))
    assert found() == ["asking_system"]


def found() -> list[str]:
    db.session.rollback()
    with db.engine.connect() as connection:
        return [one.table for one in mismatches(connection) if one.table == "asking_system"]


def test_the_commands_show_a_credential_once_and_never_again(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_asking, "create_app", lambda: context)  # one of its own would keep a connection open
    run = CliRunner().invoke
    added = run(commands, ["asking-system", "add", "Portaal"])
    assert added.exit_code == 0
    credential = added.stdout.strip()
    assert is_credential(credential)
    assert run(commands, ["asking-system", "add", "Portaal"]).exit_code == 1
    listed = run(commands, ["asking-system", "list"]).output
    assert "Portaal" in listed
    assert credential not in listed
    assert asking.recognise(credential) is not None
    assert run(commands, ["asking-system", "end", "Portaal"]).exit_code == 0
    assert run(commands, ["asking-system", "end", "Portaal"]).exit_code == 1
    assert asking.recognise(credential) is None
    rows = db.session.query(AskingSystem).all()
    assert all(credential.encode() not in row.digest for row in rows)
