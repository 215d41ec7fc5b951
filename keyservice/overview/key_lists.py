"""Keys of all gemeenten that somebody at DUO should look at: what expires, what is not used, what is stuck."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from keyservice.aanvragen.models import Aanvraag
from keyservice.issuance.models import Issuance
from keyservice.kernel import clock
from keyservice.outbox.models import Letter
from keyservice.overview import keyset
from keyservice.overview.key_facts import NEVER_USED, UNUSED
from keyservice.overview.keyset import PAGE, Cursor, Order, Page
from keyservice.sleutels.life import WARN_DAYS, State
from keyservice.sleutels.models import Sleutel, SleutelUse


class Which(StrEnum):
    """The lists."""

    EXPIRING = "verlopen"
    UNUSED = "ongebruikt"
    STUCK = "vast"


NAMES: Mapping[Which, str] = MappingProxyType(
    {
        Which.EXPIRING: "Verloopt binnen 90 dagen",
        Which.UNUSED: "Niet gebruikt",
        Which.STUCK: "Werkt niet of nog niet",
    }
)
DEFAULT = Which.EXPIRING
_LAST_USE = (
    select(func.max(SleutelUse.last_at))
    .where(SleutelUse.sleutel_id == Sleutel.id, SleutelUse.state == State.ACTIVE)
    .correlate(Sleutel)
    .scalar_subquery()
)
_WORKS = and_(Sleutel.activated_at.is_not(None), Sleutel.suspended_at.is_(None), Sleutel.revoked_at.is_(None))


@dataclass(frozen=True)
class Wanted:
    """Which list, and of which gemeente (code; None: all)."""

    which: Which
    gemeente: str | None = None


def page(portfolio: frozenset[str], wanted: Wanted, after: Cursor | None = None, limit: int = PAGE) -> Page:
    """Return rows of a list, what is most urgent first: those of the own portfolio, then the others."""
    query, since = _list(wanted.which, clock.now())
    if wanted.gemeente:
        query = query.where(Sleutel.gemeente == wanted.gemeente)
    order = Order(Sleutel.gemeente, since, Sleutel.id)  # type: ignore[arg-type]  # columns of a model
    return keyset.page(query, order, portfolio, after, limit)


def _list(which: Which, now: datetime) -> tuple[Select[*tuple[Any, ...]], ColumnElement[datetime]]:
    """Return the query of a list, and the moment by which it is ordered."""
    if which is Which.EXPIRING:
        since: ColumnElement[Any] = Sleutel.expires_at.expression
        where = and_(
            Sleutel.activated_at.is_not(None),
            Sleutel.revoked_at.is_(None),
            Sleutel.expires_at > now,
            Sleutel.expires_at <= now + timedelta(days=WARN_DAYS[0]),
        )
    elif which is Which.UNUSED:
        since = func.coalesce(_LAST_USE, Sleutel.activated_at, type_=Sleutel.activated_at.type)
        never = and_(_LAST_USE.is_(None), Sleutel.activated_at <= now - NEVER_USED)
        where = and_(_WORKS, Sleutel.expires_at > now, or_(never, now - UNUSED >= _LAST_USE))
    else:
        since = func.coalesce(Sleutel.suspended_at, Sleutel.not_before, type_=Sleutel.not_before.type)
        where = and_(
            or_(Sleutel.activated_at.is_(None), Sleutel.suspended_at.is_not(None)),
            Sleutel.revoked_at.is_(None),
            Sleutel.expires_at > now,
        )
    return _rows(since).where(where), since


def _rows(since: ColumnElement[datetime]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Sleutel.id, Sleutel.number, Sleutel.gemeente, Sleutel.omgeving, Sleutel.not_before, Sleutel.expires_at,
            Sleutel.activated_at, Sleutel.suspended_at, Sleutel.revoked_at, Sleutel.suspended_by,
            Sleutel.resume_asked_by, Sleutel.resume_asked_at, since.label("since"),
            _LAST_USE.label("last_use"), Aanvraag.id.label("aanvraag_id"), Aanvraag.gemeente_name, Aanvraag.pakket,
            Aanvraag.leverancier, Issuance.deadline, Issuance.ended_at, Issuance.received_at, Issuance.released_at,
            Issuance.password_sent_at, Letter.status.label("letter"),
        )
        .join(Issuance, Issuance.sleutel_id == Sleutel.id)
        .join(Aanvraag, Aanvraag.id == Issuance.aanvraag_id)
        .outerjoin(Letter, Letter.subject == Issuance.id)
    )  # fmt: skip
