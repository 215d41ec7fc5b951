"""What goes in and out of the machinekoppeling."""

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from keyservice.api import problems
from keyservice.api.answers import members_of
from keyservice.api.fields import EXAMPLE_RULE, Fields, Fout, Moment
from keyservice.api.problems import Problem
from keyservice.kernel.text import clean, holds_secret
from keyservice.portaal import bsn_text
from keyservice.portaal.rules import Facts

MOST = 1000
BSN_PATTERN = "^[0-9]{9}$"
# A random UUID (version 4 or 7), with or without the quotes of a structured field (RFC 8941).
_UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[47][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
# By the code of what a use case says.
KINDS: Mapping[str, Problem] = MappingProxyType(
    {
        **problems.RULES,
        "bsn-ongeldig": problems.NO_BSN,
        "inburgeraar-onbekend": problems.UNKNOWN_PERSON,
        "already-signed": problems.SIGNED,
        "kenmerk-hergebruikt": problems.REUSED,
    }
)
OF_ITEM = tuple(KINDS.values())
_EXAMPLE = problems.RULES[EXAMPLE_RULE]
_EXAMPLE_FAULT = {"veld": "eindeDeelname", "code": EXAMPLE_RULE, "melding": f"{_EXAMPLE.title}."}
_EXAMPLE_OF_ITEM = {**members_of(_EXAMPLE), "fouten": [_EXAMPLE_FAULT]}


def _without_bsn(key: str) -> str:
    # Somebody may hide a BSN in what looks random: the last part, filled up with zeros.
    if re.search('0{3}[0-9]{9}"?$', key) and bsn_text.stands_in(key.strip('"')[-9:]):
        raise PydanticCustomError("bsn-in-kenmerk", "Zet geen burgerservicenummer in het kenmerk.")
    return key


def _without_secret(text: str) -> str:
    if holds_secret(text):
        raise PydanticCustomError("geheim-in-tekst", "Zet geen sleutel of wachtwoord in een tekst.")
    return text


class Kenmerk(Fields):
    """De headers van een bericht dat u veilig opnieuw kunt sturen."""

    idempotency_key: Annotated[str, AfterValidator(_without_bsn)] = Field(
        alias="Idempotency-Key",
        description="Uw kenmerk van dit bericht: een willekeurige UUID (versie 4 of 7). Stuurt u het bericht "
        "opnieuw, stuur dan hetzelfde kenmerk.",
        pattern=f'^("{_UUID}"|{_UUID})$',
        examples=["9b2c7e4a-1f63-4d0a-8c55-6e0f3a7d9b21"],
    )

    @property
    def name(self) -> UUID:
        """Return it without quotes."""
        return UUID(self.idempotency_key.strip('"'))


class Inhoud(Fields):
    """Wat er over een inburgeraar wordt vastgelegd. Welke velden u invult, zeggen de regels."""

    ondertekend: bool | None = Field(None, description="Of de inburgeraar de participatieverklaring ondertekende.")
    traject_gevolgd: bool | None = Field(None, description="Of de inburgeraar het traject heeft gevolgd.")
    start_deelname: date | None = Field(None, description="De eerste dag van de deelname.", examples=["2020-02-03"])
    einde_deelname: date | None = Field(None, description="De laatste dag van de deelname.", examples=["2020-02-04"])
    datum_ondertekening: date | None = Field(None, description="De dag van de ondertekening.", examples=["2020-02-04"])
    reden: str | None = Field(
        None,
        description="De code van de reden waarom iemand niet voldeed. Het berichtenboek noemt de redenen.",
        pattern="^[A-Z][A-Z0-9_]{1,39}$",
    )
    toelichting: Annotated[str, AfterValidator(_without_secret)] | None = Field(
        None, description="Uitleg bij de reden. Zet er geen burgerservicenummer in.", max_length=500
    )

    @property
    def facts(self) -> Facts:
        """Return it as the rules judge it."""
        return Facts(
            self.ondertekend,
            self.traject_gevolgd,
            self.start_deelname,
            self.einde_deelname,
            self.datum_ondertekening,
            self.reden,
            clean(self.toelichting or "", lines=True) or None,
        )


class Registratie(Inhoud):
    """Eén participatieverklaring."""

    bsn: str = Field(
        description="Het burgerservicenummer van de inburgeraar.",
        pattern=BSN_PATTERN,
        examples=["999990019"],
        repr=False,
    )


class Registraties(Fields):
    """Wat u vastlegt: één participatieverklaring, of meer tegelijk."""

    registraties: list[Registratie] = Field(description="De participatieverklaringen.", min_length=1, max_length=MOST)


class ProbleemVanRegistratie(Fields):
    """Waarom een registratie niet is vastgelegd (RFC 9457)."""

    type: str = Field(
        description="Het soort probleem, en het adres van de pagina erover. Bij meer fouten: dat van de eerste.",
        json_schema_extra={"enum": [kind.type for kind in OF_ITEM]},
        examples=[_EXAMPLE.type],
    )
    title: str = Field(description="Wat er is; altijd hetzelfde voor dit soort.", examples=[_EXAMPLE.title])
    status: int = Field(description="De HTTP-status die erbij past.", examples=[_EXAMPLE.status])
    detail: str = Field(description="Wat er deze keer is.", examples=[_EXAMPLE.happened])
    fouten: list[Fout] = Field([], description="Alle fouten. Van elke regel is de code het einde van zijn type.")


class Resultaat(Fields):
    """Wat er van één registratie werd: een nummer, of een probleem."""

    id: UUID | None = Field(default=None, description="Het nummer van wat er is vastgelegd.")
    probleem: ProbleemVanRegistratie | None = Field(default=None, description="Waarom er niets is vastgelegd.")


class Resultaten(Fields):
    """Wat er van de registraties werd."""

    resultaten: list[Resultaat] = Field(
        description="Per registratie een resultaat, in dezelfde volgorde.",
        examples=[[{"id": "7f0c1b9e-5d43-4b59-9d4e-0a2f6c1d8e37"}, {"probleem": _EXAMPLE_OF_ITEM}]],
    )


class Vastgelegd(Inhoud):
    """Een participatieverklaring zoals zij is vastgelegd."""

    id: UUID = Field(description="Het nummer.")
    vastgelegd_op: Moment = Field(description="Wanneer.")
    geldt: bool = Field(description="Of zij nu geldt: niet als zij is ingetrokken, of als er een nieuwere is.")


class Zoekvraag(Fields):
    """Wie u zoekt."""

    bsn: str = Field(description="Het burgerservicenummer.", pattern=BSN_PATTERN, examples=["999990019"], repr=False)


class Inburgeraar(Fields):
    """Iemand die moet inburgeren."""

    wet: Literal["Wi2013", "Wi2021"] = Field(description="Onder welke wet.")
    termijn_van: date = Field(description="De eerste dag van de termijn.", examples=["2020-01-15"])
    termijn_tot: date = Field(description="De laatste dag van de termijn.", examples=["2021-01-14"])
    stand: Literal["open", "ondertekend", "niet-ondertekend"] = Field(
        description="Wat er is vastgelegd.", examples=["ondertekend"]
    )
    registratie: UUID | None = Field(None, description="Het nummer van wat er geldt, als er iets is vastgelegd.")


class Gevonden(Fields):
    """Wie er is gevonden."""

    inburgeraars: list[Inburgeraar] = Field(
        description="Leeg, of 1 inburgeraar. Iemand van een andere gemeente vindt u niet."
    )
