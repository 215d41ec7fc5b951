"""Contacts: proposed, proven by a code, confirmed, vouched for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from flask import Flask, render_template
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError

from keyservice.accounts.models import Account, Audience
from keyservice.accounts.service import create_account
from keyservice.audit.queries import of_dossier
from keyservice.contacts import by_login, service, timers, vouching
from keyservice.contacts.challenges import MOST_PER_HOUR
from keyservice.contacts.models import MOST_TRIES, Challenge, Contact, Part, Vouching
from keyservice.contacts.queries import HOLDS, missing, newest_challenge, party, practice_password
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.gemeenten.models import Gemeente
from keyservice.kernel import clock
from keyservice.kernel.actor import ANONYMOUS, CLI, Actor, Role
from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused
from keyservice.outbox import queries as outbox
from keyservice.outbox.channels.sms import LONGEST
from keyservice.outbox.models import Delivery
from tests.factories.aanvragen import actor
from tests.factories.contacts import (
    Case,
    contact,
    lacks,
    logins_only,
    messages,
    practice_code,
    refusal,
    sms_code,
    unproven,
)

pytestmark = pytest.mark.usefixtures("context")
REGISTERED = "+31102000000"


@pytest.fixture
def case(context: Flask) -> Case:
    return unproven()


def codes(case: Case) -> list[str]:
    return [event.code for event in of_dossier(case.aanvraag)]


def make_ready(case: Case) -> None:
    """Prove, confirm and vouch, all as it should go."""
    service.send_practice_zip(actor("anna"), case.key, case.aanvraag)
    service.prove_mailbox(actor("anna"), case.key, practice_code(case), case.aanvraag)
    service.send_sms_code(actor("anna"), case.password, case.aanvraag)
    service.confirm_by_code(ANONYMOUS, contact(case.password).z_number, sms_code(case))
    vouching.vouch_as_gemeentebeheerder(actor("gert"), case.key, case.aanvraag, (person_id("anna"),))
    beside = contact(case.key).fingerprint
    vouching.vouch_by_call(actor("rik"), case.password, REGISTERED, case.aanvraag, beside=beside)


def change(case: Case, who: str = "anna", part: Part = Part.KEY, **values: str | None) -> UUID:
    """Propose the same contact with other values."""
    row = contact(case.key if part is Part.KEY else case.password)
    same = {name: getattr(row, name) for name in ("name", "function", "mailbox", "phone", "mobile")}
    return service.propose(
        actor(who), part, gemeente="9998", contact_id=row.id, dossier=case.aanvraag, **{**same, **values}
    )


def test_all_that_lacks_is_named_and_each_proof_takes_one_away(case: Case) -> None:
    assert lacks(case) == ("key-address", "key-vouched", "password-address", "password-vouched", "password-confirmed")
    assert missing(None, None, clock.now()) == lacks(case)
    make_ready(case)
    assert lacks(case) == ()
    assert codes(case) == [
        "contact:send-practice",
        "contact:prove-mailbox",
        "contact:send-sms",
        "contact:confirm",
        "contact:vouch",
        "contact:vouch-by-call",
    ]


class TestPropose:
    def test_a_contact_is_made_with_a_number_of_its_own(self) -> None:
        values: dict[str, Any] = {"gemeente": "9998", "name": "Eva Voorbeeld", "function": "Jurist"}
        first, second = (
            service.propose(actor("anna"), Part.KEY, mailbox=box, **values) for box in ("a@b.nl", "c@d.nl")
        )
        assert contact(first).z_number != contact(second).z_number
        assert contact(first).proposed_by == person_id("anna")

    def test_a_number_that_is_taken_is_drawn_again(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn = iter([contact(case.key).z_number, "Z-222222"])
        monkeypatch.setattr(service, "z_number", lambda: next(drawn))
        made = service.propose(actor("anna"), Part.KEY, gemeente="9998", name="Eva Voorbeeld", function="Jurist")
        assert contact(made).z_number == "Z-222222"

    def test_control_characters_and_line_ends_never_get_into_a_name(self) -> None:
        made = service.propose(
            actor("anna"),
            Part.KEY,
            gemeente="9998",
            name="Eva\r\nBcc: x@example.nl\x00\u202e 🙂",
            function="Jurist\n",
            mailbox="eva@voorbeeldstad.example",
        )
        assert contact(made).name == "Eva Bcc: x@example.nl 🙂"
        assert contact(made).function == "Jurist"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"mailbox": "eva@voorbeeldstad.example\r\nBcc: x@example.nl"},
            {"mobile": "0970 12345678"},
            {"mobile": "+32 470 12 34 56"},
            {"phone": "12"},
        ],
    )
    def test_an_address_that_no_form_checked_is_refused(self, case: Case, wrong: dict[str, Any]) -> None:
        assert refusal(lambda: change(case, **wrong)) == "Invalid contact-address"

    def test_the_same_values_change_nothing_and_write_no_event(self, case: Case) -> None:
        make_ready(case)
        before = codes(case)
        change(case)
        change(case, part=Part.PASSWORD, mobile="06 12 34 56 78")
        assert codes(case) == before
        assert lacks(case) == ()

    @pytest.mark.parametrize("values", [{"mailbox": "anna@example.nl"}, {"name": "Anna Ander"}])
    def test_another_address_or_name_forgets_proof_and_vouching(self, case: Case, values: dict[str, Any]) -> None:
        make_ready(case)
        change(case, who="bea", **values)
        # The call was about the two together: who is another person now was not told apart from the other one.
        assert lacks(case) == ("key-address", "key-vouched", "password-vouched")
        assert contact(case.key).proposed_by == person_id("bea")
        assert codes(case)[-1] == "contact:change"

    def test_another_mobile_forgets_the_confirmation_too(self, case: Case) -> None:
        make_ready(case)
        change(case, part=Part.PASSWORD, mobile="06 87654321")
        assert lacks(case) == ("password-address", "password-vouched", "password-confirmed")

    def test_another_function_forgets_nothing(self, case: Case) -> None:
        make_ready(case)
        change(case, who="bea", function="Teamleider")
        assert lacks(case) == ()
        assert contact(case.key).proposed_by == person_id("anna")

    def test_a_code_sent_to_the_old_address_proves_nothing_any_more(self, case: Case) -> None:
        service.send_practice_zip(actor("anna"), case.key, case.aanvraag)
        code = practice_code(case)
        change(case, mailbox="anders@voorbeeldstad.example")
        assert messages(case, "practice-zip") == []  # the mail to the old address does not go
        assert practice_password(case.key) is None
        assert refusal(lambda: service.prove_mailbox(actor("anna"), case.key, code, case.aanvraag)) == (
            "Conflict no-code-sent"
        )

    def test_i9_a_contact_of_another_gemeente_is_not_there(self, case: Case) -> None:
        tom = actor("tom")
        acts: list[Callable[[], object]] = [
            lambda: service.propose(tom, Part.KEY, gemeente="9999", name="Tom", function="x", contact_id=case.key),
            lambda: service.send_practice_zip(tom, case.key, case.aanvraag),
            lambda: service.prove_mailbox(tom, case.key, "22222222", case.aanvraag),
            lambda: service.send_sms_code(tom, case.password, case.aanvraag),
            lambda: vouching.vouch_as_gemeentebeheerder(
                replace(tom, roles=frozenset({Role.GEMEENTEBEHEERDER})), case.key, case.aanvraag, ()
            ),
        ]
        assert {refusal(act) for act in acts} == {"NotFound contact"}


class TestMailbox:
    def test_the_code_inside_the_practice_zip_proves_the_mailbox(self, case: Case) -> None:
        service.send_practice_zip(actor("anna"), case.key, case.aanvraag)
        mail = messages(case, "practice-zip")[-1]
        assert mail.to == "anna@voorbeeldstad.example"
        assert mail.attachment
        assert mail.attachment.name == "oefenbestand.zip"
        service.prove_mailbox(actor("anna"), case.key, practice_code(case).lower().replace("-", " "), case.aanvraag)
        assert contact(case.key).verified
        assert contact(case.key).verified_address == "anna@voorbeeldstad.example"

    def test_i6_neither_password_nor_code_stands_in_clear_in_the_database(self, case: Case) -> None:
        service.send_practice_zip(actor("anna"), case.key, case.aanvraag)
        password, code = practice_password(case.key), practice_code(case)
        assert password
        secrets = [password.reveal().encode(), code.encode(), code.replace("-", "").encode()]
        for table in db.metadata.sorted_tables:
            for row in db.session.execute(text(f'SELECT * FROM "{table.name}"')):
                stored = b"|".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
                assert not any(secret in stored for secret in secrets), table.name

    def test_a_code_guessed_wrong_5_times_is_dead_and_its_password_gone(self, case: Case) -> None:
        service.send_practice_zip(actor("anna"), case.key, case.aanvraag)
        right, left = practice_code(case), []
        for _ in range(MOST_TRIES):
            with pytest.raises(Invalid) as caught:
                service.prove_mailbox(actor("anna"), case.key, "22222222", case.aanvraag)
            left.append(caught.value.data["left"])
        assert left == [4, 3, 2, 1, 0]
        assert refusal(lambda: service.prove_mailbox(actor("anna"), case.key, right, case.aanvraag)) == (
            "Conflict no-code-sent"
        )
        assert db.session.scalars(select(Challenge.practice_password)).all() == [None]
        assert codes(case).count("access:refuse") == MOST_TRIES  # I11
        assert not contact(case.key).verified

    def test_only_the_newest_zip_counts(self, case: Case) -> None:
        service.send_practice_zip(actor("anna"), case.key, case.aanvraag)
        old = practice_code(case)
        service.send_practice_zip(actor("anna"), case.key, case.aanvraag)
        assert len(messages(case, "practice-zip")) == 1
        assert refusal(lambda: service.prove_mailbox(actor("anna"), case.key, old, case.aanvraag)) == (
            "Invalid code-wrong"
        )
        sealed = db.session.scalars(select(Challenge.practice_password).order_by(Challenge.created_at)).all()
        assert [value is None for value in sealed] == [True, False]

    def test_the_password_is_gone_once_the_code_is_used(self, case: Case) -> None:
        service.send_practice_zip(actor("anna"), case.key, case.aanvraag)
        service.prove_mailbox(actor("anna"), case.key, practice_code(case), case.aanvraag)
        assert db.session.scalars(select(Challenge.practice_password)).all() == [None]
        assert refusal(lambda: service.send_practice_zip(actor("anna"), case.key, case.aanvraag)) == (
            "Conflict contact-already-proven"
        )

    def test_after_7_days_the_code_is_dead_and_the_password_is_wiped(self, case: Case) -> None:
        service.send_practice_zip(actor("anna"), case.key, case.aanvraag)
        code = practice_code(case)
        with time_machine.travel(clock.now() + service.PRACTICE_LIVES + timedelta(seconds=1), tick=False):
            assert practice_password(case.key) is None
            assert refusal(lambda: service.prove_mailbox(actor("anna"), case.key, code, case.aanvraag)) == (
                "Conflict no-code-sent"
            )
            timers.wipe_passwords()
        assert db.session.scalars(select(Challenge.practice_password)).all() == [None]

    def test_5_in_an_hour_is_enough(self, case: Case) -> None:
        for _ in range(MOST_PER_HOUR):
            service.send_practice_zip(actor("anna"), case.key, case.aanvraag)
        assert refusal(lambda: service.send_practice_zip(actor("anna"), case.key, case.aanvraag)) == (
            "Conflict too-often"
        )
        with time_machine.travel(clock.now() + timedelta(hours=1), tick=False):
            service.send_practice_zip(actor("anna"), case.key, case.aanvraag)
        assert db.session.scalar(select(func.count()).select_from(Challenge)) == MOST_PER_HOUR + 1

    def test_a_password_contact_gets_no_practice_zip_and_a_key_contact_no_sms(self, case: Case) -> None:
        for act, who in ((service.send_practice_zip, case.password), (service.send_sms_code, case.key)):
            with pytest.raises(Conflict, match="contact-without-address"):
                act(actor("anna"), who, case.aanvraag)


class TestMobile:
    def confirm(self, case: Case, code: str) -> None:
        service.confirm_by_code(ANONYMOUS, contact(case.password).z_number, code)

    def test_number_and_code_verify_the_mobile_and_confirm_in_one(self, case: Case) -> None:
        service.send_sms_code(actor("anna"), case.password, case.aanvraag)
        self.confirm(case, sms_code(case))
        row = contact(case.password)
        assert row.verified
        assert row.verified_at == row.confirmed_at
        assert codes(case)[-1] == "contact:confirm"

    def test_a_second_click_confirms_nothing_twice_and_is_no_error(self, case: Case) -> None:
        service.send_sms_code(actor("anna"), case.password, case.aanvraag)
        code = sms_code(case)
        self.confirm(case, code)
        before = contact(case.password).confirmed_at
        self.confirm(case, code)
        assert contact(case.password).confirmed_at == before
        assert codes(case).count("contact:confirm") == 1

    def test_the_sms_fits_into_one(self, case: Case) -> None:
        service.send_sms_code(actor("anna"), case.password, case.aanvraag)
        values = messages(case, "sms-code")[-1].values
        sms = render_template(
            "post/sms-code/sms.txt", **{**values, "page": "sleuteluitgifte.inburgering.duo.example/bevestigen"}
        )
        assert sms == (
            f"DUO {contact(case.password).z_number}. Uw code is {values['code']}. Vul de code in op "
            "sleuteluitgifte.inburgering.duo.example/bevestigen. Niet verwacht? Bel uw relatiebeheerder."
        )
        assert sms.isascii()
        assert len(sms) <= LONGEST
        assert values["page"] == "localhost/bevestigen"

    def test_a_code_guessed_wrong_5_times_is_dead(self, case: Case) -> None:
        service.send_sms_code(actor("anna"), case.password, case.aanvraag)
        right = sms_code(case)
        wrong = "00000000" if right != "00000000" else "11111111"
        answers = {refusal(lambda: self.confirm(case, wrong)) for _ in range(MOST_TRIES)}
        answers.add(refusal(lambda: self.confirm(case, right)))
        assert answers == {"Invalid code-wrong"}
        assert contact(case.password).confirmed_at is None

    def test_unknown_number_wrong_code_expired_code_and_no_code_answer_the_same(self, case: Case) -> None:
        number = contact(case.password).z_number
        answers = [refusal(lambda: self.confirm(case, "12345678"))]  # nothing was sent yet
        answers.append(refusal(lambda: service.confirm_by_code(ANONYMOUS, "Z-ZZZZZZ", "12345678")))
        answers.append(refusal(lambda: service.confirm_by_code(ANONYMOUS, contact(case.key).z_number, "12345678")))
        service.send_sms_code(actor("anna"), case.password, case.aanvraag)
        code = sms_code(case)
        with time_machine.travel(clock.now() + service.SMS_LIVES + timedelta(seconds=1), tick=False):
            answers.append(refusal(lambda: service.confirm_by_code(ANONYMOUS, number, code)))
        assert answers == ["Invalid code-wrong"] * 4

    def test_the_code_of_another_contact_proves_nothing(self, case: Case) -> None:
        service.send_sms_code(actor("anna"), case.password, case.aanvraag)
        other = service.propose(
            actor("anna"), Part.PASSWORD, gemeente="9998", name="Eva", function="Jurist", mobile="06 87654321"
        )
        service.send_sms_code(actor("anna"), other, case.aanvraag)
        assert newest_challenge(other)
        first = messages(case, "sms-code")[0].values["code"]
        assert refusal(lambda: service.confirm_by_code(ANONYMOUS, contact(other).z_number, first)) == (
            "Invalid code-wrong"
        )

    def test_a_new_code_replaces_the_old_one_and_belongs_to_the_same_dossier(self, case: Case) -> None:
        service.send_sms_code(actor("anna"), case.password, case.aanvraag)
        old = sms_code(case)
        service.request_new_code(ANONYMOUS, contact(case.password).z_number.lower().replace("-", " "))
        new = sms_code(case)
        assert refusal(lambda: self.confirm(case, old)) == "Invalid code-wrong"
        self.confirm(case, new)
        assert contact(case.password).confirmed_at

    def test_a_new_code_is_asked_in_vain_by_strangers_too_often_or_when_confirmed(self, case: Case) -> None:
        number = contact(case.password).z_number
        service.request_new_code(ANONYMOUS, number)  # nobody of the gemeente had one sent
        service.request_new_code(ANONYMOUS, "Z-ZZZZZZ")
        assert db.session.scalar(select(func.count()).select_from(Challenge)) == 0
        service.send_sms_code(actor("anna"), case.password, case.aanvraag)
        for _ in range(2 * MOST_PER_HOUR):
            service.request_new_code(ANONYMOUS, number)
        assert db.session.scalar(select(func.count()).select_from(Challenge)) == MOST_PER_HOUR
        self.confirm(case, sms_code(case))
        with time_machine.travel(clock.now() + timedelta(hours=2), tick=False):
            service.request_new_code(ANONYMOUS, number)
        assert db.session.scalar(select(func.count()).select_from(Challenge)) == MOST_PER_HOUR

    def test_an_sms_that_was_replaced_before_it_went_does_not_go(self, case: Case) -> None:
        for _ in range(2):
            service.send_sms_code(actor("anna"), case.password, case.aanvraag)
        states = sorted(row.status for row in outbox.of_dossier(case.aanvraag))
        assert states == [Delivery.CANCELLED, Delivery.WAITING]


class TestVouching:
    def vouch(self, who: Actor, case: Case, requester: str = "anna", **more: str) -> None:
        vouching.vouch_as_gemeentebeheerder(who, case.key, case.aanvraag, (person_id(requester),), **more)

    def test_a_call_to_the_registered_number_is_recorded(self, case: Case) -> None:
        vouching.vouch_by_call(actor("rik"), case.password, REGISTERED, case.aanvraag)
        row = contact(case.password)
        assert (row.vouched_by, row.vouched_how, row.vouched_number) == (person_id("rik"), Vouching.CALL, REGISTERED)
        assert row.vouched_at

    def test_another_number_than_that_of_the_register_is_refused(self, case: Case) -> None:
        assert refusal(lambda: vouching.vouch_by_call(actor("rik"), case.key, "+31612345678", case.aanvraag)) == (
            "Conflict not-registered-number"
        )

    def test_without_a_registered_number_nobody_can_vouch_by_a_call(self, case: Case) -> None:
        with transaction() as session:
            session.execute(update(Gemeente).where(Gemeente.code == "9998").values(phone=None))
        assert refusal(lambda: vouching.vouch_by_call(actor("rik"), case.key, "", case.aanvraag)) == (
            "Conflict no-registered-number"
        )

    @pytest.mark.parametrize("who", ["anna", "ben"])
    def test_only_a_relatiebeheerder_vouches_by_a_call(self, case: Case, who: str) -> None:
        assert (
            refusal(lambda: vouching.vouch_by_call(actor(who), case.key, REGISTERED, case.aanvraag)) == "Refused role"
        )

    def test_a_gemeentebeheerder_never_vouches_for_the_password_contact(self, case: Case) -> None:
        gert = actor("gert")
        assert refusal(lambda: vouching.vouch_as_gemeentebeheerder(gert, case.password, case.aanvraag, ())) == (
            "Refused vouching-takes-a-call"
        )

    def test_the_requester_the_proposer_and_an_aanvrager_cannot_vouch(self, case: Case) -> None:
        both = replace(actor("anna"), roles=frozenset({Role.AANVRAGER, Role.GEMEENTEBEHEERDER}))
        assert refusal(lambda: self.vouch(actor("gert"), case, requester="gert")) == "Refused vouching-for-own-proposal"
        assert refusal(lambda: self.vouch(both, case, requester="bea")) == "Refused vouching-for-own-proposal"
        assert refusal(lambda: self.vouch(actor("bea"), case)) == "Refused role"

    def test_nobody_vouches_for_himself_in_whatever_spelling_of_the_mailbox(self, case: Case) -> None:
        change(case, mailbox="G.e.r.t+sleutel@Voorbeeldstad.example")
        assert refusal(lambda: self.vouch(actor("gert"), case)) == "Refused vouching-for-oneself"

    def test_whoever_changed_the_address_is_its_proposer_also_for_the_database(self, case: Case) -> None:
        beheerder = replace(actor("bea"), roles=frozenset({Role.AANVRAGER, Role.GEMEENTEBEHEERDER}))
        change(case, who="bea", mailbox="iemand@voorbeeldstad.example")
        assert refusal(lambda: self.vouch(beheerder, case)) == "Refused vouching-for-own-proposal"
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(update(Contact).where(Contact.id == case.key).values(vouched_by=person_id("bea")))

    def test_a_contact_that_changed_since_the_page_was_opened_is_not_vouched_for(self, case: Case) -> None:
        seen = contact(case.key).fingerprint
        change(case, mailbox="anders@voorbeeldstad.example")
        assert refusal(lambda: self.vouch(actor("gert"), case, seen=seen)) == "Conflict changed-meanwhile"
        assert refusal(
            lambda: vouching.vouch_by_call(actor("rik"), case.key, REGISTERED, case.aanvraag, seen=seen)
        ) == ("Conflict changed-meanwhile")

    def test_a_vouching_holds_a_year(self, case: Case) -> None:
        make_ready(case)
        at = contact(case.key).vouched_at
        assert at
        key, password = contact(case.key), contact(case.password)
        assert missing(key, password, at + HOLDS - timedelta(minutes=1)) == ()
        assert {"key-vouched", "password-vouched"} <= {*missing(key, password, clock.now() + HOLDS)}

    def test_for_the_password_only_a_call_counts(self, case: Case) -> None:
        make_ready(case)
        with transaction() as session:
            values = {"vouched_how": Vouching.GEMEENTEBEHEERDER, "vouched_number": None}
            session.execute(update(Contact).where(Contact.id == case.password).values(**values))
        assert lacks(case) == ("password-vouched",)


def test_an_account_is_found_by_any_spelling_of_its_mailbox(case: Case) -> None:
    change(case, mailbox="B.E.A+x@voorbeeldstad.example")
    assert party(contact(case.key)).account == person_id("bea")
    assert db.session.get_one(Account, person_id("bea")).email == "bea@voorbeeldstad.example"


def test_a_mobile_as_office_number_of_the_key_contact_is_his_own(case: Case) -> None:
    change(case, phone="06 12345678")
    assert "not-independent" in lacks(case)
    change(case, phone="010 2000001")
    assert "not-independent" not in lacks(case)


def test_a_contact_cannot_be_changed_into_another_part(case: Case) -> None:
    with pytest.raises(NotFound):
        service.propose(actor("anna"), Part.PASSWORD, gemeente="9998", name="Anna", function="x", contact_id=case.key)


def test_i3_a_role_that_is_refused_leaves_nothing_behind(case: Case) -> None:
    with pytest.raises(Refused):
        vouching.vouch_by_call(actor("anna"), case.key, REGISTERED, case.aanvraag)
    assert contact(case.key).vouched_at is None
    assert codes(case) == []


@pytest.mark.parametrize("known", [True, False])
def test_t1_a_neighbour_with_nearly_the_address_of_a_contact_is_not_that_contact(case: Case, *, known: bool) -> None:
    logins_only(case.aanvraag, "anna", "bea", proven=False)
    bea = contact(case.password).mailbox or ""
    like = f"{bea[0]}.{bea[1:]}"
    neighbour = create_account(CLI, audience=Audience.GEMEENTE, name="B. Ea", email=like, password=None)
    if not known:  # the contact has no account: the neighbour is not the next best
        with transaction() as session:
            session.execute(update(Account).where(Account.email == bea).values(email="weg@voorbeeldstad.example"))
    colleague = replace(actor("anna"), person=neighbour)
    assert refusal(lambda: by_login.prove(colleague, case.password, case.aanvraag)) == "NotFound contact"
    if known:
        by_login.prove(actor("bea"), case.password, case.aanvraag)
        assert contact(case.password).verified_account == person_id("bea")
    else:
        ask = refusal(lambda: by_login.ask(actor("anna"), case.password, case.aanvraag))
        assert ask == "Conflict contact-without-account"
    assert party(contact(case.password)).account, "to be one person with the other contact, nearly is enough"
