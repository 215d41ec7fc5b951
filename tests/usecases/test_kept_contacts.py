"""Contacts kept per gemeente: chosen again, changed apart, replaced, and never lost by accident."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from keyservice.aanvragen import review, service
from keyservice.aanvragen.content import Section
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.queries import current_content, replacement_of, unfinished, valid_approval
from keyservice.aanvragen.replacing import place_contact, start_replacement
from keyservice.aanvragen.workflow import Kind, Status, Step
from keyservice.audit.queries import of_dossier
from keyservice.contacts import keeping, vouching
from keyservice.contacts import service as contacts
from keyservice.contacts.models import Contact, Part, Via
from keyservice.contacts.queries import HOLDS, missing, offered
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.issuance import queries as issuances
from keyservice.issuance import service as issuance
from keyservice.issuance.replacing import Effect, fingerprint, replace_contact, targets
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from tests.factories.aanvragen import actor, ready
from tests.factories.contacts import contact, refusal
from tests.factories.issuance import approved, held, issued
from tests.factories.issuance import issuance as issuance_row
from tests.factories.people import mails, race

pytestmark = pytest.mark.usefixtures("context")
NEW_KEY = {
    "name": "Eva Nieuw",
    "function": "Jurist",
    "mailbox": "eva@voorbeeldstad.example",
    "phone": "+31102000002",
}
NEW_PASSWORD = {"name": "Bram Nieuw", "function": "Jurist", "mobile": "+31687654321"}


def row(aanvraag_id: UUID) -> Aanvraag:
    """Return an aanvraag as it stands in the database now."""
    db.session.expire_all()
    return db.session.get_one(Aanvraag, aanvraag_id)


def codes(dossier: UUID) -> list[str]:
    return [event.code for event in of_dossier(dossier)]


def choose(aanvraag_id: UUID, who: str = "anna", **choice: UUID | str | None) -> None:
    """Save step 2 with what was chosen or typed."""
    service.save_step(actor(who), aanvraag_id, Section.CONTACTPERSONEN, choice, row(aanvraag_id).revision)


def draft_like(aanvraag_id: UUID, who: str = "anna") -> UUID:
    """Start a draft that names the same two contacts."""
    first, draft = row(aanvraag_id), service.start(actor(who))
    choose(draft, who, key_choice=first.key_contact_id, password_choice=first.password_contact_id)
    return draft


def give_up(contact_id: UUID, who: str = "gert", *aanvragen: UUID, part: Part = Part.KEY) -> list[UUID]:
    """Replace a contact in these aanvragen, or everywhere."""
    db.session.expire_all()
    old = db.session.get_one(Contact, contact_id)
    found = targets(old)
    person, via = (NEW_KEY, Via.MAIL) if part is Part.KEY else (NEW_PASSWORD, Via.SMS)
    ids = aanvragen or tuple(target.aanvraag.id for target in found)
    return replace_contact(actor(who), contact_id, via, person, ids, seen=fingerprint(old, found))


def key_of(aanvraag_id: UUID) -> UUID:
    found = row(aanvraag_id).key_contact_id
    assert found
    return found


class TestChoosing:
    def test_a_chosen_contact_keeps_proof_confirmation_and_vouching(self) -> None:
        first = ready()
        draft = draft_like(first)
        chosen = row(draft)
        assert chosen.contacts == row(first).contacts
        assert review.lacking(chosen) == ()
        assert codes(draft).count("aanvraag:choose-contact") == 2

    def test_choosing_who_stands_there_already_writes_nothing(self) -> None:
        draft = draft_like(ready())
        before = codes(draft)
        choose(draft, key_choice=key_of(draft))
        assert codes(draft) == before

    def test_i9_a_contact_of_another_gemeente_or_part_cannot_be_chosen(self) -> None:
        first = ready()
        draft = service.start(actor("anna"))
        for values in ({"key_choice": row(first).password_contact_id}, {"password_choice": key_of(first)}):
            assert refusal(lambda values=values: choose(draft, **values)) == "NotFound contact"  # type: ignore[misc]  # the default binds
        with transaction() as session:
            session.execute(update(Contact).values(gemeente="9999"))
        assert refusal(lambda: choose(draft, key_choice=key_of(first))) == "NotFound contact"
        assert offered("9998", Part.KEY) == []

    def test_a_contact_that_became_somebody_else_since_the_page_is_not_taken(self) -> None:
        first, draft = ready(), service.start(actor("anna"))
        seen = contact(key_of(first)).fingerprint
        choose(first, key_mailbox="anders@voorbeeldstad.example")
        assert refusal(lambda: choose(draft, key_choice=key_of(first), key_seen=seen)) == "Conflict changed-meanwhile"

    def test_the_list_names_each_person_once_as_the_row_with_the_newest_proof(self) -> None:
        ready(pakket="Een")
        with transaction() as session:
            session.execute(update(Contact).values(vouched_at=clock.now() - timedelta(days=100)))
        second = ready(pakket="Twee")
        assert [one.id for one in offered("9998", Part.KEY)] == [key_of(second)]
        assert [one.name for one in offered("9998", Part.PASSWORD)] == ["Wim Voorbeeld"]

    def test_who_is_typed_exactly_as_known_is_that_person(self) -> None:
        first = ready()
        draft = service.start(actor("bea"))
        typed = {name: getattr(contact(key_of(first)), name) for name in ("name", "function", "mailbox", "phone")}
        choose(draft, "bea", **{f"key_{name}": value for name, value in typed.items()}, key_via=Via.MAIL)
        assert key_of(draft) == key_of(first)
        assert codes(draft)[-2:] == ["aanvraag:choose-contact", "aanvraag:save"]

    def test_who_is_not_complete_or_not_offered_any_more_is_not_in_the_list(self) -> None:
        draft = service.start(actor("anna"))
        choose(draft, key_name="Half Ingevuld", key_function="")
        assert offered("9998", Part.KEY) == []
        first = ready()
        keeping.retire(actor("gert"), key_of(first))
        assert offered("9998", Part.KEY) == []
        assert refusal(lambda: choose(draft, key_choice=key_of(first))) == "Conflict contact-retired"


class TestChangingApart:
    @pytest.mark.parametrize("status", [Status.SUBMITTED, Status.APPROVED, Status.ISSUED, Status.WITHDRAWN])
    def test_i13_changing_a_shared_contact_leaves_every_other_aanvraag_as_it_was(self, status: Status) -> None:
        first = ready()
        draft = draft_like(first)
        with transaction() as session:
            session.execute(update(Aanvraag).where(Aanvraag.id == first).values(status=status))
        before = current_content(row(first))
        choose(draft, who="bea", key_mailbox="anders@voorbeeldstad.example", password_mobile="+31687654321")
        assert current_content(row(first)) == before
        assert review.lacking(row(first)) == ()
        assert set(row(draft).contacts).isdisjoint(row(first).contacts)
        assert {"key-address", "key-vouched", "password-address"} <= {*review.lacking(row(draft))}
        assert contact(key_of(draft)).proposed_by == person_id("bea")

    def test_another_function_makes_a_new_row_too_but_forgets_no_proof(self) -> None:
        first = ready()
        draft = draft_like(first)
        choose(draft, who="bea", key_function="Teamleider", password_function="Teamhoofd")
        assert (contact(key_of(first)).function, contact(key_of(draft)).function) == ("Medewerker", "Teamleider")
        assert review.lacking(row(draft)) == ()
        assert contact(key_of(draft)).proposed_by == person_id("anna")

    def test_a_contact_of_one_aanvraag_is_changed_in_place(self) -> None:
        first = ready()
        before = key_of(first)
        choose(first, key_function="Teamleider")
        assert key_of(first) == before


class TestLettingGo:
    def test_a_discarded_draft_takes_its_own_contacts_with_it_and_no_shared_one(self) -> None:
        first = ready()
        draft = draft_like(first)
        choose(draft, password_name="Alleen Hier", password_mobile="+31687654321")
        own = row(draft).password_contact_id
        service.discard(actor("anna"), draft)
        assert db.session.get(Contact, own) is None
        assert review.lacking(row(first)) == ()
        assert db.session.scalar(select(func.count()).select_from(Contact)) == 2

    def test_who_was_proven_stays_known_to_the_gemeente_when_no_aanvraag_names_him(self) -> None:
        first = ready()
        proven = key_of(first)
        choose(first, key_choice=key_of(ready(pakket="Ander")))
        assert proven in {one.id for one in db.session.scalars(select(Contact))}

    def test_who_was_only_typed_goes_when_somebody_else_is_chosen(self) -> None:
        draft = service.start(actor("anna"))
        choose(draft, key_name="Typefout", key_function="x")
        typed = key_of(draft)
        choose(draft, key_choice=key_of(ready()))
        assert db.session.get(Contact, typed) is None

    def test_a_stale_draft_leaves_shared_contacts_alone(self) -> None:
        first = ready()
        service.discard_stale(draft_like(first))
        assert review.lacking(row(first)) == ()


class TestVouchingAndReuse:
    def test_nobodys_own_vouching_counts_for_an_aanvraag_he_started_or_sent(self) -> None:
        """Gert vouched for Anna when Bea asked; for an aanvraag of his own somebody else must."""
        first = ready()
        assert contact(key_of(first)).vouched_by == person_id("gert")
        for column in ("created_by", "submitted_by"):
            second = ready(pakket=column)
            with transaction() as session:
                session.execute(update(Aanvraag).where(Aanvraag.id == second).values({column: person_id("gert")}))
            assert review.lacking(row(second)) == ("key-vouched",)

    def test_a_call_is_about_two_people_together(self) -> None:
        """Wim was told apart from Anna, not from whoever else gets the zip: one person could be both."""
        first = ready()
        draft = draft_like(first)
        choose(draft, key_name="Klaas Vaak", key_mailbox="klaas@voorbeeldstad.example")
        assert "password-vouched" in review.lacking(row(draft))
        key, password = row(draft).contacts
        assert key
        assert password
        vouching.vouch_by_call(actor("rik"), password.id, "+31102000000", draft, beside=key.fingerprint)
        assert "password-vouched" not in review.lacking(row(draft))
        assert "password-vouched" in review.lacking(row(first)), "the newest call was about Klaas"

    def test_a_call_about_the_key_contact_tells_the_two_apart_as_well(self) -> None:
        first = ready()
        key, password = row(first).contacts
        assert key
        assert password
        with transaction() as session:
            session.execute(update(Contact).where(Contact.id == password.id).values(vouched_beside=None))
        assert review.lacking(row(first)) == ("password-vouched",)
        vouching.vouch_by_call(actor("rik"), key.id, "+31102000000", first, beside=password.fingerprint)
        assert review.lacking(row(first)) == ()


class TestReplacing:
    @pytest.mark.parametrize("status", [Status.DRAFT, Status.SUBMITTED, Status.IN_REVIEW, Status.INFO_REQUESTED])
    def test_in_an_aanvraag_that_is_not_decided_the_new_person_takes_the_place(self, status: Status) -> None:
        first = ready(status=status)
        old = key_of(first)
        assert [target.effect for target in targets(contact(old))] == [Effect.PLACE]
        assert give_up(old) == []
        new = contact(key_of(first))
        assert (new.name, new.via, row(first).status) == ("Eva Nieuw", Via.MAIL, status)
        assert {"key-address", "key-vouched"} <= {*review.lacking(row(first))}
        assert codes(first)[-1] == "aanvraag:replace-contact"
        assert contact(old).replaced_by_id == new.id
        assert [one.id for one in offered("9998", Part.KEY)] == [new.id]

    def test_an_approved_aanvraag_goes_back_to_review_at_once(self) -> None:
        first = approved()
        give_up(key_of(first))
        assert row(first).status is Status.IN_REVIEW
        assert valid_approval(first) is None
        assert codes(first)[-2:] == ["aanvraag:replace-contact", "aanvraag:return"]
        assert mails("aanvraag-returned") == ["anna@voorbeeldstad.example"]
        assert refusal(lambda: issuance.issue(actor("rosa"), first)).startswith("Conflict")

    def test_i13_i17_an_issued_key_is_asked_for_anew_and_its_own_delivery_goes_on(self) -> None:
        delivery = issued()
        first = issuance_row(delivery).aanvraag_id
        before, password = current_content(row(first)), row(first).password_contact_id
        (draft,) = give_up(key_of(first))
        assert current_content(row(first)) == before
        new = row(draft)
        assert (new.status, new.kind, new.replaces_id) == (Status.DRAFT, Kind.VERVANGING, first)
        assert new.key_contact
        assert (new.key_contact.name, new.password_contact_id) == ("Eva Nieuw", password)
        assert issuance_row(delivery).ended_at is None
        issuance.activate(actor("anna"), delivery, held(delivery).code)
        assert issuance_row(delivery).sleutel.revoked_at is None

    def test_a_contact_is_replaced_in_the_aanvragen_that_were_ticked_only(self) -> None:
        first = ready()
        second = draft_like(first)
        old = key_of(first)
        give_up(old, "gert", second)
        assert key_of(first) == old
        assert key_of(second) != old
        assert contact(old).retired_at is None
        assert {one.name for one in offered("9998", Part.KEY)} == {"Anna Voorbeeld", "Eva Nieuw"}

    def test_who_is_replaced_leaves_his_proof_behind_and_gets_nothing_more(self) -> None:
        first = issued()
        aanvraag_id = issuance_row(first).aanvraag_id
        issuance.cancel(actor("rosa"), first, "De contactpersoon is weg")
        assert targets(contact(key_of(aanvraag_id))) == []
        other = ready(pakket="Ander")
        choose(other, key_choice=key_of(aanvraag_id))
        give_up(key_of(aanvraag_id))
        assert refusal(lambda: issuance.reissue(actor("rosa"), aanvraag_id)) == "Conflict being-replaced"
        draft = start_replacement(actor("bea"), aanvraag_id)
        assert key_of(draft) == key_of(other), "the new aanvraag names who came in the place"

    def test_who_replaces_may_not_vouch_and_the_database_says_so_too(self) -> None:
        first = ready()
        give_up(key_of(first))
        act = lambda: vouching.vouch_as_gemeentebeheerder(actor("gert"), key_of(first), first, row(first).requesters)  # noqa: E731 - done twice
        assert refusal(act) == "Refused vouching-for-own-proposal"
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(update(Contact).where(Contact.id == key_of(first)).values(vouched_by=person_id("gert")))

    def test_the_password_contact_can_be_replaced_as_well(self) -> None:
        first = ready()
        password = row(first).password_contact_id
        assert password
        give_up(password, part=Part.PASSWORD)
        assert {"password-address", "password-vouched", "password-confirmed"} == {*review.lacking(row(first))}

    def test_the_same_person_again_is_no_replacement(self) -> None:
        first = ready()
        old = contact(key_of(first))
        same = {name: str(getattr(old, name)) for name in ("name", "function", "mailbox", "phone")}
        found = targets(old)
        act = lambda: replace_contact(actor("gert"), old.id, Via.MAIL, same, [first], seen=fingerprint(old, found))  # noqa: E731 - short
        assert refusal(act) == "Conflict contact-same-person"

    def test_what_changed_since_the_page_was_opened_replaces_nothing(self) -> None:
        first = approved()
        old = contact(key_of(first))
        seen = fingerprint(old, targets(old))
        issuance.issue(actor("rosa"), first)
        act = lambda: replace_contact(actor("gert"), key_of(first), Via.MAIL, NEW_KEY, [first], seen=seen)  # noqa: E731 - short
        assert refusal(act) == "Conflict changed-meanwhile"
        assert replacement_of(first) is None

    def test_i9_nothing_of_another_gemeente_is_replaced(self) -> None:
        first = ready()
        tom = replace(actor("tom"), roles=frozenset({Role.GEMEENTEBEHEERDER}))
        act = lambda: replace_contact(tom, key_of(first), Via.MAIL, NEW_KEY, [first], seen="")  # noqa: E731 - short
        assert refusal(act) == "NotFound aanvraag"
        assert refusal(lambda: keeping.retire(tom, key_of(first))) == "NotFound contact"
        assert refusal(lambda: give_up(key_of(first), "gert", ready(pakket="Ander"))) == "NotFound aanvraag"

    def test_an_aanvrager_cannot_replace_and_a_finished_aanvraag_is_left_alone(self) -> None:
        first = ready()
        assert refusal(lambda: give_up(key_of(first), "anna")) == "Refused role"
        service.withdraw(actor("anna"), first)
        assert targets(contact(key_of(first))) == []
        act = lambda: place_contact(actor("gert"), first, Part.KEY, key_of(first), key_of(first))  # noqa: E731 - short
        assert refusal(act) == "Conflict step-not-possible"

    def test_a_form_that_is_open_meanwhile_notices(self) -> None:
        first = ready()
        seen = row(first).revision
        give_up(key_of(first))
        act = lambda: service.save_step(actor("anna"), first, Section.CONTACTPERSONEN, {"key_name": "X"}, seen)  # noqa: E731 - short
        assert refusal(act) == "Conflict saved-meanwhile"

    def test_to_offer_somebody_no_more_changes_no_aanvraag(self) -> None:
        first = approved()
        before = current_content(row(first))
        for _ in range(2):
            keeping.retire(actor("gert"), key_of(first))
        assert current_content(row(first)) == before
        assert issuance_row(issuance.issue(actor("rosa"), first)).ended_at is None


class TestVervanging:
    def test_it_is_prefilled_with_everything_but_the_declarations(self) -> None:
        first = issuance_row(issued()).aanvraag_id
        draft = row(start_replacement(actor("bea"), first))
        earlier = row(first)
        assert unfinished(draft) == (Section.ONDERTEKENING,)
        assert (draft.oin, draft.pakket, draft.omgeving, draft.signer_name) == (
            earlier.oin,
            earlier.pakket,
            earlier.omgeving,
            earlier.signer_name,
        )
        assert draft.contacts == earlier.contacts
        assert (draft.declared_at, draft.declared_by, draft.number) == (None, None, None)
        assert draft.created_by == person_id("bea")
        assert codes(draft.id) == ["aanvraag:start-replacement"]

    def test_a_gemeentebeheerder_starts_it_and_an_aanvrager_finishes_it(self) -> None:
        first = issuance_row(issued()).aanvraag_id
        draft = start_replacement(actor("gert"), first)
        values = {"signer_name": "Dirk Voorbeeld", "signer_function": "Directeur", "declared": True}

        def sign(who: str) -> None:
            service.save_step(actor(who), draft, Section.ONDERTEKENING, values, row(draft).revision)

        assert refusal(lambda: sign("gert")) == "Refused role"
        sign("anna")
        service.submit(actor("anna"), draft)
        assert row(draft).status is Status.SUBMITTED
        assert review.lacking(row(draft)) == ("key-vouched",), "Gert vouched for Anna, and now asks for the key himself"

    def test_a_second_click_finds_the_same_draft_and_after_its_end_a_new_one_starts(self) -> None:
        first = issuance_row(issued()).aanvraag_id
        draft = start_replacement(actor("anna"), first)
        assert start_replacement(actor("bea"), first) == draft
        service.discard(actor("anna"), draft)
        assert start_replacement(actor("bea"), first) != draft

    @pytest.mark.parametrize("status", [Status.DRAFT, Status.SUBMITTED, Status.APPROVED, Status.REJECTED])
    def test_only_an_issued_aanvraag_can_be_replaced(self, status: Status) -> None:
        first = ready(status=status)
        assert refusal(lambda: start_replacement(actor("anna"), first)) == "Conflict not-replaceable"

    def test_what_it_replaces_is_part_of_what_is_approved(self) -> None:
        first = issuance_row(issued()).aanvraag_id
        draft = row(start_replacement(actor("anna"), first))
        assert f'"replaces_id":"{first}"' in current_content(draft)
        assert '"kind":"vervanging"' in current_content(draft)

    @pytest.mark.parametrize("broken", [{"kind": Kind.EERSTE}, {"replaces_id": None}])
    def test_the_database_keeps_kind_and_what_is_replaced_together(self, broken: dict[str, object]) -> None:
        draft = start_replacement(actor("anna"), issuance_row(issued()).aanvraag_id)
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(update(Aanvraag).where(Aanvraag.id == draft).values(broken))

    def test_while_a_key_is_being_replaced_no_new_one_is_issued_under_the_old_approval(self) -> None:
        delivery = issued()
        first = issuance_row(delivery).aanvraag_id
        issuance.cancel(actor("rosa"), delivery, "Kwijt")
        draft = start_replacement(actor("anna"), first)
        assert refusal(lambda: issuance.reissue(actor("rosa"), first)) == "Conflict being-replaced"
        service.discard(actor("anna"), draft)
        assert issuance_row(issuance.reissue(actor("rosa"), first)).ended_at is None


class TestAYear:
    """Proof, confirmation and vouching hold one year, to the second."""

    @pytest.mark.parametrize(
        ("part", "column", "code"),
        [
            (Part.KEY, "verified_at", "key-address"),
            (Part.KEY, "vouched_at", "key-vouched"),
            (Part.PASSWORD, "verified_at", "password-address"),
            (Part.PASSWORD, "vouched_at", "password-vouched"),
            (Part.PASSWORD, "confirmed_at", "password-confirmed"),
        ],
    )
    def test_each_of_them_runs_out_by_itself(self, part: Part, column: str, code: str) -> None:
        first, now = ready(), clock.now()
        at = row(first).contacts[part is Part.PASSWORD]
        assert at
        for age, lacks in ((HOLDS - timedelta(seconds=1), ()), (HOLDS + timedelta(seconds=1), (code,))):
            with transaction() as session:
                session.execute(update(Contact).where(Contact.id == at.id).values({column: now - age}))
            assert missing(*row(first).contacts, now) == lacks

    @pytest.mark.parametrize(("seconds", "possible"), [(-1, True), (1, False)])
    def test_a_new_issue_asks_for_proof_that_still_holds(self, seconds: int, *, possible: bool) -> None:
        delivery = issued()
        first, made = issuance_row(delivery).aanvraag_id, contact(key_of(issuance_row(delivery).aanvraag_id))
        issuance.cancel(actor("rosa"), delivery, "Kwijt")
        ran_out = min(at for at in (made.verified_at, made.vouched_at) if at) + HOLDS
        with time_machine.travel(ran_out + timedelta(seconds=seconds), tick=False):
            if possible:
                assert issuance_row(issuance.reissue(actor("rosa"), first)).ended_at is None
            else:
                assert refusal(lambda: issuance.reissue(actor("rosa"), first)) == "Conflict contacts-incomplete"
                assert row(first).status is Status.ISSUED

    def test_proven_again_with_the_same_address_the_approved_content_is_the_same(self) -> None:
        from tests.factories.contacts import Case, practice_code, sms_code  # noqa: PLC0415 - here only

        delivery = issued()
        first = issuance_row(delivery).aanvraag_id
        issuance.cancel(actor("rosa"), delivery, "Kwijt")
        approval = valid_approval(first)
        key, password = row(first).contacts
        assert approval
        assert key
        assert password
        case = Case(first, key.id, password.id)
        with time_machine.travel(clock.now() + HOLDS + timedelta(days=1), tick=False):
            assert len(review.lacking(row(first))) == 5
            contacts.send_practice_zip(actor("anna"), case.key, first)
            contacts.prove_mailbox(actor("anna"), case.key, practice_code(case), first)
            contacts.send_sms_code(actor("anna"), case.password, first)
            contacts.confirm_by_code(actor("bea"), contact(case.password).z_number, sms_code(case))
            vouching.vouch_as_gemeentebeheerder(actor("gert"), case.key, first, row(first).requesters)
            beside = contact(case.key).fingerprint
            vouching.vouch_by_call(actor("rik"), case.password, "+31102000000", first, beside=beside)
            assert review.lacking(row(first)) == ()
            assert current_content(row(first)) == approval.snapshot
            assert issuance_row(issuance.reissue(actor("rosa"), first)).ended_at is None
            assert issuances.underway(first)

    def test_a_vouching_that_runs_out_sends_an_approved_aanvraag_back_only_when_it_is_issued(self) -> None:
        first = approved()
        with transaction() as session:
            session.execute(update(Contact).values(vouched_at=clock.now() - HOLDS))
        assert row(first).status is Status.APPROVED
        assert refusal(lambda: issuance.issue(actor("rosa"), first)) == "Conflict contacts-incomplete"
        assert row(first).status is Status.IN_REVIEW

    def test_what_still_holds_is_not_proven_twice(self) -> None:
        first = issuance_row(issued()).aanvraag_id
        assert refusal(lambda: contacts.send_practice_zip(actor("anna"), key_of(first), first)) == (
            "Conflict contact-already-proven"
        )


def test_the_whole_road_of_a_vervanging(context: Flask) -> None:
    """A contact leaves after the issue; the gemeente replaces her, and DUO approves the new person's aanvraag."""
    first = issuance_row(issued()).aanvraag_id
    (draft,) = give_up(key_of(first))
    values = {"signer_name": "Dirk Voorbeeld", "signer_function": "Directeur", "declared": True}
    service.save_step(actor("bea"), draft, Section.ONDERTEKENING, values, row(draft).revision)
    service.submit(actor("bea"), draft)
    review.take_step(actor("rik"), draft, Step.TAKE_UP)
    assert refusal(lambda: review.approve(actor("rik"), draft, "Alles klopt.")) == "Conflict not-complete"
    key, password = row(draft).contacts
    assert key
    assert password
    with transaction() as session:  # the proof of the mailbox has its own tests
        session.execute(
            update(Contact).where(Contact.id == key.id).values(verified_address=key.mailbox, verified_at=clock.now())
        )
    vouching.vouch_by_call(actor("rik"), key.id, "+31102000000", draft, beside=password.fingerprint)
    review.approve(actor("rik"), draft, "Gebeld over Eva, naast Wim.")
    second = issuance.issue(actor("rosa"), draft)
    issuance.activate(actor("bea"), second, held(second).code)
    assert row(draft).status is Status.ISSUED


def test_i13_a_contact_that_is_changed_while_it_is_chosen_never_becomes_somebody_else(context: Flask) -> None:
    first, draft = ready(), service.start(actor("bea"))
    known, seen = key_of(first), contact(key_of(first)).fingerprint
    db.session.remove()
    race(
        context,
        lambda: choose(draft, "bea", key_choice=known, key_seen=seen),
        lambda: choose(first, key_mailbox="anders@voorbeeldstad.example"),
    )
    chosen = row(draft).key_contact
    assert chosen is None or chosen.fingerprint == seen
    assert contact(key_of(first)).mailbox == "anders@voorbeeldstad.example"


def test_a_contact_that_is_chosen_while_its_draft_is_discarded_is_there_or_was_refused(context: Flask) -> None:
    old, draft = service.start(actor("anna")), service.start(actor("bea"))
    choose(old, **{f"key_{name}": value for name, value in NEW_KEY.items()})
    known = key_of(old)
    db.session.remove()
    ends = race(context, lambda: choose(draft, "bea", key_choice=known), lambda: service.discard(actor("anna"), old))
    assert ends in (["contact", "done"], ["done", "done"])
    assert (row(draft).key_contact is None) is ("contact" in ends)
    assert db.session.get(Aanvraag, old) is None


def test_replacing_and_changing_at_the_same_moment_do_not_wait_for_each_other(context: Flask) -> None:
    first = ready()
    second = draft_like(first)
    old, found = key_of(first), targets(contact(key_of(first)))
    seen = fingerprint(contact(old), found)
    db.session.remove()
    ends = race(
        context,
        lambda: replace_contact(actor("gert"), old, Via.MAIL, NEW_KEY, [first, second], seen=seen),
        lambda: choose(second, key_function="Teamleider"),
    )
    assert "done" in ends
    assert set(ends) <= {"done", "changed-meanwhile", "saved-meanwhile", "aanvraag", "contact"}
