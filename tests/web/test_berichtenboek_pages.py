"""The pages of the berichtenboek: asking, judging, the door behind a link, reading, and the file to keep."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from keyservice.audit.models import AuditEvent
from keyservice.berichtenboek import service
from keyservice.berichtenboek.editions import CURRENT
from keyservice.berichtenboek.models import Copy
from keyservice.berichtenboek.queries import PAGE
from keyservice.berichtenboek.workflow import Status
from keyservice.database import db, transaction
from keyservice.kernel import clock
from tests.conftest import post
from tests.factories.aanvragen import actor
from tests.factories.berichtenboek import SUPPLIER, asked, change, copy, held, links, older, refused
from tests.pages import check

Browser = Callable[[str], FlaskClient]
WHO = {"leverancier": SUPPLIER.leverancier, "naam": SUPPLIER.name, "email": " Lea@Leverancier.Example "}


def made(app: Flask, make: Callable[[], UUID]) -> UUID:
    with app.app_context():
        return make()


def status_of(app: Flask, copy_id: UUID) -> Status:
    with app.app_context():
        return copy(copy_id).status


def link_of(app: Flask) -> str:
    """Return the path of a link that a supplier just got."""
    with app.app_context():
        held()
        return f"/berichtenboek/link/{links()[-1]}"


def events(app: Flask, code: str) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(AuditEvent).where(AuditEvent.code == code)) or 0


# A gemeente


def test_a_gemeente_asks_for_itself_and_its_supplier(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    check(anna.get("/berichtenboek/aanvragen").text)
    assert post(anna, "/berichtenboek/aanvragen", {"voor": "allebei", **WHO}).status_code == 303
    page = anna.get("/berichtenboek")
    check(page.text)
    assert "Uw aanvraag is verstuurd" in page.text
    assert SUPPLIER.mailbox in page.text
    with app.app_context():
        assert sorted(row.mailbox or "" for row in db.session.scalars(select(Copy))) == ["", SUPPLIER.mailbox]


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ({}, "Kies voor wie u het berichtenboek aanvraagt"),
        ({"voor": "elders"}, "Kies voor wie u het berichtenboek aanvraagt"),
        ({"voor": "gemeente", "naam": "Lea"}, "U vulde ook een leverancier in"),
        ({"voor": "leverancier", **WHO, "email": "geen adres"}, "Vul een e-mailadres in"),
        ({"voor": "allebei", **WHO, "leverancier": ""}, "Vul de naam van uw softwareleverancier in"),
        ({"voor": "leverancier", **WHO, "naam": "x"}, "Vul de naam in van de persoon"),
    ],
)
def test_what_lacks_is_told_at_its_field_and_nothing_is_asked(
    app: Flask, browser_of: Browser, typed: dict[str, str], fault: str
) -> None:
    page = post(browser_of("anna"), "/berichtenboek/aanvragen", typed)
    assert page.status_code == 422
    check(page.text)
    assert fault in page.text
    assert all(value in page.text for name, value in typed.items() if name in {"leverancier", "naam"})
    assert events(app, "berichtenboek:ask") == 0


def test_all_faults_come_at_once(browser_of: Browser) -> None:
    page = post(browser_of("anna"), "/berichtenboek/aanvragen", {"voor": "leverancier"}).text
    assert "Er zijn 3 velden niet goed ingevuld" in page


def test_a_key_typed_into_a_field_is_refused_and_not_shown_back(browser_of: Browser) -> None:
    key = "asl_p_" + "A1b2" * 9 + "Zz"
    page = post(browser_of("anna"), "/berichtenboek/aanvragen", {"voor": "leverancier", **WHO, "leverancier": key})
    assert page.status_code == 422
    assert key not in page.text


def test_who_has_it_is_asked_for_the_supplier_only(app: Flask, browser_of: Browser) -> None:
    made(app, lambda: held(None))
    anna = browser_of("anna")
    page = anna.get("/berichtenboek/aanvragen").text
    check(page)
    assert 'name="voor"' not in page
    assert post(anna, "/berichtenboek/aanvragen", WHO).status_code == 303


def test_a_gemeente_reads_after_opening_and_who_has_which_version_is_known(app: Flask, browser_of: Browser) -> None:
    copy_id, gert = made(app, lambda: held(None)), browser_of("gert")
    for path in ("lezen", "bestand"):
        assert gert.get(f"/berichtenboek/{path}").location == "/berichtenboek", "not before it is opened"
    assert post(gert, "/berichtenboek/openen").location == "/berichtenboek/lezen"
    page = gert.get("/berichtenboek/lezen")
    assert page.status_code == 200
    check(page.text)
    with app.app_context():
        assert copy(copy_id).opened_version == CURRENT.number


def test_a_new_version_is_opened_before_it_is_read(app: Flask, browser_of: Browser) -> None:
    copy_id, anna = made(app, lambda: held(None)), browser_of("anna")
    post(anna, "/berichtenboek/openen")
    with app.app_context():
        change(copy_id, opened_version=CURRENT.number - 1)
        older(copy_id)
    assert anna.get("/berichtenboek/lezen").location == "/berichtenboek"
    assert "Er is een nieuwe versie" in anna.get("/berichtenboek").text


def test_a_gemeente_that_has_nothing_is_refused_in_words(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    answers = (
        *(anna.get(f"/berichtenboek/{page}") for page in ("lezen", "bestand")),
        post(anna, "/berichtenboek/openen"),
    )
    for answer in answers:
        assert answer.status_code == 403
        assert "Uw gemeente heeft het berichtenboek nog niet" in answer.text
    assert events(app, "access:refuse") == 3


def test_i10_reading_changes_nothing(app: Flask, browser_of: Browser) -> None:
    made(app, lambda: held(None))
    anna, path = browser_of("anna"), link_of(app)
    post(anna, "/berichtenboek/openen")
    visitor = app.test_client()
    post(visitor, path)
    with app.app_context():
        before = db.session.scalar(select(func.count()).select_from(AuditEvent))
    for page in ("/berichtenboek", "/berichtenboek/lezen", "/berichtenboek/bestand"):
        assert anna.get(page).status_code == 200
    for page in (path, f"{path}/lezen", f"{path}/bestand"):
        assert visitor.get(page).status_code == 200
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(AuditEvent)) == before


def test_i9_another_gemeente_finds_no_copy(app: Flask, browser_of: Browser) -> None:
    copy_id = made(app, held)
    assert post(browser_of("tom"), f"/berichtenboek/{copy_id}/stoppen").status_code == 404
    assert SUPPLIER.mailbox not in browser_of("tom").get("/berichtenboek").text
    assert status_of(app, copy_id) is Status.HELD


def test_a_gemeente_takes_back_what_it_asked_and_stops_its_supplier(app: Flask, browser_of: Browser) -> None:
    for make, end in ((asked, Status.WITHDRAWN), (held, Status.ENDED)):
        copy_id = made(app, make)
        assert post(browser_of("gert"), f"/berichtenboek/{copy_id}/stoppen").status_code == 303
        assert status_of(app, copy_id) is end


# DUO


def test_duo_sees_who_waits_own_portfolio_first_and_who_has_which_version(app: Flask, browser_of: Browser) -> None:
    made(app, lambda: held(None))
    waiting = made(app, asked)
    rik = browser_of("rik")
    page = rik.get("/berichtenboeken").text
    check(page)
    assert f"/berichtenboeken/{waiting}" in page
    for front in ("/", "/werkvoorraad"):
        shown = rik.get(front).text
        check(shown)
        assert "1 aanvraag wacht op een oordeel" in shown


def test_a_relatiebeheerder_hands_out_with_a_fresh_factor(app: Flask, browser_of: Browser) -> None:
    copy_id, rik = made(app, asked), browser_of("rik")
    page = rik.get(f"/berichtenboeken/{copy_id}").text
    check(page)
    assert SUPPLIER.mailbox in page
    assert post(rik, f"/berichtenboeken/{copy_id}/uitreiken", step_up=True).status_code == 303
    assert status_of(app, copy_id) is Status.HELD
    check(rik.get(f"/berichtenboeken/{copy_id}").text)
    again = post(rik, f"/berichtenboeken/{copy_id}/uitreiken", step_up=True)
    assert again.status_code == 409
    assert "De stand is intussen: Uitgereikt." in again.text


def test_a_refusal_without_a_reason_keeps_the_page(app: Flask, browser_of: Browser) -> None:
    copy_id, rik = made(app, asked), browser_of("rik")
    page = post(rik, f"/berichtenboeken/{copy_id}/weigeren", {"reden": "Nee"})
    assert page.status_code == 422
    check(page.text)
    assert status_of(app, copy_id) is Status.ASKED
    typed = {"reden": "Wij kennen deze leverancier niet."}
    assert post(rik, f"/berichtenboeken/{copy_id}/weigeren", typed).status_code == 303
    shown = browser_of("anna").get("/berichtenboek").text
    check(shown)
    assert typed["reden"] in shown


def test_a_link_that_ended_is_told_and_renewed(app: Flask, browser_of: Browser) -> None:
    copy_id, rosa = made(app, held), browser_of("rosa")
    with app.app_context():
        change(copy_id, link_until=clock.now() - timedelta(days=1))
    page = rosa.get(f"/berichtenboeken/{copy_id}").text
    check(page)
    assert "De link werkt niet meer" in page
    assert post(rosa, f"/berichtenboeken/{copy_id}/nieuwe-link", step_up=True).status_code == 303
    assert "De link werkt niet meer" not in rosa.get(f"/berichtenboeken/{copy_id}").text
    assert post(rosa, f"/berichtenboeken/{copy_id}/toegang-stoppen").status_code == 303
    assert status_of(app, copy_id) is Status.ENDED


def test_an_auditor_looks_and_has_no_buttons(app: Flask, browser_of: Browser) -> None:
    copy_id, ada = made(app, asked), browser_of("ada")
    page = ada.get(f"/berichtenboeken/{copy_id}").text
    check(page)
    assert "uitreiken" not in page
    assert ada.get("/berichtenboek/lezen").status_code == 200
    assert post(ada, f"/berichtenboeken/{copy_id}/uitreiken", step_up=True).status_code == 403


def test_the_list_goes_on_on_another_page(app: Flask, browser_of: Browser) -> None:
    count = PAGE + 3
    with app.app_context(), transaction() as session:
        session.add_all(refused(f"Software {number}", days=number) for number in range(count))
    rik = browser_of("rik")
    first = rik.get("/berichtenboeken").text
    check(first)
    follow = unescape(first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0])
    second = rik.get(follow).text
    check(second)
    shown = [[f"<td>Software {number}</td>" in page for number in range(count)] for page in (first, second)]
    assert shown[0] == [number < PAGE for number in range(count)], "the newest first"
    assert shown[1] == [number >= PAGE for number in range(count)]


# A supplier


def test_a_supplier_opens_the_book_by_a_button_and_keeps_it(app: Flask, client: FlaskClient) -> None:
    path = link_of(app)
    door = client.get(path)
    check(door.text)
    assert door.headers["Referrer-Policy"] == "no-referrer"
    assert client.get(f"{path}/lezen").location == path, "a mail scanner that follows links has not read it"
    assert post(client, path).location == f"{path}/lezen"
    page = client.get(f"{path}/lezen")
    check(page.text)
    file = client.get(f"{path}/bestand")
    check(re.sub("<style>.*?</style>", "", file.text, flags=re.DOTALL))
    assert file.headers["Content-Disposition"] == "attachment; filename=berichtenboek.html"
    assert events(app, "berichtenboek:open") == 1


def test_a_link_that_does_not_work_tells_nothing_else(app: Flask, client: FlaskClient) -> None:
    path = link_of(app)
    with app.app_context():
        service.stop(actor("rik"), db.session.scalars(select(Copy.id)).one())
    pages = set()
    for wrong in (path, "/berichtenboek/link/onzin"):
        for page in (wrong, f"{wrong}/lezen", f"{wrong}/bestand"):
            answer = client.get(page)
            assert answer.status_code == 404
            assert "Deze link werkt niet (meer)" in answer.text
            pages.add(answer.text.replace(page, ""))
        assert post(client, wrong).status_code == 404


def test_the_file_needs_nothing_else(app: Flask, client: FlaskClient) -> None:
    path = link_of(app)
    post(client, path)
    text = client.get(f"{path}/bestand").text
    for outside in ("<script", "<img", 'src="', "url(", "@import", "csrf"):
        assert outside not in text
    assert 'href="/' not in text, "no address that only works on the site"
    assert len(text) < 200_000
