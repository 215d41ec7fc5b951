"""The page of messages that did not arrive, and what dossier and status page say of them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from keyservice import settings
from keyservice.aanvragen.escalation import tell_undelivered
from keyservice.audit.queries import search
from keyservice.database import db
from keyservice.issuance.models import End
from keyservice.kernel import clock
from keyservice.outbox.models import Delivery, OutboxMessage
from keyservice.overview import posts
from tests.conftest import post
from tests.factories.aanvragen import ready
from tests.factories.issued_rows import dead_message, issue
from tests.pages import check

Browser = Callable[[str], FlaskClient]


@pytest.fixture
def aanvraag(app: Flask) -> UUID:
    with app.app_context():
        return ready()


def bounced(aanvraag_id: UUID, kind: str = "sleutel-zip", **facts: object) -> UUID:
    """Store a mail that came back because its address does not exist."""
    facts = {"status": Delivery.BOUNCED, "bounced_at": clock.now(), "bounce_status": "5.1.1", "content": None, **facts}
    return dead_message(aanvraag_id, kind, **facts)


def page_of(browser: FlaskClient, path: str = "/berichten") -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    check(answer.text)
    return str(answer.text)


def test_a_message_that_did_not_arrive_stands_there_with_what_why_and_to_whom(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    with app.app_context():
        bounced(aanvraag, attempts=1)
    page = page_of(browser_of("rik"))
    for text in (
        "Zipbestand met de sleutel",
        "a…@voorbeeldstad.example (e-mail)",
        "AA-2026-00001",
        "Het adres van de ontvanger bestaat niet of werkt niet meer (5.1.1)",
        "Niet aangekomen",
        "1 keer",
    ):
        assert text in page
    assert "anna@" not in page


def test_a_message_that_is_tried_again_stands_apart(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context():
        facts: dict[str, Any] = {"status": Delivery.WAITING, "due_at": clock.now() + timedelta(hours=2)}
        dead_message(aanvraag, last_error="SMTP 451", attempts=3, **facts)
        dead_message(aanvraag, last_error=None, attempts=0, **facts)
    page = page_of(browser_of("rik"))
    failed, _heading, retrying = page.partition("Wordt nog geprobeerd</h2>")
    assert "Er zijn geen mislukte berichten" in failed
    assert retrying.count("a…@voorbeeldstad.example") == 1
    assert "De mailserver kon het bericht nog niet aannemen (451)" in retrying
    assert "/opnieuw" not in retrying


ZIP, RELEASE, CANCEL, RETRY = (
    "Zipbestand opnieuw versturen",
    "Wachtwoord vrijgeven",
    "Levering annuleren",
    "Opnieuw versturen",
)


@pytest.mark.parametrize(
    ("login", "kind", "facts", "buttons"),
    [
        ("rik", "sleutel-zip", {}, {ZIP, CANCEL}),
        ("rik", "sleutel-klaar", {}, {ZIP, CANCEL}),
        ("rik", "sleutel-zip", {"copies": 6}, {CANCEL}),
        ("rik", "sleutel-zip", {"released_at": True, "password_sent_at": True}, {CANCEL}),
        ("rik", "sleutel-zip", {"ended_at": True, "end_reason": End.CANCELLED}, set()),
        ("rik", "wachtwoord", {"received_at": True, "password_sent_at": True}, {CANCEL}),
        ("rik", "wachtwoord-klaar", {"received_at": True}, {CANCEL}),
        ("rik", "uitgifte-remind-receipt", {}, {RELEASE, CANCEL}),
        ("rosa", "uitgifte-remind-receipt", {}, set()),
        ("rik", "uitgifte-remind-receipt", {"received_at": True}, set()),
        ("rik", "sms-code", {}, set()),
        ("rik", "aanvraag-received", {}, set()),
    ],
)
def test_each_kind_of_message_has_the_ways_out_that_fit_it(
    app: Flask, browser_of: Browser, *, aanvraag: UUID, login: str, kind: str, facts: dict[str, Any], buttons: set[str]
) -> None:
    with app.app_context():
        issue(aanvraag, **{name: clock.now() if value is True else value for name, value in facts.items()})
        bounced(aanvraag, kind)
    page = page_of(browser_of(login))
    assert {way for way in (ZIP, RELEASE, CANCEL) if f">{way}<" in page} == buttons
    assert f">{RETRY}<" not in page, "what came back has no content any more"


def test_a_way_out_of_the_page_leads_to_the_act_itself(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context():
        issuance_id = issue(aanvraag)
        bounced(aanvraag, "uitgifte-remind-receipt")
    rik = browser_of("rik")
    for path in (f"/uitgiften/{issuance_id}/vrijgeven", f"/uitgiften/{issuance_id}/annuleren"):
        assert f'href="{path}"' in page_of(rik)
        assert rik.get(path).status_code == 200


def test_the_page_never_offers_another_address_for_a_secret(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context():
        issue(aanvraag)
        bounced(aanvraag)
    page = page_of(browser_of("rik"))
    assert "in een nieuwe aanvraag een andere contactpersoon" in page
    assert 'type="email"' not in page


def test_a_message_whose_ring_key_is_destroyed_is_not_offered_again(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    with app.app_context():
        message = dead_message(aanvraag)
    rik = browser_of("rik")
    assert f"/berichten/{message}/opnieuw" in page_of(rik)
    with app.app_context():
        rings = settings.rings()
        kept, old = rings.path("outbox").read_bytes(), [key.id for key in rings.keys("outbox")]
        rings.add_key("outbox")
        rings.destroy("outbox", old)
    try:
        page = page_of(rik)
        assert f"/berichten/{message}/opnieuw" not in page
        assert "kan niet opnieuw worden verstuurd: de inhoud is er niet meer" in page
        answer = post(rik, f"/berichten/{message}/opnieuw")
        assert answer.status_code == 409
        assert "Dit bericht kan niet opnieuw worden verstuurd" in answer.text
    finally:
        rings.path("outbox").write_bytes(kept)
    with app.app_context():
        assert db.session.get_one(OutboxMessage, message).status is Delivery.DEAD


def test_after_a_retry_the_page_says_what_happens(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context():
        message = dead_message(aanvraag)
    rik = browser_of("rik")
    assert post(rik, f"/berichten/{message}/opnieuw").status_code == 303
    page = page_of(rik)
    assert "Het systeem verstuurt het bericht zo opnieuw" in page
    assert "Wordt nog geprobeerd" in page.rpartition("Oorzaak")[0]


def test_page_by_page_every_failed_message_comes_once_and_the_newest_first(
    app: Flask, browser_of: Browser, aanvraag: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts, "PAGE", 3)
    with app.app_context():
        start = clock.now() - timedelta(days=2)
        for number in range(8):
            dead_message(aanvraag, recipient=f"{number}…@x.example", created_at=start + timedelta(hours=number // 2))
    rik, path, seen = browser_of("rik"), "/berichten", []
    while path:
        page = page_of(rik, path)
        seen += [int(part[-1]) for part in page.split("…@x.example")[:-1]]
        path = page.split('rel="next"')[0].rpartition('href="')[2].split('"')[0] if 'rel="next"' in page else ""
        path = path.replace("&amp;", "&")
    assert sorted(seen) == list(range(8))
    assert [number // 2 for number in seen] == sorted((n // 2 for n in range(8)), reverse=True)


@pytest.mark.parametrize(
    "cursor", ["", "x", "2026-11-23_1", "2026-11-23T12:00:00+00:00_x", "9999-12-31T23:59:59-23:00_"]
)
def test_a_page_that_does_not_exist_is_not_found(browser_of: Browser, cursor: str) -> None:
    assert browser_of("rik").get("/berichten", query_string={"na": cursor}).status_code == 404


def test_what_bounced_a_month_ago_leaves_the_page_and_what_is_dead_stays(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    with app.app_context():
        old = clock.now() - timedelta(days=31)
        bounced(aanvraag, created_at=old, bounced_at=old)
    assert "Er zijn geen mislukte berichten" in page_of(browser_of("rik"))
    with app.app_context():
        dead_message(aanvraag, created_at=old)
    rik = browser_of("rik")
    assert "Er zijn geen mislukte berichten" not in page_of(rik)
    assert "1 bericht wacht op u" in " ".join(page_of(rik, "/").split())


def test_dossier_and_status_page_tell_that_a_mail_to_the_contact_came_back(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    with app.app_context():
        issue(aanvraag)
        bounced(aanvraag)
        bounced(aanvraag, "aanvraag-new", for_duo=True, recipient="r…@duo.example")
    duo, gemeente = (
        page_of(browser_of("rik"), f"/dossiers/{aanvraag}"),
        page_of(browser_of("anna"), f"/aanvragen/{aanvraag}"),
    )
    for page in (duo, gemeente):
        assert "Zipbestand met de sleutel" in page
        assert "Het adres van de ontvanger bestaat niet of werkt niet meer (5.1.1)" in page
    assert 'href="/berichten"' in duo
    assert "Stop dan de levering en vraag de sleutel opnieuw aan met een andere contactpersoon" in gemeente
    assert "duo.example" not in gemeente, "what DUO itself does not get is no matter of the gemeente"
    assert "Er is iets niet aangekomen" in page_of(browser_of("ada"), f"/dossiers/{aanvraag}")


def test_what_was_sent_again_takes_the_place_of_what_came_back(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context():
        issue(aanvraag)
        bounced(aanvraag, created_at=clock.now() - timedelta(hours=1))
        bounced(aanvraag, "uitgifte-remind-receipt", status=Delivery.SENT, sent_at=clock.now(), bounced_at=None)
    anna = browser_of("anna")
    assert "Een bericht is niet aangekomen" in page_of(anna, f"/aanvragen/{aanvraag}"), "another kind is no repeat"
    with app.app_context():
        bounced(aanvraag, status=Delivery.SENT, sent_at=clock.now(), bounced_at=None)
    assert "Een bericht is niet aangekomen" not in page_of(anna, f"/aanvragen/{aanvraag}")


def test_i9_another_gemeente_hears_of_no_message(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context():
        bounced(aanvraag)
    assert browser_of("tom").get(f"/aanvragen/{aanvraag}").status_code == 404
    assert browser_of("tom").get("/berichten").status_code == 403


def test_an_auditor_reads_the_events_of_a_bounce_in_words(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context():
        bounced(aanvraag)
        tell_undelivered()
        assert next(event.code for event in search(limit=5)) == "message:escalate"
    page = page_of(browser_of("ada"), "/gebeurtenissen")
    assert "Er is verteld dat een bericht niet is aangekomen" in page
    assert "gemeentebeheerders" in page
