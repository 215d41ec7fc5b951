"""Accepting an invitation: the link opens only with the code that was said aloud, and both work once."""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, select, update

from keyservice import audit, settings
from keyservice.accounts import events, guessing, people_queries, queries
from keyservice.accounts.invitations import MAC, record
from keyservice.accounts.models import Audience, Grant, Invitation
from keyservice.accounts.people import tell_beheerders
from keyservice.accounts.service import add_grant, create_account
from keyservice.database import db, execute_count, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import DUO_ROLES, Actor
from keyservice.kernel.errors import Conflict, Invalid, Refused
from keyservice.kernel.ids import new_id, normalise_code, token_digest
from keyservice.kernel.secret import Secret

MOST_TRIES = 5
# Under this name a browser's session holds the id of the invitation that its code opened.
OPENED = "invitation"


def open_by_code(actor: Actor, token: str, typed: str) -> UUID:
    """Return the invitation that a link and its code open.

    Raises Invalid, the same for an unknown link, a wrong code and one that is used, withdrawn or too old; each does the
    same work, so that the time of the answer tells nothing either. Raises TooOften: who tries many links waits.
    """
    guess = guessing.attempt(guessing.Kind.INVITATION, None, actor.source)
    with transaction() as session:
        row = session.scalar(select(Invitation).where(Invitation.token_digest == token_digest(token)))
        invitation_id = row.id if row else new_id()
        mac = (row.code_mac if row else None) or settings.rings().mac(MAC, str(invitation_id), "")
        # The count is one UPDATE, so that no two tries are counted as one.
        counted = execute_count(
            update(Invitation)
            .where(Invitation.id == invitation_id, _usable(), Invitation.tries < MOST_TRIES)
            .values(tries=Invitation.tries + 1)
        )
        fits = settings.rings().mac_fits(mac, MAC, str(invitation_id), normalise_code(typed)) and bool(counted)
        if row and fits:
            record(events.INVITATION_OPENED, actor, row)
        else:
            audit.record_refusal(actor, "invitation:open", "code-wrong")
    if not fits:
        raise Invalid("code-wrong")
    guess.right()
    return invitation_id


def opened(invitation_id: UUID | str | None) -> Invitation | None:
    """Return the invitation, by its id as the session holds it, when it can still be accepted, or None."""
    if invitation_id is None:
        return None
    return db.session.scalar(select(Invitation).where(Invitation.id == UUID(str(invitation_id)), _usable()))


def join_as_new(actor: Actor, invitation_id: UUID, *, name: str, password: Secret | None) -> UUID:
    """Make the account of somebody invited, with the role; return its id.

    Without a password one logs in through a provider only. Raises Conflict (used or gone), and Refused for who is
    logged in: one person has one account.
    """
    if actor.person:
        raise Refused("invitation-of-another")
    with transaction():
        invitation = _still_open(invitation_id)
        account_id = create_account(
            actor,
            audience=Audience.DUO if invitation.role in DUO_ROLES else Audience.GEMEENTE,
            name=name,
            email=invitation.email,
            password=password,
        )
        _use(actor, invitation, account_id)
    return account_id


def join(actor: Actor, invitation_id: UUID) -> None:
    """Add the role of an invitation to the account that is logged in.

    Raises Conflict (used or gone meanwhile, held already) or Refused (another person's, excluded by a role held).
    """
    with transaction():
        invitation = _still_open(invitation_id)
        person = queries.account(actor.person) if actor.person else None
        if person is None or person.email != invitation.email:
            raise Refused("invitation-of-another")
        _use(actor, invitation, person.id)


def _still_open(invitation_id: UUID) -> Invitation:
    invitation = opened(invitation_id)
    if invitation is None:
        raise Conflict("invitation-gone")
    # Who left or lost the role meanwhile gives nothing any more.
    inviters = (invitation.invited_by, invitation.second_by)
    if not all(people_queries.may_still_invite(person, invitation) for person in inviters):
        raise Conflict("invitation-gone")
    return invitation


def _use(actor: Actor, invitation: Invitation, account_id: UUID) -> None:
    now = clock.now()
    used = execute_count(
        update(Invitation).where(Invitation.id == invitation.id, _usable()).values(used_at=now, account_id=account_id)
    )
    if not used:
        raise Conflict("invitation-gone")
    if account_id in {invitation.invited_by, invitation.second_by}:
        raise Refused("grant-to-oneself")
    grant = Grant(
        id=new_id(),
        account_id=account_id,
        role=invitation.role,
        gemeente=invitation.gemeente,
        valid_from=now,
        valid_until=invitation.grant_until,
        granted_by=invitation.invited_by,
    )
    add_grant(actor, grant)
    audit.record(
        events.INVITATION_ACCEPTED,
        actor,
        subject=invitation.id,
        gemeente=invitation.gemeente,
        account=account_id,
        role=invitation.role,
    )
    tell_beheerders(grant, {account_id, invitation.invited_by})


def _usable() -> ColumnElement[bool]:
    return and_(Invitation.used_at.is_(None), Invitation.ended_at.is_(None), Invitation.expires_at > clock.now())
