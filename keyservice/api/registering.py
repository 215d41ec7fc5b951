"""The machinekoppeling: find an inburgeraar, and register participatieverklaringen one by one or many at once."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import cast
from uuid import UUID

from flask import g

from keyservice import settings
from keyservice.api import problems
from keyservice.api.answers import members_of, stop
from keyservice.api.fields import Fout
from keyservice.api.operation import as_json, operation
from keyservice.api.registering_fields import (
    KINDS,
    OF_ITEM,
    Gevonden,
    Inburgeraar,
    Kenmerk,
    ProbleemVanRegistratie,
    Registraties,
    Resultaat,
    Resultaten,
    Vastgelegd,
    Zoekvraag,
)
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import Conflict, NotFound, Refused, UseCaseError
from keyservice.kernel.secret import Secret
from keyservice.portaal import bsn_text, machine, service
from keyservice.portaal.machine import Item, Result
from keyservice.portaal.models import Registration
from keyservice.portaal.rules import Fault
from keyservice.web import access

LONGEST_BODY = 7 * 1024 * 1024  # 1,000 registrations with the longest explanations
TAG = "Participatieverklaringen"
_RUNNING_SECONDS = "1"
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
    per_item=OF_ITEM,
)
def leg_participatieverklaringen_vast(sent: Registraties, headers: Kenmerk) -> Resultaten:
    """Leg een participatieverklaring vast, of 1.000 tegelijk.

    Elke registratie krijgt een eigen resultaat: de ene kan lukken en de andere niet. Klopt de vorm van het bericht
    niet, dan leggen wij niets vast en noemt `fouten` alle velden.

    Vul `ondertekend` en `trajectGevolgd` altijd in. Welke velden er dan bij horen, zeggen de regels in het
    berichtenboek.

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
    return (
        Resultaat(id=result, probleem=None)
        if isinstance(result, UUID)
        else Resultaat(id=None, probleem=_problem(result))
    )


def _problem(error: UseCaseError) -> ProbleemVanRegistratie:
    found = cast("Sequence[Fault]", error.data.get("faults", ()))
    faults = [Fout(veld=_FIELDS[fault.field], code=fault.code, melding=f"{fault.text}.") for fault in found]
    kind = KINDS[faults[0].code if faults else error.code]
    return ProbleemVanRegistratie.model_validate(members_of(kind) | {"fouten": faults})


@operation(
    "GET",
    "/participatieverklaringen/<uuid:registratie_id>",
    scheme="sleutel",
    tag=TAG,
    answer=Vastgelegd,
    can_go_wrong=(problems.OTHER_OMGEVING, problems.NOT_FOUND),
)
def participatieverklaring(registratie_id: UUID) -> Vastgelegd:
    """Vraag op wat er met een nummer is vastgelegd.

    Dit kan voor inburgeraars van uw eigen gemeente, hoe het ook is vastgelegd: met een sleutel of in het portaal.
    """
    try:
        found, counts = service.registration(_actor(), registratie_id)
    except NotFound:
        raise NotFound("registration") from None  # whoever it is about
    return Vastgelegd.model_validate({"id": found.id, "vastgelegd_op": found.at, "geldt": counts} | _content(found))


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


@operation(
    "POST",
    "/inburgeraars/_zoek",
    scheme="sleutel",
    tag=TAG,
    answer=Gevonden,
    json=Zoekvraag,
    can_go_wrong=(problems.OTHER_OMGEVING,),
)
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
