"""After the terms every page still works, and says "gewist" where somebody was."""

import re
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from keyservice import cli
from keyservice.aanvragen.models import Aanvraag
from keyservice.database import db
from keyservice.kernel import clock
from keyservice.retention import service
from tests.conftest import post
from tests.factories.retention import CANARY, at, delivered, leave, rejected, whole_database

Browser = Callable[[str], FlaskClient]


@pytest.fixture
def erased(app: Flask) -> tuple[UUID, UUID]:
    """Return an aanvraag with a key and a rejected one, of people who left, after their terms."""
    with app.app_context():
        found = delivered(), rejected()
        leave("anna", "gert", "rik", "rosa")
        with at(nine_years()):
            service.run()
    return found


def nine_years() -> datetime:
    return clock.now().replace(year=clock.now().year + 9)


def test_the_dossier_says_what_is_erased_and_shows_what_happened(
    browser_of: Browser, erased: tuple[UUID, UUID]
) -> None:
    ada = browser_of("ada")
    for aanvraag_id in erased:
        answer = ada.get(f"/dossiers/{aanvraag_id}")
        assert answer.status_code == 200
        page = answer.text
        assert CANARY not in page
        assert "De bewaartermijn is voorbij" in page
        assert "iemand (gewist)" in page
        assert "Veranderd na de goedkeuring" not in page
        assert "Niet meer compleet" not in page
        assert "dezelfde naam" not in page, "two people of whom nothing is left look alike"
        assert "De relatiebeheerder heeft om een aanvulling gevraagd." in page
        assert "vraag: gewist" in re.sub(r"\s+", " ", page)
        assert "zijn de teksten gewist" in page
        assert "Persoonsgegevens zijn gewist, omdat de bewaartermijn voorbij is." in page
    assert "Zonder namen en adressen: gewist na de bewaartermijn" in ada.get(f"/dossiers/{erased[0]}").text


def test_a_gemeente_reads_its_time_line_without_names(browser_of: Browser, erased: tuple[UUID, UUID]) -> None:
    bea = browser_of("bea")
    for aanvraag_id in erased:
        answer = bea.get(f"/aanvragen/{aanvraag_id}")
        assert answer.status_code == 200
        assert CANARY not in answer.text
        assert "De bewaartermijn is voorbij" in answer.text
        assert "Door iemand (gewist)." in answer.text
        assert "De tekst is gewist." in answer.text
        assert ">gewist</p>" not in answer.text
        assert "Vervanging aanvragen" not in answer.text
        assert "Contactpersonen controleren" not in answer.text
        assert bea.get(f"/aanvragen/{aanvraag_id}/contactpersonen").status_code == 200
    refused = post(bea, f"/aanvragen/{erased[0]}/vervangen")
    assert refused.status_code == 409
    assert "De gegevens van deze aanvraag zijn gewist" in refused.text


def test_every_list_still_opens(browser_of: Browser, erased: tuple[UUID, UUID]) -> None:
    for login, addresses in {
        "ada": ("/", "/gebeurtenissen", "/werkvoorraad?status=alle"),
        "bea": ("/", "/aanvragen", "/contactpersonen"),
        "ben": ("/", "/personen", "/gemeenten"),
    }.items():
        browser = browser_of(login)
        for address in addresses:
            answer = browser.get(address)
            assert answer.status_code == 200, (login, address)
            assert CANARY not in answer.text


def test_i9_another_gemeente_finds_an_erased_dossier_no_more_than_before(
    browser_of: Browser, erased: tuple[UUID, UUID]
) -> None:
    assert {browser_of("tom").get(f"/aanvragen/{one}").status_code for one in erased} == {404}


def test_the_privacy_page_tells_the_terms_that_are_set(client: FlaskClient) -> None:
    page = " ".join(client.get("/privacy").text.split())
    for told in ("vervallen: 1 jaar.", "een sleutel: 5 jaar nadat", "browser: 6 maanden.", "hoogstens 7 jaar."):
        assert told in page


def test_the_command_lists_first_and_erases_when_told(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "ready_app", lambda: app)
    with app.app_context():
        rejected()
    with at(nine_years()):
        listed = CliRunner().invoke(cli.commands, ["retention", "run"])
        with app.app_context():
            assert CANARY in whole_database()
        done = CliRunner().invoke(cli.commands, ["retention", "run", "--do-it"])
    assert (listed.exit_code, done.exit_code) == (0, 0)
    assert re.search(rf"^dossier +1  oldest {clock.now():%Y-%m-%d}$", listed.output, re.MULTILINE)
    assert "Nothing was erased." in listed.output
    assert re.search(r"^Erased: \d+ rows\.$", done.output, re.MULTILINE)
    with app.app_context():
        assert [row.erased_at is not None for row in db.session.scalars(select(Aanvraag))] == [True]
