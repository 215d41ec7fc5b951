"""Copies of the berichtenboek: asked for by Anna, handed out by Rik."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from keyservice.berichtenboek import service
from keyservice.berichtenboek.editions import CURRENT
from keyservice.berichtenboek.models import Copy, Supplier
from keyservice.berichtenboek.workflow import LINK_LIVES, Status
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.kernel import clock
from keyservice.kernel.ids import link_token, new_id, token_digest
from tests.factories.aanvragen import actor
from tests.factories.people import queued

SUPPLIER = Supplier("Voorbeeldsoftware", "Lea Leverancier", "lea@leverancier.example")


def asked(receiver: Supplier | None = SUPPLIER, by: str = "anna") -> UUID:
    """Let somebody of a gemeente ask for one copy; return its id."""
    service.ask(actor(by), [receiver])
    db.session.expire_all()
    newest = select(Copy.id).where(Copy.asked_by == person_id(by)).order_by(Copy.asked_at.desc())
    return db.session.scalars(newest.limit(1)).one()


def held(receiver: Supplier | None = SUPPLIER, by: str = "anna") -> UUID:
    """Return a copy that Rik handed out."""
    copy_id = asked(receiver, by)
    service.hand_out(actor("rik"), copy_id)
    return copy_id


def copy(copy_id: UUID) -> Copy:
    """Return a copy as it is stored now."""
    db.session.expire_all()
    return db.session.get_one(Copy, copy_id)


def change(copy_id: UUID, **values: Any) -> None:
    """Write to a copy past the program."""
    with transaction() as session:
        session.execute(update(Copy).where(Copy.id == copy_id).values(**values))


def older(copy_id: UUID) -> None:
    """Let a copy be of before the newest version."""
    change(copy_id, told_version=CURRENT.number - 1)


def links() -> list[str]:
    """Return the tokens of the links in the mails to suppliers that wait to be sent, oldest first."""
    kinds = ("berichtenboek-link", "berichtenboek-nieuw-link")
    return [content.values["url"].rsplit("/", 1)[1] for kind in kinds for content in queued(kind)]


def copies_of(code: str) -> dict[str, Any]:
    """Store what a gemeente asked and holds, as rows: for a supplier who waits, and itself and a supplier who hold."""
    now, token = clock.now(), link_token()
    base = {"gemeente": code, "asked_by": person_id("anna"), "asked_at": now, "status_since": now}
    lea = {"leverancier": SUPPLIER.leverancier, "name": SUPPLIER.name}
    given: dict[str, Any] = {"status": Status.HELD, "decided_by": person_id("rik"), "told_version": CURRENT.number}
    opened: dict[str, Any] = {"opened_version": CURRENT.number, "opened_at": now - timedelta(days=1)}
    link: dict[str, Any] = {"token_digest": token_digest(token), "link_until": now + LINK_LIVES}
    waiting = Copy(id=new_id(), **base, **lea, mailbox=f"wacht{code}@leverancier.example", status=Status.ASKED)
    own = Copy(id=new_id(), **base, **given, **opened)
    supplier = Copy(id=new_id(), **base, **lea, **given, **opened, **link, mailbox=f"lea{code}@leverancier.example")
    with transaction() as session:
        session.add_all([waiting, own, supplier])
    return {"copy": waiting.id, "held_copy": supplier.id, "copy_token": token}


def refused(leverancier: str, *, days: int) -> Copy:
    """Return a row, to be stored, of a copy that Rik refused so many days ago."""
    then = clock.now() - timedelta(days=days)
    return Copy(
        id=new_id(),
        gemeente="9998",
        asked_by=person_id("anna"),
        asked_at=then,
        leverancier=leverancier,
        name=SUPPLIER.name,
        mailbox=SUPPLIER.mailbox,
        status=Status.REFUSED,
        status_since=then,
        decided_by=person_id("rik"),
        refusal="Wij kennen deze leverancier niet.",
    )
