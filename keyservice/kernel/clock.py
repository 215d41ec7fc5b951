"""The one place where time comes from: aware UTC inside, Europe/Amsterdam for people."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

import holidays

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
Day = TypeVar("Day", date, datetime)
SATURDAY = 5  # as `date.weekday` counts


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def local(moment: datetime) -> datetime:
    """Return an aware moment as wall-clock time in Amsterdam."""
    return moment.astimezone(AMSTERDAM)


def local_date(moment: datetime) -> date:
    """Return the calendar day in Amsterdam of an aware moment."""
    return local(moment).date()


def end_of_day(day: date) -> datetime:
    """Return 23:59:59 in Amsterdam of a day, in UTC."""
    return datetime.combine(day, time(23, 59, 59), AMSTERDAM).astimezone(UTC)


def at(day: date, wall: time = time()) -> datetime:
    """Return the moment at which clocks in Amsterdam show a time (default: midnight) on a day, in UTC."""
    return datetime.combine(day, wall, AMSTERDAM).astimezone(UTC)


@lru_cache(maxsize=32)
def _public_holidays(year: int) -> frozenset[date]:
    # Algemene termijnenwet art. 3: the general public holidays, Good Friday and Liberation Day included.
    return frozenset(holidays.country_holidays("NL", years=year, categories=("public", "optional")))


def is_working_day(day: date) -> bool:
    """Tell whether a day is neither weekend nor public holiday (Algemene termijnenwet art. 1 and 3)."""
    return day.weekday() < SATURDAY and day not in _public_holidays(day.year)


def working_day_on_or_before(day: date) -> date:
    """Return the last working day not after the given one."""
    while not is_working_day(day):
        day -= timedelta(days=1)
    return day


def working_day_on_or_after(day: date) -> date:
    """Return the first working day not before the given one."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def add_working_days(moment: datetime, count: int) -> datetime:
    """Return the same Amsterdam wall-clock time `count` working days later, in UTC."""
    day = local_date(moment)
    for _ in range(count):
        day = working_day_on_or_after(day + timedelta(days=1))
    return datetime.combine(day, local(moment).time(), AMSTERDAM).astimezone(UTC)


def reminders_passed(since: datetime, days: Iterable[int]) -> int:
    """Return how many moments have come that are each so many working days after `since`."""
    moment = now()
    return sum(add_working_days(since, count) <= moment for count in days)


def months_before(day: Day, count: int) -> Day:
    """Return the same day `count` months earlier; a day that does not exist becomes the last of its month."""
    year, month = divmod(day.year * 12 + day.month - 1 - count, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))


def working_days_between(start: datetime, end: datetime) -> int:
    """Return how many working days in Amsterdam came after the day of `start`, up to and with the day of `end`."""
    return _working_days(local_date(start), local_date(end))


@lru_cache(maxsize=4096)  # a list asks it for each row, mostly about the same days
def _working_days(first: date, last: date) -> int:
    return sum(is_working_day(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))
