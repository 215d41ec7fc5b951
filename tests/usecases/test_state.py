"""Stored state is what the events led to (I12): what somebody wrote by SQL is found, with its row, and stopped."""

import base64
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, select, text, update

from keyservice import settings
from keyservice.aanvragen import replacing
from keyservice.aanvragen import service as aanvragen
from keyservice.aanvragen.content import Section
from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.accounts import invitations, passkeys, people, recovery
from keyservice.accounts.models import Account, FactorReset, Grant, Invitation, OidcIdentity, Passkey, Session
from keyservice.accounts.queries import valid_grants
from keyservice.audit import rows
from keyservice.audit.models import AuditEvent, AuditPrivate
from keyservice.audit.queries import search
from keyservice.contacts import keeping
from keyservice.contacts.models import Contact, Part, Via
from keyservice.database import db
from keyservice.demo.people import person_id
from keyservice.gemeenten.models import Gemeente
from keyservice.gemeenten.service import set_address, set_phone
from keyservice.integrity import state, watch
from keyservice.issuance import leaks
from keyservice.issuance import service as issuance
from keyservice.issuance.models import Issuance
from keyservice.kernel import clock
from keyservice.kernel.actor import ANONYMOUS, Role
from keyservice.kernel.ids import new_id
from keyservice.outbox.models import OutboxMessage
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.models import Sleutel
from tests.factories.aanvragen import actor
from tests.factories.authenticator import Authenticator
from tests.factories.issuance import held
from tests.factories.people import invite, join, newest, propose
from tests.factories.trail import run, unexplained
from tests.factories.walked import approved, working

pytestmark = pytest.mark.usefixtures("context")


def with_passkey(login: str) -> None:
    account, challenge = db.session.get_one(Account, person_id(login)), base64.urlsafe_b64encode(b"x" * 32).decode()
    answer = Authenticator().create(passkeys.creation_options(account, challenge))
    passkeys.add(actor(login), "Laptop", answer, challenge)


def test_i12_all_that_is_done_with_keys_is_explained_by_its_events() -> None:
    working()
    case = approved()
    issuance.cancel(actor("rik"), issuance.issue(actor("rosa"), case.aanvraag), "Niet meer nodig")
    again = issuance.reissue(actor("rosa"), case.aanvraag)
    issuance.resend_zip(actor("rik"), again)
    issuance.release(actor("rik"), again, "+31102000000", "Gebeld met de gemeente")
    aanvragen.discard(actor("anna"), aanvragen.start(actor("anna")))
    assert unexplained() == []


def test_i12_the_end_of_a_leaked_key_is_explained_by_its_events() -> None:
    case = approved()
    first = issuance.issue(actor("rosa"), case.aanvraag)
    both = held(first)
    issuance.activate(actor("anna"), first, both.code)
    leaks.report(ANONYMOUS, both.key.reveal(), "Een openbare map")
    again = approved()
    underway = issuance.issue(actor("rosa"), again.aanvraag)
    leaks.report(ANONYMOUS, held(underway).key.reveal())
    assert unexplained() == []


def test_i12_all_that_is_done_with_people_is_explained_by_its_events() -> None:
    account = join(invite()[1])
    people.grant_role(actor("gert"), account, Role.GEMEENTEBEHEERDER, until=clock.now() + timedelta(days=30))
    held = db.session.scalars(select(Grant.id).where(Grant.account_id == account)).all()
    people.review(actor("gert"), {held[0]: True, held[1]: False})
    invitations.withdraw(actor("gert"), invite("weg@voorbeeldstad.example")[0])
    propose(Role.AUDITOR)
    invitations.confirm(actor("rik"), newest().id, None)
    for login in ("anna", "bea"):
        with_passkey(login)
        recovery.renew(actor(login))
    used = recovery.renew(actor("bea"))[0]
    recovery.use(actor("bea"), person_id("bea"), used.reveal())
    people.propose_reset(actor("rik"), person_id("anna"))
    reset = db.session.scalars(select(FactorReset.id)).one()
    people.confirm_reset(actor("rosa"), reset, "+31102000000")
    set_phone(actor("ben"), "0363", "+31201234567")
    assert unexplained() == []


def test_i12_all_that_is_done_with_kept_contacts_is_explained_by_its_events() -> None:
    issuance_id = working()
    first = db.session.get_one(Issuance, issuance_id).aanvraag
    draft = replacing.start_replacement(actor("anna"), first.id)
    revision = db.session.get_one(Aanvraag, draft).revision
    other = {"key_name": "Bea Voorbeeld", "key_mailbox": "bea@voorbeeldstad.example"}
    aanvragen.save_step(actor("anna"), draft, Section.CONTACTPERSONEN, other, revision)
    assert unexplained() == []
    key = one(Contact, Contact.name == "Bea Voorbeeld")
    person = {"name": "Carla Voorbeeld", "function": "Medewerker", "mailbox": "carla@voorbeeldstad.example"}
    new = keeping.replace(actor("gert"), key, Via.MAIL, person, retire=True)
    replacing.place_contact(actor("gert"), draft, Part.KEY, key, new.id)
    keeping.retire(actor("gert"), new.id)
    set_address(actor("ben"), "0363", address_line="Amstel 1", postcode="1011 PN", town="Amsterdam")
    assert unexplained() == []
    run(update(Gemeente).where(Gemeente.code == "0363").values(address_line="Achterom 1"))
    (found,) = unexplained()
    assert found.endswith("no event explains address_line")


def test_i12_all_that_is_done_when_a_key_is_renewed_is_explained_by_its_events() -> None:
    working()
    again = issuance.renew(actor("rosa"), one(Aanvraag))
    assert db.session.get_one(Issuance, again).renews_id
    assert unexplained() == []
    run(update(Issuance).where(Issuance.id == again).values(renews_id=None, overlap_days=None))
    assert [line.endswith("no event explains overlap_days, renews_id") for line in unexplained()] == [True]


def one(model: Any, *where: Any) -> UUID:
    found: UUID = db.session.scalars(select(model.id).where(*where).order_by(model.id).limit(1)).one()
    return found


def set_by_sql(model: Any, **values: Any) -> Callable[[], str]:
    """Return what changes a row by SQL, and gives its id."""

    def act() -> str:
        row_id = one(model)
        fresh = {name: made() if callable(made) else made for name, made in values.items()}
        run(update(model).where(model.id == row_id).values(fresh))
        return row_id.hex

    return act


def put_by_sql(model: Any, **values: Any) -> Callable[[], str]:
    """Return what copies a row by SQL, with other values where they must differ."""

    def act() -> str:
        row = db.session.execute(select(*model.__table__.c).limit(1)).one()
        fresh: dict[str, Any] = {name: made() if callable(made) else made for name, made in values.items()}
        run(insert(model).values({**row._mapping, "id": (row_id := new_id()), **fresh}))
        return row_id.hex

    return act


def deleted(model: Any) -> Callable[[], str]:
    def act() -> str:
        row_id = one(model)
        run(delete(model).where(model.id == row_id))
        return row_id.hex

    return act


def somebody() -> UUID:
    return person_id("bea")


CHANGES: list[tuple[str, Callable[[], str], str]] = [
    ("sleutel", set_by_sql(Sleutel, activated_at=None), "activated_at"),
    ("sleutel", set_by_sql(Sleutel, revoked_at=text("activated_at"), reason="leak"), "reason, revoked_at"),
    ("sleutel", set_by_sql(Sleutel, suspended_at=text("activated_at")), "suspended_at"),
    ("sleutel", set_by_sql(Sleutel, omgeving="acceptatie"), "omgeving"),
    ("sleutel", set_by_sql(Sleutel, gemeente="9999"), "gemeente"),
    ("sleutel", set_by_sql(Sleutel, expires_at=text("not_before")), "expires_at"),
    ("sleutel", set_by_sql(Sleutel, digest=b"d" * 32), "its MAC is not"),
    ("sleutel", set_by_sql(Sleutel, mac=b"m" * 36), "MAC"),
    ("sleutel", put_by_sql(Sleutel, number="SL-2026-09999", digest=b"d" * 32), "no event made it"),
    ("aanvraag", set_by_sql(Aanvraag, status="approved"), "status"),
    ("aanvraag", set_by_sql(Aanvraag, claimed_by=None), "claimed_by"),
    ("approval", set_by_sql(Approval, retracted_at=text("approved_at")), "retracted_at"),
    ("approval", set_by_sql(Approval, content_hash=b"h" * 32), "content_hash"),
    ("approval", set_by_sql(Approval, snapshot="{}"), "approved"),
    ("approval", put_by_sql(Approval), "no event made it"),
    ("issuance", set_by_sql(Issuance, released_at=text("received_at")), "released_at"),
    ("issuance", set_by_sql(Issuance, end_reason="lapsed"), "end_reason"),
    ("issuance", set_by_sql(Issuance, copies=4), "copies"),
    ("contact", set_by_sql(Contact, mailbox="dief@elders.example"), "mailbox"),
    ("contact", set_by_sql(Contact, vouched_by=None, vouched_at=None), "vouched_at, vouched_by"),
    ("contact", put_by_sql(Contact, z_number="Z-999999"), "no event made it"),
    ("role_grant", set_by_sql(Grant, valid_until=text("valid_from")), "valid_until"),
    ("role_grant", put_by_sql(Grant), "no event made it"),
    ("role_grant", deleted(Grant), "it is gone"),
    ("passkey", set_by_sql(Passkey, account_id=somebody), "account_id"),
    ("passkey", put_by_sql(Passkey, credential_id=b"stolen"), "no event made it"),
    ("passkey", deleted(Passkey), "it is gone"),
    ("account", set_by_sql(Account, tf_totp_secret=None), "tf_totp_secret"),
    ("account", set_by_sql(Account, mf_recovery_codes=["aa", "bb"]), "mf_recovery_codes"),
    (
        "account",
        set_by_sql(Account, audience=text("CASE audience WHEN 'duo' THEN 'gemeente' ELSE 'duo' END")),
        "audience",
    ),
    ("account", set_by_sql(Account, email="dief@elders.example"), "email"),
    ("account", put_by_sql(Account, email="dief@elders.example", fs_uniquifier="x"), "no event made it"),
    ("invitation", set_by_sql(Invitation, role="raadplegen_muteren_2013"), "role"),
    ("outbox_message", set_by_sql(OutboxMessage, sent_at=text("created_at")), "sent_at"),
]


def stage() -> None:
    """Store a row of each table, all by use cases."""
    working()
    with_passkey("anna")
    invite("nog@voorbeeldstad.example")


@pytest.mark.parametrize(("table", "act", "named"), CHANGES, ids=[f"{t}-{what}" for t, _act, what in CHANGES])
def test_i12_what_somebody_wrote_by_sql_is_found_with_row_and_column(
    table: str, act: Callable[[], str], named: str
) -> None:
    stage()
    assert unexplained() == []
    row_id = act()
    found = unexplained()
    assert any(line.startswith(f"{table} row ") and f"(id {row_id})" in line and named in line for line in found), found


def test_i12_an_identity_at_a_provider_written_by_sql_is_found() -> None:
    row = {"id": new_id(), "account_id": person_id("rik"), "issuer": "https://idp.example", "subject": "dief"}
    run(insert(OidcIdentity).values(**row, bound_at=clock.now()))
    (found,) = unexplained()
    assert found.startswith("oidc_identity row")
    assert found.endswith("no event made it")


def test_i12_the_number_to_call_of_a_gemeente_written_by_sql_is_found() -> None:
    set_phone(actor("ben"), "0363", "+31201234567")
    assert unexplained() == []
    run(update(Gemeente).where(Gemeente.code == "0363").values(phone="+31612345678"))
    (found,) = unexplained()
    assert found == "gemeente row Amsterdam (id 0363): no event explains phone"
    run(update(Gemeente).where(Gemeente.code == "0014").values(phone="+31612345678"))
    assert len(unexplained()) == 2


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"valid_until": date(2026, 1, 1)}, "no event explains valid_until"),
        ({"successor_code": "0014"}, "no event explains successor_code"),
        ({"name": "Rotterdam"}, "no event explains name"),
        ({"fictive": True}, "it is gone"),
    ],
)
def test_i12_a_gemeente_that_is_not_as_in_the_register_is_found(values: dict[str, Any], named: str) -> None:
    set_phone(actor("ben"), "9998", "+31102000001")
    assert unexplained() == []
    run(update(Gemeente).where(Gemeente.code == "0363").values(values))
    (found,) = unexplained()
    assert "(id 0363)" in found
    assert named in found


def test_i12_an_event_that_somebody_inserted_explains_nothing() -> None:
    stage()
    row = db.session.execute(select(*AuditEvent.__table__.c).where(AuditEvent.code == "factor:add")).first()
    assert row
    passkey = UUID(put_by_sql(Passkey, credential_id=b"stolen")())
    content = row.canonical.replace(str(row.id).encode(), str(event_id := new_id()).encode())
    content = content.replace(search(code="factor:add")[0].subject.encode(), str(passkey).encode())  # type: ignore[union-attr]  # it has one
    last = db.session.scalars(select(AuditEvent.row).order_by(AuditEvent.row.desc())).first() or 0
    values = {**row._mapping, "row": last + 1, "id": event_id, "canonical": content}
    run(insert(AuditEvent).values(values))
    assert any(f"(id {passkey.hex})" in line for line in unexplained())


def test_i12_an_address_is_not_held_against_an_event_whose_text_was_erased() -> None:
    working()
    run(delete(AuditPrivate), update(Contact).values(name="Verwijderd"))
    assert unexplained() == []


def key() -> Sleutel:
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(Sleutel)).one()


def told_of(code: str) -> int:
    return len(search(code=code))


def test_i12_nothing_is_stopped_where_every_row_is_explained() -> None:
    stage()
    watch.keys_and_roles()
    assert key().suspended_at is None
    assert told_of("audit:mismatch") == 0


def test_i12_a_key_that_no_event_explains_is_blocked_once_and_told_each_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stage()
    asleep = key()
    before = {"activated_at": None, "mac": _mac_of(asleep, activated_at=None)}
    run(update(Sleutel).values(before))
    assert sleutels.intact(key())
    for _round in range(2):
        watch.keys_and_roles()
        assert f"sleutel row {asleep.number}" in capsys.readouterr().out
    assert key().suspended_at is not None
    assert sleutels.intact(key())
    assert (told_of("sleutel:suspend"), told_of("audit:mismatch")) == (1, 1)


def _mac_of(sleutel: Sleutel, **facts: Any) -> bytes:
    """Return the MAC that a row had at another moment of its life, as a backup holds it."""
    values = {name: facts.get(name, value) for name, value in vars(sleutel.facts).items()}
    parts = sleutels._parts(sleutel, type(sleutel.facts)(**values), facts.get("reason", sleutel.reason))
    return settings.rings().mac("sleutel", *parts)


def test_i16_a_key_written_back_to_before_it_was_revoked_is_revoked_again() -> None:
    stage()
    kept = dict(db.session.execute(select(*Sleutel.__table__.c)).one()._mapping)
    sleutels.revoke(actor("rosa"), key().id, "leak", dossier=one(Aanvraag))
    run(update(Sleutel).values(kept))
    assert sleutels.intact(key())
    watch.keys_and_roles()
    assert key().revoked_at is not None
    assert [event.origin for event in search(code="sleutel:revoke")] == ["worker", "web"]
    watch.keys_and_roles()
    assert told_of("sleutel:revoke") == 2


def test_i12_a_key_with_a_false_mac_is_blocked_without_making_the_mac_good() -> None:
    stage()
    run(update(Sleutel).values(digest=b"d" * 32))
    watch.keys_and_roles()
    assert key().suspended_at is not None
    assert not sleutels.intact(key())
    assert told_of("sleutel:suspend") == 1


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_i12_a_row_that_cannot_be_read_does_not_hide_the_others() -> None:
    stage()
    whole = key()
    put_by_sql(Sleutel, number="SL-2026-09999", digest=b"d" * 32)()
    run(
        text("UPDATE sleutel SET expires_at = 'x' WHERE number = 'SL-2026-09999'"),
        update(Sleutel).where(Sleutel.id == whole.id).values(digest=b"e" * 32),
    )
    with rows.snapshot() as connection:
        found = [f"{one.number} {one.what}" for one in state.false_macs(connection)]
    assert sorted(found) == ["None the row cannot be read", f"{whole.number} its MAC is not of this program"]
    watch.keys_and_roles()
    suspended = db.session.scalars(select(Sleutel.suspended_at).where(Sleutel.id == whole.id)).one()
    assert suspended is not None


def test_i12_a_role_written_by_sql_ends_with_the_sessions_of_its_holder() -> None:
    stage()
    account = person_id("rosa")
    grant = {"id": new_id(), "account_id": account, "role": Role.BEHEERDER, "valid_from": clock.now()}
    session = {"digest": b"s" * 32, "account_id": account, "data": "{}", "created_at": clock.now()}
    run(insert(Grant).values(grant), insert(Session).values(**session, seen_at=clock.now()))
    watch.keys_and_roles()
    db.session.expire_all()
    ended = db.session.get_one(Grant, grant["id"]).valid_until
    assert ended is not None
    assert ended <= clock.now()
    assert db.session.scalars(select(Session.digest).where(Session.account_id == account)).all() == []
    assert (told_of("audit:mismatch"), told_of("grant:end")) == (1, 1)
    watch.keys_and_roles()
    assert told_of("grant:end") == 1


def test_i12_a_role_whose_end_was_taken_away_by_sql_ends_again() -> None:
    gert, bea = actor("gert"), person_id("bea")
    people.grant_role(gert, bea, Role.RAADPLEGEN_MUTEREN_2021)
    grant = one(Grant, Grant.account_id == bea, Grant.role == Role.RAADPLEGEN_MUTEREN_2021)
    people.end_grant(gert, grant)
    run(update(Grant).where(Grant.id == grant).values(valid_until=None))
    watch.keys_and_roles()
    assert Role.RAADPLEGEN_MUTEREN_2021 not in {held.role for held in valid_grants(bea)}
