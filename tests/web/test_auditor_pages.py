"""The pages of the auditor: how the trail stands, what stands out, figures per day, one event, time line, file."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from keyservice import audit, settings
from keyservice.aanvragen import review
from keyservice.aanvragen.workflow import Step
from keyservice.audit import sealer
from keyservice.audit.checkpoint import sign
from keyservice.audit.events import VERIFIED
from keyservice.audit.models import AuditEvent
from keyservice.audit.queries import search
from keyservice.audit.tree import leaf_hash
from keyservice.database import db, transaction
from keyservice.demo.people import PASSWORD, person_id
from keyservice.issuance.events import DISOWNED, RELEASED
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI, Actor
from keyservice.overview import auditor, search_export
from tests.conftest import csrf, post
from tests.factories.aanvragen import actor, ready
from tests.pages import check

Browser = Callable[[str], FlaskClient]
ALL_WELL: dict[str, Any] = {"size": 5, "root": "00", "state": False, "faults": 0, "first": None}
DOWNLOAD = "/gebeurtenissen/downloaden"


@pytest.fixture
def aanvraag(app: Flask) -> UUID:
    """Return an aanvraag that was rejected, with a refusal beside it."""
    with app.app_context():
        aanvraag_id = ready()
        review.take_step(actor("rik"), aanvraag_id, Step.TAKE_UP)
        audit.record_refusal(actor("rosa"), "aanvragen.approve", "four-eyes", dossier=aanvraag_id)
        review.take_step(actor("rik"), aanvraag_id, Step.REJECT, "=Dubbel, zie de andere aanvraag.")
        return aanvraag_id


def page_of(browser: FlaskClient, path: str = "/", status: int = 200) -> str:
    answer = browser.get(path)
    assert answer.status_code == status
    check(answer.text)
    return " ".join(unescape(answer.text).split())


def verified(**found: Any) -> None:
    with transaction():
        audit.record(VERIFIED, CLI, **{**ALL_WELL, **found})


# How the trail stands


def test_before_anything_is_sealed_or_verified_the_front_page_says_so(browser_of: Browser) -> None:
    page = page_of(browser_of("ada"))
    assert "Er is nog niets verzegeld" in page
    assert "Nog nooit" in page
    assert "Het logboek klopt niet" not in page


def test_when_all_is_sealed_and_verified_the_front_page_is_green(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        verified()
        checkpoint = sealer.seal()
        assert checkpoint
    page = page_of(browser_of("ada"))
    assert "utrecht-alert--ok" in page
    assert "Het logboek klopt" in page
    assert f"{checkpoint.size} gebeurtenissen" in page
    assert "minder dan een minuut geleden" in page
    assert "alles klopt" in page
    assert "Komt overeen" in page


def test_events_that_wait_too_long_for_their_seal_are_a_warning(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        verified()
        sealer.seal()
    with app.app_context(), time_machine.travel(clock.now() - timedelta(minutes=6)):
        verified()
    page = page_of(browser_of("ada"))
    assert "Het verzegelen loopt achter" in page
    assert "de oudste van 6 minuten geleden" in page


def test_a_verify_of_long_ago_is_a_warning(app: Flask, browser_of: Browser) -> None:
    with app.app_context(), time_machine.travel(clock.now() - timedelta(days=3)):
        verified()
    with app.app_context():
        sealer.seal()
    page = page_of(browser_of("ada"))
    assert "lang niet helemaal gecontroleerd" in page
    assert "3 dagen geleden" in page


def test_faults_of_the_last_verify_make_the_page_red_and_say_what_to_do(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        verified(faults=2, first="changed: row 17")
        sealer.seal()
    page = page_of(browser_of("ada"))
    for told in (
        "Het logboek klopt niet",
        "changed: row 17",
        "2 fouten gevonden",
        "keyservice audit verify",
        "Meld dit",
    ):
        assert told in page
    assert "Komt overeen" in page, "the file outside is not what is wrong"


@pytest.mark.parametrize("broken", ["behind", "other", "forged", "no JSON"])
def test_a_file_outside_that_says_something_else_makes_the_page_red(
    app: Flask, browser_of: Browser, broken: str
) -> None:
    with app.app_context():
        verified()
        sealer.seal()
        path: Path = settings.current().checkpoints
        newest = sealer.newest()
        assert newest
        private = sealer._private(settings.rings().keys(sealer.RING)[0].key)
        size = newest.size + 3 if broken == "behind" else newest.size
        told = sign(sealer.origin(), size, bytes(32), private).text
        if broken == "forged":
            told = newest.text.replace(str(newest.size), str(newest.size + 1), 1)
        path.write_text("no JSON\n" if broken == "no JSON" else json.dumps({"checkpoint": told}) + "\n")
    page = page_of(browser_of("ada"))
    assert "Het logboek klopt niet" in page
    assert "Komt niet overeen" in page


# Acts and refusals per day


def figures(page: str) -> list[tuple[str, int, int]]:
    rows = re.findall(
        r"<tr> <td><a [^>]*>([^<]*)</a></td>(.*?)</tr>", page.split("Dag</th>", 1)[1].partition("</table>")[0]
    )
    numbers = [[int(n.replace(".", "")) for n in re.findall(r">\s*([\d.]+)\s*<", cells)] for _day, cells in rows]
    return [(day, *found) for (day, _cells), found in zip(rows, numbers, strict=True)]


def drawn(page: str, name: str) -> list[tuple[str, int]]:
    bars = page.split(f'aria-labelledby="{name}-titel', 1)[1].partition("</svg>")[0]
    told = re.findall(r"<rect [^>]*> <title>([^:<]*): ([\d.]+)</title>", bars)
    return [(day, int(number.replace(".", ""))) for day, number in told]


@pytest.mark.parametrize("days", [7, 30, 90])
def test_the_drawing_and_the_table_tell_the_same_figures(app: Flask, browser_of: Browser, days: int) -> None:
    with app.app_context(), time_machine.travel(clock.now() - timedelta(days=2), tick=False):
        for _ in range(3):
            audit.record_refusal(actor("rik"), "x.y", "role")
        verified()
    ada = browser_of("ada")
    page = page_of(ada, f"/?dagen={days}")
    table = figures(page)
    assert len(table) == days
    assert [(day, acts) for day, acts, _ in reversed(table)] == drawn(page, "acts")
    assert [(day, refused) for day, _, refused in reversed(table)] == drawn(page, "refused")
    assert table[2][1:] == (1, 3)
    assert f'aria-current="true">{days} dagen' in page


def test_a_day_is_a_day_in_amsterdam_also_when_the_clock_changes(context: Flask) -> None:
    # On 25 October 2026 the clock goes back: that day has 25 hours.
    for hour, minute in ((22, 0), (22, 59), (23, 0)):
        with time_machine.travel(datetime(2026, 10, 25, hour, minute, tzinfo=UTC), tick=False):
            audit.record_refusal(actor("rik"), "x.y", "role")
    with time_machine.travel(datetime(2026, 10, 26, 12, 0, tzinfo=UTC), tick=False):
        assert [(day.day.day, day.refused) for day in auditor.per_day(3)] == [(24, 0), (25, 2), (26, 1)]


def test_a_number_of_days_that_is_not_offered_is_not_found(browser_of: Browser) -> None:
    assert browser_of("ada").get("/?dagen=5000").status_code == 404
    assert browser_of("rik").get("/?dagen=5000").status_code == 200, "only the auditor has that choice"


# What stands out


def test_what_stands_out_leads_to_the_search_that_shows_it(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context(), transaction():
        audit.record(RELEASED, actor("rik"), dossier=aanvraag, called="+31102000000", reason="Sms kwam niet aan.")
        audit.record(DISOWNED, actor("anna"), dossier=aanvraag, part="key")
    ada = browser_of("ada")
    page = page_of(ada)
    odd = page.split("Opvallend in de laatste 7 dagen", 1)[1].split("Handelingen per dag")[0]
    assert odd.index("Dit was ik niet") < odd.index("met de hand vrijgegeven")
    link = re.search(r'href="([^"]*handeling=issuance:release[^"]*)"', odd)
    assert link
    shown = page_of(ada, link[1])
    assert "reden: Sms kwam niet aan." in shown
    assert shown.count("(issuance:release)</code>") == 1
    assert "(issuance:disown)</code>" not in shown


def test_a_night_at_work_names_the_person_and_shows_exactly_those_acts(app: Flask, browser_of: Browser) -> None:
    today = clock.local_date(clock.now())
    sunday = today - timedelta(days=(today.weekday() + 1) % 7 or 7)
    with app.app_context(), time_machine.travel(clock.at(sunday) + timedelta(hours=14), tick=False):
        audit.record_refusal(actor("rik"), "x.y", "role")
    with app.app_context(), time_machine.travel(clock.at(sunday) - timedelta(days=3, hours=-12), tick=False):
        audit.record_refusal(actor("rik"), "on.thursday", "role")
    ada = browser_of("ada")
    page = page_of(ada)
    assert "werkte buiten kantoortijd: Rik Fictief" in page
    link = re.search(rf'href="([^"]*persoon={person_id_of(app, "rik")}[^"]*)"', page)
    assert link
    shown = page_of(ada, link[1])
    assert "<code>x.y</code>" in shown
    assert "on.thursday" not in shown
    assert "U ziet gebeurtenissen van Rik Fictief" in shown


def person_id_of(app: Flask, login: str) -> UUID:
    with app.app_context():
        return person_id(login)


def test_a_quiet_week_says_so(browser_of: Browser) -> None:
    noon = clock.at(clock.working_day_on_or_after(clock.local_date(clock.now()) + timedelta(days=14)), time(12))
    with time_machine.travel(noon):
        assert "Er viel de laatste 7 dagen niets op" in page_of(browser_of("ada"))


# One event


def test_an_event_shows_all_of_bio2_and_the_proof_that_it_is_sealed(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    with app.app_context():
        event = search(code="aanvraag:reject")[0].id
    ada = browser_of("ada")
    before = page_of(ada, f"/gebeurtenissen/{event}")
    assert "nog niet verzegeld" in before
    with app.app_context():
        sealer.seal()
        leaf = leaf_hash(db.session.scalar(select(AuditEvent.canonical).where(AuditEvent.id == event)) or b"")
    page = page_of(ada, f"/gebeurtenissen/{event}")
    for told in (
        "Deze gebeurtenis staat vast",
        leaf.hex(),
        "Rik Fictief (relatiebeheerder)",
        "aanvraag:reject",
        "Gelukt",
        "Via de website",
        "AA-2026-00001",
        "=Dubbel, zie de andere aanvraag.",
        '"event": "aanvraag:reject"',
        "Geschreven door dit systeem",
    ):
        assert told in page, told


@pytest.mark.parametrize("changed", [b'{"version":1}', b"\xff"])
def test_an_event_that_somebody_changed_says_so(
    app: Flask, browser_of: Browser, aanvraag: UUID, changed: bytes
) -> None:
    with app.app_context():
        sealer.seal()
        event = search(code="aanvraag:reject")[0].id
        write_past_the_triggers(update(AuditEvent).where(AuditEvent.id == event).values(canonical=changed))
    page = page_of(browser_of("ada"), f"/gebeurtenissen/{event}")
    assert "veranderd of hoort hier niet" in page
    assert "Het bewijs leidt niet naar het laatste controlepunt" in page
    assert "Deze gebeurtenis staat vast" not in page


def write_past_the_triggers(statement: object) -> None:
    """Do what an owner of the database can do."""
    with db.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit_event DISABLE TRIGGER ALL"))
            connection.execute(statement)  # type: ignore[call-overload]  # any statement
            connection.execute(text("ALTER TABLE audit_event ENABLE TRIGGER ALL"))
            return
        name = "audit_event_no_update"
        trigger = connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": name})
        connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(statement)  # type: ignore[call-overload]  # any statement
        connection.exec_driver_sql(str(trigger))


def test_an_event_that_is_not_there_is_not_found(browser_of: Browser) -> None:
    assert browser_of("ada").get(f"/gebeurtenissen/{uuid4()}").status_code == 404


# The time line of a dossier


def test_the_time_line_tells_everything_day_by_day_also_what_was_refused(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    with app.app_context(), time_machine.travel(clock.now() + timedelta(days=1)):
        review.add_note(actor("rosa"), aanvraag, "Nagebeld.")
    ada = browser_of("ada")
    page = page_of(ada, f"/dossiers/{aanvraag}/tijdlijn")
    told = ["Tijdlijn AA-2026-00001", "(aanvraag:take-up)", "(access:refuse)", "Geweigerd", "(aanvraag:reject)"]
    told += ["=Dubbel, zie de andere aanvraag.", "(aanvraag:note)", "Nagebeld."]
    places = [page.index(one) for one in told if one != "Geweigerd"]
    assert places == sorted(places)
    assert len(re.findall(r"<h2[^>]*>\d+ \w+ \d{4}</h2>", page)) == 2
    assert f'/dossiers/{aanvraag}/tijdlijn"' in page_of(ada, f"/dossiers/{aanvraag}")
    assert f'/dossiers/{aanvraag}/tijdlijn"' in page_of(ada, "/gebeurtenissen?dossier=AA-2026-00001")


def test_the_time_line_stays_when_the_aanvraag_is_gone(app: Flask, browser_of: Browser) -> None:
    gone = uuid4()
    started = audit.catalogue()["aanvraag:start"]
    with app.app_context(), transaction():
        audit.record(started, actor("anna"), dossier=gone)
    ada = browser_of("ada")
    assert "Tijdlijn van een concept" in page_of(ada, f"/dossiers/{gone}/tijdlijn")
    assert "(aanvraag:start)" in page_of(ada, f"/gebeurtenissen?dossier={gone}")
    assert ada.get(f"/dossiers/{uuid4()}/tijdlijn").status_code == 404


# The file


def rows_of(answer: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.removeprefix("\ufeff")), delimiter=";"))


def test_the_file_holds_what_the_search_finds_and_taking_it_is_an_event(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    ada = browser_of("ada")
    answer = post(ada, DOWNLOAD, {"dossier": "AA-2026-00001"}, step_up=True)
    assert answer.status_code == 200
    assert answer.content_type == "text/csv; charset=utf-8"
    heading, *rows = rows_of(answer.text)
    assert tuple(heading) == search_export.HEADINGS
    column = {name: n for n, name in enumerate(heading)}
    assert [row[column["Code"]] for row in rows] == ["aanvraag:reject", "access:refuse", "aanvraag:take-up"]
    assert [row[column["Resultaat"]] for row in rows] == ["Gelukt", "Geweigerd", "Gelukt"]
    assert rows[0][column["Wie"]] == "Rik Fictief (relatiebeheerder)"
    assert rows[0][column["Gegevens"]].endswith("reden: =Dubbel, zie de andere aanvraag.")
    with app.app_context():
        (event,) = search(code="audit:export-search")
        assert event.person == person_id("ada")
        assert event.fields == {"filter": [f"dossier={aanvraag}"], "count": 3, "cut": False}


def test_an_event_of_an_account_names_whose_it_is(browser_of: Browser) -> None:
    ada = browser_of("ada")
    heading, *rows = rows_of(post(ada, DOWNLOAD, {"handeling": "account:create"}, step_up=True).text)
    assert {"Anna Voorbeeld", "Rik Fictief"} <= {row[heading.index("Op wat")] for row in rows}


def test_no_cell_of_the_file_is_a_formula(app: Flask, browser_of: Browser) -> None:
    with app.app_context(), transaction():
        audit.record(audit.catalogue()["factor:add"], CLI, account=None, factor="passkey", name="=1+1")
        audit.record(audit.catalogue()["gemeente:load"], from_source("=cmd|'/c calc'!A1"), changed=1)
    answer = post(browser_of("ada"), DOWNLOAD, {}, step_up=True)
    cells = [cell for row in rows_of(answer.text)[1:] for cell in row]
    assert len(cells) > 100
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def from_source(source: str) -> Actor:
    return Actor(None, frozenset(), None, "web", source=source)


@pytest.mark.parametrize(("most", "cut"), [(4, True), (5, False), (6, False)])
def test_a_file_that_is_full_says_so_and_so_does_the_page(
    app: Flask, browser_of: Browser, monkeypatch: pytest.MonkeyPatch, *, most: int, cut: bool
) -> None:
    monkeypatch.setattr(search_export, "MOST", most)
    monkeypatch.setattr(search_export, "_AT_ONCE", 2)
    with app.app_context():
        for _ in range(5):
            audit.record_refusal(actor("tom"), "x.y", "role")
    ada, asked = browser_of("ada"), {"handeling": "access:refuse"}
    assert f"Er passen {most} gebeurtenissen in" in page_of(ada, "/gebeurtenissen?handeling=access:refuse")
    rows = rows_of(post(ada, DOWNLOAD, asked, step_up=True).text)[1:]
    assert sum(len(row) > 1 for row in rows) == min(most, 5)
    assert [row for row in rows if "Dit is niet alles" in row[0]] == rows[most:] == ([rows[-1]] if cut else [])
    with app.app_context():
        assert search(code="audit:export-search")[0].fields["cut"] is cut


def test_a_slow_reader_of_the_file_keeps_nobody_from_writing(
    app: Flask, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_export, "_AT_ONCE", 2)
    with app.app_context():
        for _ in range(9):
            audit.record_refusal(actor("tom"), "x.y", "role")
    ada = browser_of("ada")
    data = {"csrf_token": csrf(ada.get("/contact").text), "_wachtwoord": PASSWORD, "handeling": "access:refuse"}
    answer = ada.post(DOWNLOAD, data=data, buffered=False)
    parts = answer.iter_encoded()
    head = [next(parts) for _ in range(3)]
    start = clock.now()
    with app.app_context():
        audit.record_refusal(actor("tom"), "meanwhile", "role")
    assert clock.now() - start < timedelta(seconds=5)
    text_of_it = b"".join([*head, *parts]).decode()
    answer.close()
    assert len(rows_of(text_of_it)) == 10
    assert "meanwhile" not in text_of_it


def test_a_search_that_cannot_be_gives_no_file_but_the_page_with_all_faults(browser_of: Browser) -> None:
    typed = {"dossier": "AA-1999-1", "persoon": "niemand", "vanaf": "gisteren", "tot_tijd": "laat"}
    ada = browser_of("ada")
    answer = post(ada, DOWNLOAD, typed, step_up=True)
    assert answer.status_code == 422
    check(answer.text)
    assert "Er zijn 4 velden niet goed ingevuld" in answer.text
    assert all(f'value="{value}"' in answer.text for value in typed.values())


def test_taking_the_file_asks_a_fresh_proof(app: Flask, browser_of: Browser) -> None:
    ada = browser_of("ada")
    with time_machine.travel(clock.now() + timedelta(minutes=11)):
        answer = ada.post(DOWNLOAD, data={"csrf_token": csrf(ada.get("/contact").text), "gemeente": "9998"})
    assert "Bevestig dat u het bent" in answer.text
    with app.app_context():
        assert search(code="audit:export-search") == []


# Who may


@pytest.mark.parametrize("login", ["rik", "ben", "anna", "gert"])
def test_i9_only_the_auditor_sees_these_pages(app: Flask, browser_of: Browser, aanvraag: UUID, login: str) -> None:
    with app.app_context():
        event = search(code="aanvraag:reject")[0].id
    browser = browser_of(login)
    for path in ("/gebeurtenissen", f"/gebeurtenissen/{event}", f"/dossiers/{aanvraag}/tijdlijn"):
        assert browser.get(path).status_code == 403
    assert post(browser, DOWNLOAD).status_code == 403
    front = page_of(browser)
    assert "Opvallend" not in front
    assert "controlepunt" not in front


def test_i10_looking_is_no_event(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    ada = browser_of("ada")
    with app.app_context():
        event, before = search(code="aanvraag:reject")[0].id, len(search(limit=1000))
    for path in ("/", "/gebeurtenissen?persoon=rik", f"/gebeurtenissen/{event}", f"/dossiers/{aanvraag}/tijdlijn"):
        page_of(ada, path)
    with app.app_context():
        assert len(search(limit=1000)) == before


def test_kinds_of_events_are_grouped_by_what_they_are_about(browser_of: Browser) -> None:
    page = page_of(browser_of("ada"), "/gebeurtenissen")
    assert '<optgroup label="Sleutels">' in page
    assert page.count('<optgroup label="Inlogmiddelen">') == 1
    assert "Er is een sleutel gemaakt. (sleutel:make)" in page
