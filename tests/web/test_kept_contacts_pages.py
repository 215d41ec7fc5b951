"""The pages about contacts that a gemeente keeps: choosing again, the list, replacing, and a key asked for anew."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.queries import replacement_of
from keyservice.aanvragen.workflow import Status
from keyservice.audit.models import AuditEvent
from keyservice.contacts.models import Contact
from keyservice.contacts.queries import HOLDS
from keyservice.database import db, transaction
from keyservice.issuance.queries import underway
from keyservice.kernel import clock
from keyservice.sleutels import service as sleutels
from tests.conftest import post
from tests.factories.aanvragen import actor, ready
from tests.factories.form import filled, save, started, text_of
from tests.factories.form import row as row_of
from tests.factories.issuance import approved, issuance, issued
from tests.pages import check

Browser = Callable[[str], FlaskClient]
NEW = {
    "contact_via": "mail",
    "contact_naam": "Eva Nieuw",
    "contact_functie": "Jurist",
    "contact_email": "eva@voorbeeldstad.example",
    "contact_telefoon": "010 200 00 02",
}


def stored(app: Flask, aanvraag_id: UUID) -> Aanvraag:
    with app.app_context():
        found = db.session.get_one(Aanvraag, aanvraag_id)
        assert found.key_contact
        assert found.password_contact
        return found


@pytest.fixture
def first(app: Flask) -> Aanvraag:
    """Return an aanvraag that was sent, with contacts that lack nothing."""
    with app.app_context():
        aanvraag_id = ready()
    return stored(app, aanvraag_id)


@pytest.fixture
def delivered(app: Flask) -> Aanvraag:
    """Return an aanvraag whose key works."""
    with app.app_context():
        found = issuance(issued())
        sleutels.activate(actor("anna"), found.sleutel_id, dossier=found.aanvraag_id)
        aanvraag_id = found.aanvraag_id
    return stored(app, aanvraag_id)


def issuance_id(app: Flask, aanvraag: Aanvraag) -> UUID:
    with app.app_context():
        found = underway(aanvraag.id)
        assert found
        return found.id


def option(page: str, field: str, name: str) -> str:
    """Return the value of the person in a select."""
    select_ = page.split(f'name="{field}"', 1)[1].split("</select>", 1)[0]
    found = re.search(rf'value="([^"]+)">{name}', select_)
    assert found, select_
    return found[1]


class TestChoosing:
    def test_whoever_is_chosen_need_not_be_typed(self, app: Flask, browser_of: Browser, first: Aanvraag) -> None:
        anna = browser_of("anna")
        url = started(anna)
        page = anna.get(f"{url}/stap/contactpersonen").text
        check(page)
        assert "Anna Voorbeeld, Medewerker, per e-mail" in page
        nothing = dict.fromkeys(
            ("contact_naam", "contact_functie", "contact_email", "contact_telefoon", "ontvanger_naam"), ""
        )
        answer = save(
            anna,
            url,
            "contactpersonen",
            contact_keuze=option(page, "contact_keuze", "Anna"),
            ontvanger_keuze=option(page, "ontvanger_keuze", "Wim"),
            **nothing,
        )
        assert answer.location == f"{url}/stap/software"
        draft = row_of(app, url)
        assert draft.key_contact_id == first.key_contact_id
        assert draft.password_contact_id == first.password_contact_id
        again = anna.get(f"{url}/stap/contactpersonen").text
        assert re.search(r'<option selected value="[^"]+">Anna Voorbeeld', again)

    def test_without_anybody_to_choose_there_is_no_list(self, browser_of: Browser) -> None:
        anna = browser_of("anna")
        assert "contact_keuze" not in anna.get(f"{started(anna)}/stap/contactpersonen").text

    def test_i9_who_is_not_in_the_list_cannot_be_chosen(self, app: Flask, browser_of: Browser, first: Aanvraag) -> None:
        anna, tom = browser_of("anna"), browser_of("tom")
        url = started(anna)
        value = option(anna.get(f"{url}/stap/contactpersonen").text, "contact_keuze", "Anna")
        theirs = started(tom)
        assert "contact_keuze" not in tom.get(f"{theirs}/stap/contactpersonen").text
        for broken in (value, str(first.key_contact_id), "x"):
            answer = save(tom, theirs, "contactpersonen", contact_keuze=broken)
            assert answer.status_code == 422
            assert "Kies iemand uit de lijst" in text_of(answer.text)
        assert row_of(app, theirs).key_contact_id is None

    def test_a_contact_that_changed_meanwhile_is_not_taken_for_somebody_else(
        self, app: Flask, browser_of: Browser, first: Aanvraag
    ) -> None:
        anna = browser_of("anna")
        url = started(anna)
        value = option(anna.get(f"{url}/stap/contactpersonen").text, "contact_keuze", "Anna")
        with app.app_context(), transaction() as session:
            session.execute(update(Contact).values(name="Iemand Anders"))
        assert save(anna, url, "contactpersonen", contact_keuze=value).status_code == 422
        assert row_of(app, url).key_contact_id != first.key_contact_id

    @pytest.mark.usefixtures("first")
    def test_one_person_cannot_be_chosen_for_both(self, app: Flask, browser_of: Browser) -> None:
        with app.app_context(), transaction() as session:
            session.execute(update(Contact).values(phone="+31612345678", mobile="+31612345678"))
        anna = browser_of("anna")
        url = started(anna)
        page = anna.get(f"{url}/stap/contactpersonen").text
        answer = save(
            anna,
            url,
            "contactpersonen",
            contact_keuze=option(page, "contact_keuze", "Anna"),
            ontvanger_keuze=option(page, "ontvanger_keuze", "Wim"),
        )
        assert answer.status_code == 422
        assert 'href="#ontvanger_keuze"' in answer.text, "the fault stands where it can be seen"
        check(answer.text)


class TestTheList:
    def test_a_gemeente_reads_who_its_contacts_are_and_no_name_of_duo(
        self, browser_of: Browser, first: Aanvraag
    ) -> None:
        page = browser_of("anna").get("/contactpersonen").text
        check(page)
        text = text_of(page)
        for part in (
            "Anna Voorbeeld",
            "anna@voorbeeldstad.example",
            "06 12345678",
            str(first.number),
            "Gert Voorbeeld",
        ):
            assert part in text
        assert "uw relatiebeheerder" in text
        assert "Rik" not in text
        assert "/vervangen" not in page, "an aanvrager only reads"
        assert "/vervangen" in browser_of("gert").get("/contactpersonen").text

    @pytest.mark.usefixtures("first")
    def test_i9_another_gemeente_sees_nobody(self, browser_of: Browser) -> None:
        assert "Uw gemeente heeft nog geen contactpersonen" in browser_of("tom").get("/contactpersonen").text

    @pytest.mark.usefixtures("first")
    def test_what_runs_out_within_30_days_and_what_ran_out_is_shown(self, app: Flask, browser_of: Browser) -> None:
        now = clock.now()
        for age, shown in ((timedelta(days=31), False), (timedelta(days=29), True)):
            with app.app_context(), transaction() as session:
                session.execute(update(Contact).values(verified_at=now - HOLDS + age))
            assert ("Een controle verloopt binnen 30 dagen" in browser_of("anna").get("/contactpersonen").text) is shown
        with app.app_context(), transaction() as session:
            session.execute(update(Contact).values(verified_at=now - HOLDS))
        assert "Verlopen op" in browser_of("anna").get("/contactpersonen").text

    def test_somebody_is_offered_no_more(self, browser_of: Browser, first: Aanvraag) -> None:
        gert, anna = browser_of("gert"), browser_of("anna")
        answer = post(gert, f"/contactpersonen/{first.key_contact_id}/niet-meer-aanbieden")
        assert answer.location == "/contactpersonen"
        assert "Niet meer te kiezen" in gert.get("/contactpersonen").text
        assert "contact_keuze" not in anna.get(f"{started(anna)}/stap/contactpersonen").text


class TestReplacing:
    def url(self, aanvraag: Aanvraag) -> str:
        return f"/contactpersonen/{aanvraag.key_contact_id}/vervangen"

    def send(self, gert: FlaskClient, aanvraag: Aanvraag, *ticked: UUID, **changes: str) -> Any:
        page = gert.get(self.url(aanvraag)).text
        check(page)
        seen = re.search(r'name="seen"[^>]* value="([^"]*)"', page)
        assert seen
        fields = NEW | {"seen": seen[1], "aanvraag": [str(one) for one in ticked]} | changes
        return post(gert, self.url(aanvraag), fields, step_up=True)

    def test_a_gemeentebeheerder_replaces_a_contact(self, app: Flask, browser_of: Browser, first: Aanvraag) -> None:
        answer = self.send(browser_of("gert"), first, first.id)
        assert answer.location == "/contactpersonen"
        assert stored(app, first.id).key_contact_id != first.key_contact_id
        text = text_of(browser_of("gert").get("/contactpersonen").text)
        assert "Eva Nieuw" in text

    def test_of_an_issued_key_it_leads_to_the_new_aanvraag(
        self, app: Flask, browser_of: Browser, delivered: Aanvraag
    ) -> None:
        gert = browser_of("gert")
        answer = self.send(gert, delivered, delivered.id)
        with app.app_context():
            draft = replacement_of(delivered.id)
            assert draft
            draft_id = draft.id
        assert answer.location == f"/aanvragen/{draft_id}"
        page = gert.get(f"/aanvragen/{draft_id}").text
        check(page)
        assert f"aanvraag {delivered.number}" in page
        assert "Dat kan een aanvrager van uw gemeente" in page
        assert "Een aanvrager of uw relatiebeheerder kan die stoppen" in page
        stop = f"/uitgiften/{issuance_id(app, delivered)}/annuleren"
        assert stop not in page
        assert stop in browser_of("anna").get(f"/aanvragen/{draft_id}").text
        assert "het concept" in gert.get(f"/aanvragen/{delivered.id}").text

    def test_all_faults_are_told_at_once_and_what_was_typed_and_ticked_is_kept(
        self, app: Flask, browser_of: Browser, first: Aanvraag
    ) -> None:
        gert = browser_of("gert")
        answer = self.send(gert, first, contact_email="geen adres", contact_telefoon="12")
        assert answer.status_code == 422
        page = answer.text
        check(page)
        assert "Er zijn 3 velden niet goed ingevuld" in page
        for kept in ("Eva Nieuw", "geen adres", "Vink minstens 1 aanvraag aan"):
            assert kept in page
        assert " checked>" not in page
        assert stored(app, first.id).key_contact_id == first.key_contact_id

    def test_the_new_person_is_not_the_other_contact(self, browser_of: Browser, first: Aanvraag) -> None:
        answer = self.send(browser_of("gert"), first, first.id, contact_telefoon="06 12345678")
        assert answer.status_code == 422
        assert "al de andere contactpersoon" in answer.text

    def test_a_page_that_is_no_longer_true_replaces_nothing(
        self, app: Flask, browser_of: Browser, first: Aanvraag
    ) -> None:
        answer = self.send(browser_of("gert"), first, first.id, seen="0" * 64)
        assert answer.status_code == 409
        with app.app_context():
            refused = select(AuditEvent.id).where(AuditEvent.code == "access:refuse")
            assert db.session.scalars(refused).all(), "the refusal is recorded (I11)"

    def test_who_is_named_nowhere_that_matters_needs_no_replacing(
        self, app: Flask, browser_of: Browser, first: Aanvraag
    ) -> None:
        with app.app_context(), transaction() as session:
            session.execute(update(Aanvraag).values(status=Status.WITHDRAWN))
        assert "Vervangen is dus niet nodig" in browser_of("gert").get(self.url(first)).text

    def test_i9_contacts_of_another_gemeente_are_not_there(self, browser_of: Browser, first: Aanvraag) -> None:
        assert browser_of("anna").get(self.url(first)).status_code == 403
        assert (
            browser_of("gert").get("/contactpersonen/00000000-0000-4000-8000-000000000000/vervangen").status_code == 404
        )


class TestVervanging:
    def test_the_status_page_offers_it_and_the_form_says_what_is_replaced(
        self, browser_of: Browser, delivered: Aanvraag
    ) -> None:
        anna = browser_of("anna")
        assert "Vervanging aanvragen" in anna.get(f"/aanvragen/{delivered.id}").text
        draft = post(anna, f"/aanvragen/{delivered.id}/vervangen").location
        for path in ("", "/stap/gemeente", "/stap/ondertekening", "/controleren"):
            page = anna.get(draft + path).text
            check(page)
            assert str(delivered.number) in page, path
        assert save(anna, draft, "ondertekening").location == f"{draft}/controleren"
        assert post(anna, f"{draft}/versturen").status_code == 303
        assert "(vervanging)" in anna.get("/aanvragen").text
        rik = browser_of("rik")
        assert "(vervanging)" in rik.get("/werkvoorraad").text
        dossier = rik.get(draft.replace("aanvragen", "dossiers")).text
        assert f"Vervanging van {delivered.number}" in text_of(dossier)

    def test_a_second_first_request_is_offered_to_replace_the_key_that_works(
        self, browser_of: Browser, delivered: Aanvraag
    ) -> None:
        anna, button = browser_of("anna"), f"/aanvragen/{delivered.id}/vervangen"
        assert button in anna.get("/aanvragen/nieuw").text
        same = {"leverancier": "Voorbeeldsoftware", "pakket": "volg-pakket", "omgeving": "productie"}
        url = filled(anna, **same)
        assert button in anna.get(f"{url}/controleren").text
        assert save(anna, url, "software", **{**same, "omgeving": "acceptatie"}).status_code == 303
        assert button not in anna.get(f"{url}/controleren").text
        assert "/vervangen" not in browser_of("tom").get("/aanvragen/nieuw").text


class TestCheckedAgain:
    def test_what_ran_out_is_done_again_on_the_page_of_the_issued_aanvraag(
        self, app: Flask, browser_of: Browser, delivered: Aanvraag
    ) -> None:
        anna, url = browser_of("anna"), f"/aanvragen/{delivered.id}/contactpersonen"
        assert "Oefenbestand sturen" not in anna.get(url).text
        assert post(anna, f"{url}/{delivered.key_contact_id}/oefenzip").status_code == 409, "it still holds"
        with app.app_context(), transaction() as session:
            session.execute(update(Contact).values(verified_at=clock.now() - HOLDS, vouched_at=clock.now() - HOLDS))
        page = anna.get(url).text
        check(page)
        assert "Oefenbestand sturen" in page
        assert post(anna, f"{url}/{delivered.key_contact_id}/oefenzip").status_code == 303
        assert "Bellen en instaan voor Wim Voorbeeld" in browser_of("rik").get(f"/dossiers/{delivered.id}").text

    def test_while_a_vouching_holds_nobody_vouches_again_once_it_is_approved(
        self, app: Flask, browser_of: Browser
    ) -> None:
        with app.app_context():
            aanvraag_id = approved()
        aanvraag = stored(app, aanvraag_id)
        url = f"/dossiers/{aanvraag_id}/contactpersonen/{aanvraag.password_contact_id}/instaan"
        assert browser_of("rik").get(url).status_code == 409
        with app.app_context(), transaction() as session:
            session.execute(update(Contact).values(vouched_at=clock.now() - HOLDS))
        assert browser_of("rik").get(url).status_code == 200
