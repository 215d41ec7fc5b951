"""The pages on which relatiebeheerders review an aanvraag."""

from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from keyservice.aanvragen import review
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.queries import valid_approval
from keyservice.aanvragen.review_forms import ACTS
from keyservice.aanvragen.workflow import Status, Step
from keyservice.audit.queries import of_dossier, search
from keyservice.contacts.models import Contact
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from tests.conftest import post
from tests.factories.aanvragen import actor, ready

Browser = Callable[[str], FlaskClient]
REASON = {"text": "Dit pakket kennen wij niet."}
CHECKED = {"gemeente": "y", "contacts": "y", "software": "y", "signer": "y", "motivation": "Alles klopt."}


@pytest.fixture
def aanvraag(app: Flask) -> UUID:
    """Return an aanvraag that Rik reviews."""
    with app.app_context():
        aanvraag_id = ready()
        review.take_step(actor("rik"), aanvraag_id, Step.TAKE_UP)
    return aanvraag_id


def status(app: Flask, aanvraag_id: UUID) -> Status:
    with app.app_context():
        return db.session.get_one(Aanvraag, aanvraag_id).status


def seen(page: str) -> dict[str, str]:
    """Return the hash of the content that stands in the approval page."""
    return {"seen": page.split('name="seen"', 1)[1].split('value="', 1)[1].split('"', 1)[0]}


def test_acts_without_input_are_buttons_and_no_pages(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        aanvraag_id = ready()
    rik, rosa = browser_of("rik"), browser_of("rosa")
    walk = [
        (rik, "oppakken", Status.IN_REVIEW),
        (rosa, "overnemen", Status.IN_REVIEW),
        (rosa, "loslaten", Status.SUBMITTED),
    ]
    for client, act, expected in walk:
        assert client.get(f"/dossiers/{aanvraag_id}/{act}").status_code == 405
        answer = post(client, f"/dossiers/{aanvraag_id}/{act}")
        assert (answer.status_code, answer.location) == (303, f"/dossiers/{aanvraag_id}")
        assert status(app, aanvraag_id) is expected


@pytest.mark.parametrize(
    ("act", "expected"), [("aanvulling-vragen", Status.INFO_REQUESTED), ("afwijzen", Status.REJECTED)]
)
def test_an_act_with_input_asks_for_it_and_keeps_what_was_typed(
    app: Flask, browser_of: Browser, aanvraag: UUID, act: str, expected: Status
) -> None:
    rik, url = browser_of("rik"), f"/dossiers/{aanvraag}/{act}"
    page = rik.get(url)
    assert page.status_code == 200
    assert "De gemeente kan deze tekst lezen." in page.text
    for text in ("", "te kort", "x" * 1001):
        answer = post(rik, url, {"text": text})
        assert (answer.status_code, status(app, aanvraag)) == (422, Status.IN_REVIEW)
        assert text in answer.text
        assert "Er is 1 veld niet goed ingevuld" in answer.text
    assert post(rik, url, REASON).status_code == 303
    assert status(app, aanvraag) is expected


def test_a_key_in_a_reason_is_refused_and_not_shown_back(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    key = "asl_p_" + "A1b2C3d4" * 4 + "ZZZZZZ"
    answer = post(browser_of("rik"), f"/dossiers/{aanvraag}/afwijzen", {"text": f"De sleutel {key} werkt niet."})
    assert answer.status_code == 422
    assert key not in answer.text
    assert status(app, aanvraag) is Status.IN_REVIEW


def test_approving_asks_the_password_again_and_every_tick(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    rik, url = browser_of("rik"), f"/dossiers/{aanvraag}/goedkeuren"
    content = seen(rik.get(url).text)
    unticked = post(rik, url, {**content, "motivation": "Alles klopt."}, step_up=True)
    assert unticked.status_code == 422
    assert "Er zijn 4 velden niet goed ingevuld" in unticked.text
    assert "Alles klopt." in unticked.text
    assert post(rik, url, {**content, **CHECKED}, step_up=True).status_code == 303
    assert status(app, aanvraag) is Status.APPROVED


def test_a_stale_factor_leads_to_the_password_page_with_the_form_kept(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    rik, url = browser_of("rik"), f"/dossiers/{aanvraag}/goedkeuren"
    content = seen(rik.get(url).text)
    with rik.session_transaction() as session:
        session["fs_paa"] = 0.0  # when Flask-Security last saw the password
    answer = post(rik, url, {**content, **CHECKED})
    assert answer.status_code == 403
    assert "Bevestig dat u het bent" in answer.text
    assert "Alles klopt." in answer.text
    assert status(app, aanvraag) is Status.IN_REVIEW


def test_content_that_changed_since_the_page_was_shown_gives_409(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    rik, url = browser_of("rik"), f"/dossiers/{aanvraag}/goedkeuren"
    content = seen(rik.get(url).text)
    with app.app_context(), transaction() as session:
        session.execute(update(Contact).values(function="Iets anders"))
    answer = post(rik, url, {**content, **CHECKED}, step_up=True)
    assert answer.status_code == 409
    assert "Er is intussen iets veranderd" in answer.text
    with app.app_context():
        assert valid_approval(aanvraag) is None


def test_the_approval_page_lists_what_is_lacking_and_has_no_button(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Contact).values(confirmed_at=None, verified_at=None, name="Jan Voorbeeld"))
    rik, url = browser_of("rik"), f"/dossiers/{aanvraag}/goedkeuren"
    page = rik.get(url).text
    assert "heeft nog geen &#39;ja&#39; gezegd" in page
    assert "is nog niet bewezen" in page
    assert "De namen zijn gelijk" in page
    assert 'name="motivation"' not in page
    answer = post(rik, url, CHECKED, step_up=True)
    assert answer.status_code == 409
    assert "De aanvraag is nog niet compleet" in answer.text


def test_i11_a_colleague_hears_who_claimed_it_and_the_refusal_is_an_event(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    rosa = browser_of("rosa")
    for answer in (rosa.get(f"/dossiers/{aanvraag}/afwijzen"), post(rosa, f"/dossiers/{aanvraag}/afwijzen", REASON)):
        assert answer.status_code == 409
        assert "Rik Fictief heeft de aanvraag in behandeling." in answer.text
        assert f'href="/dossiers/{aanvraag}"' in answer.text
    assert status(app, aanvraag) is Status.IN_REVIEW
    with app.app_context():
        refusals = search(code="access:refuse", person=person_id("rosa"))
    assert [event.fields["reason"] for event in refusals] == ["claimed-by-other"] * 2


def test_a_step_too_late_says_what_the_status_is_now(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    rik = browser_of("rik")
    assert post(rik, f"/dossiers/{aanvraag}/afwijzen", REASON).status_code == 303
    again = post(rik, f"/dossiers/{aanvraag}/afwijzen", REASON)
    assert again.status_code == 409
    assert "De aanvraag heeft nu de status &#39;Afgewezen&#39;." in again.text


def test_only_relatiebeheerders_reach_the_acts(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    for login in ("anna", "gert", "ada", "ben"):
        client = browser_of(login)
        for act in [*ACTS, "goedkeuren", "notities"]:
            assert post(client, f"/dossiers/{aanvraag}/{act}", REASON, step_up=True).status_code == 403
    assert status(app, aanvraag) is Status.IN_REVIEW


def test_an_unknown_act_or_dossier_is_404(browser_of: Browser, aanvraag: UUID) -> None:
    rik = browser_of("rik")
    assert post(rik, f"/dossiers/{aanvraag}/weggooien").status_code == 404
    assert post(rik, f"/dossiers/{UUID(int=0)}/oppakken").status_code == 404


def test_a_note_is_kept_and_an_empty_one_says_so(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    rosa, url = browser_of("rosa"), f"/dossiers/{aanvraag}/notities"
    assert "Schrijf eerst een notitie." in post(rosa, url, {"text": "  "}).text
    assert post(rosa, url, {"text": "Gebeld.\nTerugbellen op maandag."}).status_code == 303
    with app.app_context():
        assert of_dossier(aanvraag)[-1].private["text"] == "Gebeld.\nTerugbellen op maandag."


def test_retracting_an_approval_asks_for_a_reason(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context():
        review.approve(actor("rik"), aanvraag, "Alles klopt.")
    rosa, url = browser_of("rosa"), f"/dossiers/{aanvraag}/goedkeuring-intrekken"
    assert "Goedkeuring intrekken?" in rosa.get(url).text
    assert post(rosa, url, REASON).status_code == 303
    assert status(app, aanvraag) is Status.IN_REVIEW
