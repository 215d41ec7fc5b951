"""Invitations as tests need them: proposed, confirmed, with their link; and people who joined."""

from collections.abc import Callable
from threading import Barrier, Thread
from uuid import UUID

from flask import Flask
from sqlalchemy import select, update

from keyservice import settings
from keyservice.accounts import invitations, joining
from keyservice.accounts.models import Account, Grant, Invitation
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.kernel.actor import ANONYMOUS, Role
from keyservice.kernel.errors import UseCaseError
from keyservice.kernel.seal import Place
from keyservice.kernel.secret import Secret
from keyservice.outbox.message import Content, decode
from keyservice.outbox.models import OutboxMessage
from tests.factories.aanvragen import actor

PASSWORD = "paardenbloem lantaarn oktopus veter"


def newest() -> Invitation:
    """Return the invitation that was made last."""
    db.session.expire_all()
    return db.session.scalars(select(Invitation).order_by(Invitation.invited_at.desc()).limit(1)).one()


def invite(
    email: str = "nina@voorbeeldstad.example", role: Role = Role.AANVRAGER, by: str = "gert", gemeente: str = "9998"
) -> tuple[UUID, str]:
    """Let a gemeentebeheerder invite somebody; return the id and the code."""
    code = invitations.invite(actor(by), name="Nina Nieuw", email=email, role=role, gemeente=gemeente)
    assert code is not None
    return newest().id, code.reveal()


def propose(role: Role, email: str = "nina@duo.example", by: str = "ben", gemeente: str | None = None) -> UUID:
    """Let somebody of DUO propose a person; return the id."""
    code = invitations.invite(actor(by), name="Nina Nieuw", email=email, role=role, gemeente=gemeente)
    assert code is None, "one person alone sees no code"
    return newest().id


def queued(kind: str) -> list[Content]:
    query = select(OutboxMessage).where(OutboxMessage.kind == kind, OutboxMessage.content.is_not(None))
    return [
        decode(settings.rings().unseal("outbox", row.content or b"", Place("outbox_message", "content", row.id)))
        for row in db.session.scalars(query.order_by(OutboxMessage.created_at))
    ]


def links() -> list[str]:
    """Return the tokens of the links in the mails that were queued and not taken back, oldest first."""
    return [content.values["url"].rsplit("/", 1)[1] for content in queued("account-invitation")]


def mails(kind: str) -> list[str]:
    """Return the addresses that mails of a kind were queued for."""
    return sorted(content.to for content in queued(kind))


def race(app: Flask, *acts: Callable[[], object]) -> list[str]:
    """Do things at the same moment and return how each ended."""
    ready = Barrier(len(acts))
    ends: list[str] = []

    def run(act: Callable[[], object]) -> None:
        with app.app_context():
            ready.wait()
            try:
                act()
                ends.append("done")
            except UseCaseError as error:
                ends.append(error.code)
            finally:
                db.session.remove()

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(ends)


def join(code: str) -> UUID:
    """Open the newest link with a code and make the account; return its id."""
    invitation = joining.open_by_code(ANONYMOUS, links()[-1], code)
    return joining.join_as_new(ANONYMOUS, invitation, name="Nina Nieuw", password=Secret(PASSWORD))


def roles(account_id: UUID) -> set[tuple[Role, str | None]]:
    """Return every role that was ever granted to an account."""
    db.session.expire_all()
    grants = db.session.scalars(select(Grant).where(Grant.account_id == account_id))
    return {(grant.role, grant.gemeente) for grant in grants}


def block(login: str) -> None:
    """Take an account out of use."""
    with transaction() as session:
        session.execute(update(Account).where(Account.id == person_id(login)).values(active=False))
