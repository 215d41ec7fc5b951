"""The work of relatiebeheerders as a list: own portfolio first, then what stands longest, page by page by keyset."""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, TextClause, case, or_, select, text

from keyservice.aanvragen.models import IS_OPEN, Aanvraag
from keyservice.aanvragen.workflow import OPEN, Status
from keyservice.overview import keyset
from keyservice.overview.keyset import PAGE, Cursor, Order, Page

_NUMBER = re.compile(r"AA-[0-9]{4}-[0-9]{5,}", re.IGNORECASE)
_NO_DRAFTS = frozenset(Status) - {Status.DRAFT}
_ORDER = Order(Aanvraag.gemeente, Aanvraag.status_since, Aanvraag.id)  # type: ignore[arg-type]  # columns of a model
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
    Aanvraag.status_since.label("since"),
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


def page(portfolio: frozenset[str], wanted: Filter, after: Cursor | None = None, limit: int = PAGE) -> Page:
    """Return the rows after a cursor: those of the own portfolio first, in both parts the longest standing first."""
    return keyset.page(_filtered(wanted), _ORDER, portfolio, after, limit)


def _stands(statuses: frozenset[Status]) -> list[ColumnElement[bool] | TextClause]:
    """Return the condition on the status, so written that an index in the order of the list serves it."""
    if statuses == _NO_DRAFTS:
        return [Aanvraag.status != Status.DRAFT]
    if statuses == OPEN:
        return [text(IS_OPEN)]
    if not statuses <= OPEN or len(statuses) == 1:
        return [Aanvraag.status.in_(statuses)]
    return [text(IS_OPEN), case((Aanvraag.status.in_(statuses), 1), else_=0) == 1]


def _filtered(wanted: Filter) -> Select[*tuple[Any, ...]]:
    query = select(*_COLUMNS).where(*_stands(wanted.statuses - {Status.DRAFT}))
    if wanted.omgeving:
        query = query.where(Aanvraag.omgeving == wanted.omgeving)
    if wanted.gemeente:
        query = query.where(Aanvraag.gemeente == wanted.gemeente)
    for word in wanted.search.split():
        if _NUMBER.fullmatch(word):  # by its index
            query = query.where(Aanvraag.number == word.upper())
            continue
        places = (Aanvraag.number, Aanvraag.gemeente_name, Aanvraag.leverancier, Aanvraag.pakket)
        query = query.where(or_(*(place.icontains(word, autoescape=True) for place in places)))
    return query
