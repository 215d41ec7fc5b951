"""The rules of the portaal as a table: what the one function that judges a registration says of each case. Pure.

Nothing about the rules is written here. Each case is tried; what the function finds wrong tells what must be there,
what must be left out, and what cannot be registered at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product
from types import MappingProxyType
from typing import Any

from keyservice.portaal.rules import DATES, FIRST_DAYS, TEXTS, Channel, Facts, Frame, Wet, faults
from keyservice.settings_portaal import NEVER, Openings, Reason, Reasons

REQUIRED, ABSENT = "Verplicht", "Leeg laten"
_FIELDS = (*DATES, "reden")
# What decides whether there are fields at all; a fault at one of these closes the case.
_ANSWERS = {"wet", "ondertekend", "gevolgd"}
_YES_NO: Mapping[bool, str] = MappingProxyType({True: "Ja", False: "Nee"})
_ORDER = ((True, True), (True, False), (False, True), (False, False))


@dataclass(frozen=True)
class Case:
    """One answer that a program may send; `fields` say what each of `HEADINGS` must be, or `closed` why it cannot."""

    wet: str
    ondertekend: str
    gevolgd: str
    fields: Sequence[str]
    closed: str


HEADINGS = ("Start deelname", "Einde deelname", "Datum ondertekening", "Reden niet voldaan")


def cases_on(today: date, openings: Openings, reasons: Reasons) -> Iterator[Case]:
    """Yield what the machinekoppeling takes on a day, case by case."""
    frame = Frame(Channel.MACHINE, today, reasons, openings)
    for wet, (ondertekend, gevolgd) in product(Wet, _ORDER):
        yield _case(wet, Facts(ondertekend=ondertekend, gevolgd=gevolgd), frame)


def _case(wet: Wet, facts: Facts, frame: Frame) -> Case:
    found = faults(wet, facts, frame)
    closed = next((fault.text for fault in found if fault.field in _ANSWERS), "")
    missing = {fault.field for fault in found}
    fields = () if closed else tuple(_field(name, wet, facts, frame, missing=name in missing) for name in _FIELDS)
    return Case(wet, _YES_NO[bool(facts.ondertekend)], _YES_NO[bool(facts.gevolgd)], fields, closed)


def _field(name: str, wet: Wet, facts: Facts, frame: Frame, *, missing: bool) -> str:
    if missing:
        return REQUIRED
    value: Any = next(iter(frame.reasons)) if name == "reden" else FIRST_DAYS[wet]
    filled = faults(wet, replace(facts, **{name: value}), frame)
    return ABSENT if any(fault.field == name for fault in filled) else "Mag"


def texts() -> Sequence[tuple[str, str]]:
    """Return the code and text of every rule, in the order in which they are told."""
    return tuple(TEXTS.items())


def first_days() -> Sequence[tuple[str, date]]:
    """Return from which day a date may be, per law."""
    return tuple((str(wet), day) for wet, day in FIRST_DAYS.items())


def valid(reason: Reason) -> tuple[date | None, date | None]:
    """Return the first and the last day of a reason; None when there is none."""
    begins = None if reason.valid_from == date.min else reason.valid_from
    return begins, None if reason.valid_until == NEVER else reason.valid_until


def coming(openings: Openings, today: date) -> Sequence[date]:
    """Return the days after today on which the table changes, the first one first."""
    days = {openings.machine_wi2021, openings.machine_refusals, openings.refusals_wi2021}
    return sorted(day for day in days if today < day < NEVER - timedelta(days=1))
