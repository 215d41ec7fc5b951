"""One key from empty form to working key, by the use cases and nothing else: each row has its events."""

from uuid import UUID

from keyservice.aanvragen import review
from keyservice.aanvragen import service as aanvragen
from keyservice.aanvragen.content import Section
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Step
from keyservice.contacts import service as contacts
from keyservice.contacts import vouching
from keyservice.database import db
from keyservice.issuance import service as issuance
from tests.factories.aanvragen import actor
from tests.factories.contacts import Case, practice_code, sms_code
from tests.factories.contacts import contact as contact_now
from tests.factories.issuance import held

CONTACTS: dict[str, object] = {
    "key_via": "mail",
    "key_name": "Anna Voorbeeld",
    "key_function": "Medewerker",
    "key_mailbox": "anna@voorbeeldstad.example",
    "key_phone": "+31102000001",
    "password_via": "sms",
    "password_name": "Wim Voorbeeld",
    "password_function": "Teamleider",
    "password_mobile": "+31612345678",
}
SOFTWARE: dict[str, object] = {
    "leverancier": "Fictief B.V.",
    "pakket": "Volgmij",
    "pakket_versie": "4",
    "omgeving": "productie",
}
SIGNED: dict[str, object] = {"signer_name": "Dirk Voorbeeld", "signer_function": "Directeur", "declared": True}


def filled_in() -> UUID:
    """Fill in the whole form; return the aanvraag, which was not sent."""
    anna = actor("anna")
    aanvraag_id = aanvragen.start(anna)
    steps: tuple[tuple[Section, dict[str, object]], ...] = (
        (Section.GEMEENTE, {"oin": "00000003123456780000", "kvk": "12345678"}),
        (Section.CONTACTPERSONEN, CONTACTS),
        (Section.SOFTWARE, SOFTWARE),
        (Section.ONDERTEKENING, SIGNED),
    )
    for revision, (section, values) in enumerate(steps):
        aanvragen.save_step(anna, aanvraag_id, section, values, revision)
    return aanvraag_id


def submitted() -> Case:
    """Fill in the whole form and send it."""
    aanvraag_id = filled_in()
    aanvragen.submit(actor("anna"), aanvraag_id)
    db.session.expire_all()
    row = db.session.get_one(Aanvraag, aanvraag_id)
    assert row.key_contact_id
    assert row.password_contact_id
    return Case(aanvraag_id, row.key_contact_id, row.password_contact_id)


def approved() -> Case:
    """Prove both addresses, vouch for both people (unless an earlier aanvraag did), and approve."""
    case, rik = submitted(), actor("rik")
    if not contact_now(case.key).verified:
        _proven(case)
    review.take_step(rik, case.aanvraag, Step.TAKE_UP)
    review.approve(rik, case.aanvraag, "Gebeld en alles klopt.")
    return case


def _proven(case: Case) -> None:
    contacts.send_practice_zip(actor("anna"), case.key, case.aanvraag)
    contacts.prove_mailbox(actor("anna"), case.key, practice_code(case), case.aanvraag)
    contacts.send_sms_code(actor("anna"), case.password, case.aanvraag)
    contacts.confirm_by_code(actor("anna"), contact_now(case.password).z_number, sms_code(case))
    vouching.vouch_as_gemeentebeheerder(actor("gert"), case.key, case.aanvraag, (actor("anna").person,))
    beside = contact_now(case.key).fingerprint  # the gemeente told the two apart
    vouching.vouch_by_call(actor("rik"), case.password, "+31102000000", case.aanvraag, beside=beside)


def working() -> UUID:
    """Hand the key over until it works; return the issuance."""
    case = approved()
    issuance_id = issuance.issue(actor("rosa"), case.aanvraag)
    issuance.activate(actor("anna"), issuance_id, held(issuance_id).code)
    return issuance_id
