"""The operations of the API, and its document."""

from typing import Literal

from flask import Flask, Response, current_app, g
from flask.typing import ResponseReturnValue
from pydantic import ConfigDict, Field

from keyservice.api import guard, leaks, registering
from keyservice.api.answers import of_failure
from keyservice.api.document import document
from keyservice.api.fields import Fields, Moment
from keyservice.api.operation import bp, operation
from keyservice.api.versions import VERSION
from keyservice.sleutels import verification
from keyservice.web import access, machine

__all__ = ["bp", "leaks", "registering"]  # importing those modules hangs their operations into the one blueprint
HEADERS = {
    "API-Version": VERSION,
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def register(app: Flask) -> None:
    """Hang what holds for every request below `/v1` into the application, also where there is no operation."""
    app.extensions["keyservice.problem"] = of_failure
    app.extensions["keyservice.schemes"] = {"sleutel": guard.by_sleutel, "systeem": guard.by_system}
    app.before_request(guard.refuse_secret_in_address)
    app.after_request(_headers)


def _headers(response: Response) -> Response:
    if machine.asks():
        response.headers.update(HEADERS)
    return response


Omgeving = Literal["acceptatie", "productie"]


class Sleutel(Fields):
    """De gegevens van een applicatiesleutel."""

    nummer: str = Field(
        description="Waarmee u de sleutel noemt, bijvoorbeeld aan de telefoon.", examples=["SL-2026-00042"]
    )
    omgeving: Omgeving = Field(description="Waarvoor de sleutel geldt.")
    gemeente: str = Field(description="De CBS-code van de gemeente.", pattern="^[0-9]{4}$", examples=["9998"])
    status: Literal["actief"] = Field(description="Altijd actief: een andere sleutel krijgt een probleem.")
    geldig_tot: Moment = Field(description="Vanaf dit tijdstip werkt de sleutel niet meer.")


@operation("GET", "/sleutel", scheme="sleutel", tag="Sleutel", answer=Sleutel)
def sleutel() -> Sleutel:
    """Vraag de gegevens op van de sleutel waarmee u het verzoek doet.

    Zo controleert u of de sleutel werkt, bij welke omgeving hij hoort en tot wanneer hij geldt.
    """
    shown = g.sleutel
    return Sleutel(
        nummer=shown.number,
        omgeving=shown.omgeving.value,
        gemeente=shown.gemeente,
        status="actief",
        geldig_tot=shown.facts.expires_at,
    )


class Vraag(Fields):
    """De vraag of een sleutel werkt (RFC 7662, 2.1)."""

    model_config = ConfigDict(extra="ignore")

    token: str = Field(description="De sleutel die uw systeem kreeg.", max_length=1000, examples=["asl_p_…"])
    token_type_hint: str | None = Field(
        default=None, alias="token_type_hint", description="Mag erbij staan; wij kijken er niet naar.", max_length=100
    )


class Introspectie(Fields):
    """Of een sleutel werkt (RFC 7662, 2.2); als hij niet werkt, staat er niets bij."""

    active: bool = Field(description="Of de sleutel nu werkt.", examples=[True])
    nummer: str | None = Field(
        default=None, description="Waarmee mensen de sleutel noemen.", examples=["SL-2026-00042"]
    )
    gemeente: str | None = Field(default=None, description="De CBS-code van de gemeente.", examples=["9998"])
    omgeving: Omgeving | None = Field(default=None, description="Waarvoor de sleutel geldt.")
    iat: int | None = Field(
        default=None, description="Wanneer de sleutel is gemaakt: seconden sinds 1970, UTC.", examples=[1795600800]
    )
    exp: int | None = Field(
        default=None, description="Wanneer de sleutel verloopt: seconden sinds 1970, UTC.", examples=[1827097199]
    )


@operation("POST", "/introspectie", scheme="systeem", tag="Introspectie", form=Vraag, answer=Introspectie)
def introspectie(vraag: Vraag) -> Introspectie:
    """Vraag of een sleutel werkt, en van welke gemeente hij is.

    Uw systeem krijgt een sleutel van een gemeente en wil weten of die werkt (RFC 7662). Vraag dit bij elk verzoek: een
    sleutel kan elk moment worden ingetrokken. Werkt de sleutel niet, dan is het antwoord alleen `"active": false`, wat
    er ook aan de hand is.

    Let op 'omgeving': een sleutel voor acceptatie mag in productie niets openen.
    """
    try:
        found = verification.verify(vraag.token)
    except (verification.Unknown, verification.NotUsable):
        return Introspectie(active=False)
    facts = found.facts
    return Introspectie(
        active=True,
        nummer=found.number,
        gemeente=found.gemeente,
        omgeving=found.omgeving.value,
        iat=int(facts.not_before.timestamp()),
        exp=int(facts.expires_at.timestamp()),
    )


@bp.get("/openapi.json")
@access.public
def openapi() -> ResponseReturnValue:
    """Return the OpenAPI document, to programs on any site (NL API Design Rules, /core/publish-openapi)."""
    answer = current_app.json.response(document())
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
