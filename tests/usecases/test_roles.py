"""Every use case refuses a wrong role by itself: no page, command or API in front of it may be trusted to."""

import ast
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select

from keyservice.aanvragen import replacing, review
from keyservice.aanvragen import service as aanvragen
from keyservice.aanvragen.content import Section
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Step
from keyservice.audit.models import AuditEvent
from keyservice.berichtenboek import service as berichtenboek
from keyservice.berichtenboek.models import Supplier
from keyservice.contacts import by_login, keeping, vouching
from keyservice.contacts import service as contacts
from keyservice.contacts.models import Part, Via
from keyservice.database import db
from keyservice.gemeenten import service as gemeenten
from keyservice.issuance import key_acts, leaks, letters, receiving, succession, waves
from keyservice.issuance import replacing as contact_replacing
from keyservice.issuance import service as issuances
from keyservice.issuance.key_acts import Why
from keyservice.issuance.wave_queries import Wanted
from keyservice.kernel import clock
from keyservice.kernel.actor import ANONYMOUS, DUO_ROLES, GEMEENTE_ROLES, Actor, Role
from keyservice.kernel.errors import NotFound, Refused
from keyservice.kernel.secret import Secret
from keyservice.outbox import service as outbox
from keyservice.outbox.models import LetterStatus, OutboxMessage
from keyservice.portaal import export as exporting
from keyservice.portaal import queries as portaal_queries
from keyservice.portaal import service as portaal
from keyservice.sleutels import blocking
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.format import Omgeving
from tests.factories.berichtenboek import asked as asked_copy
from tests.factories.contacts import unproven
from tests.factories.issuance import issuance, issued
from tests.factories.letters import letter_of, received
from tests.factories.portaal import REFUSED, REFUSED_AFTER, at_gemeente, bsns
from tests.factories.rights import asked_succession, former, prepared_wave
from tests.factories.walked import working

UseCase = Callable[[Actor, "Ids"], object]
GEMEENTE = frozenset({Role.AANVRAGER, Role.GEMEENTEBEHEERDER})
GEMEENTEBEHEERDER = frozenset({Role.GEMEENTEBEHEERDER})
NEW = {"name": "Eva Nieuw", "function": "Jurist", "mailbox": "eva@voorbeeldstad.example"}
AANVRAGER, DUO = frozenset({Role.AANVRAGER}), frozenset({Role.RELATIEBEHEERDER})
WI2013 = frozenset({Role.RAADPLEGEN_MUTEREN_2013})
PORTAAL = WI2013 | {Role.RAADPLEGEN_MUTEREN_2021}
# Only the contact himself, whatever the role.
NOBODY_ELSE: frozenset[Role] = frozenset()
STRANGER = UUID(int=7)
OTHER_SUPPLIER = Supplier("Andere software", "Wim Wacht", "wim@leverancier.example")
BSN_OF_9998 = bsns(1, first=999_909_800)[0]
WANTED = Wanted(datetime(2099, 12, 31, tzinfo=UTC))


def _somebody(found: object) -> None:
    """Raise NotFound when a search found nobody: for who asks they are not there."""
    if not found:
        raise NotFound("inburgeraar")


def _version_of(person: UUID) -> UUID:
    newest = portaal_queries.newest(person)
    return newest.id if newest else person


class Ids:
    """An aanvraag under review and one that is being handed over."""

    def __init__(self) -> None:
        self.letter = letter_of(received())
        self.issuance = issued()
        self.case = unproven()
        row = issuance(self.issuance)
        self.issued, self.sleutel = row.aanvraag_id, row.sleutel_id
        done = issuance(working())
        self.delivered, self.delivered_key = done.id, done.sleutel_id
        self.former, self.succession = former("9998"), asked_succession("9998")
        self.wave = prepared_wave()
        self.copy = asked_copy()
        self.inburgeraar, self.registered = at_gemeente("9998")
        self.message = db.session.scalars(select(OutboxMessage.id)).first() or UUID(int=0)


# Who may, and a call that would do it.
USE_CASES: dict[str, tuple[frozenset[Role], UseCase]] = {
    "aanvragen.start": (AANVRAGER, lambda a, _: aanvragen.start(a)),
    "aanvragen.save_step": (
        AANVRAGER,
        lambda a, i: aanvragen.save_step(a, i.case.aanvraag, Section.GEMEENTE, {"kvk": "1"}, 0),
    ),
    "aanvragen.submit": (AANVRAGER, lambda a, i: aanvragen.submit(a, i.case.aanvraag)),
    "aanvragen.resubmit": (AANVRAGER, lambda a, i: aanvragen.resubmit(a, i.case.aanvraag)),
    "aanvragen.withdraw": (GEMEENTE, lambda a, i: aanvragen.withdraw(a, i.case.aanvraag)),
    "aanvragen.discard": (AANVRAGER, lambda a, i: aanvragen.discard(a, i.case.aanvraag)),
    "aanvragen.mark_issued": (
        DUO,
        lambda a, i: aanvragen.mark_issued(a, db.session.get_one(Aanvraag, i.case.aanvraag)),
    ),
    **{
        f"review.take_step {step}": (DUO, lambda a, i, step=step: review.take_step(a, i.case.aanvraag, step, "Tekst"))  # type: ignore[misc]  # the default binds
        for step in review.EFFECTS
    },
    "replacing.start_replacement": (GEMEENTE, lambda a, i: replacing.start_replacement(a, i.issued)),
    "replacing.place_contact": (
        GEMEENTEBEHEERDER,
        lambda a, i: replacing.place_contact(a, i.case.aanvraag, Part.KEY, i.case.key, i.case.key),
    ),
    "keeping.replace": (
        GEMEENTEBEHEERDER,
        lambda a, i: keeping.replace(a, i.case.key, Via.MAIL, NEW, retire=True),
    ),
    "keeping.retire": (GEMEENTEBEHEERDER, lambda a, i: keeping.retire(a, i.case.key)),
    "contact_replacing.replace_contact": (
        GEMEENTEBEHEERDER,
        lambda a, i: contact_replacing.replace_contact(a, i.case.key, Via.MAIL, NEW, [i.case.aanvraag], seen=""),
    ),
    "review.approve": (DUO, lambda a, i: review.approve(a, i.case.aanvraag, "Alles klopt.")),
    "review.add_note": (DUO, lambda a, i: review.add_note(a, i.case.aanvraag, "Tekst")),
    "contacts.propose": (
        AANVRAGER,
        lambda a, _: contacts.propose(a, Part.KEY, gemeente="9998", name="Eva", function="Jurist"),
    ),
    "contacts.send_practice_zip": (
        GEMEENTE,
        lambda a, i: contacts.send_practice_zip(a, i.case.key, i.case.aanvraag),
    ),
    "contacts.prove_mailbox": (
        GEMEENTE,
        lambda a, i: contacts.prove_mailbox(a, i.case.key, "2222-2222", i.case.aanvraag),
    ),
    "contacts.send_sms_code": (GEMEENTE, lambda a, i: contacts.send_sms_code(a, i.case.password, i.case.aanvraag)),
    "vouching.vouch_by_call": (
        DUO,
        lambda a, i: vouching.vouch_by_call(a, i.case.password, "+31102000000", i.case.aanvraag),
    ),
    "vouching.vouch_as_gemeentebeheerder": (
        frozenset({Role.GEMEENTEBEHEERDER}),
        lambda a, i: vouching.vouch_as_gemeentebeheerder(a, i.case.key, i.case.aanvraag, ()),
    ),
    "by_login.ask": (GEMEENTE, lambda a, i: by_login.ask(a, i.case.key, i.case.aanvraag)),
    "by_login.prove": (NOBODY_ELSE, lambda a, i: by_login.prove(a, i.case.key, i.case.aanvraag)),
    "receiving.fetch_zip": (NOBODY_ELSE, lambda a, i: receiving.fetch_zip(a, i.issuance)),
    "receiving.report_receipt": (NOBODY_ELSE, lambda a, i: receiving.report_receipt(a, i.issuance)),
    "receiving.show_password": (NOBODY_ELSE, lambda a, i: receiving.show_password(a, i.issuance)),
    "receiving.disown": (NOBODY_ELSE, lambda a, i: receiving.disown(a, i.issuance, Part.KEY)),
    "issuances.issue": (DUO, lambda a, i: issuances.issue(a, i.case.aanvraag)),
    "issuances.renew": (DUO, lambda a, i: issuances.renew(a, i.issued)),
    "waves.prepare": (DUO, lambda a, _: waves.prepare(a, "Ronde", "Zomaar", WANTED)),
    "waves.start": (DUO, lambda a, i: waves.start(a, i.wave)),
    "waves.pause": (DUO, lambda a, i: waves.pause(a, i.wave, "Zomaar")),
    "waves.resume": (DUO, lambda a, i: waves.resume(a, i.wave, "Zomaar")),
    "waves.stop": (DUO, lambda a, i: waves.stop(a, i.wave, "Zomaar")),
    "issuances.reissue": (DUO, lambda a, i: issuances.reissue(a, i.issued)),
    "issuances.release": (DUO, lambda a, i: issuances.release(a, i.issuance, "+31102000000", "Gebeld")),
    "issuances.resend_zip": (DUO, lambda a, i: issuances.resend_zip(a, i.issuance)),
    "issuances.activate": (GEMEENTE, lambda a, i: issuances.activate(a, i.issuance, "2222-2222")),
    "issuances.cancel": (AANVRAGER | DUO, lambda a, i: issuances.cancel(a, i.issuance, "Zomaar")),
    "sleutels.make": (
        DUO,
        lambda a, i: sleutels.make(a, gemeente="9998", omgeving=Omgeving.PRODUCTIE, dossier=i.issued),
    ),
    "sleutels.activate": (GEMEENTE, lambda a, i: sleutels.activate(a, i.sleutel, dossier=i.issued)),
    "sleutels.revoke": (GEMEENTE_ROLES | DUO, lambda a, i: sleutels.revoke(a, i.sleutel, "leaked", dossier=i.issued)),
    "blocking.suspend": (
        GEMEENTE | DUO,
        lambda a, i: blocking.suspend(a, i.delivered_key, "Zomaar", dossier=i.delivered),
    ),
    "blocking.resume": (GEMEENTE | DUO, lambda a, i: blocking.resume(a, i.delivered_key, "Toch", dossier=None)),
    "blocking.resume_for_successor": (
        DUO,
        lambda a, i: blocking.resume_for_successor(a, i.delivered_key, dossier=i.delivered),
    ),
    "key_acts.suspend": (GEMEENTE | DUO, lambda a, i: key_acts.suspend(a, i.delivered, "Zomaar")),
    "key_acts.resume": (GEMEENTE | DUO, lambda a, i: key_acts.resume(a, i.delivered, "Toch")),
    "key_acts.revoke": (GEMEENTE | DUO, lambda a, i: key_acts.revoke(a, i.delivered, Why.OTHER, "Zomaar")),
    "succession.ask": (GEMEENTEBEHEERDER, lambda a, i: succession.ask(a, i.former)),
    "succession.approve": (DUO, lambda a, i: succession.approve(a, i.succession)),
    "succession.refuse": (DUO, lambda a, i: succession.refuse(a, i.succession, "Zomaar")),
    "berichtenboek.ask": (GEMEENTE, lambda a, _: berichtenboek.ask(a, [OTHER_SUPPLIER])),
    "berichtenboek.hand_out": (DUO, lambda a, i: berichtenboek.hand_out(a, i.copy)),
    "berichtenboek.refuse": (DUO, lambda a, i: berichtenboek.refuse(a, i.copy, "Zomaar")),
    "berichtenboek.renew_link": (DUO, lambda a, i: berichtenboek.renew_link(a, i.copy)),
    "berichtenboek.stop": (GEMEENTE | DUO, lambda a, i: berichtenboek.stop(a, i.copy)),
    "berichtenboek.open_own": (GEMEENTE, lambda a, _: berichtenboek.open_own(a)),
    "outbox.retry": (DUO, lambda a, i: outbox.retry(i.message, a)),
    "gemeenten.set_phone": (frozenset({Role.BEHEERDER}), lambda a, _: gemeenten.set_phone(a, "9998", "+31201234567")),
    "gemeenten.set_address": (
        frozenset({Role.BEHEERDER}),
        lambda a, _: gemeenten.set_address(a, "9998", address_line="Markt 1", postcode="1234 AB", town="Elders"),
    ),
    "letters.open_letter": (DUO, lambda a, i: letters.open_letter(a, i.letter)),
    "portaal.find_by_bsn": (PORTAAL, lambda a, _: _somebody(portaal.find_by_bsn(a, Secret(BSN_OF_9998)))),
    "portaal.find_by_name": (
        PORTAAL,
        lambda a, _: _somebody(portaal.find_by_name(a, "Voorbeeldstra", "1985-11-03")),
    ),
    "portaal.view": (WI2013, lambda a, i: portaal.view(a, i.inburgeraar)),
    "portaal.registration": (WI2013, lambda a, i: portaal.registration(a, _version_of(i.registered))),
    "portaal.show_bsn": (WI2013, lambda a, i: portaal.show_bsn(a, i.inburgeraar)),
    "portaal.register": (WI2013, lambda a, i: portaal.register(a, i.inburgeraar, REFUSED, seen=0)),
    "portaal.correct": (WI2013, lambda a, i: portaal.correct(a, i.registered, REFUSED_AFTER, "Toch", seen=1)),
    "portaal.withdraw": (WI2013, lambda a, i: portaal.withdraw(a, i.registered, "Toch", seen=1)),
    "exporting.export": (WI2013, lambda a, i: exporting.export(a, i.inburgeraar)),
    "letters.mark_posted": (DUO, lambda a, i: letters.mark_posted(a, i.letter)),
    "letters.fail": (DUO, lambda a, i: letters.fail(a, i.letter, LetterStatus.FAILED, "Zomaar")),
}
# Without a login on purpose: number and code, or the token of a mail, say who it is; a leaked key is its own proof.
PUBLIC = {
    *("contacts.confirm_by_code", "contacts.request_new_code", "issuances.confirm_receipt"),
    *("leaks.report", "sleutels.revoke_leaked"),
    "berichtenboek.open_by_link",
}
# Reading for the page of a step, with the checks of that step; and parts of other use cases.
PARTS = {
    *("portaal.registered", "portaal.person_looked_at"),
    "review.aanvraag_for_step",
    "issuances.hand_out_next",
    "waves.require_startable",
    "contacts.record",
    "contacts.person_of",
    "contacts.to_prove",
    "contacts.new_contact",
    *("by_login.is_contact", "by_login.account_of"),
    "berichtenboek.own_copy",
    *("sleutels.record", "sleutels.require_own"),
}
MODULES = {
    "aanvragen": aanvragen,
    "review": review,
    "replacing": replacing,
    "contact_replacing": contact_replacing,
    "keeping": keeping,
    "contacts": contacts,
    "by_login": by_login,
    "vouching": vouching,
    "receiving": receiving,
    "issuances": issuances,
    "leaks": leaks,
    "letters": letters,
    "waves": waves,
    "sleutels": sleutels,
    "blocking": blocking,
    "key_acts": key_acts,
    "succession": succession,
    "berichtenboek": berichtenboek,
    "outbox": outbox,
    "gemeenten": gemeenten,
    "portaal": portaal,
    "exporting": exporting,
}


def as_role(role: Role | None, gemeente: str | None = "9998") -> Actor:
    """Return a person whom no aanvraag knows, in one role."""
    if role is None:
        return ANONYMOUS
    return Actor(STRANGER, frozenset({role}), None if role in DUO_ROLES else gemeente, "web", factor_at=clock.now())


def refused(use_case: UseCase, actor: Actor, ids: Ids) -> bool:
    try:
        use_case(actor, ids)
    except Refused as error:
        return error.code == "role"
    except NotFound:  # for this role it is not there (I9)
        return True
    except Exception as error:  # noqa: BLE001 - whatever came, the role was not what stopped it
        pytest.fail(f"{actor.roles} came as far as {error!r}")
    return False


def test_every_use_case_with_an_actor_stands_in_the_table() -> None:
    expected = set()
    for name, module in MODULES.items():
        for node in ast.parse(Path(str(module.__file__)).read_text()).body:
            if isinstance(node, ast.FunctionDef) and "actor" in {argument.arg for argument in node.args.args}:
                expected.add(f"{name}.{node.name}")
    expected = {name for name in expected if "._" not in name}
    assert {name.split(" ")[0] for name in USE_CASES} | PUBLIC == expected - PARTS
    assert {step for step in Step if f"review.take_step {step}" in USE_CASES} == set(review.EFFECTS)


@pytest.fixture
def ids(context: Flask) -> Ids:
    return Ids()


def test_i9_a_wrong_role_is_refused_by_the_use_case_itself(ids: Ids) -> None:
    before = db.session.scalar(select(func.count()).select_from(AuditEvent))
    wrong = [
        f"{name} by {role or 'a visitor'}"
        for name, (may, use_case) in USE_CASES.items()
        for role in (*Role, None)
        if role not in may and not refused(use_case, as_role(role), ids)
    ]
    assert wrong == []
    assert db.session.scalar(select(func.count()).select_from(AuditEvent)) == before, "a refused act did something"


def test_i9_another_gemeente_finds_nothing(ids: Ids) -> None:
    for name, (may, use_case) in USE_CASES.items():
        if name in {"aanvragen.start", "berichtenboek.ask", "berichtenboek.open_own"}:  # about its own
            continue
        for role in may - DUO_ROLES:
            with pytest.raises(NotFound):
                use_case(as_role(role, "9999"), ids)
