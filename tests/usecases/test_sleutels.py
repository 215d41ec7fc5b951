"""Keys as they are kept: made, found, woken and revoked, and what a change from outside does."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, text, update

from keyservice.audit.queries import search
from keyservice.database import db, transaction
from keyservice.kernel import clock
from keyservice.kernel.errors import Conflict
from keyservice.kernel.ids import new_id
from keyservice.kernel.secret import Secret
from keyservice.sleutels import service
from keyservice.sleutels.format import Omgeving
from keyservice.sleutels.life import State, state
from keyservice.sleutels.models import Sleutel
from tests.factories.aanvragen import actor

pytestmark = pytest.mark.usefixtures("context")
DOSSIER = new_id()


def made() -> tuple[UUID, Secret]:
    return service.make(actor("rosa"), gemeente="9998", omgeving=Omgeving.PRODUCTIE, dossier=DOSSIER)


def state_of(key: Secret) -> State | None:
    db.session.expire_all()
    found = service.find(key)
    return state(found.facts, clock.now()) if found else None


def test_a_key_sleeps_until_it_is_activated_and_is_found_in_each_state() -> None:
    sleutel, key = made()
    assert state_of(key) is State.SLEEPING
    service.activate(actor("anna"), sleutel, dossier=DOSSIER)
    assert state_of(key) is State.ACTIVE
    service.revoke(actor("rosa"), sleutel, "cancelled", dossier=DOSSIER)
    assert state_of(key) is State.REVOKED
    assert [e.code for e in reversed(search(dossier=DOSSIER))] == [
        "sleutel:make",
        "sleutel:activate",
        "sleutel:revoke",
    ]


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (datetime(2099, 1, 5, 9, 0, tzinfo=UTC), datetime(2100, 1, 5, 22, 59, 59, tzinfo=UTC)),  # a Tuesday
        (datetime(2098, 12, 31, 9, 0, tzinfo=UTC), datetime(2099, 12, 31, 22, 59, 59, tzinfo=UTC)),  # a Thursday
        (datetime(2099, 7, 4, 9, 0, tzinfo=UTC), datetime(2100, 7, 2, 21, 59, 59, tzinfo=UTC)),  # Sunday, so Friday
    ],
)
def test_a_key_ends_on_the_last_working_day_on_or_before_day_365(day: datetime, end: datetime) -> None:
    with time_machine.travel(day, tick=False):
        sleutel, _ = made()
        row = db.session.get_one(Sleutel, sleutel)
        assert (row.not_before, row.expires_at) == (day, end)
        assert row.number.startswith(f"SL-{day.year}-")


def test_a_mistyped_key_is_refused_before_any_query() -> None:
    _, key = made()
    typed = key.reveal()
    wrong = typed[:-1] + ("0" if typed[-1] != "0" else "1")
    asked: list[str] = []
    db.session.rollback()
    event.listen(db.engine, "before_cursor_execute", listener := lambda *args: asked.append(args[2]))
    try:
        assert service.find(Secret(wrong)) is None
        assert asked == []
        assert service.find(key) is not None
        assert len(asked) >= 1
    finally:
        event.remove(db.engine, "before_cursor_execute", listener)


def test_i16_a_revoked_key_is_neither_activated_nor_revoked_again() -> None:
    sleutel, key = made()
    service.revoke(actor("rosa"), sleutel, "lapsed", dossier=DOSSIER)
    with pytest.raises(Conflict, match="sleutel-not-sleeping"):
        service.activate(actor("anna"), sleutel, dossier=DOSSIER)
    with pytest.raises(Conflict, match="sleutel-revoked"):
        service.revoke(actor("rosa"), sleutel, "cancelled", dossier=DOSSIER)
    assert state_of(key) is State.REVOKED
    assert db.session.get_one(Sleutel, sleutel).reason == "lapsed"


def test_i16_a_revocation_taken_back_in_the_database_leaves_a_key_that_does_not_exist() -> None:
    sleutel, key = made()
    service.activate(actor("anna"), sleutel, dossier=DOSSIER)
    service.revoke(actor("rosa"), sleutel, "cancelled", dossier=DOSSIER)
    with transaction() as session:
        session.execute(update(Sleutel).where(Sleutel.id == sleutel).values(revoked_at=None, reason=None))
    assert state_of(key) is None
    assert search(code="sleutel:damage")[0].subject == str(sleutel)


@pytest.mark.parametrize(
    "change",
    [
        "expires_at = '2199-01-01 00:00:00'",
        "activated_at = not_before",
        "gemeente = '9999'",
        "omgeving = 'acceptatie'",
        "number = 'SL-2026-99999'",
    ],
)
def test_a_fact_changed_in_the_database_makes_the_key_absent(change: str) -> None:
    sleutel, key = made()
    with transaction() as session:
        session.execute(text(f"UPDATE sleutel SET {change}"))
    assert state_of(key) is None
    with pytest.raises(Conflict, match="sleutel-damaged"):
        service.activate(actor("anna"), sleutel, dossier=DOSSIER)


def test_a_mac_of_a_ring_key_that_never_existed_makes_the_key_absent() -> None:
    sleutel, key = made()
    with transaction() as session:
        session.execute(update(Sleutel).where(Sleutel.id == sleutel).values(mac=b"\x00" * 36))
    assert state_of(key) is None


def test_a_changed_row_can_still_be_revoked_and_says_that_it_was_changed() -> None:
    sleutel, key = made()
    with transaction() as session:
        session.execute(update(Sleutel).where(Sleutel.id == sleutel).values(gemeente="9999"))
    service.revoke(actor("rosa"), sleutel, "cancelled", dossier=DOSSIER)
    assert state_of(key) is State.REVOKED
    assert len(search(code="sleutel:damage")) == 1


def test_i6_the_row_of_a_key_holds_no_part_of_it(context: Flask) -> None:
    sleutel, key = made()
    row = db.session.execute(text("SELECT * FROM sleutel")).mappings().one()
    random_part = key.reveal()[6:38]
    assert all(random_part[i : i + 8] not in str(value) for value in row.values() for i in range(25))
    assert db.session.get_one(Sleutel, sleutel).digest not in key.reveal().encode()
