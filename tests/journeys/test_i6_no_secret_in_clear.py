"""No key, password, code or link in clear in the database, a log, a mail, an event, a page or an error (I6).

20 real keys are handed over, and 980 made-up keys and passwords are typed wherever the pages take text; then everything
that is kept or shown is searched for all 1,000, in clear and in the ways in which a program might write them.
"""

import base64
import logging
import re
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from itertools import cycle
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes
from uuid import UUID

import pytest
from bs4 import BeautifulSoup, Tag
from flask import Flask, request
from flask.testing import FlaskClient
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from keyservice.aanvragen import service as aanvragen
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Status
from keyservice.audit.models import AuditEvent
from keyservice.contacts import service as contacts
from keyservice.database import Base, db, transaction
from keyservice.demo.mailbox import DemoMailServer
from keyservice.demo.people import person_id
from keyservice.issuance import service
from keyservice.issuance.models import Issuance
from keyservice.issuance.use_timers import tell_uses
from keyservice.kernel.ids import normalise_code
from keyservice.kernel.passwords import new_password
from keyservice.outbox.channels.sms_file import SMS_FOLDER
from keyservice.outbox.delivery import deliver_due
from keyservice.sleutels import usage
from keyservice.sleutels.format import KEY_PATTERN, Omgeving, new_key
from keyservice.sleutels.limits import Limits
from keyservice.sleutels.models import SleutelUse
from keyservice.web import access
from tests.conftest import post
from tests.factories.aanvragen import actor
from tests.factories.contacts import unproven
from tests.factories.issuance import Held, approved, held
from tests.factories.keys import awake
from tests.factories.post import app_for_post
from tests.web.test_access import something

Browser = Callable[[str], FlaskClient]
REAL, PLANTED, AT_ONCE = 20, 980, 14
_HEAD = 5  # bytes
# Fewer characters stand somewhere in many zips by chance.
KEY = re.compile(KEY_PATTERN.pattern.encode())
PASSWORD = re.compile(rb"(?<![0-9A-Z-])(?:[2-9A-HJKMNP-Z]{4}-){6}[2-9A-HJKMNP-Z]{4}(?![0-9A-Z-])")
# Pages with forms; `{a}` is an aanvraag under review, `{d}` a draft, `{k}` and `{w}` contacts, `{i}` an issuance.
FORMS = {
    "anna": (
        *(f"/aanvragen/{{d}}/stap/{step}" for step in ("gemeente", "contactpersonen", "software", "ondertekening")),
        *("/aanvragen/{a}/intrekken", "/aanvragen/{a}/contactpersonen/{k}/oefenzip-code"),
        *("/aanvragen/{s}/activeren", "/uitgiften/{i}/annuleren"),
    ),
    "gert": ("/aanvragen/{a}/contactpersonen/{k}/instaan",),
    "rik": (
        *("/dossiers/{a}", "/dossiers/{a}/aanvulling-vragen", "/dossiers/{a}/afwijzen", "/dossiers/{a}/goedkeuren"),
        *("/dossiers/{a}/contactpersonen/{w}/instaan", "/uitgiften/{i}/vrijgeven", "/uitgiften/{i}/annuleren"),
    ),
    "ben": ("/gemeenten/9998/telefoon",),
    "": ("/bevestigen", "/gelekte-sleutel"),
}
SEARCHES = {
    "rik": ("/werkvoorraad?zoek={}", "/werkvoorraad?gemeente={}", "/werkvoorraad?na={}", "/gemeenten?zoek={}"),
    "ada": ("/gebeurtenissen?persoon={}", "/gebeurtenissen?dossier={}", "/gebeurtenissen?vanaf={}"),
    "anna": ("/aanvragen?voor={}",),
    "": ("/ontvangst/{}", "/nergens/{}", "/aanvragen?voor={}", "/controle?regel={}"),
}


def spellings(secret: str) -> Iterator[bytes]:
    """Yield a secret as it may stand in bytes: in clear, hexadecimal, and base64 at each of three offsets."""
    clear = secret.encode()
    yield from (clear, clear.hex().encode(), clear.hex().upper().encode(), quote(secret, safe="").encode())
    for offset in range(3):
        # Only the characters that nothing around it has a part in: of a code of 8 these are 10, too many for chance.
        first, end = -(-8 * offset // 6), 8 * (offset + len(clear)) // 6
        yield base64.b64encode(b"\0" * offset + clear)[first:end]


def found(secrets: list[str], *places: bytes) -> list[str]:
    """Return in which spelling which secrets stand in some bytes, also after undoing the escapes of an address."""
    hay = b"\n".join([*places, *(unquote_to_bytes(place) for place in places if b"%" in place)])
    # Secrets of one kind begin alike: the bytes are searched once for what they begin with, and not once for each.
    groups: dict[bytes, set[bytes]] = {}
    for spelling in (spelling for secret in secrets for spelling in spellings(secret)):
        groups.setdefault(spelling[:_HEAD], set()).add(spelling)
    return [repr(hit) for head, group in groups.items() for hit in sorted(_hits(head, group, hay))]


def _hits(head: bytes, group: set[bytes], hay: bytes) -> set[bytes]:
    sizes, hits, at = {len(spelling) for spelling in group}, set[bytes](), hay.find(head)
    while at >= 0:
        hits |= {hay[at : at + size] for size in sizes} & group
        at = hay.find(head, at + 1)
    return hits


def rows() -> bytes:
    """Return every value of every row of the database."""
    db.session.expire_all()
    parts: list[bytes] = []
    for table in Base.metadata.tables.values():
        for row in db.session.execute(select(table)):
            parts += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    db.session.rollback()
    return b"\n".join(parts)


def files(app: Flask) -> bytes:
    """Return the files of the SQLite database, freed pages and write-ahead log included; nothing of PostgreSQL."""
    instance: Path = app.extensions["keyservice.settings"].instance
    return b"\n".join(path.read_bytes() for path in sorted(instance.glob("keyservice.sqlite*")))


def opened(mail: bytes) -> bytes:
    """Return head and decoded parts of a mail, the zip as it is."""
    message = message_from_bytes(mail, policy=policy.default)
    parts = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    return b"\n".join([mail, str(message.items()).encode(), *(part for part in parts if isinstance(part, bytes))])


def delivered(app: Flask, folder: Path) -> list[bytes]:
    """Send everything that is due and return the mails as they arrived over SMTP."""
    with DemoMailServer(folder) as server, app_for_post(app, server.port):
        while deliver_due():
            pass
    return [path.read_bytes() for path in sorted(folder.glob("*.eml"))]


def sms(app: Flask) -> list[bytes]:
    instance: Path = app.extensions["keyservice.settings"].instance
    return [path.read_bytes() for path in sorted((instance / "postvak" / SMS_FOLDER).glob("*.txt"))]


def hand_over(number: int) -> tuple[UUID, Held]:
    """Issue a key up to the password in the queue; the first ones are activated or cancelled."""
    issuance_id = service.issue(actor("rosa"), approved(pakket=f"Pakket {number}"))
    post_of = held(issuance_id)
    if number < REAL // 4:
        service.activate(actor("anna"), issuance_id, post_of.code)
    elif number < REAL // 2:
        service.cancel(actor("anna"), issuance_id, "Niet meer nodig.")
    return issuance_id, post_of


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Callable[[], bytes]:
    """Return a function that gives everything that was logged or printed so far."""
    caplog.set_level(0)
    caplog.set_level(logging.WARNING, "mail.log")  # the mail server of the test, which is the recipient's
    return lambda: "\n".join([caplog.text, *capfd.readouterr()]).encode()


def test_i6_20_keys_and_passwords_stand_nowhere_but_in_zip_and_sms(
    app: Flask, tmp_path: Path, logs: Callable[[], bytes]
) -> None:
    with app.app_context():
        everything = [hand_over(number)[1] for number in range(REAL)]
        kept = [rows(), files(app)]  # while all waits to be sent
    keys, passwords = ([getattr(one, name).reveal() for one in everything] for name in ("key", "password"))
    codes = [spelling for one in everything for spelling in (one.code, normalise_code(one.code))]
    tokens = [one.token.reveal() for one in everything]
    mails = delivered(app, tmp_path / "mail")
    with app.app_context():
        kept += [rows(), files(app)]
    log, texts = logs(), sms(app)
    assert found([*keys, *passwords, *codes, *tokens], *kept, log) == []
    assert found([*keys, *passwords, *codes], *map(opened, mails)) == []
    assert found([*keys, *codes, *tokens], *texts) == []
    assert not [place for place in [*kept, log, *map(opened, mails)] if KEY.search(place) or PASSWORD.search(place)]
    # What is meant to arrive does, once: else nothing was searched.
    sent = [one.password.reveal().encode() for one in everything[REAL // 2 :]]
    assert [sum(password in text for text in texts) for password in sent] == [1] * len(sent)
    assert sum(b"applicatiesleutel.zip" in mail for mail in mails) == len(sent)


def test_i6_980_secrets_typed_anywhere_are_never_kept_logged_or_shown(
    app: Flask, browser_of: Browser, logs: Callable[[], bytes]
) -> None:
    keys = [new_key(Omgeving.PRODUCTIE).reveal() for _ in range(PLANTED // 2)]
    secrets = [secret for pair in zip(keys, (new_password().reveal() for _ in keys), strict=True) for secret in pair]
    batches = [secrets[start : start + AT_ONCE] for start in range(0, PLANTED, AT_ONCE)]
    typed = Typist(batches)
    ids = scene(app)
    for login in sorted({*FORMS, *SEARCHES}):
        browser = browser_of(login) if login else app.test_client()
        for url in FORMS.get(login, ()):
            typed.into_form(browser, url.format(**ids))
        for url in SEARCHES.get(login, ()):
            typed.into_address(browser, url)
        typed.into_stale_form(browser)
    assert typed.used == len(batches), "every secret was typed somewhere"
    with app.app_context():
        kept = [rows(), files(app)]
        refused = db.session.scalar(select(func.count()).select_from(AuditEvent))
    places = [*kept, logs(), *typed.answers]
    assert found(secrets, *places) == []
    assert not [place for place in places if KEY.search(place) or PASSWORD.search(place)]
    assert refused
    assert sum("Hier staat een sleutel of wachtwoord" in answer.decode() for answer in typed.answers) > len(FORMS)


def test_i6_1000_keys_shown_to_the_api_are_never_kept_logged_or_answered(app: Flask, logs: Callable[[], bytes]) -> None:
    app.extensions["keyservice.limits"] = Limits()
    with app.app_context():
        working = [awake()[1] for _ in range(REAL)]
    shown = [*working, *(new_key(Omgeving.PRODUCTIE).reveal() for _ in range(PLANTED))]
    client = app.test_client()
    answers = [client.get("/v1/sleutel", headers={"Authorization": f"Bearer {key}"}) for key in shown]
    with app.app_context():
        usage.flush()
        tell_uses()
        kept = [rows(), files(app)]
        used = db.session.scalar(select(func.count()).select_from(SleutelUse))
    places = [*kept, logs(), *(str(answer.headers).encode() + answer.data for answer in answers)]
    assert [answer.status_code for answer in answers[: REAL + 1]] == [*[200] * REAL, 401]
    assert used == REAL
    assert found(shown, *places) == []
    assert not [place for place in places if KEY.search(place)]


def scene(app: Flask) -> dict[str, UUID]:
    """Store an aanvraag under review, a draft and an issuance that waits for its activation; return their ids."""
    with app.app_context():
        issuance_id, _ = hand_over(REAL)
        started = db.session.get_one(Issuance, issuance_id).aanvraag_id
        case = unproven(Status.IN_REVIEW)
        with transaction() as session:
            session.execute(update(Aanvraag).where(Aanvraag.id == case.aanvraag).values(claimed_by=person_id("rik")))
        contacts.send_practice_zip(actor("anna"), case.key, case.aanvraag)
        draft = aanvragen.start(actor("anna"))
        proven = {"a": case.aanvraag, "k": case.key, "w": case.password}
        return proven | {"d": draft, "s": started, "i": issuance_id}


class Typist:
    """Types batch after batch of secrets, and keeps every answer."""

    def __init__(self, batches: list[list[str]]) -> None:
        self.batches, self.used, self.answers = cycle(enumerate(batches, 1)), 0, list[bytes]()

    def secrets(self) -> str:
        number, batch = next(self.batches)
        self.used = max(self.used, number)
        return "\n".join(batch)

    def into_form(self, browser: FlaskClient, url: str) -> None:
        """Fill every form of a page, each text with secrets; what is ticked and hidden is as it should be."""
        page = browser.get(url)
        assert page.status_code == 200, (url, page.status_code)
        for form in BeautifulSoup(page.data, "html.parser").find_all("form", method="post"):
            action = str(form.get("action") or url)
            if form.find(["textarea", "input"], type=lambda kind: kind != "hidden"):  # more than a button
                answer = browser.post(action, data=self._filled(form))
                assert answer.status_code in {303, 409, 422}, (action, answer.status_code)
                self.answers.append(answer.data)

    def _filled(self, form: Tag) -> dict[str, str]:
        fields = [field for field in form.find_all(["input", "textarea"]) if field.get("name")]
        kinds = {str(field["name"]): str(field.get("type") or "text") for field in fields}
        values = {str(field["name"]): str(field.get("value") or "y") for field in fields}
        free = {name for name, kind in kinds.items() if kind not in {"hidden", "checkbox", "radio"}}
        return {name: self.secrets() if name in free else value for name, value in values.items()}

    def into_address(self, browser: FlaskClient, url: str) -> None:
        self.answers.append(browser.get(url.format(quote(self.secrets()))).data)

    def into_stale_form(self, browser: FlaskClient) -> None:
        fields = {name: self.secrets() for name in ("toelichting", "email", "zoek", "reden", "onbekend", "oin", "naam")}
        self.answers.append(browser.post("/aanvragen/nieuw", data=fields).data)


def test_i6_an_error_of_the_database_does_not_repeat_the_values_of_its_statement(context: Flask) -> None:
    secret = new_key(Omgeving.PRODUCTIE).reveal()
    with pytest.raises(DBAPIError) as refused:
        db.session.execute(text("SELECT :typed FROM nowhere"), {"typed": secret})
    assert secret not in str(refused.value)


@pytest.mark.parametrize("kind", ["database", "program"])
def test_i6_a_failure_in_any_view_logs_and_shows_nothing_that_was_typed(
    app: Flask, browser_of: Browser, logs: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    secret = new_key(Omgeving.PRODUCTIE).reveal()

    def fail(**_parts: object) -> str:
        typed = request.form["naam"]
        if kind == "database":
            db.session.execute(text("SELECT :typed FROM nowhere"), {"typed": typed})
        try:
            return str(int(typed))
        except ValueError as error:
            raise LookupError(f"cannot read {typed}") from error

    browsers = {login: browser_of(login) for login in ("anna", "gert", "rik", "ben")}
    pages, failed = [], 0
    for rule in list(app.url_map.iter_rules()):
        found_access = access.declared(app, rule.endpoint)
        if (
            "POST" not in (rule.methods or ())
            or found_access is None
            or rule.endpoint.startswith(("security", "accounts"))
        ):
            continue
        fail.access = found_access  # type: ignore[attr-defined]  # as the decorator does
        monkeypatch.setitem(app.view_functions, rule.endpoint, fail)
        url = app.url_map.bind("localhost").build(rule.endpoint, {n: something(c) for n, c in rule._converters.items()})
        answers = [post(browser, url, {"naam": secret}) for browser in browsers.values()]
        pages += [answer.data for answer in answers]
        failed += any(answer.status_code in {500, 503} for answer in answers)
    assert failed > 20
    assert found([secret], *pages, logs()) == []
