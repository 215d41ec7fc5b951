"""What stands out: each rule at its edges."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from keyservice.audit import catalogue
from keyservice.audit.tallies import Bunch
from keyservice.kernel import clock
from keyservice.overview.event_words import shows
from keyservice.overview.odd import (
    ALWAYS,
    MANY_FAILED,
    MANY_REFUSED,
    Finding,
    closed_since,
    findings,
    night_of,
)

RIK, ANNA = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)  # a Tuesday, 12.00 in Amsterdam


def bunch(code: str = "aanvraag:save", count: int = 1, at: datetime = NOON, **more: Any) -> Bunch:
    values: dict[str, Any] = {"person": None, "refused": False, "first": at, "last": at}
    return Bunch(code=code, count=count, **values | more)


def look(
    *seen: Bunch, usual: dict[str, float] | None = None, harmless: frozenset[datetime] = frozenset()
) -> list[Finding]:
    return findings(seen, usual or {}, {RIK}, harmless)


def amsterdam(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a moment in November 2026: the 23rd is a Monday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=clock.AMSTERDAM).astimezone(UTC)


def test_an_ordinary_day_has_nothing_odd() -> None:
    assert look(bunch(person=RIK), bunch(person=ANNA, count=500), bunch("message:offer", 1000)) == []


@pytest.mark.parametrize("code", sorted(ALWAYS))
def test_what_is_always_worth_a_look_stands_there_once_with_its_number(code: str) -> None:
    later = NOON + timedelta(days=1)
    (finding,) = look(bunch(code, 2), bunch(code, 3, later))
    assert (finding.what, finding.tone) == ALWAYS[code]
    assert (finding.count, finding.first, finding.last, finding.code) == (5, NOON, later, code)


def test_a_ring_key_that_no_row_needed_may_be_destroyed() -> None:
    destroyed = bunch("ring:destroy")
    assert look(destroyed, harmless=frozenset({NOON})) == []
    assert [finding.tone for finding in look(destroyed)] == ["error"]


@pytest.mark.parametrize(
    ("count", "usual", "odd"),
    [
        (MANY_REFUSED - 1, 0, False),
        (MANY_REFUSED, 0, True),
        (MANY_REFUSED, MANY_REFUSED / 2, False),
        (MANY_REFUSED + 1, MANY_REFUSED / 2, True),
        (100, 60, False),
    ],
)
def test_refusals_stand_out_when_there_are_many_and_twice_as_many_as_usual(
    count: int, usual: float, *, odd: bool
) -> None:
    found = look(bunch("access:refuse", count, refused=True), usual={"access:refuse": usual, "wave:refuse": 1000})
    assert [(finding.code, finding.refused) for finding in found] == ([("access:refuse", True)] if odd else [])


def test_refusals_of_two_kinds_are_not_added_up() -> None:
    half = MANY_REFUSED - 1
    assert look(bunch("access:refuse", half, refused=True), bunch("wave:refuse", half, refused=True)) == []


@pytest.mark.parametrize(("count", "odd"), [(MANY_FAILED - 1, False), (MANY_FAILED, True)])
def test_many_failed_logins_on_one_day_stand_out(count: int, *, odd: bool) -> None:
    usual = {"account:refuse-login": 1000.0}
    hours = [bunch("account:refuse-login", 1, NOON - timedelta(hours=n), refused=True) for n in (0, 5)]
    found = look(*hours, bunch("account:refuse-login", count - 2, refused=True), usual=usual)
    assert bool(found) is odd
    yesterday = bunch("account:refuse-login", 2, NOON - timedelta(days=1), refused=True)
    assert look(yesterday, bunch("account:refuse-login", MANY_FAILED - 2, refused=True), usual=usual) == []


@pytest.mark.parametrize(
    ("moment", "since"),
    [
        (amsterdam(24, 6, 59), 23),  # Tuesday before the office opens
        (amsterdam(24, 7), None),
        (amsterdam(24, 18, 59), None),
        (amsterdam(24, 19), 24),
        (amsterdam(23, 6, 59), 20),  # Monday before it opens: closed since Friday
        (amsterdam(21, 12), 20),  # Saturday
        (amsterdam(22, 23, 59), 20),
    ],
)
def test_the_office_is_closed_in_the_evening_and_in_the_weekend(moment: datetime, since: int | None) -> None:
    found = closed_since(moment)
    assert (found.day if found else None) == since


def test_the_office_is_closed_on_a_holiday_and_hours_are_those_of_amsterdam_in_summer_too() -> None:
    christmas = datetime(2026, 12, 25, 10, 0, tzinfo=UTC)
    found = closed_since(christmas)
    assert found
    assert found.isoformat() == "2026-12-24"
    assert closed_since(datetime(2026, 7, 14, 5, 0, tzinfo=UTC)) is None, "7.00 in summer"
    assert closed_since(datetime(2026, 11, 24, 5, 59, tzinfo=UTC)) is not None, "6.59 in winter"


@pytest.mark.parametrize(
    ("moment", "evening"),
    [
        (amsterdam(24, 22, 59), None),
        (amsterdam(24, 23), 24),
        (amsterdam(25, 0), 24),
        (amsterdam(25, 5, 59), 24),
        (amsterdam(25, 6), None),
    ],
)
def test_a_night_runs_from_23_to_6(moment: datetime, evening: int | None) -> None:
    found = night_of(moment)
    assert (found.day if found else None) == evening


def test_one_weekend_of_one_person_is_one_finding_and_the_next_evening_another() -> None:
    weekend = [amsterdam(20, 20), amsterdam(21, 15), amsterdam(23, 6)]
    evening = amsterdam(23, 22)
    found = look(*(bunch(at=at, person=RIK, count=2) for at in (*weekend, evening)))
    assert [(finding.count, finding.first, finding.last, finding.person) for finding in found] == [
        (2, evening, evening, RIK),
        (6, weekend[0], weekend[-1], RIK),
    ]


def test_people_of_a_gemeente_may_work_in_the_evening_but_not_at_night_unseen() -> None:
    assert look(bunch(at=amsterdam(21, 22), person=ANNA)) == []
    (finding,) = look(bunch(at=amsterdam(21, 23), person=ANNA), bunch(at=amsterdam(22, 1), person=ANNA))
    assert finding.count == 2
    assert "'s nachts" in finding.what


def test_the_program_and_visitors_have_no_office_hours() -> None:
    assert look(bunch("message:offer", at=amsterdam(22, 3))) == []


def test_the_worst_comes_first_and_then_the_newest() -> None:
    old, new = NOON - timedelta(days=2), NOON
    found = look(bunch("wave:start", at=new), bunch("sleutel:damage", at=old), bunch("issuance:release", at=old))
    assert [finding.code for finding in found] == ["sleutel:damage", "wave:start", "issuance:release"]


def test_a_finding_leads_to_the_search_that_shows_it() -> None:
    (finding,) = look(bunch(at=amsterdam(21, 22), last=amsterdam(21, 22, 31), person=RIK))
    assert shows(finding) == {
        "persoon": str(RIK),
        "vanaf": "2026-11-21",
        "vanaf_tijd": "22:00",
        "tot": "2026-11-21",
        "tot_tijd": "22:31",
    }
    (refused,) = look(bunch("access:refuse", 50, refused=True))
    assert shows(refused) == {
        "handeling": "access:refuse",
        "resultaat": "refused",
        "vanaf": "2026-11-24",
        "vanaf_tijd": "12:00",
        "tot": "2026-11-24",
        "tot_tijd": "12:00",
    }


def test_every_code_that_is_looked_for_is_one_of_the_catalogue(app: Flask) -> None:
    assert ALWAYS.keys() <= catalogue().keys()
