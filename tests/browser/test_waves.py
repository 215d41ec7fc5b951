"""A wave in a real browser: its page goes on by itself, and every state of it is inspected."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import ColumnElement, update

from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.database import db, transaction
from keyservice.demo import stack
from keyservice.kernel import clock
from tests.browser.conftest import CheckedPerson
from tests.factories.waves import working

# The page goes on by itself every 15 seconds, and the worker every 30.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
Person = Callable[[str | None], CheckedPerson]
# More than the worker renews in one go, so that there is time to pause.
KEYS = 55


def fill(running: stack.Stack) -> str:
    """Store keys that work, one of which cannot be renewed; return the aanvraag of the first."""
    with running.app.app_context():
        first, second, *_ = [working(f"Pakket {n}") for n in range(KEYS)]
        change(Approval, Approval.aanvraag_id == second, retracted_at=clock.now())
        db.session.remove()
    return str(first)


def change(model: type[Aanvraag | Approval], where: ColumnElement[bool], **values: object) -> None:
    with transaction() as session:
        session.execute(update(model).where(where).values(**values))


def test_a_wave_from_its_form_to_its_report(person: Person, running: stack.Stack) -> None:
    rik, rosa = person("rik"), person("rosa")
    rik.open("/vernieuwingsrondes")
    rik.check("rondes-leeg")
    first = fill(running)
    rosa.open(f"/dossiers/{first}")
    rosa.check("dossier-vernieuwen")
    rosa.open(f"/dossiers/{first}/vernieuwen")
    rosa.check("sleutel-vernieuwen")

    rik.open("/vernieuwingsrondes/voorbereiden")
    rik.check()
    rik.fill("Naam van de ronde", "x")
    rik.page.get_by_label("Alleen deze gemeenten").fill("Nergenshuizen")
    rik.press("Lijst maken")
    assert rik.page.title().startswith("Fout: ")
    rik.check("ronde-voorbereiden-fout")
    rik.fill("Naam van de ronde", "Vernieuwing productie 2027")
    rik.fill("Waarom is deze ronde nodig?", "De sleutels verlopen dit jaar.")
    rik.fill("Sleutels die verlopen op of voor", "2199-12-31")
    rik.page.get_by_label("Alleen deze gemeenten").fill("Voorbeeldstad")
    rik.press("Lijst maken")
    rik.check("ronde-voorbereid-eigen")
    wave = rik.page.url

    rosa.open(wave)
    rosa.check("ronde-voorbereid")
    with running.app.app_context():
        change(Aanvraag, Aanvraag.pakket == "Pakket 2", pakket="Iets anders")
        db.session.remove()
    rosa.open(f"{wave}/starten")
    rosa.check("ronde-starten")
    rosa.press("Ronde starten")
    rosa.check("ronde-loopt")
    rik.open(f"{wave}/pauzeren")
    rik.press("Ronde pauzeren")
    rik.fill("Waarom doet u dit?", "De helpdesk is nu te druk.")
    # Nobody touches the page of Rosa.
    rosa.page.get_by_text(re.compile(r"5[0-4] van 55 aan de beurt geweest")).wait_for(timeout=100_000)
    rik.press("Ronde pauzeren")
    rik.check("ronde-gepauzeerd")
    rosa.page.get_by_role("link", name="Niet vanzelf verversen").click()
    rosa.check("ronde-gepauzeerd-stil")
    rik.open(f"{wave}/pauzeren")
    rik.check("ronde-pauzeren-te-laat")
    rik.open(f"{wave}/hervatten")
    rik.check()
    rik.fill("Waarom doet u dit?", "De helpdesk heeft weer tijd.")
    rik.press("Ronde hervatten")
    rik.page.get_by_text("55 van 55 aan de beurt geweest").wait_for(timeout=100_000)
    rik.check("ronde-klaar")
    rik.open(f"{wave}?toon=refused")
    rik.check("ronde-niet-vernieuwd")
    with rik.page.expect_download() as download:
        rik.page.get_by_role("link", name="Verslag downloaden (CSV)").click()
    assert download.value.suggested_filename.startswith("vernieuwingsronde-")
    rik.open("/vernieuwingsrondes")
    rik.check("rondes")

    rosa.open("/vernieuwingsrondes/voorbereiden")
    rosa.fill("Naam van de ronde", "Nog een keer")
    rosa.fill("Waarom is deze ronde nodig?", "Om te kijken wat er dan gebeurt.")
    rosa.fill("Sleutels die verlopen op of voor", "2199-12-31")
    rosa.press("Lijst maken")
    stopped = rosa.page.url
    rosa.open(f"{stopped}/stoppen")
    rosa.check()
    rosa.fill("Waarom doet u dit?", "Dit was een vergissing.")
    rosa.press("Ronde stoppen")
    rosa.check("ronde-gestopt")
