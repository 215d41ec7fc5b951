"""The story of the lone attacker: one human with many mailboxes, phones and puppet accounts never gets a working key.

Everybody else is honest: relatiebeheerders approve and issue whatever the program lets them, but on the telephone the
gemeente says of a puppet that nobody with that name and address works there, so no honest call ever vouches for one.

The attacker is no stranger: he is Wim, who rightly receives the password of an earlier aanvraag of his gemeente. That
contact is proven, confirmed and vouched for, and can be chosen again.
"""

import contextlib
import itertools
import re
from collections.abc import Callable
from typing import Any, ParamSpec
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from keyservice.aanvragen import review, service
from keyservice.aanvragen.content import Section
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.replacing import start_replacement
from keyservice.aanvragen.workflow import Step
from keyservice.accounts import invitations, joining, people, people_queries
from keyservice.accounts.models import Audience
from keyservice.accounts.queries import by_mailbox, holders
from keyservice.accounts.service import create_account, give_role
from keyservice.contacts import service as contacts
from keyservice.contacts import vouching
from keyservice.contacts.models import VIAS, Contact, Part, Via
from keyservice.contacts.queries import offered, practice_password
from keyservice.database import db
from keyservice.demo.people import person_id
from keyservice.issuance import service as issuance
from keyservice.issuance.models import Issuance
from keyservice.issuance.recipients import recipients
from keyservice.issuance.replacing import fingerprint, replace_contact, targets
from keyservice.kernel import clock
from keyservice.kernel.actor import ANONYMOUS, CLI, Actor, Role
from keyservice.kernel.errors import UseCaseError
from keyservice.kernel.seal import Place
from keyservice.kernel.secret import Secret
from keyservice.kernel.zips import ZipUnreadable, read_zip
from keyservice.outbox.message import Content, decode
from keyservice.outbox.models import OutboxMessage
from keyservice.sleutels.models import Sleutel
from tests.conftest import Backend
from tests.factories.aanvragen import actor, ready

PUPPETS = st.sampled_from(["aanvrager", "tweede", "beheerder"])
MAILBOXES = st.sampled_from(["puppet@boef.example", "Puppet+1@boef.example", "tweede@boef.example"])
MOBILES = st.sampled_from(["+31611111111", "+31622222222", "+31612345678"])
PHONES = st.sampled_from(["+31611111111", "+31102000000"])
NAMES = st.sampled_from(["Klaas Vaak", "Piet Precies", "Anna Voorbeeld", "Wim Voorbeeld"])
ANYTHING = st.integers(0, 5)
WIM = "+31612345678"
# Of whom the gemeente says on the telephone: yes, that is a colleague, and that is the address.
COLLEAGUES = {("Anna Voorbeeld", "anna@voorbeeldstad.example"), ("Wim Voorbeeld", WIM)}
OWN = {"puppet@boef.example", "Puppet+1@boef.example", "tweede@boef.example", "+31611111111", "+31622222222", WIM}
PARTS = st.sampled_from(list(Part))
STEPS = st.sampled_from(list(Step))
P = ParamSpec("P")


def attempt(act: Callable[P, object], *args: P.args, **options: P.kwargs) -> None:
    """Do something that the program may refuse."""
    try:
        act(*args, **options)
    except UseCaseError:
        db.session.rollback()


def posted(kind: str) -> list[Content]:
    """Return all messages of a kind that were queued: the attacker owns every mailbox and phone they go to."""
    import keyservice.settings as conf  # noqa: PLC0415 - the name `settings` is Hypothesis's here

    query = select(OutboxMessage).where(OutboxMessage.kind == kind, OutboxMessage.content.is_not(None))
    return [
        decode(conf.rings().unseal("outbox", row.content or b"", Place("outbox_message", "content", row.id)))
        for row in db.session.scalars(query)
    ]


class Attacker(RuleBasedStateMachine):
    """What the attacker and the honest people can do, in any order."""

    backend: Backend

    @initialize()
    def begin(self) -> None:
        self.backend.restore()
        self.context = self.backend.app.app_context()
        self.context.push()
        self.people = {
            "aanvrager": self._puppet("a@boef.example", Role.AANVRAGER),
            "tweede": self._puppet("puppet@boef.example", Role.AANVRAGER),
            "beheerder": self._puppet("b@boef.example", Role.GEMEENTEBEHEERDER),
        }
        ready("acceptatie", "Eerlijk")  # of Anna and Wim: everything lacks nothing
        self.aanvraag: UUID = service.start(self.people["aanvrager"])

    def _puppet(self, email: str, role: Role) -> Actor:
        account = create_account(
            CLI, audience=Audience.GEMEENTE, name="Puppet", email=email, password=Secret("een lange zin voor een pop")
        )
        give_role(CLI, account, role, gemeente="9998")
        return Actor(account, frozenset({role}), "9998", "web", factor_at=clock.now())

    def _row(self) -> Aanvraag | None:
        db.session.expire_all()
        return db.session.get(Aanvraag, self.aanvraag)

    def _contact(self, part: Part) -> Contact | None:
        row = self._row()
        if row is None:
            return None
        return row.key_contact if part is Part.KEY else row.password_contact

    @rule(
        who=PUPPETS,
        names=st.tuples(NAMES, NAMES),
        mailbox=MAILBOXES,
        phone=PHONES,
        mobile=MOBILES,
        letter=st.booleans(),
    )
    def fill_in(
        self, who: str, names: tuple[str, str], mailbox: str, phone: str, mobile: str, *, letter: bool = False
    ) -> None:
        steps: dict[Section, dict[str, object]] = {
            Section.GEMEENTE: {"oin": "00000099000000001000", "kvk": None},
            Section.CONTACTPERSONEN: {
                "key_name": names[0],
                "key_function": "pop",
                "key_mailbox": mailbox,
                "key_phone": phone,
                "password_name": names[1],
                "password_function": "pop",
                "password_via": Via.LETTER if letter else Via.SMS,
                "password_mailbox": "letter@boef.example" if letter else None,
                "password_mobile": None if letter else mobile,
            },
            Section.SOFTWARE: {
                "leverancier": "Boef",
                "pakket": "Vangnet",
                "pakket_versie": "1",
                "omgeving": "acceptatie",
            },
            Section.ONDERTEKENING: {"signer_name": "Puppet", "signer_function": "pop", "declared": True},
        }
        for section, values in steps.items():
            row = self._row()
            if row:
                attempt(service.save_step, self.people[who], self.aanvraag, section, values, row.revision)

    @rule(which=ANYTHING)
    def turn_to_another_aanvraag(self, which: int) -> None:
        rows = db.session.scalars(select(Aanvraag.id).order_by(Aanvraag.created_at, Aanvraag.id)).all()
        self.aanvraag = rows[which % len(rows)] if rows else self.aanvraag

    @rule(who=PUPPETS)
    def start_one_more(self, who: str) -> None:
        with contextlib.suppress(UseCaseError):
            self.aanvraag = service.start(self.people[who])

    @rule(who=PUPPETS)
    def start_a_replacement(self, who: str) -> None:
        try:
            self.aanvraag = start_replacement(self.people[who], self.aanvraag)
        except UseCaseError:
            db.session.rollback()

    @rule(who=PUPPETS, part=PARTS, which=ANYTHING)
    def choose(self, who: str, part: Part, which: int) -> None:
        row, known = self._row(), offered("9998", part)
        if row and known:
            choice = {f"{part}_choice": known[which % len(known)].id}
            attempt(service.save_step, self.people[who], self.aanvraag, Section.CONTACTPERSONEN, choice, row.revision)

    @rule(
        who=PUPPETS,
        part=PARTS,
        name=NAMES,
        to=st.fixed_dictionaries({"mailbox": MAILBOXES, "phone": PHONES, "mobile": MOBILES}),
        many=st.booleans(),
    )
    def replace(self, who: str, part: Part, name: str, to: dict[str, str], *, many: bool) -> None:
        contact = self._contact(part)
        if contact is None:
            return
        found = targets(contact)
        ids = [target.aanvraag.id for target in found if many or target.aanvraag.id == self.aanvraag]
        used = ("mailbox", "phone") if part is Part.KEY else ("mobile",)
        person = {"name": name, "function": "pop", **{column: to[column] for column in used}}
        seen, old = fingerprint(contact, found), contact.id
        attempt(replace_contact, self.people[who], old, VIAS[part][0], person, ids, seen=seen)

    @rule(who=PUPPETS)
    def submit(self, who: str) -> None:
        attempt(service.submit, self.people[who], self.aanvraag)
        attempt(service.resubmit, self.people[who], self.aanvraag)

    @rule(who=PUPPETS)
    def prove_mailbox(self, who: str) -> None:
        contact = self._contact(Part.KEY)
        if contact is None:
            return
        attempt(contacts.send_practice_zip, self.people[who], contact.id, self.aanvraag)
        password = practice_password(contact.id)
        for mail in posted("practice-zip")[-1:]:
            if password and mail.attachment:
                text = next(iter(read_zip(mail.attachment.data, password).values())).decode()
                for code in re.findall(r"[0-9A-Z]{4}-[0-9A-Z]{4}", text):
                    attempt(contacts.prove_mailbox, self.people[who], contact.id, code, self.aanvraag)

    @rule(who=PUPPETS)
    def prove_mobile(self, who: str) -> None:
        contact = self._contact(Part.PASSWORD)
        if contact is None:
            return
        number = contact.z_number
        attempt(contacts.send_sms_code, self.people[who], contact.id, self.aanvraag)
        for sms in posted("sms-code")[-1:]:
            code = next(value for value in sms.values.values() if re.fullmatch(r"\d{8}", value))
            attempt(contacts.confirm_by_code, ANONYMOUS, number, code)

    @rule(who=PUPPETS, part=PARTS)
    def vouch(self, who: str, part: Part) -> None:
        contact, row = self._contact(part), self._row()
        if contact and row:
            requesters = {row.created_by, row.submitted_by}
            attempt(vouching.vouch_as_gemeentebeheerder, self.people[who], contact.id, self.aanvraag, requesters)
            others = [other.fingerprint for other in row.contacts if other and other.id != contact.id]
            beside = others[0] if others else ""
            called = (self.people[who], contact.id, "+31102000000", self.aanvraag)
            attempt(vouching.vouch_by_call, *called, beside=beside, confirmed=True)

    @rule(who=PUPPETS, step=STEPS)
    def force_a_step(self, who: str, step: Step) -> None:
        if step in review.EFFECTS:
            attempt(review.take_step, self.people[who], self.aanvraag, step, "Toe maar")
        attempt(review.approve, self.people[who], self.aanvraag, "Toe maar")
        attempt(issuance.issue, self.people[who], self.aanvraag)

    @rule()
    def honest_people_do_their_work(self) -> None:
        attempt(review.take_step, actor("rik"), self.aanvraag, Step.TAKE_UP)
        self._call()
        attempt(review.approve, actor("rik"), self.aanvraag, "Alles staat op groen")
        attempt(issuance.issue, actor("rosa"), self.aanvraag)
        attempt(issuance.reissue, actor("rosa"), self.aanvraag)

    def _call(self) -> None:
        """Ask the gemeente of each contact whether it is a colleague with that address, and not the other one."""
        row = self._row()
        key, password = row.contacts if row else (None, None)
        for contact, other in ((key, password), (password, key)):
            known = contact and other and {(c.name, c.address or "") for c in (contact, other)} <= COLLEAGUES
            if contact and other and known:
                beside = other.fingerprint
                attempt(vouching.vouch_by_call, actor("rik"), contact.id, "+31102000000", self.aanvraag, beside=beside)

    @rule(who=PUPPETS)
    def use_what_arrived(self, who: str) -> None:
        """Report every zip that came to a mailbox of his own, open it with every password, and activate."""
        mails = [mail for mail in posted("sleutel-zip") if mail.to in OWN]
        for mail in mails:
            attempt(issuance.confirm_receipt, ANONYMOUS, Secret(mail.values["url"].rpartition("/")[2]))
        passwords = [Secret(sms.values["password"]) for sms in posted("wachtwoord") if sms.to in OWN]
        open_issuances = db.session.scalars(select(Issuance.id).where(Issuance.ended_at.is_(None))).all()
        for mail, password in itertools.product(mails, passwords):
            with contextlib.suppress(ZipUnreadable):
                text = next(
                    iter(read_zip(mail.attachment.data if mail.attachment else b"", password).values())
                ).decode()
                for code, issued in itertools.product(re.findall(r"[0-9A-Z]{4}-[0-9A-Z]{4}", text), open_issuances):
                    attempt(issuance.activate, self.people[who], issued, code)

    @rule(who=PUPPETS)
    def stop_a_delivery(self, who: str) -> None:
        for issued in db.session.scalars(select(Issuance.id).where(Issuance.ended_at.is_(None))).all():
            attempt(issuance.cancel, self.people[who], issued, "Kwijt")

    @invariant()
    def no_key_ever_works_and_no_zip_goes_where_its_password_goes(self) -> None:
        if hasattr(self, "context"):
            db.session.expire_all()
            assert db.session.scalar(select(Sleutel.id).where(Sleutel.activated_at.is_not(None)).limit(1)) is None
            for issued in db.session.scalars(select(Issuance)):
                to = recipients(issued.approval.snapshot)
                assert not {to.key.address, to.password.address} <= OWN

    def teardown(self) -> None:
        if hasattr(self, "context"):
            db.session.remove()
            self.context.pop()


@pytest.mark.timeout(600)  # hundreds of acts, each of which waits for the disk
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_lone_human_with_puppets_in_a_gemeente_never_gets_a_working_key(backend: Backend) -> None:
    machine = type("Machine", (Attacker,), {"backend": backend})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=25, stateful_step_count=25, suppress_health_check=list(HealthCheck)),
    )


@pytest.mark.parametrize("login", ["rik", "ben", "ada"])
def test_a_lone_insider_at_duo_never_wakes_a_key(context: object, login: str) -> None:
    """He may lie about calls and approve; in acceptatie he may issue too; but the post goes to honest people."""
    insider = actor(login)
    aanvraag_id = ready("acceptatie")
    row = db.session.get_one(Aanvraag, aanvraag_id)
    assert row.key_contact_id
    assert row.password_contact_id
    ids = (row.key_contact_id, row.password_contact_id)
    addresses = {contact.address for contact in (row.key_contact, row.password_contact) if contact}
    attempt(review.take_step, insider, aanvraag_id, Step.TAKE_UP)
    for contact_id, part, own in zip(ids, Part, ("boef@duo.example", "+31611111111"), strict=True):
        name = "mailbox" if part is Part.KEY else "mobile"
        boef: dict[str, Any] = {"gemeente": "9998", "name": "Boef", "function": "boef", name: own}
        attempt(contacts.propose, insider, part, contact_id=contact_id, **boef)
    attempt(review.approve, insider, aanvraag_id, "Zelf gebeld")
    attempt(issuance.issue, insider, aanvraag_id)
    for issued in db.session.scalars(select(Issuance)).all():
        attempt(issuance.release, insider, issued.id, "+31102000000", "Zelf gebeld")
        attempt(issuance.activate, insider, issued.id, "ABCD-EFGH")
    sent_to = {content.to for kind in ("sleutel-zip", "wachtwoord") for content in posted(kind)}
    assert sent_to <= addresses, "key or password left for an address of the insider"
    assert db.session.scalar(select(Sleutel.id).where(Sleutel.activated_at.is_not(None))) is None


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_attacker_gets_as_far_as_the_call_and_no_further(backend: Backend) -> None:
    """The story is not empty: puppets prove every address and vouch for each other; only the honest call is missing."""
    machine = type("Machine", (Attacker,), {"backend": backend})()
    machine.begin()
    try:
        names = ("Klaas Vaak", "Piet Precies")
        machine.fill_in("tweede", names, "derde@boef.example", "+31611111111", "+31622222222")
        machine.prove_mailbox("aanvrager")
        machine.prove_mobile("aanvrager")
        machine.vouch("beheerder", Part.KEY)
        machine.vouch("beheerder", Part.PASSWORD)
        machine.submit("aanvrager")
        machine.honest_people_do_their_work()
        row = machine._row()
        assert row is not None
        assert review.lacking(row) == ("password-vouched",)
    finally:
        machine.teardown()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_who_is_vouched_for_cannot_choose_himself_beside_a_puppet(backend: Backend) -> None:
    """The call that vouched for Wim told him apart from Anna; beside another key contact DUO has to call again."""
    machine = type("Machine", (Attacker,), {"backend": backend})()
    machine.begin()
    try:
        names = ("Anna Voorbeeld", "Wim Voorbeeld")
        machine.fill_in("tweede", names, "derde@boef.example", "+31611111111", WIM)
        machine.choose("tweede", Part.PASSWORD, 0)
        machine.prove_mailbox("aanvrager")
        machine.submit("aanvrager")
        machine.vouch("beheerder", Part.KEY)
        row = machine._row()
        assert row is not None
        assert review.lacking(row) == ("password-vouched",)
        machine.honest_people_do_their_work()
        machine.use_what_arrived("aanvrager")
        assert db.session.scalars(select(Issuance.id)).all() == []
    finally:
        machine.teardown()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_story_holds_keys_that_honest_people_get(backend: Backend) -> None:
    """The invariant is not empty: the earlier aanvraag is approved and issued, and Wim gets half of it."""
    machine = type("Machine", (Attacker,), {"backend": backend})()
    machine.begin()
    try:
        machine.turn_to_another_aanvraag(0)
        machine.honest_people_do_their_work()
        (issued,) = db.session.scalars(select(Issuance)).all()
        assert recipients(issued.approval.snapshot).password.address == WIM
        machine.use_what_arrived("aanvrager")
        machine.start_a_replacement("beheerder")
        to = {"mailbox": "derde@boef.example", "phone": "+31611111111", "mobile": WIM}
        machine.replace("beheerder", Part.KEY, "Klaas Vaak", to, many=True)
        machine.no_key_ever_works_and_no_zip_goes_where_its_password_goes()
    finally:
        machine.teardown()


@pytest.mark.parametrize("login", ["ben", "rik"])
def test_a_puppet_gemeente_cannot_be_made_by_one_person_at_duo(context: object, login: str) -> None:
    """He proposes puppets and confirms with every account he has; a colleague who calls hears that they are unknown."""
    insider = actor(login)
    for role, gemeente in (
        (Role.GEMEENTEBEHEERDER, "9999"),
        (Role.AANVRAGER, "9999"),
        (Role.RELATIEBEHEERDER, None),
        (Role.BEHEERDER, None),
    ):
        attempt(invitations.invite, insider, name="Pop", email=f"{role}@boef.example", role=role, gemeente=gemeente)
    for proposal in people_queries.waiting().invitations:
        number = "+31202000000" if proposal.gemeente else None
        attempt(invitations.confirm, insider, proposal.id, number)
        attempt(invitations.send_again, insider, proposal.id)
        attempt(joining.join_as_new, ANONYMOUS, proposal.id, name="Pop", password=Secret("een lange zin voor een pop"))
    for person in ("gert", "tom", login):
        attempt(give_role, insider, person_id(login), Role.GEMEENTEBEHEERDER, gemeente="9999")
        attempt(people.grant_role, insider, person_id(person), Role.GEMEENTEBEHEERDER)
        attempt(people.propose_reset, insider, person_id(person))
    for reset in people_queries.waiting().resets:
        attempt(people.confirm_reset, insider, reset.id, "+31102000000")
    assert len(people_queries.waiting().invitations) == 4, "the story is not empty: four proposals wait for a colleague"
    assert posted("account-invitation") == []
    assert holders(Role.GEMEENTEBEHEERDER, "9999") == []
    assert by_mailbox(f"{Role.GEMEENTEBEHEERDER}@boef.example") is None
    assert len(people_queries.waiting().resets) == 2, "nobody lost his factors"
