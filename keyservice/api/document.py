"""The OpenAPI document: what spectree makes of the operations, with our problems, headers and addresses."""

import copy
from functools import cache
from typing import Any

from keyservice import settings
from keyservice.api import problems
from keyservice.api.answers import MEDIA_TYPE
from keyservice.api.operation import FORM, PROBLEMS, spec
from keyservice.api.problems import Problem
from keyservice.api.versions import VERSION
from keyservice.web.machine import ROOT

_ABOUT = """\
De API van Sleuteluitgifte, voor systemen van gemeenten en van DUO.

U stuurt bij elk verzoek uw applicatiesleutel mee in de header Authorization: `Bearer asl_…`. Zet een sleutel of een \
burgerservicenummer nooit in een adres. Namen van velden zijn in camelCase, tijdstippen hebben een tijdzone en komen \
terug in UTC. Elke fout is een antwoord volgens RFC 9457 (application/problem+json)."""
_SCHEMES = {
    "sleutel": {"type": "http", "scheme": "bearer", "description": "De applicatiesleutel van een gemeente."},
    "systeem": {"type": "http", "scheme": "bearer", "description": "De toegangscode van een vragend systeem."},
}
_TAGS = {
    "Sleutel": "Over de sleutel waarmee u het verzoek doet.",
    "Participatieverklaringen": "De machinekoppeling van het Portaal Inburgering. Nu alleen voor de Wi2013.",
    "Gelekte sleutels": "Voor wie een sleutel van een ander vindt. U hebt daarvoor zelf geen sleutel nodig.",
    "Introspectie": "Voor systemen van DUO die een sleutel van een gemeente krijgen.",
}
# What every operation may answer, and what more when it reads a body.
_ALWAYS = (
    *(problems.REQUEST, problems.SECRET_IN_ADDRESS, problems.BSN_IN_ADDRESS),
    *(problems.NOT_ACCEPTABLE, problems.TOO_OFTEN),
)
_ALWAYS_AT_LAST = (problems.FAILURE, problems.UNAVAILABLE)
_WITH_BODY = (problems.INPUT, problems.TOO_LARGE, problems.MEDIA_TYPE)
_BY_SCHEME = {
    "sleutel": (problems.NO_KEY, problems.EXPIRED, problems.REVOKED, problems.SUSPENDED, problems.SLEEPING),
    "systeem": (problems.NO_SYSTEM,),
}
_HEADERS: dict[str, dict[str, Any]] = {
    "API-Version": {"description": "De versie van de API (semver).", "schema": {"type": "string"}},
    "Retry-After": {"description": "Na hoeveel seconden u het opnieuw mag proberen.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "Hoe u zich aanmeldt (RFC 9110).", "schema": {"type": "string"}},
}
# What spectree knows the name and the form of, but not the meaning.
_PARTS = {"registratie_id": "Het nummer dat u kreeg toen de participatieverklaring werd vastgelegd."}
_OF_STATUS = {401: ("WWW-Authenticate",), 409: ("Retry-After",), 429: ("Retry-After",), 503: ("Retry-After",)}


def document() -> dict[str, Any]:
    """Return the document of the running application."""
    conf = settings.current()
    return _document(conf.base_url, conf.contact_email or conf.mail_from)


@cache
def _document(base_url: str, email: str) -> dict[str, Any]:
    made = copy.deepcopy(spec.spec)
    operations = [one for path in made["paths"].values() for one in path.values()]
    for one in operations:
        _complete(one)
    schemas = made["components"]["schemas"]
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            field.pop("title", None)  # repeats the name
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "API van Sleuteluitgifte",
            "description": _ABOUT,
            "version": VERSION,
            "contact": {"name": "DUO, Sleuteluitgifte", "url": f"{base_url}/contact", "email": email},
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        },
        "externalDocs": {"description": "Uitleg, voorbeelden en wijzigingen", "url": f"{base_url}/api"},
        "servers": [{"url": f"{base_url}{ROOT}"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": {path.removeprefix(ROOT): methods for path, methods in made["paths"].items()},
        "components": {"schemas": dict(sorted(schemas.items())), "headers": _HEADERS, "securitySchemes": _SCHEMES},
    }


def problems_of(operation_id: str, scheme: str | None, *, body: str | None) -> list[Problem]:
    """Return every problem that an operation may answer with, by status; `body` is the media type that it reads."""
    reading = (*_WITH_BODY, *((problems.JSON,) if body != FORM else ())) if body else ()
    found = (*_ALWAYS, *(_BY_SCHEME[scheme] if scheme else ()), *reading, *PROBLEMS[operation_id], *_ALWAYS_AT_LAST)
    return sorted(found, key=lambda problem: problem.status)


def _complete(one: dict[str, Any]) -> None:
    """Complete an operation: its body is what we read, and every answer that it may give stands there."""
    content = one.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        content[FORM] = content.pop("multipart/form-data")
    for part in one["parameters"]:
        if part["in"] == "path":
            part["description"] = _PARTS[part["name"]]
    for answer in one["responses"].values():
        answer["headers"] = _headers("API-Version")
    kinds: dict[int, list[Problem]] = {}
    scheme = next((name for asked in one.setdefault("security", []) for name in asked), None)
    for problem in problems_of(one["operationId"], scheme, body=next(iter(content), None)):
        kinds.setdefault(problem.status, []).append(problem)
    one["responses"] |= {str(status): _problem_answer(status, several) for status, several in kinds.items()}


def _problem_answer(status: int, kinds: list[Problem]) -> dict[str, Any]:
    return {
        "description": " ".join(f"{problem.title} (`{problem.type}`)." for problem in kinds),
        "headers": _headers("API-Version", *_OF_STATUS.get(status, ())),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Probleem"}}},
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
