"""One transaction per use case, the only commit, the same on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import IntegrityError, StatementError

from keyservice.accounts.models import Account
from keyservice.database import NumberSeries, db, execute_count, next_number, transaction
from keyservice.demo import people


def add(kind: str) -> None:
    with transaction() as session:
        session.add(NumberSeries(kind=kind, year=2026, last=0))


def kinds() -> list[str]:
    """Return what another connection sees: only what was committed."""
    with db.engine.connect() as connection:
        return list(connection.scalars(select(NumberSeries.kind).order_by(NumberSeries.kind)))


def together(app: Flask, count: int, work: Callable[[], object]) -> list[object]:
    """Do the same work in several threads at the same moment."""
    barrier = Barrier(count)

    def one(_number: int) -> object:
        with app.app_context():
            barrier.wait()
            return work()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.usefixtures("context")
def test_a_use_case_inside_another_joins_it_and_all_is_committed_once() -> None:
    commits: list[str] = []
    event.listen(db.engine, "commit", lambda _connection: commits.append("commit"))
    with transaction():
        add("inner")
        assert kinds() == [], "nothing is committed before the outer one ends"
        add("second")
    assert kinds() == ["inner", "second"]
    assert len(commits) == 1


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_any_failure_takes_everything_back(failure: type[BaseException]) -> None:
    def fail() -> None:
        with transaction():
            add("inner")
            raise failure

    with pytest.raises(failure):
        fail()
    assert kinds() == []
    add("after")
    assert kinds() == ["after"], "the next use case starts clean"


@pytest.mark.usefixtures("context")
def test_an_inner_failure_that_the_outer_use_case_lets_through_takes_back_the_outer_one_too() -> None:
    def fail() -> None:
        with transaction():
            add("same")
            add("same")

    with pytest.raises(IntegrityError):
        fail()
    assert kinds() == []


@pytest.mark.usefixtures("context")
def test_changes_made_outside_a_use_case_are_refused_and_not_saved() -> None:
    db.session.add(NumberSeries(kind="loose", year=2026, last=0))
    with pytest.raises(RuntimeError, match="outside transaction"), transaction():
        pass
    db.session.rollback()
    account = db.session.get_one(Account, people.person_id("anna"))
    account.name = "Anders"
    with pytest.raises(RuntimeError, match="outside transaction"), transaction():
        pass
    db.session.rollback()
    assert kinds() == []


@pytest.mark.usefixtures("context")
def test_a_use_case_may_follow_reading() -> None:
    people.person_id("anna")
    add("after reading")
    assert kinds() == ["after reading"]


def test_eight_threads_count_without_losing_one_or_finding_the_database_locked(app: Flask) -> None:
    with app.app_context():
        add("x")

    def count() -> None:
        for _ in range(20):
            with transaction() as session:
                row = session.scalars(select(NumberSeries).where(NumberSeries.kind == "x").with_for_update()).one()
                row.last += 1

    together(app, 8, count)
    with app.app_context():
        assert db.session.scalar(select(NumberSeries.last).where(NumberSeries.kind == "x")) == 160


def test_a_number_is_given_out_once_also_to_eight_at_the_same_moment(app: Flask) -> None:
    def number() -> str:
        with transaction():
            return next_number("aanvraag", "AA", 2026)

    assert sorted(map(str, together(app, 8, number))) == [f"AA-2026-0000{n}" for n in range(1, 9)]
    with app.app_context(), transaction():
        assert next_number("aanvraag", "AA", 2027) == "AA-2027-00001"
        assert next_number("sleutel", "SL", 2026) == "SL-2026-00001"


def test_of_eight_that_compare_and_swap_one_wins(app: Flask) -> None:
    with app.app_context():
        add("x")

    def swap() -> int:
        with transaction():
            return execute_count(update(NumberSeries).where(NumberSeries.last == 0).values(last=1))

    assert sorted(map(str, together(app, 8, swap))) == ["0"] * 7 + ["1"]


@pytest.mark.usefixtures("context")
def test_a_compare_and_swap_sees_what_the_use_case_did_before_and_is_seen_after() -> None:
    with transaction() as session:
        row = NumberSeries(kind="x", year=2026, last=4)
        session.add(row)
        assert execute_count(update(NumberSeries).where(NumberSeries.last == 4).values(last=5)) == 1
        assert row.last == 5


@pytest.mark.usefixtures("context")
def test_a_moment_without_a_zone_is_refused() -> None:
    statement = update(Account).values(created_at=datetime(2026, 11, 23))  # noqa: DTZ001 - the bad input
    with pytest.raises(StatementError, match="time zone"):
        db.session.execute(statement)


@pytest.mark.usefixtures("context")
def test_a_moment_comes_back_aware_in_utc_whatever_its_zone_was() -> None:
    anna = people.person_id("anna")
    moment = datetime(2026, 7, 1, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with transaction() as session:
        session.get_one(Account, anna).created_at = moment
    found = db.session.get_one(Account, anna).created_at
    assert found == moment
    assert found.isoformat() == "2026-06-30T23:30:00.123456+00:00"
    assert db.session.scalar(select(Account.id).where(Account.created_at == moment)) == anna


def test_sqlite_is_durable_strict_and_wipes_what_it_deletes(context: Flask) -> None:
    if db.engine.dialect.name != "sqlite":
        assert db.session.scalar(text("SHOW synchronous_commit")) == "on"
        assert db.session.scalar(text("SHOW default_transaction_isolation")) == "read committed"
        return
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "secure_delete": 1,
        "trusted_schema": 0,
        "busy_timeout": 10_000,
    }
    assert {name: db.session.scalar(text(f"PRAGMA {name}")) for name in wanted} == wanted
