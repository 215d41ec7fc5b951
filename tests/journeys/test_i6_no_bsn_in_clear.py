"""No BSN in clear in the database, a log, a mail, an event, an address, an error page or an export (I6).

1,000 numbers are loaded by the command; each is searched for on the page, some also where they do not belong: in names,
free texts and refused files. Then all that is kept, told or shown to somebody else is searched for all of them.
"""

import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from keyservice import cli, cli_portaal
from keyservice.database import db
from keyservice.kernel.secret import Secret
from keyservice.portaal import bsn, service
from keyservice.portaal.models import Inburgeraar, ProcessingLog
from tests.conftest import csrf
from tests.factories.aanvragen import actor
from tests.factories.no_events import refuse_events
from tests.factories.portaal import REFUSED, bsns, inburgeraar, stored, write_file
from tests.journeys.test_i6_no_secret_in_clear import files, found, rows

COUNT, TYPED = 1000, 40
Browser = Callable[[str], FlaskClient]


class Told:
    """What the program answers, apart from what somebody typed a moment ago on the same page."""

    def __init__(self, browser: FlaskClient) -> None:
        self.browser, self.heads, self.pages = browser, b"", b""
        self.token = csrf(browser.get("/inburgering").text)

    def send(self, url: str, *, own: str = "", **fields: str) -> str:
        """Send a form, and keep head and page of the answer; `own` is a number that may stand in its own field."""
        answer = self.browser.post(url, data={"csrf_token": self.token, **fields})
        self.heads += str(answer.headers).encode()
        self.pages += (answer.text.replace(own, "") if own else answer.text).encode()
        return answer.text

    def get(self, url: str) -> str:
        """Open a page, and keep head and page of the answer."""
        answer = self.browser.get(url)
        self.heads += str(answer.headers).encode()
        self.pages += answer.data
        return answer.text


def load(path: Path) -> str:
    done = CliRunner().invoke(cli.commands, ["portaal", "load", str(path)])
    return done.output


@pytest.mark.timeout(300)
def test_i6_of_1000_planted_bsns_none_stands_anywhere_in_clear(
    app: Flask, browser_of: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(cli_portaal, "ready_app", lambda: app)
    numbers = bsns(COUNT)
    output = load(write_file(tmp_path / "people.csv", [{"bsn": digits} for digits in numbers]))
    # A file that is refused, with numbers in the wrong columns too.
    wrong = [{"bsn": numbers[0], "voornamen": numbers[1], "plicht_van": numbers[2]}, {"bsn": f"{numbers[3]}0"}]
    output += load(write_file(tmp_path / "wrong.csv", wrong))
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Inburgeraar)) == COUNT
        ids = {digits: stored(digits).id for digits in numbers[:TYPED]}
    told = Told(browser_of("pim"))
    for digits in numbers:
        assert "/inburgering/" in told.send("/inburgering/zoeken/bsn", bsn=digits)
    for digits, person in ids.items():
        page = f"/inburgering/{person}"
        told.get(page)
        told.send(f"{page}/gegevens")
        told.send("/inburgering/zoeken/naam", own=digits, achternaam=digits, geboortedatum=digits)
        refused = {"ondertekend": "nee", "gevolgd": "nee", "reden": "OVERIG", "toelichting": f"Zie {digits}"}
        told.send(f"{page}/vastleggen", own=digits, versie="0", **refused)
        with app.app_context():
            service.register(actor("pim"), person, REFUSED, seen=0)
        told.send(f"{page}/intrekken", own=digits, versie="1", uitleg=f"BSN {digits}")
        told.send(f"/inburgering/{person}/bestaat-niet", bsn=digits)
        # Sent by a page that is too old: the page that says so does not give it back.
        app.test_client().post("/inburgering/zoeken/bsn", data={"bsn": digits})
    refuse_events(app)
    for digits, person in ids.items():
        told.send(f"/inburgering/{person}/bsn", bsn=digits)  # fails: the event cannot be written
    with app.app_context():
        everything = {
            "database": rows(),
            "files": files(app),
            "logs": "\n".join(f"{record.getMessage()} {record.exc_text}" for record in caplog.records).encode(),
            "output": output.encode(),
            "heads": told.heads,
            "pages": told.pages,
        }
        logged = db.session.scalar(select(func.count()).select_from(ProcessingLog)) or 0
        subject = bsn.pseudonym(Secret(numbers[0]))
        of_first = db.session.scalar(
            select(func.count()).select_from(ProcessingLog).where(ProcessingLog.data_subject_id == subject)
        )
    assert {place: found(numbers, content) for place, content in everything.items() if found(numbers, content)} == {}
    assert logged > 2 * COUNT, "every look is in the log"
    assert of_first
    assert of_first > 5
    assert re.search(r"regel 2: voornamen", output), "the report names lines and columns"


def test_i6_the_search_for_bsns_would_find_one(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        inburgeraar(tmp_path, voornamen="BSN A 9999.00.007")
        assert found(["9999.00.007"], rows())
