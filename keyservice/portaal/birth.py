"""Birth dates: of many inburgeraars the day, the month or both are unknown. Stored as ISO 8601 with `00` for those."""

import re
from datetime import date

from keyservice.kernel.text import clean

# 3-11-1985 as people type it, 1985-11-03 as systems write it.
_TYPED = re.compile(r"(?P<day>\d{1,2})[-/. ](?P<month>\d{1,2})[-/. ](?P<year>\d{4})", re.ASCII)
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", re.ASCII)
_FIRST_YEAR = 1900


def parse(text: str) -> str:
    """Return a birth date as it is stored, such as `1985-11-03` or `1985-00-00`. Raises ValueError.

    An unknown day or month is 0, as on residence permits.
    """
    found = _TYPED.fullmatch(clean(text)) or _ISO.fullmatch(clean(text))
    if found is None:
        raise ValueError("no date")
    year, month, day = (int(found[part]) for part in ("year", "month", "day"))
    if year < _FIRST_YEAR or (day and not month):
        raise ValueError("no birth date")
    date(year, month or 1, day or 1)  # raises ValueError for what no calendar has
    return f"{year:04}-{month:02}-{day:02}"


def first_day(stored: str) -> date:
    """Return the earliest day that a stored birth date can be."""
    year, month, day = map(int, stored.split("-"))
    return date(year, month or 1, day or 1)


def may_be(stored: str) -> list[str]:
    """Return how the birth date of the same person may be stored: as it is, or with less of it known."""
    return list(dict.fromkeys((stored, f"{stored[:8]}00", f"{stored[:5]}00-00")))
