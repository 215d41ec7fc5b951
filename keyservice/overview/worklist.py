"""The work of relatiebeheerders as a list: own portfolio first, then what stands longest, page by page by keyset."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, or_, select

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import OPEN, Status
from keyservice.overview import keyset
from keyservice.overview.keyset import PAGE, Cursor, Order, Page

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
