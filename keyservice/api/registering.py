"""The machinekoppeling: find an inburgeraar, and register participatieverklaringen one by one or many at once."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Annotated, Literal, cast
from uuid import UUID

from flask import g
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from keyservice import settings
from keyservice.api import problems
from keyservice.api.answers import members_of, stop
from keyservice.api.fields import Fields, Fout, Moment
from keyservice.api.operation import as_json, operation
from keyservice.api.problems import Problem
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused, UseCaseError
from keyservice.kernel.secret import Secret
from keyservice.kernel.text import clean, holds_secret
from keyservice.portaal import bsn_text, machine, service
from keyservice.portaal.machine import Item, Result
from keyservice.portaal.models import Registration
from keyservice.portaal.rules import Facts, Fault
from keyservice.web import access

MOST = 1000
LONGEST_BODY = 4 * 1024 * 1024  # 1,000 registrations with the longest explanations
TAG = "Participatieverklaringen"
BSN_PATTERN = "^[0-9]{9}$"
_RUNNING_SECONDS = "1"
# A random UUID (version 4 or 7), with or without the quotes of a structured field (RFC 8941).
_UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[47][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
# What a fault of the rules is about: the field of `Facts`, and its name here. The wet is not sent.
_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "wet": "",
        "ondertekend": "ondertekend",
        "gevolgd": "trajectGevolgd",
        "started_on": "startDeelname",
        "ended_on": "eindeDeelname",
        "signed_on": "datumOndertekening",
        "reden": "reden",
        "toelichting": "toelichting",
    }
)
# By the code of what a use case says.
_KINDS: Mapping[str, Problem] = MappingProxyType(
    {
        **problems.RULES,
        "bsn-ongeldig": problems.NO_BSN,
        "inburgeraar-onbekend": problems.UNKNOWN_PERSON,
        "already-signed": problems.SIGNED,
        "kenmerk-hergebruikt": problems.REUSED,
    }
)
_OF_ITEM = tuple(_KINDS.values())


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
        description="Uw kenmerk van dit bericht: een willekeurige UUID. Stuurt u het bericht opnieuw, stuur dan "
        "hetzelfde kenmerk.",
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
    datum_ondertekening: date | None = Field(
        None, description="De dag van de ondertekening.", examples=["2020-02-04"]
    )
    reden: str | None = Field(
        None, description="De code van de reden waarom iemand niet voldeed.", pattern="^[A-Z][A-Z0-9_]{1,39}$"
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
        description="Het burgerservicenummer van de inburgeraar.", pattern=BSN_PATTERN, examples=["999990019"], repr=False
    )


class Registraties(Fields):
    """Wat u vastlegt: één participatieverklaring, of meer tegelijk."""

    registraties: list[Registratie] = Field(
        description="De participatieverklaringen.", min_length=1, max_length=MOST
    )


class ProbleemVanRegistratie(Fields):
    """Waarom een registratie niet is vastgelegd (RFC 9457)."""

    type: str = Field(
        description="Het soort probleem, en het adres van de pagina erover. Bij meer fouten: dat van de eerste.",
        json_schema_extra={"enum": [kind.type for kind in _OF_ITEM]},
    )
    title: str = Field(description="Wat er is; altijd hetzelfde voor dit soort.")
    status: int = Field(description="De HTTP-status die erbij past.")
    detail: str = Field(description="Wat er deze keer is.")
    fouten: list[Fout] = Field([], description="Alle fouten. Van elke regel is de code het einde van zijn type.")


class Resultaat(Fields):
    """Wat er van één registratie werd: een nummer, of een probleem."""

    id: UUID | None = Field(None, description="Het nummer van wat er is vastgelegd.")
    probleem: ProbleemVanRegistratie | None = Field(None, description="Waarom er niets is vastgelegd.")


class Resultaten(Fields):
    """Wat er van de registraties werd."""

    resultaten: list[Resultaat] = Field(description="Per registratie een resultaat, in dezelfde volgorde.")


@operation(
    "POST",
    "/participatieverklaringen",
    scheme="sleutel",
    tag=TAG,
    answer=Resultaten,
    json=Registraties,
    headers=Kenmerk,
    longest=LONGEST_BODY,
    can_go_wrong=(problems.OTHER_OMGEVING, problems.RUNNING, problems.REUSED),
    per_item=_OF_ITEM,
)
def leg_participatieverklaringen_vast(sent: Registraties, headers: Kenmerk) -> Resultaten:
    """Leg een participatieverklaring vast, of 1.000 tegelijk.

    Elke registratie krijgt een eigen resultaat: de ene kan lukken en de andere niet. Klopt de vorm van het bericht
    niet, dan leggen wij niets vast en noemt `fouten` alle velden.

    Valt de verbinding weg? Stuur hetzelfde bericht opnieuw met hetzelfde kenmerk. Wij leggen het 1 keer vast. Het
    antwoord is 7 dagen lang precies hetzelfde.

    Een inburgeraar van een andere gemeente is voor u onbekend.
    """
    items = [Item(_bsn(one.bsn), one.facts) for one in sent.registraties]
    try:
        answer = machine.register(_actor(), headers.name, items, _told)
    except Conflict as error:
        if error.code == problems.RUNNING.slug:
            stop(problems.RUNNING, headers={"Retry-After": _RUNNING_SECONDS})
        raise
    return Resultaten.model_validate_json(answer)


def _actor() -> Actor:
    """Return who acts, if the key is of the omgeving whose people are here. Raises Refused."""
    if g.sleutel.omgeving != settings.current().portaal.omgeving:
        raise Refused(problems.OTHER_OMGEVING.slug)
    return access.actor()


def _bsn(text: str) -> Secret | None:
    try:
        return bsn_text.parse(text)
    except ValueError:
        return None


def _told(results: Sequence[Result]) -> str:
    """Return the answer that tells these results."""
    return as_json(Resultaten(resultaten=[_result(result) for result in results]))


def _result(result: Result) -> Resultaat:
    return Resultaat(id=result) if isinstance(result, UUID) else Resultaat(probleem=_problem(result))


def _problem(error: UseCaseError) -> ProbleemVanRegistratie:
    found = cast("Sequence[Fault]", error.data.get("faults", ()))
    faults = [Fout(veld=_FIELDS[fault.field], code=fault.code, melding=f"{fault.text}.") for fault in found]
    kind = _KINDS[faults[0].code if faults else error.code]
    return ProbleemVanRegistratie(**members_of(kind), fouten=faults)


class Vastgelegd(Inhoud):
    """Een participatieverklaring zoals zij is vastgelegd."""

    id: UUID = Field(description="Het nummer.")
    vastgelegd_op: Moment = Field(description="Wanneer.")
    geldt: bool = Field(description="Of zij nu geldt: niet als zij is ingetrokken, of als er een nieuwere is.")


@operation("GET", "/participatieverklaringen/<uuid:registratie_id>", scheme="sleutel", tag=TAG, answer=Vastgelegd,
           can_go_wrong=(problems.OTHER_OMGEVING, problems.NOT_FOUND))
def participatieverklaring(registratie_id: UUID) -> Vastgelegd:
    """Vraag op wat er met een nummer is vastgelegd.

    Dit kan voor inburgeraars van uw eigen gemeente, hoe het ook is vastgelegd: met een sleutel of in het portaal.
    """
    try:
        found, counts = service.registration(_actor(), registratie_id)
    except NotFound:
        raise NotFound("registration") from None  # whoever it is about
    return Vastgelegd(id=found.id, vastgelegd_op=found.at, geldt=counts, **_content(found))


def _content(found: Registration) -> dict[str, object]:
    facts = found.facts
    return {
        "ondertekend": facts.ondertekend,
        "traject_gevolgd": facts.gevolgd,
        "start_deelname": facts.started_on,
        "einde_deelname": facts.ended_on,
        "datum_ondertekening": facts.signed_on,
        "reden": facts.reden,
        "toelichting": facts.toelichting,
    }


class Zoekvraag(Fields):
    """Wie u zoekt."""

    bsn: str = Field(description="Het burgerservicenummer.", pattern=BSN_PATTERN, examples=["999990019"], repr=False)


class Inburgeraar(Fields):
    """Iemand die moet inburgeren."""

    wet: Literal["Wi2013", "Wi2021"] = Field(description="Onder welke wet.")
    termijn_van: date = Field(description="De eerste dag van de termijn.", examples=["2020-01-15"])
    termijn_tot: date = Field(description="De laatste dag van de termijn.", examples=["2021-01-14"])
    stand: Literal["open", "ondertekend", "niet-ondertekend"] = Field(description="Wat er is vastgelegd.")
    registratie: UUID | None = Field(None, description="Het nummer van wat er geldt, als er iets is vastgelegd.")


class Gevonden(Fields):
    """Wie er is gevonden."""

    inburgeraars: list[Inburgeraar] = Field(
        description="Leeg, of 1 inburgeraar. Iemand van een andere gemeente vindt u niet."
    )


@operation("POST", "/inburgeraars/_zoek", scheme="sleutel", tag=TAG, answer=Gevonden, json=Zoekvraag,
           can_go_wrong=(problems.OTHER_OMGEVING,))
def zoek_inburgeraar(sent: Zoekvraag) -> Gevonden:
    """Zoek een inburgeraar van uw gemeente met een burgerservicenummer.

    Wij leggen vast dat u hebt gezocht, ook als u niemand vindt. Zoek alleen wie u nodig hebt.
    """
    actor, number = _actor(), _bsn(sent.bsn)
    found = machine.find(actor, number) if number else None
    if found is None:
        return Gevonden(inburgeraars=[])
    person, counting = found
    return Gevonden(
        inburgeraars=[
            Inburgeraar(
                wet=person.wet.value,
                termijn_van=person.duty_from,
                termijn_tot=person.duty_until,
                stand="open" if counting is None else "ondertekend" if counting.ondertekend else "niet-ondertekend",
                registratie=counting.id if counting else None,
            )
        ]
    )
