"""The pages 'Raadplegen en muteren persoon': who may, what is asked, what stays typed, and no BSN in any address."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from keyservice.accounts import service as accounts
from keyservice.demo.people import person_id
from keyservice.kernel.actor import CLI, Role
from keyservice.portaal import queries, service
from keyservice.portaal.models import Registration
from keyservice.portaal.rules import Facts
from tests.conftest import post as post_fields
from tests.factories.aanvragen import actor
from tests.factories.portaal import REFUSED, REFUSED_AFTER, SIGNED, inburgeraar
from tests.pages import check

Browser = Callable[[str], FlaskClient]
DIGITS = "999990019"
DAYS = {"datum_start": "3-2-2020", "datum_einde": "2020-02-04", "datum_ondertekening": "04-02-2020"}
YES = {"ondertekend": "ja", "gevolgd": "ja"}


@pytest.fixture
def amira(app: Flask, tmp_path: Path) -> UUID:
    with app.app_context():
        return inburgeraar(tmp_path)


@pytest.fixture
def elias(app: Flask, tmp_path: Path) -> UUID:
    """Somebody of the Wi2021."""
    with app.app_context():
        return inburgeraar(
            tmp_path, "999990056", voornamen="Elias", wet="Wi2021", plicht_van="2022-02-01", plicht_tot="2023-08-01"
        )


def post(browser: FlaskClient, url: str, **fields: str) -> TestResponse:
    answer: TestResponse = post_fields(browser, url, fields)
    return answer


def newest(app: Flask, person: UUID) -> Registration | None:
    with app.app_context():
        return queries.newest(person)


def send(browser: FlaskClient, url: str, **fields: str) -> TestResponse:
    """Send the form that stands on a page, with what it holds already."""
    page = browser.get(url)
    assert page.status_code == 200
    kept = dict(re.findall(r'name="(versie)" type="hidden" value="(\d+)"', page.text))
    return post(browser, url, **{**kept, **fields})


def faults(answer: TestResponse) -> list[str]:
    assert answer.status_code == 422
    check(answer.text)
    return re.findall(r'<a class="nl-link" href="#[\w-]+">([^<]+)</a>', answer.text)


# Searching


def test_a_search_by_bsn_leads_to_a_page_whose_address_does_not_hold_it(browser_of: Browser, amira: UUID) -> None:
    pim = browser_of("pim")
    check(pim.get("/inburgering").text)
    answer = post(pim, "/inburgering/zoeken/bsn", bsn="9999.90.019")
    assert (answer.status_code, answer.location) == (303, f"/inburgering/{amira}")
    page = pim.get(str(answer.location))
    check(page.text)
    assert "Amira Voorbeeldstra" in page.text
    assert "••••••019" in page.text
    assert DIGITS not in page.text


def test_who_is_not_there_is_said_and_the_number_is_not_repeated(browser_of: Browser, amira: UUID) -> None:
    answer = post(browser_of("pim"), "/inburgering/zoeken/bsn", bsn="999990020")
    check(answer.text)
    assert answer.status_code == 200
    assert "Wij vinden in uw gemeente niemand" in answer.text
    assert "999990020" not in answer.text


def test_a_number_that_is_no_bsn_is_a_fault_at_its_field_and_stays_typed(browser_of: Browser, amira: UUID) -> None:
    answer = post(browser_of("pim"), "/inburgering/zoeken/bsn", bsn="123456789")
    assert faults(answer) == ["Vul een BSN in van 9 cijfers. Controleer de cijfers"]
    assert 'value="123456789"' in answer.text


def test_who_tries_many_numbers_reads_how_long_to_wait_and_the_number_is_not_kept(browser_of: Browser) -> None:
    pim = browser_of("pim")
    codes = [(answer := post(pim, "/inburgering/zoeken/bsn", bsn=DIGITS)).status_code for _ in range(23)]
    assert (codes[0], codes[-1]) == (200, 429)
    check(answer.text)
    assert "Alleen een wachtwoord, code of BSN vult u opnieuw in." in answer.text
    assert DIGITS not in answer.text


def test_a_search_by_name_needs_both_and_shows_who_there_is(browser_of: Browser, amira: UUID) -> None:
    pim = browser_of("pim")
    assert faults(post(pim, "/inburgering/zoeken/naam", achternaam="", geboortedatum="31-2-1985")) == [
        "Vul de achternaam in",
        "Vul een geboortedatum in, bijvoorbeeld 3-11-1985. Vul 00 in voor een dag of maand die niet bekend is",
    ]
    answer = post(pim, "/inburgering/zoeken/naam", achternaam="voorbeeldstra", geboortedatum="3-11-1985")
    check(answer.text)
    assert f'href="/inburgering/{amira}"' in answer.text
    assert 'value="3-11-1985"' in answer.text, "as it was typed"


def test_a_role_finds_only_people_of_its_own_law_and_says_who_can_grant_the_other(
    browser_of: Browser, amira: UUID, elias: UUID
) -> None:
    pim, iris = browser_of("pim"), browser_of("iris")
    assert post(pim, "/inburgering/zoeken/bsn", bsn="999990056").status_code == 200
    assert post(iris, "/inburgering/zoeken/bsn", bsn="999990056").status_code == 303
    assert pim.get(f"/inburgering/{elias}").status_code == 404
    assert iris.get(f"/inburgering/{amira}").status_code == 404
    said = "Dan hebt u de rol 'Raadplegen en muteren persoon 2021' nodig. Vraag die aan Gert Voorbeeld."
    assert said in pim.get("/inburgering").text
    assert "persoon 2013" in iris.get("/inburgering").text


def test_who_lacks_the_role_reads_which_it_is_and_who_can_grant_it(browser_of: Browser, amira: UUID) -> None:
    anna = browser_of("anna")
    for url in ("/inburgering", f"/inburgering/{amira}"):
        answer = anna.get(url)
        assert answer.status_code == 403
        check(answer.text)
        assert "raadplegen en muteren persoon 2013&#39; of &#39;raadplegen en muteren persoon 2021" in answer.text
        assert "Vraag die rol aan Gert Voorbeeld." in answer.text
        assert "Amira" not in answer.text
    assert (
        "een andere beheerder binnen uw gemeente. U kunt uzelf geen rol geven."
        in browser_of("gert").get("/inburgering").text
    )
    assert "functioneel beheerder" in browser_of("rik").get("/inburgering").text


def test_the_only_beheerder_who_lacks_a_role_is_not_sent_to_himself(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        accounts.give_role(CLI, person_id("gert"), Role.RAADPLEGEN_MUTEREN_2013, gemeente="9998")
    page = browser_of("gert").get("/inburgering")
    check(page.text)
    assert "Vraag die aan een andere beheerder binnen uw gemeente. U kunt uzelf geen rol geven." in page.text


def test_the_menu_and_the_front_page_lead_there(app: Flask, browser_of: Browser) -> None:
    front = browser_of("pim").get("/")
    check(front.text)
    assert front.text.count('href="/inburgering"') == 2
    anna = browser_of("anna").get("/").text
    assert 'href="/inburgering"' not in anna, "a menu leads nowhere where one may not be"
    assert "persoon 2021' nodig. Vraag die rol aan Gert Voorbeeld." in anna
    assert 'href="/inburgering"' not in browser_of("rik").get("/").text
    with app.app_context():
        accounts.give_role(CLI, person_id("anna"), Role.RAADPLEGEN_MUTEREN_2013, gemeente="9998")
    assert "Persoon zoeken" in browser_of("anna").get("/").text


def test_i9_the_pages_of_somebody_of_another_gemeente_are_not_there(
    app: Flask, browser_of: Browser, amira: UUID
) -> None:
    with app.app_context():
        accounts.give_role(CLI, person_id("tom"), Role.RAADPLEGEN_MUTEREN_2013, gemeente="9999")
    tom = browser_of("tom")
    for part in ("", "/vastleggen", "/verbeteren", "/intrekken"):
        answer = tom.get(f"/inburgering/{amira}{part}")
        assert answer.status_code == 404
        assert "Amira" not in answer.text
    assert post(tom, f"/inburgering/{amira}/bsn").status_code == 404


def test_the_whole_bsn_is_shown_once_to_who_asks(browser_of: Browser, amira: UUID) -> None:
    pim = browser_of("pim")
    answer = post(pim, f"/inburgering/{amira}/bsn")
    check(answer.text)
    assert DIGITS in answer.text
    assert DIGITS not in pim.get(f"/inburgering/{amira}").text


# Registering


def test_a_signature_is_registered_and_stands_on_the_page(app: Flask, browser_of: Browser, amira: UUID) -> None:
    pim, url = browser_of("pim"), f"/inburgering/{amira}"
    check(pim.get(f"{url}/vastleggen").text)
    answer = send(pim, f"{url}/vastleggen", **YES, **DAYS)
    assert (answer.status_code, answer.location) == (303, url)
    page = pim.get(url).text
    check(page)
    for words in (
        "De participatieverklaring is vastgelegd.",
        "Ondertekend",
        "3 februari 2020 tot en met 4 februari 2020",
    ):
        assert words in page
    assert "Pim Voorbeeld" in page
    version = newest(app, amira)
    assert version
    assert version.facts == SIGNED


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {},
            [
                "Kies of de inburgeraar de participatieverklaring heeft ondertekend",
                "Kies of de inburgeraar het traject heeft gevolgd",
            ],
        ),
        (
            {**YES, "datum_start": "gisteren", "datum_einde": "1-2-2017"},
            [
                "Vul een datum in, bijvoorbeeld 23-11-2026",
                "Vul een datum in vanaf 1 oktober 2017 (Wi2013) of 1 januari 2022 (Wi2021)",
                "Vul de datum van de ondertekening in",
            ],
        ),
        (
            {"ondertekend": "nee", "gevolgd": "nee", "datum_start": "gisteren"},
            ["Kies waarom de inburgeraar niet aan de plicht heeft voldaan"],
        ),
        (
            {"ondertekend": "ja", "gevolgd": "nee"},
            ["Iemand kan pas tekenen na deelname aan het traject"],
        ),
        (
            {"ondertekend": "nee", "gevolgd": "nee", "reden": "OVERIG", "toelichting": f"BSN {DIGITS}"},
            ["Haal het BSN uit de toelichting"],
        ),
        (
            {"ondertekend": "misschien", "gevolgd": "ja"},
            ["Kies of de inburgeraar de participatieverklaring heeft ondertekend"],
        ),
    ],
)
def test_all_that_is_wrong_is_told_at_once_and_what_was_typed_stays(
    app: Flask, browser_of: Browser, amira: UUID, fields: Mapping[str, str], expected: list[str]
) -> None:
    answer = send(browser_of("pim"), f"/inburgering/{amira}/vastleggen", **fields)
    assert faults(answer) == expected
    for name, value in fields.items():
        if name.startswith("datum"):
            assert f'name="{name}" type="date" value="{value}"' in answer.text
        elif name == "toelichting":
            assert value in answer.text
        elif value != "misschien":
            assert re.search(rf'<input checked[^>]*name="{name}"[^>]*value="{value}"', answer.text)
    assert newest(app, amira) is None


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({**YES, **DAYS, "reden": "GEWEIGERD", "toelichting": "Weg"}, SIGNED),
        ({"ondertekend": "nee", "gevolgd": "nee", **DAYS, "reden": "GEWEIGERD"}, REFUSED),
        ({"ondertekend": "nee", "gevolgd": "ja", **DAYS, "reden": "GEWEIGERD"}, REFUSED_AFTER),
    ],
)
def test_what_does_not_belong_to_the_answers_is_not_read_and_need_not_be_cleared(
    app: Flask, browser_of: Browser, amira: UUID, fields: Mapping[str, str], stored: Facts
) -> None:
    assert send(browser_of("pim"), f"/inburgering/{amira}/vastleggen", **fields).status_code == 303
    version = newest(app, amira)
    assert version
    assert version.facts == stored


def test_for_the_wi2021_only_dates_are_asked_and_an_answer_that_is_slipped_in_is_not_read(
    app: Flask, browser_of: Browser, elias: UUID
) -> None:
    iris, url = browser_of("iris"), f"/inburgering/{elias}/vastleggen"
    page = iris.get(url).text
    check(page)
    assert 'name="ondertekend"' not in page
    assert "kunt u nu alleen vastleggen dat iemand heeft deelgenomen en ondertekend" in page
    assert faults(send(iris, url, **DAYS)) == [
        *(["Vul een datum in vanaf 1 oktober 2017 (Wi2013) of 1 januari 2022 (Wi2021)"] * 3)
    ]
    days = {"datum_start": "3-2-2023", "datum_einde": "4-2-2023", "datum_ondertekening": "4-2-2023"}
    assert send(iris, url, **days, ondertekend="nee", reden="GEWEIGERD").status_code == 303
    version = newest(app, elias)
    assert version
    assert version.ondertekend


def test_a_correction_shows_both_versions_and_why(app: Flask, browser_of: Browser, amira: UUID) -> None:
    with app.app_context():
        service.register(actor("pim"), amira, SIGNED, seen=0)
    pim, url = browser_of("pim"), f"/inburgering/{amira}/verbeteren"
    form = pim.get(url).text
    check(form)
    assert 'value="2020-02-04"' in form, "what is registered stands in the form"
    assert faults(send(pim, url, **YES, **DAYS)) == ["Leg uit waarom u dit verandert"]
    same = send(pim, url, **YES, **DAYS, uitleg="Zomaar")
    assert same.status_code == 422
    assert "U hebt niets veranderd" in same.text
    better = {**YES, **DAYS, "datum_ondertekening": "5-2-2020", "uitleg": "Verkeerde dag getypt"}
    assert send(pim, url, **better).status_code == 303
    page = pim.get(f"/inburgering/{amira}").text
    check(page)
    for words in ("Versie 2: verbeterd", "Versie 1: vastgelegd", "Verkeerde dag getypt", "5 februari 2020"):
        assert words in page


def test_what_is_withdrawn_stays_in_the_history(app: Flask, browser_of: Browser, amira: UUID) -> None:
    with app.app_context():
        service.register(actor("pim"), amira, REFUSED, seen=0)
    pim, url = browser_of("pim"), f"/inburgering/{amira}/intrekken"
    check(pim.get(url).text)
    assert faults(send(pim, url, uitleg="")) == ["Leg uit waarom u dit intrekt"]
    assert faults(send(pim, url, uitleg=f"Hij is {DIGITS}")) == ["Haal het BSN uit de uitleg"]
    assert send(pim, url, uitleg="Verkeerde persoon").status_code == 303
    page = pim.get(f"/inburgering/{amira}").text
    check(page)
    assert "Er is nu niets vastgelegd." in page
    assert "Versie 2: ingetrokken" in page
    assert "Verkeerde persoon" in page


def test_who_comes_second_is_told_so_with_the_way_back(app: Flask, browser_of: Browser, amira: UUID) -> None:
    pim, url = browser_of("pim"), f"/inburgering/{amira}/vastleggen"
    page = pim.get(url)
    assert page.status_code == 200
    with app.app_context():
        service.register(actor("pim"), amira, REFUSED, seen=0)
    answer = post(pim, url, versie="0", **YES, **DAYS)
    assert answer.status_code == 409
    check(answer.text)
    assert "Een collega, een ander tabblad of de machinekoppeling was u net voor." in answer.text
    assert f'href="/inburgering/{amira}"' in answer.text


def test_a_button_that_is_pressed_twice_does_it_once(app: Flask, browser_of: Browser, amira: UUID) -> None:
    pim, page = browser_of("pim"), f"/inburgering/{amira}"
    forms: dict[str, dict[str, str]] = {
        "vastleggen": {**YES, **DAYS},
        "verbeteren": {**YES, **DAYS, "datum_einde": "5-2-2020", "uitleg": "Een dag langer"},
        "intrekken": {"uitleg": "Verkeerde persoon"},
    }
    for number, (way, fields) in enumerate(forms.items()):
        for _ in range(2):
            answer = post(pim, f"{page}/{way}", versie=str(number), **fields)
            assert (answer.status_code, answer.location) == (303, page)
    last = newest(app, amira)
    assert last
    assert last.number == len(forms)


def test_a_form_that_cannot_be_sent_any_more_is_not_shown(app: Flask, browser_of: Browser, amira: UUID) -> None:
    pim, page = browser_of("pim"), f"/inburgering/{amira}"
    for way in ("verbeteren", "intrekken"):
        answer = pim.get(f"{page}/{way}")
        assert answer.status_code == 409
        check(answer.text)
        assert "Er is niets vastgelegd" in answer.text
        assert f'href="{page}"' in answer.text
    with app.app_context():
        service.register(actor("pim"), amira, SIGNED, seen=0)
    answer = pim.get(f"{page}/vastleggen")
    assert answer.status_code == 409
    assert "De ondertekening is al vastgelegd" in answer.text


@pytest.mark.parametrize("broken", ["", "-1", "x", "9" * 40])
def test_a_broken_version_never_fits(browser_of: Browser, amira: UUID, broken: str) -> None:
    url = f"/inburgering/{amira}/vastleggen"
    assert post(browser_of("pim"), url, versie=broken, **YES, **DAYS).status_code == 409


def test_a_bsn_is_not_given_back_by_the_page_of_a_stale_session(app: Flask, amira: UUID) -> None:
    answer = app.test_client().post("/inburgering/zoeken/bsn", data={"bsn": DIGITS})
    assert answer.status_code == 400
    assert DIGITS not in answer.text


def test_the_data_of_a_person_come_as_a_file_after_a_fresh_factor(browser_of: Browser, amira: UUID) -> None:
    pim = browser_of("pim")
    answer = post(pim, f"/inburgering/{amira}/gegevens")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="gegevens-inburgeraar.pdf"'
    assert answer.data.startswith(b"%PDF-")


# The overview


def test_the_overview_counts_draws_and_names_who_did_not_sign(browser_of: Browser, app: Flask, amira: UUID) -> None:
    pim = browser_of("pim")
    page = pim.get("/inburgering/overzicht")
    check(page.text)
    assert f'href="/inburgering/{amira}">Amira Voorbeeldstra</a>' in page.text
    assert "Wi2013: 0 ondertekend, 0 niet ondertekend, 1 nog niets vastgelegd" in page.text
    with app.app_context():
        service.register(actor("pim"), amira, SIGNED, seen=0)
    page = pim.get("/inburgering/overzicht")
    check(page.text)
    assert "Amira" not in page.text
    assert "Van niemand is de termijn voorbij of bijna voorbij" in page.text


def test_the_file_of_the_overview_holds_no_bsn_and_no_formula(browser_of: Browser, app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        inburgeraar(tmp_path, achternaam="=SOM(A1)", voornamen="-2")
    answer = browser_of("pim").get("/inburgering/overzicht/bestand")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    heading, line = answer.text.splitlines()
    assert heading == '\ufeff"Naam";"Geboortedatum";"Wet";"Stand";"Termijn tot en met";"Termijn"'
    assert line.startswith('"\'-2 =SOM(A1)";"1985-11-03";"Wi2013";"Nog niets vastgelegd";"2021-01-14";"voorbij"')
    assert DIGITS not in answer.text


@pytest.mark.parametrize("who", ["anna", "rik", "ada"])
def test_who_lacks_the_role_sees_no_overview(browser_of: Browser, amira: UUID, who: str) -> None:
    for address in ("/inburgering/overzicht", "/inburgering/overzicht/bestand"):
        answer = browser_of(who).get(address)
        assert answer.status_code == 403
        assert "Amira" not in answer.text
