"""Every route that changes something, used right: who does it, from which state, and what that person types.

The routes come from the URL map. Most forms are filled in by what stands on their page and by the values of
`addresses`; what a route needs beyond that stands in `WAYS`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import delete, select, update
from werkzeug.routing import AnyConverter, Rule

from keyservice import settings
from keyservice.accounts import passkeys, people, recovery, totp
from keyservice.accounts.joining import OPENED, open_by_code
from keyservice.accounts.models import Account
from keyservice.audit.sealer import seal
from keyservice.contacts import service as contacts
from keyservice.database import db, transaction
from keyservice.demo.people import PASSWORD, person_id
from keyservice.issuance import key_acts, letters, waves
from keyservice.issuance.models import Issuance
from keyservice.kernel import clock
from keyservice.kernel.actor import ANONYMOUS, Role
from keyservice.kernel.ids import link_token, token_digest
from keyservice.sleutels.succession_models import Succession
from tests.factories.aanvragen import actor
from tests.factories.addresses import PARTS, Row, rows, typed
from tests.factories.authenticator import Authenticator
from tests.factories.contacts import Case, contact, practice_code, sms_code
from tests.factories.issuance import held
from tests.factories.logins import code_of
from tests.factories.page_forms import Fields, filled_in
from tests.factories.people import PASSWORD as NEW_PASSWORD
from tests.factories.people import invite, links
from tests.factories.rights import EVERYBODY, HERE, Own, Seat, Somebody, Things, take_seat
from tests.factories.waves import HALT, deliver, prepared, started, working


@dataclass(frozen=True)
class Act:
    """A route that is sent, and one of the words that a part of its address may be (`""` where there is no choice)."""

    row: Row
    rule: Rule
    word: str = ""

    @property
    def name(self) -> str:
        """Return the endpoint, and the word."""
        return f"{self.row.endpoint}:{self.word}" if self.word else self.row.endpoint

    @property
    def parts(self) -> Mapping[str, str]:
        """Return the part of the address that the word fills."""
        return {_choice(self.rule)[0]: self.word} if self.word else {}


def acts(app: Flask) -> Iterator[Act]:
    """Yield every act that some route takes; routes that declare nothing are closed to all."""
    for row, rule in rows(app).items():
        if row.method != "GET" and row.access is not None:
            words = _choice(rule)[1] if _choice(rule) else ("",)
            yield from (Act(row, rule, word) for word in sorted(words))


def _choice(rule: Rule) -> Any:
    return next(((n, kind.items) for n, kind in rule._converters.items() if isinstance(kind, AnyConverter)), ())


def able(act: Act) -> Iterator[tuple[Somebody, str]]:
    """Yield who may do an act, each with the key of what is acted on."""
    asked = act.row.access
    assert asked is not None
    for who in EVERYBODY:
        if (asked.public or who.login) and (not asked.roles or who.roles & asked.roles):
            yield who, (who.login or "anna") if act.row.personal else (who.acts_for or HERE)


@dataclass
class Scene:
    """Somebody about to do an act; a way may change what is typed, the browser and the address."""

    app: Flask
    act: Act
    seat: Seat
    things: Things | Own
    fields: Fields = field(default_factory=dict)
    url: str = ""

    def address(self, **parts: object) -> None:
        """Set the address, with other parts than usual."""
        parts = {n: PARTS[n](self.things, self.act.row.endpoint) for n in self.act.rule.arguments} | parts
        self.url = self.app.url_map.bind("localhost").build(self.act.row.endpoint, parts, method=self.act.row.method)

    @property
    def of_gemeente(self) -> Things:
        """Return the things of the gemeente."""
        assert isinstance(self.things, Things)
        return self.things

    @property
    def case(self) -> Case:
        """Return the aanvraag whose contacts have proven nothing yet."""
        things = self.of_gemeente
        ids = (kind["submitted"] for kind in (things.aanvragen, things.key_contacts, things.password_contacts))
        return Case(*ids)

    def remember(self, **values: str) -> None:
        """Write into the session of the browser."""
        with self.seat.client.session_transaction() as session:
            session.update(values)
        cookie = self.seat.client.get_cookie("sessie")
        assert cookie is not None
        self.seat = replace(self.seat, cookie=cookie.value)

    def half_logged_in(self) -> Account:
        """Give the password of Anna; return her account."""
        account = db.session.get_one(Account, person_id("anna"), populate_existing=True)
        self.remember(tf_user_id=account.fs_uniquifier, tf_state="ready")
        return account

    def prepare(self) -> None:
        """Set the address and the fields, and bring about what the act needs; nobody has done anything else yet."""
        self.address(**self.act.parts)
        self.fields = dict(typed(self.things))
        way = WAYS.get(self.act.name) or WAYS.get(self.act.row.endpoint)
        with self.app.test_request_context():
            own = way(self) or {} if way else {}
            db.session.remove()
        page = self.seat.client.get(self.url)
        standing = filled_in(page.text, self.url) if page.status_code == 200 else {}
        self.fields |= standing | own | {"csrf_token": self.seat.token}

    def send(self) -> int:
        """Send the form and return the status of the answer."""
        client, method = self.seat.client, self.act.row.method
        with client.open(self.url, method=method, data=self.fields) as answer:
            return int(answer.status_code)


Way = Callable[[Scene], Fields | None]
WAYS: dict[str, Way] = {}


def way(*names: str) -> Callable[[Way], Way]:
    """Declare how the acts with these names are done right; the function returns what is typed."""

    def declare(function: Way) -> Way:
        WAYS.update(dict.fromkeys(names, function))
        return function

    return declare


def _in_state(state: str, **fields: str) -> Way:
    def choose(scene: Scene) -> Fields:
        scene.address(**scene.act.parts, aanvraag_id=scene.of_gemeente.aanvragen[state])
        return dict(fields)

    return choose


WAYS |= {
    "aanvragen.review:oppakken": _in_state("submitted"),
    "aanvragen.review:terughalen": _in_state("info_requested"),
    "aanvragen.review:goedkeuring-intrekken": _in_state("approved"),
    "gemeenten.phone": lambda _scene: {"telefoon": "030 1234567"},
    "accounts.grant_role": lambda _scene: {"rol": Role.RAADPLEGEN_MUTEREN_2013},
    "accounts.invite_colleague": lambda _scene: {"email": "kees@voorbeeldstad.example"},
    "accounts.invite_person": lambda _scene: {
        "email": "kees@duo.example", "rol": Role.RELATIEBEHEERDER, "gemeente": ""
    },
    "contactpersonen.replace": lambda _scene: {
        "contact_naam": "Kees Nieuw", "contact_email": "kees@voorbeeldstad.example"
    },
    "portaal.register": lambda _scene: {"ondertekend": "nee", "gevolgd": "nee", "reden": "GEWEIGERD"},
    "portaal.correct": lambda _scene: {"ondertekend": "nee", "gevolgd": "nee", "reden": "VERHUISD"},
    "accounts.change_password": lambda _scene: {
        "password": PASSWORD, "new_password": NEW_PASSWORD, "new_password_again": NEW_PASSWORD
    },
}  # fmt: skip


@way("issuance.activate")
def _activate(scene: Scene) -> Fields:
    return {"activatiecode": held(scene.of_gemeente.issuance).code}


@way("issuance.report_leak")
def _report_leak(scene: Scene) -> Fields:
    return {"sleutel": held(scene.of_gemeente.issuance).key.reveal(), "gevonden_op": "Een openbare map"}


@way("issuance.renew")
def _renew(scene: Scene) -> None:
    deliver(scene.of_gemeente.issuance)


@way("front.take_bundle")
def _take_bundle(scene: Scene) -> None:
    # The data were put back: to a file of before they would be cut short.
    settings.current().checkpoints.unlink(missing_ok=True)
    seal(whole=True)
    scene.address(aanvraag_id=scene.of_gemeente.aanvragen["issued"])


@way("issuance.report_receipt")
def _report_receipt(scene: Scene) -> None:
    with transaction() as session:
        only = Issuance.id == scene.of_gemeente.issuance_by_login
        session.execute(update(Issuance).where(only).values(received_at=None))


@way("issuance.letters.fail:retour")
def _letter_came_back(scene: Scene) -> None:
    letter = scene.of_gemeente.opened_letter
    letters.mark_posted(actor("rik"), letter)
    scene.address(**scene.act.parts, letter_id=letter)


@way("aanvragen.practice")
def _practice(scene: Scene) -> Fields:
    contacts.send_practice_zip(actor("anna"), scene.case.key, scene.case.aanvraag)
    return {"code": practice_code(scene.case)}


@way("contacts.confirm")
def _confirm(scene: Scene) -> Fields:
    contacts.send_sms_code(actor("anna"), scene.case.password, scene.case.aanvraag)
    return {"nummer": contact(scene.case.password).z_number, "code": sms_code(scene.case), "actie": ""}


@way("accounts.verify_code")
def _verify_code(scene: Scene) -> Fields:
    scene.half_logged_in()
    return {"code": code_of(scene.app, "anna")}


@way("accounts.verify_recovery_code")
def _verify_recovery_code(scene: Scene) -> Fields:
    code = recovery.renew(actor("anna"))[0].reveal()
    scene.half_logged_in()
    return {"herstelcode": code}


@way("accounts.log_in_by_passkey")
def _log_in_by_passkey(scene: Scene) -> Fields:
    challenge, browser = link_token(), Authenticator()
    account = db.session.get_one(Account, person_id("anna"))
    answer = browser.create(passkeys.creation_options(account, challenge))
    passkeys.add(actor("anna"), "Mijn telefoon", answer, challenge)
    scene.remember(passkey_get=challenge)
    return {"antwoord": browser.get(passkeys.request_options(challenge))}


@way("accounts.add_passkey")
def _add_passkey(scene: Scene) -> Fields:
    challenge = link_token()
    scene.remember(passkey_create=challenge)
    question = passkeys.creation_options(_own_account(scene), challenge)
    return {"naam": "Mijn telefoon", "antwoord": Authenticator().create(question)}


@way("accounts.enrol_app")
def _enrol_app(scene: Scene) -> Fields:
    account = _own_account(scene)
    sealed = totp.new_secret(account.id)
    scene.remember(**{f"totp_pending:{account.id}": sealed})
    return {"code": totp.code(account.id, sealed, totp.counter_at(clock.now()))}


def _own_account(scene: Scene) -> Account:
    return db.session.scalars(select(Account).where(Account.email.startswith(f"{scene.seat.who.login}@"))).one()


@way("accounts.end_session")
def _end_session(scene: Scene) -> Fields:
    other = take_seat(scene.app, scene.seat.who)
    return {"sessie": token_digest(other.cookie).hex()}


@way("accounts.end_other_sessions")
def _end_other_sessions(scene: Scene) -> None:
    take_seat(scene.app, scene.seat.who)


@way("accounts.propose_reset")
def _propose_reset(scene: Scene) -> None:
    people.withdraw_reset(actor("ben"), scene.of_gemeente.reset)


def _invited() -> tuple[str, UUID, str]:
    """Invite Nina; return the token of the link, the invitation and its code."""
    invitation_id, code = invite()
    return links()[-1], invitation_id, code


@way("accounts.open_invitation")
def _open_invitation(scene: Scene) -> Fields:
    token, _invitation_id, code = _invited()
    scene.address(token=token)
    return {"code": code}


@way("accounts.accept_invitation")
def _accept_invitation(scene: Scene) -> Fields:
    token, invitation_id, code = _invited()
    open_by_code(ANONYMOUS, token, code)
    scene.remember(**{OPENED: str(invitation_id)})
    return {"naam": "Nina Nieuw", "wachtwoord": NEW_PASSWORD, "wachtwoord_herhaald": NEW_PASSWORD}


@way("berichtenboek.ask")
def _ask_berichtenboek(_scene: Scene) -> Fields:
    return {"voor": "leverancier", "leverancier": "Nieuwe software", "email": "nieuw@leverancier.example"}


@way("waves.prepare")
def _prepare_wave(_scene: Scene) -> None:
    working(pakket="Pakket voor de ronde")


@way("waves.start")
def _start_wave(scene: Scene) -> None:
    working(pakket="Pakket voor de ronde")
    scene.address(wave_id=prepared())


@way("waves.halt:pauzeren")
def _pause_wave(scene: Scene) -> None:
    working(pakket="Pakket voor de ronde")
    scene.address(**scene.act.parts, wave_id=started())


@way("waves.resume")
def _resume_wave(scene: Scene) -> None:
    working(pakket="Pakket voor de ronde")
    wave_id = started()
    waves.pause(actor("rik"), wave_id, HALT)
    scene.address(wave_id=wave_id)


@way("issuance.resume")
def _resume(scene: Scene) -> None:
    by_gemeente = scene.seat.who.acts_for is not None
    key_acts.suspend(actor("anna" if by_gemeente else "rik"), scene.of_gemeente.delivered, "Even uitzoeken.")


@way("issuance.succession.ask")
def _ask_succession(scene: Scene) -> None:
    with transaction() as session:
        session.execute(delete(Succession).where(Succession.id == scene.of_gemeente.succession))
