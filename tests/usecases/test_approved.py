"""An approval into which somebody wrote by SQL sends nothing: to whom zip and password go stands in it (I13)."""

import json
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from keyservice import audit
from keyservice.aanvragen.content import content_hash
from keyservice.aanvragen.events import APPROVED
from keyservice.aanvragen.models import Approval
from keyservice.aanvragen.queries import valid_approval
from keyservice.audit.models import AuditEvent
from keyservice.database import db, table_of, transaction
from keyservice.issuance import service
from keyservice.issuance.messages import KEY_MAIL, PASSWORD_SMS
from keyservice.issuance.queries import of_aanvraag
from keyservice.kernel.errors import Conflict
from keyservice.kernel.ids import new_id
from tests.factories.aanvragen import actor
from tests.factories.issuance import approved, issuance, issued, messages, token_of

pytestmark = pytest.mark.usefixtures("context")
THIEF = {"mobile": "+31687654321", "verified_address": "+31687654321"}


def divert(aanvraag_id: UUID, part: str = "password_contact", *, hashed: bool = True, **changed: str) -> None:
    """Let the password go to another telephone, and write the hash of that beside it too, or not."""
    approval = valid_approval(aanvraag_id)
    assert approval
    content = json.loads(approval.snapshot)
    content[part] |= changed or THIEF
    snapshot = json.dumps(content)
    digest = content_hash(snapshot) if hashed else approval.content_hash
    with transaction() as session:
        where = Approval.aanvraag_id == aanvraag_id
        session.execute(update(Approval).where(where).values(snapshot=snapshot, content_hash=digest))
    db.session.expire_all()


@pytest.mark.parametrize("hashed", [False, True])
def test_i13_an_approval_that_was_changed_by_sql_is_not_issued(*, hashed: bool) -> None:
    aanvraag_id = approved()
    divert(aanvraag_id, hashed=hashed)
    with pytest.raises(Conflict, match="content-changed" if hashed else "approval-changed"):
        service.issue(actor("rosa"), aanvraag_id)
    assert list(of_aanvraag(aanvraag_id)) == []
    assert messages(aanvraag_id, KEY_MAIL) == []


ACTS: dict[str, Callable[[UUID, UUID], object]] = {
    "receipt": lambda _, a: service.confirm_receipt(actor("anna"), token_of(a)),
    "resend": lambda i, _: service.resend_zip(actor("rosa"), i),
    "release": lambda i, _: service.release(actor("rik"), i, "+31102000000", "Zip is er, link is weg."),
}


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("act", ACTS)
def test_i13_nothing_goes_out_under_an_approval_that_was_changed_by_sql(act: str, *, hashed: bool) -> None:
    issuance_id = issued()
    aanvraag_id = issuance(issuance_id).aanvraag_id
    divert(aanvraag_id, hashed=hashed)
    sent = len(messages(aanvraag_id, KEY_MAIL))
    with pytest.raises(Conflict, match="approval-changed"):
        ACTS[act](issuance_id, aanvraag_id)
    db.session.rollback()
    assert messages(aanvraag_id, PASSWORD_SMS) == []
    assert len(messages(aanvraag_id, KEY_MAIL)) == sent
    # The way out: a person ends it, and asks anew.
    service.cancel(actor("rik"), issuance_id, "Klopt niet.")


def test_i13_an_event_that_was_inserted_by_sql_approves_nothing() -> None:
    issuance_id = issued()
    aanvraag_id = issuance(issuance_id).aanvraag_id
    divert(aanvraag_id)
    approval = valid_approval(aanvraag_id)
    assert approval
    query = select(table_of(AuditEvent)).where(AuditEvent.dossier == aanvraag_id, AuditEvent.code == "aanvraag:approve")
    event = dict(db.session.execute(query).mappings().one())
    content = json.loads(event["canonical"])
    content["fields"]["content_hash"] = approval.content_hash.hex()
    forged = {"id": new_id(), "dossier_number": 999, "canonical": json.dumps(content).encode()}
    del event["row"]
    with transaction() as session:
        session.execute(insert(table_of(AuditEvent)).values(event | forged))
    with pytest.raises(Conflict, match="approval-changed"):
        service.confirm_receipt(actor("anna"), token_of(aanvraag_id))


@pytest.mark.parametrize("act", ACTS)
def test_i13_what_an_older_rule_approved_is_not_sent_to_one_person(act: str) -> None:
    issuance_id = issued()
    aanvraag_id = issuance(issuance_id).aanvraag_id
    divert(aanvraag_id, "key_contact", phone="+31612345678")
    approval = valid_approval(aanvraag_id)
    assert approval
    with transaction():
        audit.record(
            APPROVED,
            actor("rik"),
            dossier=aanvraag_id,
            approval=approval.id,
            content_hash=approval.content_hash,
            four_eyes=True,
            motivation="Zo mocht het.",
        )
    with pytest.raises(Conflict, match="not-independent"):
        ACTS[act](issuance_id, aanvraag_id)
    db.session.rollback()
    assert messages(aanvraag_id, PASSWORD_SMS) == []
