"""Three gemeenten with the same things, and somebody of every role: what the crawl of the rights starts from."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Status
from keyservice.accounts.models import Account, Audience, FactorReset, Grant, Invitation, Passkey, PortfolioEntry
from keyservice.accounts.service import create_account, give_role
from keyservice.audit.queries import search
from keyservice.contacts.models import Contact
from keyservice.database import db, transaction
from keyservice.demo.people import PASSWORD, person_id
from keyservice.gemeenten.models import Gemeente
from keyservice.issuance import service, steps
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.wave_models import Wave
from keyservice.issuance.wave_workflow import WaveStatus
from keyservice.kernel import clock
from keyservice.kernel.actor import ANONYMOUS, CLI, Actor, Role
from keyservice.kernel.ids import new_id
from keyservice.kernel.secret import Secret
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.succession_models import Succession
from tests.conftest import csrf
from tests.factories.aanvragen import actor, ready
from tests.factories.berichtenboek import copies_of
from tests.factories.contacts import FORGOTTEN, letter_contact, logins_only
from tests.factories.issuance import token_of
from tests.factories.issued_rows import approve, dead_message
from tests.factories.letters import letter_of, opened_letter
from tests.factories.portaal import at_gemeente

HERE, THERE, FORMER = "9998", "9999", "9997"
GEMEENTEN = (HERE, THERE, FORMER)
FACTORS = ("tf_primary_method", "tf_totp_secret", "mf_recovery_codes")


@dataclass(frozen=True)
class Somebody:
    """A column of the table: who, as whom logged in, the roles that hold now, and the gemeente acted for.

    `ended` is the gemeente of which a grant has ended, None for people who never had one.
    """

    label: str
    login: str | None = None
    roles: frozenset[Role] = frozenset()
    acts_for: str | None = None
    ended: str | None = None

    @property
    def of_gemeente(self) -> bool:
        """Tell whether this is somebody of a gemeente."""
        return self.ended is not None

    @property
    def scopes(self) -> Mapping[str, str]:
        """Return the gemeenten whose things are tried, by what they are to this person."""
        if self.acts_for:
            other = THERE if self.acts_for == HERE else HERE
            return {"own": self.acts_for, "other": other, "ended": FORMER}
        if self.ended:
            return {"other": THERE, "ended": self.ended}
        return {code: code for code in GEMEENTEN} if self.login else {"any": HERE}

    @property
    def people(self) -> Mapping[str, str]:
        """Return the people whose own things are tried, by what they are to this person."""
        if self.login is None:
            return {"other": "anna"}
        return {"own": self.login, "other": "bea" if self.login != "bea" else "anna"}


_AANVRAGER, _GEMEENTEBEHEERDER = frozenset({Role.AANVRAGER}), frozenset({Role.GEMEENTEBEHEERDER})
_PORTAAL = frozenset({Role.RAADPLEGEN_MUTEREN_2013, Role.RAADPLEGEN_MUTEREN_2021})
_RELATIEBEHEERDER = frozenset({Role.RELATIEBEHEERDER})
EVERYBODY = (
    Somebody("visitor"),
    Somebody("aanvrager", "anna", _AANVRAGER, HERE, FORMER),
    Somebody("colleague", "bea", _AANVRAGER, HERE, FORMER),
    Somebody("gemeentebeheerder", "gert", _GEMEENTEBEHEERDER, HERE, FORMER),
    Somebody("raadplegen", "rita", _PORTAAL, HERE, FORMER),
    Somebody("elsewhere", "tom", _AANVRAGER, THERE, FORMER),
    Somebody("ended", "olaf", frozenset(), None, HERE),
    Somebody("both, for 9998", "sam", _AANVRAGER, HERE, FORMER),
    Somebody("both, for 9999", "sam", _AANVRAGER, THERE, FORMER),
    Somebody("relatiebeheerder", "rik", _RELATIEBEHEERDER),
    Somebody("another relatiebeheerder", "rosa", _RELATIEBEHEERDER),
    Somebody("auditor", "ada", frozenset({Role.AUDITOR})),
    Somebody("beheerder", "ben", frozenset({Role.BEHEERDER})),
)


@dataclass(frozen=True)
class Things:
    """What one gemeente has: an aanvraag in each state, and what hangs on them."""

    code: str
    aanvragen: Mapping[str, UUID]
    key_contacts: Mapping[str, UUID]
    password_contacts: Mapping[str, UUID]
    issuance: UUID
    issuance_by_login: UUID
    delivered: UUID
    former: str
    succession: UUID
    message: UUID
    letter: UUID
    opened_letter: UUID
    receipt_token: str
    colleague: UUID
    grant: UUID
    invitation: UUID
    invitation_by_duo: UUID
    reset: UUID
    portfolio_entry: UUID
    wave: UUID
    event: UUID
    copy: UUID
    held_copy: UUID
    copy_token: str
    inburgeraar: UUID
    registered: UUID


@dataclass(frozen=True)
class Own:
    """What one person has."""

    passkey: UUID


World = Mapping[str, Things | Own]


def populate() -> World:
    """Store the people and the things of the three gemeenten; return them by login and by code."""
    with transaction() as session:
        session.add(
            Gemeente(
                code=FORMER,
                name="Vroegerdam",
                sort_name="vroegerdam",
                province="Fictief",
                phone="+31302000000",
                address_line="Postbus 9997",
                postcode="1234 EF",
                town="Vroegerdam",
                fictive=True,
            )
        )
    _people()
    things: dict[str, Things | Own] = {code: _things(code) for code in GEMEENTEN}
    return things | {login: _own(login) for login in {who.login for who in EVERYBODY} if login}


def _people() -> None:
    rita = _account("Rita Raadpleeg", "rita@voorbeeldstad.example")
    olaf = _account("Olaf Oud", "olaf@voorbeeldstad.example")
    for role in sorted(_PORTAAL):
        give_role(CLI, rita, role, gemeente=HERE)
    _ended_grants(olaf, HERE)
    for person in (rita, *(person_id(login) for login in ("anna", "bea", "gert", "tom", "sam"))):
        _ended_grants(person, FORMER)


def _own(login: str) -> Own:
    with transaction() as session:
        account = session.scalars(select(Account).where(Account.email.startswith(f"{login}@"))).one()
        passkey = Passkey(
            account_id=account.id,
            credential_id=f"passkey van {login}".encode(),
            public_key=b"-",
            device_type="single_device",
            backup_state=False,
            name="Mijn laptop",
            usage="first",
        )
        session.add(passkey)
        session.flush()
        return Own(passkey.id)


def _account(name: str, email: str) -> UUID:
    made = create_account(CLI, audience=Audience.GEMEENTE, name=name, email=email, password=Secret(PASSWORD))
    with transaction() as session:
        anna, account = session.get_one(Account, person_id("anna")), session.get_one(Account, made)
        for factor in FACTORS:  # enrolled like anybody
            setattr(account, factor, getattr(anna, factor))
    return made


def _ended_grants(account_id: UUID, gemeente: str) -> None:
    for role in (Role.AANVRAGER, Role.GEMEENTEBEHEERDER):
        give_role(CLI, account_id, role, gemeente=gemeente)
    now = clock.now()
    with transaction() as session:
        session.execute(
            update(Grant)
            .where(Grant.account_id == account_id, Grant.gemeente == gemeente)
            .values(valid_from=now - timedelta(days=9), valid_until=now - timedelta(seconds=1))
        )


def _things(code: str) -> Things:
    aanvragen = {str(status): _aanvraag(code, status) for status in _UNDECIDED}
    for name in ("approved", "issued", "stopped"):
        aanvragen[name] = _aanvraag(code, Status.SUBMITTED, name)
        approve(aanvragen[name])
    underway = service.issue(actor("rosa"), aanvragen["issued"])
    service.cancel(actor("rosa"), service.issue(actor("rosa"), aanvragen["stopped"]), "Per ongeluk uitgegeven.")
    by_login = _by_login(code, aanvragen)
    copies = copies_of(code)
    contacts = {state: db.session.get_one(Aanvraag, aanvraag_id) for state, aanvraag_id in aanvragen.items()}
    return Things(
        code=code,
        aanvragen=aanvragen,
        key_contacts={state: row.key_contact_id for state, row in contacts.items() if row.key_contact_id},
        password_contacts={s: row.password_contact_id for s, row in contacts.items() if row.password_contact_id},
        issuance=underway,
        issuance_by_login=by_login,
        delivered=_delivered(code),
        former=former(code),
        succession=asked_succession(code),
        message=dead_message(aanvragen["issued"]),
        letter=letter_of(_by_letter(code, "letter")),
        opened_letter=opened_letter(_by_letter(code, "opened_letter"), person_id("rik")),
        receipt_token=token_of(aanvragen["issued"]).reveal(),
        wave=prepared_wave(),
        event=search(dossier=aanvragen["issued"], limit=1)[0].id,
        **dict(zip(("inburgeraar", "registered"), at_gemeente(code), strict=True)),
        **_of_accounts(code),
        copy=copies["copy"],
        held_copy=copies["held_copy"],
        copy_token=copies["copy_token"],
    )


def _by_letter(code: str, name: str) -> UUID:
    """Store an issuance whose password goes by letter, received already, and return its id."""
    aanvraag_id = _aanvraag(code, Status.SUBMITTED, name)
    letter_contact(aanvraag_id)
    approve(aanvraag_id)
    issuance_id = service.issue(actor("rosa"), aanvraag_id)
    service.confirm_receipt(ANONYMOUS, token_of(aanvraag_id))
    return issuance_id


def _delivered(code: str) -> UUID:
    """Store an issuance whose key works, and return its id."""
    aanvraag_id = _aanvraag(code, Status.SUBMITTED, "delivered")
    approve(aanvraag_id)
    issuance_id = service.issue(actor("rosa"), aanvraag_id)
    with transaction() as session:
        issuance = session.get_one(Issuance, issuance_id)
        gemeente = Actor(person_id("anna"), frozenset({Role.AANVRAGER}), code, "web")
        sleutels.activate(gemeente, issuance.sleutel_id, dossier=aanvraag_id)
        steps.end(gemeente, issuance, End.DONE)
    return issuance_id


def former(code: str) -> str:
    """Return the code of a gemeente that this one follows."""
    return f"8{code[1:]}"


def asked_succession(code: str) -> UUID:
    """Store a gemeente that ended yesterday, and the question of the one that follows it; return its id."""
    last_day, ended = clock.local_date(clock.now()) - timedelta(days=1), former(code)
    row = Succession(id=new_id(), gemeente=ended, successor=code, asked_by=person_id("gert"), asked_at=clock.now())
    known = {"province": "Fictief", "fictive": True, "valid_until": last_day, "successor_code": code}
    with transaction() as session:
        session.add(Gemeente(code=ended, name=f"Opgeheven {ended}", sort_name=f"opgeheven {ended}", **known))
        session.flush()
        session.add(row)
    return row.id


def prepared_wave() -> UUID:
    """Store a wave that Rik prepared, with nothing on its list."""
    now = clock.now()
    with transaction() as session:
        made = Wave(
            id=new_id(),
            name="Vernieuwing productie",
            reason="De sleutels verlopen.",
            expires_until=now,
            status=WaveStatus.PREPARED,
            status_since=now,
            prepared_by=person_id("rik"),
            prepared_at=now,
        )
        session.add(made)
        return made.id


# Who gets zip and password of a gemeente by logging in.
_RECIPIENTS = {HERE: ("anna", "rita"), THERE: ("tom", "sam"), FORMER: ("anna", "rita")}


def _by_login(code: str, aanvragen: dict[str, UUID]) -> UUID:
    """Store an issuance to two people who log in, received already; and a key contact who has to say "dit ben ik"."""
    for name in ("by_login", "to_prove"):
        aanvragen[name] = _aanvraag(code, Status.SUBMITTED, name)
        logins_only(aanvragen[name], *_RECIPIENTS[code], proven=name == "by_login")
    approve(aanvragen["by_login"])
    issuance_id, now = service.issue(actor("rosa"), aanvragen["by_login"]), clock.now()
    with transaction() as session:
        session.execute(update(Issuance).where(Issuance.id == issuance_id).values(fetched_at=now, received_at=now))
    return issuance_id


def _of_accounts(code: str) -> dict[str, UUID]:
    """Store a colleague of a gemeente, and what somebody can do for a gemeente's people."""
    colleague, now = _account("Cor Collega", f"cor{code}@voorbeeldstad.example"), clock.now()
    give_role(CLI, colleague, Role.AANVRAGER, gemeente=code)
    rows: dict[str, Invitation | FactorReset | PortfolioEntry] = {
        "invitation": _invitation(code, f"nina{code}@voorbeeldstad.example", Role.AANVRAGER, "gert"),
        "invitation_by_duo": _invitation(code, f"nico{code}@voorbeeldstad.example", Role.GEMEENTEBEHEERDER, "ben"),
        "reset": FactorReset(id=new_id(), account_id=colleague, proposed_by=person_id("ben"), proposed_at=now),
        "portfolio_entry": PortfolioEntry(id=new_id(), account_id=person_id("rik"), gemeente=code, valid_from=now),
    }
    with transaction() as session:
        session.add_all(rows.values())
    grant = select(Grant.id).where(Grant.account_id == colleague)
    return {
        "colleague": colleague,
        "grant": db.session.scalars(grant).one(),
        **{name: row.id for name, row in rows.items()},
    }


def _invitation(code: str, email: str, role: Role, inviter: str) -> Invitation:
    """Return an invitation: a gemeentebeheerder's was sent, DUO's waits for the second person."""
    second_needed = role is Role.GEMEENTEBEHEERDER
    return Invitation(
        id=new_id(),
        name="Nieuwe Collega",
        email=email,
        role=role,
        gemeente=code,
        invited_by=person_id(inviter),
        invited_at=clock.now(),
        second_needed=second_needed,
        expires_at=None if second_needed else clock.now() + timedelta(hours=72),
    )


_UNDECIDED = (Status.DRAFT, Status.SUBMITTED, Status.IN_REVIEW, Status.INFO_REQUESTED)


def _aanvraag(code: str, status: Status, name: str = "") -> UUID:
    """Store an aanvraag of a gemeente; until it is decided, its contacts have still to prove themselves."""
    aanvraag_id = ready(pakket=f"Pakket {code} {name or status}", status=status)
    with transaction() as session:
        row = session.get_one(Aanvraag, aanvraag_id)
        contacts = Contact.id.in_((row.key_contact_id, row.password_contact_id))
        session.execute(update(Contact).where(contacts).values(gemeente=code))
        if status is Status.SUBMITTED and not name:
            session.execute(update(Contact).where(contacts).values(dict.fromkeys(FORGOTTEN)))
        row.gemeente = code
        row.claimed_by = person_id("rik") if status is Status.IN_REVIEW else None
        row.question = "Welke versie gebruikt u?" if status is Status.INFO_REQUESTED else None
    return aanvraag_id


@dataclass(frozen=True)
class Seat:
    """Somebody's browser with a session of its own in the database, and the CSRF token of that session."""

    who: Somebody
    client: FlaskClient
    token: str
    cookie: str

    def sit_again(self) -> None:
        """Take the session up again after an act that ended or changed it; the row must be back in the database."""
        self.client.set_cookie("sessie", self.cookie)


def take_seat(app: Flask, who: Somebody, *, factor_age: timedelta = timedelta()) -> Seat:
    """Seat somebody by storing a session; the road of logging in has its own tests."""
    client = app.test_client()
    if who.login is not None:
        _log_in(app, client, who, factor_age)
    token = csrf(client.get("/contact" if who.login else "/inloggen").text)
    cookie = client.get_cookie("sessie")
    assert cookie is not None
    return Seat(who, client, token, cookie.value)


def _log_in(app: Flask, client: FlaskClient, who: Somebody, factor_age: timedelta) -> None:
    with app.app_context():
        query = select(Account.fs_uniquifier).where(Account.email.startswith(f"{who.login}@"))
        uniquifier = db.session.scalars(query).one()
    with client.session_transaction() as session:
        session["_user_id"] = uniquifier
        session["_fresh"] = True
        session["fs_cc"] = "set"
        session["fs_paa"] = time.time() - factor_age.total_seconds()
        if who.acts_for:
            session["gemeente"] = who.acts_for
