"""Second factors: a code counts once, what is stored opens nothing, the last one stays, and the owner hears of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from keyservice.accounts import passkeys, recovery, totp
from keyservice.accounts.models import Account, Passkey
from keyservice.audit.models import AuditEvent
from keyservice.database import db, transaction
from keyservice.demo import codes, people
from keyservice.kernel import clock
from keyservice.kernel.actor import ANONYMOUS, Actor
from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused
from keyservice.kernel.seal import SealBroken
from keyservice.outbox.models import OutboxMessage
from tests.conftest import post
from tests.factories.authenticator import PRESENT, Authenticator

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CHALLENGE = "a-challenge-of-this-session"


def account(login: str = "anna") -> Account:
    return db.session.get_one(Account, people.person_id(login))


def actor(login: str = "anna") -> Actor:
    return Actor(people.person_id(login), frozenset(), None, "web")


def code_at(moment: datetime, login: str = "anna") -> str:
    owner = account(login)
    return totp.code(owner.id, owner.tf_totp_secret or "", totp.counter_at(moment))


def last_event() -> tuple[str, str]:
    event = db.session.scalars(select(AuditEvent).order_by(AuditEvent.row.desc()).limit(1)).one()
    return event.code, event.canonical.decode()


def mails() -> list[str]:
    return [row.kind for row in db.session.scalars(select(OutboxMessage)) if row.kind == "account-factor"]


@pytest.mark.usefixtures("context")
class TestCodesOfTheApp:
    def test_a_code_counts_once_and_an_older_one_not_any_more(self) -> None:
        with time_machine.travel(NOON, tick=False) as time:
            code = code_at(NOON)
            assert totp.verify(account().id, code)
            assert not totp.verify(account().id, code), "replayed"
            assert not totp.verify(account().id, code_at(NOON - timedelta(seconds=30)))
            time.shift(timedelta(seconds=30))
            assert not totp.verify(account().id, code), "still within the window, but used"
            assert totp.verify(account().id, code_at(clock.now()))

    @pytest.mark.parametrize(("seconds", "right"), [(-61, False), (-30, True), (0, True), (30, True), (61, False)])
    def test_a_clock_may_differ_by_one_step(self, seconds: int, right: bool) -> None:  # noqa: FBT001 - a parameter of the test
        with time_machine.travel(NOON, tick=False):
            assert totp.verify(account().id, code_at(NOON + timedelta(seconds=seconds))) is right

    def test_spaces_do_not_matter_and_nonsense_is_refused(self) -> None:
        with time_machine.travel(NOON, tick=False):
            code = code_at(NOON)
            assert not any(totp.verify(account().id, typed) for typed in ("", "12345", "abcdef", "1234567", "٣٤٥٦٧٨"))
            assert totp.verify(account().id, f"{code[:3]} {code[3:]}")

    def test_i6_the_secret_is_sealed_to_its_account(self) -> None:
        anna, bea = account(), account("bea")
        secret = totp.reveal(anna.id, anna.tf_totp_secret or "").reveal()
        assert len(secret) == 32
        assert secret not in (anna.tf_totp_secret or "")
        with pytest.raises(SealBroken):
            totp.reveal(bea.id, anna.tf_totp_secret or "")

    def test_the_picture_is_a_whole_qr_code(self) -> None:
        side, path = totp.picture(account().id, account().tf_totp_secret or "", "anna@voorbeeldstad.example")
        assert side > 40
        assert path.startswith("M4 4h1v1h-1z"), "the first finder pattern, inside a white edge of four"

    def test_a_new_app_needs_a_right_code_and_ends_the_old_one(self) -> None:
        with time_machine.travel(NOON, tick=False):
            owner = account()
            old, sealed, before = code_at(NOON), totp.new_secret(owner.id), owner.fs_uniquifier
            assert not totp.enrol(actor(), sealed, "000000")
            assert mails() == []
            assert totp.enrol(actor(), sealed, totp.code(owner.id, sealed, totp.counter_at(NOON)))
            assert mails() == ["account-factor"]
            assert last_event()[0] == "factor:add"
            assert account().fs_uniquifier != before, "other sessions end"
            assert not totp.verify(account().id, old)

    def test_the_last_factor_cannot_be_removed(self) -> None:
        with pytest.raises(Conflict, match="last-factor"):
            totp.remove(actor())
        with transaction():
            account().tf_totp_secret = None
        with pytest.raises(Conflict, match="factor-gone"):
            totp.remove(actor())


def test_of_two_logins_with_one_code_at_the_same_moment_one_wins(app: Flask) -> None:
    with app.app_context():
        owner, code = account().id, code_at(clock.now())
        db.session.rollback()
    start, results = Barrier(4), []

    def log_in() -> None:
        with app.app_context():
            start.wait()
            results.append(totp.verify(owner, code))

    threads = [Thread(target=log_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, False, False, True]


@pytest.mark.usefixtures("context")
class TestRecoveryCodes:
    def test_each_of_ten_works_once_however_it_is_typed(self) -> None:
        made = [code.reveal() for code in recovery.renew(actor())]
        assert len(set(made)) == recovery.COUNT
        assert all(len(code.replace("-", "")) == 12 for code in made)
        assert recovery.use(ANONYMOUS, account().id, made[3].lower().replace("-", " "))
        assert last_event()[0] == "factor:use-recovery-code"
        assert mails() == ["account-factor"] * 2, "made, and used"
        assert not recovery.use(ANONYMOUS, account().id, made[3])
        assert recovery.left(account()) == 9
        assert recovery.use(ANONYMOUS, account().id, made[0])

    def test_i6_only_macs_are_kept_and_they_are_the_owners(self) -> None:
        made = [code.reveal() for code in recovery.renew(actor())]
        kept = " ".join(account().mf_recovery_codes or [])
        assert not any(code in kept or code.replace("-", "") in kept for code in made)
        assert not recovery.use(ANONYMOUS, account("bea").id, made[0])
        with transaction():
            account("bea").mf_recovery_codes = account().mf_recovery_codes
        assert not recovery.use(ANONYMOUS, account("bea").id, made[0]), "a MAC is bound to its account"

    def test_new_codes_end_the_old_ones(self) -> None:
        old = recovery.renew(actor())[0].reveal()
        recovery.renew(actor())
        assert not recovery.use(ANONYMOUS, account().id, old)

    def test_who_has_none_cannot_use_one(self) -> None:
        assert not recovery.use(ANONYMOUS, account().id, "")
        assert not recovery.use(ANONYMOUS, account().id, "7KMQ-2XWP-9HTR")


@pytest.mark.usefixtures("context")
class TestPasskeys:
    def enrol(self, login: str = "anna", name: str = "Laptop") -> Authenticator:
        device = Authenticator()
        passkeys.add(actor(login), name, device.create(passkeys.creation_options(account(login), CHALLENGE)), CHALLENGE)
        return device

    def test_a_passkey_is_added_used_and_removed(self) -> None:
        device = self.enrol()
        assert last_event()[0] == "factor:add"
        assert "Laptop" not in last_event()[1], "the name is erasable"
        assert passkeys.owner(device.get(passkeys.request_options(CHALLENGE)), CHALLENGE) == account().id
        passkey = db.session.scalars(select(Passkey)).one()
        assert passkey.sign_count == 1
        passkeys.remove(actor(), passkey.id)
        assert passkeys.owner(device.get(passkeys.request_options(CHALLENGE)), CHALLENGE) is None
        assert mails() == ["account-factor", "account-factor"]

    def test_the_question_asks_for_the_owner_and_a_key_that_knows_him(self) -> None:
        options = passkeys.creation_options(account(), CHALLENGE)
        assert '"userVerification": "required"' in options
        assert '"residentKey": "required"' in options
        assert "authenticatorAttachment" not in options, "on the device or apart, as the person likes"
        assert '"userVerification": "required"' in passkeys.request_options(CHALLENGE)

    @pytest.mark.parametrize(
        "change",
        [
            {"flags": PRESENT},
            {"origin": "http://kwaad.example"},
            {"rp_id": "kwaad.example"},
            {"origin": "https://localhost"},
        ],
    )
    def test_a_device_without_its_owner_or_of_another_site_is_refused(self, change: dict[str, object]) -> None:
        device = self.enrol()
        for name, value in change.items():
            setattr(device, name, value)
        assert passkeys.owner(device.get(passkeys.request_options(CHALLENGE)), CHALLENGE) is None
        other = Authenticator(**change)  # type: ignore[arg-type]  # the parameters above
        with pytest.raises(Invalid):
            passkeys.add(actor(), "x", other.create(passkeys.creation_options(account(), CHALLENGE)), CHALLENGE)

    def test_an_answer_to_another_question_is_refused(self) -> None:
        device = self.enrol()
        assert passkeys.owner(device.get(passkeys.request_options("een andere")), CHALLENGE) is None
        fresh = Authenticator().create(passkeys.creation_options(account(), "een andere"))
        with pytest.raises(Invalid):
            passkeys.add(actor(), "x", fresh, CHALLENGE)

    def test_a_copied_key_is_noticed_by_its_counter(self) -> None:
        device = self.enrol()
        device.counter = 5
        assert passkeys.owner(device.get(passkeys.request_options(CHALLENGE)), CHALLENGE)
        device.counter = 3
        assert passkeys.owner(device.get(passkeys.request_options(CHALLENGE)), CHALLENGE) is None

    def test_a_passkey_answers_for_its_owner_only(self) -> None:
        device = self.enrol()
        stranger = Authenticator()
        stranger.create(passkeys.creation_options(account("bea"), CHALLENGE))
        device.handle = stranger.handle
        assert passkeys.owner(device.get(passkeys.request_options(CHALLENGE)), CHALLENGE) is None

    def test_nobody_who_was_ended_comes_in(self) -> None:
        device = self.enrol()
        with transaction():
            account().active = False
        assert passkeys.owner(device.get(passkeys.request_options(CHALLENGE)), CHALLENGE) is None

    def test_the_same_key_belongs_to_one_person(self) -> None:
        device = self.enrol()
        with pytest.raises(Invalid):
            passkeys.add(
                actor("bea"), "x", device.create(passkeys.creation_options(account("bea"), CHALLENGE)), CHALLENGE
            )

    @pytest.mark.parametrize(
        "answer", ["", "{", "[]", "null", "1", '{"id": 3}', '{"id":"a","rawId":"a","type":"public-key","response":{}}']
    )
    def test_what_is_no_answer_is_refused_and_nothing_breaks(self, answer: str) -> None:
        assert passkeys.owner(answer, CHALLENGE) is None
        with pytest.raises(Invalid):
            passkeys.add(actor(), "x", answer, CHALLENGE)

    def test_the_last_factor_and_that_of_another_stay(self) -> None:
        self.enrol()
        passkey = db.session.scalars(select(Passkey)).one()
        with pytest.raises(NotFound):
            passkeys.remove(actor("bea"), passkey.id)
        totp.remove(actor())
        with pytest.raises(Conflict, match="last-factor"):
            passkeys.remove(actor(), passkey.id)
        self.enrol(name="Telefoon")
        passkeys.remove(actor(), passkey.id)

    def test_there_are_ten_at_most(self) -> None:
        for number in range(passkeys.MOST):
            self.enrol(name=str(number))
        with pytest.raises(Conflict, match="too-many-passkeys"):
            self.enrol()


@pytest.mark.usefixtures("context")
class TestCodesOfTheDemo:
    def test_they_are_shown_in_the_demo_only(self) -> None:
        with pytest.raises(Refused):
            codes.logins()

    def test_the_code_that_is_shown_is_one_that_works(self) -> None:
        with time_machine.travel(NOON, tick=False) as time:
            for _ in range(2):
                code = codes.usable_code(account(), clock.now())
                assert code
                assert totp.verify(account().id, code)
            assert codes.usable_code(account(), clock.now()) is None, "this one and the next are used"
            time.shift(timedelta(seconds=30))
            assert totp.verify(account().id, codes.usable_code(account(), clock.now()) or "")


def test_a_changed_factor_ends_the_other_sessions_within_one_request(
    app: Flask, browser_of: Callable[[str], FlaskClient]
) -> None:
    elsewhere = browser_of("anna")
    assert elsewhere.get("/namens").status_code == 200
    with app.app_context():
        sealed = totp.new_secret(account().id)
        assert totp.enrol(actor(), sealed, totp.code(account().id, sealed, totp.counter_at(clock.now())))
    assert elsewhere.get("/namens").status_code == 303


def test_new_recovery_codes_end_the_other_sessions_and_are_told_to_the_owner(
    app: Flask, browser_of: Callable[[str], FlaskClient]
) -> None:
    here, elsewhere = browser_of("anna"), browser_of("anna")
    assert post(here, "/mijn-account/herstelcodes").status_code == 200
    assert here.get("/namens").status_code == 200
    assert elsewhere.get("/namens").status_code == 303
    with app.app_context():
        assert "account-factor" in set(db.session.scalars(select(OutboxMessage.kind)))
