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
# More than the worker renews in one go.
KEYS = 55


def fill(running: stack.Stack) -> None:
    """Store keys that work; one of them cannot be renewed. Other tests give this gemeente a few more."""
    with running.app.app_context():
        first, *_ = [working(f"Pakket {n}", gemeente="9999") for n in range(KEYS)]
        change(Approval, Approval.aanvraag_id == first, retracted_at=clock.now())
        db.session.remove()


def change(model: type[Aanvraag | Approval], where: ColumnElement[bool], **values: object) -> None:
    with transaction() as session:
        session.execute(update(model).where(where).values(**values))


def prepare(person: CheckedPerson, name: str, gemeente: str) -> str:
    """Fill in the form that makes a list, and return the address of the wave."""
    person.open("/vernieuwingsrondes/voorbereiden")
    person.fill("Naam van de ronde", name)
    person.fill("Waarom is deze ronde nodig?", "De sleutels verlopen dit jaar.")
    person.fill("Sleutels die verlopen op of voor", "2199-12-31")
    person.page.get_by_label("Alleen deze gemeenten").fill(gemeente)
    person.press("Lijst maken")
    return person.page.url


def halt(person: CheckedPerson, button: str, why: str) -> None:
    """Say why, and press the button."""
    person.fill("Waarom doet u dit?", why)
    person.press(button)


def wait_for(person: CheckedPerson, progress: str) -> None:
    """Wait until the page shows how far the wave is; nobody touches it."""
    person.page.get_by_text(re.compile(f"{progress} aan de beurt geweest")).wait_for(timeout=100_000)


def test_a_wave_from_its_form_to_its_report(person: Person, running: stack.Stack) -> None:
    rik, rosa = person("rik"), person("rosa")
    rik.open("/vernieuwingsrondes")
    rik.check("rondes-leeg")
    fill(running)
    wave = prepare(rik, "Vernieuwing productie 2027", "Testdorp")
    rik.check("ronde-voorbereid-eigen")
    rosa.open(wave)
    rosa.check("ronde-voorbereid")
    with running.app.app_context():
        change(Aanvraag, Aanvraag.pakket == "Pakket 2", pakket="Iets anders")
        db.session.remove()
    rosa.open(f"{wave}/starten")
    rosa.check("ronde-starten")
    rosa.press("Ronde starten")
    # At once: the worker may renew half a minute from now, and an inspection takes long on a busy machine.
    rik.open(f"{wave}/pauzeren")
    halt(rik, "Ronde pauzeren", "De helpdesk is nu te druk.")
    rik.check("ronde-gepauzeerd")
    rosa.page.get_by_role("link", name="Niet vanzelf verversen").click()
    rosa.check("ronde-gepauzeerd-stil")
    rik.open(f"{wave}/pauzeren")
    rik.check("ronde-pauzeren-te-laat")
    rik.open(f"{wave}/hervatten")
    rik.check()
    halt(rik, "Ronde hervatten", "De helpdesk heeft weer tijd.")
    rik.page.get_by_text("Deze pagina ververst zichzelf").wait_for()
    wait_for(rik, r"[1-9]\d* van \d+")
    rosa.open(wave)
    rosa.check("ronde-loopt")
    wait_for(rik, r"(\d+) van \1")
    rik.check("ronde-klaar")
    rik.open(f"{wave}?toon=refused")
    rik.check("ronde-niet-vernieuwd")
    with rik.page.expect_download() as download:
        rik.page.get_by_role("link", name="Verslag downloaden (CSV)").click()
    assert download.value.suggested_filename.startswith("vernieuwingsronde-")
    rik.open("/vernieuwingsrondes")
    rik.check("rondes")


def test_the_faults_of_its_forms_its_stop_and_the_renewal_of_one_key(person: Person, running: stack.Stack) -> None:
    with running.app.app_context():
        aanvraag = working("Pakket apart")
        db.session.remove()
    rosa = person("rosa")
    rosa.open("/vernieuwingsrondes/voorbereiden")
    rosa.check()
    rosa.fill("Naam van de ronde", "x")
    rosa.page.get_by_label("Alleen deze gemeenten").fill("Nergenshuizen")
    rosa.press("Lijst maken")
    assert rosa.page.title().startswith("Fout: ")
    rosa.check("ronde-voorbereiden-fout")
    wave = prepare(rosa, "Een vergissing", "Voorbeeldstad")
    rosa.open(f"{wave}/stoppen")
    rosa.check()
    rosa.press("Ronde stoppen")
    rosa.check("ronde-stoppen-fout")
    halt(rosa, "Ronde stoppen", "Dit was een vergissing.")
    rosa.check("ronde-gestopt")
    rosa.open(f"/dossiers/{aanvraag}")
    rosa.check("dossier-vernieuwen")
    rosa.page.get_by_role("link", name="Sleutel vernieuwen").click()
    rosa.check("sleutel-vernieuwen")
    rosa.press("Sleutel vernieuwen")
    rosa.check("dossier-vernieuwd")
