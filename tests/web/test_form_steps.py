"""The form Aanvraag Applicatiesleutel in the browser of a gemeente: four steps, a check page, and bad input."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from keyservice.contacts.models import Contact
from keyservice.database import db
from tests.conftest import post
from tests.factories.form import STEPS, filled, revision, row, save, started, text_of

Browser = Callable[[str], FlaskClient]
KEY = "asl_p_" + "a1B2c3D4" * 4 + "x9Y8z7"


def test_the_steps_lead_to_the_check_page_and_what_was_typed_is_stored_uniform(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = filled(anna)
    stored = row(app, url)
    assert (stored.oin, stored.kvk) == ("00000003123456780000", "12345678")
    with app.app_context():
        contacts = {contact.name: contact for contact in db.session.scalars(select(Contact))}
    assert contacts["Anna Voorbeeld"].phone == "+31102000000"
    assert contacts["Piet Voorbeeld"].mobile == "+31612345678"
    check = text_of(anna.get(f"{url}/controleren").text)
    for answer in ("Voorbeeldstad (9998)", "00000003123456780000", "06 12345678", "Volgmij", "Acceptatie", "Wi2013"):
        assert answer in check
    assert "Aanvraag versturen" in check


def test_the_key_contact_is_filled_in_beforehand_with_who_fills_in_the_form(browser_of: Browser) -> None:
    anna = browser_of("anna")
    page = anna.get(f"{started(anna)}/stap/contactpersonen").text
    assert 'value="Anna Voorbeeld"' in page
    assert 'value="anna@voorbeeldstad.example"' in page


def test_all_faults_of_a_step_are_told_at_once_and_everything_typed_is_kept(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = started(anna)
    answer = save(
        anna,
        url,
        "contactpersonen",
        contact_naam="",
        contact_email="anna-at-voorbeeldstad",
        contact_telefoon="+32 2 123 45 67",
        ontvanger_mobiel="0970 123 45678",
    )
    assert answer.status_code == 422
    page = answer.text
    assert "<title>Fout: Stap 2 van 5: Contactpersonen" in page
    assert "Er zijn 4 velden niet goed ingevuld" in page
    for typed in ("anna-at-voorbeeldstad", "+32 2 123 45 67", "0970 123 45678", "Applicatiebeheerder"):
        assert typed in page
    assert 'href="#contact_email"' in page
    assert row(app, url).key_contact_id is None


@pytest.mark.parametrize(
    ("oin", "message"),
    [
        ("", "Vul een OIN in van precies 20 cijfers"),
        ("   ", "Vul een OIN in van precies 20 cijfers"),
        ("0000000312345678000", "Vul een OIN in van precies 20 cijfers"),
        ("00000001123456789000", "Dit OIN klopt niet. Controleer de cijfers"),
        ("99999999123456780000", "Dit OIN klopt niet. Controleer de cijfers"),
    ],
)
def test_a_wrong_oin_is_refused(browser_of: Browser, oin: str, message: str) -> None:
    anna = browser_of("anna")
    answer = save(anna, started(anna), "gemeente", oin=oin)
    assert answer.status_code == 422
    assert message in text_of(answer.text)


def test_a_test_oin_is_refused_for_productie(browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = started(anna)
    assert save(anna, url, "gemeente", oin="00000099000000001000").status_code == 303
    assert "test-OIN" in save(anna, url, "software", omgeving="productie").text
    assert save(anna, url, "software", omgeving="acceptatie").status_code == 303


@pytest.mark.parametrize("mobile", ["06-12345678", "0031 6 12345678", "+31612345678", "06 12 34 56 78"])
def test_the_same_number_for_zip_and_password_is_refused_in_every_spelling(browser_of: Browser, mobile: str) -> None:
    anna = browser_of("anna")
    answer = save(anna, started(anna), "contactpersonen", contact_telefoon="06 12345678", ontvanger_mobiel=mobile)
    assert answer.status_code == 422
    assert "Geef voor het wachtwoord een andere persoon op dan voor de sleutel" in answer.text


@pytest.mark.parametrize(
    ("step", "field"), [("software", "toelichting"), ("software", "pakket"), ("contactpersonen", "contact_naam")]
)
@pytest.mark.parametrize("action", ["", "later"])
def test_i6_a_key_pasted_into_a_field_is_refused_not_shown_and_not_stored(
    app: Flask, browser_of: Browser, step: str, field: str, action: str
) -> None:
    anna = browser_of("anna")
    url = started(anna)
    answer = save(anna, url, step, **{field: f"de sleutel is {KEY}", "actie": action})
    pages = answer.text + anna.get(f"{url}/stap/{step}").text + anna.get(f"{url}/controleren").text
    assert answer.status_code == (303 if action else 422)
    assert KEY not in pages
    with app.app_context():
        for table in db.metadata.sorted_tables:
            assert all(KEY not in str(tuple(stored)) for stored in db.session.execute(select(table))), table.name


def test_control_characters_and_marks_that_hide_text_are_cleaned_away(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = started(anna)
    assert save(anna, url, "software", pakket="Volg\u202emij\r\nBcc: x\x00 😀").status_code == 303
    assert row(app, url).pakket == "Volgmij Bcc: x 😀"


def test_later_verdergaan_keeps_what_is_valid_and_says_what_is_not(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = started(anna)
    answer = save(anna, url, "contactpersonen", contact_email="geen adres", ontvanger_naam="", actie="later")
    assert answer.status_code == 303
    assert answer.location == "/aanvragen"
    page = text_of(anna.get("/aanvragen").text)
    assert "Wij hebben uw concept bewaard, maar nog niet: E-mailadres, Naam." in page
    with app.app_context():
        stored = {contact.part: contact for contact in db.session.scalars(select(Contact))}
    assert stored["key"].function == "Beleidsmedewerker"  # type: ignore[index]  # StrEnum keys
    assert not stored["key"].mailbox  # type: ignore[index]  # StrEnum keys
    assert stored["password"].mobile == "+31612345678"  # type: ignore[index]  # StrEnum keys
    assert "nog niet compleet" in anna.get(f"{url}/controleren").text


def test_vorige_goes_back_and_keeps_what_was_typed(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = started(anna)
    answer = save(anna, url, "software", pakket="Ander", actie="vorige")
    assert answer.location == f"{url}/stap/contactpersonen"
    assert row(app, url).pakket == "Ander"


def test_from_the_check_page_a_changed_step_leads_back_to_it(browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = filled(anna)
    assert f'href="{url}/stap/gemeente"' in anna.get(f"{url}/controleren").text
    assert save(anna, url, "gemeente", kvk="").location == f"{url}/controleren"


def test_who_comes_back_to_a_draft_goes_to_the_first_step_that_is_not_ready(browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = started(anna)
    assert f'href="{url}/stap/gemeente"' in anna.get(url).text
    save(anna, url, "gemeente", actie="later")
    assert f'href="{url}/stap/contactpersonen"' in anna.get(url).text
    for step in ("contactpersonen", "software", "ondertekening"):
        save(anna, url, step)
    assert f'href="{url}/controleren"' in anna.get(url).text


def test_the_declarations_must_be_ticked_and_are_kept_with_person_and_version(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = started(anna)
    fields = {"ondertekenaar_naam": "Gert", "ondertekenaar_functie": "Directeur", "revision": "0"}
    answer = post(anna, f"{url}/stap/ondertekening", fields)
    assert answer.status_code == 422
    assert "Vink aan dat u bevoegd bent" in answer.text
    assert "Vink aan dat u akkoord gaat" in answer.text
    assert save(anna, url, "ondertekening").status_code == 303
    stored = row(app, url)
    assert stored.declared_at
    assert stored.declared_by == stored.created_by
    assert stored.declaration_version


def test_two_tabs_notice_each_other_and_nothing_typed_is_lost(app: Flask, browser_of: Browser) -> None:
    anna, bea = browser_of("anna"), browser_of("bea")
    url = started(anna)
    old = revision(anna, url, "software")
    assert save(bea, url, "software", pakket="Van Bea").status_code == 303
    answer = save(anna, url, "software", pakket="Van Anna", revision=old)
    assert answer.status_code == 409
    assert "Uw aanvraag is intussen opgeslagen" in answer.text
    assert "Van Anna" in answer.text
    assert row(app, url).pakket == "Van Bea"
    new = re.search(r'name="revision"[^>]*value="(\d+)"', answer.text)
    assert new
    again = post(anna, f"{url}/stap/software", STEPS["software"] | {"pakket": "Van Anna", "revision": new.group(1)})
    assert again.status_code == 303
    assert row(app, url).pakket == "Van Anna"


@pytest.mark.parametrize("broken", ["", "-1", "x", "9" * 400, "²"])
def test_a_broken_revision_stores_nothing(app: Flask, browser_of: Browser, broken: str) -> None:
    anna = browser_of("anna")
    url = started(anna)
    assert save(anna, url, "software", revision=broken).status_code == 409
    assert row(app, url).pakket is None


def test_a_page_saved_without_a_change_leaves_no_event(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = filled(anna)
    before = row(app, url).revision
    assert save(anna, url, "software").status_code == 303
    assert save(anna, url, "contactpersonen").status_code == 303
    assert row(app, url).revision == before


def test_a_stale_session_gives_everything_typed_back(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = started(anna)
    answer = anna.post(f"{url}/stap/contactpersonen", data=STEPS["contactpersonen"] | {"csrf_token": "oud"})
    assert answer.status_code == 400
    for typed in STEPS["contactpersonen"].values():
        assert f'value="{typed}"' in answer.text


def test_a_field_of_ten_megabytes_is_refused(browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = started(anna)
    assert anna.post(f"{url}/stap/software", data={"toelichting": "a" * 10_000_000}).status_code == 413


def test_an_unknown_step_and_a_discarded_draft_are_not_found(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = filled(anna)
    assert anna.get(f"{url}/stap/onbekend").status_code == 404
    assert post(anna, f"{url}/verwijderen").status_code == 303
    assert anna.get(f"{url}/stap/gemeente").status_code == 404
    assert post(anna, f"{url}/verwijderen").status_code == 404
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Contact)) == 0
