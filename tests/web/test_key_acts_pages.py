"""The pages on which a key that was handed over is blocked, resumed, revoked and replaced, and those of a successor."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from keyservice.accounts.service import give_role
from keyservice.database import transaction
from keyservice.demo.people import person_id
from keyservice.gemeenten.models import Gemeente
from keyservice.issuance import service
from keyservice.issuance.queries import of_aanvraag
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI, Role
from keyservice.sleutels.life import State, state
from tests.conftest import post
from tests.factories.aanvragen import actor
from tests.factories.issuance import approved
from tests.factories.waves import deliver, working

Browser = Callable[[str], FlaskClient]
WHY = "Even uitzoeken wat er is gebeurd."


@pytest.fixture
def aanvraag(app: Flask) -> UUID:
    """An aanvraag of Anna's gemeente with a key that works."""
    with app.app_context():
        return working()


def url(app: Flask, aanvraag: UUID, act: str) -> str:
    with app.app_context():
        return f"/uitgiften/{of_aanvraag(aanvraag)[-1].id}/{act}"


def stands(app: Flask, aanvraag: UUID) -> list[State]:
    with app.app_context():
        return [state(row.sleutel.facts, clock.now()) for row in of_aanvraag(aanvraag)]


def test_a_gemeente_blocks_its_key_and_lets_it_work_again(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    anna, page = browser_of("anna"), f"/aanvragen/{aanvraag}"
    assert "Sleutel deblokkeren" not in anna.get(page).text
    block, free = url(app, aanvraag, "blokkeren"), url(app, aanvraag, "deblokkeren")
    assert "Sleutel blokkeren?" in anna.get(block).text
    assert post(anna, block, {"reden": WHY}).location == page
    shown = anna.get(page).text
    assert "Uw gemeente heeft de sleutel geblokkeerd" in shown
    assert "Geblokkeerd door de gemeente" in shown
    assert "De sleutel is geactiveerd." not in shown.split("Verloop")[0]
    assert post(anna, free, {"reden": WHY}, step_up=True).location == page
    assert stands(app, aanvraag) == [State.ACTIVE]
    assert "U hoeft nu niets te doen" in anna.get(page).text


def test_what_is_lacking_in_a_form_is_said_and_what_was_typed_is_kept(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    anna = browser_of("anna")
    answer = post(anna, url(app, aanvraag, "intrekken"), {"reden": "Gelekt via een ticket."}, step_up=True)
    assert answer.status_code == 422
    assert "Kies waarom u de sleutel intrekt." in answer.text
    assert "Gelekt via een ticket." in answer.text
    assert "Schrijf op waarom u de sleutel blokkeert." in post(anna, url(app, aanvraag, "blokkeren")).text
    assert stands(app, aanvraag) == [State.ACTIVE]


def test_what_duo_blocked_one_relatiebeheerder_asks_for_and_another_confirms(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    rik, rosa, anna, page = browser_of("rik"), browser_of("rosa"), browser_of("anna"), f"/dossiers/{aanvraag}"
    block, free = url(app, aanvraag, "blokkeren"), url(app, aanvraag, "deblokkeren")
    assert post(rik, block, {"reden": WHY}).location == page
    assert "Alleen DUO kan de sleutel weer laten werken" in anna.get(f"/aanvragen/{aanvraag}").text
    assert "Bel uw relatiebeheerder" in anna.get(free).text
    assert post(anna, free, {"reden": WHY}, step_up=True).status_code == 403
    assert post(rik, free, {"reden": WHY}, step_up=True).location == page
    assert stands(app, aanvraag) == [State.SUSPENDED]
    assert "Een andere relatiebeheerder moet dat bevestigen" in rik.get(free).text
    assert "Deblokkeren bevestigen" not in rik.get(page).text
    assert "Deblokkeren bevestigen" in rosa.get(page).text
    assert post(rosa, free, {"reden": WHY}, step_up=True).location == page
    assert stands(app, aanvraag) == [State.ACTIVE]


@pytest.mark.parametrize("login", ["anna", "gert", "rik"])
def test_a_key_is_revoked_by_gemeente_or_duo_and_then_has_no_buttons(
    app: Flask, browser_of: Browser, aanvraag: UUID, login: str
) -> None:
    browser, page = browser_of(login), f"/{'dossiers' if login == 'rik' else 'aanvragen'}/{aanvraag}"
    revoke = url(app, aanvraag, "intrekken")
    assert "De koppeling werkt dan meteen niet meer." in browser.get(revoke).text
    assert post(browser, revoke, {"waarom": "not-needed", "reden": WHY}, step_up=True).location == page
    assert stands(app, aanvraag) == [State.REVOKED]
    shown = browser.get(page).text
    assert f'href="{revoke}"' not in shown
    assert browser.get(revoke).status_code == 409
    if login != "rik":
        assert "De sleutel is ingetrokken" in shown
        assert "Vervanging aanvragen" in shown


def test_the_page_of_an_expired_key_and_of_one_that_expires_soon_asks_to_replace_it(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    with app.app_context():
        end = of_aanvraag(aanvraag)[-1].sleutel.expires_at
    for moment, said in ((end - timedelta(days=80), "De sleutel verloopt op "), (end, "De sleutel is verlopen")):
        with time_machine.travel(moment, tick=False):
            shown = browser_of("anna").get(f"/aanvragen/{aanvraag}").text
            assert said in shown
            assert "U hoeft nu niets te doen" not in shown
            assert shown.count("Vervanging aanvragen") == 1


def test_while_a_renewed_key_is_on_its_way_the_old_one_still_has_its_buttons(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    old = url(app, aanvraag, "intrekken")
    with app.app_context():
        renewed = service.renew(actor("rosa"), aanvraag, 7)
    page = browser_of("anna").get(f"/aanvragen/{aanvraag}").text
    assert "Vorige sleutel" in page
    assert f'href="{old}"' in page
    with app.app_context():
        deliver(renewed)
    page = browser_of("anna").get(f"/aanvragen/{aanvraag}").text
    assert {f'href="{old}"' in page, f'href="{url(app, aanvraag, "intrekken")}"' in page} == {True}
    assert post(browser_of("anna"), old, {"waarom": "not-needed", "reden": WHY}, step_up=True).status_code == 303
    assert stands(app, aanvraag) == [State.REVOKED, State.ACTIVE]
    assert "Vorige sleutel" not in browser_of("anna").get(f"/aanvragen/{aanvraag}").text


def test_the_issuer_chooses_how_long_two_keys_live_side_by_side(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    rosa, page = browser_of("rosa"), f"/dossiers/{aanvraag}/vernieuwen"
    assert 'value="14"' in rosa.get(page).text
    for wrong in ("31", "-1", "veel", ""):
        answer = post(rosa, page, {"overlap": wrong}, step_up=True)
        assert answer.status_code == 422
        assert answer.text.count("Vul een heel getal in van 0 tot en met 30.") == 2  # in the summary and at the field
    assert post(rosa, page, {"overlap": "0"}, step_up=True).status_code == 303
    with app.app_context():
        assert of_aanvraag(aanvraag)[-1].overlap_days == 0


def test_a_first_key_is_asked_no_overlap(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        first = approved()
    page = browser_of("rosa").get(f"/dossiers/{first}/uitgeven").text
    assert "Sleutel uitgeven?" in page
    assert "Hoeveel dagen" not in page
    assert post(browser_of("rosa"), f"/dossiers/{first}/uitgeven", step_up=True).status_code == 303
    with app.app_context():
        assert of_aanvraag(first)[-1].overlap_days is None


@pytest.mark.parametrize("act", ["blokkeren", "deblokkeren", "intrekken"])
def test_i9_another_gemeente_sees_no_page_about_a_key(
    app: Flask, browser_of: Browser, aanvraag: UUID, act: str
) -> None:
    assert browser_of("tom").get(url(app, aanvraag, act)).status_code == 404
    assert post(browser_of("tom"), url(app, aanvraag, act), {"reden": WHY}, step_up=True).status_code == 404
    assert stands(app, aanvraag) == [State.ACTIVE]


def ends(app: Flask, code: str, successor: str) -> None:
    with app.app_context(), transaction() as session:
        last_day = clock.local_date(clock.now()) - timedelta(days=1)
        values = {"valid_until": last_day, "successor_code": successor}
        session.execute(update(Gemeente).where(Gemeente.code == code).values(**values))
    beheerder_of_9999(app)


def beheerder_of_9999(app: Flask) -> None:
    """Make Tom a gemeentebeheerder of the other gemeente, which has none."""
    with app.app_context():
        give_role(CLI, person_id("tom"), Role.GEMEENTEBEHEERDER, gemeente="9999")


def test_a_successor_asks_for_the_keys_of_its_predecessor_and_duo_decides(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    ends(app, "9998", "9999")
    tom, rik = browser_of("tom"), browser_of("rik")
    assert "Uw gemeente volgt gemeente" in tom.get("/").text
    page = tom.get("/opvolging").text
    assert "Gebruik van de sleutels vragen" in page
    assert "SL-" in page
    assert post(tom, "/opvolging/9998/vragen").location == "/opvolging"
    assert "Gevraagd op" in tom.get("/opvolging").text
    assert "Een gemeente vraagt om de sleutels van haar voorganger" in rik.get("/").text
    waiting = rik.get("/opvolgingen").text
    question = waiting.split('href="/opvolgingen/', 1)[1].split('"', 1)[0]
    assert "Vraag goedkeuren" in rik.get(f"/opvolgingen/{question}").text
    refused = post(rik, f"/opvolgingen/{question}/afwijzen", {"reden": ""})
    assert refused.status_code == 422
    assert "Schrijf op waarom u de vraag afwijst." in refused.text
    assert post(rik, f"/opvolgingen/{question}/goedkeuren", step_up=True).status_code == 303
    assert "De sleutels werken voor uw gemeente tot en met" in tom.get("/opvolging").text
    assert "Vraag goedkeuren" not in rik.get(f"/opvolgingen/{question}").text
    assert post(rik, f"/opvolgingen/{question}/goedkeuren", step_up=True).status_code == 409


def test_a_gemeente_that_follows_nobody_has_nothing_to_ask(app: Flask, browser_of: Browser) -> None:
    beheerder_of_9999(app)
    assert "volgt geen gemeente op" in browser_of("tom").get("/opvolging").text
    assert post(browser_of("tom"), "/opvolging/9998/vragen").status_code == 404


def test_a_refused_question_can_be_asked_again(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    ends(app, "9998", "9999")
    tom, rik = browser_of("tom"), browser_of("rik")
    for _time in range(2):
        post(tom, "/opvolging/9998/vragen")
        question = rik.get("/opvolgingen").text.split('href="/opvolgingen/', 1)[1].split('"', 1)[0]
        assert post(rik, f"/opvolgingen/{question}/afwijzen", {"reden": WHY}).status_code == 303
        page = tom.get("/opvolging").text
        assert "Afgewezen op" in page
        assert "Gebruik van de sleutels vragen" in page
