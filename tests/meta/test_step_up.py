"""Acts that give ask for a fresh factor (ADR 11). The list comes from the routes, so no act is forgotten."""

import re
from html import unescape

from flask import Flask

from keyservice.demo import people
from keyservice.web.access import STEP_UP_AGE
from tests.factories.addresses import Row, address, rows, typed
from tests.factories.rights import EVERYBODY, Somebody, populate, take_seat
from tests.web.test_access import CLOSED, tables

# What can be sent without a fresh factor, and why.
WITHOUT = {
    # Public: who sends it need not have an account.
    "contacts.confirm": "the code from the sms is the proof",
    "issuance.receipt": "the link from the mail is the proof; it sends the password to somebody else",
    "accounts.open_invitation": "the link with the code that was said aloud is the proof",
    "accounts.accept_invitation": "the same: this session opened the invitation by that code",
    "security.login": "is the proof itself",
    "accounts.verify_code": "is the proof itself",
    "accounts.verify_recovery_code": "is the proof itself",
    "accounts.log_in_by_passkey": "is the proof itself",
    "security.logout": "only takes",
    # The road of an aanvraag before anything is given.
    "aanvragen.create": "a draft",
    "aanvragen.start_replacement": "a draft",
    "aanvragen.step": "a draft",
    "aanvragen.discard": "only takes",
    "aanvragen.submit": "asks; DUO decides",
    "aanvragen.resubmit": "asks; DUO decides",
    "aanvragen.withdraw": "only takes",
    "aanvragen.practice": "the code from the practice zip is the proof",
    "aanvragen.send_practice": "a harmless zip to the address that must prove itself",
    "aanvragen.send_sms": "a code to the number that must prove itself",
    "aanvragen.ask_log_in": "a mail to the address that must prove itself",
    "contactpersonen.retire": "only takes",
    "aanvragen.review": "claims, asks, rejects or retracts: none of them gives",
    "aanvragen.note": "a note",
    "issuance.report_receipt": "sends the password to somebody else, as the link in the mail does",
    "issuance.disown": "only takes",
    "issuance.suspend": "only takes",
    "issuance.succession.ask": "asks; DUO decides",
    "issuance.succession.refuse": "only takes",
    "issuance.letters.post": "says what was done on paper",
    "issuance.report_leak": "only takes, and the key that is shown is the proof",
    "issuance.resend": "the same zip to the same contact; without the password it is worthless",
    "front.take_bundle": "what the pages of the dossier show already, with its proof",
    "issuance.retry_message": "the same message to the same reader",
    "waves.halt": "only takes",
    "berichtenboek.ask": "asks; DUO decides",
    "berichtenboek.stop": "only takes",
    "berichtenboek.end": "only takes",
    "berichtenboek.refuse": "refuses",
    "berichtenboek.open_own": "shows what DUO handed out; it holds no secret",
    "berichtenboek.door": "the link from the mail is the proof; the book holds no secret",
    # The portaal: what the role is for, many times a day.
    "portaal.find_by_bsn": "reads; each look is logged",
    "portaal.find_by_name": "reads; each look is logged",
    "portaal.show_bsn": "reads; each look is logged",
    "portaal.register": "a version beside the others; a correction or withdrawal undoes it",
    "portaal.correct": "the same",
    "portaal.withdraw": "only takes; the versions stay",
    # Accounts. What only takes must be quick.
    "accounts.act_for_gemeente": "chooses among what was granted",
    "accounts.change_password": "asks the old password itself",
    "accounts.end_grant": "only takes",
    "accounts.end_other_sessions": "only takes",
    "accounts.end_portfolio": "only takes; a portfolio is no right",
    "accounts.end_session": "only takes",
    "accounts.withdraw_invitation": "only takes",
    "accounts.withdraw_reset": "only takes",
}
OLD = STEP_UP_AGE * 1.1
ISSUER = next(who for who in EVERYBODY if who.login == "rosa")
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


def sent(app: Flask) -> list[Row]:
    """Return every route that is sent."""
    return [row for row in rows(app) if row.method == "POST" and row.endpoint not in CLOSED]


def giver(row: Row) -> Somebody:
    """Return somebody who may do an act; what Rik approved Rosa issues, and the password waits for Rita."""
    if row.endpoint == "issuance.show_password":
        return next(who for who in EVERYBODY if who.login == "rita")
    roles = row.access.roles if row.access else frozenset()
    able = [who for who in EVERYBODY if who.login and (not roles or who.roles & roles)]
    return ISSUER if able[0].login == "rik" else able[0]


def kept(page: str) -> dict[str, str]:
    """Return what a page keeps in hidden fields."""
    return {name: unescape(value) for name, value in HIDDEN.findall(page)}


def test_every_act_asks_for_a_fresh_factor_or_says_here_why_not(app: Flask) -> None:
    without = {row.endpoint for row in sent(app) if not (row.access and row.access.step_up)}
    assert without == WITHOUT.keys()


def test_an_act_without_a_fresh_factor_does_nothing_keeps_what_was_typed_and_goes_on_after_the_proof(
    app: Flask,
) -> None:
    with app.app_context():
        world = populate()
    asking = {row: rule for row, rule in rows(app).items() if row in sent(app) and row.access and row.access.step_up}
    for row, rule in asking.items():
        who = giver(row)
        seat = take_seat(app, who, factor_age=OLD)
        key = next(iter((who.people if row.personal else who.scopes).values()))
        url, fields = address(app, row, rule, world[key]), typed(world[key])
        before = tables(app)
        asked = seat.client.post(url, data={"csrf_token": seat.token, **fields})
        assert asked.status_code == 403, row.rule
        assert "Bevestig dat u het bent" in asked.text, row.rule
        assert fields.items() <= kept(asked.text).items(), row.rule
        assert tables(app) == before, row.rule
        proof = {**kept(asked.text), "csrf_token": seat.token, "_wachtwoord": people.PASSWORD}
        done = seat.client.post(url, data=proof)
        assert b"Bevestig dat u het bent" not in done.data, row.rule
        assert done.status_code in {200, 303, 409, 422}, (row.rule, done.status_code)
