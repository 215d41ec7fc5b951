"""What stands out among the events of some days, for an auditor to look at. Pure: takes events, returns findings.

None of it is a proof of wrong: each finding leads to the search that shows its events.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import TypeVar
from uuid import UUID

from keyservice.accounts.events import FACTOR_REFUSED, LOGIN_REFUSED, STEP_UP_REFUSED
from keyservice.audit.events import RESTORE_ACCEPTED
from keyservice.audit.tallies import Bunch
from keyservice.issuance.events import (
    DISOWNED,
    LEAKED,
    LETTER_FAILED,
    LETTER_RETURNED,
    RELEASED,
    RING_KEY_DESTROYED,
    WAVE_STARTED,
)
from keyservice.kernel import clock
from keyservice.sleutels.events import DAMAGED, TRIED, USED_ELSEWHERE

# An office of DUO is open on working days from 7 to 19; people of a gemeente rest from 23 to 6.
OPENS, CLOSES = 7, 19
NIGHT_BEGINS, NIGHT_ENDS = 23, 6
# Refusals of a kind stand out from this many, when they are more than this many times those of an ordinary week.
MANY_REFUSED, TIMES_USUAL = 10, 2
# Failed logins of a kind on one day.
MANY_FAILED = 25
# Each of these is worth a look, however many there are.
ALWAYS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        DAMAGED.code: ("De gegevens van een sleutel kloppen niet", "error"),
        # By its code: the slice that looks for it stands above this one.
        "audit:mismatch": ("Opgeslagen gegevens volgen niet uit het logboek. Wat zij gaven, werkt niet meer", "error"),
        RESTORE_ACCEPTED.code: ("Twee mensen besloten verder te gaan met een oudere database", "error"),
        DISOWNED.code: ("Een contactpersoon zei: 'Dit was ik niet'. De sleutel is ingetrokken", "error"),
        LEAKED.code: ("Iemand vond een sleutel en meldde dat. De sleutel is ingetrokken", "error"),
        RING_KEY_DESTROYED.code: ("Er is verzegelde inhoud vernietigd die nog nodig was", "error"),
        RELEASED.code: ("Een wachtwoord is met de hand vrijgegeven", "warning"),
        LETTER_FAILED.code: ("Een brief met een wachtwoord is mislukt. De sleutel is ingetrokken", "warning"),
        LETTER_RETURNED.code: ("Een brief met een wachtwoord kwam terug. De sleutel is ingetrokken", "warning"),
        USED_ELSEWHERE.code: ("Een sleutel is gebruikt vanaf een ander netwerk dan eerst", "warning"),
        TRIED.code: ("Iemand gebruikte een sleutel die niet werkt", "warning"),
        WAVE_STARTED.code: ("Een vernieuwingsronde is gestart", "warning"),
    }
)
Key = TypeVar("Key")
_LOGINS = frozenset({LOGIN_REFUSED.code, FACTOR_REFUSED.code, STEP_UP_REFUSED.code})


@dataclass(frozen=True)
class Finding:
    """What stands out, how often, and from when to when; `code`, `person` and `refused` lead to the events."""

    what: str
    tone: str
    count: int
    first: datetime
    last: datetime
    code: str | None = None
    person: UUID | None = None
    refused: bool = False


def findings(
    seen: Iterable[Bunch], usual: Mapping[str, float], duo: Collection[UUID], harmless: Collection[datetime] = ()
) -> list[Finding]:
    """Return what stands out, the worst first, and of the same tone the newest first.

    `usual` says how many refusals of each code an ordinary week has, `duo` who works at DUO; the others with an
    account work at a gemeente. `harmless` are the moments at which a ring key was destroyed that no row needed.
    """
    seen = [bunch for bunch in seen if bunch.code != RING_KEY_DESTROYED.code or bunch.first not in harmless]
    found = [*_always(seen), *_refused(seen, usual), *_failed_logins(seen), *_odd_hours(seen, duo)]
    return sorted(found, key=lambda finding: (finding.tone != "error", -finding.last.timestamp()))


def _always(seen: Iterable[Bunch]) -> Iterator[Finding]:
    for code, bunches in _grouped((bunch.code, bunch) for bunch in seen if bunch.code in ALWAYS).items():
        yield _finding(*ALWAYS[code], bunches, code=code)


def _refused(seen: Iterable[Bunch], usual: Mapping[str, float]) -> Iterator[Finding]:
    for code, bunches in _grouped((bunch.code, bunch) for bunch in seen if bunch.refused).items():
        finding = _finding("Er is vaker geweigerd dan anders", "warning", bunches, code=code, refused=True)
        if finding.count >= MANY_REFUSED and finding.count > TIMES_USUAL * usual.get(code, 0):
            yield finding


def _failed_logins(seen: Iterable[Bunch]) -> Iterator[Finding]:
    failed = (bunch for bunch in seen if bunch.refused and bunch.code in _LOGINS)
    by_day = _grouped(((bunch.code, clock.local_date(bunch.first)), bunch) for bunch in failed)
    for (code, _day), bunches in by_day.items():
        finding = _finding("Inloggen mislukte op 1 dag erg vaak", "warning", bunches, code=code, refused=True)
        if finding.count >= MANY_FAILED:
            yield finding


def _odd_hours(seen: Iterable[Bunch], duo: Collection[UUID]) -> Iterator[Finding]:
    stretches: list[tuple[tuple[UUID, date], Bunch]] = []
    for bunch in seen:
        if bunch.person is None:
            continue
        since = closed_since(bunch.first) if bunch.person in duo else night_of(bunch.first)
        if since:
            stretches.append(((bunch.person, since), bunch))
    for (person, _since), bunches in _grouped(stretches).items():
        what = (
            "Iemand van DUO werkte buiten kantoortijd" if person in duo else "Iemand van een gemeente werkte 's nachts"
        )
        yield _finding(what, "warning", bunches, person=person)


def closed_since(moment: datetime) -> date | None:
    """Return the working day after which the office has been closed since, or None when it is open at that moment."""
    day, hour = clock.local_date(moment), clock.local(moment).hour
    if clock.is_working_day(day) and hour >= OPENS:
        return None if hour < CLOSES else day
    return clock.working_day_on_or_before(day - timedelta(days=1))


def night_of(moment: datetime) -> date | None:
    """Return the day in whose evening the night of a moment began, or None by day."""
    day, hour = clock.local_date(moment), clock.local(moment).hour
    if hour >= NIGHT_BEGINS:
        return day
    return day - timedelta(days=1) if hour < NIGHT_ENDS else None


def _grouped(pairs: Iterable[tuple[Key, Bunch]]) -> dict[Key, list[Bunch]]:
    groups: dict[Key, list[Bunch]] = {}
    for key, bunch in pairs:
        groups.setdefault(key, []).append(bunch)
    return groups


def _finding(
    what: str,
    tone: str,
    bunches: list[Bunch],
    *,
    code: str | None = None,
    person: UUID | None = None,
    refused: bool = False,
) -> Finding:
    first, last = min(bunch.first for bunch in bunches), max(bunch.last for bunch in bunches)
    count = sum(bunch.count for bunch in bunches)
    return Finding(what, tone, count, first, last, code=code, person=person, refused=refused)
