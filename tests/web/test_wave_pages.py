"""The pages of waves, in the browsers of the people: prepare, start, follow, halt, report."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.audit.queries import search
from keyservice.database import transaction
from keyservice.issuance import service, waves
from keyservice.issuance.queries import of_aanvraag
from keyservice.issuance.wave_models import Wave
from keyservice.issuance.wave_report import HEADINGS
from keyservice.issuance.wave_views import MOST_REFRESHES
from keyservice.issuance.wave_workflow import WaveStatus
from keyservice.kernel import clock
from keyservice.outbox.models import Delivery, OutboxMessage
from keyservice.web.csv_file import harmless
from tests.conftest import post
from tests.factories.aanvragen import actor
from tests.factories.waves import HALT, asked, deliver, items, prepared, run, started, wave, working

Browser = Callable[[str], FlaskClient]
FORM = {"naam": "Vernieuwing 2027", "reden": "De sleutels verlopen.", "omgeving": "alle", "verloopt": "2199-01-01"}
ROUNDS = "/vernieuwingsrondes"


def url(wave_id: UUID, rest: str = "") -> str:
    return f"{ROUNDS}/{wave_id}{rest}"


def text_of(page: str) -> str:
    """Return what a reader sees of a page, on one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.fixture
def here(app: Flask) -> UUID:
    """Return an aanvraag with a working key that Rik approved."""
    with app.app_context():
        return working()


@pytest.fixture
def waiting(app: Flask, here: UUID) -> UUID:
    """Return a wave of one key that Rik prepared."""
    with app.app_context():
        return prepared()


@pytest.fixture
def running(app: Flask, waiting: UUID) -> UUID:
    """Return the same, started by Rosa."""
    with app.app_context():
        waves.start(actor("rosa"), waiting)
    return waiting


def test_rik_prepares_rosa_looks_and_starts_and_the_report_tells_the_end(
    app: Flask, browser_of: Browser, here: UUID
) -> None:
    rik, rosa = browser_of("rik"), browser_of("rosa")
    assert "Er zijn nog geen vernieuwingsrondes." in rik.get(ROUNDS).text
    done = post(rik, f"{ROUNDS}/voorbereiden", FORM, step_up=True)
    assert done.status_code == 303
    wave_url = done.location
    page = text_of(rik.get(wave_url).text)
    assert "1 kunnen wij vernieuwen" in page
    assert "Een collega bekijkt de lijst en start de ronde." in page
    assert "Ronde bekijken en starten" not in page
    assert "Ronde bekijken en starten" in rosa.get(wave_url).text
    sure = text_of(rosa.get(f"{wave_url}/starten").text)
    assert "Er is niets veranderd sinds uw collega de lijst maakte." in sure
    assert post(rosa, f"{wave_url}/starten", step_up=True).location == wave_url
    assert "0 van 1 aan de beurt geweest" in text_of(rosa.get(wave_url).text)
    with app.app_context():
        run()
        new = of_aanvraag(here)[1].sleutel.number
    page = text_of(rosa.get(wave_url).text)
    assert "1 van 1 aan de beurt geweest (100%)" in page
    assert new in page
    assert "Wacht op bericht dat het zipbestand er is" in page
    assert "Klaar" in text_of(rosa.get(ROUNDS).text)


def test_the_form_tells_all_faults_at_once_and_keeps_what_was_typed(browser_of: Browser) -> None:
    rik = browser_of("rik")
    answer = post(rik, f"{ROUNDS}/voorbereiden", {"naam": "x", "verloopt": "31-31-2027", "omgeving": "nergens",
                  "gemeenten": "Voorbeeldstad\nNergenshuizen"}, step_up=True)  # fmt: skip
    assert answer.status_code == 422
    for fault in (
        "Gebruik minstens 2 en hoogstens 100 tekens.",
        "Schrijf op waarom deze ronde nodig is.",
        "Kies een omgeving",
        "Vul een datum in, bijvoorbeeld 31-12-2027",
        "Wij kennen niet: Nergenshuizen",
    ):
        assert fault in answer.text
    assert "Voorbeeldstad\nNergenshuizen" in answer.text
    past = post(rik, f"{ROUNDS}/voorbereiden", {**FORM, "verloopt": "1-1-2020"}, step_up=True)
    assert "Kies vandaag of een latere dag" in past.text


@pytest.mark.parametrize("typed", ["9998", "Voorbeeldstad", "  voorbeeldstad ;\n9999", "9998, Testdorp"])
def test_gemeenten_are_named_by_code_or_name(app: Flask, browser_of: Browser, here: UUID, typed: str) -> None:
    done = post(browser_of("rik"), f"{ROUNDS}/voorbereiden", {**FORM, "gemeenten": typed}, step_up=True)
    assert done.status_code == 303
    with app.app_context():
        assert [item.aanvraag_id for item in items(UUID(done.location[-36:]))] == [here]


@pytest.mark.usefixtures("here")
def test_a_wish_that_no_key_fits_is_told_at_the_day(browser_of: Browser) -> None:
    answer = post(browser_of("rik"), f"{ROUNDS}/voorbereiden", {**FORM, "gemeenten": "9999"}, step_up=True)
    assert answer.status_code == 422
    assert "Er zijn geen sleutels die hierbij passen." in answer.text
    assert FORM["naam"] in answer.text


def test_i8_who_prepared_reads_that_a_colleague_starts_it_and_it_is_recorded(
    app: Flask, browser_of: Browser, waiting: UUID
) -> None:
    rik = browser_of("rik")
    for answer in (rik.get(url(waiting, "/starten")), post(rik, url(waiting, "/starten"), step_up=True)):
        assert answer.status_code == 403
        assert "Een andere relatiebeheerder bekijkt de lijst en start de ronde." in answer.text
        assert url(waiting) in answer.text
    with app.app_context():
        assert search(code="access:refuse")[0].fields == {"act": "waves.start", "reason": "own-wave"}
        assert wave(waiting).status is WaveStatus.PREPARED


def test_the_page_of_starting_says_what_changed(app: Flask, browser_of: Browser, waiting: UUID, here: UUID) -> None:
    with app.app_context():
        working("Later gekomen")
        with transaction() as session:
            session.execute(update(Aanvraag).where(Aanvraag.id == here).values(pakket="Iets anders"))
    page = text_of(browser_of("rosa").get(url(waiting, "/starten")).text)
    assert "0 kunnen wij vernieuwen 1 kunnen wij niet vernieuwen" in page
    assert "De lijst is veranderd sinds uw collega hem maakte" in page
    assert "Kan Kan niet De gegevens zijn veranderd na de goedkeuring." in page
    assert "Er past nu 1 andere sleutel bij deze ronde." in page


def test_a_running_wave_refreshes_itself_for_ten_minutes_and_a_link_stops_that(
    browser_of: Browser, running: UUID
) -> None:
    rosa = browser_of("rosa")
    page = rosa.get(url(running))
    assert page.headers["Refresh"] == f"15; url={url(running)}?verversen={MOST_REFRESHES - 1}"
    assert "<progress" in page.text
    assert "http-equiv" not in page.text
    stopped = re.search(r'href="([^"]+)">Niet vanzelf verversen', page.text)
    assert stopped
    still = rosa.get(stopped[1])
    assert "Refresh" not in still.headers
    assert "Verversen en dat vanzelf blijven doen" in still.text
    assert rosa.get(url(running, "?verversen=999999")).headers["Refresh"].endswith(str(MOST_REFRESHES - 1))
    assert "Refresh" not in rosa.get(url(running, "?verversen=-4")).headers


@pytest.mark.parametrize("state", ["prepared", "paused", "stopped", "finished"])
def test_only_a_running_wave_refreshes_itself(app: Flask, browser_of: Browser, waiting: UUID, state: str) -> None:
    with app.app_context():
        if state != "prepared":
            waves.start(actor("rosa"), waiting)
        if state == "paused":
            waves.pause(actor("rik"), waiting, HALT)
        if state == "stopped":
            waves.stop(actor("rik"), waiting, HALT)
        run()
        assert str(wave(waiting).status) == state
    page = browser_of("rosa").get(url(waiting))
    assert page.status_code == 200
    assert "Refresh" not in page.headers


def test_anybody_pauses_lets_go_on_and_stops_with_a_reason(app: Flask, browser_of: Browser, running: UUID) -> None:
    rik = browser_of("rik")
    empty = post(rik, url(running, "/pauzeren"))
    assert empty.status_code == 422
    assert "Schrijf op waarom u dit doet." in empty.text
    for path, told, status in (
        ("/pauzeren", "De ronde is gepauzeerd.", WaveStatus.PAUSED),
        ("/hervatten", "De ronde gaat verder.", WaveStatus.RUNNING),
        ("/stoppen", "De ronde is gestopt.", WaveStatus.STOPPED),
    ):
        assert rik.get(url(running, path)).status_code == 200
        assert post(rik, url(running, path), {"reden": HALT}, step_up=True).status_code == 303
        assert told in rik.get(url(running)).text
        assert HALT in rik.get(url(running)).text
        with app.app_context():
            assert wave(running).status is status
    for path in ("/pauzeren", "/hervatten", "/stoppen", "/starten"):
        for answer in (browser_of("rosa").get(url(running, path)),
                       post(browser_of("rosa"), url(running, path), {"reden": HALT}, step_up=True)):  # fmt: skip
            assert answer.status_code == 409
            assert "De ronde heeft nu de status &#39;Gestopt&#39;." in answer.text
            assert url(running) in answer.text


def test_the_auditor_reads_and_does_nothing(browser_of: Browser, running: UUID) -> None:
    ada = browser_of("ada")
    for path in (ROUNDS, url(running), url(running, "/verslag.csv")):
        assert ada.get(path).status_code == 200
    assert "Ronde stoppen" not in ada.get(url(running)).text
    assert "Ronde voorbereiden" not in ada.get(ROUNDS).text
    for path in ("/starten", "/pauzeren", "/hervatten", "/stoppen"):
        assert ada.get(url(running, path)).status_code == 403


@pytest.mark.parametrize("login", ["anna", "gert", "ben"])
def test_others_see_nothing_of_waves(browser_of: Browser, running: UUID, login: str) -> None:
    browser = browser_of(login)
    for path in (ROUNDS, url(running), url(running, "/verslag.csv"), f"{ROUNDS}/voorbereiden"):
        assert browser.get(path).status_code == 403


def test_an_unknown_wave_is_not_found(browser_of: Browser) -> None:
    for rest in ("", "/starten", "/pauzeren", "/hervatten", "/verslag.csv"):
        assert browser_of("rik").get(url(uuid4(), rest)).status_code == 404


@pytest.mark.parametrize("query", ["?na=x", "?na=-1", f"?na={10**30}", "?toon=%00", "?toon=alles", "?verversen=x"])
def test_an_address_that_was_tampered_with_shows_a_page(browser_of: Browser, running: UUID, query: str) -> None:
    assert browser_of("rik").get(url(running, query)).status_code == 200
    assert browser_of("rik").get(ROUNDS + query).status_code == 200


def test_the_report_follows_each_delivery_and_tells_what_could_not_be_sent(
    app: Flask, browser_of: Browser, running: UUID, here: UUID
) -> None:
    rosa = browser_of("rosa")
    with app.app_context():
        run()
        with transaction() as session:
            session.execute(
                update(OutboxMessage).where(OutboxMessage.status == Delivery.WAITING).values(status=Delivery.DEAD)
            )
    assert "Bericht kon niet worden verstuurd" in rosa.get(url(running)).text
    with app.app_context():
        deliver(of_aanvraag(here)[1].id)
    assert "Afgerond" in rosa.get(url(running)).text


def lines_of(answer: str) -> list[dict[str, str]]:
    assert answer.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(answer.removeprefix("\ufeff")), delimiter=";"))
    assert tuple(rows[0]) == HEADINGS
    return [dict(zip(HEADINGS, row, strict=True)) for row in rows[1:]]


def test_the_file_of_the_report_holds_no_formula(app: Flask, browser_of: Browser, here: UUID) -> None:
    with app.app_context(), transaction() as session:
        session.execute(
            update(Aanvraag).where(Aanvraag.id == here).values(pakket=' =HYPERLINK("http://x.example";"y")')
        )
    with app.app_context():
        wave_id = started()
        run()
    answer = browser_of("ada").get(url(wave_id, "/verslag.csv"))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="vernieuwingsronde-')
    (line,) = lines_of(answer.text)
    assert line["Pakket"] == '\' =HYPERLINK("http://x.example";"y")'
    assert line["Uitkomst"] == "Niet vernieuwd"
    assert line["Reden"] == "De gegevens zijn veranderd na de goedkeuring."
    assert line["Gemeente"] == "Voorbeeldstad"


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\u00a0=1", " \tx", "＝1"])
def test_what_a_spreadsheet_takes_for_a_formula_gets_an_apostrophe(value: str) -> None:
    assert harmless(value) == f"'{value}"


@pytest.mark.parametrize("value", ["", " ", "'s-Gravenhage", "Bergen (L.)", "a=b", "3 maart 2027", "0344"])
def test_other_values_stay_as_they_are(value: str) -> None:
    assert harmless(value) == value


def test_a_long_list_is_shown_page_by_page_in_the_same_number_of_queries(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        for n in range(55):
            working(f"Pakket {n}")
        wave_id = prepared()
    rosa = browser_of("rosa")
    first = rosa.get(url(wave_id))
    assert first.text.count("/dossiers/") == 50
    following = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert following
    last = rosa.get(following[1].replace("&amp;", "&"))
    assert last.text.count("/dossiers/") == 5
    assert "Terug naar het begin van de lijst" in last.text
    taken = []
    for path in (url(wave_id), following[1].replace("&amp;", "&")):
        with app.app_context(), asked() as queries:
            rosa.get(path)
        taken.append(len(queries))
    assert taken[0] == taken[1] < 15
    with app.app_context(), asked() as queries:
        rosa.get(url(wave_id, "/starten"))
    assert len(queries) < 25, "starting judges the whole list in a few queries"
    with app.app_context(), asked() as queries:
        assert len(lines_of(rosa.get(url(wave_id, "/verslag.csv")).text)) == 55
    assert len(queries) < 10


def test_the_list_can_be_narrowed_to_one_outcome(app: Flask, browser_of: Browser, here: UUID) -> None:
    with app.app_context():
        bad = working("Slecht")
        wave_id = started()
        with transaction() as session:
            session.execute(update(Approval).where(Approval.aanvraag_id == bad).values(retracted_at=clock.now()))
        run()
    rosa = browser_of("rosa")
    done, refused = rosa.get(url(wave_id, "?toon=done")).text, rosa.get(url(wave_id, "?toon=refused")).text
    assert (str(here) in done, str(bad) in done) == (True, False)
    assert (str(here) in refused, str(bad) in refused) == (False, True)
    assert "Hier staat niets." in rosa.get(url(wave_id, "?toon=waiting")).text


def test_many_waves_are_shown_page_by_page(app: Flask, browser_of: Browser, waiting: UUID) -> None:
    with app.app_context(), transaction() as session:
        one = session.get_one(Wave, waiting)
        for n in range(51):
            session.add(
                Wave(
                    id=uuid4(), name=f"Ronde {n}", reason="-", expires_until=one.expires_until,
                    status=WaveStatus.PREPARED, status_since=one.status_since, prepared_by=one.prepared_by,
                    prepared_at=one.prepared_at - timedelta(minutes=n + 1),
                )
            )  # fmt: skip
    rik = browser_of("rik")
    first = rik.get(ROUNDS).text
    assert "Ronde 48" in first
    assert "Ronde 49" not in first
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following
    assert "Ronde 50" in rik.get(following[1]).text


# One key, from its dossier


def test_rosa_renews_one_key_from_the_dossier(app: Flask, browser_of: Browser, here: UUID) -> None:
    rosa, page = browser_of("rosa"), f"/dossiers/{here}/vernieuwen"
    assert page in rosa.get(f"/dossiers/{here}").text
    sure = text_of(rosa.get(page).text)
    assert "Sleutel vernieuwen?" in sure
    assert "Hoeveel dagen blijft de oude sleutel werken" in sure
    assert post(rosa, page, {"overlap": "14"}, step_up=True).location == f"/dossiers/{here}"
    after = rosa.get(f"/dossiers/{here}").text
    assert "De nieuwe sleutel is uitgegeven. De oude sleutel blijft nu nog werken." in after
    assert page not in after
    again = post(rosa, page, {"overlap": "14"}, step_up=True)
    assert again.status_code == 409
    assert "Er is al een nieuwe sleutel onderweg. Er is geen nieuwe sleutel gemaakt." in again.text


def test_i8_the_approver_has_no_button_to_renew(browser_of: Browser, here: UUID) -> None:
    rik = browser_of("rik")
    assert "Sleutel vernieuwen" not in rik.get(f"/dossiers/{here}").text
    assert rik.get(f"/dossiers/{here}/vernieuwen").status_code == 403


def test_the_gemeente_reads_after_a_cancelled_renewal_that_its_old_key_works_on(
    app: Flask, browser_of: Browser, here: UUID
) -> None:
    with app.app_context():
        service.cancel(actor("rosa"), service.renew(actor("rosa"), here), "Toch niet nodig.")
    page = browser_of("anna").get(f"/aanvragen/{here}").text
    assert "De nieuwe sleutel werkt niet, uw oude sleutel nog wel." in page


def test_the_gemeente_reads_that_its_key_is_renewed_and_nothing_of_the_wave(
    app: Flask, browser_of: Browser, here: UUID
) -> None:
    with app.app_context():
        service.renew(actor("rosa"), here)
        bad = working("Slecht")
        wave_id = started(gemeenten=("9998",))
        with transaction() as session:
            session.execute(update(Approval).where(Approval.aanvraag_id == bad).values(retracted_at=clock.now()))
        run()
        assert {item.refused for item in items(wave_id)} == {"delivery-underway", "approval-lapsed"}
    anna = browser_of("anna")
    assert "De sleutel wordt vernieuwd. De oude sleutel blijft nu nog werken." in anna.get(f"/aanvragen/{here}").text
    assert "ronde" not in anna.get(f"/aanvragen/{bad}").text
