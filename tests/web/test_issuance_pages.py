"""The pages of the handing over, in the browsers of the people."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from keyservice.audit.models import AuditEvent
from keyservice.audit.queries import search
from keyservice.contacts.models import Contact
from keyservice.database import db, transaction
from keyservice.issuance import service
from keyservice.issuance.messages import KEY_MAIL, PASSWORD_SMS
from keyservice.issuance.models import End
from keyservice.issuance.queries import of_aanvraag
from keyservice.kernel.ids import new_id
from keyservice.outbox.models import Delivery, OutboxMessage
from tests.conftest import csrf, post
from tests.factories.aanvragen import actor
from tests.factories.issuance import approved, held, issuance, issued, messages, token_of

Browser = Callable[[str], FlaskClient]


@pytest.fixture
def aanvraag(app: Flask) -> UUID:
    """Return an approved aanvraag."""
    with app.app_context():
        return approved()


@pytest.fixture
def underway(app: Flask) -> UUID:
    """Return an issuance that has just begun."""
    with app.app_context():
        return issued()


def aanvraag_of(app: Flask, issuance_id: UUID) -> UUID:
    with app.app_context():
        return issuance(issuance_id).aanvraag_id


def receipt_url(app: Flask, issuance_id: UUID) -> str:
    with app.app_context():
        return f"/ontvangst/{token_of(issuance(issuance_id).aanvraag_id).reveal()}"


def test_rosa_issues_after_seeing_to_whom_and_typing_her_password(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    rosa, url = browser_of("rosa"), f"/dossiers/{aanvraag}/uitgeven"
    page = rosa.get(url)
    assert "Sleutel uitgeven?" in page.text
    assert "Wij maken de sleutel. Het zipbestand gaat per e-mail naar Anna Voorbeeld." in page.text
    assert "Het wachtwoord gaat per sms naar Wim Voorbeeld. Dit kunt u niet terugdraaien." in page.text
    done = post(rosa, url, step_up=True)
    assert (done.status_code, done.location) == (303, f"/dossiers/{aanvraag}")
    with app.app_context():
        assert len(of_aanvraag(aanvraag)) == 1
    again = post(rosa, url, step_up=True)
    assert again.status_code == 409
    assert "Uitgegeven" in again.text


def test_an_old_login_asks_the_password_before_issuing(
    app: Flask, browser_of: Browser, aanvraag: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    rosa = browser_of("rosa")
    # Nobody's factor is fresh: the ten minutes have passed.
    monkeypatch.setattr("keyservice.web.access.fresh", lambda _who: False)
    asked = post(rosa, f"/dossiers/{aanvraag}/uitgeven")
    assert asked.status_code == 403
    assert "Bevestig dat u het bent" in asked.text
    with app.app_context():
        assert list(of_aanvraag(aanvraag)) == []
    assert post(rosa, f"/dossiers/{aanvraag}/uitgeven", step_up=True).status_code == 303


def test_i8_the_approver_reads_that_a_colleague_must_issue_and_it_is_recorded(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    rik, url = browser_of("rik"), f"/dossiers/{aanvraag}/uitgeven"
    for answer in (rik.get(url), post(rik, url, step_up=True)):
        assert answer.status_code == 403
        assert "U hebt deze aanvraag zelf goedgekeurd. Een collega moet de sleutel uitgeven." in answer.text
    with app.app_context():
        assert list(of_aanvraag(aanvraag)) == []
        refused = search(code="access:refuse")[0]
        assert refused.fields == {"act": "issuance.issue", "reason": "four-eyes"}


@pytest.mark.parametrize("login", ["anna", "gert", "ada", "ben"])
def test_other_roles_do_not_reach_the_acts_of_a_relatiebeheerder(
    app: Flask, browser_of: Browser, login: str, underway: UUID
) -> None:
    browser, aanvraag = browser_of(login), aanvraag_of(app, underway)
    for path in (
        f"/dossiers/{aanvraag}/uitgeven",
        f"/dossiers/{aanvraag}/opnieuw-uitgeven",
        f"/uitgiften/{underway}/opnieuw-versturen",
        f"/uitgiften/{underway}/vrijgeven",
        f"/berichten/{uuid4()}/opnieuw",
    ):
        assert post(browser, path, {"reden": "Ik mag niet."}, step_up=True).status_code == 403


def test_content_changed_meanwhile_gives_a_page_that_says_so_and_moves_the_aanvraag_back(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Contact).values(name="Iemand Anders"))
    rosa, url = browser_of("rosa"), f"/dossiers/{aanvraag}/uitgeven"
    assert rosa.get(url).status_code == 409
    answer = post(rosa, url, step_up=True)
    assert answer.status_code == 409
    assert "De gegevens zijn veranderd na de goedkeuring" in answer.text
    with app.app_context():
        codes = list(db.session.scalars(select(AuditEvent.code).order_by(AuditEvent.row)))
        assert codes.count("aanvraag:return") == 1


def test_i10_opening_the_receipt_page_sends_nothing_and_its_button_sends_the_password(
    app: Flask, client: FlaskClient, underway: UUID
) -> None:
    url, aanvraag_id = receipt_url(app, underway), aanvraag_of(app, underway)
    for method in (client.get, client.head, client.options, client.get):
        assert method(url).status_code == 200
    page = client.get(url)
    assert "Ik heb het zipbestand" in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in page.headers["Cache-Control"]
    assert client.post(url).status_code == 400
    with app.app_context():
        assert messages(aanvraag_id, PASSWORD_SMS) == []
    for _ in range(2):
        answer = client.post(url, data={"csrf_token": csrf(page.text)}, follow_redirects=True)
        assert answer.status_code == 200
        assert "Dank u, wij weten dat u het zipbestand hebt" in answer.text
    with app.app_context():
        assert len(messages(aanvraag_id, PASSWORD_SMS)) == 1


def test_a_link_that_does_not_work_gives_one_page_whatever_the_reason(
    app: Flask, client: FlaskClient, underway: UUID
) -> None:
    url = receipt_url(app, underway)
    with app.app_context():
        service.cancel(actor("rosa"), underway, "Zipbestand weg.")
    pages = [client.get(url), client.get("/ontvangst/nooit-bestaan"), post(client, url), post(client, "/ontvangst/x")]
    assert {page.status_code for page in pages} == {404}
    assert len({page.text.replace(url, "").replace("/ontvangst/nooit-bestaan", "") for page in pages}) == 1
    assert "Deze link werkt niet (meer)" in pages[0].text


def test_anna_activates_and_a_mistake_says_what_to_do(app: Flask, browser_of: Browser, underway: UUID) -> None:
    with app.app_context():
        code = held(underway).code
    anna, url = browser_of("anna"), f"/aanvragen/{aanvraag_of(app, underway)}/activeren"
    assert "Activatiecode" in anna.get(url).text
    malformed = post(anna, url, {"activatiecode": "te kort"}, step_up=True)
    assert malformed.status_code == 422
    assert "Vul de activatiecode in" in malformed.text
    assert "<title>Fout: Sleutel activeren" in malformed.text
    wrong = post(anna, url, {"activatiecode": "2222-2222"}, step_up=True)
    assert wrong.status_code == 422
    assert "U kunt het nog 4 keer proberen." in wrong.text
    assert "2222-2222" not in wrong.text
    done = post(anna, url, {"activatiecode": code.lower()}, step_up=True)
    assert (done.status_code, done.location) == (303, f"/aanvragen/{aanvraag_of(app, underway)}")
    with app.app_context():
        assert issuance(underway).end_reason is End.DONE
    again = anna.get(url)
    assert again.status_code == 409
    assert "De sleutel is al geactiveerd" in again.text


def test_the_fifth_wrong_code_says_how_long_to_wait_and_then_the_page_says_until_when(
    app: Flask, browser_of: Browser, underway: UUID
) -> None:
    with app.app_context():
        held(underway)
    anna, url = browser_of("anna"), f"/aanvragen/{aanvraag_of(app, underway)}/activeren"
    answers = [post(anna, url, {"activatiecode": "2222-2222"}, step_up=True) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [409]
    assert "over 15 minuten" in answers[4].text
    assert "U hebt te vaak een verkeerde code ingevuld" in answers[5].text
    with app.app_context():
        assert issuance(underway).activation_wait_until is not None


def test_a_key_or_password_typed_as_code_is_not_shown_back(app: Flask, browser_of: Browser, underway: UUID) -> None:
    with app.app_context():
        own = held(underway)
    anna, url = browser_of("anna"), f"/aanvragen/{aanvraag_of(app, underway)}/activeren"
    for secret in (own.key.reveal(), own.password.reveal()):
        answer = post(anna, url, {"activatiecode": secret}, step_up=True)
        assert answer.status_code == 422
        assert secret not in answer.text


def test_i9_another_gemeente_finds_nothing(app: Flask, browser_of: Browser, underway: UUID) -> None:
    tom = browser_of("tom")
    assert tom.get(f"/aanvragen/{aanvraag_of(app, underway)}/activeren").status_code == 404
    assert tom.get(f"/uitgiften/{underway}/annuleren").status_code == 404
    assert post(tom, f"/uitgiften/{underway}/annuleren", {"reden": "Zomaar iets."}, step_up=True).status_code == 404
    with app.app_context():
        assert issuance(underway).ended_at is None


def test_rik_releases_after_calling_the_registered_number(app: Flask, browser_of: Browser, underway: UUID) -> None:
    url, aanvraag_id = f"/uitgiften/{underway}/vrijgeven", aanvraag_of(app, underway)
    rik = browser_of("rik")
    page = rik.get(url)
    assert "010 200 0000" in page.text
    fields = {"nummer": "+31102000000", "gebeld": "y", "reden": "De mail was al weg."}
    for missing, fault in (("gebeld", "Bel eerst het nummer"), ("reden", "Schrijf op waarom")):
        faulty = post(rik, url, {name: value for name, value in fields.items() if name != missing}, step_up=True)
        assert faulty.status_code == 422
        assert fault in faulty.text
    assert post(rik, url, {**fields, "nummer": "+31612345678"}, step_up=True).status_code == 409
    assert post(browser_of("rosa"), url, fields, step_up=True).status_code == 403
    assert post(rik, url, fields, step_up=True).location == f"/dossiers/{aanvraag_id}"
    with app.app_context():
        assert len(messages(aanvraag_id, PASSWORD_SMS)) == 1


def test_a_delivery_is_cancelled_with_a_reason_and_a_new_one_is_issued(
    app: Flask, browser_of: Browser, underway: UUID
) -> None:
    anna, rosa, aanvraag_id = browser_of("anna"), browser_of("rosa"), aanvraag_of(app, underway)
    url = f"/uitgiften/{underway}/annuleren"
    assert "Levering annuleren?" in anna.get(url).text
    assert post(anna, url, {"reden": ""}, step_up=True).status_code == 422
    done = post(anna, url, {"reden": "De contactpersoon is weg."}, step_up=True)
    assert done.location == f"/aanvragen/{aanvraag_id}"
    assert anna.get(url).status_code == 409
    again = f"/dossiers/{aanvraag_id}/opnieuw-uitgeven"
    assert "Nieuwe sleutel uitgeven?" in rosa.get(again).text
    assert post(rosa, again, step_up=True).location == f"/dossiers/{aanvraag_id}"
    assert post(rosa, again, step_up=True).status_code == 409
    with app.app_context():
        assert [row.end_reason for row in of_aanvraag(aanvraag_id)] == [End.CANCELLED, None]


def test_rosa_sends_the_same_zip_again(app: Flask, browser_of: Browser, underway: UUID) -> None:
    aanvraag_id = aanvraag_of(app, underway)
    answer = post(browser_of("rosa"), f"/uitgiften/{underway}/opnieuw-versturen")
    assert (answer.status_code, answer.location) == (303, f"/dossiers/{aanvraag_id}")
    with app.app_context():
        assert issuance(underway).copies == 2


@pytest.fixture
def dead(app: Flask, underway: UUID) -> UUID:
    """Return a message that could not be sent."""
    with app.app_context(), transaction() as session:
        row = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == KEY_MAIL)).one()
        row.status = Delivery.DEAD
        return row.id


def test_a_dead_message_is_sent_again_once(app: Flask, browser_of: Browser, dead: UUID) -> None:
    rik = browser_of("rik")
    assert post(rik, f"/berichten/{dead}/opnieuw").status_code == 303
    with app.app_context():
        assert db.session.get_one(OutboxMessage, dead).status is Delivery.WAITING
    assert post(rik, f"/berichten/{dead}/opnieuw").status_code == 409
    assert post(rik, f"/berichten/{new_id()}/opnieuw").status_code == 404
