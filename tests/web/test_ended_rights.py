"""A right that ends is gone at the very next request: no page, no act, no menu. Sessions know nothing of rights."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.datastructures import MultiDict

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Status
from keyservice.accounts.models import Grant, Invitation
from keyservice.accounts.service import give_role
from keyservice.audit.models import AuditEvent
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI, Role
from tests.conftest import csrf, post
from tests.factories.aanvragen import ready
from tests.factories.page_forms import filled_in
from tests.factories.people import block
from tests.pages import check

Browser = Callable[[str], FlaskClient]
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def end_grants(login: str, at: datetime | None = None, gemeente: str | None = None) -> None:
    """End the grants of a person, all or those of one gemeente, now or at a moment; the sessions stay as they are."""
    where = [Grant.account_id == person_id(login), *([Grant.gemeente == gemeente] if gemeente else [])]
    with transaction() as session:
        session.execute(update(Grant).where(*where).values(valid_until=at or clock.now()))


def end_yesterday(login: str) -> None:
    with transaction() as session:
        ended = {"valid_from": clock.now() - timedelta(days=2), "valid_until": clock.now() - timedelta(days=1)}
        session.execute(update(Grant).where(Grant.account_id == person_id(login)).values(**ended))


def requests_still_answered(browser: FlaskClient, url: str) -> int:
    """Return how many requests still gave the page."""
    count = 0
    while browser.get(url).status_code == 200:
        count += 1
    return count


@pytest.mark.parametrize("end", [end_grants, end_yesterday, block])
@pytest.mark.parametrize(
    ("login", "url"),
    [
        ("anna", "/aanvragen"),
        ("gert", "/aanvragen"),
        ("rik", "/werkvoorraad"),
        ("ada", "/gebeurtenissen"),
        ("ben", "/gemeenten"),
    ],
)
def test_an_ended_right_stops_the_very_next_request(
    app: Flask, browser_of: Browser, login: str, url: str, end: Callable[[str], None]
) -> None:
    browser = browser_of(login)
    assert browser.get(url).status_code == 200
    with app.app_context():
        end(login)
    assert requests_still_answered(browser, url) == 0
    answer = browser.get(url)
    assert answer.status_code == (303 if end is block else 403)


def test_a_grant_ends_by_itself_at_its_moment(app: Flask, browser_of: Browser) -> None:
    with time_machine.travel(NOON, tick=False) as time:
        with app.app_context():
            with transaction() as session:
                session.execute(update(Grant).values(valid_from=NOON - timedelta(days=1)))
            end_grants("anna", NOON + timedelta(minutes=5))
        anna = browser_of("anna")
        time.shift(timedelta(minutes=5) - timedelta(microseconds=1))
        assert anna.get("/aanvragen").status_code == 200
        time.shift(timedelta(microseconds=1))
        assert requests_still_answered(anna, "/aanvragen") == 0


def test_a_page_opened_before_the_end_can_no_longer_be_sent(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        aanvraag_id = ready()
    rik = browser_of("rik")
    token = csrf(rik.get(f"/dossiers/{aanvraag_id}").text)
    with app.app_context():
        end_grants("rik")
    answer = rik.post(f"/dossiers/{aanvraag_id}/oppakken", data={"csrf_token": token})
    assert answer.status_code == 403
    with app.app_context():
        assert db.session.get_one(Aanvraag, aanvraag_id).status is Status.SUBMITTED
        last = db.session.scalars(select(AuditEvent).order_by(AuditEvent.row.desc()).limit(1)).one()
        assert (last.code, last.person) == ("access:refuse", person_id("rik"))


def test_i9_who_acts_for_a_gemeente_that_ended_falls_back_and_sees_nothing_of_it(
    app: Flask, browser_of: Browser
) -> None:
    with app.app_context():
        aanvraag_id = ready()
        with transaction() as session:
            session.get_one(Aanvraag, aanvraag_id).gemeente = "9999"
    sam = browser_of("sam")
    assert post(sam, "/namens", {"gemeente": "9999"}).location == "/"
    assert "namens gemeente Testdorp" in sam.get("/").text
    assert sam.get(f"/aanvragen/{aanvraag_id}").status_code == 200
    with app.app_context():
        end_grants("sam", gemeente="9999")
    assert sam.get(f"/aanvragen/{aanvraag_id}").status_code == 404
    assert post(sam, f"/aanvragen/{aanvraag_id}/intrekken", {"reden": "Niet nodig"}).status_code == 404
    page = sam.get("/").text
    assert "namens gemeente Voorbeeldstad" in page
    assert "Testdorp" not in page


def test_the_choice_of_gemeenten_shrinks_with_the_grants(app: Flask, browser_of: Browser) -> None:
    sam = browser_of("sam")
    with sam:
        sam.get("/namens")
        assert g.gemeenten == ["9998", "9999"]
    with app.app_context():
        end_grants("sam", gemeente="9999")
    with sam:
        page = sam.get("/namens").text
        assert g.gemeenten == ["9998"]
    assert "Testdorp" not in page
    refused = post(sam, "/namens", {"gemeente": "9999"})
    assert (refused.status_code, refused.location) == (303, "/namens")
    assert "namens gemeente Voorbeeldstad" in sam.get("/namens").text


def test_who_has_no_grant_left_reads_so_and_is_not_let_into_any_gemeente(app: Flask, browser_of: Browser) -> None:
    sam = browser_of("sam")
    with app.app_context():
        end_grants("sam")
    page = sam.get("/")
    assert page.status_code == 200
    assert "namens gemeente" not in page.text
    assert "Hoofdmenu" not in page.text
    assert post(sam, "/namens", {"gemeente": "9998"}).location == "/namens"
    assert sam.get("/aanvragen").status_code == 403


@pytest.fixture
def for_both(app: Flask, browser_of: Browser) -> FlaskClient:
    """Return the browser of Gert, who is gemeentebeheerder of a second gemeente too, and acts for the first one."""
    with app.app_context():
        give_role(CLI, person_id("gert"), Role.GEMEENTEBEHEERDER, gemeente="9999")
    browser = browser_of("gert")
    post(browser, "/namens", {"gemeente": "9998"})
    return browser


INVITE = "/collega-s/uitnodigen"
NINA = {"naam": "Nina Nieuw", "email": "nina@voorbeeldstad.example", "rol": "aanvrager", "tot": ""}


def invited(app: Flask) -> list[str | None]:
    with app.app_context():
        return list(db.session.scalars(select(Invitation.gemeente)))


def test_t30_the_form_of_a_page_about_one_gemeente_does_nothing_for_another(app: Flask, for_both: FlaskClient) -> None:
    first_tab = filled_in(for_both.get(INVITE).text, INVITE)
    post(for_both, "/namens", {"gemeente": "9999"})  # in a second tab
    refused = for_both.post(INVITE, data={**first_tab, **NINA})
    assert refused.status_code == 409
    assert "U werkt nu namens een andere gemeente" in refused.text
    check(refused.text)
    assert invited(app) == []
    post(for_both, "/namens", {"gemeente": "9998"})
    assert for_both.post(INVITE, data={**first_tab, **NINA}).status_code == 200
    assert invited(app) == ["9998"]


def test_t30_nor_after_logging_in_again_from_a_page_that_kept_it(
    app: Flask, for_both: FlaskClient, browser_of: Browser
) -> None:
    post(for_both, "/namens", {"gemeente": "9999"})
    typed = filled_in(for_both.get(INVITE).text, INVITE) | NINA
    anew = browser_of("gert")  # who acts for the first gemeente again
    stale = anew.post(INVITE, data=typed)
    assert stale.status_code == 400
    assert "Log eerst in" not in stale.text
    kept = re.findall('name="([^"]+)" value="([^"]*)"', stale.text)
    assert [value for name, value in kept if name == "namens"][-2:] == ["9998", "9999"]
    assert anew.post(INVITE, data=MultiDict(kept)).status_code == 409
    assert invited(app) == []


def test_who_works_for_no_gemeente_any_more_hears_that_the_role_is_gone(app: Flask, browser_of: Browser) -> None:
    gert = browser_of("gert")
    page = filled_in(gert.get(INVITE).text, INVITE)
    with app.app_context():
        end_grants("gert")
    assert gert.post(INVITE, data={**page, **NINA}).status_code == 403


def test_a_gemeente_is_chosen_from_every_page(app: Flask, for_both: FlaskClient) -> None:
    page = filled_in(for_both.get("/namens").text, "/namens")
    post(for_both, "/namens", {"gemeente": "9999"})
    assert for_both.post("/namens", data={**page, "gemeente": "9998"}).location == "/"
