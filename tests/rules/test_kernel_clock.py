"""Time: aware UTC inside, working days and wall-clock time of Amsterdam for people."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyservice.kernel import clock


def amsterdam(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=clock.AMSTERDAM)


def test_now_is_aware_and_in_utc() -> None:
    assert clock.now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(2026, 1, 1), "New Year"),
        (date(2026, 4, 3), "Good Friday, Algemene termijnenwet art. 3"),
        (date(2026, 4, 6), "Easter Monday"),
        (date(2026, 4, 27), "King's Day"),
        (date(2025, 4, 26), "King's Day a day early, and a Saturday"),
        (date(2026, 5, 5), "Liberation Day, every year for the Algemene termijnenwet"),
        (date(2026, 5, 14), "Ascension Day"),
        (date(2026, 5, 25), "Whit Monday"),
        (date(2026, 12, 25), "Christmas"),
        (date(2026, 11, 21), "a Saturday"),
        (date(2026, 11, 22), "a Sunday"),
    ],
)
def test_a_day_off_is_no_working_day(day: date, why: str) -> None:
    assert not clock.is_working_day(day), why


def test_new_years_eve_and_sinterklaas_are_working_days() -> None:
    assert clock.is_working_day(date(2026, 12, 31))
    assert clock.is_working_day(date(2025, 12, 5))


def test_a_term_over_the_turn_of_the_year_skips_new_year_and_the_weekend() -> None:
    assert clock.add_working_days(amsterdam("2026-12-31T15:00"), 1) == amsterdam("2027-01-04T15:00")


def test_a_term_over_easter_skips_four_days_off() -> None:
    assert clock.add_working_days(amsterdam("2026-04-02T09:30"), 1) == amsterdam("2026-04-07T09:30")


@pytest.mark.parametrize(
    ("before", "after", "hours"),
    [("2026-03-27T12:00", "2026-03-30T12:00", 71), ("2026-10-23T12:00", "2026-10-26T12:00", 73)],
)
def test_a_term_keeps_the_wall_clock_time_when_summer_time_begins_or_ends(before: str, after: str, hours: int) -> None:
    start, end = amsterdam(before), clock.add_working_days(amsterdam(before), 1)
    assert end == amsterdam(after)
    assert end - start.astimezone(UTC) == timedelta(hours=hours)


def test_a_term_of_no_days_is_the_moment_itself() -> None:
    moment = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
    assert clock.add_working_days(moment, 0) == moment


def test_the_day_of_a_moment_is_that_of_amsterdam() -> None:
    assert clock.local_date(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)) == date(2027, 1, 1)
    assert clock.local_date(datetime(2026, 6, 30, 22, 0, tzinfo=UTC)) == date(2026, 7, 1)


def test_the_end_of_a_day_follows_summer_time() -> None:
    assert clock.end_of_day(date(2026, 7, 1)) == datetime(2026, 7, 1, 21, 59, 59, tzinfo=UTC)
    assert clock.end_of_day(date(2026, 10, 25)) == datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC)
    assert clock.end_of_day(date(2026, 12, 31)) == datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC)


def test_the_nearest_working_day_of_christmas() -> None:
    assert clock.working_day_on_or_before(date(2026, 12, 27)) == date(2026, 12, 24)
    assert clock.working_day_on_or_after(date(2026, 12, 25)) == date(2026, 12, 28)
    assert clock.working_day_on_or_before(date(2026, 12, 24)) == date(2026, 12, 24)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2039, 12, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    st.integers(1, 30),
)
def test_a_term_ends_on_a_working_day_and_counts_each_one_once(moment: datetime, count: int) -> None:
    start, end = clock.local_date(moment), clock.local_date(clock.add_working_days(moment, count))
    between = [start + timedelta(days=n) for n in range(1, (end - start).days + 1)]
    assert clock.is_working_day(end)
    assert sum(clock.is_working_day(day) for day in between) == count
