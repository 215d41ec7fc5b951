"""An aanvraag whose contacts have proven nothing yet, and what arrives at those contacts."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import select, update

from keyservice import settings
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Status
from keyservice.accounts.models import Account
from keyservice.contacts.models import Contact, Via
from keyservice.contacts.queries import missing, practice_password
from keyservice.database import db, transaction
from keyservice.kernel import clock
from keyservice.kernel.errors import UseCaseError
from keyservice.kernel.seal import Place
from keyservice.kernel.zips import read_zip
from keyservice.outbox.message import Content, decode
from keyservice.outbox.queries import of_dossier
from keyservice.outbox.service import RING, TABLE
from tests.factories.aanvragen import ready

FORGOTTEN = (
    *("verified_address", "verified_at", "verified_account", "confirmed_at"),
    *("vouched_by", "vouched_how", "vouched_number", "vouched_at", "vouched_beside"),
)


@dataclass(frozen=True)
class Case:
    """The ids of an aanvraag of Anna and its two contacts: Anna herself, and Wim with a mobile and no account."""

    aanvraag: UUID
    key: UUID
    password: UUID

    @property
    def pages(self) -> str:
        return f"/aanvragen/{self.aanvraag}/contactpersonen"


def unproven(status: Status = Status.SUBMITTED) -> Case:
    """Store an aanvraag of Anna whose contacts were only proposed."""
    aanvraag_id = ready(status=status)
    aanvraag = db.session.get_one(Aanvraag, aanvraag_id)
    assert aanvraag.key_contact_id
    assert aanvraag.password_contact_id
    case = Case(aanvraag_id, aanvraag.key_contact_id, aanvraag.password_contact_id)
    with transaction() as session:
        session.execute(update(Contact).values(dict.fromkeys(FORGOTTEN)))
    db.session.expire_all()
    return case


def logins_only(aanvraag_id: UUID, key: str, password: str, *, proven: bool = True) -> None:
    """Make the contacts of an aanvraag two people (by the first half of their mail addresses) who log in for it."""
    with transaction() as session:
        aanvraag = session.get_one(Aanvraag, aanvraag_id)
        for row, login, via in (
            (aanvraag.key_contact, key, Via.DOWNLOAD),
            (aanvraag.password_contact, password, Via.PAGE),
        ):
            assert row
            account = session.scalars(select(Account).where(Account.email.startswith(f"{login}@"))).one()
            row.via, row.name, row.mailbox, row.mobile = via, account.name, account.email, None
            row.verified_address = account.email if proven else None
            row.verified_account = account.id if proven else None
            row.confirmed_at = row.confirmed_at if proven else None
        session.flush()
        assert aanvraag.key_contact
        assert aanvraag.password_contact
        aanvraag.password_contact.vouched_beside = aanvraag.key_contact.fingerprint


def letter_contact(aanvraag_id: UUID, *, proven: bool = True) -> None:
    """Make the password contact of an aanvraag somebody who gets a letter, at the address in the register."""
    with transaction() as session:
        row = session.get_one(Aanvraag, aanvraag_id).password_contact
        assert row
        row.via, row.mailbox, row.mobile = Via.LETTER, f"wim{row.gemeente}@voorbeeldstad.example", None
        session.flush()
        row.verified_address = row.address if proven else None
        row.confirmed_at = row.confirmed_at if proven else None


def contact(contact_id: UUID) -> Contact:
    """Return a contact as it stands in the database now."""
    db.session.expire_all()
    return db.session.get_one(Contact, contact_id)


def messages(case: Case, kind: str) -> list[Content]:
    """Return what waits in the queue to be sent, oldest first."""
    db.session.expire_all()
    rows = [row for row in of_dossier(case.aanvraag) if row.kind == kind and row.content]
    return [decode(settings.rings().unseal(RING, row.content or b"", Place(TABLE, "content", row.id))) for row in rows]


def sms_code(case: Case) -> str:
    """Return the code in the newest sms."""
    return messages(case, "sms-code")[-1].values["code"]


def practice_code(case: Case) -> str:
    """Open the newest practice zip with the password of the page, and return its code."""
    attachment, password = messages(case, "practice-zip")[-1].attachment, practice_password(case.key)
    assert attachment
    assert password
    (text,) = read_zip(attachment.data, password).values()
    found = re.search(r"^[0-9A-Z]{4}-[0-9A-Z]{4}\r$", text.decode(), re.MULTILINE)
    assert found
    return found[0].strip()


def lacks(case: Case) -> tuple[str, ...]:
    """Return the codes of what still lacks before approval."""
    return missing(contact(case.key), contact(case.password), clock.now())


def refusal(act: Callable[[], object]) -> str:
    """Return the kind and code of the error that an act raises."""
    with pytest.raises(UseCaseError) as caught:
        act()
    return f"{type(caught.value).__name__} {caught.value.code}"
