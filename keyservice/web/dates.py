"""Dates, times and numbers as Dutch pages write them."""

from datetime import date, datetime

from flask import Flask
from flask_babel import format_date

from keyservice.kernel import clock


def datum(value: date | datetime | None) -> str:
    """Return a day as `23 november 2026` (a moment: its day in Amsterdam)."""
    if value is None:
        return ""
    day = clock.local_date(value) if isinstance(value, datetime) else value
    return str(format_date(day, "d MMMM yyyy", rebase=False))


def datumtijd(value: datetime | None) -> str:
    """Return a moment as `23 november 2026 om 14.05 uur`, in Amsterdam."""
    return "" if value is None else f"{datum(value)} om {tijd(value)}"


def tijd(value: datetime) -> str:
    """Return the time of a moment as `14.05 uur`, in Amsterdam."""
    return f"{clock.local(value):%H.%M} uur"


def getal(value: int) -> str:
    """Return a whole number as `1.234.567`."""
    return f"{value:,}".replace(",", ".")


def register(app: Flask) -> None:
    """Make these available as filters in templates."""
    for words in (datum, datumtijd, tijd, getal):
        app.add_template_filter(words)
