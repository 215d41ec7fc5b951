"""The search of the audit trail: what fits, page by page, and by which index on both databases."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event as listening
from sqlalchemy import insert, text

from keyservice import audit
from keyservice.audit.append import canonical_bytes
from keyservice.audit.catalogue import Result
from keyservice.audit.models import AuditEvent
from keyservice.audit.queries import Wanted, count_some, find, newest_row
from keyservice.audit.tallies import bunches, counts, refusals
from keyservice.database import db, table_of, transaction
from keyservice.kernel.actor import CLI, Actor

DONE = audit.define("test:search", "Er is gezocht.", fields="what")
FIRST = datetime(2026, 3, 1, 11, 0, tzinfo=UTC)
PEOPLE = [UUID(int=n) for n in (1, 2, 3)]


def fill(count: int, kinds: int = 3) -> None:
    """Store events of some people, gemeenten and codes, two at each moment; those of each third code are refused."""
    rows = []
    for n in range(count):
        values: dict[str, Any] = {
            "id": UUID(int=1000 + n),
            "at": FIRST + timedelta(minutes=7) * (n // 2),
            "dossier": UUID(int=500 + n // 10),
            "person": UUID(int=n % kinds + 1),
            "gemeente": f"{9998 - n % (kinds - 1)}",
        }
        content = {
            **values,
            "version": 1,
            "event": f"test:code-{n % kinds}",
            "roles": ["auditor"],
            "origin": "web",
            "number": n % 10 + 1,
            "subject": None,
            # A text that looks like the result of another event.
            "fields": {"what": '"result":"refused"'},
            "private": {},
            "result": "refused" if n % kinds == 2 else "ok",
        }
        more = {"code": content["event"], "dossier_number": content["number"]}
        rows.append(values | more | {"canonical": canonical_bytes(content), "mac": b"-"})
    with db.engine.begin() as connection:
        connection.execute(insert(table_of(AuditEvent)), rows)


WANTED: dict[str, dict[str, Any]] = {
    "everything": {},
    "person": {"person": PEOPLE[0]},
    "gemeente": {"gemeente": "9998"},
    "dossier": {"dossier": UUID(int=501)},
    "code": {"code": "test:code-0"},
    "refused": {"result": Result.REFUSED},
    "time": {"since": FIRST + timedelta(hours=1), "until": FIRST + timedelta(hours=3)},
    "code and time": {"code": "test:code-1", "since": FIRST + timedelta(hours=1)},
    "refused and time": {"result": Result.REFUSED, "until": FIRST + timedelta(hours=3)},
    "person and refused": {"person": PEOPLE[2], "result": Result.REFUSED},
    "ok": {"result": Result.OK, "since": FIRST},
}


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize("conditions", WANTED.values(), ids=WANTED)
def test_page_by_page_everything_that_fits_comes_once_and_the_newest_first(conditions: dict[str, Any]) -> None:
    fill(60)
    wanted = Wanted(**{"since": FIRST, **conditions} if conditions else {})
    whole = find(wanted, None, 1000)
    fitting = find(Wanted(), None, 1000)
    names = {"since", "until", "result"}
    expected = [
        event
        for event in fitting
        if all(getattr(event, name) == value for name, value in conditions.items() if name not in names)
        if conditions.get("result") in {None, event.result}
        if not conditions or (conditions.get("since") or FIRST) <= event.at
        if "until" not in conditions or event.at < conditions["until"]
    ]
    if conditions and not conditions.keys() & {"person", "gemeente", "dossier"}:
        expected.sort(key=lambda event: (event.at, event.row), reverse=True)
    assert whole == expected
    assert len(expected) >= 3
    seen, before = [], None
    while page := find(wanted, before, 7):
        seen += page
        before = page[-1].row
    assert seen == whole


@pytest.mark.usefixtures("context")
def test_what_comes_later_is_not_among_what_was_counted() -> None:
    fill(10)
    newest, wanted = newest_row(), Wanted(since=FIRST)
    before = count_some(wanted, 100, newest)
    with transaction():
        audit.record(DONE, CLI, what=1)
    assert count_some(wanted, 100, newest) == before == len(find(wanted, None, 100, newest))
    assert len(find(wanted, None, 100)) == before + 1
    assert count_some(wanted, 2, newest) == 2


def plan(wanted: Wanted, before: int | None) -> str:
    """Return how the database goes about a page of a search."""
    asked: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        if "canonical" in statement and "LIMIT" in statement.upper():
            asked.append((statement, values))

    listening.listen(db.engine, "before_cursor_execute", hear)
    try:
        find(wanted, before, 50)
    finally:
        listening.remove(db.engine, "before_cursor_execute", hear)
    ((statement, values),) = asked
    explain = "EXPLAIN QUERY PLAN " if db.engine.dialect.name == "sqlite" else "EXPLAIN "
    rows = db.session.connection().exec_driver_sql(explain + statement, values)
    return "\n".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize(
    ("conditions", "index"),
    [
        ({}, r"pk_audit_event|SCAN audit_event$|INTEGER PRIMARY KEY"),
        ({"person": PEOPLE[0]}, "ix_audit_event_person_row"),
        ({"gemeente": "9998"}, "ix_audit_event_gemeente_row"),
        ({"dossier": UUID(int=501)}, "uq_audit_event_dossier_dossier_number|sqlite_autoindex_audit_event"),
        ({"code": "test:code-0"}, "ix_audit_event_code_at"),
        ({"code": "test:code-0", "since": FIRST, "until": FIRST + timedelta(days=200)}, "ix_audit_event_code_at"),
        ({"since": FIRST, "until": FIRST + timedelta(days=200)}, "ix_audit_event_at"),
        ({"result": Result.REFUSED}, "ix_audit_event_refused"),
        ({"result": Result.REFUSED, "since": FIRST, "until": FIRST + timedelta(days=200)}, "ix_audit_event_refused"),
    ],
)
@pytest.mark.parametrize("page", ["first", "deep"])
def test_every_page_of_a_search_comes_from_its_index(
    context: Flask, conditions: dict[str, Any], index: str, page: str
) -> None:
    fill(6_000, kinds=60)
    if context.extensions["keyservice.settings"].database_url.startswith("postgresql"):
        db.session.execute(text("ANALYZE audit_event"))
    found = plan(Wanted(**conditions), newest_row() // 2 if page == "deep" else None)
    assert re.search(index, found, re.MULTILINE), found
    assert "Seq Scan" not in found, found
    # PostgreSQL may sort the few rows that its index gave; SQLite does so only for a dossier, which is short.
    assert "TEMP B-TREE" not in found or "dossier" in conditions, found


@pytest.mark.usefixtures("context")
def test_figures_agree_with_the_events() -> None:
    fill(60)
    spans = [(FIRST + timedelta(hours=h), FIRST + timedelta(hours=h + 1)) for h in range(-1, 5)]
    events = find(Wanted(since=FIRST, until=FIRST + timedelta(days=1)), None, 1000)
    assert counts(spans) == [
        (
            sum(since <= event.at < until for event in events),
            sum(since <= event.at < until and event.result == "refused" for event in events),
        )
        for since, until in spans
    ]
    assert counts([]) == []
    seen = [bunch for bunch in bunches(FIRST) if bunch.code.startswith("test:")]
    assert sum(bunch.count for bunch in seen) == 60
    assert {bunch.refused for bunch in seen if bunch.code == "test:code-2"} == {True}
    assert {bunch.refused for bunch in seen if bunch.code != "test:code-2"} == {False}
    for bunch in seen:
        fitting = [
            event.at for event in events if (event.code, event.person) == (bunch.code, bunch.person)
            if event.at.replace(minute=0) == bunch.first.replace(minute=0)
        ]  # fmt: skip
        assert (bunch.first, bunch.last, bunch.count) == (min(fitting), max(fitting), len(fitting))
    assert refusals(FIRST, FIRST + timedelta(days=1)) == Counter(
        event.code for event in events if event.result == "refused"
    )


@pytest.mark.usefixtures("context")
def test_an_event_whose_content_was_destroyed_still_shows_with_what_is_left() -> None:
    with db.engine.begin() as connection:
        values = {"id": UUID(int=7), "at": FIRST, "code": "test:search", "canonical": b"\xff not JSON", "mac": b"-"}
        connection.execute(insert(table_of(AuditEvent)), [values | {"gemeente": "9998"}])
    (event,) = find(Wanted(code="test:search"), None, 10)
    assert (event.at, event.gemeente, event.result) == (FIRST, "9998", "damaged")
    assert "beschadigd" in event.sentence


@pytest.mark.usefixtures("context")
def test_a_refusal_is_found_as_one_and_an_act_as_one() -> None:
    someone = Actor(PEOPLE[0], frozenset(), "9998", "web")
    with time_machine.travel(datetime(2030, 1, 1, 12, 0, tzinfo=UTC), tick=False):
        audit.record_refusal(someone, "test.view", "role")
        with transaction():
            audit.record(DONE, someone, what='"result":"refused"')
    found = {result: [e.code for e in find(Wanted(person=PEOPLE[0], result=result), None, 9)] for result in Result}
    assert found[Result.REFUSED] == ["access:refuse"]
    assert found[Result.OK] == ["test:search"]
