"""Reading people, grants and invitations for those who look after them. Another gemeente's are not found (I9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, func, or_, select

from keyservice.accounts.models import Account, FactorReset, Grant, Invitation
from keyservice.accounts.queries import by_mailbox, holders, holds, valid_grants
from keyservice.database import db
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import NotFound

# Both may propose people, and confirm what the other proposed.
DUO_INVITERS = (Role.BEHEERDER, Role.RELATIEBEHEERDER)
MOST_SHOWN = 100


@dataclass(frozen=True)
class Waiting:
    """What one DUO person proposed and another must confirm."""

    invitations: Sequence[Invitation]
    resets: Sequence[FactorReset]


def _scope(actor: Actor) -> ColumnElement[bool]:
    """Return which grants a person looks after: those of the own gemeente, or all."""
    if actor.has(Role.BEHEERDER):
        return Grant.id.is_not(None)
    return Grant.gemeente == actor.gemeente if actor.has(Role.GEMEENTEBEHEERDER) else false()


def grants_of(gemeente: str | None) -> Sequence[Grant]:
    """Return the grants that hold now for a gemeente (None: DUO's own roles), by name of the person."""
    where = Grant.gemeente == gemeente if gemeente else Grant.gemeente.is_(None)
    query = select(Grant).join(Grant.account).where(where, holds(), Account.active)
    return db.session.scalars(query.order_by(Account.name, Account.id, Grant.role)).all()


def grant_for(actor: Actor, grant_id: UUID) -> Grant:
    """Return a grant that holds now and that this person looks after, locked. Raises NotFound."""
    query = select(Grant).where(Grant.id == grant_id, holds(), _scope(actor)).with_for_update()
    grant = db.session.scalar(query.execution_options(populate_existing=True))
    if grant is None:
        raise NotFound("grant")
    return grant


def colleague_for(actor: Actor, account_id: UUID) -> Account:
    """Return somebody who holds a role of the gemeente one acts for. Raises NotFound."""
    if actor.gemeente is None or actor.gemeente not in {grant.gemeente for grant in valid_grants(account_id)}:
        raise NotFound("account")
    return db.session.get_one(Account, account_id)


def open_invitations(gemeente: str | None, *, duo: bool) -> Sequence[Invitation]:
    """Return the invitations not accepted or withdrawn: those of a gemeente itself, or all that DUO began."""
    query = select(Invitation).where(Invitation.used_at.is_(None), Invitation.ended_at.is_(None))
    where = Invitation.second_needed if duo else and_(~Invitation.second_needed, Invitation.gemeente == gemeente)
    return db.session.scalars(query.where(where).order_by(Invitation.invited_at.desc())).all()


def invitation_for(actor: Actor, invitation_id: UUID) -> Invitation:
    """Return an open invitation that this person may see, locked. Raises NotFound."""
    query = select(Invitation).where(
        Invitation.id == invitation_id,
        _invitations_of(actor),
        Invitation.used_at.is_(None),
        Invitation.ended_at.is_(None),
    )
    found = db.session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise NotFound("invitation")
    return found


def _invitations_of(actor: Actor) -> ColumnElement[bool]:
    if actor.has(*DUO_INVITERS):
        return Invitation.second_needed.is_(True)
    if actor.has(Role.GEMEENTEBEHEERDER):
        return and_(~Invitation.second_needed, Invitation.gemeente == actor.gemeente)
    return false()


def held_already(email: str, role: Role, gemeente: str | None) -> bool:
    """Tell whether somebody with a mail address holds a role now. An inviter sees these roles anyway."""
    person = by_mailbox(email)
    return person is not None and (role, gemeente) in {(g.role, g.gemeente) for g in valid_grants(person.id)}


def invited_already(email: str, role: Role, gemeente: str | None) -> bool:
    """Tell whether an invitation of a mail address for a role is open."""
    open_ones = (Invitation.used_at.is_(None), Invitation.ended_at.is_(None))
    same = (Invitation.email == email, Invitation.role == role)
    where = Invitation.gemeente == gemeente if gemeente else Invitation.gemeente.is_(None)
    return db.session.scalar(select(func.count()).where(*open_ones, *same, where)) != 0


def invited_by_nobody(email: str) -> Invitation | None:
    """Return the open invitation that the command line made for a mail address."""
    open_ones = (Invitation.used_at.is_(None), Invitation.ended_at.is_(None))
    mine = (Invitation.email == email.strip().lower(), Invitation.invited_by.is_(None))
    return db.session.scalar(select(Invitation).where(*open_ones, *mine))


def may_still_invite(person: UUID | None, invitation: Invitation) -> bool:
    """Tell whether an inviter, or the second person, still holds the role that let him invite."""
    if person is None:
        return True
    roles = DUO_INVITERS if invitation.second_needed else (Role.GEMEENTEBEHEERDER,)
    gemeente = None if invitation.second_needed else invitation.gemeente
    return any(person == holder.id for role in roles for holder in holders(role, gemeente))


def waiting() -> Waiting:
    """Return what waits for a second DUO person, oldest first."""
    invitations = [row for row in open_invitations(None, duo=True) if row.second_by is None]
    resets = select(FactorReset).where(FactorReset.confirmed_by.is_(None), FactorReset.ended_at.is_(None))
    return Waiting(invitations[::-1], db.session.scalars(resets.order_by(FactorReset.proposed_at)).all())


def reset_for(actor: Actor, reset_id: UUID) -> FactorReset:
    """Return a reset that waits for a second person, locked. Raises NotFound."""
    query = select(FactorReset).where(
        FactorReset.id == reset_id, FactorReset.confirmed_by.is_(None), FactorReset.ended_at.is_(None)
    )
    found = db.session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if found is None or not actor.has(*DUO_INVITERS):
        raise NotFound("factor-reset")
    return found


def gemeente_to_call(account_id: UUID) -> str | None:
    """Return the gemeente whose number is called about a person: the first of those worked for; None for DUO's own."""
    return next((grant.gemeente for grant in valid_grants(account_id) if grant.gemeente), None)


def search(text: str) -> Sequence[Account]:
    """Return the people whose name or mail address holds a text, by name, `MOST_SHOWN` at most."""
    query = select(Account).where(Account.active)
    if text:
        wanted = (Account.name.icontains(text, autoescape=True), Account.email.icontains(text, autoescape=True))
        query = query.where(or_(*wanted))
    return db.session.scalars(query.order_by(Account.name, Account.id).limit(MOST_SHOWN)).all()


def valid_grants_of(people: Sequence[Account]) -> dict[UUID, list[Grant]]:
    """Return the grants that hold now of each of these people."""
    found: dict[UUID, list[Grant]] = {person.id: [] for person in people}
    query = select(Grant).where(Grant.account_id.in_(found), holds()).order_by(Grant.gemeente, Grant.role)
    for grant in db.session.scalars(query):
        found[grant.account_id].append(grant)
    return found
