"""A mail scanner opens every link of every mail that comes by, before its reader does: nothing is used up or sent."""

import re
from pathlib import Path

from flask import Flask

from keyservice.accounts import joining
from keyservice.database import db
from keyservice.issuance import service
from keyservice.issuance.messages import KEY_MAIL, PASSWORD_SMS
from keyservice.kernel.actor import ANONYMOUS
from tests.conftest import post
from tests.factories import berichtenboek, walked
from tests.factories.aanvragen import actor
from tests.factories.issuance import messages
from tests.factories.people import invite, links
from tests.journeys.test_i6_no_secret_in_clear import delivered, opened
from tests.web.test_access import tables

LINK = re.compile(rb"http://localhost(/[^\s\"'<>]*)")
# How the common ones ask: a list of links, a browser in a cloud, a preview of a chat, one that reads ahead.
SCANNERS = [
    {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36"},
    {"User-Agent": "Barracuda Sentinel (EE)", "Accept": "*/*"},
    {"User-Agent": "Microsoft Office/16.0 (Microsoft Outlook Mail)", "X-Forwarded-For": "40.94.1.1"},
    {"User-Agent": "Slackbot-LinkExpanding 1.0", "Range": "bytes=0-32768"},
    {"Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender", "X-Moz": "prefetch"},
    {"User-Agent": "", "Referer": "https://safelinks.example/?url=x", "If-None-Match": "*"},
]


def test_i10_a_scanner_that_opens_every_link_of_every_mail_uses_nothing_up(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        case = walked.approved()
        service.issue(actor("rosa"), case.aanvraag)
        invitation, code = invite()
        invited = links()[-1]
        berichtenboek.held()
        book, receipt = berichtenboek.links()[-1], messages(case.aanvraag, KEY_MAIL)[-1].values["url"]
    mails = delivered(app, tmp_path)
    paths = sorted({path.decode() for mail in mails for path in LINK.findall(opened(mail))})
    assert {
        len([path for path in paths if token in path]) for token in (book, receipt.rpartition("/")[2], invited)
    } == {1}
    before = tables(app)
    for headers in SCANNERS:
        for path in paths:
            scanner = app.test_client()
            for method in ("HEAD", "GET", "OPTIONS", "GET"):
                answer = scanner.open(path, method=method, headers=headers, follow_redirects=True)
                assert answer.status_code < 500, (path, headers)
    assert tables(app) == before
    # Who the mails were meant for still finds everything as it was.
    with app.app_context():
        assert messages(case.aanvraag, PASSWORD_SMS) == []
        assert joining.open_by_code(ANONYMOUS, invited, code) == invitation
        db.session.rollback()
    assert post(app.test_client(), receipt.removeprefix("http://localhost")).status_code in {200, 303}
    with app.app_context():
        assert len(messages(case.aanvraag, PASSWORD_SMS)) == 1
