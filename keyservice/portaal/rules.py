"""What may be registered about the participatieverklaring: one pure function, for the pages and the machinekoppeling.

Source of each rule: `docs/adr/0035-portaal.md`. What the sources deny "op dit moment" opens on a day of `Openings`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from keyservice.portaal import bsn_text
from keyservice.settings_portaal import Openings, Reasons


class Wet(StrEnum):
    """Under which law somebody must take part."""

    WI2013 = "Wi2013"
    WI2021 = "Wi2021"


class Channel(StrEnum):
    """By which way a registration comes in."""

    WEB = "web"
    MACHINE = "machinekoppeling"


# The duty exists since 1 October 2017 (Stb. 2017, 286), the Wi2021 since 1 January 2022.
FIRST_DAYS: Mapping[Wet, date] = MappingProxyType({Wet.WI2013: date(2017, 10, 1), Wet.WI2021: date(2022, 1, 1)})


@dataclass(frozen=True)
class Facts:
    """What somebody registers; None is what was not given. `reden` is the code of a reason."""

    ondertekend: bool | None = None
    gevolgd: bool | None = None
    started_on: date | None = None
    ended_on: date | None = None
    signed_on: date | None = None
    reden: str | None = None
    toelichting: str | None = None


@dataclass(frozen=True)
class Fault:
    """What is wrong: at which field of `Facts` (`wet` for the person), a stable code, and what to do in Dutch."""

    field: str
    code: str
    text: str


@dataclass(frozen=True)
class Frame:
    """Within what a registration is judged: by which way it comes, on which day, and what holds then."""

    channel: Channel
    today: date
    reasons: Reasons
    openings: Openings


# Code and text of each rule. The codes are also problem types of the API: never renamed.
TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "alleen-wi2013": "De machinekoppeling werkt nu alleen voor de Wi2013",
        "ondertekend-ontbreekt": "Kies of de inburgeraar de participatieverklaring heeft ondertekend",
        "gevolgd-ontbreekt": "Kies of de inburgeraar het traject heeft gevolgd",
        "ondertekend-zonder-traject": "Iemand kan pas tekenen na deelname aan het traject",
        "niet-ondertekend-alleen-wi2013": "Niet ondertekend kunt u nu alleen vastleggen voor de Wi2013",
        "niet-ondertekend-niet-via-koppeling": "Niet ondertekend kunt u nu alleen in het portaal vastleggen",
        "start-ontbreekt": "Vul de datum in waarop de deelname begon",
        "einde-ontbreekt": "Vul de datum in waarop de deelname eindigde",
        "datum-ondertekening-ontbreekt": "Vul de datum van de ondertekening in",
        "datum-zonder-traject": "Vul geen datums in als het traject niet is gevolgd",
        "datum-ondertekening-zonder-ondertekening": "Vul geen datum van ondertekening in als er niet is ondertekend",
        "reden-ontbreekt": "Kies waarom de inburgeraar niet aan de plicht heeft voldaan",
        "reden-bij-ondertekend": "Kies geen reden als de inburgeraar heeft ondertekend",
        "reden-onbekend": "Kies een reden uit de lijst",
        "reden-niet-geldig": "Kies een andere reden: deze geldt vandaag niet",
        "toelichting-ontbreekt": "Leg uit waarom de inburgeraar niet aan de plicht heeft voldaan",
        "toelichting-zonder-reden": "Vul geen toelichting in als u geen reden kiest",
        "bsn-in-toelichting": "Haal het BSN uit de toelichting",
        "einde-voor-start": "De einddatum moet op of na de startdatum liggen",
        "ondertekening-voor-start": "De datum van de ondertekening moet op of na de startdatum liggen",
        "datum-in-toekomst": "Vul een datum in die niet in de toekomst ligt",
        "datum-voor-wet": "Vul een datum in vanaf 1 oktober 2017 (Wi2013) of 1 januari 2022 (Wi2021)",
    }
)
DATES = ("started_on", "ended_on", "signed_on")


def faults(wet: Wet, facts: Facts, frame: Frame) -> list[Fault]:
    """Return everything that keeps these facts from being registered for a person under a law; empty is good.

    An answer that cannot be registered at all is told alone: which fields belong to it, nobody can say.
    """
    closed = list(_closed(wet, facts, frame)) or list(_unanswered(facts))
    if closed:
        return closed
    return [*_fields(facts), *_reason(facts, frame), *_dates(wet, facts, frame.today)]


def _fault(field: str, code: str) -> Fault:
    return Fault(field, code, TEXTS[code])


def _closed(wet: Wet, facts: Facts, frame: Frame) -> Iterator[Fault]:
    if wet is Wet.WI2021 and frame.channel is Channel.MACHINE and frame.today < frame.openings.machine_wi2021:
        yield _fault("wet", "alleen-wi2013")
    elif facts.ondertekend and facts.gevolgd is False:
        yield _fault("gevolgd", "ondertekend-zonder-traject")
    elif facts.ondertekend is False:
        if wet is Wet.WI2021 and frame.today < frame.openings.refusals_wi2021:
            yield _fault("ondertekend", "niet-ondertekend-alleen-wi2013")
        elif frame.channel is Channel.MACHINE and frame.today < frame.openings.machine_refusals:
            yield _fault("ondertekend", "niet-ondertekend-niet-via-koppeling")


def _unanswered(facts: Facts) -> Iterator[Fault]:
    if facts.ondertekend is None:
        yield _fault("ondertekend", "ondertekend-ontbreekt")
    if facts.gevolgd is None:
        yield _fault("gevolgd", "gevolgd-ontbreekt")


def _fields(facts: Facts) -> Iterator[Fault]:
    """Give what is missing, and what does not belong to the answers."""
    for field, missing in (("started_on", "start-ontbreekt"), ("ended_on", "einde-ontbreekt")):
        if facts.gevolgd and getattr(facts, field) is None:
            yield _fault(field, missing)
        if not facts.gevolgd and getattr(facts, field) is not None:
            yield _fault(field, "datum-zonder-traject")
    if facts.ondertekend and facts.signed_on is None:
        yield _fault("signed_on", "datum-ondertekening-ontbreekt")
    if not facts.ondertekend and facts.signed_on is not None:
        code = "datum-ondertekening-zonder-ondertekening" if facts.gevolgd else "datum-zonder-traject"
        yield _fault("signed_on", code)


def _reason(facts: Facts, frame: Frame) -> Iterator[Fault]:
    if facts.ondertekend and facts.reden is not None:
        yield _fault("reden", "reden-bij-ondertekend")
    elif not facts.ondertekend:
        yield from _chosen(facts, frame)
    if facts.ondertekend and facts.toelichting:
        yield _fault("toelichting", "toelichting-zonder-reden")
    if bsn_text.stands_in(facts.toelichting or ""):
        yield _fault("toelichting", "bsn-in-toelichting")


def _chosen(facts: Facts, frame: Frame) -> Iterator[Fault]:
    if facts.reden is None:
        yield _fault("reden", "reden-ontbreekt")
        return
    reason = frame.reasons.get(facts.reden)
    if reason is None:
        yield _fault("reden", "reden-onbekend")
    elif not reason.valid_on(frame.today):
        yield _fault("reden", "reden-niet-geldig")
    elif reason.explained and not facts.toelichting:
        yield _fault("toelichting", "toelichting-ontbreekt")


def _dates(wet: Wet, facts: Facts, today: date) -> Iterator[Fault]:
    for field in DATES:
        day: date | None = getattr(facts, field)
        if day is not None and day > today:
            yield _fault(field, "datum-in-toekomst")
        if day is not None and day < FIRST_DAYS[wet]:
            yield _fault(field, "datum-voor-wet")
    if facts.started_on and facts.ended_on and facts.ended_on < facts.started_on:
        yield _fault("ended_on", "einde-voor-start")
    if facts.started_on and facts.signed_on and facts.signed_on < facts.started_on:
        yield _fault("signed_on", "ondertekening-voor-start")
