"""The pages about keys: those of a gemeente, the lists of DUO, the calendar, and their files."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from keyservice.aanvragen.models import Aanvraag
from keyservice.accounts.models import Grant
from keyservice.accounts.queries import portfolio
from keyservice.contacts.models import Contact
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.issuance.models import End, Issuance
from keyservice.kernel import clock
from keyservice.overview.key_calendar import Per, expiries, lead_times
from keyservice.overview.key_lists import Wanted, Which, page
from keyservice.overview.keys import of_gemeente
from keyservice.overview.keyset import Cursor
from keyservice.sleutels.life import Blocker
from keyservice.sleutels.models import Sleutel, SleutelUse
from tests.factories.aanvragen import ready
from tests.factories.issued_rows import issue
from tests.pages import check

Browser = Callable[[str], FlaskClient]
DAY = timedelta(days=1)


def key(pakket: str = "Volgpakket", gemeente: str = "9998", *, asleep: bool = False, **facts: object) -> UUID:
    """Store a key, active since now unless it is asleep, with facts in days from now; return the key."""
    now = clock.now()
    aanvraag_id = ready(pakket=pakket)
    issuance_id = issue(aanvraag_id)
    moments = {name: now + timedelta(days=days) for name, days in facts.items() if isinstance(days, int | float)}
    with transaction() as session:
        sleutel_id = session.get_one(Issuance, issuance_id).sleutel_id
        if not asleep:
            moments.setdefault("activated_at", now)
            ended = {"ended_at": moments["activated_at"], "end_reason": End.DONE}
            session.execute(update(Issuance).where(Issuance.id == issuance_id).values(**ended))
        if "revoked_at" in moments:
            session.execute(update(Sleutel).where(Sleutel.id == sleutel_id).values(reason="leaked"))
        session.execute(update(Sleutel).where(Sleutel.id == sleutel_id).values(gemeente=gemeente, **moments))
        session.execute(update(Aanvraag).where(Aanvraag.id == aanvraag_id).values(gemeente=gemeente))
    return sleutel_id


def used(sleutel_id: UUID, days_ago: float, network: str = "192.0.2.0/24") -> None:
    """Store that a key was used."""
    at = clock.now() - timedelta(days=days_ago)
    with transaction() as session:
        session.add(SleutelUse(sleutel_id=sleutel_id, network=network, first_at=at, last_at=at, count=1))


def number(sleutel_id: UUID) -> str:
    return db.session.get_one(Sleutel, sleutel_id).number


def aanvraag_of(sleutel_id: UUID) -> Aanvraag:
    return db.session.query(Issuance).filter(Issuance.sleutel_id == sleutel_id).one().aanvraag


def listed(which: Which, login: str = "rik", gemeente: str | None = None) -> list[UUID]:
    return [row.id for row in page(portfolio(person_id(login)), Wanted(which, gemeente)).rows]


def test_a_gemeente_sees_its_keys_what_ends_first_on_top_and_the_ended_ones_apart(context: Flask) -> None:
    late, soon = key(expires_at=300), key("Ander", expires_at=20)
    gone, old = key("Weg", revoked_at=0), key("Oud", expires_at=-3)
    key("Van een ander", gemeente="9999")
    found = of_gemeente("9998")
    assert [row.id for row in found.living] == [soon, late]
    assert [row.id for row in found.ended] == [gone, old]


def test_i9_a_gemeente_sees_no_key_of_another(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        own, other = number(key()), number(key("Van een ander", gemeente="9999"))
    text = browser_of("anna").get("/sleutels").text
    check(text)
    assert (own in text, other in text) == (True, False)


def test_the_row_of_a_key_says_age_last_use_next_date_and_leads_to_its_aanvraag(
    app: Flask, browser_of: Browser
) -> None:
    with app.app_context():
        sleutel = key(not_before=-100, activated_at=-99, expires_at=265)
        used(sleutel, 2)
        used(sleutel, 5, "198.51.100.0/24")
        aanvraag = aanvraag_of(sleutel).id
        last = clock.local_date(clock.now() - 2 * DAY)
    text = browser_of("anna").get("/sleutels").text
    check(text)
    assert f'href="/aanvragen/{aanvraag}"' in text
    assert "100 dagen" in text
    assert f"{last.day} " in text
    assert "Herinnering" in text
    assert "Let op:" not in text


def test_what_a_gemeente_should_look_at_stands_beside_the_key(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        key("Nooit", activated_at=-31)
        quiet = key("Stil", activated_at=-200)
        used(quiet, 91)
        left = key("Weg")
        with transaction() as session:
            contact = aanvraag_of(left).key_contact_id  # an address of Bea, and Bea no longer works there
            session.execute(update(Contact).where(Contact.id == contact).values(mailbox="bea@voorbeeldstad.example"))
            session.execute(update(Contact).where(Contact.id == contact).values(verified_account=None))
            bea = Grant.account_id == person_id("bea")
            session.execute(update(Grant).where(bea).values(valid_until=clock.now()))
        old, new = key("Oud", activated_at=-300), key("Nieuw", activated_at=-5)
        used(old, 1)
        with transaction() as session:
            session.execute(update(Issuance).where(Issuance.sleutel_id == new).values(renews_id=old))
    text = browser_of("gert").get("/sleutels").text
    check(text)
    for said in ("Nooit gebruikt.", "90 dagen niet gebruikt.", "werkt hier niet meer.", "Nog gebruikt, terwijl"):
        assert text.count(said) == 1, said


def test_duo_sees_what_expires_soon_the_nearest_first_and_not_what_ended(context: Flask) -> None:
    later, soon = key(expires_at=80), key("Eerder", expires_at=10)
    key("Ver weg", expires_at=120)
    key("Weg", revoked_at=0, expires_at=5)
    key("Slaapt", asleep=True, expires_at=30)
    assert listed(Which.EXPIRING) == [soon, later]


def test_duo_sees_what_is_not_used(context: Flask) -> None:
    never = key("Nooit", activated_at=-40)
    quiet = key("Stil", activated_at=-200)
    used(quiet, 100)
    busy = key("Druk", activated_at=-200)
    used(busy, 100)
    used(busy, 1, "198.51.100.0/24")
    key("Nieuw", activated_at=-10)
    key("Geblokkeerd", activated_at=-200, suspended_at=-1)
    assert listed(Which.UNUSED) == [quiet, never]


def test_duo_sees_what_is_stuck(context: Flask) -> None:
    asleep = key("Slaapt", asleep=True, not_before=-12)
    blocked = key("Geblokkeerd", suspended_at=-3)
    key("Werkt")
    key("Weg", asleep=True, revoked_at=0)
    assert listed(Which.STUCK) == [asleep, blocked]


def test_the_own_portfolio_comes_first_and_a_gemeente_can_be_chosen(context: Flask) -> None:
    foreign = key("Van een ander", gemeente="9999", expires_at=5)
    own = key(expires_at=50)
    assert listed(Which.EXPIRING) == [own, foreign]
    assert listed(Which.EXPIRING, gemeente="9999") == [foreign]


@pytest.mark.parametrize("which", Which)
def test_page_by_page_every_key_comes_once_and_in_order(context: Flask, which: Which) -> None:
    for n in range(5):
        facts: dict[str, Any] = {
            Which.EXPIRING: {"expires_at": 10 + n // 2},
            Which.UNUSED: {"activated_at": -100 - n // 2},
            Which.STUCK: {"suspended_at": -9 - n // 2},
        }[which]
        sleutel = key(f"Pakket {n}", ("9999", "9998")[n % 2], **facts)
        if which is Which.UNUSED and n == 1:
            used(sleutel, 95)
    own = portfolio(person_id("rik"))
    seen: list[UUID] = []
    after: Cursor | None = None
    while True:
        found = page(own, Wanted(which), after, limit=2)
        seen += [row.id for row in found.rows]
        if found.next is None:
            break
        after = Cursor.parse(str(found.next))
    assert seen == listed(which)
    assert len(set(seen)) == 5


@pytest.mark.parametrize("login", ["rik", "ada"])
def test_the_lists_and_the_calendar_are_pages_for_duo(app: Flask, browser_of: Browser, login: str) -> None:
    with app.app_context():
        key(expires_at=0.6)
        key("Stil", activated_at=-40, expires_at=200)
        key("Slaapt", asleep=True)
        key("Geblokkeerd", suspended_at=-3)
    browser = browser_of(login)
    for path, said in (
        ("/sleuteloverzicht", "Verloopt"),
        ("/sleuteloverzicht?lijst=ongebruikt", "Nooit gebruikt. Actief sinds"),
        ("/sleuteloverzicht?lijst=vast", "Wacht op bericht dat het zipbestand er is"),
        ("/sleuteloverzicht/kalender", "Hoe lang duurt het?"),
        ("/sleuteloverzicht/kalender?per=week", "Per week"),
    ):
        page_of = browser.get(path)
        assert page_of.status_code == 200, path
        check(page_of.text)
        assert said in page_of.text, path


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sleuteloverzicht?lijst=iets", 422),
        ("/sleuteloverzicht?gemeente=abc", 422),
        ("/sleuteloverzicht?na=x", 404),
        ("/sleuteloverzicht/bestand?lijst=iets", 404),
        ("/sleuteloverzicht/kalender?per=jaar", 404),
    ],
)
def test_bad_addresses_are_told(browser_of: Browser, path: str, status: int) -> None:
    assert browser_of("rik").get(path).status_code == status


@pytest.mark.parametrize("login", ["anna", "gert", "ben"])
def test_others_do_not_see_the_lists_of_duo(browser_of: Browser, login: str) -> None:
    assert browser_of(login).get("/sleuteloverzicht").status_code == 403


def test_the_file_of_a_list_holds_every_row_and_no_formula(
    app: Flask, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keyservice.overview.key_views._AT_ONCE", 2)
    with app.app_context():
        for n in range(5):
            key(f"=1+{n}", expires_at=20 + n)
    answer = browser_of("rik").get("/sleuteloverzicht/bestand")
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert len(lines) == 6
    assert all("\"'=1+" in line for line in lines[1:])


@time_machine.travel("2026-11-30T12:00:00Z", tick=False)
def test_the_calendar_counts_living_keys_per_month_and_week(context: Flask) -> None:
    key("Vandaag", expires_at=0.1)
    key("Maart", expires_at=100)
    key("Van een ander", gemeente="9999", expires_at=101)
    key("Weg", expires_at=100, revoked_at=0)
    key("Over een jaar en een dag", expires_at=366)
    own = portfolio(person_id("rik"))
    months = expiries(Per.MONTH, own)
    assert [(s.first, s.last) for s in months[:2]] == [
        (date(2026, 11, 1), date(2026, 11, 30)),
        (date(2026, 12, 1), date(2026, 12, 31)),
    ]
    assert {s.label: (s.all, s.own) for s in months if s.all} == {"november 2026": (1, 1), "maart 2027": (2, 1)}
    weeks = expiries(Per.WEEK, own)
    assert sum(s.all for s in weeks) == 3
    assert weeks[0].first == date(2026, 11, 30)


def test_the_calendar_shows_the_same_figures_as_drawing_table_and_file(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        key(expires_at=3)
        key("Ander", expires_at=3)
        when = next(span for span in expiries(Per.MONTH, frozenset()) if span.all)
    browser = browser_of("rik")
    text = browser.get("/sleuteloverzicht/kalender").text
    assert f"<title>{when.label}: 2</title>" in text
    assert '<td class="ks-number">2</td>' in text
    lines = browser.get("/sleuteloverzicht/kalender/bestand").data.decode("utf-8-sig").splitlines()
    assert f'"{when.label}";"{when.first}";"{when.last}";"2";"2"' in lines


def test_lead_times_are_the_middle_and_the_spread_of_the_last_year(context: Flask) -> None:
    now = clock.now()
    for n in (1, 2, 3, 4, 90):
        sleutel = key(f"Pakket {n}", activated_at=0)
        with transaction() as session:
            row = session.query(Issuance).filter(Issuance.sleutel_id == sleutel).one()
            row.issued_at = now - n * DAY
    key("Lang geleden", activated_at=-400)
    woken = next(one for one in lead_times() if one.step == "Van uitgeven tot activeren")
    assert (woken.count, round(woken.median)) == (5, 3)
    assert woken.most[0] < woken.half[0] < woken.median < woken.half[1] < woken.most[1]


def test_the_file_of_lead_times_has_dutch_decimals(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        key()
    lines = browser_of("rik").get("/sleuteloverzicht/kalender/doorlooptijden").data.decode("utf-8-sig").splitlines()
    assert lines[1].startswith('"Van indienen tot goedkeuren";"1";"0,0"')


def test_a_gemeente_blocks_or_revokes_a_key_from_the_list_and_not_one_that_sleeps_or_ended(
    app: Flask, browser_of: Browser
) -> None:
    def links(sleutel: UUID) -> dict[str, bool]:
        issuance = db.session.query(Issuance).filter(Issuance.sleutel_id == sleutel).one()
        acts = ("blokkeren", "deblokkeren", "intrekken")
        return {act: f'href="/uitgiften/{issuance.id}/{act}"' in text for act in acts}

    with app.app_context():
        working, blocked = key(), key("Dicht", suspended_at=-1)
        asleep, ended = key("Slaapt", asleep=True), key("Weg", revoked_at=0)
        with transaction() as session:
            session.execute(update(Sleutel).where(Sleutel.id == blocked).values(suspended_by=Blocker.GEMEENTE))
    text = browser_of("anna").get("/sleutels").text
    check(text)
    with app.app_context():
        assert links(working) == {"blokkeren": True, "deblokkeren": False, "intrekken": True}
        assert links(blocked) == {"blokkeren": False, "deblokkeren": True, "intrekken": True}
        assert not any({**links(asleep), **links(ended)}.values())
