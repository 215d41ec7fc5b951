"""The review by relatiebeheerders, and what time does to an aanvraag."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from keyservice import settings
from keyservice.aanvragen import queries, review, service, timers
from keyservice.aanvragen.content import content_hash
from keyservice.aanvragen.models import Aanvraag, Approval, Note
from keyservice.aanvragen.review_messages import to_reviewer
from keyservice.aanvragen.words import STATUS
from keyservice.aanvragen.workflow import LAPSE_DAYS, Status, Step
from keyservice.accounts.models import Account
from keyservice.accounts.portfolio import give_portfolio
from keyservice.audit.queries import of_dossier
from keyservice.berichtenboek.words import STATUS as COPY
from keyservice.contacts.models import Contact
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.issuance.words import WAVE
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI
from keyservice.kernel.errors import Conflict, NotFound, Refused
from keyservice.kernel.ids import new_id
from keyservice.kernel.seal import Place
from keyservice.outbox import queries as outbox
from keyservice.outbox.channels.mail import MailProvider
from keyservice.outbox.message import Content, decode
from keyservice.outbox.service import RING, TABLE, enqueue
from keyservice.web.error_texts import WORDS
from tests.factories.aanvragen import actor, ready
from tests.factories.post import LINE

pytestmark = pytest.mark.usefixtures("context")
# A Monday long after the fictive people came, without holidays in the two weeks after it.
MONDAY = datetime(2099, 1, 5, 9, 0, tzinfo=UTC)


def status(aanvraag_id: UUID) -> Status:
    db.session.expire_all()
    return db.session.get_one(Aanvraag, aanvraag_id).status


def codes(aanvraag_id: UUID) -> list[str]:
    return [event.code for event in of_dossier(aanvraag_id)]


def mails(aanvraag_id: UUID, kind: str) -> list[Content]:
    db.session.expire_all()
    rows = [row for row in outbox.of_dossier(aanvraag_id) if row.kind == kind]
    unsealed = (settings.rings().unseal(RING, row.content or b"", Place(TABLE, "content", row.id)) for row in rows)
    return [decode(content) for content in unsealed]


def parts(mail: Message) -> tuple[str, str]:
    """Return the text and the page of a mail."""
    found = {part.get_content_type(): part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()}
    plain, html = found["text/plain"], found["text/html"]
    assert isinstance(plain, bytes)
    assert isinstance(html, bytes)
    return plain.decode().replace("\r\n", "\n"), html.decode()


def in_review(login: str = "rik", omgeving: str = "productie") -> UUID:
    aanvraag_id = ready(omgeving)
    review.take_step(actor(login), aanvraag_id, Step.TAKE_UP)
    return aanvraag_id


def approved(login: str = "rik", omgeving: str = "productie") -> UUID:
    aanvraag_id = in_review(login, omgeving)
    review.approve(actor(login), aanvraag_id, "Alles klopt.")
    return aanvraag_id


def change_contact(aanvraag_id: UUID, **values: object) -> None:
    with transaction() as session:
        contact_id = session.get_one(Aanvraag, aanvraag_id).password_contact_id
        session.execute(update(Contact).where(Contact.id == contact_id).values(**values))


def test_every_step_of_a_review_moves_the_status_and_leaves_its_event() -> None:
    aanvraag_id = in_review()
    rik, rosa = actor("rik"), actor("rosa")
    review.take_step(rosa, aanvraag_id, Step.TAKE_OVER)
    review.take_step(rosa, aanvraag_id, Step.RELEASE)
    assert status(aanvraag_id) is Status.SUBMITTED
    review.take_step(rik, aanvraag_id, Step.TAKE_UP)
    review.take_step(rik, aanvraag_id, Step.ASK, "Welke versie gebruikt u?")
    assert status(aanvraag_id) is Status.INFO_REQUESTED
    review.take_step(rosa, aanvraag_id, Step.TAKE_BACK)
    assert db.session.get_one(Aanvraag, aanvraag_id).claimed_by == rosa.person
    review.take_step(rosa, aanvraag_id, Step.REJECT, "Dit pakket kennen wij niet.")
    assert status(aanvraag_id) is Status.REJECTED
    assert codes(aanvraag_id) == [
        "aanvraag:take-up",
        "aanvraag:take-over",
        "aanvraag:release",
        "aanvraag:take-up",
        "aanvraag:ask",
        "aanvraag:take-back",
        "aanvraag:reject",
    ]


def test_a_step_of_the_claimer_is_refused_to_a_colleague_and_names_the_claimer() -> None:
    aanvraag_id = in_review("rik")
    for step in (Step.RELEASE, Step.ASK, Step.REJECT, Step.TAKE_UP):
        with pytest.raises(Conflict) as caught:
            review.take_step(actor("rosa"), aanvraag_id, step, "een tekst")
        assert (caught.value.code, caught.value.data["claimer"]) == ("claimed-by-other", "Rik Fictief")
    with pytest.raises(Conflict, match="claimed-by-other"):
        review.approve(actor("rosa"), aanvraag_id, "Alles klopt.")
    assert codes(aanvraag_id) == ["aanvraag:take-up"]


def test_a_step_from_the_wrong_state_says_what_the_state_is() -> None:
    aanvraag_id = approved()
    with pytest.raises(Conflict) as caught:
        review.take_step(actor("rik"), aanvraag_id, Step.REJECT, "Toch niet.")
    assert (caught.value.code, caught.value.data["status"]) == ("step-not-possible", Status.APPROVED)


def test_people_of_a_gemeente_and_the_auditor_take_no_step_of_the_review() -> None:
    aanvraag_id = ready()
    for login in ("anna", "gert", "ada"):
        with pytest.raises(Refused):
            review.take_step(actor(login), aanvraag_id, Step.TAKE_UP)
    for login in ("tom", "ben"):
        with pytest.raises(NotFound):
            review.take_step(actor(login), aanvraag_id, Step.TAKE_UP)
    assert status(aanvraag_id) is Status.SUBMITTED


def test_the_gemeente_reads_question_and_reason_but_no_name_of_duo() -> None:
    aanvraag_id = in_review()
    review.take_step(actor("rik"), aanvraag_id, Step.ASK, "Welke versie gebruikt u?")
    service.resubmit(actor("bea"), aanvraag_id)
    review.take_step(actor("rik"), aanvraag_id, Step.ASK, "En welke leverancier?")
    review.take_step(actor("rik"), aanvraag_id, Step.TAKE_BACK)
    review.take_step(actor("rik"), aanvraag_id, Step.REJECT, "Wij konden niets vinden.")
    told = mails(aanvraag_id, "aanvraag-question") + mails(aanvraag_id, "aanvraag-rejected")
    assert [mail.values["text"] for mail in told] == [
        "Welke versie gebruikt u?",
        "En welke leverancier?",
        "Wij konden niets vinden.",
    ]
    assert {mail.to for mail in told} == {"anna@voorbeeldstad.example"}
    assert not any("Fictief" in value for mail in told for value in mail.values.values())


def test_every_mail_of_the_review_has_a_subject_a_text_and_a_page() -> None:
    question, others = in_review(), approved(omgeving="acceptatie")
    review.take_step(actor("rik"), question, Step.ASK, "Klopt <b>dit</b>?\nEn dat?")
    review.take_step(actor("rik"), question, Step.TAKE_BACK)
    review.take_step(actor("rik"), question, Step.REJECT, "Het klopt niet.")
    review.take_step(actor("rik"), others, Step.RETRACT, "Een fout gezien.")
    reader = db.session.get_one(Account, person_id("rosa"))
    for kind in ("aanvraag-new", "aanvraag-reminder", "aanvraag-unissued"):
        with transaction():
            enqueue(to_reviewer(kind, kind, db.session.get_one(Aanvraag, others), reader))
    with transaction() as session:
        review.lapse(session.get_one(Aanvraag, others))
    made: dict[str, Message] = {}
    for row in [*outbox.of_dossier(question), *outbox.of_dossier(others)]:
        content = decode(settings.rings().unseal(RING, row.content or b"", Place(TABLE, "content", row.id)))
        made[row.kind] = message_from_bytes(MailProvider().render(row, content, LINE))
    assert len(made) == 8
    for mail in made.values():
        plain, html = parts(mail)
        assert "AA-20" in mail["subject"]
        assert "http://localhost/" in plain
        assert "http://localhost/" in html
        assert "{{" not in plain + html
    plain, html = parts(made["aanvraag-question"])
    assert "Klopt <b>dit</b>?\nEn dat?" in plain
    assert "Klopt &lt;b&gt;dit&lt;/b&gt;?<br>En dat?" in html


def test_an_approval_is_bound_to_the_exact_content_with_verified_addresses() -> None:
    aanvraag_id = approved()
    approval = queries.valid_approval(aanvraag_id)
    assert approval is not None
    assert approval.snapshot == queries.current_content(db.session.get_one(Aanvraag, aanvraag_id))
    assert approval.content_hash == content_hash(approval.snapshot)
    assert '"verified_address":"+31612345678"' in approval.snapshot
    assert mails(aanvraag_id, "aanvraag-approved")[0].to == "anna@voorbeeldstad.example"


def test_content_that_changed_under_the_approvers_eyes_is_not_approved() -> None:
    aanvraag_id = in_review()
    seen = content_hash(queries.current_content(db.session.get_one(Aanvraag, aanvraag_id))).hex()
    change_contact(aanvraag_id, name="Karel Anders")
    with pytest.raises(Conflict, match="changed-meanwhile"):
        review.approve(actor("rik"), aanvraag_id, "Alles klopt.", seen=seen)
    assert status(aanvraag_id) is Status.IN_REVIEW


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"confirmed_at": None}, "password-confirmed"),
        ({"vouched_by": None, "vouched_how": None, "vouched_at": None}, "password-vouched"),
        ({"verified_at": None}, "password-address"),
    ],
)
def test_nothing_incomplete_is_approved(values: dict[str, object], code: str) -> None:
    aanvraag_id = in_review()
    change_contact(aanvraag_id, **values)
    with pytest.raises(Conflict, match="not-complete") as caught:
        review.approve(actor("rik"), aanvraag_id, "Alles klopt.")
    missing = caught.value.data["missing"]
    assert isinstance(missing, tuple)
    assert code in missing
    assert queries.valid_approval(aanvraag_id) is None


@pytest.mark.parametrize(
    ("omgeving", "always", "expected"),
    [("productie", False, True), ("acceptatie", False, False), ("acceptatie", True, True)],
)
def test_i8_four_eyes_follows_omgeving_and_setting(
    context: Flask, monkeypatch: pytest.MonkeyPatch, omgeving: str, *, always: bool, expected: bool
) -> None:
    if always:
        strict = replace(settings.current(), four_eyes=settings.FourEyes.ALWAYS)
        monkeypatch.setitem(context.extensions, "keyservice.settings", strict)
    approval = queries.valid_approval(approved(omgeving=omgeving))
    assert approval is not None
    assert approval.four_eyes is expected


@pytest.mark.parametrize("column", ["created_by", "submitted_by"])
def test_i8_nobody_approves_an_own_request(column: str) -> None:
    aanvraag_id = in_review()
    with transaction() as session:
        session.execute(update(Aanvraag).where(Aanvraag.id == aanvraag_id).values({column: person_id("rik")}))
    with pytest.raises(Refused, match="own-request"):
        review.approve(actor("rik"), aanvraag_id, "Alles klopt.")


@pytest.mark.parametrize("column", ["created_by", "requested_by"])
def test_i8_the_database_refuses_an_approval_of_an_own_request(column: str) -> None:
    aanvraag_id = in_review()
    people = {"created_by": person_id("anna"), "requested_by": person_id("anna"), column: person_id("rik")}
    approval = Approval(
        id=new_id(),
        aanvraag_id=aanvraag_id,
        approved_by=person_id("rik"),
        approved_at=clock.now(),
        four_eyes=True,
        motivation="Alles klopt.",
        content_hash=b"",
        snapshot="",
        **people,
    )
    with pytest.raises(IntegrityError), transaction() as session:
        session.add(approval)


def test_a_retracted_approval_stays_and_a_new_one_counts() -> None:
    aanvraag_id = approved()
    first = queries.valid_approval(aanvraag_id)
    assert first is not None
    first_id = first.id
    review.take_step(actor("rosa"), aanvraag_id, Step.RETRACT, "Ik zie een fout in het OIN.")
    assert queries.valid_approval(aanvraag_id) is None
    review.approve(actor("rosa"), aanvraag_id, "Toch goed.")
    second = queries.valid_approval(aanvraag_id)
    assert second is not None
    assert second.id != first_id
    assert db.session.get_one(Approval, first_id).retracted_at is not None
    assert codes(aanvraag_id)[-2:] == ["aanvraag:retract", "aanvraag:approve"]


def test_a_note_is_kept_for_duo_and_its_text_stands_outside_the_event() -> None:
    aanvraag_id = in_review()
    review.add_note(actor("rosa"), aanvraag_id, "Gebeld met de gemeente.")
    notes = db.session.scalars(select(Note).where(Note.aanvraag_id == aanvraag_id)).all()
    assert [(note.author, note.text) for note in notes] == [(person_id("rosa"), "Gebeld met de gemeente.")]
    event = of_dossier(aanvraag_id)[-1]
    assert (event.code, event.private["text"]) == ("aanvraag:note", "Gebeld met de gemeente.")
    assert "Gebeld" not in str(event.fields)


def test_i3_a_step_whose_event_cannot_be_written_does_not_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    aanvraag_id = ready()
    broken = replace(review.EFFECTS[Step.TAKE_UP], text="undeclared")
    monkeypatch.setattr(review, "EFFECTS", {**review.EFFECTS, Step.TAKE_UP: broken})
    with pytest.raises(ValueError, match="aanvraag:take-up"):
        review.take_step(actor("rik"), aanvraag_id, Step.TAKE_UP)
    assert status(aanvraag_id) is Status.SUBMITTED


def test_a_new_aanvraag_is_told_once_to_those_who_look_after_the_gemeente() -> None:
    aanvraag_id = ready()
    timers.remind()
    timers.remind()
    assert [mail.to for mail in mails(aanvraag_id, "aanvraag-new")] == ["rik@duo.example"]
    review.take_step(actor("rosa"), aanvraag_id, Step.TAKE_UP)
    review.take_step(actor("rosa"), aanvraag_id, Step.RELEASE)
    timers.remind()
    assert len(mails(aanvraag_id, "aanvraag-new")) == 1


def test_an_aanvraag_in_nobodys_portfolio_is_told_to_all() -> None:
    aanvraag_id = ready()
    with transaction() as session:
        session.execute(update(Aanvraag).where(Aanvraag.id == aanvraag_id).values(gemeente="9999"))
    timers.remind()
    assert {mail.to for mail in mails(aanvraag_id, "aanvraag-new")} == {"rik@duo.example", "rosa@duo.example"}
    give_portfolio(CLI, person_id("rosa"), "9999")
    with transaction() as session:
        session.execute(
            update(Aanvraag).where(Aanvraag.id == aanvraag_id).values(reminders=0, submitted_at=clock.now())
        )
    timers.remind()
    assert len(mails(aanvraag_id, "aanvraag-new")) == 3


@pytest.mark.parametrize(
    ("make", "kind"),
    [(ready, "aanvraag-reminder"), (in_review, "aanvraag-reminder"), (approved, "aanvraag-unissued")],
    ids=["submitted", "in review", "approved"],
)
def test_i15_what_waits_is_reminded_of_to_all_relatiebeheerders_after_two_and_five_working_days(
    make: Callable[[], UUID], kind: str
) -> None:
    with time_machine.travel(MONDAY, tick=False) as clock_hand:
        aanvraag_id = make()
        for days, count in [(1, 0), (2, 1), (3, 1), (6, 1), (7, 2), (14, 2)]:
            clock_hand.move_to(MONDAY + timedelta(days=days, seconds=1))
            timers.remind()
            told = mails(aanvraag_id, kind)
            assert sorted(mail.to for mail in told) == sorted(["rik@duo.example", "rosa@duo.example"] * count), days


@pytest.mark.parametrize("state", sorted(LAPSE_DAYS))
def test_i15_what_nobody_moves_lapses(state: Status) -> None:
    with time_machine.travel(MONDAY, tick=False) as clock_hand:
        aanvraag_id = ready(status=state)
        clock_hand.move_to(MONDAY + timedelta(days=LAPSE_DAYS[state]))
        timers.lapse()
        assert status(aanvraag_id) is state
        clock_hand.shift(timedelta(seconds=1))
        timers.lapse()
        timers.lapse()
    assert status(aanvraag_id) is Status.LAPSED
    assert codes(aanvraag_id) == ["aanvraag:lapse"]
    assert [mail.to for mail in mails(aanvraag_id, "aanvraag-lapsed")] == ["anna@voorbeeldstad.example"]


def test_a_draft_disappears_after_thirty_days() -> None:
    with time_machine.travel(MONDAY, tick=False) as clock_hand:
        aanvraag_id = service.start(actor("anna"))
        clock_hand.move_to(MONDAY + timedelta(days=30))
        timers.discard_drafts()
        assert status(aanvraag_id) is Status.DRAFT
        clock_hand.shift(timedelta(seconds=1))
        timers.discard_drafts()
    assert db.session.get(Aanvraag, aanvraag_id) is None
    assert codes(aanvraag_id) == ["aanvraag:start", "aanvraag:discard"]


def test_i13_a_changed_contact_sends_an_approved_aanvraag_back() -> None:
    aanvraag_id = approved()
    timers.return_changed()
    assert status(aanvraag_id) is Status.APPROVED
    change_contact(aanvraag_id, mobile="+31687654321")
    timers.return_changed()
    timers.return_changed()
    assert status(aanvraag_id) is Status.IN_REVIEW
    assert queries.valid_approval(aanvraag_id) is None
    assert codes(aanvraag_id).count("aanvraag:return") == 1
    assert of_dossier(aanvraag_id)[-1].origin == "worker"
    assert len(mails(aanvraag_id, "aanvraag-returned")) == 1


def test_one_bad_row_does_not_stop_a_timer_and_leaves_nothing_half() -> None:
    bad, good = ready(pakket="Eerste"), ready(pakket="Tweede")

    def act(aanvraag: Aanvraag) -> None:
        review.lapse(aanvraag)
        if aanvraag.id == bad:
            raise ValueError("bad row")

    timers._each(Aanvraag.status == Status.SUBMITTED, lambda _: True, act)
    assert (status(bad), status(good)) == (Status.SUBMITTED, Status.LAPSED)
    assert (codes(bad), codes(good)) == ([], ["aanvraag:lapse"])


def test_the_words_of_a_status_are_the_same_on_every_page() -> None:
    assert {state.value: label for state, (label, _) in [*STATUS.items(), *WAVE.items(), *COPY.items()]} == WORDS
