"""How long personal data are kept: the terms of the variable RETENTION. What each is for: `docs/retention.md`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from keyservice.kernel.clock import months_before

_FORM = re.compile(r"([a-z]+)=([1-9][0-9]{0,4})([dmy])")
_MONTHS: Mapping[str, int] = MappingProxyType({"m": 1, "y": 12})
# Any moment will do to compare periods: the longest month and a leap day lie before it.
_MOMENT = datetime(2024, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Period:
    """A number of days (`d`), months (`m`) or years (`y`)."""

    amount: int
    unit: str

    def before(self, moment: datetime) -> datetime:
        """Return the moment this long before; a day that does not exist becomes the last of its month."""
        if self.unit == "d":
            return moment - timedelta(days=self.amount)
        return months_before(moment, self.amount * _MONTHS[self.unit])

    def __str__(self) -> str:
        """Return it as it is set, such as `5y`."""
        return f"{self.amount}{self.unit}"


@dataclass(frozen=True)
class Retention:
    """The terms: of what ended, of a key, of network address and browser, of inburgeraars, of events (ADR 28)."""

    ended: Period = Period(1, "y")
    sleutel: Period = Period(5, "y")
    access: Period = Period(6, "m")
    inburgeraar: Period = Period(5, "y")
    audit: Period = Period(7, "y")

    @property
    def periods(self) -> dict[str, Period]:
        """Return every term by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


# Of `sleutel`: an approval is good for 730 days, and issuing again must find the contacts that were approved.
SHORTEST: Mapping[str, Period] = MappingProxyType(
    {
        "ended": Period(30, "d"),
        "sleutel": Period(730, "d"),
        "access": Period(30, "d"),
        "inburgeraar": Period(365, "d"),
        "audit": Period(730, "d"),
    }
)
LONGEST = Period(100, "y")


def retention(text: str, faults: list[str]) -> Retention:
    """Return the terms that a setting such as `ended=1y sleutel=5y` changes; what is wrong is added to `faults`."""
    known = Retention()
    given: dict[str, Period] = {}
    for part in text.split():
        found = _FORM.fullmatch(part)
        if not found or found[1] not in known.periods or found[1] in given:
            faults.append(f"RETENTION must be terms such as 'ended=1y access=6m', each once, not {part!r}.")
            continue
        period = Period(int(found[2]), found[3])
        if not _between(SHORTEST[found[1]], period, LONGEST):
            faults.append(f"RETENTION: {found[1]} must be {SHORTEST[found[1]]} at least and {LONGEST} at most.")
            continue
        given[found[1]] = period
    terms = Retention(**{**known.periods, **given})
    if not all(_between(period, terms.audit, LONGEST) for period in terms.periods.values()):
        faults.append("RETENTION: audit must be the longest term: nothing personal in an event stays longer.")
    return terms


def _between(low: Period, period: Period, high: Period) -> bool:
    if period.unit != "d" and period.amount * _MONTHS[period.unit] > high.amount * _MONTHS[high.unit]:
        return False
    return high.before(_MOMENT) <= period.before(_MOMENT) <= low.before(_MOMENT)
