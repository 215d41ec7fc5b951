"""No BSN in clear in the database, a log, a mail, an event, an address, an error page or an export (I6).

1,000 numbers are loaded by the command; each is searched for on the page, some also where they do not belong: in names,
free texts and refused files. A machine registers all of them with a real key, of which mails go. Then all that is kept,
told, mailed, exported or shown to somebody else is searched for all of them.
"""

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from keyservice import cli, cli_portaal
from keyservice.database import db
from keyservice.issuance import service as issuance
from keyservice.issuance.use_timers import tell_uses
from keyservice.kernel.secret import Secret
from keyservice.portaal import bsn, service
from keyservice.portaal.export import export
from keyservice.portaal.models import Inburgeraar, ProcessingLog
from keyservice.sleutels import usage
from tests.conftest import csrf
from tests.factories.aanvragen import actor
from tests.factories.issuance import approved, held
from tests.factories.machines import Machine
from tests.factories.no_events import refuse_events
from tests.factories.portaal import REFUSED, SIGNED_MESSAGE, bsns, inburgeraar, stored, write_file
from tests.journeys.test_i6_no_secret_in_clear import delivered, files, found, opened, rows

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


def by_machine(app: Flask, numbers: list[str], folder: Path) -> tuple[bytes, list[bytes]]:
    """Register and find people with a real key; return what it is answered, and the mails of all that happened."""
    with app.app_context():
        issuance_id = issuance.issue(actor("rosa"), approved())
        post_of = held(issuance_id)
        issuance.activate(actor("anna"), issuance_id, post_of.code)
    machine = Machine(app, post_of.key.reveal())
    items = [{"bsn": digits, **SIGNED_MESSAGE} for digits in numbers]
    name = {"Idempotency-Key": str(uuid4())}
    answers = [machine.post("/v1/participatieverklaringen", json={"registraties": items}, headers=name)]
    assert len({one["id"] for one in answers[0].json["resultaten"] if "id" in one}) > COUNT - TYPED - 1
    answers += [machine.post("/v1/inburgeraars/_zoek", json={"bsn": digits}) for digits in numbers[:TYPED]]
    answers.append(machine.post("/v1/inburgeraars/_zoek", json={numbers[0]: numbers[1]}))
    with app.app_context():
        usage.flush()
        tell_uses()
    mails = delivered(app, folder)
    assert [mail for mail in mails if b"voor het eerst" in opened(mail)], "its first use is told"
    return b"".join(str(answer.headers).encode() + answer.data for answer in answers), mails


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
        told.send("/inburgering/zoeken/naam", own=digits, achternaam=digits, geboortedatum=digits)
        refused = {"ondertekend": "nee", "gevolgd": "nee", "reden": "OVERIG", "toelichting": f"Zie {digits}"}
        told.send(f"{page}/vastleggen", own=digits, versie="0", **refused)
        with app.app_context():
            service.register(actor("pim"), person, REFUSED, seen=0)
        told.send(f"{page}/intrekken", own=digits, versie="1", uitleg=f"BSN {digits}")
        told.send(f"/inburgering/{person}/bestaat-niet", bsn=digits)
        # Sent by a page that is too old: the page that says so does not give it back.
        app.test_client().post("/inburgering/zoeken/bsn", data={"bsn": digits})
    for address in ("/inburgering/overzicht", "/inburgering/overzicht/bestand"):
        assert "Voorbeeldstra" in told.get(address)
    answered, mails = by_machine(app, numbers, tmp_path / "mail")
    with app.app_context():  # the document of it is packed
        given = json.dumps([export(actor("pim"), person) for person in ids.values()]).encode()
    assert b"Voorbeeldstra" in given
    auditor = Told(browser_of("ada"))
    assert "inburgeraar:register" in auditor.send("/gebeurtenissen/downloaden")
    refuse_events(app)
    for digits, person in ids.items():
        told.send(f"/inburgering/{person}/bsn", bsn=digits)  # fails: the event cannot be written
    with app.app_context():
        everything = {
            "handed out": given,
            "database": rows(),
            "files": files(app),
            "logs": "\n".join(f"{record.getMessage()} {record.exc_text}" for record in caplog.records).encode(),
            "output": output.encode(),
            "heads": told.heads,
            "pages": told.pages,
            "trail": auditor.pages,
            "machine": answered,
            "mails": b"".join(map(opened, mails)),
        }
        logged = db.session.scalar(select(func.count()).select_from(ProcessingLog)) or 0
        subject = bsn.pseudonym(Secret(numbers[0]))
        of_first = db.session.scalar(
            select(func.count()).select_from(ProcessingLog).where(ProcessingLog.data_subject_id == subject)
        )
    assert {place: found(numbers, content) for place, content in everything.items() if found(numbers, content)} == {}
    assert logged > 3 * COUNT, "every look is in the log"
    assert of_first
    assert of_first > 5
    assert re.search(r"regel 2: voornamen", output), "the report names lines and columns"


def test_i6_the_search_for_bsns_would_find_one(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        inburgeraar(tmp_path, voornamen="BSN A 9999.00.007")
        assert found(["9999.00.007"], rows())
