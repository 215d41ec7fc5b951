"""People are forgotten when their term is over, nobody sooner, and what happened can still be proven."""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from keyservice import audit
from keyservice.aanvragen import replacing, review
from keyservice.aanvragen import service as aanvragen
from keyservice.aanvragen.content import Held, content_hash, held
from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.accounts import people
from keyservice.accounts.models import Account, Grant, Invitation, KnownDevice, Passkey, Session
from keyservice.accounts.queries import names
from keyservice.audit import EventType
from keyservice.audit.models import AuditEvent, AuditLeaf, AuditPrivate
from keyservice.audit.sealer import seal
from keyservice.audit.tree import check_inclusion, inclusion_proof, leaf_hash
from keyservice.berichtenboek.service import stop
from keyservice.contacts.models import Challenge
from keyservice.contacts.queries import of_gemeente
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.issuance.models import Issuance
from keyservice.issuance.recipients import recipients
from keyservice.issuance.wave_models import Wave
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI, Actor
from keyservice.kernel.errors import Conflict
from keyservice.kernel.ids import new_id
from keyservice.kernel.text import ERASED
from keyservice.outbox.models import Delivery, OutboxMessage
from keyservice.retention import service
from keyservice.sleutels import service as sleutels
from tests.factories.aanvragen import actor, ready
from tests.factories.berichtenboek import held as berichtenboek
from tests.factories.issued_rows import dead_message
from tests.factories.people import invite, join
from tests.factories.retention import CANARY, DAY, at, delivered, due, key_of, leave, rejected, traced, whole_database
from tests.factories.trail import run, unexplained
from tests.factories.walked import working

pytestmark = pytest.mark.usefixtures("context")
A_DAY = datetime(2027, 3, 10, 12, tzinfo=UTC)
TEXT = audit.define("test:text", "Er is iets geschreven.", private="text")


def years(moment: datetime, count: int) -> datetime:
    return moment.replace(year=moment.year + count)


def half_a_year(moment: datetime) -> datetime:
    return moment.replace(month=moment.month + 6)


def event_of(code: str) -> UUID:
    return db.session.scalars(select(AuditEvent.id).where(AuditEvent.code == code)).one()


def wave() -> UUID:
    wave_id = new_id()
    with transaction() as session:
        session.add(
            Wave(
                id=wave_id,
                name=CANARY,
                reason=CANARY,
                expires_until=clock.now(),
                status="lapsed",
                status_since=clock.now(),
                prepared_by=person_id("rik"),
                prepared_at=clock.now(),
            )
        )
    return wave_id


def code(aanvraag_id: UUID | None = None) -> UUID:
    aanvraag, challenge_id, now = db.session.get_one(Aanvraag, aanvraag_id or ready()), new_id(), clock.now()
    with transaction() as session:
        session.add(
            Challenge(
                id=challenge_id,
                contact_id=aanvraag.key_contact_id,
                address=CANARY,
                code_mac=b"",
                created_at=now,
                expires_at=now,
            )
        )
    return challenge_id


def message(status: Delivery = Delivery.CANCELLED) -> UUID:
    return dead_message(new_id(), status=status, content=None, dossier=None)


def event_with(text: str = CANARY, dossier: UUID | None = None) -> UUID:
    with transaction():
        return audit.record(TEXT, CLI, dossier=dossier, text=text)


def invited() -> UUID:
    code_ = invite()[1]
    join(code_)
    return db.session.scalars(select(Invitation.id)).one()


def left() -> UUID:
    """Return somebody who never did anything and whose role ended now."""
    leave("tom")
    return person_id("tom")


def decided_and_left() -> UUID:
    rejected()
    leave("rik")
    return person_id("rik")


def contact_unused() -> UUID:
    aanvraag = db.session.get_one(Aanvraag, ready())
    contact_id = aanvraag.key_contact_id
    with transaction() as session:
        session.execute(update(Aanvraag).where(Aanvraag.id == aanvraag.id).values(key_contact_id=None))
    assert contact_id
    return contact_id


def stopped_copy() -> UUID:
    copy_id = berichtenboek()
    stop(actor("rik"), copy_id)
    return copy_id


def traced_event() -> UUID:
    review.add_note(traced("rik"), ready(), "Gebeld.")
    return event_of("aanvraag:note")


def discarded() -> UUID:
    draft = aanvragen.start(actor("anna"))
    event_id = event_with(dossier=draft)
    aanvragen.discard(actor("anna"), draft)
    return event_id


@pytest.mark.parametrize(
    ("kind", "make", "term"),
    [
        ("dossier", rejected, lambda now: years(now, 1)),
        ("contact", contact_unused, lambda now: years(now, 1)),
        ("account", left, lambda now: years(now, 1)),
        ("account", decided_and_left, lambda now: years(now, 7)),
        ("invitation", invited, lambda now: years(now, 1)),
        ("berichtenboek", stopped_copy, lambda now: years(now, 1)),
        ("event-trace", traced_event, half_a_year),
        ("event-draft", discarded, lambda now: now + timedelta(days=30)),
        ("event-person", lambda: (invite(), event_of("invitation:propose"))[1], lambda n: years(n, 1)),
        ("event-text", event_with, lambda now: years(now, 7)),
        ("message", message, half_a_year),
        ("code", code, half_a_year),
        ("wave", wave, lambda now: years(now, 7)),
    ],
)
def test_a_day_before_its_term_nothing_is_due_and_a_day_after_it_is(
    kind: str, make: Callable[[], UUID], term: Callable[[datetime], datetime]
) -> None:
    with at(A_DAY):
        made, now = make(), clock.now()
    assert made not in due(kind, term(now) - DAY)
    assert made in due(kind, term(now) + DAY)


@pytest.mark.parametrize("revoked", [False, True])
def test_an_aanvraag_with_a_key_stays_until_five_years_after_the_end_of_the_key(*, revoked: bool) -> None:
    aanvraag_id = delivered()
    key = key_of(aanvraag_id)
    end = key.expires_at
    if revoked:
        end = clock.now() + timedelta(days=10)
        with at(end):
            sleutels.revoke(actor("rik"), key.id, "leaked", dossier=aanvraag_id)
    assert aanvraag_id not in due("dossier", years(end, 5) - DAY)
    assert aanvraag_id in due("dossier", years(end, 5) + DAY)


def test_a_delivery_underway_keeps_its_dossier_whatever_the_clock_says() -> None:
    aanvraag_id = delivered()
    with transaction() as session:
        session.execute(db.text("UPDATE issuance SET ended_at = NULL, end_reason = NULL"))
    assert aanvraag_id not in due("dossier", years(clock.now(), 20))


def test_after_the_run_no_text_about_anybody_is_left_anywhere() -> None:
    delivered()
    code(rejected())
    wave()
    discarded()
    event_with()
    people = ("anna", "gert", "rik", "rosa", "tom")
    addresses = list(db.session.scalars(select(Account.email).where(Account.id.in_(map(person_id, people)))))
    leave(*people)
    with at(years(clock.now(), 9)):
        before = whole_database()
        service.run()
        after = whole_database()
    assert CANARY in before
    assert CANARY.lower() not in after.lower()
    for told in ("203.0.113.7", *addresses):
        assert told in before
        assert told not in after


def test_only_what_is_due_is_touched() -> None:
    """An account that is used stays whole, whatever else is erased; so does a dossier whose key just ended."""
    kept = delivered()
    with at(years(clock.now(), 2)):
        service.run()
    aanvraag = db.session.get_one(Aanvraag, kept)
    assert (aanvraag.signer_name, aanvraag.erased_at) == (CANARY, None)
    assert aanvraag.key_contact
    assert aanvraag.key_contact.name.startswith(CANARY)
    assert names([person_id("anna")]) == {person_id("anna"): "Anna Voorbeeld"}


def test_who_works_here_is_never_forgotten() -> None:
    assert due("account", years(clock.now(), 50)) == set()
    leave("tom")
    assert due("account", years(clock.now(), 50)) == {person_id("tom")}


def test_who_stands_in_a_dossier_stays_as_long_as_that() -> None:
    aanvraag_id = delivered()
    leave("gert", "bea")
    end = key_of(aanvraag_id).expires_at
    review.add_note(actor("rik"), aanvraag_id, "Gebeld.")
    leave("anna")
    assert person_id("bea") in due("account", years(clock.now(), 1) + DAY)
    assert person_id("anna") not in due("account", years(end, 5) - DAY)
    assert person_id("anna") in due("account", years(clock.now(), 8))


@pytest.mark.parametrize("code", ["audit:accept-restore", "sleutel:activate"])
def test_who_decided_about_the_trail_or_activated_a_key_stays_as_long_as_texts_of_events(code: str) -> None:
    tom = left()
    with transaction():
        audit.record(EventType(code, "Besloten.", frozenset(), frozenset()), Actor(tom, frozenset(), None, "web"))
    assert tom not in due("account", years(clock.now(), 7) - DAY)
    assert tom in due("account", years(clock.now(), 7) + DAY)


def test_an_account_that_is_erased_opens_nothing_and_has_no_name() -> None:
    tom = left()
    with transaction() as session:
        now = clock.now()
        session.add(KnownDevice(account_id=tom, digest=b"d", first_at=now, last_at=now))
        session.add(Session(digest=b"s", account_id=tom, data="{}", created_at=now, seen_at=now))
        session.add(
            Passkey(
                account_id=tom,
                credential_id=b"c",
                public_key=b"p",
                backup_state=False,
                device_type="single_device",
                name="Telefoon van Tom",
                usage="first",
            )
        )
    with at(years(clock.now(), 1) + DAY):
        service.run()
    account = db.session.get_one(Account, tom)
    assert (account.name, account.password, account.active) == ("iemand (gewist)", "", False)
    assert (account.tf_totp_secret, account.tf_primary_method, account.mf_recovery_codes) == (None, None, None)
    assert "@" not in account.email
    for model in (KnownDevice, Session, Passkey):
        assert db.session.scalars(select(model).where(model.account_id == tom)).all() == []


def test_i4_the_tree_and_all_proofs_are_the_same_before_and_after() -> None:
    delivered()
    review.add_note(traced("rik"), ready(), "Dit blijft nog.")
    before = seal()
    assert before
    stored = dict(db.session.execute(select(AuditEvent.id, AuditEvent.canonical)).all())
    with at(clock.now() + timedelta(days=200)):  # only addresses and browsers
        service.run()
        after = seal()
    assert after
    leaves = list(db.session.scalars(select(AuditLeaf.hash).order_by(AuditLeaf.position)))
    for place, leaf in enumerate(leaves[: before.size]):
        check_inclusion(leaf, place, before.size, inclusion_proof(leaves[: before.size], place), before.root)
        check_inclusion(leaf, place, after.size, inclusion_proof(leaves, place), after.root)
    rows = db.session.execute(
        select(AuditEvent.id, AuditEvent.canonical, AuditLeaf.hash).join_from(
            AuditEvent, AuditLeaf, AuditLeaf.event == AuditEvent.id
        )
    )
    for event_id, canonical, leaf in rows:
        assert leaf == leaf_hash(canonical)
        assert stored.get(event_id, canonical) == canonical
    assert CANARY in whole_database()
    _texts_fit()


def _texts_fit() -> None:
    """What was not erased still fits its salted hash in the event."""
    rows = db.session.execute(
        select(AuditPrivate, AuditEvent.canonical).join(AuditEvent, AuditEvent.id == AuditPrivate.event)
    )
    checked = 0
    for private, canonical in rows:
        digest = hashlib.sha256(private.salt + private.value.encode()).hexdigest()
        assert json.loads(canonical)["private"][private.name] == digest
        checked += 1
    assert checked


def test_i12_all_that_a_run_erases_is_explained_by_its_events() -> None:
    issuance = db.session.get_one(Issuance, working())
    account = join(invite()[1])
    (role,) = db.session.scalars(select(Grant.id).where(Grant.account_id == account))
    people.review(actor("gert"), {role: False})
    sleutels.revoke(actor("rik"), issuance.sleutel_id, "leaked", dossier=issuance.aanvraag_id)
    with at(years(clock.now(), 9)):
        service.run()
    assert unexplained() == []
    run(update(Account).where(Account.id == account).values(email="terug@voorbeeldstad.example"))
    run(update(Approval).values(snapshot="{}"))
    assert {found.split()[0] for found in unexplained()} == {"account", "approval"}
    run(update(Aanvraag).values(erased_at=None))
    assert any("no event explains erased_at" in found for found in unexplained())


def test_an_approval_still_tells_what_hash_was_approved_and_that_its_people_are_erased() -> None:
    aanvraag_id = delivered()
    approval = db.session.scalars(select(Approval)).one()
    digest = approval.content_hash
    assert held(approval.snapshot, digest) is Held.WHOLE
    with at(years(clock.now(), 7)):
        service.run()
    db.session.expire_all()
    assert approval.content_hash == digest
    assert content_hash(approval.snapshot) != digest
    assert held(approval.snapshot, digest) is Held.ERASED
    assert held(approval.snapshot.replace("Volgpakket", "Ander"), digest) is Held.ERASED, "what remains is not proven"
    assert held(approval.snapshot.replace(ERASED, CANARY, 1), digest) is Held.CHANGED
    assert held("{", digest) is Held.CHANGED
    assert recipients(approval.snapshot).key.name == ERASED
    assert db.session.get_one(Aanvraag, aanvraag_id).erased_at


def test_a_dry_run_erases_nothing_counts_what_the_run_erases_and_is_an_event_too() -> None:
    delivered()
    rejected()
    leave("anna", "gert", "rik", "rosa")
    with at(years(clock.now(), 9)):
        told = {found.kind: len(found.ids) for found in service.preview()}
        assert CANARY in whole_database()
        counts = service.run()
    assert counts == told
    assert {kind for kind, count in counts.items() if count} >= {"dossier", "contact", "account", "event-trace"}
    lines = [f"{kind}: {count}" for kind, count in counts.items() if count]
    terms = ["ended=1y", "sleutel=5y", "access=6m", "inburgeraar=5y", "audit=7y"]
    assert fields("retention:preview") == [{"due": lines, "terms": terms}]
    assert fields("retention:run") == [{"erased": lines, "terms": terms}]


def fields(code: str) -> list[dict[str, object]]:
    rows = db.session.scalars(select(AuditEvent.canonical).where(AuditEvent.code == code).order_by(AuditEvent.row))
    return [json.loads(canonical)["fields"] for canonical in rows]


def test_i3_each_erased_dossier_contact_and_account_has_its_event_and_the_rest_is_counted() -> None:
    aanvraag_id = rejected()
    leave("tom")
    with at(years(clock.now(), 2)):
        service.run()
    found = [
        json.loads(c)
        for c in db.session.scalars(select(AuditEvent.canonical).where(AuditEvent.code == "retention:erase"))
    ]
    told = {(one["fields"]["kind"], one["subject"]) for one in found}
    assert ("dossier", str(aanvraag_id)) in told
    tom = db.session.scalars(select(Account.id).where(Account.name == "iemand (gewist)")).one()
    assert ("account", str(tom)) in told
    assert {one["dossier"] for one in found if one["fields"]["kind"] == "dossier"} == {str(aanvraag_id)}
    assert {one["gemeente"] for one in found if one["fields"]["kind"] == "dossier"} == {"9998"}
    assert [one["fields"]["count"] for one in found if one["fields"]["kind"] == "event-trace"]


def test_a_run_that_was_broken_off_goes_on_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH", 1)
    ids = {rejected(), rejected(), rejected()}

    def power_cut(_count: int) -> None:
        raise KeyboardInterrupt

    with at(years(clock.now(), 1) + DAY):
        with pytest.raises(KeyboardInterrupt):
            service.run(power_cut)
        erased = {row.id for row in db.session.scalars(select(Aanvraag)) if row.erased_at}
        assert len(erased) == 1
        assert fields("retention:run") == []
        assert service.run()["dossier"] == 2
        assert service.run()["dossier"] == 0
    assert {row.id for row in db.session.scalars(select(Aanvraag)) if row.erased_at} == ids


def test_i3_a_batch_whose_event_cannot_be_written_erases_nothing() -> None:
    rejected()

    def full(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO audit_event"):
            raise OSError("no space left on device")

    event.listen(db.engine, "before_cursor_execute", full)
    try:
        with at(years(clock.now(), 1) + DAY), pytest.raises(OSError, match="no space"):
            service.run()
    finally:
        event.remove(db.engine, "before_cursor_execute", full)
    assert CANARY in whole_database()
    assert [row for row in db.session.scalars(select(Aanvraag)) if row.erased_at] == []


def test_two_runs_at_once_erase_everything_once(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH", 1)
    for _ in range(4):
        rejected()
    both = Barrier(2)

    def run() -> int:
        with context.app_context():
            both.wait()
            try:
                return service.run()["dossier"]
            finally:
                db.session.remove()

    db.session.remove()
    with at(years(clock.now(), 1) + DAY), ThreadPoolExecutor(2) as pool:
        counts = [run.result() for run in [pool.submit(run), pool.submit(run)]]
    assert sum(counts) == 4
    assert len([f for f in fields("retention:erase") if f["kind"] == "dossier"]) == 4


def test_nothing_new_is_added_to_what_was_erased() -> None:
    aanvraag_id = delivered()
    with at(years(clock.now(), 8)):
        service.run()
        for act in (
            lambda: review.add_note(actor("rik"), aanvraag_id, "Nog iets."),
            lambda: replacing.start_replacement(actor("anna"), aanvraag_id),
        ):
            with pytest.raises(Conflict, match="aanvraag-erased"):
                act()
        assert of_gemeente("9998") == []


def test_a_contact_in_two_dossiers_stays_as_long_as_the_longer_one() -> None:
    first, second = rejected(), delivered("Ander pakket")
    contact = db.session.get_one(Aanvraag, second).key_contact_id
    with transaction() as session:
        session.execute(update(Aanvraag).where(Aanvraag.id == first).values(key_contact_id=contact))
    assert first in due("dossier", years(clock.now(), 2))
    assert contact not in due("contact", years(clock.now(), 2))
    assert contact in due("contact", years(clock.now(), 8))


def test_a_message_that_must_still_go_keeps_its_recipient() -> None:
    waiting = message(Delivery.DEAD)
    assert waiting not in due("message", years(clock.now(), 1))
    assert db.session.get_one(OutboxMessage, waiting).recipient != ERASED
