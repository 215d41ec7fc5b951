"""The pages of the register's addresses, of choosing a letter, and of the letters that DUO prints."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from keyservice.aanvragen.models import Aanvraag
from keyservice.audit.queries import search
from keyservice.contacts.models import Via
from keyservice.database import db, transaction
from keyservice.gemeenten.models import Gemeente
from keyservice.issuance import letters, service
from keyservice.outbox.models import LetterStatus
from tests.conftest import csrf, post
from tests.factories.aanvragen import actor
from tests.factories.contacts import Case, contact, letter_contact, unproven
from tests.factories.form import row, save, started, text_of
from tests.factories.issuance import issuance, token_of
from tests.factories.letters import issued, letter, letter_of, received

Browser = Callable[[str], FlaskClient]
PICKED = {"ontvanger_via": "letter", "ontvanger_mobiel": "", "ontvanger_email": "piet@voorbeeldstad.example"}
NO_LETTER = "Een brief kan nog niet: wij hebben geen postadres van uw gemeente. Kies een andere manier"


@pytest.fixture
def ready(app: Flask) -> UUID:
    """Return a letter that waits to be printed; Rosa issued its key."""
    with app.app_context():
        return letter_of(received())


@pytest.fixture
def without_address(app: Flask) -> None:
    """Let DUO know no postal address of Voorbeeldstad."""
    with app.app_context(), transaction() as session:
        gone = dict.fromkeys(("address_line", "postcode", "town"))
        session.execute(update(Gemeente).where(Gemeente.code == "9998").values(**gone))


def state(app: Flask, letter_id: UUID) -> LetterStatus:
    with app.app_context():
        return letter(letter_id).status


def dossier_of(app: Flask, letter_id: UUID) -> UUID:
    with app.app_context():
        return letter(letter_id).dossier


# The register


def test_ben_changes_an_address_and_everybody_at_duo_sees_it(browser_of: Browser) -> None:
    ben, url = browser_of("ben"), "/gemeenten/9999/adres"
    assert 'value="Dorpsplein 1"' in ben.get(url).text
    typed = {"adres": " Markt  2 ", "postcode": "4321zz", "plaats": "Testdorp"}
    answer = post(ben, url, typed, step_up=True)
    assert (answer.status_code, answer.location) == (303, "/gemeenten?zoek=9999")
    for login in ("ben", "rik", "ada"):
        page = browser_of(login).get("/gemeenten?zoek=9999").text
        assert "Markt 2 4321 ZZ Testdorp" in text_of(page)
        assert ("Postadres wijzigen" in page) == (login == "ben")


def test_all_faults_of_an_address_are_said_at_once_and_what_was_typed_is_kept(browser_of: Browser) -> None:
    answer = post(
        browser_of("ben"), "/gemeenten/9998/adres", {"adres": "", "postcode": "12 AB", "plaats": ""}, step_up=True
    )
    assert answer.status_code == 422
    assert "Er zijn 3 velden niet goed ingevuld" in answer.text
    for fault in (
        "Vul een straat met huisnummer of een postbus in, bijvoorbeeld Postbus 100",
        "Vul een postcode in, bijvoorbeeld 1234 AB",
        "Vul de plaats in",
    ):
        assert answer.text.count(fault) == 2, "in the summary and at the field"
    assert 'value="12 AB"' in answer.text


def test_the_address_of_an_unknown_gemeente_is_not_found_and_only_a_beheerder_changes_one(browser_of: Browser) -> None:
    assert browser_of("ben").get("/gemeenten/0000/adres").status_code == 404
    for login in ("rik", "ada", "anna"):
        assert browser_of(login).get("/gemeenten/9998/adres").status_code == 403


# The form


def test_anna_chooses_a_letter_and_gives_an_address_for_notices(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = started(anna)
    assert "Per brief, naar het adres van uw gemeente in ons register" in anna.get(f"{url}/stap/contactpersonen").text
    assert save(anna, url, "contactpersonen", **PICKED).status_code == 303
    with app.app_context():
        receiver = db.session.get_one(Aanvraag, row(app, url).id).password_contact
        assert receiver
        assert (receiver.via, receiver.mailbox, receiver.mobile) == (Via.LETTER, PICKED["ontvanger_email"], None)


def test_a_letter_asks_for_the_address_of_notices_and_not_that_of_the_key_contact(browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = started(anna)
    answer = save(anna, url, "contactpersonen", **PICKED | {"ontvanger_email": ""})
    assert answer.status_code == 422
    assert "Vul een e-mailadres in, bijvoorbeeld naam@gemeente.nl" in answer.text
    answer = save(anna, url, "contactpersonen", **PICKED | {"ontvanger_email": "an.na+post@voorbeeldstad.example"})
    assert answer.status_code == 422
    assert "Geef voor het wachtwoord een andere persoon op dan voor de sleutel" in answer.text


@pytest.mark.usefixtures("without_address")
def test_without_an_address_in_the_register_the_form_says_so_and_offers_the_other_ways(browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = started(anna)
    page = anna.get(f"{url}/stap/contactpersonen").text
    assert "Een brief kan nog niet: wij hebben geen postadres van uw gemeente." in page
    assert 'value="letter"' not in page
    assert 'value="sms"' in page
    assert 'value="page"' in page
    answer = save(anna, url, "contactpersonen", **PICKED)
    assert answer.status_code == 422
    assert NO_LETTER in answer.text
    assert 'value="Piet Voorbeeld"' in answer.text


# The call


@pytest.fixture
def case(app: Flask) -> Case:
    """Return an aanvraag that waits for the call about its letter."""
    with app.app_context():
        made = unproven()
        letter_contact(made.aanvraag, proven=False)
        return made


def test_rik_asks_the_contact_himself_and_ticks_that_he_confirmed(app: Flask, browser_of: Browser, case: Case) -> None:
    rik, url = browser_of("rik"), f"/dossiers/{case.aanvraag}/contactpersonen/{case.password}/instaan"
    page = rik.get(url).text
    assert "Komt een brief aan Wim Voorbeeld aan op Postbus 9998, 1234 AB VOORBEELDSTAD?" in text_of(page)
    seen = page.split('name="seen"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    typed = {"nummer": "+31102000000", "seen": seen, "gebeld": "y"}
    answer = post(rik, url, typed, step_up=True)
    assert answer.status_code == 422
    assert "Vraag de contactpersoon of die het wachtwoord ontvangt en vink dit daarna aan" in answer.text
    assert post(rik, url, {**typed, "bevestigd": "y"}, step_up=True).status_code == 303
    with app.app_context():
        assert contact(case.password).confirmed_at is not None


@pytest.mark.usefixtures("without_address")
def test_without_an_address_the_pages_say_that_no_letter_can_go(browser_of: Browser, case: Case) -> None:
    rik = browser_of("rik")
    page = rik.get(f"/dossiers/{case.aanvraag}/contactpersonen/{case.password}/instaan").text
    assert "Er staat geen postadres in het register" in page
    assert "Instaan</span>" not in page
    assert "Er staat geen postadres van deze gemeente in het register" in rik.get(f"/dossiers/{case.aanvraag}").text
    anna = browser_of("anna").get(f"{case.pages}").text
    assert "DUO heeft nog geen postadres van uw gemeente" in anna


def test_anna_reads_that_duo_calls_and_nothing_of_the_letter_is_her_work(browser_of: Browser, case: Case) -> None:
    anna = browser_of("anna")
    page = text_of(anna.get(case.pages).text)
    assert "DUO moet nog bellen" in page
    assert "Ontvangt u het wachtwoord per brief?" in page
    status = text_of(anna.get(f"/aanvragen/{case.aanvraag}").text)
    assert "Bewijs het adres van de contactpersoon voor het wachtwoord" not in status
    assert "Postbus 9998, 1234 AB VOORBEELDSTAD" in status


# What the others read


def test_every_page_before_the_letter_says_that_it_takes_days(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        issuance_id = issued()
        aanvraag_id = issuance(issuance_id).aanvraag_id
        receipt = f"/ontvangst/{token_of(aanvraag_id).reveal()}"
    days = "per brief en duurt een paar werkdagen"
    visitor = app.test_client()
    page = visitor.get(receipt).text
    assert days in page
    assert "Dat duurt een paar werkdagen" in browser_of("rik").get(f"/uitgiften/{issuance_id}/vrijgeven").text
    done = visitor.post(receipt, data={"csrf_token": csrf(page)}, follow_redirects=True)
    assert days in done.text
    status = text_of(browser_of("anna").get(f"/aanvragen/{aanvraag_id}").text)
    assert "Wacht op de brief en activeer de sleutel" in status
    assert "Brief met het wachtwoord Wordt gemaakt" in status


def test_the_issue_page_names_the_letter_and_its_address(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        issuance_id = issued()
        aanvraag_id = issuance(issuance_id).aanvraag_id
        service.cancel(actor("rosa"), issuance_id, "Opnieuw beginnen.")
    page = text_of(browser_of("rosa").get(f"/dossiers/{aanvraag_id}/opnieuw-uitgeven").text)
    assert "Het wachtwoord gaat per brief naar Wim Voorbeeld. Dat duurt een paar werkdagen." in page
    assert "Brief naar Postbus 9998, 1234 AB VOORBEELDSTAD" in page


# The letters


def test_letters_stand_in_the_menu_with_their_number_on_the_worklist(browser_of: Browser, ready: UUID) -> None:
    rik = browser_of("rik")
    for path in ("/", "/werkvoorraad"):
        assert "1 brief moet nog worden geprint of gepost." in text_of(rik.get(path).text)
    assert "Brief: klaar om te printen" in rik.get("/").text
    page = rik.get("/brieven")
    assert 'aria-current="page">Brieven' in page.text
    assert f"/brieven/{ready}" in page.text
    assert "nog worden geprint" not in browser_of("ada").get("/werkvoorraad").text


def test_rik_opens_a_letter_once_posts_it_and_both_sides_see_every_step(
    app: Flask, browser_of: Browser, ready: UUID
) -> None:
    rik, anna, dossier = browser_of("rik"), browser_of("anna"), dossier_of(app, ready)
    shown = rik.get(f"/brieven/{ready}")
    assert "Brief openen om te printen" in shown.text
    assert "%PDF" not in shown.text
    opened = post(rik, f"/brieven/{ready}/openen", step_up=True)
    assert opened.status_code == 200
    assert opened.mimetype == "application/pdf"
    assert opened.headers["Cache-Control"] == "no-store"
    assert opened.headers["Content-Disposition"] == 'inline; filename="brief.pdf"'
    assert opened.data.startswith(b"%PDF")
    again = post(rik, f"/brieven/{ready}/openen", step_up=True)
    assert again.status_code == 409
    assert "Rik Fictief heeft de brief geopend op" in again.text
    assert f'href="/brieven/{ready}"' in again.text
    assert "Geprint, nog niet gepost" in anna.get(f"/aanvragen/{dossier}").text
    posted = post(rik, f"/brieven/{ready}/gepost")
    assert (posted.status_code, posted.location) == (303, "/brieven")
    assert state(app, ready) is LetterStatus.POSTED
    line = text_of(anna.get(f"/aanvragen/{dossier}").text)
    for step in (
        "De brief met het wachtwoord is klaar om te printen.",
        "DUO heeft de brief met het wachtwoord geopend om te printen.",
        "DUO heeft de brief met het wachtwoord op de post gedaan.",
    ):
        assert step in line
    assert "Rik Fictief" not in line
    for login in ("rik", "ada"):
        page = text_of(browser_of(login).get(f"/dossiers/{dossier}").text)
        assert "Brief met het wachtwoord Gepost, op" in page
        assert "door Rik Fictief" in page


def test_an_old_login_asks_who_it_is_before_a_letter_opens(
    app: Flask, browser_of: Browser, ready: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    rik = browser_of("rik")
    monkeypatch.setattr("keyservice.web.access.fresh", lambda _who: False)
    assert "Bevestig dat u het bent" in post(rik, f"/brieven/{ready}/openen").text
    assert state(app, ready) is LetterStatus.WAITING
    assert post(rik, f"/brieven/{ready}/openen", step_up=True).data.startswith(b"%PDF")


def test_i10_looking_at_a_letter_changes_nothing(app: Flask, browser_of: Browser, ready: UUID) -> None:
    rik = browser_of("rik")
    for path in ("/brieven", f"/brieven/{ready}", f"/brieven/{ready}/mislukt", f"/brieven/{ready}/retour"):
        assert rik.get(path).status_code == 200
    assert rik.get(f"/brieven/{ready}/openen").status_code == 405
    assert state(app, ready) is LetterStatus.WAITING


def test_i8_the_issuer_reads_that_a_colleague_opens_the_letter_and_a_try_is_recorded(
    app: Flask, browser_of: Browser, ready: UUID
) -> None:
    rosa = browser_of("rosa")
    page = rosa.get(f"/brieven/{ready}").text
    assert "Daarom opent en print een collega deze brief." in page
    assert "Brief openen om te printen" not in page
    answer = post(rosa, f"/brieven/{ready}/openen", step_up=True)
    assert answer.status_code == 403
    assert "Een collega moet deze brief openen" in answer.text
    with app.app_context():
        refused = search(code="access:refuse")[0]
        assert refused.fields == {"act": "issuance.letters.open_letter", "reason": "own-letter"}


@pytest.mark.parametrize("login", ["anna", "gert", "ada", "ben"])
def test_nobody_else_reaches_a_letter(app: Flask, browser_of: Browser, ready: UUID, login: str) -> None:
    browser = browser_of(login)
    for path in ("/brieven", f"/brieven/{ready}", f"/brieven/{ready}/mislukt"):
        assert browser.get(path).status_code == 403
    for act in ("openen", "gepost", "mislukt", "retour"):
        assert post(browser, f"/brieven/{ready}/{act}", {"reden": "Ik mag niet."}, step_up=True).status_code == 403
    assert state(app, ready) is LetterStatus.WAITING


def test_a_letter_that_is_not_there_is_not_found(browser_of: Browser) -> None:
    rik = browser_of("rik")
    assert rik.get(f"/brieven/{uuid4()}").status_code == 404
    assert post(rik, f"/brieven/{uuid4()}/openen", step_up=True).status_code == 404


@pytest.mark.parametrize(("act", "word"), [("mislukt", "Print mislukt"), ("retour", "Retour")])
def test_a_failed_or_returned_letter_leads_to_a_new_key(
    app: Flask, browser_of: Browser, ready: UUID, act: str, word: str
) -> None:
    with app.app_context():
        letters.open_letter(actor("rik"), ready)
    rosa, dossier, url = browser_of("rosa"), dossier_of(app, ready), f"/brieven/{ready}/{act}"
    empty = post(rosa, url, {"reden": ""}, step_up=True)
    assert empty.status_code == 422
    assert "Schrijf op wat er met de brief is gebeurd." in empty.text
    answer = post(rosa, url, {"reden": "De envelop was open."}, step_up=True)
    assert (answer.status_code, answer.location) == (303, f"/dossiers/{dossier}")
    page = rosa.get(f"/dossiers/{dossier}").text
    assert "Kies &#39;Opnieuw uitgeven&#39; voor een nieuwe sleutel." in page
    assert f"/dossiers/{dossier}/opnieuw-uitgeven" in page
    assert f"{word}, op" in page
    status = browser_of("anna").get(f"/aanvragen/{dossier}").text
    assert f"{word}, op" in status
    assert "De envelop was open." not in status, "the reason is for DUO"
    again = post(rosa, url, {"reden": "De envelop was open."}, step_up=True)
    assert again.status_code == 409


def test_a_wrong_state_is_a_409_that_leads_back_to_the_letter(browser_of: Browser, ready: UUID) -> None:
    answer = post(browser_of("rik"), f"/brieven/{ready}/gepost")
    assert answer.status_code == 409
    assert "Dit kan nu niet met deze brief" in answer.text
    assert f'href="/brieven/{ready}"' in answer.text
