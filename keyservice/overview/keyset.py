"""Pages by keyset: the own portfolio first, then by moment and id; the last page costs what the first one costs.

Rows are plain Core rows, and a page asks no count and no offset.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, case, or_

from keyservice.database import db

PAGE = 50
# The trail began in this century; further away the calendar of the computer ends.
YEARS = range(2000, 2200)
Cells = Row[*tuple[Any, ...]]


@dataclass(frozen=True)
class Cursor:
    """The last row of a page: whether it lay outside the own portfolio, its moment, and its id."""

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


@dataclass(frozen=True)
class Order:
    """By which columns a query is paged; its rows have `gemeente`, `since` and `id`."""

    gemeente: ColumnElement[str]
    since: ColumnElement[datetime]
    id: ColumnElement[UUID]


def page(
    query: Select[*tuple[Any, ...]], order: Order, portfolio: frozenset[str], after: Cursor | None, limit: int
) -> Page:
    """Return the rows after a cursor: those of the own portfolio first, in both parts the earliest first."""
    rows: list[Cells] = []
    # As a CASE no database takes an index on it: that would collect and sort all rows of these gemeenten.
    own = case((order.gemeente.in_(portfolio), 1), else_=0) == 1
    if portfolio and not (after and after.foreign):
        rows += _rows(query.where(own), order, after, limit + 1)
    if len(rows) <= limit:
        start = after if after and after.foreign else None
        rows += _rows(query.where(~own), order, start, limit + 1 - len(rows))
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(rows[:limit], Cursor(last.gemeente not in portfolio, last.since, last.id) if last is not None else None)


def _rows(query: Select[*tuple[Any, ...]], order: Order, after: Cursor | None, limit: int) -> Sequence[Cells]:
    if after:
        query = query.where(order.since >= after.since, or_(order.since > after.since, order.id > after.id))
    return db.session.execute(query.order_by(order.since, order.id).limit(limit)).all()


def each_row(read: Callable[[Cursor | None], Page]) -> Iterator[Cells]:
    """Yield the rows of all pages, for a file; no transaction waits for a slow reader."""
    after: Cursor | None = None
    while True:
        part = read(after)
        db.session.rollback()
        yield from part.rows
        if part.next is None:
            return
        after = part.next
