"""The letter with the password: queued, rendered once, kept sealed, opened once, posted, failed, returned."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from typst import Compiler

from keyservice.aanvragen.models import Aanvraag
from keyservice.audit.queries import of_dossier
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.gemeenten.models import Gemeente
from keyservice.issuance import letters, service, timers
from keyservice.issuance.messages import PASSWORD_LETTER
from keyservice.issuance.models import End
from keyservice.kernel import clock
from keyservice.kernel.errors import Conflict, NotFound, Refused
from keyservice.kernel.ids import new_id
from keyservice.kernel.secret import Secret
from keyservice.kernel.zips import read_zip
from keyservice.outbox import delivery
from keyservice.outbox.channels.base import PermanentFailure
from keyservice.outbox.channels.letter import LetterProvider, shown
from keyservice.outbox.message import Content
from keyservice.outbox.models import Channel, Delivery, Letter, LetterStatus, OutboxMessage
from keyservice.sleutels.models import Sleutel
from tests.factories.aanvragen import actor
from tests.factories.issuance import contents_of, issuance, messages, token_of
from tests.factories.letters import issued, letter, letter_of, queued, received
from tests.factories.pdfs import opened, run
from tests.factories.post import LINE, app_for_post

pytestmark = pytest.mark.usefixtures("context")
TEMPLATE = Path(__file__).parents[2] / "templates" / "post" / PASSWORD_LETTER / "brief.typ"
HOSTILE = '#eval("1") *bold* \\ $x$ <b> @ref // _y_'


@pytest.fixture
def underway(context: Flask) -> UUID:
    """Return an issuance by Rosa whose password waits in the queue as a letter."""
    return received()


@pytest.fixture
def ready(underway: UUID) -> UUID:
    """Return a letter that waits to be printed."""
    return letter_of(underway)


def codes(issuance_id: UUID) -> list[str]:
    return [event.code for event in of_dossier(issuance(issuance_id).aanvraag_id)]


def rendered(issuance_id: UUID, **values: str) -> bytes:
    row, content = queued(issuance_id)
    return LetterProvider().render(row, Content(content.to, {**content.values, **values}, None), LINE)


def as_text(issuance_id: UUID, **values: str) -> str:
    """Return what the letter says, by the other output of the same compiler: it needs no tool to read."""
    row, content = queued(issuance_id)
    what = json.dumps(shown(row, Content(content.to, {**content.values, **values}, None), LINE))
    made = Compiler(ignore_system_fonts=True).compile(
        TEMPLATE, root=TEMPLATE.parent, format="html", sys_inputs={"values": what}
    )
    assert isinstance(made, bytes)
    return made.decode()


# The queue


def test_the_password_goes_into_the_queue_as_one_letter_to_the_address_that_was_approved(underway: UUID) -> None:
    row, content = queued(underway)
    assert (row.channel, row.status, row.recipient) == (Channel.LETTER, Delivery.WAITING, "1234 AB  VOORBEELDSTAD")
    assert content.to == "Postbus 9998\n1234 AB  VOORBEELDSTAD"
    assert issuance(underway).password is None
    assert codes(underway)[-1] == "issuance:hand-over"


def test_the_worker_makes_the_letter_once_keeps_it_sealed_and_wipes_the_message(app: Flask, underway: UUID) -> None:
    row, content = queued(underway)
    password = content.values["password"]
    with app_for_post(app, 1):  # no mail server: the mails wait, the letter needs none
        delivery.deliver_due()
    kept, message = letter(row.id), db.session.get_one(OutboxMessage, row.id)
    assert (message.status, message.content, message.final) == (Delivery.SENT, None, None)
    assert (kept.status, kept.subject, kept.number) == (LetterStatus.WAITING, underway, issuance(underway).z_number)
    assert kept.pdf
    assert not kept.pdf.startswith(b"%PDF")
    assert password.encode() not in kept.pdf
    assert codes(underway).count("letter:make") == 1


def test_i5_a_repeat_after_a_crash_sends_the_same_bytes_and_stores_nothing_new(app: Flask, underway: UUID) -> None:
    row, content = queued(underway)
    with app_for_post(app, 1):
        (claimed,) = [found for found in delivery.claim(new_id(), 50) if found.channel is Channel.LETTER]
        first = LetterProvider().render(claimed, content, LINE)
        assert delivery._hold([delivery.Ready(claimed, content, first)])
        LetterProvider().send(claimed, content, first)
        stored = letter(row.id).pdf
        # Here the worker dies: kept, but not marked. Another one takes over when the lease has run out.
        with time_machine.travel(clock.now() + timedelta(minutes=6), tick=False):
            delivery.deliver_due()
    assert letter(row.id).pdf == stored
    assert db.session.get_one(OutboxMessage, row.id).status is Delivery.SENT
    assert codes(underway).count("letter:make") == 1
    assert letters.open_letter(actor("rik"), row.id) == first


def test_a_message_taken_back_between_rendering_and_keeping_leaves_no_letter(underway: UUID) -> None:
    row, content = queued(underway)
    pdf = LetterProvider().render(row, content, LINE)
    service.cancel(actor("rosa"), underway, "De contactpersoon is weg.")
    LetterProvider().send(row, content, pdf)
    assert db.session.get(Letter, row.id) is None


def test_a_letter_that_needs_two_pages_or_an_unknown_character_waits_for_a_person(underway: UUID) -> None:
    for name in ("Wim " * 2000, "Wim \U0001f600"):
        with pytest.raises(PermanentFailure) as caught:
            rendered(underway, name=name)
        assert "Wim" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_eight_threads_render_letters_without_disturbing_each_other(app: Flask, underway: UUID) -> None:
    row, content = queued(underway)

    def one(_: int) -> bytes:
        with app.app_context():
            return LetterProvider().render(row, content, LINE)

    with ThreadPoolExecutor(8) as pool:
        assert all(pdf.startswith(b"%PDF") for pdf in pool.map(one, range(32)))


# The page of paper


def test_the_pdf_says_that_it_is_accessible_tagged_and_dutch(underway: UUID) -> None:
    pdf = opened(rendered(underway, password="ABCD-2345-EFGH-6789-JKMN-PQRS-TUVW"))
    for mark in (
        b"/MarkInfo<</Marked true",
        b"/Lang(nl)",
        b"/StructTreeRoot",
        b"<pdfuaid:part>1<",
        b"<pdfaid:part>2<",
        b"<pdfaid:conformance>A<",
        b"/DisplayDocTitle true",
        b"/Type/Pages/Count 1/",
        b"/MediaBox[0 0 595.2756 841.8898]",
    ):
        assert mark in pdf, mark
    assert b"/Alt(Groep 1: A, B, C, D. Streepje. Groep 2: 2, 3, 4, 5. Streepje." in pdf


def test_pdfinfo_and_pdftotext_read_one_tagged_page_with_the_whole_letter(
    underway: UUID, tmp_path: Path, need_tool: Callable[[str], str]
) -> None:
    password = queued(underway)[1].values["password"]
    path = tmp_path / "brief.pdf"
    path.write_bytes(rendered(underway))
    info = run(need_tool("pdfinfo"), str(path))
    assert re.search(r"^Tagged: +yes$", info, re.MULTILINE)
    assert re.search(r"^Pages: +1$", info, re.MULTILINE)
    assert re.search(r"^Title: +Uw wachtwoord voor het zipbestand$", info, re.MULTILINE)
    read = run(need_tool("pdftotext"), "-layout", str(path), "-")
    for line in (
        "PERSOONLIJK",
        "Gemeente Voorbeeldstad",
        "T.a.v. Wim Voorbeeld",
        "Postbus 9998",
        f"Ons nummer: {issuance(underway).z_number}",
        password,
        "Het wachtwoord heeft alleen hoofdletters en cijfers. De streepjes horen erbij.",
    ):
        assert line in read, line
    boxes = run(need_tool("pdftotext"), "-bbox", str(path), "-")
    x, y = (float(n) for n in re.findall(r'xMin="([0-9.]+)" yMin="([0-9.]+)"[^>]*>PERSOONLIJK', boxes)[0])
    assert abs(x / 72 * 25.4 - 20) < 1, "millimetres from the left"
    assert abs(y / 72 * 25.4 - 48) < 2, "millimetres from the top"


def test_nothing_on_the_letter_leads_to_the_zip(underway: UUID) -> None:
    row, content = queued(underway)
    found, said = issuance(underway), as_text(underway)
    aanvraag = db.session.get_one(Aanvraag, found.aanvraag_id)
    on_paper = json.dumps(shown(row, content, LINE)) + said
    for hint in (aanvraag.number, found.sleutel.number, "9998 ", '"9998"', aanvraag.omgeving, aanvraag.pakket):
        assert str(hint) not in on_paper, hint
    for contact in (aanvraag.key_contact, aanvraag.password_contact):
        assert contact
        assert str(contact.mailbox) not in on_paper
        assert contact.z_number not in on_paper
    assert aanvraag.key_contact
    assert aanvraag.key_contact.name not in on_paper
    assert not re.search(r"https?:|www\.|\.nl\b|localhost", said)
    # Nothing else differs per letter: who adds a value must come by here.
    assert sorted(shown(row, content, LINE)) == ["address", "control_line", "date", "name", "number", "password"]
    # The name of the gemeente stands in the window of the envelope and nowhere else.
    assert said.count("Voorbeeldstad") == said.count("VOORBEELDSTAD") == 1


def test_the_letter_has_a_number_of_its_own_that_no_mail_knows(underway: UUID) -> None:
    number = issuance(underway).z_number
    assert re.fullmatch(r"Z-[2-9A-HJKMNP-Z]{6}", number)
    for kind in ("sleutel-zip", "aanvraag-received", "aanvraag-approved"):
        for mail in messages(issuance(underway).aanvraag_id, kind):
            assert number not in json.dumps(dict(mail.values))


def test_a_hostile_name_prints_as_it_was_typed(underway: UUID, tmp_path: Path, need_tool: Callable[[str], str]) -> None:
    said = as_text(underway, name=HOSTILE, organisation=f"Gemeente {HOSTILE}")
    assert said.count('#eval("1") *bold* \\ $x$ &lt;b> @ref // _y_') == 3
    path = tmp_path / "brief.pdf"
    path.write_bytes(rendered(underway, name=HOSTILE))
    assert HOSTILE in " ".join(run(need_tool("pdftotext"), str(path), "-").split())


# Opening


def test_the_password_of_the_letter_opens_the_zip(
    underway: UUID, need_tool: Callable[[str], str], tmp_path: Path
) -> None:
    mail = messages(issuance(underway).aanvraag_id, "sleutel-zip")[-1]
    path = tmp_path / "brief.pdf"
    path.write_bytes(letters.open_letter(actor("rik"), letter_of(underway)))
    read = run(need_tool("pdftotext"), str(path), "-")
    (password,) = re.findall(r"(?:[2-9A-Z]{4}-){6}[2-9A-Z]{4}", read)
    assert mail.attachment
    assert list(read_zip(mail.attachment.data, Secret(password))) == ["applicatiesleutel.txt"]


def test_i7_a_letter_opens_once_and_the_second_hears_who_and_when(ready: UUID) -> None:
    assert letters.open_letter(actor("rik"), ready).startswith(b"%PDF")
    row = letter(ready)
    assert (row.status, row.pdf, row.opened_by) == (LetterStatus.OPENED, None, person_id("rik"))
    with pytest.raises(Conflict, match="letter-opened") as caught:
        letters.open_letter(actor("rik"), ready)
    assert caught.value.data["who"] == "Rik Fictief"
    assert str(clock.local(clock.now()).year) in str(caught.value.data["when"])
    assert codes(row.subject)[-1] == "letter:open"


@pytest.mark.parametrize("round_", range(3))
def test_i7_of_64_openings_at_the_same_moment_one_gets_the_letter(app: Flask, ready: UUID, round_: int) -> None:
    rik = actor("rik")
    db.session.rollback()

    def look(_: int) -> bool:
        with app.app_context():
            try:
                return letters.open_letter(rik, ready).startswith(b"%PDF")
            except Conflict:
                return False

    with ThreadPoolExecutor(64) as pool:
        assert sum(pool.map(look, range(64))) == 1
    assert letter(ready).pdf is None
    assert codes(letter(ready).subject).count("letter:open") == 1


def test_i8_who_issued_the_key_does_not_open_its_letter_and_the_database_knows_it_too(ready: UUID) -> None:
    with pytest.raises(Refused, match="own-letter"):
        letters.open_letter(actor("rosa"), ready)
    assert letter(ready).status is LetterStatus.WAITING
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(
            update(Letter).values(
                status=LetterStatus.OPENED, pdf=None, opened_at=clock.now(), opened_by=person_id("rosa")
            )
        )


@pytest.mark.parametrize("login", ["anna", "bea", "gert", "tom", "ada", "ben"])
def test_i9_nobody_else_opens_a_letter(ready: UUID, login: str) -> None:
    for act in (
        lambda: letters.open_letter(actor(login), ready),
        lambda: letters.mark_posted(actor(login), ready),
        lambda: letters.fail(actor(login), ready, LetterStatus.FAILED, "Ik mag dit niet."),
    ):
        with pytest.raises(Refused):
            act()
    assert letter(ready).status is LetterStatus.WAITING


def test_a_letter_that_is_not_there_is_not_found(context: Flask) -> None:
    with pytest.raises(NotFound):
        letters.open_letter(actor("rik"), new_id())


def test_i6_the_password_stands_in_clear_nowhere_while_the_letter_waits_and_nowhere_after(underway: UUID) -> None:
    password = queued(underway)[1].values["password"]
    spelled = ", ".join(password[:4])
    letter_id = letter_of(underway)
    assert not _in_database(password, spelled)
    letters.open_letter(actor("rik"), letter_id)
    assert not _in_database(password, spelled)
    assert letter(letter_id).pdf is None


def _in_database(*secrets: str) -> bool:
    values = [
        value if isinstance(value, bytes) else str(value).encode()
        for table in ("letter", "outbox_message", "issuance", "audit_event", "audit_private")
        for row in db.session.execute(text(f"SELECT * FROM {table}"))
        for value in row
    ]
    return any(secret.encode() in value for secret in secrets for value in values)


def test_a_letter_whose_seal_is_broken_says_so_and_can_be_given_up(ready: UUID) -> None:
    with transaction() as session:
        session.execute(update(Letter).values(pdf=b"\x01broken"))
    with pytest.raises(Conflict, match="letter-broken"):
        letters.open_letter(actor("rik"), ready)
    letters.fail(actor("rik"), ready, LetterStatus.FAILED, "De brief gaat niet open.")
    assert letter(ready).status is LetterStatus.FAILED


# After the printer


def test_a_posted_letter_tells_both_contacts_and_the_key_can_be_activated(underway: UUID, ready: UUID) -> None:
    with pytest.raises(Conflict, match="letter-not-open"):
        letters.mark_posted(actor("rik"), ready)
    letters.open_letter(actor("rik"), ready)
    letters.mark_posted(actor("rosa"), ready)
    assert (letter(ready).status, letter(ready).posted_by) == (LetterStatus.POSTED, person_id("rosa"))
    aanvraag_id = issuance(underway).aanvraag_id
    to_key, to_receiver = messages(aanvraag_id, "brief-gepost"), messages(aanvraag_id, "uitgifte-ontvanger")
    assert [mail.to for mail in to_key] == ["anna@voorbeeldstad.example"]
    assert [(mail.to, mail.values["what"], mail.values["url"]) for mail in to_receiver] == [
        ("wim9998@voorbeeldstad.example", "brief-gepost", "")
    ]
    with pytest.raises(Conflict, match="letter-not-open"):
        letters.mark_posted(actor("rik"), ready)
    assert codes(underway)[-1] == "letter:post"


def bring_to(state: str, letter_id: UUID) -> None:
    """Let Rik open a letter, and post it."""
    if state in {"opened", "posted"}:
        letters.open_letter(actor("rik"), letter_id)
    if state == "posted":
        letters.mark_posted(actor("rik"), letter_id)


@pytest.mark.parametrize(
    ("how", "event", "state"),
    [
        (LetterStatus.FAILED, "letter:fail", "waiting"),
        (LetterStatus.FAILED, "letter:fail", "opened"),
        (LetterStatus.RETURNED, "letter:return", "opened"),
        (LetterStatus.RETURNED, "letter:return", "posted"),
    ],
)
def test_i16_a_failed_or_returned_letter_ends_the_delivery_and_a_new_key_can_be_issued(
    underway: UUID, ready: UUID, how: LetterStatus, event: str, state: str
) -> None:
    bring_to(state, ready)
    aanvraag_id = letters.fail(actor("rik"), ready, how, "De envelop was open.")
    assert (letter(ready).status, letter(ready).pdf) == (how, None)
    assert issuance(underway).end_reason is End.CANCELLED
    assert db.session.get_one(Sleutel, issuance(underway).sleutel_id).revoked_at is not None
    assert event in codes(underway)
    assert len(messages(aanvraag_id, "brief-mislukt")) == 1
    assert messages(aanvraag_id, "uitgifte-ontvanger")[-1].values["what"] == "brief-mislukt"
    assert service.reissue(actor("rosa"), aanvraag_id) != underway


@pytest.mark.parametrize(("how", "state"), [(LetterStatus.FAILED, "posted"), (LetterStatus.RETURNED, "waiting")])
def test_what_cannot_have_happened_is_not_reported(ready: UUID, how: LetterStatus, state: str) -> None:
    bring_to(state, ready)
    with pytest.raises(Conflict, match="letter-not-open"):
        letters.fail(actor("rik"), ready, how, "Dit kan niet.")


@pytest.mark.parametrize("end", ["cancel", "lapse"])
def test_i6_when_the_delivery_ends_the_sealed_letter_goes_too(underway: UUID, ready: UUID, end: str) -> None:
    if end == "lapse":
        with time_machine.travel(issuance(underway).deadline, tick=False):
            timers.lapse()
    else:
        service.cancel(actor("anna"), underway, "Niet meer nodig.")
    assert (letter(ready).status, letter(ready).pdf) == (LetterStatus.STOPPED, None)
    for act in (
        lambda: letters.open_letter(actor("rik"), ready),
        lambda: letters.mark_posted(actor("rik"), ready),
        lambda: letters.fail(actor("rik"), ready, LetterStatus.FAILED, "Te laat."),
    ):
        with pytest.raises(Conflict, match="issuance-ended"):
            act()


def test_after_the_term_a_letter_is_not_opened_any_more(underway: UUID, ready: UUID) -> None:
    with (
        time_machine.travel(issuance(underway).deadline, tick=False),
        pytest.raises(Conflict, match="issuance-ended"),
    ):
        letters.open_letter(actor("rik"), ready)


def test_i7_opening_and_cancelling_at_the_same_moment_leave_one_winner(app: Flask, underway: UUID, ready: UUID) -> None:
    rik, rosa = actor("rik"), actor("rosa")
    db.session.rollback()

    def act(number: int) -> str:
        with app.app_context():
            try:
                if number:
                    service.cancel(rosa, underway, "Niet meer nodig.")
                    return "cancelled"
                letters.open_letter(rik, ready)
            except Conflict as conflict:
                return conflict.code
            else:
                return "opened"

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(act, range(2)))
    assert ends[1] == "cancelled"
    assert (ends[0], letter(ready).status) in {
        ("opened", LetterStatus.OPENED),
        ("issuance-ended", LetterStatus.STOPPED),
    }


# The address


GONE: dict[str, Any] = dict.fromkeys(("address_line", "postcode", "town"))


@pytest.mark.parametrize("values", [{"address_line": "Elders 1"}, GONE])
def test_i13_an_address_changed_after_the_issue_stops_the_letter_and_a_person_can_end_it(
    context: Flask, values: dict[str, Any]
) -> None:
    issuance_id = issued()
    with transaction() as session:
        session.execute(update(Gemeente).where(Gemeente.code == "9998").values(values))
    token = token_of(issuance(issuance_id).aanvraag_id)
    with pytest.raises(Conflict, match="address-changed"):
        service.confirm_receipt(actor("anna"), token)
    with pytest.raises(Conflict, match="address-changed"):
        service.release(actor("rik"), issuance_id, "+31102000000", "De mail was al weg.")
    found = issuance(issuance_id)
    assert (found.handed_over, found.password_sent_at, bool(found.password)) == (False, None, True)
    service.cancel(actor("rosa"), issuance_id, "De gemeente is verhuisd.")
    assert issuance(issuance_id).end_reason is End.CANCELLED


# Reminders


def test_all_relatiebeheerders_hear_of_a_letter_that_waits_two_and_five_working_days(ready: UUID) -> None:
    start = clock.now()
    aanvraag_id = issuance(letter(ready).subject).aanvraag_id
    for days, mails in ((1, 0), (2, 2), (3, 2), (5, 4), (9, 4)):
        with time_machine.travel(clock.add_working_days(start, days) + timedelta(minutes=1), tick=False):
            timers.remind_letters()
            timers.remind_letters()
        assert len(messages(aanvraag_id, "brief-wacht")) == mails, days
    assert codes(letter(ready).subject).count("letter:remind") == 2


def test_a_printed_letter_that_nobody_posts_is_reminded_of_anew(ready: UUID) -> None:
    letters.open_letter(actor("rik"), ready)
    aanvraag_id = issuance(letter(ready).subject).aanvraag_id
    with time_machine.travel(clock.add_working_days(clock.now(), 2) + timedelta(minutes=1), tick=False):
        timers.remind_letters()
    assert {mail.values["printed"] for mail in messages(aanvraag_id, "brief-wacht")} == {"ja"}
    letters.mark_posted(actor("rik"), ready)
    with time_machine.travel(clock.add_working_days(clock.now(), 8), tick=False):
        timers.remind_letters()
    assert len(messages(aanvraag_id, "brief-wacht")) == 2


def test_i15_with_one_relatiebeheerder_a_letter_still_has_an_end(underway: UUID, ready: UUID) -> None:
    letters.fail(actor("rosa"), ready, LetterStatus.FAILED, "Er is geen collega om te printen.")
    assert issuance(underway).end_reason is End.CANCELLED


# What is told


def test_every_message_of_a_letter_can_be_written_and_says_that_it_takes_days(ready: UUID) -> None:
    first = issuance(letter(ready).subject)
    aanvraag_id = first.aanvraag_id
    letters.open_letter(actor("rik"), ready)
    letters.mark_posted(actor("rik"), ready)
    with time_machine.travel(first.issued_at + timedelta(days=8), tick=False):
        timers.remind()
    written = contents_of(aanvraag_id)
    letters.fail(actor("rik"), ready, LetterStatus.RETURNED, "De envelop was open.")
    written |= contents_of(aanvraag_id)
    second = service.reissue(actor("rosa"), aanvraag_id)
    service.release(actor("rik"), second, "+31102000000", "De mail was al weg.")
    written |= contents_of(aanvraag_id)
    with time_machine.travel(clock.add_working_days(clock.now(), 3), tick=False):
        letter_of(second)
    with time_machine.travel(clock.add_working_days(clock.now(), 6), tick=False):
        timers.remind_letters()
    written |= contents_of(aanvraag_id)
    mails = {kind: _body(final) for (kind, channel), final in written.items() if channel is Channel.MAIL}
    assert {"brief-gepost", "brief-mislukt", "brief-wacht", "uitgifte-released", "uitgifte-ontvanger"} <= mails.keys()
    assert all("{{" not in body and "None" not in body for body in mails.values())
    for kind in ("uitgifte-released", "uitgifte-remind-activation", "uitgifte-ontvanger"):
        assert "duurt een paar werkdagen" in mails[kind], kind
    assert "1 tot 3 werkdagen" in mails["brief-gepost"]
    assert (PASSWORD_LETTER, Channel.LETTER) in written


def _body(final: bytes) -> str:
    message = message_from_bytes(final, policy=policy.default)
    assert isinstance(message, EmailMessage)
    part = message.get_body(preferencelist=("plain",))
    assert part
    return " ".join(str(part.get_content()).split())
