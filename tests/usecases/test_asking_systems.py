"""The systems that may ask whether a key works: each by a credential that is shown once."""

from contextlib import suppress

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import text

from keyservice import cli_asking
from keyservice.audit.queries import search
from keyservice.cli import commands
from keyservice.database import db, transaction
from keyservice.integrity.state import mismatches
from keyservice.kernel.errors import Conflict, NotFound, TooOften
from keyservice.sleutels import asking
from keyservice.sleutels.format import Omgeving, check_format, is_credential, new_credential, new_key
from keyservice.sleutels.limits import WRONG_BURST, Limits, Rate
from keyservice.sleutels.models import AskingSystem
from tests.factories.keys import mistyped, queries

pytestmark = pytest.mark.usefixtures("context")
HOME, AWAY = "192.0.2.7", "192.0.2.8"


@pytest.fixture(autouse=True)
def no_memory(context: Flask) -> None:
    context.extensions["keyservice.limits"] = Limits()


def recognised(credential: str, address: str = HOME) -> asking.Asker | None:
    try:
        return asking.admit(credential, address)
    except asking.Unknown:
        return None


def stranger() -> str:
    """Return a credential of a right form that nobody has."""
    return new_credential().reveal()


def test_a_system_is_known_by_its_credential_until_it_ends() -> None:
    credential = asking.add("Voorbeeldportaal").reveal()
    found = recognised(credential)
    assert found is not None
    assert found.name == "Voorbeeldportaal"
    asking.end("Voorbeeldportaal")
    assert recognised(credential) is None
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
    assert recognised(new) is not None
    assert recognised(old) is None
    assert [row.ended_at is None for row in asking.everyone()] == [False, True]


def test_a_credential_is_no_key_and_a_key_no_credential() -> None:
    credential, key = new_credential().reveal(), new_key(Omgeving.PRODUCTIE).reveal()
    assert is_credential(credential)
    assert not is_credential(mistyped(credential))
    assert not is_credential(key)
    assert check_format(credential) is not None
    assert recognised(key) is None


def test_what_is_no_credential_is_refused_without_a_query() -> None:
    credential = asking.add("Portaal").reveal()
    with queries() as sent:
        for wrong in (mistyped(credential), "", "asv_", "asv_" + "0" * 38, "asv_" + "é" * 38):
            assert recognised(wrong) is None
    assert sent == []


def test_i11_wrong_credentials_from_one_source_are_one_event_a_minute() -> None:
    assert [recognised(stranger()) for _ in range(5)] == [None] * 5
    (event,) = search(code="access:refuse-anonymous")
    assert (event.origin, event.fields["kind"], event.private["source"]) == ("api", "asker-unknown", HOME)


def test_wrong_credentials_from_one_source_wait_without_a_query_and_a_mistyped_one_counts_for_nothing(
    context: Flask,
) -> None:
    context.extensions["keyservice.limits"] = Limits(wrong_askers=Rate(burst=3, per_second=0.001))
    credential = asking.add("Portaal").reveal()
    assert [recognised(mistyped(credential)) for _ in range(3 * WRONG_BURST)] == [None] * 3 * WRONG_BURST
    assert [recognised(stranger()) for _ in range(3)] == [None] * 3
    with pytest.raises(TooOften):
        recognised(stranger())  # looks once a second whose credentials are good
    with queries() as sent:
        for _ in range(50):
            with pytest.raises(TooOften) as refused:
                recognised(stranger())
    assert len(sent) <= 1
    assert 990 <= int(str(refused.value.data["seconds"])) <= 1000
    assert recognised(stranger(), AWAY) is None, "another address knows nothing of it"


def test_a_flood_from_the_address_of_a_system_does_not_keep_it_out_seen_before_or_not(context: Flask) -> None:
    context.extensions["keyservice.limits"] = Limits(wrong_askers=Rate(burst=1, per_second=0.001))
    known, new = asking.add("Bekend").reveal(), asking.add("Nog niet gezien").reveal()
    assert recognised(known)
    for _ in range(3):
        with suppress(TooOften):
            recognised(stranger())
    assert recognised(known)
    assert recognised(new)
    asking.end("Nog niet gezien")
    assert recognised(new) is None, "what is remembered opens nothing"


def test_a_system_that_ended_is_forgotten_at_the_next_look_and_waits_as_a_stranger(context: Flask) -> None:
    limits = Limits(wrong_askers=Rate(burst=1, per_second=0.001), looks=Rate(burst=1000, per_second=1.0))
    context.extensions["keyservice.limits"] = limits
    credential = asking.add("Portaal").reveal()
    assert recognised(stranger()) is None
    with pytest.raises(TooOften):
        recognised(stranger())
    asking.end("Portaal")
    with pytest.raises(TooOften):
        recognised(credential)


def test_one_system_has_a_limit_of_its_own(context: Flask) -> None:
    context.extensions["keyservice.limits"] = Limits(askers=Rate(burst=2, per_second=0.001))
    one, other = asking.add("Een").reveal(), asking.add("Twee").reveal()
    assert recognised(one)
    assert recognised(one)
    with queries() as sent, pytest.raises(TooOften):
        recognised(one)
    assert sent == []
    assert recognised(other)


@pytest.mark.parametrize("change", ["name = 'Iemand anders'", "ended_at = NULL, made_at = '2001-01-01 00:00:00'"])
def test_a_row_changed_by_sql_is_refused(change: str) -> None:
    credential = asking.add("Portaal").reveal()
    with transaction() as session:
        session.execute(text(f"UPDATE asking_system SET {change}"))
    assert recognised(credential) is None


def test_an_end_that_was_taken_back_by_sql_stays_one() -> None:
    credential = asking.add("Portaal").reveal()
    asking.end("Portaal")
    with transaction() as session:
        session.execute(text("UPDATE asking_system SET ended_at = NULL"))
    assert recognised(credential) is None


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
    assert recognised(credential) is not None
    assert run(commands, ["asking-system", "end", "Portaal"]).exit_code == 0
    assert run(commands, ["asking-system", "end", "Portaal"]).exit_code == 1
    assert recognised(credential) is None
    rows = db.session.query(AskingSystem).all()
    assert all(credential.encode() not in row.digest for row in rows)
