"""The operations of the API, and its document."""

from typing import Literal

from flask import Flask, Response, current_app, g
from flask.typing import ResponseReturnValue
from pydantic import Field

from keyservice.api import guard
from keyservice.api.answers import of_failure
from keyservice.api.document import document
from keyservice.api.fields import Fields, Moment
from keyservice.api.operation import bp, operation
from keyservice.api.versions import VERSION
from keyservice.web import access, machine

HEADERS = {
    "API-Version": VERSION,
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def register(app: Flask) -> None:
    """Hang what holds for every request below `/v1` into the application, also where there is no operation."""
    app.extensions["keyservice.problem"] = of_failure
    app.extensions["keyservice.schemes"] = {"sleutel": guard.by_sleutel}
    app.before_request(guard.refuse_secret_in_address)
    app.after_request(_headers)


def _headers(response: Response) -> Response:
    if machine.asks():
        response.headers.update(HEADERS)
    return response


class Sleutel(Fields):
    """De gegevens van een applicatiesleutel."""

    nummer: str = Field(
        description="Waarmee u de sleutel noemt, bijvoorbeeld aan de telefoon.", examples=["SL-2026-00042"]
    )
    omgeving: Literal["acceptatie", "productie"] = Field(description="Waarvoor de sleutel geldt.")
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
        omgeving=shown.omgeving,
        gemeente=shown.gemeente,
        status="actief",
        geldig_tot=shown.facts.expires_at,
    )


@bp.get("/openapi.json")
@access.public
def openapi() -> ResponseReturnValue:
    """Return the OpenAPI document, to programs on any site (NL API Design Rules, /core/publish-openapi)."""
    answer = current_app.json.response(document())
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
