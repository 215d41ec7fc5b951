"""The audit trail: an event in the transaction of its act, or no act."""

import hashlib
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import DBAPIError

from keyservice import audit, settings
from keyservice.accounts.models import Account, Audience
from keyservice.accounts.service import create_account
from keyservice.audit import queries
from keyservice.audit.append import canonical_bytes
from keyservice.audit.catalogue import ACT_REFUSED, Result
from keyservice.audit.models import AnonymousRefusal, AuditEvent, AuditPrivate
from keyservice.database import db, transaction
from keyservice.kernel.actor import CLI, Actor, Role
from keyservice.kernel.ids import new_id
from keyservice.kernel.secret import Secret

EVENT = audit.define("test:act", "Er is iets gebeurd.", fields="what", private="why")
DOSSIER = UUID(int=42)
ANNA = Actor(UUID(int=1), frozenset({Role.AANVRAGER}), "9998", "web", source="192.0.2.1", agent="Browser 1.0")


def record(actor: Actor = ANNA, dossier: UUID | None = DOSSIER, why: str = "Omdat het moet") -> UUID:
    with transaction():
        return audit.record(EVENT, actor, dossier=dossier, what="een ding", why=why)


def row_of(event: UUID) -> AuditEvent:
    return db.session.scalars(select(AuditEvent).where(AuditEvent.id == event)).one()


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(AuditEvent)) or 0


@pytest.mark.usefixtures("context")
def test_i3_an_event_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="outside transaction"):
        audit.record(EVENT, ANNA, what="x", why="y")


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize("fields", [{}, {"what": "x"}, {"what": "x", "why": "y", "more": "z"}], ids=["0", "1", "3"])
def test_an_event_with_other_fields_than_the_catalogue_says_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="test:act takes"), transaction():
        audit.record(EVENT, ANNA, **fields)


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize("value", [Secret("geheim"), object(), {1, 2}], ids=["secret", "object", "set"])
def test_a_secret_or_object_does_not_get_into_an_event(value: object) -> None:
    with pytest.raises(TypeError, match="does not belong in an event"), transaction():
        audit.record(EVENT, ANNA, what=value, why="y")


@pytest.mark.parametrize("code", ["test:act", "Test:act", "test", "test:", "a:b:c", "test:act1"])
def test_a_code_is_well_formed_and_never_used_twice(code: str) -> None:
    with pytest.raises(ValueError, match="malformed or not new"):
        audit.define(code, "Iets.")


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET code = 'x'",
        "UPDATE audit_event SET mac = mac WHERE 1 = 0 OR code = 'test:act'",
        "DELETE FROM audit_event",
        "DELETE FROM audit_event WHERE code = 'test:act'",
        "INSERT OR REPLACE INTO audit_event SELECT * FROM audit_event",
        "REPLACE INTO audit_event SELECT * FROM audit_event",
        "INSERT INTO audit_event SELECT * FROM audit_event WHERE true ON CONFLICT (id) DO UPDATE SET code = 'x'",
        "TRUNCATE audit_event",
        "TRUNCATE audit_event CASCADE",
    ],
)
def test_events_can_be_added_only(statement: str) -> None:
    event = record()
    before = db.session.execute(text("SELECT * FROM audit_event ORDER BY row")).all()
    only_sqlite, only_postgresql = "REPLACE" in statement, "TRUNCATE" in statement
    dialect = db.engine.dialect.name
    wording = "insert-only"
    if (only_sqlite and dialect == "postgresql") or (only_postgresql and dialect == "sqlite"):
        wording = "syntax error"  # the other database does not know the statement at all
    with pytest.raises(DBAPIError, match=wording):
        db.session.execute(text(statement))
    db.session.rollback()
    assert db.session.execute(text("SELECT * FROM audit_event ORDER BY row")).all() == before
    assert row_of(event).id == event


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_an_event_is_not_replaced_over_a_plain_connection_either(app: Flask) -> None:
    """Without `recursive_triggers` a REPLACE deletes without asking the trigger on DELETE."""
    with app.app_context():
        record()
        path = db.engine.url.database
    with closing(sqlite3.connect(str(path))) as plain, pytest.raises(sqlite3.IntegrityError, match="insert-only"):
        plain.execute("INSERT OR REPLACE INTO audit_event SELECT * FROM audit_event")


def test_the_events_of_a_dossier_are_numbered_without_a_gap_by_eight_writers_at_once(app: Flask) -> None:
    def write(_number: int) -> None:
        with app.app_context():
            for _ in range(5):
                record()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    with app.app_context():
        record(dossier=UUID(int=43))
        record(dossier=None)
        assert [event.number for event in queries.of_dossier(DOSSIER)] == list(range(1, 41))
        assert [event.number for event in queries.of_dossier(UUID(int=43))] == [1]
        assert [event.number for event in queries.search(limit=1)] == [None]


@pytest.mark.usefixtures("context")
def test_a_number_taken_back_with_its_act_is_given_out_again() -> None:
    def fail() -> None:
        with transaction():
            record()
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert [queries.of_dossier(DOSSIER), row_of(record()).dossier_number] == [[], 1]


@pytest.mark.usefixtures("context")
def test_an_event_holds_what_bio2_asks_and_its_index_columns_say_the_same() -> None:
    row = row_of(record())
    content = json.loads(row.canonical)
    assert content == {
        "version": 1,
        "id": str(row.id),
        "at": row.at.isoformat(timespec="microseconds"),
        "event": row.code,
        "person": str(row.person),
        "roles": ["aanvrager"],
        "gemeente": row.gemeente,
        "origin": "web",
        "dossier": str(row.dossier),
        "number": row.dossier_number,
        "subject": str(DOSSIER),
        "result": "ok",
        "fields": {"what": "een ding"},
        "private": content["private"],
    }
    assert row.canonical == canonical_bytes(content), "stored in its one encoding"
    assert (row.code, row.gemeente, row.dossier, row.dossier_number) == ("test:act", "9998", DOSSIER, 1)


@pytest.mark.usefixtures("context")
def test_each_event_has_a_mac_that_fits_only_its_own_content() -> None:
    row, other = row_of(record()), row_of(record())
    rings = settings.rings()
    assert rings.mac_fits(row.mac, "audit-event", row.canonical.decode())
    assert not rings.mac_fits(row.mac, "audit-event", other.canonical.decode())
    assert not rings.mac_fits(row.mac, "audit-event", row.canonical.decode().replace("een ding", "iets anders"))


@pytest.mark.usefixtures("context")
def test_personal_and_free_text_stands_apart_with_a_salted_hash_in_the_event() -> None:
    row = row_of(record())
    clear = row.canonical.decode()
    for text_ in ("Omdat het moet", "192.0.2.1", "Browser 1.0"):
        assert text_ not in clear
    privates = db.session.scalars(select(AuditPrivate).where(AuditPrivate.event == row.id)).all()
    assert {p.name: p.value for p in privates} == {
        "why": "Omdat het moet",
        "source": "192.0.2.1",
        "agent": "Browser 1.0",
    }
    hashes = json.loads(row.canonical)["private"]
    assert hashes == {p.name: hashlib.sha256(p.salt + p.value.encode()).hexdigest() for p in privates}
    assert len({p.salt for p in privates}) == 3
    assert {len(p.salt) for p in privates} == {16}


@pytest.mark.usefixtures("context")
def test_after_the_private_text_is_erased_the_event_still_fits() -> None:
    event = record()
    before = row_of(event).canonical
    with transaction() as session:
        session.execute(delete(AuditPrivate).where(AuditPrivate.event == event))
    row = row_of(event)
    assert row.canonical == before
    assert settings.rings().mac_fits(row.mac, "audit-event", row.canonical.decode())
    (view,) = queries.of_dossier(DOSSIER)
    assert (view.sentence, view.fields) == ("Er is iets gebeurd.", {"what": "een ding"})
    assert view.private == dict.fromkeys(("why", "source", "agent"), "gewist"), "a reader sees that there was a text"


@pytest.mark.usefixtures("context")
def test_an_empty_private_text_leaves_no_row() -> None:
    event = record(actor=CLI, why="")
    assert db.session.scalars(select(AuditPrivate).where(AuditPrivate.event == event)).all() == []


@pytest.mark.usefixtures("context")
def test_i11_a_hundred_refusals_of_a_stranger_in_a_minute_are_one_event_and_a_counter() -> None:
    stranger = Actor(None, frozenset(), None, "web", source="192.0.2.9")
    before = count()
    with time_machine.travel(datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC), tick=False) as time:
        for _ in range(100):
            audit.record_refusal(stranger, "security.login", "login")
        assert count() == before + 1
        assert db.session.scalar(select(AnonymousRefusal.count)) == 100
        audit.record_refusal(stranger, "security.login", "csrf")
        audit.record_refusal(Actor(None, frozenset(), None, "web", source="192.0.2.10"), "security.login", "login")
        assert count() == before + 3, "another reason and another source count apart"
        time.shift(timedelta(minutes=1))
        audit.record_refusal(stranger, "security.login", "login")
        assert count() == before + 4, "a new minute, a new event"
        audit.forget_anonymous(timedelta(seconds=30))
        assert db.session.scalars(select(AnonymousRefusal.count)).all() == [1]


@pytest.mark.usefixtures("context")
def test_i11_the_refusal_of_a_known_person_is_an_event_each_time() -> None:
    for _ in range(3):
        audit.record_refusal(ANNA, "aanvragen.review", "role", dossier=DOSSIER)
    events = queries.of_dossier(DOSSIER)
    assert [(e.code, e.result, e.fields) for e in events] == [
        (ACT_REFUSED.code, Result.REFUSED, {"act": "aanvragen.review", "reason": "role"})
    ] * 3


@pytest.mark.usefixtures("context")
def test_i3_when_the_event_cannot_be_written_the_act_is_taken_back() -> None:
    refuse_events()
    with pytest.raises(DBAPIError):
        create_account(
            CLI, audience=Audience.DUO, name="Niemand", email="niemand@duo.example", password=Secret("kort-wachtwoord")
        )
    assert db.session.scalar(select(Account.id).where(Account.email == "niemand@duo.example")) is None


def refuse_events() -> None:
    """Make the database refuse every event, as a full disk or a wrong right would."""
    if db.engine.dialect.name == "sqlite":
        db.session.execute(
            text("CREATE TRIGGER full BEFORE INSERT ON audit_event BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        )
    else:
        db.session.execute(text("ALTER TABLE audit_event ADD CONSTRAINT full_disk CHECK (row < 0) NOT VALID"))
    db.session.commit()


@pytest.mark.usefixtures("context")
def test_events_are_searched_by_dossier_person_gemeente_code_and_time() -> None:
    with time_machine.travel(datetime(2030, 1, 1, 12, 0, tzinfo=UTC), tick=False):
        first = record()
    with time_machine.travel(datetime(2030, 1, 2, 12, 0, tzinfo=UTC), tick=False):
        second = record(Actor(new_id(), frozenset(), "9999", "web"), UUID(int=43))
    noon = datetime(2030, 1, 2, tzinfo=UTC)
    rows = {first: row_of(first).row, second: row_of(second).row}

    def found(**conditions: object) -> list[int]:
        return [event.row for event in queries.search(**conditions)]  # type: ignore[arg-type]  # conditions of several types

    assert found(code="test:act") == [rows[second], rows[first]]
    assert found(dossier=DOSSIER) == found(person=ANNA.person) == [rows[first]]
    assert found(gemeente="9999", code="test:act") == found(since=noon) == [rows[second]]
    assert found(code="test:act", until=noon) == found(code="test:act", before_row=rows[second]) == [rows[first]]
    assert found(limit=1) == [rows[second]]
