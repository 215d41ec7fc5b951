"""Filling in the form Aanvraag Applicatiesleutel through its pages, for tests."""

import re
from html import unescape

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from keyservice.aanvragen.models import Aanvraag
from keyservice.database import db
from tests.conftest import post

STEPS: dict[str, dict[str, str]] = {
    "gemeente": {"oin": " 00000003.1234.5678.0000 ", "kvk": "12 34 56 78"},
    "contactpersonen": {
        "contact_via": "mail",
        "contact_naam": "Anna Voorbeeld",
        "contact_functie": "Beleidsmedewerker",
        "contact_email": "Anna@Voorbeeldstad.example",
        "contact_telefoon": "0031 10 200 00 00",
        "ontvanger_via": "sms",
        "ontvanger_naam": "Piet Voorbeeld",
        "ontvanger_functie": "Applicatiebeheerder",
        "ontvanger_mobiel": "+31 6 1234 5678",
    },
    "software": {
        "leverancier": "Fictief B.V.",
        "pakket": "Volgmij",
        "pakket_versie": "4",
        "leverancier_contact_naam": "",
        "leverancier_contact_email": "",
        "omgeving": "acceptatie",
        "toelichting": "",
    },
    "ondertekening": {
        "ondertekenaar_naam": "Gert Voorbeeld",
        "ondertekenaar_functie": "Directeur",
        "verklaring_bevoegd": "y",
        "akkoord_verwerking": "y",
    },
}


def started(client: FlaskClient) -> str:
    """Start a draft and return its address."""
    answer = post(client, "/aanvragen/nieuw")
    assert answer.status_code == 303
    return str(answer.location).removesuffix("/stap/gemeente")


def revision(client: FlaskClient, url: str, step: str) -> str:
    found = re.search(r'name="revision"[^>]*value="(\d+)"', client.get(f"{url}/stap/{step}").text)
    assert found
    return found.group(1)


def save(client: FlaskClient, url: str, step: str, **changes: str) -> TestResponse:
    """Send one step, as the page of now, with what `changes` says otherwise."""
    fields = STEPS[step] | {"revision": revision(client, url, step)} | changes
    answer: TestResponse = post(client, f"{url}/stap/{step}", fields)
    return answer


def filled(client: FlaskClient, **changes: str) -> str:
    """Fill in a whole draft, with changes to the software step, and return its address."""
    url = started(client)
    for step in STEPS:
        answer = save(client, url, step, **(changes if step == "software" else {}))
        assert answer.status_code == 303, answer.text
    return url


def row(app: Flask, url: str) -> Aanvraag:
    with app.app_context():
        found = db.session.scalars(select(Aanvraag)).all()
        return next(aanvraag for aanvraag in found if url.endswith(str(aanvraag.id)))


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())
