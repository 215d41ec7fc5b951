"""What the pages of the auditor read: how the trail stands, what stands out, figures per day, and a search."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import select

from keyservice.accounts.models import Account, Audience
from keyservice.accounts.queries import names
from keyservice.audit import queries as trail
from keyservice.audit import tallies
from keyservice.audit.queries import EventView, Wanted
from keyservice.database import db
from keyservice.gemeenten.queries import names as gemeente_names
from keyservice.issuance.events import RING_KEY_DESTROYED
from keyservice.kernel import clock
from keyservice.kernel.errors import NotFound
from keyservice.overview import queries
from keyservice.overview.event_words import people_in
from keyservice.overview.integrity import read_integrity
from keyservice.overview.odd import Finding, findings

PAGE = 50
PERIODS = (7, 30, 90)
# More findings than this nobody reads on a front page.
MOST_ODD = 25
LOOK_BACK = timedelta(days=7)
USUAL_WEEKS = 4


@dataclass(frozen=True)
class Day:
    """How many acts and refusals a day in Amsterdam had."""

    day: date
    acts: int
    refused: int


@dataclass(frozen=True)
class Found:
    """Some events, with all that their words need; `next` is the row after which older ones follow, if any do."""

    events: Sequence[EventView]
    next: int | None
    names: Mapping[UUID, str]
    numbers: Mapping[UUID, str]
    gemeenten: Mapping[str, str]


def front(period: str | None) -> dict[str, Any]:
    """Return what the front page shows. Raises NotFound for a number of days that is not offered."""
    days = period or "30"
    if days not in map(str, PERIODS):
        raise NotFound("page")
    odd = odd_lately()
    return {
        "integrity": read_integrity(),
        "odd": odd,
        "most_odd": MOST_ODD,
        "odd_names": names(finding.person for finding in odd),
        "days": per_day(int(days)),
        "periods": PERIODS,
        "found": found(Wanted(since=clock.now() - LOOK_BACK), limit=queries.FEW),
    }


def per_day(count: int) -> list[Day]:
    """Return acts and refusals of the last days, today included, the oldest first."""
    today = clock.local_date(clock.now())
    days = [today - timedelta(days=back) for back in reversed(range(count))]
    totals = tallies.counts([(clock.at(day), clock.at(day + timedelta(days=1))) for day in days])
    return [Day(day, total - refused, refused) for day, (total, refused) in zip(days, totals, strict=True)]


def odd_lately() -> list[Finding]:
    """Return what stands out among the events of the last days."""
    since = clock.now() - LOOK_BACK
    before = tallies.refusals(since - USUAL_WEEKS * LOOK_BACK, since)
    destroyed = trail.search(code=RING_KEY_DESTROYED.code, since=since)
    return findings(
        tallies.bunches(since),
        {code: count / USUAL_WEEKS for code, count in before.items()},
        frozenset(db.session.scalars(select(Account.id).where(Account.audience == Audience.DUO))),
        harmless=frozenset(event.at for event in destroyed if not event.fields["values"]),
    )


def found(wanted: Wanted, before_row: int | None = None, limit: int = PAGE, through_row: int | None = None) -> Found:
    """Search, and return a page of events."""
    events = trail.find(wanted, before_row, limit + 1, through_row)
    return with_words(events[:limit], events[limit - 1].row if len(events) > limit else None)


def with_words(events: Sequence[EventView], next_row: int | None = None) -> Found:
    """Return events with the names of what they are about."""
    return Found(
        events,
        next_row,
        names=names(people_in(events)),
        numbers=queries.numbers(event.dossier for event in events),
        gemeenten=gemeente_names(event.gemeente for event in events if event.gemeente),
    )


def by_day(events: Iterable[EventView]) -> list[tuple[date, list[EventView]]]:
    """Return events in their order, day by day in Amsterdam."""
    return [(day, list(group)) for day, group in groupby(events, lambda event: clock.local_date(event.at))]


def of_dossier(dossier: UUID) -> Found:
    """Return everything that ever happened to a dossier, the oldest first. Raises NotFound."""
    events = trail.of_dossier(dossier)
    if not events:
        raise NotFound("aanvraag")
    return with_words(events)
