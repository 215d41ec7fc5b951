"""The work of relatiebeheerders as a list: own portfolio first, then what stands longest, page by page by keyset.

Rows are plain Core rows, and a page asks no count and no offset: the last page costs what the first one costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, or_, select

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import OPEN, Status
from keyservice.database import db

PAGE = 50
# The trail began in this century; further away the calendar of the computer ends.
YEARS = range(2000, 2200)
Cells = Row[*tuple[Any, ...]]
_COLUMNS = (
    Aanvraag.id,
    Aanvraag.number,
    Aanvraag.gemeente,
    Aanvraag.gemeente_name,
    Aanvraag.leverancier,
    Aanvraag.pakket,
    Aanvraag.omgeving,
    Aanvraag.kind,
    Aanvraag.status,
    Aanvraag.status_since,
    Aanvraag.submitted_at,
    Aanvraag.claimed_by,
)


@dataclass(frozen=True)
class Filter:
    """What somebody wants to see; `search` looks for each word in number, gemeente, leverancier and pakket."""

    statuses: frozenset[Status] = OPEN
    omgeving: str | None = None
    gemeente: str | None = None
    search: str = ""


@dataclass(frozen=True)
class Cursor:
    """The last row of a page: whether it lay outside the own portfolio, since when it stands so, and its id."""

    foreign: bool
    since: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{int(self.foreign)}_{self.since.isoformat()}_{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Return the cursor that a link carries. Raises ValueError."""
        foreign, since, row_id = text.split("_")
        moment = datetime.fromisoformat(since)
        # Away from the ends of the calendar, where a moment cannot be told in another time zone.
        if moment.tzinfo is None or moment.year not in YEARS:
            raise ValueError(since)
        return cls(bool(int(foreign)), moment, UUID(row_id))


@dataclass(frozen=True)
class Page:
    """Some rows, and where the next page begins (None: this is the last one)."""

    rows: Sequence[Cells]
    next: Cursor | None


def page(portfolio: frozenset[str], wanted: Filter, after: Cursor | None = None, limit: int = PAGE) -> Page:
    """Return the rows after a cursor: those of the own portfolio first, in both parts the longest standing first."""
    rows: list[Cells] = []
    if portfolio and not (after and after.foreign):
        rows += _rows(wanted, Aanvraag.gemeente.in_(portfolio), after, limit + 1)
    if len(rows) <= limit:
        start = after if after and after.foreign else None
        rows += _rows(wanted, Aanvraag.gemeente.not_in(portfolio), start, limit + 1 - len(rows))
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return Page(
        rows[:limit], Cursor(last.gemeente not in portfolio, last.status_since, last.id) if last is not None else None
    )


def _rows(wanted: Filter, part: ColumnElement[bool], after: Cursor | None, limit: int) -> Sequence[Cells]:
    query = _filtered(wanted).where(part)
    if after:
        later = or_(Aanvraag.status_since > after.since, Aanvraag.id > after.id)
        query = query.where(Aanvraag.status_since >= after.since, later)
    return db.session.execute(query.order_by(Aanvraag.status_since, Aanvraag.id).limit(limit)).all()


def _filtered(wanted: Filter) -> Select[*tuple[Any, ...]]:
    query = select(*_COLUMNS).where(Aanvraag.status.in_(wanted.statuses - {Status.DRAFT}))
    if wanted.omgeving:
        query = query.where(Aanvraag.omgeving == wanted.omgeving)
    if wanted.gemeente:
        query = query.where(Aanvraag.gemeente == wanted.gemeente)
    for word in wanted.search.split():
        places = (Aanvraag.number, Aanvraag.gemeente_name, Aanvraag.leverancier, Aanvraag.pakket)
        query = query.where(or_(*(place.icontains(word, autoescape=True) for place in places)))
    return query
