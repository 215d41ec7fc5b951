"""A key that works, in a real browser: blocked, resumed, replaced, revoked, and asked for by a successor."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from keyservice.database import db, transaction
from keyservice.demo.stack import Stack
from keyservice.gemeenten.models import Gemeente
from keyservice.issuance.queries import of_aanvraag
from keyservice.kernel import clock
from tests.browser.conftest import CheckedPerson
from tests.factories.waves import working

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
Person = Callable[[str | None], CheckedPerson]
WHY = "Even uitzoeken wat er is gebeurd."


@pytest.fixture
def aanvraag(running: Stack) -> UUID:
    """An aanvraag of Testdorp with a key that works."""
    with running.app.app_context():
        aanvraag_id = working("Pakket dat wordt geblokkeerd", gemeente="9999")
        db.session.remove()
        return aanvraag_id


def act(running: Stack, aanvraag: UUID, what: str) -> str:
    with running.app.app_context():
        return f"/uitgiften/{of_aanvraag(aanvraag)[-1].id}/{what}"


def say(someone: CheckedPerson, button: str, label: str) -> None:
    """Say why, and press the button."""
    someone.fill(label, WHY)
    someone.press(button)


def test_a_key_is_blocked_resumed_renewed_and_revoked(person: Person, running: Stack, aanvraag: UUID) -> None:
    tom, rik, rosa = person("tom"), person("rik"), person("rosa")
    block, free, revoke = (act(running, aanvraag, what) for what in ("blokkeren", "deblokkeren", "intrekken"))
    tom.open(block)
    tom.press("Sleutel blokkeren")
    tom.check("blokkeren-fout")
    say(tom, "Sleutel blokkeren", "Waarom blokkeert u de sleutel?")
    tom.check("status-geblokkeerd")
    tom.open(free)
    tom.check("deblokkeren")
    say(tom, "Sleutel deblokkeren", "Waarom mag de sleutel weer werken?")
    tom.check("status-werkt-weer")
    rik.open(block)
    say(rik, "Sleutel blokkeren", "Waarom blokkeert u de sleutel?")
    rik.open(free)
    rik.check("deblokkeren-vragen")
    say(rik, "Deblokkeren vragen", "Waarom mag de sleutel weer werken?")
    rik.check("dossier-gevraagd")
    rosa.open(free)
    rosa.check("deblokkeren-bevestigen")
    say(rosa, "Deblokkeren bevestigen", "Waarom mag de sleutel weer werken?")
    rosa.open(f"/dossiers/{aanvraag}/vernieuwen")
    rosa.fill("Hoeveel dagen", "31")
    rosa.press("Sleutel vernieuwen")
    rosa.check("vernieuwen-fout")
    rosa.fill("Hoeveel dagen", "7")
    rosa.press("Sleutel vernieuwen")
    rosa.check("dossier-vernieuwd")
    tom.open(f"/aanvragen/{aanvraag}")
    tom.check("status-vorige-sleutel")
    tom.open(revoke)
    tom.press("Sleutel intrekken")
    tom.check("intrekken-fout")
    tom.page.get_by_label("De sleutel is niet meer nodig").check()
    say(tom, "Sleutel intrekken", "Toelichting")
    tom.check("status-ingetrokken")


def test_a_successor_asks_for_keys_and_duo_decides(person: Person, running: Stack) -> None:
    with running.app.app_context():
        working("Pakket van een voorganger", gemeente="9999")
        with transaction() as session:
            ended = {"valid_until": clock.local_date(clock.now()) + timedelta(days=30), "successor_code": "9998"}
            session.execute(update(Gemeente).where(Gemeente.code == "9999").values(**ended))
        db.session.remove()
    try:
        gert, rik = person("gert"), person("rik")
        gert.check("front-opvolger")
        gert.open("/opvolging")
        gert.check("opvolging")
        gert.press("Gebruik van de sleutels vragen")
        gert.check("opvolging-gevraagd")
        rik.open("/")
        rik.check("front-vraag")
        rik.open("/opvolgingen")
        rik.check("opvolgingen")
        rik.page.get_by_role("link", name="Bekijken").first.click()
        rik.press("Vraag afwijzen")
        rik.check("opvolging-besluit")
        rik.press("Vraag goedkeuren")
        gert.open("/opvolging")
        gert.check("opvolging-goedgekeurd")
    finally:
        with running.app.app_context(), transaction() as session:
            back = {"valid_until": None, "successor_code": None}
            session.execute(update(Gemeente).where(Gemeente.code == "9999").values(**back))
