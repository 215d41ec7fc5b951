"""Zip and password behind login: both contacts' pages in a real browser, before, during and after."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from keyservice.aanvragen.workflow import Status
from keyservice.demo.stack import Stack
from keyservice.issuance import service
from keyservice.kernel.secret import Secret
from keyservice.kernel.zips import read_zip
from tests.browser.conftest import CheckedPerson
from tests.factories.aanvragen import actor, ready
from tests.factories.contacts import logins_only
from tests.factories.issued_rows import approve

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
Person = Callable[[str | None], CheckedPerson]


def waiting(running: Stack, pakket: str) -> UUID:
    """Return an issuance whose zip waits for Anna and whose password waits for Bea, both behind login."""
    with running.app.app_context():
        aanvraag_id = ready(pakket=pakket, status=Status.SUBMITTED)
        logins_only(aanvraag_id, "anna", "bea")
        approve(aanvraag_id)
        return service.issue(actor("rosa"), aanvraag_id)


def test_the_zip_is_downloaded_and_the_password_shows_once(person: Person, running: Stack, tmp_path: Path) -> None:
    issuance_id = waiting(running, "Inlogpakket")
    anna, bea = person("anna"), person("bea")
    bea.open(f"/uitgiften/{issuance_id}/wachtwoord")
    bea.check("wachtwoord-nog-niet")
    assert bea.page.get_by_text("Inlogpakket").is_visible(), "who gets several passwords sees which this is"
    anna.open(f"/uitgiften/{issuance_id}/zipbestand")
    anna.check("zip-klaar")
    anna.press("Zipbestand ophalen")
    anna.check("zip-opslaan")
    with anna.page.expect_download() as download:
        anna.page.get_by_role("link", name="Zipbestand opslaan").click()
    assert download.value.suggested_filename == "applicatiesleutel.zip"
    download.value.save_as(tmp_path / "sleutel.zip")
    anna.open(f"/uitgiften/{issuance_id}/zipbestand")
    anna.check("zip-opgehaald")
    anna.press("Ik heb het zipbestand")
    anna.check("zip-ontvangen")
    bea.open(f"/uitgiften/{issuance_id}/wachtwoord")
    bea.check("wachtwoord-klaar")
    bea.press("Wachtwoord bekijken")
    bea.check("wachtwoord-getoond")
    password = "".join(bea.page.locator(".ks-secret__group").all_inner_texts())
    assert read_zip((tmp_path / "sleutel.zip").read_bytes(), Secret(password))
    bea.open(f"/uitgiften/{issuance_id}/wachtwoord")
    bea.check("wachtwoord-al-bekeken")
    assert password not in bea.page.content()
    bea.press("Dit was ik niet")
    bea.check("wachtwoord-dit-was-ik-niet")
    anna.open(f"/uitgiften/{issuance_id}/zipbestand")
    anna.check("zip-ingetrokken")
