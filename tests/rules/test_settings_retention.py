"""The terms of personal data: the defaults, what an operator may set, and what is refused at the start."""

from datetime import UTC, datetime

import pytest

from keyservice.settings import Settings
from keyservice.settings_retention import Period, Retention
from tests.rules.test_settings import GOOD, faults


def terms(text: str) -> dict[str, str]:
    retention = Settings.from_environ({**GOOD, "KEYSERVICE_RETENTION": text}).retention
    return {name: str(period) for name, period in retention.periods.items()}


def test_the_defaults_are_those_of_the_documentation() -> None:
    assert terms("") == {"ended": "1y", "sleutel": "5y", "access": "6m", "inburgeraar": "5y", "audit": "7y"}
    assert Settings.from_environ(GOOD).retention == Retention()


def test_a_term_that_is_set_replaces_only_itself() -> None:
    found = terms("access=90d  sleutel=60m")
    assert found == {"ended": "1y", "sleutel": "60m", "access": "90d", "inburgeraar": "5y", "audit": "7y"}


@pytest.mark.parametrize(
    "text",
    [
        *("ended", "ended=", "ended=1", "ended=1w", "ended=0d", "ended=-1y", "ended = 1y", "ended=1y,access=6m"),
        *("Ended=1y", "logs=1y", "ended=1y ended=2y", "ended=1.5y", "ended=999999y", "ended=\u0661y"),
        *("ended=29d", "access=29d", "sleutel=729d", "sleutel=23m", "audit=1y", "ended=101y", "audit=99999m"),
        *("audit=4y", "sleutel=8y", "access=8y", "ended=85m"),
    ],
)
def test_a_term_that_is_no_term_too_short_too_long_or_longer_than_audit_stops_the_program(text: str) -> None:
    assert "KEYSERVICE_RETENTION" in faults(KEYSERVICE_RETENTION=text)


def test_all_faults_are_told_at_once() -> None:
    assert len(faults(KEYSERVICE_RETENTION="ended=1d access=1d").splitlines()) == 2


@pytest.mark.parametrize(
    ("period", "moment", "earlier"),
    [
        (Period(30, "d"), "2027-03-01", "2027-01-30"),
        (Period(6, "m"), "2027-08-31", "2027-02-28"),
        (Period(6, "m"), "2027-03-15", "2026-09-15"),
        (Period(12, "m"), "2027-01-31", "2026-01-31"),
        (Period(1, "y"), "2028-02-29", "2027-02-28"),
        (Period(7, "y"), "2034-12-31", "2027-12-31"),
    ],
)
def test_months_and_years_are_those_of_the_calendar(period: Period, moment: str, earlier: str) -> None:
    assert period.before(datetime.fromisoformat(moment).replace(tzinfo=UTC)).date().isoformat() == earlier
