"""An approval into which somebody wrote by SQL sends nothing: to whom zip and password go stands in it (I13)."""

import json
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import update

from keyservice.aanvragen.content import content_hash
from keyservice.aanvragen.models import Approval
from keyservice.aanvragen.queries import valid_approval
from keyservice.database import db, transaction
from keyservice.issuance import service
from keyservice.issuance.messages import KEY_MAIL, PASSWORD_SMS
from keyservice.issuance.queries import of_aanvraag
from keyservice.kernel.errors import Conflict
from tests.factories.aanvragen import actor
from tests.factories.issuance import approved, issuance, issued, messages, token_of

pytestmark = pytest.mark.usefixtures("context")
THIEF = {"mobile": "+31687654321", "verified_address": "+31687654321"}


def divert(aanvraag_id: UUID, *, hashed: bool) -> None:
    """Let the password go to another telephone, and write the hash of that beside it too, or not."""
    approval = valid_approval(aanvraag_id)
    assert approval
    content = json.loads(approval.snapshot)
    content["password_contact"] |= THIEF
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
