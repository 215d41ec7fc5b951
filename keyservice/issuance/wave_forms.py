"""The forms of a wave: what to renew, and why it is paused, goes on or stops."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import cast

from wtforms import Field, RadioField, ValidationError
from wtforms.validators import AnyOf, DataRequired

from keyservice.accounts.people_forms import DATE_WANTED, EndDate
from keyservice.gemeenten.queries import search
from keyservice.gemeenten.register_file import sort_key
from keyservice.issuance.wave_queries import Wanted
from keyservice.issuance.wave_workflow import WaveStep
from keyservice.kernel import clock
from keyservice.sleutels.format import Omgeving
from keyservice.web.forms import Form, remark_field, text_field

_ALL = "alle"
_OMGEVINGEN = {_ALL: "Productie en acceptatie", Omgeving.PRODUCTIE: "Productie", Omgeving.ACCEPTATIE: "Acceptatie"}
_LATEST_YEAR = 2199


class PrepareForm(Form):
    """Which keys are renewed, and why. `codes` are those of the gemeenten that were named, once it validated."""

    naam = text_field("Naam van de ronde", "Geef de ronde een naam, bijvoorbeeld Vernieuwing productie 2027")
    reden = remark_field("Waarom is deze ronde nodig?", "Schrijf op waarom deze ronde nodig is.", shortest=5)
    omgeving = RadioField(
        "Omgeving", choices=_OMGEVINGEN, validators=[AnyOf(list(_OMGEVINGEN), "Kies een omgeving")],
        validate_choice=False, default=Omgeving.PRODUCTIE,
    )  # fmt: skip
    # Browsers send 2027-12-31, people type 31-12-2027.
    verloopt = EndDate(
        "Sleutels die verlopen op of voor", format=["%Y-%m-%d", "%d-%m-%Y"], validators=[DataRequired(DATE_WANTED)]
    )
    gemeenten = remark_field("Alleen deze gemeenten", longest=20_000)
    codes: tuple[str, ...] | None = None

    def validate_verloopt(self, field: Field) -> None:
        """Refuse a day on which every key of the list would have expired, and one beyond the calendar."""
        if field.data and not (clock.local_date(clock.now()) <= field.data and field.data.year <= _LATEST_YEAR):
            raise ValidationError("Kies vandaag of een latere dag")

    def validate_gemeenten(self, field: Field) -> None:
        """Find each gemeente by its code, or by its name when only one has it."""
        typed = [part.strip() for part in re.split(r"[\n,;]", field.data or "") if part.strip()]
        if not typed:
            return
        found: dict[str, set[str]] = {}
        for gemeente in search():
            for word in (gemeente.code, sort_key(gemeente.name)):
                found.setdefault(word, set()).add(gemeente.code)
        codes = {part: found.get(part) or found.get(sort_key(part)) or set() for part in typed}
        if unknown := [part for part, known in codes.items() if len(known) != 1]:
            raise ValidationError(f"Vul de code van 4 cijfers in, of de hele naam. Wij kennen niet: {unknown[0]}")
        self.codes = tuple(sorted(code for known in codes.values() for code in known))

    def wanted(self) -> Wanted:
        """Return what the use case takes, from a form that validated."""
        omgeving = None if self.omgeving.data == _ALL else self.omgeving.data
        return Wanted(clock.end_of_day(cast("date", self.verloopt.data)), omgeving, self.codes)


class HaltForm(Form):
    """Why a wave is paused, goes on, or stops."""

    reden = remark_field(
        "Waarom doet u dit? Alleen DUO kan deze tekst lezen.",
        "Schrijf op waarom u dit doet.",
        longest=1000,
        shortest=5,
    )


@dataclass(frozen=True)
class Halt:
    """An act on a wave that asks for a reason: its heading, what it does, its button, and what is said when done."""

    step: WaveStep
    title: str
    text: str
    label: str
    done: str
    negative: bool = False


HALTS: Mapping[str, Halt] = MappingProxyType(
    {
        "pauzeren": Halt(
            WaveStep.PAUSE,
            "Ronde pauzeren?",
            "Er komen geen nieuwe sleutels bij tot iemand de ronde hervat. Wat al is uitgegeven, gaat gewoon door."
            " Na 30 dagen pauze vervalt de ronde.",
            "Ronde pauzeren",
            "De ronde is gepauzeerd.",
        ),
        "hervatten": Halt(
            WaveStep.RESUME,
            "Ronde hervatten?",
            "De ronde gaat verder met de sleutels die nog niet aan de beurt zijn geweest.",
            "Ronde hervatten",
            "De ronde gaat verder.",
        ),
        "stoppen": Halt(
            WaveStep.STOP,
            "Ronde stoppen?",
            "De rest van de lijst wordt niet meer vernieuwd. Wat al is uitgegeven, blijft zo."
            " Dit kunt u niet terugdraaien.",
            "Ronde stoppen",
            "De ronde is gestopt.",
            negative=True,
        ),
    }
)
"""By the last part of the address."""
