"""How a gemeente stands: who signed, who did not, of whom nothing is registered, and whose term ends."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import aliased

from keyservice.database import db
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.portaal import queries
from keyservice.portaal.models import Inburgeraar, Kind, Registration
from keyservice.portaal.processing import Activity, processing
from keyservice.portaal.rules import Wet

SOON = timedelta(days=60)
MONTHS = 12
_MONTHS_A_YEAR = 12


class Standing(StrEnum):
    """What counts for somebody."""

    SIGNED = "signed"
    REFUSED = "refused"
    OPEN = "open"


@dataclass(frozen=True)
class Count:
    """So many people of one law stand so, and their term ends on one day."""

    wet: Wet
    standing: Standing
    duty_until: date
    people: int


@dataclass(frozen=True)
class Month:
    """How many terms end in a month of people who did not sign; `first` is its first day."""

    first: date
    open: int
    refused: int


@dataclass(frozen=True)
class Summary:
    """How many people of one law stand how; of those who did not sign, whose term is over or ends soon."""

    wet: Wet
    signed: int
    refused: int
    open: int
    over: int
    soon: int

    @property
    def all(self) -> int:
        """Return how many people there are."""
        return self.signed + self.refused + self.open


@dataclass(frozen=True)
class Waiting:
    """Somebody who did not sign."""

    id: UUID
    name: str
    birth_date: str
    wet: Wet
    duty_until: date
    standing: Standing


def counts(actor: Actor) -> list[Count]:
    """Return how the people stand that an actor may see. Tells nobody's name, so it is no look at a person.

    Raises Refused.
    """
    queries.require_role(actor)
    standing = _standing()
    asked = _current(actor, Inburgeraar.wet, standing.label("standing"), Inburgeraar.duty_until, func.count())
    rows = db.session.execute(asked.group_by(Inburgeraar.wet, standing, Inburgeraar.duty_until))
    return [Count(wet, Standing(found), day, people) for wet, found, day, people in rows]


def waiting(actor: Actor, until: date | None = None, limit: int | None = None) -> list[Waiting]:
    """Return who did not sign, the earliest end of a term first; up to a last day and a number, if these are given.

    Each of them is a look at somebody's data, and logged. Raises Refused.
    """
    with processing(actor, Activity.LIST) as look:
        queries.require_role(actor)
        standing = _standing()
        query = _current(actor, Inburgeraar, standing).where(standing != Standing.SIGNED.value)
        if until:
            query = query.where(Inburgeraar.duty_until <= until)
        found = db.session.execute(query.order_by(Inburgeraar.duty_until, Inburgeraar.id).limit(limit)).all()
        for person, _standing_of in found:
            look.at(person)
        return [
            Waiting(who.id, who.name, who.birth_date, who.wet, who.duty_until, Standing(stands))
            for who, stands in found
        ]


def _standing() -> ColumnElement[str]:
    return case(
        (Registration.ondertekend.is_(True), Standing.SIGNED.value),
        (Registration.ondertekend.is_(False), Standing.REFUSED.value),
        else_=Standing.OPEN.value,  # nothing registered, or withdrawn
    )


def _current(actor: Actor, *columns: Any) -> Select[*tuple[Any, ...]]:
    """Return a query of columns of each person an actor may see, and of the version that counts for him."""
    newer = aliased(Registration)
    counts_for = and_(
        Registration.inburgeraar_id == Inburgeraar.id,
        Registration.kind != Kind.WITHDRAW,
        ~select(newer.id).where(newer.inburgeraar_id == Inburgeraar.id, newer.number > Registration.number).exists(),
    )
    people = select(*columns).select_from(Inburgeraar).where(queries.may_see(actor))
    return people.outerjoin(Registration, counts_for)


def summaries(found: Iterable[Count], today: date) -> list[Summary]:
    """Return what the counts say of each law, in the order of the laws."""
    people: dict[Wet, Counter[str]] = {}
    for one in found:
        tally = people.setdefault(one.wet, Counter())
        tally[one.standing] += one.people
        if one.standing is not Standing.SIGNED and one.duty_until <= today + SOON:
            tally["over" if one.duty_until < today else "soon"] += one.people
    return [
        Summary(wet, *(tally[name] for name in (*(one.value for one in Standing), "over", "soon")))
        for wet, tally in sorted(people.items())
    ]


def months(found: Sequence[Count], today: date) -> list[Month]:
    """Return in which month terms end of people who did not sign, this month included; what is left of it counts."""
    ends: Counter[tuple[Standing, date]] = Counter()
    for one in found:
        if one.duty_until >= today:
            ends[one.standing, one.duty_until.replace(day=1)] += one.people
    return [
        Month(first, ends[Standing.OPEN, first], ends[Standing.REFUSED, first])
        for first in (_month_after(today, ahead) for ahead in range(MONTHS))
    ]


def _month_after(day: date, ahead: int) -> date:
    years, month = divmod(day.month - 1 + ahead, _MONTHS_A_YEAR)
    return date(day.year + years, month + 1, 1)


def last_day_soon() -> date:
    """Return the last day on which a term ends soon."""
    return clock.local_date(clock.now()) + SOON
