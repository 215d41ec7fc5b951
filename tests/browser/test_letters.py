"""The password by letter in a real browser: choosing it, the call, and the pages of who prints and posts."""

import time
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select

from keyservice.aanvragen import review
from keyservice.aanvragen.workflow import Step
from keyservice.contacts import vouching
from keyservice.contacts.models import Contact
from keyservice.database import db, transaction
from keyservice.demo.stack import Stack
from keyservice.demo.walk import Scene, link
from keyservice.issuance import service
from keyservice.kernel import clock
from keyservice.outbox.models import Letter
from tests.browser.conftest import CheckedPerson
from tests.factories.aanvragen import actor
from tests.factories.contacts import Case, letter_contact, unproven

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
Person = Callable[[str | None], CheckedPerson]


def test_a_letter_from_the_form_to_the_post(person: Person, running: Stack) -> None:
    choose(person("anna"))
    with running.app.app_context():
        case = unproven()
        letter_contact(case.aanvraag, proven=False)
    anna, rik = person("anna"), person("rik")
    anna.open(case.pages)
    anna.check("brief-contactpersonen")
    call(rik, case)
    with running.app.app_context():
        issuance_id = issue(case)
    rik.open(f"/uitgiften/{issuance_id}/vrijgeven")
    rik.check("brief-vrijgeven")
    visitor = person(None)
    visitor.open(link(Scene(running, print).mail("Uw applicatiesleutel"), "/ontvangst/"))
    visitor.check("brief-ontvangst")
    visitor.press("Ik heb het zipbestand")
    visitor.check("brief-ontvangen")
    letter_id = printed(running, issuance_id)
    print_and_post(rik, letter_id)
    anna.open(f"/aanvragen/{case.aanvraag}")
    anna.check("brief-status")
    rik.open(f"/dossiers/{case.aanvraag}")
    rik.check("brief-dossier")
    rik.open(f"/brieven/{letter_id}/retour")
    rik.check("brief-retour")
    rik.fill("Wat is er met de brief gebeurd?", "De envelop kwam terug.")
    rik.press("Sleutel intrekken")
    rik.check("brief-retour-dossier")
    rik.open(f"/brieven/{letter_id}")
    rik.check("brief-afgelopen")
    addresses(person("ben"))


def choose(anna: CheckedPerson) -> None:
    """Choose a letter in the form, first without an address for notices."""
    anna.open("/aanvragen/nieuw")
    anna.press("Aanvraag starten")
    anna.page.goto(anna.page.url.replace("/gemeente", "/contactpersonen"))
    receiver = anna.page.locator("fieldset").nth(2)
    receiver.get_by_label("Per brief, naar het adres van uw gemeente in ons register").check()
    assert not receiver.get_by_label("Mobiel nummer").is_visible()
    assert receiver.get_by_label("E-mailadres").is_visible()
    anna.check("brief-kiezen")
    anna.press("Volgende")
    anna.check("brief-kiezen-fout")
    assert anna.page.get_by_label("Per brief").is_checked()


def call(rik: CheckedPerson, case: Case) -> None:
    """Call about somebody who gets a letter."""
    rik.open(f"/dossiers/{case.aanvraag}/contactpersonen/{case.password}/instaan")
    rik.check("brief-bellen")
    rik.page.get_by_label("Ik heb dit nummer gebeld").check()
    rik.press("Instaan")
    rik.check("brief-bellen-fout")
    rik.page.get_by_label("De contactpersoon bevestigt").check()
    rik.press("Instaan")


def issue(case: Case) -> UUID:
    """Let Rik approve what he called about, and Rosa issue the key."""
    with transaction() as session:
        row = session.get_one(Contact, case.key)
        row.verified_address, row.verified_at = row.mailbox, clock.now()
    vouching.vouch_by_call(actor("rik"), case.key, "+31102000000", case.aanvraag)
    review.take_step(actor("rik"), case.aanvraag, Step.TAKE_UP)
    review.approve(actor("rik"), case.aanvraag, "Alles klopt.")
    return service.issue(actor("rosa"), case.aanvraag)


def printed(running: Stack, issuance_id: UUID) -> UUID:
    """Wait for the worker of the program to make the letter."""
    give_up = time.monotonic() + 20
    while time.monotonic() < give_up:
        with running.app.app_context():
            found = db.session.scalar(select(Letter.id).where(Letter.subject == issuance_id))
        if found:
            return found
        time.sleep(0.2)
    pytest.fail("the worker made no letter")


def print_and_post(rik: CheckedPerson, letter_id: UUID) -> None:
    """Open the letter, which shows as a document of its own, come back and say that it was posted."""
    for path in ("/", "/werkvoorraad", "/brieven"):
        rik.open(path)
        rik.check(f"brieven-{path.strip('/') or 'front'}")
    rik.open(f"/brieven/{letter_id}")
    rik.check("brief-klaar")
    with rik.page.expect_response(lambda answer: answer.url.endswith("/openen")) as opened:
        rik.page.get_by_role("button", name="Brief openen om te printen").click()
    assert opened.value.status == 200
    assert opened.value.headers["content-type"] == "application/pdf"
    rik.open(f"/brieven/{letter_id}")
    rik.check("brief-geprint")
    rik.press("Brief is gepost")
    rik.check("brief-gepost")
    rik.open(f"/brieven/{letter_id}")
    rik.check("brief-onderweg")


def addresses(ben: CheckedPerson) -> None:
    """Change the registered address of a gemeente, as a beheerder."""
    ben.check("brief-beheerder")
    ben.open("/gemeenten/9999/adres")
    ben.check("adres")
    ben.page.get_by_label("Postcode").fill("12")
    ben.press("Postadres opslaan")
    ben.check("adres-fout")
    ben.open("/gemeenten?zoek=9999")
    ben.check("gemeenten-adres")
