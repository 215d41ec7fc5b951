"""The handing over of a key: issue, receipt, release, activation, cancel, lapse, and again."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import time_machine
from flask import Flask, render_template
from sqlalchemy import func, inspect, select, text, update
from sqlalchemy.exc import IntegrityError

from keyservice import settings
from keyservice.aanvragen import review
from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.aanvragen.queries import valid_approval
from keyservice.aanvragen.workflow import Status, Step
from keyservice.audit.models import AuditEvent
from keyservice.audit.queries import of_dossier, search
from keyservice.contacts.models import Contact
from keyservice.database import db, transaction
from keyservice.gemeenten.models import Gemeente
from keyservice.issuance import events, handout, service, timers
from keyservice.issuance.messages import KEY_MAIL, PASSWORD_SMS, Reminder, Told
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.queries import of_aanvraag
from keyservice.issuance.recipients import recipients
from keyservice.kernel import clock
from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused
from keyservice.kernel.passwords import new_password
from keyservice.kernel.secret import Secret
from keyservice.kernel.zips import ZipUnreadable, read_zip
from keyservice.outbox.channels.sms import LONGEST
from keyservice.outbox.models import Channel
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.life import State, state
from keyservice.sleutels.models import Sleutel
from tests.factories.aanvragen import actor
from tests.factories.issuance import approved, contents_of, held, issuance, issued, messages, token_of

pytestmark = pytest.mark.usefixtures("context")
SECOND = timedelta(seconds=1)
WRONG = "2222-2222"
REGISTERED = "+31102000000"
OF_A_LETTER = frozenset({Told.POSTED, Told.LETTER_FAILED})  # what is told about a letter, by mail


def status(aanvraag_id: UUID) -> Status:
    db.session.expire_all()
    return db.session.get_one(Aanvraag, aanvraag_id).status


def codes(aanvraag_id: UUID) -> list[str]:
    return [event.code for event in of_dossier(aanvraag_id)]


def keys() -> int:
    return db.session.scalar(select(func.count()).select_from(Sleutel)) or 0


def state_of(key: Secret) -> State | None:
    db.session.expire_all()
    found = sleutels.find(key)
    return state(found.facts, clock.now()) if found else None


def at(moment: datetime) -> time_machine.travel:
    return time_machine.travel(moment, tick=False)


def change(model: type[Contact | Aanvraag | Approval], row: UUID | None, **values: object) -> None:
    with transaction() as session:
        session.execute(update(model).where(model.id == row).values(**values))


def everything() -> bytes:
    """Return every value of every row, as one text."""
    names = inspect(db.engine).get_table_names()
    rows = (row for name in names for row in db.session.execute(text(f'SELECT * FROM "{name}"')))
    return b"\n".join(v if isinstance(v, bytes) else str(v).encode() for row in rows for v in row)


# Issue


def test_i1_issue_makes_one_key_one_issuance_and_one_mail_and_moves_the_aanvraag() -> None:
    aanvraag_id = approved()
    found = issuance(service.issue(actor("rosa"), aanvraag_id))
    approval = valid_approval(aanvraag_id)
    assert approval is not None
    assert status(aanvraag_id) is Status.ISSUED
    assert (found.number, found.approval_id, found.approved_by) == (1, approval.id, approval.approved_by)
    assert found.deadline - found.issued_at == timedelta(days=30)
    assert found.sleutel.gemeente == "9998"
    assert state(found.sleutel.facts, clock.now()) is State.SLEEPING
    assert codes(aanvraag_id)[-3:] == ["sleutel:make", "issuance:start", "aanvraag:issue"]
    assert [mail.to for mail in messages(aanvraag_id, KEY_MAIL)] == ["anna@voorbeeldstad.example"]
    assert messages(aanvraag_id, PASSWORD_SMS) == []


def test_the_zip_of_the_mail_opens_with_the_password_of_the_sms_and_holds_the_key() -> None:
    issuance_id = issued()
    post = held(issuance_id)
    found = sleutels.find(post.key)
    assert found is not None
    assert found.id == issuance(issuance_id).sleutel_id
    with pytest.raises(ZipUnreadable):
        read_zip(post.zip, new_password())


def test_an_aanvraag_that_is_not_approved_is_not_issued() -> None:
    aanvraag_id = approved()
    review.take_step(actor("rik"), aanvraag_id, Step.RETRACT, "Toch niet.")
    with pytest.raises(Conflict, match="step-not-possible"):
        service.issue(actor("rik"), aanvraag_id)
    assert keys() == 0


@pytest.mark.parametrize("login", ["anna", "gert", "ada", "ben", "tom"])
def test_only_a_relatiebeheerder_issues(login: str) -> None:
    aanvraag_id = approved()
    with pytest.raises((Refused, NotFound)):
        service.issue(actor(login), aanvraag_id)
    assert keys() == 0


def test_an_approval_of_30_days_is_too_old_and_one_second_earlier_is_not() -> None:
    now = clock.now()
    with at(now):
        late, timely = approved(), approved(pakket="Ander pakket")
    with at(now + timedelta(days=30)), pytest.raises(Conflict, match="approval-lapsed"):
        service.issue(actor("rosa"), late)
    with at(now + timedelta(days=30) - SECOND):
        service.issue(actor("rosa"), timely)
    assert status(timely) is Status.ISSUED


def test_i8_the_approver_does_not_issue_for_productie() -> None:
    aanvraag_id = approved("productie")
    with pytest.raises(Refused, match="four-eyes"):
        service.issue(actor("rik"), aanvraag_id)
    assert keys() == 0


def test_the_approver_may_issue_for_acceptatie() -> None:
    aanvraag_id = approved("acceptatie")
    service.issue(actor("rik"), aanvraag_id)
    assert status(aanvraag_id) is Status.ISSUED


@pytest.mark.parametrize("column", ["created_by", "submitted_by"])
def test_i8_who_asked_for_a_key_does_not_issue_it(column: str) -> None:
    aanvraag_id = approved()
    change(Aanvraag, aanvraag_id, **{column: actor("rosa").person})
    with pytest.raises(Refused, match="own-request"):
        service.issue(actor("rosa"), aanvraag_id)
    assert keys() == 0


@pytest.mark.parametrize("four_eyes", [True, False])
def test_i8_the_database_refuses_an_issuer_who_approved(*, four_eyes: bool) -> None:
    issuance_id = issued()
    row = dict(db.session.execute(text("SELECT * FROM issuance")).mappings().one())
    # Also with four_eyes turned off: then the row no longer repeats its approval.
    row |= {"issued_by": row["approved_by"], "four_eyes": four_eyes}
    refusal = r"(?i)approver_is_not_issuer" if four_eyes else r"(?i)foreign key"
    with pytest.raises(IntegrityError, match=refusal):
        replace_issuance(row)
    assert issuance(issuance_id).issued_by == actor("rosa").person


@transaction()
def replace_issuance(row: dict[str, object]) -> None:
    """Put a row in the place of the only issuance, by plain SQL."""
    db.session.execute(text("DELETE FROM issuance"))
    values = ", ".join(f":{name}" for name in row)
    db.session.execute(text(f"INSERT INTO issuance ({', '.join(row)}) VALUES ({values})"), row)


CHANGES: dict[str, Callable[[Aanvraag], None]] = {
    "oin": lambda a: change(Aanvraag, a.id, oin="00000001001234567000"),
    "pakket": lambda a: change(Aanvraag, a.id, pakket="Iets anders"),
    "signer": lambda a: change(Aanvraag, a.id, signer_name="Iemand anders"),
    "mailbox": lambda a: change(Contact, a.key_contact_id, mailbox="dief@voorbeeldstad.example"),
    "proven mailbox": lambda a: change(Contact, a.key_contact_id, verified_address="dief@voorbeeldstad.example"),
    "mobile": lambda a: change(Contact, a.password_contact_id, mobile="+31687654321"),
    "name": lambda a: change(Contact, a.password_contact_id, name="Iemand Anders"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_content_changed_after_approval_is_not_issued_but_goes_back_to_review(what: str) -> None:
    aanvraag_id = approved()
    CHANGES[what](db.session.get_one(Aanvraag, aanvraag_id))
    with pytest.raises(Conflict, match="content-changed"):
        service.issue(actor("rosa"), aanvraag_id)
    assert status(aanvraag_id) is Status.IN_REVIEW
    assert valid_approval(aanvraag_id) is None
    assert codes(aanvraag_id)[-1] == "aanvraag:return"
    assert keys() == 0


def test_a_contact_who_is_no_longer_vouched_for_sends_the_aanvraag_back_too() -> None:
    aanvraag_id = approved()
    contact = db.session.get_one(Aanvraag, aanvraag_id).password_contact_id
    change(Contact, contact, vouched_at=clock.now() - timedelta(days=366))
    with pytest.raises(Conflict, match="contacts-incomplete"):
        service.issue(actor("rosa"), aanvraag_id)
    assert status(aanvraag_id) is Status.IN_REVIEW
    assert keys() == 0


@pytest.mark.parametrize("failing", ["sleutel:make", "issuance:start", "aanvraag:issue"])
def test_i3_when_an_event_cannot_be_written_nothing_is_issued(failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    aanvraag_id = approved()
    from keyservice import audit  # noqa: PLC0415 - beside the one thing that is replaced

    record = audit.record

    def broken(event: audit.EventType, *args: object, **values: object) -> UUID:
        # Fault injection: a full disk at this moment.
        if event.code == failing:
            raise OSError("no space left on device")
        return record(event, *args, **values)  # type: ignore[arg-type]  # passes on what it gets

    monkeypatch.setattr(audit, "record", broken)
    with pytest.raises(OSError, match="no space"):
        service.issue(actor("rosa"), aanvraag_id)
    monkeypatch.undo()
    assert status(aanvraag_id) is Status.APPROVED
    assert (keys(), list(of_aanvraag(aanvraag_id)), messages(aanvraag_id, KEY_MAIL)) == (0, [], [])
    service.issue(actor("rosa"), aanvraag_id)
    assert keys() == 1


def test_50_issues_at_the_same_moment_make_one_key(context: Flask) -> None:
    aanvraag_id, rosa = approved(), actor("rosa")
    db.session.remove()

    def attempt(_: int) -> str:
        with context.app_context():
            try:
                service.issue(rosa, aanvraag_id)
            except Conflict as error:
                return error.code
            return "issued"

    with ThreadPoolExecutor(50) as pool:
        answers = sorted(pool.map(attempt, range(50)))
    assert answers == ["issued"] + ["step-not-possible"] * 49
    assert (keys(), len(of_aanvraag(aanvraag_id)), len(messages(aanvraag_id, KEY_MAIL))) == (1, 1, 1)


def test_i6_no_key_password_or_code_stands_in_clear_in_the_database() -> None:
    issuance_id = issued()
    stored = [everything()]
    post = held(issuance_id)
    stored.append(everything())
    service.activate(actor("anna"), issuance_id, post.code)
    stored.append(everything())
    key, code = post.key.reveal(), post.code
    for secret in (key, key[6:20], post.password.reveal(), post.token.reveal(), code, code.replace("-", "")):
        assert not any(secret.encode() in rows for rows in stored)


def test_i6_no_secret_stands_in_clear_in_the_files_of_the_database() -> None:
    post = held(issued())
    folder = database_folder()
    db.session.remove()
    stored = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert any(b"issuance:hand-over" in content for content in stored)
    for secret in (post.key, post.password, post.token, Secret(post.code)):
        assert not any(secret.reveal().encode() in content for content in stored)


def database_folder() -> Path:
    """Return where the database keeps its files, the journal included."""
    if db.engine.dialect.name == "sqlite":
        return settings.current().instance
    return Path(db.session.execute(text("SHOW data_directory")).scalar_one())


# To whom


def test_i13_zip_and_password_go_to_the_approved_snapshot_whatever_changes_later() -> None:
    issuance_id = issued()
    aanvraag = issuance(issuance_id).aanvraag
    aanvraag_id, key, password = aanvraag.id, aanvraag.key_contact_id, aanvraag.password_contact_id
    change(Contact, key, mailbox="dief@elders.example", verified_address="dief@elders.example")
    change(Contact, password, mobile="+31699999999", verified_address="+31699999999")
    service.resend_zip(actor("rosa"), issuance_id)
    service.confirm_receipt(actor("anna"), token_of(aanvraag_id))
    to = [content.to for kind in (KEY_MAIL, PASSWORD_SMS) for content in messages(aanvraag_id, kind)]
    assert to == ["anna@voorbeeldstad.example", "+31612345678"]


def test_the_snapshot_must_name_proven_addresses_of_two_people() -> None:
    approval = valid_approval(approved())
    assert approval is not None
    assert recipients(approval.snapshot).independent
    content = json.loads(approval.snapshot)
    content["key_contact"]["phone"] = content["password_contact"]["mobile"]
    assert not recipients(json.dumps(content)).independent
    content["key_contact"]["verified_address"] = None
    with pytest.raises(ValueError, match="proven"):
        recipients(json.dumps(content))


def test_the_key_mail_names_no_colleague_and_no_number_of_the_sms() -> None:
    issuance_id = issued()
    found = issuance(issuance_id)
    (mail,) = messages(found.aanvraag_id, KEY_MAIL)
    page = "".join(
        render_template(f"post/{KEY_MAIL}/{name}", **mail.values, control_line="1-x")
        for name in ("body.txt", "body.html")
    )
    assert "Beste Anna Voorbeeld" in page
    assert all(word not in page for word in ("Wim", found.z_number, "+316", "12345678"))


# Receipt, and sending again


def test_i14_there_is_no_password_before_the_receipt_and_then_once() -> None:
    issuance_id = issued()
    found = issuance(issuance_id)
    aanvraag_id, token = found.aanvraag_id, token_of(found.aanvraag_id)
    assert found.password is not None
    assert messages(aanvraag_id, PASSWORD_SMS) == []
    service.confirm_receipt(actor("anna"), token)
    after = issuance(issuance_id)
    assert (after.password, after.received_at is not None, after.password_sent_at is not None) == (None, True, True)
    assert codes(aanvraag_id)[-2:] == ["issuance:receive", "issuance:hand-over"]
    service.confirm_receipt(actor("anna"), token)
    assert len(messages(aanvraag_id, PASSWORD_SMS)) == 1
    assert codes(aanvraag_id).count("issuance:receive") == 1


def test_i14_the_database_refuses_a_password_sent_without_receipt_or_release() -> None:
    issuance_id = issued()
    with pytest.raises(IntegrityError, match="no_password_before_receipt"), transaction() as session:
        session.execute(
            update(Issuance).where(Issuance.id == issuance_id).values(password=None, password_sent_at=clock.now())
        )


def test_20_receipts_at_the_same_moment_send_one_password(context: Flask) -> None:
    aanvraag_id, anna = issuance(issued()).aanvraag_id, actor("anna")
    token = token_of(aanvraag_id)
    db.session.remove()

    def attempt(_: int) -> None:
        with context.app_context():
            service.confirm_receipt(anna, token)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(attempt, range(20)))
    assert len(messages(aanvraag_id, PASSWORD_SMS)) == 1
    assert codes(aanvraag_id).count("issuance:hand-over") == 1


def test_an_unknown_an_ended_and_a_late_token_are_one_and_the_same() -> None:
    issuance_id = issued()
    found = issuance(issuance_id)
    token, deadline = token_of(found.aanvraag_id), found.deadline
    tries = [Secret("nonsense"), Secret("")]
    with at(deadline), pytest.raises(NotFound, match="receipt"):
        service.confirm_receipt(actor("anna"), token)
    service.cancel(actor("rosa"), issuance_id, "Verkeerde persoon.")
    for secret in (*tries, token):
        with pytest.raises(NotFound, match="receipt"):
            service.confirm_receipt(actor("anna"), secret)


def test_the_same_zip_goes_again_5_times_and_only_the_newest_link_works() -> None:
    issuance_id = issued()
    aanvraag_id = issuance(issuance_id).aanvraag_id
    first, zip_data = token_of(aanvraag_id), handout.unsealed_zip(issuance(issuance_id))
    for copy in range(2, 7):
        service.resend_zip(actor("rik"), issuance_id)
        (mail,) = messages(aanvraag_id, KEY_MAIL)
        assert mail.attachment is not None
        assert (mail.attachment.data, issuance(issuance_id).copies) == (zip_data, copy)
    with pytest.raises(Conflict, match="zip-sent-too-often"):
        service.resend_zip(actor("rik"), issuance_id)
    with pytest.raises(NotFound):
        service.confirm_receipt(actor("anna"), first)
    service.confirm_receipt(actor("anna"), token_of(aanvraag_id))
    with pytest.raises(Conflict, match="password-already-sent"):
        service.resend_zip(actor("rik"), issuance_id)


# Release by hand


def test_a_colleague_of_the_issuer_releases_the_password_after_a_call_and_both_are_told() -> None:
    issuance_id = issued()
    aanvraag_id = issuance(issuance_id).aanvraag_id
    service.release(actor("rik"), issuance_id, REGISTERED, "De mail was al weg.")
    found = issuance(issuance_id)
    assert (found.released_by, found.password, found.received_at) == (actor("rik").person, None, None)
    assert codes(aanvraag_id)[-2:] == ["issuance:release", "issuance:hand-over"]
    told = messages(aanvraag_id, Told.RELEASED)
    assert {content.to for content in told} == {"anna@voorbeeldstad.example", "+31612345678"}
    (sms,) = messages(aanvraag_id, PASSWORD_SMS)
    assert all(sms.values["password"] not in content.values.values() for content in told)
    service.confirm_receipt(actor("anna"), token_of(aanvraag_id))
    assert len(messages(aanvraag_id, PASSWORD_SMS)) == 1
    with pytest.raises(Conflict, match="password-already-sent"):
        service.release(actor("rik"), issuance_id, REGISTERED, "Nog een keer.")


def test_release_is_refused_to_the_issuer_to_a_gemeente_and_for_another_number() -> None:
    issuance_id = issued()
    with pytest.raises(Refused, match="own-issue"):
        service.release(actor("rosa"), issuance_id, REGISTERED, "Ik mag niet.")
    with pytest.raises(Refused, match="role"):
        service.release(actor("anna"), issuance_id, REGISTERED, "Ik mag niet.")
    with pytest.raises(Conflict, match="not-registered-number"):
        service.release(actor("rik"), issuance_id, "+31612345678", "Ander nummer.")
    with transaction() as session:
        session.execute(update(Gemeente).where(Gemeente.code == "9998").values(phone=None))
    with pytest.raises(Conflict, match="not-registered-number"):
        service.release(actor("rik"), issuance_id, "", "Geen nummer.")
    assert issuance(issuance_id).password is not None


# Activation


@pytest.mark.parametrize("login", ["anna", "bea", "gert", "sam"])
def test_somebody_of_the_gemeente_activates_with_the_code_in_any_spelling(login: str) -> None:
    issuance_id = issued()
    post = held(issuance_id)
    assert state_of(post.key) is State.SLEEPING
    service.activate(actor(login), issuance_id, f" {post.code.lower().replace('-', ' ')} ")
    assert state_of(post.key) is State.ACTIVE
    found = issuance(issuance_id)
    assert (found.end_reason, found.zip, found.password, found.activation_mac) == (End.DONE, None, None, None)
    assert codes(found.aanvraag_id)[-2:] == ["sleutel:activate", "issuance:finish"]
    assert {c.to for c in messages(found.aanvraag_id, Told.ACTIVE)} == {"anna@voorbeeldstad.example", "+31612345678"}
    with pytest.raises(Conflict, match="issuance-done"):
        service.activate(actor(login), issuance_id, post.code)


def test_nobody_else_activates() -> None:
    issuance_id = issued()
    post = held(issuance_id)
    for login in ("rik", "rosa", "ada"):
        with pytest.raises(Refused, match="role"):
            service.activate(actor(login), issuance_id, post.code)
    for login in ("tom", "ben"):
        with pytest.raises(NotFound):
            service.activate(actor(login), issuance_id, post.code)
    assert state_of(post.key) is State.SLEEPING


def test_a_key_is_not_activated_before_the_password_went() -> None:
    with pytest.raises(Conflict, match="password-not-sent"):
        service.activate(actor("anna"), issued(), WRONG)


def test_after_5_wrong_codes_the_right_one_waits_15_minutes() -> None:
    issuance_id = issued()
    post, now = held(issuance_id), clock.now()
    aanvraag_id = issuance(issuance_id).aanvraag_id
    with at(now):
        for _ in range(7):
            with pytest.raises(Invalid, match="malformed"):
                service.activate(actor("anna"), issuance_id, "te kort")
        for left in (4, 3, 2, 1, 0):
            with pytest.raises(Invalid, match="activation-code-wrong") as caught:
                service.activate(actor("anna"), issuance_id, WRONG)
            assert caught.value.data["left"] == left
    refused = [event for event in of_dossier(aanvraag_id) if event.code == "issuance:refuse-code"]
    assert [(event.fields["tries"], event.result) for event in refused] == [(n, "refused") for n in range(1, 6)]
    with at(now + timedelta(minutes=15) - SECOND), pytest.raises(Conflict, match="activation-wait"):
        service.activate(actor("bea"), issuance_id, post.code)
    with at(now + timedelta(minutes=15)):
        with pytest.raises(Invalid) as caught:
            service.activate(actor("anna"), issuance_id, WRONG)
        assert caught.value.data["left"] == 4
        service.activate(actor("anna"), issuance_id, post.code)
    assert state_of(post.key) is State.ACTIVE


def test_activation_ends_at_the_deadline_also_before_the_worker_comes() -> None:
    issuance_id = issued()
    post = held(issuance_id)
    deadline = issuance(issuance_id).deadline
    with at(deadline), pytest.raises(Conflict, match="issuance-ended"):
        service.activate(actor("anna"), issuance_id, post.code)
    with at(deadline - SECOND):
        service.activate(actor("anna"), issuance_id, post.code)


# The end


@pytest.mark.parametrize("login", ["anna", "bea", "rik", "rosa"])
def test_cancel_revokes_the_key_destroys_what_is_sealed_and_tells_both(login: str) -> None:
    issuance_id = issued()
    post = held(issuance_id)
    service.cancel(actor(login), issuance_id, "De contactpersoon is weg.")
    found = issuance(issuance_id)
    assert (found.end_reason, found.zip, found.password, found.activation_mac) == (End.CANCELLED, None, None, None)
    assert state_of(post.key) is State.REVOKED
    assert messages(found.aanvraag_id, KEY_MAIL) == messages(found.aanvraag_id, PASSWORD_SMS) == []
    assert len(messages(found.aanvraag_id, Told.CANCELLED)) == 2
    assert codes(found.aanvraag_id)[-2:] == ["sleutel:revoke", "issuance:cancel"]
    assert status(found.aanvraag_id) is Status.ISSUED
    with pytest.raises(Conflict, match="issuance-ended"):
        service.cancel(actor(login), issuance_id, "Nog een keer.")


def test_cancel_is_refused_to_others_and_after_activation() -> None:
    issuance_id = issued()
    for login in ("gert", "ada"):
        with pytest.raises(Refused, match="role"):
            service.cancel(actor(login), issuance_id, "Ik mag niet.")
    for login in ("tom", "ben"):
        with pytest.raises(NotFound):
            service.cancel(actor(login), issuance_id, "Ik mag niet.")
    post = held(issuance_id)
    service.activate(actor("anna"), issuance_id, post.code)
    with pytest.raises(Conflict, match="issuance-done"):
        service.cancel(actor("rosa"), issuance_id, "Te laat.")
    assert state_of(post.key) is State.ACTIVE


def test_a_sealed_value_cannot_be_kept_after_the_end() -> None:
    issuance_id = issued()
    with pytest.raises(IntegrityError, match="nothing_sealed_after_end"), transaction() as session:
        session.execute(
            update(Issuance).where(Issuance.id == issuance_id).values(ended_at=clock.now(), end_reason=End.DONE)
        )


@pytest.mark.parametrize("received", [False, True])
def test_i15_after_30_days_a_delivery_lapses_in_every_state(*, received: bool) -> None:
    issuance_id = issued()
    found = issuance(issuance_id)
    aanvraag_id, deadline = found.aanvraag_id, found.deadline
    if received:
        held(issuance_id)
    with at(deadline - SECOND):
        timers.lapse()
        assert issuance(issuance_id).ended_at is None
    with at(deadline):
        timers.lapse()
        timers.lapse()
    found = issuance(issuance_id)
    assert (found.end_reason, found.zip, found.password, found.activation_mac) == (End.LAPSED, None, None, None)
    assert (found.sleutel.reason, found.sleutel.revoked_at) == ("lapsed", deadline)
    assert messages(aanvraag_id, KEY_MAIL) == messages(aanvraag_id, PASSWORD_SMS) == []
    assert len(messages(aanvraag_id, Told.LAPSED)) == 2
    assert codes(aanvraag_id)[-2:] == ["sleutel:revoke", "issuance:lapse"]


def test_one_bad_row_does_not_keep_the_others_from_lapsing() -> None:
    bad, good = issued(), service.issue(actor("rosa"), approved(pakket="Ander pakket"))
    with transaction() as session:
        # The key is revoked already, so the end of this delivery fails.
        sleutels.revoke(actor("rosa"), issuance(bad).sleutel_id, "leaked", dossier=issuance(bad).aanvraag_id)
        session.flush()
    with at(issuance(good).deadline):
        timers.lapse()
    assert issuance(good).end_reason is End.LAPSED


MONDAY = datetime(2099, 1, 5, 9, 0, tzinfo=UTC)


def test_the_key_contact_is_reminded_on_working_days_of_what_is_still_to_be_done() -> None:
    with at(MONDAY):
        issuance_id = issued()
        found = issuance(issuance_id)
        aanvraag_id = found.aanvraag_id
    reminded: list[tuple[int, Reminder]] = []
    for day in range(31):
        with at(MONDAY + timedelta(days=day, minutes=1)):
            if day == 10:
                service.confirm_receipt(actor("anna"), token_of(aanvraag_id))
            before = {kind: len(messages(aanvraag_id, kind)) for kind in Reminder}
            timers.remind()
            timers.remind()
            reminded += [(day, kind) for kind in Reminder if len(messages(aanvraag_id, kind)) > before[kind]]
    receipt, activation = Reminder.RECEIPT, Reminder.ACTIVATION
    assert reminded == [(3, receipt), (7, receipt), (14, activation), (21, activation), (28, activation)]
    assert codes(aanvraag_id).count("issuance:remind") == 5


def test_a_reminder_of_a_saturday_goes_on_monday() -> None:
    with at(MONDAY + timedelta(days=2)):  # Wednesday; day 3 is a Saturday
        aanvraag_id = issuance(issued()).aanvraag_id
    for day, count in ((5, 0), (6, 0), (7, 1)):
        with at(MONDAY + timedelta(days=day)):
            timers.remind()
        assert len(messages(aanvraag_id, Reminder.RECEIPT)) == count


def test_a_worker_that_stood_still_reminds_once() -> None:
    with at(MONDAY):
        aanvraag_id = issuance(issued()).aanvraag_id
    with at(MONDAY + timedelta(days=20)):
        timers.remind()
    assert len(messages(aanvraag_id, Reminder.RECEIPT)) == 1
    assert search(code="issuance:remind")[0].fields["day"] == 14


# Again


@pytest.mark.parametrize("end", [End.LAPSED, End.CANCELLED])
def test_a_new_numbered_issuance_follows_one_that_stopped(end: End) -> None:
    first = issued()
    old, aanvraag_id = held(first), issuance(first).aanvraag_id
    if end is End.LAPSED:
        with at(issuance(first).deadline):
            timers.lapse()
    else:
        service.cancel(actor("anna"), first, "Zipbestand weg.")
    second = service.reissue(actor("rosa"), aanvraag_id)
    new = held(second)
    assert [row.number for row in of_aanvraag(aanvraag_id)] == [1, 2]
    assert issuance(second).approval_id == issuance(first).approval_id
    service.activate(actor("anna"), second, new.code)
    assert (state_of(old.key), state_of(new.key)) == (State.REVOKED, State.ACTIVE)


def test_no_second_issuance_while_one_is_underway_or_done() -> None:
    first = issued()
    aanvraag_id = issuance(first).aanvraag_id
    with pytest.raises(Conflict, match="not-reissuable"):
        service.reissue(actor("rosa"), aanvraag_id)
    service.activate(actor("anna"), first, held(first).code)
    with pytest.raises(Conflict, match="not-reissuable"):
        service.reissue(actor("rosa"), aanvraag_id)
    with pytest.raises(Conflict, match="step-not-possible"):
        service.issue(actor("rosa"), aanvraag_id)


def test_i8_four_eyes_hold_for_a_new_issuance_too() -> None:
    first = issued()
    aanvraag_id = issuance(first).aanvraag_id
    service.cancel(actor("rosa"), first, "Zipbestand weg.")
    with pytest.raises(Refused, match="four-eyes"):
        service.reissue(actor("rik"), aanvraag_id)
    with pytest.raises(Refused, match="role"):
        service.reissue(actor("anna"), aanvraag_id)
    assert keys() == 1


def test_a_changed_contact_or_an_approval_of_730_days_needs_a_new_aanvraag() -> None:
    first = issued()
    aanvraag_id = issuance(first).aanvraag_id
    service.cancel(actor("rosa"), first, "Zipbestand weg.")
    approval = valid_approval(aanvraag_id)
    assert approval is not None
    with at(approval.approved_at + timedelta(days=730)), pytest.raises(Conflict, match="approval-lapsed"):
        service.reissue(actor("rosa"), aanvraag_id)
    change(Contact, db.session.get_one(Aanvraag, aanvraag_id).key_contact_id, name="Iemand Anders")
    with pytest.raises(Conflict, match="content-changed"):
        service.reissue(actor("rosa"), aanvraag_id)
    assert status(aanvraag_id) is Status.ISSUED


# Messages


@pytest.mark.parametrize("kind", sorted({PASSWORD_SMS, *Told} - OF_A_LETTER))
def test_every_sms_fits_into_160_plain_characters(kind: str) -> None:
    sms = render_template(f"post/{kind}/sms.txt", z_number="Z-4K7M2Q", password=new_password().reveal()).strip()
    assert sms.isascii()
    assert sms.startswith("DUO Z-4K7M2Q. ")
    assert len(sms) <= LONGEST


def test_every_message_of_a_delivery_can_be_written() -> None:
    issuance_id = issued()
    aanvraag_id = issuance(issuance_id).aanvraag_id
    written = contents_of(aanvraag_id)
    service.release(actor("rik"), issuance_id, REGISTERED, "De mail was al weg.")
    written |= contents_of(aanvraag_id)
    service.cancel(actor("rosa"), issuance_id, "Zipbestand weg.")
    second = service.reissue(actor("rosa"), aanvraag_id)
    with at(issuance(second).issued_at + timedelta(days=8)):
        timers.remind()
    held(second)
    with at(issuance(second).issued_at + timedelta(days=16)):
        timers.remind()
    written |= contents_of(aanvraag_id)
    with at(issuance(second).deadline):
        timers.lapse()
    third = service.reissue(actor("rosa"), aanvraag_id)
    service.activate(actor("anna"), third, held(third).code)
    written |= contents_of(aanvraag_id)
    kinds = {kind for kind, _ in written}
    told = set(Told) - OF_A_LETTER - {Told.LEAKED}  # that one tells of no delivery
    assert {KEY_MAIL, PASSWORD_SMS, *told, *set(Reminder) - {Reminder.PASSWORD}} <= kinds
    assert (Told.LAPSED, Channel.SMS) in written
    assert all(b"{{" not in final and b"None" not in final for final in written.values())


def test_every_event_of_a_delivery_belongs_to_the_dossier_and_the_gemeente() -> None:
    issuance_id = issued()
    aanvraag_id = issuance(issuance_id).aanvraag_id
    service.activate(actor("anna"), issuance_id, held(issuance_id).code)
    known = {event.code for event in vars(events).values() if hasattr(event, "code")}
    rows = db.session.scalars(select(AuditEvent).where(AuditEvent.code.in_(known))).all()
    assert {(row.dossier, row.gemeente) for row in rows} == {(aanvraag_id, "9998")}
