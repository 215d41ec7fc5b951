"""Contacts that a gemeente keeps, in a real browser: chosen again, running out, replaced, and a key asked for anew."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from keyservice.aanvragen.models import Aanvraag
from keyservice.contacts.models import Contact
from keyservice.contacts.queries import HOLDS
from keyservice.database import db, transaction
from keyservice.demo.stack import Stack
from keyservice.kernel import clock
from keyservice.sleutels import service as sleutels
from tests.browser.conftest import CheckedPerson
from tests.factories.aanvragen import actor, ready
from tests.factories.issuance import approved, issuance
from tests.factories.issuance import issued as issued_now

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
Person = Callable[[str | None], CheckedPerson]


@pytest.fixture
def issued(running: Stack) -> str:
    """Store an approved aanvraag, and an issued one whose key works and whose contacts must soon be checked again."""
    with running.app.app_context():
        row = issuance(issued_now())
        sleutels.activate(actor("anna"), row.sleutel_id, dossier=row.aanvraag_id)
        aanvraag = db.session.get_one(Aanvraag, row.aanvraag_id)
        soon = clock.now() - HOLDS + timedelta(days=10)
        with transaction() as session:
            ids = (aanvraag.key_contact_id, aanvraag.password_contact_id)
            session.execute(update(Contact).where(Contact.id.in_(ids)).values(verified_at=soon, vouched_at=soon))
        approved(pakket=f"Tweede pakket {aanvraag.number}")
        ready(pakket=f"Derde pakket {aanvraag.number}")
        return f"/aanvragen/{aanvraag.id}"


def test_contacts_are_chosen_again_without_typing(person: Person, issued: str) -> None:
    anna = person("anna")
    anna.open("/contactpersonen")
    anna.check("contactpersonen-lijst")
    anna.open(f"{issued}/contactpersonen")
    anna.check("contactpersonen-uitgegeven")
    anna.open("/aanvragen/nieuw")
    anna.check("nieuw-met-sleutel")
    anna.press("Aanvraag starten")
    anna.fill("OIN", "00000003 12345678 0000")
    anna.press("Volgende")
    anna.check("stap2-lijst")
    for label, name in (("Wie ontvangt het zipbestand?", "Anna"), ("Wie ontvangt het wachtwoord?", "Wim")):
        option = anna.page.get_by_label(label).locator("option", has_text=name).first
        anna.page.get_by_label(label).select_option(option.get_attribute("value"))
    assert not anna.page.locator("#contact_naam").is_visible(), "who is chosen need not be typed"
    assert not anna.page.locator("#ontvanger_mobiel").is_visible()
    anna.check("stap2-gekozen")
    anna.press("Volgende")
    assert "Stap 3" in anna.page.title()
    anna.fill("Softwareleverancier", "Voorbeeldsoftware")
    anna.page.get_by_label("Pakket").fill("Volgpakket")
    anna.fill("Versie", "4.2")
    anna.page.get_by_label("Productie").check()
    anna.press("Volgende")
    anna.page.goto(anna.page.url.replace("stap/ondertekening", "controleren"))
    anna.check("controleren-met-sleutel")
    assert "U hebt al een sleutel voor dit pakket" in anna.page.locator("main").inner_text()
    anna.press("Vervanging aanvragen")
    assert "vervangt de sleutel van" in anna.page.locator("main").inner_text()
    anna.check("status-vervanging")


def test_a_gemeentebeheerder_replaces_a_contact_everywhere(person: Person, issued: str) -> None:
    gert = person("gert")
    gert.open(issued)
    gert.check("status-uitgegeven")
    gert.open(f"{issued}/contactpersonen")
    gert.check("contactpersonen-uitgegeven-gemeentebeheerder")
    gert.page.get_by_role("link", name="Vervangen").first.click()
    gert.check("vervangen")
    gert.press("Contactpersoon vervangen")
    assert gert.page.title().startswith("Fout: ")
    gert.check("vervangen-fout")
    gert.fill("Naam", "Eva Nieuw")
    gert.fill("Functie", "Jurist")
    gert.fill("E-mailadres", "eva@voorbeeldstad.example")
    gert.fill("Telefoonnummer", "010 200 00 02")
    gert.press("Contactpersoon vervangen")
    assert re.search(r"/aanvragen/[0-9a-f-]{36}$", gert.page.url), gert.page.url
    assert "De contactpersoon is vervangen" in gert.page.locator("main").inner_text()
    gert.check("vervangen-klaar")
    gert.open("/contactpersonen")
    gert.check("contactpersonen-vervangen")
    gert.page.get_by_role("button", name="Niet meer aanbieden").first.click()
    assert "Wij bieden deze persoon niet meer aan" in gert.page.locator("main").inner_text()
