"""The pages of inviting, joining, colleagues, persons and portfolios, as each person opens and sends them."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from keyservice.accounts import joining, people, people_queries, queries
from keyservice.accounts.models import Grant, Invitation
from keyservice.accounts.service import give_role
from keyservice.audit.models import AuditEvent
from keyservice.database import db
from keyservice.demo.people import person_id
from keyservice.kernel.actor import CLI, Role
from keyservice.kernel.errors import Refused
from tests.conftest import post
from tests.factories.aanvragen import actor
from tests.factories.people import PASSWORD, invite, links, newest, propose, roles
from tests.pages import check, parse, text_of

Browser = Callable[[str], FlaskClient]
NINA = {"naam": "Nina Nieuw", "email": "nina@voorbeeldstad.example", "rol": "aanvrager", "tot": ""}
CODE = re.compile(r'<span class="ks-secret__group">([0-9A-Z]{4})')


def shown_code(page: str) -> str:
    return "".join(CODE.findall(page))


def send(client: FlaskClient, url: str, data: dict[str, Any] | None = None) -> Any:
    """Post, and check the page that comes back."""
    answer = post(client, url, data, step_up=True)
    if answer.mimetype == "text/html" and answer.status_code != 303:
        check(answer.text)
    return answer


def ask(client: FlaskClient, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, (url, answer.status_code)
    check(answer.text)
    return answer.text


def heading(page: str) -> str:
    return text_of(next(parse(page)[0].iter("h1")))


def token(app: Flask) -> str:
    with app.app_context():
        return links()[-1]


# --- a colleague


def test_a_colleague_is_invited_joins_and_can_work(app: Flask, browser_of: Browser, client: FlaskClient) -> None:
    gert = browser_of("gert")
    ask(gert, "/collega-s/uitnodigen")
    answer = send(gert, "/collega-s/uitnodigen", NINA)
    assert answer.status_code == 200
    code = shown_code(answer.text)
    assert len(code) == 8
    assert "Nina Nieuw" in ask(gert, "/collega-s")
    assert code not in ask(gert, "/collega-s").replace("-", ""), "shown once"
    link = f"/uitnodiging/{token(app)}"
    ask(client, link)
    assert send(client, link, {"code": code}).location == "/uitnodiging"
    page = ask(client, "/uitnodiging")
    assert 'value="Nina Nieuw"' in page
    assert 'type="password"' in page
    filled = {"naam": "Nina Nieuw", "wachtwoord": PASSWORD, "wachtwoord_herhaald": PASSWORD}
    assert send(client, "/uitnodiging", filled).status_code == 303
    with app.app_context():
        nina = queries.by_mailbox(NINA["email"])
        assert nina is not None
        assert roles(nina.id) == {(Role.AANVRAGER, "9998")}
    home = client.get("/", follow_redirects=True)
    assert "Nina Nieuw" in home.text, "logged in"
    aanvragen = client.get("/aanvragen")
    assert aanvragen.status_code == 303, "nothing opens before there is a second factor"


def test_i10_opening_the_link_any_number_of_times_changes_nothing(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        invitation_id, code = invite()
        link = f"/uitnodiging/{links()[-1]}"
    for _ in range(10):
        assert client.get(link).status_code == client.head(link).status_code == 200
    with app.app_context():
        row = db.session.get_one(Invitation, invitation_id)
        assert (row.tries, row.used_at) == (0, None)
    assert send(client, link, {"code": code}).status_code == 303


def test_every_link_shows_the_same_page_and_every_refusal_the_same_words(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        invite()
        known = f"/uitnodiging/{links()[-1]}"
    pages, refusals = set(), set()
    for link in (known, "/uitnodiging/bestaat-niet"):
        pages.add(re.sub(r'value="[^"]+"', "", ask(client, link)).replace(link, ""))
        answer = send(client, link, {"code": "ABCD-EFGH"})
        assert answer.status_code == 422
        refusals.add(re.sub(r'value="[^"]+"', "", answer.text).replace(link, ""))
    assert len(pages) == len(refusals) == 1


def test_codes_are_not_guessed(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        _, code = invite()
        link = f"/uitnodiging/{links()[-1]}"
    for _ in range(5):
        assert send(client, link, {"code": "ABCD-EFGH"}).status_code == 422
    assert send(client, link, {"code": code}).status_code == 422, "the right one comes too late"
    with app.app_context():
        assert db.session.scalar(select(AuditEvent.id).where(AuditEvent.code == "access:refuse-anonymous").limit(1))


def test_a_session_that_was_planted_does_not_get_the_invitation_that_its_victim_opened(
    app: Flask, browser_of: Browser, client: FlaskClient
) -> None:
    code = shown_code(send(browser_of("gert"), "/collega-s/uitnodigen", NINA).text)
    attacker = app.test_client()
    attacker.get("/inloggen")
    planted = attacker.get_cookie("sessie")
    assert planted is not None
    client.set_cookie("sessie", planted.value)
    assert send(client, f"/uitnodiging/{token(app)}", {"code": code}).location == "/uitnodiging"
    assert "Nina Nieuw" in ask(client, "/uitnodiging")
    assert "Nina Nieuw" not in ask(attacker, "/uitnodiging")


def test_a_link_and_code_that_were_used_open_nothing(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        _, code = invite()
        link = f"/uitnodiging/{links()[-1]}"
    filled = {"naam": "Nina Nieuw", "wachtwoord": PASSWORD, "wachtwoord_herhaald": PASSWORD}
    send(client, link, {"code": code})
    assert send(client, "/uitnodiging", filled).status_code == 303
    replay = app.test_client()
    assert send(replay, link, {"code": code}).status_code == 422
    assert heading(ask(replay, "/uitnodiging")) == "Er is geen uitnodiging geopend"
    assert send(replay, "/uitnodiging", filled).status_code == 200
    with app.app_context():
        assert db.session.scalar(select(func.count()).where(Grant.granted_by == person_id("gert"))) == 1


@pytest.mark.parametrize(
    ("filled", "fault"),
    [
        ({"naam": "", "wachtwoord": PASSWORD, "wachtwoord_herhaald": PASSWORD}, "Vul uw naam in"),
        ({"naam": "Nina", "wachtwoord": "kort", "wachtwoord_herhaald": "kort"}, "minstens 12 tekens"),
        ({"naam": "Nina", "wachtwoord": PASSWORD, "wachtwoord_herhaald": "anders"}, "niet gelijk"),
        ({"naam": "Nina", "wachtwoord": "nina voorbeeldstad", "wachtwoord_herhaald": "nina voorbeeldstad"}, "lijkt op"),
        ({}, "Kies een wachtwoord"),
    ],
)
def test_a_wrong_account_form_says_so_and_makes_nothing(
    app: Flask, client: FlaskClient, filled: dict[str, str], fault: str
) -> None:
    with app.app_context():
        _, code = invite()
        link = f"/uitnodiging/{links()[-1]}"
    send(client, link, {"code": code})
    answer = send(client, "/uitnodiging", filled)
    assert answer.status_code == 422
    assert fault in answer.text
    assert PASSWORD not in answer.text
    with app.app_context():
        assert queries.by_mailbox(NINA["email"]) is None


def test_somebody_with_an_account_logs_in_first_and_then_accepts(
    app: Flask, browser_of: Browser, client: FlaskClient
) -> None:
    with app.app_context():
        _, code = invite("tom@testdorp.example")
        link = f"/uitnodiging/{links()[-1]}"
    send(client, link, {"code": code})
    assert client.get("/uitnodiging").location == "/inloggen?next=/uitnodiging"
    bea = browser_of("bea")
    send(bea, link, {"code": code})
    assert bea.get("/uitnodiging").status_code == 403
    assert send(bea, "/uitnodiging").status_code == 403
    tom = browser_of("tom")
    send(tom, link, {"code": code})
    assert "gemeente Voorbeeldstad" in ask(tom, "/uitnodiging")
    assert send(tom, "/uitnodiging").status_code == 303
    with app.app_context():
        assert roles(person_id("tom")) == {(Role.AANVRAGER, "9999"), (Role.AANVRAGER, "9998")}
        assert roles(person_id("bea")) == {(Role.AANVRAGER, "9998")}
    assert "namens gemeente Voorbeeldstad" in ask(tom, "/")


def test_who_is_logged_in_makes_no_second_account_with_an_invitation_of_somebody_else(
    app: Flask, browser_of: Browser
) -> None:
    with app.app_context():
        _, code = invite(NINA["email"])
        link = f"/uitnodiging/{links()[-1]}"
    tom = browser_of("tom")
    send(tom, link, {"code": code})
    answer = tom.get("/uitnodiging")
    assert answer.status_code == 403
    assert "U bent ingelogd als iemand anders" in answer.text
    filled = {"naam": "Tom", "wachtwoord": PASSWORD, "wachtwoord_herhaald": PASSWORD}
    assert send(tom, "/uitnodiging", filled).status_code == 403
    with app.app_context():
        assert queries.by_mailbox(NINA["email"]) is None
        opened = newest().id
        with pytest.raises(Refused, match="invitation-of-another"):
            joining.join_as_new(actor("tom"), opened, name="Tom", password=None)


def test_the_inviter_sees_no_difference_between_a_known_and_an_unknown_address(browser_of: Browser) -> None:
    gert = browser_of("gert")
    pages = set()
    for email in ("tom@testdorp.example", "xxx@testdorp.example"):
        page = send(gert, "/collega-s/uitnodigen", {**NINA, "email": email}).text
        page = re.sub(r'value="[^"]+"', "", page.replace(email, "x"))
        code = shown_code(page)
        for part in (code[:4], code[4:]):
            page = page.replace(part, "").replace(", ".join(part), "")
        pages.add(page)
    assert len(pages) == 1


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"naam": ""}, "Vul de naam in"),
        ({"email": "geen adres"}, "Vul een e-mailadres in"),
        ({"rol": "beheerder"}, "Kies een rol"),
        ({"rol": ""}, "Kies een rol"),
        ({"tot": "gisteren"}, "Vul een datum in"),
        ({"tot": "2020-01-01"}, "Kies vandaag of een latere dag"),
    ],
)
def test_a_wrong_invitation_says_so(app: Flask, browser_of: Browser, changed: dict[str, str], fault: str) -> None:
    answer = send(browser_of("gert"), "/collega-s/uitnodigen", {**NINA, **changed})
    assert answer.status_code == 422
    assert fault in answer.text
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Invitation)) == 0


def test_an_end_date_is_the_whole_day(app: Flask, browser_of: Browser) -> None:
    send(browser_of("gert"), "/collega-s/uitnodigen", {**NINA, "tot": "31-12-2099"})
    with app.app_context():
        until = newest().grant_until
        assert until is not None
        assert until.isoformat() == "2099-12-31T22:59:59+00:00", "23:59:59 in Amsterdam"


def test_an_invitation_is_sent_again_and_withdrawn(app: Flask, browser_of: Browser, client: FlaskClient) -> None:
    with app.app_context():
        invitation_id, _ = invite()
    gert = browser_of("gert")
    again = send(gert, f"/uitnodigingen/{invitation_id}/opnieuw")
    link = f"/uitnodiging/{token(app)}"
    assert len(shown_code(again.text)) == 8
    assert send(gert, f"/uitnodigingen/{invitation_id}/intrekken").status_code == 303
    assert send(client, link, {"code": shown_code(again.text)}).status_code == 422
    assert send(gert, f"/uitnodigingen/{invitation_id}/intrekken").status_code == 404


def test_i9_another_gemeente_finds_neither_person_nor_invitation_nor_role(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        give_role(CLI, person_id("tom"), Role.GEMEENTEBEHEERDER, gemeente="9999")
        invitation_id, _ = invite()
        bea, grant = person_id("bea"), queries.valid_grants(person_id("bea"))[0].id
        before = roles(bea)
    tom = browser_of("tom")
    assert tom.get(f"/collega-s/{bea}/rol").status_code == 404
    assert tom.get(f"/collega-s/rollen/{grant}/beeindigen").status_code == 404
    for url in (
        f"/collega-s/{bea}/rol",
        f"/collega-s/rollen/{grant}/beeindigen",
        f"/uitnodigingen/{invitation_id}/opnieuw",
        f"/uitnodigingen/{invitation_id}/intrekken",
    ):
        assert send(tom, url, {"rol": "aanvrager"}).status_code == 404, url
    page = ask(tom, "/collega-s")
    assert "Bea Voorbeeld" not in page
    assert "Nina Nieuw" not in page
    with app.app_context():
        assert roles(bea) == before
        assert len(queries.valid_grants(bea)) == 1


def test_a_role_that_ends_stops_the_next_request(app: Flask, browser_of: Browser) -> None:
    bea, gert = browser_of("bea"), browser_of("gert")
    ask(bea, "/aanvragen")
    with app.app_context():
        grant = queries.valid_grants(person_id("bea"))[0].id
    assert "Bea Voorbeeld" in ask(gert, f"/collega-s/rollen/{grant}/beeindigen")
    assert send(gert, f"/collega-s/rollen/{grant}/beeindigen").status_code == 303
    assert bea.get("/aanvragen").location == "/inloggen?next=/aanvragen"


def test_a_colleague_gets_another_role(app: Flask, browser_of: Browser) -> None:
    gert = browser_of("gert")
    with app.app_context():
        bea = person_id("bea")
    ask(gert, f"/collega-s/{bea}/rol")
    assert send(gert, f"/collega-s/{bea}/rol", {}).status_code == 422
    answer = send(gert, f"/collega-s/{bea}/rol", {"rol": "gemeentebeheerder", "tot": "2099-12-31"})
    assert answer.status_code == 303
    with app.app_context():
        assert (Role.GEMEENTEBEHEERDER, "9998") in roles(bea)
        gert_id = person_id("gert")
    assert send(gert, f"/collega-s/{gert_id}/rol", {"rol": "aanvrager"}).status_code == 403


def test_the_last_gemeentebeheerder_stays(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        grant = queries.valid_grants(person_id("gert"))[0].id
    answer = send(browser_of("gert"), f"/collega-s/rollen/{grant}/beeindigen")
    assert answer.status_code == 409
    assert heading(answer.text) == "De laatste beheerder kan niet weg"


def test_the_yearly_review_asks_about_every_role(app: Flask, browser_of: Browser) -> None:
    gert = browser_of("gert")
    ask(gert, "/collega-s/controle")
    with app.app_context():
        names = {f"rol_{grant.id.hex}": grant.account.name for grant in people_queries.grants_of("9998")}
    assert send(gert, "/collega-s/controle", {}).status_code == 422
    some = dict.fromkeys(list(names)[1:], "nodig")
    assert send(gert, "/collega-s/controle", some).status_code == 422
    answers = {name: "einde" if person == "Bea Voorbeeld" else "nodig" for name, person in names.items()}
    assert send(gert, "/collega-s/controle", answers).status_code == 303
    assert "Bea Voorbeeld" not in ask(gert, "/collega-s")


# --- what takes two people at DUO


def test_a_gemeente_gets_its_first_gemeentebeheerder_from_two_people(
    app: Flask, browser_of: Browser, client: FlaskClient
) -> None:
    ben, rik = browser_of("ben"), browser_of("rik")
    ask(ben, "/personen/uitnodigen")
    filled = {**NINA, "email": "nina@testdorp.example", "rol": "gemeentebeheerder", "gemeente": "9999"}
    assert send(ben, "/personen/uitnodigen", filled).location == "/personen/te-bevestigen"
    with app.app_context():
        url = f"/personen/uitnodigingen/{newest().id}/bevestigen"
    assert url not in ask(ben, "/personen/te-bevestigen")
    assert url in ask(rik, "/personen/te-bevestigen")
    page = ask(rik, url)
    assert "020 200 0000" in page
    assert send(rik, url, {"nummer": "+31202000000"}).status_code == 422, "the box must be ticked"
    seen = {"nummer": "+31202000000", "gecontroleerd": "y"}
    assert send(ben, url, seen).status_code == 403
    answer = send(rik, url, seen)
    assert answer.status_code == 200
    assert send(rik, url, seen).status_code == 409, "once"
    assert send(client, f"/uitnodiging/{token(app)}", {"code": shown_code(answer.text)}).status_code == 303


def test_without_a_number_the_page_says_so(app: Flask, browser_of: Browser) -> None:
    filled = {**NINA, "rol": "gemeentebeheerder", "gemeente": "0363"}
    answer = send(browser_of("ben"), "/personen/uitnodigen", filled)
    assert answer.status_code == 409
    assert heading(answer.text) == "Van deze gemeente is geen nummer bekend"


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"rol": "auditor", "gemeente": "9999"}, "Kies geen gemeente"),
        ({"rol": "gemeentebeheerder", "gemeente": ""}, "Kies een gemeente"),
        ({"rol": "aanvrager", "gemeente": "0000"}, "Kies een gemeente"),
        ({"rol": "raadplegen_muteren_2013", "gemeente": "9999"}, "Kies een rol"),
    ],
)
def test_role_and_gemeente_belong_together(browser_of: Browser, changed: dict[str, str], fault: str) -> None:
    answer = send(browser_of("rik"), "/personen/uitnodigen", {**NINA, **changed})
    assert answer.status_code == 422
    assert fault in answer.text


def test_persons_are_found_and_shown(app: Flask, browser_of: Browser) -> None:
    for login in ("ben", "rik"):
        browser = browser_of(login)
        assert "Sam Samen" in ask(browser, "/personen")
        assert "Anna" not in ask(browser, "/personen?zoek=samen").split("<main", 1)[1]
        assert "Wij vinden niemand" in ask(browser, "/personen?zoek=%25")
        with app.app_context():
            sam = person_id("sam")
        page = ask(browser, f"/personen/{sam}")
        assert "Testdorp" in page
        assert ("Beëindigen" in page) == (login == "ben")
        assert browser.get(f"/personen/{UUID(int=0)}").status_code == 404


def test_lost_factors_go_by_two_people(app: Flask, browser_of: Browser) -> None:
    rik, rosa = browser_of("rik"), browser_of("rosa")
    with app.app_context():
        anna = person_id("anna")
    ask(rik, f"/personen/{anna}/inlogmiddelen-weghalen")
    assert send(rik, f"/personen/{anna}/inlogmiddelen-weghalen").status_code == 303
    with app.app_context():
        reset = people_queries.waiting().resets[0].id
    ask(rik, "/personen/te-bevestigen")
    url, seen = f"/personen/inlogmiddelen/{reset}/bevestigen", {"nummer": "+31102000000", "gecontroleerd": "y"}
    assert "010 200 0000" in ask(rosa, url)
    assert send(rik, url, seen).status_code == 403
    assert send(rosa, url, {**seen, "nummer": "+31611111111"}).status_code == 409
    assert send(rosa, url, seen).status_code == 303
    assert send(rosa, url, seen).status_code == 404, "once"
    with app.app_context():
        people.propose_reset(actor("rik"), anna)
        reset = people_queries.waiting().resets[0].id
    assert send(rosa, f"/personen/inlogmiddelen/{reset}/intrekken").status_code == 303


def test_who_confirmed_may_send_again_and_who_proposed_may_not(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        invitation_id = propose(Role.AUDITOR)
    ben, rik = browser_of("ben"), browser_of("rik")
    assert send(rik, f"/uitnodigingen/{invitation_id}/opnieuw").status_code == 409, "not confirmed yet"
    url = f"/personen/uitnodigingen/{invitation_id}/bevestigen"
    assert send(rik, url, {"nummer": "", "gecontroleerd": "y"}).status_code == 200
    assert send(ben, f"/uitnodigingen/{invitation_id}/opnieuw").status_code == 403
    assert len(shown_code(send(rik, f"/uitnodigingen/{invitation_id}/opnieuw").text)) == 8
    ask(rik, "/personen")
    assert send(ben, f"/uitnodigingen/{invitation_id}/intrekken").status_code == 303


# --- portfolios


def test_a_beheerder_gives_ends_and_hands_over_portfolios(app: Flask, browser_of: Browser) -> None:
    ben = browser_of("ben")
    with app.app_context():
        rik, rosa = str(person_id("rik")), str(person_id("rosa"))
    ask(ben, "/portefeuilles/toewijzen")
    assert send(ben, "/portefeuilles/toewijzen", {}).status_code == 422
    filled = {"persoon": rosa, "gemeente": "9999", "tot": ""}
    assert send(ben, "/portefeuilles/toewijzen", filled).status_code == 303
    ask(ben, "/portefeuilles/overdragen")
    assert send(ben, "/portefeuilles/overdragen", {"van": rik, "naar": rik}).status_code == 422
    assert send(ben, "/portefeuilles/overdragen", {"van": rik, "naar": rosa}).status_code == 303
    page = ask(ben, "/portefeuilles")
    assert "Rik Fictief" not in page
    entry = re.findall(r"/portefeuilles/([0-9a-f-]{36})/beeindigen", page)
    assert len(entry) == 2
    assert send(ben, f"/portefeuilles/{entry[0]}/beeindigen").status_code == 303
    assert send(ben, f"/portefeuilles/{entry[0]}/beeindigen").status_code == 404


@pytest.mark.parametrize(
    ("login", "shown", "hidden"),
    [
        ("gert", ["Collega's"], ["Personen", "Portefeuilles"]),
        ("anna", [], ["Collega's", "Personen"]),
        ("rik", ["Personen"], ["Portefeuilles"]),
        ("ben", ["Personen", "Portefeuilles"], ["Collega's"]),
        ("ada", [], ["Personen", "Portefeuilles"]),
    ],
)
def test_the_menu_leads_to_the_pages_of_the_role(
    browser_of: Browser, login: str, shown: list[str], hidden: list[str]
) -> None:
    menu = next(
        nav for nav in parse(ask(browser_of(login), "/"))[0].iter("nav") if nav.get("aria-label") == "Hoofdmenu"
    )
    words = text_of(menu)
    assert all(word in words for word in shown)
    assert not any(word in words for word in hidden)
