"""With fewer than two active relatiebeheerders nothing passes four eyes: the front pages of DUO say so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from keyservice.accounts.models import Grant
from keyservice.database import transaction
from keyservice.demo.people import person_id
from keyservice.kernel import clock
from keyservice.settings import FourEyes
from tests.factories.people import block
from tests.pages import check

Browser = Callable[[str], FlaskClient]
NOTICE = "Er kan nu geen sleutel voor productie worden uitgegeven"


def end_grants(login: str) -> None:
    with transaction() as session:
        session.execute(update(Grant).where(Grant.account_id == person_id(login)).values(valid_until=clock.now()))


def postpone(login: str) -> None:
    later = clock.now() + timedelta(days=1)
    with transaction() as session:
        session.execute(update(Grant).where(Grant.account_id == person_id(login)).values(valid_from=later))


@pytest.mark.parametrize("login", ["rik", "ada", "ben"])
@pytest.mark.parametrize("leave", [block, end_grants, postpone])
def test_each_front_page_of_duo_says_that_productie_waits_for_a_second_person_and_what_to_do(
    app: Flask, browser_of: Browser, login: str, leave: Callable[[str], None]
) -> None:
    browser = browser_of(login)
    assert NOTICE not in browser.get("/").text
    with app.app_context():
        leave("rosa")
    page = browser.get("/").text
    check(page)
    assert NOTICE in page
    assert "Er is er nu maar 1." in page
    assert "als relatiebeheerder." in page, "what to do"


def test_without_any_relatiebeheerder_the_beheerder_reads_that_there_is_none(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        block("rik")
        block("rosa")
    page = browser_of("ben").get("/").text
    assert "Er is er nu geen." in page
    assert 'href="/personen/uitnodigen"' in page
    assert 'href="/personen/uitnodigen"' not in browser_of("ada").get("/").text, "who may not, is not sent there"


def test_a_gemeente_does_not_read_how_many_people_duo_has(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        block("rosa")
    for login in ("anna", "gert"):
        assert NOTICE not in browser_of(login).get("/").text


def test_with_four_eyes_for_every_omgeving_the_notice_is_about_every_key(
    app: Flask, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = replace(app.extensions["keyservice.settings"], four_eyes=FourEyes.ALWAYS)
    monkeypatch.setitem(app.extensions, "keyservice.settings", conf)
    with app.app_context():
        block("rosa")
    assert "Er kan nu geen sleutel worden uitgegeven" in browser_of("ben").get("/").text
