"""The pages of the auditor as a browser shows them: empty, filled, broken, and with faults in the search."""

import json
from collections.abc import Callable
from datetime import timedelta

import time_machine

from keyservice import audit, settings
from keyservice.aanvragen import review
from keyservice.aanvragen.workflow import Step
from keyservice.audit.queries import search
from keyservice.database import transaction
from keyservice.demo.stack import Stack
from keyservice.issuance.events import DISOWNED, RELEASED
from keyservice.kernel import clock
from tests.browser.conftest import CheckedPerson
from tests.factories.aanvragen import actor, ready

Person = Callable[[str | None], CheckedPerson]


def test_an_auditor_sees_how_the_trail_stands_and_looks_for_what_happened(person: Person, running: Stack) -> None:
    ada = person("ada")
    ada.check("auditor-quiet")
    with running.app.app_context():
        aanvraag_id = ready(pakket="Auditpakket")
        review.take_step(actor("rik"), aanvraag_id, Step.TAKE_UP)
        for back in (0, 1, 2, 5, 13):
            with time_machine.travel(clock.now() - timedelta(days=back)):
                for _ in range(7 + back):
                    audit.record_refusal(actor("tom"), "front.status", "not-found", dossier=aanvraag_id)
        with transaction():
            audit.record(RELEASED, actor("rosa"), dossier=aanvraag_id, called="+31102000000", reason="Sms kwam niet.")
            audit.record(DISOWNED, actor("anna"), dossier=aanvraag_id, part="key")
        released = search(code=RELEASED.code)[0].id
        number = "AA-2026-00001"
    ada.open("/?dagen=90")
    ada.check("auditor-filled")
    ada.page.get_by_text("Dezelfde cijfers als tabel").click()
    ada.check("auditor-table")
    ada.open(f"/gebeurtenissen?dossier={aanvraag_id}")
    ada.check("auditor-search")
    ada.fill("Wie: naam of e-mailadres", "fictief")
    ada.fill("Gemeente: naam of code", "Nergens")
    ada.page.get_by_label("Tot en met tijd").fill("12:00")
    ada.press("Gebeurtenissen zoeken")
    ada.check("auditor-search-faults")
    ada.open("/gebeurtenissen?handeling=sleutel:damage")
    ada.check("auditor-search-nothing")
    ada.open(f"/dossiers/{aanvraag_id}/tijdlijn")
    ada.check("auditor-timeline")
    ada.page.wait_for_timeout(2000)  # the worker seals every half second
    ada.open(f"/gebeurtenissen/{released}")
    assert ada.page.get_by_text("Deze gebeurtenis staat vast").is_visible()
    ada.page.get_by_text("Bewijs bekijken").click()
    ada.check("auditor-event")
    ada.open(f"/gebeurtenissen?dossier={number}")
    with ada.page.expect_download() as file:
        ada.page.get_by_role("button", name="Zoekresultaat downloaden").click()
    assert file.value.suggested_filename.endswith(".csv")


def test_a_broken_trail_is_red(person: Person, running: Stack) -> None:
    ada = person("ada")
    with running.app.app_context():
        path = settings.current().checkpoints
        kept = path.read_bytes()
        path.write_text(json.dumps({"checkpoint": "een ander controlepunt"}) + "\n")
    try:
        ada.open("/")
        assert ada.page.get_by_role("heading", name="Het logboek klopt niet").is_visible()
        ada.check("auditor-broken")
    finally:
        path.write_bytes(kept)
