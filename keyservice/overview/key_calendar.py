"""When keys expire, per month or week, and how long it takes from form to working key."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import quantiles
from typing import Any

from flask_babel import format_date
from sqlalchemy import ColumnElement, Select, func, literal, select, union_all

from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.database import db
from keyservice.issuance.models import Issuance
from keyservice.kernel import clock
from keyservice.sleutels.models import Sleutel

MONTHS, WEEKS = 13, 26
LOOK_BACK = timedelta(days=365)
_DAY = timedelta(days=1)
_MONTHS_A_YEAR = 12
_ALL, _OWN = "all", "own"


class Per(StrEnum):
    """The length of a span of the calendar."""

    MONTH = "maand"
    WEEK = "week"


@dataclass(frozen=True)
class Span:
    """From the first day through the last, and how many keys expire in it: of all gemeenten and of the own ones."""

    label: str
    first: date
    last: date
    all: int
    own: int


@dataclass(frozen=True)
class LeadTime:
    """How many days a step took: the middle one, between which the middle half and 8 of 10 lie, and of how many."""

    step: str
    count: int
    median: float
    half: tuple[float, float]
    most: tuple[float, float]

    @property
    def figures(self) -> tuple[float, ...]:
        """Return the figures in the order of a table."""
        return self.median, *self.half, *self.most


def expiries(per: Per, portfolio: frozenset[str]) -> list[Span]:
    """Return how many keys expire in each month or week to come, the present one included; revoked ones do not."""
    spans = _months() if per is Per.MONTH else _weeks()
    parts: dict[str, list[ColumnElement[bool]]] = {_ALL: [], _OWN: [Sleutel.gemeente.in_(portfolio)]}
    asked = [
        _count(place, name, *where, Sleutel.expires_at >= clock.at(first), Sleutel.expires_at < clock.at(last + _DAY))
        for place, (_, first, last) in enumerate(spans)
        for name, where in parts.items()
    ]
    found = {(row.place, row.part): row.number for row in db.session.execute(union_all(*asked))}
    return [Span(*span, found[place, _ALL], found[place, _OWN]) for place, span in enumerate(spans)]


def _count(place: int, part: str, *where: ColumnElement[bool]) -> Select[int, str, int]:
    lives = (Sleutel.activated_at.is_not(None), Sleutel.revoked_at.is_(None), Sleutel.expires_at > clock.now())
    columns = literal(place).label("place"), literal(part).label("part"), func.count().label("number")
    return select(*columns).select_from(Sleutel).where(*lives, *where)


def _months() -> list[tuple[str, date, date]]:
    today = clock.local_date(clock.now())
    firsts = []
    for ahead in range(MONTHS + 1):
        years, month = divmod(today.month - 1 + ahead, _MONTHS_A_YEAR)
        firsts.append(date(today.year + years, month + 1, 1))
    return [
        (str(format_date(first, "MMMM yyyy", rebase=False)), first, following - _DAY)
        for first, following in pairwise(firsts)
    ]


def _weeks() -> list[tuple[str, date, date]]:
    today = clock.local_date(clock.now())
    monday = today - timedelta(days=today.weekday())
    firsts = [monday + timedelta(weeks=ahead) for ahead in range(WEEKS)]
    return [
        (f"week {first.isocalendar().week}, {first.isocalendar().year}", first, first + 6 * _DAY) for first in firsts
    ]


def lead_times() -> list[LeadTime]:
    """Return how long the steps took that were done in the last year; a step that nobody did is not there.

    Only the first issue of an aanvraag counts: later keys follow the approval at any time.
    """
    first = Issuance.number == 1
    approved = select(Aanvraag.submitted_at, Approval.approved_at).join(Approval, Approval.aanvraag_id == Aanvraag.id)
    issued = select(Approval.approved_at, Issuance.issued_at).join(Issuance, Issuance.approval_id == Approval.id)
    woken = select(Issuance.issued_at, Sleutel.activated_at).join(Sleutel, Sleutel.id == Issuance.sleutel_id)
    whole = (
        select(Aanvraag.submitted_at, Sleutel.activated_at)
        .join(Issuance, Issuance.aanvraag_id == Aanvraag.id)
        .join(Sleutel, Sleutel.id == Issuance.sleutel_id)
    )
    since = clock.now() - LOOK_BACK
    steps = (
        ("Van indienen tot goedkeuren", approved.where(Approval.approved_at >= since, Approval.retracted_at.is_(None))),
        ("Van goedkeuren tot uitgeven", issued.where(Issuance.issued_at >= since, first)),
        ("Van uitgeven tot activeren", woken.where(Sleutel.activated_at >= since, first)),
        ("Van indienen tot activeren", whole.where(Sleutel.activated_at >= since, first)),
    )
    found = ((step, _days(query)) for step, query in steps)
    return [lead_time(step, days) for step, days in found if days]


def _days(query: Select[*tuple[Any, ...]]) -> list[float]:
    """Return how many days lie between the two moments of each row that has both."""
    return [(end - start) / _DAY for start, end in db.session.execute(query) if start and end]


def lead_time(step: str, days: list[float]) -> LeadTime:
    """Return the middle and the spread of some numbers of days; at least one."""
    if len(days) == 1:
        return LeadTime(step, 1, days[0], (days[0], days[0]), (days[0], days[0]))
    twentieths = quantiles(days, n=20, method="inclusive")
    return LeadTime(
        step,
        len(days),
        median=twentieths[9],
        half=(twentieths[4], twentieths[14]),
        most=(twentieths[1], twentieths[17]),
    )
