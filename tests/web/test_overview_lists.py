"""The worklist, the auditor's search and the register: order, pages, filters, and what bad input is told."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from keyservice.aanvragen import review
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import OPEN, Status, Step
from keyservice.accounts.queries import portfolio
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.gemeenten.models import Gemeente
from keyservice.kernel import clock
from keyservice.overview.keyset import Cursor
from keyservice.overview.worklist import Filter, page
from tests.conftest import post
from tests.factories.aanvragen import actor, ready

Browser = Callable[[str], FlaskClient]


def fill(count: int) -> list[UUID]:
    """Store aanvragen of two gemeenten, one after the other, and return the ids in the order of Rik's worklist."""
    ids = [ready(pakket=f"Pakket {n}") for n in range(count)]
    start = clock.now() - timedelta(days=7)
    with transaction() as session:
        for n, aanvraag_id in enumerate(ids):
            values = {"status_since": start + timedelta(minutes=n // 2), "gemeente": ("9999", "9998")[n % 2]}
            session.execute(update(Aanvraag).where(Aanvraag.id == aanvraag_id).values(**values))
    rows = {row.id: row for row in db.session.query(Aanvraag)}
    return sorted(ids, key=lambda i: (rows[i].gemeente != "9998", rows[i].status_since, i.hex))


@pytest.mark.parametrize("size", [1, 3, 4, 7, 20])
def test_page_by_page_every_row_comes_once_and_in_order(context: Flask, size: int) -> None:
    expected, own = fill(7), portfolio(person_id("rik"))
    seen: list[UUID] = []
    after: Cursor | None = None
    while True:
        found = page(own, Filter(OPEN), after, limit=size)
        seen += [row.id for row in found.rows]
        if found.next is None:
            break
        after = Cursor.parse(str(found.next))
    assert seen == expected


def test_without_a_portfolio_what_waits_longest_comes_first(context: Flask) -> None:
    fill(4)
    rows = page(frozenset(), Filter(OPEN)).rows
    assert [row.since for row in rows] == sorted(row.since for row in rows)


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("", 2),
        ("zoek=AA-2026-00001", 1),
        ("zoek=volgpakket", 1),
        ("zoek=voorbeeldstad+volg", 1),
        ("zoek=%25", 0),
        ("zoek=niets", 0),
        ("omgeving=acceptatie", 1),
        ("status=in_review", 1),
        ("status=issued", 0),
        ("status=alle", 2),
        ("gemeente=9998", 2),
        ("gemeente=9999", 0),
    ],
)
def test_the_worklist_filters_and_searches(app: Flask, browser_of: Browser, query: str, hits: int) -> None:
    with app.app_context():
        review.take_step(actor("rik"), ready(), Step.TAKE_UP)
        ready("acceptatie", "Ander pakket")
    found = browser_of("rik").get(f"/werkvoorraad?{query}")
    assert found.status_code == 200
    assert found.text.count('href="/dossiers/') == hits


def test_links_to_the_next_page_keep_the_filters(
    app: Flask, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "__defaults__", (None, 2))
    with app.app_context():
        fill(4)
    rik = browser_of("rik")
    first = rik.get("/werkvoorraad?zoek=Pakket").text
    link = first.split('rel="next"', 1)[0].rsplit('href="', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    assert "zoek=Pakket" in link
    second = rik.get(link).text
    assert second.count('href="/dossiers/') == 2
    assert 'rel="next"' not in second
    assert "Terug naar het begin van de lijst" in second


@pytest.mark.parametrize("query", ["status=onzin", "omgeving=maan", "gemeente=12345"])
def test_an_unknown_filter_says_so(browser_of: Browser, query: str) -> None:
    answer = browser_of("rik").get(f"/werkvoorraad?{query}")
    assert answer.status_code == 422
    assert "<title>Fout: " in answer.text


@pytest.mark.parametrize("cursor", ["x", "0_nu_1", "0_2026-11-23T10:00:00_x", "2_2026-11-23T10:00:00+00:00", "_"])
def test_a_made_up_page_is_not_found(browser_of: Browser, cursor: str) -> None:
    assert browser_of("rik").get(f"/werkvoorraad?na={cursor}").status_code == 404
    assert browser_of("ada").get(f"/gebeurtenissen?na={cursor}").status_code == 404


def test_an_empty_worklist_says_so(browser_of: Browser) -> None:
    assert "Er zijn nu geen open aanvragen." in browser_of("rosa").get("/werkvoorraad").text


@pytest.fixture
def history(app: Flask) -> UUID:
    """Return an aanvraag that was asked about and rejected."""
    with app.app_context():
        aanvraag_id = ready()
        review.take_step(actor("rik"), aanvraag_id, Step.TAKE_UP)
        review.take_step(actor("rik"), aanvraag_id, Step.REJECT, "Deze aanvraag is dubbel.")
        return aanvraag_id


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("dossier=aa-2026-00001", {"aanvraag:take-up", "aanvraag:reject"}),
        ("dossier=AA-2026-00001&handeling=aanvraag:reject", {"aanvraag:reject"}),
        ("persoon=rik@duo.example&gemeente=9998", {"aanvraag:take-up", "aanvraag:reject"}),
        ("persoon=rik+fictief&gemeente=Voorbeeldstad", {"aanvraag:take-up", "aanvraag:reject"}),
        ("persoon=anna@voorbeeldstad.example", set()),
        ("gemeente=9999&handeling=aanvraag:reject", set()),
        ("handeling=aanvraag:reject&vanaf=2000-01-01&tot=2199-12-31", {"aanvraag:reject"}),
        ("handeling=aanvraag:reject&vanaf=01-01-2199", set()),
        ("handeling=aanvraag:reject&tot=2000-01-01", set()),
        ("dossier=AA-2026-00001&resultaat=ok", {"aanvraag:take-up", "aanvraag:reject"}),
        ("dossier=AA-2026-00001&resultaat=refused", set()),
        ("vanaf=2000-01-01&vanaf_tijd=09.30&tot=2000-01-01&tot_tijd=9:30", set()),
    ],
)
def test_the_auditor_finds_events(browser_of: Browser, history: UUID, query: str, codes: set[str]) -> None:
    answer = browser_of("ada").get(f"/gebeurtenissen?{query}")
    assert answer.status_code == 200
    table = answer.text.split("<tbody>", 1)[1] if "<tbody>" in answer.text else ""
    assert {code for code in ("aanvraag:take-up", "aanvraag:reject") if f"({code})" in table} == codes


def test_an_event_shows_who_did_what_and_the_text(browser_of: Browser, history: UUID) -> None:
    page_text = browser_of("ada").get("/gebeurtenissen?dossier=AA-2026-00001").text
    assert "Rik Fictief (relatiebeheerder)" in page_text
    assert "reden: Deze aanvraag is dubbel." in page_text
    assert f'href="/dossiers/{history}/tijdlijn"' in page_text
    assert page_text.index("(aanvraag:reject)</code>") < page_text.index("(aanvraag:take-up)</code>")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("dossier=AA-1999-00001", "Wij vinden dit nummer niet"),
        ("persoon=niemand", "Wij vinden geen persoon"),
        ("gemeente=Nergens", "Wij vinden geen gemeente"),
        ("handeling=iets:anders", "Kies een mogelijkheid bij"),
        ("vanaf=gisteren", "Vul een datum in"),
        ("tot=0001-01-01", "Vul een datum in"),
        ("vanaf=2026-02-02&tot=2026-01-01", "De laatste dag ligt voor de eerste dag"),
        ("resultaat=misschien", "Kies een mogelijkheid bij &#39;Resultaat&#39;"),
        ("vanaf=2026-02-02&vanaf_tijd=half+drie", "Vul een tijd in, bijvoorbeeld 14.30"),
        ("tot_tijd=14:30", "Vul ook de datum in die bij deze tijd hoort"),
        ("vanaf=2026-02-02&vanaf_tijd=14:30&tot=2026-02-02&tot_tijd=14:29", "De laatste tijd ligt voor de eerste tijd"),
    ],
)
def test_a_search_that_cannot_be_says_why(browser_of: Browser, query: str, told: str) -> None:
    answer = browser_of("ada").get(f"/gebeurtenissen?{query}")
    assert answer.status_code == 422
    assert told in answer.text


def test_a_name_of_several_people_gives_a_choice_that_keeps_the_rest(browser_of: Browser) -> None:
    ada = browser_of("ada")
    answer = ada.get("/gebeurtenissen?persoon=fictief&handeling=account:login")
    assert answer.status_code == 422
    assert "Welke persoon bedoelt u?" in answer.text
    link = answer.text.split("Welke persoon bedoelt u?", 1)[1].split('href="', 1)[1].split('"', 1)[0]
    assert "handeling=account:login" in link
    assert ada.get(link.replace("&amp;", "&")).status_code == 200


def test_only_the_auditor_searches_events(browser_of: Browser) -> None:
    assert browser_of("rik").get("/gebeurtenissen").status_code == 403
    assert browser_of("ben").get("/gebeurtenissen").status_code == 403


def test_the_register_is_searched_by_name_and_code(browser_of: Browser) -> None:
    rik = browser_of("rik")
    for query in ("9998", "voorbeeld", "VOORBEELDSTAD"):
        assert "Voorbeeldstad" in rik.get(f"/gemeenten?zoek={query}").text
    assert "Gravenhage" in rik.get("/gemeenten?zoek='s-Gravenhage").text
    assert "Wij vinden geen gemeente" in rik.get("/gemeenten?zoek=nergens").text
    assert "Telefoonnummer wijzigen" not in rik.get("/gemeenten?zoek=9998").text


def test_the_register_names_the_successor_of_an_ended_gemeente(app: Flask, browser_of: Browser) -> None:
    with app.app_context(), transaction() as session:
        ended = {"valid_until": clock.local_date(clock.now()) - timedelta(days=1), "successor_code": "9998"}
        session.execute(update(Gemeente).where(Gemeente.code == "9999").values(**ended))
    text = browser_of("ada").get("/gemeenten?zoek=9999").text
    assert "Opgeheven" in text
    assert "Opgegaan in Voorbeeldstad" in text


def test_the_beheerder_changes_a_number_after_a_fresh_proof(app: Flask, browser_of: Browser) -> None:
    ben = browser_of("ben")
    assert post(ben, "/gemeenten/9999/telefoon", {"telefoon": "0031 20 624 11 11"}, step_up=True).status_code == 303
    with app.app_context():
        assert db.session.get_one(Gemeente, "9999").phone == "+31206241111"


@pytest.mark.parametrize("typed", ["", "12", "+32 2 123 45 67", "020 624 11 1a"])
def test_a_number_that_is_none_stays_on_the_page_with_a_fault(browser_of: Browser, typed: str) -> None:
    answer = post(browser_of("ben"), "/gemeenten/9999/telefoon", {"telefoon": typed}, step_up=True)
    assert answer.status_code == 422
    assert "Vul een Nederlands telefoonnummer in" in answer.text
    assert f'value="{typed}"' in answer.text


def test_others_cannot_change_a_number_and_unknown_gemeenten_are_not_found(browser_of: Browser) -> None:
    assert browser_of("rik").get("/gemeenten/9999/telefoon").status_code == 403
    assert browser_of("ben").get("/gemeenten/0000/telefoon").status_code == 404


def test_every_status_can_be_chosen(browser_of: Browser) -> None:
    rik = browser_of("rik")
    for status in set(Status) - {Status.DRAFT}:
        assert rik.get(f"/werkvoorraad?status={status}").status_code == 200
    assert rik.get("/werkvoorraad?status=draft").status_code == 422
