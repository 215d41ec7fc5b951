"""Guessing is slowed down per subject and source, counted exactly, and locks nobody out."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from keyservice.accounts import devices, guessing
from keyservice.accounts.guessing import Kind, attempt
from keyservice.accounts.models import Account, LoginCounter
from keyservice.contacts.service import confirm_by_code, request_new_code
from keyservice.database import db, transaction
from keyservice.demo import people
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import Invalid, TooOften
from keyservice.outbox.models import OutboxMessage

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ANNA = "anna@voorbeeldstad.example"
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def time() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def waiting(subject: str | None = ANNA, source: str | None = HERE, kind: Kind = Kind.LOGIN) -> int:
    """Guess wrong once, and return for how many seconds even that was refused."""
    try:
        attempt(kind, subject, source)
    except TooOften as refused:
        return int(str(refused.data["seconds"]))
    return 0


def mails(kind: str) -> list[str]:
    return list(db.session.scalars(select(OutboxMessage.dedup_key).where(OutboxMessage.kind == kind)))


@pytest.mark.usefixtures("context")
def test_after_five_guesses_the_wait_doubles_up_to_a_minute(time: time_machine.Traveller) -> None:
    assert [waiting() for _ in range(5)] == [0] * 5
    waits = []
    for _ in range(8):
        waits.append(wait := waiting())
        time.shift(timedelta(seconds=wait))
        assert waiting() == 0, "the wait is over"
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.usefixtures("context", "time")
def test_a_guess_during_the_wait_is_not_counted_and_makes_it_no_longer() -> None:
    for _ in range(5):
        attempt(Kind.LOGIN, ANNA, HERE)
    assert [waiting() for _ in range(20)] == [1] * 20
    key = guessing.everywhere_key(Kind.LOGIN, ANNA)
    assert db.session.get_one(LoginCounter, key).failures == 5


@pytest.mark.usefixtures("context")
def test_after_a_quarter_of_an_hour_the_count_begins_anew(time: time_machine.Traveller) -> None:
    for _ in range(5):
        attempt(Kind.LOGIN, ANNA, HERE)
    time.shift(timedelta(minutes=16))
    assert [waiting() for _ in range(5)] == [0] * 5


@pytest.mark.usefixtures("context", "time")
def test_a_right_answer_begins_anew_for_that_source_only() -> None:
    for source in (HERE, ELSEWHERE):
        for _ in range(4):
            attempt(Kind.LOGIN, ANNA, source)
    attempt(Kind.LOGIN, ANNA, HERE).right()
    assert [waiting() for _ in range(5)] == [0] * 5
    assert [waiting(source=ELSEWHERE) for _ in range(2)] == [0, 1]


@pytest.mark.usefixtures("context", "time")
def test_ten_thousand_sources_do_not_keep_the_owner_out() -> None:
    for number in range(200):
        attempt(Kind.LOGIN, ANNA, f"198.51.{number}.1")
    attempt(Kind.LOGIN, ANNA, HERE).right()
    assert waiting() == 0, "one mistake is free"
    assert waiting() == 1, "under attack the next one waits a second"


@pytest.mark.usefixtures("context", "time")
def test_one_password_tried_on_many_people_is_slowed_down_too() -> None:
    assert [waiting(f"person{number}@gemeente.example") for number in range(20)] == [0] * 20
    assert waiting("person21@gemeente.example") == 1
    assert waiting("person21@gemeente.example", ELSEWHERE) == 0


@pytest.mark.usefixtures("context", "time")
@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        (None, "", True),
    ],
)
def test_a_source_is_an_ipv4_address_or_an_ipv6_network(first: str | None, second: str, *, same: bool) -> None:
    for _ in range(5):
        attempt(Kind.LOGIN, ANNA, first)
    assert waiting(source=second) == int(same)


@pytest.mark.usefixtures("context", "time")
def test_the_kinds_of_guess_are_counted_apart_and_capitals_make_no_difference() -> None:
    for _ in range(5):
        attempt(Kind.LOGIN, ANNA, HERE)
    assert waiting(ANNA.upper()) == 1
    assert waiting(kind=Kind.FACTOR) == 0


def test_guesses_at_the_same_moment_all_count(app: Flask) -> None:
    def guess(_: int) -> bool:
        with app.app_context():
            return waiting() == 0

    with ThreadPoolExecutor(8) as pool:
        let_through = sum(pool.map(guess, range(40)))
    with app.app_context():
        key = guessing.everywhere_key(Kind.LOGIN, ANNA)
        assert db.session.get_one(LoginCounter, key).failures == let_through
    assert 5 <= let_through < 20, "five are free; a few seconds may pass meanwhile"


@pytest.mark.usefixtures("context")
def test_a_guess_may_not_be_forgotten_with_the_act_around_it() -> None:
    with pytest.raises(RuntimeError, match="of its own"), transaction():
        attempt(Kind.LOGIN, ANNA, HERE)


@pytest.mark.usefixtures("context")
def test_the_counters_hold_no_address_and_the_worker_deletes_old_ones(time: time_machine.Traveller) -> None:
    attempt(Kind.LOGIN, ANNA, HERE)
    stored = " ".join(db.session.scalars(select(LoginCounter.subject)))
    assert ANNA not in stored
    assert HERE not in stored
    time.shift(timedelta(minutes=61))
    guessing.delete_old()
    assert db.session.scalar(select(func.count()).select_from(LoginCounter)) == 0


@pytest.mark.usefixtures("context", "time")
def test_codes_of_the_sms_are_guessed_slowly_whatever_the_number() -> None:
    visitor = Actor(None, frozenset(), None, "web", source=HERE)
    for number in range(20):
        with pytest.raises(Invalid):
            confirm_by_code(visitor, f"Z-2222{number:02}", "00000000")
    with pytest.raises(TooOften):
        confirm_by_code(visitor, "Z-333333", "00000000")
    with pytest.raises(TooOften):
        request_new_code(visitor, "Z-333333")


@pytest.mark.usefixtures("context")
def test_the_owner_hears_once_a_day_of_ten_wrong_guesses_in_an_hour(time: time_machine.Traveller) -> None:
    def guess(times: int) -> None:
        for number in range(times):
            attempt(Kind.FACTOR, ANNA, f"192.0.2.{number}")

    guess(9)
    devices.tell_many_failures()
    assert mails("account-many-failures") == []
    guess(1)
    devices.tell_many_failures()
    devices.tell_many_failures()
    assert len(mails("account-many-failures")) == 1
    assert str(people.person_id("anna")) in mails("account-many-failures")[0]
    time.shift(timedelta(days=1))
    guess(10)
    devices.tell_many_failures()
    assert len(mails("account-many-failures")) == 2


@pytest.mark.usefixtures("context", "time")
def test_nobody_hears_of_guesses_at_an_address_without_account() -> None:
    for number in range(12):
        attempt(Kind.LOGIN, "niemand@voorbeeldstad.example", f"192.0.2.{number}")
    devices.tell_many_failures()
    assert mails("account-many-failures") == []
    assert db.session.scalar(select(func.count()).select_from(Account))
